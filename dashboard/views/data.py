"""Data page: completeness, figures, glossary, sources and downloads."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.conf import settings
from django.db.models import Count, Model, Q, QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http.request import TrackerRequest
from core.pages import Export, Exports, export_response, page
from core.text.formatting import join_clauses
from core.web.list_pages import ListPage
from core.web.tables import Cell, Column, Table, make_table, status_cell
from dashboard.analytics.completeness import CompletenessItem, build_completeness
from dashboard.glossary import GlossaryEntry, glossary
from pilots.analytics.reconciliation import build_reconciliation
from pilots.charts.reconciliation import reconciliation_table
from pilots.documents.services import readable
from pilots.models import (
    Adoption,
    Batch,
    Document,
    Effect,
    FollowUp,
    Indicator,
    Milestone,
    Pilot,
    Practice,
    Reading,
    Replan,
    StageEntry,
    Target,
)
from pilots.tables import figures_table
from policies.filters import SourceFilter
from policies.models import Agency, Confidence, Figure, Industry, Measure, Policy, Province, ProvincialPlan, Source
from policies.rollout import POLICY_PARAMETER, choose_policy
from policies.tables import document_cell

SOURCES_PER_PAGE = 15  # sources are at the end of the page, and there are hundreds


@page(POLICY_PARAMETER, *SourceFilter.base_filters)
def data(request: TrackerRequest) -> HttpResponseBase:
    """Show completeness, figures, glossary, sources and downloads."""
    as_of = request.as_of
    batches, choice = build_reconciliation(as_of), choose_policy(as_of, request.GET.get(POLICY_PARAMETER))
    gaps = build_completeness(as_of, batches, choice.policy)
    listing = source_listing(request)
    figures = Figure.objects.prefetch_related("sources")
    tables: Exports = {
        "gaps": Export(_("Gaps in the records"), lambda: completeness_table(gaps)),
        "reconciliation": Export(_("Announced against recorded"), lambda: reconciliation_table(batches)),
        "figures": Export(
            _("Published figures"),
            lambda: figures_table(figures),
            sources=Source.objects.filter(figure__in=figures).distinct(),
        ),
        "definitions": Export(_("What each number means"), definitions_table),
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


def definitions_table() -> Table:
    columns: list[Column[GlossaryEntry]] = [
        Column("name", _("Number")),
        Column("meaning", _("Meaning")),
    ]
    return make_table(columns, glossary())


def source_listing(request: TrackerRequest) -> ListPage:
    columns: list[Column[Source]] = [
        Column("title", _("Source"), document_cell, sort="title", sort_fields=["title"]),
        Column(
            "publisher",
            _("Publisher"),
            lambda source: source.publisher or None,
            sort="publisher",
            sort_fields=["publisher"],
        ),
        Column("published_on", _("Published"), kind="date", sort="published", sort_fields=["published_on"]),
        Column(
            "reliability",
            _("Reliability"),
            lambda source: status_cell(Confidence(source.reliability)),
            sort="reliability",
            sort_fields=["reliability"],
        ),
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


MAX_NAMED = 3


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


WITH_WITHDRAWN = {"pilots", "milestones", "targets"}
"""Lists of the API that leave out withdrawn pilots unless they are asked for: a table in full holds them too."""


def records_on(as_of: date, user: Any) -> dict[str, QuerySet[Model]]:
    """Return the records of each table on a day, as the API lists them to the user."""
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
        "replans": Replan.objects.filter(asked_on__lte=as_of),
        "indicators": Indicator.objects.all(),
        "targets": Target.objects.filter(pilot__in=known),
        "readings": Reading.objects.filter(reported_on__lte=as_of),
        "actions": FollowUp.objects.with_state(as_of),
        "practices": Practice.objects.filter(proposed_on__lte=as_of),
        "adoptions": Adoption.objects.filter(planned_on__lte=as_of),
        "effects": Effect.objects.filter(known_on__lte=as_of),
        "documents": readable(user, Document.objects.all()),
        "sources": Source.objects.all(),
    }


def downloads(as_of: date, user: Any, withdrawn: int) -> list[dict[str, object]]:
    """Return the downloads: each table with its number of records on the day, and of withdrawn pilots."""
    rows = []
    for name, records in records_on(as_of, user).items():
        more = "&withdrawn=include" if name in WITH_WITHDRAWN and withdrawn else ""
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
