"""Stages of a pilot: the current one, durations, and consistency of the record.

The stages up to the plan, and promotion, follow published documents of the programme; implementation, mid-term and
final evaluation are this system's own convention: no national rule for them has been found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Stage(TextChoices):
    """The ten stages in order, and the two side states."""

    RECOMMENDED = "recommended", _("Recommended")
    REVIEWED = "reviewed", _("Reviewed by experts")
    LISTED = "listed", _("Listed")
    TASKED = "tasked", _("Task list received")
    PLAN_DRAFT = "plan_draft", _("Plan drafted")
    PLAN_ISSUED = "plan_issued", _("Plan issued")
    IMPLEMENTING = "implementing", _("Implementing")
    MIDTERM = "midterm", _("Mid-term evaluation")
    FINAL_EVAL = "final_eval", _("Final evaluation")
    PROMOTED = "promoted", _("Results promoted")
    RECTIFYING = "rectifying", _("Rectifying")
    WITHDRAWN = "withdrawn", _("Withdrawn")

    @property
    def order(self) -> int:
        """1 for the first of the ten stages to 10; 11 and 12 for the side states."""
        return STAGE_ORDER[self]

    @property
    def is_side(self) -> bool:
        """Whether it is a side state, outside the sequence."""
        return self in {Stage.RECTIFYING, Stage.WITHDRAWN}


STAGE_ORDER = {stage: place for place, stage in enumerate(Stage, 1)}  # read several hundred thousand times for one page

ORDERED_STAGES = tuple(stage for stage in Stage if not stage.is_side)
"""The ten stages a pilot goes through."""

RECTIFIABLE_STAGES = (Stage.IMPLEMENTING, Stage.MIDTERM, Stage.FINAL_EVAL)
"""The stages from which a pilot can be ordered to rectify."""


class StageEvent(NamedTuple):
    """Entry of a pilot into a stage on a day; `reason` says why stages before it were skipped.

    After rectifying, the stage it returns to is entered again.
    """

    stage: Stage
    on: date
    reason: str = ""


def sort_events(entries: Iterable[StageEvent]) -> list[StageEvent]:
    """Sort by day, and on one day by the order of stages."""
    return sorted(entries, key=lambda entry: (entry.on, entry.stage.order))


# -- one pilot on a day --------------------------------------------------------------------------------


class CurrentStage(NamedTuple):
    """Stage on a day, and since when; `reached` is the furthest of the ten, kept in a side state.

    `reached` is None for a pilot of which only a side state is recorded.
    """

    stage: Stage
    since: date
    reached: Stage | None


def current_stage(entries: Iterable[StageEvent], as_of: date) -> CurrentStage | None:
    """Return the latest stage entered on or before the day; None when there is none."""
    known = sort_events(entry for entry in entries if entry.on <= as_of)
    if not known:
        return None
    stage = known[-1].stage
    start = len(known) - 1
    while start and known[start - 1].stage == stage:
        start -= 1
    reached = max(
        (entry.stage for entry in known if not entry.stage.is_side), key=lambda stage: stage.order, default=None
    )
    return CurrentStage(stage, known[start].on, reached)


class Duration(NamedTuple):
    """Days from the list to the plan, or so far if not `done`."""

    days: int
    done: bool


def list_to_plan(entries: Iterable[StageEvent], as_of: date) -> Duration | None:
    """Return the days from the first entry in the list to that of the plan, or so far, as known on a day.

    None when the day of the list is not known; also after withdrawal without a plan, since nothing is awaited then.
    """
    known = sort_events(entry for entry in entries if entry.on <= as_of)
    listed = next((entry for entry in known if entry.stage == Stage.LISTED), None)
    plan = next((entry for entry in known if entry.stage == Stage.PLAN_ISSUED), None)
    if listed is None:
        return None
    if plan is not None:
        return Duration((plan.on - listed.on).days, done=True)
    return None if known[-1].stage == Stage.WITHDRAWN else Duration((as_of - listed.on).days, done=False)


def time_in_stages(entries: Iterable[StageEvent], as_of: date) -> dict[Stage, int]:
    """Return the days in each stage entered, up to the day, repeated stays added, without time after withdrawal."""
    known = sort_events(entry for entry in entries if entry.on <= as_of)
    spent: Counter[Stage] = Counter()
    ends = [entry.on for entry in known[1:]]
    for entry, until in zip(known, [*ends, as_of], strict=False):  # without an entry only `as_of` is left
        if entry.stage != Stage.WITHDRAWN:
            spent[entry.stage] += (until - entry.on).days
    return dict(spent)


# -- many pilots ---------------------------------------------------------------------------------------


class StageFunnel(NamedTuple):
    """Number of pilots at or past each of the ten stages.

    `n` counts pilots in the programme, `unknown` those of them without any stage on record. `withdrawn` pilots are
    outside `n`.
    """

    n: int
    reached: dict[Stage, int]
    unknown: int
    withdrawn: int


def stage_funnel(pilots: Iterable[CurrentStage | None]) -> StageFunnel:
    """Return the funnel on a day, from the stage of each pilot. A rectifying pilot counts at its last stage."""
    positions = list(pilots)
    withdrawn = sum(at is not None and at.stage == Stage.WITHDRAWN for at in positions)
    within = [at for at in positions if at is None or at.stage != Stage.WITHDRAWN]
    furthest = [at.reached.order for at in within if at is not None and at.reached is not None]
    reached = {stage: sum(order >= stage.order for order in furthest) for stage in ORDERED_STAGES}
    return StageFunnel(len(within), reached, len(within) - len(furthest), withdrawn)


# -- whether a record can be true ----------------------------------------------------------------------


class StageIssueCode(TextChoices):
    """Code of an inconsistency in a pilot's stages."""

    FUTURE = "future", _("a stage cannot be entered on a day still to come")
    DECREASES = "decreases", _("a stage cannot be entered before an earlier stage")
    REPEATED = "repeated", _("a stage is entered twice without rectifying in between")
    SKIPPED = "skipped", _("a stage passed over needs a reason")
    NOT_RECTIFIABLE = "not_rectifiable", _("rectifying begins from implementation or an evaluation")
    NOT_RETURNED = "not_returned", _("after rectifying a pilot returns to where it was")
    AFTER_WITHDRAWAL = "after_withdrawal", _("nothing follows a withdrawal")


