"""Reductions of pollutants and carbon, whether both fall together, and sums and medians over pilots.

Amounts are totals in one unit per substance (tonnes, as a rule), with the same boundary, method and period on both
sides. Concentrations and amounts per output are not emissions and are not accepted. Reductions are positive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import Any, NamedTuple

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from core.text import StatusChoices
from pilots.metrics.progress import Number, Ratio

EPSILON = Decimal("0.005")
"""A rate within 0.5 % of nothing is flat: this system's own convention."""

BAND_TOLERANCE = Decimal("1e-9")
"""A value this close to the edge of a band lies on it."""

BALANCED_FROM, BALANCED_TO = Decimal("0.8"), Decimal("1.25")
"""Elasticities from 4/5 to 5/4, both included, are balanced: this system's own convention."""


def fraction_to_decimal(value: Fraction) -> Decimal:
    """Convert a fraction to a Decimal of 28 digits, rounding once: 1/200 stays 0.005 however it was summed."""
    return Decimal(value.numerator) / Decimal(value.denominator)


# -- one substance -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reduction:
    """Base and actual amount of one substance, in the same unit; None is not known."""

    base: Number | None
    actual: Number | None

    @property
    def amount(self) -> Decimal | None:
        """Base minus actual, in their unit: positive when less is emitted; None unless both are known."""
        if self.base is None or self.actual is None:
            return None
        return Decimal(self.base) - self.actual

    @property
    def rate(self) -> Ratio | None:
        """The reduction as a fraction of the base; None when either is not known or the base is not above 0."""
        if self.amount is None or self.base is None or self.base <= 0:
            return None
        return self.amount / self.base


def is_flat(rate: Decimal) -> bool:
    """Return whether a rate is within EPSILON of 0 (inclusive): neither a rise nor a fall."""
    return abs(rate) <= EPSILON


