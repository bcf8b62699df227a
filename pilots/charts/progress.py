"""Lights, milestones and targets as chart frames and tables: what `progress.py` found, and nothing counted anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import ceil, floor, log10
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from config.asof import today
from config.charts import Cell, Chart, Column, Lines, Table
from config.templatetags.site import days as days_text
from config.templatetags.site import lang_of
from config.words import clauses, labelled, listed, sentences
from pilots import metrics
from pilots.charts.addresses import pilots_url, progress_api
from pilots.charts.names import names_in, pilot_cell
from pilots.charts.stages import stage_word, time_in_stage
from pilots.metrics import Colour, Stage, TargetKind, Why
from pilots.models import Milestone, Reading, ReadingState, Target
from pilots.progress import IndicatorStatus, MilestoneStatus, PilotStatus, Progress, brought
from pilots.readings import newest_accepted_of, newest_reported_of
from pilots.sentences import (
    ChangeOfPlan,
    Sentence,
    amount,
    change_of_plan,
    changes_of_plan,
    explanation,
    indicator_text,
    levels,
    office_of,
    owner,
    places_of,
    reasons,
    told_with,
    why,
)
from policies.charts import day
from policies.models import Source

MEANINGS: dict[Colour, str | Promise] = {
    Colour.RED: gettext_lazy("far behind"),
    Colour.YELLOW: gettext_lazy("behind"),
    Colour.BLUE: gettext_lazy("done late"),
    Colour.GREEN: gettext_lazy("on schedule"),
    Colour.GREY: gettext_lazy("not rated"),
}
RULES: dict[str, str | Promise] = {
    metrics.RULE_PILOT: gettext_lazy("the worst binding item decides (this system’s own convention, version 1)"),
    metrics.RULE_INDICATOR: gettext_lazy("NDRC rule 2020-901, version 1"),
    metrics.RULE_MILESTONE: gettext_lazy("milestone rule after Yinchuan 2025, version 1"),
}


def settled(value: Decimal | None, digits: int = 2) -> Decimal | None:
    """A value without idle zeros; what was computed is cut to some decimals, what was entered keeps its own."""
    if value is None:
        return None
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -6:
        value = round(value, digits if abs(value) >= 1 else digits + 2)
    return Decimal(f"{value.normalize():f}")


def colour_cell(colour: Colour, url: str = "") -> Cell:
    """A light in a table: its shape and its word."""
    return Cell(str(colour.label), url=url, tag=colour.value)


# -- the light of one pilot ----------------------------------------------------------------------------


@dataclass(frozen=True)
class LightBox:
    """All that a page says of a pilot's light: shown and computed, why, since when, by which rule."""

    colour: Colour
    meaning: str
    why: str
    owner: str
    since: date | None
    rule: str
    reasons: Sequence[Sentence]
    changes: Sequence[ChangeOfPlan]
    computed: Colour | None  # only where a person set another


def light_box(status: PilotStatus) -> LightBox:
    """The light of a pilot with everything it is answerable for."""
    return LightBox(
        colour=status.colour,
        meaning=str(MEANINGS[status.colour]),
        why=explanation(status),
        owner=owner(status),
        since=status.since,
        rule=str(RULES[metrics.RULE_PILOT]),
        reasons=reasons(status),
        changes=changes_of_plan(status),
        computed=status.light.colour if status.override else None,
    )


# -- many lights ---------------------------------------------------------------------------------------


