"""Editions, frozen when they are approved; the days on which a year differs from Monday to Friday (调休); and reminders
by mail.

Two years ship with the product, from the State Council's notices. 2025: 国务院办公厅关于2025年部分节假日安排的通知,
12 November 2024. 2026: the same for 2026, 4 November 2025.
"""

import csv
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.days import end_of_quarter
from core.history.models import KeptQuerySet
from core.records.models import FieldNames, HistoryModel, choices_constraint
from core.text import StatusChoices, TranslatedText, check_text

# -- working days ---------------------------------------------------------------------------------------


class DayKind(models.TextChoices):
    HOLIDAY = "holiday", pgettext_lazy("kind of day", "day off")
    WORKING = "working", pgettext_lazy("kind of day", "make-up working day")


class WorkingDay(models.Model):
    """A day off, or a working day on a weekend (调休), as the State Council's notice for the year says.

    A year with at least one row is known; of another one Monday to Friday count. The product ships the years whose
    notice is published (working_days.csv beside this file).
    """

    day = models.DateField(_("day"), unique=True)
    kind = models.CharField(
        _("kind"),
        max_length=7,
        choices=DayKind.choices,
        default=DayKind.HOLIDAY,
        help_text=_("A day off, weekends within a holiday included, or a weekend day that is worked (调休)."),
    )
    name = models.CharField(_("holiday"), max_length=60, blank=True, help_text=_("For example 春节."))

    class Meta:
        verbose_name = _("day off or make-up working day")
        verbose_name_plural = _("days off and make-up working days")
        ordering = ["-day"]
        constraints = [choices_constraint("kind", DayKind, "workingday_kind_known")]

    def __str__(self) -> str:
        return f"{self.day} {self.get_kind_display()}"


SHIPPED = Path(__file__).with_name("working_days.csv")


class WorkingCalendar:
    """The days on record that differ from Monday to Friday, and the years that have any. One query."""

    def __init__(self) -> None:
        self.kinds: dict[date, str] = dict(WorkingDay.objects.values_list("day", "kind"))
        self.known_years = {day.year for day in self.kinds}

    def unknown_year_text(self, year: int) -> str:
        """Return that a year is not on record; empty for one that is."""
        text = gettext("The days off of %(year)d are not on record: Monday to Friday count as working days.")
        return "" if year in self.known_years else text % {"year": year}

    def is_working(self, day: date) -> bool:
        kind = self.kinds.get(day)
        return day.weekday() < 5 if kind is None else kind == DayKind.WORKING

    def add(self, day: date, days: int) -> date:
        """Return the working day that is so many working days after a day."""
        while days:
            day += timedelta(1)
            days -= self.is_working(day)
        return day


def load_shipped_days(**_kwargs: object) -> int:
    """Add the shipped days of years without any on record, and return how many. Runs after each `migrate`.

    A year that has days already is left as its editors made it.
    """
    with SHIPPED.open(encoding="utf-8") as file:
        rows = [WorkingDay(**{**row, "day": date.fromisoformat(row["day"])}) for row in csv.DictReader(file)]
    existing = {
        day.year for day in WorkingDay.objects.filter(day__year__in={r.day.year for r in rows}).dates("day", "year")
    }
    new = [row for row in rows if row.day.year not in existing]
    WorkingDay.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


# -- editions -------------------------------------------------------------------------------------------


QUARTER = re.compile(r"^([12][0-9]{3})-Q([1-4])$")
APPROVE_PERMISSION = "dashboard.approve_edition"


def quarter_start(quarter: str) -> date:
    """Return the first day of a quarter in the form 2026-Q3. Raises ValueError for another form."""
    match = QUARTER.match(quarter)
    if match is None:
        raise ValueError(quarter)
    return date(int(match[1]), 3 * int(match[2]) - 2, 1)


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
    the acknowledged warnings (dashboard/editions/services.py).
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
            models.CheckConstraint(condition=Q(quarter__regex=r"^[12][0-9]{3}-Q[1-4]$"), name="edition_quarter_normal"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | (~Q(approved_by=F("made_by")) & ~Q(approved_by=F("submitted_by"))),
                name="edition_approver_differs",
                violation_error_message=_("You made or submitted this edition: somebody else approves it."),
            ),
            models.CheckConstraint(
                condition=Q(
                    state=EditionState.APPROVED,
                    approved_by__isnull=False,
                    approved_at__isnull=False,
                    submitted_by__isnull=False,
                    sha256__regex=r"^[0-9a-f]{64}$",
                )
                | (~Q(state=EditionState.APPROVED) & Q(approved_by__isnull=True, approved_at__isnull=True, sha256="")),
                name="edition_approved_whole",
                violation_error_message=_("An edition is approved on its page alone, with its files."),
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
        return end_of_quarter(quarter_start(self.quarter))

    @property
    def approved_on(self) -> date | None:
        return timezone.localdate(self.approved_at) if self.approved_at else None

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


# -- reminders ------------------------------------------------------------------------------------------


class Rhythm(models.TextChoices):
    """How often a user gets a digest. `OFF` is kept until the user changes it."""

    DAILY = "daily", pgettext_lazy("rhythm of mail", "every working day")
    WEEKLY = "weekly", pgettext_lazy("rhythm of mail", "on the first working day of a week")
    OFF = "off", pgettext_lazy("rhythm of mail", "never")


def default_language() -> str:
    return settings.LANGUAGE_CODE


class MailSettings(models.Model):
    """Rhythm and language of a user's mail, and the address that the mail server refused for good.

    A user without a row has the defaults.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="mail_settings"
    )
    rhythm = models.CharField(_("reminders by mail"), max_length=6, choices=Rhythm.choices, default=Rhythm.DAILY)
    language = models.CharField(
        _("language of the mail"), max_length=7, choices=settings.LANGUAGES, default=default_language
    )
    refused_address = models.EmailField(
        _("address that was refused"),
        blank=True,
        help_text=_("No reminder is sent to it. Another address in the account is tried again."),
    )

    class Meta:
        verbose_name = _("settings of reminders")
        verbose_name_plural = _("settings of reminders")
        default_permissions = ()
        constraints = [choices_constraint("rhythm", Rhythm, "mailsettings_rhythm_known")]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_rhythm_display()}"


class Told(models.Model):
    """A step that a user was told of, once: `milestone:417`, `before7`, planned for a day. A new due date gives new
    days, and so new steps.

    A `digest` of a day is claimed by the process that makes its row: `sent`, or `held` back by a demonstration.
    """

    DIGEST, SENT, HELD = "digest", "sent", "held"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="told"
    )
    thing = models.CharField(_("record"), max_length=40)
    code = models.CharField(_("step"), max_length=40)
    day = models.DateField(_("day"))

    class Meta:
        verbose_name = _("step of a reminder")
        verbose_name_plural = _("steps of reminders")
        ordering = ["day", "pk"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "thing", "code", "day"], name="told_once")]

    def __str__(self) -> str:
        return f"{self.thing} {self.code} {self.day}"
