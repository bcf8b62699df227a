"""Lights of targets, milestones, planned stages and pilots: colours with their reasons, numbers and sentences.

The rules and all that is said of a light stand here; `analytics/pilot_status.py` judges the records of a pilot by them.
To add a rule: a reason, its sentence and the two parts of it, and the days on which it can change a light: of a
milestone `CHANGE_DELAYS`, of others `light_change_dates` of that module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

from django.db.models import TextChoices
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from core.text import (
    CHANGE_DIGITS,
    StatusChoices,
    format_alike,
    format_date,
    format_percent,
    join_clauses,
    number_with_unit,
)
from pilots.metrics import (
    Direction,
    Number,
    Path,
    Ratio,
    expected_value,
    share_on_path,
    shortfall,
    target_progress,
)

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

SENTENCES: Mapping[Any, Any] = {
    (LightReason.BEHIND, "lower"): _(
        "%(name)s should have been cut by %(due)s by %(year)s; the cut was %(done)s (%(gap)s %% short)"
    ),
    (LightReason.BEHIND, "higher"): _(
        "%(name)s should have risen by %(due)s by %(year)s; the rise was %(done)s (%(gap)s %% short)"
    ),
    (LightReason.BEHIND, "from nothing"): _(
        "%(name)s should have reached %(due)s by %(year)s; it came to %(done)s (%(gap)s %% short)"
    ),
    (LightReason.REVERSED, "lower"): _(
        "%(name)s rose instead of falling: should have been down to %(expected)s by %(year)s, was %(actual)s"
    ),
    (LightReason.REVERSED, "higher"): _(
        "%(name)s fell instead of rising: should have been up to %(expected)s by %(year)s, was %(actual)s"
    ),
    (LIMIT, "lower"): _("%(name)s stood at %(actual)s in %(year)d, %(over)s above the limit of %(bound)s"),
    (LIMIT, "higher"): _("%(name)s stood at %(actual)s in %(year)d, %(over)s below the limit of %(bound)s"),
    (LIMIT, "part"): _("%(part)s %% of the limit"),
    (BASE, "lower"): _("%(name)s stood at %(actual)s in %(year)d, %(over)s above the base of %(bound)s"),
    (BASE, "higher"): _("%(name)s stood at %(actual)s in %(year)d, %(over)s below the base of %(bound)s"),
    (BASE, "part"): _("%(part)s %% of the base"),
    "milestone": ngettext_lazy("%(title)s is %(n)d day overdue", "%(title)s is %(n)d days overdue", "n"),
    "stage": ngettext_lazy("Stage “%(stage)s” is %(n)d day overdue", "Stage “%(stage)s” is %(n)d days overdue", "n"),
    LightReason.WITHDRAWN: _("Withdrawn on %(day)s: no longer rated"),
    "first report": _("Not rated yet: the first values are due by %(day)s"),
    LightReason.NO_REPORT: _("Not rated: no accepted value for %(year)d"),
    LightReason.NO_TARGET: _("Not rated: no target on record (no binding target, no key milestone)"),
    LightReason.NOTHING_RATED: _(
        "Not rated: nothing rated yet (no binding target can be rated, no key milestone is due)"
    ),
    LightReason.ALL_WELL: _(
        "Nothing behind schedule: %(rated)d of %(n)d indicators rated, %(done)d of %(due)d milestones due are done"
    ),
    LightReason.SET_BY_HAND: _("Set by hand by the ministry until %(day)s: %(reason)s"),
    "other": _("%(name)s: %(why)s"),
}
"""What is said of a light, by its reason and, of a target, the direction that is better."""

PARTS: Mapping[Any, tuple[Any, Any]] = {
    (LightReason.BEHIND, "lower"): (
        _("%(name)s: cut %(gap)s %% short"),
        _("%(due)s to be cut by %(year)s, %(done)s cut"),
    ),
    (LightReason.BEHIND, "higher"): (
        _("%(name)s: rise %(gap)s %% short"),
        _("%(due)s to be gained by %(year)s, %(done)s gained"),
    ),
    (LightReason.BEHIND, "from nothing"): (
        _("%(name)s: %(gap)s %% short"),
        _("%(due)s to be reached by %(year)s, %(done)s reached"),
    ),
    (LightReason.REVERSED, "lower"): (
        _("%(name)s rose instead of falling"),
        _("%(expected)s expected for %(year)s, was %(actual)s"),
    ),
    (LightReason.REVERSED, "higher"): (
        _("%(name)s fell instead of rising"),
        _("%(expected)s expected for %(year)s, was %(actual)s"),
    ),
    (LIMIT, "lower"): (_("%(name)s: %(over)s above the limit"), _("%(actual)s in %(year)d, limit %(bound)s")),
    (LIMIT, "higher"): (_("%(name)s: %(over)s below the limit"), _("%(actual)s in %(year)d, limit %(bound)s")),
    (BASE, "lower"): (_("%(name)s: %(over)s above the base"), _("%(actual)s in %(year)d, base %(bound)s")),
    (BASE, "higher"): (_("%(name)s: %(over)s below the base"), _("%(actual)s in %(year)d, base %(bound)s")),
    "milestone": (_("%(title)s: %(n)d d overdue"), _("was due on %(on)s")),
    "stage": (_("Stage “%(stage)s”: %(n)d d overdue"), _("was due on %(on)s")),
    LightReason.WITHDRAWN: (_("No longer rated"), _("withdrawn on %(on)s")),
    "first report": (_("Not rated yet"), _("first values due by %(on)s")),
    LightReason.NO_REPORT: (_("Not rated"), _("no accepted value for %(year)d")),
    LightReason.NO_TARGET: (_("Not rated: no target on record"), _("no binding target, no key milestone")),
    LightReason.NOTHING_RATED: (
        _("Not rated: nothing rated yet"),
        _("no binding target can be rated, no key milestone is due"),
    ),
    LightReason.ALL_WELL: (
        _("Nothing behind schedule"),
        _("%(rated)d of %(n)d indicators rated, %(done)d of %(due)d milestones due done"),
    ),
    LightReason.SET_BY_HAND: (_("Set by hand by the ministry"), _("until %(on)s: %(reason)s")),
    "other": (_("%(name)s: %(why)s"), ""),
}
"""The same in two parts, for two lines of a list: what is wrong, and its numbers."""


@dataclass(slots=True)
class Light:
    """Light of a pilot as a whole; those of what it has promised are the subclasses.

    `record` is what it is of. A light that is a reason of a pilot's light has that pilot's `status`, from which it
    knows who is responsible and what was changed of the plan.
    """

    colour: Colour
    why: LightReason
    record: Any = None
    status: Any = field(default=None, repr=False, compare=False)

    rank: ClassVar[int] = 3  # among reasons of one colour
    binds: ClassVar[Any] = True
    cause: ClassVar[Any] = None  # by which a follow-up names it: indicator and milestone; None for the whole pilot
    change: ClassVar[Any] = ""

    @property
    def effect(self) -> Colour | None:
        """Its effect on the light of the pilot; None for none."""
        return self.colour

    @property
    def sentence(self) -> str:
        """Why the light has its colour, in one sentence."""
        key, words = self.statement
        return str(SENTENCES[key] % words)

    @property
    def parts(self) -> tuple[str, str]:
        """The same in two parts: what is wrong, and its numbers."""
        key, words = self.statement
        what, numbers = PARTS[key]
        return str(what % words), str(numbers % words)

    @property
    def statement(self) -> tuple[Any, dict[str, Any]]:
        """The key of its sentence, with what the sentence names: that nothing is behind, why the pilot is not rated, or
        who set the light by hand until when, and why.
        """
        status, override = self.status, self.status.override
        key: object = self.why
        day = date(status.first_year + 1, 3, 31)
        if key == LightReason.NO_REPORT and status.year_due < status.first_year:
            key = "first report"
        elif key == LightReason.WITHDRAWN:
            day = status.pilot.withdrawn_on or status.as_of
        elif key == LightReason.SET_BY_HAND:
            day = override.expires_on
        counts = status.counts
        return key, {
            "day": format_date(day),
            "on": format_date(day, short=True),
            "reason": override.reason if override else "",
            "year": status.year_due,
            "rated": sum(item.colour != Colour.GREY for item in status.indicators),
            "n": len(status.indicators),
            "done": counts.due - counts.late,
            "due": counts.due,
        }

    @property
    def text(self) -> str:
        """The whole sentence: the reason, changes to the plan, and how it counts."""
        return join_clauses(filter(None, [self.sentence, self.change, self.counts_less]))

    @property
    def counts_less(self) -> str:
        """How a red one that does not bind counts for the pilot; empty for others."""
        if self.colour != Colour.RED or self.binds:
            return ""
        return (
            gettext("counts as yellow: not a key milestone") if self.rank else gettext("counts as yellow: not binding")
        )

    @property
    def url(self) -> str:
        """Address of what it is about."""
        return f"{self.status.pilot.get_absolute_url()}{self.anchor}"

    @property
    def anchor(self) -> str:
        return ""

    @property
    def owner(self) -> str:
        """Who is responsible, never a person; empty where all is well.

        The agency of the open follow-up, else of a milestone the department on record, else the pilot's own office, or
        the ministry where values wait for it.
        """
        follow_ups = self.status.open_follow_ups
        if self.cause is not None:
            subjects = {(None, None), self.cause}
            follow_ups = [f for f in follow_ups if (f.cause_indicator_id, f.cause_milestone_id) in subjects]
        return follow_ups[0].owner_agency.name if follow_ups else self.in_charge

    @property
    def in_charge(self) -> str:
        """Who is responsible where no follow-up is open: the ministry while values wait for it."""
        if self.why == LightReason.NO_REPORT and self.status.waits_for_review:
            return gettext("Ministry")
        well = self.why in (LightReason.ALL_WELL, LightReason.WITHDRAWN)
        return "" if well else responsible_office(self.status.pilot)


def responsible_office(pilot: Any) -> str:
    """Return the responsible office where no department is on record: the pilot's own office."""
    return gettext("Pilot office of %(pilot)s") % {"pilot": pilot.name}


