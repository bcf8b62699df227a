"""How a cell is read: every rule with what it reads and what it refuses."""

import io
import math
from datetime import date, datetime, time
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.charts import PartialDate
from config.sheets.grid import Entry, read_sheet
from config.sheets.values import Number, Unclear, read_day, read_flag, read_number, read_text, read_whole


def told(reader, entry):  # type: ignore[no-untyped-def]
    """What a rule reads, or the code of its refusal."""
    try:
        return reader(entry)
    except Unclear as refusal:
        return refusal.code if refusal.message else "no message"


def csv(text: str) -> Entry:
    return Entry(text, untyped=True)


TEXTS = [
    (Entry("福建"), "福建"),
    (Entry("　 福建\t\r\n"), "福建"),
    (Entry("\ufeff福建\u200b"), "福建"),
    (Entry("第一行\r\n第二行\r第三行"), "第一行\n第二行\n第三行"),
    (Entry("e\u0301"), "\u00e9"),
    (Entry("Ａ１２，"), "Ａ１２，"),
    (Entry("=1+1"), "=1+1"),
    (Entry("0012"), "0012"),
    (Entry("👨‍👩‍👧 𠮷 㐀"), "👨‍👩‍👧 𠮷 㐀"),
    (Entry(330000), "330000"),
    (Entry(330000.0), "330000"),
    (Entry(12345, zeros=6), "012345"),
    (Entry(-12, zeros=6), "-000012"),
    (Entry(1234567, zeros=6), "1234567"),
    (Entry(12.5, zeros=6), "12.5"),
    (Entry(12, zeros=3, label="WB"), "label"),
    (Entry(0.1), "0.1"),
    (Entry(0.1 + 0.2), "0.3"),
    (Entry(1e-7), "0.0000001"),
    (Entry(0.65, percent=True), "65%"),
    (Entry(123456789012345), "123456789012345"),
    (Entry(1234567890123456), "digits"),
    (Entry(1.5e15), "digits"),
    (Entry("91350000123456789X"), "91350000123456789X"),
    (Entry("4.53E+11"), "digits"),
    (Entry("PM2.5E"), "PM2.5E"),
    (Entry(True), "TRUE"),
    (Entry(False), "FALSE"),
    (Entry(date(2024, 3, 1)), "date"),
    (Entry(datetime(2024, 3, 1, 8)), "date"),  # noqa: DTZ001
    (Entry(time(8)), "date"),
    (Entry("a\u202eb"), "control"),
    (Entry("a\x00b"), "control"),
    (Entry("a\x0bb"), "control"),
    (Entry("x" * 32_767), "x" * 32_767),
    (Entry("x" * 32_768), "too_long"),
    (Entry("=SUM(A1)", fault="formula"), "formula"),
    (Entry("#REF!", fault="error"), "error"),
    (Entry("########", untyped=True), "narrow"),
    (Entry("##"), "##"),
]

DAYS = [
    (Entry(date(2024, 1, 15)), "2024-01-15"),
    (Entry(datetime(2024, 1, 15)), "2024-01-15"),  # noqa: DTZ001
    (Entry(datetime(2024, 1, 15, 8)), "time_of_day"),  # noqa: DTZ001
    (Entry(time(8)), "not_a_day"),
    (Entry(date(2024, 1, 1), precision="month"), "2024-01"),
    (Entry(date(2024, 1, 15), precision="month"), "2024-01-15"),
    (Entry(date(2024, 1, 1), precision="year"), "2024"),
    (Entry(date(2024, 2, 1), precision="year"), "2024-02-01"),
    (Entry(45292), "2024-01-01"),
    (Entry(45292.0), "2024-01-01"),
    (Entry(45292.5), "time_of_day"),
    (Entry(25569), "1970-01-01"),
    (Entry(25568), "not_a_day"),
    (Entry(73050), "2099-12-31"),
    (Entry(73051), "not_a_day"),
    (Entry(45292, percent=True), "not_a_day"),
    (Entry(2024), "2024"),
    (Entry(1900), "1900"),
    (Entry(2099), "2099"),
    (Entry(1899), "not_a_day"),
    (Entry(20240115), "2024-01-15"),
    (Entry(20240230), "impossible_day"),
    (Entry(202401), "not_a_day"),
    (Entry(2024.1), "month_unclear"),
    (Entry(2024.12), "month_unclear"),
    (Entry(-1), "not_a_day"),
    (Entry(10**30), "not_a_day"),
    (Entry(True), "not_a_day"),
    (Entry("2024-01-15"), "2024-01-15"),
    (Entry(" 2024-1-5　"), "2024-01-05"),
    (Entry("2024/1/15"), "2024-01-15"),
    (Entry("2024.1.15"), "2024-01-15"),
    (Entry("2024年1月15日"), "2024-01-15"),
    (Entry("2024 年 1 月 15 日"), "2024-01-15"),
    (Entry("２０２４年１月１５日"), "2024-01-15"),
    (Entry("２０２４－０１－１５"), "2024-01-15"),
    (Entry("20240115"), "2024-01-15"),
    (Entry("2024-01-15 00:00:00"), "2024-01-15"),
    (Entry("2024-01-15T00:00:00"), "2024-01-15"),
    (Entry("2024/1/15 0:00"), "2024-01-15"),
    (Entry("2024-01-15 08:30:00"), "time_of_day"),
    (Entry("2024-01"), "2024-01"),
    (Entry("2024/1"), "2024-01"),
    (Entry("2024年1月"), "2024-01"),
    (Entry("2024 年 10 月"), "2024-10"),
    (Entry("2024.1"), "2024-01"),
    (csv("2024.1"), "month_unclear"),
    (csv("2024.01"), "2024-01"),
    (csv("2024.10"), "2024-10"),
    (csv("2024.2"), "2024-02"),
    (Entry("2024年"), "2024"),
    (Entry("2024"), "2024"),
    (Entry("２０２４"), "2024"),
    (Entry("2024/13/01"), "impossible_day"),
    (Entry("2024-02-30"), "impossible_day"),
    (Entry("2024-00"), "impossible_day"),
    (Entry("1066-10-14"), "impossible_day"),
    (Entry("2024-01/15"), "not_a_day"),
    (Entry("2024年1月15"), "not_a_day"),
    (Entry("2024-01-15日"), "not_a_day"),
    (Entry("15/01/2024"), "not_a_day"),
    (Entry("01/02/24"), "not_a_day"),
    (Entry("24-01-15"), "not_a_day"),
    (Entry("二〇二四年一月"), "not_a_day"),
    (Entry("2024年上半年"), "not_a_day"),
    (Entry("202401"), "not_a_day"),
    (Entry("45292"), "not_a_day"),
    (Entry("—"), "not_a_day"),
    (Entry("2024²"), "not_a_day"),
    (Entry("=TODAY()", fault="formula"), "formula"),
    (Entry("#######", untyped=True), "narrow"),
]

