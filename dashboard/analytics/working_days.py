"""Working days: Monday to Friday, but for the days off and make-up working days on record (调休).

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

from django.utils.translation import gettext as _

from dashboard.models import DayKind, WorkingDay

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
    return _("The days off of %(year)d are not on record: Monday to Friday count as working days.") % {"year": year}


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