# -- a target ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class TargetLight(Light):
    """Light of one target, with the numbers that decided it.

    `progress` is P, `share` E, `expected` V or the limit, `actual` the `reading` of the `year` (both in the indicator's
    unit); `shortfall` is the missing part of what is due, or for a limit the excess as a part of the limit; negative
    when there is room. Values that do not apply or are not known are None.
    """

    actual: Decimal | None = None
    expected: Decimal | None = None
    progress: Ratio | None = None
    share: Ratio | None = None
    shortfall: Ratio | None = None
    reading: Any = None
    year: int = 0

    rank: ClassVar[int] = 0

    @property
    def binds(self) -> bool:
        return bool(self.record.binding)

    @property
    def cause(self) -> tuple[int | None, int | None]:
        return self.record.indicator_id, None

    @property
    def effect(self) -> Colour | None:
        """Red of a binding target is red, other red and binding yellow are yellow."""
        if self.colour == Colour.RED:
            return Colour.RED if self.binds else Colour.YELLOW
        return Colour.YELLOW if self.colour == Colour.YELLOW and self.binds else None

    @property
    def anchor(self) -> str:
        return f"#indicator-{self.record.indicator.code}"

    @property
    def change(self) -> str:
        return self.status.change_of(self.record)  # type: ignore[no-any-return]

    @property
    def sentence(self) -> str:
        """What was due, what was achieved, and the base of its percentage."""
        text = super(TargetLight, self).sentence  # a class with slots has no other super()
        bound = next((bound for bound in (LIMIT, BASE) if self.why in bound[1:]), None)
        if bound is None or self.shortfall is None:  # no percentage of a bound of 0
            return text
        part = str(SENTENCES[bound, "part"]) % {"part": format_percent(self.shortfall)}
        return gettext("%(text)s (%(part)s)") % {"text": text, "part": part}

    @property
    def statement(self) -> tuple[Any, dict[str, Any]]:
        """The key of its sentence, with what was due and what was achieved."""
        indicator, way = self.record.indicator, self.record.indicator.direction
        for bound in (LIMIT, BASE):
            if self.why in bound[1:]:
                return (bound, way), self.bound_words
        if self.why == LightReason.REVERSED:
            return (self.why, way), self.levels
        if self.why not in (LightReason.BEHIND, LightReason.FAR_BEHIND):
            name = self.record.target_text if self.record.kind == TargetKind.TEXT else indicator.name
            return "other", {"name": name, "why": self.why.label}
        zero = Decimal(0)
        base, expected, actual = self.record.base_value or zero, self.expected or zero, self.actual or zero
        changes = format_alike([abs(expected - base), abs(actual - base)], CHANGE_DIGITS)
        due, done = (number_with_unit(number, self.unit_of_change) for number in changes)
        return (LightReason.BEHIND, way if base else "from nothing"), {
            "name": indicator.name,
            "due": due,
            "done": done,
            "gap": format_percent(self.shortfall or zero),
            "year": str(min(self.year, self.record.target_year)),
        }

    @property
    def bound_words(self) -> dict[str, Any]:
        """Parameters of sentences about a bound: by how much a value is on the wrong side of it."""
        indicator, zero = self.record.indicator, Decimal(0)
        actual, expected = self.actual or zero, self.expected or zero
        limit, stood, over = format_alike([expected, actual, abs(actual - expected)])
        return {
            "name": indicator.name,
            "year": self.year,
            "actual": number_with_unit(stood, indicator.unit_text),
            "over": number_with_unit(over, self.unit_of_change),
            "bound": number_with_unit(limit, indicator.unit_text),
        }

    @property
    def path(self) -> Path | None:
        """Path from the base through the steps to the target; None for a kind without one."""
        return target_path(self.record)

    @property
    def levels(self) -> dict[str, str]:
        """Parameters of sentences about a level: expected and actual with equal decimals, year, indicator."""
        indicator = self.record.indicator
        values = [value for value in (self.expected, self.actual) if value is not None]
        expected, actual = (number_with_unit(number, indicator.unit_text) for number in format_alike(values))
        year = str(min(self.year, self.record.target_year))
        return {"name": indicator.name, "expected": expected, "actual": actual, "year": year}

    @property
    def unit_of_change(self) -> str:
        """Unit of a difference: percentage points for two percentages."""
        unit: str = self.record.indicator.unit_text
        return gettext("percentage points") if unit == "%" else unit


