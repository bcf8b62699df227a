"""Pages of the pilots."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.feeds import CANCELLED_DAYS, FEED_LISTS, FeedList
from core.history.entries import ENTRY_PARAMETER, Label, Timeline, changes_of, history_tab
from core.http.request import TrackerRequest
from core.pages import Export, Exports, Feeds, chart_exports, export_response, figures_export, page
from core.text.formatting import format_date, join_clauses, label_value, no_data
from core.web.list_pages import PAGE_PARAMETERS, ListPage, filtered_keys
from core.web.tables import Chart, Column, Table, make_table, status_cell
from pilots.analytics.explanations import Explanation, computed_explanations
from pilots.analytics.light_index import StatusIndex
from pilots.analytics.pilot_status import (
    IndicatorStatus,
    MilestoneStatus,
    PilotStatus,
    build_progress,
    pilot_status,
    prefetch_for_status,
    related_rows,
)
from pilots.analytics.reconciliation import BatchCount, build_reconciliation, build_withdrawals, pilots_by_province
from pilots.analytics.synergy import PilotSynergy, classes_of
from pilots.charts.cells import class_mark
from pilots.charts.feeds import milestone_feeds
from pilots.charts.follow_ups import RELATED, LightFollowUps, LightLink, follow_ups_table, may_open_follow_ups
from pilots.charts.practices import match_rows
from pilots.charts.reconciliation import provinces_chart, reconciliation_table
from pilots.charts.stages import TrackStage, stage_label, stage_track, time_in_stage, track_notes
from pilots.charts.status import (
    evidence_table,
    indicators_table,
    light_panel,
    milestones_chart,
    milestones_table,
    trend_chart,
    untargeted_readings,
    untargeted_table,
)
from pilots.documents.analytics import build_page_files
from pilots.filters import PilotPageFilter
from pilots.lights import Colour, ReasonSubject, StatusReason
from pilots.metrics.reconciliation import Reconciliation, term_days_left
from pilots.models import LightOverride, Pilot, Reading, Replan, Target
from pilots.tables import pilot_columns
from policies.charts.rollout import format_day
from policies.models import Confidence, Source
from policies.models.sourced import SourcedModel


@page(*PilotPageFilter.base_filters)
def pilot_list(request: TrackerRequest) -> HttpResponseBase:
    """List all pilots on the day, with announced numbers."""
    as_of = request.as_of
    membership = request.GET.get("withdrawn", "")
    rows = Pilot.objects.members(as_of, membership)
    batches = build_reconciliation(as_of)
    filterset = PilotPageFilter(
        request.GET,
        queryset=rows.select_related("batch", "province", "parent").prefetch_related("industries"),
        request=request,
    )
    index, statuses = StatusIndex(rows, as_of, request.GET), dict[int, PilotStatus]()
    classes: dict[int, PilotSynergy] = {}
    links = LightFollowUps(request)

    def prefetch(pilots: Sequence[Pilot]) -> None:
        added = add_statuses(statuses, pilots, as_of)
        classes.update(classes_of(added, as_of))
        links.fetch(pilot.pk for pilot in pilots)

    listing = ListPage(
        request,
        slug="pilots",
        filterset=filterset,
        columns=pilot_columns(
            statuses, classes, as_of, [links.column(lambda pilot: links.of_pilot(pilot, statuses[pilot.pk].colour))]
        ),
        ordered_keys=index.ordered_keys,
        visible_filters=("q", "province", "light", "stage"),
        hidden_columns=lambda: empty_columns(index, links),
        prefetch=prefetch,
        sort="batch",
        total=sum(count_members(item.total, membership) for item in batches),
        empty=_(
            "No recorded pilot matches these filters. Names that were announced but not recorded are missing here."
        ),
    )
    recorded = sum(item.total.recorded for item in batches)
    scope = _("Recorded pilots by province, %(n)d in all, as of %(day)s") % {"n": recorded, "day": format_day(as_of)}
    sources = list(Source.objects.filter(pilot__in=rows).distinct())
    chart = provinces_chart(pilots_by_province(as_of), scope, sources)
    tables: Exports = {
        "pilots": Export(_("Pilots"), listing.whole, listing.chips, sources=sources),
        "reconciliation": Export(
            _("Announced against recorded"), lambda: reconciliation_table(batches), sources=sources
        ),
        **chart_exports({chart.slug: chart}),
    }

    title, headline = _("Pilots"), pilots_headline(batches)
    return export_response(request, tables, title, headline, listed_milestones(request, request.user)) or render(
        request,
        "pilots/list.html",
        {
            "title": title,
            "finding": headline,
            "listing": listing,
            "chart": chart,
            "reconciliation": reconciliation_table(batches),
        },
    )


def listed_milestones(request: TrackerRequest, _user: Any) -> Feeds:
    """Return calendar and feed of the milestones of the pilots in the list."""

    def keys() -> list[int]:
        rows = Pilot.objects.members(request.as_of, request.GET.get("withdrawn", ""))
        index = StatusIndex(rows, request.as_of, request.GET)
        filterset = PilotPageFilter(request.GET, queryset=rows, request=request)
        return [*filtered_keys(filterset, index.ordered_keys), *lately_withdrawn(request, index)]

    return milestone_feeds(_("Milestones"), keys, request.as_of)


FEED_LISTS["milestones"] = FeedList(
    "pilot-list",
    gettext_lazy("Milestones"),
    ["ics", "atom"],
    listed_milestones,
    {*PAGE_PARAMETERS, *PilotPageFilter.base_filters},
)


def lately_withdrawn(request: TrackerRequest, index: StatusIndex) -> Sequence[int]:
    """Return the keys of pilots that stood in the list until lately: their milestones are cancelled in calendars."""
    if index.conditions or request.GET.get("withdrawn"):
        return []
    rows = Pilot.objects.withdrawn(request.as_of).filter(withdrawn_on__gt=request.as_of - timedelta(CANCELLED_DAYS))
    return list(PilotPageFilter(request.GET, queryset=rows, request=request).qs.values_list("pk", flat=True))


def count_members(numbers: Reconciliation, membership: str) -> int:
    """Return the number of pilots in a list: in the programme, withdrawn, or both."""
    return {"only": numbers.withdrawn, "include": numbers.entered}.get(membership, numbers.recorded)


def add_statuses(statuses: dict[int, PilotStatus], pilots: Sequence[Pilot], as_of: date) -> Sequence[PilotStatus]:
    """Add the statuses of these pilots and return the new ones. Seven queries, or none if they are there already."""
    missing = [pilot.pk for pilot in pilots if pilot.pk not in statuses]
    if not missing:
        return []
    found = build_progress(Pilot.objects.filter(pk__in=missing), as_of).pilots
    statuses.update({item.pilot.pk: item for item in found})
    return found


def empty_columns(index: StatusIndex, links: LightFollowUps) -> tuple[set[str], str]:
    """Return the columns to hide while no pilot has a value and none is rated, and a text in their place.

    That of follow-ups is hidden without a word where none is open.
    """
    unused = {"follow_up"} if links.is_empty else set()
    found = index.all.values()
    if not found or any(item.colour != Colour.GREY for item in found):
        return unused, ""
    if Reading.objects.filter(accepted_on__lte=index.as_of).exists():
        return unused, ""
    text = _("No values are entered yet, so no pilot can be rated: lights and reports are left out of this list.")
    return {"light", "why", "owner", "reported", "synergy", *unused}, text


def pilots_headline(batches: Sequence[BatchCount]) -> str:
    """Return the headline: recorded pilots of the announced ones, by batch where they differ."""
    national = [item for item in batches if item.batch.level == "national"]
    if not national:
        return _("No batch is known by this day.")
    latest = national[-1]
    cities, parks = latest.for_kind("city"), latest.for_kind("park")
    text = _(
        "%(cities)d of %(all_cities)s announced cities and %(parks)d of %(all_parks)s announced parks are recorded"
    ) % {
        "cities": cities.recorded,
        "all_cities": count_or_unknown(cities.announced),
        "parks": parks.recorded,
        "all_parks": count_or_unknown(parks.announced),
    }
    text = label_value(latest.batch.label, text)
    others = [item for item in batches if item is not latest]
    if not others:
        return text + _(".")
    recorded = sum(item.total.recorded for item in others)
    rest = ngettext("; %(recorded)d in %(n)d other batch.", "; %(recorded)d in %(n)d other batches.", len(others))
    return text + rest % {"recorded": recorded, "n": len(others)}


def count_or_unknown(number: int | None) -> str:
    return _("an unknown number of") if number is None else str(number)


# -- one pilot -----------------------------------------------------------------------------------------


@page(ENTRY_PARAMETER)
def pilot_detail(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Show one pilot: stage, light with reasons, milestones, targets, evidence and history."""
    as_of = request.as_of
    facts: Any = prefetch_for_status(Pilot.objects.known(as_of).select_related("batch__policy"), quarters=True)
    pilot = get_object_or_404(
        facts.prefetch_related(
            "industries",
            "sources",
            "prefetched_stages__sources",
            "prefetched_milestones__sources",
            "prefetched_targets__sources",
            "prefetched_readings__sources",
            "prefetched_readings__indicator",
        ),
        slug=slug,
    )
    status = pilot_status(pilot, as_of)
    charts, track = pilot_charts(status), stage_track(status)
    left = pilot.withdrawn_by(as_of)
    links = LightFollowUps(request).fetch([pilot.pk])
    tables, figures = pilot_tables(status, links), [] if left else pilot_figures(status)
    follow_ups = pilot.follow_ups.with_state(as_of).select_related(*RELATED).by_urgency()
    tables["follow-ups"] = Export(
        _("Follow-ups"), lambda: follow_ups_table(follow_ups, without=["subject", "province"])
    )

    exports = {**figures_export(figures), **chart_exports(charts), **tables}
    timeline = pilot_timeline(pilot, as_of, request.user)
    feeds = milestone_feeds(label_value(pilot.name, _("Milestones")), lambda: [pilot.pk], as_of)
    headline = pilot_headline(pilot, as_of)
    exports["history"] = Export(_("History"), timeline.stream)
    return export_response(request, exports, pilot.name, headline, feeds) or render(
        request,
        "pilots/detail.html",
        {
            "title": pilot.name,
            "finding": headline,
            "pilot": pilot,
            "status": status,
            "withdrawal": build_withdrawals(Pilot.objects.filter(pk=pilot.pk), as_of)[0] if left else None,
            "crumbs": [{"url": "pilot-list", "label": _("Pilots")}, {"label": pilot.name}],
            "light": light_panel(status),
            "class_mark": class_mark(classes_of([status], as_of).get(pilot.pk), with_text=True),
            "light_link": None if left else links.of_pilot(pilot, status.colour),
            "reasons": reasons_with_links(status, links),
            "indicator_count": len(status.indicators) + len(untargeted_readings(status)),
            "follow_ups": follow_ups,
            "may_open": may_open_follow_ups(request),
            "track": track,
            "track_notes": track_notes(track),
            "next": [] if left else next_milestones(status),
            "figures": figures,
            "charts": charts,
            "trends": [
                (f"indicator-{item.code}", charts[item.code]) for item in status.indicators if item.code in charts
            ],
            "tables": {name.replace("-", "_"): export.build() for name, export in tables.items()},
            "sources": pilot_sources(status),
            "confidence_tag": Confidence(pilot.confidence).colour,
            "page_files": build_page_files(
                [row for kind in ("stages", "milestones", "readings") for row in related_rows(pilot, kind)],
                request.user,
                as_of,
            ),
            **related_pilots(pilot, as_of),
            "practices": practice_rows(status),
            "history": history_tab(request, timeline),
        },
    )


