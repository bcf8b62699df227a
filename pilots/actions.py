"""Writes to the pilots' records that take more than one look or touch more than one row: all of it happens, or nothing.

A reading is never overwritten. What differs from the newest version is recorded as the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.asof import today
from config.versions import author, moment
from pilots.metrics.checks import jump
from pilots.models import Indicator, Pilot, Reading, ReadingState
from pilots.models.indicators import exact_text

MAY_ACCEPT = "pilots.accept_reading"
MAY_PLACE = "pilots.place_pilot"
WHY_REPLANNED = gettext_lazy(
    "This day has passed. Say in the reason for change why it is moved: it is shown beside the light."
)
OVERTAKEN, JUMP = "overtaken", "jump"  # the two faults that the editor may overrule, knowingly
Place = tuple[int, str]
"""Indicator and period of a reading."""


def moves_a_past_day(before: date | None, after: date | None) -> bool:
    """Whether a milestone is replanned whose day has passed: that takes a reason."""
    return before is not None and after is not None and before < today() and before != after


@dataclass(frozen=True)
class Value:
    """A value to be recorded. `known` is the newest version (its key) that the editor saw beside it, None for none."""

    indicator: Indicator
    period: str
    value: Decimal
    value_status: str
    known: int | None = None
    note: str = ""

    @property
    def place(self) -> Place:
        return self.indicator.pk, self.period


class Refused(Exception):
    """Nothing was recorded; `faults` says of each place what is to be mended."""

    def __init__(self, faults: Mapping[Place, ValidationError]) -> None:
        super().__init__(", ".join(f"{indicator} {period}" for indicator, period in faults))
        self.faults = faults


class OnRecord:
    """What is on record of a pilot: the newest version of every reading, and the base of every target."""

    def __init__(self, pilot: Pilot) -> None:
        readings = pilot.readings.order_by("period", "version")
        self.newest: dict[Place, Reading] = {(item.indicator_id, item.period): item for item in readings}
        bases = pilot.targets.filter(base_year__isnull=False)
        self.bases: dict[Place, Decimal] = {
            (indicator, str(year)): value
            for indicator, year, value in bases.values_list("indicator_id", "base_year", "base_value")
            if value is not None
        }
        used = Reading.history.filter(pilot_id=pilot.pk).order_by().values_list("indicator_id", "period")
        self.used: dict[Place, int] = {
            (indicator, period): version for indicator, period, version in used.annotate(Max("version"))
        }

    def next_version(self, place: Place) -> int:
        """One more than any version there ever was, deleted ones included: a number never comes back."""
        newest = self.newest.get(place)
        return max(self.used.get(place, 0), newest.version if newest else 0) + 1

    def differs(self, value: Value) -> bool:
        """Whether it says anything else than the newest version."""
        newest = self.newest.get(value.place)
        return newest is None or (newest.value, newest.value_status) != (value.value, value.value_status)

    def fault(self, value: Value, beside: Iterable[Value] = ()) -> ValidationError | None:
        """Why it should not be recorded as it is, given what else is entered beside it; None when nothing is amiss."""
        newest = self.newest.get(value.place)
        if newest and newest.pk != value.known:
            return overtaken(newest)
        before = self.before(value, beside)
        far = jump(before[1], value.value) if before else None
        return None if before is None or far is None or value.note.strip() else jumped(far, *before)

    def before(self, value: Value, beside: Iterable[Value] = ()) -> tuple[str, Decimal] | None:
        """The last value before it, with its period: of the latest year or quarter, else the version it follows."""
        values = self.bases | {place: item.value for place, item in self.newest.items()}
        values |= {item.place: item.value for item in beside}
        same_kind = [
            period
            for indicator, period in values
            if indicator == value.indicator.pk and len(period) == len(value.period) and period < value.period
        ]
        if same_kind:
            return max(same_kind), values[value.indicator.pk, max(same_kind)]
        newest = self.newest.get(value.place)
        return (newest.period, newest.value) if newest else None


def overtaken(newest: Reading) -> ValidationError:
    """Somebody entered another version after the editor looked."""
    entry: Any = newest.history.order_by("history_id").first()
    message = _(
        "%(user)s entered %(value)s (%(status)s, version %(version)d) here on %(when)s, after you had opened the page. "
        "Yours is not saved yet. Save again to record it as the next version."
    )
    params = {
        "user": author(entry) if entry else _("the system"),
        "value": newest.value_text,
        "status": newest.get_value_status_display(),
        "version": newest.version,
        "when": moment(entry.history_date) if entry else newest.reported_on,
        "known": newest.pk,
    }
    return ValidationError(message, code=OVERTAKEN, params=params)


def jumped(far: Decimal, period: str, before: Decimal) -> ValidationError:
    """The value lies too far from the last one to pass without a word."""
    if far > 0:
        message = _("%(percent)s %% above the %(before)s of %(period)s. Correct the value, or say why in the note.")
    else:
        message = _("%(percent)s %% below the %(before)s of %(period)s. Correct the value, or say why in the note.")
    params = {"percent": number_format(round(abs(far) * 100, 1), 1), "before": exact_text(before), "period": period}
    return ValidationError(message, code=JUMP, params=params)


@transaction.atomic
def record_readings(
    *, pilot: Pilot, values: Sequence[Value], reported_on: date, by: User, accept: bool = False, reason: str = ""
) -> list[Reading]:
    """Record what differs from the newest versions, each as the next version; hands back the new readings.

    Raises Refused, with nothing recorded, when a value breaks a rule, was overtaken, or jumps without a note; and
    PermissionDenied when somebody accepts who may not.
    """
    if accept and not by.has_perm(MAY_ACCEPT, pilot):
        raise PermissionDenied
    lock(pilot)
    record = OnRecord(pilot)
    fresh = [value for value in values if record.differs(value)]
    readings = {value.place: new_reading(pilot, value, reported_on, accept=accept) for value in fresh}
    faults = {value.place: record.fault(value, values) or broken_rule(readings[value.place]) for value in fresh}
    found = {place: fault for place, fault in faults.items() if fault}
    if found:
        raise Refused(found)
    for place, reading in readings.items():
        reading.version = record.next_version(place)
        keep(reading, by, reason)
    return list(readings.values())


def lock(pilot: Pilot) -> None:
    """Nobody else numbers this pilot's versions until the transaction ends."""
    Pilot.objects.select_for_update().filter(pk=pilot.pk).first()


