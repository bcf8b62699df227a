"""Lights of targets, milestones and pilots: colours with their reasons and numbers.

The rules stand here, as functions of plain rows: anything with the attributes of the columns. `Records` holds the rows
of one pilot, and `analytics/pilot_status.py` gives it them. An item is judged on a day by what counted on that day: a
value from its acceptance, an amendment from its decision, a fact that was entered late from its entry. To add a rule: a
reason, its text in `sentences.py`, and in `change_days` the days on which it can change a light.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import IntEnum
from functools import partial
from itertools import chain, pairwise
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.text import StatusChoices, join_clauses
from pilots.metrics import Direction, Path, Ratio, Stage, StageEvent, year_due
from pilots.sentences import say_all_well, say_beside, say_by_hand, say_nothing_due, say_pilot, say_reason

RULE_INDICATOR = "NDRC 2020-901, version 3"
"""NDRC 发改办环资〔2020〕901号, 节能目标完成情况晴雨表: met green, missed by up to 10 % yellow, by more red."""
RULE_MILESTONE = "Yinchuan 2025, adapted, version 3"
"""The three lights of Yinchuan (银川, 2025) for tasks; the numbers of days are this system's own convention."""
RULE_PILOT = "worst binding item, version 3"
"""This system's own convention: the worst item that binds, never an average; green only where what is due is known."""

RULES = "3.0"
"""Version of the rules and of what is stored of them. Raise it with each change: after `migrate`, lights that were
stored by another version are computed anew.
"""

TOLERANCE = Decimal("1e-9")
ALLOWED_GAP = Decimal("0.10")
TOO_EARLY_BELOW = Decimal("0.10")  # of the change due
FLAT = Decimal("0.005")  # worse than the base by no more than this part of it is not the wrong way
DUE_SOON_DAYS, LONG_DAYS = 30, 90
"""Days before a milestone at which it is said to be due soon; days after which late, overdue or unanswered is red."""
ENTRY_DAYS = 30
"""A fact entered up to so many days late counts from its own day."""
ASKED_DAYS = 183
"""Days of a year that lie in the term, for its values to be asked for."""


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
BY_HAND_CHOICES = [(colour.value, colour.label) for colour in LIGHTS if colour != Colour.GREY]
"""The colours to which it can be set by hand."""
COLOUR_ORDER = {colour: place for place, colour in enumerate(Colour)}
WORST = (Colour.RED, Colour.YELLOW, Colour.GREY, Colour.BLUE, Colour.GREEN)
"""From bad to good: what is not known is worse than what is in order."""
GRADES = (Colour.GREEN, Colour.YELLOW, Colour.RED)


class LightReason(TextChoices):
    """Code of the reason for a light's colour."""

    # a value against what was promised; what the colour says of it is in LABELS
    PATH = "path", _("on the way to the target")
    LIMIT = "limit", _("held against the limit")
    KEEP = "keep", _("held against the base")
    REVERSED = "reversed", _("reversed: worse than the base")
    REACHED = "reached", _("target reached already")
    TOO_EARLY = "too_early", _("too early to rate")
    PAST = "past", _("followed by a later target")
    # no value, or none that can be rated
    NO_TARGET = "no_target", _("no target value")
    NO_BASE = "no_base", _("no base value")
    NO_VALUE = "no_value", _("no accepted value")
    UNDER_REVIEW = "under_review", _("waits for the ministry")
    NOT_GIVEN = "not_given", _("not given, with a reason that the ministry accepted")
    OVERDUE = "overdue", _("value overdue")
    DISPUTED = "disputed", _("value disputed")
    # any promise
    NOT_DUE = "not_due", _("not due yet")
    DROPPED = "dropped", _("dropped")
    NOT_PROMISED = "not_promised", _("not promised yet")
    # a milestone
    DONE = "done", _("done")
    DONE_LATE = "done_late", _("done late")
    LATE = "late", _("late")
    # a pilot
    RECTIFYING = "rectifying", _("ordered to rectify")
    WITHDRAWN = "withdrawn", _("no longer a pilot")
    BY_HAND = "by_hand", _("set by hand")
    ALL_WELL = "all_well", _("nothing behind schedule")
    NOTHING_DUE = "nothing_due", _("nothing due yet")
    NOTHING_PROMISED = "nothing_promised", _("nothing binding promised")


def graded(*labels: Any) -> dict[Colour, Any]:
    return dict(zip(GRADES, labels, strict=True))


LABELS: Mapping[LightReason, Mapping[Colour, Any]] = {
    LightReason.PATH: graded(
        _("on schedule"),
        _("behind schedule by up to 10 % of the change due"),
        _("behind schedule by more than 10 % of the change due"),
    ),
    LightReason.LIMIT: graded(
        _("within the limit"), _("beyond the limit by up to 10 %"), _("beyond the limit by more than 10 %")
    ),
    LightReason.KEEP: graded(
        _("no worse than the base"), _("worse than the base by up to 10 %"), _("worse than the base by more than 10 %")
    ),
    LightReason.PAST: graded(_("reached in its year"), _("missed in its year"), _("missed in its year")),
    LightReason.OVERDUE: {
        Colour.YELLOW: _("value overdue by up to 90 days"),
        Colour.RED: _("value overdue by more than 90 days"),
    },
    LightReason.LATE: {Colour.YELLOW: _("overdue by up to 90 days"), Colour.RED: _("overdue by more than 90 days")},
}
"""What a colour says, where the reason alone does not."""

