"""Which version of a reading counts on a day, as a queryset and as a list: the one definition that all numbers share.

Of each pilot, indicator and period the newest version accepted by the day counts. A version that was accepted and has
been disputed since stands for nothing, and no older one takes its place; a version that was never accepted changes
nothing. `tests/pilots/test_readings.py` holds the two forms to each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db.models import Exists, OuterRef, Q, QuerySet

from pilots.models import Reading, ReadingState

SAME_VALUE = ("pilot", "indicator", "period")
"""What all versions of one value have in common."""


def newest_accepted(as_of: date, readings: QuerySet[Reading] | None = None) -> QuerySet[Reading]:
    """Of these readings (all without) those that count on the day, as a queryset."""
    rows = Reading.objects.all() if readings is None else readings
    later = later_versions().filter(accepted_on__lte=as_of)
    return rows.filter(~Exists(later), accepted_on__lte=as_of, state=ReadingState.ACCEPTED)


def newest_accepted_of(readings: Iterable[Reading], as_of: date, first: str = "") -> list[Reading]:
    """The same as a list, of readings in memory, by period; `first` is the earliest period that is asked for.

    All versions of a value have to be among the readings.
    """
    known = (item for item in readings if item.period >= first and item.accepted_on and item.accepted_on <= as_of)
    return [item for item in newest_of(known) if item.state == ReadingState.ACCEPTED]


def newest_reported(as_of: date) -> Q:
    """A condition on readings: no later version was reported by the day, whatever became of it."""
    return ~Q(Exists(later_versions().filter(reported_on__lte=as_of)))


def newest_reported_of(readings: Iterable[Reading], as_of: date) -> list[Reading]:
    """Of readings in memory the newest version of each value reported by the day, whatever became of it."""
    return newest_of(item for item in readings if item.reported_on <= as_of)


def later_versions() -> QuerySet[Reading]:
    """The versions of the same value that follow the reading outside of this query."""
    same = {name: OuterRef(name) for name in SAME_VALUE}
    return Reading.objects.filter(**same, version__gt=OuterRef("version"))


def newest_of(readings: Iterable[Reading]) -> list[Reading]:
    """The highest version of each value, in the order in which the values are first met."""
    newest: dict[tuple[int, int, str], Reading] = {}
    for item in readings:
        key = (item.pilot_id, item.indicator_id, item.period)
        held = newest.get(key)
        if held is None or held.version < item.version:
            newest[key] = item
    return list(newest.values())
