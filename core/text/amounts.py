"""Format decimal values of one sentence or label alike: significant digits, units, percentages."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _

LEVEL_DIGITS, CHANGE_DIGITS, MAX_PLACES = 4, 3, 6


def format_amount(value: Decimal | None) -> str:
    """Format a value with thousands separators and without trailing zeros."""
    return _("no data") if value is None else format_alike([value])[0]


def format_alike(values: Sequence[Decimal], digits: int = LEVEL_DIGITS) -> list[str]:
    """Format values of one sentence with the same number of decimals."""
    places = decimal_places(values, digits)
    return [format_places(round_half_up(value, places), places) for value in values]


def decimal_places(values: Sequence[Decimal], digits: int = LEVEL_DIGITS) -> int:
    """Return the decimals for values of one sentence: `digits` significant digits of the largest, no trailing zeros.

    It uses more decimals where two different values would look the same.
    """
    largest = max((abs(value) for value in values), default=Decimal(0))
    places = max(0, min(digits - 1 - largest.adjusted(), MAX_PLACES)) if largest else 0
    while places < MAX_PLACES and len({round_half_up(v, places) for v in values}) < len(set(values)):
        places += 1
    return max((len(f"{round_half_up(v, places):f}".partition(".")[2].rstrip("0")) for v in values), default=0)


def round_half_up(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def format_places(value: Decimal, places: int) -> str:
    """Format a number with that many decimals for the locale, with a true minus sign."""
    return number_format(value, places, use_l10n=True, force_grouping=True).replace("-", "−")


def format_percent(value: Decimal) -> str:
    """Format a fraction as a percentage with one decimal, with more where it would read as 0."""
    share, places = abs(value) * 100, 1
    while share and places < MAX_PLACES and not round_half_up(share, places):
        places += 1
    return format_places(round_half_up(share, places), places)


def number_with_unit(number: str, unit: str) -> str:
    """Return a number with its unit: `29,470 t`, 29,470吨."""
    # Translators: a number and its unit; Chinese sets no space between them.
    return _("%(number)s %(unit)s") % {"number": number, "unit": f"× {unit}" if unit.startswith("10⁴ ") else unit}