OF_VALUE = (LightReason.PATH, LightReason.LIMIT, LightReason.KEEP, LightReason.REVERSED)
"""Reasons of a red or yellow target whose value misses what was promised; others are told by days."""
OF_NO_VALUE = (LightReason.OVERDUE, LightReason.NOT_GIVEN, LightReason.DISPUTED, LightReason.UNDER_REVIEW)
"""Reasons that judge how a value is handed in: only a binding target has them."""
NOT_IN_FORCE = (LightReason.DROPPED, LightReason.NOT_PROMISED)
"""Reasons of a promise that is none on the day, which no count includes."""


class TargetKind(TextChoices):
    """Kind of a target: a value to reach on a path, a limit up to a year, a base to keep."""

    REACH = "reach", _("Reach a value")
    LIMIT = "limit", _("Stay within a limit")
    KEEP = "keep", _("Get no worse")


class Subject(IntEnum):
    """What a light is of, in the order of reasons that weigh the same; of stages only rectifying has one."""

    TARGET, MILESTONE, STAGE, PILOT = range(4)


# -- the rows of one pilot -----------------------------------------------------------------------------------


def counts_from(happened: date, entered: date | None) -> date:
    """Return the day from which a fact counts: its own, or that of its entry where this came after ENTRY_DAYS."""
    if entered is None or (entered - happened).days <= ENTRY_DAYS:
        return happened
    return entered


def has_come(day: date | None, on: date) -> bool:
    """Whether something with a day has happened by another."""
    return day is not None and day <= on


@dataclass(frozen=True, slots=True)
class Promise:
    """What a target asks for from a day on, as amended by then: the terms in force."""

    since: date
    kind: str
    lower: bool
    binding: bool
    value: Decimal | None
    year: int
    base_value: Decimal | None
    base_year: int | None
    steps: Path = ()

    @property
    def base(self) -> tuple[int, Decimal] | None:
        """Base year and value; None where one is missing. A base to keep counts without its year, too."""
        if self.base_value is None or (self.base_year is None and self.kind != TargetKind.KEEP):
            return None
        return self.base_year or 0, self.base_value

    @property
    def bound(self) -> Decimal | None:
        """The value that is not to be passed, or is to be reached."""
        return self.base_value if self.kind == TargetKind.KEEP else self.value

    @property
    def path(self) -> Path | None:
        """The way from the base through the steps to the target; None where there is none."""
        if self.kind != TargetKind.REACH or self.value is None or self.base is None or self.base[0] >= self.year:
            return None
        inside = [step for step in self.steps if self.base[0] < step[0] < self.year]
        return self.base, *inside, (self.year, self.value)

    def due_in(self, year: int) -> Decimal | None:
        """Return the value that is due by a year: of a limit or a base to keep the bound, else that on the path."""
        if self.kind != TargetKind.REACH:
            return self.bound
        return value_on_path(self.path, year) if self.path else None


def grouped(rows: Iterable[Any], *columns: str) -> defaultdict[Any, list[Any]]:
    """Return rows by their value of a column, or by those of several, in their order."""
    found, key = defaultdict[Any, list[Any]](list), attrgetter(*columns)
    for row in rows:
        found[key(row)].append(row)
    return found


class Records:
    """The rows of one pilot, indexed for its lights on any day. Each list is in the order of entry."""

    def __init__(
        self,
        pilot: Any,
        *,
        targets: Iterable[Any] = (),
        milestones: Iterable[Any] = (),
        stages: Iterable[Any] = (),
        readings: Iterable[Any] = (),
        not_given: Iterable[Any] = (),
        deadlines: Iterable[Any] = (),
        overrides: Iterable[Any] = (),
        amendments: Iterable[Any] = (),
        completions: Iterable[Any] = (),
        due_of: Mapping[Any, str] | None = None,
    ) -> None:
        """`due_of` has the month and day of indicators whose values are due on a day of their own."""
        self.pilot, self.due_of = pilot, due_of or {}
        self.targets, self.milestones, self.stages = list(targets), list(milestones), list(stages)
        self.overrides = sorted(overrides, key=attrgetter("set_on"))
        self.first_day: date = pilot.starts_on or pilot.known_by
        self.verdicts: dict[tuple[Any, date, int, Decimal], Verdict] = {}
        self.kept_due: dict[tuple[Any, int], date | None] = {}
        # what was decided of the promises, and what was done
        decided = [row for row in amendments if row.accepted and row.decided_on]
        self.changes = grouped(sorted(decided, key=attrgetter("decided_on")), "target_id", "milestone_id")
        self.promises = {row.pk: promises_of(row, self.changes[row.pk, None]) for row in self.targets}
        alike = grouped(self.targets, "indicator_id", "kind")
        self.rivals = {
            target.pk: [row for row in alike[target.indicator_id, target.kind] if row is not target]
            for target in self.targets
        }
        in_order = sorted(completions, key=lambda row: row.entered_on or row.completed_on)
        self.completions = grouped(in_order, "milestone_id")
        entered = sorted(self.stages, key=attrgetter("entered_on"))
        self.entered = [(counts_from(row.entered_on, row.recorded_on), row) for row in entered]
        self.stage_events = [(since, StageEvent(Stage(row.stage), row.entered_on)) for since, row in self.entered]
        # what was handed in by indicator and year: values by version, and reasons; and values from the last year on
        self.readings = sorted((row for row in readings if "-" not in row.period), key=attrgetter("version"))
        self.handed_in = defaultdict[tuple[Any, int], list[Any]](list)
        self.values = defaultdict[Any, list[tuple[int, Any]]](list)
        for row in self.readings:
            self.handed_in[row.indicator_id, int(row.period)].append(row)
        for row in sorted(self.readings, key=attrgetter("period", "version"), reverse=True):
            if self.touches(int(row.period)):
                self.values[row.indicator_id].append((int(row.period), row))
        self.reasons = grouped(not_given, "indicator_id", "year")
        for key, rows in self.reasons.items():
            self.handed_in[key] += rows
        self.of_indicator = grouped((*self.readings, *chain(*self.reasons.values())), "indicator_id")
        for rows in self.handed_in.values():
            rows[:] = sorted((row for row in rows if row.reported_on), key=attrgetter("reported_on"))
        self.deadlines = grouped(sorted(deadlines, key=attrgetter("decided_on")), "year")
        # the years that something can be said of: those of the term, of an open one up to the last that is named
        named = [promise.year for terms in self.promises.values() for _since, promise in terms if promise]
        last = max([self.first_day.year, pilot.asked_from or 0, *self.deadlines, *named])
        self.years = range(
            self.first_day.year, max(self.first_day.year, pilot.ends_on.year if pilot.ends_on else last) + 1
        )

    def touches(self, year: int) -> bool:
        """Whether the year has a day in the term, so that its values count."""
        end = self.pilot.ends_on
        return self.first_day.year <= year and (end is None or year <= end.year)


