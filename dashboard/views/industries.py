"""Industry pages: coverage by pilots and gaps."""

from django.db.models import Q, QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.errors import choice_error
from core.history.entries import ENTRY_PARAMETER, changes_of, history_tab, history_table
from core.http import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, page
from core.tables import FilterBar
from core.text import join_clauses
from pilots.analytics.coverage import MATRIX_AXES, build_coverage, gap_basis
from pilots.analytics.progress import build_progress
from pilots.analytics.reconciliation import PilotSet, are_gaps_judged
from pilots.charts.cells import pilots_url
from pilots.charts.coverage import (
    coverage_chart,
    coverage_headline,
    fields_table,
    matrix_chart,
    notice_text,
    too_few_known_text,
)
from pilots.charts.status import light_summary_chart
from pilots.filters import CoverageFilter
from pilots.models import Batch, Pilot
from pilots.tables import pilots_page_table, pilots_table, sources_of
from policies.models import Industry, Measure, Province, Source
from policies.tables import measures_table


@page("by", *CoverageFilter.base_filters)
def industry_list(request: TrackerRequest) -> HttpResponseBase:
    """List all industries with their coverage by recorded pilots, in a matrix by region or province."""
    by, as_of = request.GET.get("by", "region"), request.as_of
    if by not in MATRIX_AXES:
        raise choice_error(by, MATRIX_AXES, "by")
    filterset = CoverageFilter(request.GET, queryset=Pilot.objects.listed(as_of), request=request)
    bar = FilterBar(request, filterset.form)
    chosen = PilotSet.from_filters(filterset.form.cleaned_data)
    coverage = build_coverage(filterset.qs, as_of, by=by, chosen=chosen)
    sources = list(Source.objects.filter(pilot__in=filterset.qs, pilot__industries__isnull=False).distinct())
    charts = {
        "coverage": coverage_chart(coverage, sources),
        "matrix": matrix_chart(coverage, by, sources),
    }
    measures = Measure.objects.prefetch_related("industries", "policies")
    scope = charts["coverage"].subtitle
    tables: Exports = {
        **chart_exports(charts, bar.chips),
        "fields": Export(_("Coverage by field of action"), lambda: fields_table(coverage), bar.chips, scope, sources),
        "measures": Export(
            _("Measures that policies prescribe"), lambda: measures_table(measures), sources=measure_sources(measures)
        ),
    }
    title, headline = _("Industries"), coverage_headline(coverage)
    return export_response(request, tables, title, headline) or render(
        request,
        "dashboard/industries/list.html",
        {
            "title": title,
            "finding": headline,
            "bar": bar,
            "coverage": coverage,
            "notice": notice_text(coverage),
            "charts": charts,
            "by": by,
            "measures": measures,
        },
    )


def measure_sources(measures: QuerySet[Measure]) -> QuerySet[Source]:
    """Return the sources of these measures and of their policies."""
    return Source.objects.filter(Q(measure__in=measures) | Q(policy__measures__in=measures)).distinct()


@page(ENTRY_PARAMETER)
def industry_detail(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Show one industry: pilots that name it, their provinces, and measures of policies for it."""
    as_of = request.as_of
    industry = get_object_or_404(Industry.objects.prefetch_related("sources"), slug=slug)
    naming = Pilot.objects.listed(as_of).filter(industries=industry).prefetch_related("industries", "sources")
    progress = build_progress(naming, as_of)
    pilots = [status.pilot for status in progress.pilots]
    statuses = {status.pilot.pk: status for status in progress.pilots}
    table = pilots_table(pilots, statuses, pilots_url(industry=industry.slug), as_of)
    scope = ngettext("%(n)d pilot names it", "%(n)d pilots name it", len(pilots)) % {"n": len(pilots)}
    keys = [pilot.pk for pilot in pilots]
    charts = (
        {"lights": light_summary_chart(progress, scope, sources_of(keys), industry=industry.slug)} if pilots else {}
    )
    sources = list(dict.fromkeys([*[s for pilot in pilots for s in pilot.sources.all()], *industry.sources.all()]))
    measures = Measure.objects.filter(industries=industry).prefetch_related("policies")
    tables: Exports = {
        **chart_exports(charts),
        "pilots": Export(_("Pilots in this industry"), lambda: table, (), scope, sources),
        "measures": Export(
            _("Measures meant for it"),
            lambda: measures_table(measures.prefetch_related("industries")),
            sources=measure_sources(measures),
        ),
    }

    headline = industry_headline(industry, pilots, gap_basis(as_of))
    changes = changes_of(industry)
    tables["history"] = Export(_("History"), lambda: history_table(request, changes))
    return export_response(request, tables, industry.name, headline) or render(
        request,
        "dashboard/industries/detail.html",
        {
            "title": industry.name,
            "finding": headline,
            "industry": industry,
            "crumbs": [{"url": "industry-list", "label": _("Industries")}, {"label": industry.name}],
            "pilots": pilots,
            "table": pilots_page_table(request, progress, pilots_url(industry=industry.slug)),
            "charts": charts,
            "announced_with": list(Batch.objects.known(as_of).filter(industries_announced=industry)),
            "measures": measures,
            "sources": sources,
            "history": history_tab(request, changes),
        },
    )


def industry_headline(industry: Industry, pilots: list[Pilot], basis: tuple[int, int | None]) -> str:
    """Return the headline: pilots that name it, their provinces of the roster, and whether it is a gap."""
    if not pilots:
        if industry.priority and are_gaps_judged(*basis):
            return _("A gap: national policy singles this industry out, and no recorded pilot names it.")
        if industry.priority:
            return join_clauses([_("No recorded pilot names this industry"), too_few_known_text(*basis)]) + _(".")
        return _("No recorded pilot names this industry.")
    roster = Province.objects.roster()
    provinces = len({pilot.province_id for pilot in pilots} & {province.pk for province in roster})
    text = ngettext(
        "%(pilots)d recorded pilot names it, in %(provinces)d of %(roster)d provinces.",
        "%(pilots)d recorded pilots name it, in %(provinces)d of %(roster)d provinces.",
        len(pilots),
    )
    return text % {"pilots": len(pilots), "provinces": provinces, "roster": len(roster)}
