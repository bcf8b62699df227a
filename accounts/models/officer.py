"""Roles of users, the province of provincial editors, and from when a sign-in demands a second factor."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.token import revoke_outdated_tokens
from core.records.constraints import choices_constraint
from core.records.history_model import province_id_of
from policies.models.province import Province


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


PROVINCE_MESSAGE = _("A provincial editor has a province, nobody else has one.")


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
    province = models.ForeignKey(
        Province,
        verbose_name=_("province"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="officers",
        limit_choices_to={"in_roster": True},  # Hong Kong, Macao and Taiwan have no plans or pilots to be entered
        help_text=_("Only for a provincial editor."),
    )

    class Meta:
        db_table = "policies_officer"
        verbose_name = _("role of a person")
        verbose_name_plural = _("roles of people")
        constraints = [
            choices_constraint("role", Role, "officer_role_known"),
            models.CheckConstraint(
                condition=Q(role=Role.PROVINCIAL_EDITOR, province__isnull=False)
                | (~Q(role=Role.PROVINCIAL_EDITOR) & Q(province__isnull=True)),
                name="officer_province_goes_with_role",
                violation_error_message=PROVINCE_MESSAGE,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"

    def clean(self) -> None:
        super().clean()
        if (self.role == Role.PROVINCIAL_EDITOR) is not bool(self.province_id):
            raise ValidationError({"province": PROVINCE_MESSAGE})

    @property
    def permission_snapshot(self) -> str:
        """What the permissions rest on (role and province), as one string; tokens are bound to it."""
        return f"{self.role}:{self.province_id or ''}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the role; editors become staff, viewers do not. Tokens made under another role are ended.

        With the first role of an editor the days of grace begin in which a second factor has to be set up.
        """
        super().save(*args, **kwargs)
        staff = self.role != Role.VIEWER
        if staff:
            SignInRule.objects.get_or_create(user=self.user)
        if self.user.is_staff is not staff and not self.user.is_superuser:
            self.user.is_staff = staff
            self.user.save(update_fields=["is_staff"])
        revoke_outdated_tokens(self.user)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Delete the role: the user is no longer staff, unless a superuser, and the tokens made under it are ended."""
        done = super().delete(*args, **kwargs)
        user = get_user_model()._default_manager.get(pk=self.user_id)
        if user.is_staff and not user.is_superuser:
            user.is_staff = False
            user.save(update_fields=["is_staff"])
        revoke_outdated_tokens(user)
        return done

    @property
    def home(self) -> Province | None:
        """The province at which the rights end; None where they end nowhere."""
        return self.province

    def reaches(self, record: Model) -> bool:
        """Object permission: whether the record is within the user's scope.

        Records without a province are for all; a record with an owner (an import) is for its owner only.
        """
        if self.province_id is None:
            return True
        owner = getattr(record, "OWNER_FIELD", "")
        if owner:
            return bool(getattr(record, owner) == self.user_id)
        return not getattr(record, "PROVINCE_PATH", "") or province_id_of(record) == self.province_id

    def within(self, records: QuerySet[Model]) -> QuerySet[Model]:
        """Filter the records to those within the user's scope."""
        way = getattr(records.model, "PROVINCE_PATH", "")
        if not way or self.province_id is None:
            return records
        return records.filter(**{way.replace(".", "__"): self.province_id})

    def can_see_authors(self, record: Any) -> bool:
        """Whether the user may see who worked on the record: only within the own province, where there is one."""
        if self.province_id is None:
            return True
        return bool(getattr(record, "PROVINCE_PATH", "")) and province_id_of(record) == self.province_id


def officer_of(user: Any) -> Officer | None:
    """Return the user's role, None for users without one."""
    return getattr(user, "officer", None)


def administrators() -> QuerySet[Model]:
    """Return the active administrators. There is always at least one."""
    every = Q(is_superuser=True) | Q(officer__role=Role.ADMIN)
    return get_user_model()._default_manager.filter(every, is_active=True)


def is_administrator(user: Any) -> bool:
    officer = officer_of(user)
    return bool(user.is_active and (user.is_superuser or (officer and officer.role == Role.ADMIN)))


def is_last_administrator(user: Any) -> bool:
    """Whether the user is the only active administrator. In a transaction: administrators are locked until it ends, so
    that two changes cannot remove one another.
    """
    held = administrators().select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)
    return list(held) == [user.pk]
