"""Whether a value can be what was meant, before it is recorded (the automatic checks of a report).

Both checks are this system's own convention.
"""

from datetime import date, timedelta
from decimal import Decimal

ALLOWED_JUMP = Decimal("0.3")
"""How far a value may lie from the last one without a word of why."""


def last_day(period: str) -> date:
    """The last day of a year or quarter, written 2025 or 2025-Q3."""
    year, quarter = int(period[:4]), int(period[-1]) if "-Q" in period else 4
    following = date(year + quarter // 4, quarter % 4 * 3 + 1, 1)
    return following - timedelta(1)


def jump(before: Decimal, after: Decimal) -> Decimal | None:
    """By how much a value lies above (or, negative, below) the one before, as a fraction, when that is too far.

    None when it is not, and from 0, where there is no fraction.
    """
    if before == 0 or abs(after - before) <= ALLOWED_JUMP * before:
        return None
    return (after - before) / before