GRADES = (Colour.GREEN, Colour.YELLOW, Colour.RED)


def grade_of_gap(gap: Decimal) -> int:
    """Return the place in GRADES of a gap, a fraction of what is due, by the rule of 10 %."""
    return 0 if gap <= TOLERANCE else 1 if gap <= ALLOWED_GAP + TOLERANCE else 2


def target_light(target: Any, actual: Number | None, year: int) -> TargetLight:
    """Return the light of a target that is measured; `actual` is the accepted value of the year, None for none."""
    direction = Direction(target.indicator.direction)
    if target.kind == TargetKind.LIMIT:
        return bound_light(LIMIT, actual, target.target_value, direction)
    if target.kind == TargetKind.KEEP:
        return bound_light(BASE, actual, target.base_value, direction)
    path = target_path(target)
    share = share_on_path(path, year) if path else None
    return reach_light(target.base_value, actual, target.target_value, share, direction)


def target_path(target: Any) -> Path | None:
    """Return the path from the base through the steps to the target; None without a value to reach from a base."""
    if target.kind != TargetKind.REACH or None in (target.base_year, target.base_value, target.target_value):
        return None
    if target.base_year >= target.target_year:
        return None
    inside = [(year, value) for year, value in target.yearly_steps if target.base_year < year < target.target_year]
    return (target.base_year, target.base_value), *inside, (target.target_year, target.target_value)


