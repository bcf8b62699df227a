"""Lights of targets, milestones and pilots: colours with their reasons and numbers, and the sentences of targets.

A light is a colour with the numbers behind it. `analytics/pilot_status.py` computes them from records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.text.formatting import CHANGE_DIGITS, StatusChoices, format_alike, format_percent, number_with_unit
from pilots.metrics.decimals import Number, Ratio, decimal_or_none
from pilots.metrics.progress import Direction, PathPoint, TargetPath, expected_value, shortfall, target_progress

RULE_INDICATOR = "NDRC 2020-901, version 1"
"""NDRC 发改办环资〔2020〕901号, 节能目标完成情况晴雨表: met green, missed by up to 10 % yellow, by more red."""
RULE_MILESTONE = "Yinchuan 2025, adapted, version 1"
"""The three lights of Yinchuan (银川, 2025) for tasks; the numbers of days are this system's own convention."""
RULE_PILOT = "worst binding item, version 2"
"""This system's own convention: the worst item that binds, never an average; green only where one was rated."""

TOLERANCE = Decimal("1e-9")
ALLOWED_GAP = Decimal("0.10")
TOO_EARLY_BELOW = Decimal("0.10")  # of the change due
DUE_SOON_DAYS, LONG_OVERDUE_DAYS = 30, 90

LightType = TypeVar("LightType")


class Colour(StatusChoices):
    """The colour of a light. Only a milestone is ever blue."""

    RED = "red", "red", _("Red")
    YELLOW = "yellow", "yellow", _("Yellow")
    BLUE = "blue", "blue", _("Blue")
    GREEN = "green", "green", _("Green")
    GREY = "grey", "grey", _("Grey")

    @property
    def meaning(self) -> str:
        """What the light says."""
        return str(COLOUR_MEANINGS[self])


COLOUR_MEANINGS = {
    Colour.RED: _("far behind"),
    Colour.YELLOW: _("behind"),
    Colour.BLUE: _("done late"),
    Colour.GREEN: _("on schedule"),
    Colour.GREY: _("not rated"),
}


class LightReason(TextChoices):
    """Code of the reason for a light's colour."""

    DONE = "done", _("done")
    DONE_LATE = "done_late", _("done late")
    DUE_SOON = "due_soon", _("due soon")
    OVERDUE = "overdue", _("overdue by up to 90 days")
    LONG_OVERDUE = "long_overdue", _("overdue by more than 90 days")
    NOT_DUE = "not_due", _("not due yet")
    NO_READING = "no_reading", _("no accepted value for the period due")
    NO_BASE = "no_base", _("no base value")
    NO_TARGET = "no_target", _("no target")
    NO_DATE = "no_date", _("no day set")
    NO_REPORT = "no_report", _("no accepted value in the last period due")
    NOTHING_RATED = "nothing_rated", _("nothing rated yet")
    WITHDRAWN = "withdrawn", _("no longer a pilot")
    ALL_WELL = "all_well", _("nothing behind schedule")
    # a value to reach
    ON_SCHEDULE = "on_schedule", _("on schedule")
    BEHIND = "behind", _("behind schedule by up to 10 % of the change due")
    FAR_BEHIND = "far_behind", _("behind schedule by more than 10 % of the change due")
    REVERSED = "reversed", _("reversed: worse than the base")
    TOO_EARLY = "too_early", _("too early to rate")
    # a limit
    WITHIN_LIMIT = "within_limit", _("within the limit")
    OVER_LIMIT = "over_limit", _("beyond the limit by up to 10 %")
    FAR_OVER_LIMIT = "far_over_limit", _("beyond the limit by more than 10 %")
    # a base to keep
    KEPT = "kept", _("no worse than the base")
    WORSE = "worse", _("worse than the base by up to 10 %")
    FAR_WORSE = "far_worse", _("worse than the base by more than 10 %")
    # a task in words
    NOT_DONE = "not_done", _("not done by its day")


# -- a target ------------------------------------------------------------------------------------------


class TargetKind(TextChoices):
    """Kind of a target: a value to reach on a path, a limit in every period, a base to keep, a task in words."""

    REACH = "reach", _("Reach a value")
    LIMIT = "limit", _("Stay within a limit")
    KEEP = "keep", _("Get no worse")
    TEXT = "text", _("Get something done")


