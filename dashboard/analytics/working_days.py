"""Working days: Monday to Friday, but for the days off and make-up working days on record (调休)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from dashboard.models import DayKind, WorkingDay


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
