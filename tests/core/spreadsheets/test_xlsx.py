"""Workbooks of Excel, WPS and report generators are read without loss or change."""

import io
from datetime import date, datetime, time

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles.numbers import BUILTIN_FORMATS

from core.spreadsheets.reading import number_formats as formats
from core.spreadsheets.reading.cell_values import read_text
from core.spreadsheets.reading.cells import Sheet, SheetCell, SheetRow, UnreadableFile, cell_name
from core.spreadsheets.reading.reader import read_sheet, sheet_names
from tests.core.spreadsheets.raw_workbooks import (
    MAIN,
    RELATIONS,
    relationships_xml,
    shared_strings_xml,
    sheet_xml,
    styles_xml,
    workbook_bytes,
    workbook_xml,
    zip_package,
)


def read(content: bytes, name: str | None = None) -> Sheet:
    return read_sheet("名单.xlsx", content, name)


def entries(rows: str, after: str = "", **members: str) -> dict[str, SheetCell]:
    """Return the cells of a sheet by address; members by short name."""
    names = {"styles": "xl/styles.xml", "strings": "xl/sharedStrings.xml", "book": "xl/workbook.xml"}
    found = read(workbook_bytes(rows, after, {names[key]: part for key, part in members.items()}))
    return {cell_name(line.number, column): entry for line in found.rows for column, entry in line.cells.items()}


def values(rows: str, after: str = "", **members: str) -> dict[str, object]:
    return {place: entry.value for place, entry in entries(rows, after, **members).items()}


def refusal(content: bytes, name: str | None = None) -> str:
    with pytest.raises(UnreadableFile) as refused:
        read(content, name)
    assert refused.value.message
    return refused.value.code


def text(words: str) -> str:
    return f'<c t="inlineStr"><is><t>{words}</t></is></c>'


# -- where a cell stands ---------------------------------------------------------------------------------


def test_the_whole_of_a_sheet() -> None:
    rows = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row>'
        '<row r="2"/><row r="4" hidden="1"><c r="A4" s="0"/><c r="B4"><v>12</v></c></row>'
    )
    found = read(workbook_bytes(rows, members={"xl/sharedStrings.xml": shared_strings_xml("<t>省份</t>", "<t>数</t>")}))
    assert found == Sheet(
        file_format="xlsx",
        name="表",
        encoding="",
        delimiter="",
        rows=[SheetRow(1, {1: SheetCell("省份"), 3: SheetCell("数")}), SheetRow(4, {2: SheetCell(12)})],
        hidden_rows=1,
        other_sheets=[],
        filled_down={},
        epoch1904=False,
    )


def test_rows_and_cells_without_an_address_stand_after_the_one_before() -> None:
    rows = f'<row>{text("甲")}<c/>{text("乙")}</row><row/><row>{text("丙")}<c r="E3"><v>1</v></c><c><v>2</v></c></row>'
    assert values(rows) == {"A1": "甲", "C1": "乙", "A3": "丙", "E3": 1, "F3": 2}


def test_a_row_without_a_number_takes_that_of_its_cells() -> None:
    assert values('<row><c r="B5"><v>1</v></c></row><row><c><v>2</v></c></row>') == {"B5": 1, "A6": 2}


def test_rows_out_of_order_are_put_in_order() -> None:
    rows = '<row r="3"><c r="A3"><v>3</v></c></row><row r="1"><c r="B1"><v>2</v></c><c r="A1"><v>1</v></c></row>'
    assert [line.number for line in read(workbook_bytes(rows)).rows] == [1, 3]


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>2</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1"><c r="B1"><v>2</v></c></row>',
        '<row r="1"><c r="A2"><v>1</v></c></row>',
        '<row r="1"><c r="1"><v>1</v></c></row>',
        '<row r="1"><c r="甲1"><v>1</v></c></row>',
        '<row r="0"><c><v>1</v></c></row>',
        '<row r="9999999"><c><v>1</v></c></row>',
        f'<row r="{"9" * 5000}"><c><v>1</v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>7</v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>-1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></row>',
    ],
)
def test_a_sheet_that_contradicts_itself_is_rejected(rows: str) -> None:
    assert refusal(workbook_bytes(rows)) == "damaged"