def reach_light(
    base: Number | None, actual: Number | None, target: Number | None, share: Decimal | None, direction: Direction
) -> TargetLight:
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
    numbers: dict[str, Any] = {
        "actual": actual,
        "expected": expected,
        "progress": done,
        "share": share,
    }
    if unrated or done is None or gap is None:
        return TargetLight(Colour.GREY, unrated or LightReason.NO_READING, **numbers)
    if base is not None and target is not None and excess_over(target, base, direction) > 0:
        return bound_light(LIMIT, actual, expected, direction)
    grade = grade_of_gap(gap)
    why = (LightReason.ON_SCHEDULE, LightReason.BEHIND, LightReason.FAR_BEHIND)[grade]
    return TargetLight(GRADES[grade], LightReason.REVERSED if done < 0 else why, shortfall=gap, **numbers)


def bound_light(
    kind: Sequence[LightReason], actual: Number | None, bound: Number | None, direction: Direction
) -> TargetLight:
    """Return the light of a value that must stay on the better side of a bound, LIMIT or BASE; RULE_INDICATOR.

    The gap is a fraction of the bound; beyond a bound of 0 is always red.
    """
    numbers: dict[str, Any] = {"actual": actual, "expected": bound}
    if actual is None:
        return TargetLight(Colour.GREY, LightReason.NO_READING, **numbers)
    if bound is None:
        return TargetLight(Colour.GREY, LightReason.NO_TARGET if kind == LIMIT else LightReason.NO_BASE, **numbers)
    excess = excess_over(actual, bound, direction)
    gap = excess / bound if bound > 0 else None
    grade = grade_of_gap(gap) if gap is not None else 0 if excess <= 0 else 2
    return TargetLight(GRADES[grade], kind[grade], shortfall=gap, **numbers)


