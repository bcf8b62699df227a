"""Revision triangle: a key number of past quarters, as known at the ends of the quarters since."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial

from core.http.as_of import end_of_quarter
from core.snapshots.files import first_known_day
from core.snapshots.values import PastRecords
from dashboard.analytics.overview import Overview, build_overview
from dashboard.editions.figures import Part, figure_parts, figure_rows

MAX_ASKED = 8  # columns: the day of the records, and the ends of quarters before it
MAX_QUARTERS = 8  # rows


@dataclass(frozen=True)
class Answer:
    """A key number of a day, as known on another: `value` of `of`, and the records that it counts.

    `value` is None where there is no data; nothing to count, so `of` None or 0, is no data either.
    """

    as_of: date
    known: date
    value: int | None
    of: int | None
    parts: frozenset[Part] = frozenset()

    @property
    def number(self) -> tuple[int | None, int | None]:
        return (self.value, self.of) if self.value is not None and self.of else (None, None)


@dataclass(frozen=True)
class Revision:
    """An answer that differs from the one given before it, and the records that made the difference."""

    before: Answer
    now: Answer

    @property
    def change(self) -> int | None:
        """By how much the value changed; None where either had no data."""
        old, new = self.before.number[0], self.now.number[0]
        return None if old is None or new is None else new - old

    @property
    def records(self) -> set[tuple[type, int]]:
        """The records that count in one of the two only, or for another amount."""
        return {(model, key) for model, key, _share in self.before.parts ^ self.now.parts}


@dataclass(frozen=True)
class QuarterRow:
    """The answers about the end of a quarter, one for each day asked; None for a day before the quarter's end."""

    as_of: date
    answers: Sequence[Answer | None]
    revisions: Sequence[Revision | None] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "revisions", list(revisions_of(self.answers)))


@dataclass(frozen=True)
class Revisions:
    """Answers about a key number. `first` is the day of the first history entry: nothing is known of days before.

    `scope` is that of the newest answer, empty where the number is not given at all; `pending` are the days asked whose
    answers take another request to compute.
    """

    code: str
    scope: str
    asked: Sequence[date]
    rows: Sequence[QuarterRow]
    first: date | None
    pending: Sequence[date] = ()

    @property
    def compared(self) -> int:
        """Quarters that were asked about on at least two days, with data on both."""
        return sum(len(given(row)) > 1 for row in self.rows)

    @property
    def revised(self) -> int:
        """Those of them whose newest number is not the first that was given."""
        return sum(given(row)[0].number != given(row)[-1].number for row in self.rows if len(given(row)) > 1)

    @property
    def largest(self) -> int:
        """The largest difference between the first value given and the newest."""
        pairs = [(given(row)[0].value or 0, given(row)[-1].value or 0) for row in self.rows if len(given(row)) > 1]
        return max((abs(new - old) for old, new in pairs), default=0)


def given(row: QuarterRow) -> list[Answer]:
    """Return the answers of a row that have data, in the order of the days asked."""
    return [answer for answer in row.answers if answer and answer.number[0] is not None]


def revisions_of(answers: Sequence[Answer | None]) -> Iterator[Revision | None]:
    """Yield of each answer how it revises the one before it; None for the first, and for one that is the same."""
    before: Answer | None = None
    for answer in answers:
        differs = answer and before and answer.number != before.number
        yield Revision(before, answer) if answer and before and differs else None
        before = answer or before


def build_revisions(code: str, as_of: date, known: date, seconds: float = math.inf) -> Revisions:
    """Return the answers about a key number at the ends of the quarters up to a day, as known up to another.

    Answers as known on past days are stored once computed. After `seconds` the days that are left are pending, at least
    one is computed.
    """
    first, until = first_known_day(), time.monotonic() + seconds
    quarters = sorted(quarter_ends(as_of, MAX_QUARTERS))
    past = [day for day in quarter_ends(known - timedelta(1), MAX_ASKED - 1) if first and day >= first]
    found: dict[tuple[date, date], Answer] = {}
    pending: list[date] = []
    computed = False
    for asked in past:  # newest first
        days = [day for day in quarters if day <= asked]
        records, name = PastRecords[list[Answer]](asked), f"answers {code} {days}"
        answers = records.stored(name)
        if answers is None and computed and time.monotonic() > until:
            pending.append(asked)
            continue
        if answers is None:
            answers, computed = records.value(name, partial(answers_about, code, days, asked)), True
        found |= {(answer.as_of, asked): answer for answer in answers}
    scope = ""
    for day in quarters:
        if day <= known:
            value = build_overview(day)
            found[day, known] = answer_about(value, code, known)
            scope = next((row[2] for row in figure_rows(value) if row[0] == code), scope)
    asked_days = [*(day for day in reversed(past) if day not in pending), known]
    rows = [QuarterRow(day, [found.get((day, asked)) for asked in asked_days]) for day in reversed(quarters)]
    return Revisions(code, scope, asked_days, rows, first, pending)


def quarter_ends(until: date, most: int) -> Iterator[date]:
    """Yield the ends of quarters up to a day, newest first."""
    day = until + timedelta(1)
    for _place in range(most):
        quarter = end_of_quarter(day)
        start = date(quarter.year, quarter.month - 2, 1)
        day = start - timedelta(1)
        yield day


def answers_about(code: str, days: Sequence[date], known: date) -> list[Answer]:
    return [answer_about(build_overview(day), code, known) for day in days]


def answer_about(value: Overview, code: str, known: date) -> Answer:
    """Return a key number of an overview; one that the overview does not give has no data."""
    found = next((row for row in figure_rows(value) if row[0] == code), None)
    if found is None:
        return Answer(value.as_of, known, None, None)
    return Answer(value.as_of, known, found[3], found[4], figure_parts(value, code))
