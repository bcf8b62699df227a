"""Charts and tables of stages and durations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import floor
from statistics import median
from typing import Any, overload

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.formatting import format_days, format_share
from core.text.joining import join_clauses, join_sentences, join_short, label_value
from core.web.tables import Cell, Chart, Column, Table, make_table
from pilots.analytics.cohorts import Cohort, Cohorts, StageDuration, StageTime, cached_stage_times, is_long_stay
from pilots.analytics.pilot_status import UNKNOWN_STAGE, PilotStatus, Progress, is_withdrawn, related_rows
from pilots.charts.links import pilots_url, progress_api_url
from pilots.charts.names import distinct_names_of, pilot_cell
from pilots.charts.places import recorded_pilots_text
from pilots.charts.reconciliation import batch_cell
from pilots.metrics.stages import ORDERED_STAGES, Stage, StageFunnel
from pilots.models import PilotKind, StageEntry
from policies.charts.cells import province_cell
from policies.charts.rollout import format_day
from policies.metrics import share
from policies.models import Region, Source

MAX_DOTS = 300  # of a chart: more cannot be distinguished, and each adds to the page
MIN_DRAWN = 5  # fewest plans on record for drawing days and giving a median; fewer are listed by name
MAX_NAMES = 24  # of pilots without a plan; all are in the table
DAY_BINS = 40  # ranges into which days are grouped where there are more

# -- one pilot -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrackStage:
    """One stage of the stage track. `state` is done, now, skipped, unknown (before the first on record) or ahead."""

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


def stage_track(status: PilotStatus) -> list[TrackStage]:
    """Return the ten stages of a pilot on the day, each with its date or the reason for having none."""
    rows = [entry for entry in related_rows(status.pilot, "stages") if not Stage(entry.stage).is_side]
    entered = sorted(
        (e for e in rows if has_happened(e, status.as_of)), key=lambda e: (e.entered_on, Stage(e.stage).order)
    )
    first = min((Stage(entry.stage).order for entry in entered), default=11)
    reached = max((Stage(entry.stage).order for entry in entered), default=0)
    reasons = gap_reasons(rows, entered)
    marks = []
    for stage in ORDERED_STAGES:
        own = [entry for entry in entered if entry.stage == stage]
        planned = next((e.planned_on for e in rows if e.stage == stage and e.planned_on), None)
        state = track_state(stage, bool(own), first, reached)
        marks.append(
            TrackStage(
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


def gap_reasons(rows: Sequence[StageEntry], entered: Sequence[StageEntry]) -> dict[Stage, str]:
    """Return the reasons for stages without a date, by stage.

    The reason of an entry explains the stages between it and the furthest one before it, and no others. A stage with an
    entry of its own that was planned and never entered uses its own reason.
    """
    found: dict[Stage, str] = {}
    reached = 0
    for entry in entered:
        order = Stage(entry.stage).order
        if order > reached and not Stage(entry.stage).is_side:
            found |= dict.fromkeys(ORDERED_STAGES[reached : order - 1], entry.reason)
            reached = order
    return found | {Stage(row.stage): row.reason for row in rows if row.reason and not row.entered_on}


def track_notes(marks: Sequence[TrackStage]) -> list[dict[str, str]]:
    """Return the reasons for stages without a date, grouped by reason."""
    reasons = dict.fromkeys(mark.reason for mark in marks if mark.reason)
    return [
        {"reason": reason, "stages": label_value(join_short(mark.label for mark in marks if mark.reason == reason), "")}
        for reason in reasons
    ]


def has_happened(entry: StageEntry, as_of: date) -> bool:
    return entry.entered_on is not None and entry.entered_on <= as_of


def track_state(stage: Stage, entered: bool, first: int, reached: int) -> str:
    if entered:
        return "now" if stage.order == reached else "done"
    if stage.order < first and reached:
        return "unknown"
    return "skipped" if stage.order < reached else "ahead"


def stage_label(status: PilotStatus) -> str | None:
    """Return the label of a pilot's current stage; None without any on record."""
    return str(status.current_stage.stage.label) if status.current_stage else None


def entered_on(status: PilotStatus, stage: Stage) -> date | None:
    """Return the date on which a stage was first entered, if not after the day shown."""
    found = [
        e.entered_on for e in related_rows(status.pilot, "stages") if e.stage == stage and has_happened(e, status.as_of)
    ]
    return min((on for on in found if on), default=None)


