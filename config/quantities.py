"""Quantities as people read them: 6.72 Mt in English, 671.88万吨 in Chinese."""

from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from config.bilingual import reads_chinese

TEN_KILOTONNES = "10⁴ t"
WRITTEN_SO = {TEN_KILOTONNES, "10k t", "万吨"}


def quantity(value: Decimal | float, unit: str, unit_zh: str = "") -> str:
    """A value with its unit. Ten thousands of tonnes, which only Chinese counts in, are Mt or kt in English."""
    number = Decimal(str(value))
    if reads_chinese():
        return f"{plain(number)}{'万吨' if unit in WRITTEN_SO else unit_zh or unit}"
    if unit in WRITTEN_SO:
        return megatonnes(number * 10_000)
    return _("%(number)s\u00a0%(unit)s") % {"number": plain(number), "unit": unit}


def megatonnes(tonnes: Decimal) -> str:
    """Tonnes to three digits: 6.72 Mt, 51.9 kt, 850 t."""
    for step, unit in ((Decimal(1_000_000), "Mt"), (Decimal(1_000), "kt")):
        if abs(tonnes) >= step:
            return f"{three_digits(tonnes / step)}\u00a0{unit}"
    return f"{three_digits(tonnes)}\u00a0t"


def three_digits(value: Decimal) -> str:
    """A number to three significant digits, never with fewer than those before the point."""
    before = max(1, value.copy_abs().adjusted() + 1)
    return plain(round(value, max(0, 3 - before)))


def plain(value: Decimal) -> str:
    """A number with thousands marked and without idle zeros."""
    return number_format(Decimal(f"{value.normalize():f}"), use_l10n=True, force_grouping=True)
