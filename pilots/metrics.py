"""Definitions of the pilots' numbers and states: pure functions, types and query expressions, without models or
requests.

Progress of a target is computed in decimals: the rounding of binary fractions never decides a threshold. From 42.00 to
40.74 of a target of 39.90, two years of three on, a tenth of what is due is missing. In floating point it is a little
more, and a yellow light would turn red.

The stages up to the plan, and promotion, follow published documents of the programme; implementation, mid-term and
final evaluation are this system's own convention: no national rule for them has been found.

Reductions: amounts are totals in one unit per substance (tonnes, as a rule), with the same boundary, method and period
on both sides. Concentrations and amounts per output are not emissions and are not accepted. Reductions are positive.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cache
from itertools import pairwise
from statistics import median
from typing import Annotated, Any, NamedTuple

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.text import StatusChoices
from policies.metrics import MIN_LAGS

# -- amounts, and ways from one to another ----------------------------------------------------------------


Number = Decimal | int
Ratio = Annotated[Decimal, "ratio"]
"""A quotient of two amounts of the same kind: dimensionless, and given with more places than an amount."""
Path = Sequence[tuple[int, Number]]
"""Years, each later than the one before, with their values: the base, steps such as year-end targets, the target."""


class Direction(TextChoices):
    """Direction in which an indicator should change."""

    LOWER = "lower", _("Lower is better")
    HIGHER = "higher", _("Higher is better")


def year_due(as_of: date) -> int:
    """Return the last year whose values are due: those of a year are due on 31 March of the next one.

    This system's own convention; that day itself is still on time.
    """
    return as_of.year - (1 if as_of > date(as_of.year, 3, 31) else 2)


# -- a value before it is recorded: this system's own convention -----------------------------------------


MAX_PLAUSIBLE_CHANGE = Decimal("0.3")
"""How far a value may lie from the last one without a word of why."""


def last_day_of_period(period: str) -> date:
    """The last day of a year or quarter, written 2025 or 2025-Q3."""
    year, quarter = int(period[:4]), int(period[-1]) if "-Q" in period else 4
    following = date(year + quarter // 4, quarter % 4 * 3 + 1, 1)
    return following - timedelta(1)


def implausible_change(before: Decimal, after: Decimal) -> Decimal | None:
    """Return the relative change from the value before (negative when it fell) if it is implausibly large.

    None when it is plausible, and from 0, where there is no fraction.
    """
    if before == 0 or abs(after - before) <= MAX_PLAUSIBLE_CHANGE * before:
        return None
    return (after - before) / before


# -- stages of a pilot ----------------------------------------------------------------------------------


class Stage(TextChoices):
    """The ten stages in order, and the side state."""

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

    @property
    def order(self) -> int:
        """1 for the first of the ten stages to 10; 11 for the side state."""
        return STAGE_ORDER[self]

    @property
    def is_side(self) -> bool:
        """Whether it is a side state, outside the sequence."""
        return self == Stage.RECTIFYING


STAGE_ORDER = {stage: place for place, stage in enumerate(Stage, 1)}  # read several hundred thousand times for one page

ORDERED_STAGES = tuple(stage for stage in Stage if not stage.is_side)
"""The ten stages a pilot goes through."""
STAGE_CHOICES = [(stage.value, stage.label) for stage in ORDERED_STAGES]

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
    """Sort by day, and on one day by the order of entry."""
    return sorted(entries, key=lambda entry: entry.on)


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
    events = sort_events(entry for entry in entries if entry.on <= as_of)
    if not events:
        return None
    stage = events[-1].stage
    start = len(events) - 1
    while start and events[start - 1].stage == stage:
        start -= 1
    reached = max(
        (entry.stage for entry in events if not entry.stage.is_side), key=lambda stage: stage.order, default=None
    )
    return CurrentStage(stage, events[start].on, reached)


class Duration(NamedTuple):
    """Days from the list to the plan, or so far if not `done`."""

    days: int
    done: bool


def list_to_plan(entries: Iterable[StageEvent], as_of: date) -> Duration | None:
    """Return the days from the first entry in the list to that of the plan, or so far, as known on a day.

    None when the day of the list is not known.
    """
    events = sort_events(entry for entry in entries if entry.on <= as_of)
    listed = next((entry for entry in events if entry.stage == Stage.LISTED), None)
    plan = next((entry for entry in events if entry.stage == Stage.PLAN_ISSUED), None)
    if listed is None:
        return None
    if plan is not None:
        return Duration((plan.on - listed.on).days, done=True)
    return Duration((as_of - listed.on).days, done=False)


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


def stage_funnel(furthest: Mapping[Stage, int], unknown: int = 0, withdrawn: int = 0) -> StageFunnel:
    """Return the funnel on a day, from the number of pilots in the programme by the furthest stage of each.

    A rectifying pilot counts at its last stage; those that have withdrawn are only a number.
    """
    reached = {stage: sum(n for at, n in furthest.items() if at.order >= stage.order) for stage in ORDERED_STAGES}
    return StageFunnel(sum(furthest.values()) + unknown, reached, unknown, withdrawn)


# -- whether a record can be true ----------------------------------------------------------------------


class StageIssueCode(TextChoices):
    """Code of an inconsistency in a pilot's stages."""

    FUTURE = "future", _("a stage cannot be entered on a day still to come")
    DECREASES = "decreases", _("a stage cannot be entered before an earlier stage")
    REPEATED = "repeated", _("a stage is entered twice without rectifying in between")
    SKIPPED = "skipped", _("a stage passed over needs a reason")
    NOT_RECTIFIABLE = "not_rectifiable", _("rectifying begins from implementation or an evaluation")
    NOT_RETURNED = "not_returned", _("after rectifying a pilot returns to where it was")


