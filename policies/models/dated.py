"""Abstract model of documents whose date of issue may be known to the month or year only."""

from calendar import monthrange
from datetime import date
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.records.history_model import FieldNames
from core.records.validators import check_not_ahead
from core.text.formatting import PartialDate, Precision


def period_end(on: date, precision: str) -> date:
    """Return the last possible day of a date known to the day, month or year."""
    if precision == Precision.YEAR:
        return date(on.year, 12, 31)
    if precision == Precision.MONTH:
        return on.replace(day=monthrange(on.year, on.month)[1])
    return on


class PartialDateModel(models.Model):
    """Base of documents whose date of issue may be partial (an interval-censored date, DOMAIN 3.1)."""

    issued_on = models.DateField(
        _("issued on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Day of issue. Only the month or year known? Enter its first day and set the precision."),
    )
    issued_precision = models.CharField(
        _("precision"),
        max_length=5,
        choices=Precision.choices,
        blank=True,
        help_text=_("How exactly the day of issue is known. For “June 2022” enter 2022-06-01 and choose month."),
    )
    published_on = models.DateField(
        _("published on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Day it was made public, where that differs from the day of issue."),
    )
    known_issued_by = models.DateField(
        _("latest date known"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_(
            "Latest day by which it is known to exist, for example the day another document cites it. "
            "Left empty, it follows from the day of issue or publication."
        ),
    )

    DERIVED_FROM: ClassVar[FieldNames] = {"known_issued_by": ("issued_on", "published_on")}
    """Fields that are filled from others where they are left empty."""
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        "precision_goes_with_day": ("issued_precision",),
        "known_on_its_day": ("known_issued_by",),
        "known_after_issue": ("known_issued_by",),
        "published_after_issue": ("published_on",),
    }

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
    dated = Q(issued_on__isnull=False)
    return [
        models.CheckConstraint(
            condition=(
                Q(issued_on__isnull=True, issued_precision="") | (dated & Q(issued_precision__in=Precision.values))
            ),
            name=f"{app_model}_precision_goes_with_day",
        ),
        models.CheckConstraint(
            condition=~Q(issued_precision=Precision.DAY) | Q(known_issued_by=models.F("issued_on")),
            name=f"{app_model}_known_on_its_day",
        ),
        models.CheckConstraint(
            condition=Q(issued_on__isnull=True)
            | Q(known_issued_by__isnull=True)
            | Q(known_issued_by__gte=models.F("issued_on")),
            name=f"{app_model}_known_after_issue",
        ),
        models.CheckConstraint(
            condition=Q(issued_on__isnull=True)
            | Q(published_on__isnull=True)
            | Q(published_on__gte=models.F("issued_on")),
            name=f"{app_model}_published_after_issue",
        ),
    ]
