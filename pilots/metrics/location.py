"""Where an industry is tried out: more than its share, and how deeply."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import IntegerChoices
from django.utils.translation import gettext_lazy as _

FEWEST = 5
"""Pilots of an industry, and of a region, below which no quotient is shown."""


@dataclass(frozen=True)
class LocationQuotient:
    """Pilots of one industry in one region, against what the whole programme would lead one to expect there.

    `here` of the region's `region` pilots name the industry, and `everywhere` of all `programme` pilots. A pilot may
    name several industries. Raises ValueError for counts that cannot be (negative, or a part above its whole).
    """

    here: int
    region: int
    everywhere: int
    programme: int

    def __post_init__(self) -> None:
        """Refuse a part above its whole."""
        if not 0 <= self.here <= min(self.region, self.everywhere):
            raise ValueError("more pilots of the industry in the region than there can be")
        if max(self.region, self.everywhere) > self.programme:
            raise ValueError("more pilots in a part than in the programme")

    @property
    def expected(self) -> Decimal | None:
        """How many the region would have by its size alone; None without a programme."""
        return None if self.programme == 0 else Decimal(self.region * self.everywhere) / self.programme

    @property
    def value(self) -> Decimal | None:
        """LQ: the region's share over the programme's share; above 1 is over-represented.

        None when fewer than one pilot is expected: pilots are few, and one more or less would swing it. The formula is
        the usual one of economic geography; the small-sample rule is this system's own convention.
        """
        if self.expected is None or self.expected < 1:
            return None
        return Decimal(self.here * self.programme) / (self.region * self.everywhere)

    @property
    def shown(self) -> Decimal | None:
        """The quotient where enough pilots stand behind it to be shown: FEWEST in the industry and in the region.

        That none of a few is here says nothing either: a quotient of 0 is not shown.
        """
        return self.value if self.here and min(self.everywhere, self.region) >= FEWEST else None

    @property
    def small_sample(self) -> bool:
        """From 1 to 5 expected: shown, and marked."""
        return self.expected is not None and 1 <= self.expected <= 5


class Depth(IntegerChoices):
    """How deeply a pilot treats an industry: this system's own convention."""

    NOT_NAMED = 0, _("Not named")
    NAMED = 1, _("Named")
    TARGET = 2, _("Has a quantified target")
    PROJECT = 3, _("Project under way")
    RESULT = 4, _("Accepted result")

    @property
    def effective(self) -> bool:
        """Coverage that is more than a name: a quantified target or beyond."""
        return self >= Depth.TARGET


def depth(*, named: bool, target: bool, project: bool, result: bool) -> Depth:
    """The deepest grade that holds; a target, a project or a result names the industry by itself."""
    grades = {Depth.RESULT: result, Depth.PROJECT: project, Depth.TARGET: target, Depth.NAMED: named}
    return next((grade for grade, holds in grades.items() if holds), Depth.NOT_NAMED)
