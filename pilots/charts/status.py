"""Charts and tables of lights, milestones and targets, without calculations of their own."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from operator import itemgetter
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from core import charts
from core.days import today
from core.tables import Cell, Chart, Column, Table, make_table, page_columns, status_cell
from core.text import (
    decimal_places,
    format_amount,
    format_date,
    format_days,
    in_reader_language,
    join_clauses,
    join_short,
    join_statements,
    label_value,
)
from pilots.analytics.pilot_status import PilotStatus
from pilots.analytics.progress import LightCounts, Progress
from pilots.charts.cells import by_hand_text, pilots_url, progress_api_url, reported_text, strip_idle_zeros
from pilots.lights import (
    COLOUR_ORDER,
    LIGHTS,
    Colour,
    Light,
    LightReason,
)
from pilots.models import Indicator, Milestone, Reading, ReadingState, TargetKind
from pilots.models.due import state_on
from pilots.models.light import on_day
from pilots.models.reading import is_yearly, newest_accepted_in, newest_reported_in
from pilots.sentences import say_beside
from policies.models import Source, SourcedModel
from policies.tables import confidence_cell, source_cell

COUNTED = set(LightReason) - {LightReason.PAST, LightReason.DROPPED, LightReason.NOT_PROMISED}
"""Reasons of targets that count: in force, and not followed by a later one."""


def reason_cell(status: PilotStatus) -> Cell:
    """Return the explanation of the light, linked to its worst item."""
    return Cell(status.explanation, url=status.reasons[0].url)


# -- many lights ---------------------------------------------------------------------------------------


def light_summary_chart(
    progress: Progress,
    scope: str,
    sources: Sequence[Source],
    past: Sequence[LightCounts] | None = None,
    /,
    **filters: str,
) -> Chart:
    """Return the counts of lights, with the change since the end of the last quarter for the same pilots.

    With `past` it adds the red ones at the ends of these quarters as small bars, and the title names the pilots, since
    the chart is then shown beside numbers of other sets.
    """
    strip, now = progress.strip, progress.now.lights
    before = (past or [])[-2::-1]
    then = format_date(strip.then.on)
    hand, hand_then = by_hand_text(strip.now.by_hand), by_hand_text(strip.then.by_hand)
    parts = [
        _("%(scope)s, as of %(day)s") % {"scope": scope, "day": format_date(progress.as_of)},
        reported_text(progress.outstanding),
        hand,
        _("change since %(then)s, same pilots") % {"then": then},
        label_value(then, hand_then) if hand_then else "",
    ]
    shown = [Colour.GREY] if progress.n and not progress.now.rated else LIGHTS  # no row of zeros
    columns: list[Column[Colour]] = [
        Column(
            "light",
            _("Light"),
            lambda colour: status_cell(colour, pilots_url(**filters, light=colour.value) if now[colour] else ""),
        ),
        Column("pilots", _("Pilots"), now.__getitem__, kind="integer"),
        Column("n", _("of"), lambda _colour: progress.n, kind="integer"),
        Column("then", then, strip.then.lights.__getitem__, kind="integer"),
        Column("change", pgettext("since then", "Change"), strip.change, kind="integer"),
        *(Column(f"on-{p.on}", format_date(p.on), p.lights.__getitem__, kind="integer") for p in before),
    ]
    return Chart(
        slug="lights",
        kind="lights",
        title=light_summary_title(progress) if past is None else label_value(scope, light_summary_title(progress)),
        subtitle=" · ".join(filter(None, parts)),
        table=make_table(columns, LIGHTS),
        data={
            "lights": [
                {
                    "tag": colour.value,
                    "label": str(colour.label),
                    "meaning": colour.meaning,
                    "count": now[colour],
                    "change": "±0" if not change else f"+{change}" if change > 0 else f"−{-change}",
                    "url": pilots_url(**filters, light=colour.value) if now[colour] else "",
                }
                for colour in shown
                for change in [strip.change(colour)]
            ],
            "n": progress.n,
            "past": red_per_quarter_bars([*past, progress.now]) if past else None,
        },
        sources=sources,
        note=_(
            "A pilot is only as good as its worst binding item; lights are never averaged. Green: all that binds and "
            "is due is known and in order. Grey is not rated, not good."
        ),
        api=progress_api_url(filters),
    )


def red_per_quarter_bars(counts: Sequence[LightCounts]) -> dict[str, object]:
    """Return the red pilots at the end of each quarter and on the day, as bars and as text."""
    on_day = counts[-1].on
    current = on_day >= today()
    names = [*(quarter_name(item.on) for item in counts[:-1]), _("now") if current else quarter_name(on_day)]
    bars = [
        (name, item.lights[Colour.RED], by_hand_text(item.by_hand)) for name, item in zip(names, counts, strict=True)
    ]
    numbers = join_short(join_statements(f"{name} {n}", hand) for name, n, hand in bars)
    title = (
        _("Red at the end of each quarter, of the pilots of today")
        if current
        else _("Red at the end of each quarter, of the pilots of that day")
    )
    return {
        "title": title,
        "text": label_value(title, numbers),
        "bars": bars,
        "most": max(n for _name, n, _hand in bars) or 1,
        "first": names[0] if len(bars) >= (3 if current else 4) else "",  # there is space for both labels only then
        "last": names[-1],
    }


def quarter_name(on: date) -> str:
    """Return the quarter of a day, written as a period."""
    return f"{on.year}-Q{(on.month + 2) // 3}"


def light_summary_title(progress: Progress) -> str:
    """Return the headline of the lights: how many are red and yellow, and whether that is more than before."""
    n, lights = progress.n, progress.now.lights
    if n == 0:
        return _("No pilot is recorded")
    if not progress.now.rated:
        return _("No pilot can be rated yet")
    text = ngettext(
        "%(red)d red and %(yellow)d yellow of %(n)d pilot",
        "%(red)d red and %(yellow)d yellow of %(n)d pilots",
        n,
    ) % {"red": lights[Colour.RED], "yellow": lights[Colour.YELLOW], "n": n}
    change = progress.strip.change(Colour.RED)
    if change > 0:
        more = ngettext("%(n)d red more than a quarter ago", "%(n)d red more than a quarter ago", change)
    elif change < 0:
        more = ngettext("%(n)d red fewer than a quarter ago", "%(n)d red fewer than a quarter ago", -change)
    else:
        more = _("as many red as a quarter ago")
    return join_clauses([text, more % {"n": abs(change)} if change else more])


def on_track_table(progress: Progress) -> Table:
    """Return the table of binding targets by indicator, most red first: on the path, rated, behind, not rated."""
    binding = progress.rows.filter(
        on_day(progress.as_of, "targets__lights__"), targets__binding=True, targets__lights__why__in=COUNTED
    ).values_list("targets__indicator", "targets__lights__colour")
    lights: dict[int, Counter[str]] = defaultdict(Counter)
    for indicator, colour, n in binding.annotate(n=Count("pk")):
        lights[indicator][colour] = n
    indicators = Indicator.objects.in_bulk(lights)
    rows = sorted(lights, key=lambda key: (-lights[key][Colour.RED], -lights[key][Colour.YELLOW], key))

    def of(colour: Colour) -> Callable[[int], Cell]:
        return lambda key: Cell(n := lights[key][colour], tag=colour.value if n else "")

    columns: list[Column[int]] = [
        Column("indicator", _("Indicator"), lambda key: Cell(indicators[key].name, lang=indicators[key].name_lang)),
        Column("on_path", _("On the path"), lambda key: lights[key][Colour.GREEN], kind="integer"),
        Column("rated", _("of rated"), lambda key: lights[key].total() - lights[key][Colour.GREY], kind="integer"),
        Column("behind", _("Behind"), of(Colour.YELLOW), kind="integer"),
        Column("far_behind", _("Far behind"), of(Colour.RED), kind="integer"),
        Column("unrated", _("Not rated"), lambda key: lights[key][Colour.GREY], kind="integer"),
    ]
    return make_table(columns, rows)


# -- milestones ----------------------------------------------------------------------------------------


def milestones_chart(status: PilotStatus, sources: Sequence[Source]) -> Chart:
    """Return the timeline of planned and actual dates, in the order of the plan, of what is promised on the day."""
    items, counts = [item for item in milestones_in_order(status) if item.in_force], status.counts
    title = ngettext(
        "%(done)d of %(due)d milestone due is done", "%(done)d of %(due)d milestones due are done", counts.due
    ) % {"done": counts.due - counts.late, "due": counts.due}
    if late := max((item.delay or 0 for item in items if item.due and not item.done), default=0):
        title = join_clauses([title, _("the longest overdue by %(days)s") % {"days": format_days(late)}])
    days = [d for item in items for d in (item.planned_on, item.completed_on) if d]
    return Chart(
        slug="milestones",
        kind="timeline",
        title=title,
        subtitle=_("Planned and actual days of %(n)d milestones, as of %(day)s")
        % {"n": len(items), "day": format_date(status.as_of)},
        table=milestones_table(status),
        data=timeline_config(items, min([*days, status.as_of]), status.as_of, max([*days, status.as_of])),
        legend=[
            ("dot latest", _("planned")),
            ("dot certain", _("done")),
            *((f"bar {colour}", label) for colour, label in late_legend().items()),
        ],
        sources=sources,
        api=reverse("api-milestone-list", query={"pilot": status.pilot.slug}),
    )


def late_legend() -> dict[str, str]:
    """Return what the bars of late milestones mean, by colour."""
    return {
        Colour.BLUE.value: _("done late"),
        Colour.YELLOW.value: _("overdue by up to 90 days"),
        Colour.RED.value: _("overdue by more than 90 days"),
    }


def timeline_config(items: Sequence[Light], first: date, as_of: date, last: date) -> charts.Config:
    """Return the timeline: where each was planned and done, and a bar from one to the other, or to the day, if late."""
    planned: list[charts.Point] = []
    done: list[charts.Point] = []
    late = defaultdict[str, list[charts.Point]](list)
    for row, item in enumerate(items):
        state = milestone_state_text(item)
        for points, name, on in ((planned, _("planned"), item.planned_on), (done, _("done"), item.completed_on)):
            if on:
                text = [f"{name}: {format_date(on)}", state]
                points.append({"x": on.toordinal(), "y": row, "title": item.record.name, "text": text})
        if item.planned_on and (item.delay or 0) > 0:
            ends = (item.planned_on.toordinal(), (item.completed_on or as_of).toordinal(), None)
            late[item.colour] += [{"x": x, "y": None if x is None else row} for x in ends]
    keys = [item.record.is_key for item in items]
    sets = [
        charts.dots(name, points, hollow=hollow, hoverRadius=7)
        | {
            "radius": [7 if keys[point["y"]] else 4.5 for point in points],  # key ones are large diamonds
            "pointStyle": ["rectRot" if keys[point["y"]] else "circle" for point in points],
        }
        for name, points, hollow in ((_("done"), done, False), (_("planned"), planned, True))
    ]
    lates = late_legend()
    sets += [charts.line(lates.get(colour, ""), points, f"--{colour}", 6) for colour, points in late.items()]
    sets.append(charts.upright(as_of.toordinal(), (len(items) - 0.3, -0.7), {"text": format_date(as_of)}, "--muted", 1))
    names = [item.record.name for item in items]
    return charts.plot(sets, charts.day_axis(first, last, 0.03), charts.lane_axis(names, air=0.7, grid=False), top=22)


def milestone_state_text(item: Light) -> str:
    """Return the state of a milestone as text, with its delay."""
    days = {"days": format_days(item.delay or 0)}
    if item.why == LightReason.LATE:
        return _("%(days)s overdue") % days
    return _("done %(days)s late") % days if item.why == LightReason.DONE_LATE else promise_state_text(item)


def promise_state_text(item: Light) -> str:
    """Return the reason in a few words; of a target that a later one has followed that too."""
    if item.why == LightReason.NOT_PROMISED and item.record.promised_on is None:
        return _("proposed")
    return join_clauses([item.label, item.why.label]) if item.why == LightReason.PAST else item.label


def objection_text(milestone: Milestone, as_of: date) -> str:
    """Return when and why the ministry objected to the newest completion entered by the day; empty for nothing."""
    entered = [item for item in milestone.all_completions if item.entered_on <= as_of]
    newest = entered[-1] if entered else None
    if newest is None or newest.objected_on is None or newest.objected_on > as_of:
        return ""
    text = _("objected to on %(day)s") % {"day": format_date(newest.objected_on)}
    return label_value(text, newest.objection)


def milestones_table(status: PilotStatus, more: Sequence[Column[Light]] = ()) -> Table:
    """Return the table of milestones in the order of the plan; `more` columns stand beside the light."""
    return make_table(milestone_columns(status, more=more), milestones_in_order(status))


def milestones_in_order(status: PilotStatus) -> list[Light]:
    """Return the lights of milestones by planned day; what is no promise on the day comes last."""
    return sorted(status.milestones, key=lambda item: (not item.in_force, item.planned_on, item.record.pk))


def milestone_columns(
    status: PilotStatus, *, anchors: bool = False, more: Sequence[Column[Light]] = ()
) -> list[Column[Light]]:
    """Return the columns of milestones; with `anchors` (once per page) their rows have ids."""
    changes = {item.record.pk: status.changes_of(item) for item in status.milestones}
    first_day: Column[Light] = Column(
        "first_planned_on",
        _("First planned"),
        lambda item: item.record.planned_on if item.record.planned_on != item.planned_on else "",
        kind="date",
    )
    amended: Column[Light] = Column("amended", _("Amended"), lambda item: changes[item.record.pk])

    def name(item: Light) -> Cell:
        anchor = item.record.anchor.removeprefix("#") if anchors else ""
        row = (item.colour if item.in_force else APART) if anchors else ""
        return Cell(item.record.name, lang=item.record.name_lang, anchor=anchor, status=row)

    return [
        Column("milestone", _("Milestone"), name),
        Column(
            "light",
            _("Light"),
            lambda item: Cell(
                join_clauses(
                    filter(None, [label_value(item.colour.label, milestone_state_text(item)), item.counts_less])
                )
                if item.in_force
                else promise_state_text(item),
                tag=item.colour.value,
            ),
        ),
        *more,
        Column("planned_on", _("Planned"), "planned_on", kind="date"),
        *([first_day, amended] if any(changes.values()) else []),
        Column("completed_on", _("Done"), lambda item: item.completed_on or "", kind="date"),
        Column("delay", _("Days late"), lambda item: max(item.delay or 0, 0) or "", kind="integer"),
        Column("owner", _("Responsible"), status.in_charge),
        Column("facet", _("Facet"), lambda item: item.record.get_facet_display()),
        Column("stage", _("Stage"), lambda item: item.record.get_stage_display()),
        Column("key", _("Key milestone"), "binds", kind="flag"),
        Column("evidence", _("Evidence"), lambda item: item.completion.evidence if item.completion else ""),
        Column("objection", _("Objection"), lambda item: objection_text(item.record, status.as_of)),
        Column("promised_on", _("Promised"), lambda item: item.record.promised_on or "", kind="date", file_only=True),
    ]


# -- indicators ----------------------------------------------------------------------------------------


APART, BARE = "apart", "none"
"""Groups of rows on a page: what is no promise on the day, and values that no target rates."""

BOUND_LABELS: dict[str, Promise] = {
    TargetKind.LIMIT: gettext_lazy("limit"),
    TargetKind.KEEP: gettext_lazy("base to keep"),
}


def trend_chart(status: PilotStatus, items: Sequence[Light], sources: Sequence[Source]) -> Chart:
    """Return the chart of an indicator's yearly values and the way to its target; its table has quarters too.

    `items` are the lights of its targets that are in force, the one that counts first: it gives the title.
    """
    item, indicator = items[0], items[0].record.indicator
    # the newest version of each period reported by the day, and the accepted one where that is older
    own = [r for r in status.pilot.prefetched_readings if r.indicator_id == indicator.pk]
    chosen = [*newest_accepted_in(own, status.as_of), *newest_reported_in(own, status.as_of)]
    on_record = sorted(dict.fromkeys(chosen), key=lambda reading: (reading.period, reading.version))
    readings = [reading for reading in on_record if is_yearly(reading.period)]
    line_label = _("way to the target") if item.path else str(BOUND_LABELS.get(item.record.kind, _("target")))
    sets, marks = indicator_datasets(status, items, readings, line_label)
    axis = charts.value_axis([mark["y"] for mark in marks])
    scope = _("%(unit)s · %(binding)s · target for %(year)d · %(accepted)d of %(n)d values accepted, as of %(day)s") % {
        "unit": indicator.unit_text,
        "binding": _("binding") if item.binds else _("expected (not binding)"),
        "year": aim_of(item)[1],
        "accepted": sum(is_accepted_on(reading, status.as_of) for reading in readings),
        "n": len(readings),
        "day": format_date(status.as_of),
    }
    return Chart(
        slug=f"trend-{indicator.code.lower().replace('_', '-')}",
        kind="trend",
        title=item.sentence,
        subtitle=scope,
        table=make_table(reading_columns(status.as_of), on_record),
        data=charts.plot(sets, charts.year_axis(mark["x"] for mark in marks), axis) if marks else {},
        legend=[
            ("dot certain", _("accepted")),
            ("dot latest", _("not accepted")),
            ("line dashed", line_label),
            *([("line dashed muted", _("other targets"))] if items[1:] else []),
            *([("diamond", _("expected"))] if item.path and item.expected is not None else []),
        ],
        light=item.colour,
        sources=sources,
        note=value_axis_note(axis),
        api=reverse("api-trend", query={"indicator": indicator.code, "pilot": status.pilot.slug}),
    )


def targets_by_indicator(status: PilotStatus) -> dict[str, list[Light]]:
    """Return the lights of the targets in force by code of their indicator: of each the binding one that counts now
    and whose year comes next first.
    """
    found = defaultdict[str, list[Light]](list)
    for item in status.indicators:
        if item.in_force:
            found[item.record.indicator.code].append(item)
    for items in found.values():
        items.sort(key=lambda item: (item.why == LightReason.PAST, not item.binds, aim_of(item)[1]))
    return dict(found)


def aim_of(item: Light) -> tuple[Decimal | None, int]:
    """Return value and year of a target in force on the day; of what is no promise then as it was entered."""
    if item.promise:
        return item.promise.bound, item.promise.year
    values = item.record.values_on(date.max)
    return values["base_value" if item.record.kind == TargetKind.KEEP else "target_value"], values["target_year"]


def base_of(item: Light) -> tuple[Decimal | None, int | None]:
    """Return value and year of the base, as `aim_of`."""
    terms = item.promise or item.record
    return terms.base_value, terms.base_year


def value_axis_note(axis: dict[str, float]) -> str:
    """Return the note that the axis does not start at 0, if so: a small change then looks large."""
    if axis["min"] == 0:
        return ""
    return _("The vertical axis begins at %(value)s, not at 0.") % {"value": format_amount(Decimal(str(axis["min"])))}


def indicator_datasets(
    status: PilotStatus, items: Sequence[Light], readings: Sequence[Reading], line_label: str
) -> tuple[list[charts.Config], list[charts.Point]]:
    """Return values, way to the target or limit, that of the other targets, and the expected value of the light's year;
    and all their points. The accepted values are joined, from the base on where none is as early.
    """
    item, unit = items[0], items[0].record.indicator.unit_text

    accepted: list[charts.Point] = []
    still_open: list[charts.Point] = []
    expected: list[charts.Point] = []
    for reading in readings:
        words = [f"{format_amount(reading.value)} {unit}", reading.get_value_status_display()]
        text = " · ".join(map(str, [*words, state_on(reading, status.as_of).label]))
        found = accepted if is_accepted_on(reading, status.as_of) else still_open
        found.append(year_point(int(reading.period), reading.value, text))
    path = way_points(item, line_label)
    if path and item.expected is not None:
        text = label_value(_("expected"), f"{format_amount(item.expected)} {unit}")
        expected.append(year_point(min(item.year, aim_of(item)[1]), item.expected, text))
    others = [way_points(other, _("target for %(year)d") % {"year": aim_of(other)[1]}) for other in items[1:]]
    marks = [*accepted, *still_open, *path, *expected, *(mark for line in others for mark in line)]
    base, (base_value, base_year) = None, base_of(item)
    if base_year is not None and base_value is not None:
        base = year_point(base_year, base_value, label_value(_("base"), f"{format_amount(base_value)} {unit}"))
        marks.append(base)
    years = [mark["x"] for mark in marks]

    bound = bound_points(item, items, years)
    others = [line or bound_points(other, items, years) for line, other in zip(others, items[1:], strict=True)]
    if accepted:  # the value stands where the way to the target does not
        beside = next((line[-1]["y"] for line in (expected, bound, path) if line), accepted[-1]["y"])
        number = format_amount(next(r.value for r in reversed(readings) if is_accepted_on(r, status.as_of)))
        side = charts.BELOW if accepted[-1]["y"] < beside else charts.ABOVE
        accepted[-1]["label"] = {"text": number, "side": side, "color": "--accent"}
    if path and item.promise and item.promise.value:
        side = charts.BELOW_LEFT if path[-1]["y"] < path[0]["y"] else charts.ABOVE_LEFT
        text = label_value(_("target"), format_amount(item.promise.value))
        path[-1]["label"] = {"text": text, "side": side, "color": "--second"}
    if base and not any(mark["x"] <= base["x"] for mark in accepted):
        accepted.insert(0, base)
    diamond = {"pointStyle": "rectRot", "radius": 6, "hoverRadius": 7}
    return [
        charts.dots(_("accepted"), accepted, showLine=True),
        charts.dots(_("not accepted"), still_open, hollow=True),
        charts.dots(_("expected"), expected, "--second", hollow=True, **diamond),
        charts.line(line_label, path or bound, "--second", borderDash=charts.DASHED),
        *(charts.line(_("other targets"), line, "--muted", borderDash=charts.DASHED) for line in others if line),
    ], [*marks, *bound, *(mark for line in others for mark in line)]


def year_point(year: int, value: Decimal, text: str) -> charts.Point:
    return {"x": year, "y": float(value), "title": str(year), "text": text}


def way_points(item: Light, label: str) -> list[charts.Point]:
    """Return the way to a target; empty for a kind without one."""
    steps = [(year, Decimal(value)) for year, value in item.path or ()]
    return [year_point(year, value, label_value(label, format_amount(value))) for year, value in steps]


def bound_points(item: Light, items: Sequence[Light], years: Sequence[int]) -> list[charts.Point]:
    """Return the bound of a target without a way: from the one of its kind before it up to its own year, the last one
    over all later years; empty for others.
    """
    bound, year = aim_of(item)
    if item.path or bound is None or not years:
        return []
    own = [aim_of(each)[1] for each in items if each.record.kind == item.record.kind]
    first = max((each for each in own if each < year), default=min(years))
    last = max(years) if year == max(own) else year
    return [year_point(first, bound, ""), year_point(max(first, last), bound, "")]


def reading_columns(as_of: date) -> list[Column[Reading]]:
    """Return the columns of a value and of what it rests on, the same for years and quarters."""
    return [
        Column("period", _("Period")),
        Column("value", _("Value"), lambda reading: strip_idle_zeros(reading.value), kind="decimal"),
        Column("unit", _("Unit"), "indicator.unit_text"),
        Column("status", _("Value status"), lambda reading: reading.get_value_status_display()),
        Column("state", _("State"), lambda item: reading_state_cell(item, as_of)),
        Column("version", _("Version"), kind="integer"),
        Column("reported_on", _("Reported"), kind="date"),
        *(
            Column(name, label, partial(day_by, name, as_of), kind="date")
            for name, label in (
                ("accepted_on", _("Accepted")),
                ("returned_on", _("Returned")),
                ("disputed_on", _("Disputed")),
            )
        ),
    ]


STATE_COLOURS = {ReadingState.ACCEPTED: "green", ReadingState.DISPUTED: "red"}


def reading_state_cell(reading: Reading, as_of: date) -> Cell:
    """Return the state of a value on a day; of a returned one by when it is to be answered."""
    state = state_on(reading, as_of)
    text = str(state.label)
    if state == ReadingState.RETURNED and reading.answer_by:
        text = join_clauses([text, _("to be answered by %(day)s") % {"day": format_date(reading.answer_by)}])
    return Cell(text, tag=STATE_COLOURS.get(state, "yellow"))


def day_by(name: str, as_of: date, reading: Reading) -> date | str:
    """Return a day of a value as far as it has come; empty otherwise."""
    day: date | None = getattr(reading, name)
    return day if day and day <= as_of else ""


def is_accepted_on(reading: Reading, as_of: date) -> bool:
    """Whether a value counts on a day, also one that is disputed."""
    return reading.accepted_on is not None and reading.accepted_on <= as_of


def targets_in_order(status: PilotStatus) -> list[Light]:
    """Return the lights of the targets by indicator and year; what is no promise on the day comes last."""
    return sorted(status.indicators, key=lambda item: (not item.in_force, item.record.indicator_id, aim_of(item)[1]))


def indicators_table(status: PilotStatus, more: Sequence[Column[Light]] = ()) -> Table:
    """Return the table of a pilot's targets with the numbers behind their lights; light and reason first.

    `more` columns stand after the reason.
    """
    values = {item.record.pk: rounded_values(item) for item in status.indicators}
    amended = any(values[key]["first"] is not None for key in values)

    def number(name: str) -> Callable[[Light], object]:
        return lambda item: values[item.record.pk][name]

    def first(item: Light) -> object:
        value = values[item.record.pk]["first"]
        return "" if value is None else value

    def shortfall(item: Light) -> Cell:  # a negative one is ahead, so that none is missing
        return Cell(item.shortfall, page_text=_("none") * is_negative(item.shortfall))

    def progress(item: Light) -> Cell:
        reach = item.record.kind == TargetKind.REACH
        return Cell(item.progress, page_text=_("wrong way") * is_negative(item.progress)) if reach else Cell("")

    columns: list[Column[Light]] = [
        Column("indicator", _("Indicator"), indicator_name_cell),
        Column("kind", _("Kind"), lambda item: item.record.get_kind_display()),
        Column("target_year", _("Target year"), lambda item: str(aim_of(item)[1])),
        Column("light", _("Light"), lambda item: status_cell(item.colour)),
        Column("why", _("Why"), status.text_of),
        *more,
        Column("year", _("Year"), lambda item: str(item.year) if item.reading else None),
        Column("actual", _("Actual"), number("actual"), kind="decimal"),
        Column("expected", _("Expected"), number("expected"), kind="decimal"),
        Column("shortfall", _("Missing, or over the limit"), shortfall, kind="share"),
        Column("progress", _("Progress"), progress, kind="share"),
        Column("target", _("Target"), number("target"), kind="decimal"),
        *([Column[Light]("first_target", _("First target"), first, kind="decimal")] if amended else []),
        Column(
            "base_year",
            _("Base year"),
            lambda item: str(base_of(item)[1] or "") or (None if has_base(item) else ""),
        ),
        Column("base", _("Base"), lambda item: number("base")(item) if has_base(item) else "", kind="decimal"),
        Column("unit", _("Unit"), lambda item: item.record.indicator.unit_text),
        Column("binding", _("Binding"), "binds", kind="flag"),
        Column("promised_on", _("Promised"), lambda item: item.record.promised_on or "", kind="date", file_only=True),
    ]
    return make_table(columns, targets_in_order(status))


def indicators_page_table(
    status: PilotStatus, follow_up: Callable[[Any], Cell], more: Sequence[Column[Any]] = ()
) -> Table:
    """Return the table of a pilot's targets, the worst first, with those of one indicator together; then in groups of
    their own what is no promise on the day, and indicators without a target, since nothing rates them. Under each
    number stands its year, under a reason its `follow_up`.
    """
    numbers = {item.record.pk: rounded_values(item) for item in status.indicators}
    untargeted, anchored = untargeted_readings(status), anchored_rows(status)
    targets_of = Counter(item.record.indicator_id for item in status.indicators)

    def of_target(read: Callable[[Light], Cell]) -> Callable[[Any], Cell]:
        return lambda item: read(item) if isinstance(item, Light) else Cell("")

    def name(item: Any) -> Cell:
        if isinstance(item, Reading):
            anchor = f"indicator-{item.indicator.code}"
            below = item.indicator.unit_text
            return Cell(item.indicator.name, lang=item.indicator.name_lang, anchor=anchor, below=below, status=BARE)
        indicator, target = item.record.indicator, item.record
        parts = [indicator.unit_text, _("binding") if item.binds else _("not binding")]
        # on a phone nothing else sets targets of one indicator apart
        parts += [_("target for %(year)d") % {"year": aim_of(item)[1]}] * (targets_of[indicator.pk] > 1)
        anchor = target.anchor.removeprefix("#") * (anchored.get(indicator.pk) == target.pk)
        return replace(indicator_name_cell(item), below=" · ".join(parts), status=row_status(item), anchor=anchor)

    def number(item: Light, key: str, year: object) -> Cell:
        value = numbers[item.record.pk][key]
        return Cell("" if value is None else value, below=str(year or "") if value is not None else "")

    def actual(item: Any) -> Cell:
        if isinstance(item, Reading):
            return Cell(strip_idle_zeros(item.value), below=item.period)
        return number(item, "actual", item.year) if item.reading else Cell(None if item.in_force else "")

    def target(item: Light) -> Cell:
        """The value in force, and below it its year and kind, and the first value where it was amended."""
        value, first = numbers[item.record.pk]["target"], numbers[item.record.pk]["first"]
        kind = {TargetKind.LIMIT: _("limit"), TargetKind.KEEP: _("keep")}.get(item.record.kind, "")
        below = [str(aim_of(item)[1]), kind, _("first %(value)s") % {"value": format_amount(first)} * bool(first)]
        return Cell(value, below=" · ".join(filter(None, below)))

    def why(item: Any) -> Cell:
        if isinstance(item, Reading):
            return Cell(join_clauses([_("no target: not rated"), state_on(item, status.as_of).label]))
        return Cell(target_reason(status, item), below=follow_up(item), title=item.sentence)

    columns: list[Column[Any]] = [
        Column("indicator", _("Indicator"), name),
        Column("target", _("Target"), of_target(target), kind="decimal"),
        Column("light", _("Light"), of_target(lambda item: status_cell(item.colour)), phone="side"),
        Column("why", _("Why"), why),
        Column("base", _("Base"), of_target(lambda item: number(item, "base", base_of(item)[1])), kind="decimal"),
        Column("due", _("Expected"), of_target(lambda item: number(item, "expected", item.year)), kind="decimal"),
        Column("actual", _("Actual"), actual, kind="decimal", phone="line"),
        *(replace(column, accessor=of_target(column.cell)) for column in more),
    ]
    worst = {
        code: min((COLOUR_ORDER[item.colour], not item.binds) for item in items if item.why != LightReason.PAST)
        for code, items in targets_by_indicator(status).items()
        if any(item.why != LightReason.PAST for item in items)
    }
    last = (len(Colour), True)
    rows = sorted(
        targets_in_order(status), key=lambda item: (not item.in_force, worst.get(item.record.indicator.code, last))
    )
    return make_table(columns, [*rows, *untargeted])


def anchored_rows(status: PilotStatus) -> Mapping[int, int]:
    """Return the targets, by indicator, whose rows have the place of their indicator: neither a chart nor a value
    without a target has it.
    """
    rows = {item.record.indicator_id: item.record.pk for item in status.indicators if not item.in_force}
    placed = {item.record.indicator_id for item in status.indicators if item.in_force}
    placed |= {reading.indicator_id for reading in untargeted_readings(status)}
    return {indicator: key for indicator, key in rows.items() if indicator not in placed}


def row_status(item: Light) -> str:
    """Return the colour of the bar of a row, or its group: one that a later target has followed has no effect."""
    if not item.in_force:
        return APART
    return Colour.GREY if item.why == LightReason.PAST else item.colour


def milestones_page_table(
    status: PilotStatus, follow_up: Callable[[Any], Cell], more: Sequence[Column[Light]] = ()
) -> Table:
    """Return the table of milestones for the page of their pilot; its rows have their ids."""

    def charge(item: Light) -> str:
        key = [_("key milestone")] if item.binds else []
        stage = [label_value(_("stage"), item.record.get_stage_display())] if item.record.stage else []
        return " · ".join(filter(None, [in_reader_language(status.in_charge(item)), *key, *stage]))

    def moved(item: Light) -> str:
        first = item.record.planned_on
        return _("first %(day)s") % {"day": format_date(first, short=True)} if first != item.planned_on else ""

    def remarks(item: Light) -> str:
        evidence = item.completion.evidence if item.completion else ""
        said = [item.counts_less, objection_text(item.record, status.as_of), status.changes_of(item), evidence]
        return join_clauses(filter(None, said))

    below: dict[str, Any] = {"milestone": charge, "light": milestone_state_text, "planned_on": moved}
    below |= {"completed_on": None, "remarks": follow_up, **dict.fromkeys(column.key for column in more)}
    columns = [column for column in milestone_columns(status, anchors=True, more=more) if column.key != "light"]
    columns += [
        Column("light", _("Light"), lambda item: status_cell(item.colour)),
        Column("remarks", _("Remarks"), remarks),
    ]
    shown = page_columns(columns, below, side="light", line="planned_on")
    return make_table(shown, milestones_in_order(status))


def untargeted_readings(status: PilotStatus) -> list[Reading]:
    """Return of each indicator that has values and no target the newest accepted one, else the newest reported."""
    aims = {item.record.indicator_id for item in status.indicators if item.in_force}
    own = [reading for reading in status.pilot.prefetched_readings if reading.indicator_id not in aims]
    newest = {reading.indicator_id: reading for reading in newest_reported_in(own, status.as_of)}  # by period
    newest |= {reading.indicator_id: reading for reading in newest_accepted_in(own, status.as_of)}
    return sorted(newest.values(), key=lambda reading: reading.indicator.code)


def untargeted_table(status: PilotStatus) -> Table:
    """Return the table of the newest values of indicators without a target: nothing rates them."""
    columns: list[Column[Reading]] = [
        Column("indicator", _("Indicator"), lambda item: Cell(item.indicator.name, lang=item.indicator.name_lang)),
        Column("target", _("Target"), lambda _reading: _("no target")),
        *reading_columns(status.as_of),
    ]
    return make_table(columns, untargeted_readings(status))


def target_reason(status: PilotStatus, item: Light) -> str:
    """Return the reason in a few words, what stands beside it, and how it counts; of a dropped one when and why."""
    if item.why == LightReason.DROPPED:
        return status.changes_of(item) or item.label
    asked = status.changes_of(item) if not item.in_force else ""
    return join_clauses(filter(None, [promise_state_text(item), say_beside(item), asked, item.counts_less]))


def is_negative(part: Decimal | None) -> bool:
    return part is not None and part < 0


def has_base(item: Light) -> bool:
    """Whether a base is on record or belongs to this kind of target."""
    return base_of(item)[0] is not None or item.record.kind in (TargetKind.REACH, TargetKind.KEEP)


def indicator_name_cell(item: Light) -> Cell:
    """Return the indicator, linked to its chart."""
    indicator = item.record.indicator
    return Cell(indicator.name, lang=indicator.name_lang, url=item.record.anchor if item.in_force else "")


MAX_DECIMALS = 6


def rounded_values(item: Light) -> dict[str, Decimal | None]:
    """Round the values of one target to as many decimals as were entered for it; `first` is the first target, where
    it was amended.

    More decimals are used where the sentence about the values has more, and where different expected and actual values
    would look the same.
    """
    actual, expected, (aim, _year), (base, _base_year) = item.actual, item.expected, aim_of(item), base_of(item)
    first = item.record.bound if item.record.bound != aim else None
    entered = [value for value in (actual, aim, base) if value is not None]
    places = max((max(0, -int(value.normalize().as_tuple().exponent)) for value in entered), default=2)
    if actual is not None and expected is not None and actual != expected:
        places = max(places, decimal_places([actual, expected]))
        while places < MAX_DECIMALS and round(actual, places) == round(expected, places):
            places += 1
    values = {"actual": actual, "expected": expected, "target": aim, "base": base, "first": first}
    return {name: None if value is None else round(value, places) for name, value in values.items()}


# -- evidence ------------------------------------------------------------------------------------------


def evidence_table(status: PilotStatus) -> Table:
    """Return what stages, milestones, targets and values rest on up to the day: document, confidence and source."""
    pilot, as_of = status.pilot, status.as_of
    stages = [entry for entry in pilot.prefetched_stages if entry.entered_on <= as_of]
    readings = [reading for reading in pilot.prefetched_readings if reading.reported_on <= as_of]
    rows: list[tuple[str, str, date | None, str, SourcedModel]] = [
        *((str(e.get_stage_display()), _("stage"), e.entered_on, e.evidence, e) for e in stages),
        *(
            (m.record.name, _("milestone"), m.completed_on, m.completion.evidence if m.completion else "", m.record)
            for m in status.milestones
        ),
        *(
            (f"{target.record.indicator.name} {aim_of(target)[1]}", _("target"), None, "", target.record)
            for target in targets_in_order(status)
        ),
        *((f"{r.indicator.name} {r.period}", _("value"), r.reported_on, "", r) for r in readings),
    ]
    columns: list[Column[Any]] = [
        Column("what", _("What"), itemgetter(0)),
        Column("kind", _("Kind"), itemgetter(1)),
        Column("on", _("Day"), lambda row: row[2] or "", kind="date"),
        Column("evidence", _("Evidence"), itemgetter(3)),
        Column("confidence", _("Confidence"), lambda row: confidence_cell(row[4])),
        Column("source", _("Source"), lambda row: source_cell(row[4])),
    ]
    return make_table(columns, rows)
