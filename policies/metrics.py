"""Metrics of a rollout. Pure functions and query expressions: no models, no requests.

Sources: DOMAIN methods for policy diffusion (adoption by day, lag by day of issue, interval-censored dates);
each docstring says which way missing data falls. Nothing here turns "not known" into 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from math import floor
from statistics import median

from django.db.models import Case, CharField, F, Q, Value, When


def share(part: int | None, whole: int) -> float | None:
    """part / whole as a fraction; None when the part is not known or there is nothing to count."""
    return None if part is None or whole == 0 else part / whole


# -- what is known on a day --------------------------------------------------------------------------


def known(as_of: date) -> Q:
    """Condition: the document counts from the date by which it is known to exist, not from its entry."""
    return Q(known_issued_by__lte=as_of)


def issued(as_of: date, plans: str = "") -> Q:
    """Condition: the provincial plan (`plans` leads to it) is recorded as issued and known to exist by the date."""
    return Q(**{f"{plans}status": "issued", f"{plans}known_issued_by__lte": as_of})


def dated() -> Q:
    """Condition: the date of issue is known to the day."""
    return Q(issued_precision="day")


def status_on(as_of: date) -> Case:
    """Expression of a plan's status on a date: what was issued or looked up later was not known yet."""
    return Case(
        When(issued(as_of), then=Value("issued")),
        When(status="issued", then=Value("unknown")),
        When(searched_on__gt=as_of, then=Value("unknown")),
        default=F("status"),
        output_field=CharField(),
    )


# -- lags ----------------------------------------------------------------------------------------------


def lag_origin(issued_on: date | None, precision: str, published_on: date | None) -> date | None:
    """The day from which lags of a national document count.

    Its day of issue when that is known to the day, else its day of publication, else None.
    """
    return issued_on if issued_on and precision == "day" else published_on


def lag_days(origin: date | None, issued_on: date | None, precision: str) -> int | None:
    """Days from the national document to a province's plan; None unless both days are known exactly."""
    if origin is None or issued_on is None or precision != "day":
        return None
    return (issued_on - origin).days


def median_days(lags: Sequence[int]) -> float | None:
    """The median lag in days; None when no lag is known."""
    return float(median(lags)) if lags else None


def percentile_days(lags: Sequence[int], rank: float) -> float | None:
    """The lag at a rank from 0 to 1 (0.9 for P90), linear between neighbours; None when no lag is known."""
    if not lags:
        return None
    ordered = sorted(lags)
    place = rank * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (place - below) * (ordered[above] - ordered[below]), 6)


MIN_LAGS = 5  # values of which a median or a P90 may be said aloud; of fewer, that they are too few


def whole_days(days: float) -> int:
    """Return a number of days rounded half up."""
    return floor(days + 0.5)


@dataclass(frozen=True)
class Step:
    """A step of the curve: from this date on, so many had issued."""

    date: date
    issued: int


def adoption_steps(days: Iterable[date], origin: date | None) -> list[Step]:
    """Return the adoption curve as steps: one for each date on which the count rose, and 0 on the origin before
    them."""
    steps, total = [], 0
    for day, group in groupby(sorted(days)):
        total += len(list(group))
        steps.append(Step(day, total))
    if origin is not None and (not steps or steps[0].date > origin):
        steps.insert(0, Step(origin, 0))
    return steps


# -- when ------------------------------------------------------------------------------------------------


def quarter(day: date) -> str:
    """Return a quarter in short form: 22Q4."""
    return f"{day.year % 100:02d}Q{(day.month + 2) // 3}"