@dataclass(frozen=True)
class IndicatorLight:
    """Light of one target, with the numbers that decided it.

    `progress` is P, `share` E, `expected` V or the limit, `actual` the reading (both in the indicator's unit);
    `shortfall` is the missing part of what is due, or for a limit the excess as a part of the limit; negative when
    there is room. Values that do not apply or are not known are None.
    """

    colour: Colour
    why: LightReason
    actual: Decimal | None = None
    expected: Decimal | None = None
    progress: Ratio | None = None
    share: Ratio | None = None
    shortfall: Ratio | None = None


GRADES = (Colour.GREEN, Colour.YELLOW, Colour.RED)


def grade_of_gap(gap: Decimal) -> int:
    """Return the place in GRADES of a gap, a fraction of what is due, by the rule of 10 %."""
    return 0 if gap <= TOLERANCE else 1 if gap <= ALLOWED_GAP + TOLERANCE else 2


def target_light(target: Any, steps: Sequence[Any], actual: Number | None, year: int) -> IndicatorLight:
    """Return the light of a target that is measured; `actual` is the accepted value of the year, None for none."""
    direction = Direction(target.indicator.direction)
    if target.kind == TargetKind.LIMIT:
        return bound_light(LIMIT, actual, target.target_value, direction)
    if target.kind == TargetKind.KEEP:
        return bound_light(BASE, actual, target.base_value, direction)
    path = target_path(target, steps)
    share = path.expected_share(min(year, target.target_year)) if path else None
    return reach_light(target.base_value, actual, target.target_value, share, direction)


def target_path(target: Any, steps: Sequence[Any]) -> TargetPath | None:
    """Return the path from the base through the steps to the target; None without a value to reach from a base."""
    if target.kind != TargetKind.REACH or None in (target.base_year, target.base_value, target.target_value):
        return None
    if target.base_year >= target.target_year:
        return None
    inside = [PathPoint(step.year, step.value) for step in steps if target.base_year < step.year < target.target_year]
    last = PathPoint(target.target_year, target.target_value)
    return TargetPath(PathPoint(target.base_year, target.base_value), (*inside, last))


def reach_light(
    base: Number | None,
    actual: Number | None,
    target: Number | None,
    share: Decimal | None,
    direction: Direction,
) -> IndicatorLight:
    """Return the light of a target to reach when `share` (E) of the change is due; RULE_INDICATOR.

    `actual` is the accepted value of the period due. Grey without it and before a tenth is due, which comes first: no
    value is due then; green when nothing is missing of what is due; yellow up to 10 %; red beyond, and called reversed
    when the value is worse than its base. The tolerance of 1e-9 keeps a gap of exactly a tenth yellow. A target equal
    to its base is one to keep; a target on the worse side of its base (a capped rise) is a limit at the expected value:
    this system's own convention.
    """
    if base is not None and base == target:
        return bound_light(BASE, actual, base, direction)
    expected, done = expected_value(base, target, share), target_progress(base, actual, target)
    gap = shortfall(done, share)
    unrated = None
    if share is not None and share < TOO_EARLY_BELOW:
        unrated = LightReason.TOO_EARLY
    elif actual is None:
        unrated = LightReason.NO_READING
    elif base is None:
        unrated = LightReason.NO_BASE
    elif target is None:
        unrated = LightReason.NO_TARGET
    elif share is None:
        unrated = LightReason.NO_DATE
    if unrated or done is None or gap is None:
        why = unrated or LightReason.NO_READING
        return IndicatorLight(Colour.GREY, why, decimal_or_none(actual), expected, done, share)
    if base is not None and target is not None and excess_over(target, base, direction) > 0:
        return bound_light(LIMIT, actual, expected, direction)
    grade = grade_of_gap(gap)
    why = (LightReason.ON_SCHEDULE, LightReason.BEHIND, LightReason.FAR_BEHIND)[grade]
    why = LightReason.REVERSED if done < 0 else why
    return IndicatorLight(GRADES[grade], why, decimal_or_none(actual), expected, done, share, gap)


class Bound(NamedTuple):
    """What a value must stay on the better side of in every period.

    `reasons` are those of green, yellow and red, `missing` that of an unknown bound. The sentences say by how much a
    value is above or below, and `part` what the percentage is of; `label` names the bound in a chart.
    """

    reasons: tuple[LightReason, LightReason, LightReason]
    missing: LightReason
    label: Promise
    above: Promise
    below: Promise
    part: Promise