def promises_of(target: Any, amendments: Iterable[Any]) -> list[tuple[date, Promise | None]]:
    """Return the terms of a target with the day from which each is in force, oldest first; None once it is dropped.

    An amendment of value or base gives the steps anew, or clears them.
    """
    if target.promised_on is None:
        return []
    now = Promise(
        since=target.promised_on,
        kind=target.kind,
        lower=target.direction == Direction.LOWER,
        binding=bool(target.binding),
        value=target.target_value,
        year=target.target_year,
        base_value=target.base_value,
        base_year=target.base_year,
        steps=steps_of(target.steps),
    )
    found: list[tuple[date, Promise | None]] = [(now.since, now)]
    for row in amendments:
        since = max(row.decided_on, target.promised_on)
        if row.drop:
            return [*found, (since, None)]
        changed = {name: getattr(row, name) for name in ("value", "year") if getattr(row, name) is not None}
        if row.base_value is not None and row.base_year is not None:
            changed |= {"base_value": row.base_value, "base_year": row.base_year}
        steps = now.steps if changed.keys() <= {"year"} else ()
        now = replace(now, since=since, **changed, steps=steps if row.steps is None else steps_of(row.steps))
        found.append((since, now))
    return found


def steps_of(steps: Mapping[str, Any] | None) -> Path:
    return tuple(sorted((int(year), Decimal(str(value))) for year, value in (steps or {}).items()))


def in_force(records: Records, target: Any, on: date) -> Promise | None:
    """Return the terms of a target on a day; None where it is not promised yet, or dropped."""
    for since, promise in reversed(records.promises[target.pk]):
        if since <= on:
            return promise
    return None


# -- years: which are asked for, and by when -----------------------------------------------------------------


def in_term(records: Records, year: int) -> bool:
    """Whether so much of the year lies in the term that its values are asked for."""
    last_day = date(year, 12, 31)
    first, last = max(records.first_day, date(year, 1, 1)), min(records.pilot.ends_on or last_day, last_day)
    return (last - first).days + 1 >= ASKED_DAYS


def due_day(records: Records, indicator: Any, year: int, on: date) -> date | None:
    """Return the day by which the values of a year are due, as decided by a day; None where they are not asked for.

    It is that of the indicator where its statistics come later, else that of the batch. A deadline of the batch moves
    no indicator to before its own day.
    """
    own, key = records.due_of.get(indicator), (indicator, year)
    if key not in records.kept_due:
        asked_from = records.pilot.asked_from
        asked = asked_from is not None and year >= asked_from and in_term(records, year)
        day = date.fromisoformat(f"{year + 1}-{own or records.pilot.report_due}") if asked else None
        records.kept_due[key] = day
    usual = records.kept_due[key]
    if usual is None or year not in records.deadlines:
        return usual
    due: date | None = usual
    for row in records.deadlines[year]:
        if row.decided_on <= on and row.indicator_id in (None, indicator):
            due = row.due_on
            if due and own and row.indicator_id is None:
                due = max(due, usual)
    return due


def answer_day(records: Records, indicator: Any, year: int, on: date) -> date | None:
    """Return the same, or the later day by which what was handed in on time and then returned is to be answered.

    What was on time is measured by the first hand-in after the return before it.
    """
    due = due_day(records, indicator, year, on)
    if due is None or (indicator, year) not in records.handed_in or is_excused(records, indicator, year, on):
        return due
    began = None
    for row in records.handed_in[indicator, year]:
        began = began or row.reported_on
        if has_come(row.returned_on, on):
            if row.answer_by and began <= due:
                due = max(due, row.answer_by)
            began = None
    return due


def is_excused(records: Records, indicator: Any, year: int, on: date) -> bool:
    """Whether the ministry has accepted by the day a reason why there is no value."""
    key = (indicator, year)
    return key in records.reasons and any(has_come(row.accepted_on, on) for row in records.reasons[key])


def current(records: Records, indicator: Any, on: date, last: int | None = None) -> tuple[int, Any] | None:
    """Return year and reading of the value that counts on a day, of the years up to `last`; None without any.

    It is the newest accepted version of the latest year in the term, also while it is disputed: an objection improves
    no light, and neither does leaving out a later year.
    """
    for year, row in records.values.get(indicator, ()):
        if year <= min(on.year, last or on.year) and has_come(row.accepted_on, on):
            return year, row
    return None


