"""Lights of targets, milestones, planned stages and pilots: colours with their reasons, numbers and sentences.

The rules and what is said of their lights stand here; `analytics/pilot_status.py` judges a pilot's records by them and
says what is said of a pilot as a whole. To add a rule: a reason, what says it, and the days on which it can change a
light: of a milestone `CHANGE_DELAYS`, of others `light_change_dates` of that module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import IntEnum
from functools import partial
from typing import Any, TypeVar

from django.db.models import TextChoices
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core.text import CHANGE_DIGITS, StatusChoices, format_alike, format_date, format_percent, number_with_unit
from pilots.metrics import Direction, Number, Path, Ratio, expected_value, share_on_path, shortfall, target_progress

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
RED_DELAYS = (LONG_OVERDUE_DAYS + 1,)
CHANGE_DELAYS = (0, 1, *RED_DELAYS)
"""Days after the planned one on which the light of a milestone or planned stage can become red, or change at all."""

Value = TypeVar("Value")


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
        meanings = {"red": _("far behind"), "yellow": _("behind"), "blue": _("done late"), "green": _("on schedule")}
        return str(meanings.get(self.value, _("not rated")))


LIGHTS = [colour for colour in Colour if colour != Colour.BLUE]
LIGHT_CHOICES = [(colour.value, colour.label) for colour in LIGHTS]
"""The colours of a pilot's light."""


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
    # a light of a pilot
    SET_BY_HAND = "set_by_hand", _("set by hand")


class TargetKind(TextChoices):
    """Kind of a target: a value to reach on a path, a limit in every period, a base to keep, a task in words."""

    REACH = "reach", _("Reach a value")
    LIMIT = "limit", _("Stay within a limit")
    KEEP = "keep", _("Get no worse")
    TEXT = "text", _("Get something done")


OVERDUE = (LightReason.OVERDUE, LightReason.LONG_OVERDUE)
"""Reasons of a milestone or planned stage that is late, which are told by the days."""
LIMIT = (LightReason.WITHIN_LIMIT, LightReason.OVER_LIMIT, LightReason.FAR_OVER_LIMIT)
BASE = (LightReason.KEPT, LightReason.WORSE, LightReason.FAR_WORSE)
"""Reasons of green, yellow and red of a value that must stay on the better side of a limit, or of its base."""


class Subject(IntEnum):
    """What a light is of, in the order of reasons that weigh the same."""

    TARGET, MILESTONE, STAGE, PILOT = range(4)


# -- what is said of a light ---------------------------------------------------------------------------


def say_why(light: Light) -> str:
    """Return the name of what it is of, with the reason."""
    record = light.record
    if light.of == Subject.TARGET:
        name = record.target_text if record.kind == TargetKind.TEXT else record.indicator.name
    else:
        name = record.name
    return gettext("%(name)s: %(why)s") % {"name": name, "why": light.why.label}


def say_change(light: Light) -> str:
    """Return by how much a value should have changed, and by how much it did."""
    target, indicator = light.record, light.record.indicator
    base = target.base_value or Decimal(0)
    changes = [abs((value or Decimal(0)) - base) for value in (light.expected, light.actual)]
    due, done = (number_with_unit(number, unit_of_change(indicator)) for number in format_alike(changes, CHANGE_DIGITS))
    if not base:
        text = gettext("%(name)s should have reached %(due)s by %(year)s; it came to %(done)s (%(gap)s %% short)")
    elif indicator.direction == Direction.LOWER:
        text = gettext("%(name)s should have been cut by %(due)s by %(year)s; the cut was %(done)s (%(gap)s %% short)")
    else:
        text = gettext("%(name)s should have risen by %(due)s by %(year)s; the rise was %(done)s (%(gap)s %% short)")
    gap = format_percent(light.shortfall or Decimal(0))
    year = min(light.year, target.target_year)
    return text % {"name": indicator.name, "due": due, "done": done, "gap": gap, "year": year}


def say_reversed(light: Light) -> str:
    """Return the value that was expected, and the one that is worse than the base."""
    if light.record.indicator.direction == Direction.LOWER:
        text = gettext(
            "%(name)s rose instead of falling: should have been down to %(expected)s by %(year)s, was %(actual)s"
        )
    else:
        text = gettext(
            "%(name)s fell instead of rising: should have been up to %(expected)s by %(year)s, was %(actual)s"
        )
    return text % levels(light)


