"""How far a pilot is on the way to its targets, against how far it should be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from pilots.metrics.exact import Number, rounded
from pilots.metrics.reduction import Emission, Lacking, Medium, Missing

NONE, WHOLE = Decimal(0), Decimal(1)


class Direction(TextChoices):
    """Which way an indicator should move."""

    LOWER = "lower", _("Lower is better")
    HIGHER = "higher", _("Higher is better")


# -- one target ----------------------------------------------------------------------------------------


def progress(base: Number | None, actual: Number | None, target: Number | None) -> Decimal | None:
    """P: the part of the way from base to target that is behind us, as a fraction, whichever way it leads.

    1 is the target, above 1 beyond it, below 0 the wrong way. None when a value is not known or when base and target
    are the same: there is no way to go, see `keep_light`.
    """
    if base is None or actual is None or target is None or base == target:
        return None
    return (Decimal(base) - actual) / (Decimal(base) - target)


def expected_share_by_year(base_year: int, year: int, target_year: int) -> Decimal | None:
    """E of a yearly indicator: the part of the years from base to target that has passed, from 0 to 1.

    Whole years and not days, because 731 of 1096 days is a little more than two of three years, and a pilot exactly a
    tenth behind would turn red for it. None when the target is not after the base.
    """
    return _passed(base_year, year, target_year)


def expected_share_by_day(base: date, day: date, due: date) -> Decimal | None:
    """E of an indicator that is not yearly: the part of the days from base to due that has passed, from 0 to 1.

    None when the target is not due after the base.
    """
    return _passed(base.toordinal(), day.toordinal(), due.toordinal())


def _passed(start: int, now: int, end: int) -> Decimal | None:
    """(now - start) / (end - start), kept between 0 and 1; None when the end is not after the start."""
    return None if end <= start else rounded(Fraction(min(max(now, start), end) - start, end - start))


def expected_value(base: Number | None, target: Number | None, share: Decimal | None) -> Decimal | None:
    """V: the value a straight path from base to target has reached when `share` (E) of the way is due."""
    if base is None or target is None or share is None:
        return None
    return Decimal(base) + (Decimal(target) - base) * share


def shortfall(done: Decimal | None, share: Decimal | None) -> Decimal | None:
    """s: the part of what is due that is missing, 1 - P / E; negative when ahead.

    None when P (`done`) or E (`share`) is not known, or when nothing is due yet.
    """
    return None if done is None or share is None or share <= 0 else 1 - done / share


def naive_landing(base: Number | None, actual: Number | None, share: Decimal | None) -> Decimal | None:
    """Where the indicator ends "at the present pace": the change so far, stretched from E to the whole time.

    A reading aid, not a forecast. `share` is the share of time, not of a stepped path. None when a value is not known
    or no time has passed.
    """
    if base is None or actual is None or share is None or share <= 0:
        return None
    return Decimal(base) - (Decimal(base) - actual) / share


def year_due(as_of: date, month: int = 3, day: int = 31) -> int:
    """The last year whose yearly values should be in: those of a year are due on a day of the next one.

    31 March by this system's own convention; the day itself is still in time.
    """
    return as_of.year - (1 if as_of > date(as_of.year, month, day) else 2)


# -- targets in steps ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """A value on a path, at a year (int) or on a day (date)."""

    at: int | date
    value: Number

    @property
    def place(self) -> int:
        """Its place on the axis: the year, or the number of the day."""
        return _place(self.at)


def _place(at: int | date) -> int:
    return at if isinstance(at, int) else at.toordinal()


@dataclass(frozen=True)
class TargetPath:
    """The planned path from a base through steps (year-end targets, say) to the last, which is the target.

    Straight from one step to the next, not from end to end; level before the base and after the target. Raises
    ValueError without a step, for steps that are not each later than the one before, and for years mixed with days.
    """

    base: Point
    steps: tuple[Point, ...]

    def __post_init__(self) -> None:
        """Refuse what is no path."""
        if not self.steps:
            raise ValueError("a path needs a step")
        if len({isinstance(point.at, int) for point in self.points}) > 1:
            raise ValueError("a path runs by years or by days, not both")
        if any(before.place >= after.place for before, after in pairwise(self.points)):
            raise ValueError("each step must be later than the one before")

    @property
    def points(self) -> tuple[Point, ...]:
        """The base and the steps."""
        return (self.base, *self.steps)

    @property
    def target(self) -> Number:
        """The value of the last step."""
        return self.steps[-1].value

    def expected_value(self, at: int | date) -> Decimal:
        """V on the path, in the unit of its points."""
        return rounded(self.value(at))

    def expected_share(self, at: int | date) -> Decimal | None:
        """E on the path: how much of the whole change is due, from 0 to 1; None when base and target are the same.

        With one step it is the share of time. While a path stays level nothing more is due.
        """
        return _share(self, at)

    def value(self, at: int | date) -> Fraction:
        """V as an exact fraction: between the two points around `at`, or that of the nearest end."""
        if isinstance(at, int) != isinstance(self.base.at, int):
            raise ValueError("asked for a day on a path of years, or the other way round")
        place = min(max(_place(at), self.base.place), self.steps[-1].place)
        before, after = next((b, a) for b, a in pairwise(self.points) if place <= a.place)
        passed = Fraction(place - before.place, after.place - before.place)
        return Fraction(before.value) + (Fraction(after.value) - Fraction(before.value)) * passed


@lru_cache(maxsize=10_000)
def _share(path: TargetPath, at: int | date) -> Decimal | None:
    """E on a path, kept: to say since when a light has its colour, the same year is asked for day after day."""
    base, target = Fraction(path.base.value), Fraction(path.target)
    if base == target:
        return None
    return min(max(rounded((path.value(at) - base) / (target - base)), NONE), WHOLE)


# -- pollution and carbon together ---------------------------------------------------------------------


@dataclass(frozen=True)
class PollutionProgress:
    """P_A: progress of air pollutants together, over those with a target; None when none can be used."""

    value: Decimal | None
    used: tuple[str, ...]
    missing: tuple[Missing, ...]


def pollution_progress(emissions: Iterable[Emission]) -> PollutionProgress:
    """P_A: equivalents reduced over equivalents to reduce, of the air pollutants that have a target.

    Each counts with no more than its target, or a winner would hide a loser. A target that is not below its base, or a
    value that is not known, leaves a pollutant out by name. This system's own convention.
    """
    targeted = [each for each in emissions if each.medium == Medium.AIR and each.target is not None]
    done = due = Fraction(0)
    used, missing = [], []
    for each in targeted:
        parts = _parts(each)
        if isinstance(parts, Lacking):
            missing.append(Missing(each.code, parts))
        else:
            done, due = done + min(parts), due + parts[1]
            used.append(each.code)
    return PollutionProgress(rounded(done / due) if used else None, tuple(used), tuple(missing))


def _parts(emission: Emission) -> tuple[Fraction, Fraction] | Lacking:
    """Equivalents reduced and to be reduced, or what is lacking."""
    base, actual, target, equivalent = emission.base, emission.actual, emission.target, emission.equivalent
    if base is None or actual is None or target is None or equivalent is None:
        return emission.lacks or Lacking.REDUCTION
    if target >= base:
        return Lacking.REDUCTION
    kilograms = Fraction(equivalent)
    return (Fraction(base) - Fraction(actual)) / kilograms, (Fraction(base) - Fraction(target)) / kilograms


def clip(done: Decimal) -> Decimal:
    """Progress kept between -1 and 1, as it counts for ranking; show the unclipped value beside it."""
    return min(max(done, -WHOLE), WHOLE)


def joint_progress(pollution: Decimal | None, carbon: Decimal | None) -> Decimal | None:
    """S: the root of the product of the two progresses (P_A, P_C), each clipped to [-1, 1].

    Positive when both are, negative when either is negative, 0 when either is 0; None when either is not known. It
    punishes one-sided effort and rewards weak targets, so show the two rates beside it. Source: the synergy degree of a
    composite system (复合系统协同度), Meng Qingsong and Han Wenxiu (孟庆松, 韩文秀), with target progress as the order
    degree.
    """
    if pollution is None or carbon is None:
        return None
    first, second = clip(pollution), clip(carbon)
    size = abs(first * second).sqrt()
    return -size if size and min(first, second) < 0 else size


def schedule_ratio(joint: Decimal | None, share: Decimal | None) -> Decimal | None:
    """S / E: joint progress against what is due, 1 when both targets are on schedule; None when nothing is due."""
    return None if joint is None or share is None or share <= 0 else joint / share
