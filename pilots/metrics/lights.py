"""The traffic lights: of an indicator, of a milestone and of a pilot, each able to say why and since when.

A light is a colour with the numbers behind it, as data: the sentence is made elsewhere, in the reader's language.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from pilots.metrics.exact import Number
from pilots.metrics.progress import Direction, TargetPath, expected_value, progress, shortfall

RULE_INDICATOR = "NDRC 2020-901, version 1"
"""NDRC 发改办环资〔2020〕901号, 节能目标完成情况晴雨表: met green, missed by up to 10 % yellow, by more red."""
RULE_MILESTONE = "Yinchuan 2025, adapted, version 1"
"""The three lights of Yinchuan (银川, 2025) for tasks; the numbers of days are this system's own convention."""
RULE_PILOT = "worst binding item, version 1"
"""This system's own convention: the worst item that binds, never an average."""
RULE_FOCUS = "two yellow in a row, version 1"
"""This system's own convention, after Guangyuan's (广元) practice of escalating what stays yellow."""

TOLERANCE = Decimal("1e-9")
ALLOWED_GAP = Decimal("0.10")
TOO_EARLY_BELOW = Decimal("0.10")
SOON_DAYS, LONG_OVERDUE_DAYS, FINAL_REPORT_DAYS = 30, 90, 30

Light = TypeVar("Light")


class Colour(TextChoices):
    """The colour of a light. Only a milestone is ever blue."""

    RED = "red", _("Red")
    YELLOW = "yellow", _("Yellow")
    BLUE = "blue", _("Blue")
    GREEN = "green", _("Green")
    GREY = "grey", _("Grey")


class TargetKind(TextChoices):
    """What a target asks for."""

    REACH = "reach", _("Reach a value")
    LIMIT = "limit", _("Stay within a limit")
    KEEP = "keep", _("Get no worse")
    TEXT = "text", _("Get something done")


class Why(TextChoices):
    """Why a light has its colour."""

    ON_SCHEDULE = "on_schedule", _("on schedule")
    BEHIND = "behind", _("behind schedule by up to 10 % of the change due")
    FAR_BEHIND = "far_behind", _("behind schedule by more than 10 % of the change due")
    REVERSED = "reversed", _("reversed: worse than the base")
    WITHIN_LIMIT = "within_limit", _("within the limit")
    OVER_LIMIT = "over_limit", _("beyond the limit by up to 10 %")
    FAR_OVER_LIMIT = "far_over_limit", _("beyond the limit by more than 10 %")
    KEPT = "kept", _("no worse than the base")
    WORSE = "worse", _("worse than the base by up to 10 %")
    FAR_WORSE = "far_worse", _("worse than the base by more than 10 %")
    DONE = "done", _("done")
    DONE_LATE = "done_late", _("done late")
    NOT_DONE = "not_done", _("not done by its day")
    DUE_SOON = "due_soon", _("due soon")
    OVERDUE = "overdue", _("overdue by up to 90 days")
    LONG_OVERDUE = "long_overdue", _("overdue by more than 90 days")
    NOT_DUE = "not_due", _("not due yet")
    TOO_EARLY = "too_early", _("too early to rate")
    NO_READING = "no_reading", _("no accepted value for the period due")
    NO_BASE = "no_base", _("no base value")
    NO_TARGET = "no_target", _("no target")
    NO_DATE = "no_date", _("no day set")
    REPORT_LATE = "report_late", _("report overdue")
    NO_REPORT = "no_report", _("no accepted value in the last period due")
    WITHDRAWN = "withdrawn", _("no longer a pilot")
    ALL_WELL = "all_well", _("nothing behind schedule")


# -- an indicator --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class IndicatorLight:
    """The light of one target, with what it was decided on.

    `progress` is P, `share` E, `expected` V or the limit, `actual` the reading (both in the indicator's unit);
    `shortfall` is the missing part of what is due, or for a limit the excess as a part of the limit; negative when
    there is room. What does not apply or is not known is None.
    """

    colour: Colour
    why: Why
    actual: Decimal | None = None
    expected: Decimal | None = None
    progress: Decimal | None = None
    share: Decimal | None = None
    shortfall: Decimal | None = None


