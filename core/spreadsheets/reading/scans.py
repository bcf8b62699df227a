"""Scans of a workbook before calamine opens it: how far its sheets reach, and what calamine does not tell.

What a file claims to hold calamine makes at once, in memory that nobody limits: a far cell alone would end the process.
"""

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

from core.spreadsheets.reading.cells import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    FileFormat,
    Place,
    UnreadableFile,
    cell_name,
)
from core.spreadsheets.reading.safe_zip import (
    Attributes,
    damaged_error,
    encrypted_error,
    open_zip,
    scan_xml,
    zip_bomb_error,
)

TRUE_VALUES = {"1", "true"}
MACROS = re.compile(r"vbaproject\.bin$|/macrosheets/|^basic/|^scripts/", re.IGNORECASE)
LITERALS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')  # of a number format
CHINESE_MONTHS = dict.fromkeys((27, 36, 50, 52, 57), "yyyy年m月")  # built-in formats of mainland China
XLS_CELLS = {0x06, 0xBD, 0xFD, 0x203, 0x204, 0x205, 0x27E}  # records of an .xls that begin with row and column
XLS_SHEET, XLS_SIZE, XLS_TEXTS, XLS_NUMBERS = 0x809, 0x200, 0xFC, 0xBD


class Extent:
    """How far the sheets of a workbook reach: calamine makes every cell of the rectangle that a sheet fills."""

    def __init__(self) -> None:
        self.row, self.column, self.before = 0, 0, 0  # of the present sheet; cells of the sheets before it

    def next_sheet(self) -> None:
        self.row, self.column, self.before = 0, 0, self.before + self.row * self.column

    def reach(self, row: int, column: int) -> None:
        """Reject a cell beyond the rows and columns of any list, and more cells than any list has."""
        self.row, self.column = max(self.row, row), max(self.column, column)
        if row > MAX_ROWS:
            text = _("The sheet has more than %(limit)s rows. Split it into several files.")
            raise UnreadableFile("too_many_rows", text % {"limit": MAX_ROWS})
        if column > MAX_COLUMNS:
            text = _(
                "Cell %(cell)s lies beyond the first %(limit)s columns. Move the list to the left, or empty the cell."
            )
            labels = {"cell": cell_name(row, min(column, 2**14)), "limit": MAX_COLUMNS}
            raise UnreadableFile("too_many_columns", text % labels)
        if self.before + self.row * self.column > MAX_CELLS:
            text = _(
                "The sheet has more than %(limit)s cells. Split it into several files, or delete columns not needed."
            )
            raise UnreadableFile("too_many_cells", text % {"limit": MAX_CELLS})


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
    """Return the function that gives the details of a sheet. Raises UnreadableFile for hostile and damaged files."""
    if file_format == "xls":
        scan_xls(content)
        return lambda _title: SheetDetails(untold="xls")
    parts = open_zip(content)
    names = {name.replace("\\", "/").casefold(): name for name in parts.namelist()}
    main = "content.xml" if file_format == "ods" else "xl/workbook.xml"
    if main not in names:
        text = _("This is no Excel workbook, but another kind of file. Open it in Excel or WPS and save it as .xlsx.")
        raise UnreadableFile("not_a_workbook", text)
    if any(map(MACROS.search, names)):
        raise macro_error()
    try:
        scan = OdsScan(parts, names) if file_format == "ods" else XlsxScan(parts, names)
    except ValueError as error:  # of an address or a number
        raise damaged_error() from error
    return scan.sheet


def macro_error() -> UnreadableFile:
    return UnreadableFile("macro", _("The workbook holds macros. Save it as .xlsx, without macros."))


# -- .xls ----------------------------------------------------------------------------------------------------


def scan_xls(content: bytes) -> None:
    """Look at the records of an .xls: cells, the extent that a sheet claims, and the number of texts.

    A record is its type, its length and its data.
    """
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise encrypted_error()
    if "_VBA_PROJECT".encode("utf-16-le") in content:
        raise macro_error()
    extent, place = Extent(), 0
    try:
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
                raise zip_bomb_error()
            elif kind in XLS_CELLS:
                row, column = struct.unpack_from("<HH", data)
                extent.reach(row + 1, 1 + (struct.unpack("<H", data[-2:])[0] if kind == XLS_NUMBERS else column))
    except UnreadableFile:
        raise
    except Exception as error:  # olefile raises any error for a damaged file
        raise damaged_error() from error


# -- .xlsx ---------------------------------------------------------------------------------------------------


def parse_format(code: str) -> dict[str, Any]:
    """Return what a number format says of its cell, as attributes of it; its section for positive numbers counts."""
    spoken = LITERALS.sub("", code).split(";")[0].lower()
    bare = re.sub(r"\[[^\]]*\]", "", code).split(";")[0].strip()
    if set(spoken) & set("ye") and not set(spoken) & set("dhsg0"):  # g of General
        return {"precision": "month" if "m" in spoken else "year"}
    if "%" in spoken:
        return {"percent": True}
    return {"leading_zeros": len(bare)} if re.fullmatch("0{2,}", bare) else {}


