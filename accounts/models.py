"""Roles of people with their province, from when a sign-in demands a second factor, and tokens of programs."""

import hashlib
import secrets
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, models, transaction
from django.db.models import Model, Q, QuerySet
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.records.models import choices_constraint, link_field
from core.request_log import security_log
from policies.models import Province

PREFIXES = {"api": "spt_", "feeds": "spf_"}  # by which scanners of leaked secrets know what it is
LAST_USED_RESOLUTION = timedelta(minutes=5)  # resolution of last_used_at: not every read becomes a write
DEFAULT_DAYS, MAX_DAYS = 90, 365
MAX_ACTIVE_TOKENS = 50  # active tokens of one user


class SignInRule(models.Model):
    """Rule of an account: from when the days of grace without a second factor count."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="sign_in_rule"
    )
    grace_from = models.DateField(_("days of grace count from"), default=timezone.localdate, editable=False)

    class Meta:
        verbose_name = _("rule of a sign-in")
        verbose_name_plural = _("rules of sign-ins")

    def __str__(self) -> str:
        return str(self.user)


class Role(models.TextChoices):
    """Role of a user: what it may do, from the lowest. Pilot officers and reviewers come with the reports of pilots."""

    VIEWER = "viewer", _("viewer")
    PROVINCIAL_EDITOR = "provincial_editor", _("provincial editor")
    NATIONAL_EDITOR = "national_editor", _("national editor")
    ADMIN = "admin", _("administrator")


class Officer(models.Model):
    """A user's role. A provincial editor has a province and may change only its records."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="officer"
    )
    role = models.CharField(
        _("role"),
        max_length=20,
        choices=Role.choices,
        default=Role.VIEWER,
        help_text=_(
            "viewer: reads; provincial editor: enters what belongs to the province; national editor: everything in the "
            "records of all provinces, nothing of people; administrator: everything. A change ends the person’s tokens."
        ),
    )
    province = link_field(
        Province,
        _("province"),
        "officers",
        _("Only for a provincial editor."),
        optional=True,
        limit_choices_to={"in_roster": True},  # Hong Kong, Macao and Taiwan have no plans or pilots to be entered
    )

    class Meta:
        verbose_name = _("role of a person")
        verbose_name_plural = _("roles of people")
        constraints = [
            choices_constraint("role", Role, "officer_role_known"),
            models.CheckConstraint(
                condition=Q(role=Role.PROVINCIAL_EDITOR, province__isnull=False)
                | (~Q(role=Role.PROVINCIAL_EDITOR) & Q(province__isnull=True)),
                name="officer_province_goes_with_role",
                violation_error_message=_("A provincial editor has a province, nobody else has one."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the role. With the first one of an editor the days of grace without a second factor begin."""
        super().save(*args, **kwargs)
        if self.role != Role.VIEWER:
            SignInRule.objects.get_or_create(user=self.user)
        self.settle(self.user, is_staff=self.role != Role.VIEWER)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        done = super().delete(*args, **kwargs)
        self.settle(get_user_model()._default_manager.get(pk=self.user_id), is_staff=False)
        return done

    def settle(self, user: Any, *, is_staff: bool) -> None:
        """Make the user staff, as editors are, or not, superusers apart; end the tokens made under another role."""
        if user.is_staff is not is_staff and not user.is_superuser:
            user.is_staff = is_staff
            user.save(update_fields=["is_staff"])
        revoke_outdated_tokens(user)


def role_of(user: Any) -> Role:
    """Return the user's role; who has none is a viewer."""
    officer = getattr(user, "officer", None)
    return Role.ADMIN if user.is_superuser else Role(officer.role) if officer else Role.VIEWER


def is_administrator(user: Any) -> bool:
    return bool(user.is_active and role_of(user) == Role.ADMIN)


def lock_administrators() -> list[int]:
    """Return the keys of the active administrators, of whom there is always at least one, locked until the transaction
    ends: two changes cannot remove one another.
    """
    every = Q(is_superuser=True) | Q(officer__role=Role.ADMIN)
    active = get_user_model()._default_manager.filter(every, is_active=True)
    return list(active.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))


# -- tokens ----------------------------------------------------------------------------------------------


class RevocationReason(models.TextChoices):
    """Reason for an automatic revocation."""

    INACTIVE = "inactive", _("its owner was deactivated")
    ROLE = "role", _("its owner’s role changed")


class TokenKind(models.TextChoices):
    """What a token opens, and nothing else."""

    API = "api", _("the API")
    FEEDS = "feeds", _("calendars")


class Token(models.Model):
    """Token of a user. Only its digest is stored: reading the table reveals no token."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("owner"), on_delete=models.CASCADE, related_name="tokens"
    )
    name = models.CharField(
        _("name"), max_length=60, help_text=_("What it is for, for example “Monthly export to the dashboard”.")
    )
    digest = models.CharField(_("digest (SHA-256)"), max_length=64, unique=True, editable=False)
    prefix = models.CharField(_("begins with"), max_length=12, editable=False)
    kind = models.CharField(_("opens"), max_length=8, choices=TokenKind.choices, default=TokenKind.API)
    may_write = models.BooleanField(
        _("may write"), default=False, help_text=_("Otherwise it only reads, whatever its owner may do.")
    )
    permission_snapshot = models.CharField(_("rights it was made with"), max_length=80, editable=False)
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"))
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)
    revoked_why = models.CharField(
        _("revoked because"), max_length=8, choices=RevocationReason.choices, blank=True, editable=False
    )  # empty for a manual revocation

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

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


def permission_snapshot(user: Any) -> str:
    """Return what the user's permissions rest on. A token created under another snapshot is no longer valid."""
    officer = getattr(user, "officer", None)
    role = f":{officer.role}:{officer.province_id or ''}" if officer else ""
    return f"{int(user.is_superuser)}{int(user.is_staff)}{role}"


def revoke_outdated_tokens(user: Any) -> None:
    """Revoke the user's tokens whose permission snapshot is outdated; all of a deactivated user.

    Revoked, they stay so when the permissions come back.
    """
    now, why = timezone.now(), RevocationReason.INACTIVE
    living = Token.objects.filter(user=user, revoked_at=None, expires_at__gt=now)
    if user.is_active:
        living, why = living.exclude(permission_snapshot=permission_snapshot(user)), RevocationReason.ROLE
    living.update(revoked_at=now, revoked_why=why)


@receiver(post_save, sender=settings.AUTH_USER_MODEL)
def revoke_tokens_on_save(instance: Model, *, created: bool, update_fields: Any, **kwargs: object) -> None:
    """Revoke tokens whose owner's rights may have changed. Every sign-in saves the user as well, but no right."""
    if not created and (update_fields is None or {"is_active", "is_superuser", "is_staff"} & update_fields):
        revoke_outdated_tokens(instance)


def token_digest(secret: str) -> str:
    """Return the stored form of a secret. Secrets are random and long: they need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def active_tokens(user: Any) -> QuerySet[Token]:
    """Return the user's active tokens."""
    unrevoked = Token.objects.filter(user=user, user__is_active=True, revoked_at=None)
    return unrevoked.filter(expires_at__gt=timezone.now(), permission_snapshot=permission_snapshot(user))


@transaction.atomic
def create_token(
    *, user: Any, name: str, days: int = DEFAULT_DAYS, may_write: bool = False, kind: str = TokenKind.API
) -> tuple[Token, str]:
    """Create a token and return it with its secret, which is not stored; one of feeds only reads.

    Raises ValidationError where the user has to revoke one first.
    """
    get_user_model()._default_manager.select_for_update(no_key=True).get(pk=user.pk)  # requests wait for each other
    if active_tokens(user).count() >= MAX_ACTIVE_TOKENS:
        text = _("There are %(most)d tokens in force, and no more are allowed. Revoke one first.")
        raise ValidationError(text % {"most": MAX_ACTIVE_TOKENS})
    start = PREFIXES[kind]
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

    A read must not wait behind an import, nor fail with it, nor where the database can only be read.
    """
    now = timezone.now()
    if token.last_used_at is not None and now - token.last_used_at <= LAST_USED_RESOLUTION:
        return
    with suppress(DatabaseError), connection.cursor() as cursor:
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