def test_the_extent_that_a_file_claims_is_not_believed() -> None:
    assert values('<row r="7"><c r="D7"><v>1</v></c></row>') == {"D7": 1}  # the sheet claims A1


def test_another_prefix_for_the_elements_changes_nothing() -> None:
    xml = (
        f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData><x:row><x:c r="A1" t="inlineStr"><x:is><x:t>甲</x:t></x:is></x:c>'
        '</x:row></x:sheetData><x:mergeCells><x:mergeCell ref="A1:B1"/></x:mergeCells></x:worksheet>'
    )
    assert read(workbook_bytes(members={"xl/worksheets/sheet1.xml": xml})).rows == [SheetRow(1, {1: SheetCell("甲")})]


def test_utf_16_backslashes_and_absolute_targets_as_some_programs_write_them() -> None:
    found = read(
        zip_package(
            {
                "_rels/.rels": relationships_xml(("officeDocument", "/xl/workbook.xml")),
                "xl/workbook.xml": workbook_xml(),
                "xl/_rels/workbook.xml.rels": relationships_xml(("worksheet", "/xl/worksheets/Sheet1.xml")),
                "xl\\worksheets\\sheet1.xml": '<?xml version="1.0" encoding="UTF-16"?>'.encode("utf-16")
                + sheet_xml(f"<row>{text('甲')}</row>").encode("utf-16")[2:],
            }
        )
    )
    assert found.rows == [SheetRow(1, {1: SheetCell("甲")})]


# -- what a cell holds -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "entry"),
    [
        ("<c><v>12</v></c>", SheetCell(12)),
        ("<c><v> 12 </v></c>", SheetCell(12)),
        ("<c><v>1.50</v></c>", SheetCell(1.5)),
        ("<c><v>1E3</v></c>", SheetCell(1000.0)),
        ("<c><v>330000.0</v></c>", SheetCell(330000.0)),
        ("<c><v>-0.5</v></c>", SheetCell(-0.5)),
        ("<c><v>12345678901234567</v></c>", SheetCell(12345678901234567)),
        ("<c><v>NaN</v></c>", SheetCell("NaN")),
        ("<c><v>1e400</v></c>", SheetCell("1e400")),
        ("<c><v>1_000</v></c>", SheetCell("1_000")),
        ("<c><v>福建</v></c>", SheetCell("福建")),
        ('<c t="n"><v>1</v></c>', SheetCell(1)),
        ('<c t="b"><v>1</v></c>', SheetCell(True)),
        ('<c t="b"><v>0</v></c>', SheetCell(False)),
        ('<c t="e"><v>#N/A</v></c>', SheetCell("#N/A", error="error")),
        ('<c t="d"><v>2024-01-15</v></c>', SheetCell(date(2024, 1, 15))),
        ('<c t="d"><v>2024-01-15T00:00:00</v></c>', SheetCell(date(2024, 1, 15))),
        ('<c t="d"><v>2024-01-15T08:30:00Z</v></c>', SheetCell(datetime(2024, 1, 15, 8, 30))),  # noqa: DTZ001
        ('<c t="d"><v>08:30:00</v></c>', SheetCell(time(8, 30))),
        ('<c t="d"><v>soon</v></c>', SheetCell("soon")),
        ('<c t="str"><v> 福建 </v></c>', SheetCell(" 福建 ")),
        ('<c t="inlineStr"><is><t xml:space="preserve"> a\n b </t></is></c>', SheetCell(" a\n b ")),
        ('<c t="inlineStr"><v>福建</v></c>', SheetCell("福建")),
        ('<c t="inlineStr"><is><r><t>福</t></r><r><rPr><b/></rPr><t>建</t></r></is></c>', SheetCell("福建")),
        ('<c t="inlineStr"><is><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh></is></c>', SheetCell("東京")),
        ('<c t="inlineStr"><is><t>a_x000D_b_x005F_x000D_c_xD83D_</t></is></c>', SheetCell("a\rb_x000D_c_xD83D_")),
        ('<c t="inlineStr"><is><t>=1+1</t></is></c>', SheetCell("=1+1")),
        ('<c t="inlineStr"><is><t>&apos;=1</t></is></c>', SheetCell("'=1")),
        ('<c t="inlineStr"><is><t>&lt;a&gt; &amp;amp;</t></is></c>', SheetCell("<a> &amp;")),
        ("<c><f>1+1</f><v>2</v></c>", SheetCell(2)),
        ('<c t="str"><f>A2&amp;"x"</f><v>甲x</v></c>', SheetCell("甲x")),
        ('<c t="b"><f>1=1</f><v>1</v></c>', SheetCell(True)),
        ('<c t="e"><f>1/0</f><v>#DIV/0!</v></c>', SheetCell("#DIV/0!", error="error")),
        ("<c><f>1+1</f></c>", SheetCell("=1+1", error="formula")),
        ("<c><f>1+1</f><v></v></c>", SheetCell("=1+1", error="formula")),
        ("<c><f>1+1</f><v/></c>", SheetCell("=1+1", error="formula")),
        ('<c t="str"><f>A9&amp;""</f></c>', SheetCell('=A9&""', error="formula")),
        ('<c><f t="shared" si="0"/><v>0</v></c>', SheetCell(0)),
    ],
)
def test_a_cell(cell: str, entry: SheetCell) -> None:
    assert entries(f"<row>{cell}</row>") == {"A1": entry}


