"""Metrics of a rollout. Pure functions: no models, no requests.

Sources: DOMAIN methods for policy diffusion (adoption by day, lag by day of issue, interval-censored dates);
each docstring says which way missing data falls. Nothing here turns "not known" into 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from math import floor
from operator import itemgetter
from statistics import median


def share(part: int | None, whole: int) -> float | None:
    """part / whole as a fraction; None when the part is not known or there is nothing to count."""
    return None if part is None or whole == 0 else part / whole


# -- lags ----------------------------------------------------------------------------------------------


MIN_LAGS = 5  # values from which a median or a P90 is given; of fewer, that they are too few


def median_days(lags: Sequence[int]) -> float | None:
    """The median in days; None of fewer than MIN_LAGS."""
    return float(median(lags)) if len(lags) >= MIN_LAGS else None


def whole_days(days: float) -> int:
    """Return a number of days rounded half up."""
    return floor(days + 0.5)


@dataclass(frozen=True)
class Step:
    """A step of the curve: from this date on, so many had issued."""

    date: date
    issued: int


def adoption_steps(changes: Iterable[tuple[date, int]], origin: date | None) -> list[Step]:
    """Return the adoption curve as steps: one for each date on which the count changed, and 0 on the origin before
    them. `changes` are dates with how much the count rose or fell."""
    steps, total = list[Step](), 0
    for day, group in groupby(sorted(changes), key=itemgetter(0)):
        if change := sum(n for _day, n in group):
            total += change
            steps.append(Step(day, total))
    if origin is not None and (not steps or steps[0].date > origin):
        steps.insert(0, Step(origin, 0))
    return steps


# -- when ------------------------------------------------------------------------------------------------


def quarter(day: date) -> str:
    """Return a quarter in short form: 22Q4."""
    return f"{day.year % 100:02d}Q{(day.month + 2) // 3}"
