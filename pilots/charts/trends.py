"""How an indicator has gone over a set of pilots, as a chart and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column, Table
from config.words import clauses, sentences
from pilots.charts.progress import axis_note, axis_of
from pilots.models import RollUp
from pilots.sentences import amount, percent
from pilots.trend import FEWEST_COMPARED, Trend, TrendYear, value_of
from policies.charts import day
from policies.models import Source

Points = list[dict[str, Any]]


def trends_chart(trend: Trend, scope: str, sources: Sequence[Source], asked: Mapping[str, str]) -> Chart:
    """The years of the same pilots as a line, and beside it what all that reported in a year add up to.

    Other pilots report from year to year, so those values are never joined. `asked` are the parameters of the API.
    """
    same = [point(year, trend, accepted=True) for year in trend.same if value_of(year) is not None and trend.compared]
    every = [point(year, trend, accepted=False) for year in trend.years if value_of(year) is not None]
    beside = [mark for mark in every if mark not in [{**twin, "accepted": False} for twin in same]]
    axis = axis_of([mark["y"] for mark in (*same, *beside)])
    compared = ngettext("the same %(n)d pilot in every year", "the same %(n)d pilots in every year", trend.compared)
    labels = {"actual": compared % {"n": trend.compared}, "open": _("all that have a value for the year")}
    return Chart(
        slug="trend",
        kind="trend",
        title=trend_title(trend),
        subtitle=clauses([f"{trend.indicator.name} ({trend.indicator.unit_text})", scope, day(trend.as_of)]),
        table=trends_table(trend),
        data={
            "points": [*same, *beside],
            "path": [],
            "bound": None,
            "expected": None,
            "base": None,
            "axis": axis,
            "labels": {
                **labels,
                "path": "",
                "expected": "",
                "target": "",
                "last": amount(last_value(trend)) if same else "",
            },
            "legend": [
                *([{"key": "dot certain", "label": labels["actual"]}] if same else []),
                *([{"key": "dot latest", "label": labels["open"]}] if beside else []),
            ],
        },
        sources=sources,
        note=sentences(how_put_together(trend), axis_note(axis)),
        api=f"{reverse('api-trend')}?{urlencode({'indicator': trend.indicator.code, **asked})}",
    )


def last_value(trend: Trend) -> Any:
    return value_of(trend.same[-1]) if trend.same else None


def point(year: TrendYear, trend: Trend, *, accepted: bool) -> dict[str, Any]:
    value = value_of(year)
    text = _("%(value)s %(unit)s, %(n)d of %(of)d pilots")
    labels = {"value": amount(value), "unit": trend.indicator.unit_text, "n": year.n, "of": trend.pilots - trend.within}
    if trend.indicator.rollup != RollUp.SUM:
        labels["of"] = trend.pilots
    return {
        "x": year.year,
        "y": float(value) if value is not None else None,
        "accepted": accepted,
        "label": str(year.year),
        "text": text % labels,
    }


def trend_title(trend: Trend) -> str:
    """The finding: how the same pilots changed, or why that cannot be said."""
    if not trend.years:
        return _("No value of this indicator is accepted yet")
    if trend.indicator.rollup == RollUp.NONE:
        return _("Values of this indicator are never put together")
    first, last = trend.years[0].year, trend.years[-1].year
    if trend.change is None:
        text = ngettext(
            "%(n)d pilot has a value in every year from %(first)d to %(last)d: too few to compare years",
            "%(n)d pilots have a value in every year from %(first)d to %(last)d: too few to compare years",
            trend.compared,
        )
        if trend.compared >= FEWEST_COMPARED:
            text = _("%(n)d pilots have a value, all for %(last)d: there is no year to compare with")
        return text % {"n": trend.compared, "first": first, "last": last}
    labels = {"n": trend.compared, "change": percent(trend.change), "first": first, "last": last}
    if trend.indicator.rollup == RollUp.MEAN:
        text = _("The median of the same %(n)d pilots went from %(from)s to %(to)s between %(first)d and %(last)d")
        values = {"from": amount(value_of(trend.same[0])), "to": amount(last_value(trend))}
        return text % {**labels, **values}
    if trend.change < 0:
        return _("%(change)s %% less from the same %(n)d pilots in %(last)d than in %(first)d") % labels
    if trend.change > 0:
        return _("%(change)s %% more from the same %(n)d pilots in %(last)d than in %(first)d") % labels
    return _("As much from the same %(n)d pilots in %(last)d as in %(first)d") % labels


def how_put_together(trend: Trend) -> str:
    """How the values of several pilots become one."""
    if trend.indicator.rollup == RollUp.SUM:
        text = _("Sums; a park inside a pilot city is not counted beside it.")
        return sentences(
            text, _("Hollow points add up all pilots that reported: their number differs from year to year.")
        )
    if trend.indicator.rollup == RollUp.MEAN:
        return _("Medians: shares of different pilots are not added.")
    return _("Concentrations and intensities of different pilots are neither added nor averaged.")


def trends_table(trend: Trend) -> Table:
    """Year by year: how many have a value, of how many, what they make together, and what the same pilots do."""
    summed = trend.indicator.rollup == RollUp.SUM
    columns = [
        Column("year", _("Year"), "text"),
        Column("n", _("Pilots with a value"), "integer"),
        Column("of", _("Of"), "integer"),
        Column("value", _("Sum") if summed else _("Median"), "decimal"),
        *([] if summed else [Column("low", _("Lowest"), "decimal"), Column("high", _("Highest"), "decimal")]),
        Column("same_n", _("The same pilots"), "integer"),
        Column("same", _("Their sum") if summed else _("Their median"), "decimal"),
        Column("unit", _("Unit")),
    ]
    twins = {year.year: year for year in trend.same}
    return Table(columns, [trend_cells(trend, year, twins[year.year], summed=summed) for year in trend.years])


def trend_cells(trend: Trend, year: TrendYear, same: TrendYear, *, summed: bool) -> list[Cell]:
    spread = year.spread
    ends = [plain(spread.low if spread else None), plain(spread.high if spread else None)]
    return [
        Cell(str(year.year)),
        Cell(year.n),
        Cell(year.of),
        plain(value_of(year)),
        *([] if summed else ends),
        Cell(same.n),
        plain(value_of(same) if same.n else None),
        Cell(trend.indicator.unit_text),
    ]


def plain(value: Decimal | None) -> Cell:
    """A value without the zeros that the database adds."""
    return Cell(None if value is None else Decimal(f"{value.normalize():f}"))
