"""Scans of a workbook before calamine opens it: how far its sheets reach, and what calamine does not tell."""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from posixpath import join, normpath
from typing import Any, Literal
from zipfile import ZipFile

from django.utils.translation import gettext as _
from olefile import OleFileIO
from openpyxl.styles.numbers import BUILTIN_FORMATS
from openpyxl.utils.cell import coordinate_to_tuple

from core.spreadsheets.reading.cells import Extent, FileFormat, Place, UnreadableFile
from core.spreadsheets.reading.safe_zip import member_names, open_zip, read_elements

TRUE_VALUES = {"1", "true"}
MACROS = re.compile(r"vbaproject\.bin$|/macrosheets/|^basic/|^scripts/", re.IGNORECASE)
LITERALS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')  # of a number format
CHINESE_MONTHS = dict.fromkeys((27, 36, 50, 52, 57), "yyyy年m月")  # built-in formats of mainland China
XLS_CELLS = {0x06, 0xBD, 0xFD, 0x203, 0x204, 0x205, 0x27E}  # records of an .xls that begin with row and column
XLS_SHEET, XLS_SIZE, XLS_TEXTS, XLS_NUMBERS = 0x809, 0x200, 0xFC, 0xBD


@dataclass
class SheetDetails:
    """What calamine does not tell about a sheet."""

    untold: Literal["", "xls", "ods"] = ""  # the kind of file, where it does not tell the number formats either
    formats: dict[Place, dict[str, Any]] = field(default_factory=dict)  # attributes of the SheetCell
    formulas: set[Place] = field(default_factory=set)  # those that may have no result
    stale: bool = False  # 0 is no result: the program that wrote the file left the calculation to Excel
    errors: set[Place] = field(default_factory=set)
    hidden: set[int] = field(default_factory=set)
    merged: list[tuple[Place, Place]] = field(default_factory=list)  # in .ods; first and last cell
    epoch1904: bool = False


def scan_workbook(file_format: FileFormat, content: bytes) -> Callable[[str], SheetDetails]:
    """Return the function that gives the details of a sheet. Raises UnreadableFile for a hostile file, any error for a
    damaged one.
    """
    if file_format == "xls":
        scan_xls(content)
        return lambda _title: SheetDetails(untold="xls")
    parts = open_zip(content)
    names = member_names(parts)
    if ("content.xml" if file_format == "ods" else "xl/workbook.xml") not in names:
        text = _("This is no Excel workbook, but another kind of file. Open it in Excel or WPS and save it as .xlsx.")
        raise UnreadableFile("not_a_workbook", text)
    if any(map(MACROS.search, names)):
        raise UnreadableFile("macro")
    return scan_ods(parts, names) if file_format == "ods" else scan_xlsx(parts, names)


def scan_xls(content: bytes) -> None:
    """Look at the records of an .xls: cells, the extent that a sheet claims, and the number of texts.

    A record is its type, its length and its data.
    """
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise UnreadableFile("encrypted")
    if "_VBA_PROJECT".encode("utf-16-le") in content:
        raise UnreadableFile("macro")
    extent, place = Extent(), 0
    book = OleFileIO(content)
    stream = book.openstream("Workbook" if book.exists("Workbook") else "Book").read()
    while place + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, place)
        data, place = stream[place + 4 : place + 4 + length], place + 4 + length
        if kind == XLS_SHEET:
            extent.next_sheet()
        elif kind == XLS_SIZE and length >= 12:
            extent.reach(*struct.unpack_from("<4xI2xH", data))
        elif kind == XLS_TEXTS and struct.unpack_from("<4xI", data)[0] > len(stream):
            raise UnreadableFile("bomb")
        elif kind in XLS_CELLS:
            row, column = struct.unpack_from("<HH", data)
            extent.reach(row + 1, 1 + (struct.unpack("<H", data[-2:])[0] if kind == XLS_NUMBERS else column))


def parse_format(code: str) -> dict[str, Any]:
    """Return what a number format says of its cell, as attributes of it; its section for positive numbers counts."""
    spoken = LITERALS.sub("", code).split(";")[0].lower()
    bare = re.sub(r"\[[^\]]*\]", "", code).split(";")[0].strip()
    if set(spoken) & set("ye") and not set(spoken) & set("dhsg0"):  # g of General
        return {"precision": "month" if "m" in spoken else "year"}
    if "%" in spoken:
        return {"percent": True}
    return {"leading_zeros": len(bare)} if re.fullmatch("0{2,}", bare) else {}


