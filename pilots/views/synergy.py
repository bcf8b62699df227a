"""Pages of results: co-control of pollution and carbon, and an indicator by year over any set of pilots."""

from collections.abc import Callable
from typing import Any

from django.core.paginator import Paginator
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, figures_export, page
from core.tables import (
    CHUNK_SIZE,
    ROWS_PER_PAGE,
    ActiveFilter,
    FilterBar,
    Table,
    in_chunks,
    make_table,
    requested_page,
)
from core.text import format_amount, join_clauses, label_value
from pilots.analytics.reconciliation import PilotSet
from pilots.analytics.synergy import Synergy
from pilots.analytics.trend import build_trend
from pilots.charts.cells import class_parts, format_carbon, name_beside, shared_names
from pilots.charts.synergy import (
    aggregation_text,
    amber_columns,
    classes_table,
    coordinates_chart,
    coordinates_columns,
    missing_groups,
    missing_table,
    synergy_title,
    trend_title,
    trends_chart,
)
from pilots.filters import SynergyPageFilter, TrendPageFilter
from pilots.lights import Colour
from pilots.metrics import CoControl
from pilots.models import Pilot, Reading, RollUp, Target
from pilots.models.reading import YEARLY
from pilots.tables import sources_of
from policies.models import Source


@page(*SynergyPageFilter.base_filters)
def synergy(request: TrackerRequest) -> HttpResponseBase:
    """Show the co-control classes of rated pilots, and the excluded ones."""
    as_of = request.as_of
    pilots = Pilot.objects.listed(as_of)
    filterset = SynergyPageFilter(request.GET, queryset=pilots, request=request)
    bar = FilterBar(request, filterset.form)
    result = Synergy(filterset.qs, as_of, filterset.picked_year)
    chosen, shared = PilotSet.from_filters(filterset.form.cleaned_data), shared_names(filterset.qs)
    up = CoControl.POLLUTION_DOWN_CARBON_UP
    amber, n_amber = result.classed(up).with_light(as_of).select_related("batch", "province"), result.kinds[up]
    n_green = amber.filter(light_colour=Colour.GREEN.value).count()
    columns, keys = coordinates_columns(result.year, shared), result.by_class.values_list("pk", flat=True)
    pages: Any = Paginator(keys, ROWS_PER_PAGE)
    pages.count = result.n
    rows_page = pages.get_page(requested_page(request, pages))
    on_page = list(rows_page.object_list)
    table = make_table(columns, result.details(on_page))
    sources = sources_of(on_page, Reading, Target)
    all_sources: Any = SimpleLazyObject(lambda: sources_of(keys, Reading, Target))
    chart = coordinates_chart(result, capfirst(chosen.name_with_count(result.of)), sources, table, shared)

    def amber_file() -> Table:
        rows = amber.prefetch_related("industries").iterator(CHUNK_SIZE)
        return make_table(amber_columns(shared), rows, count=n_amber)

    amber_shown = [column for column in amber_columns(shared) if not column.file_only]

    builds: dict[str, tuple[str, Callable[[], Table]]] = {
        "coordinates": (chart.title, lambda: make_table(columns, in_chunks(keys, result.details), count=result.n)),
        "classes": (_("Classes"), lambda: classes_table(result)),
        "amber": (_("Pollution down, carbon up"), amber_file),
        "missing": (_("Who is missing, and why"), lambda: missing_table(result, shared)),
    }
    figures = total_figures(result, chosen.name or chosen.name_with_count(result.of))
    files: Exports = {
        **figures_export(figures, bar.chips),
        **{slug: Export(name, build, bar.chips, chart.subtitle, all_sources) for slug, (name, build) in builds.items()},
    }
    clauses, missing = [synergy_title(result)], result.not_judged
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
            "groups": [
                {"why": why, "n": n, "names": [(pilot, name_beside(shared, pilot)) for pilot in rows[:ROWS_PER_PAGE]]}
                for why, n, rows in missing_groups(result)
            ],
            "rows_page": rows_page,
            "rising_title": rising_title(n_green, n_amber),
            "amber": make_table(amber_shown, list(amber[:ROWS_PER_PAGE]), count=n_amber),
        },
    )


def rising_title(green: int, n: int) -> str:
    """Return the title of the pilots whose carbon rises while pollution falls: how many of them are green."""
    title, of = _("Pollution down, carbon up"), _("%(green)d of %(n)d green") % {"green": green, "n": n}
    return label_value(title, of) if n else title


def total_figures(result: Synergy, counted: str) -> list[dict[str, object]]:
    """Return the key figures, each with the set of pilots that is counted."""
    n = result.judged
    carbon, air = result.sums["carbon_tonnes"], result.sums["equivalents"]
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
    shown = Reading.objects.filter(YEARLY, indicator=indicator, pilot__in=pilots.values("pk"))
    sources = Source.objects.filter(pk__in=Reading.sources.through.objects.filter(reading__in=shown).values("source"))
    chart = trends_chart(trend, scope_text(bar, trend.pilots), list(sources), asked)
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
