"""Plausibility checks of a value before it is recorded (the automatic checks of a report).

Both checks are this system's own convention.
"""

from datetime import date, timedelta
from decimal import Decimal

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