# -- pollutant equivalents -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Emission:
    """One air pollutant of one pilot.

    `base`, `actual` and `target` are in tonnes (or all in kilograms); `equivalent` is in kilograms per pollutant
    equivalent, such as 0.95 for SO2. None is not known, and for `target` that none is set. Raises ValueError for an
    equivalent that is not above 0 and for a negative amount.
    """

    code: str
    base: Number | None
    actual: Number | None
    equivalent: Number | None
    target: Number | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for impossible values."""
        if self.equivalent is not None and self.equivalent <= 0:
            raise ValueError(f"{self.code}: an equivalent of {self.equivalent} kg")
        if any(amount is not None and amount < 0 for amount in (self.base, self.actual, self.target)):
            raise ValueError(f"{self.code}: a negative emission")

    @property
    def counts(self) -> bool:
        """Whether all is known that a sum of equivalents needs; it is never counted as 0."""
        return None not in (self.equivalent, self.base, self.actual)


class Equivalents(NamedTuple):
    """Sum of pollutants as pollutant equivalents, over those `used` of the `possible` pollutants.

    In thousand equivalents when emissions are in tonnes, in equivalents when in kilograms. `reduced` and `base` are
    None when no pollutant can be used; `rate` also when the base is 0.
    """

    reduced: Decimal | None
    base: Decimal | None
    rate: Ratio | None
    used: tuple[str, ...]
    possible: int


def apeq(emissions: Iterable[Emission]) -> Equivalents:
    """Return air pollutant equivalents (APeq): the sum of reductions, each divided by its equivalent.

    The published index of the same name may add CO2 with a weight of its own; this one never does. Source: equivalents
    of the Environmental Protection Tax Law, annex 2; the index follows the co-control research of Mao Xianqiang
    (毛显强). The sum is one of fractions, so that a rate of exactly half a percent stays flat.
    """
    pollutants = list(emissions)
    known: list[Any] = [each for each in pollutants if each.counts]
    if not known:
        return Equivalents(None, None, None, (), len(pollutants))
    base = sum((Fraction(each.base) / Fraction(each.equivalent) for each in known), Fraction(0))
    left = sum((Fraction(each.actual) / Fraction(each.equivalent) for each in known), Fraction(0))
    rate = fraction_to_decimal((base - left) / base) if base > 0 else None
    used = tuple(each.code for each in known)
    return Equivalents(fraction_to_decimal(base - left), fraction_to_decimal(base), rate, used, len(pollutants))


# -- pollution and carbon together ---------------------------------------------------------------------


class CoControl(StatusChoices):
    """Class of a pair of rates in the co-control coordinate system, named in words: published axes are often swapped.

    Source: 协同控制效应坐标系, Mao Xianqiang (毛显强) et al.; the flat band is this system's own convention.
    """

    CO_REDUCTION = "co_reduction", "green", _("Co-reduction")
    POLLUTION_DOWN_CARBON_UP = "pollution_down_carbon_up", "yellow", _("Pollution down, carbon up")
    CARBON_DOWN_POLLUTION_UP = "carbon_down_pollution_up", "yellow", "rectRot", _("Carbon down, pollution up")
    BOTH_UP = "both_up", "red", _("Both up")
    FLAT = "flat", "grey", _("Flat, not judged")


def co_control(pollution: Decimal | None, carbon: Decimal | None) -> CoControl | None:
    """Return the class of a pair of reduction rates (fractions); None unless both are known, flat when either is."""
    if pollution is None or carbon is None:
        return None
    if is_flat(pollution) or is_flat(carbon):
        return CoControl.FLAT
    if pollution > 0:
        return CoControl.CO_REDUCTION if carbon > 0 else CoControl.POLLUTION_DOWN_CARBON_UP
    return CoControl.CARBON_DOWN_POLLUTION_UP if carbon > 0 else CoControl.BOTH_UP


class ElasticityBand(TextChoices):
    """Which of pollution and carbon falls more, in a pilot where both fall."""

    CARBON_LED = "carbon_led", _("Carbon-led")
    BALANCED = "balanced", _("Balanced")
    POLLUTION_LED = "pollution_led", _("Pollution-led")


class Elasticity(NamedTuple):
    """Cross-elasticity of reduction with the class of the two rates, which must be read first.

    `value` and `band` are None unless both rates are reductions: two rises also give a positive quotient. `carbon_flat`
    says that carbon hardly changed, so that there is no divisor.
    """

    kind: CoControl | None
    value: Ratio | None
    band: ElasticityBand | None
    carbon_flat: bool


def elasticity(pollution: Decimal | None, carbon: Decimal | None) -> Elasticity:
    """Return Els: the rate of a pollutant (or of APeq) over the rate of carbon, both fractions; dimensionless.

    Above 1 the pollutant falls more. Values are skewed (13 is common): draw them on a logarithmic axis. Source:
    污染物减排量交叉弹性, Mao Xianqiang (毛显强) et al.; Nam et al. 2014, Energy Economics 46:186-201; the bands are
    this system's own convention.
    """
    kind = co_control(pollution, carbon)
    carbon_flat = carbon is not None and is_flat(carbon)
    if kind != CoControl.CO_REDUCTION or pollution is None or carbon is None:
        return Elasticity(kind, None, None, carbon_flat)
    value, band = pollution / carbon, ElasticityBand.BALANCED
    if value > BALANCED_TO + BAND_TOLERANCE:
        band = ElasticityBand.POLLUTION_LED
    elif value < BALANCED_FROM - BAND_TOLERANCE:
        band = ElasticityBand.CARBON_LED
    return Elasticity(kind, value, band, carbon_flat)


def pollution_progress(emissions: Iterable[Emission]) -> Ratio | None:
    """Return P_A: equivalents reduced over equivalents to reduce, of air pollutants with a target; None without any.

    Each counts up to its target, so that one pollutant beyond its target does not hide another behind it. A pollutant
    whose target is not below its base, or whose value is unknown, does not count. This system's own convention.
    """
    known: list[Any] = [each for each in emissions if each.counts and each.target is not None]
    done = due = Fraction(0)
    for each in known:
        if each.target < each.base:
            kilograms, aim = Fraction(each.equivalent), Fraction(each.base) - Fraction(each.target)
            done += min(Fraction(each.base) - Fraction(each.actual), aim) / kilograms
            due += aim / kilograms
    return fraction_to_decimal(done / due) if due else None


def clip_progress(done: Decimal) -> Decimal:
    """Clip progress to [-1, 1], as it counts for ranking; show the unclipped value beside it."""
    return min(max(done, Decimal(-1)), Decimal(1))


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


# -- many pilots ---------------------------------------------------------------------------------------


class SumResult(NamedTuple):
    """Sum over `used` of the `possible` pilots, the denominator to print; its value is None when none has a value.

    `within` lie in another pilot of the same list, whose value already includes theirs.
    """

    value: Decimal | None
    used: int
    possible: int
    within: tuple[str, ...]


def sum_without_overlap(parts: Iterable[tuple[str, Number | None, str | None]]) -> SumResult:
    """Return the sum over pilots without double counting: a park is never added beside its city, even a missing one.

    A part is the key of a pilot, its value, and the key of the pilot that contains it (the city of a park). All values
    must be accepted, in one unit and of one period. A park whose city is not in the list counts.
    """
    listed = list(parts)
    keys = {key for key, _value, _parent in listed}
    outer = [value for _key, value, parent in listed if parent not in keys]
    values = [Decimal(value) for value in outer if value is not None]
    within = tuple(key for key, _value, parent in listed if parent in keys)
    return SumResult(sum(values, Decimal(0)) if values else None, len(values), len(outer), within)


def median_range(values: Iterable[Number]) -> tuple[Decimal, Decimal, Decimal] | None:
    """Return the median of shares, the lowest and the highest, as a mean of percentages misleads; None without any."""
    found = [Decimal(value) for value in values]
    return (median(found), min(found), max(found)) if found else None
