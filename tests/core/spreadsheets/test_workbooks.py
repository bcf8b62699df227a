"""Workbooks of Excel, WPS and report generators: what calamine gives, and what is scanned beside it."""

import datetime as dt
import io

import pytest
import xlwt
from openpyxl.utils import get_column_letter

from core.imports.columns import Column, DateColumn, RecordLookup
from core.spreadsheets.cells import (
    AmbiguousCell,
    Sheet,
    SheetCell,
    SheetRow,
    UnreadableFile,
    read_date,
    read_number,
)
from core.spreadsheets.reader import read_sheet, sheet_names
from core.text import normalize_code
from tests.core.spreadsheets.raw_workbooks import (
    ods,
    ods_cell,
    ods_row,
    relationships_xml,
    sheet_xml,
    styles_xml,
    workbook_bytes,
    workbook_xml,
    xls_bytes,
)


def read(content: bytes, name: str | None = None) -> Sheet:
    return read_sheet("名单.xlsx", content, name)


def cells(rows: str, after: str = "", **members: str) -> dict[str, SheetCell]:
    """Return the cells of a sheet by address; members by short name."""
    names = {"styles": "xl/styles.xml", "strings": "xl/sharedStrings.xml", "book": "xl/workbook.xml"}
    found = read(workbook_bytes(rows, after, {names[key]: part for key, part in members.items()}))
    return {
        f"{get_column_letter(column)}{line.number}": cell for line in found.rows for column, cell in line.cells.items()
    }


def values(rows: str, after: str = "", **members: str) -> dict[str, object]:
    return {place: cell.value for place, cell in cells(rows, after, **members).items()}


def refusal(content: bytes, name: str | None = None) -> str:
    with pytest.raises(UnreadableFile) as refused:
        read(content, name)
    assert refused.value.message
    return refused.value.code


def text(words: str) -> str:
    return f'<c t="inlineStr"><is><t>{words}</t></is></c>'


# -- cells of an .xlsx -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("<c><v>12</v></c>", SheetCell(12)),
        ("<c><v>12345678901234567</v></c>", SheetCell(12345678901234568)),
        ("<c><v>NaN</v></c>", SheetCell("nan")),
        ('<c t="e"><v>#N/A</v></c>', SheetCell("#", error="error")),
        ('<c t="d"><v>2024-01-15</v></c>', SheetCell(dt.date(2024, 1, 15))),
        ('<c t="inlineStr"><is><t>a_x000D_b_x005F_x000D_c</t></is></c>', SheetCell("a\rb_x000D_c")),
        ('<c t="inlineStr"><is><t>=1+1</t></is></c>', SheetCell("=1+1")),
        ("<c><f>1+1</f><v>2</v></c>", SheetCell(2)),
        ('<c t="str"><f>A2&amp;"x"</f><v>甲x</v></c>', SheetCell("甲x")),
        ('<c t="e"><f>1/0</f><v>#DIV/0!</v></c>', SheetCell("#", error="error")),
        ("<c><f>1+1</f></c>", SheetCell("#", error="formula")),
        ('<c t="str"><f>A9&amp;""</f></c>', SheetCell("#", error="formula")),
        ('<c t="str"><f>A9&amp;""</f><v></v></c>', None),
        ('<c><f t="shared" si="0"/><v>0</v></c>', SheetCell(0)),
        ('<c t="inlineStr"><is><t> 　\n</t></is></c>', None),
    ],
)
def test_a_cell(cell: str, found: SheetCell | None) -> None:
    other = SheetCell("x")
    assert cells(f"<row>{cell}{text('x')}</row>") == ({"A1": found, "B1": other} if found else {"B1": other})


