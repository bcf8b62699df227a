"""Charts and tables of stages and durations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from statistics import median

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import charts
from core.text.formatting import format_days, join_sentences, join_short, label_value
from core.web.tables import Cell, Chart, Column, Table, make_table
from pilots.analytics.pilot_status import UNKNOWN_STAGE, PilotStatus, Progress, is_withdrawn, related_rows, stage_events
from pilots.charts.cells import distinct_names_of, pilot_cell, pilots_url, progress_api_url
from pilots.lights import Colour
from pilots.metrics import stages
from pilots.metrics.stages import ORDERED_STAGES, Stage, StageFunnel
from pilots.models import PilotKind, StageEntry
from policies.charts.rollout import format_day
from policies.metrics import share, whole_days
from policies.models import Source
from policies.tables import province_cell

MIN_DRAWN = 5  # fewest plans on record for drawing days and giving a median; fewer are listed by name
KIND_COLOURS = ("--accent", "--s3", "--second", "--grey")
MAX_NAMES = 24  # of pilots without a plan; all are in the table
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
    late: Colour | None = None  # the light of a planned stage that is overdue


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
        planned = next((e.planned_by(status.as_of) for e in rows if e.stage == stage and e.planned_on), None)
        state = track_state(stage, bool(own), first, reached)
        late = next((item.light for item in status.overdue_stages if item.entry.stage == stage), None)
        state_label = _("%(days)s overdue") % {"days": format_days(late.delay or 0)} if late else STATE_LABELS[state]()
        marks.append(
            TrackStage(
                stage=stage,
                label=str(stage.label),
                state=state,
                state_label=state_label,
                on=own[0].entered_on if own else None,
                planned=planned if not own else None,
                reason=reasons.get(stage, "") if state in ("skipped", "unknown") else "",
                evidence=own[0].evidence if own else "",
                late=late.colour if late else None,
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
    """Return the chart of pilots at each stage: one colour per kind.

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
    columns: list[Column[FunnelRow]] = [
        Column("stage", _("Stage"), lambda row: Cell(row.label, url=row.url)),
        Column("standing", _("Standing there now"), kind="integer"),
        *[stays_column(kind.value, str(kind.label).capitalize(), stays) for kind in kinds],
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
    parts = [_("%(scope)s, as of %(day)s") % {"scope": scope, "day": format_day(progress.as_of)}]
    if whole.unknown:
        text = ngettext("%(n)d without any stage on record", "%(n)d without any stage on record", whole.unknown)
        parts.append(text % {"n": whole.unknown})
    if whole.withdrawn:
        text = ngettext("%(n)d withdrawn and left out", "%(n)d withdrawn and left out", whole.withdrawn)
        parts.append(text % {"n": whole.withdrawn})
    return Chart(
        slug="funnel",
        kind="bars",
        title=funnel_title(whole, standing),
        subtitle=" · ".join(parts),
        table=make_table(columns, rows),
        data=charts.bars(
            [funnel_bar(row, stays, kinds) for row in rows],
            [(str(kind.label), KIND_COLOURS[n]) for n, kind in enumerate(kinds)],
            _("pilots now at the stage"),
        ),
        legend=[(f"swatch series{n}", str(kind.label)) for n, kind in enumerate(kinds)],
        sources=sources,
        note=_(
            "Reached: at or past the stage, also where the day of that stage was never published. "
            "A pilot that has withdrawn is not counted."
        ),
        api=progress_api_url(filters),
    )


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
    """Count pilots by stage and kind, without withdrawn ones."""
    found: Counter[tuple[str, str]] = Counter()
    for status in progress.pilots:
        if not is_withdrawn(status):
            stage = status.current_stage.stage.value if status.current_stage else UNKNOWN_STAGE
            found[stage, status.pilot.kind] += 1
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


def funnel_bar(row: FunnelRow, stays: Mapping[tuple[str, str], int], kinds: Sequence[PilotKind]) -> charts.Bar:
    text = str(row.standing)
    if row.reached is not None:
        text = _("%(standing)d · %(reached)d reached") % {"standing": row.standing, "reached": row.reached}
    return charts.Bar(row.label, [stays[row.code, kind.value] for kind in kinds], text, row.url)


def stays_column(part: str, label: str, stays: Mapping[tuple[str, str], int]) -> Column[FunnelRow]:
    """Return the column that counts the pilots of a kind in each stage."""
    return Column(part, label, lambda row: stays[row.code, part], kind="integer")


def reached_url(row: FunnelRow, filters: dict[str, str]) -> str:
    return pilots_url(**filters, reached=row.code) if row.reached else ""


def longest_table(progress: Progress, most: int = 5) -> Table:
    """Return the table of longest current stays."""
    names = distinct_names_of(progress)
    columns: list[Column[PilotStatus]] = [
        Column("pilot", _("Pilot"), lambda item: pilot_cell(item.pilot, names)),
        Column("stage", _("Stage"), stage_label),
        Column("days", _("Days in stage"), "days_in_stage", kind="integer"),
        Column("since", _("Since"), lambda item: item.current_stage.since if item.current_stage else None, kind="date"),
    ]
    return make_table(columns, progress.longest_in_stage[:most])


# -- from the list to the plan -------------------------------------------------------------------------


def plan_lag_chart(progress: Progress, scope: str, sources: Sequence[Source], **filters: str) -> Chart:
    """Return the chart of days from list to plan, a dot per pilot, by kind; names without a plan."""
    kinds, names = pilot_kinds(progress), distinct_names_of(progress)
    timed = [item for item in progress.pilots if item.list_to_plan is not None]
    done = sorted(item.list_to_plan.days for item in timed if item.list_to_plan and item.list_to_plan.done)
    waiting = sorted(item.list_to_plan.days for item in timed if item.list_to_plan and not item.list_to_plan.done)
    drawn = pilots_with_plan(progress) if len(done) >= MIN_DRAWN else []
    middle = median(done) if drawn else None
    unknown = len(progress.pilots) - len(timed)
    counts = _("The median counts only plans on record.") if drawn else ""  # it is given only where days are drawn
    few = pilots_with_plan(progress)
    groups = [(_("Plan on record: days from the list"), few if len(few) < MIN_DRAWN else [])]
    groups.append((_("No plan on record: days since the list"), pilots_without_plan(progress)))
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
    return Chart(
        slug="plan-lag",
        kind="strip",
        title=plan_lag_title(done, waiting, middle),
        subtitle=plan_lag_scope(len(done), len(waiting), unknown, scope, progress.as_of),
        table=make_table(columns, order),
        data=charts.strip(
            [str(kind.label).capitalize() for kind in kinds],
            [
                {
                    "x": plan_lag_days(item),
                    "lane": kinds.index(PilotKind(item.pilot.kind)),
                    "title": names[item.pilot.pk],
                    "text": format_days(plan_lag_days(item)),
                    "url": item.pilot.get_absolute_url(),
                }
                for item in drawn
            ],
            _("days after the list"),
            (whole_days(middle), _("median %(days)s") % {"days": format_days(whole_days(middle))})
            if middle is not None
            else None,
        ),
        legend=[("dot certain", _("plan issued"))] if drawn else [],
        names=[named_pilots_group(title, found, names) for title, found in groups if found],
        sources=sources,
        note=join_sentences(counts, _("A plan that is not on record may have been issued all the same.")),
        api=progress_api_url(filters),
    )


def pilots_with_plan(progress: Progress) -> list[PilotStatus]:
    """Return the pilots with known days from list to plan, quickest first."""
    found = [item for item in progress.pilots if item.list_to_plan is not None and item.list_to_plan.done]
    return sorted(found, key=lambda item: (plan_lag_days(item), item.pilot.pk))


def pilots_without_plan(progress: Progress) -> list[PilotStatus]:
    """Return the pilots without a plan on record, longest listed first."""
    found = [item for item in progress.pilots if item.list_to_plan is not None and not item.list_to_plan.done]
    return sorted(found, key=lambda item: (-plan_lag_days(item), item.pilot.pk))


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
            "days": format_days(whole_days(middle))
        }
    if not waiting:
        return text
    rest = ngettext(
        "; %(n)d pilot has none on record, %(days)s since the list",
        "; %(n)d have none on record, up to %(days)s since the list",
        len(waiting),
    )
    return text + rest % {"n": len(waiting), "days": format_days(waiting[-1])}


