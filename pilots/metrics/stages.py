"""Where a pilot stands in the programme, how long it took, and whether its record can be true.

The stages up to the plan, and promotion, follow published documents of the programme; implementation, mid-term and
final evaluation are this system's own convention: no national rule for them has been found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from policies.metrics import share


class Stage(TextChoices):
    """The ten stages in their order, and the two side states."""

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
        return PLACES[self]

    @property
    def is_side(self) -> bool:
        """A side state, which is no step on the way."""
        return self in {Stage.RECTIFYING, Stage.WITHDRAWN}


PLACES = {stage: place for place, stage in enumerate(Stage, 1)}  # asked for by the hundred thousand

ORDERED = tuple(stage for stage in Stage if not stage.is_side)
"""The ten stages a pilot goes through."""

RECTIFIABLE = (Stage.IMPLEMENTING, Stage.MIDTERM, Stage.FINAL_EVAL)
"""The stages from which a pilot can be told to rectify."""


@dataclass(frozen=True)
class Entry:
    """A pilot enters a stage on a day; `exact` is False when the day is only the one by which it had.

    `reason` says why the stages before it were passed over. After rectifying, the stage it returns to is entered again.
    """

    stage: Stage
    on: date
    exact: bool = True
    reason: str = ""


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """By day, and on one day by the order of stages."""
    return sorted(entries, key=lambda entry: (entry.on, entry.stage.order))


# -- one pilot on a day --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Position:
    """The stage on a day, and since when; `reached` is the furthest of the ten, the one held in a side state.

    `reached` is None for a pilot of which only a side state is recorded.
    """

    stage: Stage
    since: date
    exact: bool
    reached: Stage | None


def position(entries: Iterable[Entry], as_of: date) -> Position | None:
    """The latest entry on or before the day; None when there is none."""
    known = in_order(entry for entry in entries if entry.on <= as_of)
    if not known:
        return None
    stage = known[-1].stage
    start = len(known) - 1
    while start and known[start - 1].stage == stage:
        start -= 1
    reached = max(
        (entry.stage for entry in known if not entry.stage.is_side), key=lambda stage: stage.order, default=None
    )
    return Position(stage, known[start].on, known[start].exact, reached)


def days_in_stage(entries: Iterable[Entry], as_of: date) -> int | None:
    """Days since the present stage was entered, 0 on that day; None without an entry. After withdrawal, days out."""
    now = position(entries, as_of)
    return None if now is None else (as_of - now.since).days


@dataclass(frozen=True)
class Span:
    """Days from one stage to another, or so far when it is not `done`."""

    days: int
    done: bool


def span(entries: Iterable[Entry], start: Stage, end: Stage, as_of: date) -> Span | None:
    """Days from the first entry of one stage to that of another, as known on a day; so far when it is still to come.

    None when the start is not known to the day, or the end only as a day by which it had come; also after withdrawal
    without the end, when nobody waits any more.
    """
    known = in_order(entry for entry in entries if entry.on <= as_of)
    first = next((entry for entry in known if entry.stage == start), None)
    last = next((entry for entry in known if entry.stage == end), None)
    if first is None or not first.exact or (last is not None and not last.exact):
        return None
    if last is not None:
        return Span((last.on - first.on).days, done=True)
    return None if known[-1].stage == Stage.WITHDRAWN else Span((as_of - first.on).days, done=False)


def list_to_plan(entries: Iterable[Entry], as_of: date) -> Span | None:
    """Days from the list to the plan, or waited so far; None as in `span`."""
    return span(entries, Stage.LISTED, Stage.PLAN_ISSUED, as_of)


def list_to_plan_days(entries: Iterable[Entry], as_of: date) -> int | None:
    """Days from the list to the plan; None while there is no plan, or unless both days are known exactly."""
    found = list_to_plan(entries, as_of)
    return found.days if found and found.done else None


def time_in_stages(entries: Iterable[Entry], as_of: date) -> dict[Stage, int]:
    """Days spent in each stage entered, up to the day; repeated stays add up. Time after withdrawal is not counted.

    A day that is not exact counts as it stands: mark the figure.
    """
    known = in_order(entry for entry in entries if entry.on <= as_of)
    spent: Counter[Stage] = Counter()
    ends = [entry.on for entry in known[1:]]
    for entry, until in zip(known, [*ends, as_of], strict=False):  # without an entry there is only the day asked
        if entry.stage != Stage.WITHDRAWN:
            spent[entry.stage] += (until - entry.on).days
    return dict(spent)


# -- many pilots ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Funnel:
    """How many pilots have reached each of the ten stages, or gone past it.

    `n` are the pilots in the programme, `unknown` of them without any stage on record (they have reached none that is
    known). `withdrawn` and, at an age, `younger` pilots are outside `n`.
    """

    n: int
    reached: dict[Stage, int]
    unknown: int
    withdrawn: int
    younger: int = 0

    def share(self, stage: Stage) -> float | None:
        """The part of n at or past a stage, as a fraction; None when n is 0."""
        return share(self.reached[stage], self.n)


def funnel(pilots: Iterable[Iterable[Entry]], as_of: date) -> Funnel:
    """The funnel on a day, from the entries of each pilot. One who rectifies counts where it was."""
    return _funnel([position(entries, as_of) for entries in pilots])


def stage_at_age(entries: Iterable[Entry], days: int, as_of: date) -> Position | None:
    """Where a pilot stood so many days after it was listed; None before it is that old, or without a day of listing."""
    entries = list(entries)
    day = _day_at_age(entries, days)
    return position(entries, day) if day is not None and day <= as_of else None


def funnel_at_age(pilots: Iterable[Iterable[Entry]], days: int, as_of: date) -> Funnel:
    """Like for like: the funnel of pilots each on its own day, so many days after it was listed.

    So a later batch is not compared with an earlier one that had more time. Those not that old yet on the day asked, or
    without a day of listing, are left out as `younger`.
    """
    found = [stage_at_age(entries, days, as_of) for entries in pilots]
    return _funnel([at for at in found if at is not None], younger=found.count(None))


def _day_at_age(entries: Sequence[Entry], days: int) -> date | None:
    listing = next((entry for entry in in_order(entries) if entry.stage == Stage.LISTED), None)
    return listing.on + timedelta(days) if listing and listing.exact else None


def _funnel(positions: Sequence[Position | None], younger: int = 0) -> Funnel:
    """The funnel of pilots that stand where they stand."""
    withdrawn = sum(at is not None and at.stage == Stage.WITHDRAWN for at in positions)
    within = [at for at in positions if at is None or at.stage != Stage.WITHDRAWN]
    furthest = [at.reached.order for at in within if at is not None and at.reached is not None]
    reached = {stage: sum(order >= stage.order for order in furthest) for stage in ORDERED}
    return Funnel(len(within), reached, len(within) - len(furthest), withdrawn, younger)


# -- whether a record can be true ----------------------------------------------------------------------


class Fault(TextChoices):
    """What is wrong with a pilot's record of stages."""

    FUTURE = "future", _("a stage cannot be entered on a day still to come")
    DECREASES = "decreases", _("a stage cannot be entered before an earlier stage")
    REPEATED = "repeated", _("a stage is entered twice without rectifying in between")
    SKIPPED = "skipped", _("a stage passed over needs a reason")
    NOT_RECTIFIABLE = "not_rectifiable", _("rectifying begins from implementation or an evaluation")
    NOT_RETURNED = "not_returned", _("after rectifying a pilot returns to where it was")
    AFTER_WITHDRAWAL = "after_withdrawal", _("nothing follows a withdrawal")