def reach_light(
    base: Number | None,
    actual: Number | None,
    target: Number | None,
    share: Decimal | None,
    direction: Direction,
) -> IndicatorLight:
    """The light of a target to reach, when `share` (E) of the way is due; RULE_INDICATOR.

    `actual` is the accepted value of the period due. Grey without it and before a tenth is due; green when nothing is
    missing of what is due; yellow up to 10 %; red beyond, and called reversed when the value is worse than its base.
    The tolerance of 1e-9 keeps a gap of exactly a tenth yellow. A target equal to its base is one to keep; a target on
    the worse side of its base (a capped rise) is a limit at the expected value: this system's own convention.
    """
    if base is not None and base == target:
        return keep_light(base, actual, direction)
    expected, done = expected_value(base, target, share), progress(base, actual, target)
    gap, unrated = shortfall(done, share), _unrated(base, actual, target, share)
    if unrated or done is None or gap is None:
        return IndicatorLight(Colour.GREY, unrated or Why.NO_READING, _known(actual), expected, done, share)
    if base is not None and target is not None and _excess(target, base, direction) > 0:
        return limit_light(actual, expected, direction)
    grade = _grade(gap)
    why = Why.REVERSED if done < 0 else (Why.ON_SCHEDULE, Why.BEHIND, Why.FAR_BEHIND)[grade]
    return IndicatorLight(GRADES[grade], why, _known(actual), expected, done, share, gap)


def path_light(path: TargetPath, actual: Number | None, at: int | date, direction: Direction) -> IndicatorLight:
    """The light of a target with steps, for the year or the day the reading is for; RULE_INDICATOR."""
    return reach_light(path.base.value, actual, path.target, path.expected_share(at), direction)


def limit_light(actual: Number | None, limit: Number | None, direction: Direction) -> IndicatorLight:
    """The light of a limit that holds in every period, such as PM2.5 up to 35; RULE_INDICATOR, its target the limit.

    `direction` says which side is the better one. The gap is a part of the limit; beyond a limit of 0 is always red.
    """
    return _bounded(actual, limit, direction, (Why.WITHIN_LIMIT, Why.OVER_LIMIT, Why.FAR_OVER_LIMIT), Why.NO_TARGET)


def keep_light(base: Number | None, actual: Number | None, direction: Direction) -> IndicatorLight:
    """The light of a target to get no worse than the base: a limit at the base, green if not worse; RULE_INDICATOR."""
    return _bounded(actual, base, direction, (Why.KEPT, Why.WORSE, Why.FAR_WORSE), Why.NO_BASE)


def text_light(done: bool | None, due: date | None, as_of: date) -> IndicatorLight:
    """The light of a target in words ("complete the task set by the province"): done, or not by its day.

    Done is green whenever reported. Grey until the day has passed, and when nobody has said (None); else red.
    """
    if done:
        return IndicatorLight(Colour.GREEN, Why.DONE)
    if due is None:
        return IndicatorLight(Colour.GREY, Why.NO_DATE)
    if as_of <= due:
        return IndicatorLight(Colour.GREY, Why.NOT_DUE)
    if done is None:
        return IndicatorLight(Colour.GREY, Why.NO_READING)
    return IndicatorLight(Colour.RED, Why.NOT_DONE)


GRADES = (Colour.GREEN, Colour.YELLOW, Colour.RED)


def _grade(gap: Decimal) -> int:
    """The place in GRADES of a gap as a part of what is due, by the rule of 10 %."""
    return 0 if gap <= TOLERANCE else 1 if gap <= ALLOWED_GAP + TOLERANCE else 2


def _unrated(base: Number | None, actual: Number | None, target: Number | None, share: Decimal | None) -> Why | None:
    """Why a target to reach cannot be rated, if so. Too early comes first: nobody owes a value then."""
    if share is not None and share < TOO_EARLY_BELOW:
        return Why.TOO_EARLY
    if actual is None:
        return Why.NO_READING
    if base is None:
        return Why.NO_BASE
    if target is None:
        return Why.NO_TARGET
    return Why.NO_DATE if share is None else None


def _bounded(
    actual: Number | None,
    bound: Number | None,
    direction: Direction,
    whys: tuple[Why, Why, Why],
    lacking: Why,
) -> IndicatorLight:
    """The light of a value that must stay on the better side of a bound; `whys` for green, yellow and red."""
    if actual is None or bound is None:
        why = Why.NO_READING if actual is None else lacking
        return IndicatorLight(Colour.GREY, why, _known(actual), _known(bound))
    excess = _excess(actual, bound, direction)
    gap = excess / bound if bound > 0 else None
    grade = _grade(gap) if gap is not None else 0 if excess <= 0 else 2
    return IndicatorLight(GRADES[grade], whys[grade], Decimal(actual), Decimal(bound), shortfall=gap)


def _excess(value: Number, bound: Number, direction: Direction) -> Decimal:
    """How much worse a value is than a bound; negative when it is better."""
    over = Decimal(value) - bound
    return over if direction == Direction.LOWER else -over