def plan_lag_scope(done: int, waiting: int, unknown: int, scope: str, as_of: date) -> str:
    text = _(
        "%(scope)s: %(done)d with a plan on record, %(waiting)d without, "
        "%(unknown)d not known to the day, as of %(day)s"
    )
    return text % {"scope": scope, "done": done, "waiting": waiting, "unknown": unknown, "day": format_day(as_of)}


def days_to_plan(item: PilotStatus) -> int | None:
    span = item.list_to_plan
    return span.days if span and span.done else None


def days_without_plan(item: PilotStatus) -> int | str | None:
    """Return the days of a pilot without a plan; nothing to say of one with a plan, None where not known."""
    span = item.list_to_plan
    if span is None:
        return None
    return "" if span.done else span.days


def plan_lag_days(item: PilotStatus) -> int:
    return item.list_to_plan.days if item.list_to_plan else 0


# -- time in stages ------------------------------------------------------------------------------------


def stage_duration_chart(times: Sequence[StageTime], scope: str, as_of: date, sources: Sequence[Source]) -> Chart:
    """Return the chart of days in each stage, a dot per pilot; hollow while it is still there."""
    used = [time for time in times if time.completed or time.ongoing]
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
    return Chart(
        slug="stage-time",
        kind="strip",
        title=stage_duration_title(used),
        subtitle=_("Days in each stage; %(scope)s, as of %(day)s") % {"scope": scope, "day": format_day(as_of)},
        table=make_table(columns, times),
        data=charts.strip(
            [str(time.stage.label) for time in used],
            [
                {
                    "x": stay.days,
                    "lane": lane,
                    "title": stay.status.pilot.name,
                    "text": format_days(stay.days)
                    if stay.done
                    else _("%(days)s so far") % {"days": format_days(stay.days)},
                    "hollow": not stay.done,
                }
                for lane, time in enumerate(used)
                for stay in (*time.completed, *time.ongoing)
            ],
            _("days in the stage"),
        ),
        legend=[("dot certain", _("has moved on")), ("dot latest", _("still there: days so far"))] if used else [],
        sources=sources,
        note=_("Stages whose day is not on record take no time here: their days fall to the stage before."),
    )


