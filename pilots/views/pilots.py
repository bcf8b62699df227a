"""Pages of the pilots."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column, Lines, Table
from config.journal import ENTRY_WORD, history_exports, history_tab
from config.kept import kept_page
from config.lists import (
    PAGE_WORDS,
    Export,
    Exports,
    build_listing,
    chart_exports,
    check_words,
    exported,
    figures_export,
)
from config.templatetags.site import showdate
from config.words import clauses, labelled, listed
from pilots.charts import (
    evidence_table,
    indicators_table,
    light_box,
    milestones_chart,
    milestones_table,
    provinces_chart,
    quarters_chart,
    reconciliation_table,
    stage_track,
    time_in_stage,
    track_notes,
    trend_chart,
)
from pilots.charts.progress import colour_cell
from pilots.charts.stages import stage_word
from pilots.filters import PilotPageFilter
from pilots.journal import pilot_journal
from pilots.metrics import Colour, Reconciliation, TargetKind, term_days_left, year_due
from pilots.models import Pilot, Reading
from pilots.overview import pilots_by_province
from pilots.progress import MilestoneStatus, PilotStatus, brought, pilot_status, with_facts
from pilots.reconcile import BatchCount, build_reconciliation, build_withdrawals
from pilots.sentences import reasons, why
from policies.charts import day
from policies.models import Source

ORDER = {
    "name": ["slug"],
    "kind": ["kind"],
    "stage": ["stage_then"],
    "days": ["days_then"],
    "light": ["light_then"],
    "batch": ["batch__known_by", "batch__slug"],
    "province": ["province__slug"],
    "confidence": ["confidence"],
}
CONFIDENCE_TAGS = {"official": "green", "media": "blue", "inferred": "yellow"}


# -- the list ------------------------------------------------------------------------------------------


def pilot_columns(as_of: date) -> list[Column]:
    return [
        Column("name", _("Pilot"), sort="name"),
        Column("light", _("Light"), sort="light"),
        Column("why", _("Why")),
        Column("owner", _("Responsible")),
        Column("stage", _("Stage"), sort="stage"),
        Column("days", _("Days in stage"), "integer", sort="days"),
        Column("reported", _("Reported for %(year)d") % {"year": year_due(as_of)}, "flag"),
        Column("province", _("Province"), sort="province"),
        Column("kind", _("Kind"), sort="kind"),
        Column("batch", _("Batch"), sort="batch"),
        Column("industries", _("Industries")),
        Column("confidence", _("Confidence"), sort="confidence"),
        Column("prefecture", _("Prefecture"), file_only=True),
        Column("parent", _("Lies in pilot city"), file_only=True),
    ]


def pilot_cells(pilot: Any, status: PilotStatus) -> Sequence[Cell]:
    """One pilot's line; `status` is how far it has come on the day."""
    worst = reasons(status)[0]
    return [
        Cell(pilot.name, url=pilot.get_absolute_url(), lang=pilot.name_lang),
        colour_cell(status.colour),
        Cell(why(status), url=worst.url),
        Cell(worst.owner),
        Cell(stage_word(status)),
        Cell(time_in_stage(status)),
        Cell(status.reported),
        Cell(pilot.province.short, url=pilot.province.get_absolute_url()),
        Cell(pilot.get_kind_display()),
        Cell(pilot.batch.label, url=pilot.batch.get_absolute_url(), lang=pilot.batch.short_lang),
        Cell(listed(industry.name for industry in pilot.industries.all()) or None),
        Cell(pilot.get_confidence_display(), tag=CONFIDENCE_TAGS[pilot.confidence]),
        Cell(pilot.prefecture_zh or None, lang="zh" if pilot.prefecture_zh else ""),
        Cell(pilot.parent.name, url=pilot.parent.get_absolute_url()) if pilot.parent else Cell(""),
    ]


def pilots_table(pilots: Sequence[Pilot], statuses: Mapping[int, PilotStatus], everything: str, as_of: date) -> Table:
    """These pilots' lines; `everything` is the address of the list that shows all of them."""
    return Table(pilot_columns(as_of), Lines(pilots, lambda pilot: pilot_cells(pilot, statuses[pilot.pk])), everything)


