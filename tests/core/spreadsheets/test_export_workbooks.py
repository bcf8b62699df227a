"""Export workbooks: cell values, formulas neutralised, cover sheet, and streaming of rows."""

import csv
import io
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from core.spreadsheets import writer
from core.spreadsheets.reader import read_csv
from core.spreadsheets.writer import CoverSheet, SheetSpec, csv_lines, escape_formula, sheet_name, write_workbook
from core.text.formatting import PartialDate
from core.web.tables import Column

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


def rows_of(sheet: Any) -> list[tuple[Any, ...]]:
    return list(sheet.iter_rows(values_only=True))


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


@given(st.text(alphabet=["'", "a", "0", "，", '"', *SIGNS], max_size=6).filter(str.strip))
def test_what_a_csv_for_excel_holds_is_imported_to_the_letter(text: str) -> None:
    lines = [["A", "B", "C"], ["a", "b", "c"], ["x", text, "y"]]
    found = read_csv("".join(csv_lines(lines, for_excel=True)).encode()).rows[-1].cells
    assert {column: entry.value for column, entry in found.items()} == {1: "x", 2: text, 3: "y"}
    assert not escape_formula(text).startswith(tuple(SIGNS))


def test_a_csv_is_made_while_it_is_sent() -> None:
    made: list[int] = []

    def rows() -> Iterator[Sequence[Any]]:
        for number in range(3):
            made.append(number)
            yield [number]

    response = writer.csv_response(rows(), "t", for_excel=False)
    assert made == []
    pieces = iter(response)
    assert (next(pieces), made) == (b"0\r\n", [0])
    assert (next(pieces), made) == (b"1\r\n", [0, 1])


# -- values of a workbook ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "held", "form"),
    [
        ("date", date(2022, 12, 5), datetime(2022, 12, 5), "yyyy-mm-dd"),  # noqa: DTZ001  # a sheet knows no zones
        ("date", PartialDate(date(2022, 12, 5)), datetime(2022, 12, 5), "yyyy-mm-dd"),  # noqa: DTZ001
        ("date", PartialDate(date(2022, 12, 5), "month"), "2022-12", "@"),
        ("date", PartialDate(date(2022, 12, 5), "year"), "2022", "@"),
        ("date", date(1899, 12, 31), "1899-12-31", "@"),
        ("text", datetime(2026, 11, 24, 16, 30, tzinfo=UTC), datetime(2026, 11, 25, 0, 30), "yyyy-mm-dd hh:mm"),  # noqa: DTZ001
        ("integer", 12345, 12345, "#,##0"),
        ("days", 252, 252, "#,##0"),
        ("decimal", Decimal(12000), 12000, "#,##0"),
        ("decimal", Decimal("0.50"), 0.5, "#,##0.00"),
        ("decimal", 285.5, 285.5, "#,##0.0"),
        ("share", 0.875, 0.875, "0.0%"),
        ("share", 1, 1, "0.0%"),
        ("text", 2024, 2024, "General"),
        ("integer", 123456789012345, 123456789012345, "#,##0"),
        ("integer", 1234567890123456, "1234567890123456", "@"),
        ("decimal", Decimal("0.1234567890123456"), "0.1234567890123456", "@"),
        ("decimal", Decimal("1E+20"), 1e20, "#,##0"),
        ("decimal", float("nan"), "nan", "@"),
        ("text", "007", "007", "@"),
        ("text", "x" * 300, "x" * 300, "General"),
        ("flag", True, "yes", "@"),
        ("flag", False, "no", "@"),
    ],
)
def test_a_value_is_held_as_what_it_is(kind: Any, value: Any, held: Any, form: str) -> None:
    (cell,) = one_column(value, kind=kind)
    assert (cell.value, cell.number_format) == (held, form)


def test_no_data_is_an_empty_cell_and_never_0() -> None:
    first, second, third = one_column(None, 0, "", kind="integer")
    assert (first.value, second.value, third.value) == (None, 0, None)


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("http://evil")', "#N/A", "#REF!", "+1", "-1", "@SUM(A1)", "TRUE", "1e5", " a "]
)
def test_text_stays_text(text: str) -> None:
    (cell,) = one_column(text)
    assert (cell.value, cell.data_type) == (text, "s")


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