@pytest.mark.parametrize(
    "cell",
    [
        "<c/>",
        '<c s="1"/>',
        "<c><v></v></c>",
        '<c t="s"><v/></c>',
        '<c t="inlineStr"><is><t> 　\n</t></is></c>',
        '<c t="inlineStr"><is/></c>',
        '<c t="str"><f>A9&amp;""</f><v></v></c>',
    ],
)
def test_a_cell_with_nothing_but_space_is_empty(cell: str) -> None:
    assert values(f"<row>{cell}<c><v>1</v></c></row>") == {"B1": 1}


def test_shared_texts_with_runs_and_hints() -> None:
    shared = shared_strings_xml(
        "<t>甲</t>",
        "<r><t xml:space='preserve'>乙 </t></r><r><t>丙</t></r><rPh sb='0' eb='1'><t>yi</t></rPh><phoneticPr/>",
        "<t/>",
        "<t>a_x000D_\nb</t>",
    )
    rows = "".join(f'<row><c t="s"><v>{place}</v></c></row>' for place in (1, 0, 2, 3, 1))
    assert values(rows, strings=shared) == {"A1": "乙 丙", "A2": "甲", "A4": "a\r\nb", "A5": "乙 丙"}


def test_a_zero_that_nobody_calculated_is_no_result() -> None:
    """A program that leaves the calculating to Excel writes 0 for every formula, and says so."""
    rows = "<row><c><f>1+1</f><v>0</v></c><c><f>1+1</f><v>2</v></c><c><v>0</v></c></row>"
    told = workbook_xml(after='<calcPr calcId="1" fullCalcOnLoad="1"/>')
    assert entries(rows, book=told) == {
        "A1": SheetCell("=1+1", error="formula"),
        "B1": SheetCell(2),
        "C1": SheetCell(0),
    }
    assert values(rows, book=workbook_xml(after='<calcPr calcId="1"/>')) == {"A1": 0, "B1": 2, "C1": 0}


def test_a_text_far_too_long_is_cut_to_what_shows_it() -> None:
    long = entries(f"<row>{text('长' * 10**6)}</row>")["A1"].value
    assert isinstance(long, str)
    assert 32_767 < len(long) < 100_000


# -- dates and formats -----------------------------------------------------------------------------------

