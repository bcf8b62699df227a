"""Measures of the literature that never headline: costs of abatement, and the coupling coordination degree."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import IntegerChoices
from django.utils.translation import gettext_lazy as _

from pilots.metrics.exact import Number

EDGE = Decimal("1e-9")


def capital_recovery_factor(interest: Number, years: int) -> Decimal:
    """CRF: the yearly payment that pays back 1 over `years` at `interest` (0.05 for 5 %); 1 / years without interest.

    Raises ValueError for no years and for a negative interest.
    """
    if years <= 0 or interest < 0:
        raise ValueError("a recovery over no years, or at a negative interest")
    if interest == 0:
        return Decimal(1) / years
    growth = (1 + Decimal(interest)) ** years
    return Decimal(interest) * growth / (growth - 1)


def unit_abatement_cost(
    *, investment: Number, factor: Number, running: Number, saving: Number, reduction: Number
) -> Decimal | None:
    """UPRC: yearly cost over yearly reduction, in yuan per unit of the reduction; negative when the measure pays.

    `investment` in yuan, spread by the capital recovery `factor`; `running` cost and `saving` in yuan a year. None when
    nothing is reduced. Never add the cost per tonne of CO2 to that per pollutant equivalent: the same money buys both.
    Source: 单位污染物减排成本, as in the Urumqi transport study of 2014; rests on assumed lives and interest.
    """
    if reduction <= 0:
        return None
    return (Decimal(investment) * factor + running - saving) / reduction


class Coordination(IntegerChoices):
    """The ten grades of the coupling coordination degree, each a tenth wide, as usual in Chinese papers."""

    EXTREME_DISORDER = 0, _("Extreme disorder")
    SEVERE_DISORDER = 1, _("Severe disorder")
    MODERATE_DISORDER = 2, _("Moderate disorder")
    MILD_DISORDER = 3, _("Mild disorder")
    NEAR_DISORDER = 4, _("On the verge of disorder")
    BARELY = 5, _("Barely coordinated")
    PRIMARY = 6, _("Primary coordination")
    INTERMEDIATE = 7, _("Intermediate coordination")
    GOOD = 8, _("Good coordination")
    EXCELLENT = 9, _("Excellent coordination")


def coupling(first: Number, second: Number) -> Decimal:
    """C: how alike two systems in (0, 1] are, 1 when equal, however low both may be. Raises ValueError outside."""
    _check(first, second)
    return 2 * (Decimal(first) * second).sqrt() / (Decimal(first) + second)


def modified_coupling(first: Number, second: Number) -> Decimal:
    """C': the modified form, which spreads over the whole of 0 to 1: the root of (1 - distance) x smaller / larger.

    Source: Wang Shujia et al. 2021, 自然资源学报 36(3):793, form for two systems. Raises ValueError outside (0, 1].
    """
    _check(first, second)
    return ((1 - abs(Decimal(first) - second)) * min(first, second) / Decimal(max(first, second))).sqrt()


def coordination_degree(
    first: Number, second: Number, *, weight: Decimal = Decimal("0.5"), modified: bool = False
) -> Decimal:
    """D: the root of coupling times the weighted mean of two systems in (0, 1]; `weight` is that of the first.

    With equal weights it is the fourth root of the product and no more: 0.10 and 0.10 give 0.32. It flatters those
    behind, so it never headlines; state the weights and the fixed bounds, and show both systems beside it. Source:
    耦合协调度; misuses in Wang Shujia et al. 2021. Raises ValueError outside (0, 1].
    """
    alike = modified_coupling(first, second) if modified else coupling(first, second)
    return (alike * (weight * first + (1 - weight) * second)).sqrt()


def coordination(degree: Decimal) -> Coordination:
    """The grade of a degree from 0 to 1; a tenth itself belongs to the grade above it."""
    return Coordination(min(int((degree + EDGE) * 10), 9))


def _check(*systems: Number) -> None:
    if not all(0 < system <= 1 for system in systems):
        raise ValueError("the value of a system lies above 0 and up to 1")
