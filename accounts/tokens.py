"""Tokens of programs: created once, shown once, checked on every request."""

import secrets
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Token, TokenKind, permission_snapshot, token_digest
from core.http.request_log import security_log

PREFIXES = {TokenKind.API: "spt_", TokenKind.FEEDS: "spf_"}  # by which scanners of leaked secrets know what it is
LAST_USED_RESOLUTION = timedelta(minutes=5)  # resolution of last_used_at: not every read becomes a write
DEFAULT_DAYS, MAX_DAYS = 90, 365
MAX_ACTIVE_TOKENS = 50  # active tokens of one user


class TokenLimitReached(Exception):
    """The user has the maximum number of active tokens."""


def active_tokens(user: Any) -> QuerySet[Token]:
    """Return the user's active tokens."""
    unrevoked = Token.objects.filter(user=user, user__is_active=True, revoked_at=None)
    return unrevoked.filter(expires_at__gt=timezone.now(), permission_snapshot=permission_snapshot(user))


@transaction.atomic
def create_token(
    *, user: Any, name: str, days: int = DEFAULT_DAYS, may_write: bool = False, kind: str = TokenKind.API
) -> tuple[Token, str]:
    """Create a token and return it with its secret, which is not stored. `days` from 1 to 365; one of feeds only reads.

    Raises TokenLimitReached where the user has to revoke one first.
    """
    if not 1 <= days <= MAX_DAYS:
        raise ValueError(days)
    get_user_model()._default_manager.select_for_update(no_key=True).get(pk=user.pk)  # requests wait for each other
    if active_tokens(user).count() >= MAX_ACTIVE_TOKENS:
        raise TokenLimitReached
    start = PREFIXES[TokenKind(kind)]
    secret = start + secrets.token_urlsafe(32)
    token = Token.objects.create(
        user=user,
        name=name,
        digest=token_digest(secret),
        prefix=secret[: len(start) + 4],
        kind=kind,
        may_write=may_write and kind == TokenKind.API,
        permission_snapshot=permission_snapshot(user),
        expires_at=timezone.now() + timedelta(days=days),
    )
    security_log.info("token made", extra={"user": user.pk, "token": token.prefix})
    return token, secret


def revoke(token: Token) -> None:
    """Revoke a token from the next request on. A revoked token stays so, from the first time it was revoked."""
    if Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        security_log.info("token revoked", extra={"user": token.user_id, "token": token.prefix})


def record_use(token: Token) -> None:
    """Store that the token is used now, unless another writer holds SQLite's lock: then a later request does.

    A read must not wait behind an import, nor fail with it.
    """
    now = timezone.now()
    if token.last_used_at is not None and now - token.last_used_at <= LAST_USED_RESOLUTION:
        return
    with suppress(OperationalError), connection.cursor() as cursor:
        usual = None
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout")
            [usual] = cursor.fetchone()
            cursor.execute("PRAGMA busy_timeout = 0")
        try:
            Token.objects.filter(pk=token.pk).update(last_used_at=now)
        finally:
            if usual is not None:
                cursor.execute(f"PRAGMA busy_timeout = {usual:d}")
