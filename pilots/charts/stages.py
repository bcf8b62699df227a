"""Charts and tables of stages and durations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import charts
from core.tables import Cell, Chart, Column, make_table
from core.text import format_date, format_days, join_sentences, join_short, label_value
from pilots import metrics
from pilots.analytics.pilot_status import UNKNOWN_STAGE, PilotStatus, Progress
from pilots.charts.cells import distinct_names_of, pilot_cell, pilots_url, progress_api_url
from pilots.lights import Colour
from pilots.metrics import ORDERED_STAGES, Stage
from pilots.models import PilotKind
from policies.metrics import median_days, share, whole_days
from policies.models import Source
from policies.tables import province_cell, too_few_text

MIN_DRAWN = 10  # fewest plans on record for drawing their days; fewer are listed by name
KIND_COLOURS = ("--accent", "--s3", "--second", "--grey")
MAX_NAMES = 24  # of pilots without a plan; all are in the table


# -- one pilot -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrackStage:
    """One stage of the stage track. `state` is done, now, skipped, unknown (before the first on record) or ahead."""

    stage: Stage
    state: str
    state_label: str
    on: date | None
    planned: date | None
    reason: str  # for having no date
    evidence: str
    late: Colour | None  # the light of a planned stage that is overdue

    @property
    def label(self) -> str:
        return str(self.stage.label)


def stage_track(status: PilotStatus) -> list[TrackStage]:
    """Return the ten stages of a pilot on the day, each with its date or the reason for having none.

    The reason of an entry explains the stages between it and the furthest one before it, and no others. A stage with an
    entry of its own that was planned and never entered uses its own reason.
    """
    rows = [entry for entry in status.pilot.prefetched_stages if not Stage(entry.stage).is_side]
    dated = [(entry.entered_on, Stage(entry.stage).order, entry) for entry in rows if entry.entered_on]
    entered = sorted((item for item in dated if item[0] <= status.as_of), key=lambda item: item[:2])
    reasons: dict[str, str] = {}
    reached = 0
    for _on, order, entry in entered:
        if order > reached:
            reasons |= dict.fromkeys(ORDERED_STAGES[reached : order - 1], entry.reason)
            reached = order
    reasons |= {row.stage: row.reason for row in rows if row.reason and not row.entered_on}
    first = min((order for _on, order, _entry in entered), default=0)
    lights = {item.record.stage: item for item in status.overdue_stages}
    words = {
        "done": _("done"),
        "now": _("now"),
        "skipped": _("day not on record"),
        "unknown": _("not on record"),
        "ahead": _("to come"),
    }
    marks = []
    for stage in ORDERED_STAGES:
        own = next((entry for _on, _order, entry in entered if entry.stage == stage), None)
        planned = next((e.planned_by(status.as_of) for e in rows if e.stage == stage and e.planned_on), None)
        if own:
            state = "now" if stage.order == reached else "done"
        elif stage.order > reached:
            state = "ahead"
        else:
            state = "unknown" if stage.order < first else "skipped"
        late = lights.get(stage)
        marks.append(
            TrackStage(
                stage,
                state,
                _("%(days)s overdue") % {"days": format_days(late.delay or 0)} if late else words[state],
                on=own.entered_on if own else None,
                planned=None if own else planned,
                reason=reasons.get(stage, "") if state in ("skipped", "unknown") else "",
                evidence=own.evidence if own else "",
                late=late.colour if late else None,
            )
        )
    return marks


def track_notes(marks: Sequence[TrackStage]) -> list[dict[str, str]]:
    """Return the reasons for stages without a date, grouped by reason."""
    reasons = dict.fromkeys(mark.reason for mark in marks if mark.reason)
    return [
        {"reason": reason, "stages": label_value(join_short(mark.label for mark in marks if mark.reason == reason), "")}
        for reason in reasons
    ]


def stage_label(status: PilotStatus) -> str | None:
    """Return the label of a pilot's current stage; None without any on record."""
    return str(status.current_stage.stage.label) if status.current_stage else None


def time_in_stage(status: PilotStatus) -> int | None:
    """Return the days in the current stage; None for a withdrawn pilot."""
    return None if status.is_withdrawn else status.days_in_stage


# -- the funnel ----------------------------------------------------------------------------------------


