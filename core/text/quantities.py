"""Quantities in the active language: 6.72 Mt in English, 671.88万吨 in Chinese."""

from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from core.text.bilingual import is_chinese_active

TEN_KILOTONNES = "10⁴ t"
TEN_KILOTONNE_UNITS = {TEN_KILOTONNES, "10k t", "万吨"}


def format_quantity(value: Decimal | float, unit: str, unit_zh: str = "") -> str:
    """Format a value with its unit. Ten thousands of tonnes, a Chinese unit, become Mt or kt in English."""
    number = Decimal(str(value))
    if is_chinese_active():
        return f"{format_plain(number)}{'万吨' if unit in TEN_KILOTONNE_UNITS else unit_zh or unit}"
    if unit in TEN_KILOTONNE_UNITS:
        return format_mass(number * 10_000)
    return _("%(number)s\u00a0%(unit)s") % {"number": format_plain(number), "unit": unit}


def format_mass(tonnes: Decimal) -> str:
    """Format tonnes to three digits: 6.72 Mt, 51.9 kt, 850 t."""
    for step, unit in ((Decimal(1_000_000), "Mt"), (Decimal(1_000), "kt")):
        if abs(tonnes) >= step:
            return f"{three_significant_digits(tonnes / step)}\u00a0{unit}"
    return f"{three_significant_digits(tonnes)}\u00a0t"


def three_significant_digits(value: Decimal) -> str:
    """Format to three significant digits, never with fewer than those before the decimal point."""
    before = max(1, value.copy_abs().adjusted() + 1)
    return format_plain(round(value, max(0, 3 - before)))


def format_plain(value: Decimal) -> str:
    """Format a number with group separators and without trailing zeros."""
    return number_format(Decimal(f"{value.normalize():f}"), use_l10n=True, force_grouping=True)
