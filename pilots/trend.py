"""How an indicator has gone year by year over a set of pilots: one value for API and file.

Of each pilot and year the newest version accepted by the day counts, as everywhere (`pilots/readings.py`).
Totals never count a park beside its city; shares are shown as a median with its range; concentrations and intensities
are never put together, so of these only how many pilots have a value is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet

from pilots import metrics
from pilots.metrics import Part, Spread, Total
from pilots.models import Indicator, Pilot, Reading, RollUp
from pilots.readings import newest_accepted

FEWEST_COMPARED = 5  # pilots from which a change over the years is claimed


@dataclass(frozen=True)
class TrendYear:
    """A year with an accepted value: `n` of the `of` pilots that could bring one have it."""

    year: int
    n: int
    of: int
    total: Decimal | None = None  # of indicators that may be summed
    spread: Spread | None = None  # of shares


@dataclass(frozen=True)
class Trend:
    """The trend of an indicator over `pilots` pilots, as known on a day; `within` of them lie in another one.

    From year to year other pilots report, so years are compared by `same`: those pilots alone that have a value in
    every one of the years.
    """

    indicator: Indicator
    as_of: date
    pilots: int
    within: int
    years: Sequence[TrendYear]
    same: Sequence[TrendYear]

    @property
    def compared(self) -> int:
        """How many pilots have a value in every year."""
        return self.same[0].n if self.same else 0

    @property
    def change(self) -> Decimal | None:
        """The change of the same pilots from the first year to the last, as a fraction of the first.

        None where fewer than FEWEST_COMPARED have a value in every year, or there is no year before the last.
        """
        first, last = (value_of(year) for year in (self.same[0], self.same[-1])) if self.same else (None, None)
        if self.compared < FEWEST_COMPARED or len(self.same) < 2 or not first or last is None:
            return None
        return (last - first) / first


def value_of(year: TrendYear) -> Decimal | None:
    """The sum or the median of a year; None where values are never put together."""
    return year.total if year.spread is None else year.spread.median


Place = tuple[int, int | None]  # a pilot, and the one that it lies in


def build_trend(pilots: QuerySet[Pilot], indicator: Indicator, as_of: date) -> Trend:
    """The trend over these pilots, as known on a day. Two queries, whatever their number."""
    places = list(pilots.order_by().values_list("pk", "parent_id"))
    known = {pilot for pilot, _parent in places}
    values = accepted_years(known, indicator, as_of)
    years = [trend_year(indicator, year, places, values[year]) for year in sorted(values)]
    within = sum(parent in known for _pilot, parent in places)
    return Trend(indicator, as_of, len(places), within, years, same_pilots(indicator, places, values))


def same_pilots(
    indicator: Indicator, places: Sequence[Place], values: Mapping[int, Mapping[int, Decimal]]
) -> list[TrendYear]:
    """The years over those pilots alone that have a value in every one of them."""
    common = set.intersection(*map(set, values.values())) if values else set()
    inside = [place for place in places if place[0] in common]
    chosen = {
        year: {pilot: value for pilot, value in found.items() if pilot in common} for year, found in values.items()
    }
    return [trend_year(indicator, year, inside, chosen[year]) for year in sorted(values)]


def accepted_years(pilots: set[int], indicator: Indicator, as_of: date) -> dict[int, dict[int, Decimal]]:
    """By year and pilot, the value that counts on the day; quarters are no part of it."""
    years = Reading.objects.filter(indicator=indicator).exclude(period__contains="Q")
    found: dict[int, dict[int, Decimal]] = {}
    for pilot, period, value in newest_accepted(as_of, years).values_list("pilot_id", "period", "value"):
        if pilot in pilots:
            found.setdefault(int(period), {})[pilot] = value
    return found


def trend_year(indicator: Indicator, year: int, places: Sequence[Place], values: Mapping[int, Decimal]) -> TrendYear:
    """One year, put together as far as the indicator allows."""
    if indicator.rollup == RollUp.SUM:
        parts = [Part(str(pilot), values.get(pilot), str(parent)) for pilot, parent in places]
        found: Total = metrics.total(parts)
        return TrendYear(year, found.used, found.possible, total=found.value)
    spread = metrics.spread(values.values()) if indicator.rollup == RollUp.MEAN else None
    return TrendYear(year, len(values), len(places), spread=spread)