def levels(light: Light) -> dict[str, str]:
    """Return the parameters of a text about a value: expected and actual with equal decimals, year, indicator."""
    target, unit = light.record, light.record.indicator.unit_text
    values = [value for value in (light.expected, light.actual) if value is not None]
    expected, actual = (number_with_unit(number, unit) for number in format_alike(values))
    year = str(min(light.year, target.target_year))
    return {"name": target.indicator.name, "expected": expected, "actual": actual, "year": year}


def say_bound(light: Light) -> str:
    """Return by how much a value is on the wrong side of a limit or of its base, also as a part of a bound above 0."""
    indicator, lower = light.record.indicator, light.record.indicator.direction == Direction.LOWER
    actual, expected = light.actual or Decimal(0), light.expected or Decimal(0)
    limit, stood, over = format_alike([expected, actual, abs(actual - expected)])
    if light.why in LIMIT:
        part = gettext("%(part)s %% of the limit")
        above = gettext("%(name)s stood at %(actual)s in %(year)d, %(over)s above the limit of %(bound)s")
        below = gettext("%(name)s stood at %(actual)s in %(year)d, %(over)s below the limit of %(bound)s")
    else:
        part = gettext("%(part)s %% of the base")
        above = gettext("%(name)s stood at %(actual)s in %(year)d, %(over)s above the base of %(bound)s")
        below = gettext("%(name)s stood at %(actual)s in %(year)d, %(over)s below the base of %(bound)s")
    text = (above if lower else below) % {
        "name": indicator.name,
        "year": light.year,
        "actual": number_with_unit(stood, indicator.unit_text),
        "over": number_with_unit(over, unit_of_change(indicator)),
        "bound": number_with_unit(limit, indicator.unit_text),
    }
    if light.shortfall is None:
        return text
    return gettext("%(text)s (%(part)s)") % {"text": text, "part": part % {"part": format_percent(light.shortfall)}}


def unit_of_change(indicator: Any) -> str:
    """Return the unit of a difference: percentage points for two percentages."""
    unit: str = indicator.unit_text
    return gettext("percentage points") if unit == "%" else unit


def say_overdue(light: Light) -> str:
    """Return the days that a milestone is overdue."""
    text = ngettext("%(title)s is %(n)d day overdue", "%(title)s is %(n)d days overdue", light.delay or 0)
    return text % {"title": light.record.name, "n": light.delay}


def say_stage_overdue(light: Light) -> str:
    """Return the days that a planned stage is overdue."""
    text = ngettext(
        "Stage “%(stage)s” is %(n)d day overdue", "Stage “%(stage)s” is %(n)d days overdue", light.delay or 0
    )
    return text % {"stage": light.record.get_stage_display(), "n": light.delay}


