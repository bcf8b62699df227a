"""Cells as read, and their values by strict rules: what these do not cover is rejected with what to write instead.

Full-width digits and signs count as their half-width ones everywhere but in text. Space around a value does not count.
"""

import datetime
import re
import unicodedata
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from django.utils.translation import gettext_lazy as _
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

from core.errors import truncate
from core.text import PartialDate

MAX_BYTES = 20 * 2**20
MAX_ROWS = 50_000
MAX_COLUMNS = 200
MAX_CELLS = 1_500_000  # rows times columns, empty cells included
MAX_CELL_TEXT = 32_767  # characters of one cell, as in Excel

FileFormat = Literal["xlsx", "csv"]
CellValue = str | int | float | bool | datetime.date | datetime.datetime | datetime.time
Place = tuple[int, int]  # row and column, from 1


@dataclass(frozen=True, slots=True)
class SheetCell:
    """Cell that holds something; an empty cell has none. Text is as written, not stripped."""

    value: CellValue
    percent: bool = False  # a number shown with %: 0.65 shown as 65%
    leading_zeros: int = 0  # a number shown with leading zeros by a format such as 000000: 6
    error: str = ""  # "formula": one without a result; "error": #REF! and the like
    precision: Literal["day", "month", "year"] = "day"  # of a date: the part of it that the cell shows
    untyped: bool = field(default=False, compare=False)  # from CSV, where a number and its text look alike


@dataclass(slots=True)
class SheetRow:
    """Row that holds something: its number as the spreadsheet shows it, and its cells by column from 1."""

    number: int
    cells: dict[int, SheetCell]


@dataclass(slots=True)
class Sheet:
    """Sheet as read. `filled_down` gives, for each cell filled down from a merged one, its range, such as B3:B7."""

    file_format: FileFormat
    name: str  # empty for CSV
    encoding: str  # of CSV, else empty
    rows: list[SheetRow]  # in order; only those that hold something
    other_sheets: list[str] = field(default_factory=list)  # sheets of the workbook that were not read
    filled_down: dict[Place, str] = field(default_factory=dict)
    epoch1904: bool = False  # whether a bare number for a date counts from 1904


INVISIBLE_ENDS = "\ufeff\u200b"  # left around text copied from web pages
HALF_WIDTH = {0xFF01 + place: 0x21 + place for place in range(94)} | {0x3000: " ", 0x2212: "-"}
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
NARROW_COLUMN = re.compile(r"#{3,}")
SHORTENED_NUMBER = re.compile(r"[+-]?[0-9](\.[0-9]+)?E\+[0-9]{2,3}")  # 4.53E+11, as Excel shows a long number
CUT_NUMBER = re.compile(r"[+-]?[0-9]\.[0-9]{5}E\+[0-9]{2,3}")  # the same, with digits left out
EXACT_DIGITS = 15  # of a number in Excel

DATE_PATTERN = re.compile(
    r"([0-9]{4})(?:([-/.])([0-9]{1,2})(?:\2([0-9]{1,2}))?|年(?:([0-9]{1,2})月(?:([0-9]{1,2})日)?)?)?([ T].*)?"
)
PACKED_DATE = re.compile(r"\A([0-9]{4})([0-9]{2})([0-9]{2})\Z")
SPACED_DATE = re.compile(r"\s*([年月日])(?:\s+(?=[0-9]{1,2}\s*[月日]))?")
MIDNIGHT_TIME = re.compile(r"[ T]0?0:00(:00(\.0+)?)?")
YEAR_AND_FRACTION = re.compile(r"(19|20)[0-9]{2}\.[0-9]{1,2}")
JANUARY_OR_OCTOBER = re.compile(r"[0-9]{4}\.1")
FIRST_YEAR, LAST_YEAR, MAX_SERIAL = 1900, 2099, 10**6
FIRST_SERIAL, LAST_SERIAL = datetime.date(1970, 1, 1), datetime.date(2099, 12, 31)

PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?")
POWER_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,3}")
NUMBER_WITH_UNIT = re.compile(r"([+-]?[0-9][0-9,]*(?:\.[0-9]+)?) ?([^0-9\s.,%+-][^,]*)")
SCALES = {"万": 4, "萬": 4, "亿": 8, "億": 8}
MAX_DIGITS = 30

YES_WORDS, NO_WORDS = (
    {"yes", "y", "true", "1", "是", "√", "✓", "✔", "☑"},
    {"no", "n", "false", "0", "否", "×", "✗", "✘", "☐"},
)


