"""Result files: the uploaded file with two added columns and its faulty cells in red."""

import csv
import datetime as dt
import io
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from core.spreadsheets.reading.annotate_file import (
    FAULT_COLOUR,
    TextPair,
    annotated_csv,
    annotated_rows,
    annotated_workbook,
    can_be_loaded,
)
from core.spreadsheets.reading.cells import SheetRow
from core.spreadsheets.reading.reader import read_sheet
from tests.core.spreadsheets.raw_workbooks import MAIN, styles_xml, workbook_bytes

HEADS = ("result", "reason")
NAME = "台账 & 试点"


def ledger_workbook() -> bytes:
    """Return a workbook with title, styles, comment, chart, conditional format, rich text, formula and two sheets."""
    book = Workbook()
    cover, sheet = book.active, book.create_sheet(NAME)
    assert isinstance(cover, Worksheet)
    cover["A1"] = "封面"
    sheet.append(["2024年试点台账"])
    sheet.merge_cells("A1:F1")
    sheet.append([])
    sheet.append(["编号", "名称", "日期", "值"])
    for number in range(1, 13):
        sheet.append([f"00{number}", "=A1" if number == 3 else f"湖州{number}", dt.date(2024, 1, number), number / 7])
    sheet["B4"] = CellRichText("湖", TextBlock(InlineFont(b=True), "州"))
    sheet.merge_cells("B8:B9")
    for cell in sheet[3]:
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="DDDDDD")
    sheet["B5"].comment = Comment("核实", "张三")
    sheet.auto_filter.ref = "A3:D15"
    sheet.freeze_panes = "A4"
    sheet.row_dimensions[6].hidden = True
    sheet.column_dimensions["B"].width = 31
    sheet.conditional_formatting.add("D4:D15", CellIsRule("greaterThan", ["1"], fill=PatternFill(bgColor="FF0000")))
    choices = DataValidation("list", '"是,否"', showDropDown=False)
    choices.add("A4:A15")
    sheet.add_data_validation(choices)
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=4, min_row=3, max_row=15), titles_from_data=True)
    sheet.add_chart(chart, "H2")
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def values(sheet: Worksheet) -> list[list[object]]:
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def red_cells(sheet: Worksheet) -> list[str]:
    return [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.fill.fgColor.rgb == FAULT_COLOUR]


def returned(content: bytes, results: Mapping[int, TextPair], *faulty: tuple[int, int]) -> Worksheet:
    back = annotated_workbook(content, NAME, 3, (5, 6), ("结果", "原因"), results, faulty)
    assert back is not None
    return load_workbook(io.BytesIO(back), rich_text=True)[NAME]


RESULTS = {row: ("error", f"row {row}: “陝西” is not a province; 陕西?") for row in range(4, 16, 2)}


def test_a_ledger_comes_back_with_its_rows_styles_and_formulas() -> None:
    content = ledger_workbook()
    sheet, before = returned(content, RESULTS, (4, 2)), load_workbook(io.BytesIO(content), rich_text=True)[NAME]
    assert [row[:4] for row in values(sheet)] == [row[:4] for row in values(before)]
    assert [row[4:] for row in values(sheet)] == [
        [None, None],
        [None, None],
        ["结果", "原因"],
        *[list(RESULTS.get(row, (None, None))) for row in range(4, 16)],
    ]
    assert sheet["B6"].value == "=A1"
    assert isinstance(sheet["B4"].value, CellRichText)
    assert (sheet["E3"].font.b, sheet["E3"].fill.fgColor.rgb) == (True, "00DDDDDD")
    assert [sheet.column_dimensions[letter].width for letter in "BEF"] == [31, 14, 60]
    assert (sheet["B5"].comment.text, sheet.row_dimensions[6].hidden) == ("核实", True)
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A4", "A3:D15")
    assert sorted(map(str, sheet.merged_cells.ranges)) == ["A1:F1", "B8:B9"]
    assert (len(sheet.conditional_formatting), len(sheet.data_validations.dataValidation)) == (1, 1)
    assert len(sheet._charts) == 1


def test_cells_at_fault_are_red_and_no_longer_when_they_are_corrected() -> None:
    sheet = returned(ledger_workbook(), RESULTS, (4, 2), (6, 4))
    assert red_cells(sheet) == ["B4", "D6"]
    first = annotated_workbook(ledger_workbook(), NAME, 3, (5, 6), ("结果", "原因"), RESULTS, [(4, 2), (6, 4)])
    assert first is not None
    again = returned(first, {5: ("unchanged", "")}, (6, 4))
    assert red_cells(again) == ["D6"]
    assert [[cell.value for cell in row] for row in again["E4:F6"]] == [[None, None], ["unchanged", None], [None, None]]