@dataclass(frozen=True)
class Problem:
    """A fault of one entry; `stages` are the ones passed over, or the one it should have returned to."""

    fault: Fault
    entry: Entry
    stages: tuple[Stage, ...] = ()


def problems(entries: Iterable[Entry], today: date) -> list[Problem]:
    """All that is wrong with a pilot's entries, in their order; empty when the record can be true.

    Stages before the first one on record are not known rather than passed over, and need no reason.
    """
    ordered = in_order(entries)
    found = [Problem(Fault.FUTURE, entry) for entry in ordered if entry.on > today]
    reached: Stage | None = None
    for before, entry in pairwise([None, *ordered]):
        if entry is not None:
            problem = _problem(before, entry, reached)
            found += [problem] if problem else []
            if not entry.stage.is_side and (reached is None or entry.stage.order > reached.order):
                reached = entry.stage
    return sorted(found, key=lambda problem: ordered.index(problem.entry))


def _problem(before: Entry | None, entry: Entry, reached: Stage | None) -> Problem | None:
    """What is wrong with an entry after the one before it, when `reached` is the furthest stage so far."""
    if before is not None and before.stage == Stage.WITHDRAWN:
        return Problem(Fault.AFTER_WITHDRAWAL, entry)
    if entry.stage == Stage.WITHDRAWN:
        return None
    if entry.stage == Stage.RECTIFYING:
        return None if reached in RECTIFIABLE else Problem(Fault.NOT_RECTIFIABLE, entry)
    if reached is None:
        return None
    if before is not None and before.stage == Stage.RECTIFYING:
        return None if entry.stage == reached else Problem(Fault.NOT_RETURNED, entry, (reached,))
    if entry.stage.order <= reached.order:
        return Problem(Fault.REPEATED if entry.stage == reached else Fault.DECREASES, entry)
    skipped = ORDERED[reached.order : entry.stage.order - 1]
    return Problem(Fault.SKIPPED, entry, skipped) if skipped and not entry.reason.strip() else None
