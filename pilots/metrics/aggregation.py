"""Aggregation over pilots: sums without double counting of parks inside cities, and medians."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from pilots.metrics.decimals import Number


@dataclass(frozen=True)
class SumItem:
    """Contribution of one pilot to a sum; `parent_key` is the pilot that contains it (the city of a park) or None."""

    key: str
    value: Number | None
    parent_key: str | None = None


@dataclass(frozen=True)
class SumResult:
    """Sum over `used` of `possible` pilots; its value is None when none has a value.

    `missing` have no value; `within` lie in another pilot of the same list, whose value already includes theirs.
    """

    value: Decimal | None
    used: int
    missing: tuple[str, ...]
    within: tuple[str, ...]

    @property
    def possible(self) -> int:
        """Number of pilots that the sum would cover if all had a value: the denominator to print."""
        return self.used + len(self.missing)


def sum_without_overlap(parts: Iterable[SumItem]) -> SumResult:
    """Return the sum over pilots without double counting: a park is never added beside its city, even a missing one.

    All values must be accepted, in one unit and of one period. A park whose city is not in the list counts.
    """
    listed = list(parts)
    keys = {part.key for part in listed}
    within = tuple(part.key for part in listed if part.parent_key in keys)
    outer = [part for part in listed if part.parent_key not in keys]
    values = [Decimal(part.value) for part in outer if part.value is not None]
    missing = tuple(part.key for part in outer if part.value is None)
    return SumResult(sum(values, Decimal(0)) if values else None, len(values), missing, within)


@dataclass(frozen=True)
class MedianRange:
    """Median of several values with their range."""

    median: Decimal
    low: Decimal
    high: Decimal


def median_range(values: Iterable[Number]) -> MedianRange | None:
    """Return the median of shares with their range, since a mean of percentages misleads; None without values."""
    found = [Decimal(value) for value in values]
    return MedianRange(median(found), min(found), max(found)) if found else None
