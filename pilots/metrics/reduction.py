"""How much less is emitted, of pollutants and of carbon, and whether the two fall together.

Amounts are totals in one unit per substance (tonnes, as a rule), with the same boundary, method and period on both
sides. Concentrations and amounts per output are not emissions and have no place here. Reduced is positive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from pilots.metrics.exact import Number, rounded

EPSILON = Decimal("0.005")
"""A rate within 0.5 % of nothing is flat: this system's own convention."""

EDGE = Decimal("1e-9")
"""A value this close to the edge of a band lies on it."""

BALANCED_FROM, BALANCED_TO = Decimal("0.8"), Decimal("1.25")
"""Elasticities from 4/5 to 5/4 are balanced: this system's own convention."""


# -- one substance -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reduction:
    """One substance at its base and now, in the same unit; None is an amount that is not known."""

    base: Number | None
    actual: Number | None

    @property
    def amount(self) -> Decimal | None:
        """Base less actual, in the unit of the two: positive when less is emitted; None unless both are known."""
        if self.base is None or self.actual is None:
            return None
        return Decimal(self.base) - self.actual

    @property
    def rate(self) -> Decimal | None:
        """The reduction as a fraction of the base; None when either is not known or the base is not above 0."""
        if self.amount is None or self.base is None or self.base <= 0:
            return None
        return self.amount / self.base


def is_flat(rate: Decimal) -> bool:
    """Neither a rise nor a fall worth the name: within EPSILON of 0, both ends included."""
    return abs(rate) <= EPSILON


# -- pollutant equivalents -----------------------------------------------------------------------------


class Medium(TextChoices):
    """What a pollutant enters. Equivalents of air and of water are never added together."""

    AIR = "air", _("Air")
    WATER = "water", _("Water")


class Lacking(TextChoices):
    """Why a substance is left out of a sum. It is named beside the sum, never counted as nothing."""

    EQUIVALENT = "equivalent", _("no pollutant equivalent")
    BASE = "base", _("no base value")
    ACTUAL = "actual", _("no present value")
    REDUCTION = "reduction", _("target is not a reduction")


@dataclass(frozen=True)
class Missing:
    """A substance left out of a sum, and why."""

    code: str
    why: Lacking


