"""How far pilots have come, and how long it took them, as chart frames and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column, Lines, Table
from config.templatetags.site import days as days_text
from config.templatetags.site import share as share_text
from config.words import labelled, listed, sentences
from pilots.charts.addresses import pilots_url, progress_api
from pilots.charts.places import recorded_pilots
from pilots.cohorts import Cohort, Cohorts, StageTime, Stay
from pilots.metrics import ORDERED, Funnel, Stage
from pilots.models import PilotKind, StageEntry
from pilots.progress import UNKNOWN, PilotStatus, Progress, brought, withdrawn
from policies.charts import day
from policies.metrics import share
from policies.models import Region, Source

MOST_DOTS = 300  # of a strip: more cannot be told apart, and each weighs on the page
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
    """Pilots at or past each stage, one colour a kind. `scope` says which pilots; `filters` lead to their list."""
    kinds = kinds_of(progress)
    parts = [progress.funnel(kind) for kind in kinds]
    whole = progress.funnel()
    standing = standing_in(progress)
    return Chart(
        slug="funnel",
        kind="funnel",
        title=funnel_title(whole, standing),
        subtitle=funnel_scope(whole, scope, progress.as_of),
        table=funnel_table(whole, parts, kinds, standing, filters),
        data={
            "bars": [funnel_bar(stage, whole, parts, filters) for stage in ORDERED],
            "series": [str(kind.label) for kind in kinds],
            "stacked": True,
            "max": whole.n,
            "labels": {"value": _("pilots at or past the stage")},
            "legend": [
                {"key": f"swatch series{index}", "label": f"{kind.label} ({part.n})"}
                for index, (kind, part) in enumerate(zip(kinds, parts, strict=True))
            ],
        },
        sources=sources,
        note=_(
            "A pilot at or past a stage counts in it, also where the day of that stage was never published. "
            "A pilot told to rectify counts where it was; one that has withdrawn is not counted."
        ),
        api=progress_api(filters),
    )


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


def funnel_scope(funnel: Funnel, scope: str, as_of: date) -> str:
    parts = [_("%(scope)s, as of %(day)s") % {"scope": scope, "day": day(as_of)}]
    if funnel.unknown:
        text = ngettext("%(n)d without any stage on record", "%(n)d without any stage on record", funnel.unknown)
        parts.append(text % {"n": funnel.unknown})
    if funnel.withdrawn:
        text = ngettext("%(n)d withdrawn and left out", "%(n)d withdrawn and left out", funnel.withdrawn)
        parts.append(text % {"n": funnel.withdrawn})
    return " · ".join(parts)


def of_all(count: int, n: int) -> str:
    return _("%(count)d of %(n)d") % {"count": count, "n": n}


def funnel_bar(stage: Stage, whole: Funnel, parts: Sequence[Funnel], filters: dict[str, str]) -> dict[str, Any]:
    return {
        "label": str(stage.label),
        "parts": [part.reached[stage] for part in parts],
        "text": of_all(whole.reached[stage], whole.n),
        "url": pilots_url(**filters, reached=stage.value),
    }


def funnel_table(
    whole: Funnel,
    parts: Sequence[Funnel],
    kinds: Sequence[PilotKind],
    standing: Counter[Stage],
    filters: dict[str, str],
) -> Table:
    """The ten stages; a last line for those whose stage is not known."""
    columns = [
        Column("stage", _("Stage")),
        Column("reached", _("At or past"), "integer"),
        Column("n", _("of"), "integer"),
        Column("share", _("Share"), "share"),
        *[Column(kind.value, str(kind.label).capitalize(), "integer") for kind in kinds],
        Column("standing", _("Standing there now"), "integer"),
    ]
    rows = [
        [
            Cell(str(stage.label), url=pilots_url(**filters, reached=stage.value)),
            Cell(whole.reached[stage]),
            Cell(whole.n),
            Cell(whole.share(stage)),
            *[Cell(part.reached[stage]) for part in parts],
            Cell(standing[stage], url=pilots_url(**filters, stage=stage.value) if standing[stage] else ""),
        ]
        for stage in ORDERED
    ]
    unknown = [
        Cell(_("Not on record"), url=pilots_url(**filters, stage=UNKNOWN)),
        Cell(whole.unknown),
        Cell(whole.n),
        Cell(share(whole.unknown, whole.n)),
        *[Cell(part.unknown) for part in parts],
        Cell(whole.unknown),
    ]
    return Table(columns, [*rows, unknown])


def longest_table(progress: Progress, most: int = 5) -> Table:
    """Who has stood in one stage for longest."""
    columns = [
        Column("pilot", _("Pilot")),
        Column("stage", _("Stage")),
        Column("days", _("Days in stage"), "integer"),
        Column("since", _("Since"), "date"),
    ]
    return Table(
        columns,
        [
            [
                Cell(item.pilot.name, url=item.pilot.get_absolute_url(), lang=item.pilot.name_lang),
                Cell(stage_word(item)),
                Cell(item.days_in_stage),
                Cell(item.position.since if item.position else None),
            ]
            for item in progress.longest_in_stage[:most]
        ],
    )


# -- from the list to the plan -------------------------------------------------------------------------


def plan_lag_chart(
    progress: Progress, scope: str, sources: Sequence[Source], *, by: str = "kind", **filters: str
) -> Chart:
    """Days from the list to the plan, a dot a pilot; an open bar without one on record. Lanes by kind or region."""
    lanes = plan_lanes(progress, by)
    timed = [item for item in progress.pilots if item.list_to_plan is not None]
    done = sorted(item.list_to_plan.days for item in timed if item.list_to_plan and item.list_to_plan.done)
    waiting = sorted(item.list_to_plan.days for item in timed if item.list_to_plan and not item.list_to_plan.done)
    middle = median(done) if done else None
    unknown = len(progress.pilots) - len(timed)
    return Chart(
        slug="plan-lag",
        kind="strip",
        title=plan_lag_title(done, waiting, middle),
        subtitle=plan_lag_scope(len(done), len(waiting), unknown, scope, progress.as_of),
        table=plan_lag_table(progress),
        data={
            "lanes": [label for _code, label in lanes],
            "points": gathered([plan_lag_point(item, lane_of(item, lanes, by)) for item in timed]),
            "median": middle,
            "labels": {
                "x": _("days after the list"),
                "certain": _("plan issued"),
                "latest": _("no plan on record: days since the list"),
                "median": _("median %(days)s") % {"days": half_days(middle)} if middle is not None else "",
            },
        },
        sources=sources,
        note=sentences(
            _(
                "The median counts only plans on record. "
                "A plan that is not on record may have been issued all the same."
            ),
            gathered_note(len(timed)),
        ),
        api=progress_api(filters),
    )


def plan_lanes(progress: Progress, by: str) -> list[tuple[str, str]]:
    """(code, label) of the lanes that have a pilot."""
    if by == "region":
        used = {item.pilot.province.region for item in progress.pilots}
        return [(region.value, str(region.label)) for region in Region if region.value in used]
    return [(kind.value, str(kind.label).capitalize()) for kind in kinds_of(progress)]


def lane_of(item: PilotStatus, lanes: Sequence[tuple[str, str]], by: str) -> int:
    code = item.pilot.province.region if by == "region" else item.pilot.kind
    return [lane for lane, _label in lanes].index(code)


def plan_lag_point(item: PilotStatus, lane: int) -> dict[str, Any]:
    span = item.list_to_plan
    days, done = (span.days, span.done) if span else (0, False)
    text = days_text(days)
    return {
        "lane": lane,
        "label": item.pilot.name,
        "url": item.pilot.get_absolute_url(),
        "days": days,
        "from": None if done else 0,
        "certain": done,
        "text": text if done else _("no plan on record, %(days)s since the list") % {"days": text},
    }


def plan_lag_title(done: Sequence[int], waiting: Sequence[int], middle: float | None) -> str:
    """How long half of the plans took, and how many pilots have none on record, which is not "none issued"."""
    if middle is None and not waiting:
        return _("No pilot’s days from the list to the plan are known")
    if middle is None:
        text = ngettext(
            "%(n)d pilot has no plan on record, %(days)s since the list",
            "%(n)d pilots have no plan on record, the longest %(days)s since the list",
            len(waiting),
        )
        return text % {"n": len(waiting), "days": days_text(waiting[-1])}
    text = _("Half of the plans on record came within %(days)s of the list") % {"days": half_days(middle)}
    if not waiting:
        return text
    rest = ngettext(
        "; %(n)d pilot has none on record, %(days)s since the list",
        "; %(n)d have none on record, up to %(days)s since the list",
        len(waiting),
    )
    return text + rest % {"n": len(waiting), "days": days_text(waiting[-1])}


def half_days(middle: float) -> str:
    """A median in days, which may end in a half."""
    if middle == int(middle):
        return days_text(int(middle))
    # Translators: a number that is not whole, such as 285.5 days.
    return _("%(number)s days") % {"number": number_format(round(middle, 1), 1)}


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
    return Table(columns, Lines(order, plan_lag_cells))


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


def plan_lag_cells(item: PilotStatus) -> list[Cell]:
    span = item.list_to_plan
    return [
        Cell(item.pilot.name, url=item.pilot.get_absolute_url(), lang=item.pilot.name_lang),
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
        "parts": "; ".join(parts),
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
        "days": half_days(middle or 0),
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