def light_strip(
    progress: Progress, scope: str, sources: Sequence[Source], past: Quarters | None = None, /, **filters: str
) -> Chart:
    """How many pilots of each colour, and the change since the last quarter's end, for the same pilots.

    With `past` also how many were red at the ends of these quarters, as small bars, and the title names the pilots: the
    strip then stands among numbers of other sets.
    """
    strip = progress.strip
    before = (past or [])[-2::-1]
    year = metrics.year_due(progress.as_of)
    subtitle = _(
        "%(scope)s, as of %(day)s · %(reported)d of %(n)d reported for %(year)d · change since %(then)s, same pilots"
    ) % {
        "scope": scope,
        "day": day(progress.as_of),
        "reported": progress.reported,
        "n": strip.n,
        "year": year,
        "then": day(strip.then_on),
    }
    columns = [
        Column("light", _("Light")),
        Column("pilots", _("Pilots"), "integer"),
        Column("n", _("of"), "integer"),
        Column("then", day(strip.then_on), "integer"),
        Column("change", pgettext("since then", "Change"), "integer"),
        *(Column(f"on-{on}", day(on), "integer") for on, _counts in before),
    ]
    colours = [colour for colour in Colour if colour != Colour.BLUE]
    rows = [
        [
            colour_cell(colour, pilots_url(**filters, light=colour.value) if strip.now[colour] else ""),
            Cell(strip.now[colour]),
            Cell(strip.n),
            Cell(strip.then[colour]),
            Cell(strip.change(colour)),
            *(Cell(counts[colour]) for _on, counts in before),
        ]
        for colour in colours
    ]
    return Chart(
        slug="lights",
        kind="lights",
        title=strip_title(progress) if past is None else labelled(scope, strip_title(progress)),
        subtitle=subtitle,
        table=Table(columns, rows),
        data={
            "lights": [strip_item(progress, colour, filters) for colour in colours],
            "n": strip.n,
            "past": red_bars([*past, (progress.as_of, strip.now)]) if past else None,
        },
        sources=sources,
        note=_(
            "A pilot is only as good as its worst binding item; lights are never averaged. Grey is not rated, not good."
        ),
        api=progress_api(filters),
    )


Quarters = Sequence[tuple[date, Mapping[Colour, int]]]  # the lights at the ends of quarters, oldest first
BAR_STEP, BAR_WIDTH, BAR_HEIGHT = 30, 20, 30  # of the small bars, in pixels


def red_bars(counts: Quarters) -> dict[str, Any]:
    """How many were red at the end of each quarter and on the day: bars with their places in an SVG, and in words."""
    most = max(lights[Colour.RED] for _on, lights in counts) or 1
    on_day = counts[-1][0]
    current = on_day >= today()
    names = [*(quarter_name(on) for on, _lights in counts[:-1]), _("now") if current else quarter_name(on_day)]
    bars = []
    for place, ((_on, lights), name) in enumerate(zip(counts, names, strict=True)):
        height = round(BAR_HEIGHT * lights[Colour.RED] / most)
        x, top = place * BAR_STEP, 14 + BAR_HEIGHT - height
        bars.append(
            {
                "x": x,
                "y": top,
                "height": max(1, height),
                "n": lights[Colour.RED],
                "name": name,
                "middle": x + BAR_WIDTH // 2,
                "above": top - 3,
            }
        )
    told = listed(f"{bar['name']} {bar['n']}" for bar in bars)
    title = (
        _("Red at the end of each quarter, of the pilots of today")
        if current
        else _("Red at the end of each quarter, of the pilots of that day")
    )
    return {
        "title": title,
        "text": labelled(title, told),
        "bars": bars,
        "width": len(bars) * BAR_STEP - (BAR_STEP - BAR_WIDTH),
        "bar": BAR_WIDTH,
        "first": names[0] if len(bars) >= (3 if current else 4) else "",  # there is room for both only then
        "last": names[-1],
    }


def quarter_name(on: date) -> str:
    """The quarter that a day lies in, as periods are written."""
    return f"{on.year}-Q{(on.month + 2) // 3}"


def strip_item(progress: Progress, colour: Colour, filters: dict[str, str]) -> dict[str, Any]:
    strip = progress.strip
    count = strip.now[colour]
    return {
        "tag": colour.value,
        "label": str(colour.label),
        "meaning": str(MEANINGS[colour]),
        "count": count,
        "change": change_text(strip.change(colour)),
        "url": pilots_url(**filters, light=colour.value) if count else "",
    }


def change_text(change: int) -> str:
    """+2, −1, or that nothing changed; the sign is a real minus."""
    return _("unchanged") if change == 0 else f"+{change}" if change > 0 else f"−{-change}"