def waits_since(records: Records, indicator: Any, year: int, on: date) -> date | None:
    """Return the day on which what waits for the ministry was first handed in, if that was on time; else None.

    A correction on top of it does not make it late.
    """
    rows = [row for row in records.handed_in.get((indicator, year), ()) if row.reported_on <= on]
    returned = [place for place, row in enumerate(rows) if has_come(row.returned_on, on)]
    rows = rows[returned[-1] + 1 :] if returned else rows
    due = answer_day(records, indicator, year, on)
    if not rows or has_come(rows[-1].accepted_on, on) or due is None or rows[0].reported_on > due:
        return None
    day: date = rows[0].reported_on
    return day


class Owed(NamedTuple):
    """Years without an accepted value, why, and since when: the due day, or the day of the hand-in."""

    why: LightReason
    years: tuple[int, ...]
    since: date


def owed(records: Records, indicator: Any, years: Iterable[int], on: date) -> Owed | None:
    """Return how the values of years stand that are due and were not accepted; None where none is due.

    Only the last of them can be under review: handing it in excuses no year before it. A reason that was accepted
    stays, also while a later year is under review.
    """
    due_on = {year: day for year in years if (day := answer_day(records, indicator, year, on)) and day < on}
    if not due_on:
        return None
    excused = [year for year in due_on if is_excused(records, indicator, year, on)]
    silent = [year for year in due_on if year not in excused]
    waiting = None
    if len(silent) == 1 and silent[0] == max(due_on):
        waiting = waits_since(records, indicator, silent[0], on)
    if silent and not waiting:
        return Owed(LightReason.OVERDUE, tuple(silent), min(due_on[year] for year in silent))
    if excused:
        return Owed(LightReason.NOT_GIVEN, tuple(excused), min(due_on[year] for year in excused))
    return Owed(LightReason.UNDER_REVIEW, tuple(silent), waiting) if waiting else None


class ReportState(TextChoices):
    """Where values are held up that a pilot owes for the year due."""

    NOTHING = "nothing", _("not handed in")
    WAITING = "waiting", _("handed in, waiting to be accepted")
    RETURNED = "returned", _("returned, to be answered by the pilot")
    DISPUTED = "disputed", _("objected to, to be corrected by the pilot")


NOT_REPORTED = (ReportState.NOTHING, ReportState.RETURNED, ReportState.DISPUTED)
"""States in which the pilot has to act. Values that wait for the ministry are never called not reported."""
ACTING = (ReportState.NOTHING, ReportState.RETURNED, ReportState.WAITING, ReportState.DISPUTED)
"""The state of a pilot with several values: a disputed one counts, so it comes last."""


def report_state(records: Records, indicator: Any, year: int, on: date) -> ReportState | None:
    """Return where the value of a year is held up; None where it is accepted, or a reason why there is none."""
    rows = [row for row in records.handed_in.get((indicator, year), ()) if row.reported_on <= on]
    if not rows:
        return ReportState.NOTHING
    settled = [row for row in rows if has_come(row.accepted_on, on)]
    disputed = bool(settled) and has_come(getattr(settled[-1], "disputed_on", None), on)
    if settled and not disputed:
        return None
    if not has_come(rows[-1].accepted_on, on) and not has_come(rows[-1].returned_on, on):
        return ReportState.WAITING
    return ReportState.DISPUTED if settled else ReportState.RETURNED


def values_owed(records: Records, on: date) -> dict[Any, date]:
    """Return the due days that have passed of the last year due, by indicator: of binding targets whose values are
    asked for.
    """
    found: dict[Any, date] = {}
    year = year_due(on)
    for target in records.targets if not withdrawn_by(records.pilot, on) else ():
        promise = in_force(records, target, on) if target.binding else None
        if promise and first_asked_year(records, target, on) <= year <= promise.year:
            day = due_day(records, target.indicator_id, year, on)
            if day and day < on:
                found[target.indicator_id] = day
    return found


# -- a light -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Light:
    """Light of a target, milestone, rectifying or pilot, with what decided it. A rule makes it whole.

    `record` is what it is of, and `say` makes its sentence when it is shown, in the language of the reader. `effect` is
    what it does to the light of the pilot, None for nothing.

    Of a target `promise` has the terms in force, `reading` the value that counts and `year` its year; `progress` is P,
    `share` E, `expected` V or the bound, `actual` the value (both in the indicator's unit); `shortfall` is the missing
    part of what is due, or for a bound the excess as a part of it; negative when there is room. `owed` says how the
    `years` without an accepted value stand, and `since` from which day: due, handed in, or disputed. Of a milestone
    `planned_on` is the day in force, `completion` the row that completes it. `delay` is the days it is late, from that
    day to completion or to the day of the light, possibly negative, or the days since `since`; `due` is whether that
    day has passed. `disputed_on` is the day of an objection. Values that do not apply or are not known are None.
    """

    colour: Colour
    why: LightReason
    record: Any = None
    of: Subject = Subject.PILOT
    binds: bool = True
    effect: Colour | None = None
    say: Callable[[Light], str] = field(default=say_reason, repr=False, compare=False)
    promise: Promise | None = None
    actual: Decimal | None = None
    expected: Decimal | None = None
    progress: Ratio | None = None
    share: Ratio | None = None
    shortfall: Ratio | None = None
    reading: Any = None
    year: int = 0
    owed: LightReason | None = None
    years: tuple[int, ...] = ()
    since: date | None = None
    disputed_on: date | None = None
    delay: int | None = None
    planned_on: date | None = None
    completed_on: date | None = None
    completion: Any = None
    due: bool = False

    @property
    def name(self) -> str:
        """Name of the indicator or milestone; empty for others."""
        if self.of == Subject.TARGET:
            return str(self.record.indicator.name)
        return str(self.record.name) if self.of == Subject.MILESTONE else ""

    @property
    def label(self) -> str:
        """The reason in a few words, with what the colour says of it."""
        return str(LABELS.get(self.why, {}).get(self.colour, self.why.label))

    @property
    def done(self) -> bool:
        """Whether a milestone is completed."""
        return self.completed_on is not None

    @property
    def in_force(self) -> bool:
        """Whether it is of a promise that was made by the day and not dropped."""
        return self.why not in NOT_IN_FORCE

    @property
    def counted(self) -> bool:
        """Whether it is of a binding target in force that no later one has followed: what counts of targets."""
        return self.of == Subject.TARGET and self.binds and self.in_force and self.why != LightReason.PAST

    @property
    def sentence(self) -> str:
        """Why the light has its colour, with the year of each value, and what else is missing or objected to."""
        return join_clauses(filter(None, [self.say(self), say_beside(self)]))

    @property
    def counts_less(self) -> str:
        """How a red one that does not bind counts for the pilot; empty for others."""
        if self.colour != Colour.RED or self.binds or self.effect is None:
            return ""
        if self.of == Subject.TARGET:
            return gettext("counts as yellow: not binding")
        return gettext("counts as yellow: not a key milestone")

    @property
    def cause(self) -> tuple[int | None, int | None] | None:
        """Target and milestone by which a follow-up names it, of a stage neither; None for the whole pilot."""
        if self.of == Subject.TARGET:
            return self.record.pk, None
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
        return self.promise.path if self.promise else None