NUMBER_FORMATS = [
    (14, "2024-01-01", "day"),
    (17, "2024-01-01", "month"),
    (22, "2024-01-01", "day"),
    (31, "2024-01-01", "day"),
    (57, "2024-01-01", "month"),
    (58, "2024-01-01", "day"),
    ("yyyy-mm-dd", "2024-01-01", "day"),
    ('yyyy"年"m"月"d"日";@', "2024-01-01", "day"),
    ("[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "2024-01-01", "day"),
    ("yyyy年m月", "2024-01-01", "month"),
    ("[$-804]yyyy\\-mm", "2024-01-01", "month"),
    ("mmm-yy", "2024-01-01", "month"),
    ("yyyy", "2024-01-01", "year"),
    ("yyyy/m/d h:mm", "2024-01-01", "day"),
    ("yyyy-mm-dd hh:mm:ss.000", "2024-01-01", "day"),
    ("[DBNum1][$-804]yyyy年m月d日", "2024-01-01", "day"),
    ("aaaa", "2024-01-01", "day"),
    ("e年m月", "2024-01-01", "month"),
    ("e年", "2024-01-01", "year"),
]


@pytest.mark.parametrize(("code", "day", "precision"), NUMBER_FORMATS, ids=str)
def test_a_number_under_a_format_of_dates_is_a_date(code: int | str, day: str, precision: str) -> None:
    found = entries('<row><c s="1"><v>45292</v></c></row>', styles=styles_xml(0, code))["A1"]
    assert (str(found.value), found.precision) == (day, precision)


@pytest.mark.parametrize(
    ("code", "entry"),
    [
        (0, SheetCell(45292)),
        (1, SheetCell(45292)),
        (9, SheetCell(45292, percent=True)),
        (10, SheetCell(45292, percent=True)),
        (46, SheetCell(45292)),
        (49, SheetCell(45292)),
        ("000000", SheetCell(45292, leading_zeros=6)),
        ("000000;[Red]-000000", SheetCell(45292, leading_zeros=6)),
        ("0", SheetCell(45292)),
        ("0.0%", SheetCell(45292, percent=True)),
        ('0"%"', SheetCell(45292, label="%")),
        ("0\\%", SheetCell(45292, label="%")),
        ("[h]:mm", SheetCell(45292)),
        ('#,##0.00"元"', SheetCell(45292, label="元")),
        ("0.0万", SheetCell(45292, label="万")),
        ('"WB"000;"x"0', SheetCell(45292, label="WB")),
        ("000\\-000", SheetCell(45292, label="-")),
        ('"a;b"0', SheetCell(45292, label="a;b")),
        ("\\W0", SheetCell(45292, label="W")),
        ('0!.0,"万"', SheetCell(45292)),
        ('0\\.0,"万"', SheetCell(45292)),
        ('0\\.0000"万"', SheetCell(45292)),
        ('#,##0,"千"', SheetCell(45292)),
        ("[$元-804]#,##0", SheetCell(45292)),
        ('_ * #,##0.00_ ;_ * \\-#,##0.00_ ;_ * "-"??_ ;_ @_ ', SheetCell(45292)),
        ("0.00E+00", SheetCell(45292)),
        ("[Red]0", SheetCell(45292)),
        ("[$¥-804]#,##0", SheetCell(45292)),
        ("General", SheetCell(45292)),
        ('G/通用格式"吨"', SheetCell(45292, label="吨")),
        ('General"吨"', SheetCell(45292, label="吨")),
        ('0"days"', SheetCell(45292, label="days")),
        ("@", SheetCell(45292)),
    ],
    ids=str,
)
def test_a_number_under_any_other_format_stays_one(code: int | str, entry: SheetCell) -> None:
    assert entries('<row><c s="1"><v>45292</v></c></row>', styles=styles_xml(0, code)) == {"A1": entry}


@pytest.mark.parametrize(
    ("serial", "value"),
    [
        ("45306", date(2024, 1, 15)),
        ("45306.0", date(2024, 1, 15)),
        ("45306.5", datetime(2024, 1, 15, 12)),  # noqa: DTZ001
        ("45306.999999999", date(2024, 1, 16)),
        ("45306.354166666664", datetime(2024, 1, 15, 8, 30)),  # noqa: DTZ001
        ("0.25", time(6)),
        ("1", date(1900, 1, 1)),
        ("59", date(1900, 2, 28)),
        ("61", date(1900, 3, 1)),
        ("2958465", date(9999, 12, 31)),
        ("2958466", 2958466),
        ("-1", -1),
        ("9" * 300, int("9" * 300)),
    ],
)
def test_the_calendar_of_1900(serial: str, value: object) -> None:
    assert values(f'<row><c s="0"><v>{serial}</v></c></row>', styles=styles_xml(14)) == {"A1": value}


def test_the_calendar_of_1904() -> None:
    rows = '<row><c s="0"><v>43844</v></c><c s="0"><v>0.25</v></c><c><v>43844</v></c></row>'
    members = {"xl/workbook.xml": workbook_xml(before='<workbookPr date1904="1"/>'), "xl/styles.xml": styles_xml(14)}
    found = read(workbook_bytes(rows, members=members))
    assert found.rows == [SheetRow(1, {1: SheetCell(date(2024, 1, 15)), 2: SheetCell(time(6)), 3: SheetCell(43844)})]
    assert found.epoch1904


def test_styles_that_other_readers_choke_on() -> None:
    """A style without a number that is one, a cell with a style that is none, no styles at all."""
    broken = f'<styleSheet xmlns="{MAIN}"><fills><fill/></fills><cellXfs><xf numFmtId="x"/><xf/></cellXfs></styleSheet>'
    rows = '<row><c s="0"><v>1</v></c><c s="1"><v>2</v></c><c s="9"><v>3</v></c><c s="-1"><v>4</v></c></row>'
    assert values(rows, styles=broken) == {"A1": 1, "B1": 2, "C1": 3, "D1": 4}
    assert values(rows) == {"A1": 1, "B1": 2, "C1": 3, "D1": 4}


def test_formats_of_the_named_styles_are_not_those_of_the_cells() -> None:
    assert formats.builtin_format("9").percent
    assert entries('<row><c s="0"><v>1</v></c></row>', styles=styles_xml(0)) == {
        "A1": SheetCell(1)
    }  # the first named one has %


# -- merged cells and hidden rows ------------------------------------------------------------------------


def merged(*ranges: str) -> str:
    cells = "".join(f'<mergeCell ref="{place}"/>' for place in ranges)
    return f"<mergeCells>{cells}</mergeCells>"


def test_a_merged_column_is_filled_down_where_a_row_has_something_else() -> None:
    rows = (
        f"<row>{text('省份')}{text('名称')}</row><row>{text('福建')}{text('甲')}</row><row><c/>{text('乙')}</row><row/>"
    )
    rows += f"<row><c/>{text('丙')}</row><row>{text('浙江')}{text('丁')}</row>"
    found = read(workbook_bytes(rows, merged("A2:A5")))
    assert [(line.number, sorted((c, e.value) for c, e in line.cells.items())) for line in found.rows] == [
        (1, [(1, "省份"), (2, "名称")]),
        (2, [(1, "福建"), (2, "甲")]),
        (3, [(1, "福建"), (2, "乙")]),
        (5, [(1, "福建"), (2, "丙")]),
        (6, [(1, "浙江"), (2, "丁")]),
    ]
    assert found.filled_down == {(3, 1): "A2:A5", (5, 1): "A2:A5"}


def test_what_lies_beneath_a_merged_cell_is_not_read() -> None:
    rows = "<row><c><v>1</v></c><c><v>2</v></c></row><row><c><v>3</v></c><c><v>4</v></c><c><v>5</v></c></row>"
    rows += "<row><c><v>6</v></c></row>"
    found = read(workbook_bytes(rows, merged("A1:B2", "C2:C3")))
    assert found.rows == [
        SheetRow(1, {1: SheetCell(1)}),
        SheetRow(2, {3: SheetCell(5)}),
        SheetRow(3, {1: SheetCell(6), 3: SheetCell(5)}),
    ]
    assert found.filled_down == {(3, 3): "C2:C3"}


def test_a_row_that_has_nothing_else_is_not_filled() -> None:
    rows = "<row><c><v>1</v></c></row><row><c><v>2</v></c></row><row><c/><c><v>3</v></c></row>"
    assert values(rows, merged("A1:A3")) == {"A1": 1, "A3": 1, "B3": 3}


def test_an_empty_merged_cell_fills_nothing() -> None:
    assert values("<row><c/><c><v>1</v></c></row><row><c/><c><v>2</v></c></row>", merged("A1:A2")) == {"B1": 1, "B2": 2}


def test_hidden_and_filtered_rows_are_read_and_counted() -> None:
    rows = (
        '<row hidden="1"><c><v>1</v></c></row><row hidden="true"><c><v>2</v></c></row><row hidden="1"><c/></row>'
        '<row hidden="0"><c><v>3</v></c></row><row ht="0" customHeight="1"><c><v>4</v></c></row>'
        "<row><c><v>5</v></c></row>"
    )
    found = read(workbook_bytes(rows, '<autoFilter ref="A1:A9"/>'))
    assert [line.cells[1].value for line in found.rows] == [1, 2, 3, 4, 5]
    assert found.hidden_rows == 3


# -- sheets ----------------------------------------------------------------------------------------------

SHEETS = {
    "xl/workbook.xml": workbook_xml(
        '<sheet name="说明" sheetId="1" state="hidden" r:id="rId1"/><sheet name="图" sheetId="2" r:id="rId2"/>'
        '<sheet name="名单" sheetId="3" r:id="rId3"/><sheet name="密" sheetId="4" state="veryHidden" r:id="rId4"/>'
        '<sheet name="附 &amp; 表" sheetId="5" r:id="rId5"/>'
    ),
    "xl/_rels/workbook.xml.rels": relationships_xml(
        ("worksheet", "worksheets/sheet1.xml"),
        ("chartsheet", "chartsheets/sheet1.xml"),
        ("worksheet", "worksheets/sheet3.xml"),
        ("worksheet", "worksheets/sheet4.xml"),
        ("worksheet", "worksheets/sheet5.xml"),
    ),
    **{f"xl/worksheets/sheet{n}.xml": sheet_xml(f"<row><c><v>{n}</v></c></row>") for n in (1, 3, 4, 5)},
}


def test_the_first_visible_sheet_is_read_and_the_others_are_named() -> None:
    content = workbook_bytes(members=SHEETS)
    assert sheet_names("a.xlsx", content) == ["名单", "附 & 表"]
    found = read(content)
    assert (found.name, found.rows, found.other_sheets) == (
        "名单",
        [SheetRow(1, {1: SheetCell(3)})],
        ["说明", "图", "密", "附 & 表"],
    )
    assert read(content, "附 & 表").rows == [SheetRow(1, {1: SheetCell(5)})]


def test_a_sheet_that_is_hidden_missing_or_empty_is_rejected() -> None:
    content = workbook_bytes(members=SHEETS)
    assert refusal(content, "密") == "no_sheet"
    assert refusal(content, "没有") == "no_sheet"
    assert (
        refusal(
            workbook_bytes(members={"xl/workbook.xml": workbook_xml('<sheet name="a" state="hidden" r:id="rId1"/>')})
        )
        == "no_sheet"
    )
    assert refusal(workbook_bytes("<row><c/></row>")) == "empty"
    assert refusal(workbook_bytes(members={"xl/worksheets/sheet1.xml": ""})) == "damaged"


def test_a_strict_workbook_is_read_as_well() -> None:
    strict = "http://purl.oclc.org/ooxml"
    members = {
        "xl/workbook.xml": workbook_xml(),
        "_rels/.rels": relationships_xml(("officeDocument", "xl/workbook.xml")),
    }
    members |= {"xl/_rels/workbook.xml.rels": relationships_xml(("worksheet", "worksheets/sheet1.xml"))}
    members |= {"xl/worksheets/sheet1.xml": sheet_xml('<row><c t="d"><v>2024-01-15</v></c></row>')}
    turned = {
        name: part.replace(RELATIONS, f"{strict}/officeDocument/relationships").replace(
            MAIN, f"{strict}/spreadsheetml/main"
        )
        for name, part in members.items()
    }
    assert read(zip_package(turned)).rows == [SheetRow(1, {1: SheetCell(date(2024, 1, 15))})]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ('<row><c r="GS1"><v>1</v></c></row>', "too_many_columns"),
        ('<row><c r="ZZZ1"><v>1</v></c></row>', "too_many_columns"),
        ("<row><c><v>1</v></c></row>" * 50_001, "too_many_rows"),
    ],
    ids=["columns", "columns beyond", "rows"],
)
def test_more_than_any_list_has_is_rejected(rows: str, code: str) -> None:
    assert refusal(workbook_bytes(rows)) == code