def scan_xlsx(parts: ZipFile, names: dict[str, str]) -> Callable[[str], SheetDetails]:
    """Read the sheets, the calendar and the number formats of an .xlsx; a sheet is scanned when it is read."""
    relations: dict[str, str] = {}  # by name of a sheet
    members: dict[str, str] = {}  # by relation
    codes = {str(number): code for number, code in (BUILTIN_FORMATS | CHINESE_MONTHS).items()}
    styles: list[dict[str, Any]] = []  # of the cells; those of the named styles come before
    book = SheetDetails()
    for part in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"):
        for tag, attributes in read_elements(parts, names[part]) if part in names else ():
            match tag:
                case "workbookPr":
                    book.epoch1904 = attributes.get("date1904") in TRUE_VALUES
                case "calcPr":
                    book.stale = attributes.get("fullCalcOnLoad") in TRUE_VALUES
                case "sheet":
                    relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
                    relations[attributes.get("name", "")] = relation
                case "Relationship":
                    target = normpath(join("/xl", attributes.get("Target", "").replace("\\", "/")))
                    members[attributes.get("Id", "")] = target.lstrip("/").casefold()
                case "numFmt":
                    codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
                case "cellXfs":
                    styles.clear()
                case "xf":
                    styles.append(parse_format(codes.get(attributes.get("numFmtId", "0"), "")))
    marked = {str(index): form for index, form in enumerate(styles) if form}
    return lambda title: scan_sheet(parts, names[members[relations[title]]], marked, book)


def scan_sheet(parts: ZipFile, member: str, styles: dict[str, dict[str, Any]], found: SheetDetails) -> SheetDetails:
    """Scan a sheet of an .xlsx: extent, number formats, formulas, errors and hidden rows.

    A cell stands after the one before unless it says where.
    """
    extent, row, place, kind = Extent(), 0, (0, 0), ""
    for tag, attributes in read_elements(parts, member):
        match tag:
            case "row":
                row = int(attributes.get("r", row + 1))
                place = row, 0
                if attributes.get("hidden") in TRUE_VALUES:
                    found.hidden.add(row)
            case "c":
                place = coordinate_to_tuple(attributes["r"]) if attributes.get("r") else (row, place[1] + 1)
                kind = attributes.get("t", "")
                if kind == "e":
                    found.errors.add(place)
                elif form := styles.get(attributes.get("s", "")):
                    found.formats[place] = form
            case "f" if kind != "e":
                extent.reach(*place)
                found.formulas.add(place)
            case "v" | "is":
                extent.reach(*place)
                if kind == "str":  # a text may be empty
                    found.formulas.discard(place)
    return found


def scan_ods(parts: ZipFile, names: dict[str, str]) -> Callable[[str], SheetDetails]:
    """Scan all cells of an .ods, repeated ones included: extent, percentages, errors and merged cells."""
    manifest = names.get("meta-inf/manifest.xml")
    if manifest and any(tag == "encryption-data" for tag, _attributes in read_elements(parts, manifest)):
        raise UnreadableFile("encrypted")
    sheets: dict[str, SheetDetails] = {}
    found, extent = SheetDetails(untold="ods"), Extent()
    row, rows, column = 0, 1, 0
    for tag, attributes in read_elements(parts, names["content.xml"]):
        match tag:
            case "table":
                found = sheets.setdefault(attributes.get("table:name", ""), SheetDetails(untold="ods"))
                extent.next_sheet()
                row, rows = 0, 1
            case "table-row":
                row, column = row + rows, 0
                rows = int(attributes.get("table:number-rows-repeated", 1))
            case "table-cell" | "covered-table-cell":
                left, last = column + 1, row + rows - 1
                column += int(attributes.get("table:number-columns-repeated", 1))
                height = int(attributes.get("table:number-rows-spanned", 1))
                width = int(attributes.get("table:number-columns-spanned", 1))
                if height > 1 or width > 1:
                    found.merged.append(((row, left), (row + height - 1, left + width - 1)))
                if not attributes.get("office:value-type"):
                    continue
                extent.reach(last, column)
                places = [(r, c) for r in range(row, last + 1) for c in range(left, column + 1)]
                if attributes["office:value-type"] == "percentage":
                    found.formats.update({place: {"percent": True} for place in places})
                elif attributes.get("calcext:value-type") == "error":
                    found.errors.update(places)
    return lambda title: sheets.get(title) or SheetDetails(untold="ods")
