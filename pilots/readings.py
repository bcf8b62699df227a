"""Newest accepted version of a reading on a day, as queryset and as list: the one definition for all numbers.

For each pilot, indicator and period the newest version accepted by the day counts. If that version has since been
disputed, no version counts, not even an older one; versions that were never accepted are ignored.
`tests/pilots/test_readings.py` holds the two forms to each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from core.http import today
from core.records import writing
from pilots.models import Reading, ReadingState

ACCEPT_PERMISSION = "pilots.accept_reading"

VALUE_KEY_FIELDS = ("pilot", "indicator", "period")
"""What all versions of one value have in common."""

YEARLY = ~Q(period__contains="-")
"""Condition of readings of a whole year; a quarter is written 2025-Q3."""


def is_yearly(period: str) -> bool:
    """Return whether a period is a whole year: YEARLY for rows in memory."""
    return "-" not in period


def newest_accepted(as_of: date, readings: QuerySet[Reading] | None = None) -> QuerySet[Reading]:
    """Filter readings (default: all) to those that count on the day, as a queryset."""
    rows = Reading.objects.all() if readings is None else readings
    later = later_versions().filter(accepted_on__lte=as_of)
    return rows.filter(~Exists(later), accepted_on__lte=as_of, state=ReadingState.ACCEPTED)


def newest_accepted_in(readings: Iterable[Reading], as_of: date, first: str = "") -> list[Reading]:
    """Return the same from readings in memory, as a list by period; `first` is the earliest period.

    The readings must include all versions of each value.
    """
    known = (item for item in readings if item.period >= first and item.accepted_on and item.accepted_on <= as_of)
    return [item for item in newest_versions(known) if item.state == ReadingState.ACCEPTED]


def is_accepted_on(reading: Reading, as_of: date) -> bool:
    """Return whether a version is accepted on the day; that of a value counts which is also the newest accepted."""
    return reading.state == ReadingState.ACCEPTED and bool(reading.accepted_on and reading.accepted_on <= as_of)


def state_on(reading: Reading, as_of: date) -> ReadingState:
    """Return the state of a version on a day: before its acceptance it was only reported."""
    waiting = reading.state == ReadingState.ACCEPTED and not is_accepted_on(reading, as_of)
    return ReadingState.REPORTED if waiting else ReadingState(reading.state)


def state_expression(as_of: date) -> Case:
    """Return the same as a query expression."""
    later = Q(state=ReadingState.ACCEPTED, accepted_on__gt=as_of)
    return Case(When(later, then=Value(ReadingState.REPORTED.value)), default=F("state"))


def newest_reported(as_of: date) -> Q:
    """Return the condition that no later version was reported by the day, in whatever state."""
    return ~Q(Exists(later_versions().filter(reported_on__lte=as_of)))


def newest_reported_in(readings: Iterable[Reading], as_of: date) -> list[Reading]:
    """Return the newest version of each value reported by the day, in whatever state, from readings in memory."""
    return newest_versions(item for item in readings if item.reported_on <= as_of)


def later_versions() -> QuerySet[Reading]:
    """Return a subquery of the later versions of the outer reading's value."""
    same = {name: OuterRef(name) for name in VALUE_KEY_FIELDS}
    return Reading.objects.filter(**same, version__gt=OuterRef("version"))


def newest_versions(readings: Iterable[Reading]) -> list[Reading]:
    """Return the highest version of each value, in order of first occurrence."""
    newest: dict[tuple[int, int, str], Reading] = {}
    for item in readings:
        key = (item.pilot_id, item.indicator_id, item.period)
        held = newest.get(key)
        if held is None or held.version < item.version:
            newest[key] = item
    return list(newest.values())


# -- accepting and disputing -------------------------------------------------------------------------------


@transaction.atomic
def judge_readings(readings: Iterable[Reading], state: ReadingState, *, by: User, reason: str = "") -> int:
    """Accept readings, which count from today on or again from the day they once did, or dispute them, so that they
    count for nothing. Return how many changed.

    Raises PermissionDenied without the permission, and ValidationError where one is disputed without a reason.
    """
    if not by.has_perm(ACCEPT_PERMISSION):
        raise PermissionDenied
    if state == ReadingState.DISPUTED and not reason.strip():
        raise ValidationError({"change_reason": ValidationError(_("Say what is wrong with the value."))})
    keys = [reading.pk for reading in readings]
    rows = Reading.objects.select_for_update(no_key=True).order_by("pk").filter(pk__in=keys).exclude(state=state)
    changed = list(rows)
    with writing.many():
        for reading in changed:
            values: dict[str, Any] = {"state": state}
            if state == ReadingState.ACCEPTED:
                values["accepted_on"] = reading.accepted_on or today()
            writing.write(reading, values, by=by, reason=reason, allowed=True)
    return len(changed)