def responsible_office(pilot: Any) -> str:
    """Return the responsible office where no department is on record: the pilot's own office."""
    return gettext("Pilot office of %(pilot)s") % {"pilot": pilot.name}


# -- a target ------------------------------------------------------------------------------------------------


class Verdict(NamedTuple):
    """What a value of a year says of the terms of a target, whatever the day; fields as those of `Light`."""

    colour: Colour
    why: LightReason
    expected: Decimal | None = None
    progress: Decimal | None = None
    share: Decimal | None = None
    shortfall: Decimal | None = None


def grade_of_gap(gap: Decimal) -> Colour:
    """Return the colour of a gap, a fraction of what is due, by the rule of 10 %."""
    return GRADES[0 if gap <= TOLERANCE else 1 if gap <= ALLOWED_GAP + TOLERANCE else 2]


def excess_over(value: Decimal, bound: Decimal, *, lower: bool) -> Decimal:
    """Return how much worse a value is than a bound; negative when it is better."""
    return value - bound if lower else bound - value


def value_on_path(path: Path, year: int) -> Decimal:
    """Return the value that is due by a year: straight from one step to the next, and the last after its year.

    With one step it is the elapsed share of time, in whole years, because 731 of 1096 days is a little more than two of
    three years, and a pilot exactly a tenth behind would turn red for it.
    """
    at = min(max(year, path[0][0]), path[-1][0])
    (before, low), (after, high) = next(pair for pair in pairwise(path) if at <= pair[1][0])
    return Decimal(low) + Decimal(high - low) * (at - before) / (after - before)


def judge_bound(value: Decimal, bound: Decimal, why: LightReason, *, lower: bool) -> Verdict:
    """Return the verdict on a value that must stay on the better side of a bound; RULE_INDICATOR.

    The gap is a fraction of the bound; beyond a bound of 0 is always red.
    """
    over = excess_over(value, bound, lower=lower)
    if bound == 0:
        return Verdict(Colour.GREEN if over <= 0 else Colour.RED, why, bound)
    gap = over / abs(bound)
    return Verdict(grade_of_gap(gap), why, bound, shortfall=gap)


def judge_value(promise: Promise, year: int, value: Decimal) -> Verdict:
    """Return the verdict on the value of a year; RULE_INDICATOR.

    From its year on a target to reach asks for the whole change, so that a miss does not fade with age, and needs no
    base. One equal to its base is to be kept; one on the worse side of its base (a capped rise) is a limit on the way:
    this system's own convention.
    """
    goal, base, bound = promise.value, promise.base, partial(judge_bound, value, lower=promise.lower)
    if promise.kind == TargetKind.KEEP:
        if base is None:
            return Verdict(Colour.GREY, LightReason.NO_BASE)
        return bound(base[1], LightReason.KEEP) if year > base[0] else Verdict(Colour.GREY, LightReason.NOT_DUE)
    if goal is None:
        return Verdict(Colour.GREY, LightReason.NO_TARGET)
    if promise.kind == TargetKind.LIMIT:
        return bound(goal, LightReason.LIMIT)
    if base is None or base[0] >= promise.year:
        if year >= promise.year:
            return bound(goal, LightReason.LIMIT)
        if excess_over(value, goal, lower=promise.lower) <= 0:
            return Verdict(Colour.GREEN, LightReason.REACHED, goal)
        return Verdict(Colour.GREY, LightReason.NO_BASE)
    if year <= base[0]:
        return Verdict(Colour.GREY, LightReason.NOT_DUE)
    if base[1] == goal:
        return bound(goal, LightReason.KEEP)
    return judge_on_path(promise, base[1], goal, year, value)