@dataclass(frozen=True, slots=True)
class Light:
    """Light of a target, milestone, planned stage or pilot, with what decided it. A rule makes it whole.

    `record` is what it is of, and `say` makes its sentence when it is shown, in the language of the reader.

    Of a target `progress` is P, `share` E, `expected` V or the limit, `actual` the value of the `reading` of the `year`
    (both in the indicator's unit); `shortfall` is the missing part of what is due, or for a limit the excess as a part
    of the limit; negative when there is room. Of a milestone or stage `delay` is the days from the planned day (the one
    in force) to completion or the day of the light, possibly negative; `due` is whether the planned day has come by
    then. Values that do not apply or are not known are None.
    """

    colour: Colour
    why: LightReason
    record: Any = None
    of: Subject = Subject.PILOT
    binds: bool = True
    say: Callable[[Light], str] = field(default=say_why, repr=False, compare=False)
    actual: Decimal | None = None
    expected: Decimal | None = None
    progress: Ratio | None = None
    share: Ratio | None = None
    shortfall: Ratio | None = None
    reading: Any = None
    year: int = 0
    delay: int | None = None
    planned_on: Any = None
    done: bool = False
    due: bool = False

    @property
    def sentence(self) -> str:
        """Why the light has its colour, in one sentence: of a target with the base of its percentage."""
        return self.say(self)

    @property
    def effect(self) -> Colour | None:
        """Its effect on the light of the pilot, None for none: what does not bind is yellow where it is red.

        Yellow of a target counts only where it binds, of a milestone always.
        """
        if self.of == Subject.PILOT:
            return self.colour
        if self.colour == Colour.RED:
            return Colour.RED if self.binds else Colour.YELLOW
        counts = self.binds or self.of != Subject.TARGET
        return Colour.YELLOW if self.colour == Colour.YELLOW and counts else None

    @property
    def counts_less(self) -> str:
        """How a red one that does not bind counts for the pilot; empty for others."""
        if self.colour != Colour.RED or self.binds:
            return ""
        if self.of == Subject.TARGET:
            return gettext("counts as yellow: not binding")
        return gettext("counts as yellow: not a key milestone")

    @property
    def cause(self) -> tuple[int | None, int | None] | None:
        """Indicator and milestone by which a follow-up names it, of a stage neither; None for the whole pilot."""
        if self.of == Subject.TARGET:
            return self.record.indicator_id, None
        if self.of == Subject.MILESTONE:
            return None, self.record.pk
        return (None, None) if self.of == Subject.STAGE else None

    @property
    def url(self) -> str:
        """Address of what it is about."""
        if self.of == Subject.PILOT:
            return str(self.record.get_absolute_url())
        return f"{self.record.pilot.get_absolute_url()}{self.record.anchor}"

    @property
    def path(self) -> Path | None:
        """Path of a target from the base through the steps; None for a kind without one."""
        return target_path(self.record)


def responsible_office(pilot: Any) -> str:
    """Return the responsible office where no department is on record: the pilot's own office."""
    return gettext("Pilot office of %(pilot)s") % {"pilot": pilot.name}


# -- a target ------------------------------------------------------------------------------------------


GRADES = (Colour.GREEN, Colour.YELLOW, Colour.RED)


def grade_of_gap(gap: Decimal) -> int:
    """Return the place in GRADES of a gap, a fraction of what is due, by the rule of 10 %."""
    return 0 if gap <= TOLERANCE else 1 if gap <= ALLOWED_GAP + TOLERANCE else 2


def target_light(target: Any, reading: Any, year: int) -> Light:
    """Return the light of a target that is measured; `reading` is the accepted one of the year, None for none."""
    facts = {"actual": reading.value if reading else None, "reading": reading, "year": year}
    if target.kind == TargetKind.LIMIT:
        return bound_light(target, LIMIT, target.target_value, **facts)
    if target.kind == TargetKind.KEEP:
        return bound_light(target, BASE, target.base_value, **facts)
    path = target_path(target)
    return reach_light(target, share_on_path(path, year) if path else None, **facts)


def target_path(target: Any) -> Path | None:
    """Return the path from the base through the steps to the target; None without a value to reach from a base."""
    if target.kind != TargetKind.REACH or None in (target.base_year, target.base_value, target.target_value):
        return None
    if target.base_year >= target.target_year:
        return None
    inside = [(year, value) for year, value in target.yearly_steps if target.base_year < year < target.target_year]
    return (target.base_year, target.base_value), *inside, (target.target_year, target.target_value)


def reach_light(target: Any, share: Decimal | None, actual: Number | None, **facts: Any) -> Light:
    """Return the light of a target to reach when `share` (E) of the change is due; RULE_INDICATOR.

    `actual` is the accepted value of the period due. Grey without it and before a tenth is due, which comes first: no
    value is due then; green when nothing is missing of what is due; yellow up to 10 %; red beyond, and called reversed
    when the value is worse than its base. The tolerance of 1e-9 keeps a gap of exactly a tenth yellow. A target equal
    to its base is one to keep; a target on the worse side of its base (a capped rise) is a limit at the expected value:
    this system's own convention.
    """
    base, aim = target.base_value, target.target_value
    if base is not None and base == aim:
        return bound_light(target, BASE, base, actual, **facts)
    expected, done = expected_value(base, aim, share), target_progress(base, actual, aim)
    gap = shortfall(done, share)
    unrated = None
    if share is not None and share < TOO_EARLY_BELOW:
        unrated = LightReason.TOO_EARLY
    elif actual is None:
        unrated = LightReason.NO_READING
    elif base is None:
        unrated = LightReason.NO_BASE
    elif aim is None:
        unrated = LightReason.NO_TARGET
    elif share is None:
        unrated = LightReason.NO_DATE
    light = partial(Light, record=target, of=Subject.TARGET, binds=bool(target.binding), **facts)
    light = partial(light, actual=actual, expected=expected, progress=done, share=share)
    if unrated or done is None or gap is None:
        return light(Colour.GREY, unrated or LightReason.NO_READING)
    if excess_over(aim, base, target.indicator.direction) > 0:
        return bound_light(target, LIMIT, expected, actual, **facts)
    grade = grade_of_gap(gap)
    if done < 0:
        return light(GRADES[grade], LightReason.REVERSED, say=say_reversed, shortfall=gap)
    why = (LightReason.ON_SCHEDULE, LightReason.BEHIND, LightReason.FAR_BEHIND)[grade]
    return light(GRADES[grade], why, say=say_change if grade else say_why, shortfall=gap)


