"""The user's own file back: the two columns are in it, and every other byte or text is as it was."""

import csv
import datetime as dt
import io
import itertools
import tracemalloc
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import column_index_from_string
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from config.sheets.cells import Unreadable
from config.sheets.returned import returned_csv, returned_workbook

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
CONTENT = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels"
ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml"
ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"""
HEADS = ("result", "reason")


def package(sheet: str | bytes, *, target: str = "worksheets/sheet1.xml") -> bytes:
    """The smallest workbook: one sheet "试点" with this XML."""
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", CONTENT)
        file.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="说明" sheetId="2" r:id="rId2"/>'
            '<sheet name="试点" sheetId="1" r:id="rId1"/></sheets></workbook>',
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{PACKAGE}">'
            f'<Relationship Id="rId2" Type="{OFFICE}/worksheet" Target="worksheets/sheet2.xml"/>'
            f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="{target}"/></Relationships>',
        )
        file.writestr("xl/worksheets/sheet1.xml", sheet)
        file.writestr("xl/worksheets/sheet2.xml", f'<worksheet xmlns="{MAIN}"><sheetData/></worksheet>')
    return out.getvalue()


def member(content: bytes, name: str = "xl/worksheets/sheet1.xml") -> bytes:
    with ZipFile(io.BytesIO(content)) as file:
        return file.read(name)


def worksheet(inside: str, root: str = "worksheet") -> str:
    colon = ":x" if root.startswith("x:") else ""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns{colon}="{MAIN}">{inside}</{root}>'


def text(place: str, value: str, looks: str = "") -> str:
    return f'<c r="{place}"{looks} t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'


REASON = text("D2", "why &lt;&amp;")
NEW_CELLS = text("C2", "error") + REASON
COLS = '<cols><col min="3" max="3" width="14" customWidth="1"/><col min="4" max="4" width="60" customWidth="1"/></cols>'
ODD = """x="spans='9'>" ><!-- <c r="C2"/> --><c r='A2'  t="str" ><v>&#65;&gt;</v></c>"""
HEADING = f'<row r="1"><c r="A1"><v>1</v></c>{text("C1", "result")}{text("D1", "reason")}</row>'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            '<row r="2" spans="1:2" ht="20"><c r="A2" s="6"><v>7</v></c></row>',
            f'<row r="2" ht="20"><c r="A2" s="6"><v>7</v></c>{NEW_CELLS}</row>',
            id="after the last cell, without the spans",
        ),
        pytest.param(
            '<row r="2" hidden="1"/>',
            f'<row r="2" hidden="1">{NEW_CELLS}</row>',
            id="an empty hidden row is opened",
        ),
        pytest.param(
            '<row r="2"><c r="A2"/><c r="F2" t="s"><v>0</v></c></row>',
            f'<row r="2"><c r="A2"/>{NEW_CELLS}<c r="F2" t="s"><v>0</v></c></row>',
            id="before the cells of later columns",
        ),
        pytest.param(
            '<row r="2"><c r="C2" s="4"/><c r="D2" t="s"><v>3</v></c><c r="E2"><v>1</v></c></row>',
            f"""<row r="2">{text("C2", "error", ' s="4"')}{REASON}<c r="E2"><v>1</v></c></row>""",
            id="the cells of an earlier return give way and leave their looks",
        ),
        pytest.param(
            '<row r="2"><c r="D2" t="inlineStr"><is><t>a</t></is></c ></row >',
            f'<row r="2">{NEW_CELLS}</row >',
            id="one of the two was there",
        ),
        pytest.param(
            "<row ><c><v>7</v></c><c/><c><v>old</v></c></row>",
            f"<row ><c><v>7</v></c><c/>{text('C2', 'error')}{text('D2', 'why &lt;&amp;')}</row>",
            id="rows and cells without addresses are counted",
        ),
        pytest.param(
            f'<row r="2"><c r="C2" t="str"><v>{"long" * 40_000}</v></c></row>',
            f'<row r="2">{NEW_CELLS}</row>',
            id="a long cell is dropped whole",
        ),
        pytest.param(
            f"<row  r='2' spans = '1:1'\t{ODD}\n</row>",
            f"<row  r='2'\t{ODD}\n"
            f"""{NEW_CELLS}</row>""",
            id="quotes, comments and references stay as they were written",
        ),
    ],
)
def test_a_row_gets_two_cells_and_keeps_the_rest_to_the_byte(before: str, after: str) -> None:
    tail = '<row r="3"><c r="A3"><v>1</v></c></row></sheetData><ext><row r="2" spans="1"/></ext>'
    head = '<row r="1"><c r="A1"><v>1</v></c></row>'
    content = package(worksheet(f"<sheetData>{head}{before}{tail}"))
    back = returned_workbook(content, "试点", 1, (3, 4), HEADS, {2: ("error", "why <&")})
    assert member(back).decode() == worksheet(f"{COLS}<sheetData>{HEADING}{after}{tail}")