REASONS = {  # of files, then of cells
    "empty": _("The file is empty. Save it again and choose it anew."),
    "encrypted": _(
        "The workbook is protected by a password. Remove the password (File, Info, Protect) and save it as .xlsx."
    ),
    "macro": _("The workbook holds macros. Save it as .xlsx, without macros."),
    "not_a_workbook": _(
        "The file is no .xlsx workbook. Open it and save it as .xlsx: in Excel by File, Save As, “Excel Workbook "
        "(*.xlsx)”; in WPS by File, Save As, “Microsoft Excel (*.xlsx)”."
    ),
    "damaged": _("The workbook is damaged or was cut short. Open it in Excel or WPS, repair it and save it as .xlsx."),
    "bomb": _(
        "Unpacked, the workbook would be far larger than any list. Copy the rows into a new workbook and save that."
    ),
    "too_many_rows": _("The sheet has more than %(limit)s rows. Split it into several files."),
    "too_many_columns": _(
        "Cell %(cell)s lies beyond the first %(limit)s columns. Move the list to the left, or empty the cell."
    ),
    "too_many_cells": _(
        "The sheet has more than %(limit)s cells. Split it into several files, or delete columns not needed."
    ),
    "too_large": _("The file is larger than %(limit)s MB. Split it into several files."),
    "entity": _(
        "The workbook holds a document type declaration, which no spreadsheet program writes. Save it anew as .xlsx."
    ),
    "quote": _(
        "The quotation mark that opens a cell on line %(line)s of the file is not closed. Close it, and double "
        "every mark within the cell; or save the file as .xlsx."
    ),
    "encoding": _(
        "The file is not text in UTF-8 or GB18030 throughout. Open it and save it as .xlsx: in Excel by File, Save As, "
        "“Excel Workbook (*.xlsx)”; in WPS by File, Save As, “Microsoft Excel (*.xlsx)”."
    ),
    "formula": _("A formula without a result. Open the file in Excel or WPS, let it calculate and save it."),
    "error": _("The cell holds an error of the spreadsheet, such as #REF!. Mend the formula, or write the value."),
    "narrow": _("The column was too narrow when the file was saved, and the value is lost. Write the value."),
    "digits": _(
        "Excel has cut the digits of this long number. Give the cell the format “Text” and write the number again."
    ),
    "date": _("The cell holds a date. Give it the format “Text” and write the text again."),
    "too_long": _("The text is longer than %(limit)s characters. Shorten it."),
    "control": _("The text holds a hidden control character (%(code)s). Delete it, or write the text again."),
    "time_of_day": _("The cell holds a time of day as well. Write only the date, such as 2024-01-15."),
    "not_a_day": _("“%(value)s” is no date that can be read for certain. Write it as 2024-01-15, 2024-01 or 2024."),
    "month_unclear": _("“%(value)s” may be January or October. Write the month as %(year)s-01 or %(year)s-10."),
    "not_a_month": _(
        "The cell holds the number %(value)s, not a month. Write it as 2024-01, in a cell with the format “Text”."
    ),
    "impossible_day": _("“%(value)s” is no day of the calendar. Write a date such as 2024-01-15."),
    "not_a_number": _(
        "“%(value)s” is no number that can be read for certain. Write digits such as 1234.5; leave the cell empty "
        "where there is no value."
    ),
    "too_many_digits": _("“%(value)s” has more than %(limit)s digits. Write a shorter number."),
    "not_whole": _(
        "“%(value)s” is not a whole number. Write digits such as 12; leave the cell empty where there is no value."
    ),
    "not_a_flag": _("“%(value)s” is neither yes nor no. Write yes or no (是 or 否)."),
}


class ReadingError(ValueError):
    """What cannot be read for certain: a stable code, and a message that says what to do.

    `text` stands in place of the one in REASONS; `value` and `labels` fill it.
    """

    def __init__(self, code: str, text: object = "", value: object = None, /, **labels: object) -> None:
        if value is not None or "value" in labels:
            labels["value"] = truncate(labels.get("value", value))
        self.code, message = code, str(text or REASONS[code])
        self.message = message % labels if labels else message
        super().__init__(self.message)


class UnreadableFile(ReadingError):
    """The file cannot be read at all."""


class AmbiguousCell(ReadingError):
    """Cell that cannot be read unambiguously."""


@dataclass(frozen=True)
class ParsedNumber:
    """Number as meant: 65 % is 65 with `percent`, 1.2万 is 12000 with a `scale` of 4."""

    value: Decimal
    percent: bool = False
    scale: int = 0
    unit: str = ""  # written after it: 吨 in 11,000吨


def check_readable(entry: SheetCell) -> None:
    """Reject unreadable cells: formulas without a result, errors, and the ### of a column too narrow."""
    if entry.error:
        raise AmbiguousCell(entry.error)
    if entry.untyped and isinstance(entry.value, str) and NARROW_COLUMN.fullmatch(entry.value.strip()):
        raise AmbiguousCell("narrow")


def cell_name(row: int, column: int) -> str:
    """Return the address of a cell as spreadsheets show it: B7."""
    return f"{get_column_letter(column)}{row}"