# -- the funnel ----------------------------------------------------------------------------------------


def funnel_chart(progress: Progress, scope: str, sources: Sequence[Source], **filters: str) -> Chart:
    """Return the chart of pilots at each stage: one colour per kind, and one for unusually long stays.

    Beside each bar is the number at or past the stage. `scope` names the pilots; `filters` are for links to them.
    """
    kinds, whole, standing = pilot_kinds(progress), progress.funnel(), count_by_stage(progress)
    rows = [funnel_row(stage, whole, standing, filters) for stage in stages_shown(standing)]
    if whole.unknown:
        rows.append(
            FunnelRow(
                UNKNOWN_STAGE, _("Not on record"), whole.unknown, None, pilots_url(**filters, stage=UNKNOWN_STAGE)
            )
        )
    stays = count_by_stage_and_kind(progress)
    return Chart(
        slug="funnel",
        kind="funnel",
        title=funnel_title(whole, standing),
        subtitle=funnel_scope(
            whole, scope, progress.as_of, sum(n for (_stage, part), n in stays.items() if part == LONG_STAYS)
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
        api=progress_api_url(filters),
    )


LONG_STAYS = "long"


@dataclass(frozen=True)
class FunnelRow:
    """One stage: pilots at it now, and at or past it (None for a side state)."""

    code: str
    label: str
    standing: int
    reached: int | None
    url: str


def stages_shown(standing: Mapping[Stage, int]) -> list[Stage]:
    """Return the ten stages, and rectifying if any pilot is in it."""
    return [*ORDERED_STAGES, *([Stage.RECTIFYING] if standing[Stage.RECTIFYING] else [])]


def funnel_row(stage: Stage, whole: StageFunnel, standing: Mapping[Stage, int], filters: dict[str, str]) -> FunnelRow:
    return FunnelRow(
        code=stage.value,
        label=str(stage.label),
        standing=standing[stage],
        reached=None if stage.is_side else whole.reached[stage],
        url=pilots_url(**filters, stage=stage.value) if standing[stage] else "",
    )


def count_by_stage_and_kind(progress: Progress) -> Counter[tuple[str, str]]:
    """Count pilots by stage and kind; unusually long stays of any kind are counted under LONG."""
    times = {time.stage: time for time in cached_stage_times(progress)}
    found: Counter[tuple[str, str]] = Counter()
    for status in progress.pilots:
        if not is_withdrawn(status):
            stage = status.current_stage.stage.value if status.current_stage else UNKNOWN_STAGE
            found[stage, LONG_STAYS if is_long_stay(status, times) else status.pilot.kind] += 1
    return found


def pilot_kinds(progress: Progress) -> list[PilotKind]:
    """Return the kinds that occur among the pilots, in order."""
    found = {status.pilot.kind for status in progress.pilots}
    return [kind for kind in PilotKind if kind.value in found]


def count_by_stage(progress: Progress) -> Counter[Stage]:
    """Count pilots by current stage, without withdrawn ones."""
    return Counter(s.current_stage.stage for s in progress.pilots if s.current_stage and not is_withdrawn(s))


def funnel_title(funnel: StageFunnel, standing: Counter[Stage]) -> str:
    """Return the headline: the stage with most pilots, and how many have no plan yet."""
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


def funnel_scope(funnel: StageFunnel, scope: str, as_of: date, long: int = 0) -> str:
    parts = [_("%(scope)s, as of %(day)s") % {"scope": scope, "day": format_day(as_of)}]
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


def of_all_text(count: int, n: int) -> str:
    return _("%(count)d of %(n)d") % {"count": count, "n": n}


def funnel_bar(row: FunnelRow, stays: Mapping[tuple[str, str], int], kinds: Sequence[PilotKind]) -> dict[str, object]:
    text = str(row.standing)
    if row.reached is not None:
        text = _("%(standing)d · %(reached)d reached") % {"standing": row.standing, "reached": row.reached}
    return {
        "label": row.label,
        "parts": [stays[row.code, part] for part in (*(kind.value for kind in kinds), LONG_STAYS)],
        "text": text,
        "url": row.url,
    }


def funnel_table(
    whole: StageFunnel,
    rows: Sequence[FunnelRow],
    stays: Mapping[tuple[str, str], int],
    kinds: Sequence[PilotKind],
    filters: dict[str, str],
) -> Table:
    """Return the table of the ten stages, with rectifying pilots and those without a known stage if any."""
    columns: list[Column[FunnelRow]] = [
        Column("stage", _("Stage"), lambda row: Cell(row.label, url=row.url)),
        Column("standing", _("Standing there now"), kind="integer"),
        *[stays_column(kind.value, str(kind.label).capitalize(), stays) for kind in kinds],
        stays_column(LONG_STAYS, _("Longer than usual"), stays),
        Column(
            "reached",
            _("At or past"),
            lambda row: Cell("" if row.reached is None else row.reached, url=reached_url(row, filters)),
            kind="integer",
        ),
        Column("n", _("of"), lambda _row: whole.n, kind="integer"),
        Column(
            "share",
            _("Share"),
            lambda row: "" if row.reached is None else share(row.reached, whole.n),
            kind="share",
        ),
    ]
    return make_table(columns, rows)


def stays_column(part: str, label: str, stays: Mapping[tuple[str, str], int]) -> Column[FunnelRow]:
    """Return the column that counts the pilots of a kind, or those with unusually long stays, in each stage."""
    return Column(part, label, lambda row: stays[row.code, part], kind="integer")


def reached_url(row: FunnelRow, filters: dict[str, str]) -> str:
    return pilots_url(**filters, reached=row.code) if row.reached else ""


def longest_table(progress: Progress, most: int = 5) -> Table:
    """Return the table of longest current stays, beside the P90 of pilots that left the stage."""
    times = {time.stage: time for time in cached_stage_times(progress)}
    names = distinct_names_of(progress)
    columns: list[Column[PilotStatus]] = [
        Column("pilot", _("Pilot"), lambda item: pilot_cell(item.pilot, names)),
        Column("stage", _("Stage"), stage_label),
        Column(
            "days",
            _("Days in stage"),
            lambda item: Cell(item.days_in_stage, tag="yellow" if is_long_stay(item, times) else ""),
            kind="integer",
        ),
        Column("usual", _("Nine in ten left within"), lambda item: usual_days(item, times), kind="days"),
        Column("since", _("Since"), lambda item: item.current_stage.since if item.current_stage else None, kind="date"),
    ]
    return make_table(columns, progress.longest_in_stage[:most])


def usual_days(item: PilotStatus, times: Mapping[Stage, StageTime]) -> float | None:
    """Return the P90 of the pilots that left the pilot's stage."""
    time = times.get(item.current_stage.stage) if item.current_stage else None
    return time.long_after if time else None


# -- from the list to the plan -------------------------------------------------------------------------


def plan_lag_chart(
    progress: Progress, scope: str, sources: Sequence[Source], *, by: str = "kind", **filters: str
) -> Chart:
    """Return the chart of days from list to plan, a dot per pilot, by kind or region; names without a plan."""
    lanes, names = plan_lanes(progress, by), distinct_names_of(progress)
    timed = [item for item in progress.pilots if item.list_to_plan is not None]
    done = sorted(item.list_to_plan.days for item in timed if item.list_to_plan and item.list_to_plan.done)
    waiting = sorted(item.list_to_plan.days for item in timed if item.list_to_plan and not item.list_to_plan.done)
    drawn = pilots_with_plan(progress) if len(done) >= MIN_DRAWN else []
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
            "points": group_dots([plan_lag_point(item, plan_lag_lane(item, lanes, by), names) for item in drawn]),
            "names": plan_names(progress, names),
            "median": round_days(middle),
            "labels": {
                "x": _("days after the list"),
                "certain": _("plan issued"),
                "latest": "",
                "median": _("median %(days)s") % {"days": format_days(round_days(middle))}
                if middle is not None
                else "",
            },
        },
        sources=sources,
        note=join_sentences(plan_note(bool(drawn)), grouped_dots_note(len(done))),
        api=progress_api_url(filters),
    )


