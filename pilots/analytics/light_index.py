"""Stage and light of many pilots on a day, for filtering, sorting and counting lists.

Pages and API use this to find red pilots; `pilot_status` also gives the reasons, for the pilots that are shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import cast

from django.conf import settings
from django.core.cache import cache
from django.db.models import QuerySet

from core.caching.data_version import data_version as read_version
from core.caching.response_cache import release_fingerprint
from core.web.filters import split_commas
from core.web.list_pages import keys_in_order
from pilots.analytics.pilot_cache import cached_pilots, pilot_versions
from pilots.analytics.pilot_status import (
    STATUS_CHUNK_SIZE,
    UNKNOWN_STAGE,
    LightSummary,
    colour_on,
    prefetch_for_status,
    quarter_end_before,
    yearly_readings,
)
from pilots.metrics import stages as stages_metrics
from pilots.metrics.lights import Colour, count_by_colour
from pilots.metrics.progress import year_due
from pilots.metrics.stages import ORDERED_STAGES, CurrentStage, Stage, StageEvent, StageFunnel, funnel_of_positions
from pilots.models import Pilot, StageEntry
from pilots.readings import newest_accepted


@dataclass(frozen=True, slots=True)
class StageAndLight:
    """Stage and light of one pilot: code of its stage, furthest stage reached, days in its stage, colour.

    Values that were not requested are None.
    """

    stage: str | None = None
    reached: Stage | None = None
    days: int | None = None
    colour: Colour | None = None

    @property
    def order(self) -> int | None:
        """Order of its stage; None without one."""
        return Stage(self.stage).order if self.stage in Stage.values else None


# -- lights ------------------------------------------------------------------------------------------------


def lights_by_pilot(pilots: QuerySet[Pilot], as_of: date) -> dict[int, Colour]:
    """Return the colour shown of each pilot, by key.

    Of more pilots than a worker caches, the colours of a day are cached under the version of each pilot, so that after
    a write those alone are computed that it concerns.
    """
    chosen = pilots.order_by().select_related(None).prefetch_related(None)
    cached = cached_pilots(chosen, prefetch_for_status)
    if cached is not None:
        return {pilot.pk: colour_on(pilot, as_of) for pilot in cached}
    if not settings.CACHE_RESPONSES:
        return compute_lights(chosen, as_of)
    data, versions = read_version(pilots.db), pilot_versions(chosen)
    if not versions or len(versions) <= STATUS_CHUNK_SIZE:
        return compute_lights(chosen, as_of)
    key = f"lights-{release_fingerprint()}-{as_of}-{pilots.db}"
    known = cast(dict[int, tuple[str, Colour]], cache.get(key) or {})
    changed = [pilot for pilot, version in versions.items() if known.get(pilot, ("",))[0] != version]
    for start in range(0, len(changed), STATUS_CHUNK_SIZE):
        some = Pilot.objects.filter(pk__in=changed[start : start + STATUS_CHUNK_SIZE])
        known |= {pilot: (versions[pilot], colour) for pilot, colour in compute_lights(some, as_of).items()}
    if changed and read_version(pilots.db) == data:
        cache.set(key, known)
    return {pilot: known[pilot][1] for pilot in versions if pilot in known}


def compute_lights(pilots: QuerySet[Pilot], as_of: date) -> dict[int, Colour]:
    """Return the colours of these pilots, with STATUS_CHUNK_SIZE in memory at a time. Eight queries for each chunk."""
    found = prefetch_for_status(pilots, only_on=as_of).iterator(STATUS_CHUNK_SIZE)
    return {pilot.pk: colour_on(pilot, as_of) for pilot in found}


# -- where they stand ----------------------------------------------------------------------------------------


def stages_and_lights(
    pilots: QuerySet[Pilot], as_of: date, *, with_stages: bool = True, with_lights: bool = True
) -> dict[int, StageAndLight]:
    """Return the stage and light of each pilot, by key. Ten queries, whatever their number."""
    colours = lights_by_pilot(pilots, as_of) if with_lights else {}
    stages = current_stages(pilots, as_of) if with_stages else {}
    return {
        key: make_stage_and_light(stages.get(key), colours.get(key), as_of, with_stages)
        for key in pilots.order_by().values_list("pk", flat=True)
    }


def make_stage_and_light(
    position: CurrentStage | None, colour: Colour | None, as_of: date, with_stages: bool
) -> StageAndLight:
    if not position:
        return StageAndLight(stage=UNKNOWN_STAGE if with_stages else None, colour=colour)
    withdrawn = position.stage == Stage.WITHDRAWN
    days = (as_of - position.since).days
    return StageAndLight(position.stage.value, None if withdrawn else position.reached, days, colour)


def current_stages(pilots: QuerySet[Pilot], as_of: date) -> dict[int, CurrentStage]:
    """Return the current stage of each pilot with any on record, by key. One query."""
    own = pilots.order_by().select_related(None).prefetch_related(None).values("pk")
    stages = StageEntry.objects.filter(pilot__in=own, entered_on__lte=as_of).order_by("entered_on", "pk")
    entries: dict[int, list[StageEvent]] = defaultdict(list)
    for key, stage, entered_on in stages.values_list("pilot_id", "stage", "entered_on"):
        entries[key].append(StageEvent(Stage(stage), cast(date, entered_on)))
    found = {key: stages_metrics.current_stage(some, as_of) for key, some in entries.items()}
    return {key: position for key, position in found.items() if position}


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


def matches(item: StageAndLight, conditions: Conditions) -> bool:
    """Return whether a pilot passes all conditions."""
    furthest = item.reached
    passed = [stage.value for stage in ORDERED_STAGES if furthest is not None and furthest.order >= stage.order]
    values = {"stage": (item.stage or "",), "light": (item.colour or "",), "reached": passed}
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
    """Stages and lights of a list of pilots, for filtering and sorting its page.

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

    def ordered_keys(self, rows: QuerySet[Pilot], word: str) -> list[int] | None:
        """Return the keys of the rows in the order of `word`; None where neither filter nor order is computed.

        Rows without a value come last in either direction.
        """
        if not self.conditions and self.sort not in SORT_VALUES:
            return None
        name, backwards = word.removeprefix("-"), word.startswith("-")
        found = self.all if self.is_short else statuses_needed(rows, self.as_of, {self.sort, *self.conditions})
        keys = [key for key in keys_in_order(rows) if matches(found[key], self.conditions)]
        if name not in SORT_VALUES:
            return keys
        numbers = {key: SORT_VALUES[name](found[key]) for key in keys}
        known = [key for key in keys if numbers[key] is not None]
        known.sort(key=lambda key: numbers[key] or 0, reverse=backwards)  # stable: ties stay in the order of their keys
        return [*known, *(key for key in keys if numbers[key] is None)]


