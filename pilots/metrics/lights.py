"""Traffic lights of indicators, milestones and pilots, with their reasons and the date since when they hold.

A light is a colour with the numbers behind it; `pilots/target_kinds/` has the rules of indicators and their sentences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from core.text.formatting import StatusChoices
from pilots.metrics.decimals import Ratio

RULE_INDICATOR = "NDRC 2020-901, version 1"
"""NDRC 发改办环资〔2020〕901号, 节能目标完成情况晴雨表: met green, missed by up to 10 % yellow, by more red."""
RULE_MILESTONE = "Yinchuan 2025, adapted, version 1"
"""The three lights of Yinchuan (银川, 2025) for tasks; the numbers of days are this system's own convention."""
RULE_PILOT = "worst binding item, version 2"
"""This system's own convention: the worst item that binds, never an average; green only where one was rated."""

TOLERANCE = Decimal("1e-9")
ALLOWED_GAP = Decimal("0.10")
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
    """Code of the reason for a light's colour; each kind of target adds its own in `pilots/target_kinds/`."""

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


# -- an indicator --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class IndicatorLight:
    """Light of one target, with the numbers that decided it.

    `progress` is P, `share` E, `expected` V or the limit, `actual` the reading (both in the indicator's unit);
    `shortfall` is the missing part of what is due, or for a limit the excess as a part of the limit; negative when
    there is room. Values that do not apply or are not known are None.
    """

    colour: Colour
    why: TextChoices
    actual: Decimal | None = None
    expected: Decimal | None = None
    progress: Ratio | None = None
    share: Ratio | None = None
    shortfall: Ratio | None = None


COLOUR_GRADES = (Colour.GREEN, Colour.YELLOW, Colour.RED)


def grade_of_gap(gap: Decimal) -> int:
    """Return the place in COLOUR_GRADES of a gap, a fraction of what is due, by the rule of 10 %."""
    return 0 if gap <= TOLERANCE else 1 if gap <= ALLOWED_GAP + TOLERANCE else 2


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
        return _done_light(planned, actual)
    if planned is None:
        return MilestoneLight(Colour.GREY, LightReason.NO_DATE, None)
    delay = (as_of - planned).days
    if delay > LONG_OVERDUE_DAYS:
        return MilestoneLight(Colour.RED, LightReason.LONG_OVERDUE, delay)
    if delay > 0:
        return MilestoneLight(Colour.YELLOW, LightReason.OVERDUE, delay)
    return MilestoneLight(Colour.GREY, LightReason.DUE_SOON if delay >= -DUE_SOON_DAYS else LightReason.NOT_DUE, delay)


def _done_light(planned: date | None, actual: date) -> MilestoneLight:
    """Return the light of a completed milestone: blue when late, so that it is not red for ever."""
    delay = None if planned is None else (actual - planned).days
    if delay is not None and delay > 0:
        return MilestoneLight(Colour.BLUE, LightReason.DONE_LATE, delay)
    return MilestoneLight(Colour.GREEN, LightReason.DONE, delay)


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
class RatedIndicator:
    """Light of one of a pilot's targets, binding (约束性) or expected (预期性)."""

    key: str
    light: IndicatorLight
    binding: bool


@dataclass(frozen=True)
class RatedMilestone:
    """Light of one of a pilot's milestones; the plan depends on a `key_milestone`. An overdue stage is one, too."""

    key: str
    light: MilestoneLight
    key_milestone: bool
    about: ReasonSubject = ReasonSubject.MILESTONE


@dataclass(frozen=True)
class StatusReason:
    """Reason for a pilot's colour, as data for a sentence.

    `counts_as` is its effect on the pilot's colour, `colour` its own light. `binds` holds for a binding indicator and
    a key milestone. `shortfall`, `actual` and `expected` are an indicator's, `days` late a milestone's or a stage's;
    `key` is empty when the reason is about the pilot as a whole.
    """

    counts_as: Colour
    about: ReasonSubject
    key: str
    why: TextChoices
    colour: Colour
    binds: bool = False
    shortfall: Decimal | None = None
    actual: Decimal | None = None
    expected: Decimal | None = None
    days: int | None = None