def test_a_text_too_long_for_a_cell_ends_with_a_mark() -> None:
    whole, cut = one_column("字" * writer.MAX_CELL_TEXT, "字" * (writer.MAX_CELL_TEXT + 1))
    assert whole.value == "字" * writer.MAX_CELL_TEXT
    assert cut.value == "字" * (writer.MAX_CELL_TEXT - 1) + "…"


# -- a table -----------------------------------------------------------------------------------------------------


def test_headings_stay_in_sight_and_filter() -> None:
    columns = [Column("a", "Pilot"), Column("b", "Days", kind="days")]
    sheet = written_workbook(SheetSpec("T", columns, [["A", 1], ["B", 2], ["C", None]])).worksheets[0]
    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet.print_title_rows) == ("A2", "A1:B4", "$1:$1")
    assert [(cell.value, cell.font.bold, cell.alignment.wrap_text) for cell in sheet[1]] == [
        ("Pilot", True, True),
        ("Days", True, True),
    ]
    assert rows_of(sheet) == [("Pilot", "Days"), ("A", 1), ("B", 2), ("C", None)]


def test_a_table_without_rows_is_its_headings() -> None:
    sheet = written_workbook(SheetSpec("T", [Column("a", "Pilot")], [])).worksheets[0]
    assert (rows_of(sheet), sheet.auto_filter.ref) == ([("Pilot",)], "A1:A1")


def test_columns_are_as_wide_as_what_they_hold() -> None:
    columns = [
        Column("a", "A"),
        Column("b", "B"),
        Column("c", "A heading that is longer than its numbers"),
        Column("d", "D"),
    ]
    long = "x" * 200
    sheet = written_workbook(
        SheetSpec("T", columns, [["abc", "水泥和钢铁行业试点", 1, long], ["a", "b", 2, "a\nb"]])
    ).worksheets[0]
    assert [sheet.column_dimensions[letter].width for letter in "ABCD"] == [8, 22, 20, 60]
    assert [(sheet[at].alignment.wrap_text, sheet[at].alignment.vertical) for at in ("A2", "D2", "D3")] == [
        (None, "top"),
        (True, "top"),
        (True, "top"),
    ]


class TrackedDate(date):
    """Date that supports weak references."""


def test_rows_pass_through_and_are_not_kept() -> None:
    alive: weakref.WeakSet[TrackedDate] = weakref.WeakSet()
    most = 0

    def rows() -> Iterator[list[TrackedDate]]:
        nonlocal most
        for number in range(5 * writer.SAMPLED_ROWS):
            row = [TrackedDate.fromordinal(730_000 + number)]
            alive.update(row)
            most = max(most, len(alive))
            yield row

    book = written_workbook(SheetSpec("T", [Column("a", "A", kind="date")], rows()))
    assert book.worksheets[0].max_row == 5 * writer.SAMPLED_ROWS + 1
    assert writer.SAMPLED_ROWS <= most <= writer.SAMPLED_ROWS + 5


# -- the cover ----------------------------------------------------------------------------------------------------


def test_the_cover_of_one_table_stands_behind_it_and_says_all() -> None:
    papers = [SourceStub("通知", "生态环境部", date(2022, 6, 17), "https://example.org/1"), SourceStub("Reprint")]
    cover = CoverSheet(
        "Plans",
        [("Page", "A policy"), ("Scope", "of 32"), ("As of", date(2026, 11, 24)), ("Filter", "Kind: park")],
        "https://tracker.example/x",
        [("Demonstration data", "invented")],
    )
    book = written_workbook(
        SheetSpec("Plans", [Column("a", "A")], [["x"], ["y"]], "of 32", "Kind: park", papers), cover=cover
    )
    assert book.sheetnames == ["Plans", "About"]
    assert book.active is book["Plans"]
    about = book["About"]
    assert [[value for value in row if value is not None] for row in rows_of(about)] == [
        ["Demonstration data", "invented"],
        ["Plans"],
        ["Page", "A policy"],
        ["Scope", "of 32"],
        ["As of", datetime(2026, 11, 24)],  # noqa: DTZ001
        ["Filter", "Kind: park"],
        ["Rows", 2],
        ["Address", "https://tracker.example/x"],
        [],
        ["Sources"],
        [1, "通知", "生态环境部", datetime(2022, 6, 17), "https://example.org/1"],  # noqa: DTZ001
        [2, "Reprint"],
    ]
    links = {cell.coordinate: cell.hyperlink.target for row in about.iter_rows() for cell in row if cell.hyperlink}
    assert links == {"B8": "https://tracker.example/x", "E11": "https://example.org/1"}


