"""Definitions of the numbers of practices: measured change, trust, first copy, and what a stated unit names.

Pure functions: no models, no requests. Nothing here turns "not known" into 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy

from pilots.metrics.practice_states import LIBRARY_STATES, PracticeState
from pilots.metrics.progress import Direction

# -- moves of a practice -------------------------------------------------------------------------------


class PracticeMove(TextChoices):
    """What takes a practice from one state to the next."""

    PASS = "pass", pgettext_lazy("move of a practice", "pass")
    TAKE_IN = "take_in", pgettext_lazy("move of a practice", "take into the library")
    RECOMMEND = "recommend", pgettext_lazy("move of a practice", "recommend")
    RETIRE = "retire", pgettext_lazy("move of a practice", "retire")


class PracticeActor(StrEnum):
    """Who may make a move."""

    PROVINCE = "province"  # may change the practice
    MINISTRY = "ministry"  # may review practices


@dataclass(frozen=True)
class PracticeTransition:
    """One move: the state it leads to, who may make it, and whether it needs a reason."""

    state: PracticeState
    actor: PracticeActor
    reason: bool = False


_RETIRE = PracticeTransition(PracticeState.RETIRED, PracticeActor.MINISTRY, reason=True)

PRACTICE_TRANSITIONS: Mapping[tuple[PracticeState, PracticeMove], PracticeTransition] = {
    (PracticeState.PROPOSED, PracticeMove.PASS): PracticeTransition(PracticeState.PASSED, PracticeActor.PROVINCE),
    (PracticeState.PASSED, PracticeMove.TAKE_IN): PracticeTransition(PracticeState.IN_LIBRARY, PracticeActor.MINISTRY),
    (PracticeState.IN_LIBRARY, PracticeMove.RECOMMEND): PracticeTransition(
        PracticeState.RECOMMENDED, PracticeActor.MINISTRY
    ),
    **{
        (state, PracticeMove.RETIRE): _RETIRE
        for state in (PracticeState.PROPOSED, PracticeState.PASSED, *LIBRARY_STATES)
    },
}
"""Every move that there is, by the state it starts from."""

# -- effects -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MeasuredChange:
    """Change of an indicator between two accepted values: in its unit, and as a fraction of the first."""

    before: Decimal
    after: Decimal

    @property
    def difference(self) -> Decimal:
        return self.after - self.before

    @property
    def rate(self) -> Decimal | None:
        """The change as a fraction of the value before; None from 0."""
        return None if self.before == 0 else self.difference / self.before


def is_worse(difference: Decimal, direction: str) -> bool:
    """Return whether a change goes the wrong way, given which way is better."""
    return difference > 0 if direction == Direction.LOWER else difference < 0


def measured_on(known_on: date, accepted: Iterable[date | None]) -> date | None:
    """Return the day from which a measured effect counts: when it is known and both readings are accepted."""
    days = [known_on, *accepted]
    return None if None in days else max(day for day in days if day is not None)


def earliest(days: Iterable[date | None]) -> date | None:
    """Return the earliest of the days that are known; None where none is."""
    return min((day for day in days if day is not None), default=None)


# -- copies --------------------------------------------------------------------------------------------


def days_to_first_copy(library_on: date, copied_on: Iterable[date]) -> int | None:
    """Return the days from the library to the first copy, 0 where one came before; None without a copy."""
    first = min(copied_on, default=None)
    return None if first is None else max(0, (first - library_on).days)


# -- practices for a pilot -----------------------------------------------------------------------------


WORDS_OF_UNIT = re.compile(r"[A-Z0-9.]+")


def unit_names_indicator(unit: str, code: str) -> bool:
    """Return whether a stated unit names the substance of an indicator, as “t VOCs/yr” and AIR_VOC do."""
    parts = code.upper().split("_")
    return any(word.startswith(part) for word in WORDS_OF_UNIT.findall(unit.upper()) for part in parts)