def judge_on_path(promise: Promise, base: Decimal, goal: Decimal, year: int, value: Decimal) -> Verdict:
    """Return the verdict on a value on the way from a base to another value.

    Green when nothing is missing of what is due, yellow up to 10 %, red beyond, and called reversed when the value is
    worse than its base. Before a tenth of the change is due only the wrong way is rated, as yellow.
    """
    expected = value_on_path(promise.path or (), year)
    if excess_over(goal, base, lower=promise.lower) > 0:
        return judge_bound(value, expected, LightReason.LIMIT, lower=promise.lower)
    share = min(max((expected - base) / (goal - base), Decimal(0)), Decimal(1))
    done = (base - value) / (base - goal)
    wrong_way = excess_over(value, base, lower=promise.lower) > FLAT * abs(base)
    facts = {"expected": base + (goal - base) * share, "progress": done, "share": share}
    if share < TOO_EARLY_BELOW:
        colour, why = (Colour.YELLOW, LightReason.REVERSED) if wrong_way else (Colour.GREY, LightReason.TOO_EARLY)
        return Verdict(colour, why, **facts)
    why = LightReason.REVERSED if done < 0 and wrong_way else LightReason.PATH
    return Verdict(grade_of_gap(1 - done / share), why, **facts, shortfall=1 - done / share)


def target_light(records: Records, target: Any, on: date) -> Light:
    """Return the light of a target on a day: what its value says, and what is missing or disputed."""
    promise = in_force(records, target, on)
    if promise is None:
        light = Light(Colour.GREY, LightReason.NOT_PROMISED, target, Subject.TARGET, bool(target.binding))
        if not has_come(target.promised_on, on):
            return light
        return replace(light, why=LightReason.DROPPED, since=records.promises[target.pk][-1][0])
    others = rivals_of(records, target, on)
    followed = any(now.year > promise.year and (now.binding or not promise.binding) for now in others)
    after, own_years = first_year(promise, others), followed or promise.kind == TargetKind.KEEP
    found = current(records, target.indicator_id, on, promise.year if own_years else None)
    light = value_light(records, target, promise, found if found and found[0] > after else None, on)
    newest = current(records, target.indicator_id, on) if followed else None
    if newest and newest[0] > promise.year:
        return replace(light, why=LightReason.PAST)
    first = max(light.year, after, records.first_day.year - 1) + 1
    missing = owed(records, target.indicator_id, range(first, min(promise.year, on.year) + 1), on)
    if missing:
        light = judge_missing(light, missing, on)
    since = light.reading.disputed_on if light.reading else None
    if since and since <= on:  # at least yellow, and unanswered for LONG_DAYS red
        days = (on - since).days
        light = at_least(replace(light, disputed_on=since), LightReason.DISPUTED, days, since=since, delay=days)
    return judge_effect(light)


def value_light(records: Records, target: Any, promise: Promise, found: tuple[int, Any] | None, on: date) -> Light:
    """Return the light of a target by the year and reading that count, or without any."""
    facts: dict[str, Any] = {"record": target, "of": Subject.TARGET, "binds": promise.binding, "promise": promise}
    if found is None:
        missing = owed(records, target.indicator_id, range(records.first_day.year, on.year + 1), on)
        return Light(Colour.GREY, LightReason.NO_VALUE if missing else LightReason.NOT_DUE, **facts)
    year, reading = found
    key = (target.pk, promise.since, year, reading.value)  # the verdict is the same on every day on which the terms are
    if key not in records.verdicts:
        records.verdicts[key] = judge_value(promise, year, reading.value)
    verdict = records.verdicts[key]
    return Light(**verdict._asdict(), **facts, year=year, reading=reading, actual=reading.value)


def judge_missing(light: Light, missing: Owed, on: date) -> Light:
    """Return the light of a target with years without an accepted value: overdue or not given it is at least yellow.

    Under review the last accepted value counts for LONG_DAYS; without any, and then, the target is grey.
    """
    days = (on - missing.since).days
    light = replace(light, owed=missing.why, years=missing.years, since=missing.since, delay=days)
    if missing.why != LightReason.UNDER_REVIEW:
        return at_least(light, missing.why, days if missing.why == LightReason.OVERDUE else 0)
    waits = light.reading is None or (days > LONG_DAYS and is_worse(Colour.YELLOW, light.colour))
    return replace(light, colour=Colour.GREY, why=missing.why, effect=Colour.GREY) if waits else light


def at_least(light: Light, why: LightReason, days: int, **facts: Any) -> Light:
    """Return the light as yellow, or after LONG_DAYS as red, for a reason; as it is where it is no better."""
    worst = Colour.RED if days > LONG_DAYS else Colour.YELLOW
    return replace(light, colour=worst, why=why, **facts) if is_worse(worst, light.colour) else light


def judge_effect(light: Light) -> Light:
    """Return the light with its effect: what does not bind is judged by values alone."""
    if not light.binds:
        if light.why in OF_NO_VALUE:
            light = replace(light, colour=Colour.GREY, why=LightReason.NO_VALUE)
        return replace(light, effect=Colour.YELLOW if light.colour == Colour.RED else None)
    if light.colour != Colour.GREY:
        return replace(light, effect=light.colour)
    return replace(light, effect=Colour.GREY) if light.why in (LightReason.NO_BASE, LightReason.NO_TARGET) else light


def rivals_of(records: Records, target: Any, on: date) -> list[Promise]:
    """Return the terms of the other targets of the indicator that are in force on a day and judged in the same way."""
    return [now for row in records.rivals[target.pk] if (now := in_force(records, row, on))]


def first_asked_year(records: Records, target: Any, on: date) -> int:
    """Return the first year whose values a target in force asks for, as far as its terms go."""
    promise = in_force(records, target, on)
    after = first_year(promise, rivals_of(records, target, on)) if promise else 0
    return max(after + 1, records.first_day.year)