def strip_title(progress: Progress) -> str:
    """The finding of the lights: how many are red and yellow, and whether that is more than before."""
    strip = progress.strip
    if strip.n == 0:
        return _("No pilot is recorded")
    if strip.now[Colour.GREY] == strip.n:
        return _("No pilot can be rated yet: no value for %(year)d is accepted") % {
            "year": metrics.year_due(progress.as_of)
        }
    text = ngettext(
        "%(red)d red and %(yellow)d yellow of %(n)d pilot",
        "%(red)d red and %(yellow)d yellow of %(n)d pilots",
        strip.n,
    ) % {"red": strip.now[Colour.RED], "yellow": strip.now[Colour.YELLOW], "n": strip.n}
    change = strip.change(Colour.RED)
    if change > 0:
        more = ngettext("%(n)d red more than a quarter ago", "%(n)d red more than a quarter ago", change)
    elif change < 0:
        more = ngettext("%(n)d red fewer than a quarter ago", "%(n)d red fewer than a quarter ago", -change)
    else:
        more = _("as many red as a quarter ago")
    return clauses([text, more % {"n": abs(change)} if change else more])


def lights_table(progress: Progress, everything: str = "") -> Table:
    """Every pilot with its stage and its light, worst first, and in one sentence why.

    `everything` is the address of the list that shows all of them.
    """
    columns = [
        Column("pilot", _("Pilot")),
        Column("kind", _("Kind")),
        Column("stage", _("Stage")),
        Column("days", _("Days in stage"), "integer"),
        Column("light", _("Light")),
        Column("why", _("Why")),
        Column("owner", _("Responsible")),
        Column("reported", _("Reported for %(year)d") % {"year": metrics.year_due(progress.as_of)}, "flag"),
    ]
    worst = sorted(progress.pilots, key=lambda item: (list(Colour).index(item.colour), item.pilot.pk))
    names = names_in(progress)
    return Table(columns, Lines(worst, lambda item: lights_cells(item, names)), everything)


def lights_cells(item: PilotStatus, names: Mapping[int, str]) -> list[Cell]:
    return [
        pilot_cell(item.pilot, names),
        Cell(item.pilot.get_kind_display()),
        Cell(stage_word(item)),
        Cell(time_in_stage(item)),
        colour_cell(item.colour),
        Cell(why(item)),
        Cell(owner(item)),
        Cell(item.reported),
    ]


# -- milestones ----------------------------------------------------------------------------------------


def milestones_chart(status: PilotStatus, sources: Sequence[Source]) -> Chart:
    """Planned and actual days on one time axis, in the order of the plan."""
    items = sorted(status.milestones, key=lambda item: (item.milestone.planned_on, item.milestone.pk))
    days = [d for item in items for d in (item.milestone.planned_on, done_on(item)) if d]
    return Chart(
        slug="milestones",
        kind="timeline",
        title=milestones_title(status),
        subtitle=_("Planned and actual days of %(n)d milestones, as of %(day)s")
        % {"n": len(items), "day": day(status.as_of)},
        table=milestones_table(status),
        data={
            "rows": [milestone_row(item, status.as_of) for item in items],
            "start": min([*days, status.as_of]).isoformat(),
            "end": max([*days, status.as_of]).isoformat(),
            "today": status.as_of.isoformat(),
            "labels": {"today": day(status.as_of), "planned": _("planned"), "actual": _("done")},
            "legend": [
                {"key": "dot latest", "label": _("planned")},
                {"key": "dot certain", "label": _("done")},
                {"key": "bar blue", "label": _("done late")},
                {"key": "bar yellow", "label": _("overdue by up to 90 days")},
                {"key": "bar red", "label": _("overdue by more than 90 days")},
            ],
        },
        sources=sources,
        api=f"{reverse('api-milestone-list')}?{urlencode({'pilot': status.pilot.slug})}",
    )


def done_on(item: MilestoneStatus) -> date | None:
    """The day it was done, as far as it had been by the day shown."""
    return item.milestone.completed_on if item.done else None


def milestones_title(status: PilotStatus) -> str:
    counts = status.counts
    text = ngettext(
        "%(done)d of %(due)d milestone due is done", "%(done)d of %(due)d milestones due are done", counts.due
    ) % {"done": counts.due - counts.late, "due": counts.due}
    late = max((i.light.delay or 0 for i in status.milestones if i.due and not i.done), default=0)
    if not late:
        return text
    return clauses([text, _("the longest overdue by %(days)s") % {"days": days_text(late)}])


def milestone_row(item: MilestoneStatus, as_of: date) -> dict[str, Any]:
    """One line of the timeline; `until` is where a delay ends: the day it was done, or now."""
    actual = done_on(item)
    late = (item.light.delay or 0) > 0
    return {
        "label": item.milestone.name,
        "key": item.milestone.is_key,
        "planned": item.milestone.planned_on.isoformat(),
        "actual": actual.isoformat() if actual else None,
        "until": (actual or as_of).isoformat() if late else None,
        "tag": item.light.colour.value,
        "text": milestone_word(item),
    }


