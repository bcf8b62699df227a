"""Spreadsheet reader: lists the sheets of a file and reads one of them.

The content decides, not the name. `csv` reads text, python-calamine every workbook, once it was scanned.
"""

import datetime
import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext as _
from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum, load_workbook

from core.spreadsheets.reading.cells import (
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
from core.spreadsheets.reading.safe_zip import damaged_error, detect_format, encrypted_error, zip_bomb_error
from core.spreadsheets.reading.scans import SheetDetails, scan_workbook

Rows = dict[int, SheetRow]


def sheet_names(name: str, content: bytes) -> list[str]:
    """Return the visible sheets of a workbook; one without a name for CSV. Raises UnreadableFile."""
    file_format = detect_format(name, content)
    return [""] if file_format == "csv" else open_workbook(file_format, content)[1]


def read_sheet(name: str, content: bytes, sheet: str | None = None) -> Sheet:
    """Return one sheet of the file `name`: the first visible one unless another is named. Raises UnreadableFile."""
    file_format = detect_format(name, content)
    if file_format == "csv":
        return read_csv(content)
    book, visible, details = open_workbook(file_format, content)
    title = visible[0] if sheet is None else sheet
    if title not in visible:
        text = _("The workbook has no visible sheet “%(name)s”. Choose another, or show it in Excel and save.")
        raise UnreadableFile("no_sheet", text % {"name": title[:31]})
    return workbook_sheet(book, file_format, title, details(title))


def open_workbook(
    file_format: FileFormat, content: bytes
) -> tuple[CalamineWorkbook, list[str], Callable[[str], SheetDetails]]:
    """Scan and open a workbook; return it, its visible sheets, and the function that tells the details of one."""
    details = scan_workbook(file_format, content)
    with calamine_errors():
        book = load_workbook(io.BytesIO(content))
    shown = SheetTypeEnum.WorkSheet, SheetVisibleEnum.Visible
    names = [sheet.name for sheet in book.sheets_metadata if (sheet.typ, sheet.visible) == shown]
    if not names:
        text = _("The workbook has no visible sheet. Show the sheet with the list in Excel and save.")
        raise UnreadableFile("no_sheet", text)
    return book, names, details


@contextmanager
def calamine_errors() -> Iterator[None]:
    """Raise UnreadableFile for what calamine raises; its panics are no Exceptions."""
    try:
        yield
    except PasswordError as error:
        raise encrypted_error() from error
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise damaged_error() from error


def workbook_sheet(book: CalamineWorkbook, file_format: FileFormat, title: str, details: SheetDetails) -> Sheet:
    """Read one sheet of a workbook, of which `details` tell what calamine does not. Raises UnreadableFile."""
    rows: Rows = {}
    with calamine_errors():
        sheet = book.get_sheet_by_name(title)
        left = sheet.start[1] + 1 if sheet.start else 1
        for number, values in enumerate(sheet.iter_rows(), 1):  # from row 1, and from the first column in use
            found = {c: read_cell(value, details, (number, c)) for c, value in enumerate(values, left) if value != ""}
            if cells := {column: cell for column, cell in found.items() if cell}:
                rows[number] = SheetRow(number, cells)
    for kind, places in (("formula", details.formulas), ("error", details.errors)):
        for number, column in places:
            cells = rows.setdefault(number, SheetRow(number, {})).cells
            if column not in cells or (details.stale and kind == "formula" and cells[column].value == 0):
                cells[column] = SheetCell("#", error=kind)
    merged = [((top + 1, lft + 1), (end + 1, right + 1)) for (top, lft), (end, right) in sheet.merged_cell_ranges or []]
    filled = fill_merged_cells(rows, [*merged, *details.merged])
    lines = [rows[number] for number in sorted(rows) if rows[number].cells]
    if not lines:
        text = _("The sheet “%(name)s” is empty. Choose another sheet, or put the list on it.")
        raise UnreadableFile("empty", text % {"name": title})
    hidden = sum(line.number in details.hidden for line in lines)
    others = [name for name in book.sheet_names if name != title]
    return Sheet(file_format, title, "", lines, hidden, others, filled, details.epoch1904)


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
    form = details.formats.get(place)
    return SheetCell(value, **form) if form else SheetCell(value, unknown_format=details.untold)


def fill_merged_cells(rows: Rows, merged: list[tuple[Place, Place]]) -> dict[Place, str]:
    """Make the rows what people see under merged cells; return the cells filled down, with their range.

    A merged cell of one column and several rows counts for each of its rows that has something else in it. Any other
    counts in its first cell only. What lies hidden beneath a merged cell is not read.
    """
    filled: dict[Place, str] = {}
    end, work = max(rows, default=0), 0
    for (top, left), (bottom, right) in merged:
        head = rows[top].cells.get(left) if top in rows else None
        covered = [rows[number] for number in range(top, min(bottom, end) + 1) if number in rows]
        work += min(bottom, end) - top + 1
        if work > MAX_CELLS:
            raise zip_bomb_error()
        for row in covered:
            for column in [column for column in row.cells if left <= column <= right]:
                if (row.number, column) != (top, left):
                    del row.cells[column]
            if head and left == right and row.number != top and row.cells:
                row.cells[left] = head
                filled[row.number, left] = f"{cell_name(top, left)}:{cell_name(bottom, right)}"
    return filled
