"""What a number format says about the number under it: a date and how much of it, a percentage, leading zeros."""

import datetime
import re
from typing import Literal, NamedTuple

from config.sheets.cells import Value

Precision = Literal["day", "month", "year"]

# Formats that a file names by number alone; 27 to 36 and 50 to 58 as they are in mainland Chinese.
MONTHS = {"17", "27", "36", "50", "52", "57"}
DATES = {*map(str, range(14, 23)), *map(str, range(27, 37)), "45", "47", *map(str, range(50, 59))}
PERCENT = {"9", "10"}

UNSPOKEN = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
ELAPSED = re.compile(r"\[[hms]+\]")
USUAL = ("general", "g/通用格式", "g/標準")  # no format at all, as the editions of Excel write it
SCALED = re.compile(r'[\\!]\.|"\."')  # a point that only shows: 0\.0,"万"
WORDS = re.compile(r'"([^"]*)"|\\(.)|([\u4e00-\u9fff]+)')
FIRST_SECTION = re.compile(r'(?:"[^"]*"|\\.|\[[^\]]*\]|[^;"\\\[])*')
BRACKETS = re.compile(r"\[[^\]]*\]")
LEADING_ZEROS = re.compile(r"0{2,}")

# a calendar, no clock
EPOCH_1900, EPOCH_1904 = datetime.datetime(1899, 12, 30), datetime.datetime(1904, 1, 1)  # noqa: DTZ001
LEAP_BUG = 60  # the calendar of 1900 counts a 29 February 1900 that never was


class Format(NamedTuple):
    """How a cell shows its number."""

    date: bool = False
    precision: Precision = "day"
    percent: bool = False
    zeros: int = 0
    label: str = ""


GENERAL = Format()


def builtin(number: str) -> Format:
    """A format without a code in the file. Elapsed time (46) is no time of day: it stays a number."""
    if number in DATES:
        return Format(date=True, precision="month" if number in MONTHS else "day")
    return Format(percent=number in PERCENT)


def custom(code: str) -> Format:
    """A format given by its code; only the section for positive numbers counts."""
    spoken = UNSPOKEN.sub("", code).split(";")[0].strip().lower()
    if ELAPSED.search(spoken):
        return GENERAL
    if any(word in spoken for word in USUAL):
        return Format(label=label(code, spoken).removeprefix("通用格式").removeprefix("標準"))
    signs = set(spoken.replace("am/pm", "h").replace("a/p", "h"))
    if signs & set("ymdhs") or "aaa" in spoken or (signs & set("eg") and not signs & set("0#?")):
        return Format(date=True, precision=shown(signs))
    digits = first_section(code).strip()
    zeros = len(digits) if LEADING_ZEROS.fullmatch(digits) else 0
    return Format(percent="%" in spoken, zeros=zeros, label=label(code, spoken))


def label(code: str, spoken: str) -> str:
    """The words and signs beside the number; none where the format shows 12000 as 1.2万, which is what it means."""
    if SCALED.search(code) or spoken.endswith(","):
        return ""
    return "".join(quoted or escaped or bare for quoted, escaped, bare in WORDS.findall(first_section(code))).strip()


def first_section(code: str) -> str:
    """The part of a format for positive numbers, without what stands in brackets."""
    found = FIRST_SECTION.match(code)
    return BRACKETS.sub("", found[0]) if found else ""


def shown(signs: set[str]) -> Precision:
    """How much of a date a format with these signs shows. Without a year, the year still counts as meant."""
    if signs & set("dhs") or not signs & set("ye"):
        return "day"
    return "month" if "m" in signs else "year"


def moment(serial: float, epoch1904: bool) -> Value:
    """The date, time of day, or both, that a spreadsheet means by a number; the number where there is no such date."""
    if serial < 0:
        return serial
    try:
        if serial < 1:
            return (EPOCH_1900 + length(serial)).time()
        whole = EPOCH_1904 + length(serial) if epoch1904 else EPOCH_1900 + length(serial + (serial < LEAP_BUG))
    except OverflowError:
        return serial
    return whole.date() if whole.time() == datetime.time() else whole


def length(days: float) -> datetime.timedelta:
    """Days as a length of time, to the millisecond, which is as exact as such a number is."""
    return datetime.timedelta(milliseconds=round(days * 86_400_000))