def new_reading(pilot: Pilot, value: Value, reported_on: date, *, accept: bool) -> Reading:
    """The value as a reading that is not saved yet."""
    return Reading(
        pilot=pilot,
        indicator=value.indicator,
        period=value.period,
        value=value.value,
        value_status=value.value_status,
        note=value.note,  # type: ignore[misc]  # a property, which sets the note of its language
        reported_on=reported_on,
        state=ReadingState.ACCEPTED if accept else ReadingState.REPORTED,
        accepted_on=today() if accept else None,
    )


def broken_rule(reading: Reading) -> ValidationError | None:
    """What the reading's own rules say against it, as one."""
    try:
        reading.full_clean(exclude=["pilot", "indicator", "version"])
    except ValidationError as error:
        return ValidationError(error.messages, code="invalid")
    return None


def keep(reading: Reading, by: User, reason: str) -> None:
    """Save it with one entry in its history."""
    reading._history_user = by  # type: ignore[attr-defined]  # noqa: SLF001  # where simple-history looks for them
    reading._change_reason = reason or None  # type: ignore[attr-defined]
    reading.save()


@transaction.atomic
def accept_readings(*, readings: Iterable[Reading], by: User, reason: str = "") -> int:
    """Let the readings feed the numbers from today on, or again from the day they once did; how many were not yet.

    Raises PermissionDenied for somebody who may not.
    """
    changed = judged(readings, ReadingState.ACCEPTED, by)
    for reading in changed:
        reading.accepted_on = reading.accepted_on or today()
        keep(reading, by, reason)
    return len(changed)


@transaction.atomic
def dispute_readings(*, readings: Iterable[Reading], by: User, reason: str) -> int:
    """Mark readings as disputed, so that they stand for nothing; how many were not yet.

    Raises PermissionDenied for somebody who may not, and ValidationError without a reason.
    """
    if not reason.strip():
        raise ValidationError(_("Say what is wrong with the value."))
    changed = judged(readings, ReadingState.DISPUTED, by)
    for reading in changed:
        keep(reading, by, reason)
    return len(changed)


def judged(readings: Iterable[Reading], state: ReadingState, by: User) -> list[Reading]:
    """Of these, locked, those that change to the state."""
    if not by.has_perm(MAY_ACCEPT):
        raise PermissionDenied
    keys = [reading.pk for reading in readings]
    changed = list(Reading.objects.select_for_update().filter(pk__in=keys).exclude(state=state))
    for reading in changed:
        reading.state = state
    return changed