NUMBERS = [
    (Entry(65), ("65", False, 0)),
    (Entry(1.5), ("1.5", False, 0)),
    (Entry(0.1 + 0.2), ("0.3", False, 0)),
    (Entry(-0.0), ("0", False, 0)),
    (Entry(1e15), ("1000000000000000", False, 0)),
    (Entry(12345678901234567), ("12345678901234567", False, 0)),
    (Entry(0.65, percent=True), ("65", True, 0)),
    (Entry(1.5, label="吨"), ("1.5", False, 0)),
    (Entry(1.5, label="万"), "label"),
    (Entry(1.5, label="亿元"), "label"),
    (Entry(0.07, percent=True), ("7", True, 0)),
    (Entry(0.650001, percent=True), ("65.0001", True, 0)),
    (Entry(1, percent=True), ("100", True, 0)),
    (Entry(12, zeros=6), ("12", False, 0)),
    (Entry("65%"), ("65", True, 0)),
    (Entry("６５％"), ("65", True, 0)),
    (Entry("65.0001 %"), ("65.0001", True, 0)),
    (Entry("-1%"), ("-1", True, 0)),
    (Entry("1.2万"), ("12000", False, 4)),
    (Entry("１．２万"), ("12000", False, 4)),
    (Entry("3亿"), ("300000000", False, 8)),
    (Entry("1,234.5万"), ("12345000", False, 4)),
    (Entry("1,234.5"), ("1234.5", False, 0)),
    (Entry("1,234,567"), ("1234567", False, 0)),
    (Entry("1，234"), ("1234", False, 0)),
    (Entry("１２３"), ("123", False, 0)),
    (Entry(" 12 　"), ("12", False, 0)),
    (Entry("+5"), ("5", False, 0)),
    (Entry("-3"), ("-3", False, 0)),
    (Entry("−3"), ("-3", False, 0)),
    (Entry("1.50"), ("1.5", False, 0)),
    (Entry("0012"), ("12", False, 0)),
    (Entry("1.5e3"), ("1500", False, 0)),
    (Entry("1E-3"), ("0.001", False, 0)),
    (Entry("4.53E+11"), ("453000000000", False, 0)),
    (Entry("1.23457E+11"), "digits"),
    (Entry("9" * 30), ("9" * 30, False, 0)),
    (Entry("9" * 31), "too_many_digits"),
    (Entry("9" * 100), "not_a_number"),
    (Entry("1e400"), "too_many_digits"),
    (Entry("1e-400"), "too_many_digits"),
    (Entry(1e300), "too_many_digits"),
    (Entry(10**400), "too_many_digits"),
    (Entry(math.nan), "not_a_number"),
    (Entry(math.inf), "not_a_number"),
    (Entry(True), "not_a_number"),
    (Entry(date(2024, 1, 1)), "not_a_number"),
    *[
        (Entry(text), "not_a_number")
        for text in [
            *(
                "NaN",
                "inf",
                "—",
                "/",
                "未统计",
                "n/a",
                "1 234",
                "1_000",
                "１．２．３",
                "12,34",
                "1,2345",
                ",123",
                "1.",
                ".5",
            ),
            *(
                "10²",
                "½",
                "①",
                "1.2万元",
                "5t",
                "%",
                "万",
                "1.2万%",
                "5%%",
                "0x10",
                "١٢",
                "--5",
                "1,234,56",
                "约5",
                "5~6",
            ),
        ]
    ],
    (Entry("=A1", fault="formula"), "formula"),
    (Entry("#DIV/0!", fault="error"), "error"),
    (Entry("####", untyped=True), "narrow"),
]