def _known(value: Number | None) -> Decimal | None:
    return None if value is None else Decimal(value)


# -- a milestone ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MilestoneLight:
    """The light of one milestone; `delay` in days is what it was done, or is, behind its plan; negative ahead of it."""

    colour: Colour
    why: Why
    delay: int | None


def milestone_light(planned: date | None, actual: date | None, as_of: date) -> MilestoneLight:
    """Done on time green, done late blue; overdue by up to 90 days yellow, by more red; else grey. RULE_MILESTONE.

    What was done after the day asked was not done yet. Within 30 days of its plan, that day included, it is due soon. A
    plan known to the month or quarter is due on its last day. Without a planned day: grey, or green once done.
    """
    if actual is not None and actual <= as_of:
        return _done(planned, actual)
    if planned is None:
        return MilestoneLight(Colour.GREY, Why.NO_DATE, None)
    delay = (as_of - planned).days
    if delay > LONG_OVERDUE_DAYS:
        return MilestoneLight(Colour.RED, Why.LONG_OVERDUE, delay)
    if delay > 0:
        return MilestoneLight(Colour.YELLOW, Why.OVERDUE, delay)
    return MilestoneLight(Colour.GREY, Why.DUE_SOON if delay >= -SOON_DAYS else Why.NOT_DUE, delay)


def _done(planned: date | None, actual: date) -> MilestoneLight:
    """The light of what is done: blue when late, so that it is not red for ever."""
    delay = None if planned is None else (actual - planned).days
    if delay is not None and delay > 0:
        return MilestoneLight(Colour.BLUE, Why.DONE_LATE, delay)
    return MilestoneLight(Colour.GREEN, Why.DONE, delay)


def milestone_turning_days(planned: date | None, actual: date | None) -> list[date]:
    """The days on which the light of a milestone can change, in order: candidates for `since`."""
    turns = [] if planned is None else [planned + timedelta(days) for days in (-SOON_DAYS, 1, LONG_OVERDUE_DAYS + 1)]
    return sorted([*turns, actual] if actual is not None else turns)


# -- a pilot -------------------------------------------------------------------------------------------


class About(TextChoices):
    """What a reason is about, in the order in which reasons of one colour are told."""

    INDICATOR = "indicator", _("indicator")
    MILESTONE = "milestone", _("milestone")
    REPORT = "report", _("report")
    PILOT = "pilot", _("pilot")


@dataclass(frozen=True)
class RatedIndicator:
    """The light of one of a pilot's targets; `binding` (约束性) or expected (预期性)."""

    key: str
    light: IndicatorLight
    binding: bool


@dataclass(frozen=True)
class RatedMilestone:
    """The light of one of a pilot's milestones; `key_milestone` is one the plan hangs on."""

    key: str
    light: MilestoneLight
    key_milestone: bool


@dataclass(frozen=True)
class LateReport:
    """A report past its day by so many days and not handed in; `final` is the one that ends the pilot."""

    key: str
    days: int
    final: bool = False


@dataclass(frozen=True)
class Reason:
    """One thing that gives a pilot its colour, as data for a sentence.

    `counts_as` is what it makes of the pilot, `colour` its own light. `binds` is said of a binding indicator, a key
    milestone, a final report. `shortfall`, `actual` and `expected` are an indicator's, `days` late a milestone's or a
    report's; `key` is empty when the reason is about the pilot as a whole.
    """

    counts_as: Colour
    about: About
    key: str
    why: Why
    colour: Colour
    binds: bool = False
    shortfall: Decimal | None = None
    actual: Decimal | None = None
    expected: Decimal | None = None
    days: int | None = None


@dataclass(frozen=True)
class PilotLight:
    """The light of a pilot: all its reasons, worst first, so that the first one says why it has this colour.

    `rated` and `unrated` are the keys of its indicators with and without a light of their own.
    """

    colour: Colour
    reasons: tuple[Reason, ...]
    rated: tuple[str, ...] = ()
    unrated: tuple[str, ...] = ()

    @property
    def why(self) -> Reason:
        """The worst reason."""
        return self.reasons[0]


