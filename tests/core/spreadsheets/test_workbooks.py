"""Workbooks of Excel, WPS and report generators: what calamine gives, and what is scanned beside it."""

import datetime as dt

import pytest
from openpyxl.utils import get_column_letter

from core.spreadsheets.cells import Sheet, SheetCell, SheetRow, UnreadableFile
from core.spreadsheets.reader import read_sheet, sheet_names
from tests.core.spreadsheets.raw_workbooks import relationships_xml, sheet_xml, styles_xml, workbook_bytes, workbook_xml


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
