"""Synergy page: co-control of pollution and carbon."""

from collections.abc import Callable

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http.request import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, figures_export, page
from core.text.formatting import format_amount, join_clauses
from core.web.list_pages import (
    FilterBar,
    requested_sort,
    sortable_headers,
)
from core.web.tables import Table
from pilots.analytics.explanations import format_carbon
from pilots.analytics.reconciliation import PilotSet
from pilots.analytics.synergy import Synergy, build_synergy
from pilots.charts.synergy import (
    JOINT_DEFAULT_SORT,
    amber_table,
    classes_table,
    coordinates_chart,
    elasticity_table,
    joint_columns,
    joint_table,
    missing_groups,
    missing_table,
    synergy_title,
)
from pilots.filters import SynergyPageFilter
from pilots.metrics.reduction import CoControl
from pilots.models import Pilot, Reading, Target
from pilots.tables import sources_of


@page(*SynergyPageFilter.base_filters)
def synergy(request: TrackerRequest) -> HttpResponseBase:
    """Show co-control, elasticities and joint progress of rated pilots, and the excluded ones."""
    as_of = request.as_of
    pilots = Pilot.objects.listed(as_of)
    filterset = SynergyPageFilter(request.GET, queryset=pilots, request=request)
    bar = FilterBar(request, filterset.form)
    sort = requested_sort(request, joint_columns(), JOINT_DEFAULT_SORT)
    found = build_synergy(filterset.qs.prefetch_related("industries"), as_of, filterset.picked_year)
    chosen = PilotSet.from_filters(filterset.form.cleaned_data)
    chart = coordinates_chart(
        found, capfirst(chosen.name_with_count(found.of)), sources_of(pilot_keys(found), Reading, Target)
    )
    builds: dict[str, tuple[str, Callable[[], Table]]] = {
        "classes": (_("Classes"), lambda: classes_table(found)),
        "amber": (_("Pollution down, carbon up"), lambda: amber_table(found)),
        "elasticities": (_("Cross-elasticities"), lambda: elasticity_table(found)),
        "joint": (_("Joint progress"), lambda: joint_table(found, sort)),
        "missing": (_("Who is missing, and why"), lambda: missing_table(found)),
    }
    tables = {
        slug: Export(title, build, bar.chips, chart.subtitle, chart.sources) for slug, (title, build) in builds.items()
    }
    counted = chosen.name or chosen.name_with_count(found.of)
    figures = [{**figure, "note": join_clauses([figure["note"], counted])} for figure in total_figures(found)]
    files: Exports = {
        **figures_export(figures, bar.chips),
        **chart_exports({"coordinates": chart}, bar.chips),
        **tables,
    }
    title, headline = _("Synergy"), synergy_headline(found)
    return export_response(request, files, title, headline) or render(
        request,
        "dashboard/synergy.html",
        {
            "title": title,
            "finding": headline,
            "bar": bar,
            "synergy": found,
            "charts": {"coordinates": chart},
            "figures": figures,
            "joint_heads": sortable_headers(request, joint_columns(), sort),
            "groups": missing_groups(found),
            "tables": {name: export.build() for name, export in tables.items() if name != "missing"},
        },
    )


def pilot_keys(found: Synergy) -> list[int]:
    return [item.pilot.pk for item in found.pilots]


def synergy_headline(found: Synergy) -> str:
    """Return the headline, with the number of excluded pilots."""
    missing = found.of - len(found.on_chart)
    if not missing:
        return synergy_title(found) + _(".")
    text = ngettext("%(n)d of %(of)d is missing", "%(n)d of %(of)d are missing", missing)
    return join_clauses([synergy_title(found), text % {"n": missing, "of": found.of}]) + _(".")


def total_figures(found: Synergy) -> list[dict[str, object]]:
    n = len(found.on_chart)
    of_n = _("of %(n)d judged") % {"n": n} if n else ""
    carbon, air = found.carbon_total, found.apeq_total
    return [
        {
            "label": str(CoControl.CO_REDUCTION.label),
            "value": found.kinds[CoControl.CO_REDUCTION] if n else None,
            "of": of_n,
            "note": _("pollution and carbon both fall"),
            "definition": "co-control",
        },
        {
            "label": str(CoControl.POLLUTION_DOWN_CARBON_UP.label),
            "value": found.kinds[CoControl.POLLUTION_DOWN_CARBON_UP] if n else None,
            "of": of_n,
            "note": _("listed below by name"),
            "url": "#amber" if n else "",
            "definition": "co-control",
        },
        {
            "label": _("CO₂ reduced together"),
            "value": None if carbon.value is None else format_carbon(carbon.value),
            "of": "",
            "note": _("%(used)d of %(n)d pilots counted; %(within)d parks inside pilot cities left out")
            % {"used": carbon.used, "n": carbon.possible, "within": len(carbon.within)},
            "definition": "reduction",
        },
        {
            "label": _("Air pollutants reduced together"),
            "value": None if air.value is None else format_amount(air.value),
            "of": _("thousand equivalents"),
            "note": _("%(used)d of %(n)d pilots counted") % {"used": air.used, "n": air.possible},
            "definition": "apeq",
        },
        {
            "label": _("Missing"),
            "value": found.of - n,
            "of": _("of %(n)d pilots") % {"n": found.of},
            "note": _("each with its reason"),
            "url": "#missing",
            "definition": "synergy-missing",
        },
    ]
