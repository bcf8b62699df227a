"""How far pilots have come, and how long it took them, as chart frames and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from math import floor
from statistics import median
from typing import Any, overload

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column, Lines, Table
from config.templatetags.site import days as days_text
from config.templatetags.site import share as share_text
from config.words import clauses, labelled, listed, sentences
from pilots.charts.addresses import pilots_url, progress_api
from pilots.charts.names import names_in, pilot_cell
from pilots.charts.places import recorded_pilots
from pilots.cohorts import Cohort, Cohorts, StageTime, Stay, is_long, stage_times
from pilots.metrics import ORDERED, Funnel, Stage
from pilots.models import PilotKind, StageEntry
from pilots.progress import UNKNOWN, PilotStatus, Progress, brought, withdrawn
from policies.charts import day
from policies.metrics import share
from policies.models import Region, Source

MOST_DOTS = 300  # of a strip: more cannot be told apart, and each weighs on the page
DRAWN_FROM = 5  # plans on record, from which their days are drawn and a median told; fewer stand by name
MOST_NAMES = 24  # of pilots without a plan; all are in the table
SPANS = 40  # into which the days are cut where there are more

# -- one pilot -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StageMark:
    """One dot of the stage track. `state` is done, now, skipped, unknown (before the first on record) or ahead."""

    stage: Stage
    label: str
    state: str
    state_label: str
    on: date | None
    planned: date | None
    reason: str
    evidence: str


STATE_LABELS = {
    "done": lambda: _("done"),
    "now": lambda: _("now"),
    "skipped": lambda: _("day not on record"),
    "unknown": lambda: _("not on record"),
    "ahead": lambda: _("to come"),
}


def stage_track(status: PilotStatus) -> list[StageMark]:
    """The ten stages of a pilot on the day, each with its day, or with why it has none."""
    rows = [entry for entry in brought(status.pilot, "stages") if not Stage(entry.stage).is_side]
    entered = sorted((e for e in rows if happened(e, status.as_of)), key=lambda e: (e.entered_on, Stage(e.stage).order))
    first = min((Stage(entry.stage).order for entry in entered), default=11)
    reached = max((Stage(entry.stage).order for entry in entered), default=0)
    reasons = reasons_of_gaps(rows, entered)
    marks = []
    for stage in ORDERED:
        own = [entry for entry in entered if entry.stage == stage]
        planned = next((e.planned_on for e in rows if e.stage == stage and e.planned_on), None)
        state = state_of(stage, bool(own), first, reached)
        marks.append(
            StageMark(
                stage=stage,
                label=str(stage.label),
                state=state,
                state_label=STATE_LABELS[state](),
                on=own[0].entered_on if own else None,
                planned=planned if not own else None,
                reason=reasons.get(stage, "") if state in ("skipped", "unknown") else "",
                evidence=own[0].evidence if own else "",
            )
        )
    return marks


def reasons_of_gaps(rows: Sequence[StageEntry], entered: Sequence[StageEntry]) -> dict[Stage, str]:
    """Why stages have no day, stage by stage.

    The reason of an entry is about the stages between it and the furthest one before it, and about no others. A stage
    that has an entry of its own, planned and never entered, says its own reason there.
    """
    found: dict[Stage, str] = {}
    reached = 0
    for entry in entered:
        order = Stage(entry.stage).order
        if order > reached and not Stage(entry.stage).is_side:
            found |= dict.fromkeys(ORDERED[reached : order - 1], entry.reason)
            reached = order
    return found | {Stage(row.stage): row.reason for row in rows if row.reason and not row.entered_on}


def track_notes(marks: Sequence[StageMark]) -> list[dict[str, str]]:
    """Why stages have no day, once for all stages of the same reason."""
    reasons = dict.fromkeys(mark.reason for mark in marks if mark.reason)
    return [
        {"reason": reason, "stages": labelled(listed(mark.label for mark in marks if mark.reason == reason), "")}
        for reason in reasons
    ]


def happened(entry: StageEntry, as_of: date) -> bool:
    return entry.entered_on is not None and entry.entered_on <= as_of


def state_of(stage: Stage, entered: bool, first: int, reached: int) -> str:
    if entered:
        return "now" if stage.order == reached else "done"
    if stage.order < first and reached:
        return "unknown"
    return "skipped" if stage.order < reached else "ahead"


def stage_word(status: PilotStatus) -> str | None:
    """The stage a pilot stands in; None when none is on record."""
    return str(status.position.stage.label) if status.position else None


def entered_on(status: PilotStatus, stage: Stage) -> date | None:
    """The day on which a stage was first entered, as far as had happened."""
    found = [e.entered_on for e in brought(status.pilot, "stages") if e.stage == stage and happened(e, status.as_of)]
    return min((on for on in found if on), default=None)


# -- the funnel ----------------------------------------------------------------------------------------


def funnel_chart(progress: Progress, scope: str, sources: Sequence[Source], **filters: str) -> Chart:
    """Pilots now standing at each stage: one colour a kind, and one for those that stand there longer than usual.

    How many are at or past the stage stands beside each bar. `scope` says which pilots; `filters` lead to their list.
    """
    kinds, whole, standing = kinds_of(progress), progress.funnel(), standing_in(progress)
    rows = [funnel_row(stage, whole, standing, filters) for stage in stages_shown(standing)]
    if whole.unknown:
        rows.append(FunnelRow(UNKNOWN, _("Not on record"), whole.unknown, None, pilots_url(**filters, stage=UNKNOWN)))
    stays = standing_by_kind(progress)
    return Chart(
        slug="funnel",
        kind="funnel",
        title=funnel_title(whole, standing),
        subtitle=funnel_scope(
            whole, scope, progress.as_of, sum(n for (_stage, part), n in stays.items() if part == LONG)
        ),
        table=funnel_table(whole, rows, stays, kinds, filters),
        data={
            "bars": [funnel_bar(row, stays, kinds) for row in rows],
            "series": [*(str(kind.label) for kind in kinds), _("longer than usual")],
            "stacked": True,
            "max": max((row.standing for row in rows), default=0),
            "labels": {"value": _("pilots now at the stage")},
            "legend": [
                {"key": f"swatch {key}", "label": label}
                for key, label in [
                    *((f"series{n}", str(kind.label)) for n, kind in enumerate(kinds)),
                    ("second", _("longer there than nine in ten of those who have moved on")),
                ]
            ],
        },
        sources=sources,
        note=_(
            "Reached: at or past the stage, also where the day of that stage was never published. "
            "Whether a stay is long is judged only where five or more pilots have moved on. "
            "A pilot that has withdrawn is not counted."
        ),
        api=progress_api(filters),
    )


LONG = "long"


@dataclass(frozen=True)
class FunnelRow:
    """A stage, how many stand there now and how many are at or past it; a side state has nothing past it."""

    code: str
    label: str
    standing: int
    reached: int | None
    url: str


def stages_shown(standing: Mapping[Stage, int]) -> list[Stage]:
    """The ten stages, and rectifying where a pilot does so."""
    return [*ORDERED, *([Stage.RECTIFYING] if standing[Stage.RECTIFYING] else [])]


def funnel_row(stage: Stage, whole: Funnel, standing: Mapping[Stage, int], filters: dict[str, str]) -> FunnelRow:
    return FunnelRow(
        code=stage.value,
        label=str(stage.label),
        standing=standing[stage],
        reached=None if stage.is_side else whole.reached[stage],
        url=pilots_url(**filters, stage=stage.value) if standing[stage] else "",
    )


def standing_by_kind(progress: Progress) -> Counter[tuple[str, str]]:
    """How many stand at each stage, by kind; under LONG those of any kind that stand there for long."""
    times = {time.stage: time for time in stage_times(progress)}
    found: Counter[tuple[str, str]] = Counter()
    for status in progress.pilots:
        if not withdrawn(status):
            stage = status.position.stage.value if status.position else UNKNOWN
            found[stage, LONG if is_long(status, times) else status.pilot.kind] += 1
    return found


def kinds_of(progress: Progress) -> list[PilotKind]:
    """The kinds that occur among the pilots, in their own order."""
    found = {status.pilot.kind for status in progress.pilots}
    return [kind for kind in PilotKind if kind.value in found]


def standing_in(progress: Progress) -> Counter[Stage]:
    """How many pilots stand in each stage now; withdrawn ones stand nowhere."""
    return Counter(s.position.stage for s in progress.pilots if s.position and not withdrawn(s))


def funnel_title(funnel: Funnel, standing: Counter[Stage]) -> str:
    """Where most pilots stand, and how many have no plan yet."""
    if not standing:
        return _("No stage of any pilot is on record")
    stage, most = max(standing.items(), key=lambda item: (item[1], item[0].order))
    without = funnel.n - funnel.reached[Stage.PLAN_ISSUED]
    text = ngettext(
        "%(most)d of %(n)d pilot stands at “%(stage)s”", "%(most)d of %(n)d pilots stand at “%(stage)s”", funnel.n
    ) % {"most": most, "n": funnel.n, "stage": stage.label}
    if not without:
        return text + _("; all have issued their plan")
    return text + ngettext("; %(n)d has no plan on record", "; %(n)d have no plan on record", without) % {"n": without}


def funnel_scope(funnel: Funnel, scope: str, as_of: date, long: int = 0) -> str:
    parts = [_("%(scope)s, as of %(day)s") % {"scope": scope, "day": day(as_of)}]
    if long:
        text = ngettext("%(n)d there longer than usual", "%(n)d there longer than usual", long)
        parts.append(text % {"n": long})
    if funnel.unknown:
        text = ngettext("%(n)d without any stage on record", "%(n)d without any stage on record", funnel.unknown)
        parts.append(text % {"n": funnel.unknown})
    if funnel.withdrawn:
        text = ngettext("%(n)d withdrawn and left out", "%(n)d withdrawn and left out", funnel.withdrawn)
        parts.append(text % {"n": funnel.withdrawn})
    return " · ".join(parts)


def of_all(count: int, n: int) -> str:
    return _("%(count)d of %(n)d") % {"count": count, "n": n}


def funnel_bar(row: FunnelRow, stays: Mapping[tuple[str, str], int], kinds: Sequence[PilotKind]) -> dict[str, Any]:
    text = str(row.standing)
    if row.reached is not None:
        text = _("%(standing)d · %(reached)d reached") % {"standing": row.standing, "reached": row.reached}
    return {
        "label": row.label,
        "parts": [stays[row.code, part] for part in (*(kind.value for kind in kinds), LONG)],
        "text": text,
        "url": row.url,
    }


def funnel_table(
    whole: Funnel,
    rows: Sequence[FunnelRow],
    stays: Mapping[tuple[str, str], int],
    kinds: Sequence[PilotKind],
    filters: dict[str, str],
) -> Table:
    """The ten stages and, where there are any, those that rectify and those whose stage is not known."""
    columns = [
        Column("stage", _("Stage")),
        Column("standing", _("Standing there now"), "integer"),
        *[Column(kind.value, str(kind.label).capitalize(), "integer") for kind in kinds],
        Column("long", _("Longer than usual"), "integer"),
        Column("reached", _("At or past"), "integer"),
        Column("n", _("of"), "integer"),
        Column("share", _("Share"), "share"),
    ]
    lines = [
        [
            Cell(row.label, url=row.url),
            Cell(row.standing),
            *[Cell(stays[row.code, kind.value]) for kind in kinds],
            Cell(stays[row.code, LONG]),
            Cell("" if row.reached is None else row.reached, url=reached_url(row, filters)),
            Cell(whole.n),
            Cell("" if row.reached is None else share(row.reached, whole.n)),
        ]
        for row in rows
    ]
    return Table(columns, lines)


def reached_url(row: FunnelRow, filters: dict[str, str]) -> str:
    return pilots_url(**filters, reached=row.code) if row.reached else ""


def longest_table(progress: Progress, most: int = 5) -> Table:
    """Who has stood in one stage for longest, beside what nine in ten of those who left that stage needed."""
    times = {time.stage: time for time in stage_times(progress)}
    columns = [
        Column("pilot", _("Pilot")),
        Column("stage", _("Stage")),
        Column("days", _("Days in stage"), "integer"),
        Column("usual", _("Nine in ten left within"), "days"),
        Column("since", _("Since"), "date"),
    ]
    names = names_in(progress)
    return Table(columns, [longest_cells(item, times, names) for item in progress.longest_in_stage[:most]])


def longest_cells(item: PilotStatus, times: Mapping[Stage, StageTime], names: Mapping[int, str]) -> list[Cell]:
    time = times.get(item.position.stage) if item.position else None
    return [
        pilot_cell(item.pilot, names),
        Cell(stage_word(item)),
        Cell(item.days_in_stage, tag="yellow" if is_long(item, times) else ""),
        Cell(time.long_after if time else None),
        Cell(item.position.since if item.position else None),
    ]


# -- from the list to the plan -------------------------------------------------------------------------


def plan_lag_chart(
    progress: Progress, scope: str, sources: Sequence[Source], *, by: str = "kind", **filters: str
) -> Chart:
    """Days from the list to the plan, a dot a pilot; those without one on record by name. Lanes by kind or region."""
    lanes, names = plan_lanes(progress, by), names_in(progress)
    timed = [item for item in progress.pilots if item.list_to_plan is not None]
    done = sorted(item.list_to_plan.days for item in timed if item.list_to_plan and item.list_to_plan.done)
    waiting = sorted(item.list_to_plan.days for item in timed if item.list_to_plan and not item.list_to_plan.done)
    drawn = issued(progress) if len(done) >= DRAWN_FROM else []
    middle = median(done) if drawn else None
    unknown = len(progress.pilots) - len(timed)
    return Chart(
        slug="plan-lag",
        kind="strip",
        title=plan_lag_title(done, waiting, middle),
        subtitle=plan_lag_scope(len(done), len(waiting), unknown, scope, progress.as_of),
        table=plan_lag_table(progress),
        data={
            "lanes": [label for _code, label in lanes],
            "points": gathered([plan_lag_point(item, lane_of(item, lanes, by), names) for item in drawn]),
            "names": plan_names(progress, names),
            "median": whole_days(middle),
            "labels": {
                "x": _("days after the list"),
                "certain": _("plan issued"),
                "latest": "",
                "median": _("median %(days)s") % {"days": days_text(whole_days(middle))} if middle is not None else "",
            },
        },
        sources=sources,
        note=sentences(plan_note(bool(drawn)), gathered_note(len(done))),
        api=progress_api(filters),
    )


def plan_note(drawn: bool) -> str:
    """What the title counts; the median is told only where the days are drawn."""
    counts = _("The median counts only plans on record.") if drawn else ""
    return sentences(counts, _("A plan that is not on record may have been issued all the same."))


def issued(progress: Progress) -> list[PilotStatus]:
    """The pilots whose days from the list to the plan are known, the quickest first."""
    found = [item for item in progress.pilots if item.list_to_plan is not None and item.list_to_plan.done]
    return sorted(found, key=lambda item: (span_days(item), item.pilot.pk))


def waiting_for_plan(progress: Progress) -> list[PilotStatus]:
    """The pilots without a plan on record, those that were listed longest ago first."""
    found = [item for item in progress.pilots if item.list_to_plan is not None and not item.list_to_plan.done]
    return sorted(found, key=lambda item: (-span_days(item), item.pilot.pk))


def plan_names(progress: Progress, names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Who has no plan on record, by name with the days since the list; also who has one where these are few."""
    few = issued(progress)
    groups = [(_("Plan on record: days from the list"), few if len(few) < DRAWN_FROM else [])]
    groups.append((_("No plan on record: days since the list"), waiting_for_plan(progress)))
    return [named_group(title, found, names) for title, found in groups if found]


