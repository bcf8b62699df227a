"""Stage and light of the pilots of a list on a day, for filtering and sorting it.

Pages and API use this to find red pilots; `pilot_status` also gives the reasons, for the pilots that are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.db.models import QuerySet

from core.web.filters import split_commas
from core.web.list_pages import keys_in_order
from pilots.analytics.pilot_cache import cached_pilots
from pilots.analytics.pilot_status import UNKNOWN_STAGE, colour_on, prefetch_for_status, stage_events
from pilots.lights import Colour
from pilots.metrics.stages import ORDERED_STAGES, Stage, current_stage
from pilots.models import Pilot


@dataclass(frozen=True, slots=True)
class StageAndLight:
    """Stage and light of one pilot: code of its stage, furthest stage reached, days in its stage, colour."""

    stage: str
    reached: Stage | None
    days: int | None
    colour: Colour

    @property
    def order(self) -> int | None:
        """Order of its stage; None without one."""
        return Stage(self.stage).order if self.stage in Stage.values else None


def pilots_with_facts(pilots: QuerySet[Pilot], as_of: date) -> Iterable[Pilot]:
    """Return the pilots with what their stage and light on a day are computed from. Eight queries, or the cache."""
    chosen = pilots.order_by().select_related(None).prefetch_related(None)
    cached = cached_pilots(chosen, prefetch_for_status)
    return prefetch_for_status(chosen, only_on=as_of) if cached is None else cached


def lights_by_pilot(pilots: QuerySet[Pilot], as_of: date) -> dict[int, Colour]:
    """Return the colour shown of each pilot, by key."""
    return {pilot.pk: colour_on(pilot, as_of) for pilot in pilots_with_facts(pilots, as_of)}


def stages_and_lights(pilots: QuerySet[Pilot], as_of: date) -> dict[int, StageAndLight]:
    """Return the stage and light of each pilot, by key."""
    found = {}
    for pilot in pilots_with_facts(pilots, as_of):
        colour, stage = colour_on(pilot, as_of), current_stage(stage_events(pilot), as_of)
        if stage is None:
            found[pilot.pk] = StageAndLight(UNKNOWN_STAGE, None, None, colour)
        else:
            reached = None if stage.stage == Stage.WITHDRAWN else stage.reached
            found[pilot.pk] = StageAndLight(stage.stage.value, reached, (as_of - stage.since).days, colour)
    return found


# -- filtering and sorting, the same for pages and API -----------------------------------------------------


COLOURS = list(Colour)
LIGHTS = [colour for colour in Colour if colour != Colour.BLUE]  # only a milestone is ever blue
VALUES: Mapping[str, Collection[str]] = {
    "stage": {*Stage.values, UNKNOWN_STAGE},
    "reached": {stage.value for stage in ORDERED_STAGES},
    "light": {colour.value for colour in LIGHTS},
}
"""Values of each filter."""

SORT_VALUES: Mapping[str, Callable[[StageAndLight], int | None]] = {
    "stage": lambda item: item.order,
    "days": lambda item: item.days,
    "light": lambda item: COLOURS.index(item.colour),
}
"""What each column is sorted by."""

Conditions = Mapping[str, Collection[str]]  # by filter, the values that pass; a filter that all pass is not in it


def read_conditions(params: Mapping[str, str]) -> Conditions:
    """Return the conditions of these query parameters, with the suffixes of the API."""
    asked = {name: remaining_values(params, name, values) for name, values in VALUES.items()}
    return {name: values for name, values in asked.items() if values != VALUES[name]}


def remaining_values(params: Mapping[str, str], name: str, values: Collection[str]) -> Collection[str]:
    """Return the values that a parameter and its suffixes leave."""
    left = set(values)
    if params.get(name):
        left &= {params[name]}
    if f"{name}__in" in params:
        left &= set(split_commas(params[f"{name}__in"]))
    return left - set(split_commas(params.get(f"{name}__ne", "")))


def matches(item: StageAndLight, conditions: Conditions) -> bool:
    """Return whether a pilot passes all conditions."""
    furthest = item.reached
    passed = [stage.value for stage in ORDERED_STAGES if furthest is not None and furthest.order >= stage.order]
    values = {"stage": (item.stage,), "light": (item.colour,), "reached": passed}
    return all(not set(values[name]).isdisjoint(allowed) for name, allowed in conditions.items())


def filter_by_status(pilots: QuerySet[Pilot], as_of: date, conditions: Conditions) -> QuerySet[Pilot]:
    """Filter pilots by stage and light on the day. The result is an ordinary queryset, to be ordered and paginated."""
    if not conditions:
        return pilots
    found = stages_and_lights(pilots, as_of)
    return pilots.filter(pk__in=[key for key, item in found.items() if matches(item, conditions)])


class StatusIndex:
    """Stages and lights of a list of pilots, for filtering and sorting its page."""

    def __init__(self, pilots: QuerySet[Pilot], as_of: date, params: Mapping[str, str]) -> None:
        self.pilots, self.as_of = pilots, as_of
        self.conditions = read_conditions(params)
        self.sort = params.get("sort", "").removeprefix("-")

    @cached_property
    def all(self) -> dict[int, StageAndLight]:
        """Stage and light of each pilot of the list."""
        return stages_and_lights(self.pilots, self.as_of)

    def ordered_keys(self, rows: QuerySet[Pilot], word: str) -> list[int] | None:
        """Return the keys of the rows in the order of `word`; None where neither filter nor order is computed.

        Rows without a value come last in either direction.
        """
        if not self.conditions and self.sort not in SORT_VALUES:
            return None
        name, backwards = word.removeprefix("-"), word.startswith("-")
        keys = [key for key in keys_in_order(rows) if matches(self.all[key], self.conditions)]
        if name not in SORT_VALUES:
            return keys
        numbers = {key: SORT_VALUES[name](self.all[key]) for key in keys}
        known = [key for key in keys if numbers[key] is not None]
        known.sort(key=lambda key: numbers[key] or 0, reverse=backwards)  # stable: ties stay in the order of their keys
        return [*known, *(key for key in keys if numbers[key] is None)]
