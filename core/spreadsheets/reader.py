"""Reading of uploaded spreadsheets without losing, changing or guessing anything.

The content decides, not the name. `csv` reads text, python-calamine every workbook. A workbook is scanned before: for
bombs, for how far its sheets reach, and for what calamine does not tell.
"""

import codecs
import csv
import datetime
import io
import math
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from posixpath import join, normpath
from typing import Any
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from django.utils.translation import gettext as _
from openpyxl.styles.numbers import BUILTIN_FORMATS
from openpyxl.utils.cell import coordinate_to_tuple
from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum, load_workbook

from core.spreadsheets.cells import (
    MAX_BYTES,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    FileFormat,
    Place,
    Sheet,
    SheetCell,
    SheetRow,
    UnreadableFile,
    cell_name,
)
from core.spreadsheets.writer import FORMULA_PATTERN

ZIP_SIGNATURES, OLE_SIGNATURE = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
WORKBOOK_NAMES = {".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb", ".xls", ".et", ".ett", ".ods"}
WEB_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|table|meta|\?xml|\?mso)", re.IGNORECASE)

BOMS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with BOM"),
    (b"\x84\x31\x95\x33", "gb18030", "GB18030"),
    (b"", "utf-8", "UTF-8"),
)
DELIMITERS = (",", ";", "\t")
SNIFFED_LINES, SNIFFED_TEXT = 20, 1 << 16
CHINESE = re.compile("[\u4e00-\u9fff]")
PRIVATE_USE = re.compile("[\ue000-\uf8ff]")  # what decoding Big5 as GB18030 gives
QUOTED = re.compile(r'"[^"]*+(?:""[^"]*+)*+"')
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?(?:\r\n|\r|\n|$)', re.IGNORECASE)
TEXT_FORMULA = re.compile(r'="([^"]*+(?:""[^"]*+)*+)"')
ERRORS = {"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}

MAX_UNPACKED = 100 * 2**20
MAX_MEMBERS = 1_000
MAX_RATIO = 200  # measured: 20,000 rows that differ in a number only compress up to 140 times; a bomb a thousand times
SMALL_MEMBER = 8 * 2**20  # a member up to this size may have any ratio: it is read in less than a second
MAX_DEPTH = 100  # of elements within each other
UNZIP_ERRORS = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError, KeyError)
TRUE_VALUES = {"1", "true"}
MACROS = re.compile(r"vbaproject\.bin$|/macrosheets/", re.IGNORECASE)
LITERALS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')  # of a number format
CHINESE_MONTHS = dict.fromkeys((27, 36, 50, 52, 57), "yyyy年m月")  # built-in formats of mainland China

csv.field_size_limit(MAX_BYTES)  # a text too long for a cell is an error of its cell


def unpacked_size(name: str, content: bytes) -> int:
    """Return how many bytes there are to read. Raises UnreadableFile."""
    if detect_format(name, content) == "xlsx":
        return sum(member.file_size for member in open_zip(content).infolist())
    return len(content)


def sheet_names(name: str, content: bytes) -> list[str]:
    """Return the visible sheets of a workbook; one without a name for CSV. Raises UnreadableFile."""
    return [""] if detect_format(name, content) == "csv" else open_workbook(content)[1]


def read_sheet(name: str, content: bytes, sheet: str | None = None) -> Sheet:
    """Return one sheet of the file `name`: the first visible one unless another is named. Raises UnreadableFile."""
    return read_csv(content) if detect_format(name, content) == "csv" else read_workbook(content, sheet)


