"""Reading of .xls and .ods: values as in XLSX, and an error wherever only the number format would tell."""

import datetime as dt
import io
from pathlib import Path

import pytest
import xlwt

from core.imports.sheet.columns import DATE, TEXT, Column
from core.imports.sheet.lookups import RecordLookup
from core.spreadsheets.reading import calamine_reader
from core.spreadsheets.reading.annotate_file import annotated_rows
from core.spreadsheets.reading.cell_values import AmbiguousCell, read_date, read_number
from core.spreadsheets.reading.cells import SheetCell, SheetRow, UnreadableFile
from core.spreadsheets.reading.reader import read_sheet, sheet_names
from core.text.normalization import normalize_code
from tests.core.spreadsheets.raw_workbooks import xls_bytes, zip_package

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{prefix}:1.0"'
    for prefix in ("office", "table", "text", "manifest")
)


def ods(table: str, **members: str) -> bytes:
    """Return an .ods whose sheet "试点" has these rows of XML."""
    body = f'<office:spreadsheet><table:table table:name="试点">{table}</table:table></office:spreadsheet>'
    content = f"<office:document-content {NAMESPACES}><office:body>{body}</office:body></office:document-content>"
    parts = {
        "mimetype": ODS_TYPE,
        "content.xml": content,
        "META-INF/manifest.xml": f"<manifest:manifest {NAMESPACES}/>",
    }
    return zip_package(parts | {name.replace("__", "/"): part for name, part in members.items()}, stored=("mimetype",))


def ods_row(*cells: str, attributes: str = "") -> str:
    return f"<table:table-row {attributes}>{''.join(cells)}</table:table-row>"


def ods_cell(kind: str, value: str, attributes: str = "") -> str:
    if kind == "string":
        return f'<table:table-cell office:value-type="string" {attributes}><text:p>{value}</text:p></table:table-cell>'
    name = {"date": "date-value", "boolean": "boolean-value", "time": "time-value"}.get(kind, "value")
    return f'<table:table-cell office:value-type="{kind}" office:{name}="{value}" {attributes}/>'


def code_of(content: bytes, sheet: str | None = None) -> str:
    with pytest.raises(UnreadableFile) as rejected:
        read_sheet("名单.xls", content, sheet)
    return rejected.value.code


def test_the_cells_of_an_xls() -> None:
    day, moment = dt.date(2024, 1, 15), dt.datetime(2024, 1, 15, 10, 30)  # noqa: DTZ001  # a spreadsheet knows no time zone
    content = xls_bytes(
        ("编号", " a "), (2024.1, 5, True), (day, moment), formats={0: "yyyy-mm-dd", 1: "yyyy-mm-dd hh:mm"}
    )
    sheet = read_sheet("名单.xls", content)
    assert (sheet.file_format, sheet.name, sheet.other_sheets) == ("xls", "试点", ["说明"])
    assert sheet.rows[0] == SheetRow(1, {1: SheetCell("编号"), 2: SheetCell(" a ")})
    assert [cell.value for cell in sheet.rows[2].cells.values()] == [day, moment]
    assert sheet_names("名单.xls", content) == ["试点"]
    assert code_of(content, "说明") == code_of(content, "没有") == "no_sheet"
    plain = read_sheet("名单.xls", xls_bytes((2024.1, 5, True, 1.5))).rows[0].cells
    assert [cell.value for cell in plain.values()] == [2024.1, 5, True, 1.5]


def test_the_cells_of_an_ods() -> None:
    rows = ods_row(
        ods_cell("string", "a"),
        ods_cell("percentage", "0.65"),
        ods_cell("date", "2024-01-15"),
        ods_cell("boolean", "true"),
        ods_cell("float", "2024.1"),
    )
    content = ods(rows + ods_row(ods_cell("float", "7"), attributes='table:number-rows-repeated="2"'))
    sheet = read_sheet("名单.ods", content)
    assert (sheet.file_format, sheet.name) == ("ods", "试点")
    assert [cell.value for cell in sheet.rows[0].cells.values()] == ["a", 0.65, dt.date(2024, 1, 15), True, 2024.1]
    assert [row.number for row in sheet.rows] == [1, 2, 3]
    number = read_number(sheet.rows[0].cells[2])
    assert (number.value, number.percent) == (65, True)


def test_the_number_2024_1_is_january_or_october_in_every_kind_of_file() -> None:
    for content in (xls_bytes((2024.1,)), ods(ods_row(ods_cell("float", "2024.1")))):
        with pytest.raises(AmbiguousCell) as error:
            read_date(read_sheet("a", content).rows[0].cells[1])
        assert error.value.code == "month_unclear"


