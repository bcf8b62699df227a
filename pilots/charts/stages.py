"""Charts and texts of stages."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Min, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import charts
from core.tables import Cell, Chart, Column, make_table
from core.text import format_date, format_days, join_clauses, join_short, label_value, no_data
from pilots.analytics.pilot_status import UNKNOWN_STAGE, PilotStatus
from pilots.analytics.progress import Progress
from pilots.charts.cells import pilots_url, progress_api_url
from pilots.lights import Colour, LightReason, counts_from
from pilots.metrics import ORDERED_STAGES, Stage
from pilots.models import PilotKind
from pilots.models.pilot import counted_condition, has_withdrawn
from policies.metrics import median_days, share, whole_days
from policies.models import Source
from policies.tables import too_few_text

KIND_COLOURS = ("--accent", "--s3", "--second", "--grey")


# -- one pilot -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrackStage:
    """One stage of the stage track. `state` is done, now, skipped, unknown (before the first on record, or of a pilot
    without any) or ahead.
    """

    stage: Stage
    state: str
    state_label: str
    on: date | None
    planned: date | None
    reason: str  # for having no date
    evidence: str
    late: Colour | None  # the light of its milestone, if that is overdue
    result: str = ""  # of an evaluation
    entered_late: date | None = None  # the day from which on it counts

    @property
    def label(self) -> str:
        return str(self.stage.label)


def stage_track(status: PilotStatus) -> list[TrackStage]:
    """Return the ten stages of a pilot on the day, each with its date or the reason for having none.

    The reason of an entry explains the stages between it and the furthest one before it, and no others. A milestone of
    a stage says by when it is planned. Of a pilot without any stage on record nothing is known of any.
    """
    rows = [entry for entry in status.pilot.prefetched_stages if not Stage(entry.stage).is_side]
    entered = sorted(
        (item for item in rows if counts_from(item.entered_on, item.recorded_on) <= status.as_of),
        key=lambda item: (item.entered_on, Stage(item.stage).order),
    )
    reasons: dict[str, str] = {}
    reached = 0
    for entry in entered:
        order = Stage(entry.stage).order
        if order > reached:
            reasons |= dict.fromkeys(ORDERED_STAGES[reached : order - 1], entry.reason)
            reached = order
    first = min((Stage(entry.stage).order for entry in entered), default=0)
    lights = {item.record.stage: item for item in status.milestones if item.record.stage and item.in_force}
    words = {
        "done": _("done"),
        "now": _("now"),
        "skipped": _("day not on record"),
        "unknown": _("not on record") if entered else no_data(),
        "ahead": _("not reached") if status.is_withdrawn else _("to come"),
    }
    marks = []
    for stage in ORDERED_STAGES:
        own = next((entry for entry in entered if entry.stage == stage), None)
        if own:
            state = "now" if stage.order == reached else "done"
        elif stage.order > reached and entered:
            state = "ahead"
        else:
            state = "unknown" if stage.order < first or not entered else "skipped"
        goal = lights.get(stage)
        late = goal if goal and goal.why == LightReason.LATE else None
        counts = counts_from(own.entered_on, own.recorded_on) if own else None
        marks.append(
            TrackStage(
                stage,
                state,
                _("%(days)s overdue") % {"days": format_days(late.delay or 0)} if late else words[state],
                on=own.entered_on if own else None,
                planned=goal.planned_on if goal and not own else None,
                reason=reasons.get(stage, "") if state in ("skipped", "unknown") else "",
                evidence=own.evidence if own else "",
                late=late.colour if late else None,
                result=str(own.get_result_display()) if own and own.result else "",
                entered_late=counts if own and counts != own.entered_on else None,
            )
        )
    return marks


def track_notes(marks: Sequence[TrackStage]) -> list[dict[str, str]]:
    """Return the results of evaluations, what was entered late, and the reasons for stages without a date, of which
    equal ones are one.
    """
    notes: dict[str, list[str]] = defaultdict(list)
    for mark in marks:
        late = _("entered late, and counts from %(day)s on") % {"day": format_date(mark.entered_late)}
        said = join_clauses(filter(None, [mark.result, late if mark.entered_late else "", mark.reason]))
        notes[said].append(mark.label)
    return [{"reason": text, "stages": label_value(join_short(names), "")} for text, names in notes.items() if text]


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
    present = progress.lit.filter(~has_withdrawn(progress.as_of)).values_list("light_stage", "kind")
    stays = Counter({(stage or UNKNOWN_STAGE, kind): n for stage, kind, n in present.annotate(n=Count("pk"))})
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
    """Return the kinds that occur among the pilots, in order. One query."""
    kinds = set(progress.rows.values_list("kind", flat=True).distinct())
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


def plan_days_text(progress: Progress) -> str:
    """Return the median of `list_to_plan` in days, or of how few plans; empty where no plan is on record. One query."""
    entered = progress.rows.filter(counted_condition("stages__entered_on", "stages__recorded_on", progress.as_of))
    first = [Min("stages__entered_on", filter=Q(stages__stage=stage)) for stage in (Stage.LISTED, Stage.PLAN_ISSUED)]
    spans = entered.annotate(listed=first[0], plan=first[1]).values_list("listed", "plan")
    days = [(plan - listed).days for listed, plan in spans if listed and plan]
    middle = median_days(days)
    if middle is None:
        return too_few_text(len(days)) if days else ""
    text = ngettext("median %(days)s, of %(n)d plan on record", "median %(days)s, of %(n)d plans on record", len(days))
    return text % {"days": format_days(whole_days(middle)), "n": len(days)}
