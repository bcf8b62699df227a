"""What a number of the pilots means. Pure functions and query expressions: no models, no requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from django.db.models import Q

MEMBERSHIP = ("", "only", "include")
"""Which pilots a list holds: those in the programme, only those that have withdrawn, or both."""


def known(as_of: date) -> Q:
    """A pilot is known from the day its batch is, also after it has withdrawn."""
    return Q(batch__known_by__lte=as_of)


def listed(as_of: date) -> Q:
    """A pilot counts from the day its batch is known to exist until the day it withdraws."""
    return known(as_of) & (Q(withdrawn_on__isnull=True) | Q(withdrawn_on__gt=as_of))


def withdrawn(as_of: date) -> Q:
    """Pilots that had withdrawn by the day: announced and recorded, but in the programme no more."""
    return known(as_of) & Q(withdrawn_on__lte=as_of)


@dataclass(frozen=True)
class Reconciliation:
    """Announced against recorded, for one kind of pilot: announced = recorded + withdrawn + still to enter.

    `announced` is None when the announcement gives no number. `recorded` are those in the programme, `unverified` of
    them only inferred; `withdrawn` have left it and are entered all the same.
    """

    announced: int | None
    recorded: int
    unverified: int
    withdrawn: int = 0

    @property
    def firm(self) -> int:
        """Recorded from an official text or the press."""
        return self.recorded - self.unverified

    @property
    def to_enter(self) -> int | None:
        """Announced and neither recorded nor withdrawn; never below 0, None when no number was announced."""
        return None if self.announced is None else max(0, self.announced - self.entered)

    @property
    def entered(self) -> int:
        """Entered by name: in the programme or withdrawn from it."""
        return self.recorded + self.withdrawn

    @property
    def surplus(self) -> int:
        """Entered beyond what was announced: a sign that a record or the announcement is wrong."""
        return 0 if self.announced is None else max(0, self.entered - self.announced)

    def __add__(self, other: Reconciliation) -> Reconciliation:
        """Both together; announced is None as soon as one of them gives no number."""
        known = self.announced is not None and other.announced is not None
        announced = self.announced + other.announced if known else None  # type: ignore[operator]
        return Reconciliation(
            announced,
            self.recorded + other.recorded,
            self.unverified + other.unverified,
            self.withdrawn + other.withdrawn,
        )


GAP_THRESHOLD = Fraction(4, 5)
"""The share of the announced pilots that must be recorded and name an industry before a gap of coverage is claimed.

This system's own convention: below it, that no recorded pilot names an industry says little about the pilots that are
not recorded, or whose documents name none.
"""


@dataclass(frozen=True)
class GapBasis:
    """On how many pilots the gaps of a set rest: those recorded that name an industry, of those announced.

    `announced` is None where it is not known how many were; then no gap is claimed either.
    """

    naming: int
    announced: int | None

    @property
    def judged(self) -> bool:
        """Whether enough is known to claim a gap: at least GAP_THRESHOLD of the announced pilots."""
        return bool(self.announced) and Fraction(self.naming, self.announced or 1) >= GAP_THRESHOLD


def is_gap(priority: bool, pilots: int, *, judged: bool) -> bool:
    """A gap of coverage: national policy singles the industry out, no pilot names it, and enough is known to say so."""
    return judged and priority and pilots == 0


def term_days_left(term_end: date | None, as_of: date) -> int | None:
    """Days from the day asked to the end of the term; negative when it is over, None without a term."""
    return None if term_end is None else (term_end - as_of).days


def shade(value: int, highest: int) -> int:
    """The step of the five-step colour scale for a count: 0 for none, 1 to 5 up to the highest."""
    return 0 if value == 0 or highest == 0 else max(1, -(-value * 5 // highest))
