"""Progress towards targets, actual and expected."""

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

from pilots.metrics.decimals import Number, Ratio, fraction_to_decimal
from pilots.metrics.reduction import Emission, Exclusion, ExclusionReason

ZERO, ONE = Decimal(0), Decimal(1)


class Direction(TextChoices):
    """Direction in which an indicator should change."""

    LOWER = "lower", _("Lower is better")
    HIGHER = "higher", _("Higher is better")


# -- one target ----------------------------------------------------------------------------------------


def target_progress(base: Number | None, actual: Number | None, target: Number | None) -> Decimal | None:
    """Return P: the achieved fraction of the change from base to target, whatever its direction.

    1 is the target, above 1 beyond it, below 0 the wrong way. None when a value is not known or when base and target
    are the same, since there is no change to measure: see `KeepRule`.
    """
    if base is None or actual is None or target is None or base == target:
        return None
    return (Decimal(base) - actual) / (Decimal(base) - target)


def expected_share_by_year(base_year: int, year: int, target_year: int) -> Decimal | None:
    """Return E: the elapsed share of the years from base to target, from 0 to 1.

    Whole years and not days, because 731 of 1096 days is a little more than two of three years, and a pilot exactly a
    tenth behind would turn red for it. None when the target is not after the base.
    """
    if target_year <= base_year:
        return None
    elapsed = min(max(year, base_year), target_year) - base_year
    return fraction_to_decimal(Fraction(elapsed, target_year - base_year))


def expected_value(base: Number | None, target: Number | None, share: Decimal | None) -> Decimal | None:
    """Return V: the value of a straight path from base to target when `share` (E) of the change is due."""
    if base is None or target is None or share is None:
        return None
    return Decimal(base) + (Decimal(target) - base) * share


def shortfall(done: Decimal | None, share: Decimal | None) -> Decimal | None:
    """Return s: the missing share of what is due, 1 - P / E; negative when ahead.

    None when P (`done`) or E (`share`) is not known, or when nothing is due yet.
    """
    return None if done is None or share is None or share <= 0 else 1 - done / share


def year_due(as_of: date, month: int = 3, day: int = 31) -> int:
    """Return the last year whose values are due: those of a year are due on a date of the next one.

    31 March by this system's own convention; that day itself is still on time.
    """
    return as_of.year - (1 if as_of > date(as_of.year, month, day) else 2)


# -- targets in steps ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class PathPoint:
    """Value on a path in a year."""

    year: int
    value: Number


@dataclass(frozen=True)
class TargetPath:
    """Planned path from a base through steps (such as year-end targets) to the last one, the target.

    Straight from one step to the next, not from end to end; level before the base and after the target. Raises
    ValueError without a step and for steps that are not each later than the one before.
    """

    base: PathPoint
    steps: tuple[PathPoint, ...]

    def __post_init__(self) -> None:
        """Raise ValueError for points that do not form a path."""
        if not self.steps:
            raise ValueError("a path needs a step")
        if any(before.year >= after.year for before, after in pairwise(self.points)):
            raise ValueError("each step must be later than the one before")

    @property
    def points(self) -> tuple[PathPoint, ...]:
        """The base and the steps."""
        return (self.base, *self.steps)

    @property
    def target(self) -> Number:
        """The value of the last step."""
        return self.steps[-1].value

    def expected_share(self, year: int) -> Decimal | None:
        """Return E on the path: the share of the whole change that is due, from 0 to 1; None when base equals target.

        With one step it is the elapsed share of time. While a path is level nothing more becomes due.
        """
        return _cached_path_share(self, year)

    def value(self, year: int) -> Fraction:
        """Return V as an exact fraction: interpolated between the points around a year, or that of the nearest end."""
        place = min(max(year, self.base.year), self.steps[-1].year)
        before, after = next((b, a) for b, a in pairwise(self.points) if place <= a.year)
        passed = Fraction(place - before.year, after.year - before.year)
        return Fraction(before.value) + (Fraction(after.value) - Fraction(before.value)) * passed


@lru_cache(maxsize=10_000)
def _cached_path_share(path: TargetPath, year: int) -> Decimal | None:
    """Return E on a path, cached: the search for the first day of a colour evaluates the same year for many days."""
    base, target = Fraction(path.base.value), Fraction(path.target)
    if base == target:
        return None
    return min(max(fraction_to_decimal((path.value(year) - base) / (target - base)), ZERO), ONE)


# -- pollution and carbon together ---------------------------------------------------------------------


@dataclass(frozen=True)
class PollutionProgress:
    """P_A: joint progress of the air pollutants with a target; None when none can be used."""

    value: Ratio | None
    used: tuple[str, ...]
    missing: tuple[Exclusion, ...]


def pollution_progress(emissions: Iterable[Emission]) -> PollutionProgress:
    """Return P_A: equivalents reduced over equivalents to reduce, of the air pollutants with a target.

    Each counts up to its target, so that one pollutant beyond its target does not hide another behind it. A pollutant
    whose target is not below its base, or whose value is unknown, is listed as excluded. This system's own convention.
    """
    targeted = [each for each in emissions if each.target is not None]
    done = due = Fraction(0)
    used, missing = [], []
    for each in targeted:
        parts = _reduced_and_due(each)
        if isinstance(parts, ExclusionReason):
            missing.append(Exclusion(each.code, parts))
        else:
            done, due = done + min(parts), due + parts[1]
            used.append(each.code)
    return PollutionProgress(fraction_to_decimal(done / due) if used else None, tuple(used), tuple(missing))


def _reduced_and_due(emission: Emission) -> tuple[Fraction, Fraction] | ExclusionReason:
    """Return the equivalents reduced and due, or the reason for exclusion."""
    base, actual, target, equivalent = emission.base, emission.actual, emission.target, emission.equivalent
    if base is None or actual is None or target is None or equivalent is None:
        return emission.lacks or ExclusionReason.REDUCTION
    if target >= base:
        return ExclusionReason.REDUCTION
    kilograms = Fraction(equivalent)
    return (Fraction(base) - Fraction(actual)) / kilograms, (Fraction(base) - Fraction(target)) / kilograms


def clip_progress(done: Decimal) -> Decimal:
    """Clip progress to [-1, 1], as it counts for ranking; show the unclipped value beside it."""
    return min(max(done, -ONE), ONE)


def joint_progress(pollution: Decimal | None, carbon: Decimal | None) -> Decimal | None:
    """Return S: the root of the product of P_A and P_C, each clipped to [-1, 1].

    Positive when both are, negative when either is negative, 0 when either is 0; None when either is not known. It
    punishes one-sided effort and rewards weak targets, so show the two rates beside it. Source: the synergy degree of a
    composite system (复合系统协同度), Meng Qingsong and Han Wenxiu (孟庆松, 韩文秀), with target progress as the order
    degree.
    """
    if pollution is None or carbon is None:
        return None
    first, second = clip_progress(pollution), clip_progress(carbon)
    size = abs(first * second).sqrt()
    return -size if size and min(first, second) < 0 else size


def schedule_ratio(joint: Decimal | None, share: Decimal | None) -> Decimal | None:
    """Return S / E: joint progress over what is due, 1 when both targets are on schedule; None when nothing is due."""
    return None if joint is None or share is None or share <= 0 else joint / share
