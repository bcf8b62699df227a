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
from pilots.analytics.coverage import MATRIX_AXES, Coverage
from pilots.analytics.progress import Progress
from pilots.analytics.reconciliation import PilotSet
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
from policies.models import Industry, Measure, Source
from policies.tables import measures_table


@page("by", *CoverageFilter.base_filters)
def industry_list(request: TrackerRequest) -> HttpResponseBase:
    """List all industries with their coverage by recorded pilots, in a matrix by region or province."""
    by, as_of = request.GET.get("by", "region"), request.as_of
    if by not in MATRIX_AXES:
        raise choice_error(by, MATRIX_AXES, "by")
    filterset = CoverageFilter(request.GET, queryset=Pilot.objects.listed(as_of), request=request)
    bar = FilterBar(request, filterset.form)
    coverage = Coverage(filterset.qs, as_of, by=by, chosen=PilotSet.from_filters(filterset.form.cleaned_data))
    sources = cited_by(filterset.qs.filter(industries__isnull=False))
    charts = {"coverage": coverage_chart(coverage, sources), "matrix": matrix_chart(coverage, by, sources)}
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


def cited_by(pilots: QuerySet[Pilot]) -> list[Source]:
    """Return the sources of these pilots themselves."""
    return list(Source.objects.filter(pk__in=Pilot.sources.through.objects.filter(pilot__in=pilots).values("source")))


def measure_sources(measures: QuerySet[Measure]) -> QuerySet[Source]:
    """Return the sources of these measures and of their policies."""
    return Source.objects.filter(Q(measure__in=measures) | Q(policy__measures__in=measures)).distinct()


@page(ENTRY_PARAMETER)
def industry_detail(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Show one industry: pilots that name it, their provinces, and measures of policies for it."""
    as_of = request.as_of
    industry = get_object_or_404(Industry.objects.prefetch_related("sources"), slug=slug)
    listed, everything = Pilot.objects.listed(as_of), pilots_url(industry=industry.slug)
    progress = Progress(listed.filter(industries=industry), as_of)
    scope = ngettext("%(n)d pilot names it", "%(n)d pilots name it", progress.n) % {"n": progress.n}
    charts = {}
    if progress.n:
        charts["lights"] = light_summary_chart(progress, scope, sources_of(progress.rows), industry=industry.slug)
    sources = list(dict.fromkeys([*cited_by(progress.rows), *industry.sources.all()]))
    measures, changes = Measure.objects.filter(industries=industry).prefetch_related("policies"), changes_of(industry)
    tables: Exports = {
        **chart_exports(charts),
        "pilots": Export(_("Pilots in this industry"), lambda: pilots_table(progress, everything), (), scope, sources),
        "measures": Export(
            _("Measures meant for it"),
            lambda: measures_table(measures.prefetch_related("industries")),
            sources=measure_sources(measures),
        ),
        "history": Export(_("History"), lambda: history_table(request, changes)),
    }
    headline = industry_headline(industry, Coverage(listed, as_of))
    return export_response(request, tables, industry.name, headline) or render(
        request,
        "dashboard/industries/detail.html",
        {
            "title": industry.name,
            "finding": headline,
            "industry": industry,
            "crumbs": [{"url": "industry-list", "label": _("Industries")}, {"label": industry.name}],
            "table": pilots_page_table(request, progress, everything),
            "charts": charts,
            "announced_with": Batch.objects.known(as_of).filter(industries_announced=industry),
            "measures": measures,
            "sources": sources,
            "history": history_tab(request, changes),
        },
    )


def industry_headline(industry: Industry, coverage: Coverage) -> str:
    """Return the headline: pilots that name it, their provinces of the roster, and whether it is a gap."""
    row = next(row for row in coverage.industries if row.industry == industry)
    if row.pilots:
        text = ngettext(
            "%(pilots)d recorded pilot names it, in %(provinces)d of %(roster)d provinces.",
            "%(pilots)d recorded pilots name it, in %(provinces)d of %(roster)d provinces.",
            row.pilots,
        )
        return text % {"pilots": row.pilots, "provinces": row.provinces, "roster": row.roster}
    if row.gap:
        return _("A gap: national policy singles this industry out, and no recorded pilot names it.")
    if industry.priority:
        reason = too_few_known_text(coverage.naming, coverage.announced)
        return join_clauses([_("No recorded pilot names this industry"), reason]) + _(".")
    return _("No recorded pilot names this industry.")
