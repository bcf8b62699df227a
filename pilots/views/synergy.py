"""Synergy page: co-control of pollution and carbon."""

from collections.abc import Callable

from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.http.menu import MenuEntry
from core.http.request import TrackerRequest
from core.pages import Page, page_view
from core.spreadsheets.page_exports import Export, Exports, chart_exports, figures_export
from core.text.amounts import format_amount
from core.text.joining import join_clauses
from core.web.list_pages import (
    PAGE_PARAMETERS,
    build_filter_bar,
    requested_sort,
    sortable_headers,
)
from core.web.tables import Table
from pilots.analytics.explanations import format_carbon
from pilots.analytics.pilot_set import PilotSet
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


@page_view(
    "dashboard/synergy.html",
    {*PAGE_PARAMETERS, *SynergyPageFilter.base_filters},
    menu=MenuEntry("synergy", gettext_lazy("Synergy"), place=7, shared_params=["batch"]),
)
def synergy(request: TrackerRequest) -> Page:
    """Show co-control, elasticities and joint progress of rated pilots, and the excluded ones."""
    as_of = request.as_of
    pilots = Pilot.objects.listed(as_of)
    filterset = SynergyPageFilter(request.GET, queryset=pilots, request=request)
    bar = build_filter_bar(request, filterset)
    sort = requested_sort(request, joint_columns(), JOINT_DEFAULT_SORT)
    found = build_synergy(prefetch_industries(filterset.qs), as_of, filterset.picked_year)
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
    figures = synergy_figures(found, chosen)
    files: Exports = {
        **figures_export(figures, bar.chips),
        **chart_exports({"coordinates": chart}, bar.chips),
        **tables,
    }

    def context() -> dict[str, object]:
        return {
            "bar": bar,
            "synergy": found,
            "charts": {"coordinates": chart},
            "figures": figures,
            "joint_heads": sortable_headers(request, joint_columns(), sort),
            "groups": missing_groups(found),
            "tables": {name: export.build() for name, export in tables.items() if name != "missing"},
        }

    return Page(_("Synergy"), synergy_headline(found), files, context)


def prefetch_industries(pilots: QuerySet[Pilot]) -> QuerySet[Pilot]:
    return pilots.prefetch_related("industries")


def pilot_keys(found: Synergy) -> list[int]:
    return [item.pilot.pk for item in found.pilots]


def synergy_headline(found: Synergy) -> str:
    """Return the headline, with the number of excluded pilots."""
    missing = found.of - len(found.on_chart)
    if not missing:
        return synergy_title(found) + _(".")
    text = ngettext("%(n)d of %(of)d is missing", "%(n)d of %(of)d are missing", missing)
    return join_clauses([synergy_title(found), text % {"n": missing, "of": found.of}]) + _(".")


def synergy_figures(found: Synergy, chosen: PilotSet) -> list[dict[str, object]]:
    """Return the key figures: pilots by class and total reductions, each with its denominator and set."""
    figures = total_figures(found)
    if chosen.name:
        figures = [{**figure, "note": join_clauses([figure["note"], chosen.name])} for figure in figures]
    return figures


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
            "url": "#amber",
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
