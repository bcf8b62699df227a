"""Who works with the tracker, and for which province."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from config.models import end_overtaken
from policies.models.base import one_of, province_of
from policies.models.places import Province


class Role(models.TextChoices):
    """What a person may do. Pilot officers and reviewers come with the flow of reports."""

    VIEWER = "viewer", _("viewer")
    PROVINCIAL_EDITOR = "provincial_editor", _("provincial editor")
    NATIONAL_EDITOR = "national_editor", _("national editor")
    ADMIN = "admin", _("administrator")


class Officer(models.Model):
    """A person's role. A provincial editor has a province, and changes nothing of another."""

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
        verbose_name = _("role of a person")
        verbose_name_plural = _("roles of people")
        constraints = [
            one_of("role", Role, "officer_role_known"),
            models.CheckConstraint(
                condition=Q(role=Role.PROVINCIAL_EDITOR, province__isnull=False)
                | (~Q(role=Role.PROVINCIAL_EDITOR) & Q(province__isnull=True)),
                name="officer_province_goes_with_role",
                violation_error_message=_("A provincial editor has a province, nobody else has one."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"

    @property
    def standing(self) -> str:
        """What the rights rest on, in one word."""
        return f"{self.role}:{self.province_id or ''}"

    def clean(self) -> None:
        super().clean()
        if (self.role == Role.PROVINCIAL_EDITOR) is not bool(self.province_id):
            raise ValidationError({"province": _("A provincial editor has a province, nobody else has one.")})

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Who edits has to get into the admin; who only reads has not. Tokens made under another role end."""
        super().save(*args, **kwargs)
        staff = self.role != Role.VIEWER
        if self.user.is_staff is not staff and not self.user.is_superuser:
            self.user.is_staff = staff
            self.user.save(update_fields=["is_staff"])
        end_overtaken(self.user)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        done = super().delete(*args, **kwargs)
        end_overtaken(get_user_model()._default_manager.get(pk=self.user_id))
        return done

    def within(self, records: QuerySet[Any]) -> QuerySet[Any]:
        """Of these records those that the person may have anything to do with."""
        way = getattr(records.model, "PROVINCE", "")
        if not way or self.province_id is None:
            return records
        return records.filter(**{way.replace(".", "__"): self.province_id})

    def covers(self, record: Any) -> bool:
        """Whether the person may know who worked on the record: one of the own province, where there is one."""
        if self.province_id is None:
            return True
        return bool(getattr(record, "PROVINCE", "")) and province_of(record) == self.province_id

    def entries_within(self, model: Any) -> Q | None:
        """The entries of a model's history whose authors the person may know, as a condition; None for no entry."""
        return Q() if self.province_id is None else entries_of_province(model, self.province_id)


def entries_of_province(model: Any, province: int) -> Q | None:
    """The entries that made or left a record the province's own; None for a kind that belongs to no province.

    Entries of a time when the record was another province's are not among them. What hangs on a pilot goes with the
    pilot as it is now, or was in the end.
    """
    first, _dot, further = getattr(model, "PROVINCE", "").partition(".")
    if not first:
        return None
    if first == "pk":
        return Q(id=province)
    if not further:
        return Q(**{first: province})
    related: Any = model._meta.get_field(first).related_model
    newer = related.history.filter(id=OuterRef("id"), history_id__gt=OuterRef("history_id"))
    own = related.history.filter(entries_of_province(related, province)).exclude(Exists(newer))
    return Q(**{f"{first}_id__in": own.order_by().values("id")})


MAY: Mapping[str, Any] = {
    Role.VIEWER: _("Reads every page, file and record of the API; enters nothing."),
    Role.PROVINCIAL_EDITOR: _(
        "Enters, corrects and imports what belongs to the province: its plans, policies and figures, its pilots’ "
        "milestones, targets and readings. What decides a light, and other provinces’ records, may be looked at."
    ),
    Role.NATIONAL_EDITOR: _(
        "Enters, corrects, imports and undoes everything in the records of all provinces, accepts readings and sees "
        "who changed what; has nothing to do with accounts."
    ),
    Role.ADMIN: _("Everything, the accounts of people included."),
}
"""What each role may do, in words."""


@dataclass(frozen=True)
class RoleInWords:
    """What an account is, for the person whose it is."""

    label: Any
    province: Province | None
    may: Any
    more: bool  # rights of its own besides the role


def role_of(user: Any) -> RoleInWords:
    """The role of somebody signed in; who has none reads."""
    officer = officer_of(user)
    role = Role.ADMIN if user.is_superuser else Role(officer.role) if officer else Role.VIEWER
    more = not user.is_superuser and (user.user_permissions.exists() or user.groups.exists())
    return RoleInWords(role.label, home_of(user), MAY[role], more)


def officer_of(user: Any) -> Officer | None:
    """The person's role, None for who has none."""
    return getattr(user, "officer", None)


def home_of(user: Any) -> Province | None:
    """The province at which a person's reach ends; None where it ends nowhere."""
    officer = None if user.is_superuser else officer_of(user)
    return officer.province if officer else None


def reaches(user: Any, record: Any) -> bool:
    """Whether the record is one that the person may have anything to do with.

    What belongs to no province is for all; a thing that has an owner (an import) is for its owner alone.
    """
    officer = None if user.is_superuser else officer_of(user)
    if officer is None or officer.province_id is None:
        return True
    owner = getattr(record, "OWNER", "")
    if owner:
        return bool(getattr(record, owner) == user.pk)
    return not getattr(record, "PROVINCE", "") or province_of(record) == officer.province_id


def administrators() -> QuerySet[Any]:
    """Those who may do everything. There is always one of them."""
    every = Q(is_superuser=True) | Q(officer__role=Role.ADMIN)
    return get_user_model()._default_manager.filter(every, is_active=True)


def is_administrator(user: Any) -> bool:
    officer = officer_of(user)
    return bool(user.is_active and (user.is_superuser or (officer and officer.role == Role.ADMIN)))
