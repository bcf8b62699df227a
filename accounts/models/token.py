"""Tokens of programs, of which only a digest is stored."""

import hashlib
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class RevocationReason(models.TextChoices):
    """Reason for an automatic revocation."""

    INACTIVE = "inactive", _("its owner was deactivated")
    ROLE = "role", _("its owner’s role changed")


class TokenKind(models.TextChoices):
    """What a token opens, and nothing else."""

    API = "api", _("the API")
    FEEDS = "feeds", _("calendars and feeds")


class Token(models.Model):
    """Token of a user. Only its digest is stored: reading the table reveals no token."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("owner"), on_delete=models.CASCADE, related_name="tokens"
    )
    name = models.CharField(
        _("name"), max_length=60, help_text=_("What it is for, for example “Monthly export to the dashboard”.")
    )
    digest = models.CharField(_("digest (SHA-256)"), max_length=64, unique=True, editable=False)
    prefix = models.CharField(_("begins with"), max_length=12, editable=False, db_column="start")
    kind = models.CharField(_("opens"), max_length=8, choices=TokenKind.choices, default=TokenKind.API)
    may_write = models.BooleanField(
        _("may write"), default=False, help_text=_("Otherwise it only reads, whatever its owner may do.")
    )
    permission_snapshot = models.CharField(
        _("rights it was made with"), max_length=80, editable=False, db_column="standing"
    )
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"))
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)
    revoked_why = models.CharField(
        _("revoked because"), max_length=8, choices=RevocationReason.choices, blank=True, editable=False
    )  # empty for a manual revocation

    class Meta:
        db_table = "config_token"
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def opens_feeds(self) -> bool:
        return self.kind == TokenKind.FEEDS

    @property
    def inactive_reason(self) -> str | Any:
        """Why the token is not valid, empty while it is."""
        if self.revoked_at:
            return RevocationReason(self.revoked_why).label if self.revoked_why else _("revoked")
        if self.expires_at <= timezone.now():
            return _("expired")
        if not self.user.is_active:
            return RevocationReason.INACTIVE.label
        if self.permission_snapshot != permission_snapshot(self.user):
            return RevocationReason.ROLE.label
        return ""


PERMISSION_FIELDS = frozenset({"is_active", "is_superuser", "is_staff"})
"""Fields of a user that permissions rest on, beside the role."""


def permission_snapshot(user: Any) -> str:
    """Return what the user's permissions rest on. A token created under another snapshot is no longer valid."""
    officer = getattr(user, "officer", None)
    flags = f"{int(user.is_superuser)}{int(user.is_staff)}"
    return f"{flags}:{officer.permission_snapshot}" if officer else flags


def revoke_outdated_tokens(user: Any) -> None:
    """Revoke the user's tokens whose permission snapshot is outdated; all of a deactivated user.

    Revoked, they stay so when the permissions come back.
    """
    living = Token.objects.filter(user=user, revoked_at=None, expires_at__gt=timezone.now())
    if user.is_active:
        living.exclude(permission_snapshot=permission_snapshot(user)).update(
            revoked_at=timezone.now(), revoked_why=RevocationReason.ROLE
        )
    else:
        living.update(revoked_at=timezone.now(), revoked_why=RevocationReason.INACTIVE)


def token_digest(secret: str) -> str:
    """Return the stored form of a secret. Secrets are random and long: they need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
