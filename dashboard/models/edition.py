"""Model of an edition: what was published about the end of a quarter, frozen when it is approved."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.history.models import KeptQuerySet
from core.records.models import FieldNames, HistoryModel, check_constraint, choices_constraint
from core.text import StatusChoices, TranslatedText, check_text

QUARTER = re.compile(r"^([12][0-9]{3})-Q([1-4])$")
APPROVE_PERMISSION = "dashboard.approve_edition"


def quarter_start(quarter: str) -> date:
    """Return the first day of a quarter in the form 2026-Q3. Raises ValueError for another form."""
    found = QUARTER.match(quarter)
    if found is None:
        raise ValueError(quarter)
    return date(int(found[1]), 3 * int(found[2]) - 2, 1)


def quarter_end(quarter: str) -> date:
    """Return the last day of a quarter in the form 2026-Q3. Raises ValueError for another form."""
    return quarter_start(quarter_of(quarter_start(quarter) + timedelta(95))) - timedelta(1)


def quarter_of(day: date) -> str:
    """Return the quarter that a day lies in, in the form 2026-Q3."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


def check_quarter(quarter: str) -> None:
    """Validator: reject what is no quarter."""
    if not QUARTER.match(quarter):
        raise ValidationError(_("Write the quarter as year and number, for example 2026-Q3."), code="invalid")


class EditionState(StatusChoices):
    DRAFT = "draft", "grey", pgettext_lazy("state of an edition", "draft")
    IN_REVIEW = "in_review", "yellow", pgettext_lazy("state of an edition", "in review")
    APPROVED = "approved", "green", pgettext_lazy("state of an edition", "approved")


def person_field(label: Any) -> Any:
    """Return the field of who took a step of an edition."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, verbose_name=label, null=True, blank=True, related_name="+"
    )


class Edition(HistoryModel):
    """Edition of a quarter: a draft, submitted by an editor, approved by another. Approved, it is never changed.

    `content` is empty before approval. Then it holds what the page shows: files, key figures, tables, differences and
    the acknowledged warnings (dashboard/editions.py).
    """

    quarter = models.CharField(
        _("quarter"), max_length=7, unique=True, validators=[check_quarter], help_text=_("For example 2026-Q3.")
    )
    state = models.CharField(
        _("state"),
        max_length=9,
        choices=EditionState.choices,
        default=EditionState.DRAFT,
        help_text=_("An approved edition is never changed."),
    )
    release_note_en = models.TextField(
        _("release notes in English"),
        blank=True,
        max_length=5000,
        validators=[check_text],
        help_text=_("What is new in this edition and what a reader has to know about its numbers."),
    )
    release_note_zh = models.TextField(
        _("release notes in Chinese"),
        blank=True,
        max_length=5000,
        validators=[check_text],
        help_text=_("The same in Chinese. Both are needed before the edition is approved."),
    )
    release_note = TranslatedText("release_note")
    made_by = person_field(_("made by"))
    submitted_by = person_field(_("submitted by"))
    approved_by = person_field(_("approved by"))
    approved_at = models.DateTimeField(
        _("approved at"), null=True, blank=True, help_text=_("The records are those known at this moment.")
    )
    sha256 = models.CharField(
        _("checksum"), max_length=64, blank=True, help_text=_("SHA-256 of the package, in hexadecimal.")
    )
    content = models.JSONField(_("content"), default=dict, blank=True, editable=False)

    LOOKUP_CODES = ("quarter",)
    objects = models.Manager.from_queryset(KeptQuerySet)()
    FROZEN_STATE = EditionState.APPROVED
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"approved_whole": ("state",)}

    class Meta:
        verbose_name = _("edition")
        verbose_name_plural = _("editions")
        ordering = ["-quarter"]
        permissions = [("approve_edition", "Can approve editions that somebody else made and submitted")]
        constraints = [
            choices_constraint("state", EditionState, "edition_state_known"),
            check_constraint("edition_quarter_normal", Q(quarter__regex=r"^[12][0-9]{3}-Q[1-4]$")),
            check_constraint(
                "edition_approver_differs",
                Q(approved_by__isnull=True) | (~Q(approved_by=F("made_by")) & ~Q(approved_by=F("submitted_by"))),
                _("You made or submitted this edition: somebody else approves it."),
            ),
            check_constraint(
                "edition_approved_whole",
                Q(
                    state=EditionState.APPROVED,
                    approved_by__isnull=False,
                    approved_at__isnull=False,
                    submitted_by__isnull=False,
                    sha256__regex=r"^[0-9a-f]{64}$",
                )
                | (~Q(state=EditionState.APPROVED) & Q(approved_by__isnull=True, approved_at__isnull=True, sha256="")),
                _("An edition is approved on its page alone, with its files."),
            ),
        ]

    def __str__(self) -> str:
        return self.quarter

    def get_absolute_url(self) -> str:
        return reverse("edition-detail", args=[self.quarter])

    @property
    def name(self) -> str:
        """The quarter, as lists of records name it."""
        return self.quarter

    @property
    def as_of(self) -> date:
        """The day that the edition is about: the last of its quarter."""
        return quarter_end(self.quarter)

    @property
    def first_day(self) -> date:
        """The first day of its quarter."""
        return quarter_start(self.quarter)

    @property
    def is_approved(self) -> bool:
        return self.state == EditionState.APPROVED

    @property
    def files(self) -> list[dict[str, Any]]:
        """The files, each with path, media_type, size in bytes and sha256; none before approval."""
        return list(self.content.get("files", ()))

    @classmethod
    def stored_checksums(cls) -> set[str]:
        """Return the checksums of all stored files of editions."""
        contents = cls.objects.values_list("content", flat=True)
        return {file["sha256"] for content in contents for file in content.get("files", ())}