def funnel_chart(progress: Progress, scope: str, sources: Sequence[Source], **filters: str) -> Chart:
    """Return the chart of pilots at each stage where any stands: one colour per kind.

    Behind each bar is a pale one of those at or past the stage. `scope` names the pilots; `filters` are for links.
    """
    kinds, whole = pilot_kinds(progress), progress.funnel()
    stays = Counter(
        (item.current_stage.stage.value if item.current_stage else UNKNOWN_STAGE, item.pilot.kind)
        for item in progress.pilots
        if not item.is_withdrawn
    )
    standing = Counter({stage: sum(stays[stage, kind] for kind in kinds) for stage in Stage})
    labels = {stage.value: str(stage.label) for stage in ORDERED_STAGES}
    if standing[Stage.RECTIFYING]:
        labels[Stage.RECTIFYING.value] = str(Stage.RECTIFYING.label)
    if whole.unknown:
        labels[UNKNOWN_STAGE] = _("Not on record")
    here = {**{stage.value: n for stage, n in standing.items()}, UNKNOWN_STAGE: whole.unknown}
    reached = {stage.value: whole.reached[stage] for stage in ORDERED_STAGES}  # a side state has no order
    urls = {code: pilots_url(**filters, stage=code) if here[code] else "" for code in labels}

    def reached_cell(code: str) -> Cell:
        return Cell(reached.get(code, ""), url=pilots_url(**filters, reached=code) if reached.get(code) else "")

    def kind_column(kind: PilotKind) -> Column[str]:
        return Column(kind.value, str(kind.label).capitalize(), lambda code: stays[code, kind], kind="integer")

    columns: list[Column[str]] = [
        Column("stage", _("Stage"), lambda code: Cell(labels[code], url=urls[code])),
        Column("standing", _("Standing there now"), here.__getitem__, kind="integer"),
        *map(kind_column, kinds),
        Column("reached", _("At or past"), reached_cell, kind="integer"),
        Column("n", _("of"), lambda _code: whole.n, kind="integer"),
        Column(
            "share", _("Share"), lambda code: share(reached[code], whole.n) if code in reached else "", kind="share"
        ),
    ]
    bars = [
        charts.Bar(
            label,
            [stays[code, kind] for kind in kinds],
            _("%(n)d at or past it") % {"n": reached[code]} if code in reached else "",
            urls[code],
            number=_("%(n)d here") % {"n": here[code]},
            behind=reached.get(code, 0),
        )
        for code, label in labels.items()
        if here[code]  # where nobody stands, there is nothing to see
    ]
    parts = [_("%(scope)s, as of %(day)s") % {"scope": scope, "day": format_date(progress.as_of)}]
    if whole.unknown:
        text = ngettext("%(n)d without any stage on record", "%(n)d without any stage on record", whole.unknown)
        parts.append(text % {"n": whole.unknown})
    if whole.withdrawn:
        text = ngettext("%(n)d withdrawn and left out", "%(n)d withdrawn and left out", whole.withdrawn)
        parts.append(text % {"n": whole.withdrawn})
    return Chart(
        slug="funnel",
        kind="bars",
        title=funnel_title(whole.n, whole.n - whole.reached[Stage.PLAN_ISSUED], standing),
        subtitle=" · ".join(parts),
        table=make_table(columns, list(labels)),
        data=charts.bars(
            bars,
            [(str(kind.label), colour) for kind, colour in zip(kinds, KIND_COLOURS, strict=False)],
        )
        if bars
        else {},
        legend=[(f"swatch series{n}", str(kind.label)) for n, kind in enumerate(kinds)] if kinds[1:] else [],
        sources=sources,
        note=_(
            "Pale: at or past the stage, also where the day of that stage was never published. "
            "A pilot that has withdrawn is not counted."
        ),
        api=progress_api_url(filters),
    )


def pilot_kinds(progress: Progress) -> list[PilotKind]:
    """Return the kinds that occur among the pilots, in order."""
    kinds = {status.pilot.kind for status in progress.pilots}
    return [kind for kind in PilotKind if kind.value in kinds]


def funnel_title(n: int, without_plan: int, standing: Mapping[Stage, int]) -> str:
    """Return the headline: the stage with most pilots, and how many have no plan yet."""
    stage, most = max(standing.items(), key=lambda item: (item[1], item[0].order))
    if not most:
        return _("No stage of any pilot is on record")
    text = ngettext("%(most)d of %(n)d pilot stands at “%(stage)s”", "%(most)d of %(n)d pilots stand at “%(stage)s”", n)
    text %= {"most": most, "n": n, "stage": stage.label}
    if not without_plan:
        return text + _("; all have issued their plan")
    rest = ngettext("; %(n)d has no plan on record", "; %(n)d have no plan on record", without_plan)
    return text + rest % {"n": without_plan}


# -- from the list to the plan -------------------------------------------------------------------------