def milestone_word(item: MilestoneStatus) -> str:
    """Where a milestone stands, with how late it is or was."""
    delay = item.light.delay or 0
    word = str(item.light.why.label)
    if item.light.why in (Why.OVERDUE, Why.LONG_OVERDUE):
        return _("%(days)s overdue") % {"days": days_text(delay)}
    if item.light.why == Why.DONE_LATE:
        return _("done %(days)s late") % {"days": days_text(delay)}
    return word


def milestones_table(status: PilotStatus, *, anchors: bool = False) -> Table:
    """The milestones in the order of the plan; links lead to a row where it carries its anchor (once a page)."""
    changes = {item.pk: change_of_plan(item) for item in status.replanned if item.model is Milestone}
    columns = [
        Column("milestone", _("Milestone")),
        Column("light", _("Light")),
        Column("planned_on", _("Planned"), "date"),
        *([Column("replanned", _("Changed since"))] if changes else []),
        Column("completed_on", _("Done"), "date"),
        Column("delay", _("Days late"), "integer"),
        Column("owner", _("Responsible")),
        Column("facet", _("Facet")),
        Column("key", _("Key milestone"), "flag"),
        Column("evidence", _("Evidence")),
    ]
    items = sorted(status.milestones, key=lambda item: (item.milestone.planned_on, item.milestone.pk))
    return Table(columns, [milestone_cells(item, changes, anchors) for item in items])


def milestone_cells(item: MilestoneStatus, changes: Mapping[int, str], anchors: bool) -> list[Cell]:
    """A milestone's row; `changes` say of which of the pilot's milestones the plan was changed, and how."""
    milestone, delay = item.milestone, item.light.delay
    return [
        Cell(milestone.name, lang=milestone.name_lang, anchor=f"milestone-{milestone.pk}" if anchors else ""),
        Cell(labelled(item.light.colour.label, milestone_word(item)), tag=item.light.colour.value),
        Cell(milestone.planned_on),
        *([Cell(changes.get(milestone.pk, ""))] if changes else []),
        Cell(done_on(item) or ""),
        Cell(delay if delay is not None and delay > 0 else ""),
        Cell(milestone.owner or office_of(milestone.pilot)),
        Cell(milestone.get_facet_display()),
        Cell(milestone.is_key),
        Cell(milestone.evidence if item.done else ""),
    ]


# -- indicators ----------------------------------------------------------------------------------------


def indicator_finding(item: IndicatorStatus) -> str:
    """One sentence on one target: what is and what was to be."""
    text, light = indicator_text(item), item.light
    if light.actual is None or light.expected is None or light.colour != Colour.GREEN:
        return text
    return clauses([text, _("expected %(expected)s, actual %(actual)s") % levels(item)])


def trend_chart(status: PilotStatus, item: IndicatorStatus, sources: Sequence[Source]) -> Chart:
    """The yearly values of an indicator against the way to its target; quarters have a chart of their own."""
    target, indicator = item.target, item.target.indicator
    readings = [reading for reading in readings_of(status, item) if is_year(reading)]
    points = [reading_point(reading, indicator.unit_text, status.as_of) for reading in readings]
    path, expected, base = path_points(item), expected_point(item), base_point(item)
    marks = [mark for mark in (*points, *path, expected, base) if mark]
    bound = bound_of(item)
    axis = axis_of([*(mark["y"] for mark in marks), *([] if bound is None else [bound])])
    return Chart(
        slug=f"trend-{slug_of(item)}",
        kind="trend",
        title=indicator_finding(item),
        subtitle=trend_scope(status, item, readings),
        table=trend_table(item, readings, status.as_of),
        data={
            "points": points,
            "path": path,
            "bound": bound,
            "expected": expected,
            "base": base,
            "axis": axis,
            "light": {"tag": item.light.colour.value, "label": str(item.light.colour.label)},
            "labels": {
                "path": _("way to the target") if path else bound_label(item),
                "expected": _("expected"),
                "actual": _("accepted"),
                "open": _("not accepted"),
                "target": labelled(_("target"), amount(target.target_value)) if target.target_value else "",
                "last": next((amount(r.value) for r in reversed(readings) if counts(r, status.as_of)), ""),
            },
            "legend": [
                {"key": "dot certain", "label": _("accepted")},
                {"key": "dot latest", "label": _("not accepted")},
                {"key": "line dashed", "label": _("way to the target") if path else bound_label(item)},
                *([{"key": "diamond", "label": _("expected")}] if expected else []),
            ],
        },
        sources=sources,
        note=sentences(landing_note(item), axis_note(axis)),
        api=f"{reverse('api-trend')}?{urlencode({'indicator': item.code, 'pilot': status.pilot.slug})}",
    )


