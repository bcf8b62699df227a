"""Location quotient of an industry."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

MIN_SAMPLE = 5
"""Pilots of an industry, and of a region, below which no quotient is shown."""


@dataclass(frozen=True)
class LocationQuotient:
    """Location quotient of an industry in a region: its pilots against the number expected from the programme.

    `region_industry` of the `region_total` pilots in the region name the industry, and `industry_total` of all
    `programme_total` pilots. A pilot may name several industries. Raises ValueError for impossible counts (negative, or
    a part above its whole).
    """

    region_industry: int
    region_total: int
    industry_total: int
    programme_total: int

    def __post_init__(self) -> None:
        """Raise ValueError for a part above its whole."""
        if not 0 <= self.region_industry <= min(self.region_total, self.industry_total):
            raise ValueError("more pilots of the industry in the region than there can be")
        if max(self.region_total, self.industry_total) > self.programme_total:
            raise ValueError("more pilots in a part than in the programme")

    @property
    def expected(self) -> Decimal | None:
        """Number of pilots expected from the region's size alone; None without any pilot."""
        return (
            None
            if self.programme_total == 0
            else Decimal(self.region_total * self.industry_total) / self.programme_total
        )

    @property
    def value(self) -> Decimal | None:
        """LQ: the region's share over the programme's share; above 1 is over-represented.

        None when fewer than one pilot is expected, since one pilot more or less would change it greatly. The formula is
        the usual one of economic geography; the small-sample rule is this system's own convention.
        """
        if self.expected is None or self.expected < 1:
            return None
        return Decimal(self.region_industry * self.programme_total) / (self.region_total * self.industry_total)

    @property
    def shown(self) -> Decimal | None:
        """The quotient if based on enough pilots to be shown: FEWEST in the industry and in the region.

        A quotient of 0 is not shown either: none of a few pilots proves nothing.
        """
        return (
            self.value if self.region_industry and min(self.industry_total, self.region_total) >= MIN_SAMPLE else None
        )

    @property
    def small_sample(self) -> bool:
        """Whether 1 to 5 pilots are expected: the quotient is shown and marked."""
        return self.expected is not None and 1 <= self.expected <= 5
