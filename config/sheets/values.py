"""How a cell is read: by these rules and no others. What they do not read is refused with what to write instead.

Full-width digits and signs count as their half-width ones everywhere but in text. Space around a value does not count.
"""

import datetime
import math
import re
import unicodedata
from dataclasses import dataclass, replace
from decimal import Decimal

from django.utils.translation import gettext as _

from config.charts import PartialDate
from config.faults import short
from config.sheets.cells import MAX_TEXT, Entry
from config.sheets.styles import moment

INVISIBLE_ENDS = "\ufeff\u200b"  # what copying from web pages leaves around a text
HALF_WIDTH = {0xFF01 + place: 0x21 + place for place in range(94)} | {0x3000: " ", 0x2212: "-"}
CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
NARROW = re.compile(r"#{3,}")
SHORTENED = re.compile(r"[+-]?[0-9](\.[0-9]+)?E\+[0-9]{2,3}")  # 4.53E+11, as Excel shows a long number
CUT = re.compile(r"[+-]?[0-9]\.[0-9]{5}E\+[0-9]{2,3}")  # the same, with digits left out
EXACT_DIGITS = 15  # of a number in Excel

DAY = re.compile(
    r"([0-9]{4})(?:-([0-9]{1,2})-|/([0-9]{1,2})/|\.([0-9]{1,2})\.|年([0-9]{1,2})月)([0-9]{1,2})(日?)([ T].*)?"
)
PACKED_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
MONTH = re.compile(r"([0-9]{4})(?:[-/.]([0-9]{1,2})|年([0-9]{1,2})月)")
YEAR = re.compile(r"([0-9]{4})年?")
SPACED = re.compile(r"\s*([年月日])(?:\s+(?=[0-9]{1,2}\s*[月日]))?")
MIDNIGHT = re.compile(r"[ T]0?0:00(:00(\.0+)?)?")
OCTOBER = re.compile(r"[0-9]{4}\.1")
FIRST_YEAR, LAST_YEAR = 1900, 2099
FIRST_SERIAL, LAST_SERIAL = datetime.date(1970, 1, 1), datetime.date(2099, 12, 31)

PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?")
POWER_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,3}")
MEASURED = re.compile(r"([+-]?[0-9][0-9,]*(?:\.[0-9]+)?) ?([^0-9\s.,%+-][^,]*)")
SCALES = {"万": 4, "萬": 4, "亿": 8, "億": 8}
MAX_DIGITS = 30

YES, NO = {"yes", "y", "true", "1", "是", "√", "✓", "✔", "☑"}, {"no", "n", "false", "0", "否", "×", "✗", "✘", "☐"}


class Unclear(ValueError):
    """A cell that cannot be read for certain: a stable code, and what to write instead."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


@dataclass(frozen=True)
class Number:
    """A number as meant: 65 % is 65 with `percent`, 1.2万 is 12000 with a `scale` of 4."""

    value: Decimal
    percent: bool = False
    scale: int = 0
    unit: str = ""  # written after it: 吨 in 11,000吨


def check_fault(entry: Entry) -> None:
    """Refuse what no rule can read: formulas without a result, errors, and the ### of a column too narrow."""
    if entry.fault == "formula":
        raise Unclear(
            "formula", _("A formula without a result. Open the file in Excel or WPS, let it calculate and save it.")
        )
    if entry.fault:
        text = _("“%(value)s” is an error of the spreadsheet. Mend the formula, or write the value.")
        raise Unclear("error", text % {"value": short(entry.value)})
    if entry.untyped and isinstance(entry.value, str) and NARROW.fullmatch(entry.value.strip()):
        raise Unclear(
            "narrow", _("The column was too narrow when the file was saved, and the value is lost. Write the value.")
        )


def trimmed(text: str) -> str:
    return text.strip().strip(INVISIBLE_ENDS).strip()


def half_width(text: str) -> str:
    """Full-width digits, letters and signs as half-width ones, without space around; 10² stays what it is."""
    return trimmed(text.translate(HALF_WIDTH))