def test_more_cells_than_any_list_has_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.spreadsheets.reading.xlsx_sheet.MAX_CELLS", 3)
    assert values("<row><c><v>1</v></c><c><v>2</v></c><c/><c><v>3</v></c></row>") == {"A1": 1, "B1": 2, "D1": 3}
    assert refusal(workbook_bytes("<row>" + "<c><v>1</v></c>" * 4 + "</row>")) == "too_many_cells"


def test_empty_cells_far_out_do_no_harm() -> None:
    assert values(
        '<row><c r="A1"><v>1</v></c><c r="XFD1" s="1"/></row><row r="1048576"><c r="A1048576" s="1"/></row>'
    ) == {"A1": 1}


# -- what openpyxl writes --------------------------------------------------------------------------------

WRITTEN = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\n\t，。、=+-@'\"<>&_　𠮷㐀"),
    max_size=40,
).filter(lambda words: "_x" not in words)


@given(words=WRITTEN, inline=st.booleans())
def test_any_text_comes_back_to_the_letter(words: str, inline: bool) -> None:
    made = openpyxl.Workbook(write_only=inline)
    page = made.create_sheet("表", 0)
    page.append(["x", "y"])
    if inline:
        cell = openpyxl.cell.WriteOnlyCell(page, value=words)
        cell.data_type = "inlineStr"
        page.append([cell])
    else:
        page["A2"] = words
        page["A2"].data_type = "s"
    out = io.BytesIO()
    made.save(out)
    found = read(out.getvalue()).rows[1:]
    assert [line.cells[1].value for line in found] == ([words] if words.strip() else [])