def first_year(promise: Promise, others: Iterable[Promise]) -> int:
    """Return the year up to which nothing is asked of a target: that of the base, or of the limit before it."""
    if promise.kind == TargetKind.LIMIT:
        return max((now.year for now in others if now.year < promise.year), default=0)
    return promise.base[0] if promise.base else 0


def is_worse(one: Colour, other: Colour) -> bool:
    return WORST.index(one) < WORST.index(other)


# -- a milestone ---------------------------------------------------------------------------------------------


def planned(records: Records, milestone: Any, on: date) -> date | None:
    """Return the planned day in force on a day; None where it is not promised yet, or dropped."""
    if not has_come(milestone.promised_on, on):
        return None
    day: date | None = milestone.planned_on
    for row in records.changes[None, milestone.pk]:
        if row.decided_on <= on:
            day = None if row.drop else row.day or day
    return day


def completed(records: Records, milestone: Any, on: date) -> tuple[date, Any] | None:
    """Return the day of completion with the row that says so, as far as it counts by a day; None if not completed.

    The newest completion without an objection counts; one that was entered after another with an objection counts from
    its entry. A milestone with a stage is completed when the pilot enters exactly that stage, from the promise on.
    """
    if milestone.stage:
        entries = [
            (row.entered_on, row)
            for since, row in records.entered
            if row.stage == milestone.stage and row.entered_on >= milestone.promised_on and since <= on
        ]
        return entries[0] if entries else None
    found, objected = None, False
    for row in records.completions[milestone.pk]:
        since = counts_from(row.completed_on, row.entered_on)
        if objected:
            since = max(since, row.entered_on or row.completed_on)
        if since <= on and not has_come(row.objected_on, on):
            found = row.completed_on, row
        objected = objected or row.objected_on is not None
    return found


def milestone_light(records: Records, milestone: Any, on: date) -> Light:
    """Return the light of a milestone on a day; RULE_MILESTONE.

    Green if completed by the planned day that was in force on the day of completion, blue if later: late is not red for
    ever, and another day that is accepted afterwards changes nothing. If not completed, yellow up to 90 days late, then
    red. One completed before it was promised is shown, and turns no pilot green.
    """
    light = partial(Light, record=milestone, of=Subject.MILESTONE, binds=bool(milestone.is_key))
    goal = planned(records, milestone, on)
    if goal is None:
        changes = records.changes[None, milestone.pk] if has_come(milestone.promised_on, on) else ()
        since = max((row.decided_on for row in changes if row.drop and row.decided_on <= on), default=None)
        why = LightReason.DROPPED if since else LightReason.NOT_PROMISED
        return light(Colour.GREY, why, planned_on=milestone.planned_on, since=since)
    done = completed(records, milestone, on)
    if done:
        day, row = done
        then = planned(records, milestone, day) or milestone.planned_on
        colour, why = (Colour.BLUE, LightReason.DONE_LATE) if day > then else (Colour.GREEN, LightReason.DONE)
        effect = Colour.GREEN if milestone.is_key and day > milestone.promised_on else None
        facts = {"planned_on": then, "completed_on": day, "completion": row, "delay": (day - then).days}
        return light(colour, why, effect=effect, due=goal < on, **facts)
    late = (on - goal).days
    light = partial(light, planned_on=goal, delay=late, due=late > 0)
    if late <= 0:
        return light(Colour.GREY, LightReason.NOT_DUE)
    colour = Colour.RED if late > LONG_DAYS else Colour.YELLOW
    objections = [row.objected_on for row in records.completions[milestone.pk] if has_come(row.objected_on, on)]
    effect = colour if milestone.is_key else Colour.YELLOW
    return light(colour, LightReason.LATE, effect=effect, disputed_on=max(objections, default=None))


# -- a pilot -------------------------------------------------------------------------------------------------


def item_lights(records: Records, on: date) -> list[Light]:
    """Return the lights of all that was promised, and of rectifying."""
    lights = [target_light(records, target, on) for target in records.targets]
    lights += [milestone_light(records, milestone, on) for milestone in records.milestones]
    return [*lights, *rectifying(records, on)]


def rectifying(records: Records, on: date) -> list[Light]:
    """Return the light of a pilot that was ordered to rectify, of two entries of one day by the later: yellow."""
    entry = next((row for since, row in reversed(records.entered) if since <= on), None)
    if entry is None or entry.stage != Stage.RECTIFYING:
        return []
    return [Light(Colour.YELLOW, LightReason.RECTIFYING, entry, Subject.STAGE, effect=Colour.YELLOW)]


def override_on(records: Records, on: date) -> Any:
    """Return the light set by hand that is in force: the latest where two overlap, None for a withdrawn pilot."""
    if withdrawn_by(records.pilot, on):
        return None
    return next((row for row in reversed(records.overrides) if row.set_on <= on < row.expires_on), None)


def withdrawn_by(pilot: Any, on: date) -> bool:
    """Whether the withdrawal of a pilot counts by a day."""
    return pilot.withdrawn_on is not None and counts_from(pilot.withdrawn_on, pilot.withdrawn_recorded_on) <= on


