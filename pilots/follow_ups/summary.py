"""Numbers of many follow-ups on a day, for page, API and file. Nothing of them is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from pilots.analytics.light_index import status_by_pilot
from pilots.follow_ups.causes import add_lights
from pilots.lights import Colour
from pilots.metrics.follow_up_states import FollowUpState
from pilots.models import FollowUp, Pilot


@dataclass(frozen=True)
class Share:
    """Part of a whole, both as numbers; `percent` is None for a part of nothing."""

    n: int
    of: int

    @property
    def percent(self) -> float | None:
        return 100 * self.n / self.of if self.of else None


def share(items: Iterable[object]) -> Share:
    """Return how many of the items are true."""
    found = [bool(item) for item in items]
    return Share(sum(found), len(found))


@dataclass(frozen=True)
class MedianDays:
    """Median of durations in days, and of how many; None without any."""

    days: float | None
    n: int


def median_days(durations: Iterable[int]) -> MedianDays:
    found = list(durations)
    return MedianDays(float(median(found)) if found else None, len(found))


@dataclass(frozen=True)
class AgeBand:
    """Open follow-ups by their days since the opening: how many, and how many of them are overdue."""

    first: int
    last: int | None  # None has no end
    n: int
    overdue: int


AGE_BANDS: Sequence[tuple[int, int | None]] = ((0, 30), (31, 90), (91, 180), (181, None))


@dataclass(frozen=True)
class RedCauses:
    """What became of the follow-ups that a red light caused: from red to follow-up to cleared.

    opened = open + closed + withdrawn; closed = cleared + still_red + not_rated, by the light on the closing day.
    """

    opened: int
    open: int
    closed: int
    withdrawn: int
    cleared: int
    still_red: int
    not_rated: int
    relapsed: int  # of the cleared ones
    watched: int  # cleared ones that have been watched for RELAPSE_DAYS, or are red again


@dataclass(frozen=True)
class FollowUpSummary:
    """Numbers of a set of follow-ups on a day; each share with its whole."""

    as_of: date
    total: int
    by_state: Mapping[FollowUpState, int]
    open: int
    to_verify: int
    closed: int
    withdrawn: int
    key_open: int
    overdue: Share  # of the open ones
    extended: Share  # extended at least once, of all
    closed_in_time: Share  # of the closed ones
    returned: Share  # returned at least once, of those reported at least once
    days_to_sign: MedianDays  # opened to first signed for
    days_to_close: MedianDays  # opened to closed
    cleared: Share  # of the closed ones whose cause was red at the opening and is rated on the closing day
    relapsed: Share  # causes red again within RELAPSE_DAYS after closing, of the cleared ones
    not_watched_yet: int  # cleared ones that are not red again and not yet watched for RELAPSE_DAYS
    ages: Sequence[AgeBand]  # of the open ones, every band
    red: RedCauses


def build_summary(rows: Iterable[FollowUp], as_of: date, known: Iterable[Pilot] = ()) -> FollowUpSummary:
    """Return the numbers of these follow-ups, which are `with_state` of the day; `known` as for `add_lights`."""
    follow_ups = list(rows)
    states = Counter(item.current_state for item in follow_ups)
    still_open = [item for item in follow_ups if item.current_state.is_open]
    red = red_causes([item for item in follow_ups if item.cause_colour == Colour.RED], known)
    in_bands = [
        (band, [item.is_overdue for item in still_open if band[0] <= item.age <= (band[1] or item.age)])
        for band in AGE_BANDS
    ]
    return FollowUpSummary(
        as_of=as_of,
        total=len(follow_ups),
        by_state={state: states[state] for state in FollowUpState},
        open=len(still_open),
        to_verify=states[FollowUpState.REPORTED],
        closed=states[FollowUpState.CLOSED],
        withdrawn=states[FollowUpState.WITHDRAWN],
        key_open=sum(item.is_key for item in still_open),
        overdue=share(item.is_overdue for item in still_open),
        extended=share(item.times_extended for item in follow_ups),
        closed_in_time=share(item.closed_in_time for item in follow_ups if item.closed_on),
        returned=share(item.times_returned for item in follow_ups if item.reported_on),
        days_to_sign=median_days((item.signed_on - item.opened_on).days for item in follow_ups if item.signed_on),
        days_to_close=median_days((item.closed_on - item.opened_on).days for item in follow_ups if item.closed_on),
        cleared=Share(red.cleared, red.cleared + red.still_red),
        relapsed=Share(red.relapsed, red.cleared),
        not_watched_yet=red.cleared - red.watched,
        ages=[AgeBand(*band, len(inside), sum(inside)) for band, inside in in_bands],
        red=red,
    )


def red_causes(follow_ups: Sequence[FollowUp], known: Iterable[Pilot] = ()) -> RedCauses:
    """Return what became of follow-ups that a red light caused."""
    closed = [item for item in follow_ups if item.closed_on]
    cleared = [item for item in closed if item.cleared]
    add_lights(cleared, known)
    return RedCauses(
        opened=len(follow_ups),
        open=sum(item.current_state.is_open for item in follow_ups),
        closed=len(closed),
        withdrawn=sum(item.current_state == FollowUpState.WITHDRAWN for item in follow_ups),
        cleared=len(cleared),
        still_red=sum(item.cleared is False for item in closed),
        not_rated=sum(item.cleared is None for item in closed),
        relapsed=sum(item.relapsed_on is not None for item in cleared),
        watched=sum(item.watched or item.relapsed_on is not None for item in cleared),
    )


@dataclass(frozen=True)
class RedLights:
    """Red pilots on the day, and how many of them have an open follow-up."""

    red: int
    followed: int


def count_red_lights(as_of: date) -> RedLights:
    """Return how many pilots in the programme are red on the day, and how many of these have an open follow-up."""
    found = status_by_pilot(Pilot.objects.listed(as_of), as_of)
    red = {pilot for pilot, status in found.items() if status.colour == Colour.RED}
    followed = set(FollowUp.objects.with_state(as_of).open().filter(pilot__in=red).values_list("pilot", flat=True))
    return RedLights(len(red), len(followed))
