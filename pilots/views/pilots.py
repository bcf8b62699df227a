"""Pages of the pilots."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from operator import itemgetter
from typing import Any

from django.db.models import Count, Q
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.calendars import CALENDARS, CANCELLED_DAYS, CalendarList
from core.history.entries import ENTRY_PARAMETER, Label, changes_of, history_tab, history_table
from core.http import TrackerRequest
from core.pages import CalendarWriter, Export, Exports, chart_exports, export_response, figures_export, page
from core.tables import (
    PAGE_PARAMETERS,
    Chart,
    Column,
    ListPage,
    Table,
    filtered_keys,
    make_table,
    status_cell,
)
from core.text import (
    STATUS_SYMBOLS,
    format_date,
    format_days,
    in_reader_language,
    join_clauses,
    join_sentences,
    join_short,
    join_statements,
    label_value,
    no_data,
)
from pilots.amendments import request_text
from pilots.analytics.late_entries import entered_since
from pilots.analytics.pilot_status import PilotStatus, pilot_status, prefetch_for_status
from pilots.analytics.progress import BY_BATCH, BY_HAND, Progress
from pilots.analytics.reconciliation import BatchCount, build_reconciliation, build_withdrawals, term_days_left
from pilots.analytics.synergy import classes_of
from pilots.charts.calendars import milestone_calendar
from pilots.charts.cells import by_hand_text, class_mark
from pilots.charts.stages import TrackStage, stage_label, stage_track, time_in_stage, track_notes
from pilots.charts.status import (
    APART,
    BARE,
    evidence_table,
    indicators_page_table,
    indicators_table,
    milestones_chart,
    milestones_page_table,
    milestones_table,
    targets_by_indicator,
    trend_chart,
    untargeted_readings,
    untargeted_table,
)
from pilots.charts.strip import light_spans, light_strip, lights_table
from pilots.charts.synergy import recorded_pilots_text
from pilots.documents import build_record_files, readable_changes
from pilots.filters import PilotPageFilter
from pilots.follow_ups.tables import RELATED, beside_light, beside_pilot, follow_ups_table, may_open_follow_ups
from pilots.lights import LIGHTS, Colour, Light, LightReason, count_by_colour, due_day
from pilots.metrics import EPSILON
from pilots.models import Amendment, Completion, LightOverride, NotGiven, Pilot, PilotKind, Reading, Target
from pilots.models.light import ALWAYS
from pilots.models.reading import waiting_readings_in
from pilots.practices.services import practices_for
from pilots.practices.tables import match_rows
from pilots.sentences import say_missing
from pilots.tables import pilot_columns, pilot_page_columns, read_pilots, unrated_page_columns
from pilots.views.entry import entry_links, milestone_entries, reading_entries
from policies.models import Confidence, Source


@page("compare", *PilotPageFilter.base_filters)
def pilot_list(request: TrackerRequest) -> HttpResponseBase:
    """List the pilots of the day with announced numbers: counted and ordered by SQL, judged where they are shown."""
    as_of, may_open, picking = request.as_of, may_open_follow_ups(request), "compare" in request.GET
    progress = Progress(Pilot.objects.members(as_of, request.GET.get("withdrawn", "")), as_of)
    rated = bool(progress.now.rated) or Reading.objects.filter(accepted_on__lte=as_of).exists()
    by_light = rated and request.GET.get("sort", "light").endswith("light")
    counts, by_hand = count_to_choose(request, progress.lit)
    follow_up: Column[PilotStatus] = Column("follow_up", _("Follow-up"), lambda status: beside_pilot(status, may_open))
    columns = unrated_page_columns()
    if rated:
        columns = pilot_page_columns(as_of, may_open, chips=not by_light, picking=picking)
    listing = ListPage(
        request,
        slug="pilots",
        filterset=PilotPageFilter(request.GET, queryset=progress.lit.values_list("pk", flat=True), request=request),
        read=partial(read_pilots, as_of),
        columns=pilot_columns(as_of, follow_up),
        page_columns=columns,
        note=""
        if rated or not progress.n
        else _("No values are entered yet, so no pilot can be rated: lights and reports are left out of this list."),
        visible_filters=("q", "province", "batch", "stage"),
        as_links={"light": counts} if rated else {},
        group_heads={c.value: group_head(c, counts[c], by_hand[c]) for c in LIGHTS} if by_light else {},
        sort="light" if rated else "batch",
        total=progress.n,
        count=counts[request.GET.get("light", "")],
        empty=_(
            "No recorded pilot matches these filters. Names that were announced but not recorded are missing here."
        ),
    )
    sources = Source.objects.filter(pilot__in=progress.rows).distinct()
    tables = {"pilots": Export(_("Pilots"), listing.whole, listing.chips, sources=sources)}
    told = pilots_headline(progress)
    headline = label_value(_("All pilots"), told) if listing.chips else told
    shown = {"title": _("Pilots"), "finding": headline, "listing": listing, "picking": picking, "may_pick": rated}
    ics = listed_milestones(request, request.user)
    return export_response(request, tables, _("Pilots"), headline, ics) or render(request, "pilots/list.html", shown)


def count_to_choose(request: TrackerRequest, pilots: Any) -> tuple[Counter[str], Counter[str]]:
    """Return by light how many pilots the other filters leave, with "" for any light, and how many are set by hand."""
    query = {name: value for name, value in request.GET.items() if name != "light"}
    rows: Any = PilotPageFilter(query, queryset=pilots, request=request).qs.order_by().values_list("light_colour")
    counts, by_hand = Counter[str](), Counter[str]()
    for colour, n, hand in rows.annotate(n=Count("pk"), hand=Count("pk", filter=BY_HAND)):
        counts[colour], by_hand[colour] = n, hand
    counts[""] = counts.total()
    return counts, by_hand


def group_head(colour: Colour, n: int, by_hand: int) -> SafeString:
    """Return the heading above the pilots of one colour: `■ Red 13 far behind, longest in this colour first`."""
    order = _("%(meaning)s, longest in this colour first") % {"meaning": colour.meaning}
    if by_hand:
        order = join_clauses([order, _("%(n)d of them set by hand") % {"n": by_hand}])
    symbol = STATUS_SYMBOLS[colour.value]
    return format_html(
        '<span class="shape {}" aria-hidden="true">{}</span> <b>{} {}</b> <span class="muted">{}</span>',
        *(colour.value, symbol, colour.label, n, order),
    )


def listed_milestones(request: TrackerRequest, _user: Any) -> CalendarWriter:
    """Return the calendar of the milestones of the pilots in the list, and of those that stood in it until
    lately, whose milestones are cancelled.
    """

    def keys() -> list[int]:
        as_of = request.as_of
        rows = Pilot.objects.members(as_of, request.GET.get("withdrawn", ""))
        if not any(map(request.GET.get, ("withdrawn", "stage", "reached", "light"))):
            lately = Q(withdrawn_on__lte=as_of, withdrawn_on__gt=as_of - timedelta(CANCELLED_DAYS))
            rows = Pilot.objects.known(as_of).filter(lately | Q(pk__in=rows.values("pk")))
        return filtered_keys(PilotPageFilter(request.GET, queryset=rows.with_light(as_of), request=request))

    return milestone_calendar(_("Milestones"), keys, request.as_of)


CALENDARS["milestones"] = CalendarList(
    "pilot-list",
    gettext_lazy("Milestones"),
    listed_milestones,
    {*PAGE_PARAMETERS, *PilotPageFilter.base_filters},
)


def pilots_headline(progress: Progress) -> str:
    """Return the headline: how many are red and yellow, who is red for longest, and the green ones with rising carbon.

    While no pilot is rated: recorded pilots of the announced ones.
    """
    if not progress.now.rated:
        return recorded_headline(build_reconciliation(progress.as_of))
    lights = progress.now.lights
    numbers = {"red": lights[Colour.RED], "yellow": lights[Colour.YELLOW], "n": progress.n}
    parts = [_("%(red)d of %(n)d pilots are red, %(yellow)d yellow") % numbers, by_hand_text(progress.now.by_hand)]
    red = progress.lit.filter(light_colour=Colour.RED, light_colour_since__gt=ALWAYS)
    by_day = red.order_by("light_colour_since").values_list("light_colour_since")
    for first, n in by_day.annotate(n=Count("pk"))[:1]:
        longest = red.filter(light_colour_since=first).order_by(*BY_BATCH)[:3]
        names = join_short(pilot.name for pilot in longest) if n <= len(longest) else _("%(n)d pilots") % {"n": n}
        days = format_days((progress.as_of - first).days)
        parts.append(_("red for longest, %(days)s: %(names)s") % {"days": days, "names": names})
    text = join_clauses(filter(None, parts)) + _(".")
    rises = Q(light_colour=Colour.GREEN, class_carbon_rate__lt=-EPSILON)
    classed = progress.lit.with_class(progress.as_of).filter(class_kind__gt="")
    found = classed.aggregate(any=Count("pk"), n=Count("pk", filter=rises)) | {"green": lights[Colour.GREEN]}
    if not found["any"] or not found["green"]:
        return text
    return join_sentences(text, _("%(n)d of the %(green)d green ones have rising carbon.") % found)


def recorded_headline(batches: Sequence[BatchCount]) -> str:
    """Return the headline: recorded pilots of the announced ones, by batch where they differ."""
    national = [item for item in batches if item.batch.level == "national"]
    if not national:
        return _("No batch is known by this day.")
    latest, unknown = national[-1], _("an unknown number of")
    texts = {
        PilotKind.CITY: _("%(n)d of %(all)s announced cities"),
        PilotKind.COUNTY: _("%(n)d of %(all)s announced counties"),
        PilotKind.PARK: _("%(n)d of %(all)s announced parks"),
        PilotKind.ENTERPRISE: _("%(n)d of %(all)s announced enterprises"),
    }
    counts = [
        texts[item.kind]
        % {"n": item.numbers.recorded, "all": unknown if item.numbers.announced is None else item.numbers.announced}
        for item in latest.kinds
    ]
    text = label_value(
        latest.batch.label,
        _("%(counts)s are recorded") % {"counts": join_short(counts)} if counts else recorded_pilots_text(0),
    )
    others = [item for item in batches if item is not latest]
    if not others:
        return text + _(".")
    recorded = sum(item.total.recorded for item in others)
    rest = ngettext("; %(recorded)d in %(n)d other batch.", "; %(recorded)d in %(n)d other batches.", len(others))
    return text + rest % {"recorded": recorded, "n": len(others)}


# -- one pilot -----------------------------------------------------------------------------------------


@page(ENTRY_PARAMETER)
def pilot_detail(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Show one pilot: stage, light with reasons, milestones, targets, evidence and history."""
    as_of = request.as_of
    lit = Pilot.objects.known(as_of).with_light(as_of)
    facts: Any = prefetch_for_status(lit.select_related("batch__policy"), quarters=True)
    related = [f"prefetched_{name}__sources" for name in ("stages", "milestones", "targets", "readings")]
    rows = facts.prefetch_related("industries", "sources", *related, "prefetched_readings__indicator")
    pilot = get_object_or_404(rows, slug=slug)
    status = pilot_status(pilot, as_of)
    left = pilot.withdrawn_by(as_of)
    may_open, track, charts = may_open_follow_ups(request), stage_track(status), pilot_charts(status)
    beside_row = partial(beside_light, status, may_open=may_open, short=True)
    follow_ups = pilot.follow_ups.with_state(as_of).with_cause(as_of).select_related(*RELATED).by_urgency()
    figures = [] if left else pilot_figures(status)
    records = [*pilot.prefetched_stages, *pilot.prefetched_milestones]
    values = [*pilot.prefetched_targets, *pilot.prefetched_readings]
    sources = sources_of_records([pilot, *records, *values])
    beside: list[Column[Any]] = []
    if may_open or status.open_follow_ups:
        beside = [Column("follow_up", _("Follow-up"), partial(beside_light, status, may_open=may_open))]
    done, values_due = milestone_entries(request, pilot), reading_entries(request, pilot)
    spans = light_spans(status)
    tables: Exports = {
        name: Export(title, build, sources=sources)
        for name, title, build in (
            ("lights", _("Lights over time"), lambda: lights_table(spans)),
            ("reasons", _("Why the light has its colour"), lambda: reasons_table(status)),
            ("stages", _("Stages"), lambda: stages_table(track)),
            ("milestone-list", _("Milestones"), lambda: milestones_table(status, beside)),
            ("indicators", _("Indicators"), lambda: indicators_table(status, beside)),
            ("untargeted", _("Values without a target"), lambda: untargeted_table(status)),
            ("evidence", _("Evidence and sources"), lambda: evidence_table(status)),
        )
    }
    tables["follow-ups"] = Export(
        _("Follow-ups"), lambda: follow_ups_table(follow_ups, without=["subject", "province"])
    )
    changes, labels = changes_of(pilot) & readable_changes(request.user), pilot_labels()
    exports = {**figures_export(figures), **chart_exports(charts), **tables}
    exports["history"] = Export(_("History"), lambda: history_table(request, changes, labels))
    calendar = milestone_calendar(label_value(pilot.name, _("Milestones")), lambda: [pilot.pk], as_of)
    headline = pilot_headline(pilot, as_of)
    answer = export_response(request, exports, pilot.name, headline, calendar)
    if answer:
        return answer
    ahead = [] if left else [item for item in status.milestones if item.in_force and not item.done]
    due: list[tuple[date, str]] = [
        (item.current_due_on, _("follow-up %(number)s") % {"number": item.number}) for item in status.open_follow_ups
    ]
    due += [(day, item.record.name) for item in ahead if (day := item.planned_on) and day >= as_of]
    untargeted = untargeted_readings(status)
    unpromised = _("no promise on this day: proposed ones wait for the ministry")
    indicator_heads = {
        APART: row_head(_("Proposed or dropped"), not_in_force(status.indicators), unpromised),
        BARE: row_head(_("Values without a target"), len(untargeted), _("shown, never rated")),
    }
    milestone_heads = {APART: row_head(_("Proposed or dropped"), not_in_force(status.milestones), unpromised)}
    record_files = build_record_files([*records, *pilot.prefetched_readings], request.user, as_of)
    same = Pilot.objects.listed(as_of).filter(name_zh=pilot.name_zh, province=pilot.province)
    return render(
        request,
        "pilots/detail.html",
        {
            "title": pilot.name,
            "finding": headline,
            "pilot": pilot,
            "status": status,
            "withdrawal": build_withdrawals(Pilot.objects.filter(pk=pilot.pk), as_of)[0] if left else None,
            "crumbs": [{"url": "pilot-list", "label": _("Pilots")}, {"label": pilot.name}],
            "entry_links": entry_links(request, pilot),
            "class_mark": class_mark(classes_of([pilot.pk], as_of).get(pilot.pk), with_text=True),
            "light_link": None if left else beside_pilot(status, may_open),
            "reasons": [
                (reason, status.changes_of(reason), beside_light(status, reason, may_open)) for reason in status.reasons
            ],
            "computed_text": status.text_of(status.reasons[0]),
            "entered_since": entered_since(status),
            "requests": requests_made(status),
            "days_in_colour": (as_of - status.since).days if status.since else None,
            "light_counts": light_counts(status),
            "lights": light_strip(status, spans),
            "owner": in_reader_language(status.owner),
            "next_due": min(due, key=itemgetter(0), default=None),
            "waiting": waiting_readings_in(pilot.prefetched_readings, as_of),
            "indicators": indicators_page_table(status, beside_row, values_due),
            "indicators_title": indicators_title(status),
            "indicator_heads": indicator_heads,
            "missing": missing_values(status),
            "deadlines": [] if left else moved_deadlines(status),
            "milestones": milestones_page_table(status, beside_row, done),
            "milestone_heads": milestone_heads,
            "milestones_title": milestones_title(status),
            "follow_ups": follow_ups,
            "open_follow_ups": len(status.open_follow_ups),
            "may_open": may_open,
            "track": track,
            "track_notes": track_notes(track),
            "figures": figures,
            "charts": charts,
            "trends": [
                (items[0].record.anchor.removeprefix("#"), charts[code])
                for code, items in targets_by_indicator(status).items()
            ],
            "tables": {name.replace("-", "_"): export.build() for name, export in tables.items()},
            "sources": sources,
            "confidence_tag": Confidence(pilot.confidence).colour,
            "with_files": [files for files in record_files if files["shown"] or files["hidden"]],
            "attachable": [files for files in record_files if files["attach_url"]],
            "children": pilot.children.listed(as_of),
            "siblings": same.exclude(pk=pilot.pk).select_related("batch"),
            "practices": match_rows(practices_for(pilot, as_of)[:3], list(pilot.industries.all()))
            if status.colour in (Colour.RED, Colour.YELLOW)
            else [],
            "history": history_tab(request, changes, labels),
        },
    )


