"""Chart and table of an indicator's trend over a set of pilots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import charts
from core.tables import Chart, Column, Table, make_table
from core.text import format_amount, format_date, format_percent, join_clauses, join_sentences
from pilots.analytics.trend import MIN_COMPARED, Trend, TrendYear
from pilots.charts.cells import strip_idle_zeros
from pilots.charts.status import value_axis_note
from pilots.models import RollUp
from policies.models import Source


def trends_chart(trend: Trend, scope: str, sources: Sequence[Source], asked: Mapping[str, str]) -> Chart:
    """Return the chart of the same pilots as a line, and of all pilots that reported in a year as points.

    Different pilots report in different years, so the points are not joined. `asked` are the parameters of the API.
    """
    indicator = trend.indicator
    of = trend.pilots - trend.within if indicator.rollup == RollUp.SUM else trend.pilots

    def points(years: Sequence[TrendYear]) -> list[charts.Point]:
        text = _("%(value)s %(unit)s, %(n)d of %(of)d pilots")
        return [
            {
                "x": year.year,
                "y": float(year.value),
                "title": str(year.year),
                "text": text % {"value": format_amount(year.value), "unit": indicator.unit_text, "n": year.n, "of": of},
            }
            for year in years
            if year.value is not None
        ]

    same = points(trend.same) if trend.compared else []
    beside = [point for point in points(trend.years) if point not in same]
    axis = charts.value_axis([point["y"] for point in (*same, *beside)])
    if same:
        same[-1]["label"] = {
            "text": format_amount(trend.same[-1].value),
            "side": charts.ABOVE,
            "color": "--accent",
        }
    compared = ngettext("the same %(n)d pilot in every year", "the same %(n)d pilots in every year", trend.compared)
    compared %= {"n": trend.compared}
    alone = _("all that have a value for the year")
    return Chart(
        slug="trend",
        kind="trend",
        title=trend_title(trend),
        subtitle=join_clauses([f"{indicator.name} ({indicator.unit_text})", scope, format_date(trend.as_of)]),
        table=trends_table(trend),
        data=charts.plot(
            [charts.dots(compared, same, showLine=True), charts.dots(alone, beside, hollow=True)],
            charts.year_axis(point["x"] for point in (*same, *beside)),
            axis,
        ),
        legend=[("dot certain", compared), ("dot latest", alone)] if same and beside else [],
        sources=sources,
        note=join_sentences(aggregation_text(trend), value_axis_note(axis)),
        api=reverse("api-trend", query={"indicator": indicator.code, **asked}),
    )


def trend_title(trend: Trend) -> str:
    """Return the headline: how the same pilots changed, or why that is not known."""
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
        if trend.compared >= MIN_COMPARED:
            text = _("%(n)d pilots have a value, all for %(last)d: there is no year to compare with")
        return text % {"n": trend.compared, "first": first, "last": last}
    labels = {"n": trend.compared, "change": format_percent(trend.change), "first": first, "last": last}
    if trend.indicator.rollup == RollUp.MEAN:
        text = _("The median of the same %(n)d pilots went from %(from)s to %(to)s between %(first)d and %(last)d")
        values = {"from": format_amount(trend.same[0].value), "to": format_amount(trend.same[-1].value)}
        return text % {**labels, **values}
    if trend.change < 0:
        return _("%(change)s %% less from the same %(n)d pilots in %(last)d than in %(first)d") % labels
    if trend.change > 0:
        return _("%(change)s %% more from the same %(n)d pilots in %(last)d than in %(first)d") % labels
    return _("As much from the same %(n)d pilots in %(last)d as in %(first)d") % labels


def aggregation_text(trend: Trend) -> str:
    """Return how values of several pilots are aggregated."""
    if trend.indicator.rollup == RollUp.SUM:
        text = _("Sums; a park inside a pilot city is not counted beside it.")
        return join_sentences(
            text, _("Hollow points add up all pilots that reported: their number differs from year to year.")
        )
    if trend.indicator.rollup == RollUp.MEAN:
        return _("Medians: shares of different pilots are not added.")
    return _("Concentrations and intensities of different pilots are neither added nor averaged.")


def trends_table(trend: Trend) -> Table:
    """Return the table by year: pilots with a value, of how many, their aggregate, and that of the same pilots."""
    summed = trend.indicator.rollup == RollUp.SUM
    same = {year.year: year for year in trend.same}
    ends = {"low": _("Lowest"), "high": _("Highest")}
    columns: list[Column[TrendYear]] = [
        Column("year", _("Year"), lambda year: str(year.year)),
        Column("n", _("Pilots with a value"), kind="integer"),
        Column("of", _("Of"), kind="integer"),
        decimal_column("value", _("Sum") if summed else _("Median"), lambda year: year.value),
        *(
            decimal_column(end, label, lambda year, end=end: getattr(year, end))  # type: ignore[misc]
            for end, label in ends.items()
            if not summed
        ),
        Column("same_n", _("The same pilots"), lambda year: same[year.year].n, kind="integer"),
        decimal_column(
            "same",
            _("Their sum") if summed else _("Their median"),
            lambda year: same[year.year].value if same[year.year].n else None,
        ),
        Column("unit", _("Unit"), lambda _year: trend.indicator.unit_text),
    ]
    return make_table(columns, trend.years)


def decimal_column(key: str, label: str, value: Callable[[TrendYear], Decimal | None]) -> Column[TrendYear]:
    return Column(key, label, lambda year: strip_idle_zeros(value(year)), kind="decimal")
