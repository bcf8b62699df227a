"""Export workbooks: cell values, formulas neutralised, cover sheet, and streaming of rows."""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from core.spreadsheets.writer import CoverSheet, SheetSpec, csv_lines, sheet_name, write_workbook
from core.tables import Column
from core.text import PartialDate

SIGNS = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]
COVER = CoverSheet("Pilots", [("As of", date(2026, 11, 24))], "https://tracker.example/pilots/?as_of=2026-11-24")


@dataclass(frozen=True)
class SourceStub:
    """Source as a cover sheet needs it."""

    title: str
    publisher: str = ""
    published_on: date | None = None
    url: str = ""


def written_workbook(*parts: SheetSpec, cover: CoverSheet = COVER) -> Workbook:
    with write_workbook(parts, cover) as file:
        return load_workbook(file)


def one_column(*values: Any, kind: Any = "text") -> list[Any]:
    """Return the cells of a table of one column."""
    book = written_workbook(SheetSpec("T", [Column("a", "A", kind=kind)], [[value] for value in values]))
    return [row[0] for row in book.worksheets[0].iter_rows(min_row=2, max_row=len(values) + 1)]


# -- CSV -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", SIGNS)
def test_no_cell_of_a_csv_for_excel_runs(sign: str) -> None:
    text = "".join(csv_lines([[f"{sign}1+1", f"'{sign}1", -5, "a" + sign]], for_excel=True))
    (row,) = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert row == [f"'{sign}1+1", f"''{sign}1", "-5", "a" + sign]


def test_a_csv_for_programs_changes_no_cell() -> None:
    text = "".join(
        csv_lines([["=1", "'=1", None, Decimal("0.50"), PartialDate(date(2022, 12, 1), "month")]], for_excel=False)
    )
    assert text == "=1,'=1,,0.50,2022-12\r\n"


# -- values of a workbook ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "held", "form"),
    [
        ("date", date(2022, 12, 5), datetime(2022, 12, 5), "yyyy-mm-dd"),  # noqa: DTZ001  # a sheet knows no zones
        ("date", PartialDate(date(2022, 12, 5), "month"), "2022-12", "@"),
        ("date", date(1899, 12, 31), "1899-12-31", "@"),
        ("text", datetime(2026, 11, 24, 16, 30, tzinfo=UTC), datetime(2026, 11, 25, 0, 30), "yyyy-mm-dd hh:mm"),  # noqa: DTZ001
        ("integer", 12345, 12345, "#,##0"),
        ("decimal", Decimal("0.50"), 0.5, "#,##0.00"),
        ("share", 0.875, 0.875, "0.0%"),
        ("text", 2024, 2024, "General"),
        ("integer", 1234567890123456, "1234567890123456", "@"),
        ("decimal", Decimal("0.1234567890123456"), "0.1234567890123456", "@"),
        ("decimal", float("nan"), "nan", "@"),
        ("text", "007", "007", "@"),
        ("flag", True, "yes", "@"),
    ],
)
def test_a_value_is_held_as_what_it_is(kind: Any, value: Any, held: Any, form: str) -> None:
    (cell,) = one_column(value, kind=kind)
    assert (cell.value, cell.number_format) == (held, form)


def test_text_stays_text_wherever_a_file_prints_it() -> None:
    evil = "=1+1"
    paper = SourceStub(evil, evil, None, evil)
    cover = CoverSheet(evil, [(evil, evil)], evil, [(evil, evil)], evil)
    column = Column("a", evil)
    book = written_workbook(
        SheetSpec(evil, [column], [[evil]], evil, evil, [paper]), SheetSpec(evil, [column], [[evil]]), cover=cover
    )
    found = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row if cell.value == evil}
    assert found == {"s"}


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("a\x00b", "a\ufffdb"),
        ("\x0b\x1f", "\ufffd\ufffd"),
        ("a\ud800", "a\ufffd"),
        ("a\uffff", "a\ufffd"),
        ("a\nb\tc", "a\nb\tc"),
    ],
)
def test_what_xml_cannot_hold_is_marked_and_no_error(text: str, held: str) -> None:
    cover = CoverSheet(text, [(text, text)], text, [], text)
    book = written_workbook(SheetSpec(text, [Column("a", text)], [[text]], text, text, [SourceStub(text)]), cover=cover)
    assert book.worksheets[0]["A2"].value == held


# -- the cover ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "taken", "name"),
    [
        ("Pilots", [], "Pilots"),
        ("pilots", ["Pilots"], "pilots (2)"),
        ("History", [], "History (2)"),
        ("a/b: [c]*？", [], "a b c"),
        ("  ", [], "Table"),
        ("x" * 40, ["x" * 30 + "…"], "x" * 26 + "… (2)"),
    ],
)
def test_a_sheet_has_a_name_that_excel_takes(title: str, taken: list[str], name: str) -> None:
    assert sheet_name(title, taken) == name
    assert len(name) <= 31
