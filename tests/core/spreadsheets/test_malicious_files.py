"""Malicious and unsupported files are rejected by name with a remedy, at once and without unpacking them."""

import io
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest

from core.spreadsheets.reading.cells import SheetCell, SheetRow, UnreadableFile
from core.spreadsheets.reading.reader import read_sheet, sheet_names
from tests.core.spreadsheets.raw_workbooks import (
    MAIN,
    WORKBOOK_TYPE,
    content_types,
    relationships_xml,
    shared_strings_xml,
    sheet_xml,
    workbook_bytes,
    workbook_xml,
    zip_package,
)

GOOD = sheet_xml("<row><c><v>1</v></c></row>")
SHEET = "xl/worksheets/sheet1.xml"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 500
LAUGHS = '<!DOCTYPE lolz [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12)
)
LAUGHS += "]>" + GOOD.replace("<v>1</v>", "<v>&m;</v>")
EXTERNAL = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + GOOD.replace("<v>1</v>", "<v>&e;</v>")


def zipped(members: dict[str, bytes], packing: int = ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with ZipFile(out, "w", packing) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return out.getvalue()


def twice() -> bytes:
    """Return a workbook with a duplicate member in different case."""
    out = io.BytesIO(workbook_bytes(members={SHEET: GOOD}))
    with ZipFile(out, "a") as target:
        target.writestr("xl/worksheets/SHEET1.xml", GOOD)
    return out.getvalue()


def bomb_of_300_mb() -> bytes:
    """Return a sheet of zeros in 300 KB, written in chunks."""
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as target, target.open(SHEET, "w") as member:
        for _ in range(300):
            member.write(b"0" * 2**20)
    assert len(out.getvalue()) < 320_000
    return out.getvalue()


def endless_directory() -> bytes:
    """Return a zip whose directory lists the same empty member 400,000 times."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    number = 400_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFE, 0xFFFE, len(entry) * number, 4, 0)
    return b"PK\x03\x04" + entry * number + end


def lying() -> bytes:
    """Return a workbook whose directory claims that its sheet of 20 MB unpacks to 100 bytes."""
    content = workbook_bytes(members={SHEET: GOOD.replace("<v>", "<v>" + " " * 20 * 2**20)})
    size = struct.pack("<L", len(GOOD) + 20 * 2**20)
    assert content.count(size) == 2
    return content.replace(size, struct.pack("<L", 100))


def overlapping() -> bytes:
    """Return a workbook with overlapping members: the directory names one of them many times."""
    content = zipped({f"xl/a{n:03d}": b"x" * 10_000 for n in range(50)})
    start = content.index(b"PK\x01\x02")
    sizes = struct.pack("<LL", len(zlib.compress(b"x" * 10_000)) - 6, 10_000)
    return content[:start] + content[start:].replace(sizes, struct.pack("<LL", 2**20, 2**20))


def encrypted_member() -> bytes:
    content = bytearray(workbook_bytes(members={SHEET: GOOD}))
    place = content.index(b"PK\x01\x02")
    content[place + 8] |= 1
    return bytes(content)


def broken() -> bytes:
    """Return a workbook with one wrong bit in its sheet."""
    content = bytearray(workbook_bytes(members={SHEET: GOOD}))
    place = bytes(content).index(SHEET.encode()) + len(SHEET) + 20
    content[place] ^= 1
    return bytes(content)


def long_tag() -> bytes:
    return workbook_bytes(members={SHEET: f'<worksheet a="{"x" * 6_000_000}"/>'})


HOSTILE = {
    "no bytes": (b"", "empty"),
    "only zeros": (b"\x00" * 4096, "empty"),
    "old excel": (OLE + "Workbook".encode("utf-16-le"), "damaged"),
    "password": (OLE + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
    "csv as xlsx": (b"a,b\n1,2\n", "not_a_workbook"),
    "web page": (b"<html><table><tr><td>1</td></tr></table></html>", "not_a_workbook"),
    "xml of 2003": (b'\xef\xbb\xbf<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>', "not_a_workbook"),
    "cut short": (workbook_bytes(members={SHEET: GOOD})[:-40], "damaged"),
    "only a beginning": (b"PK\x03\x04", "damaged"),
    "a zip of nothing": (b"PK\x05\x06" + b"\x00" * 18, "not_a_workbook"),
    "broken bytes": (broken(), "damaged"),
    "docx": (
        zip_package(
            {
                "_rels/.rels": relationships_xml(("officeDocument", "word/document.xml")),
                "word/document.xml": "<document/>",
            }
        ),
        "not_a_workbook",
    ),
    "jar": (zipped({"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0", "a.class": b"\xca\xfe"}), "not_a_workbook"),
    "ods": (
        zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<x/>"}),
        "not_a_workbook",
    ),
    "xlsb": (
        zip_package(
            {"_rels/.rels": relationships_xml(("officeDocument", "xl/workbook.bin")), "xl/workbook.bin": b"\x83\x01"}
        ),
        "not_a_workbook",
    ),
    "macro": (workbook_bytes(members={SHEET: GOOD, "xl/vbaProject.bin": b"\x00"}), "macro"),
    "macro by type": (
        workbook_bytes(
            members={
                SHEET: GOOD,
                "[Content_Types].xml": content_types("application/vnd.ms-excel.sheet.macroEnabled.main+xml"),
            }
        ),
        "macro",
    ),
    "macro sheet": (workbook_bytes(members={SHEET: GOOD, "xl/macrosheets/sheet1.xml": "<x/>"}), "macro"),
    "laughs": (workbook_bytes(members={SHEET: LAUGHS}), "entity"),
    "laughs in utf-16": (workbook_bytes(members={SHEET: LAUGHS.encode("utf-16")}), "entity"),
    "external entity": (workbook_bytes(members={SHEET: EXTERNAL}), "entity"),
    "entity in the workbook": (workbook_bytes(members={"xl/workbook.xml": "<!DOCTYPE x>" + workbook_xml()}), "entity"),
    "entity in the texts": (
        workbook_bytes(members={SHEET: GOOD, "xl/sharedStrings.xml": "<!DOCTYPE x>" + shared_strings_xml()}),
        "entity",
    ),
    "entity in the styles": (workbook_bytes(members={SHEET: GOOD, "xl/styles.xml": "<!DOCTYPE x><a/>"}), "entity"),
    "entity in the types": (workbook_bytes(members={SHEET: GOOD, "[Content_Types].xml": "<!DOCTYPE x><a/>"}), "entity"),
    "entity in relations": (workbook_bytes(members={SHEET: GOOD, "_rels/.rels": "<!DOCTYPE x><a/>"}), "entity"),
    "300 MB": (bomb_of_300_mb(), "bomb"),
    "60 MB of nothing": (workbook_bytes(members={SHEET: GOOD.replace("<v>", " " * 60 * 2**20 + "<v>")}), "bomb"),
    "10,000 members": (zipped({f"xl/{n}": b"" for n in range(10_000)}), "bomb"),
    "1,001 members": (workbook_bytes(members={SHEET: GOOD} | {f"xl/{n}": "x" for n in range(997)}), "bomb"),
    "400,000 members": (endless_directory(), "bomb"),
    "104 MB in pieces": (zipped({f"xl/{n}": b"0" * 8 * 2**20 for n in range(13)}), "bomb"),
    "overlapping": (overlapping(), "bomb"),
    "lying": (lying(), "damaged"),
    "twice": (twice(), "damaged"),
    "nested": (workbook_bytes(members={SHEET: GOOD, "xl/media/a.zip": b"PK"}), "nested"),
    "up": (workbook_bytes(members={SHEET: GOOD, "xl/../../etc/passwd": b"x"}), "unsafe_name"),
    "up by backslash": (workbook_bytes(members={SHEET: GOOD, "..\\a": b"x"}), "unsafe_name"),
    "absolute": (workbook_bytes(members={SHEET: GOOD, "/etc/passwd": b"x"}), "unsafe_name"),
    "drive": (workbook_bytes(members={SHEET: GOOD, "C:/a": b"x"}), "unsafe_name"),
    "other packing": (zipped({"xl/workbook.xml": workbook_xml().encode()}, ZIP_BZIP2), "damaged"),
    "encrypted member": (encrypted_member(), "encrypted"),
    "deep": (workbook_bytes(members={SHEET: "<a>" * 2_000_000}), "bomb"),
    "long tag": (long_tag(), "bomb"),
    "long remark": (workbook_bytes(members={SHEET: f"<a><!--{'x' * 6_000_000}--></a>"}), "bomb"),
    "many merged": (
        workbook_bytes("<row><c><v>1</v></c></row>" * 2, '<mergeCells><mergeCell ref="A1:A2"/></mergeCells>' * 100_001),
        "bomb",
    ),
    "merged over and over": (
        workbook_bytes(
            "<row><c><v>1</v></c></row>" * 1_000, '<mergeCells><mergeCell ref="A1:A1048576"/></mergeCells>' * 5_000
        ),
        "bomb",
    ),
    "not XML": (workbook_bytes(members={SHEET: "<worksheet><sheetData></worksheet>"}), "damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_foreign_file_is_rejected_at_once(name: str) -> None:
    content, code = HOSTILE[name]
    began = time.process_time()
    with pytest.raises(UnreadableFile) as refusal:
        read_sheet("名单.xlsx", content)
    assert refusal.value.code == code
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "name", [name for name in HOSTILE if HOSTILE[name][1] not in {"empty", "damaged", "bomb", "entity"}]
)
def test_the_names_of_its_sheets_are_not_shown_either(name: str) -> None:
    with pytest.raises(UnreadableFile) as refusal:
        sheet_names("名单.xlsx", HOSTILE[name][0])
    assert refusal.value.code == HOSTILE[name][1]


MEASURE = """
import resource, sys
from pathlib import Path
import django
django.setup()
from core.spreadsheets.reading.cells import UnreadableFile
from core.spreadsheets.reading.reader import read_sheet
content = Path(sys.argv[1]).read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_sheet("a.xlsx", content)
except UnreadableFile:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.process
@pytest.mark.parametrize(
    "name", ["laughs", "300 MB", "60 MB of nothing", "400,000 members", "lying", "deep", "long tag"]
)
def test_a_bomb_costs_less_than_20_mb(name: str, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.xlsx"
    bomb.write_bytes(HOSTILE[name][0])
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "1", "DATABASE_URL": "sqlite://:memory:"}
    run = subprocess.run([sys.executable, "-c", MEASURE, str(bomb)], capture_output=True, env=settings, check=True)  # noqa: S603
    kilobytes = int(run.stdout) // (1024 if sys.platform == "darwin" else 1)
    assert kilobytes < 20 * 1024


def test_links_to_other_files_and_pictures_are_passed_over() -> None:
    """A linked workbook keeps its cached values; nothing is fetched."""
    link = '<externalLink><ddeLink ddeService="cmd" ddeTopic="/C calc"/></externalLink>'
    content = workbook_bytes(
        "<row><c><f>[1]Sheet1!A1</f><v>7</v></c></row>",
        members={
            "xl/_rels/workbook.xml.rels": relationships_xml(
                ("worksheet", "worksheets/sheet1.xml"), ("externalLink", "externalLinks/externalLink1.xml")
            ),
            "xl/externalLinks/externalLink1.xml": link,
            "xl/connections.xml": "<!DOCTYPE never-read><x/>",
            "xl/embeddings/oleObject1.bin": b"\xd0\xcf\x11\xe0",
            "xl/embeddings/sheet.xlsx": b"PK\x03\x04",
        },
    )
    assert read_sheet("a.xlsx", content).rows == [SheetRow(1, {1: SheetCell(7)})]


def test_many_rows_alike_are_no_bomb() -> None:
    """20,000 rows that differ in a number alone, without addresses, as a report generator writes them."""
    name = '<c t="inlineStr"><is><t>福建省人民政府办公厅</t></is></c>'
    rows = "".join(f"<row><c><v>{number}</v></c>{name * 11}</row>" for number in range(20_000))
    content = workbook_bytes(rows)
    assert len(rows.encode()) / len(content) > 100
    assert len(read_sheet("a.xlsx", content).rows) == 20_000


def test_a_workbook_is_one_under_any_name_and_as_a_template() -> None:
    template = WORKBOOK_TYPE.replace("sheet.main", "template.main")
    content = workbook_bytes(members={SHEET: GOOD, "[Content_Types].xml": content_types(template)})
    assert [read_sheet(name, content).file_format for name in ("a.csv", "a.xltx", "a")] == ["xlsx"] * 3


def test_a_stored_member_and_a_missing_list_of_types_are_read() -> None:
    parts = {
        "xl/workbook.xml": workbook_xml().encode(),
        "xl/_rels/workbook.xml.rels": relationships_xml(("worksheet", "worksheets/sheet1.xml")).encode(),
        SHEET: f'<worksheet xmlns="{MAIN}"><sheetData><row><c><v>1</v></c></row></sheetData></worksheet>'.encode(),
    }
    assert read_sheet("a.xlsx", zipped(parts, ZIP_STORED)).rows == [SheetRow(1, {1: SheetCell(1)})]