@kept_page
def pilot_list(request: HttpRequest) -> HttpResponseBase:
    """Every pilot on the day, beside what was announced."""
    check_words(request, {*PAGE_WORDS, *PilotPageFilter.base_filters})
    as_of = request.as_of  # type: ignore[attr-defined]
    membership = request.GET.get("withdrawn", "")
    rows = Pilot.objects.members(as_of, membership)
    batches = build_reconciliation(as_of)
    columns = pilot_columns(as_of)
    filterset = PilotPageFilter(
        request.GET,
        queryset=rows.select_related("batch", "province", "parent").prefetch_related("industries"),
        request=request,
    )
    listing, whole = build_listing(
        request,
        slug="pilots",
        filterset=filterset,
        columns=columns,
        first=("q", "province", "light", "stage"),
        left_out=lambda: without_values(filterset),
        row=lambda pilot: pilot_cells(pilot, filterset.statuses[pilot.pk]),
        ahead=filterset.look_up,
        sort="batch",
        order=ORDER,
        total=sum(members(item.total, membership) for item in batches),
        empty=_(
            "No recorded pilot matches these filters. Names that were announced but not recorded are missing here."
        ),
    )
    recorded = sum(item.total.recorded for item in batches)
    scope = _("Recorded pilots by province, %(n)d in all, as of %(day)s") % {"n": recorded, "day": day(as_of)}
    sources = list(Source.objects.filter(pilot__in=rows).distinct())
    chart = provinces_chart(pilots_by_province(as_of), scope, sources)
    tables: Exports = {
        "pilots": Export(_("Pilots"), whole, listing.chips, sources=sources),
        "reconciliation": Export(
            _("Announced against recorded"), lambda: reconciliation_table(batches), sources=sources
        ),
        **chart_exports({chart.slug: chart}),
    }
    file = exported(request, tables, _("Pilots"), pilots_finding(batches))
    if file is not None:
        return file
    context = {
        "title": _("Pilots"),
        "finding": pilots_finding(batches),
        "listing": listing,
        "chart": chart,
        "reconciliation": reconciliation_table(batches),
    }
    return render(request, "pilots/list.html", context)


def members(numbers: Reconciliation, membership: str) -> int:
    """How many pilots a list holds: those in the programme, those that have withdrawn, or both."""
    return {"only": numbers.withdrawn, "include": numbers.entered}.get(membership, numbers.recorded)


def without_values(filterset: PilotPageFilter) -> tuple[set[str], str]:
    """While no pilot has entered a value and none is rated: the columns that would say so line by line, and a word."""
    if not filterset.moderate:
        return set(), ""
    found = filterset.standings.values()
    if not found or any(item.colour != Colour.GREY for item in found):
        return set(), ""
    if Reading.objects.filter(accepted_on__lte=filterset.request.as_of).exists():
        return set(), ""
    text = _("No values are entered yet, so no pilot can be rated: lights and reports are left out of this list.")
    return {"light", "why", "owner", "reported"}, text


def pilots_finding(batches: Sequence[BatchCount]) -> str:
    """One sentence: how many of the announced pilots are on record, batch by batch where it matters."""
    national = [item for item in batches if item.batch.level == "national"]
    if not national:
        return _("No batch is known by this day.")
    latest = national[-1]
    cities, parks = latest.of("city"), latest.of("park")
    text = _(
        "%(cities)d of %(all_cities)s announced cities and %(parks)d of %(all_parks)s announced parks are recorded"
    ) % {
        "cities": cities.recorded,
        "all_cities": unknown_as_word(cities.announced),
        "parks": parks.recorded,
        "all_parks": unknown_as_word(parks.announced),
    }
    text = labelled(latest.batch.label, text)
    others = [item for item in batches if item is not latest]
    if not others:
        return text + _(".")
    recorded = sum(item.total.recorded for item in others)
    rest = ngettext("; %(recorded)d in %(n)d other batch.", "; %(recorded)d in %(n)d other batches.", len(others))
    return text + rest % {"recorded": recorded, "n": len(others)}


def unknown_as_word(number: int | None) -> str:
    return _("an unknown number of") if number is None else str(number)


# -- one pilot -----------------------------------------------------------------------------------------