# -- text ------------------------------------------------------------------------------------------------


def read_text(entry: Entry) -> str:
    """Text in normal form C, without white space around, line breaks as LF.

    A number stands for its digits, with the leading zeros and the percent sign that its format shows; TRUE and FALSE
    for these words. Refused: numbers beside which the format shows words or signs, as WB012; numbers of more than 15
    digits, of which Excel has lost the rest; 4.53E+11, which is a number that lost its digits; dates, because Excel
    makes them of codes such as 3-1; control characters; more than 32,767 characters.
    """
    check_fault(entry)
    value = entry.value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, int | float):
        return digits_of(entry, value)
    raise Unclear("date", _("The cell holds a date. Give it the format “Text” and write the text again."))


def text_of(value: str) -> str:
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    text = trimmed(text)
    if len(text) > MAX_TEXT:
        raise Unclear("too_long", _("The text is longer than %(limit)s characters. Shorten it.") % {"limit": MAX_TEXT})
    if found := CONTROL.search(text):
        message = _("The text holds a hidden control character (%(code)s). Delete it, or write the text again.")
        raise Unclear("control", message % {"code": f"U+{ord(found[0]):04X}"})
    if SHORTENED.fullmatch(text):
        raise lost_digits()
    return text


def lost_digits() -> Unclear:
    text = _(
        "Excel has cut the digits of this long number. Give the cell the format “Text” and write the number again."
    )
    return Unclear("digits", text)


def digits_of(entry: Entry, value: float) -> str:
    """The digits of a number that stands in a column of text."""
    if entry.label:
        text = _("The cell shows “%(label)s” beside a number. Give it the format “Text” and write all of it.")
        raise Unclear("label", text % {"label": short(entry.label)})
    if abs(value) >= 10**EXACT_DIGITS:
        raise lost_digits()
    number = decimal_of(value)
    if entry.percent:
        return f"{shifted(number, 2):f}%"
    text = f"{number:f}"
    return text.zfill(entry.zeros + (number < 0)) if "." not in text else text


def decimal_of(value: float) -> Decimal:
    """A number as the spreadsheet shows it: whole ones exactly, others to the 15 digits that Excel keeps."""
    if isinstance(value, int):
        return Decimal(value)
    return plain_decimal(Decimal(f"{value:.{EXACT_DIGITS}g}"))


def plain_decimal(number: Decimal) -> Decimal:
    """The same number without zeros at the end of its fraction, nor a power of ten."""
    return (
        Decimal(f"{number:f}".rstrip("0").rstrip(".")) if number != number.to_integral_value() else Decimal(int(number))
    )


def shifted(number: Decimal, places: int) -> Decimal:
    """The number times a power of ten, exactly."""
    sign, digits, exponent = number.as_tuple()
    return plain_decimal(Decimal((sign, digits, int(exponent) + places)))


# -- days ------------------------------------------------------------------------------------------------


def read_day(entry: Entry, *, epoch1904: bool = False) -> PartialDate:
    """A day, month or year.

    A date of the spreadsheet; where its format shows only year and month, the first of a month stands for the month.
    A whole number from 1900 to 2099 is a year, one of eight digits a day as 20240115, one that Excel counts from 1970
    to 2099 a day without its format. Text: 2024-01-15, 2024/1/15, 2024.1.15, 2024年1月15日, 20240115; 2024-01, 2024/1,
    2024.1, 2024年1月; 2024, 2024年. Midnight may follow a day, no other time. Refused: the number 2024.1, which is
    January or October, and 2024.1 in CSV, which may be that number; days that are none; years of two digits, day before
    month, Chinese numerals.
    """
    check_fault(entry)
    value = entry.value
    if isinstance(value, datetime.datetime):
        if value.time() != datetime.time():
            raise time_of_day()
        value = value.date()
    if isinstance(value, datetime.date):
        return shown_day(value, entry.precision)
    if isinstance(value, str):
        return day_of_text(SPACED.sub(r"\1", half_width(value)), untyped=entry.untyped)
    if isinstance(value, bool | datetime.time) or entry.percent:
        raise no_day(value)
    if isinstance(value, float) and not value.is_integer():
        raise month_or_serial(value, epoch1904)
    return day_of_number(int(value), epoch1904)


