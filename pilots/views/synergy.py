"""The page of synergy: who really reduces pollution and carbon together."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Table
from config.kept import kept_page
from config.lists import (
    PAGE_WORDS,
    Export,
    Exports,
    chart_exports,
    check_words,
    chosen_sort,
    exported,
    figures_export,
    filter_bar,
    heads,
)
from config.words import clauses
from pilots.charts import (
    amber_table,
    classes_table,
    coordinates_chart,
    elasticity_table,
    joint_table,
    missing_groups,
    missing_table,
)
from pilots.charts.synergy import JOINT_SORT, joint_columns, synergy_title
from pilots.filters import SynergyPageFilter
from pilots.metrics import CoControl
from pilots.models import Pilot, Reading, Target
from pilots.sentences import amount, carbon_text
from pilots.sets import PilotSet
from pilots.synergy import Synergy, build_synergy
from pilots.views.shared import sources_of


@kept_page
def synergy(request: HttpRequest) -> HttpResponseBase:
    """Co-control, elasticities and joint progress of the pilots that can be judged, and who cannot."""
    check_words(request, {*PAGE_WORDS, *SynergyPageFilter.base_filters})
    as_of = request.as_of  # type: ignore[attr-defined]
    pilots = Pilot.objects.listed(as_of)
    filterset = SynergyPageFilter(request.GET, queryset=pilots, request=request)
    bar = filter_bar(request, filterset)
    sort = chosen_sort(request, joint_columns(), JOINT_SORT)
    found = build_synergy(with_industries(filterset.qs), as_of, filterset.picked_year)
    chosen = PilotSet.of(filterset.form.cleaned_data)
    chart = coordinates_chart(found, capfirst(chosen.counted(found.of)), sources_of(members(found), Reading, Target))
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
    finding, figures = synergy_finding(found), synergy_figures(found, chosen)
    files: Exports = {
        **figures_export(figures, bar.chips),
        **chart_exports({"coordinates": chart}, bar.chips),
        **tables,
    }
    file = exported(request, files, _("Synergy"), finding)
    if file is not None:
        return file
    context = {
        "title": _("Synergy"),
        "finding": finding,
        "bar": bar,
        "synergy": found,
        "charts": {"coordinates": chart},
        "figures": figures,
        "joint_heads": heads(request, joint_columns(), sort),
        "groups": missing_groups(found),
        "tables": {name: export.build() for name, export in tables.items() if name != "missing"},
    }
    return render(request, "synergy.html", context)


def with_industries(pilots: QuerySet[Pilot]) -> QuerySet[Pilot]:
    return pilots.prefetch_related("industries")


def members(found: Synergy) -> list[int]:
    return [item.pilot.pk for item in found.pilots]


def synergy_finding(found: Synergy) -> str:
    """The page's answer, with how many could not be asked."""
    missing = found.of - len(found.on_chart)
    if not missing:
        return synergy_title(found) + _(".")
    text = ngettext("%(n)d of %(of)d is missing", "%(n)d of %(of)d are missing", missing)
    return clauses([synergy_title(found), text % {"n": missing, "of": found.of}]) + _(".")


def synergy_figures(found: Synergy, chosen: PilotSet) -> list[dict[str, Any]]:
    """Who does what, and what it adds up to, each with its denominator and the set it speaks of."""
    figures = figures_of(found)
    if chosen.name:
        figures = [{**figure, "note": clauses([figure["note"], chosen.name])} for figure in figures]
    return figures


def figures_of(found: Synergy) -> list[dict[str, Any]]:
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
            "value": None if carbon.value is None else carbon_text(carbon.value),
            "of": "",
            "note": _("%(used)d of %(n)d pilots counted; %(within)d parks inside pilot cities left out")
            % {"used": carbon.used, "n": carbon.possible, "within": len(carbon.within)},
            "definition": "reduction",
        },
        {
            "label": _("Air pollutants reduced together"),
            "value": None if air.value is None else amount(air.value),
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
