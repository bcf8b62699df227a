"""Services of pilots: writes that check first or touch several rows, each in one transaction.

A reading is never overwritten. A value that differs from the newest version becomes the next version.
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

from core.history.diffs import author_name, format_datetime
from core.http.as_of import today
from pilots.metrics.plausibility import implausible_change
from pilots.models import Indicator, Pilot, Reading, ReadingState
from pilots.models.indicator import format_exact

ACCEPT_PERMISSION = "pilots.accept_reading"
PLACE_PERMISSION = "pilots.place_pilot"
REPLANNING_REASON_REQUIRED = gettext_lazy(
    "This day has passed. Say in the reason for change why it is moved: it is shown beside the light."
)
CONFLICT_CODE, JUMP_CODE = "overtaken", "jump"  # the two faults that the editor may overrule, knowingly
ReadingKey = tuple[int, str]
"""Indicator and period of a reading."""


def moves_past_date(before: date | None, after: date | None) -> bool:
    """Whether a milestone with a past planned date is moved, which needs a reason."""
    return before is not None and after is not None and before < today() and before != after


@dataclass(frozen=True)
class ReadingInput:
    """A value to be recorded. `seen_id` is the newest version that the editor saw beside it, None for none."""

    indicator: Indicator
    period: str
    value: Decimal
    value_status: str
    seen_id: int | None = None
    note: str = ""

    @property
    def key(self) -> ReadingKey:
        return self.indicator.pk, self.period


class RejectedReadingsError(Exception):
    """Nothing was recorded; `errors` holds the errors by indicator and period."""

    def __init__(self, faults: Mapping[ReadingKey, ValidationError]) -> None:
        super().__init__(", ".join(f"{indicator} {period}" for indicator, period in faults))
        self.errors = faults


class ReadingLedger:
    """A pilot's recorded values: the newest version of every reading, and the base value of every target."""

    def __init__(self, pilot: Pilot) -> None:
        readings = pilot.readings.order_by("period", "version")
        self.newest: dict[ReadingKey, Reading] = {(item.indicator_id, item.period): item for item in readings}
        bases = pilot.targets.filter(base_year__isnull=False)
        self.bases: dict[ReadingKey, Decimal] = {
            (indicator, str(year)): value
            for indicator, year, value in bases.values_list("indicator_id", "base_year", "base_value")
            if value is not None
        }
        used = Reading.history.filter(pilot_id=pilot.pk).order_by().values_list("indicator_id", "period")
        self.used_versions: dict[ReadingKey, int] = {
            (indicator, period): version for indicator, period, version in used.annotate(Max("version"))
        }

    def next_version(self, place: ReadingKey) -> int:
        """Return one more than the highest version ever used, deleted ones included."""
        newest = self.newest.get(place)
        return max(self.used_versions.get(place, 0), newest.version if newest else 0) + 1

    def differs(self, value: ReadingInput) -> bool:
        """Whether the value differs from the newest version."""
        newest = self.newest.get(value.key)
        return newest is None or (newest.value, newest.value_status) != (value.value, value.value_status)

    def check(self, value: ReadingInput, beside: Iterable[ReadingInput] = ()) -> ValidationError | None:
        """Return the error of a value, given the other values entered with it; None if there is none."""
        newest = self.newest.get(value.key)
        if newest and newest.pk != value.seen_id:
            return conflict_error(newest)
        before = self.previous_value(value, beside)
        far = implausible_change(before[1], value.value) if before else None
        return None if before is None or far is None or value.note.strip() else jump_error(far, *before)

    def previous_value(self, value: ReadingInput, beside: Iterable[ReadingInput] = ()) -> tuple[str, Decimal] | None:
        """Return the previous value with its period: of the latest year or quarter, else the version it follows."""
        values = self.bases | {place: item.value for place, item in self.newest.items()}
        values |= {item.key: item.value for item in beside}
        same_kind = [
            period
            for indicator, period in values
            if indicator == value.indicator.pk and len(period) == len(value.period) and period < value.period
        ]
        if same_kind:
            return max(same_kind), values[value.indicator.pk, max(same_kind)]
        newest = self.newest.get(value.key)
        return (newest.period, newest.value) if newest else None