def pilot_reasons(records: Records, lights: Sequence[Light], on: date) -> list[Light]:
    """Return the reasons of a pilot's computed light, worst first: the effect of the first decides it; RULE_PILOT.

    It is the worst of its lights, never an average. Red: a binding target or key milestone is red. Yellow: a binding
    target or any milestone is yellow, another item red, or the pilot is rectifying. Grey: something binding cannot be
    rated, for what is not known keeps a pilot from green. Green: a binding target is rated, or a key milestone done.
    """
    pilot = records.pilot
    if withdrawn_by(pilot, on):
        return [of_pilot(pilot, Colour.GREY, LightReason.WITHDRAWN)]
    reasons = sorted((light for light in lights if light.effect not in (None, Colour.GREEN)), key=severity)
    if reasons:
        return [light for light in reasons if light.effect != Colour.GREY] or reasons
    if any(light.effect for light in lights):
        return [of_pilot(pilot, Colour.GREEN, LightReason.ALL_WELL, partial(say_all_well, lights))]
    if any(light.binds and light.in_force and light.of != Subject.STAGE for light in lights):
        say = partial(say_nothing_due, partial(next_due, records, on))
        return [of_pilot(pilot, Colour.GREY, LightReason.NOTHING_DUE, say)]
    return [of_pilot(pilot, Colour.GREY, LightReason.NOTHING_PROMISED)]


def of_pilot(pilot: Any, colour: Colour, why: LightReason, say: Callable[[Light], str] = say_reason) -> Light:
    """Return a light of the pilot itself."""
    return Light(colour, why, pilot, effect=colour, say=say)


def pilot_light(records: Records, on: date) -> Light:
    """Return the light of a pilot as it is shown on a day: that set by hand, else what the worst reason says."""
    override = override_on(records, on)
    if override:
        return by_hand_light(records.pilot, override)
    lights = item_lights(records, on)
    worst = pilot_reasons(records, lights, on)[0]
    return of_pilot(records.pilot, worst.effect or Colour.GREY, worst.why, partial(say_pilot, lights, worst))


def by_hand_light(pilot: Any, override: Any) -> Light:
    return of_pilot(pilot, Colour(override.colour), LightReason.BY_HAND, partial(say_by_hand, override))


def severity(light: Light) -> tuple[int, int, bool, Decimal, date, int]:
    """Sort key of reasons: effect, subject, whether it binds, the gap where a value misses, since when, order of entry.

    Beyond a bound of 0 there is no fraction: it counts as all of what is due.
    """
    gap = Decimal(0)
    if light.why in OF_VALUE:
        gap = Decimal(1) if light.shortfall is None else light.shortfall
    weight = COLOUR_ORDER[light.effect or Colour.GREY]
    return weight, light.of, not light.binds, -gap, light.since or light.planned_on or date.max, light.record.pk


def next_due(records: Records, on: date) -> date | None:
    """Return the next day from this one on which something binding is due; None without any."""
    days = [day for row in records.milestones if row.is_key and (day := planned(records, row, on)) and day >= on]
    for target in records.targets:
        promise = in_force(records, target, on) if target.binding else None
        if promise:
            first = max(promise.base[0] + 1 if promise.base else 0, records.first_day.year)
            dues = (due_day(records, target.indicator_id, year, on) for year in range(first, promise.year + 1))
            days += [day for day in dues if day and day >= on][:1]
    return min(days, default=None)


# -- over time and over pilots -------------------------------------------------------------------------------


def change_days(records: Records) -> list[date]:
    """Return every day on which a light can change, in order: days of the records, and what follows from them."""
    items = [target_days(records, target) for target in records.targets]
    items += [milestone_days(records, milestone) for milestone in records.milestones]
    return sorted({day for item in (*items, pilot_days(records)) for day in item})


def spread(*candidates: tuple[Any, ...]) -> Iterator[date]:
    """Yield the days of candidates: each is a day or None, and how many days after it a light can change too."""
    return (day + timedelta(n) for day, *after in candidates if day for n in (0, *after))


TURNS = (1, LONG_DAYS + 1)


def target_days(records: Records, target: Any) -> Iterator[date]:
    """Yield the days on which the light of a target can change."""
    for row in (target, *records.rivals[target.pk]):
        yield from spread((row.promised_on,), *((change.decided_on,) for change in records.changes[row.pk, None]))
    for row in records.of_indicator[target.indicator_id]:
        yield from spread((row.reported_on, TURNS[1]), (row.accepted_on,), (row.returned_on,), (row.answer_by, *TURNS))
        yield from spread((getattr(row, "disputed_on", None), TURNS[1]))
    for row in chain(*records.deadlines.values()):
        if row.indicator_id in (None, target.indicator_id):  # of a year to come it counts once the year has begun
            yield from spread((row.decided_on,), (row.due_on, *TURNS), (date(row.year, 1, 1),))
    for year in records.years:
        yield from spread((due_day(records, target.indicator_id, year, date.min), *TURNS))


def milestone_days(records: Records, milestone: Any) -> Iterator[date]:
    """Yield the days on which the light of a milestone can change."""
    yield from spread((milestone.promised_on,), (milestone.planned_on, *TURNS))
    for row in records.changes[None, milestone.pk]:
        yield from spread((row.decided_on,), (row.day, *TURNS))
    for row in records.completions[milestone.pk]:
        yield from spread((row.completed_on,), (row.entered_on,), (row.objected_on,))
    if milestone.stage:
        yield from spread(*((since,) for since, row in records.entered if row.stage == milestone.stage))


def pilot_days(records: Records) -> Iterator[date]:
    """Yield the days on which something else of a pilot can change."""
    yield from spread((records.pilot.withdrawn_on,), (records.pilot.withdrawn_recorded_on,))
    yield from spread(*((since,) for since, _row in records.entered))
    for row in records.overrides:
        yield from spread((row.set_on,), (row.expires_on,))
    if records.targets:  # a year falls due
        yield from (date(year + 1, 4, 1) for year in (*records.years, records.years[-1] + 1))


def count_by_colour(lights: Iterable[Colour]) -> dict[Colour, int]:
    """Count lights by colour, all colours included, worst first."""
    counts = Counter(lights)
    return {colour: counts[colour] for colour in Colour}