def slug_of(item: IndicatorStatus) -> str:
    """The indicator's code as part of an address."""
    return item.code.lower().replace("_", "-")


STEPS_OF_AXIS = 4


def axis_of(values: Sequence[float]) -> dict[str, float]:
    """Where the axis of values begins and ends, in round steps, with some air; at 0 where that costs little room."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    air = (high - low) * 0.18 or abs(high) * 0.1 or 1.0
    low, high = (0.0 if low < high * 0.3 else low - air), high + air
    rough = (high - low) / STEPS_OF_AXIS
    scale: float = 10.0 ** floor(log10(rough))
    step = scale * next(factor for factor in (1, 2, 2.5, 5, 10) if rough <= factor * scale * (1 + 1e-9))
    begin, end = floor(low / step) * step, ceil(high / step) * step
    return {"min": round(max(begin, 0.0), 6), "max": round(end, 6), "step": round(step, 6)}


def axis_note(axis: dict[str, float]) -> str:
    """That the axis does not begin at 0, where it does not: a small change then looks large."""
    if axis["min"] == 0:
        return ""
    return _("The vertical axis begins at %(value)s, not at 0.") % {"value": amount(Decimal(str(axis["min"])))}


def bound_label(item: IndicatorStatus) -> str:
    if item.target.kind == TargetKind.KEEP:
        return _("base, not to be passed")
    return _("limit") if item.target.kind == TargetKind.LIMIT else _("target")


def bound_of(item: IndicatorStatus) -> float | None:
    """The level line of a target that has no path: a limit, a base to keep, or a target without a base."""
    target = item.target
    if path_points(item):
        return None
    value = target.base_value if target.kind == TargetKind.KEEP else target.target_value
    return None if value is None else float(value)


def path_points(item: IndicatorStatus) -> list[dict[str, float]]:
    """The way from base to target through its steps; none where the target is a limit, or its base is not known."""
    target = item.target
    if target.kind != TargetKind.REACH or target.base_year is None or None in (target.base_value, target.target_value):
        return []
    inside = [(s.year, s.value) for s in brought(target, "steps") if target.base_year < s.year < target.target_year]
    ends = [(target.base_year, target.base_value), *inside, (target.target_year, target.target_value)]
    return [{"x": year, "y": float(value)} for year, value in ends if value is not None]


def expected_point(item: IndicatorStatus) -> dict[str, Any] | None:
    """What was due in the year that the light speaks of."""
    if item.light.expected is None or item.target.kind != TargetKind.REACH or not path_points(item):
        return None
    text = labelled(_("expected"), f"{amount(item.light.expected)} {item.target.indicator.unit_text}")
    return {"x": min(item.year, item.target.target_year), "y": float(item.light.expected), "text": text}


def base_point(item: IndicatorStatus) -> dict[str, Any] | None:
    target = item.target
    if target.base_year is None or target.base_value is None:
        return None
    text = labelled(_("base"), f"{amount(target.base_value)} {target.indicator.unit_text}")
    return {"x": target.base_year, "y": float(target.base_value), "text": text}


def readings_of(status: PilotStatus, item: IndicatorStatus) -> list[Reading]:
    """The newest version of each period that was on record by the day, and the accepted one where that is older."""
    own = [r for r in brought(status.pilot, "readings") if r.indicator_id == item.target.indicator_id]
    chosen = [*newest_accepted_of(own, status.as_of), *newest_reported_of(own, status.as_of)]
    return sorted(dict.fromkeys(chosen), key=lambda reading: (reading.period, reading.version))


def is_year(reading: Reading) -> bool:
    """Whether a reading is of a whole year; the others are of a quarter."""
    return "-" not in reading.period


def counts(reading: Reading, as_of: date) -> bool:
    """Whether one of `readings_of` feeds the numbers of the day."""
    return reading.state == ReadingState.ACCEPTED and bool(reading.accepted_on and reading.accepted_on <= as_of)


def state_then(reading: Reading, as_of: date) -> str:
    """The state of a reading on a day: what was accepted later was only reported."""
    waiting = reading.state == ReadingState.ACCEPTED and not counts(reading, as_of)
    return str(ReadingState.REPORTED.label if waiting else reading.get_state_display())


def reading_point(reading: Reading, unit: str, as_of: date) -> dict[str, Any]:
    words = [reading.get_value_status_display(), state_then(reading, as_of)]
    return {
        "x": int(reading.period),
        "y": float(reading.value),
        "accepted": counts(reading, as_of),
        "label": reading.period,
        "text": f"{amount(reading.value)} {unit} · {' · '.join(map(str, words))}",
    }


def trend_scope(status: PilotStatus, item: IndicatorStatus, readings: Sequence[Reading]) -> str:
    """What is drawn: how many values, of which accepted, the target and the day."""
    accepted = sum(counts(reading, status.as_of) for reading in readings)
    target = item.target
    binding = _("binding") if target.binding else _("expected (not binding)")
    return _("%(unit)s · %(binding)s · target for %(year)d · %(accepted)d of %(n)d values accepted, as of %(day)s") % {
        "unit": target.indicator.unit_text,
        "binding": binding,
        "year": target.target_year,
        "accepted": accepted,
        "n": len(readings),
        "day": day(status.as_of),
    }


def landing_note(item: IndicatorStatus) -> str:
    """Where the value would end at the present pace: a convention, never a forecast."""
    if item.landing is None:
        return ""
    return _(
        "At the present pace it would stand at %(value)s %(unit)s in %(year)d (a straight line, not a forecast)."
    ) % {
        "value": amount(item.landing),
        "unit": item.target.indicator.unit_text,
        "year": item.target.target_year,
    }


def trend_table(item: IndicatorStatus, readings: Sequence[Reading], as_of: date) -> Table:
    columns = [
        Column("period", _("Period")),
        Column("value", _("Value"), "decimal"),
        Column("unit", _("Unit")),
        Column("status", _("Value status")),
        Column("state", _("State")),
        Column("version", _("Version"), "integer"),
        Column("reported_on", _("Reported"), "date"),
        Column("accepted_on", _("Accepted"), "date"),
    ]
    unit = item.target.indicator.unit_text
    rows = [
        [
            Cell(reading.period),
            Cell(settled(reading.value)),
            Cell(unit),
            Cell(reading.get_value_status_display()),
            Cell(state_then(reading, as_of), tag="green" if counts(reading, as_of) else "yellow"),
            Cell(reading.version),
            Cell(reading.reported_on),
            Cell(reading.accepted_on if counts(reading, as_of) else ""),
        ]
        for reading in readings
    ]
    return Table(columns, rows)


def indicators_table(status: PilotStatus) -> Table:
    """Every target of a pilot with what its light was decided on: the light and why first."""
    columns = [
        Column("indicator", _("Indicator")),
        Column("light", _("Light")),
        Column("why", _("Why")),
        Column("year", _("Year")),
        Column("actual", _("Actual"), "decimal"),
        Column("expected", _("Expected"), "decimal"),
        Column("shortfall", _("Missing, or over the limit"), "share"),
        Column("progress", _("Progress"), "share"),
        Column("target_year", _("Target year")),
        Column("target", _("Target"), "decimal"),
        Column("base_year", _("Base year")),
        Column("base", _("Base"), "decimal"),
        Column("unit", _("Unit")),
        Column("binding", _("Binding"), "flag"),
    ]
    changes = {item.pk: change_of_plan(item) for item in status.replanned if item.model is Target}
    return Table(columns, [indicator_cells(item, changes.get(item.target.pk, "")) for item in status.indicators])


def indicator_cells(item: IndicatorStatus, change: str) -> list[Cell]:
    """A target's row, with how it was changed since it was entered.

    A target in words has none of the numbers, and says its words where the others say why.
    """
    target, indicator, light = item.target, item.target.indicator, item.light
    text, reach = target.kind == TargetKind.TEXT, target.kind == TargetKind.REACH
    anchor = f"indicator-{item.code}"  # a target in words has no chart to lead to: its row carries the anchor
    url, own = ("", anchor) if text else (f"#{anchor}", "")
    actual, expected, aim, base = in_row(light.actual, light.expected, aim_of(item), target.base_value)
    has_base = target.base_value is not None or reach or target.kind == TargetKind.KEEP
    said = labelled(target.target_text, light.why.label) if text else str(light.why.label)
    return [
        Cell(indicator.name, url=url, lang=indicator.name_lang, anchor=own),
        colour_cell(light.colour),
        Cell(told_with(said, change)),
        Cell("" if text else str(item.year) if item.reading else None),
        Cell("" if text else actual),
        Cell("" if text else expected),
        Cell("" if text else light.shortfall, said=_("none") if is_negative(light.shortfall) else ""),
        Cell(light.progress if reach else "", said=_("wrong way") if reach and is_negative(light.progress) else ""),
        Cell(str(target.target_year)),
        Cell("" if text else aim),
        Cell(str(target.base_year) if target.base_year else None if has_base else ""),
        Cell(base if has_base else ""),
        Cell("" if text else indicator.unit_text),
        Cell(target.binding),
    ]


def is_negative(part: Decimal | None) -> bool:
    """Whether a page has a word for it: nothing is missing where there is more than is due, no progress is negative."""
    return part is not None and part < 0


def aim_of(item: IndicatorStatus) -> Decimal | None:
    """The value that a target asks for; of what is to be kept, its base."""
    target = item.target
    return target.base_value if target.kind == TargetKind.KEEP and target.target_value is None else target.target_value


MOST_DECIMALS = 6


def in_row(
    actual: Decimal | None, expected: Decimal | None, aim: Decimal | None, base: Decimal | None
) -> list[Decimal | None]:
    """These values of one target with as many decimals as were entered for it; what was computed is cut to as many.

    There are more decimals where the sentence about the two has more, and where the expected value would else read the
    same as the actual one and is not.
    """
    places = max((decimals(value) for value in (actual, aim, base) if value is not None), default=2)
    if actual is not None and expected is not None and actual != expected:
        places = max(places, places_of([actual, expected]))
        while places < MOST_DECIMALS and round(actual, places) == round(expected, places):
            places += 1
    return [None if value is None else round(value, places) for value in (actual, expected, aim, base)]


def decimals(value: Decimal) -> int:
    """The decimals of a value without idle zeros."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