def test_a_row_without_a_result_loses_an_earlier_one_and_rows_above_the_heading_keep_all() -> None:
    rows = (
        '<row r="1" spans="1:4"><c r="C1" t="str"><v>title</v></c></row>'
        '<row r="2" s="3"><c r="A2" s="5"><v>0</v></c></row>'
        '<row r="3"><c r="A3"/><c r="C3" s="2" t="s"><v>8</v></c><c r="D3"><v>9</v></c></row><row r="4" spans="1:2"/>'
    )
    content = package(worksheet(f"<sheetData>{rows}</sheetData>"))
    back = returned_workbook(content, "试点", 2, (4, 3), HEADS, {})
    looks = ' s="5"'
    assert member(back).decode() == worksheet(
        '<cols><col min="3" max="3" width="60" customWidth="1"/>'
        '<col min="4" max="4" width="14" customWidth="1"/></cols>'
        '<sheetData><row r="1" spans="1:4"><c r="C1" t="str"><v>title</v></c></row>'
        f'<row r="2" s="3"><c r="A2" s="5"><v>0</v></c>{text("C2", "reason", looks)}{text("D2", "result", looks)}</row>'
        '<row r="3"><c r="A3"/><c r="C3" s="2"/></row><row r="4" spans="1:2"/></sheetData>'
    )


def test_a_row_without_a_number_has_that_of_its_cells() -> None:
    rows = '<row r="1"/><row spans="1:1"><c r="A5"><v>7</v></c></row><row spans="1:1"><c><v>8</v></c></row><row/>'
    content = package(worksheet(f"<sheetData>{rows}</sheetData>"))
    back = returned_workbook(content, "试点", 1, (3, 4), HEADS, {5: ("a", ""), 6: ("b", ""), 7: ("c", "")})
    assert member(back).decode() == worksheet(
        f'{COLS}<sheetData><row r="1">{text("C1", "result")}{text("D1", "reason")}</row>'
        f'<row><c r="A5"><v>7</v></c>{text("C5", "a")}</row><row><c><v>8</v></c>{text("C6", "b")}</row>'
        f"<row>{text('C7', 'c')}</row></sheetData>"
    )


def test_prefixes_of_the_file_are_used() -> None:
    content = package(
        worksheet(
            '<x:dimension ref="A1"/><x:cols><x:col min="1" max="2" width="9"/></x:cols>'
            '<x:sheetData><x:row r="1"/></x:sheetData>',
            "x:worksheet",
        )
    )
    back = returned_workbook(content, "试点", 1, (3, 4), HEADS, {})
    cells = text("C1", "result") + text("D1", "reason")
    for tag in ("c ", "is>", "t "):
        cells = cells.replace(f"<{tag}", f"<x:{tag}").replace(f"</{tag}", f"</x:{tag}")
    assert member(back).decode() == worksheet(
        '<x:dimension ref="A1:D1"/><x:cols><x:col min="1" max="2" width="9"/>'
        '<x:col min="3" max="3" width="14" customWidth="1"/>'
        '<x:col min="4" max="4" width="60" customWidth="1"/></x:cols>'
        f'<x:sheetData><x:row r="1">{cells.replace("</c>", "</x:c>").replace("</t>", "</x:t>")}</x:row></x:sheetData>',
        "x:worksheet",
    )