def shown_day(value: datetime.date, precision: str) -> PartialDate:
    """A date as far as its cell shows it: January 2024 is a month, unless another day than the first was entered."""
    if precision == "month" and value.day == 1:
        return PartialDate(value, "month")
    if precision == "year" and (value.month, value.day) == (1, 1):
        return PartialDate(value, "year")
    return PartialDate(value)


def day_of_number(value: int, epoch1904: bool) -> PartialDate:
    """A whole number: a year, a packed day, or a day as Excel counts."""
    if FIRST_YEAR <= value <= LAST_YEAR:
        return PartialDate(datetime.date(value, 1, 1), "year")
    if PACKED_DAY.fullmatch(str(value)):
        return day_of_text(str(value), untyped=False)
    day = moment(value, epoch1904)
    if not isinstance(day, datetime.date) or not FIRST_SERIAL <= day <= LAST_SERIAL:
        raise no_day(value)
    return PartialDate(day)


def day_of_text(text: str, *, untyped: bool) -> PartialDate:
    """Text that gives a day, a month or a year."""
    if found := DAY.fullmatch(text):
        year, *months, day, sign, time = found.groups()
        if bool(sign) == (months[3] is not None):
            if time and not MIDNIGHT.fullmatch(time):
                raise time_of_day()
            return made(text, year, next(filter(None, months)), day)
    elif found := PACKED_DAY.fullmatch(text):
        return made(text, *found.groups())
    elif untyped and OCTOBER.fullmatch(text):
        raise january_or_october(text)
    elif found := MONTH.fullmatch(text):
        return PartialDate(made(text, found[1], found[2] or found[3], "1").on, "month")
    elif found := YEAR.fullmatch(text):
        return PartialDate(made(text, found[1], "1", "1").on, "year")
    raise no_day(text)


def made(text: str, year: str, month: str, day: str) -> PartialDate:
    """The day of these digits. Raises Unclear where there is none, or none of our time."""
    try:
        value = datetime.date(int(year), int(month), int(day))
    except ValueError as error:
        message = _("“%(value)s” is no day of the calendar. Write a date such as 2024-01-15.") % {"value": short(text)}
        raise Unclear("impossible_day", message) from error
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        message = _("“%(value)s” lies outside the years 1900 to 2099. Write a date such as 2024-01-15.")
        raise Unclear("impossible_day", message % {"value": short(text)})
    return PartialDate(value)


def time_of_day() -> Unclear:
    return Unclear("time_of_day", _("The cell holds a time of day as well. Write only the date, such as 2024-01-15."))


def no_day(value: object) -> Unclear:
    text = _("“%(value)s” is no date that can be read for certain. Write it as 2024-01-15, 2024-01 or 2024.")
    return Unclear("not_a_day", text % {"value": short(value)})


def january_or_october(value: object) -> Unclear:
    text = _("“%(value)s” may be January or October. Write the month as %(year)s-01 or %(year)s-10.")
    return Unclear("month_unclear", text % {"value": short(value), "year": short(value)[:4]})


def month_or_serial(value: float, epoch1904: bool) -> Unclear:
    """Why a number with a fraction is no day."""
    if re.fullmatch(r"(19|20)[0-9]{2}\.[0-9]{1,2}", repr(value)):
        if repr(value).endswith(".1"):
            return january_or_october(value)
        text = _(
            "The cell holds the number %(value)s, not a month. Write it as 2024-01, in a cell with the format “Text”."
        )
        return Unclear("month_unclear", text % {"value": value})
    day = moment(value, epoch1904)
    known = isinstance(day, datetime.datetime) and FIRST_SERIAL <= day.date() <= LAST_SERIAL
    return time_of_day() if known else no_day(value)


# -- numbers ---------------------------------------------------------------------------------------------