def test_a_zero_that_nobody_calculated_is_no_result() -> None:
    """A program that leaves the calculating to Excel writes 0 for every formula, and says so."""
    rows = "<row><c><f>1+1</f><v>0</v></c><c><f>1+1</f><v>2</v></c><c><v>0</v></c></row>"
    told = workbook_xml(after='<calcPr calcId="1" fullCalcOnLoad="1"/>')
    assert cells(rows, book=told) == {"A1": SheetCell("#", error="formula"), "B1": SheetCell(2), "C1": SheetCell(0)}
    assert values(rows, book=workbook_xml(after='<calcPr calcId="1"/>')) == {"A1": 0, "B1": 2, "C1": 0}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        *((code, SheetCell(dt.date(2024, 1, 1))) for code in (14, 22, 31, 58, 'yyyy"年"m"月"d"日";@', "yyyy-mm-dd")),
        *((code, SheetCell(dt.date(2024, 1, 1))) for code in ("[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "m/d")),
        *((code, SheetCell(dt.date(2024, 1, 1), precision="month")) for code in (17, 57, "yyyy年m月", "mmm-yy")),
        *((code, SheetCell(dt.date(2024, 1, 1), precision="month")) for code in ("[$-804]yyyy\\-mm", "e年m月")),
        *((code, SheetCell(dt.date(2024, 1, 1), precision="year")) for code in ("yyyy", "yyyy年")),
        *((code, SheetCell(45292, percent=True)) for code in (9, 10, "0.0%")),
        *((code, SheetCell(45292, leading_zeros=6)) for code in ("000000", "000000;[Red]-000000")),
        *((code, SheetCell(45292)) for code in (0, 1, 46, 49, "0", '0"%"', "0\\%", "[h]:mm", '"WB"000;"x"0', "@")),
        *((code, SheetCell(45292)) for code in ("000\\-000", '"a;b"0', "[$元-804]#,##0", 'G/通用格式"吨"', "[Red]0")),
    ],
    ids=str,
)
def test_what_a_number_format_says(code: int | str, found: SheetCell) -> None:
    assert cells('<row><c s="1"><v>45292</v></c></row>', styles=styles_xml(0, code)) == {"A1": found}


def test_the_calendar_of_1904() -> None:
    rows = '<row><c s="0"><v>43844</v></c><c s="0"><v>0.25</v></c><c><v>43844</v></c></row>'
    members = {"xl/workbook.xml": workbook_xml(before='<workbookPr date1904="1"/>'), "xl/styles.xml": styles_xml(14)}
    found = read(workbook_bytes(rows, members=members))
    held = {1: SheetCell(dt.date(2024, 1, 15)), 2: SheetCell(dt.time(6)), 3: SheetCell(43844)}
    assert (found.rows, found.epoch1904) == ([SheetRow(1, held)], True)


# -- merged cells and sheets ------------------------------------------------------------------------------


def merged(*ranges: str) -> str:
    cells = "".join(f'<mergeCell ref="{place}"/>' for place in ranges)
    return f"<mergeCells>{cells}</mergeCells>"


def test_a_merged_column_counts_for_each_row_that_has_something_else() -> None:
    rows = f"<row>{text('福建')}{text('甲')}</row><row><c/>{text('乙')}</row><row/><row><c/>{text('丙')}</row>"
    found = read(workbook_bytes(rows, merged("A1:A4")))
    assert [(line.number, [cell.value for _c, cell in sorted(line.cells.items())]) for line in found.rows] == [
        (1, ["福建", "甲"]),
        (2, ["福建", "乙"]),
        (4, ["福建", "丙"]),
    ]
    assert found.filled_down == {(2, 1): "A1:A4", (4, 1): "A1:A4"}


SHEETS = {
    "xl/workbook.xml": workbook_xml(
        '<sheet name="说明" sheetId="1" state="hidden" r:id="rId1"/><sheet name="图" sheetId="2" r:id="rId2"/>'
        '<sheet name="名单" sheetId="3" r:id="rId3"/><sheet name="附 &amp; 表" sheetId="5" r:id="rId4"/>'
    ),
    "xl/_rels/workbook.xml.rels": relationships_xml(
        ("worksheet", "worksheets/sheet1.xml"),
        ("chartsheet", "chartsheets/sheet1.xml"),
        ("worksheet", "/xl/worksheets/Sheet3.xml"),
        ("worksheet", "worksheets/sheet4.xml"),
    ),
    **{f"xl/worksheets/sheet{n}.xml": sheet_xml(f"<row><c><v>{n}</v></c></row>") for n in (1, 3, 4)},
}


