"""Keys for programs: made once, shown once, checked on every request."""

import secrets
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from config.events import security
from config.models import Token, digest_of, end_overtaken, standing_of

PREFIX = "spt_"  # by which scanners of leaked secrets know what it is
DAYS, MOST_DAYS = 90, 365
MOST_TOKENS = 50  # in force for one person
SEEN_EVERY = timedelta(minutes=5)  # how exactly the last use is kept: not every read becomes a write


class TooMany(Exception):
    """The person has as many tokens in force as one may have."""


def in_force(user: Any) -> QuerySet[Token]:
    """The person's tokens that still open something."""
    if not user.is_active:
        return Token.objects.none()
    return Token.objects.filter(user=user, revoked_at=None, expires_at__gt=timezone.now(), standing=standing_of(user))


def may_write_anything(user: Any) -> bool:
    """Whether a token that may write could ever do more for this person than one that reads."""
    return any(not name.partition(".")[2].startswith("view_") for name in user.get_all_permissions())


@transaction.atomic
def make_token(*, user: Any, name: str, days: int = DAYS, may_write: bool = False) -> tuple[Token, str]:
    """A new token and its secret, which nothing keeps: hand it on at once. `days` from 1 to 365.

    Raises TooMany where the person has to revoke one first.
    """
    if not 1 <= days <= MOST_DAYS:
        raise ValueError(days)
    get_user_model()._default_manager.select_for_update().filter(pk=user.pk).first()  # two at once are counted in turn
    if in_force(user).count() >= MOST_TOKENS:
        raise TooMany
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token.objects.create(
        user=user,
        name=name,
        digest=digest_of(secret),
        start=secret[: len(PREFIX) + 4],
        may_write=may_write,
        standing=standing_of(user),
        expires_at=timezone.now() + timedelta(days=days),
    )
    security.info("token made", extra={"user": user.pk, "token": token.start})
    return token, secret


def revoke(token: Token) -> None:
    """From the next request on it opens nothing. Once revoked it stays so, from the moment it first was."""
    if Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        security.info("token revoked", extra={"user": token.user_id, "token": token.start})


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer spt_…`. The request's `auth` is then the token."""

    def authenticate(self, request: Request) -> tuple[Any, Token] | None:
        """None where no such header is sent. Raises AuthenticationFailed for a key that opens nothing."""
        scheme, _space, secret = get_authorization_header(request).strip().partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        token = found(secret.strip().decode("ascii", errors="replace"))
        seen(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="tracker"'


class Session(SessionAuthentication):
    """Whoever is signed in on the pages; writes then need the page's own CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as exc:
            text = _("A signed-in browser has to send the header X-CSRFToken with a write. Programs use a token.")
            raise PermissionDenied(text) from exc


def found(secret: str) -> Token:
    """The token of this secret. Raises AuthenticationFailed, in the same words for all that never was one."""
    token = Token.objects.select_related("user", "user__officer").filter(digest=digest_of(secret)).first()
    if token is None:
        raise AuthenticationFailed(_("This token is not known. Make a new one under “Tokens”, or send none."))
    if token.ended:
        if token.revoked_at is None and token.expires_at > timezone.now():
            end_overtaken(token.user)  # what was changed past the models' own code is seen here first
        text = _("This token has ended: %(why)s. Make a new one under “Tokens”.")
        raise AuthenticationFailed(text % {"why": token.ended})
    return token


def seen(token: Token) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > SEEN_EVERY:
        Token.objects.filter(pk=token.pk).update(last_used_at=now)