def test_an_earlier_merged_cell_makes_room() -> None:
    book = Workbook()
    sheet = book.create_sheet(NAME)
    for row in (["名单"], [], ["编号", "名称", None, "合计"], ["1", "a"]):
        sheet.append(row)
    sheet.merge_cells("D3:F4")
    saved = io.BytesIO()
    book.save(saved)
    assert values(returned(saved.getvalue(), {4: ("new", "")}))[2:] == [
        ["编号", "名称", None, "合计", "结果", "原因"],
        ["1", "a", None, None, "new", None],
    ]


def test_widths_set_for_many_columns_at_once_stay_with_the_others() -> None:
    book = Workbook()
    sheet = book.create_sheet("表")
    sheet["A1"], many = 1, sheet.column_dimensions["B"]
    many.min, many.max, many.width, many.hidden = 2, 16384, 9, True
    saved = io.BytesIO()
    book.save(saved)
    back = annotated_workbook(saved.getvalue(), "表", 1, (3, 4), HEADS, {})
    assert back is not None
    found = load_workbook(io.BytesIO(back))["表"].column_dimensions
    assert sorted((part.min, part.max, part.width, part.hidden) for part in found.values()) == [
        (2, 2, 9, True),
        (3, 3, 14, False),
        (4, 4, 60, False),
        (5, 16384, 9, True),
    ]


def test_a_text_is_made_fit_for_a_cell() -> None:
    reason = "=1+1 \x00\x0b\ufffe\ud800<b> ]]> _x0041_ 陕西\u3000"
    back = annotated_workbook(ledger_workbook(), NAME, 3, (5, 6), HEADS, {4: ("", reason), 5: ("a" * 40_000, "")})
    assert back is not None
    cells = {row.number: row.cells for row in read_sheet("a.xlsx", back, NAME).rows}
    assert cells[4][6].value == "=1+1 <b> ]]> _x0041_ 陕西\u3000"
    assert len(str(cells[5][5].value)) == 32_767


UNLOADABLE = {
    "a merged range that openpyxl would fill": workbook_bytes(
        '<row r="1"><c r="A1"><v>1</v></c></row>', '<mergeCells><mergeCell ref="B1:XFD1048576"/></mergeCells>'
    ),
    "a link on a range": workbook_bytes('<row r="1"><c><v>1</v></c></row>', '<hyperlink ref="A1:XFD1048576"/>'),
    "a cell far out": workbook_bytes(
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"/></row>',
        members={"xl/styles.xml": ""},
    ),
    "too many cells": workbook_bytes('<row r="1"><c r="A1"><v>1</v></c></row>' + "<row/>" * 300_000),
    "styles that openpyxl does not read": workbook_bytes(
        '<row r="1"><c r="A1" s="0"><v>1</v></c></row>',
        members={"xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="x"/></cellXfs></styleSheet>'},
    ),
    "an entity in another part": workbook_bytes(
        '<row r="1"><c r="A1"><v>1</v></c></row>',
        members={"docProps/app.xml": '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'},
    ),
}


@pytest.mark.parametrize("why", UNLOADABLE)
def test_a_workbook_that_openpyxl_cannot_hold_is_left_to_its_rows(why: str) -> None:
    content = UNLOADABLE[why]
    assert annotated_workbook(content, "表", 1, (2, 3), HEADS, {}) is None
    back = annotated_rows(read_sheet("a.xlsx", content), 1, (2, 3), HEADS, {2: ("error", "why")}, [(1, 1)])
    sheet = load_workbook(io.BytesIO(back))["表"]
    assert values(sheet) == [[1, *HEADS], [None, "error", "why"]]
    assert red_cells(sheet) == ["A1"]


FORMATS = ("General", "0%", "000000", '0"吨"', "yyyy-mm-dd", "yyyy-mm", "yyyy-mm-dd hh:mm", "@")


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from(range(len(FORMATS))), st.integers(1, 60_000)),
        min_size=1,
        unique_by=lambda cell: cell[:2],
    ),
    st.dictionaries(st.integers(2, 12), st.tuples(st.text(max_size=9), st.text("=_x0041ab", max_size=9))),
)
def test_rows_without_their_workbook_read_back_as_they_were(
    cells: list[tuple[int, int, int, int]], results: dict[int, TextPair]
) -> None:
    rows = "".join(
        f'<row r="{row}">'
        + "".join(f'<c r="{"ABCDEFGHI"[c - 1]}{r}" s="{s}"><v>{v}</v></c>' for r, c, s, v in sorted(cells) if r == row)
        + "</row>"
        for row in sorted({cell[0] for cell in cells})
    )
    before = read_sheet("a.xlsx", workbook_bytes(rows, members={"xl/styles.xml": styles_xml(*FORMATS)}))
    after = read_sheet("a.xlsx", annotated_rows(before, 1, (10, 11), HEADS, results))
    own = [SheetRow(row.number, {c: cell for c, cell in row.cells.items() if c < 10}) for row in after.rows]
    assert [row for row in own if row.cells] == before.rows