def related_pilots(pilot: Pilot, as_of: date) -> dict[str, object]:
    """Return the parks inside a city, and the same place in other batches."""
    same = Pilot.objects.listed(as_of).filter(name_zh=pilot.name_zh, province=pilot.province)
    return {
        "children": pilot.children.listed(as_of),
        "siblings": same.exclude(pk=pilot.pk).select_related("batch"),
    }


def practice_rows(status: PilotStatus, most: int = 3) -> list[dict[str, object]]:
    """Return the newest practices for a pilot; none while it is not behind."""
    if status.colour not in {Colour.RED, Colour.YELLOW}:
        return []
    return match_rows(status, most)


def next_milestones(status: PilotStatus, most: int = 3) -> list[MilestoneStatus]:
    """Return the upcoming milestones, soonest first."""
    ahead = [item for item in status.milestones if not item.done and item.planned_on >= status.as_of]
    return sorted(ahead, key=lambda item: item.planned_on)[:most]


def pilot_charts(status: PilotStatus) -> dict[str, Chart]:
    """Return the timeline, and the trend of each numeric target by the indicator's code."""
    charts = {}
    if status.milestones:
        own = [source for item in status.milestones for source in item.milestone.sources.all()]
        charts["milestones"] = milestones_chart(status, list(dict.fromkeys(own)))
    for item in status.indicators:
        if item.target.is_measured:
            readings = [r for r in related_rows(status.pilot, "readings") if r.indicator_id == item.target.indicator_id]
            records: list[SourcedModel] = [item.target, *readings]
            own = [source for record in records for source in record.sources.all()]
            charts[item.code] = trend_chart(status, item, list(dict.fromkeys(own)))
    return charts