def row_head(title: str, n: int, note: str) -> SafeString:
    """Return the heading above a group of rows."""
    return format_html('<b>{} {}</b> <span class="muted">{}</span>', title, n, note)


def not_in_force(lights: Sequence[Light]) -> int:
    return sum(not item.in_force for item in lights)


def rated_lights(status: PilotStatus) -> list[Light]:
    """Return the lights of the targets that are in force and that no later one has followed."""
    return [item for item in status.indicators if item.in_force and item.why != LightReason.PAST]


def requests_made(status: PilotStatus) -> list[tuple[str, str, str]]:
    """Return the promises for which an amendment is asked for, or was refused: place on the page, name and reason."""
    lights = [*status.indicators, *status.milestones]
    return [
        (item.record.anchor, item.name, text) for item in lights if (text := request_text(item.record, status.as_of))
    ]


def missing_values(status: PilotStatus) -> list[tuple[Light, str]]:
    """Return of each indicator whose values are due which years have no accepted one, and why."""
    found = {item.record.indicator_id: (item, say_missing(item)) for item in rated_lights(status) if item.owed}
    return list(found.values())


def moved_deadlines(status: PilotStatus) -> list[tuple[str, str, str]]:
    """Return the decisions by which values of a year are due on another day, or are not asked for: whose they are, what
    was decided, and the reason. Of the last year due and of later ones.
    """
    records, as_of, found = status.records, status.as_of, []
    names = {item.record.indicator_id: item.record.indicator.name for item in status.indicators}
    for year, rows in sorted(records.deadlines.items()):
        for row in rows:
            if row.decided_on > as_of or year < as_of.year - 2:
                continue
            usual = due_day(records, row.indicator_id, year, date.min)
            words = {"day": format_date(row.due_on), "usual": format_date(usual), "on": format_date(row.decided_on)}
            text = _("due on %(day)s instead of %(usual)s, as decided on %(on)s")
            if row.due_on is None:
                text = _("not asked for, as decided on %(on)s")
            elif usual is None:
                text = _("due on %(day)s, as decided on %(on)s")
            of = _("All indicators") if row.indicator_id is None else names.get(row.indicator_id, no_data())
            found.append((_("%(indicator)s %(year)d") % {"indicator": of, "year": year}, text % words, row.reason))
    return found


