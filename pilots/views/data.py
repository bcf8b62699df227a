"""The data page: what is recorded and what is missing, figures, definitions, sources, downloads."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Column, Table
from config.kept import kept_page
from config.lists import PAGE_WORDS, Export, Exports, Listing, Stream, build_listing, check_words, exported
from config.templatetags.site import lang_of
from config.words import clauses
from pilots.charts import reconciliation_table
from pilots.definitions import DEFINITIONS
from pilots.gaps import Gap, build_gaps
from pilots.models import Batch, Indicator, Milestone, Pilot, Reading, StageEntry, Target
from pilots.reconcile import build_reconciliation
from pilots.views.shared import figures_table
from policies.filters import SourceFilter
from policies.models import Agency, Figure, Industry, Measure, Policy, Province, ProvincialPlan, Source
from policies.rollout import POLICY_PARAMETER, choose_policy

SOURCES_ON_A_PAGE = 15  # the page goes on above them: a whole list of sources reads like a book
RELIABILITY_TAGS = {"official": "green", "media": "blue", "inferred": "yellow"}
SOURCE_ORDER = {
    "title": ["title"],
    "publisher": ["publisher"],
    "published": ["published_on"],
    "reliability": ["reliability"],
}


@kept_page
def data(request: HttpRequest) -> HttpResponseBase:
    """Sources, figures, definitions, gaps and downloads."""
    check_words(request, {*PAGE_WORDS, POLICY_PARAMETER, *SourceFilter.base_filters})
    as_of = request.as_of  # type: ignore[attr-defined]
    batches, choice = build_reconciliation(as_of), choose_policy(as_of, request.GET.get(POLICY_PARAMETER))
    gaps = build_gaps(as_of, batches, choice.policy)
    listing, whole = source_listing(request)
    figures = Figure.objects.prefetch_related("sources")
    tables: Exports = {
        "gaps": Export(_("Gaps in the records"), lambda: gaps_table(gaps)),
        "reconciliation": Export(_("Announced against recorded"), lambda: reconciliation_table(batches)),
        "figures": Export(
            _("Published figures"),
            lambda: figures_table(figures),
            sources=Source.objects.filter(figure__in=figures).distinct(),
        ),
        "definitions": Export(_("What each number means"), definitions_table),
        "sources": Export(_("Sources"), whole, listing.chips),
    }
    file = exported(request, tables, _("Data"), data_finding(gaps))
    if file is not None:
        return file
    context = {
        "title": _("Data"),
        "finding": data_finding(gaps),
        "listing": listing,
        "choice": choice,
        "gaps": gaps_table(gaps),
        "reconciliation": reconciliation_table(batches),
        "figures_table": figures_table(figures),
        "definitions": DEFINITIONS,
        "downloads": downloads(as_of, sum(item.total.withdrawn for item in batches)),
    }
    return render(request, "data.html", context)


def definitions_table() -> Table:
    columns = [Column("name", _("Number")), Column("meaning", _("Meaning"))]
    return Table(columns, [[Cell(str(item.name)), Cell(str(item.meaning))] for item in DEFINITIONS])


def source_listing(request: HttpRequest) -> tuple[Listing, Callable[[], Stream]]:
    columns = [
        Column("title", _("Source"), sort="title"),
        Column("publisher", _("Publisher"), sort="publisher"),
        Column("published_on", _("Published"), "date", sort="published"),
        Column("reliability", _("Reliability"), sort="reliability"),
        Column("url", _("Address")),
    ]
    return build_listing(
        request,
        slug="sources",
        filterset=SourceFilter(request.GET, queryset=Source.objects.all(), request=request),
        columns=columns,
        row=source_cells,
        sort="-published",
        order=SOURCE_ORDER,
        total=Source.objects.count(),
        empty=_("No source matches these filters."),
        on_page=SOURCES_ON_A_PAGE,
    )


def source_cells(source: Source) -> Sequence[Cell]:
    return [
        Cell(source.title, url=source.url, lang=lang_of(source.title)),
        Cell(source.publisher or None),
        Cell(source.published_on),
        Cell(source.get_reliability_display(), tag=RELIABILITY_TAGS[source.reliability]),
        Cell(source.url or None, url=source.url),
    ]


def gaps_table(gaps: Sequence[Gap]) -> Table:
    columns = [
        Column("what", _("What")),
        Column("firm", _("Recorded, firm"), "integer"),
        Column("recorded", _("With inferred"), "integer"),
        Column("withdrawn", _("Withdrawn"), "integer"),
        Column("expected", _("Announced or expected"), "integer"),
        Column("missing", _("Still missing"), "integer"),
        Column("share", _("Share recorded"), "share"),
    ]
    return Table(columns, [gap_cells(gap) for gap in gaps])


def gap_cells(gap: Gap) -> list[Cell]:
    withdrawn = "" if gap.withdrawn is None else gap.withdrawn
    counts = (gap.firm, gap.recorded, withdrawn, gap.expected, gap.missing, gap.share)
    return [Cell(gap.what), *map(Cell, counts)]


MOST_NAMED = 3


def data_finding(gaps: Sequence[Gap]) -> str:
    """One sentence: of which kinds the least is on record, each with its own share. Unlike things are not added up."""
    short = sorted((gap for gap in gaps if gap.share is not None and gap.share < 1), key=lambda gap: gap.share or 0)
    if not short:
        return _("Everything that was announced or is expected is on record.")
    named = [
        _("%(what)s (%(recorded)d of %(expected)d)")
        % {"what": gap.what, "recorded": gap.recorded, "expected": gap.expected}
        for gap in short[:MOST_NAMED]
    ]
    text = ngettext(
        "%(n)d kind of record is not complete. Least complete: %(named)s.",
        "%(n)d kinds of records are not complete. Least complete: %(named)s.",
        len(short),
    )
    return text % {"n": len(short), "named": clauses(named)}


ALSO_WITHDRAWN = {"pilots", "milestones", "targets"}
"""Lists of the API that leave out withdrawn pilots unless they are asked for: a table in full holds them too."""


def records_on(as_of: date) -> dict[str, QuerySet[Any]]:
    """The records that each table holds on a day, as the API lists them."""
    known = Pilot.objects.known(as_of).order_by().values("pk")
    current = Pilot.objects.listed(as_of).order_by().values("pk")
    entered = Q(entered_on__lte=as_of) | Q(planned_on__isnull=False, pilot__in=current)
    return {
        "policies": Policy.objects.known(as_of),
        "plans": ProvincialPlan.objects.all(),
        "provinces": Province.objects.all(),
        "agencies": Agency.objects.all(),
        "industries": Industry.objects.all(),
        "measures": Measure.objects.all(),
        "figures": Figure.objects.all(),
        "batches": Batch.objects.known(as_of),
        "pilots": Pilot.objects.known(as_of),
        "stages": StageEntry.objects.filter(entered),
        "milestones": Milestone.objects.filter(pilot__in=known),
        "indicators": Indicator.objects.all(),
        "targets": Target.objects.filter(pilot__in=known),
        "readings": Reading.objects.filter(reported_on__lte=as_of),
        "sources": Source.objects.all(),
    }


def downloads(as_of: date, withdrawn: int) -> list[dict[str, Any]]:
    """Every table as a file, with its number of records on the day; of the pilots also how many have withdrawn."""
    rows = []
    for name, records in records_on(as_of).items():
        more = "&withdrawn=include" if name in ALSO_WITHDRAWN and withdrawn else ""
        rows.append(
            {
                "name": records.model._meta.verbose_name_plural,
                "count": records.aggregate(n=Count("pk"))["n"],
                "withdrawn": withdrawn if name == "pilots" else 0,
                "url": f"/api/v1/{name}/{more.replace('&', '?')}",
                "csv": f"/api/v1/{name}/?format=csv{more}",
                "xlsx": f"/api/v1/{name}/?format=xlsx{more}",
            }
        )
    return rows
