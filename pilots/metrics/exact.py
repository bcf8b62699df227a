"""Exact numbers: a threshold must not be decided by how a binary fraction rounds.

From 42.00 to 40.74 of a target of 39.90, two years of three on, a tenth of what is due is missing. In floating point it
is a little more, and a yellow light would turn red.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fractions import Fraction

Number = Decimal | int


def exact(value: Decimal | float | str) -> Decimal:
    """A number at the border, made exact: a float means what it prints, so 0.1 is a tenth.

    Raises ValueError for text that is no number, for NaN and for infinity.
    """
    try:
        number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is not a number") from error
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number")
    return number


def rounded(value: Fraction) -> Decimal:
    """The fraction as a Decimal of 28 digits, rounded once: 1/200 stays 0.005 however it was summed."""
    return Decimal(value.numerator) / Decimal(value.denominator)
