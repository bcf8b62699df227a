"""Progress of one target, actual and expected, in decimals: the rounding of binary fractions never decides a threshold.

From 42.00 to 40.74 of a target of 39.90, two years of three on, a tenth of what is due is missing. In floating point it
is a little more, and a yellow light would turn red.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Annotated

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

Number = Decimal | int
Ratio = Annotated[Decimal, "ratio"]
"""A quotient of two amounts of the same kind: dimensionless, and given with more places than an amount."""
Path = Sequence[tuple[int, Number]]
"""Years, each later than the one before, with their values: the base, steps such as year-end targets, the target."""


class Direction(TextChoices):
    """Direction in which an indicator should change."""

    LOWER = "lower", _("Lower is better")
    HIGHER = "higher", _("Higher is better")


def target_progress(base: Number | None, actual: Number | None, target: Number | None) -> Decimal | None:
    """Return P: the achieved fraction of the change from base to target, whatever its direction.

    1 is the target, above 1 beyond it, below 0 the wrong way. None when a value is not known or when base and target
    are the same, since there is no change to measure.
    """
    if base is None or actual is None or target is None or base == target:
        return None
    return (Decimal(base) - actual) / (Decimal(base) - target)


def expected_share_by_year(base_year: int, year: int, target_year: int) -> Decimal | None:
    """Return E: the elapsed share of the years from base to target, from 0 to 1.

    Whole years and not days, because 731 of 1096 days is a little more than two of three years, and a pilot exactly a
    tenth behind would turn red for it. None when the target is not after the base.
    """
    if target_year <= base_year:
        return None
    elapsed = min(max(year, base_year), target_year) - base_year
    return Decimal(elapsed) / (target_year - base_year)


def expected_value(base: Number | None, target: Number | None, share: Decimal | None) -> Decimal | None:
    """Return V: the value of a straight path from base to target when `share` (E) of the change is due."""
    if base is None or target is None or share is None:
        return None
    return Decimal(base) + (Decimal(target) - base) * share


def shortfall(done: Decimal | None, share: Decimal | None) -> Decimal | None:
    """Return s: the missing share of what is due, 1 - P / E; negative when ahead.

    None when P (`done`) or E (`share`) is not known, or when nothing is due yet.
    """
    return None if done is None or share is None or share <= 0 else 1 - done / share


def year_due(as_of: date, month: int = 3, day: int = 31) -> int:
    """Return the last year whose values are due: those of a year are due on a date of the next one.

    31 March by this system's own convention; that day itself is still on time.
    """
    return as_of.year - (1 if as_of > date(as_of.year, month, day) else 2)


def share_on_path(path: Path, year: int) -> Decimal | None:
    """Return E on a path: the share of the whole change that is due, from 0 to 1; None when base equals target.

    Straight from one step to the next and not from end to end, level before the base and after the target. With one
    step it is the elapsed share of time. While a path is level nothing more becomes due.
    """
    (base_year, base), (target_year, target) = path[0], path[-1]
    if base == target:
        return None
    place = min(max(year, base_year), target_year)
    (before, low), (after, high) = next(pair for pair in pairwise(path) if place <= pair[1][0])
    due = (low - base) * (after - before) + (high - low) * (place - before)
    share = Decimal(due) / ((target - base) * (after - before))  # both exact, so it is rounded once
    return min(max(Decimal(0), share), Decimal(1))


# -- a value before it is recorded: this system's own convention -----------------------------------------


MAX_PLAUSIBLE_CHANGE = Decimal("0.3")
"""How far a value may lie from the last one without a word of why."""


def last_day_of_period(period: str) -> date:
    """The last day of a year or quarter, written 2025 or 2025-Q3."""
    year, quarter = int(period[:4]), int(period[-1]) if "-Q" in period else 4
    following = date(year + quarter // 4, quarter % 4 * 3 + 1, 1)
    return following - timedelta(1)


def implausible_change(before: Decimal, after: Decimal) -> Decimal | None:
    """Return the relative change from the value before (negative when it fell) if it is implausibly large.

    None when it is plausible, and from 0, where there is no fraction.
    """
    if before == 0 or abs(after - before) <= MAX_PLAUSIBLE_CHANGE * before:
        return None
    return (after - before) / before
