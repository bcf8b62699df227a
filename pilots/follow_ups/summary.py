"""Numbers of many follow-ups on a day, for page, API and file. Nothing of them is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from statistics import median
from typing import NamedTuple

from pilots.analytics.light_index import status_by_pilot
from pilots.follow_ups.services import add_lights
from pilots.lights import Colour
from pilots.metrics.follow_up_states import FollowUpState
from pilots.models import FollowUp, Pilot


class Share(NamedTuple):
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


class MedianDays(NamedTuple):
    """Median of durations in days, and of how many; None without any."""

    days: float | None
    n: int


def median_days(durations: Iterable[int]) -> MedianDays:
    found = list(durations)
    return MedianDays(float(median(found)) if found else None, len(found))


class AgeBand(NamedTuple):
    """Open follow-ups by their days since the opening: how many, and how many of them are overdue."""

    first: int
    last: int | None  # None has no end
    n: int
    overdue: int


AGE_BANDS: Sequence[tuple[int, int | None]] = ((0, 30), (31, 90), (91, 180), (181, None))


class RedCauses:
    """What became of the follow-ups that a red light caused: from red to follow-up to cleared.

    opened = open + closed + withdrawn; closed = cleared + still_red + not_rated, by the light on the closing day.
    """

    def __init__(self, follow_ups: Sequence[FollowUp], known: Iterable[Pilot] = ()) -> None:
        closed = [item for item in follow_ups if item.closed_on]
        cleared = [item for item in closed if item.cleared]
        add_lights(cleared, known)
        self.opened, self.closed, self.cleared = len(follow_ups), len(closed), len(cleared)
        self.open = sum(item.current_state.is_open for item in follow_ups)
        self.withdrawn = sum(item.current_state == FollowUpState.WITHDRAWN for item in follow_ups)
        self.still_red = sum(item.cleared is False for item in closed)
        self.not_rated = sum(item.cleared is None for item in closed)
        self.relapsed = sum(item.relapsed_on is not None for item in cleared)
        # Cleared ones that have been watched for RELAPSE_DAYS, or are red again.
        self.watched = sum(item.watched or item.relapsed_on is not None for item in cleared)


class FollowUpSummary:
    """Numbers of a set of follow-ups `with_state` of a day; each share with its whole. `known` as for `add_lights`."""

    def __init__(self, rows: Iterable[FollowUp], as_of: date, known: Iterable[Pilot] = ()) -> None:
        follow_ups = list(rows)
        states = Counter(item.current_state for item in follow_ups)
        still_open = [item for item in follow_ups if item.current_state.is_open]
        closed = [item for item in follow_ups if item.closed_on]
        self.as_of, self.total, self.open = as_of, len(follow_ups), len(still_open)
        self.by_state = {state: states[state] for state in FollowUpState}
        self.to_verify, self.withdrawn = states[FollowUpState.REPORTED], states[FollowUpState.WITHDRAWN]
        self.closed = states[FollowUpState.CLOSED]
        self.key_open = sum(item.is_key for item in still_open)
        self.overdue = share(item.is_overdue for item in still_open)
        self.extended = share(item.times_extended for item in follow_ups)
        self.closed_in_time = share(item.closed_in_time for item in closed)
        self.returned = share(item.times_returned for item in follow_ups if item.reported_on)
        self.days_to_sign = median_days((item.signed_on - item.opened_on).days for item in follow_ups if item.signed_on)
        self.days_to_close = median_days((item.closed_on - item.opened_on).days for item in closed if item.closed_on)
        self.red = red = RedCauses([item for item in follow_ups if item.cause_colour == Colour.RED], known)
        # Of the closed ones whose cause was red at the opening and is rated on the closing day.
        self.cleared = Share(red.cleared, red.cleared + red.still_red)
        self.relapsed = Share(red.relapsed, red.cleared)
        self.not_watched_yet = red.cleared - red.watched
        self.ages = []  # of the open ones, every band
        for first, last in AGE_BANDS:
            inside = [item.is_overdue for item in still_open if first <= item.age <= (last or item.age)]
            self.ages.append(AgeBand(first, last, len(inside), sum(inside)))


class RedLights(NamedTuple):
    """Red pilots on the day, and how many of them have an open follow-up."""

    red: int
    followed: int


def count_red_lights(as_of: date) -> RedLights:
    """Return how many pilots in the programme are red on the day, and how many of these have an open follow-up."""
    found = status_by_pilot(Pilot.objects.listed(as_of), as_of)
    red = {pilot for pilot, status in found.items() if status.colour == Colour.RED}
    followed = set(FollowUp.objects.with_state(as_of).open().filter(pilot__in=red).values_list("pilot", flat=True))
    return RedLights(len(red), len(followed))