class StageIssue(NamedTuple):
    """Inconsistency of one stage entry; `stages` are those skipped, or the one it should have returned to."""

    code: StageIssueCode
    event: StageEvent
    stages: tuple[Stage, ...] = ()


def stage_issues(entries: Iterable[StageEvent], today: date) -> list[StageIssue]:
    """Return the inconsistencies of a pilot's stages, in order; empty when the record is consistent.

    Stages before the first one on record are unknown, not skipped, and need no reason.
    """
    ordered = sort_events(entries)
    found = [StageIssue(StageIssueCode.FUTURE, entry) for entry in ordered if entry.on > today]
    reached: Stage | None = None
    for before, entry in pairwise([None, *ordered]):
        if entry is not None:
            problem = _stage_issue(before, entry, reached)
            found += [problem] if problem else []
            if not entry.stage.is_side and (reached is None or entry.stage.order > reached.order):
                reached = entry.stage
    return sorted(found, key=lambda problem: ordered.index(problem.event))


def _stage_issue(before: StageEvent | None, entry: StageEvent, reached: Stage | None) -> StageIssue | None:
    """Return the inconsistency of an entry with the one before it; `reached` is the furthest stage so far."""
    if before is not None and before.stage == Stage.WITHDRAWN:
        return StageIssue(StageIssueCode.AFTER_WITHDRAWAL, entry)
    if entry.stage == Stage.WITHDRAWN:
        return None
    if entry.stage == Stage.RECTIFYING:
        return None if reached in RECTIFIABLE_STAGES else StageIssue(StageIssueCode.NOT_RECTIFIABLE, entry)
    if reached is None:
        return None
    if before is not None and before.stage == Stage.RECTIFYING:
        return None if entry.stage == reached else StageIssue(StageIssueCode.NOT_RETURNED, entry, (reached,))
    if entry.stage.order <= reached.order:
        return StageIssue(StageIssueCode.REPEATED if entry.stage == reached else StageIssueCode.DECREASES, entry)
    skipped = ORDERED_STAGES[reached.order : entry.stage.order - 1]
    return StageIssue(StageIssueCode.SKIPPED, entry, skipped) if skipped and not entry.reason.strip() else None