class StageIssue(NamedTuple):
    """Inconsistency of one stage entry; `stages` are those skipped, or the one it should have returned to."""

    code: StageIssueCode
    event: StageEvent
    stages: tuple[Stage, ...] = ()


def stage_issues(entries: Iterable[StageEvent], today: date) -> list[StageIssue]:
    """Return the inconsistencies of a pilot's stages, in order; empty when the record is consistent.

    Stages before the first one on record are unknown, not skipped, and need no reason.
    """
    ordered = sorted(entries, key=lambda entry: (entry.on, entry.stage.order))
    issues = [StageIssue(StageIssueCode.FUTURE, entry) for entry in ordered if entry.on > today]
    reached: Stage | None = None
    for before, entry in pairwise([None, *ordered]):
        if entry is not None:
            problem = _stage_issue(before, entry, reached)
            issues += [problem] if problem else []
            if not entry.stage.is_side and (reached is None or entry.stage.order > reached.order):
                reached = entry.stage
    return sorted(issues, key=lambda problem: ordered.index(problem.event))


def _stage_issue(before: StageEvent | None, entry: StageEvent, reached: Stage | None) -> StageIssue | None:
    """Return the inconsistency of an entry with the one before it; `reached` is the furthest stage so far."""
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


# -- reductions of pollutants and carbon ----------------------------------------------------------------


EPSILON = Decimal("0.005")
"""A rate within 0.5 % of nothing is flat: this system's own convention."""


@cache
def exact_ratio(amount: Decimal, other: Decimal) -> Fraction:
    """Return the quotient of two amounts of indicators, of which there are few."""
    return Fraction(amount) / Fraction(other)


def fraction_to_decimal(value: Fraction) -> Decimal:
    """Convert a fraction to a Decimal of 28 digits, rounding once: 1/200 stays 0.005 however it was summed."""
    return Decimal(value.numerator) / Decimal(value.denominator)


# -- one indicator ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """Amounts of one indicator in a base year and a later one, in its unit; None is not known."""

    indicator: Any
    base: Number | None
    actual: Number | None

    @property
    def reduced(self) -> Decimal | None:
        """Base minus actual: positive when less is emitted; None unless both are known."""
        return None if self.base is None or self.actual is None else Decimal(self.base) - self.actual

    @property
    def rate(self) -> Ratio | None:
        """The reduction as a fraction of the base; None when either is not known or the base is not above 0."""
        return None if self.reduced is None or not self.base or self.base < 0 else self.reduced / self.base

    @property
    def equivalents_per_unit(self) -> Fraction | None:
        """Thousand pollutant equivalents in one unit; None without an equivalent, or where it is no unit of mass."""
        tonnes, kilograms = self.indicator.tonnes_per_unit, self.indicator.equivalent_kg
        return None if tonnes is None or kilograms is None else exact_ratio(tonnes, kilograms)