def conflict_error(newest: Reading) -> ValidationError:
    """Return the conflict error: another version was entered after the editor looked."""
    entry: Any = newest.history.order_by("history_id").first()
    message = _(
        "%(user)s entered %(value)s (%(status)s, version %(version)d) here on %(when)s, after you had opened the page. "
        "Yours is not saved yet. Save again to record it as the next version."
    )
    params = {
        "user": author_name(entry) if entry else _("the system"),
        "value": newest.value_text,
        "status": newest.get_value_status_display(),
        "version": newest.version,
        "when": format_datetime(entry.history_date) if entry else newest.reported_on,
        "known": newest.pk,
    }
    return ValidationError(message, code=CONFLICT_CODE, params=params)


def jump_error(far: Decimal, period: str, before: Decimal) -> ValidationError:
    """Return the error of a value that is too far from the last one without a note."""
    if far > 0:
        message = _("%(percent)s %% above the %(before)s of %(period)s. Correct the value, or say why in the note.")
    else:
        message = _("%(percent)s %% below the %(before)s of %(period)s. Correct the value, or say why in the note.")
    params = {"percent": number_format(round(abs(far) * 100, 1), 1), "before": format_exact(before), "period": period}
    return ValidationError(message, code=JUMP_CODE, params=params)


@transaction.atomic
def record_readings(
    *, pilot: Pilot, values: Sequence[ReadingInput], reported_on: date, by: User, accept: bool = False, reason: str = ""
) -> list[Reading]:
    """Record the values that differ from the newest versions, each as the next version; return the new readings.

    Raises RejectedReadingsError, with nothing recorded, for a broken rule, a conflict, or a jump without a note; and
    PermissionDenied if a user accepts without the permission.
    """
    if accept and not by.has_perm(ACCEPT_PERMISSION, pilot):
        raise PermissionDenied
    lock_pilot(pilot)
    record = ReadingLedger(pilot)
    fresh = [value for value in values if record.differs(value)]
    readings = {value.key: new_reading(pilot, value, reported_on, accept=accept) for value in fresh}
    faults = {value.key: record.check(value, values) or validation_error(readings[value.key]) for value in fresh}
    found = {place: fault for place, fault in faults.items() if fault}
    if found:
        raise RejectedReadingsError(found)
    for place, reading in readings.items():
        reading.version = record.next_version(place)
        save_with_history(reading, by, reason)
    return list(readings.values())


def lock_pilot(pilot: Pilot) -> None:
    """Lock the pilot until the transaction ends, so that versions are numbered one after the other."""
    Pilot.objects.select_for_update().filter(pk=pilot.pk).first()


def new_reading(pilot: Pilot, value: ReadingInput, reported_on: date, *, accept: bool) -> Reading:
    """Return the value as an unsaved reading."""
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


def validation_error(reading: Reading) -> ValidationError | None:
    """Return the reading's validation errors as one error, or None."""
    try:
        reading.full_clean(exclude=["pilot", "indicator", "version"])
    except ValidationError as error:
        return ValidationError(error.messages, code="invalid")
    return None


def save_with_history(reading: Reading, by: User, reason: str) -> None:
    """Save the reading with one history entry."""
    reading._history_user = by  # type: ignore[attr-defined]  # noqa: SLF001  # where simple-history looks for them
    reading._change_reason = reason or None  # type: ignore[attr-defined]
    reading.save()


@transaction.atomic
def accept_readings(*, readings: Iterable[Reading], by: User, reason: str = "") -> int:
    """Accept readings: they count from today on, or again from the date they once did. Return how many changed.

    Raises PermissionDenied without the permission.
    """
    changed = lock_and_set_state(readings, ReadingState.ACCEPTED, by)
    for reading in changed:
        reading.accepted_on = reading.accepted_on or today()
        save_with_history(reading, by, reason)
    return len(changed)


@transaction.atomic
def dispute_readings(*, readings: Iterable[Reading], by: User, reason: str) -> int:
    """Dispute readings, so that they count for nothing. Return how many changed.

    Raises PermissionDenied without the permission, and ValidationError without a reason.
    """
    if not reason.strip():
        raise ValidationError(_("Say what is wrong with the value."))
    changed = lock_and_set_state(readings, ReadingState.DISPUTED, by)
    for reading in changed:
        save_with_history(reading, by, reason)
    return len(changed)


def lock_and_set_state(readings: Iterable[Reading], state: ReadingState, by: User) -> list[Reading]:
    """Lock the readings that change to the state, set it, and return them unsaved."""
    if not by.has_perm(ACCEPT_PERMISSION):
        raise PermissionDenied
    keys = [reading.pk for reading in readings]
    changed = list(Reading.objects.select_for_update().filter(pk__in=keys).exclude(state=state))
    for reading in changed:
        reading.state = state
    return changed