def test_rich_text_of_openpyxl() -> None:
    made = openpyxl.Workbook()
    made.active["A1"] = CellRichText("福", TextBlock(InlineFont(b=True), "建 "), "省")
    out = io.BytesIO()
    made.save(out)
    assert read_text(read(out.getvalue()).rows[0].cells[1]) == "福建 省"


def test_why_openpyxl_does_not_read_the_cells() -> None:
    """What its reader of rows loses: where this fails, openpyxl has learnt it, and may replace ours."""
    merging = '<mergeCells><mergeCell ref="A1:A2"/></mergeCells>'
    content = workbook_bytes(
        '<row r="1" hidden="1"><c r="A1" s="0"><v>45292</v></c><c r="B1"><f>1+1</f></c></row>',
        merging,
        {"xl/styles.xml": styles_xml(57)},
    )
    ours = read(content)
    assert ours.rows[0].cells == {
        1: SheetCell(date(2024, 1, 1), precision="month"),  # a built-in format of China
        2: SheetCell("=1+1", error="formula"),
    }
    assert ours.hidden_rows == 1
    plain = workbook_bytes('<row r="1" hidden="1"><c r="A1"><v>45292</v></c><c r="B1"><f>1+1</f></c></row>', merging)
    sheet = openpyxl.load_workbook(io.BytesIO(plain), read_only=True, data_only=True)["表"]
    assert not hasattr(sheet, "merged_cells")
    assert not hasattr(sheet, "row_dimensions")
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [[45292]]  # the file claims to end at A1
    sheet.reset_dimensions()
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [[45292, None]]  # as if it were empty
    assert 57 not in BUILTIN_FORMATS