def named_group(title: str, found: Sequence[PilotStatus], names: Mapping[int, str]) -> dict[str, Any]:
    """Pilots by name with their days; beyond the first few they are counted."""
    rest = len(found) - MOST_NAMES
    return {
        "title": title,
        "rows": [
            {
                "label": names[item.pilot.pk],
                "url": item.pilot.get_absolute_url(),
                "text": days_text(span_days(item)),
            }
            for item in found[:MOST_NAMES]
        ],
        "rest": ngettext("%(n)d more in the table", "%(n)d more in the table", rest) % {"n": rest} if rest > 0 else "",
    }


def plan_lanes(progress: Progress, by: str) -> list[tuple[str, str]]:
    """(code, label) of the lanes that have a pilot."""
    if by == "region":
        used = {item.pilot.province.region for item in progress.pilots}
        return [(region.value, str(region.label)) for region in Region if region.value in used]
    return [(kind.value, str(kind.label).capitalize()) for kind in kinds_of(progress)]


def lane_of(item: PilotStatus, lanes: Sequence[tuple[str, str]], by: str) -> int:
    code = item.pilot.province.region if by == "region" else item.pilot.kind
    return [lane for lane, _label in lanes].index(code)


def plan_lag_point(item: PilotStatus, lane: int, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "lane": lane,
        "label": names[item.pilot.pk],
        "url": item.pilot.get_absolute_url(),
        "days": span_days(item),
        "from": None,
        "certain": True,
        "text": days_text(span_days(item)),
    }