LIMIT = Bound(
    reasons=(LightReason.WITHIN_LIMIT, LightReason.OVER_LIMIT, LightReason.FAR_OVER_LIMIT),
    missing=LightReason.NO_TARGET,
    label=_("limit"),
    above=_("%(name)s stood at %(actual)s in %(year)d, %(over)s above the limit of %(bound)s"),
    below=_("%(name)s stood at %(actual)s in %(year)d, %(over)s below the limit of %(bound)s"),
    part=_("%(part)s %% of the limit"),
)
BASE = Bound(
    reasons=(LightReason.KEPT, LightReason.WORSE, LightReason.FAR_WORSE),
    missing=LightReason.NO_BASE,
    label=_("base, not to be passed"),
    above=_("%(name)s stood at %(actual)s in %(year)d, %(over)s above the base of %(bound)s"),
    below=_("%(name)s stood at %(actual)s in %(year)d, %(over)s below the base of %(bound)s"),
    part=_("%(part)s %% of the base"),
)


def bound_light(kind: Bound, actual: Number | None, bound: Number | None, direction: Direction) -> IndicatorLight:
    """Return the light of a value that must stay on the better side of a bound; RULE_INDICATOR.

    The gap is a fraction of the bound; beyond a bound of 0 is always red.
    """
    if actual is None or bound is None:
        unrated = LightReason.NO_READING if actual is None else kind.missing
        return IndicatorLight(Colour.GREY, unrated, decimal_or_none(actual), decimal_or_none(bound))
    excess = excess_over(actual, bound, direction)
    gap = excess / bound if bound > 0 else None
    grade = grade_of_gap(gap) if gap is not None else 0 if excess <= 0 else 2
    return IndicatorLight(GRADES[grade], kind.reasons[grade], Decimal(actual), Decimal(bound), shortfall=gap)


def excess_over(value: Number, bound: Number, direction: Direction) -> Decimal:
    """Return how much worse a value is than a bound; negative when it is better."""
    over = Decimal(value) - bound
    return over if direction == Direction.LOWER else -over


def text_light(done: bool | None, due: date | None, as_of: date) -> IndicatorLight:
    """Return the light of a target in words: done, or not by its date.

    Done is green whenever reported. Grey until the date has passed, and when nothing is reported (None); else red.
    """
    if done:
        return IndicatorLight(Colour.GREEN, LightReason.DONE)
    if due is None:
        return IndicatorLight(Colour.GREY, LightReason.NO_DATE)
    if as_of <= due:
        return IndicatorLight(Colour.GREY, LightReason.NOT_DUE)
    if done is None:
        return IndicatorLight(Colour.GREY, LightReason.NO_READING)
    return IndicatorLight(Colour.RED, LightReason.NOT_DONE)


# -- the sentence of a target --------------------------------------------------------------------------


def target_sentence(target: Any, light: IndicatorLight, year: int) -> str:
    """Return what was due, what was achieved, and the base of its percentage; `year` is that of the value."""
    for kind in (LIMIT, BASE):
        if light.why in kind.reasons[1:] and light.expected is not None and light.actual is not None:
            return bound_sentence(kind, target.indicator, light, year)
    if light.why in (LightReason.BEHIND, LightReason.FAR_BEHIND):
        return change_sentence(target, light, year)
    if light.why == LightReason.REVERSED:
        if target.indicator.direction == Direction.LOWER:
            text = gettext(
                "%(name)s rose instead of falling: should have been down to %(expected)s by %(year)s, was %(actual)s"
            )
        else:
            text = gettext(
                "%(name)s fell instead of rising: should have been up to %(expected)s by %(year)s, was %(actual)s"
            )
        return text % level_params(target, light, year)
    name = target.target_text if target.kind == TargetKind.TEXT else target.indicator.name
    return gettext("%(name)s: %(why)s") % {"name": name, "why": light.why.label}


def level_params(target: Any, light: IndicatorLight, year: int) -> dict[str, str]:
    """Return the parameters of sentences about a level: expected and actual with equal decimals, year, indicator."""
    indicator = target.indicator
    values = [value for value in (light.expected, light.actual) if value is not None]
    expected, actual = (number_with_unit(number, indicator.unit_text) for number in format_alike(values))
    due = str(min(year, target.target_year))
    return {"name": indicator.name, "expected": expected, "actual": actual, "year": due}