def pilot_sources(status: PilotStatus) -> list[Source]:
    """Return all sources of the page, those of the pilot's own record first."""
    pilot = status.pilot
    facts: list[SourcedModel] = [
        one for kind in ("stages", "milestones", "targets", "readings") for one in related_rows(pilot, kind)
    ]
    return list(dict.fromkeys([*pilot.sources.all(), *[source for fact in facts for source in fact.sources.all()]]))


def reasons_with_links(status: PilotStatus, links: LightFollowUps) -> list[tuple[Explanation, LightLink | None]]:
    """Return the reasons of the computed light, each with what stands beside it."""

    def link(reason: StatusReason) -> LightLink | None:
        if reason.about == ReasonSubject.INDICATOR:
            target = reason.item.target
            return links.of_indicator(status.pilot, reason.counts_as, target.indicator_id, target.indicator.code)
        if reason.about == ReasonSubject.MILESTONE:
            return links.of_milestone(status.pilot, reason.counts_as, reason.item.milestone.pk)
        if reason.about == ReasonSubject.STAGE:
            return links.of_stage(status.pilot, reason.counts_as)
        return None

    return [
        (explanation, link(reason))
        for explanation, reason in zip(computed_explanations(status), status.light.reasons, strict=True)
    ]


def pilot_tables(status: PilotStatus, links: LightFollowUps) -> Exports:
    """Return the tables of the page without those of charts, by file name."""
    pilot = status.pilot

    def of_milestone(item: MilestoneStatus) -> LightLink | None:
        return links.of_milestone(pilot, item.light.colour, item.milestone.pk)

    def of_indicator(item: IndicatorStatus) -> LightLink | None:
        return links.of_indicator(pilot, item.light.colour, item.target.indicator_id, item.code)

    tables: dict[str, tuple[str, Callable[[], Table]]] = {
        "reasons": (_("Why the light has its colour"), lambda: reasons_table(status)),
        "stages": (_("Stages"), lambda: stages_table(status)),
        "milestone-list": (
            _("Milestones"),
            lambda: milestones_table(status, anchors=True, more=links.columns(of_milestone)),
        ),
        "indicators": (_("Indicators"), lambda: indicators_table(status, links.columns(of_indicator))),
        "untargeted": (_("Values without a target"), lambda: untargeted_table(status)),
        "evidence": (_("Evidence and sources"), lambda: evidence_table(status)),
    }
    sources = pilot_sources(status)
    return {slug: Export(title, build, sources=sources) for slug, (title, build) in tables.items()}