NEW = ('<col min="3" max="3" width="14" customWidth="1"/>', '<col min="4" max="4" width="60" customWidth="1"/>')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<col min="1" max="1" width="8"/>', '<col min="1" max="1" width="8"/>' + "".join(NEW)),
        ('<col min="6" max="9" hidden="1"/>', "".join(NEW) + '<col min="6" max="9" hidden="1"/>'),
        ('<col min="3" max="3" width="20"/>', '<col min="3" max="3" width="20"/>' + NEW[1]),
        ('<col min="4" max="4" width="0" hidden="true"/>', "".join(NEW)),
        (
            '<col hidden="1" max="16384" style="2" min="2"/>',
            f'<col hidden="1" max="2" style="2" min="2"/>{"".join(NEW)}<col hidden="1" max="16384" style="2" min="5"/>',
        ),
        (
            '<col min="1" max="3" width="9"/><col min="4" max="5" width="5"></col>',
            f'<col min="1" max="2" width="9"/>{NEW[0]}<col min="4" max="5" width="5"></col>',
        ),
    ],
)
def test_the_two_columns_are_wide_and_shown_and_the_others_keep_their_widths(before: str, after: str) -> None:
    content = package(worksheet(f'<cols>{before}</cols><sheetData><row r="1"/></sheetData>'))
    back = returned_workbook(content, "试点", 1, (3, 4), HEADS, {})
    cells = text("C1", "result") + text("D1", "reason")
    assert member(back).decode() == worksheet(f'<cols>{after}</cols><sheetData><row r="1">{cells}</row></sheetData>')


@pytest.mark.parametrize(
    ("before", "after"),
    [("A1:B2", "A1:AB7"), ("B9", "B6:AB9"), ("AC1:AD9", "AA1:AD9"), ("A:XFD", "A:XFD"), ("", "")],
)
def test_the_dimension_grows_to_hold_the_new_cells(before: str, after: str) -> None:
    rows = '<row r="6"/><row r="7"/>'
    content = package(worksheet(f'<dimension ref="{before}"/><sheetData>{rows}</sheetData>'))
    back = member(returned_workbook(content, "试点", 6, (27, 28), HEADS, {7: ("a", "b")}))
    assert f'<dimension ref="{after}"/>' in back.decode()


def test_a_text_is_made_fit_for_a_cell() -> None:
    content = package(worksheet('<sheetData><row r="1"/><row r="2"/><row r="3"/></sheetData>'))
    emoji = "😀" * 20_000  # two UTF-16 units each
    reason = "=1+1 \x00\x0b\ufffe\ud800<b> ]]> _x0041_ _x41_\r\n\r\t 陕西\u3000"
    back = returned_workbook(content, "试点", 1, (1, 2), HEADS, {2: ("", reason), 3: ("a" * 40_000, emoji)})
    assert (
        '<row r="2">' + text("B2", "=1+1 &lt;b&gt; ]]&gt; _x005F_x0041_ _x41_\n\n\t 陕西\u3000") + '</row><row r="3">'
    ) in member(back).decode()
    sheet = load_workbook(io.BytesIO(back))["试点"]
    assert (sheet["A3"].value, sheet["B3"].value) == ("a" * 32_767, "😀" * 16_383)


@pytest.mark.parametrize(
    "target",
    ["worksheets/sheet1.xml", "/xl/worksheets/sheet1.xml", "../xl/worksheets/sheet1.xml", "./worksheets/sheet1.xml"],
)
def test_the_sheet_is_found_by_its_relationship(target: str) -> None:
    content = package(worksheet('<sheetData><row r="1"/></sheetData>'), target=target)
    back = returned_workbook(content, "试点", 1, (1, 2), HEADS, {})
    assert load_workbook(io.BytesIO(back))["试点"]["B1"].value == "reason"
    assert member(back, "xl/worksheets/sheet2.xml") == member(content, "xl/worksheets/sheet2.xml")