def test_what_only_the_format_would_tell_is_an_error() -> None:
    share, code, month = (
        read_sheet("a.xls", xls_bytes((0.65, 12, dt.date(2024, 1, 1)), formats={2: "yyyy-mm"})).rows[0].cells.values()
    )
    assert read_number(share).percent_unknown
    assert not read_number(code).percent_unknown
    column = Column("code", "code", TEXT, normalize=normalize_code)
    dated = Column("day", "day", DATE, precision_column="precision")
    for asked, cell in ((column, code), (dated, month)):
        with pytest.raises(AmbiguousCell) as error:
            asked.parse(cell, RecordLookup())
        assert error.value.code == "unknown_format"
    assert Column("name", "name", TEXT).parse(code, RecordLookup()) == "12"
    assert Column("day", "day", DATE).parse(month, RecordLookup()).on == dt.date(2024, 1, 1)


def test_merged_cells_are_filled_down_and_named() -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    sheet.write_merge(0, 2, 0, 0, "浙江")
    for row, name in enumerate(("湖州", "嘉兴", "宁波")):
        sheet.write(row, 1, name)
    out = io.BytesIO()
    book.save(out)
    head = ods_cell("string", "浙江", 'table:number-rows-spanned="3"')
    rows = ods_row(head, ods_cell("string", "湖州"))
    for name in ("嘉兴", "宁波"):
        rows += ods_row("<table:covered-table-cell/>", ods_cell("string", name))
    for content in (out.getvalue(), ods(rows)):
        found = read_sheet("a", content)
        assert [row.cells[1].value for row in found.rows] == ["浙江"] * 3
        assert found.filled_down == {(2, 1): "A1:A3", (3, 1): "A1:A3"}


def test_a_formula_counts_by_its_result_and_an_error_is_one() -> None:
    calculated = ods_cell("float", "3", 'table:formula="of:=1+2"')
    broken = ods_cell("string", "", 'table:formula="of:=1/0" calcext:value-type="error" xmlns:calcext="urn:c"')
    cells = read_sheet("a.ods", ods(ods_row(calculated, broken))).rows[0].cells
    assert cells[1].value == 3
    with pytest.raises(AmbiguousCell) as error:
        read_number(cells[2])
    assert error.value.code == "error"


# -- hostile files ---------------------------------------------------------------------------------------


def far_corner() -> bytes:
    """Return an .xls of 6 KB for which calamine asks for 670 MB."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    sheet.write(0, 0, 1)
    sheet.write(65_535, 255, 1)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


ONE = ods_cell("float", "1")
WIDE = ods_cell("float", "1", 'table:number-columns-repeated="16384"')
ENTITY = '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'


def ods_rows(count: str) -> bytes:
    return ods(ods_row(ONE, attributes=f'table:number-rows-repeated="{count}"'))


REJECTED = {
    "a far corner": (far_corner(), "bomb"),
    "no workbook": (OLE + b"\x00" * 600, "damaged"),
    "cut short": (xls_bytes((1,))[:2_000], "damaged"),
    "a macro": (xls_bytes((1,)) + "_VBA_PROJECT".encode("utf-16-le"), "macro"),
    "a password": (OLE + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
    "columns": (xls_bytes((None,) * 200 + (1,)), "too_many_columns"),
    "no cells": (xls_bytes(()), "empty"),
    "ods: a cell repeated": (ods(ods_row(WIDE)), "too_many_columns"),
    "ods: rows repeated": (ods_rows("1048576"), "too_many_cells"),
    "ods: rows": (ods_rows("50001"), "too_many_rows"),
    "ods: a number of repeats that is none": (ods_rows("-1"), "damaged"),
    "ods: no cells": (ods(""), "empty"),
    "ods: macros": (ods(ods_row(ONE), Basic__Standard__a="x"), "macro"),
    "ods: a password": (
        ods(ods_row(ONE), **{"META-INF__manifest.xml": f"<m {NAMESPACES}><manifest:encryption-data/></m>"}),
        "encrypted",
    ),
    "ods: a document type": (ods(ods_row(ONE), **{"content.xml": ENTITY}), "entity"),
    "ods: no XML": (ods(ods_row(ONE), **{"content.xml": "<x>"}), "damaged"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_hostile_or_damaged_file_is_rejected(name: str) -> None:
    content, code = REJECTED[name]
    assert code_of(content) == code


def test_a_reader_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "endless.py"
    script.write_text("while True: pass\n", encoding="utf-8")
    monkeypatch.setattr(calamine_reader, "SCRIPT", script)
    monkeypatch.setattr(calamine_reader, "TIMEOUT", 0.5)
    assert code_of(xls_bytes((1,))) == "bomb"


# -- the file that comes back ----------------------------------------------------------------------------


def test_the_rows_come_back_as_xlsx() -> None:
    sheet = read_sheet("名单.xls", xls_bytes(("编号", "值"), ("007", 1.5)))
    back = annotated_rows(sheet, 1, (3, 4), ("result", "reason"), {2: ("error", "why")}, [(2, 2)])
    found = read_sheet("back.xlsx", back)
    assert [[cell.value for cell in row.cells.values()] for row in found.rows] == [
        ["编号", "值", "result", "reason"],
        ["007", 1.5, "error", "why"],
    ]