def read_number(entry: Entry) -> Number:
    """A number exactly as meant.

    A number of the spreadsheet, to the 15 digits that Excel keeps; one shown with % is what is shown: 0.65 as 65% is
    65 per cent. Text: digits with a point, a sign before, groups of three parted by commas (, or ，), a power such as
    1.5e3; % after it; or 万 (×10,000) or 亿 (×100,000,000) after it. Refused: every other sign or unit, groups that are
    not of three, spaces within, dates, TRUE and FALSE, more than 30 digits, 1.23457E+11, of which Excel has cut digits,
    and a number beside which only the format shows 万 or 亿.
    """
    check_fault(entry)
    value = entry.value
    if isinstance(value, str):
        return number_of_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise no_number(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise no_number(value)
    if set(SCALES) & set(entry.label):
        text = _("The cell holds %(value)s and only shows “%(label)s”. Write the number in full.")
        raise Unclear("label", text % {"value": short(value), "label": short(entry.label)})
    number = checked(decimal_of(value), value)
    return Number(shifted(number, 2), percent=True) if entry.percent else Number(number)


def read_measured(entry: Entry) -> Number:
    """A number, by the rules for numbers, with the unit that may be written after it, as in 11,000吨 or 658.5 t."""
    try:
        return read_number(entry)
    except Unclear as error:
        text = half_width(entry.value) if isinstance(entry.value, str) and error.code == "not_a_number" else ""
        found = MEASURED.fullmatch(text)
        if not found:
            raise
        return replace(read_number(replace(entry, value=found[1])), unit=found[2])


def number_of_text(value: str) -> Number:
    """Text that gives a number, with % or a Chinese scale after it."""
    text = half_width(value)
    if CUT.fullmatch(text):
        raise lost_digits()
    percent, scale = text.endswith("%"), SCALES.get(text[-1:], 0)
    body = text[:-1].rstrip() if percent or scale else text
    if len(body) > 2 * MAX_DIGITS or not (PLAIN_NUMBER.fullmatch(body) or POWER_NUMBER.fullmatch(body)):
        raise no_number(value)
    number = checked(Decimal(body.replace(",", "")), value)
    return Number(shifted(number, scale), percent, scale)


def checked(number: Decimal, value: object) -> Decimal:
    """The number without needless zeros. Raises Unclear where it has more than 30 digits."""
    _sign, digits, exponent = number.as_tuple()
    if max(len(digits), len(digits) + int(exponent), -int(exponent)) > MAX_DIGITS:
        text = _("“%(value)s” has more than %(limit)s digits. Write a shorter number.")
        raise Unclear("too_many_digits", text % {"value": short(value), "limit": MAX_DIGITS})
    return plain_decimal(number)


def no_number(value: object) -> Unclear:
    text = _(
        "“%(value)s” is no number that can be read for certain. Write digits such as 1234.5; leave the cell empty "
        "where there is no value."
    )
    return Unclear("not_a_number", text % {"value": short(value)})


def read_whole(entry: Entry) -> int:
    """A whole number, by the rules for numbers; without %, and without a fraction other than zero."""
    number = read_number(entry)
    if number.percent or number.value != number.value.to_integral_value():
        text = _(
            "“%(value)s” is not a whole number. Write digits such as 12; leave the cell empty where there is no value."
        )
        raise Unclear("not_whole", text % {"value": short(entry.value)})
    return int(number.value)


# -- yes and no ------------------------------------------------------------------------------------------


def read_flag(entry: Entry) -> bool:
    """Yes: yes, true, 1, 是, √, ✓. No: no, false, 0, 否, ×. Letters of either case, and the truth values of Excel."""
    check_fault(entry)
    value = entry.value
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in {0, 1} and not entry.percent:
        return value == 1
    word = half_width(value).casefold() if isinstance(value, str) else ""
    if word in YES or word in NO:
        return word in YES
    text = _("“%(value)s” is neither yes nor no. Write yes or no (是 or 否).")
    raise Unclear("not_a_flag", text % {"value": short(entry.value)})
