"""Parsing of cell values: what every parser accepts and rejects."""

import math
from datetime import date, datetime, time
from decimal import Decimal

import pytest

from core.spreadsheets.cells import (
    AmbiguousCell,
    ParsedNumber,
    SheetCell,
    read_boolean,
    read_date,
    read_integer,
    read_number,
    read_text,
)
from core.text import PartialDate


def read_or_code(reader, entry):  # type: ignore[no-untyped-def]
    """Return the parsed value, or the code of the error."""
    try:
        return reader(entry)
    except AmbiguousCell as refusal:
        return refusal.code if refusal.message else "no message"


def csv(text: str) -> SheetCell:
    return SheetCell(text, untyped=True)


TEXTS = [
    (SheetCell("福建"), "福建"),
    (SheetCell("　 福建\t\r\n"), "福建"),
    (SheetCell("第一行\r\n第二行\r第三行"), "第一行\n第二行\n第三行"),
    (SheetCell("e\u0301"), "\u00e9"),
    (SheetCell(330000.0), "330000"),
    (SheetCell(12345, leading_zeros=6), "012345"),
    (SheetCell(0.1 + 0.2), "0.3"),
    (SheetCell(0.65, percent=True), "65%"),
    (SheetCell(1234567890123456), "digits"),
    (SheetCell("4.53E+11"), "digits"),
    (SheetCell(date(2024, 3, 1)), "date"),
    (SheetCell("a\u202eb"), "control"),
    (SheetCell("x" * 32_768), "too_long"),
    (SheetCell("=SUM(A1)", error="formula"), "formula"),
    (SheetCell("#REF!", error="error"), "error"),
    (SheetCell("########", untyped=True), "narrow"),
]

DAYS = [
    (SheetCell(date(2024, 1, 15)), "2024-01-15"),
    (SheetCell(datetime(2024, 1, 15)), "2024-01-15"),  # noqa: DTZ001
    (SheetCell(datetime(2024, 1, 15, 8)), "time_of_day"),  # noqa: DTZ001
    (SheetCell(time(8)), "not_a_day"),
    (SheetCell(date(2024, 1, 1), precision="month"), "2024-01"),
    (SheetCell(date(2024, 1, 1), precision="year"), "2024"),
    (SheetCell(45292), "2024-01-01"),
    (SheetCell(45292.5), "time_of_day"),
    (SheetCell(73051), "not_a_day"),
    (SheetCell(2024), "2024"),
    (SheetCell(20240115), "2024-01-15"),
    (SheetCell(2024.1), "month_unclear"),
    (SheetCell("2024-01-15"), "2024-01-15"),
    (SheetCell("２０２４年１月１５日"), "2024-01-15"),
    (SheetCell("2024.1"), "2024-01"),
    (csv("2024.1"), "month_unclear"),
    (csv("2024.10"), "2024-10"),
    (SheetCell("2024"), "2024"),
    (SheetCell("2024-02-30"), "impossible_day"),
    (SheetCell("2024年1月15"), "not_a_day"),
    (SheetCell("15/01/2024"), "not_a_day"),
]

NUMBERS = [
    (SheetCell(65), ("65", False, 0)),
    (SheetCell(0.1 + 0.2), ("0.3", False, 0)),
    (SheetCell(0.65, percent=True), ("65", True, 0)),
    (SheetCell(0.650001, percent=True), ("65.0001", True, 0)),
    (SheetCell("65.0001 %"), ("65.0001", True, 0)),
    (SheetCell("1.2万"), ("12000", False, 4)),
    (SheetCell("1,234.5"), ("1234.5", False, 0)),
    (SheetCell("−3"), ("-3", False, 0)),
    (SheetCell("4.53E+11"), ("453000000000", False, 0)),
    (SheetCell("1.23457E+11"), "digits"),
    (SheetCell("9" * 31), "too_many_digits"),
    (SheetCell(1e300), "too_many_digits"),
    (SheetCell(math.nan), "not_a_number"),
    *[
        (SheetCell(text), "not_a_number")
        for text in ["NaN", "—", "未统计", "1 234", "1_000", "12,34", "1.", ".5", "10²", "1.2万元", "%", "5~6", "--5"]
    ],
]

WHOLES = [
    (SheetCell(12), 12),
    (SheetCell("1,200"), 1200),
    (SheetCell(1.9), "not_whole"),
    (SheetCell("65%"), "not_whole"),
    (SheetCell("x"), "not_a_number"),
]

FLAGS = [
    *[
        (SheetCell(value), True)
        for value in ["yes", "YES", "是", "true", "TRUE", "1", "１", "√", "✓", " 是 ", "y", 1, 1.0, True]
    ],
    *[(SheetCell(value), False) for value in ["no", "No", "否", "false", "0", "×", "n", 0, 0.0, False]],
    *[(SheetCell(value), "not_a_flag") for value in ["maybe", "2", 2, 0.5, "是否", "—", date(2024, 1, 1)]],
    (SheetCell(1, percent=True), "not_a_flag"),
    (SheetCell("=A1", error="formula"), "formula"),
]


@pytest.mark.parametrize(("entry", "expected"), TEXTS, ids=lambda value: repr(value)[:60])
def test_text(entry: SheetCell, expected: str) -> None:
    assert read_or_code(read_text, entry) == expected


@pytest.mark.parametrize(("entry", "expected"), DAYS, ids=repr)
def test_day(entry: SheetCell, expected: str) -> None:
    """Days, months and years in ISO form, which gives the precision too."""
    found = read_or_code(read_date, entry)
    assert (found.iso() if isinstance(found, PartialDate) else found) == expected


@pytest.mark.parametrize(("entry", "expected"), NUMBERS, ids=lambda value: repr(value)[:60])
def test_number(entry: SheetCell, expected: str | tuple[str, bool, int]) -> None:
    found = read_or_code(read_number, entry)
    wanted = expected if isinstance(expected, str) else ParsedNumber(Decimal(expected[0]), expected[1], expected[2])
    assert found == wanted
    if isinstance(found, ParsedNumber):
        assert str(found.value) == expected[0]


@pytest.mark.parametrize(("entry", "expected"), WHOLES, ids=repr)
def test_whole(entry: SheetCell, expected: int | str) -> None:
    assert read_or_code(read_integer, entry) == expected


@pytest.mark.parametrize(("entry", "expected"), FLAGS, ids=repr)
def test_flag(entry: SheetCell, expected: bool | str) -> None:
    assert read_or_code(read_boolean, entry) is expected or read_or_code(read_boolean, entry) == expected
    assert type(read_or_code(read_boolean, entry)) is type(expected)


def test_a_bare_number_counts_from_1904_where_the_workbook_does() -> None:
    assert read_date(SheetCell(43830), epoch1904=True) == PartialDate(date(2024, 1, 1))
