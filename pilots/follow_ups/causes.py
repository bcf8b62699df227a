"""Lights that caused follow-ups, on any day: the same functions as on the page of the pilot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import cast

from django.conf import settings

from core.caching import store
from core.caching.response_cache import release_fingerprint
from pilots.analytics.pilot_cache import MAX_PILOTS, cached_pilots, kept_with_pilot, pilot_versions
from pilots.analytics.pilot_status import (
    LIGHTS_CHANGE_ON,
    STATUS_CHUNK_SIZE,
    IndicatorStatus,
    MilestoneStatus,
    colour_on,
    indicator_status,
    latest_yearly_readings,
    light_change_dates,
    milestone_status,
    prefetch_for_status,
    related_rows,
)
from pilots.metrics.follow_ups import relapse_day, relapse_watch_end
from pilots.metrics.lights import Colour
from pilots.models import Cause, FollowUp, Pilot

CauseKey = tuple[str, int | None]
"""What a cause is, within its pilot: its kind, and the key of the indicator or the milestone."""
OutcomeKey = tuple[int, CauseKey, date]
"""Key of a pilot, the cause, and the closing day."""


def cause_key(follow_up: FollowUp) -> CauseKey:
    return follow_up.cause, follow_up.cause_indicator_id or follow_up.cause_milestone_id


# -- one cause on a day ------------------------------------------------------------------------------------


def cause_indicator_status(pilot: Pilot, indicator: int, day: date) -> IndicatorStatus | None:
    """Return the status of the pilot's target for the indicator; None where it has none."""
    found = (target for target in related_rows(pilot, "targets") if target.indicator_id == indicator)
    target = next(found, None)
    return target and indicator_status(target, latest_yearly_readings(pilot, day), day)


def cause_milestone_status(pilot: Pilot, milestone: int, day: date) -> MilestoneStatus | None:
    """Return the status of a milestone; None where it is no longer the pilot's."""
    found = (item for item in related_rows(pilot, "milestones") if item.pk == milestone)
    item = next(found, None)
    return item and milestone_status(item, day)


@kept_with_pilot
def cause_colour(pilot: Pilot, cause: CauseKey, day: date) -> Colour:
    """Return the colour of a cause on a day; grey for a target or milestone that is deleted since."""
    kind, key = cause
    if kind == Cause.PILOT or key is None:
        return colour_on(pilot, day)
    status = (cause_indicator_status if kind == Cause.INDICATOR else cause_milestone_status)(pilot, key, day)
    return status.light.colour if status else Colour.GREY


def cause_change_dates(pilot: Pilot, first: date, last: date) -> list[date]:
    """Return the days from the first to the last on which a light of the pilot can change."""
    years = range(first.year, last.year + 1)
    days = [*light_change_dates(pilot), *(date(year, *turn) for year in years for turn in ((1, 1), LIGHTS_CHANGE_ON))]
    return [day for day in days if first <= day <= last]


@kept_with_pilot
def cause_relapse(pilot: Pilot, cause: CauseKey, closed_on: date, as_of: date) -> date | None:
    """Return the first day after closing on which the cause is red again, within the time watched, or None."""
    days = cause_change_dates(pilot, closed_on, min(relapse_watch_end(closed_on), as_of))
    return relapse_day(lambda day: cause_colour(pilot, cause, day), days, closed_on, as_of)


# -- the causes of many follow-ups -------------------------------------------------------------------------


@dataclass(frozen=True)
class CauseOutcome:
    """Light of a cause on the closing day, and the day on which it was red again; None if it was not."""

    at_closing: Colour
    relapsed_on: date | None


class CauseLights:
    """Lights of the causes of follow-ups that are shown together, computed on first access, by key of the follow-up.

    `closed_on` holds the closing day of each that is closed.
    """

    def __init__(self, follow_ups: Iterable[FollowUp], closed_on: Mapping[int, date], as_of: date) -> None:
        self.follow_ups = [item for item in follow_ups if item.cause and item.pilot_id]
        self.closed_on, self.as_of = closed_on, as_of

    @cached_property
    def now(self) -> Mapping[int, Colour]:
        """Colour of each cause on the day."""
        return {
            item.pk: cause_colour(pilot, cause_key(item), self.as_of)
            for pilot, items in pilots_of(self.follow_ups, self.as_of)
            for item in items
        }

    @cached_property
    def outcomes(self) -> Mapping[int, CauseOutcome]:
        """What became of each cause that was red at the opening and whose follow-up is closed.

        Those of more pilots than a worker caches are cached under the version of each pilot, as their lights are.
        """
        chosen = [item for item in self.follow_ups if item.cause_colour == Colour.RED and item.pk in self.closed_on]
        keys = {item.pilot_id for item in chosen if item.pilot_id}
        if not settings.CACHE_RESPONSES or len(keys) <= MAX_PILOTS:
            return self.compute_outcomes(chosen)
        versions = pilot_versions(Pilot.objects.filter(pk__in=keys)) or {}
        name = f"causes-{release_fingerprint()}-{self.as_of}"
        known = cast(dict[OutcomeKey, tuple[str, CauseOutcome]], store.load(name) or {})
        places = {item.pk: (item.pilot_id or 0, cause_key(item), self.closed_on[item.pk]) for item in chosen}
        changed = [item for item in chosen if known.get(places[item.pk], ("",))[0] != versions.get(item.pilot_id or 0)]
        computed = self.compute_outcomes(changed)
        found = {item.pk: computed.get(item.pk) or known[places[item.pk]][1] for item in chosen}
        if computed and versions:
            store.save(name, known | {places[key]: (versions[places[key][0]], found[key]) for key in computed})
        return found

    def compute_outcomes(self, chosen: Sequence[FollowUp]) -> dict[int, CauseOutcome]:
        first = min((self.closed_on[item.pk] for item in chosen), default=self.as_of)
        return {item.pk: self.outcome(pilot, item) for pilot, items in pilots_of(chosen, first) for item in items}

    def outcome(self, pilot: Pilot, follow_up: FollowUp) -> CauseOutcome:
        cause, closed_on = cause_key(follow_up), self.closed_on[follow_up.pk]
        colour = cause_colour(pilot, cause, closed_on)
        rated_well = colour not in {Colour.RED, Colour.GREY}
        return CauseOutcome(colour, cause_relapse(pilot, cause, closed_on, self.as_of) if rated_well else None)


def pilots_of(follow_ups: Iterable[FollowUp], first: date) -> Iterator[tuple[Pilot, Sequence[FollowUp]]]:
    """Yield each pilot, with the rows for its lights from the first day on, and its follow-ups.

    A few pilots come from the cache; of many, STATUS_CHUNK_SIZE are in memory at a time.
    """
    groups: dict[int, list[FollowUp]] = defaultdict(list)
    for item in follow_ups:
        if item.pilot_id:
            groups[item.pilot_id].append(item)
    keys = sorted(groups)
    for start in range(0, len(keys), STATUS_CHUNK_SIZE):
        pilots = Pilot.objects.filter(pk__in=keys[start : start + STATUS_CHUNK_SIZE])
        cached = cached_pilots(pilots, prefetch_for_status) if len(keys) <= MAX_PILOTS else None
        for pilot in prefetch_for_status(pilots, only_on=first) if cached is None else cached:
            yield pilot, groups[pilot.pk]
