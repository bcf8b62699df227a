"""Filtering and sorting of pilots by what is computed for a day: stage and light. The same for pages and API."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import QuerySet

from core.tables import keys_in_order, split_commas
from pilots.analytics.pilot_status import UNKNOWN_STAGE, PilotStatus, pilot_status, prefetch_for_status
from pilots.lights import Colour
from pilots.metrics.stages import ORDERED_STAGES, Stage
from pilots.models import Pilot

LIGHTS = [colour for colour in Colour if colour != Colour.BLUE]  # only a milestone is ever blue
VALUES: Mapping[str, Collection[str]] = {
    "stage": {*Stage.values, UNKNOWN_STAGE},
    "reached": {stage.value for stage in ORDERED_STAGES},
    "light": {colour.value for colour in LIGHTS},
}
"""Values of each filter."""
SORT_VALUES: Mapping[str, Callable[[PilotStatus], int | None]] = {
    "stage": lambda status: status.current_stage.stage.order if status.current_stage else None,
    "days": lambda status: status.days_in_stage,
}
"""What each column is sorted by, except that of the light."""

Conditions = Mapping[str, Collection[str]]  # by filter, the values that pass; a filter that all pass is not in it


def status_by_pilot(pilots: QuerySet[Pilot], as_of: date) -> dict[int, PilotStatus]:
    """Return the status of each pilot on the day alone, by key. Eight queries."""
    chosen = pilots.order_by().select_related(None).prefetch_related(None)
    return {pilot.pk: pilot_status(pilot, as_of) for pilot in prefetch_for_status(chosen, only_on=as_of)}


def read_conditions(params: Mapping[str, str]) -> Conditions:
    """Return the conditions of these query parameters, with the suffixes of the API."""
    asked = {}
    for name, values in VALUES.items():
        left = set(values) - set(split_commas(params.get(f"{name}__ne", "")))
        if params.get(name):
            left &= {params[name]}
        if f"{name}__in" in params:
            left &= set(split_commas(params[f"{name}__in"]))
        if left != values:
            asked[name] = left
    return asked


def matches(status: PilotStatus, conditions: Conditions) -> bool:
    """Return whether a pilot passes all conditions."""
    at = status.current_stage
    furthest = at.reached if at and not status.is_withdrawn else None
    values: Mapping[str, Collection[str]] = {
        "stage": (at.stage.value if at else UNKNOWN_STAGE,),
        "reached": [stage.value for stage in ORDERED_STAGES if furthest and furthest.order >= stage.order],
    }
    return all(
        status.colour in allowed if name == "light" else not set(values[name]).isdisjoint(allowed)
        for name, allowed in conditions.items()
    )


def filter_by_status(pilots: QuerySet[Pilot], as_of: date, conditions: Conditions) -> QuerySet[Pilot]:
    """Filter pilots by stage and light on the day. The result is an ordinary queryset, to be ordered and paginated."""
    if not conditions:
        return pilots
    found = status_by_pilot(pilots, as_of)
    return pilots.filter(pk__in=[key for key, status in found.items() if matches(status, conditions)])


class WorstFirst(Sequence[int]):
    """Keys of pilots by their light, of one colour those first that are longest in it.

    They are sorted as far as they are read: `since` evaluates many days.
    """

    def __init__(self, keys: Sequence[int], statuses: Mapping[int, PilotStatus], *, reverse: bool = False) -> None:
        self.statuses, self.size = statuses, len(keys)
        colours = LIGHTS[::-1] if reverse else LIGHTS
        self.groups = [[key for key in keys if statuses[key].colour == colour] for colour in colours]

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, at: Any) -> Any:
        found: list[int] = []
        for group in self.groups:
            if not isinstance(at, slice) or at.stop is None or len(found) < at.stop:
                found += sorted(group, key=lambda key: (self.statuses[key].since or date.min, key))
        return found[at]

    def __iter__(self) -> Iterator[int]:
        return iter(self[:])


def ordered_keys(
    rows: QuerySet[Pilot], word: str, statuses: Mapping[int, PilotStatus], conditions: Conditions
) -> Sequence[int] | None:
    """Return the keys of the rows in the order of `word`; None where neither filter nor order is computed.

    Rows without a value come last in either direction.
    """
    name = word.removeprefix("-")
    if not conditions and name not in {"light", *SORT_VALUES}:
        return None
    keys = [key for key in keys_in_order(rows) if matches(statuses[key], conditions)]
    if name == "light":
        return WorstFirst(keys, statuses, reverse=word.startswith("-"))
    if name not in SORT_VALUES:
        return keys
    numbers = {key: SORT_VALUES[name](statuses[key]) for key in keys}
    known = [key for key in keys if numbers[key] is not None]
    known.sort(key=lambda key: numbers[key] or 0, reverse=word.startswith("-"))  # stable: ties stay in their order
    return [*known, *(key for key in keys if numbers[key] is None)]