def plan_note(drawn: bool) -> str:
    """Return the note on what the title counts; the median is given only where days are drawn."""
    counts = _("The median counts only plans on record.") if drawn else ""
    return join_sentences(counts, _("A plan that is not on record may have been issued all the same."))


def pilots_with_plan(progress: Progress) -> list[PilotStatus]:
    """Return the pilots with known days from list to plan, quickest first."""
    found = [item for item in progress.pilots if item.list_to_plan is not None and item.list_to_plan.done]
    return sorted(found, key=lambda item: (plan_lag_days(item), item.pilot.pk))


def pilots_without_plan(progress: Progress) -> list[PilotStatus]:
    """Return the pilots without a plan on record, longest listed first."""
    found = [item for item in progress.pilots if item.list_to_plan is not None and not item.list_to_plan.done]
    return sorted(found, key=lambda item: (-plan_lag_days(item), item.pilot.pk))


def plan_names(progress: Progress, names: Mapping[int, str]) -> list[dict[str, object]]:
    """Return names and days of pilots without a plan, and also of those with one if these are few."""
    few = pilots_with_plan(progress)
    groups = [(_("Plan on record: days from the list"), few if len(few) < MIN_DRAWN else [])]
    groups.append((_("No plan on record: days since the list"), pilots_without_plan(progress)))
    return [named_pilots_group(title, found, names) for title, found in groups if found]


