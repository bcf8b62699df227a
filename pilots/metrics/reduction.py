"""Reductions of pollutants and carbon, and whether both fall together.

Amounts are totals in one unit per substance (tonnes, as a rule), with the same boundary, method and period on both
sides. Concentrations and amounts per output are not emissions and are not accepted. Reductions are positive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from core.text.formatting import StatusChoices
from pilots.metrics.decimals import Number, Ratio, fraction_to_decimal

EPSILON = Decimal("0.005")
"""A rate within 0.5 % of nothing is flat: this system's own convention."""

BAND_TOLERANCE = Decimal("1e-9")
"""A value this close to the edge of a band lies on it."""

BALANCED_FROM, BALANCED_TO = Decimal("0.8"), Decimal("1.25")
"""Elasticities from 4/5 to 5/4 are balanced: this system's own convention."""


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


class ExclusionReason(TextChoices):
    """Reason for excluding a substance from a sum. It is listed beside the sum, never counted as 0."""

    EQUIVALENT = "equivalent", _("no pollutant equivalent")
    BASE = "base", _("no base value")
    ACTUAL = "actual", _("no present value")
    REDUCTION = "reduction", _("target is not a reduction")


@dataclass(frozen=True)
class Exclusion:
    """Substance excluded from a sum, and the reason."""

    code: str
    why: ExclusionReason


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
    def lacks(self) -> ExclusionReason | None:
        """Reason to exclude it from a sum of equivalents, or None."""
        if self.equivalent is None:
            return ExclusionReason.EQUIVALENT
        if self.base is None:
            return ExclusionReason.BASE
        return ExclusionReason.ACTUAL if self.actual is None else None


@dataclass(frozen=True)
class Equivalents:
    """Sum of pollutants as pollutant equivalents, over `used` of `possible` pollutants.

    In thousand equivalents when emissions are in tonnes, in equivalents when in kilograms. `reduced` and `base` are
    None when no pollutant can be used; `rate` also when the base is 0.
    """

    reduced: Decimal | None
    base: Decimal | None
    rate: Ratio | None
    used: tuple[str, ...]
    missing: tuple[Exclusion, ...]

    @property
    def possible(self) -> int:
        """Number of pollutants, used or missing."""
        return len(self.used) + len(self.missing)


def apeq(emissions: Iterable[Emission]) -> Equivalents:
    """Return air pollutant equivalents (APeq): the sum of reductions, each divided by its equivalent.

    The published index of the same name may add CO2 with a weight of its own; this one never does. Source: equivalents
    of the Environmental Protection Tax Law, annex 2; the index follows the co-control research of Mao Xianqiang
    (毛显强). The sum is one of fractions, so that a rate of exactly half a percent stays flat.
    """
    pollutants = list(emissions)
    missing = tuple(Exclusion(each.code, each.lacks) for each in pollutants if each.lacks is not None)
    reduced = base = Fraction(0)
    used = []
    for each in pollutants:
        if each.equivalent is not None and each.base is not None and each.actual is not None:
            base += Fraction(each.base) / Fraction(each.equivalent)
            reduced += (Fraction(each.base) - Fraction(each.actual)) / Fraction(each.equivalent)
            used.append(each.code)
    if not used:
        return Equivalents(None, None, None, (), missing)
    rate = fraction_to_decimal(reduced / base) if base > 0 else None
    return Equivalents(fraction_to_decimal(reduced), fraction_to_decimal(base), rate, tuple(used), missing)


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


@dataclass(frozen=True)
class Elasticity:
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
    value = pollution / carbon
    return Elasticity(kind, value, elasticity_band(value), carbon_flat)


def elasticity_band(els: Decimal) -> ElasticityBand:
    """Return the band of a co-reduction's elasticity; 0.8 and 1.25 themselves are balanced."""
    if els > BALANCED_TO + BAND_TOLERANCE:
        return ElasticityBand.POLLUTION_LED
    return ElasticityBand.CARBON_LED if els < BALANCED_FROM - BAND_TOLERANCE else ElasticityBand.BALANCED