def bound_light(
    target: Any, kind: Sequence[LightReason], bound: Number | None, actual: Number | None, **facts: Any
) -> Light:
    """Return the light of a value that must stay on the better side of a bound, LIMIT or BASE; RULE_INDICATOR.

    The gap is a fraction of the bound; beyond a bound of 0 is always red.
    """
    light = partial(Light, record=target, of=Subject.TARGET, binds=bool(target.binding), **facts)
    light = partial(light, actual=actual, expected=bound)
    if actual is None:
        return light(Colour.GREY, LightReason.NO_READING)
    if bound is None:
        return light(Colour.GREY, LightReason.NO_TARGET if kind == LIMIT else LightReason.NO_BASE)
    excess = excess_over(actual, bound, target.indicator.direction)
    gap = excess / bound if bound > 0 else None
    grade = grade_of_gap(gap) if gap is not None else 0 if excess <= 0 else 2
    return light(GRADES[grade], kind[grade], say=say_bound if grade else say_why, shortfall=gap)


def excess_over(value: Number, bound: Number, direction: str) -> Decimal:
    """Return how much worse a value is than a bound; negative when it is better."""
    over = Decimal(value) - bound
    return over if direction == Direction.LOWER else -over


def task_light(target: Any, as_of: date, *, reports: bool, **facts: Any) -> Light:
    """Return the light of a target in words: done, or not by its date.

    Done is green whenever reported. Grey until the date has passed, and while the pilot `reports` nothing; else red.
    """
    if target.done_on and target.done_on <= as_of:
        colour, why = Colour.GREEN, LightReason.DONE
    elif as_of <= date(target.target_year, 12, 31):
        colour, why = Colour.GREY, LightReason.NOT_DUE
    elif not reports:
        colour, why = Colour.GREY, LightReason.NO_READING
    else:
        colour, why = Colour.RED, LightReason.NOT_DONE
    return Light(colour, why, target, Subject.TARGET, bool(target.binding), **facts)


# -- a milestone or planned stage ----------------------------------------------------------------------


def milestone_light(milestone: Any, as_of: date) -> Light:
    """Return the light of a milestone on a day; a later completion does not count yet."""
    planned, actual = milestone.planned_by(as_of) or milestone.planned_on, milestone.completed_on
    return planned_light(milestone, Subject.MILESTONE, planned, actual, as_of, binds=bool(milestone.is_key))


def planned_light(
    record: Any, of: Subject, planned: date, actual: date | None, as_of: date, *, binds: bool = True
) -> Light:
    """Return green if done on time, blue if late, yellow up to 90 days overdue, red after, else grey; RULE_MILESTONE.

    A completion after `as_of` does not count yet. Within 30 days of the planned date (inclusive) it is due soon. A
    date known to the month or quarter is due on its last day.
    """
    done, say = actual is not None and actual <= as_of, say_why
    delay = ((actual if actual and done else as_of) - planned).days
    if done:  # late is not red for ever
        colour, why = (Colour.BLUE, LightReason.DONE_LATE) if delay > 0 else (Colour.GREEN, LightReason.DONE)
    elif delay > 0:
        long = delay > LONG_OVERDUE_DAYS
        colour, why = (Colour.RED, LightReason.LONG_OVERDUE) if long else (Colour.YELLOW, LightReason.OVERDUE)
        say = say_stage_overdue if of == Subject.STAGE else say_overdue
    else:
        colour, why = Colour.GREY, LightReason.DUE_SOON if delay >= -DUE_SOON_DAYS else LightReason.NOT_DUE
    due = planned <= as_of
    return Light(colour, why, record, of, binds, say, delay=delay, planned_on=planned, done=done, due=due)