def light_counts(status: PilotStatus) -> str:
    """Return how many targets and milestones are behind: `3 of 9 targets are red, 1 is yellow; …`."""
    if status.is_withdrawn:
        return ""
    shown = rated_lights(status)
    lights = count_by_colour(item.colour for item in shown)
    numbers = {"red": lights[Colour.RED], "yellow": lights[Colour.YELLOW], "n": len(shown)}
    counts = status.counts
    late = _("%(late)d of %(due)d milestones due overdue") % {"late": counts.late, "due": counts.due}
    indicators = _("%(red)d of %(n)d targets red, %(yellow)d yellow") % numbers
    rated = len(shown) > lights[Colour.GREY]
    less = sum(bool(item.counts_less) for item in shown)
    clauses = [*([indicators] if rated else []), *([late] if counts.due else [])]
    if less:
        text = ngettext(
            "%(n)d red one counts as yellow: not binding", "%(n)d red ones count as yellow: not binding", less
        )
        clauses.insert(1, text % {"n": less})
    return join_clauses(clauses) + _(".") if clauses else ""


def indicators_title(status: PilotStatus) -> str:
    """Return the title of the targets: how many are on schedule, and how many are red."""
    shown = rated_lights(status)
    n, lights = len(shown), count_by_colour(item.colour for item in shown)
    if not shown:
        return _("No target is on record")
    if lights[Colour.GREY] == n:
        return ngettext("%(n)d target, not rated", "%(n)d targets, none rated", n) % {"n": n}
    text = _("%(green)d of %(n)d targets on schedule") % {"green": lights[Colour.GREEN], "n": n}
    red = lights[Colour.RED]
    return join_statements(text, _("%(n)d red") % {"n": red} if red else "")


