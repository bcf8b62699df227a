"""Trends page: an indicator by year over the nation, a province, a batch or any set of pilots."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http.request import TrackerRequest
from core.pages import chart_exports, export_response, page
from core.text.formatting import join_clauses, label_value
from core.web.list_pages import ActiveFilter, FilterBar
from pilots.analytics.trend import build_trend
from pilots.charts.trends import aggregation_text, trend_title, trends_chart
from pilots.filters import TrendPageFilter
from pilots.models import Pilot, Reading, RollUp
from pilots.tables import sources_of


@page(*TrendPageFilter.base_filters)
def trends(request: TrackerRequest) -> HttpResponseBase:
    """Show one indicator over a set of pilots, as chart and table with sources."""
    as_of = request.as_of
    filterset = TrendPageFilter(request.GET, queryset=Pilot.objects.listed(as_of), request=request)
    bar = FilterBar(request, filterset.form)
    indicator = filterset.picked
    if indicator is None:
        return render(request, "dashboard/trends.html", {"title": _("Trends"), "bar": bar})
    pilots = filterset.qs
    trend = build_trend(pilots, indicator, as_of)
    asked = {name: request.GET[name] for name in TrendPageFilter.base_filters if request.GET.get(name)}
    asked.pop("indicator", None)
    sources = sources_of(pilots.values_list("pk", flat=True), Reading)
    chart = trends_chart(trend, scope_text(bar, trend.pilots), sources, asked)
    headline = join_clauses([label_value(indicator.name, trend_title(trend)), scope_text(bar, trend.pilots)]) + _(".")
    drawn = bool(trend.years) and indicator.rollup != RollUp.NONE
    title = _("Trends")
    return export_response(request, chart_exports({"trend": chart}, bar.chips), title, headline) or render(
        request,
        "dashboard/trends.html",
        {
            "title": title,
            "finding": headline,
            "bar": bar,
            "trend": trend,
            "charts": {"trend": chart} if drawn else {},
            "table": chart.table,
            "reason": aggregation_text(trend),
        },
    )


def scope_text(bar: FilterBar, pilots: int) -> str:
    """Return the text on the set of pilots."""
    count = ngettext("%(n)d recorded pilot", "%(n)d recorded pilots", pilots) % {"n": pilots}
    chosen: list[ActiveFilter] = [chip for chip in bar.chips if chip.label != str(bar.form.fields["indicator"].label)]
    return join_clauses([count, *(label_value(chip.label, chip.value) for chip in chosen)])