@pytest.mark.parametrize(
    ("encoding", "declared"), [("utf-16", "UTF-16"), ("utf-8-sig", "utf-8"), ("latin-1", "ISO-8859-1")]
)
def test_other_encodings_of_the_xml(encoding: str, declared: str) -> None:
    inside = '<sheetData><row r="1"/><row r="2"><c r="A2" t="str"><v>é</v></c></row></sheetData>' + " " * 70_000
    xml = worksheet(inside).replace('encoding="UTF-8"', f'encoding="{declared}"')
    back = returned_workbook(package(xml.encode(encoding)), "试点", 1, (3, 4), HEADS, {2: ("错误", "é陕")})
    sheet = load_workbook(io.BytesIO(back))["试点"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)] == [["é", None, "错误", "é陕"]]


def test_rows_that_hold_nothing_are_made_where_they_have_a_result() -> None:
    content = package(worksheet(f'{COLS}<sheetData><row r="1" s="4"/><row r="4" s="4"/></sheetData>'))
    back = returned_workbook(content, "试点", 1, (3, 4), HEADS, {6: ("c", ""), 4: ("b", ""), 2: ("a", "")})
    assert member(back).decode() == worksheet(
        f'{COLS}<sheetData><row r="1" s="4">{text("C1", "result")}{text("D1", "reason")}</row>'
        f'<row r="2">{text("C2", "a")}</row><row r="4" s="4">{text("C4", "b")}</row>'
        f'<row r="6">{text("C6", "c")}</row></sheetData>'
    )


def test_a_doctype_is_refused() -> None:
    entity = worksheet('<sheetData><row r="1"/></sheetData>').replace("?>", '?><!DOCTYPE x [<!ENTITY a "b">]>')
    with pytest.raises(Unreadable) as refused:
        returned_workbook(package(entity), "试点", 1, (1, 2), HEADS, {})
    assert refused.value.code == "entity"


# --- a workbook as people make them ---------------------------------------------------------------------------------