@dataclass(frozen=True)
class Emission:
    """One pollutant of one pilot.

    `base`, `actual` and `target` are in tonnes (or all in kilograms); `equivalent` is in kilograms per pollutant
    equivalent, such as 0.95 for SO2. None is not known, and for `target` that none is set. Raises ValueError for an
    equivalent that is not above 0 and for a negative amount.
    """

    code: str
    base: Number | None
    actual: Number | None
    equivalent: Number | None
    medium: Medium = Medium.AIR
    target: Number | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be an emission."""
        if self.equivalent is not None and self.equivalent <= 0:
            raise ValueError(f"{self.code}: an equivalent of {self.equivalent} kg")
        if any(amount is not None and amount < 0 for amount in (self.base, self.actual, self.target)):
            raise ValueError(f"{self.code}: a negative emission")

    @property
    def lacks(self) -> Lacking | None:
        """What keeps it out of a sum of equivalents, if anything."""
        if self.equivalent is None:
            return Lacking.EQUIVALENT
        if self.base is None:
            return Lacking.BASE
        return Lacking.ACTUAL if self.actual is None else None


@dataclass(frozen=True)
class Equivalents:
    """Pollutants of one medium added up as pollutant equivalents, over those that can be: `used` of `possible`.

    In thousand equivalents when emissions are in tonnes, in equivalents when in kilograms. `reduced` and `base` are
    None when no pollutant can be used; `rate` also when the base is 0.
    """

    medium: Medium
    reduced: Decimal | None
    base: Decimal | None
    rate: Decimal | None
    used: tuple[str, ...]
    missing: tuple[Missing, ...]

    @property
    def possible(self) -> int:
        """How many pollutants of the medium there are, used or missing."""
        return len(self.used) + len(self.missing)


def to_equivalents(amount: Number, equivalent: Number) -> Decimal:
    """An amount in kilograms as pollutant equivalents (tonnes: thousands), by kilograms per equivalent.

    Source: Environmental Protection Tax Law, article 8 and annex 2 (应税污染物和当量值表).
    """
    return Decimal(amount) / equivalent


def apeq(emissions: Iterable[Emission]) -> Equivalents:
    """Air pollutants as pollutant equivalents (APeq): the sum of reductions, each over its equivalent.

    The published index of the same name may add CO2 with a weight of its own; this one never does. Source: equivalents
    of the Environmental Protection Tax Law, annex 2; the index follows the co-control research of Mao Xianqiang
    (毛显强).
    """
    return _equivalents(emissions, Medium.AIR)


def wpeq(emissions: Iterable[Emission]) -> Equivalents:
    """Water pollutants as pollutant equivalents (WPeq), by the same law; never added to those of air."""
    return _equivalents(emissions, Medium.WATER)


def _equivalents(emissions: Iterable[Emission], medium: Medium) -> Equivalents:
    """The sum for one medium. Fractions, so that a rate of exactly half a percent stays flat."""
    of_medium = [emission for emission in emissions if emission.medium == medium]
    missing = tuple(Missing(each.code, each.lacks) for each in of_medium if each.lacks is not None)
    reduced = base = Fraction(0)
    used = []
    for each in of_medium:
        if each.equivalent is not None and each.base is not None and each.actual is not None:
            base += Fraction(each.base) / Fraction(each.equivalent)
            reduced += (Fraction(each.base) - Fraction(each.actual)) / Fraction(each.equivalent)
            used.append(each.code)
    if not used:
        return Equivalents(medium, None, None, None, (), missing)
    rate = rounded(reduced / base) if base > 0 else None
    return Equivalents(medium, rounded(reduced), rounded(base), rate, tuple(used), missing)


# -- pollution and carbon together ---------------------------------------------------------------------


class CoControl(TextChoices):
    """Where a pair of rates lies in the co-control coordinate system, named in words: published axes are often swapped.

    Source: 协同控制效应坐标系, Mao Xianqiang (毛显强) et al.; the flat band is this system's own convention.
    """

    CO_REDUCTION = "co_reduction", _("Co-reduction")
    POLLUTION_DOWN_CARBON_UP = "pollution_down_carbon_up", _("Pollution down, carbon up")
    CARBON_DOWN_POLLUTION_UP = "carbon_down_pollution_up", _("Carbon down, pollution up")
    BOTH_UP = "both_up", _("Both up")
    FLAT = "flat", _("Flat, not judged")

    @property
    def colour(self) -> str:
        """The name of its colour: green, amber, red or grey."""
        match self:
            case CoControl.CO_REDUCTION:
                return "green"
            case CoControl.BOTH_UP:
                return "red"
            case CoControl.FLAT:
                return "grey"
            case _:
                return "amber"


def co_control(pollution: Decimal | None, carbon: Decimal | None) -> CoControl | None:
    """The class of a pair of reduction rates (fractions); None unless both are known, flat when either is."""
    if pollution is None or carbon is None:
        return None
    if is_flat(pollution) or is_flat(carbon):
        return CoControl.FLAT
    if pollution > 0:
        return CoControl.CO_REDUCTION if carbon > 0 else CoControl.POLLUTION_DOWN_CARBON_UP
    return CoControl.CARBON_DOWN_POLLUTION_UP if carbon > 0 else CoControl.BOTH_UP


class Band(TextChoices):
    """Which of the two falls more, in a pilot where both fall."""

    CARBON_LED = "carbon_led", _("Carbon-led")
    BALANCED = "balanced", _("Balanced")
    POLLUTION_LED = "pollution_led", _("Pollution-led")


@dataclass(frozen=True)
class Elasticity:
    """The cross-elasticity of reduction and what must be read before it: the class of the two rates.

    `value` and `band` are None unless both rates are reductions: two rises also give a positive quotient. `carbon_flat`
    says that carbon hardly moved, so that there is nothing to divide by.
    """

    kind: CoControl | None
    value: Decimal | None
    band: Band | None
    carbon_flat: bool


def elasticity(pollution: Decimal | None, carbon: Decimal | None) -> Elasticity:
    """Els: the rate of a pollutant (or of APeq) over the rate of carbon, both as fractions; no dimension.

    Above 1 the pollutant falls more. Values are skewed (13 is common): draw them on a logarithmic axis. Source:
    污染物减排量交叉弹性, Mao Xianqiang (毛显强) et al.; Nam et al. 2014, Energy Economics 46:186-201; the bands are
    this system's own convention.
    """
    kind = co_control(pollution, carbon)
    carbon_flat = carbon is not None and is_flat(carbon)
    if kind != CoControl.CO_REDUCTION or pollution is None or carbon is None:
        return Elasticity(kind, None, None, carbon_flat)
    value = pollution / carbon
    return Elasticity(kind, value, band(value), carbon_flat)


def band(els: Decimal) -> Band:
    """The band of an elasticity of a co-reduction; 0.8 and 1.25 themselves are balanced."""
    if els > BALANCED_TO + EDGE:
        return Band.POLLUTION_LED
    return Band.CARBON_LED if els < BALANCED_FROM - EDGE else Band.BALANCED
