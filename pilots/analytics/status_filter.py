"""Filtering and sorting of pilots by stage and light on a day, the same for pages and API."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from functools import cached_property

from django.db.models import QuerySet

from core.web.facets import FacetValues
from core.web.filters import split_commas
from core.web.list_pages import order_expressions
from pilots.analytics.light_index import StageAndLight, stages_and_lights
from pilots.analytics.pilot_status import STATUS_CHUNK_SIZE, UNKNOWN_STAGE
from pilots.metrics.lights import Colour
from pilots.metrics.stages import ORDERED_STAGES, Stage
from pilots.models import Pilot

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
    "light": lambda item: None if item.colour is None else COLOURS.index(item.colour),
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


def filter_values(item: StageAndLight) -> Mapping[str, Collection[str]]:
    """Return the values under which each filter finds a pilot."""
    furthest = item.reached
    passed = [stage.value for stage in ORDERED_STAGES if furthest is not None and furthest.order >= stage.order]
    return {"stage": (item.stage or "",), "light": (item.colour or "",), "reached": passed}


def matches(item: StageAndLight, conditions: Conditions) -> bool:
    """Return whether a pilot passes all conditions."""
    values = filter_values(item)
    return all(not set(values[name]).isdisjoint(allowed) for name, allowed in conditions.items())


def statuses_needed(pilots: QuerySet[Pilot], as_of: date, names: Collection[str]) -> dict[int, StageAndLight]:
    """Return stages and lights of these pilots by key, as far as these filters or columns need them."""
    with_stages = not {"stage", "days", "reached"}.isdisjoint(names)
    return stages_and_lights(pilots, as_of, with_stages=with_stages, with_lights="light" in names)


def filter_by_status(pilots: QuerySet[Pilot], as_of: date, conditions: Conditions) -> QuerySet[Pilot]:
    """Filter pilots by stage and light on the day. The result is an ordinary queryset, to be ordered and paginated."""
    if not conditions:
        return pilots
    found = statuses_needed(pilots, as_of, conditions)
    return pilots.filter(pk__in=[key for key, item in found.items() if matches(item, conditions)])


class StatusIndex:
    """Stages and lights of a list of pilots, for filtering, sorting and counting its page.

    All of them are computed if the list is short, else only what is asked for, after the other filters.
    """

    def __init__(self, pilots: QuerySet[Pilot], as_of: date, params: Mapping[str, str]) -> None:
        self.pilots, self.as_of = pilots, as_of
        self.conditions = read_conditions(params)
        self.sort = params.get("sort", "").removeprefix("-")

    @cached_property
    def is_short(self) -> bool:
        """Whether the list is short enough to compute all at once."""
        return self.pilots.count() <= STATUS_CHUNK_SIZE

    @cached_property
    def all(self) -> dict[int, StageAndLight]:
        """Stage and light of each pilot of a short list."""
        return stages_and_lights(self.pilots, self.as_of)

    def ordered_keys(self, rows: QuerySet[Pilot], fields: Sequence[str], word: str) -> list[int] | None:
        """Return the keys of the rows in order; None where neither filter nor order is computed.

        Rows without a value come last in either direction.
        """
        if not self.conditions and self.sort not in SORT_VALUES:
            return None
        name, backwards = word.removeprefix("-"), word.startswith("-")
        by_field = ["pk"] if name in SORT_VALUES else [*order_expressions(fields, backwards), "pk"]
        found = self.all if self.is_short else statuses_needed(rows, self.as_of, {self.sort, *self.conditions})
        stored = rows.select_related(None).prefetch_related(None).order_by(*by_field).values_list("pk", flat=True)
        keys = [key for key in stored if matches(found[key], self.conditions)]
        if name not in SORT_VALUES:
            return keys
        numbers = {key: SORT_VALUES[name](found[key]) for key in keys}
        known = [key for key in keys if numbers[key] is not None]
        known.sort(key=lambda key: numbers[key] or 0, reverse=backwards)  # stable: ties stay in the order of their keys
        return [*known, *(key for key in keys if numbers[key] is None)]

    def values(self) -> Mapping[str, FacetValues]:
        """Return the values of each pilot by filter, for the counts; nothing for a long list."""
        if not self.is_short:
            return {}
        return {name: {key: filter_values(item)[name] for key, item in self.all.items()} for name in VALUES}

    def passing(self, name: str, value: str) -> set[int] | None:
        """Return the keys of the pilots that the filter leaves; None if only some are computed."""
        if name not in VALUES:  # the rows were chosen by it
            return set(self.pilots.order_by().values_list("pk", flat=True))
        if not self.is_short:
            return None
        return {key for key, item in self.all.items() if matches(item, {name: {value}})}