WHOLES = [
    (Entry(12), 12),
    (Entry(12.0), 12),
    (Entry("1,200"), 1200),
    (Entry("1.2万"), 12000),
    (Entry("12.0"), 12),
    (Entry(1.9), "not_whole"),
    (Entry("65%"), "not_whole"),
    (Entry(1, percent=True), "not_whole"),
    (Entry("x"), "not_a_number"),
    (Entry(True), "not_a_number"),
]

FLAGS = [
    *[
        (Entry(value), True)
        for value in ["yes", "YES", "是", "true", "TRUE", "1", "１", "√", "✓", " 是 ", "y", 1, 1.0, True]
    ],
    *[(Entry(value), False) for value in ["no", "No", "否", "false", "0", "×", "n", 0, 0.0, False]],
    *[(Entry(value), "not_a_flag") for value in ["maybe", "2", 2, 0.5, "是否", "—", date(2024, 1, 1)]],
    (Entry(1, percent=True), "not_a_flag"),
    (Entry("=A1", fault="formula"), "formula"),
]


@pytest.mark.parametrize(("entry", "expected"), TEXTS, ids=lambda value: repr(value)[:60])
def test_text(entry: Entry, expected: str) -> None:
    assert told(read_text, entry) == expected


@pytest.mark.parametrize(("entry", "expected"), DAYS, ids=repr)
def test_day(entry: Entry, expected: str) -> None:
    """Days, months and years by their ISO form, which tells the precision too."""
    found = told(read_day, entry)
    assert (found.iso() if isinstance(found, PartialDate) else found) == expected


@pytest.mark.parametrize(("entry", "expected"), NUMBERS, ids=lambda value: repr(value)[:60])
def test_number(entry: Entry, expected: str | tuple[str, bool, int]) -> None:
    found = told(read_number, entry)
    wanted = expected if isinstance(expected, str) else Number(Decimal(expected[0]), expected[1], expected[2])
    assert found == wanted
    if isinstance(found, Number):
        assert str(found.value) == expected[0]


@pytest.mark.parametrize(("entry", "expected"), WHOLES, ids=repr)
def test_whole(entry: Entry, expected: int | str) -> None:
    assert told(read_whole, entry) == expected


@pytest.mark.parametrize(("entry", "expected"), FLAGS, ids=repr)
def test_flag(entry: Entry, expected: bool | str) -> None:
    assert told(read_flag, entry) is expected or told(read_flag, entry) == expected
    assert type(told(read_flag, entry)) is type(expected)


def test_a_month_is_the_first_of_it_with_its_precision() -> None:
    assert read_day(Entry("2024年1月")) == PartialDate(date(2024, 1, 1), "month")
    assert read_day(Entry(2024)) == PartialDate(date(2024, 1, 1), "year")


def test_a_bare_number_counts_from_1904_where_the_workbook_does() -> None:
    assert read_day(Entry(43830), epoch1904=True) == PartialDate(date(2024, 1, 1))


def test_a_refusal_says_what_is_wrong_and_what_to_write() -> None:
    with pytest.raises(Unclear) as refusal:
        read_number(Entry("未统计"))
    assert refusal.value.message == (
        "“未统计” is no number that can be read for certain. Write digits such as 1234.5; leave the cell empty "
        "where there is no value."
    )
    with pytest.raises(Unclear) as refusal:
        read_day(Entry(2024.1))
    assert refusal.value.message == "“2024.1” may be January or October. Write the month as 2024-01 or 2024-10."
    assert isinstance(refusal.value, ValueError)


def cell(value: object) -> Entry:
    """A value by way of a workbook that openpyxl writes."""
    made = openpyxl.Workbook()
    made.active["B2"] = value
    out = io.BytesIO()
    made.save(out)
    return read_sheet("a.xlsx", out.getvalue()).lines[0].entries[2]


@given(digits=st.integers(-(10**15) + 1, 10**15 - 1), places=st.integers(0, 20))
def test_every_number_of_15_digits_comes_back_from_a_cell_of_a_workbook(digits: int, places: int) -> None:
    number = Decimal(digits).scaleb(-places)
    if places <= 15:
        assert read_number(cell(float(number))) == Number(number)
    assert read_number(Entry(float(number))) == Number(number) or -places < -30


@given(day=st.dates(date(1970, 1, 1), date(2099, 12, 31)))
def test_every_day_comes_back_from_a_cell_of_a_workbook(day: date) -> None:
    assert read_day(cell(day)) == PartialDate(day)
