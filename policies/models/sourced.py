"""Model of sources, and bases of the facts that cite them and of documents with a date of issue."""

from calendar import monthrange
from datetime import date
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from core.records.models import (
    FieldNames,
    HistoryModel,
    choice_field,
    day_field,
    list_field,
    note_en_field,
    note_zh_field,
    text_field,
    unique_constraint,
)
from core.text import PartialDate, Precision, StatusChoices, TranslatedText


class Confidence(StatusChoices):
    """Confidence in a fact, by the kind of source."""

    OFFICIAL = "official", "green", _("official")
    MEDIA = "media", "blue", _("press")
    INFERRED = "inferred", "yellow", _("inferred")


class Level(models.TextChoices):
    NATIONAL = "national", _("national")
    PROVINCIAL = "provincial", _("provincial")


class Source(HistoryModel):
    """A document, page or report that facts cite. Its title stays in the language of publication."""

    title = text_field(_("title"), 300, _("As printed, in its own language."))
    publisher = text_field(_("publisher"), 200, _("Who published it, for example 生态环境部."), blank=True)
    published_on = day_field(_("published on"), _("Day it was published. Empty when it carries none."))
    url = models.URLField(
        _("address"), max_length=500, blank=True, help_text=_("Web address, empty for a reprint without a lasting one.")
    )
    reliability = choice_field(
        _("reliability"),
        Confidence,
        _("The strongest that may be claimed for a fact that cites it."),
        max_length=10,
        default=Confidence.OFFICIAL,
    )
    note_en = note_en_field(_("What a reader should know of it, for example “Reprint; the original page is gone”."))
    note_zh = note_zh_field()
    note = TranslatedText("note")

    LOOKUP_NAMES = ("title", "url")
    EXPORT_NAMES = ("title",)
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"title_address_unique": ("title",)}

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering = [Coalesce("published_on", models.Value("0001-01-01", models.DateField())).desc(), "title", "pk"]
        constraints = [
            unique_constraint(
                "source_title_address_unique",
                ["title", "url"],
                _("A source with this title and address exists already: cite that one."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.title)


class SourcedModel(models.Model):
    """Base of facts: confidence, sources, and a note in two languages."""

    confidence = choice_field(
        _("confidence"),
        Confidence,
        _("official: the issuer’s own text; press: a report; inferred: read from other documents."),
        max_length=10,
        default=Confidence.OFFICIAL,
    )
    sources = list_field(Source, _("sources"), _("Where this was read. Every fact should cite at least one."))
    note_en = note_en_field(_("What a careful reader must know, for example “Date of the press report”."))
    note_zh = note_zh_field()
    note = TranslatedText("note")

    class Meta:
        abstract = True

    @property
    def unverified(self) -> bool:
        """Whether the fact was only inferred; every page says so beside it."""
        return bool(self.confidence == Confidence.INFERRED)


def period_end(on: date, precision: str) -> date:
    """Return the last possible day of a date known to the day, month or year."""
    if precision == Precision.YEAR:
        return date(on.year, 12, 31)
    if precision == Precision.MONTH:
        return on.replace(day=monthrange(on.year, on.month)[1])
    return on


class PartialDateModel(models.Model):
    """Base of documents whose date of issue may be partial (an interval-censored date, DOMAIN 3.1)."""

    issued_on = day_field(
        _("issued on"), _("Day of issue. Only the month or year known? Enter its first day and set the precision.")
    )
    issued_precision = choice_field(
        _("precision"),
        Precision,
        _("How exactly the day of issue is known. For “June 2022” enter 2022-06-01 and choose month."),
        max_length=5,
        blank=True,
    )
    published_on = day_field(_("published on"), _("Day it was made public, where that differs from the day of issue."))
    known_issued_by = day_field(
        _("latest date known"),
        _(
            "Latest day by which it is known to exist, for example the day another document cites it. "
            "Left empty, it follows from the day of issue or publication."
        ),
    )

    class Meta:
        abstract = True

    @property
    def issued(self) -> PartialDate | None:
        """The date of issue with its precision, None if unknown."""
        if self.issued_on is None:
            return None
        return PartialDate(self.issued_on, self.issued_precision or Precision.DAY)  # type: ignore[arg-type]

    def complete_dates(self) -> None:
        """Fill in derived dates: the precision, and the date by which the document is known to exist."""
        if self.issued_on and not self.issued_precision:
            self.issued_precision = Precision.DAY
        if self.issued_on is None:
            self.issued_precision = ""
        if self.issued_on and self.issued_precision == Precision.DAY:
            self.known_issued_by = self.issued_on
        elif self.known_issued_by is None:
            ends = [self.published_on] if self.published_on else []
            if self.issued_on:
                ends.append(period_end(self.issued_on, self.issued_precision))
            self.known_issued_by = min(ends) if ends else None

    def clean(self) -> None:
        """Fill in derived dates and reject contradictions between dates."""
        super().clean()
        self.complete_dates()
        if self.issued_on and self.published_on and self.published_on < self.issued_on:
            raise ValidationError({"published_on": _("Published before it was issued. Check both days.")})
        if self.issued_on and self.known_issued_by and self.known_issued_by < self.issued_on:
            raise ValidationError({"known_issued_by": _("Known before it was issued. Check both days.")})

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.complete_dates()
        super().save(*args, **kwargs)


def date_constraints(app_model: str) -> list[models.CheckConstraint]:
    """Return the check constraints of partial dates."""
    no_day = Q(issued_on__isnull=True)
    conditions = {
        "precision_goes_with_day": Q(issued_on__isnull=True, issued_precision="")
        | (Q(issued_on__isnull=False) & Q(issued_precision__in=Precision.values)),
        "known_on_its_day": ~Q(issued_precision=Precision.DAY) | Q(known_issued_by=F("issued_on")),
        "known_after_issue": no_day | Q(known_issued_by__isnull=True) | Q(known_issued_by__gte=F("issued_on")),
        "published_after_issue": no_day | Q(published_on__isnull=True) | Q(published_on__gte=F("issued_on")),
    }
    return [models.CheckConstraint(condition=each, name=f"{app_model}_{name}") for name, each in conditions.items()]