def unit_of_change(indicator: Any) -> str:
    """Return the unit of a difference: percentage points for two percentages."""
    return gettext("percentage points") if indicator.unit_text == "%" else indicator.unit_text


def bound_sentence(kind: Bound, indicator: Any, light: IndicatorLight, year: int) -> str:
    """Return by how much a value is on the wrong side of its bound, absolute and relative."""
    actual, expected = light.actual or Decimal(0), light.expected or Decimal(0)
    bound, stood, over = format_alike([expected, actual, abs(actual - expected)])
    text = str(kind.above if indicator.direction == Direction.LOWER else kind.below) % {
        "name": indicator.name,
        "year": year,
        "actual": number_with_unit(stood, indicator.unit_text),
        "over": number_with_unit(over, unit_of_change(indicator)),
        "bound": number_with_unit(bound, indicator.unit_text),
    }
    if light.shortfall is None:  # no percentage of a bound of 0
        return text
    part = str(kind.part) % {"part": format_percent(light.shortfall)}
    return gettext("%(text)s (%(part)s)") % {"text": text, "part": part}


def change_sentence(target: Any, light: IndicatorLight, year: int) -> str:
    """Return the text of a change: due by the year, achieved, and the missing share."""
    zero = Decimal(0)
    base, expected, actual = target.base_value or zero, light.expected or zero, light.actual or zero
    changes = format_alike([abs(expected - base), abs(actual - base)], CHANGE_DIGITS)
    due, done = (number_with_unit(number, unit_of_change(target.indicator)) for number in changes)
    if base == 0:
        text = gettext("%(name)s should have reached %(due)s by %(year)s; it came to %(done)s (%(gap)s %% short)")
    elif expected < base:
        text = gettext("%(name)s should have been cut by %(due)s by %(year)s; the cut was %(done)s (%(gap)s %% short)")
    else:
        text = gettext("%(name)s should have risen by %(due)s by %(year)s; the rise was %(done)s (%(gap)s %% short)")
    return text % {
        "name": target.indicator.name,
        "due": due,
        "done": done,
        "gap": format_percent(light.shortfall or zero),
        "year": str(min(year, target.target_year)),
    }


# -- a milestone ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MilestoneLight:
    """Light of one milestone; `delay` is the days from the planned date to completion or today, possibly negative."""

    colour: Colour
    why: LightReason
    delay: int | None

    @property
    def is_due(self) -> bool:
        """Whether it is done, or its planned date has come."""
        return self.why == LightReason.DONE or (self.delay is not None and self.delay >= 0)


def milestone_light(planned: date | None, actual: date | None, as_of: date) -> MilestoneLight:
    """Return green if done on time, blue if late, yellow up to 90 days overdue, red after, else grey; RULE_MILESTONE.

    A completion after `as_of` does not count yet. Within 30 days of the planned date (inclusive) it is due soon. A
    date known to the month or quarter is due on its last day. Without a planned date: grey, or green once done.
    """
    if actual is not None and actual <= as_of:
        late = None if planned is None else (actual - planned).days
        if late is not None and late > 0:  # not red for ever
            return MilestoneLight(Colour.BLUE, LightReason.DONE_LATE, late)
        return MilestoneLight(Colour.GREEN, LightReason.DONE, late)
    if planned is None:
        return MilestoneLight(Colour.GREY, LightReason.NO_DATE, None)
    delay = (as_of - planned).days
    if delay > LONG_OVERDUE_DAYS:
        return MilestoneLight(Colour.RED, LightReason.LONG_OVERDUE, delay)
    if delay > 0:
        return MilestoneLight(Colour.YELLOW, LightReason.OVERDUE, delay)
    return MilestoneLight(Colour.GREY, LightReason.DUE_SOON if delay >= -DUE_SOON_DAYS else LightReason.NOT_DUE, delay)


def milestone_light_change_dates(planned: date | None, actual: date | None) -> list[date]:
    """Return the dates on which the light of a milestone can change, in order: candidates for `since`."""
    turns = (
        [] if planned is None else [planned + timedelta(days) for days in (-DUE_SOON_DAYS, 1, LONG_OVERDUE_DAYS + 1)]
    )
    return sorted([*turns, actual] if actual is not None else turns)


# -- a pilot -------------------------------------------------------------------------------------------


