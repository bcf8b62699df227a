"""Counts of pilots: pure functions and query expressions, without models or requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from django.db.models import Q


def known_condition(as_of: date) -> Q:
    """Return the condition of pilots known on the day: from the day of their batch, withdrawn ones included."""
    return Q(batch__known_by__lte=as_of)


def listed_condition(as_of: date) -> Q:
    """Return the condition of pilots in the programme: from the day of their batch until the day they withdraw."""
    return known_condition(as_of) & (Q(withdrawn_on__isnull=True) | Q(withdrawn_on__gt=as_of))


def withdrawn_condition(as_of: date) -> Q:
    """Return the condition of pilots withdrawn by the day: announced and recorded, no longer in the programme."""
    return known_condition(as_of) & Q(withdrawn_on__lte=as_of)


@dataclass(frozen=True)
class Reconciliation:
    """Reconciliation of one kind of pilot: announced = recorded + withdrawn + still to enter.

    `announced` is None when the announcement gives no number. `recorded` counts pilots in the programme, `unverified`
        those of them only inferred; `withdrawn` have left the programme but are entered.
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
        """Announced pilots neither recorded nor withdrawn; never below 0, None when no number was announced."""
        return None if self.announced is None else max(0, self.announced - self.entered)

    @property
    def entered(self) -> int:
        """Pilots entered by name: in the programme or withdrawn from it."""
        return self.recorded + self.withdrawn

    @property
    def surplus(self) -> int:
        """Pilots entered beyond the announced number: a record or the announcement is wrong."""
        return 0 if self.announced is None else max(0, self.entered - self.announced)

    def __add__(self, other: Reconciliation) -> Reconciliation:
        """Return the sum of two reconciliations; `announced` is None if either is None."""
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
    """Basis of the gaps of a set: recorded pilots that name an industry, of the announced ones.

    `announced` is None where the number is not known; then no gap is claimed.
    """

    naming: int
    announced: int | None

    @property
    def judged(self) -> bool:
        """Whether enough is known to claim a gap: at least GAP_THRESHOLD of the announced pilots."""
        return bool(self.announced) and Fraction(self.naming, self.announced or 1) >= GAP_THRESHOLD


def is_gap(priority: bool, pilots: int, *, judged: bool) -> bool:
    """Return whether an industry is a gap: a national priority named by no pilot, with enough pilots known."""
    return judged and priority and pilots == 0


def term_days_left(term_end: date | None, as_of: date) -> int | None:
    """Return the days from `as_of` to the end of the term; negative when it is over, None without a term."""
    return None if term_end is None else (term_end - as_of).days


def colour_step(value: int, highest: int) -> int:
    """Return the step of the colour scale for a count: 0 for none, 1 to 5 up to the highest count."""
    return 0 if value == 0 or highest == 0 else max(1, -(-value * 5 // highest))