@dataclass(frozen=True)
class PilotLight:
    """Light of a pilot with all its reasons, worst first: the first one decides the colour.

    `rated` and `unrated` are the keys of its indicators with and without a light of their own.
    """

    colour: Colour
    reasons: tuple[StatusReason, ...]
    rated: tuple[str, ...] = ()
    unrated: tuple[str, ...] = ()

    @property
    def why(self) -> StatusReason:
        """The worst reason."""
        return self.reasons[0]


def pilot_light(
    indicators: Iterable[RatedIndicator], milestones: Iterable[RatedMilestone], *, accepted: bool
) -> PilotLight:
    """Return the worst of a pilot's lights, never an average; RULE_PILOT.

    Red: a binding indicator or a key milestone is red. Yellow: a binding indicator or any milestone is yellow, or
    another indicator or milestone red. Else grey when nothing was `accepted` in the last period due, or when neither a
    binding indicator is rated nor a key milestone due or done; else green.
    """
    items, tasks = list(indicators), list(milestones)
    lights = [
        *(_indicator_reason(item) for item in items),
        *(_milestone_reason(item) for item in tasks),
    ]
    reasons = sorted((reason for reason in lights if reason), key=_severity_key)
    if not reasons:
        binding = [item.light for item in items if item.binding]
        key = [item.light for item in tasks if item.key_milestone]
        colour = Colour.GREY
        if not accepted:
            why = LightReason.NO_REPORT
        elif not binding and not key:
            why = LightReason.NO_TARGET
        elif all(light.colour == Colour.GREY for light in binding) and not any(light.is_due for light in key):
            why = LightReason.NOTHING_RATED
        else:
            colour, why = Colour.GREEN, LightReason.ALL_WELL
        reasons = [StatusReason(colour, ReasonSubject.PILOT, "", why, colour)]
    rated = tuple(item.key for item in items if item.light.colour != Colour.GREY)
    unrated = tuple(item.key for item in items if item.light.colour == Colour.GREY)
    return PilotLight(reasons[0].counts_as, tuple(reasons), rated, unrated)


def withdrawn_light() -> PilotLight:
    """Return the light of a withdrawn pilot: grey, whatever the lights of its items."""
    return PilotLight(
        Colour.GREY, (StatusReason(Colour.GREY, ReasonSubject.PILOT, "", LightReason.WITHDRAWN, Colour.GREY),)
    )


def _effect_on_pilot(colour: Colour, binds: bool, yellow_counts: bool) -> Colour | None:
    """Return an item's effect on its pilot: red if it binds, else yellow; None when it has no effect."""
    if colour == Colour.RED:
        return Colour.RED if binds else Colour.YELLOW
    return Colour.YELLOW if colour == Colour.YELLOW and yellow_counts else None


def _indicator_reason(item: RatedIndicator) -> StatusReason | None:
    """Return the reason of an indicator, or None; yellow counts only when it is binding."""
    light = item.light
    counts_as = _effect_on_pilot(light.colour, item.binding, yellow_counts=item.binding)
    if counts_as is None:
        return None
    return StatusReason(
        counts_as,
        ReasonSubject.INDICATOR,
        item.key,
        light.why,
        light.colour,
        item.binding,
        shortfall=light.shortfall,
        actual=light.actual,
        expected=light.expected,
    )


def _milestone_reason(item: RatedMilestone) -> StatusReason | None:
    """Return the reason of a milestone, or None; yellow always counts."""
    light = item.light
    counts_as = _effect_on_pilot(light.colour, item.key_milestone, yellow_counts=True)
    if counts_as is None:
        return None
    binds = item.key_milestone
    return StatusReason(counts_as, item.about, item.key, light.why, light.colour, binds, days=light.delay)


COLOUR_ORDER = {colour: place for place, colour in enumerate(Colour)}
SUBJECT_ORDER = {kind: place for place, kind in enumerate(ReasonSubject)}


def _severity_key(reason: StatusReason) -> tuple[int, int, bool, int, Decimal, int, str]:
    """Sort key: effect on the pilot, own colour, whether it binds, subject, then how much is missing or how late."""
    return (
        COLOUR_ORDER[reason.counts_as],
        COLOUR_ORDER[reason.colour],
        not reason.binds,
        SUBJECT_ORDER[reason.about],
        -(reason.shortfall or Decimal(0)),
        -(reason.days or 0),
        reason.key,
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
