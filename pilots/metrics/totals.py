"""What several pilots come to together: sums, of pilots that may lie within one another, and medians."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from pilots.metrics.exact import Number


@dataclass(frozen=True)
class Part:
    """What one pilot brings to a sum; `inside` is the pilot it lies in (a park in its city), None without one."""

    key: str
    value: Number | None
    inside: str | None = None


@dataclass(frozen=True)
class Total:
    """A sum over `used` of `possible` pilots, None when none has a value.

    `missing` have no value; `within` lie in another pilot of the same list, whose own value already holds theirs.
    """

    value: Decimal | None
    used: int
    missing: tuple[str, ...]
    within: tuple[str, ...]

    @property
    def possible(self) -> int:
        """How many pilots the sum would cover if all had a value: the denominator to print."""
        return self.used + len(self.missing)


def total(parts: Iterable[Part]) -> Total:
    """The sum of pilots, without double counting: a park never enters beside its city, even when the city is missing.

    All values in one unit, of one period, accepted. A park whose city is not in the list counts like any other.
    """
    listed = list(parts)
    keys = {part.key for part in listed}
    within = tuple(part.key for part in listed if part.inside in keys)
    outer = [part for part in listed if part.inside not in keys]
    values = [Decimal(part.value) for part in outer if part.value is not None]
    missing = tuple(part.key for part in outer if part.value is None)
    return Total(sum(values, Decimal(0)) if values else None, len(values), missing, within)


@dataclass(frozen=True)
class Spread:
    """The middle of several values, and how far they reach."""

    median: Decimal
    low: Decimal
    high: Decimal


def spread(values: Iterable[Number]) -> Spread | None:
    """The median of shares with their range, for a plain mean of percentages misleads; None of no values."""
    found = [Decimal(value) for value in values]
    return Spread(median(found), min(found), max(found)) if found else None
