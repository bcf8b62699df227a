"""Format values for the reader: numbers, dates, shares and periods in the reader's language.

Python modules import these functions; `core.templatetags.site` registers them as template filters. A missing value
reads "no data" and never 0.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format, get_format, number_format
from django.utils.translation import gettext, ngettext, pgettext

from core.text.partial_date import PartialDate


def no_data() -> str:
    """Return the words for a missing value."""
    return pgettext("a value that is missing", "no data")


def format_number(value: int | float | Decimal | str | None, digits: int | None = None) -> str:
    """Format a number with its group separators: 12345 reads 12,345.

    A Decimal keeps the digits it was published with unless `digits` is given.
    """
    if value is None:
        return no_data()
    if isinstance(value, str):  # words where a number usually stands, such as a span of time
        return value
    return number_format(value, digits, use_l10n=True, force_grouping=True).replace("-", "−")  # a true minus sign


def format_date(value: date | PartialDate | str | None) -> str:
    """Format a date, or the part of it that is known: 5 December 2022, December 2022, 2022."""
    if not value:
        return no_data()
    if isinstance(value, str):
        value = date.fromisoformat(value)
    if not isinstance(value, PartialDate):
        value = PartialDate(value)
    form = {"day": "DATE_FORMAT", "month": "YEAR_MONTH_FORMAT", "year": "YEAR_FORMAT"}[value.precision]
    return date_format(value.on, get_format(form))


def format_period(text: str) -> str:
    """Format a period in ISO form as dates are formatted: 2013–2022, 30 January 2024; empty for an empty period."""
    precisions: tuple[Any, ...] = ("year", "month", "day")
    ends = [
        PartialDate(date.fromisoformat(f"{end}-01-01"[:10]), precisions[end.count("-")])
        for end in filter(None, text.split("–"))
    ]
    return "–".join(format_date(end) for end in ends)


def format_share(value: float | Decimal | None, digits: int | None = None) -> str:
    """Format a share as a percentage: 0.875 reads 87.5 %, and 1 reads 100 %.

    A column of shares gives `digits`, so that the decimals line up.
    """
    if value is None:
        return no_data()
    percent = round(Decimal(str(value)) * 100, 1 if digits is None else digits)
    if digits is None and percent == percent.to_integral_value():
        percent = percent.to_integral_value()
    # Translators: a percentage; Chinese sets no space before the sign.
    return gettext("%(number)s\u00a0%%") % {"number": format_number(percent)}


def format_file_size(value: int) -> str:
    """Format a file size in bytes: 2.5 MB. Chinese sets no space before 字节."""
    return re.sub("\xa0(?=[\u4e00-\u9fff])", "", filesizeformat(value))


def format_days(value: int | None) -> str:
    """Format a number of days: 252 reads 252 days."""
    if value is None:
        return no_data()
    return ngettext("%(number)s day", "%(number)s days", value) % {"number": format_number(value)}