def test_a_table_without_sources_says_so() -> None:
    assert rows_of(written_workbook(SheetSpec("T", [Column("a", "A")], []))["About"])[-1][:2] == (
        "Sources",
        "No source is recorded.",
    )


def test_the_cover_of_several_tables_stands_first_and_lists_them() -> None:
    first, second = SourceStub("One", url="https://example.org/1"), SourceStub("Two")
    columns = [Column("a", "A")]
    book = written_workbook(
        SheetSpec("Stages", columns, [["x"]], "3 pilots", "none", [second, first]),
        SheetSpec("Stages", columns, [["y"], ["z"]], "", "Kind: park", [first]),
    )
    assert book.sheetnames == ["About", "Stages", "Stages (2)"]
    about = book["About"]
    assert rows_of(about) == [
        ("Pilots", None, None, None, None, None),
        ("As of", datetime(2026, 11, 24), None, None, None, None),  # noqa: DTZ001
        ("Rows", 3, None, None, None, None),
        ("Address", "https://tracker.example/pilots/?as_of=2026-11-24", None, None, None, None),
        (None,) * 6,
        ("Sheet", "What it shows", "Scope", "Rows", "Filter", "Sources, by number"),
        ("Stages", "Stages", "3 pilots", 1, "none", "1, 2"),
        ("Stages (2)", "Stages", None, 2, "Kind: park", "2"),
        (None,) * 6,
        ("Sources", None, None, None, None, None),
        (1, "Two", None, None, None, None),
        (2, "One", None, None, "https://example.org/1", None),
    ]
    assert [about[at].hyperlink.location for at in ("A7", "A8")] == ["'Stages'!A1", "'Stages (2)'!A1"]


@pytest.mark.parametrize(
    ("title", "taken", "name"),
    [
        ("Pilots", [], "Pilots"),
        ("pilots", ["Pilots"], "pilots (2)"),
        ("History", [], "History (2)"),
        ("a/b: [c]*？", [], "a b c"),
        ("'quoted'", [], "quoted"),
        ("  ", [], "Table"),
        ("27 of 32 provinces have a plan, 28 a recorded pilot", [], "27 of 32 provinces have a…"),
        (
            "32个省级单位均已印发实施方案，其中7个省级单位的印发日期精确到日，中位数为252天",
            [],
            "32个省级单位均已印发实施方案，其中7个省级单位的印发日期精…",
        ),
        ("x" * 40, ["x" * 30 + "…"], "x" * 26 + "… (2)"),
    ],
)
def test_a_sheet_has_a_name_that_excel_takes(title: str, taken: list[str], name: str) -> None:
    assert sheet_name(title, taken) == name
    assert len(name) <= 31


# -- the answer ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("size", [3, writer.MAX_BUFFERED_BYTES + 1])
def test_a_short_workbook_is_sent_whole_and_a_long_one_from_where_it_lies(size: int) -> None:
    file = io.BytesIO(b"x" * size)
    response = writer.xlsx_response(file, "试点-2026")
    assert (response.streaming, file.closed) == (size > writer.MAX_BUFFERED_BYTES, size <= writer.MAX_BUFFERED_BYTES)
    assert response["Content-Disposition"] == (
        "attachment; filename=\"-2026.xlsx\"; filename*=UTF-8''%E8%AF%95%E7%82%B9-2026.xlsx"
    )
    assert b"".join(response) == b"x" * size  # type: ignore[call-overload]
    response.close()
    assert file.closed


def test_a_workbook_names_its_product_and_not_the_library_that_wrote_it() -> None:
    with write_workbook([SheetSpec("T", [Column("a", "A")], [])], COVER) as file, ZipFile(file) as archive:
        text = archive.read("docProps/core.xml").decode()
    assert "Synergy Pilot Tracker" in text
    assert "Pilots" in text
    assert "openpyxl" not in text