def milestones_title(status: PilotStatus) -> str:
    """Return the title of the milestones: how many of those due are done."""
    counts = status.counts
    if not counts.total:
        return _("Milestones")
    if not counts.due:
        return ngettext("%(n)d milestone, none due", "%(n)d milestones, none due", counts.total) % {"n": counts.total}
    return _("%(done)d of %(due)d milestones due are done") % {"done": counts.due - counts.late, "due": counts.due}


def sources_of_records(records: Sequence[Any]) -> list[Source]:
    """Return the prefetched sources of these records, each once."""
    return list(dict.fromkeys(source for record in records for source in record.sources.all()))


def pilot_charts(status: PilotStatus) -> dict[str, Chart]:
    """Return the timeline, and the trend of each indicator with a target in force by the indicator's code."""
    charts = {}
    milestones = [item.record for item in status.milestones if item.in_force]
    if milestones:
        charts["milestones"] = milestones_chart(status, sources_of_records(milestones))
    for code, items in targets_by_indicator(status).items():
        own = [r for r in status.pilot.prefetched_readings if r.indicator_id == items[0].record.indicator_id]
        charts[code] = trend_chart(status, items, sources_of_records([*(item.record for item in items), *own]))
    return charts


def reasons_table(status: PilotStatus) -> Table:
    columns: list[Column[Light]] = [
        Column("light", _("Light"), lambda why: status_cell(why.colour)),
        Column("why", _("Why"), status.text_of),
        Column("owner", _("Responsible"), lambda why: status.owner_of(why) or None),
    ]
    return make_table(columns, status.reasons)