def pilot_light(
    indicators: Iterable[RatedIndicator],
    milestones: Iterable[RatedMilestone],
    *,
    accepted: bool,
    reports: Iterable[LateReport] = (),
) -> PilotLight:
    """The worst of a pilot's items, never an average; RULE_PILOT.

    Red: a binding indicator or a key milestone is red, or the final report more than 30 days late. Yellow: a binding
    indicator or any milestone is yellow, another indicator or milestone red, or a report late. Else grey when nothing
    was `accepted` in the last period due, else green.
    """
    items = list(indicators)
    lights = [
        *(_indicator_reason(item) for item in items),
        *(_milestone_reason(item) for item in milestones),
        *(_report_reason(item) for item in reports),
    ]
    reasons = sorted((reason for reason in lights if reason), key=_worst_first)
    if not reasons:
        colour, why = (Colour.GREEN, Why.ALL_WELL) if accepted else (Colour.GREY, Why.NO_REPORT)
        reasons = [Reason(colour, About.PILOT, "", why, colour)]
    rated = tuple(item.key for item in items if item.light.colour != Colour.GREY)
    unrated = tuple(item.key for item in items if item.light.colour == Colour.GREY)
    return PilotLight(reasons[0].counts_as, tuple(reasons), rated, unrated)


def withdrawn_light() -> PilotLight:
    """The light of a pilot that has left the programme: grey, whatever its items would say."""
    return PilotLight(Colour.GREY, (Reason(Colour.GREY, About.PILOT, "", Why.WITHDRAWN, Colour.GREY),))


def is_reason(light: IndicatorLight | MilestoneLight) -> bool:
    """Whether the light of an item can be a reason for that of its pilot: green, blue and grey take nothing from it."""
    return light.colour in {Colour.RED, Colour.YELLOW}


def _counts_as(colour: Colour, binds: bool, yellow_counts: bool) -> Colour | None:
    """What an item makes of its pilot: red if it binds, else yellow; None when it takes nothing from it."""
    if colour == Colour.RED:
        return Colour.RED if binds else Colour.YELLOW
    return Colour.YELLOW if colour == Colour.YELLOW and yellow_counts else None


def _indicator_reason(item: RatedIndicator) -> Reason | None:
    """An indicator's reason; yellow counts only when it is binding."""
    light = item.light
    counts_as = _counts_as(light.colour, item.binding, yellow_counts=item.binding)
    if counts_as is None:
        return None
    return Reason(
        counts_as,
        About.INDICATOR,
        item.key,
        light.why,
        light.colour,
        item.binding,
        shortfall=light.shortfall,
        actual=light.actual,
        expected=light.expected,
    )


def _milestone_reason(item: RatedMilestone) -> Reason | None:
    """A milestone's reason; yellow always counts."""
    light = item.light
    counts_as = _counts_as(light.colour, item.key_milestone, yellow_counts=True)
    if counts_as is None:
        return None
    binds = item.key_milestone
    return Reason(counts_as, About.MILESTONE, item.key, light.why, light.colour, binds, days=light.delay)


def _report_reason(item: LateReport) -> Reason | None:
    """A late report's reason; only the final one can be red, and by more than 30 days."""
    if item.days <= 0:
        return None
    colour = Colour.RED if item.final and item.days > FINAL_REPORT_DAYS else Colour.YELLOW
    return Reason(colour, About.REPORT, item.key, Why.REPORT_LATE, colour, item.final, days=item.days)


BY_COLOUR = {colour: place for place, colour in enumerate(Colour)}
BY_KIND = {kind: place for place, kind in enumerate(About)}


def _worst_first(reason: Reason) -> tuple[int, int, bool, int, Decimal, int, str]:
    """What it makes of the pilot, its own colour, whether it binds, its kind, then how much is missing or how late."""
    return (
        BY_COLOUR[reason.counts_as],
        BY_COLOUR[reason.colour],
        not reason.binds,
        BY_KIND[reason.about],
        -(reason.shortfall or Decimal(0)),
        -(reason.days or 0),
        reason.key,
    )


# -- over time and over pilots -------------------------------------------------------------------------


def since(light_on: Callable[[date], Light], as_of: date, candidates: Iterable[date]) -> date | None:
    """The first day of the present colour (or of whatever else `light_on` gives for a day).

    `candidates` are all the days on which it can change, in any order; between two of them it does not. None when it
    has never been otherwise.
    """
    now = light_on(as_of)
    turns = sorted({day for day in candidates if day <= as_of}, reverse=True)
    return next((day for day in turns if light_on(day - timedelta(1)) != now), None)


def focus_colour(periods: Sequence[Colour]) -> Colour | None:
    """The colour that counts in the list of what needs attention: two periods of yellow in a row are red; RULE_FOCUS.

    `periods` are one item's lights, the latest last; None without any.
    """
    if not periods:
        return None
    return Colour.RED if list(periods[-2:]) == [Colour.YELLOW, Colour.YELLOW] else periods[-1]


def tally(lights: Iterable[Colour]) -> dict[Colour, int]:
    """How many of each colour, all colours named, worst first."""
    counts = Counter(lights)
    return {colour: counts[colour] for colour in Colour}