def reasons_table(status: PilotStatus) -> Table:
    columns: list[Column[Explanation]] = [
        Column("light", _("Light"), lambda why: status_cell(why.colour)),
        Column("why", _("Why"), "text"),
        Column("owner", _("Responsible"), lambda why: why.owner or None),
    ]
    return make_table(columns, computed_explanations(status))


def stages_table(status: PilotStatus) -> Table:
    columns: list[Column[TrackStage]] = [
        Column("stage", _("Stage"), "label"),
        Column("state", _("State"), "state_label"),
        Column("entered", _("Entered"), "on", kind="date"),
        Column("planned", _("Planned"), kind="date"),
        Column("reason", _("Why"), lambda mark: mark.reason or None),
        Column("evidence", _("Evidence"), lambda mark: mark.evidence or None),
    ]
    return make_table(columns, stage_track(status))


def pilot_figures(status: PilotStatus) -> list[dict[str, object]]:
    """Return the five key figures, each with its denominator."""
    counts, span = status.counts, status.list_to_plan
    rated = [item for item in status.indicators if item.light.colour != Colour.GREY]
    green = sum(item.light.colour == Colour.GREEN for item in rated)
    left = term_days_left(status.pilot.ends_on, status.as_of)
    stage = stage_label(status)
    return [
        {
            "label": _("Days in stage"),
            "value": time_in_stage(status),
            "of": _("days"),
            "note": join_clauses([stage, _("since %(day)s") % {"day": format_date(status.current_stage.since)}])
            if status.current_stage and stage
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
            "note": _("to %(day)s") % {"day": format_day(status.pilot.ends_on)}
            if status.pilot.ends_on
            else _("term not known"),
        },
    ]