def stages_table(track: Sequence[TrackStage]) -> Table:
    columns: list[Column[TrackStage]] = [
        Column("stage", _("Stage"), "label"),
        Column("state", _("State"), "state_label"),
        Column("entered", _("Entered"), "on", kind="date"),
        Column("result", _("Result"), lambda mark: mark.result),
        Column("planned", _("Planned"), lambda mark: mark.planned or "", kind="date"),
        Column("counts_from", _("Counts from"), lambda mark: mark.entered_late or "", kind="date"),
        Column("reason", _("Why"), lambda mark: mark.reason or None),
        Column("evidence", _("Evidence"), lambda mark: mark.evidence or None),
    ]
    return make_table(columns, track)


def pilot_figures(status: PilotStatus) -> list[dict[str, object]]:
    """Return the five key figures, each with its denominator."""
    counts, span = status.counts, status.list_to_plan
    shown = rated_lights(status)
    rated = [item for item in shown if item.colour != Colour.GREY]
    green = sum(item.colour == Colour.GREEN for item in rated)
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
            "label": _("Targets on schedule"),
            "value": green if rated else None,
            "of": _("of %(n)d rated") % {"n": len(rated)} if rated else "",
            "note": _("%(n)d targets in all") % {"n": len(shown)} if shown else _("no target recorded"),
            "url": "#indicators",
            "definition": "light-indicator",
        },
        {
            "label": _("Days of the term left"),
            "value": None if left is None else max(0, left),
            "of": _("days"),
            "note": _("to %(day)s") % {"day": format_date(status.pilot.ends_on)}
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
            "day": format_date(pilot.withdrawn_on or as_of)
        }
    end = pilot.ends_on
    if end is None:
        return text + _("; the term is not known.")
    if end < as_of:
        return text + _("; the term ended on %(day)s.") % {"day": format_date(end)}
    days = (end - as_of).days
    left = ngettext("; %(n)d day of the term left, to %(day)s.", "; %(n)d days of the term left, to %(day)s.", days)
    return text + left % {"n": days, "day": format_date(end)}


def pilot_labels() -> dict[Any, Label]:
    """Return how the history of a pilot calls its records: by what sets each apart from the pilot's others."""

    def indicator_of(entry: Any) -> str:
        return entry.indicator.name if entry and entry.indicator else no_data()

    return {
        Target: Label(lambda entry: f"{indicator_of(entry)} {entry.target_year}", ["indicator"]),
        Reading: Label(lambda entry: f"{indicator_of(entry)} {entry.period}", ["indicator"]),
        NotGiven: Label(lambda entry: f"{indicator_of(entry)} {entry.year}", ["indicator"]),
        LightOverride: Label(lambda entry: str(entry.get_colour_display())),
        Amendment: Label(lambda entry: str(entry.milestone or entry.target or no_data()), ["milestone", "target"]),
        Completion: Label(lambda entry: str(entry.milestone or no_data()), ["milestone"]),
    }