class XlsxScan:
    """Scan of the parts of an .xlsx; of a sheet when it is read: number formats, formulas, errors, hidden rows."""

    def __init__(self, parts: ZipFile, names: dict[str, str]) -> None:
        self.parts, self.names = parts, names
        self.relations: dict[str, str] = {}  # by name of a sheet
        self.members: dict[str, str] = {}  # by relation
        self.codes = {str(number): code for number, code in (BUILTIN_FORMATS | CHINESE_MONTHS).items()}
        self.styles: list[dict[str, Any]] | None = None  # of the cells; those of the named styles come before
        self.stale = self.epoch1904 = False
        self.found, self.extent = SheetDetails(), Extent()
        self.row, self.place, self.kind = 0, (0, 0), ""
        for name in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"):
            if name in names:
                scan_xml(parts, names[name], self.read_part)

    def read_part(self, tag: str, attributes: Attributes) -> None:
        match tag:
            case "workbookPr":
                self.epoch1904 = attributes.get("date1904") in TRUE_VALUES
            case "calcPr":
                self.stale = attributes.get("fullCalcOnLoad") in TRUE_VALUES
            case "sheet":
                relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
                self.relations[attributes.get("name", "")] = relation
            case "Relationship":
                target = normpath(join("/xl", attributes.get("Target", "").replace("\\", "/")))
                self.members[attributes.get("Id", "")] = target.lstrip("/").casefold()
            case "numFmt":
                self.codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
            case "cellXfs":
                self.styles = []
            case "xf" if self.styles is not None:
                self.styles.append(parse_format(self.codes.get(attributes.get("numFmtId", "0"), "")))

    def sheet(self, title: str) -> SheetDetails:
        member = self.members.get(self.relations.get(title, ""), "")
        self.found = SheetDetails(stale=self.stale, epoch1904=self.epoch1904)
        self.extent, self.row = Extent(), 0
        self.marked = {str(index): form for index, form in enumerate(self.styles or []) if form}
        try:
            scan_xml(self.parts, self.names[member], self.read_element)
        except (KeyError, ValueError) as error:  # of an address
            raise damaged_error(title) from error
        return self.found

    def read_element(self, tag: str, attributes: Attributes) -> None:
        match tag:
            case "row":
                self.row = int(attributes.get("r", self.row + 1))
                self.place = self.row, 0
                if attributes.get("hidden") in TRUE_VALUES:
                    self.found.hidden.add(self.row)
            case "c":
                self.read_cell(attributes)
            case "f" if self.kind != "e":
                self.extent.reach(*self.place)
                self.found.formulas.add(self.place)
            case "v" | "is":
                self.extent.reach(*self.place)
                if self.kind == "str":  # a text may be empty
                    self.found.formulas.discard(self.place)

    def read_cell(self, attributes: Attributes) -> None:
        """Read where a cell stands, after the one before unless it says so, and how it shows its value."""
        place, self.kind = attributes.get("r"), attributes.get("t", "")
        self.place = coordinate_to_tuple(place) if place else (self.row, self.place[1] + 1)
        if self.kind == "e":
            self.found.errors.add(self.place)
        elif form := self.marked.get(attributes.get("s", "")):
            self.found.formats[self.place] = form


# -- .ods ----------------------------------------------------------------------------------------------------


class OdsScan:
    """Scan of all cells of an .ods, repeated ones included; percentages, errors and merged cells."""

    def __init__(self, parts: ZipFile, names: dict[str, str]) -> None:
        self.sheets: dict[str, SheetDetails] = {}
        self.found, self.extent = SheetDetails(untold="ods"), Extent()
        self.row, self.rows, self.column = 0, 1, 0
        for name in ("meta-inf/manifest.xml", "content.xml"):
            if name in names:
                scan_xml(parts, names[name], self.read_element)

    def read_element(self, tag: str, attributes: Attributes) -> None:
        match tag:
            case "encryption-data":
                raise encrypted_error()
            case "table":
                self.found = self.sheets.setdefault(attributes.get("table:name", ""), SheetDetails(untold="ods"))
                self.extent.next_sheet()
                self.row, self.rows = 0, 1
            case "table-row":
                self.row, self.column = self.row + self.rows, 0
                self.rows = int(attributes.get("table:number-rows-repeated", 1))
            case "table-cell" | "covered-table-cell":
                self.read_cell(attributes)

    def read_cell(self, attributes: Attributes) -> None:
        left = self.column + 1
        self.column += int(attributes.get("table:number-columns-repeated", 1))
        last = self.row + self.rows - 1
        height = int(attributes.get("table:number-rows-spanned", 1))
        width = int(attributes.get("table:number-columns-spanned", 1))
        if height > 1 or width > 1:
            self.found.merged.append(((self.row, left), (self.row + height - 1, left + width - 1)))
        kind = attributes.get("office:value-type")
        if not kind:
            return
        self.extent.reach(last, self.column)
        places = [(row, c) for row in range(self.row, last + 1) for c in range(left, self.column + 1)]
        if kind == "percentage":
            self.found.formats.update({place: {"percent": True} for place in places})
        elif attributes.get("calcext:value-type") == "error":
            self.found.errors.update(places)

    def sheet(self, title: str) -> SheetDetails:
        return self.sheets.get(title) or SheetDetails(untold="ods")
