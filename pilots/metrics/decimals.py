"""Decimal conversion, so that the rounding of binary fractions never decides a threshold.

From 42.00 to 40.74 of a target of 39.90, two years of three on, a tenth of what is due is missing. In floating point it
is a little more, and a yellow light would turn red.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Annotated

Number = Decimal | int
Ratio = Annotated[Decimal, "ratio"]
"""A quotient of two amounts of the same kind: dimensionless, and given with more places than an amount."""


def to_decimal(value: Decimal | float | str) -> Decimal:
    """Convert a number to Decimal; a float means what it prints, so 0.1 is a tenth.

    Raises ValueError for text that is no number, for NaN and for infinity.
    """
    try:
        number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is not a number") from error
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number")
    return number


def fraction_to_decimal(value: Fraction) -> Decimal:
    """Convert a fraction to a Decimal of 28 digits, rounding once: 1/200 stays 0.005 however it was summed."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def decimal_or_none(value: Number | None) -> Decimal | None:
    """Convert a number to Decimal, None to None."""
    return None if value is None else Decimal(value)