def plan_lag_chart(progress: Progress, scope: str, sources: Sequence[Source], **filters: str) -> Chart:
    """Return the chart of days from list to plan, a dot per pilot, by kind; names without a plan."""
    kinds, names = pilot_kinds(progress), distinct_names_of(progress)
    spans = {item.pilot.pk: item.list_to_plan for item in progress.pilots if item.list_to_plan}
    days = {pk: span.days for pk, span in spans.items()}
    timed = sorted((item for item in progress.pilots if item.pilot.pk in spans), key=lambda item: item.pilot.pk)
    done = sorted((item for item in timed if spans[item.pilot.pk].done), key=lambda item: days[item.pilot.pk])
    waiting = sorted((item for item in timed if not spans[item.pilot.pk].done), key=lambda item: -days[item.pilot.pk])
    drawn = done if len(done) >= MIN_DRAWN else []
    half = median_days([days[item.pilot.pk] for item in done])
    middle = None if half is None else whole_days(half)

    def first_entry(item: PilotStatus, stage: Stage) -> date | None:
        entries = [entry.entered_on for entry in item.pilot.prefetched_stages if entry.stage == stage]
        return min((on for on in entries if on and on <= progress.as_of), default=None)

    def days_where(item: PilotStatus, done: bool) -> int | str | None:
        span = spans.get(item.pilot.pk)
        return span.days if span and span.done == done else None if done or not span else ""

    columns: list[Column[PilotStatus]] = [
        Column("pilot", _("Pilot"), lambda item: pilot_cell(item.pilot, names)),
        Column("kind", _("Kind"), lambda item: item.pilot.get_kind_display()),
        Column("province", _("Province"), lambda item: province_cell(item.pilot.province)),
        Column("listed_on", _("Listed"), lambda item: first_entry(item, Stage.LISTED), kind="date"),
        Column("plan_issued_on", _("Plan issued"), lambda item: first_entry(item, Stage.PLAN_ISSUED), kind="date"),
        Column("days", _("Days from list to plan"), lambda item: days_where(item, True), kind="integer"),
        Column(
            "waiting",
            _("Days since the list without a plan on record"),
            lambda item: days_where(item, False),  # nothing to say of one with a plan
            kind="integer",
        ),
    ]
    order = sorted(progress.pilots, key=lambda item: (-days.get(item.pilot.pk, -1), item.pilot.pk))
    groups = [
        (_("Plan on record: days from the list"), [] if drawn else done),
        (_("No plan on record: days since the list"), waiting),
    ]
    subtitle = _(
        "%(scope)s: %(done)d with a plan on record, %(waiting)d without, "
        "%(unknown)d not known to the day, as of %(day)s"
    ) % {
        "scope": scope,
        "done": len(done),
        "waiting": len(waiting),
        "unknown": len(progress.pilots) - len(timed),
        "day": format_date(progress.as_of),
    }
    points = [
        {
            "x": days[item.pilot.pk],
            "lane": kinds.index(PilotKind(item.pilot.kind)),
            "title": names[item.pilot.pk],
            "text": format_days(days[item.pilot.pk]),
            "url": item.pilot.get_absolute_url(),
        }
        for item in drawn
    ]
    median_line = (middle, _("median %(days)s") % {"days": format_days(middle)}) if middle is not None else None
    return Chart(
        slug="plan-lag",
        kind="strip",
        title=plan_lag_title([days[item.pilot.pk] for item in done], [days[item.pilot.pk] for item in waiting], middle),
        subtitle=subtitle,
        table=make_table(columns, order),
        data=charts.strip(
            [str(kind.label).capitalize() for kind in kinds],
            points,
            _("days after the list"),
            (_("plan issued"), ""),
            median_line,
        ),
        names=[
            {
                "title": title,
                "rows": [
                    {
                        "label": names[item.pilot.pk],
                        "url": item.pilot.get_absolute_url(),
                        "text": format_days(days[item.pilot.pk]),
                    }
                    for item in found[:MAX_NAMES]
                ],
                "rest": ngettext("%(n)d more in the table", "%(n)d more in the table", len(found) - MAX_NAMES)
                % {"n": len(found) - MAX_NAMES}
                if len(found) > MAX_NAMES
                else "",
            }
            for title, found in groups
            if found
        ],
        sources=sources,
        note=join_sentences(
            _("The median counts only plans on record.") if middle is not None else "",
            _("A plan that is not on record may have been issued all the same."),
        ),
        api=progress_api_url(filters),
    )


