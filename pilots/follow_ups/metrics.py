"""Numbers of follow-ups on a day, computed from their steps: pure functions, without models or requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Protocol, TypeVar

from pilots.lights import Colour
from pilots.metrics.follow_up_states import OWNER_STATES, RELAPSE_DAYS, FollowUpState, Move


class StepFields(Protocol):
    """What the numbers need of a step."""

    @property
    def seq(self) -> int: ...
    @property
    def taken_on(self) -> date: ...
    @property
    def move(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def new_due_on(self) -> date | None: ...


Step = TypeVar("Step", bound=StepFields)


# -- one follow-up on a day --------------------------------------------------------------------------------


def steps_by(steps: Iterable[Step], as_of: date) -> list[Step]:
    """Return the steps taken by the day, in order."""
    return sorted((step for step in steps if step.taken_on <= as_of), key=lambda step: step.seq)


def state_after(steps: Sequence[StepFields]) -> FollowUpState | None:
    """Return the state after these steps; None without any: it does not exist on that day."""
    return FollowUpState(steps[-1].state) if steps else None


def due_after(first_due: date, steps: Iterable[StepFields]) -> date:
    """Return the due date in force after these steps: that of the newest with one, else the first."""
    dates = [step.new_due_on for step in steps if step.new_due_on]
    return dates[-1] if dates else first_due


def count_moves(steps: Iterable[StepFields], move: Move) -> int:
    return sum(step.move == move for step in steps)


def first_day_of(steps: Iterable[StepFields], move: Move) -> date | None:
    """Return the day of the first step of a kind, or None."""
    return next((step.taken_on for step in steps if step.move == move), None)


def last_day_of(steps: Sequence[StepFields], move: Move) -> date | None:
    """Return the day of the newest step of a kind, or None."""
    return first_day_of(reversed(steps), move)


def is_overdue(state: FollowUpState | None, due_on: date, as_of: date) -> bool:
    """Whether the owner has to act and the due date has passed; a reported one waits for the verifier."""
    return state in OWNER_STATES and due_on < as_of


def is_closed_in_time(first_due: date, steps: Sequence[StepFields]) -> bool | None:
    """Whether the report that was verified came on or before the due date in force that day; None if not closed."""
    if state_after(steps) != FollowUpState.CLOSED:
        return None
    reported_on = last_day_of(steps, Move.REPORT)
    return reported_on is not None and reported_on <= due_after(first_due, steps_by(steps, reported_on))


# -- the light that caused it ------------------------------------------------------------------------------


def is_cleared(at_opening: str, at_closing: Colour | None) -> bool | None:
    """Whether a cause that was red is no longer red on the closing day; None where it was not red, or is not rated."""
    if at_opening != Colour.RED or at_closing in {None, Colour.GREY}:
        return None
    return at_closing != Colour.RED


def is_unchanged(at_opening: str, now: Colour | None) -> bool:
    """Whether the light of a cause is no better than at the opening. One that was green then has nothing to improve."""
    worse = (Colour(at_opening), now) == (Colour.YELLOW, Colour.RED) if at_opening else False
    return bool(at_opening) and at_opening != Colour.GREEN and (now == at_opening or worse)


def relapse_watch_end(closed_on: date) -> date:
    """Return the last day on which a cause that is red again counts as a relapse."""
    return closed_on + timedelta(RELAPSE_DAYS)


def relapse_day(
    light_on: Callable[[date], Colour], candidates: Iterable[date], closed_on: date, as_of: date
) -> date | None:
    """Return the first day after closing on which the cause is red, within RELAPSE_DAYS and up to the day, or None.

    `candidates` are all the days on which the light can change; on the closing day it is not red.
    """
    end = min(relapse_watch_end(closed_on), as_of)
    days = sorted({day for day in candidates if closed_on < day <= end})
    return next((day for day in days if light_on(day) == Colour.RED), None)


# -- many of them ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Share:
    """Part of a whole, both as numbers; `percent` is None for a part of nothing."""

    n: int
    of: int

    @property
    def percent(self) -> float | None:
        return 100 * self.n / self.of if self.of else None


def share(items: Iterable[bool]) -> Share:
    """Return how many of the items are true."""
    found = list(items)
    return Share(sum(found), len(found))


@dataclass(frozen=True)
class MedianDays:
    """Median of durations in days, and of how many; None without any."""

    days: float | None
    n: int


def median_days(durations: Iterable[int]) -> MedianDays:
    found = list(durations)
    return MedianDays(float(median(found)) if found else None, len(found))


AGE_BANDS: Sequence[tuple[int, int | None]] = ((0, 30), (31, 90), (91, 180), (181, None))
"""Days since the opening by which open follow-ups are counted; the last band has no end."""


@dataclass(frozen=True)
class AgeBand:
    """Open follow-ups by their age in days: how many, and how many of them are overdue."""

    first: int
    last: int | None
    n: int
    overdue: int


def age_bands(ages: Iterable[tuple[int, bool]]) -> list[AgeBand]:
    """Return every band, empty ones included; of each open follow-up the age and whether it is overdue."""
    found = list(ages)
    bands = []
    for first, last in AGE_BANDS:
        inside = [overdue for age, overdue in found if first <= age and (last is None or age <= last)]
        bands.append(AgeBand(first, last, len(inside), sum(inside)))
    return bands
