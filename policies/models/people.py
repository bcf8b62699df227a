"""Who works with the tracker, and for which province."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from config.models import end_overtaken
from policies.models.base import one_of, province_of
from policies.models.places import Province


class Role(models.TextChoices):
    """What a person may do. Pilot officers and reviewers come with the flow of reports."""

    VIEWER = "viewer", _("viewer")
    PROVINCIAL_EDITOR = "provincial_editor", _("provincial editor")
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
            "viewer: reads; provincial editor: enters what belongs to the province; administrator: everything. "
            "A change ends the person’s tokens."
        ),
    )
    province = models.ForeignKey(
        Province,
        verbose_name=_("province"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="officers",
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