def plan_lag_title(done: Sequence[int], waiting: Sequence[int], middle: float | None) -> str:
    """How long half of the plans took, and how many pilots have none on record, which is not "none issued"."""
    if not done and not waiting:
        return _("No pilot’s days from the list to the plan are known")
    if not done:
        text = ngettext(
            "%(n)d pilot has no plan on record, %(days)s since the list",
            "%(n)d pilots have no plan on record, the longest %(days)s since the list",
            len(waiting),
        )
        return text % {"n": len(waiting), "days": days_text(waiting[-1])}
    if middle is None:
        text = ngettext(
            "%(n)d of %(all)d pilots has a plan on record, %(days)s after the list",
            "%(n)d of %(all)d pilots have a plan on record, the latest %(days)s after the list",
            len(done),
        ) % {"n": len(done), "all": len(done) + len(waiting), "days": days_text(done[-1])}
    else:
        text = _("Half of the plans on record came within %(days)s of the list") % {
            "days": days_text(whole_days(middle))
        }
    if not waiting:
        return text
    rest = ngettext(
        "; %(n)d pilot has none on record, %(days)s since the list",
        "; %(n)d have none on record, up to %(days)s since the list",
        len(waiting),
    )
    return text + rest % {"n": len(waiting), "days": days_text(waiting[-1])}


