"""Trend of an indicator over a set of pilots, by year, for page, API and file.

For each pilot and year the newest version accepted by the day counts, as everywhere (`pilots/models/reading.py`).
Totals never add a park beside its city; shares are shown as a median with its range; concentrations and intensities
are never aggregated, so only the number of pilots with a value is given.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import QuerySet

from pilots.metrics import median_range, sum_without_overlap
from pilots.models import Indicator, Pilot, Reading, RollUp
from pilots.models.reading import YEARLY, newest_accepted

MIN_COMPARED = 5  # fewest pilots for a change over the years


class TrendYear(NamedTuple):
    """A year with an accepted value: `n` of the `of` pilots that could have one."""

    year: int
    n: int
    of: int
    total: Decimal | None = None  # of indicators that may be summed
    median: Decimal | None = None  # of shares, with their range
    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def value(self) -> Decimal | None:
        """The sum or the median; None where values are not aggregated."""
        return self.total if self.median is None else self.median


@dataclass(frozen=True)
class Trend:
    """Trend of an indicator over `pilots` pilots, as known on a day; `within` of them lie in another one.

    Different pilots report in different years, so years are compared by `same`: only pilots with a value in every one
    of the years.
    """

    indicator: Indicator
    as_of: date
    pilots: int
    within: int
    years: Sequence[TrendYear]
    same: Sequence[TrendYear]

    @property
    def compared(self) -> int:
        """Number of pilots with a value in every year."""
        return self.same[0].n if self.same else 0

    @property
    def change(self) -> Decimal | None:
        """Relative change of the same pilots from the first year to the last.

        None where fewer than MIN_COMPARED have a value in every year, or with a single year.
        """
        if self.compared < MIN_COMPARED or len(self.same) < 2:
            return None
        first, last = self.same[0].value, self.same[-1].value
        return (last - first) / first if first and last is not None else None


def build_trend(pilots: QuerySet[Pilot], indicator: Indicator, as_of: date) -> Trend:
    """Return the trend over these pilots, as known on a day. Two queries, whatever their number."""
    parents: dict[int, int | None] = dict(pilots.order_by().values_list("pk", "parent_id"))
    rows = Reading.objects.filter(YEARLY, indicator=indicator)
    values: dict[int, dict[int, Decimal]] = defaultdict(dict)
    for key, period, value in newest_accepted(as_of, rows).order_by().values_list("pilot_id", "period", "value"):
        if key in parents:
            values[int(period)][key] = value
    common = set.intersection(*map(set, values.values())) if values else set()

    def aggregate(year: int, among: Iterable[int]) -> TrendYear:
        readings = {pilot: values[year].get(pilot) for pilot in among}
        if indicator.rollup == RollUp.SUM:
            total = sum_without_overlap((str(pilot), value, str(parents[pilot])) for pilot, value in readings.items())
            return TrendYear(year, total.used, total.possible, total.value)
        values_given = [value for value in readings.values() if value is not None]
        spread = median_range(values_given) if indicator.rollup == RollUp.MEAN else None
        return TrendYear(year, len(values_given), len(readings), None, *(spread or ()))

    return Trend(
        indicator,
        as_of,
        pilots=len(parents),
        within=sum(parent in parents for parent in parents.values()),
        years=[aggregate(year, parents) for year in sorted(values)],
        same=[aggregate(year, common) for year in sorted(values)],
    )
