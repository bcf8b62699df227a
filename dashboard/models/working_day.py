"""The days on which a year differs from Monday to Friday (调休): days off, and working days that make up for them.

Two years ship with the product, from the State Council's notices. 2025: 国务院办公厅关于2025年部分节假日安排的通知,
12 November 2024. 2026: the same for 2026, 4 November 2025.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

from django.db import models
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.records.models import choices_constraint


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


@dataclass(frozen=True)
class WorkingCalendar:
    """The days that differ from Monday to Friday."""

    kinds: Mapping[date, str]

    @classmethod
    def load(cls) -> WorkingCalendar:
        """Return the calendar as it is on record. One query."""
        return cls(dict(WorkingDay.objects.values_list("day", "kind")))

    @cached_property
    def known_years(self) -> frozenset[int]:
        """Years with at least one day on record; in others Monday to Friday count."""
        return frozenset(day.year for day in self.kinds)

    def is_working(self, day: date) -> bool:
        kind = self.kinds.get(day)
        return day.weekday() < 5 if kind is None else kind == DayKind.WORKING

    def add(self, day: date, days: int) -> date:
        """Return the working day that is so many working days after a day."""
        while days:
            day += timedelta(1)
            days -= self.is_working(day)
        return day


def unknown_year_text(year: int) -> str:
    return gettext("The days off of %(year)d are not on record: Monday to Friday count as working days.") % {
        "year": year
    }


def load_shipped_days(**_kwargs: object) -> int:
    """Add the shipped days of years without any on record, and return how many. Runs after each `migrate`.

    A year that has days already is left as its editors made it.
    """
    with SHIPPED.open(encoding="utf-8") as file:
        rows = [WorkingDay(**{**row, "day": date.fromisoformat(row["day"])}) for row in csv.DictReader(file)]
    known = {
        day.year for day in WorkingDay.objects.filter(day__year__in={r.day.year for r in rows}).dates("day", "year")
    }
    new = [row for row in rows if row.day.year not in known]
    WorkingDay.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)