@overload
def whole_days(middle: None) -> None: ...


@overload
def whole_days(middle: float) -> int: ...


def whole_days(middle: float | None) -> int | None:
    """A median as whole days, a half rounded up."""
    return None if middle is None else floor(middle + 0.5)


def plan_lag_scope(done: int, waiting: int, unknown: int, scope: str, as_of: date) -> str:
    text = _(
        "%(scope)s: %(done)d with a plan on record, %(waiting)d without, "
        "%(unknown)d not known to the day, as of %(day)s"
    )
    return text % {"scope": scope, "done": done, "waiting": waiting, "unknown": unknown, "day": day(as_of)}


def plan_lag_table(progress: Progress) -> Table:
    columns = [
        Column("pilot", _("Pilot")),
        Column("kind", _("Kind")),
        Column("province", _("Province")),
        Column("listed_on", _("Listed"), "date"),
        Column("plan_issued_on", _("Plan issued"), "date"),
        Column("days", _("Days from list to plan"), "integer"),
        Column("waiting", _("Days since the list without a plan on record"), "integer"),
    ]
    order = sorted(progress.pilots, key=lambda item: (item.list_to_plan is None, -span_days(item), item.pilot.pk))
    return Table(columns, Lines(order, partial(plan_lag_cells, names=names_in(progress))))