def named_pilots_group(title: str, found: Sequence[PilotStatus], names: Mapping[int, str]) -> dict[str, object]:
    """Return pilots by name with their days; those beyond the first few are counted."""
    rest = len(found) - MAX_NAMES
    return {
        "title": title,
        "rows": [
            {
                "label": names[item.pilot.pk],
                "url": item.pilot.get_absolute_url(),
                "text": format_days(plan_lag_days(item)),
            }
            for item in found[:MAX_NAMES]
        ],
        "rest": ngettext("%(n)d more in the table", "%(n)d more in the table", rest) % {"n": rest} if rest > 0 else "",
    }


def plan_lanes(progress: Progress, by: str) -> list[tuple[str, str]]:
    """Return (code, label) of the lanes with a pilot."""
    if by == "region":
        used = {item.pilot.province.region for item in progress.pilots}
        return [(region.value, str(region.label)) for region in Region if region.value in used]
    return [(kind.value, str(kind.label).capitalize()) for kind in pilot_kinds(progress)]


def plan_lag_lane(item: PilotStatus, lanes: Sequence[tuple[str, str]], by: str) -> int:
    code = item.pilot.province.region if by == "region" else item.pilot.kind
    return [lane for lane, _label in lanes].index(code)


def plan_lag_point(item: PilotStatus, lane: int, names: Mapping[int, str]) -> dict[str, object]:
    return {
        "lane": lane,
        "label": names[item.pilot.pk],
        "url": item.pilot.get_absolute_url(),
        "days": plan_lag_days(item),
        "from": None,
        "certain": True,
        "text": format_days(plan_lag_days(item)),
    }


def plan_lag_title(done: Sequence[int], waiting: Sequence[int], middle: float | None) -> str:
    """Return the headline: median days, and pilots without a plan on record (not "none issued")."""
    if not done and not waiting:
        return _("No pilot’s days from the list to the plan are known")
    if not done:
        text = ngettext(
            "%(n)d pilot has no plan on record, %(days)s since the list",
            "%(n)d pilots have no plan on record, the longest %(days)s since the list",
            len(waiting),
        )
        return text % {"n": len(waiting), "days": format_days(waiting[-1])}
    if middle is None:
        text = ngettext(
            "%(n)d of %(all)d pilots has a plan on record, %(days)s after the list",
            "%(n)d of %(all)d pilots have a plan on record, the latest %(days)s after the list",
            len(done),
        ) % {"n": len(done), "all": len(done) + len(waiting), "days": format_days(done[-1])}
    else:
        text = _("Half of the plans on record came within %(days)s of the list") % {
            "days": format_days(round_days(middle))
        }
    if not waiting:
        return text
    rest = ngettext(
        "; %(n)d pilot has none on record, %(days)s since the list",
        "; %(n)d have none on record, up to %(days)s since the list",
        len(waiting),
    )
    return text + rest % {"n": len(waiting), "days": format_days(waiting[-1])}


@overload
def round_days(middle: None) -> None: ...


@overload
def round_days(middle: float) -> int: ...


def round_days(middle: float | None) -> int | None:
    """Round a median to whole days, a half up."""
    return None if middle is None else floor(middle + 0.5)


def plan_lag_scope(done: int, waiting: int, unknown: int, scope: str, as_of: date) -> str:
    text = _(
        "%(scope)s: %(done)d with a plan on record, %(waiting)d without, "
        "%(unknown)d not known to the day, as of %(day)s"
    )
    return text % {"scope": scope, "done": done, "waiting": waiting, "unknown": unknown, "day": format_day(as_of)}


