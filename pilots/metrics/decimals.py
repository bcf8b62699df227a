"""Decimal conversion, so that the rounding of binary fractions never decides a threshold.

From 42.00 to 40.74 of a target of 39.90, two years of three on, a tenth of what is due is missing. In floating point it
is a little more, and a yellow light would turn red.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Annotated

Number = Decimal | int
Ratio = Annotated[Decimal, "ratio"]
"""A quotient of two amounts of the same kind: dimensionless, and given with more places than an amount."""


def fraction_to_decimal(value: Fraction) -> Decimal:
    """Convert a fraction to a Decimal of 28 digits, rounding once: 1/200 stays 0.005 however it was summed."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def decimal_or_none(value: Number | None) -> Decimal | None:
    """Convert a number to Decimal, None to None."""
    return None if value is None else Decimal(value)
