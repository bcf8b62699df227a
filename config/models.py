"""What the house itself keeps: keys for programs, answers to repeated requests, the line of changes, and marks.

None of it is a fact of either domain.
"""

import hashlib
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Ending(models.TextChoices):
    """What ended a token, where nobody revoked it by hand."""

    INACTIVE = "inactive", _("its owner was deactivated")
    ROLE = "role", _("its owner’s role changed")


class Token(models.Model):
    """A key with which a program acts for a person. Only its digest is kept: whoever reads the table has no key."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("owner"), on_delete=models.CASCADE, related_name="tokens"
    )
    name = models.CharField(
        _("name"), max_length=60, help_text=_("What it is for, for example “Monthly export to the dashboard”.")
    )
    digest = models.CharField(_("digest (SHA-256)"), max_length=64, unique=True, editable=False)
    start = models.CharField(_("begins with"), max_length=12, editable=False)
    may_write = models.BooleanField(
        _("may write"), default=False, help_text=_("Otherwise it only reads, whatever its owner may do.")
    )
    standing = models.CharField(_("rights it was made with"), max_length=80, editable=False)
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"))
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)
    revoked_why = models.CharField(
        _("revoked because"), max_length=8, choices=Ending.choices, blank=True, editable=False
    )  # empty where somebody revoked it by hand

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.start}…)"

    @property
    def ended(self) -> str | Any:
        """Why it no longer opens anything, empty while it does."""
        if self.revoked_at:
            return Ending(self.revoked_why).label if self.revoked_why else _("revoked")
        if self.expires_at <= timezone.now():
            return _("expired")
        if not self.user.is_active:
            return Ending.INACTIVE.label
        if self.standing != standing_of(self.user):
            return Ending.ROLE.label
        return ""


STANDING = frozenset({"is_active", "is_superuser", "is_staff"})
"""The fields of a person that rights rest on, beside the role."""


def standing_of(user: Any) -> str:
    """What a person's rights rest on. A token made under another standing has ended."""
    officer = getattr(user, "officer", None)
    flags = f"{int(user.is_superuser)}{int(user.is_staff)}"
    return f"{flags}:{officer.standing}" if officer else flags


def end_overtaken(user: Any) -> None:
    """Revoke the person's tokens that were made under other rights than these; all of somebody deactivated.

    Revoked, they stay ended when the rights come back.
    """
    living = Token.objects.filter(user=user, revoked_at=None, expires_at__gt=timezone.now())
    if user.is_active:
        living.exclude(standing=standing_of(user)).update(revoked_at=timezone.now(), revoked_why=Ending.ROLE)
    else:
        living.update(revoked_at=timezone.now(), revoked_why=Ending.INACTIVE)


class KeptAnswer(models.Model):
    """The answer to a request that named an Idempotency-Key, for whoever repeats it within a day."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of method, address, version header and body
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    kept_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("kept answer")
        verbose_name_plural = _("kept answers")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="keptanswer_once_a_user")]

    def __str__(self) -> str:
        return self.key


class Change(models.Model):
    """One entry of any record's history, in an order in which a reader misses nothing.

    On PostgreSQL a later number may be committed first. `transaction` is the number of the writing transaction: a
    reader takes only what is older than every transaction still running, ordered by it. On SQLite it is 0.
    """

    transaction = models.BigIntegerField()
    model = models.CharField(max_length=60)  # app_label.model_name
    entry_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        ordering = ["transaction", "pk"]
        indexes = [models.Index(fields=["transaction", "id"], name="change_in_order")]
        constraints = [
            models.UniqueConstraint(fields=["model", "entry_id"], name="change_once_an_entry"),
            models.CheckConstraint(condition=Q(transaction__gte=0), name="change_transaction_counts"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.entry_id}"


class Mark(models.Model):
    """What changes with every write to a table of facts. Only the database writes it: config/marks.py."""

    area = models.CharField(max_length=63)  # the table
    transaction = models.BigIntegerField(default=0)  # the one that wrote; 0 on SQLite, and from the last migration
    mark = models.CharField(max_length=36)  # random

    class Meta:
        verbose_name = _("mark")
        verbose_name_plural = _("marks")
        constraints = [models.UniqueConstraint(fields=["area", "transaction"], name="mark_once_a_transaction")]

    def __str__(self) -> str:
        return f"{self.area} {self.mark}"


def digest_of(secret: str) -> str:
    """The one form in which a key is kept. Keys are random and long: they need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