def plan_lag_table(progress: Progress) -> Table:
    names = distinct_names_of(progress)
    columns: list[Column[PilotStatus]] = [
        Column("pilot", _("Pilot"), lambda item: pilot_cell(item.pilot, names)),
        Column("kind", _("Kind"), lambda item: item.pilot.get_kind_display()),
        Column("province", _("Province"), lambda item: province_cell(item.pilot.province)),
        Column("listed_on", _("Listed"), lambda item: entered_on(item, Stage.LISTED), kind="date"),
        Column("plan_issued_on", _("Plan issued"), lambda item: entered_on(item, Stage.PLAN_ISSUED), kind="date"),
        Column("days", _("Days from list to plan"), days_to_plan, kind="integer"),
        Column("waiting", _("Days since the list without a plan on record"), days_without_plan, kind="integer"),
    ]
    order = sorted(progress.pilots, key=lambda item: (item.list_to_plan is None, -plan_lag_days(item), item.pilot.pk))
    return make_table(columns, order)


def days_to_plan(item: PilotStatus) -> int | None:
    span = item.list_to_plan
    return span.days if span and span.done else None


def days_without_plan(item: PilotStatus) -> int | str | None:
    """Return the days of a pilot without a plan; nothing to say of one with a plan, None where not known."""
    span = item.list_to_plan
    if span is None:
        return None
    return "" if span.done else span.days