# -- evidence ------------------------------------------------------------------------------------------


def evidence_table(status: PilotStatus) -> Table:
    """What each fact of the pilot rests on: its document, how sure it is, and where it was read."""
    columns = [
        Column("what", _("What")),
        Column("kind", _("Kind")),
        Column("on", _("Day"), "date"),
        Column("evidence", _("Evidence")),
        Column("confidence", _("Confidence")),
        Column("source", _("Source")),
    ]
    as_of = status.as_of
    rows = [
        evidence_cells(Stage(item.stage).label, _("stage"), item.entered_on, item.evidence, item)
        for item in brought(status.pilot, "stages")
        if item.entered_on and item.entered_on <= as_of
    ]
    rows += [
        evidence_cells(item.milestone.name, _("milestone"), done_on(item), item.milestone.evidence, item.milestone)
        for item in status.milestones
    ]
    rows += [
        evidence_cells(item.target.indicator.name, _("target"), None, "", item.target) for item in status.indicators
    ]
    rows += [
        evidence_cells(f"{item.indicator.name} {item.period}", _("value"), item.reported_on, "", item)
        for item in brought(status.pilot, "readings")
        if item.reported_on <= as_of
    ]
    return Table(columns, rows)


CONFIDENCE_TAGS = {"official": "green", "media": "blue", "inferred": "yellow"}


def evidence_cells(what: object, kind: str, on: date | None, evidence: str, record: Any) -> list[Cell]:
    source = next(iter(record.sources.all()), None)
    return [
        Cell(str(what)),
        Cell(kind),
        Cell(on or ""),
        Cell(evidence),
        Cell(record.get_confidence_display(), tag=CONFIDENCE_TAGS[record.confidence]),
        Cell(source.title, url=source.url, lang=lang_of(source.title)) if source else Cell(None),
    ]