def ledger() -> bytes:
    """A ledger with a title, looks, comments, a chart, rules, a second sheet, and parts that no library knows."""
    book = Workbook()
    cover, sheet = book.active, book.create_sheet("台账 & 试点")
    assert isinstance(cover, Worksheet)
    cover["A1"] = "封面"
    sheet.append(["2024年试点台账"])
    sheet.merge_cells("A1:D1")
    sheet.append([])
    sheet.append(["编号", "名称", "日期", "值"])
    for number in range(1, 13):
        sheet.append([f"00{number}", "=A1" if number == 3 else f"湖州{number}", dt.date(2024, 1, number), number / 7])
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
    sheet.print_title_rows = "3:3"
    saved, out = io.BytesIO(), io.BytesIO()
    book.save(saved)
    with ZipFile(saved) as source, ZipFile(out, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            xml = source.read(name)
            if name == "xl/worksheets/sheet2.xml":
                unknown = b'<ext uri="{1}" xmlns:x="urn:x"><x:row r="9" spans="1"><x:c r="E9"/></x:row></ext>'
                xml = xml.replace(b"</worksheet>", b"<extLst>%s</extLst></worksheet>" % unknown)
            target.writestr(name, xml)
        picture = ZipInfo("xl/media/image1.png", (2023, 5, 6, 7, 8, 10))
        picture.compress_type = ZIP_STORED
        target.writestr(picture, bytes(range(256)) * 1000)
        target.writestr("docProps/custom.xml", "<未知/>")
    return out.getvalue()


def others(xml: bytes, columns: tuple[int, int]) -> list[tuple[str, dict[str, str], str | None, str | None]]:
    """Every element but the cells of two columns, their widths, the dimension and the spans."""
    found = []
    root = fromstring(xml)
    for row in root.iter(f"{{{MAIN}}}row"):
        row.attrib.pop("spans", None)
        for cell in list(row):
            if column_index_from_string(cell.get("r", "").rstrip("0123456789")) in columns:
                row.remove(cell)
    for element in root.iter():
        if element.tag == f"{{{MAIN}}}dimension" or int(element.get("min", 0)) in columns:
            continue
        found.append((element.tag, element.attrib, element.text, element.tail))
    return found


def members(content: bytes) -> dict[str, tuple[bytes, tuple[int, ...], int]]:
    with ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        return {info.filename: (file.read(info), info.date_time, info.compress_type) for info in file.infolist()}


def values(sheet: Worksheet) -> list[list[object]]:
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


RESULTS = {row: ("error", f"row {row}: “陝西” is not a province; 陕西?") for row in range(4, 16, 2)}


@pytest.mark.filterwarnings("ignore:Unknown extension")  # openpyxl would drop it
def test_all_other_members_and_cells_of_a_ledger_are_as_they_were() -> None:
    content = ledger()
    back = returned_workbook(content, "台账 & 试点", 3, (5, 6), ("结果", "原因"), RESULTS)
    before, after = members(content), members(back)
    assert list(after) == list(before)
    changed = "xl/worksheets/sheet2.xml"
    assert {name for name in before if before[name] != after[name]} == {changed}
    assert others(after[changed][0], (5, 6)) == others(before[changed][0], (5, 6))
    sheet = load_workbook(io.BytesIO(back))["台账 & 试点"]
    was = values(load_workbook(io.BytesIO(content))["台账 & 试点"])
    assert [row[:4] for row in values(sheet)] == was
    assert [row[4:] for row in values(sheet)] == [
        [None, None],
        [None, None],
        ["结果", "原因"],
        *[list(RESULTS.get(row, (None, None))) for row in range(4, 16)],
    ]
    assert sheet["E3"].font.b
    assert sheet["E3"].fill.fgColor.rgb == "00DDDDDD"
    assert (sheet.column_dimensions["B"].width, sheet.column_dimensions["F"].width) == (31, 60)


def test_a_returned_workbook_returned_again_holds_the_new_results_alone() -> None:
    content = ledger()
    first = returned_workbook(content, "台账 & 试点", 3, (5, 6), ("结果", "原因"), RESULTS)
    second = returned_workbook(first, "台账 & 试点", 3, (5, 6), ("结果", "原因"), {5: ("unchanged", "")})
    assert second == returned_workbook(content, "台账 & 试点", 3, (5, 6), ("结果", "原因"), {5: ("unchanged", "")})


@given(
    st.lists(st.lists(st.integers(1, 9), unique=True, max_size=6).map(sorted), min_size=1, max_size=5),
    st.tuples(st.integers(1, 9), st.integers(1, 9)).filter(lambda pair: pair[0] != pair[1]),
    st.data(),
)
def test_any_layout_of_cells_holds_the_results_and_the_other_cells(
    layout: list[list[int]], columns: tuple[int, int], data: st.DataObject
) -> None:
    kinds = st.sampled_from(['<c r="{}"/>', '<c r="{}"><v>5</v></c>', '<c r="{}" t="inlineStr"><is><t>x</t></is></c>'])
    heading = data.draw(st.integers(1, len(layout)))
    chosen = data.draw(st.lists(st.integers(heading, len(layout)), unique=True))
    rows = "".join(
        f'<row r="{number}">'
        + "".join(data.draw(kinds).format(f"{'ABCDEFGHI'[cell - 1]}{number}") for cell in cells)
        + "</row>"
        for number, cells in enumerate(layout, 1)
    )
    content = package(worksheet(f"<sheetData>{rows}</sheetData>"))
    results = {number: (f"result {number}", f"reason {number}") for number in chosen}
    back = returned_workbook(content, "试点", heading, columns, HEADS, results)
    before, after = (load_workbook(io.BytesIO(book))["试点"] for book in (content, back))
    wanted = {**results, heading: HEADS}
    for number, column in itertools.product(range(1, len(layout) + 1), range(1, 10)):
        value = before.cell(number, column).value
        if number >= heading and column in columns:
            value = wanted.get(number, (None, None))[columns.index(column)]
        assert after.cell(number, column).value == value
    places = [cell.get("r") for cell in fromstring(member(back)).iter(f"{{{MAIN}}}c")]
    assert places == sorted(places, key=lambda place: (place[1:], place[:1]))


def test_20_000_rows_stay_in_little_memory() -> None:
    cells = "".join(f'<c r="{letter}{{0}}" s="1" t="s"><v>{{0}}</v></c>' for letter in "ABCDEFGHIJ")
    rows = "".join(f'<row r="{number}" spans="1:10">{cells.format(number)}</row>' for number in range(1, 20_001))
    content = package(worksheet(f"<sheetData>{rows}</sheetData>"))
    results = dict.fromkeys(range(2, 20_001), ("error", "要改"))
    del rows
    tracemalloc.start()
    back = returned_workbook(content, "试点", 1, (11, 12), HEADS, results)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert member(back).count(b"inlineStr") == 40_000
    assert peak < 10_000_000


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
    back = returned_csv(content, encoding, ",", 3, (4, 5), ("结果", "原因"), {4: ("错误", "改，, \x00"), 6: ("", "=x")})
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
    back = returned_csv(content, "GB18030", ",", 1, (2, 3), HEADS, {})
    assert back == b"\x84\x31\x95\x33" + "名称,result,reason\r\n湖州\r\n".encode("gb18030")
    marked = returned_csv("名称".encode("utf-8-sig"), "UTF-8 with BOM", ",", 1, (2, 3), HEADS, {})
    assert marked == "名称,result,reason\r\n".encode("utf-8-sig")


def test_a_returned_csv_returned_again_holds_the_new_results_alone() -> None:
    content = LINES.encode("gb18030")
    first = returned_csv(content, "gb18030", ",", 3, (4, 5), HEADS, {4: ("error", "a"), 6: ("error", "b")})
    second = returned_csv(first, "gb18030", ",", 3, (4, 5), HEADS, {6: ("unchanged", "")})
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
    back = returned_csv(content, "ascii", "\t", 1, (3, 1), HEADS, {2: ("created", "is\tnew")})
    assert records(back, "ascii", "\t") == [["reason", "code", "result"], ["is\tnew", "1", "created"]]
    more = returned_csv(content, "ascii", "\t", 1, (3, 1), HEADS, {4: ("error", "no row")})
    assert records(more, "ascii", "\t")[1:] == [["", "1", ""], [], ["no row", "", "error"]]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00") | st.sampled_from(',;"\r\n\t ='), max_size=6)


@given(st.lists(st.lists(CELLS, max_size=4), min_size=1, max_size=5), st.sampled_from([",", ";", "\t"]))
def test_any_texts_of_a_csv_stay_as_they_were(rows: list[list[str]], delimiter: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    back = returned_csv(out.getvalue().encode("utf-16-le"), "utf-16-le", delimiter, 1, (6, 7), HEADS, {})
    heading, *others = [row if any(cell.strip(" ") for cell in row) else [] for row in rows]
    padded = [*heading, *[""] * (5 - len(heading)), *HEADS]
    first, *rest = records(back, "utf-16-le", delimiter)
    assert (first, [row if any(row) else [] for row in rest]) == (padded, others)


def test_a_first_line_that_names_the_delimiter_stays_and_counts() -> None:
    back = returned_csv(b"sep=;\r\na;b\r\n1;2\r\n", "UTF-8", ";", 2, (3, 4), HEADS, {3: ("error", "why")})
    assert back == b"sep=;\r\na;b;result;reason\r\n1;2;error;why\r\n"