# -- progress, for answers that show only a page of the pilots ----------------------------------------------


@dataclass(frozen=True)
class ProgressTotals:
    """The numbers of `pilot_status.Progress`, without a status of each pilot."""

    as_of: date
    pilots: QuerySet[Pilot]

    @cached_property
    def strip(self) -> LightSummary:
        """Lights now and at the end of the last quarter, of the same pilots on both days."""
        then_on = quarter_end_before(self.as_of)
        now, then = (lights_by_pilot(self.pilots, day) for day in (self.as_of, then_on))
        return LightSummary(count_by_colour(now.values()), count_by_colour(then.values()), then_on, len(now))

    @cached_property
    def kinds(self) -> Mapping[int, str]:
        """Kind of each pilot, by key."""
        return dict(self.pilots.order_by().values_list("pk", "kind"))

    @cached_property
    def positions(self) -> Mapping[int, CurrentStage]:
        """Current stage of each pilot with any on record, by key."""
        return current_stages(self.pilots, self.as_of)

    def funnel(self, kind: str = "") -> StageFunnel:
        """Return the funnel of all pilots, or of one kind."""
        return funnel_of_positions([self.positions.get(key) for key, own in self.kinds.items() if kind in ("", own)])

    @cached_property
    def reported(self) -> int:
        """Number of pilots with an accepted value for the last period due."""
        due = yearly_readings().filter(
            pilot__in=self.pilots.order_by().values("pk"), period__gte=str(year_due(self.as_of))
        )
        return newest_accepted(self.as_of, due).order_by().values("pilot_id").distinct().count()