def detect_format(name: str, content: bytes) -> FileFormat:
    """Return how to read the file, by its content. Raises UnreadableFile where it is neither .xlsx nor text."""
    if len(content) > MAX_BYTES:
        raise UnreadableFile("too_large", limit=MAX_BYTES // 2**20)
    if not content.strip(b"\x00"):
        raise UnreadableFile("empty")
    if content.startswith(OLE_SIGNATURE):  # a workbook before 2007, or one of today with a password
        raise UnreadableFile("encrypted" if "EncryptedPackage".encode("utf-16-le") in content else "not_a_workbook")
    if content.startswith(ZIP_SIGNATURES):
        return "xlsx"
    if WEB_PAGE.match(content, 0, 1000):
        text = _("This is a web page or XML, not a workbook. Open it in Excel or WPS and save it as .xlsx.")
        raise UnreadableFile("not_a_workbook", text)
    if PurePosixPath(name.lower()).suffix in WORKBOOK_NAMES:
        text = _(
            "The file is named like a workbook, but is none: it may be text, damaged or locked by another program. "
            "Open it in Excel or WPS and save it as .xlsx; if it is CSV, name it .csv."
        )
        raise UnreadableFile("not_a_workbook", text)
    return "csv"


class Extent:
    """How far a sheet reaches: calamine makes every cell of the rectangle that it fills, in memory that nobody limits;
    a far cell alone would end the process.
    """

    def __init__(self) -> None:
        self.row, self.column = 0, 0

    def reach(self, row: int, column: int) -> None:
        """Reject a cell beyond the rows and columns of any list, and more cells than any list has."""
        self.row, self.column = max(self.row, row), max(self.column, column)
        if row > MAX_ROWS:
            raise UnreadableFile("too_many_rows", limit=MAX_ROWS)
        if column > MAX_COLUMNS:
            raise UnreadableFile("too_many_columns", limit=MAX_COLUMNS, cell=cell_name(row, min(column, 2**14)))
        if self.row * self.column > MAX_CELLS:
            raise UnreadableFile("too_many_cells", limit=MAX_CELLS)


# -- CSV -------------------------------------------------------------------------------------------------


def read_csv(content: bytes) -> Sheet:
    """Return the records of a CSV file that hold something. Raises UnreadableFile.

    A record is numbered as a spreadsheet numbers its row: blank lines count, line breaks within quotes do not.
    """
    text, encoding = decode_text(content)
    said = SEPARATOR_LINE.match(text)  # sep=; as Excel writes it
    delimiter = said[1] if said else find_delimiter(text)
    source = io.StringIO(text[said.end() :] if said else text, newline="")
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    lines: list[SheetRow] = []
    extent, first, begins = Extent(), 2 if said else 1, 0
    try:
        for number, record in enumerate(reader, first):
            begins = reader.line_num
            cells = {column: cell for column, text in enumerate(record, 1) if (cell := parse_cell(text))}
            if cells:
                extent.reach(len(lines) + 1, max(cells))
                lines.append(SheetRow(number, cells))
    except csv.Error as error:
        raise UnreadableFile("quote", line=begins + first) from error
    if not lines:
        raise UnreadableFile("empty")
    return Sheet("csv", "", encoding, lines)


def decode_text(content: bytes) -> tuple[str, str]:
    """Return the text and the name of its encoding: by byte-order mark, else UTF-8, else GB18030, for the whole file.

    Raises UnreadableFile where it is none of these, or two of them, and where it holds NUL characters, as UTF-16 does.
    """
    mark, codec, name = next(known for known in BOMS if content.startswith(known[0]))
    text = try_decode(content[len(mark) :], codec)
    if text is None and not mark:
        name, text = "GB18030", try_decode(content, "gb18030")
        lines = (try_decode(line, "utf-8") or "" for line in content.splitlines() if not line.isascii())
        mixed = any(len(CHINESE.findall(line)) > 1 for line in lines)  # with two Chinese characters that is no chance
        if mixed or PRIVATE_USE.search(text or ""):
            text = None
    if text is None or "\x00" in text:
        raise UnreadableFile("encoding")
    return text, name


def try_decode(content: bytes, codec: str) -> str | None:
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        return None


def find_delimiter(text: str) -> str:
    """Return the delimiter: of , ; and tab the one in most of the first lines, of equals the most frequent."""
    bare = QUOTED.sub("", text[:SNIFFED_TEXT]).splitlines()
    lines = [line for line in bare if line.strip() and line[0] != "#"][:SNIFFED_LINES]
    return max(DELIMITERS, key=lambda sign: (sum(sign in line for line in lines), "".join(lines).count(sign)))


def parse_cell(text: str) -> SheetCell | None:
    """Return a cell from its text, or None where it is only white space.

    An apostrophe before = + - @ and the like only keeps the text from running as a formula, and is removed. ="0012" is
    how text is kept from becoming a number: 0012. Anything else that begins with = is a formula without a result.
    """
    if text.startswith("'") and FORMULA_PATTERN.match(text, 1):
        return SheetCell(text[1:], untyped=True) if text[1:].strip() else None
    if not text.strip():
        return None
    if text[0] == "=":
        match = TEXT_FORMULA.fullmatch(text)
        return SheetCell(match[1].replace('""', '"')) if match else SheetCell(text, error="formula", untyped=True)
    return SheetCell(text, error="error" if text in ERRORS else "", untyped=True)


# -- workbooks -------------------------------------------------------------------------------------------


@dataclass
class SheetDetails:
    """What calamine does not tell about a sheet."""

    formats: dict[Place, dict[str, Any]] = field(default_factory=dict)  # attributes of the SheetCell
    omitted: dict[Place, str] = field(default_factory=dict)  # "error", or "formula" where it may have no result
    stale: bool = False  # 0 is no result: the program that wrote the file left the calculation to Excel
    epoch1904: bool = False


@contextmanager
def reading_errors() -> Iterator[None]:
    """Raise UnreadableFile for whatever a damaged file makes libraries raise; calamine's panics are no Exceptions."""
    try:
        yield
    except (UnreadableFile, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise UnreadableFile("damaged") from error


@reading_errors()
def open_workbook(content: bytes) -> tuple[CalamineWorkbook, list[str], Callable[[str], SheetDetails]]:
    """Scan and open a workbook; return it, its visible sheets, and the function that tells the details of one."""
    parts = open_zip(content)
    names = member_names(parts)
    if "xl/workbook.xml" not in names:
        raise UnreadableFile("not_a_workbook")
    if any(map(MACROS.search, names)):
        raise UnreadableFile("macro")
    scan = scan_workbook(parts, names)
    book = load_workbook(io.BytesIO(content))
    shown = SheetTypeEnum.WorkSheet, SheetVisibleEnum.Visible
    sheets = [sheet.name for sheet in book.sheets_metadata if (sheet.typ, sheet.visible) == shown]
    if not sheets:
        text = _("The workbook has no visible sheet. Show the sheet with the list in Excel and save.")
        raise UnreadableFile("no_sheet", text)
    return book, sheets, scan


@reading_errors()
def read_workbook(content: bytes, sheet: str | None) -> Sheet:
    """Return a sheet with the rows that hold something: from row 1, and from the first column in use."""
    book, visible, scan_sheet = open_workbook(content)
    title = visible[0] if sheet is None else sheet
    if title not in visible:
        text = _("The workbook has no visible sheet “%(name)s”. Choose another, or show it in Excel and save.")
        raise UnreadableFile("no_sheet", text, name=title[:31])
    details = scan_sheet(title)
    worksheet = book.get_sheet_by_name(title)
    rows: defaultdict[int, dict[int, SheetCell]] = defaultdict(dict)
    for number, values in enumerate(worksheet.iter_rows(), 1):
        for column, value in enumerate(values, worksheet.start[1] + 1 if worksheet.start else 1):
            if not isinstance(value, str) or value.strip():
                rows[number][column] = read_cell(value, details, (number, column))
    for (number, column), kind in details.omitted.items():
        if column not in rows[number] or (details.stale and kind == "formula" and rows[number][column].value == 0):
            rows[number][column] = SheetCell("#", error=kind)
    filled = fill_merged_cells(rows, worksheet.merged_cell_ranges or [])
    lines = [SheetRow(number, cells) for number, cells in sorted(rows.items()) if cells]
    if not lines:
        text = _("The sheet “%(name)s” is empty. Choose another sheet, or put the list on it.")
        raise UnreadableFile("empty", text, name=title)
    others = [name for name in book.sheet_names if name != title]
    return Sheet("xlsx", title, "", lines, others, filled, details.epoch1904)


def read_cell(value: Any, details: SheetDetails, place: Place) -> SheetCell:
    """Return a cell from the value that calamine gives. A whole number is an integer."""
    if isinstance(value, str | bool):
        return SheetCell(value)
    if isinstance(value, datetime.timedelta):  # shown by a format such as [h]:mm
        value /= datetime.timedelta(days=1)
    if isinstance(value, float):
        if not math.isfinite(value):
            return SheetCell(str(value))
        value = int(value) if value.is_integer() else value
    return SheetCell(value, **details.formats.get(place, {}))


def fill_merged_cells(
    rows: defaultdict[int, dict[int, SheetCell]], merged: list[tuple[Place, Place]]
) -> dict[Place, str]:
    """Make the rows what people see under merged cells, each by its first and last cell from 0; return the cells filled
    down, with their range.

    A merged cell of one column and several rows counts for each of its rows that has something else in it. Any other
    counts in its first cell only. What lies hidden beneath a merged cell is not read.
    """
    filled: dict[Place, str] = {}
    end, work = max(rows, default=0), 0
    for (top, left), (bottom, right) in merged:
        head, position = rows[top + 1].get(left + 1), left + 1
        covered = range(top + 1, min(bottom + 1, end) + 1)
        work += len(covered)
        if work > MAX_CELLS:
            raise UnreadableFile("bomb")
        for number in filter(rows.get, covered):
            cells = rows[number]
            for column in [column for column in cells if left < column <= right + 1]:
                if (number, column) != (top + 1, position):
                    del cells[column]
            if head and left == right and number != top + 1 and cells:
                cells[position] = head
                filled[number, position] = f"{cell_name(top + 1, position)}:{cell_name(bottom + 1, position)}"
    return filled


# -- scans -----------------------------------------------------------------------------------------------


def open_zip(content: bytes) -> ZipFile:
    """Open a zip that is no bomb by its directory, beyond whose sizes Python unpacks nothing. Raises UnreadableFile."""
    if content.count(b"PK\x01\x02") > MAX_MEMBERS:
        raise UnreadableFile("bomb")
    try:
        parts = ZipFile(io.BytesIO(content))
    except UNZIP_ERRORS as error:
        raise UnreadableFile("damaged") from error
    members = parts.infolist()
    too_large = any(info.file_size > max(SMALL_MEMBER, MAX_RATIO * info.compress_size) for info in members)
    overlapping = sum(info.compress_size for info in members) > len(content)
    if too_large or overlapping or sum(info.file_size for info in members) > MAX_UNPACKED:
        raise UnreadableFile("bomb")
    if any(info.flag_bits & 1 for info in members):
        raise UnreadableFile("encrypted")
    is_readable = all(info.compress_type in {ZIP_STORED, ZIP_DEFLATED} for info in members)
    if not is_readable or len({info.filename.casefold() for info in members}) < len(members):
        raise UnreadableFile("damaged")
    return parts


def member_names(parts: ZipFile) -> dict[str, str]:
    """Return the names of the members by the form in which they are compared: programs write either slash and case."""
    return {name.replace("\\", "/").lstrip("/").casefold(): name for name in parts.namelist()}


def read_elements(parts: ZipFile, name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the local name and the attributes of each element of a member; programs choose prefixes.

    A DOCTYPE is rejected, so that no entity is ever declared, expanded or fetched.
    """
    elements: list[tuple[str, dict[str, str] | None]] = []  # None where the element ends
    depth = 0

    def reject_doctype(*_args: object) -> None:
        raise UnreadableFile("entity")

    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda tag, attributes: elements.append((tag, attributes))
    parser.EndElementHandler = lambda tag: elements.append((tag, None))
    parser.StartDoctypeDeclHandler = reject_doctype
    with parts.open(name) as member:
        chunk: bytes | None = None
        while chunk != b"":
            chunk = member.read(2**16)
            parser.Parse(chunk, not chunk)
            for tag, attributes in elements:
                depth += -1 if attributes is None else 1
                if depth > MAX_DEPTH:
                    raise UnreadableFile("bomb")
                if attributes is not None:
                    yield tag.rpartition(":")[2], attributes
            elements.clear()


def parse_format(code: str) -> dict[str, Any]:
    """Return what a number format says of its cell, as attributes of it; its section for positive numbers counts."""
    spoken = LITERALS.sub("", code).split(";")[0].lower()
    bare = re.sub(r"\[[^\]]*\]", "", code).split(";")[0].strip()
    if set(spoken) & set("ye") and not set(spoken) & set("dhsg0"):  # g of General
        return {"precision": "month" if "m" in spoken else "year"}
    if "%" in spoken:
        return {"percent": True}
    return {"leading_zeros": len(bare)} if re.fullmatch("0{2,}", bare) else {}


def scan_workbook(parts: ZipFile, names: dict[str, str]) -> Callable[[str], SheetDetails]:
    """Read the sheets, the calendar and the number formats; return the function that scans a sheet for its details."""
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


def scan_sheet(parts: ZipFile, member: str, styles: dict[str, dict[str, Any]], details: SheetDetails) -> SheetDetails:
    """Scan a sheet: extent, number formats, formulas and errors.

    A cell stands after the one before unless it says where.
    """
    extent, row, place, kind = Extent(), 0, (0, 0), ""
    for tag, attributes in read_elements(parts, member):
        match tag:
            case "row":
                row = int(attributes.get("r", row + 1))
                place = row, 0
            case "c":
                place = coordinate_to_tuple(attributes["r"]) if attributes.get("r") else (row, place[1] + 1)
                kind = attributes.get("t", "")
                if kind == "e":
                    details.omitted[place] = "error"
                elif form := styles.get(attributes.get("s", "")):
                    details.formats[place] = form
            case "f" if kind != "e":
                extent.reach(*place)
                details.omitted[place] = "formula"
            case "v" | "is":
                extent.reach(*place)
                if kind == "str":  # a text may be empty
                    details.omitted.pop(place, None)
    return details
