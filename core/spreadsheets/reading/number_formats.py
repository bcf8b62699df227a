"""Number formats: what a format says about its number (a date and its precision, a percentage, leading zeros)."""

import datetime
import re
from typing import Literal, NamedTuple

from core.spreadsheets.reading.cells import CellValue

Precision = Literal["day", "month", "year"]

# Built-in formats; 27 to 36 and 50 to 58 as in mainland Chinese.
MONTH_FORMATS = {"17", "27", "36", "50", "52", "57"}
DATE_FORMATS = {*map(str, range(14, 23)), *map(str, range(27, 37)), "45", "47", *map(str, range(50, 59))}
PERCENT_FORMATS = {"9", "10"}

LITERALS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
ELAPSED = re.compile(r"\[[hms]+\]")
GENERAL_NAMES = ("general", "g/通用格式", "g/標準")  # the General format in several editions of Excel
SCALED_FORMAT = re.compile(r'[\\!]\.|"\."')  # a literal decimal point: 0\.0,"万"
LITERAL_TEXT = re.compile(r'"([^"]*)"|\\(.)|([\u4e00-\u9fff]+)')
FIRST_SECTION = re.compile(r'(?:"[^"]*"|\\.|\[[^\]]*\]|[^;"\\\[])*')
BRACKETS = re.compile(r"\[[^\]]*\]")
LEADING_ZEROS = re.compile(r"0{2,}")

# calendar dates without a time zone
EPOCH_1900, EPOCH_1904 = datetime.datetime(1899, 12, 30), datetime.datetime(1904, 1, 1)  # noqa: DTZ001
LEAP_BUG = 60  # the 1900 date system counts a 29 February 1900 that did not exist


class NumberFormat(NamedTuple):
    """How a cell shows its number."""

    date: bool = False
    precision: Precision = "day"
    percent: bool = False
    leading_zeros: int = 0
    label: str = ""


GENERAL_FORMAT = NumberFormat()


def builtin_format(number: str) -> NumberFormat:
    """Return a built-in format by number. Elapsed time (46) is no time of day: it stays a number."""
    if number in DATE_FORMATS:
        return NumberFormat(date=True, precision="month" if number in MONTH_FORMATS else "day")
    return NumberFormat(percent=number in PERCENT_FORMATS)


def parse_format(code: str) -> NumberFormat:
    """Parse a format code; only its section for positive numbers counts."""
    spoken = LITERALS.sub("", code).split(";")[0].strip().lower()
    if ELAPSED.search(spoken):
        return GENERAL_FORMAT
    if any(word in spoken for word in GENERAL_NAMES):
        return NumberFormat(label=format_label(code, spoken).removeprefix("通用格式").removeprefix("標準"))
    signs = set(spoken.replace("am/pm", "h").replace("a/p", "h"))
    if signs & set("ymdhs") or "aaa" in spoken or (signs & set("eg") and not signs & set("0#?")):
        return NumberFormat(date=True, precision=date_precision(signs))
    digits = first_section(code).strip()
    zeros = len(digits) if LEADING_ZEROS.fullmatch(digits) else 0
    return NumberFormat(percent="%" in spoken, leading_zeros=zeros, label=format_label(code, spoken))


def format_label(code: str, spoken: str) -> str:
    """Return the literal text beside the number; none where the format shows 12000 as 1.2万, which is what it means."""
    if SCALED_FORMAT.search(code) or spoken.endswith(","):
        return ""
    return "".join(
        quoted or escaped or bare for quoted, escaped, bare in LITERAL_TEXT.findall(first_section(code))
    ).strip()


def first_section(code: str) -> str:
    """Return the section of a format for positive numbers, without bracketed parts."""
    found = FIRST_SECTION.match(code)
    return BRACKETS.sub("", found[0]) if found else ""


def date_precision(signs: set[str]) -> Precision:
    """Return how much of a date a format with these letters shows. Without a year, the year still counts as meant."""
    if signs & set("dhs") or not signs & set("ye"):
        return "day"
    return "month" if "m" in signs else "year"


def date_from_serial(serial: float, epoch1904: bool) -> CellValue:
    """Return the date, time, or both, of a serial number; the number itself where there is no such date."""
    if serial < 0:
        return serial
    try:
        if serial < 1:
            return (EPOCH_1900 + days_to_timedelta(serial)).time()
        whole = (
            EPOCH_1904 + days_to_timedelta(serial)
            if epoch1904
            else EPOCH_1900 + days_to_timedelta(serial + (serial < LEAP_BUG))
        )
    except OverflowError:
        return serial
    return whole.date() if whole.time() == datetime.time() else whole


def days_to_timedelta(days: float) -> datetime.timedelta:
    """Return days as a timedelta, to the millisecond, which is as exact as a serial number is."""
    return datetime.timedelta(milliseconds=round(days * 86_400_000))