def pilot_headline(pilot: Pilot, as_of: date) -> str:
    """Return the headline: kind of pilot, batch, and remaining term."""
    text = _("%(kind)s in %(province)s, %(batch)s") % {
        "kind": pilot.get_kind_display().capitalize(),
        "province": pilot.province.short,
        "batch": pilot.batch.short,
    }
    if pilot.withdrawn_by(as_of):
        return text + _("; withdrawn on %(day)s and counted no more.") % {
            "day": format_day(pilot.withdrawn_on or as_of)
        }
    end = pilot.ends_on
    if end is None:
        return text + _("; the term is not known.")
    if end < as_of:
        return text + _("; the term ended on %(day)s.") % {"day": format_day(end)}
    days = (end - as_of).days
    left = ngettext("; %(n)d day of the term left, to %(day)s.", "; %(n)d days of the term left, to %(day)s.", days)
    return text + left % {"n": days, "day": format_day(end)}


# -- timeline: a record is called by what sets it apart from the pilot's others --------------------------


def pilot_timeline(pilot: Pilot, as_of: date, user: Any) -> Timeline:
    """Return the timeline of a pilot up to the as-of date, for this user."""
    labels = {
        Target: Label(indicator_name, ["indicator"]),
        Reading: Label(reading_name, ["indicator"]),
        LightOverride: Label(lambda entry: str(entry.get_colour_display())),
        Replan: Label(
            lambda entry: str(entry.milestone or entry.stage_entry or no_data()), ["milestone", "stage_entry"]
        ),
    }
    return Timeline(changes_of(pilot), as_of, user, labels)


def indicator_name(entry: Any) -> str:
    return entry.indicator.name if entry.indicator else no_data()


def reading_name(entry: Any) -> str:
    return f"{indicator_name(entry)} {entry.period}"