def excess_over(value: Number, bound: Number, direction: Direction) -> Decimal:
    """Return how much worse a value is than a bound; negative when it is better."""
    over = Decimal(value) - bound
    return over if direction == Direction.LOWER else -over


def text_light(done: bool | None, due: date, as_of: date) -> TargetLight:
    """Return the light of a target in words: done, or not by its date.

    Done is green whenever reported. Grey until the date has passed, and when nothing is reported (None); else red.
    """
    if done:
        return TargetLight(Colour.GREEN, LightReason.DONE)
    if as_of <= due:
        return TargetLight(Colour.GREY, LightReason.NOT_DUE)
    if done is None:
        return TargetLight(Colour.GREY, LightReason.NO_READING)
    return TargetLight(Colour.RED, LightReason.NOT_DONE)


# -- a milestone or planned stage ----------------------------------------------------------------------


@dataclass(slots=True)
class MilestoneLight(Light):
    """Light of one milestone.

    `delay` is the days from the planned day (the one in force) to completion or the day of the light, possibly
    negative; `due` is whether the planned day has come by then.
    """

    delay: int | None = None
    planned_on: Any = None
    done: bool = False
    due: bool = False

    rank: ClassVar[int] = 1

    @property
    def binds(self) -> bool:
        return bool(self.record.is_key)

    @property
    def cause(self) -> tuple[int | None, int | None]:
        return None, self.record.pk

    @property
    def effect(self) -> Colour | None:
        """Red of a key milestone or planned stage is red, other red and any yellow are yellow."""
        if self.colour == Colour.RED:
            return Colour.RED if self.binds else Colour.YELLOW
        return Colour.YELLOW if self.colour == Colour.YELLOW else None

    @property
    def anchor(self) -> str:
        return f"#milestone-{self.record.pk}"

    @property
    def in_charge(self) -> str:
        return self.record.owner or responsible_office(self.status.pilot)

    @property
    def change(self) -> str:
        """What was changed of its plan, and the other day that is asked for or was refused."""
        changes = [self.status.change_of(self.record), request_text(self.record, self.status.as_of)]
        return join_clauses(filter(None, changes))

    @property
    def statement(self) -> tuple[Any, dict[str, Any]]:
        """The key of its sentence, with the days that it is overdue, else its state."""
        if self.why not in OVERDUE:
            return "other", {"name": self.record.name, "why": self.why.label}
        on = format_date(self.planned_on, short=True)
        return "milestone", {"title": self.record.name, "n": self.delay, "on": on}