def is_flat(rate: Decimal) -> bool:
    """Return whether a rate is within EPSILON of 0 (inclusive): neither a rise nor a fall."""
    return abs(rate) <= EPSILON


# -- pollutant equivalents -----------------------------------------------------------------------------


class Equivalents(NamedTuple):
    """Sum of pollutants in thousand pollutant equivalents, over those `used` of the `possible` pollutants.

    `reduced` and `base` are None when no pollutant can be used; `rate` also when the base is 0.
    """

    reduced: Decimal | None
    base: Decimal | None
    rate: Ratio | None
    used: tuple[Any, ...]
    possible: int


def apeq(changes: Sequence[Change]) -> Equivalents:
    """Return air pollutant equivalents (APeq): the sum of reductions, each divided by its equivalent.

    One of which anything is not known is left out, never counted as 0. The published index of the same name may add CO2
    with a weight of its own; this one never does. Source: equivalents of the Environmental Protection Tax Law, annex 2;
    the index follows the co-control research of Mao Xianqiang (毛显强). The sum is one of fractions, so that a rate of
    exactly half a percent stays flat.
    """
    counted: list[Any] = [(each, each.equivalents_per_unit) for each in changes if each.reduced is not None]
    counted = [(each, per_unit) for each, per_unit in counted if per_unit is not None]
    if not counted:
        return Equivalents(None, None, None, (), len(changes))
    base = sum((Fraction(each.base) * per_unit for each, per_unit in counted), Fraction(0))
    reduced = sum((Fraction(each.reduced) * per_unit for each, per_unit in counted), Fraction(0))
    rate = fraction_to_decimal(reduced / base) if base > 0 else None
    used = tuple(each.indicator for each, _per_unit in counted)
    return Equivalents(fraction_to_decimal(reduced), fraction_to_decimal(base), rate, used, len(changes))


# -- pollution and carbon together ---------------------------------------------------------------------


class CoControl(StatusChoices):
    """Class of a pair of rates in the co-control coordinate system, named in words: published axes are often swapped.

    Source: 协同控制效应坐标系, Mao Xianqiang (毛显强) et al.; the flat band is this system's own convention.
    """

    CO_REDUCTION = "co_reduction", "green", _("Co-reduction")
    POLLUTION_DOWN_CARBON_UP = "pollution_down_carbon_up", "yellow", _("Pollution down, carbon up")
    CARBON_DOWN_POLLUTION_UP = "carbon_down_pollution_up", "yellow", "rectRot", _("Carbon down, pollution up")
    BOTH_UP = "both_up", "red", _("Both up")
    FLAT = "flat", "grey", _("Flat, within 0.5 %")


def co_control(pollution: Decimal | None, carbon: Decimal | None) -> CoControl | None:
    """Return the class of a pair of reduction rates (fractions); None unless both are known, flat when either is."""
    if pollution is None or carbon is None:
        return None
    if is_flat(pollution) or is_flat(carbon):
        return CoControl.FLAT
    if pollution > 0:
        return CoControl.CO_REDUCTION if carbon > 0 else CoControl.POLLUTION_DOWN_CARBON_UP
    return CoControl.CARBON_DOWN_POLLUTION_UP if carbon > 0 else CoControl.BOTH_UP


# -- many pilots ---------------------------------------------------------------------------------------


class SumResult(NamedTuple):
    """Sum over `used` of the `possible` pilots, the denominator to print; its value is None when none has a value.

    `within` lie in another pilot of the same list, whose value already includes theirs.
    """

    value: Decimal | None
    used: int
    possible: int
    within: tuple[str, ...]


def sum_without_overlap(parts: Iterable[tuple[str, Number | None, str | None]]) -> SumResult:
    """Return the sum over pilots without double counting: a park is never added beside its city, even a missing one.

    A part is the key of a pilot, its value, and the key of the pilot that contains it (the city of a park). All values
    must be accepted, in one unit and of one period. A park whose city is not in the list counts.
    """
    listed = list(parts)
    keys = {key for key, _value, _parent in listed}
    outer = [value for _key, value, parent in listed if parent not in keys]
    values = [Decimal(value) for value in outer if value is not None]
    within = tuple(key for key, _value, parent in listed if parent in keys)
    return SumResult(sum(values, Decimal(0)) if values else None, len(values), len(outer), within)