def plan_lag_title(done: Sequence[int], waiting: Sequence[int], middle: int | None) -> str:
    """Return the headline: median days, and pilots without a plan on record (not "none issued").

    `done` are the days of plans, the quickest first; `waiting` those since the list, the longest first.
    """
    if not done and not waiting:
        return _("No pilot’s days from the list to the plan are known")
    longest = {"n": len(waiting), "days": format_days(waiting[0])} if waiting else {}
    if not done:
        text = ngettext(
            "%(n)d pilot has no plan on record, %(days)s since the list",
            "%(n)d pilots have no plan on record, the longest %(days)s since the list",
            len(waiting),
        )
        return text % longest
    if middle is None:
        text = ngettext(
            "%(n)d of %(all)d pilots has a plan on record, %(days)s after the list",
            "%(n)d of %(all)d pilots have a plan on record, the latest %(days)s after the list",
            len(done),
        ) % {"n": len(done), "all": len(done) + len(waiting), "days": format_days(done[-1])}
    else:
        text = _("Half of the plans on record came within %(days)s of the list") % {"days": format_days(middle)}
    if not waiting:
        return text
    rest = ngettext(
        "; %(n)d pilot has none on record, %(days)s since the list",
        "; %(n)d have none on record, up to %(days)s since the list",
        len(waiting),
    )
    return text + rest % longest


# -- time in stages ------------------------------------------------------------------------------------


def stage_duration_chart(progress: Progress, scope: str, sources: Sequence[Source]) -> Chart:
    """Return the chart of days in each stage, a dot per pilot; hollow while it is still there.

    Withdrawn pilots count for stages that they had left.
    """
    left: dict[Stage, list[tuple[int, PilotStatus]]] = {stage: [] for stage in ORDERED_STAGES}
    still: dict[Stage, list[tuple[int, PilotStatus]]] = {stage: [] for stage in ORDERED_STAGES}
    for status in progress.pilots:
        now = status.current_stage.stage if status.current_stage else None
        for stage, days in metrics.time_in_stages(status.stage_events, progress.as_of).items():
            if stage in left:
                (still if stage == now else left)[stage].append((days, status))
    found = {stage: median_days([days for days, _status in stays]) for stage, stays in left.items()}
    medians = {stage: days for stage, days in found.items() if days is not None}

    def middle(stage: Stage) -> float | str | None:
        n = len(left[stage])
        return medians.get(stage, too_few_text(n) if n else None)

    longest = {stage: max(stays, key=lambda stay: stay[0]) for stage, stays in still.items() if stays}
    columns: list[Column[Stage]] = [
        Column("stage", _("Stage"), lambda stage: str(stage.label)),
        Column("left", _("Moved on"), lambda stage: len(left[stage]), kind="integer"),
        Column("median", _("Their median days"), middle, kind="decimal"),
        Column("still", _("Still there"), lambda stage: len(still[stage]), kind="integer"),
        Column(
            "longest",
            _("Longest so far, days"),
            lambda stage: longest[stage][0] if stage in longest else "",
            kind="integer",
        ),
        Column(
            "pilot",
            _("Longest there"),
            lambda stage: (
                Cell(longest[stage][1].pilot.name, url=longest[stage][1].pilot.get_absolute_url())
                if stage in longest
                else Cell("")
            ),
        ),
    ]
    used = [stage for stage in ORDERED_STAGES if left[stage] or still[stage]]
    points = [
        {
            "x": days,
            "lane": lane,
            "title": status.pilot.name,
            "text": _("%(days)s so far") % {"days": format_days(days)} if stays is still else format_days(days),
            "hollow": stays is still,
        }
        for lane, stage in enumerate(used)
        for stays in (left, still)
        for days, status in stays[stage]
    ]
    series = (_("has moved on"), _("still there: days so far"))
    title = _("Nobody has left a stage on record yet")
    if any(left.values()):
        title = _("Too few pilots have left a stage to say how long it takes")
    if medians:
        slowest = max(medians, key=lambda stage: medians[stage])
        title = _("“%(stage)s” took longest: half needed %(days)s or more") % {
            "stage": slowest.label,
            "days": format_days(whole_days(medians[slowest])),
        }
    return Chart(
        slug="stage-time",
        kind="strip",
        title=title,
        subtitle=_("Days in each stage; %(scope)s, as of %(day)s")
        % {"scope": scope, "day": format_date(progress.as_of)},
        table=make_table(columns, ORDERED_STAGES),
        data=charts.strip([str(stage.label) for stage in used], points, _("days in the stage"), series),
        legend=[("dot certain", series[0]), ("dot latest", series[1])] if any(left.values()) else [],
        sources=sources,
        note=join_sentences(
            _("A median is given from five pilots on."),
            _("Stages whose day is not on record take no time here: their days fall to the stage before."),
        ),
    )
