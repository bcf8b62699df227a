"""Spreadsheet reader: lists the sheets of a file and reads one of them.

The content decides, not the name. `csv` reads text, python-calamine every workbook, once it was scanned.
"""

import datetime
import io
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from django.utils.translation import gettext as _
from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum, load_workbook

from core.spreadsheets.reading.cells import (
    MAX_BYTES,
    MAX_CELLS,
    FileFormat,
    Place,
    Sheet,
    SheetCell,
    SheetRow,
    UnreadableFile,
    cell_name,
)
from core.spreadsheets.reading.csv_reader import read_csv
from core.spreadsheets.reading.scans import SheetDetails, scan_workbook

ZIP_SIGNATURES, OLE_SIGNATURE = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ODS_TYPE = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"  # first member of an .ods, behind 30 bytes
WORKBOOK_NAMES = {".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb", ".xls", ".et", ".ett", ".ods"}
WEB_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|table|meta|\?xml|\?mso)", re.IGNORECASE)


def sheet_names(name: str, content: bytes) -> list[str]:
    """Return the visible sheets of a workbook; one without a name for CSV. Raises UnreadableFile."""
    file_format = detect_format(name, content)
    return [""] if file_format == "csv" else open_workbook(file_format, content)[1]


def read_sheet(name: str, content: bytes, sheet: str | None = None) -> Sheet:
    """Return one sheet of the file `name`: the first visible one unless another is named. Raises UnreadableFile."""
    file_format = detect_format(name, content)
    if file_format == "csv":
        return read_csv(content)
    book, visible, scan_sheet = open_workbook(file_format, content)
    title = visible[0] if sheet is None else sheet
    if title not in visible:
        text = _("The workbook has no visible sheet “%(name)s”. Choose another, or show it in Excel and save.")
        raise UnreadableFile("no_sheet", text % {"name": title[:31]})
    with reading_errors():
        details = scan_sheet(title)
        found = book.get_sheet_by_name(title)
        rows = read_rows(found.iter_rows(), found.start[1] + 1 if found.start else 1, details)
        merged = [
            ((top + 1, left + 1), (bottom + 1, right + 1))
            for (top, left), (bottom, right) in found.merged_cell_ranges or ()
        ]
    filled = fill_merged_cells(rows, merged + details.merged)
    lines = [rows[number] for number in sorted(rows) if rows[number].cells]
    if not lines:
        text = _("The sheet “%(name)s” is empty. Choose another sheet, or put the list on it.")
        raise UnreadableFile("empty", text % {"name": title})
    hidden = sum(line.number in details.hidden for line in lines)
    others = [name for name in book.sheet_names if name != title]
    return Sheet(file_format, title, "", lines, hidden, others, filled, details.epoch1904)


def detect_format(name: str, content: bytes) -> FileFormat:
    """Return how to read the file, by its content. Raises UnreadableFile where it is neither a workbook nor text."""
    if len(content) > MAX_BYTES:
        text = _("The file is larger than %(limit)s MB. Split it into several files.")
        raise UnreadableFile("too_large", text % {"limit": MAX_BYTES // 2**20})
    if not content.strip(b"\x00"):
        raise UnreadableFile("empty")
    if content.startswith(OLE_SIGNATURE):
        return "xls"
    if content.startswith(ZIP_SIGNATURES):
        return "ods" if content.startswith(ODS_TYPE, 30) else "xlsx"
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


def open_workbook(
    file_format: FileFormat, content: bytes
) -> tuple[CalamineWorkbook, list[str], Callable[[str], SheetDetails]]:
    """Scan and open a workbook; return it, its visible sheets, and the function that tells the details of one."""
    with reading_errors():
        scan_sheet = scan_workbook(file_format, content)
        book = load_workbook(io.BytesIO(content))
    shown = SheetTypeEnum.WorkSheet, SheetVisibleEnum.Visible
    names = [sheet.name for sheet in book.sheets_metadata if (sheet.typ, sheet.visible) == shown]
    if not names:
        text = _("The workbook has no visible sheet. Show the sheet with the list in Excel and save.")
        raise UnreadableFile("no_sheet", text)
    return book, names, scan_sheet


@contextmanager
def reading_errors() -> Iterator[None]:
    """Raise UnreadableFile for whatever a damaged file makes libraries raise; calamine's panics are no Exceptions."""
    try:
        yield
    except PasswordError as error:
        raise UnreadableFile("encrypted") from error
    except (UnreadableFile, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise UnreadableFile("damaged") from error


def read_rows(lines: Iterator[list[Any]], left: int, details: SheetDetails) -> dict[int, SheetRow]:
    """Return the rows that hold something: from row 1, and from the first column in use; with what calamine omits."""
    rows: dict[int, SheetRow] = {}
    for number, values in enumerate(lines, 1):
        for column, value in enumerate(values, left):
            cell = None if value == "" else read_cell(value, details, (number, column))
            if cell:
                rows.setdefault(number, SheetRow(number, {})).cells[column] = cell
    for kind, places in (("formula", details.formulas), ("error", details.errors)):
        for number, column in places:
            cells = rows.setdefault(number, SheetRow(number, {})).cells
            if column not in cells or (details.stale and kind == "formula" and cells[column].value == 0):
                cells[column] = SheetCell("#", error=kind)
    return rows


def read_cell(value: Any, details: SheetDetails, place: Place) -> SheetCell | None:
    """Return a cell from the value that calamine gives; None for white space. A whole number is an integer."""
    if isinstance(value, str | bool):
        return SheetCell(value) if not isinstance(value, str) or value.strip() else None
    if isinstance(value, datetime.timedelta):  # shown by a format such as [h]:mm
        value /= datetime.timedelta(days=1)
    if isinstance(value, float):
        if not math.isfinite(value):
            return SheetCell(str(value))
        value = int(value) if value.is_integer() else value
    form = details.formats.get(place) or {"unknown_format": details.untold}
    return SheetCell(value, **form)


def fill_merged_cells(rows: dict[int, SheetRow], merged: list[tuple[Place, Place]]) -> dict[Place, str]:
    """Make the rows what people see under merged cells; return the cells filled down, with their range.

    A merged cell of one column and several rows counts for each of its rows that has something else in it. Any other
    counts in its first cell only. What lies hidden beneath a merged cell is not read.
    """
    filled: dict[Place, str] = {}
    end, work = max(rows, default=0), 0
    for (top, left), (bottom, right) in merged:
        head = rows[top].cells.get(left) if top in rows else None
        covered = range(top, min(bottom, end) + 1)
        work += len(covered)
        if work > MAX_CELLS:
            raise UnreadableFile("bomb")
        for row in (rows[number] for number in covered if number in rows):
            for column in [column for column in row.cells if left <= column <= right]:
                if (row.number, column) != (top, left):
                    del row.cells[column]
            if head and left == right and row.number != top and row.cells:
                row.cells[left] = head
                filled[row.number, left] = f"{cell_name(top, left)}:{cell_name(bottom, right)}"
    return filled
