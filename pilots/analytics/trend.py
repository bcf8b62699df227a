"""Trend of an indicator over a set of pilots, by year, for page, API and file.

For each pilot and year the newest version accepted by the day counts, as everywhere (`pilots/readings.py`).
Totals never add a park beside its city; shares are shown as a median with its range; concentrations and intensities
are never aggregated, so only the number of pilots with a value is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet

from pilots.metrics import aggregation
from pilots.metrics.aggregation import MedianRange, SumItem, SumResult
from pilots.models import Indicator, Pilot, Reading, RollUp
from pilots.readings import YEARLY, newest_accepted

MIN_COMPARED = 5  # fewest pilots for a change over the years


@dataclass(frozen=True)
class TrendYear:
    """A year with an accepted value: `n` of the `of` pilots that could have one."""

    year: int
    n: int
    of: int
    total: Decimal | None = None  # of indicators that may be summed
    spread: MedianRange | None = None  # of shares


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

        None where fewer than FEWEST_COMPARED have a value in every year, or with a single year.
        """
        first, last = (combined_value(year) for year in (self.same[0], self.same[-1])) if self.same else (None, None)
        if self.compared < MIN_COMPARED or len(self.same) < 2 or not first or last is None:
            return None
        return (last - first) / first


def combined_value(year: TrendYear) -> Decimal | None:
    """Return the sum or the median of a year; None where values are not aggregated."""
    return year.total if year.spread is None else year.spread.median


PilotAndParent = tuple[int, int | None]  # a pilot, and the one that contains it


def build_trend(pilots: QuerySet[Pilot], indicator: Indicator, as_of: date) -> Trend:
    """Return the trend over these pilots, as known on a day. Two queries, whatever their number."""
    places = list(pilots.order_by().values_list("pk", "parent_id"))
    known = {pilot for pilot, _parent in places}
    rows = Reading.objects.filter(YEARLY, indicator=indicator)
    values: dict[int, dict[int, Decimal]] = {}
    for key, period, value in newest_accepted(as_of, rows).values_list("pilot_id", "period", "value"):
        if key in known:
            values.setdefault(int(period), {})[key] = value
    years = [build_trend_year(indicator, year, places, values[year]) for year in sorted(values)]
    within = sum(parent in known for _pilot, parent in places)
    return Trend(indicator, as_of, len(places), within, years, same_pilots_by_year(indicator, places, values))


def same_pilots_by_year(
    indicator: Indicator, places: Sequence[PilotAndParent], values: Mapping[int, Mapping[int, Decimal]]
) -> list[TrendYear]:
    """Return the years over only the pilots with a value in every one of them."""
    common = set.intersection(*map(set, values.values())) if values else set()
    inside = [place for place in places if place[0] in common]
    chosen = {
        year: {pilot: value for pilot, value in found.items() if pilot in common} for year, found in values.items()
    }
    return [build_trend_year(indicator, year, inside, chosen[year]) for year in sorted(values)]


def build_trend_year(
    indicator: Indicator, year: int, places: Sequence[PilotAndParent], values: Mapping[int, Decimal]
) -> TrendYear:
    """Return one year, aggregated as the indicator allows."""
    if indicator.rollup == RollUp.SUM:
        parts = [SumItem(str(pilot), values.get(pilot), str(parent)) for pilot, parent in places]
        found: SumResult = aggregation.sum_without_overlap(parts)
        return TrendYear(year, found.used, found.possible, total=found.value)
    spread = aggregation.median_range(values.values()) if indicator.rollup == RollUp.MEAN else None
    return TrendYear(year, len(values), len(places), spread=spread)