@dataclass(slots=True)
class StageLight(MilestoneLight):
    """Light of a planned stage whose day has passed, while neither it nor a later stage was entered."""

    rank: ClassVar[int] = 2

    @property
    def binds(self) -> bool:
        return True

    @property
    def cause(self) -> tuple[int | None, int | None]:
        return None, None

    @property
    def anchor(self) -> str:
        return f"#stage-{self.record.stage}"

    @property
    def in_charge(self) -> str:
        return responsible_office(self.status.pilot)

    @property
    def statement(self) -> tuple[Any, dict[str, Any]]:
        on = format_date(self.planned_on, short=True)
        return "stage", {"stage": self.record.get_stage_display(), "n": self.delay, "on": on}


def milestone_light(planned: date, actual: date | None, as_of: date) -> MilestoneLight:
    """Return green if done on time, blue if late, yellow up to 90 days overdue, red after, else grey; RULE_MILESTONE.

    A completion after `as_of` does not count yet. Within 30 days of the planned date (inclusive) it is due soon. A
    date known to the month or quarter is due on its last day.
    """
    done, due = actual is not None and actual <= as_of, planned <= as_of
    delay = ((actual if actual and done else as_of) - planned).days
    if done:  # late is not red for ever
        colour, why = (Colour.BLUE, LightReason.DONE_LATE) if delay > 0 else (Colour.GREEN, LightReason.DONE)
    elif delay > 0:
        long = delay > LONG_OVERDUE_DAYS
        colour, why = (Colour.RED, LightReason.LONG_OVERDUE) if long else (Colour.YELLOW, LightReason.OVERDUE)
    else:
        colour, why = Colour.GREY, LightReason.DUE_SOON if delay >= -DUE_SOON_DAYS else LightReason.NOT_DUE
    return MilestoneLight(colour, why, delay=delay, planned_on=planned, done=done, due=due)


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


def pilot_reasons(lights: Sequence[Any], status: Any = None, *, accepted: bool) -> list[Light]:
    """Return the reasons of a pilot's light, worst first: the effect of the first decides its colour; RULE_PILOT.

    It is the worst of its lights, never an average. Red: one that binds (a binding target 约束性, a key milestone, a
    planned stage) is red. Yellow: a binding target or any milestone is yellow, or another item red. Else grey when
    nothing was `accepted` in the last period due, or when neither a binding target is rated nor a key milestone due or
    done; else green.
    """
    reasons = [light for light in lights if light.effect]
    if reasons:
        return sorted(reasons, key=severity)
    binding = [light for light in lights if light.binds]
    if not accepted:
        why = LightReason.NO_REPORT
    elif not binding:
        why = LightReason.NO_TARGET
    elif not any(item.done or item.due if item.rank else item.colour != Colour.GREY for item in binding):
        why = LightReason.NOTHING_RATED
    else:
        return [Light(Colour.GREEN, LightReason.ALL_WELL, status and status.pilot, status)]
    return [Light(Colour.GREY, why, status and status.pilot, status)]


COLOUR_ORDER = {colour: place for place, colour in enumerate(Colour)}


def severity(light: Any) -> tuple[int, int, bool, int, Decimal, str]:
    """Sort key: effect on the pilot, own colour, whether it binds, subject, then how much is missing or how late."""
    missing = light.delay if light.rank else light.shortfall
    key = str(light.record.pk) if light.rank else light.record.indicator.code
    amount = -Decimal(missing or 0)
    return COLOUR_ORDER[light.effect], COLOUR_ORDER[light.colour], not light.binds, light.rank, amount, key


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