class ReasonSubject(TextChoices):
    """Subject of a reason, in the order in which reasons of one colour are listed."""

    INDICATOR = "indicator", _("indicator")
    MILESTONE = "milestone", _("milestone")
    STAGE = "stage", _("stage")
    PILOT = "pilot", _("pilot")


@dataclass(frozen=True)
class StatusReason:
    """Reason for a pilot's colour: `counts_as` is its effect on it.

    `item` is the target, milestone or overdue stage with its light; None when the reason is about the pilot as a whole.
    """

    counts_as: Colour
    about: ReasonSubject
    why: LightReason
    item: Any = None


@dataclass(frozen=True)
class PilotLight:
    """Light of a pilot with all its reasons, worst first: the first one decides the colour."""

    colour: Colour
    reasons: tuple[StatusReason, ...]

    @property
    def why(self) -> StatusReason:
        """The worst reason."""
        return self.reasons[0]


def pilot_light(items: Sequence[Any], *, accepted: bool) -> PilotLight:
    """Return the worst of a pilot's lights, never an average; RULE_PILOT.

    An item has its `light`, what it is `about`, a `key`, and whether it `binds`: a binding target (约束性), a key
    milestone, a planned stage. Red: one that binds is red. Yellow: a binding target or any milestone is yellow, or
    another item red. Else grey when nothing was `accepted` in the last period due, or when neither a binding target is
    rated nor a key milestone due or done; else green.
    """
    effects = [(effect_on_pilot(item), item) for item in items]
    reasons = [StatusReason(colour, item.about, item.light.why, item) for colour, item in effects if colour]
    if reasons:
        reasons.sort(key=severity)
        return PilotLight(reasons[0].counts_as, tuple(reasons))
    binding = [item for item in items if item.binds]
    rated = [
        item
        for item in binding
        if (item.light.colour != Colour.GREY if item.about == ReasonSubject.INDICATOR else item.light.is_due)
    ]
    colour = Colour.GREY
    if not accepted:
        why = LightReason.NO_REPORT
    elif not binding:
        why = LightReason.NO_TARGET
    elif not rated:
        why = LightReason.NOTHING_RATED
    else:
        colour, why = Colour.GREEN, LightReason.ALL_WELL
    return PilotLight(colour, (StatusReason(colour, ReasonSubject.PILOT, why),))


def withdrawn_light() -> PilotLight:
    """Return the light of a withdrawn pilot: grey, whatever the lights of its items."""
    return PilotLight(Colour.GREY, (StatusReason(Colour.GREY, ReasonSubject.PILOT, LightReason.WITHDRAWN),))


def effect_on_pilot(item: Any) -> Colour | None:
    """Return an item's effect on its pilot, None for none; the yellow of a target counts only when it is binding."""
    if item.light.colour == Colour.RED:
        return Colour.RED if item.binds else Colour.YELLOW
    counts = item.light.colour == Colour.YELLOW and (item.binds or item.about != ReasonSubject.INDICATOR)
    return Colour.YELLOW if counts else None


COLOUR_ORDER = {colour: place for place, colour in enumerate(Colour)}
SUBJECT_ORDER = {kind: place for place, kind in enumerate(ReasonSubject)}


def severity(reason: StatusReason) -> tuple[int, int, bool, int, Decimal, str]:
    """Sort key: effect on the pilot, own colour, whether it binds, subject, then how much is missing or how late."""
    item, light = reason.item, reason.item.light
    missing = light.shortfall if reason.about == ReasonSubject.INDICATOR else light.delay
    return (
        COLOUR_ORDER[reason.counts_as],
        COLOUR_ORDER[light.colour],
        not item.binds,
        SUBJECT_ORDER[reason.about],
        -Decimal(missing or 0),
        item.key,
    )


# -- over time and over pilots -------------------------------------------------------------------------


def unchanged_since(light_on: Callable[[date], LightType], as_of: date, candidates: Iterable[date]) -> date | None:
    """Return the first day of the present colour (or of any other value that `light_on` returns for a day).

    `candidates` are all the days on which it can change, in any order; between two of them it does not. None when it
    has never been different.
    """
    now = light_on(as_of)
    turns = sorted({day for day in candidates if day <= as_of}, reverse=True)
    return next((day for day in turns if light_on(day - timedelta(1)) != now), None)


def count_by_colour(lights: Iterable[Colour]) -> dict[Colour, int]:
    """Count lights by colour, all colours included, worst first."""
    counts = Counter(lights)
    return {colour: counts[colour] for colour in Colour}