def median_range(values: Iterable[Number]) -> tuple[Decimal | None, Decimal, Decimal] | None:
    """Return the median of shares, None of too few, the lowest and the highest, as a mean of percentages misleads.

    None without any.
    """
    numbers = [Decimal(value) for value in values]
    if not numbers:
        return None
    return median(numbers) if len(numbers) >= MIN_LAGS else None, min(numbers), max(numbers)


# -- states of a follow-up and its moves ----------------------------------------------------------------


class FollowUpState(StatusChoices):
    """State of a follow-up: that of its newest step. Being overdue is no state: it is computed for a day."""

    OPENED = "opened", "yellow", _("to be signed for")
    RECEIVED = "received", "blue", pgettext_lazy("state of a follow-up", "in progress")
    REPORTED = "reported", "blue", "circle", _("reported, to be verified")
    CLOSED = "closed", "green", pgettext_lazy("state of a follow-up", "closed")
    WITHDRAWN = "withdrawn", "grey", pgettext_lazy("state of a follow-up", "withdrawn")

    @property
    def is_open(self) -> bool:
        """Whether something remains to be done."""
        return self in OPEN_STATES


OWNER_STATES = (FollowUpState.OPENED, FollowUpState.RECEIVED)
"""States in which the owner has to act; only then can it be overdue."""
OPEN_STATES = (*OWNER_STATES, FollowUpState.REPORTED)


class Move(TextChoices):
    """What a step does."""

    OPEN = "open", pgettext_lazy("step of a follow-up", "opened")
    SIGN = "sign", pgettext_lazy("step of a follow-up", "signed for")
    REPORT = "report", pgettext_lazy("step of a follow-up", "reported as done")
    VERIFY = "verify", pgettext_lazy("step of a follow-up", "verified and closed")
    RETURN = "return", pgettext_lazy("step of a follow-up", "returned")
    EXTEND = "extend", pgettext_lazy("step of a follow-up", "due date extended")
    WITHDRAW = "withdraw", pgettext_lazy("step of a follow-up", "withdrawn")
    REOPEN = "reopen", pgettext_lazy("step of a follow-up", "reopened")


class Actor(StrEnum):
    """Who may make a move."""

    OWNER = "owner"  # may change the follow-up: the province’s editors, or the ministry for an owner without account
    VERIFIER = "verifier"  # may verify, is neither the owner nor who reported
    MINISTRY = "ministry"  # may verify


class Transition(NamedTuple):
    """One move: the state it leads to, None for the same; who may make it; what it needs."""

    state: FollowUpState | None
    actor: Actor
    note: bool = False
    new_due: bool = False
    evidence: bool = False  # a file, if the follow-up is a key one


_SIGN = Transition(FollowUpState.RECEIVED, Actor.OWNER)
_REPORT = Transition(FollowUpState.REPORTED, Actor.OWNER, note=True, evidence=True)
_EXTEND = Transition(None, Actor.MINISTRY, note=True, new_due=True)
_WITHDRAW = Transition(FollowUpState.WITHDRAWN, Actor.MINISTRY, note=True)

TRANSITIONS: Mapping[tuple[FollowUpState, Move], Transition] = {
    (FollowUpState.OPENED, Move.SIGN): _SIGN,
    (FollowUpState.RECEIVED, Move.REPORT): _REPORT,
    (FollowUpState.REPORTED, Move.VERIFY): Transition(FollowUpState.CLOSED, Actor.VERIFIER),
    (FollowUpState.REPORTED, Move.RETURN): Transition(FollowUpState.RECEIVED, Actor.VERIFIER, note=True, new_due=True),
    (FollowUpState.CLOSED, Move.REOPEN): Transition(FollowUpState.RECEIVED, Actor.MINISTRY, note=True, new_due=True),
    **{(state, Move.EXTEND): _EXTEND for state in OPEN_STATES},
    **{(state, Move.WITHDRAW): _WITHDRAW for state in OPEN_STATES},
}
"""Every move that there is, by the state it starts from."""

REOPEN_DAYS = 90
"""Days after closing within which a follow-up can be reopened; later a new one is opened."""

RELAPSE_DAYS = 180
"""Days after closing within which a cause that turns red again counts as a relapse."""