def test_20_000_rows_are_loaded_and_45_000_come_back_as_rows() -> None:
    row = '<row r="{0}"><c r="A{0}"><v>{0}</v></c>' + '<c t="str"><v>x</v></c>' * 9 + "</row>"
    for count, loaded in ((20_000, True), (45_000, False)):
        content = workbook_bytes("".join(row.format(number) for number in range(1, count + 1)))
        assert can_be_loaded(content) == loaded


# --- CSV ------------------------------------------------------------------------------------------------------------


def records(content: bytes, encoding: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=delimiter))


LINES = '2024年台账,,,,共5列\n\n编号,名称,备注\n007,"湖州, 市","a""b\r\nc"\n\n008,=1+1\n'


@pytest.mark.parametrize(
    ("encoding", "bom"),
    [
        ("utf-8", b""),
        ("utf-8-sig", b"\xef\xbb\xbf"),
        ("utf-16", b"\xff\xfe"),
        ("gb18030", b""),
        ("utf-16-be", b"\xfe\xff"),
    ],
)
def test_csv_comes_back_in_its_encoding_with_the_same_texts(encoding: str, bom: bytes) -> None:
    content = LINES.encode(encoding)
    if encoding == "utf-16-be":
        content = bom + content
    back = annotated_csv(
        content, encoding, ",", 3, (4, 5), ("结果", "原因"), {4: ("错误", "改，, \x00"), 6: ("", "=x")}
    )
    assert back.startswith(bom)
    assert records(back[len(bom) :], encoding.removesuffix("-sig")) == [
        ["2024年台账", "", "", "", "共5列"],
        [],
        ["编号", "名称", "备注", "结果", "原因"],
        ["007", "湖州, 市", 'a"b\r\nc', "错误", "改，, "],
        [],
        ["008", "=1+1", "", "", "'=x"],
    ]


def test_csv_in_gb18030_with_a_mark_and_the_names_that_the_reader_gives() -> None:
    content = b"\x84\x31\x95\x33" + "名称\r\n湖州".encode("gb18030")
    back = annotated_csv(content, "GB18030", ",", 1, (2, 3), HEADS, {})
    assert back == b"\x84\x31\x95\x33" + "名称,result,reason\r\n湖州\r\n".encode("gb18030")
    marked = annotated_csv("名称".encode("utf-8-sig"), "UTF-8 with BOM", ",", 1, (2, 3), HEADS, {})
    assert marked == "名称,result,reason\r\n".encode("utf-8-sig")


def test_a_returned_csv_returned_again_holds_the_new_results_alone() -> None:
    content = LINES.encode("gb18030")
    first = annotated_csv(content, "gb18030", ",", 3, (4, 5), HEADS, {4: ("error", "a"), 6: ("error", "b")})
    second = annotated_csv(first, "gb18030", ",", 3, (4, 5), HEADS, {6: ("unchanged", "")})
    assert records(second, "gb18030") == [
        ["2024年台账", "", "", "", "共5列"],
        [],
        ["编号", "名称", "备注", "result", "reason"],
        ["007", "湖州, 市", 'a"b\r\nc', "", ""],
        [],
        ["008", "=1+1", "", "unchanged", ""],
    ]


def test_csv_columns_may_stand_apart_and_rows_that_are_not_there_are_made() -> None:
    content = b"reason\tcode\tresult\nold\t1\told\n"
    back = annotated_csv(content, "ascii", "\t", 1, (3, 1), HEADS, {2: ("created", "is\tnew")})
    assert records(back, "ascii", "\t") == [["reason", "code", "result"], ["is\tnew", "1", "created"]]
    more = annotated_csv(content, "ascii", "\t", 1, (3, 1), HEADS, {4: ("error", "no row")})
    assert records(more, "ascii", "\t")[1:] == [["", "1", ""], [], ["no row", "", "error"]]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00") | st.sampled_from(',;"\r\n\t ='), max_size=6)


@given(st.lists(st.lists(CELLS, max_size=4), min_size=1, max_size=5), st.sampled_from([",", ";", "\t"]))
def test_any_texts_of_a_csv_stay_as_they_were(rows: list[list[str]], delimiter: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    back = annotated_csv(out.getvalue().encode("utf-16-le"), "utf-16-le", delimiter, 1, (6, 7), HEADS, {})
    heading, *others = [row if any(cell.strip(" ") for cell in row) else [] for row in rows]
    padded = [*heading, *[""] * (5 - len(heading)), *HEADS]
    first, *rest = records(back, "utf-16-le", delimiter)
    assert (first, [row if any(row) else [] for row in rest]) == (padded, others)


def test_a_first_line_that_names_the_delimiter_stays_and_counts() -> None:
    back = annotated_csv(b"sep=;\r\na;b\r\n1;2\r\n", "UTF-8", ";", 2, (3, 4), HEADS, {3: ("error", "why")})
    assert back == b"sep=;\r\na;b;result;reason\r\n1;2;error;why\r\n"