def test_the_first_visible_sheet_is_read_and_the_others_are_named() -> None:
    content = workbook_bytes(members=SHEETS)
    assert sheet_names("a.xlsx", content) == ["名单", "附 & 表"]
    found = read(content)
    assert (found.name, found.rows) == ("名单", [SheetRow(1, {1: SheetCell(3)})])
    assert found.other_sheets == ["说明", "图", "附 & 表"]
    assert read(content, "附 & 表").rows == [SheetRow(1, {1: SheetCell(4)})]
    assert refusal(content, "说明") == refusal(content, "没有") == "no_sheet"
    hidden = workbook_xml('<sheet name="a" sheetId="1" state="hidden" r:id="rId1"/>')
    assert refusal(workbook_bytes(members={"xl/workbook.xml": hidden})) == "no_sheet"
    assert refusal(workbook_bytes("<row><c/></row>")) == "empty"


# -- .xls and .ods ----------------------------------------------------------------------------------------


def test_the_cells_of_an_xls() -> None:
    day, moment = dt.date(2024, 1, 15), dt.datetime(2024, 1, 15, 10, 30)  # noqa: DTZ001  # a spreadsheet knows no zones
    forms = {0: "yyyy-mm-dd", 1: "yyyy-mm-dd hh:mm"}
    content = xls_bytes(("编号", " a "), (None, None, True), (day, moment), formats=forms)
    sheet = read_sheet("名单.et", content)
    assert (sheet.file_format, sheet.name, sheet.other_sheets) == ("xls", "试点", ["说明"])
    assert sheet.rows[0] == SheetRow(1, {1: SheetCell("编号"), 2: SheetCell(" a ")})
    assert [cell.value for row in sheet.rows[1:] for cell in row.cells.values()] == [True, day, moment]
    assert sheet_names("名单.xls", content) == ["试点"]
    assert refusal(content, "说明") == "no_sheet"


def test_the_cells_of_an_ods() -> None:
    kinds = {"string": "a", "percentage": "0.65", "date": "2024-01-15", "boolean": "true", "float": "2024.1"}
    broken = ods_cell("string", "", 'table:formula="of:=1/0" calcext:value-type="error" xmlns:calcext="urn:c"')
    rows = ods_row(*(ods_cell(kind, value) for kind, value in kinds.items()), broken)
    content = ods(rows + ods_row(ods_cell("float", "7"), attributes='table:number-rows-repeated="2"'))
    sheet = read_sheet("名单.ods", content)
    assert (sheet.file_format, sheet.name, [row.number for row in sheet.rows]) == ("ods", "试点", [1, 2, 3])
    first = list(sheet.rows[0].cells.values())
    assert [cell.value for cell in first] == ["a", 0.65, dt.date(2024, 1, 15), True, 2024.1, "#"]
    assert (read_number(first[1]).value, first[5].error) == (65, "error")


def test_what_only_the_format_would_tell_is_an_error() -> None:
    dated = xls_bytes((0.65, 12, dt.date(2024, 1, 1), 2024.1), formats={2: "yyyy-mm"})
    share, code, month, half = read_sheet("a.xls", dated).rows[0].cells.values()
    assert (read_number(share).percent_unknown, read_number(code).percent_unknown) == (True, False)
    with pytest.raises(AmbiguousCell, match="January or October"):
        read_date(half)
    coded = Column("code", "code", normalize=normalize_code)
    for asked, cell in ((coded, code), (DateColumn("day", "day", precision_column="precision"), month)):
        with pytest.raises(AmbiguousCell) as error:
            asked.parse(cell, RecordLookup())
        assert error.value.code == "unknown_format"
    assert Column("name", "name").parse(code, RecordLookup()) == "12"


def test_merged_cells_of_each_kind_of_workbook() -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    sheet.write_merge(0, 2, 0, 0, "浙江")
    for row, name in enumerate(("湖州", "嘉兴", "宁波")):
        sheet.write(row, 1, name)
    out = io.BytesIO()
    book.save(out)
    rows = ods_row(ods_cell("string", "浙江", 'table:number-rows-spanned="3"'), ods_cell("string", "湖州"))
    for name in ("嘉兴", "宁波"):
        rows += ods_row("<table:covered-table-cell/>", ods_cell("string", name))
    for content in (out.getvalue(), ods(rows)):
        found = read_sheet("a", content)
        assert [row.cells[1].value for row in found.rows] == ["浙江"] * 3
        assert found.filled_down == {(2, 1): "A1:A3", (3, 1): "A1:A3"}