def group_dots(points: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Return the dots; where there are too many to distinguish, group those of a lane within a range of days.

    A grouped dot is at the mean of its pilots' days, has their number (`n`) and no link.
    """
    if len(points) <= MAX_DOTS:
        return points
    wide = max(point["days"] for point in points) // DAY_BINS + 1
    groups: dict[tuple[int, bool, int], list[int]] = {}
    for point in points:
        groups.setdefault((point["lane"], point["certain"], point["days"] // wide), []).append(point["days"])
    return [
        {
            "lane": lane,
            "label": recorded_pilots_text(len(days)),
            "url": "",
            "days": round(sum(days) / len(days)),
            "from": None,
            "certain": certain,
            "text": dot_range_text(min(days), max(days)),
            "n": len(days),
        }
        for (lane, certain, _place), days in sorted(groups.items())
    ]


def dot_range_text(first: int, last: int) -> str:
    """Return the range of days of a grouped dot as text."""
    if first == last:
        return format_days(first)
    return _("%(first)s to %(last)s") % {"first": number_format(first), "last": format_days(last)}


def grouped_dots_note(points: int) -> str:
    """Return the note on grouped dots; empty where each dot is one pilot."""
    if points <= MAX_DOTS:
        return ""
    return _("A dot stands for the pilots of a span of days: the larger, the more of them. Each pilot is in the files.")


def plan_lag_days(item: PilotStatus) -> int:
    return item.list_to_plan.days if item.list_to_plan else 0


# -- batches -------------------------------------------------------------------------------------------


def cohort_chart(cohorts: Cohorts, as_of: date, sources: Sequence[Source]) -> Chart:
    """Return the chart of all batches at the same age, one bar per batch in each stage."""
    drawn = [item for item in cohorts.batches if item.funnel.n]
    bars = [
        {
            "label": str(stage.label),
            "parts": [round(100 * (item.funnel.share(stage) or 0), 1) for item in drawn],
            "texts": [cohort_text(item, stage) for item in drawn],
            "text": "",
            "url": "",
        }
        for stage in ORDERED_STAGES
    ]
    return Chart(
        slug="cohorts",
        kind="funnel",
        title=cohort_title(cohorts, drawn),
        subtitle=_(
            "Share of each batch’s pilots at or past the stage %(days)s after the pilot was listed, as of %(day)s"
        )
        % {"days": format_days(cohorts.days), "day": format_day(as_of)},
        table=cohort_table(cohorts),
        data={
            "bars": bars,
            "series": [item.batch.label for item in drawn],
            "stacked": False,
            "max": 100,
            "labels": {"value": _("% of the batch’s pilots of this age")},
            "legend": [
                {"key": f"swatch series{index}", "label": f"{item.batch.label} ({item.funnel.n})"}
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
    return f"{of_all_text(item.funnel.reached[stage], item.funnel.n)} ({format_share(item.funnel.share(stage))})"


def cohort_title(cohorts: Cohorts, drawn: Sequence[Cohort]) -> str:
    """Return the headline: pilots with a plan at that age, by batch."""
    if not drawn:
        return _("No pilot is known to have reached this age")
    parts = [
        _("%(batch)s: %(count)d of %(n)d")
        % {"batch": item.batch.label, "count": item.funnel.reached[Stage.PLAN_ISSUED], "n": item.funnel.n}
        for item in drawn[:3]
    ]
    return _("Plan issued %(days)s after the list — %(parts)s") % {
        "days": format_days(cohorts.days),
        "parts": join_clauses(parts),
    }


def cohort_table(cohorts: Cohorts) -> Table:
    columns: list[Column[tuple[Cohort, Stage]]] = [
        Column("batch", _("Batch"), lambda row: batch_cell(row[0].batch)),
        Column("stage", _("Stage"), lambda row: str(row[1].label)),
        Column(
            "reached",
            _("At or past"),
            lambda row: row[0].funnel.reached[row[1]] if row[0].funnel.n else None,
            kind="integer",
        ),
        Column("n", _("of"), lambda row: row[0].funnel.n, kind="integer"),
        Column("share", _("Share"), lambda row: row[0].funnel.share(row[1]), kind="share"),
        Column("younger", _("Younger, or day not known"), lambda row: row[0].funnel.younger, kind="integer"),
    ]
    rows = [
        (item, stage) for item in cohorts.batches for stage in (ORDERED_STAGES if item.funnel.n else ORDERED_STAGES[:1])
    ]
    return make_table(columns, rows)


def stage_duration_chart(times: Sequence[StageTime], scope: str, as_of: date, sources: Sequence[Source]) -> Chart:
    """Return the chart of days in each stage, a dot per pilot; hollow while it is still there."""
    used = [time for time in times if time.completed or time.ongoing]
    return Chart(
        slug="stage-time",
        kind="strip",
        title=stage_duration_title(used),
        subtitle=_("Days in each stage; %(scope)s, as of %(day)s") % {"scope": scope, "day": format_day(as_of)},
        table=stage_duration_table(times),
        data={
            "lanes": [str(time.stage.label) for time in used],
            "points": group_dots(
                [
                    stage_duration_point(stay, lane)
                    for lane, time in enumerate(used)
                    for stay in (*time.completed, *time.ongoing)
                ]
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
        note=join_sentences(
            _("Stages whose day is not on record take no time here: their days fall to the stage before."),
            grouped_dots_note(sum(len(time.completed) + len(time.ongoing) for time in used)),
        ),
    )


def stage_duration_point(stay: StageDuration, lane: int) -> dict[str, object]:
    text = format_days(stay.days)
    return {
        "lane": lane,
        "label": stay.status.pilot.name,
        "url": stay.status.pilot.get_absolute_url(),
        "days": stay.days,
        "from": None,
        "certain": stay.done,
        "text": text if stay.done else _("%(days)s so far") % {"days": text},
    }


def stage_duration_title(used: Sequence[StageTime]) -> str:
    """Return the headline: the stage with the longest median."""
    left = [(time.median_days, time) for time in used if time.median_days is not None]
    if not left:
        return _("Nobody has left a stage on record yet")
    middle, slowest = max(left, key=lambda item: item[0] or 0)
    return _("“%(stage)s” took longest: half needed %(days)s or more") % {
        "stage": slowest.stage.label,
        "days": format_days(round_days(middle or 0)),
    }


def stage_duration_table(times: Sequence[StageTime]) -> Table:
    columns: list[Column[StageTime]] = [
        Column("stage", _("Stage"), lambda time: str(time.stage.label)),
        Column("left", _("Moved on"), lambda time: len(time.completed), kind="integer"),
        Column("median", _("Their median days"), "median_days", kind="decimal"),
        Column("still", _("Still there"), lambda time: len(time.ongoing), kind="integer"),
        Column(
            "longest",
            _("Longest so far, days"),
            lambda time: time.longest.days if time.longest else "",
            kind="integer",
        ),
        Column("pilot", _("Longest there"), longest_there_cell),
    ]
    return make_table(columns, times)


def longest_there_cell(time: StageTime) -> Cell:
    stay = time.longest
    return Cell(stay.status.pilot.name, url=stay.status.pilot.get_absolute_url()) if stay else Cell("")


def time_in_stage(status: PilotStatus) -> int | None:
    """Return the days in the current stage; None for a withdrawn pilot."""
    return None if is_withdrawn(status) else status.days_in_stage
