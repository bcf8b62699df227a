"""Hostile and foreign files are rejected by name with a remedy, at once, and never end the process."""

import io
import struct
import time
import zlib
from zipfile import ZipFile

import pytest

from core.spreadsheets.cells import SheetCell, SheetRow, UnreadableFile
from core.spreadsheets.reader import read_sheet
from tests.core.spreadsheets.raw_workbooks import relationships_xml, sheet_xml, workbook_bytes, zip_package

MERGED = '<mergeCell ref="A1:A1048576"/>'
CELL = "<row><c><v>1</v></c></row>"
GOOD = sheet_xml(CELL)
SHEET = "xl/worksheets/sheet1.xml"
ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


def changed(**members: str) -> bytes:
    return workbook_bytes(members={SHEET: GOOD, **members})


def endless_directory() -> bytes:
    """Return a zip whose directory lists the same empty member 400,000 times."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    number = 400_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFE, 0xFFFE, len(entry) * number, 4, 0)
    return b"PK\x03\x04" + entry * number + end


def lying() -> bytes:
    """Return a workbook whose directory claims that its sheet of 20 MB unpacks to 100 bytes."""
    content = workbook_bytes(members={SHEET: GOOD.replace("<v>", "<v>" + " " * 20 * 2**20)})
    return content.replace(struct.pack("<L", len(GOOD) + 20 * 2**20), struct.pack("<L", 100))


def overlapping() -> bytes:
    """Return a zip whose directory names more bytes than there are."""
    content = zip_package({f"xl/a{n:03d}": b"x" * 10_000 for n in range(50)})
    start = content.index(b"PK\x01\x02")
    sizes = struct.pack("<LL", len(zlib.compress(b"x" * 10_000)) - 6, 10_000)
    return content[:start] + content[start:].replace(sizes, struct.pack("<LL", 2**20, 2**20))


def twice() -> bytes:
    out = io.BytesIO(changed())
    with ZipFile(out, "a") as target:
        target.writestr(SHEET.upper(), GOOD)
    return out.getvalue()


def flipped(place_of: bytes, distance: int) -> bytes:
    """Return a workbook with one other bit, so far behind the bytes named."""
    content = bytearray(changed())
    content[bytes(content).index(place_of) + distance] ^= 1
    return bytes(content)


HOSTILE = {
    "no bytes": (b"", "empty"),
    "password": (OLE + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
    "web page": (b"<html><table><tr><td>1</td></tr></table></html>", "not_a_workbook"),
    "cut short": (changed()[:-40], "damaged"),
    "only a beginning": (b"PK\x03\x04", "damaged"),
    "broken bytes": (flipped(SHEET.encode(), len(SHEET) + 20), "damaged"),
    ".xls": (OLE + b"\x00" * 600, "not_a_workbook"),
    ".ods": (zip_package({"mimetype": ODS_TYPE, "content.xml": "<x/>"}), "not_a_workbook"),
    "macro": (changed(**{"xl/vbaProject.bin": "x"}), "macro"),
    "entity in the sheet": (workbook_bytes(members={SHEET: ENTITY + GOOD}), "entity"),
    "entity in utf-16": (workbook_bytes(members={SHEET: (ENTITY + GOOD).encode("utf-16")}), "entity"),
    "entity in the texts": (changed(**{"xl/sharedStrings.xml": ENTITY + "<sst><si><t>&e;</t></si></sst>"}), "damaged"),
    "60 MB of nothing": (workbook_bytes(members={SHEET: GOOD.replace("<v>", " " * 60 * 2**20 + "<v>")}), "bomb"),
    "1,001 members": (changed(**{f"xl/{n}": "x" for n in range(997)}), "bomb"),
    "400,000 members": (endless_directory(), "bomb"),
    "overlapping": (overlapping(), "bomb"),
    "lying": (lying(), "damaged"),
    "twice": (twice(), "damaged"),
    "encrypted member": (flipped(b"PK\x01\x02", 8), "encrypted"),
    "deep": (workbook_bytes(members={SHEET: "<a>" * 2_000_000}), "bomb"),
    "not XML": (workbook_bytes(members={SHEET: "<worksheet><sheetData></worksheet>"}), "damaged"),
    "no sheet": (workbook_bytes(members={SHEET: ""}), "damaged"),
    "merged over and over": (
        workbook_bytes(CELL * 1_000, f"<mergeCells>{MERGED * 5_000}</mergeCells>"),
        "bomb",
    ),
    "a far cell": (workbook_bytes(CELL + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "too_many_rows"),
    "a far formula": (workbook_bytes(CELL + '<row><c r="A50001"><f>1</f></c></row>'), "too_many_rows"),
    "a far row behind a near cell": (
        workbook_bytes(CELL + f'<row r="{2**64 - 1}"><c r="A2"><v>1</v></c><c><v>1</v></c></row>'),
        "too_many_rows",
    ),
    "a far cell in the limits": (workbook_bytes(CELL + '<row><c r="GR9000"><v>1</v></c></row>'), "too_many_cells"),
    "an address": (workbook_bytes('<row r="1"><c r="1"><v>1</v></c></row>'), "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_foreign_file_is_rejected_at_once(name: str) -> None:
    content, code = HOSTILE[name]
    began = time.process_time()
    with pytest.raises(UnreadableFile) as refusal:
        read_sheet("名单.xlsx", content)
    assert refusal.value.code == code
    assert time.process_time() - began < 2


def test_empty_cells_far_out_do_no_harm() -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c><c r="XFD1" s="1"/></row><row r="1048576"><c r="A1048576" s="1"/></row>'
    assert read_sheet("a.xlsx", workbook_bytes(rows)).rows == [SheetRow(1, {1: SheetCell(1)})]


def test_links_to_other_files_and_what_is_embedded_are_passed_over() -> None:
    """A linked workbook keeps its saved values; nothing is fetched."""
    members = {
        "xl/_rels/workbook.xml.rels": relationships_xml(
            ("worksheet", "worksheets/sheet1.xml"), ("externalLink", "externalLinks/externalLink1.xml")
        ),
        "xl/externalLinks/externalLink1.xml": '<externalLink><ddeLink ddeService="cmd"/></externalLink>',
        "xl/connections.xml": "<!DOCTYPE never-read><x/>",
        "xl/embeddings/sheet.xlsx": b"PK\x03\x04",
    }
    content = workbook_bytes("<row><c><f>[1]Sheet1!A1</f><v>7</v></c></row>", members=members)
    assert read_sheet("a.xlsx", content).rows == [SheetRow(1, {1: SheetCell(7)})]


def test_many_rows_alike_are_no_bomb() -> None:
    """20,000 rows that differ in a number alone, without addresses, as a report generator writes them."""
    name = '<c t="inlineStr"><is><t>福建省人民政府办公厅</t></is></c>'
    rows = "".join(f"<row><c><v>{number}</v></c>{name * 11}</row>" for number in range(20_000))
    content = workbook_bytes(rows)
    assert len(rows.encode()) / len(content) > 100
    assert len(read_sheet("a.xlsx", content).rows) == 20_000
