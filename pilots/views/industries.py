"""Pages of the industries: which are tried where, and which nobody tries."""

from datetime import date

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.faults import BadRequest, Fault, short
from config.journal import ENTRY_WORD, history_exports, history_tab
from config.kept import kept_page
from config.lists import PAGE_WORDS, Export, Exports, chart_exports, check_words, exported, filter_bar
from config.words import clauses
from pilots.charts import (
    coverage_chart,
    coverage_finding,
    fields_table,
    light_strip,
    matrix_chart,
    notice_text,
    pilots_url,
    quotients_table,
    too_few,
)
from pilots.coverage import AXES, build_coverage, gap_basis
from pilots.filters import CoverageFilter
from pilots.metrics import GapBasis, is_gap
from pilots.models import Batch, Pilot
from pilots.progress import build_progress
from pilots.quotients import build_quotients
from pilots.sets import PilotSet
from pilots.views.pilots import pilots_table
from pilots.views.shared import sources_of
from policies.charts import measures_table
from policies.journal import industry_journal
from policies.models import Industry, Measure, Province, Source


def chosen_axis(request: HttpRequest) -> str:
    """The matrix's columns. Raises BadRequest for a word that is neither region nor province."""
    by = request.GET.get("by", "region")
    if by not in AXES:
        message = _("by: “%(value)s” is not possible. Use region or province.") % {"value": short(by)}
        raise BadRequest(Fault("by", "invalid_choice", message))
    return by


@kept_page
def industry_list(request: HttpRequest) -> HttpResponseBase:
    """Coverage of all industries by the recorded pilots."""
    check_words(request, {*PAGE_WORDS, "by", *CoverageFilter.base_filters})
    by = chosen_axis(request)
    as_of = request.as_of  # type: ignore[attr-defined]
    filterset = CoverageFilter(request.GET, queryset=Pilot.objects.listed(as_of), request=request)
    bar = filter_bar(request, filterset)
    chosen = PilotSet.of(filterset.form.cleaned_data)
    coverage = build_coverage(filterset.qs, as_of, by=by, chosen=chosen)
    sources = list(Source.objects.filter(pilot__in=filterset.qs, pilot__industries__isnull=False).distinct())
    quotients = build_quotients(filterset.qs)
    charts = {
        "coverage": coverage_chart(coverage, sources),
        "matrix": matrix_chart(coverage, by, sources, quotients if by == "region" else None),
    }
    measures = Measure.objects.prefetch_related("industries", "policies")
    scope = charts["coverage"].subtitle
    tables: Exports = {
        **chart_exports(charts, bar.chips),
        "quotients": Export(
            _("Location quotients"), lambda: quotients_table(quotients), bar.chips, charts["matrix"].subtitle, sources
        ),
        "fields": Export(_("Coverage by field of action"), lambda: fields_table(coverage), bar.chips, scope, sources),
        "measures": Export(
            _("Measures that policies prescribe"), lambda: measures_table(measures), sources=measure_sources(measures)
        ),
    }
    file = exported(request, tables, _("Industries"), coverage_finding(coverage))
    if file is not None:
        return file
    context = {
        "title": _("Industries"),
        "finding": coverage_finding(coverage),
        "bar": bar,
        "coverage": coverage,
        "notice": notice_text(coverage),
        "charts": charts,
        "by": by,
        "fields": fields_table(coverage),
        "measures": measures,
    }
    return render(request, "industries/list.html", context)


def measure_sources(measures: QuerySet[Measure]) -> QuerySet[Source]:
    """Where these measures, and the policies that prescribe them, were read."""
    return Source.objects.filter(Q(measure__in=measures) | Q(policy__measures__in=measures)).distinct()


@kept_page
def industry_detail(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One industry: the pilots that name it, where they are, and what policy asks of it."""
    check_words(request, {*PAGE_WORDS, ENTRY_WORD})
    as_of = request.as_of  # type: ignore[attr-defined]
    industry = get_object_or_404(Industry.objects.prefetch_related("divisions", "sources"), slug=slug)
    naming = Pilot.objects.listed(as_of).filter(industries=industry).prefetch_related("industries", "sources")
    progress = build_progress(naming, as_of)
    pilots = [status.pilot for status in progress.pilots]
    statuses = {status.pilot.pk: status for status in progress.pilots}
    table = pilots_table(pilots, statuses, pilots_url(industry=industry.slug), as_of)
    scope = ngettext("%(n)d pilot names it", "%(n)d pilots name it", len(pilots)) % {"n": len(pilots)}
    keys = [pilot.pk for pilot in pilots]
    charts = {"lights": light_strip(progress, scope, sources_of(keys), industry=industry.slug)} if pilots else {}
    sources = list(dict.fromkeys([*[s for pilot in pilots for s in pilot.sources.all()], *industry.sources.all()]))
    measures = industry.measures.prefetch_related("policies")
    tables: Exports = {
        **chart_exports(charts),
        "pilots": Export(_("Pilots in this industry"), lambda: table, (), scope, sources),
        "measures": Export(
            _("Measures meant for it"),
            lambda: measures_table(measures.prefetch_related("industries")),
            sources=measure_sources(measures),
        ),
    }
    finding, journal = (
        industry_finding(industry, pilots, gap_basis(as_of)),
        industry_journal(industry, as_of, request.user),
    )
    file = exported(request, tables | history_exports(journal), industry.name, finding)
    if file is not None:
        return file
    context = {
        "title": industry.name,
        "industry": industry,
        "finding": finding,
        "crumbs": [{"url": "industry-list", "label": _("Industries")}, {"label": industry.name}],
        "pilots": pilots,
        "table": table,
        "charts": charts,
        "history": history_tab(request, journal),
        "announced_with": announced_with(industry, as_of),
        "measures": measures,
        "sources": sources,
    }
    return render(request, "industries/detail.html", context)


def announced_with(industry: Industry, as_of: date) -> list[Batch]:
    """The batches known on the day whose own notices name the industry."""
    return list(Batch.objects.known(as_of).filter(industries_announced=industry))


def industry_finding(industry: Industry, pilots: list[Pilot], basis: GapBasis) -> str:
    """One sentence: how many pilots name it, in how many provinces of the roster, and whether that is a gap."""
    if not pilots:
        if is_gap(industry.priority, 0, judged=basis.judged):
            return _("A gap: national policy singles this industry out, and no recorded pilot names it.")
        if industry.priority:
            return clauses([_("No recorded pilot names this industry"), too_few(basis)]) + _(".")
        return _("No recorded pilot names this industry.")
    roster = Province.objects.roster()
    provinces = len({pilot.province_id for pilot in pilots} & {province.pk for province in roster})
    text = ngettext(
        "%(pilots)d recorded pilot names it, in %(provinces)d of %(roster)d provinces.",
        "%(pilots)d recorded pilots name it, in %(provinces)d of %(roster)d provinces.",
        len(pilots),
    )
    return text % {"pilots": len(pilots), "provinces": provinces, "roster": len(roster)}