def milestone_change_dates(planned: date, actual: date | None, delays: Sequence[int]) -> list[date]:
    """Return the days on which the colour of a milestone, or whether it is due, can change: candidates for `since`.

    `delays` are the days after the planned one that count. A completion before all of them counts only with that of 0.
    """
    turns = [planned + timedelta(days) for days in delays]
    if actual is None:
        return turns
    passed = [day for day in turns if day < actual]
    return [*passed, actual] if passed or 0 in delays else []


def request_text(record: Any, as_of: date) -> str:
    """Return that another planned day is asked for, or was refused, with the reason; empty where neither."""
    waiting, refused = record.waiting_replan(as_of), record.refused_replan(as_of)
    if waiting:
        planned = record.planned_by(as_of)
        words = {"day": format_date(waiting.day), "reason": waiting.reason}
        if planned and waiting.day < planned:
            return gettext("an earlier day is asked for: %(day)s, %(reason)s") % words
        return gettext("a later day is asked for: %(day)s, %(reason)s") % words
    if refused and refused.decided_on:
        words = {"day": format_date(refused.day), "on": format_date(refused.decided_on), "remark": refused.remark}
        return gettext("the day asked for, %(day)s, was refused on %(on)s: %(remark)s") % words
    return ""


# -- a pilot -------------------------------------------------------------------------------------------


def pilot_reasons(
    lights: Sequence[Light], pilot: Any = None, say: Callable[[Light], str] = say_why, *, accepted: bool
) -> list[Light]:
    """Return the reasons of a pilot's light, worst first: the effect of the first decides its colour; RULE_PILOT.

    It is the worst of its lights, never an average. Red: one that binds (a binding target 约束性, a key milestone, a
    planned stage) is red. Yellow: a binding target or any milestone is yellow, or another item red. Else grey when
    nothing was `accepted` in the last period due, or when neither a binding target is rated nor a key milestone due or
    done; else green, which `say` explains as it does grey.
    """
    reasons = [light for light in lights if light.effect]
    if reasons:
        return sorted(reasons, key=severity)
    binding = [light for light in lights if light.binds]
    if not accepted:
        why = LightReason.NO_REPORT
    elif not binding:
        why = LightReason.NO_TARGET
    elif any(item.colour != Colour.GREY if item.of == Subject.TARGET else item.done or item.due for item in binding):
        return [Light(Colour.GREEN, LightReason.ALL_WELL, pilot, say=say)]
    else:
        why = LightReason.NOTHING_RATED
    return [Light(Colour.GREY, why, pilot, say=say)]


COLOUR_ORDER = {colour: place for place, colour in enumerate(Colour)}


def severity(light: Any) -> tuple[int, int, bool, int, Decimal, str]:
    """Sort key: effect on the pilot, own colour, whether it binds, subject, then how much is missing or how late."""
    of_target = light.of == Subject.TARGET
    amount = -Decimal((light.shortfall if of_target else light.delay) or 0)
    key = light.record.indicator.code if of_target else str(light.record.pk)
    return COLOUR_ORDER[light.effect], COLOUR_ORDER[light.colour], not light.binds, light.of, amount, key


# -- over time and over pilots -------------------------------------------------------------------------


def unchanged_since(value_on: Callable[[date], Value], as_of: date, candidates: Iterable[date]) -> date | None:
    """Return the first day of the present colour (or of any other value that `value_on` returns for a day).

    `candidates` are all the days on which it can change, in any order; between two of them it does not. None when it
    has never been different.
    """
    now = value_on(as_of)
    turns = sorted({day for day in candidates if day <= as_of}, reverse=True)
    return next((day for day in turns if value_on(day - timedelta(1)) != now), None)


def count_by_colour(lights: Iterable[Colour]) -> dict[Colour, int]:
    """Count lights by colour, all colours included, worst first."""
    counts = Counter(lights)
    return {colour: counts[colour] for colour in Colour}
