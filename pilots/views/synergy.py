"""Pages of results: co-control of pollution and carbon, and an indicator by year over any set of pilots."""

from collections.abc import Callable, Collection

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, figures_export, page
from core.tables import ActiveFilter, FilterBar, Table
from core.text import format_amount, join_clauses, label_value
from pilots.analytics.pilot_status import PilotStatus
from pilots.analytics.progress import build_progress
from pilots.analytics.reconciliation import PilotSet
from pilots.analytics.synergy import Synergy, build_synergy
from pilots.analytics.trend import build_trend
from pilots.charts.cells import class_parts, format_carbon
from pilots.charts.synergy import (
    aggregation_text,
    amber_table,
    classes_table,
    coordinates_chart,
    missing_groups,
    missing_table,
    synergy_title,
    trend_title,
    trends_chart,
)
from pilots.filters import SynergyPageFilter, TrendPageFilter
from pilots.lights import Colour, count_by_colour
from pilots.metrics import CoControl
from pilots.models import Pilot, Reading, RollUp, Target
from pilots.tables import sources_of


@page(*SynergyPageFilter.base_filters)
def synergy(request: TrackerRequest) -> HttpResponseBase:
    """Show the co-control classes of rated pilots, and the excluded ones."""
    as_of = request.as_of
    pilots = Pilot.objects.listed(as_of)
    filterset = SynergyPageFilter(request.GET, queryset=pilots, request=request)
    bar = FilterBar(request, filterset.form)
    result = build_synergy(filterset.qs.prefetch_related("industries"), as_of, filterset.picked_year)
    chosen = PilotSet.from_filters(filterset.form.cleaned_data)
    sources = sources_of([item.pilot.pk for item in result.pilots], Reading, Target)
    chart = coordinates_chart(result, capfirst(chosen.name_with_count(result.of)), sources)
    rising = Pilot.objects.filter(pk__in=[item.pilot.pk for item in result.rising_carbon])
    statuses = {item.pilot.pk: item for item in build_progress(rising, as_of).pilots}
    builds: dict[str, tuple[str, Callable[[], Table]]] = {
        "classes": (_("Classes"), lambda: classes_table(result)),
        "amber": (_("Pollution down, carbon up"), lambda: amber_table(result, statuses)),
        "missing": (_("Who is missing, and why"), lambda: missing_table(result)),
    }
    figures = total_figures(result, chosen.name or chosen.name_with_count(result.of))
    files: Exports = {
        **figures_export(figures, bar.chips),
        **chart_exports({"coordinates": chart}, bar.chips),
        **{slug: Export(name, build, bar.chips, chart.subtitle, sources) for slug, (name, build) in builds.items()},
    }
    clauses, missing = [synergy_title(result)], result.of - len(result.on_chart)
    if missing:
        text = ngettext("%(n)d of %(of)d is missing", "%(n)d of %(of)d are missing", missing)
        clauses.append(text % {"n": missing, "of": result.of})
    title, headline = _("Synergy"), join_clauses(clauses) + _(".")
    return export_response(request, files, title, headline) or render(
        request,
        "pilots/synergy.html",
        {
            "title": title,
            "finding": headline,
            "bar": bar,
            "synergy": result,
            "charts": {"coordinates": chart},
            "figures": figures,
            "classes": class_parts(result.kinds),
            "classes_title": clauses[0],
            "groups": missing_groups(result),
            "rising_title": rising_title(statuses.values()),
            "tables": {slug: build() for slug, (_name, build) in builds.items() if slug != "missing"},
        },
    )


def rising_title(statuses: Collection[PilotStatus]) -> str:
    """Return the title of the pilots whose carbon rises while pollution falls: how many of them are green."""
    title, green = _("Pollution down, carbon up"), count_by_colour(item.colour for item in statuses)[Colour.GREEN]
    of = _("%(green)d of %(n)d green") % {"green": green, "n": len(statuses)}
    return label_value(title, of) if statuses else title


def total_figures(result: Synergy, counted: str) -> list[dict[str, object]]:
    """Return the key figures, each with the set of pilots that is counted."""
    n = len(result.on_chart)
    carbon, air = result.carbon_total, result.apeq_total
    of_n = _("of %(n)d judged") % {"n": n} if n else ""
    carbon_note = _("%(used)d of %(n)d pilots counted; %(within)d parks inside pilot cities left out") % {
        "used": carbon.used,
        "n": carbon.possible,
        "within": len(carbon.within),
    }
    both, up = CoControl.CO_REDUCTION, CoControl.POLLUTION_DOWN_CARBON_UP

    def figure(label: object, value: object, of: str, note: str, definition: str, url: str = "") -> dict[str, object]:
        own = {"label": str(label), "value": value, "of": of, "note": join_clauses([note, counted])}
        return {**own, "definition": definition, **({"url": url} if url else {})}

    return [
        figure(both.label, result.kinds[both] if n else None, of_n, _("pollution and carbon both fall"), "co-control"),
        figure(
            up.label,
            result.kinds[up] if n else None,
            of_n,
            _("listed below by name"),
            "co-control",
            "#amber" if n else "",
        ),
        figure(
            _("CO₂, change together"),
            None if carbon.value is None else format_carbon(-carbon.value),
            "",
            carbon_note,
            "reduction",
        ),
        figure(
            _("Air pollutants, change together"),
            None if air.value is None else format_amount(-air.value),
            _("thousand equivalents"),
            _("%(used)d of %(n)d pilots counted") % {"used": air.used, "n": air.possible},
            "apeq",
        ),
        figure(
            _("Missing"),
            result.of - n,
            _("of %(n)d pilots") % {"n": result.of},
            _("each with its reason"),
            "synergy-missing",
            "#missing",
        ),
    ]


# -- trends ----------------------------------------------------------------------------------------------


@page(*TrendPageFilter.base_filters)
def trends(request: TrackerRequest) -> HttpResponseBase:
    """Show one indicator over a set of pilots, as chart and table with sources."""
    as_of = request.as_of
    filterset = TrendPageFilter(request.GET, queryset=Pilot.objects.listed(as_of), request=request)
    bar = FilterBar(request, filterset.form)
    indicator = filterset.picked
    if indicator is None:
        return render(request, "pilots/trends.html", {"title": _("Trends"), "bar": bar})
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
        "pilots/trends.html",
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