def gathered(points: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """The dots of a strip; where they are more than can be told apart, those of a lane within a span of days as one.

    Such a dot stands in the middle of its pilots (`days` is their mean), says how many (`n`) and leads nowhere.
    """
    if len(points) <= MOST_DOTS:
        return points
    wide = max(point["days"] for point in points) // SPANS + 1
    groups: dict[tuple[int, bool, int], list[int]] = {}
    for point in points:
        groups.setdefault((point["lane"], point["certain"], point["days"] // wide), []).append(point["days"])
    return [
        {
            "lane": lane,
            "label": recorded_pilots(len(days)),
            "url": "",
            "days": round(sum(days) / len(days)),
            "from": None,
            "certain": certain,
            "text": span_text(min(days), max(days)),
            "n": len(days),
        }
        for (lane, certain, _place), days in sorted(groups.items())
    ]


def span_text(first: int, last: int) -> str:
    """What the days of a dot for several pilots run from and to."""
    if first == last:
        return days_text(first)
    return _("%(first)s to %(last)s") % {"first": number_format(first), "last": days_text(last)}


def gathered_note(points: int) -> str:
    """What a dot stands for where there are too many to be told apart; nothing where each is one pilot."""
    if points <= MOST_DOTS:
        return ""
    return _("A dot stands for the pilots of a span of days: the larger, the more of them. Each pilot is in the files.")


def span_days(item: PilotStatus) -> int:
    return item.list_to_plan.days if item.list_to_plan else 0


def plan_lag_cells(item: PilotStatus, names: Mapping[int, str]) -> list[Cell]:
    span = item.list_to_plan
    return [
        pilot_cell(item.pilot, names),
        Cell(item.pilot.get_kind_display()),
        Cell(item.pilot.province.short, url=item.pilot.province.get_absolute_url()),
        Cell(entered_on(item, Stage.LISTED)),
        Cell(entered_on(item, Stage.PLAN_ISSUED)),
        Cell(span.days if span and span.done else None),
        Cell(span.days if span and not span.done else "" if span else None),
    ]


# -- batches -------------------------------------------------------------------------------------------


def cohort_chart(cohorts: Cohorts, as_of: date, sources: Sequence[Source]) -> Chart:
    """Every batch at the same age, one bar a batch in each stage: like is compared with like."""
    drawn = [item for item in cohorts.batches if item.at.n]
    bars = [
        {
            "label": str(stage.label),
            "parts": [round(100 * (item.at.share(stage) or 0), 1) for item in drawn],
            "texts": [cohort_text(item, stage) for item in drawn],
            "text": "",
            "url": "",
        }
        for stage in ORDERED
    ]
    return Chart(
        slug="cohorts",
        kind="funnel",
        title=cohort_title(cohorts, drawn),
        subtitle=_(
            "Share of each batch’s pilots at or past the stage %(days)s after the pilot was listed, as of %(day)s"
        )
        % {"days": days_text(cohorts.days), "day": day(as_of)},
        table=cohort_table(cohorts),
        data={
            "bars": bars,
            "series": [item.batch.label for item in drawn],
            "stacked": False,
            "max": 100,
            "labels": {"value": _("% of the batch’s pilots of this age")},
            "legend": [
                {"key": f"swatch series{index}", "label": f"{item.batch.label} ({item.at.n})"}
                for index, item in enumerate(drawn)
            ],
        },
        sources=sources,
        note=_(
            "Each pilot is looked at on its own day, so many days after it was listed. "
            "Those that are younger, or whose day of listing is not known, are left out and counted in the table."
        ),
    )


def cohort_text(item: Cohort, stage: Stage) -> str:
    return f"{of_all(item.at.reached[stage], item.at.n)} ({share_text(item.at.share(stage))})"


def cohort_title(cohorts: Cohorts, drawn: Sequence[Cohort]) -> str:
    """How many had a plan at that age, batch beside batch."""
    if not drawn:
        return _("No pilot is known to have reached this age")
    parts = [
        _("%(batch)s: %(count)d of %(n)d")
        % {"batch": item.batch.label, "count": item.at.reached[Stage.PLAN_ISSUED], "n": item.at.n}
        for item in drawn[:3]
    ]
    return _("Plan issued %(days)s after the list — %(parts)s") % {
        "days": days_text(cohorts.days),
        "parts": clauses(parts),
    }


def cohort_table(cohorts: Cohorts) -> Table:
    columns = [
        Column("batch", _("Batch")),
        Column("stage", _("Stage")),
        Column("reached", _("At or past"), "integer"),
        Column("n", _("of"), "integer"),
        Column("share", _("Share"), "share"),
        Column("younger", _("Younger, or day not known"), "integer"),
    ]
    rows = [
        [
            Cell(item.batch.label, url=item.batch.get_absolute_url(), lang=item.batch.short_lang),
            Cell(str(stage.label)),
            Cell(item.at.reached[stage] if item.at.n else None),
            Cell(item.at.n),
            Cell(item.at.share(stage)),
            Cell(item.at.younger),
        ]
        for item in cohorts.batches
        for stage in (ORDERED if item.at.n else ORDERED[:1])
    ]
    return Table(columns, rows)


def stay_chart(times: Sequence[StageTime], scope: str, as_of: date, sources: Sequence[Source]) -> Chart:
    """Days in each stage, a dot a pilot; open where it is still there."""
    used = [time for time in times if time.left or time.still]
    return Chart(
        slug="stage-time",
        kind="strip",
        title=stay_title(used),
        subtitle=_("Days in each stage; %(scope)s, as of %(day)s") % {"scope": scope, "day": day(as_of)},
        table=stay_table(times),
        data={
            "lanes": [str(time.stage.label) for time in used],
            "points": gathered(
                [stay_point(stay, lane) for lane, time in enumerate(used) for stay in (*time.left, *time.still)]
            ),
            "median": None,
            "labels": {
                "x": _("days in the stage"),
                "certain": _("has moved on"),
                "latest": _("still there: days so far"),
                "median": "",
            },
        },
        sources=sources,
        note=sentences(
            _("Stages whose day is not on record take no time here: their days fall to the stage before."),
            gathered_note(sum(len(time.left) + len(time.still) for time in used)),
        ),
    )


def stay_point(stay: Stay, lane: int) -> dict[str, Any]:
    text = days_text(stay.days)
    return {
        "lane": lane,
        "label": stay.status.pilot.name,
        "url": stay.status.pilot.get_absolute_url(),
        "days": stay.days,
        "from": None,
        "certain": stay.done,
        "text": text if stay.done else _("%(days)s so far") % {"days": text},
    }


def stay_title(used: Sequence[StageTime]) -> str:
    """Which stage held those who left it longest."""
    left = [(time.median_days, time) for time in used if time.median_days is not None]
    if not left:
        return _("Nobody has left a stage on record yet")
    middle, slowest = max(left, key=lambda item: item[0] or 0)
    return _("“%(stage)s” took longest: half needed %(days)s or more") % {
        "stage": slowest.stage.label,
        "days": days_text(whole_days(middle or 0)),
    }


def stay_table(times: Sequence[StageTime]) -> Table:
    columns = [
        Column("stage", _("Stage")),
        Column("left", _("Moved on"), "integer"),
        Column("median", _("Their median days"), "decimal"),
        Column("still", _("Still there"), "integer"),
        Column("longest", _("Longest so far, days"), "integer"),
        Column("pilot", _("Longest there")),
    ]
    rows = []
    for time in times:
        stay = time.longest
        rows.append(
            [
                Cell(str(time.stage.label)),
                Cell(len(time.left)),
                Cell(time.median_days),
                Cell(len(time.still)),
                Cell(stay.days if stay else ""),
                Cell(stay.status.pilot.name, url=stay.status.pilot.get_absolute_url()) if stay else Cell(""),
            ]
        )
    return Table(columns, rows)


def time_in_stage(status: PilotStatus) -> int | None:
    """Days in the present stage; nothing to say of one that has withdrawn."""
    return None if withdrawn(status) else status.days_in_stage