def strip_invisible(text: str) -> str:
    return text.strip().strip(INVISIBLE_ENDS).strip()


def to_half_width(text: str) -> str:
    """Return full-width digits, letters and signs as half-width ones, without space around; 10² stays."""
    return strip_invisible(text.translate(HALF_WIDTH))


# -- text ------------------------------------------------------------------------------------------------


def read_text(entry: SheetCell) -> str:
    """Parse text: Unicode normal form C, without white space around, line breaks as LF.

    A number stands for its digits, with the leading zeros and the percent sign that its format shows; TRUE and FALSE
    for these words. Rejected: numbers of more than 15 digits, of which Excel has lost the rest; 4.53E+11, which is a
    number that lost its digits; dates, because Excel makes them of codes such as 3-1; control characters; more than
    32,767 characters.
    """
    check_readable(entry)
    value = entry.value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        if abs(value) >= 10**EXACT_DIGITS:
            raise AmbiguousCell("digits")
        number = to_decimal(value)
        if entry.percent:
            return f"{plain_decimal(number, 2):f}%"
        text = f"{number:f}"
        return text.zfill(entry.leading_zeros + (number < 0)) if "." not in text else text
    if not isinstance(value, str):
        raise AmbiguousCell("date")
    text = strip_invisible(unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")))
    if len(text) > MAX_CELL_TEXT:
        raise AmbiguousCell("too_long", limit=MAX_CELL_TEXT)
    if match := CONTROL_CHARACTERS.search(text):
        raise AmbiguousCell("control", code=f"U+{ord(match[0]):04X}")
    if SHORTENED_NUMBER.fullmatch(text):
        raise AmbiguousCell("digits")
    return text


def to_decimal(value: float) -> Decimal:
    """Return a number as the spreadsheet shows it: integers exactly, others to the 15 digits that Excel keeps."""
    return Decimal(value) if isinstance(value, int) else plain_decimal(Decimal(f"{value:.{EXACT_DIGITS}g}"))


def plain_decimal(number: Decimal, places: int = 0) -> Decimal:
    """Return the number times a power of ten, exactly, without trailing zeros and without an exponent."""
    number = Decimal(f"{number:f}E{places}")
    whole = number == number.to_integral_value()
    return Decimal(int(number)) if whole else Decimal(f"{number:f}".rstrip("0").rstrip("."))


# -- days ------------------------------------------------------------------------------------------------


def read_date(entry: SheetCell, *, epoch1904: bool = False) -> PartialDate:
    """Parse a day, month or year.

    A date of the spreadsheet; where its format shows only year and month, the first of a month stands for the month. A
    whole number from 1900 to 2099 is a year, one of eight digits a day as 20240115, one that Excel counts from 1970 to
    2099 a day without its format. Text: 2024-01-15, 2024/1/15, 2024.1.15, 2024年1月15日, 20240115; 2024-01, 2024/1,
    2024.1, 2024年1月; 2024, 2024年. Midnight may follow a day, no other time. Rejected: the number 2024.1, which is
    January or October, and 2024.1 in CSV, which may be that number; days that do not exist; years of two digits, day
    before month, Chinese numerals.
    """
    check_readable(entry)
    value = entry.value
    if isinstance(value, datetime.datetime):
        if value.time() != datetime.time():
            raise AmbiguousCell("time_of_day")
        value = value.date()
    if isinstance(value, datetime.date):  # January 2024 is a month only if the day is the first
        first = value.day == 1 and (entry.precision == "month" or value.month == 1)
        return PartialDate(value, entry.precision if first else "day")
    if isinstance(value, str):
        return date_from_text(SPACED_DATE.sub(r"\1", to_half_width(value)), untyped=entry.untyped)
    if isinstance(value, bool | datetime.time) or entry.percent:
        raise AmbiguousCell("not_a_day", value=value)
    return date_from_number(int(value) if int(value) == value else value, MAC_EPOCH if epoch1904 else WINDOWS_EPOCH)


def date_from_number(value: int | float, epoch: datetime.datetime) -> PartialDate:
    """Return the day that a number stands for: a year, eight digits, or a number of days since `epoch`."""
    if isinstance(value, int):
        if FIRST_YEAR <= value <= LAST_YEAR:
            return PartialDate(datetime.date(value, 1, 1), "year")
        if PACKED_DATE.fullmatch(str(value)):
            return date_from_text(str(value), untyped=False)
    elif YEAR_AND_FRACTION.fullmatch(repr(value)):
        text = "" if repr(value).endswith(".1") else REASONS["not_a_month"]
        raise AmbiguousCell("month_unclear", text, value, year=int(value))
    day = epoch.date() + datetime.timedelta(days=int(value) if 0 < value < MAX_SERIAL else 0)
    if not FIRST_SERIAL <= day <= LAST_SERIAL:
        raise AmbiguousCell("not_a_day", value=value)
    if isinstance(value, float):
        raise AmbiguousCell("time_of_day")
    return PartialDate(day)


def date_from_text(text: str, *, untyped: bool) -> PartialDate:
    """Parse text as a day, a month or a year. Raises AmbiguousCell for none between 1900 and 2099."""
    if untyped and JANUARY_OR_OCTOBER.fullmatch(text):
        raise AmbiguousCell("month_unclear", value=text, year=text[:4])
    match = DATE_PATTERN.fullmatch(PACKED_DATE.sub(r"\1-\2-\3", text))
    if not match or (match[7] and not (match[4] or match[6])):
        raise AmbiguousCell("not_a_day", value=text)
    if match[7] and not MIDNIGHT_TIME.fullmatch(match[7]):
        raise AmbiguousCell("time_of_day")
    month, day = match[3] or match[5], match[4] or match[6]
    try:
        value = datetime.date(int(match[1]), int(month or 1), int(day or 1))
    except ValueError as error:
        raise AmbiguousCell("impossible_day", value=text) from error
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        message = _("“%(value)s” lies outside the years 1900 to 2099. Write a date such as 2024-01-15.")
        raise AmbiguousCell("impossible_day", message, text)
    return PartialDate(value, "day" if day else "month" if month else "year")


# -- numbers ---------------------------------------------------------------------------------------------


def read_number(entry: SheetCell) -> ParsedNumber:
    """Parse a number exactly.

    A number of the spreadsheet, to the 15 digits that Excel keeps; one shown with % is what is shown: 0.65 as 65% is 65
    per cent. Text: digits with a point, a sign before, groups of three separated by commas (, or ，), a power such as
    1.5e3; % after it; or 万 (×10,000) or 亿 (×100,000,000) after it. Rejected: every other sign or unit, groups that
    are not of three, spaces within, dates, TRUE and FALSE, more than 30 digits, and 1.23457E+11, of which Excel has
    cut digits.
    """
    check_readable(entry)
    value = entry.value
    if isinstance(value, str):
        text = to_half_width(value)
        if CUT_NUMBER.fullmatch(text):
            raise AmbiguousCell("digits")
        percent, scale = text.endswith("%"), SCALES.get(text[-1:], 0)
        body = text[:-1].rstrip() if percent or scale else text
        if len(body) > 2 * MAX_DIGITS or not (PLAIN_NUMBER.fullmatch(body) or POWER_NUMBER.fullmatch(body)):
            raise AmbiguousCell("not_a_number", value=value)
        number = check_digits(Decimal(body.replace(",", "")), value)
        return ParsedNumber(plain_decimal(number, scale), percent, scale)
    if isinstance(value, bool) or not isinstance(value, int | float) or not Decimal(value).is_finite():
        raise AmbiguousCell("not_a_number", value=value)
    number = check_digits(to_decimal(value), value)
    return ParsedNumber(plain_decimal(number, 2), percent=True) if entry.percent else ParsedNumber(number)


def read_measurement(entry: SheetCell) -> ParsedNumber:
    """Parse a number, by the rules for numbers, with the unit that may follow it, as in 11,000吨 or 658.5 t."""
    try:
        return read_number(entry)
    except AmbiguousCell as error:
        text = to_half_width(entry.value) if isinstance(entry.value, str) and error.code == "not_a_number" else ""
        match = NUMBER_WITH_UNIT.fullmatch(text)
        if not match:
            raise
        return replace(read_number(replace(entry, value=match[1])), unit=match[2])


def check_digits(number: Decimal, value: object) -> Decimal:
    """Return the number without needless zeros. Raises AmbiguousCell for more than 30 digits."""
    _sign, digits, exponent = number.as_tuple()
    if max(len(digits), len(digits) + int(exponent), -int(exponent)) > MAX_DIGITS:
        raise AmbiguousCell("too_many_digits", value=value, limit=MAX_DIGITS)
    return plain_decimal(number)


def read_integer(entry: SheetCell) -> int:
    """Parse a whole number, by the rules for numbers; without %, and without a fraction other than zero."""
    number = read_number(entry)
    if number.percent or number.value != number.value.to_integral_value():
        raise AmbiguousCell("not_whole", value=entry.value)
    return int(number.value)


def read_boolean(entry: SheetCell) -> bool:
    """Parse yes (yes, true, 1, 是, √, ✓) or no (no, false, 0, 否, ×), in either case, and Excel's booleans."""
    check_readable(entry)
    value = entry.value
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in {0, 1} and not entry.percent:
        return value == 1
    word = to_half_width(value).casefold() if isinstance(value, str) else ""
    if word in YES_WORDS or word in NO_WORDS:
        return word in YES_WORDS
    raise AmbiguousCell("not_a_flag", value=entry.value)