def stage_duration_title(used: Sequence[StageTime]) -> str:
    """Return the headline: the stage with the longest median."""
    left = [(time.median_days, time) for time in used if time.median_days is not None]
    if not left:
        return _("Nobody has left a stage on record yet")
    middle, slowest = max(left, key=lambda item: item[0] or 0)
    return _("“%(stage)s” took longest: half needed %(days)s or more") % {
        "stage": slowest.stage.label,
        "days": format_days(whole_days(middle or 0)),
    }


def longest_there_cell(time: StageTime) -> Cell:
    stay = time.longest
    return Cell(stay.status.pilot.name, url=stay.status.pilot.get_absolute_url()) if stay else Cell("")


def time_in_stage(status: PilotStatus) -> int | None:
    """Return the days in the current stage; None for a withdrawn pilot."""
    return None if is_withdrawn(status) else status.days_in_stage


@dataclass(frozen=True)
class StageDuration:
    """Days of one pilot in one stage, or so far if not `done`."""

    status: PilotStatus
    days: int
    done: bool


@dataclass(frozen=True)
class StageTime:
    """One stage: the durations of pilots that have left it, and of those now in it."""

    stage: Stage
    completed: list[StageDuration] = field(default_factory=list)
    ongoing: list[StageDuration] = field(default_factory=list)

    @property
    def median_days(self) -> float | None:
        """Median of the pilots that have left; None without any."""
        return median(stay.days for stay in self.completed) if self.completed else None

    @property
    def longest(self) -> StageDuration | None:
        """Longest current stay."""
        return max(self.ongoing, key=lambda stay: stay.days, default=None)


def build_stage_times(progress: Progress) -> list[StageTime]:
    """Return the durations in each of the ten stages; withdrawn pilots count for stages that they had left."""
    times: dict[Stage, StageTime] = {stage: StageTime(stage) for stage in ORDERED_STAGES}
    for status in progress.pilots:
        now = status.current_stage.stage if status.current_stage else None
        for stage, days in stages.time_in_stages(stage_events(status.pilot), progress.as_of).items():
            if stage in times:
                stay = StageDuration(status, days, stage != now)
                (times[stage].completed if stay.done else times[stage].ongoing).append(stay)
    return list(times.values())