@kept_page
def pilot_detail(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One pilot: where it stands and why its light has its colour, its milestones, targets, evidence and history."""
    check_words(request, {*PAGE_WORDS, ENTRY_WORD})
    as_of = request.as_of  # type: ignore[attr-defined]
    pilot = get_object_or_404(with_evidence(Pilot.objects.known(as_of)), slug=slug)
    status, journal = pilot_status(pilot, as_of), pilot_journal(pilot, as_of, request.user)
    charts, track = pilot_charts(status), stage_track(status)
    left = pilot.withdrawn_by(as_of)
    tables, figures = pilot_tables(status), [] if left else pilot_figures(status)
    finding = pilot_finding(pilot, as_of)
    files = {**figures_export(figures), **chart_exports(charts), **tables, **history_exports(journal)}
    file = exported(request, files, pilot.name, finding)
    if file is not None:
        return file
    context = {
        "title": pilot.name,
        "pilot": pilot,
        "status": status,
        "finding": finding,
        "withdrawal": build_withdrawals(Pilot.objects.filter(pk=pilot.pk), as_of)[0] if left else None,
        "crumbs": [{"url": "pilot-list", "label": _("Pilots")}, {"label": pilot.name}],
        "light": light_box(status),
        "track": track,
        "track_notes": track_notes(track),
        "next": [] if left else next_milestones(status),
        "figures": figures,
        "charts": charts,
        "trends": trends_of(status, charts),
        "tables": {name.replace("-", "_"): export.build() for name, export in tables.items()},
        "history": history_tab(request, journal),
        "sources": pilot_sources(status),
        "confidence_tag": CONFIDENCE_TAGS[pilot.confidence],
        **relatives(pilot, as_of),
    }
    return render(request, "pilots/detail.html", context)


def with_evidence(pilots: Any) -> Any:
    """Pilots with their facts and the sources of each."""
    facts: Any = with_facts(pilots.select_related("batch__policy"), quarters=True)
    return facts.prefetch_related(
        "industries",
        "sources",
        "stages_read__sources",
        "milestones_read__sources",
        "targets_read__sources",
        "readings_read__sources",
        "readings_read__indicator",
    )


def relatives(pilot: Pilot, as_of: Any) -> dict[str, Any]:
    """Parks inside a city, and the same place on other lists."""
    same = Pilot.objects.listed(as_of).filter(name_zh=pilot.name_zh, province=pilot.province)
    return {
        "children": pilot.children.listed(as_of),
        "siblings": same.exclude(pk=pilot.pk).select_related("batch"),
    }


def next_milestones(status: PilotStatus, most: int = 3) -> list[MilestoneStatus]:
    """What is planned next: the milestones still to come, soonest first."""
    ahead = [item for item in status.milestones if not item.done and item.milestone.planned_on >= status.as_of]
    return sorted(ahead, key=lambda item: item.milestone.planned_on)[:most]


def pilot_charts(status: PilotStatus) -> dict[str, Chart]:
    """The timeline, and the trend of each target that is a number, by the indicator's code."""
    charts = {}
    if status.milestones:
        own = [source for item in status.milestones for source in item.milestone.sources.all()]
        charts["milestones"] = milestones_chart(status, unique(own))
    for item in status.indicators:
        if item.target.kind != TargetKind.TEXT:
            readings = [r for r in brought(status.pilot, "readings") if r.indicator_id == item.target.indicator_id]
            records: list[Any] = [item.target, *readings]
            own = [source for record in records for source in record.sources.all()]
            charts[item.code] = trend_chart(status, item, unique(own))
            quarters = quarters_chart(status, item, unique(own))
            if quarters:
                charts[f"{item.code} quarters"] = quarters
    return charts


def trends_of(status: PilotStatus, charts: Mapping[str, Chart]) -> list[tuple[str, Chart]]:
    """The charts of the indicators in order, the quarters of each after its years, with the anchor of the first."""
    places = [(f"indicator-{item.code}", charts.get(item.code)) for item in status.indicators]
    quarters = [("", charts.get(f"{item.code} quarters")) for item in status.indicators]
    return [(anchor, chart) for pair in zip(places, quarters, strict=True) for anchor, chart in pair if chart]


def unique(sources: Sequence[Source]) -> list[Source]:
    return list(dict.fromkeys(sources))


def pilot_sources(status: PilotStatus) -> list[Source]:
    """Everything the page was read in, the pilot's own listing first."""
    pilot = status.pilot
    facts: list[Any] = [one for kind in ("stages", "milestones", "targets", "readings") for one in brought(pilot, kind)]
    return unique([*pilot.sources.all(), *[source for fact in facts for source in fact.sources.all()]])


def pilot_tables(status: PilotStatus) -> Exports:
    """The tables of the page besides those of its charts, by the names of their files."""
    tables: dict[str, tuple[str, Callable[[], Table]]] = {
        "reasons": (_("Why the light has its colour"), lambda: reasons_table(status)),
        "stages": (_("Stages"), lambda: stages_table(status)),
        "milestone-list": (_("Milestones"), lambda: milestones_table(status, anchors=True)),
        "indicators": (_("Indicators"), lambda: indicators_table(status)),
        "evidence": (_("Evidence and sources"), lambda: evidence_table(status)),
    }
    sources = pilot_sources(status)
    return {slug: Export(title, build, sources=sources) for slug, (title, build) in tables.items()}


def reasons_table(status: PilotStatus) -> Table:
    columns = [Column("light", _("Light")), Column("why", _("Why")), Column("owner", _("Responsible"))]
    found = light_box(status).reasons
    return Table(columns, [[colour_cell(why.colour), Cell(why.text), Cell(why.owner or None)] for why in found])


def stages_table(status: PilotStatus) -> Table:
    columns = [
        Column("stage", _("Stage")),
        Column("state", _("State")),
        Column("entered", _("Entered"), "date"),
        Column("planned", _("Planned"), "date"),
        Column("reason", _("Why")),
        Column("evidence", _("Evidence")),
    ]
    rows = [
        [
            Cell(mark.label),
            Cell(mark.state_label),
            Cell(mark.on),
            Cell(mark.planned),
            Cell(mark.reason or None),
            Cell(mark.evidence or None),
        ]
        for mark in stage_track(status)
    ]
    return Table(columns, rows)


def pilot_figures(status: PilotStatus) -> list[dict[str, Any]]:
    """How far it is, in five figures, each with what it counts."""
    counts, span = status.counts, status.list_to_plan
    rated = [item for item in status.indicators if item.light.colour != Colour.GREY]
    green = sum(item.light.colour == Colour.GREEN for item in rated)
    left = term_days_left(status.pilot.ends_on, status.as_of)
    stage = stage_word(status)
    return [
        {
            "label": _("Days in stage"),
            "value": time_in_stage(status),
            "of": _("days"),
            "note": clauses([stage, _("since %(day)s") % {"day": showdate(status.position.since)}])
            if status.position and stage
            else _("no stage on record"),
            "definition": "stage",
        },
        {
            "label": _("From list to plan"),
            "value": span.days if span else None,
            "of": _("days"),
            "note": (_("plan issued") if span.done else _("since the list, no plan on record"))
            if span
            else _("not known to the day"),
            "definition": "list-to-plan",
        },
        {
            "label": _("Milestones done"),
            "value": counts.due - counts.late if counts.total else None,
            "of": _("of %(n)d due") % {"n": counts.due} if counts.total else "",
            "note": _("%(n)d in all") % {"n": counts.total} if counts.total else _("none recorded"),
            "url": "#milestones",
            "definition": "light-milestone",
        },
        {
            "label": _("Indicators on schedule"),
            "value": green if rated else None,
            "of": _("of %(n)d rated") % {"n": len(rated)} if rated else "",
            "note": _("%(n)d targets in all") % {"n": len(status.indicators)}
            if status.indicators
            else _("no target recorded"),
            "url": "#indicators",
            "definition": "light-indicator",
        },
        {
            "label": _("Days of the term left"),
            "value": None if left is None else max(0, left),
            "of": _("days"),
            "note": _("to %(day)s") % {"day": day(status.pilot.ends_on)}
            if status.pilot.ends_on
            else _("term not known"),
        },
    ]


def pilot_finding(pilot: Pilot, as_of: Any) -> str:
    """One sentence: what kind of pilot, of which batch, and how long the term still runs."""
    text = _("%(kind)s in %(province)s, %(batch)s") % {
        "kind": pilot.get_kind_display().capitalize(),
        "province": pilot.province.short,
        "batch": pilot.batch.short,
    }
    if pilot.withdrawn_by(as_of):
        return text + _("; withdrawn on %(day)s and counted no more.") % {"day": day(pilot.withdrawn_on or as_of)}
    end = pilot.ends_on
    if end is None:
        return text + _("; the term is not known.")
    if end < as_of:
        return text + _("; the term ended on %(day)s.") % {"day": day(end)}
    days = (end - as_of).days
    left = ngettext("; %(n)d day of the term left, to %(day)s.", "; %(n)d days of the term left, to %(day)s.", days)
    return text + left % {"n": days, "day": day(end)}
