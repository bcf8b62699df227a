"""Data page (completeness, figures, glossary, sources and downloads) and the page about the system."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Count, Min, Q
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.api.viewsets import RecordViewSet
from core.http import TrackerRequest
from core.pages import DAY_PARAMETERS, Export, Exports, export_response, page
from core.tables import Cell, Column, ListPage, Table, make_table, status_cell
from core.text import join_clauses, label_value
from dashboard.editions.services import WITHDRAWN, api_list
from dashboard.glossary import GlossaryEntry, glossary
from pilots.analytics.reconciliation import BatchCount, build_reconciliation
from pilots.api.urls import RESOURCES as PILOT_RESOURCES
from pilots.charts.synergy import reconciliation_table
from pilots.models import Pilot
from pilots.tables import figures_table
from policies.api import RESOURCES as POLICY_RESOURCES
from policies.filters import SourceFilter
from policies.models import Confidence, Figure, Policy, Province, ProvincialPlan, Source, issued_by
from policies.rollout import POLICY_PARAMETER, PolicyChoice
from policies.tables import document_cell

CONFIRMED = ~Q(confidence="inferred")
SOURCES_PER_PAGE = 15  # sources are at the end of the page, and there are hundreds
MAX_NAMED = 3  # kinds of records, in the headline
TABLES = (
    *("policies", "plans", "provinces", "agencies", "industries", "measures", "figures", "batches", "pilots", "stages"),
    *("milestones", "completions", "indicators", "targets", "amendments", "deadlines", "readings", "actions"),
    *("practices", "adoptions", "effects", "documents", "sources"),
)
"""Lists of the API that are offered as downloads, in this order."""
DEFINED_TERMS = ("roster", "rollout", "recorded", "gap", "light", "due", "co-control", "confidence")
"""The definitions by which a reader understands most of the numbers."""


class CompletenessItem(NamedTuple):
    """Completeness of one kind of record: confirmed, recorded (inferred ones included) and expected."""

    what: str
    firm: int
    recorded: int
    expected: int | None
    withdrawn: int | None = None  # of pilots: entered, but no longer in the programme

    @property
    def missing(self) -> int | None:
        """Expected minus recorded; None where the expected number is not known."""
        return None if self.expected is None else max(0, self.expected - self.recorded - (self.withdrawn or 0))

    @property
    def share(self) -> float | None:
        """Recorded over announced or expected; None where that number is not known."""
        return None if not self.expected else min(1.0, (self.recorded + (self.withdrawn or 0)) / self.expected)


def build_completeness(as_of: date, batches: Sequence[BatchCount], policy: Policy | None) -> list[CompletenessItem]:
    """Return the completeness on a day of one policy's provincial plans (their existence, title, number and date), then
    of every batch by kind."""
    of_pilots = [
        CompletenessItem(label_value(item.batch.label, kind.label), n.firm, n.recorded, n.announced, n.withdrawn)
        for item in batches
        for kind in item.kinds
        for n in [kind.numbers]
    ]
    if policy is None:
        return of_pilots
    roster = Province.objects.roster().count()
    wanted = {
        _("plans known to be issued"): Q(),
        _("plans with a title"): ~Q(title_zh="") | ~Q(title_en=""),
        _("plans with a document number"): ~Q(doc_number=""),
        _("plans with some date of issue"): Q(issued_on__isnull=False),
        _("plans with an exact date"): Q(issued_precision="day"),
    }
    plans = ProvincialPlan.objects.filter(issued_by(as_of), policy=policy, province__in_roster=True)
    counts = plans.aggregate(
        **{f"firm_{n}": Count("pk", filter=has & CONFIRMED) for n, has in enumerate(wanted.values())},
        **{f"all_{n}": Count("pk", filter=has) if has else Count("pk") for n, has in enumerate(wanted.values())},
    )
    of_plans = [
        CompletenessItem(label_value(policy.short, what), counts[f"firm_{n}"], counts[f"all_{n}"], roster)
        for n, what in enumerate(wanted)
    ]
    return of_plans + of_pilots


@page(POLICY_PARAMETER, *SourceFilter.base_filters)
def data(request: TrackerRequest) -> HttpResponseBase:
    """Show completeness, figures, glossary, sources and downloads."""
    as_of = request.as_of
    batches, choice = build_reconciliation(as_of), PolicyChoice(as_of, request.GET.get(POLICY_PARAMETER))
    gaps = build_completeness(as_of, batches, choice.policy)
    listing = source_listing(request)
    figures = Figure.objects.prefetch_related("sources")
    definitions: list[Column[GlossaryEntry]] = [Column("name", _("Number")), Column("meaning", _("Meaning"))]
    tables: Exports = {
        "gaps": Export(_("Gaps in the records"), lambda: completeness_table(gaps)),
        "reconciliation": Export(_("Announced against recorded"), lambda: reconciliation_table(batches)),
        "figures": Export(
            _("Published figures"),
            lambda: figures_table(figures),
            sources=Source.objects.filter(figure__in=figures).distinct(),
        ),
        "definitions": Export(_("What each number means"), lambda: make_table(definitions, glossary())),
        "sources": Export(_("Sources"), listing.whole, listing.chips),
    }
    title, headline = _("Data"), data_headline(gaps)
    licence, _space, licence_url = settings.DATA_LICENSE.rpartition(" ")
    return export_response(request, tables, title, headline) or render(
        request,
        "dashboard/data.html",
        {
            "title": title,
            "finding": headline,
            "listing": listing,
            "choice": choice,
            "gaps": completeness_table(gaps),
            "reconciliation": reconciliation_table(batches),
            "figures_table": figures_table(figures),
            "licence": {"name": licence.strip(), "url": licence_url} if licence_url else None,
            "definitions": glossary(),
            "downloads": downloads(as_of, request.user, sum(item.total.withdrawn for item in batches)),
        },
    )


def source_listing(request: TrackerRequest) -> ListPage:
    def publisher(source: Source) -> str | None:
        return source.publisher or None

    def reliability(source: Source) -> Cell:
        return status_cell(Confidence(source.reliability))

    columns: list[Column[Source]] = [
        Column("title", _("Source"), document_cell, sort="title", sort_fields=["title"]),
        Column("publisher", _("Publisher"), publisher, sort="publisher", sort_fields=["publisher"]),
        Column("published_on", _("Published"), kind="date", sort="published", sort_fields=["published_on"]),
        Column("reliability", _("Reliability"), reliability, sort="reliability", sort_fields=["reliability"]),
        Column("url", _("Address"), lambda source: Cell(source.url or None, url=source.url)),
    ]
    return ListPage(
        request,
        slug="sources",
        filterset=SourceFilter(request.GET, queryset=Source.objects.all(), request=request),
        columns=columns,
        sort="-published",
        total=Source.objects.count(),
        empty=_("No source matches these filters."),
        rows_per_page=SOURCES_PER_PAGE,
    )


def completeness_table(gaps: Sequence[CompletenessItem]) -> Table:
    columns: list[Column[CompletenessItem]] = [
        Column("what", _("What")),
        Column("firm", _("Recorded, firm"), kind="integer"),
        Column("recorded", _("With inferred"), kind="integer"),
        Column("withdrawn", _("Withdrawn"), lambda gap: "" if gap.withdrawn is None else gap.withdrawn, kind="integer"),
        Column("expected", _("Announced or expected"), kind="integer"),
        Column("missing", _("Still missing"), kind="integer"),
        Column("share", _("Share recorded"), kind="share"),
    ]
    return make_table(columns, gaps)


def data_headline(gaps: Sequence[CompletenessItem]) -> str:
    """Return the headline: the least complete kinds, each with its own share. Different kinds are not added up."""
    short = sorted((gap for gap in gaps if gap.share is not None and gap.share < 1), key=lambda gap: gap.share or 0)
    if not short:
        return _("Everything that was announced or is expected is on record.")
    named = [
        _("%(what)s (%(recorded)d of %(expected)d)")
        % {"what": gap.what, "recorded": gap.recorded, "expected": gap.expected}
        for gap in short[:MAX_NAMED]
    ]
    text = ngettext(
        "%(n)d kind of record is not complete. Least complete: %(named)s.",
        "%(n)d kinds of records are not complete. Least complete: %(named)s.",
        len(short),
    )
    return text % {"n": len(short), "named": join_clauses(named)}


def downloads(as_of: date, user: Any, withdrawn: int) -> list[dict[str, object]]:
    """Return the downloads: each table with the number of records that the API lists, and of withdrawn pilots.

    A list of the API leaves these out unless they are asked for: a table in full holds them too.
    """
    resources: dict[str, tuple[Any, type[RecordViewSet]]] = {**POLICY_RESOURCES, **PILOT_RESOURCES}
    rows = []
    for name in TABLES:
        view, records = api_list(resources[name][1], user, as_of)
        more = "&withdrawn=include" if withdrawn and WITHDRAWN in view.filterset_class.base_filters else ""
        rows.append(
            {
                "name": records.model._meta.verbose_name_plural,
                "count": records.count(),
                "withdrawn": withdrawn if name == "pilots" else 0,
                "url": f"/api/v1/{name}/{more.replace('&', '?')}",
                "csv": f"/api/v1/{name}/?format=csv{more}",
                "xlsx": f"/api/v1/{name}/?format=xlsx{more}",
            }
        )
    return rows


@page(known=DAY_PARAMETERS)
def about(request: TrackerRequest) -> HttpResponseBase:
    as_of: date = request.as_of
    policy = PolicyChoice(as_of).policy
    history: Any = Policy.history
    first = history.aggregate(first=Min("history_date"))["first"]
    gaps = build_completeness(as_of, build_reconciliation(as_of), policy)

    headline = _("What this system is, who keeps it, how its numbers are made, and what is missing.")
    title = _("About this system")
    return render(
        request,
        "dashboard/about.html",
        {
            "title": title,
            "finding": headline,
            "since": first and timezone.localdate(first),
            "policy": policy,
            "gaps": completeness_table(gaps),
            "missing": data_headline(gaps),
            "policies": Policy.objects.count(),
            "pilots": Pilot.objects.count(),
            "sources": Source.objects.count(),
            "definitions": [item for item in glossary() if item.code in DEFINED_TERMS],
        },
    )
