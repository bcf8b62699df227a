"""The page of trends: an indicator year by year over the nation, a province, a batch or any set of pilots."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.kept import kept_page
from config.lists import PAGE_WORDS, Chip, FilterBar, chart_exports, check_words, exported, filter_bar
from config.words import clauses, labelled
from pilots.charts.trends import how_put_together, trend_title, trends_chart
from pilots.filters import TrendPageFilter
from pilots.models import Pilot, Reading, RollUp
from pilots.trend import build_trend
from pilots.views.shared import sources_of


@kept_page
def trends(request: HttpRequest) -> HttpResponseBase:
    """One indicator over a set of pilots, for a chart, a table and its sources."""
    check_words(request, {*PAGE_WORDS, *TrendPageFilter.base_filters})
    as_of = request.as_of  # type: ignore[attr-defined]
    filterset = TrendPageFilter(request.GET, queryset=Pilot.objects.listed(as_of), request=request)
    bar = filter_bar(request, filterset)
    indicator = filterset.picked
    context: dict[str, Any] = {"title": _("Trends"), "bar": bar}
    if indicator is None:
        return render(request, "trends.html", context)
    pilots = filterset.qs
    trend = build_trend(pilots, indicator, as_of)
    asked = {name: request.GET[name] for name in TrendPageFilter.base_filters if request.GET.get(name)}
    asked.pop("indicator", None)
    sources = sources_of(pilots.values_list("pk", flat=True), Reading)
    chart = trends_chart(trend, scope_of(bar, trend.pilots), sources, asked)
    finding = clauses([labelled(indicator.name, trend_title(trend)), scope_of(bar, trend.pilots)]) + _(".")
    files = chart_exports({"trend": chart}, bar.chips)
    file = exported(request, files, _("Trends"), finding)
    if file is not None:
        return file
    drawn = bool(trend.years) and indicator.rollup != RollUp.NONE
    context |= {
        "finding": finding,
        "trend": trend,
        "charts": {"trend": chart} if drawn else {},
        "table": chart.table,
        "reason": how_put_together(trend),
    }
    return render(request, "trends.html", context)


def scope_of(bar: FilterBar, pilots: int) -> str:
    """Over which set of pilots the page looks."""
    count = ngettext("%(n)d recorded pilot", "%(n)d recorded pilots", pilots) % {"n": pilots}
    chosen: list[Chip] = [chip for chip in bar.chips if chip.label != str(bar.form.fields["indicator"].label)]
    return clauses([count, *(labelled(chip.label, chip.value) for chip in chosen)])
