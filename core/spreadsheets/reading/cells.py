"""Cells, rows and sheets as read: plain values, and how the file's own format showed them."""

import datetime
from dataclasses import dataclass, field
from typing import Literal

from django.utils.translation import gettext_lazy as _
from openpyxl.utils import get_column_letter

MAX_BYTES = 20 * 2**20
MAX_ROWS = 50_000
MAX_COLUMNS = 200
MAX_CELLS = 1_500_000  # rows times columns, empty cells included
MAX_CELL_TEXT = 32_767  # characters of one cell, as in Excel

FileFormat = Literal["xlsx", "xls", "ods", "csv"]
CellValue = str | int | float | bool | datetime.date | datetime.datetime | datetime.time
Place = tuple[int, int]  # row and column, from 1


@dataclass(frozen=True, slots=True)
class SheetCell:
    """Cell that holds something; an empty cell has none. Text is as written, not stripped."""

    value: CellValue
    percent: bool = False  # a number shown with %: 0.65 shown as 65%
    leading_zeros: int = 0  # a number shown with leading zeros by a format such as 000000: 6
    error: str = ""  # "formula": one without a result; "error": #REF! and the like
    precision: Literal["day", "month", "year"] = "day"  # of a date: the part of it that the cell shows
    unknown_format: Literal["", "xls", "ods"] = ""  # kind of file that does not tell how it shows this number or date
    untyped: bool = field(default=False, compare=False)  # from CSV, where a number and its text look alike


@dataclass(slots=True)
class SheetRow:
    """Row that holds something: its number as the spreadsheet shows it, and its cells by column from 1."""

    number: int
    cells: dict[int, SheetCell]


@dataclass(slots=True)
class Sheet:
    """Sheet as read. `filled_down` gives, for each cell filled down from a merged one, its range, such as B3:B7."""

    file_format: FileFormat
    name: str  # empty for CSV
    encoding: str  # of CSV, else empty
    rows: list[SheetRow]  # in order; only those that hold something
    hidden_rows: int = 0  # of the rows: hidden in an .xlsx, but read
    other_sheets: list[str] = field(default_factory=list)  # sheets of the workbook that were not read
    filled_down: dict[Place, str] = field(default_factory=dict)
    epoch1904: bool = False  # whether a bare number for a date counts from 1904


REASONS = {
    "empty": _("The file is empty. Save it again and choose it anew."),
    "encrypted": _(
        "The workbook is protected by a password. Remove the password (File, Info, Protect) and save it as .xlsx."
    ),
    "macro": _("The workbook holds macros. Save it as .xlsx, without macros."),
    "damaged": _("The workbook is damaged or was cut short. Open it in Excel or WPS, repair it and save it as .xlsx."),
    "bomb": _(
        "Unpacked, the workbook would be far larger than any list. Copy the rows into a new workbook and save that."
    ),
    "too_many_rows": _("The sheet has more than %(limit)s rows. Split it into several files."),
    "too_many_columns": _(
        "Cell %(cell)s lies beyond the first %(limit)s columns. Move the list to the left, or empty the cell."
    ),
    "too_many_cells": _(
        "The sheet has more than %(limit)s cells. Split it into several files, or delete columns not needed."
    ),
}


class UnreadableFile(Exception):
    """The file cannot be read at all: a stable code, and a message that says what to do."""

    def __init__(self, code: str, message: str = "", **labels: object) -> None:
        self.code, self.message = code, message or str(REASONS[code] % labels)
        super().__init__(self.message)


class Extent:
    """How far the sheets of a file reach: calamine makes every cell of the rectangle that a sheet fills, in memory that
    nobody limits; a far cell alone would end the process.
    """

    def __init__(self) -> None:
        self.row, self.column, self.before = 0, 0, 0  # of the present sheet; cells of the sheets before it

    def next_sheet(self) -> None:
        self.row, self.column, self.before = 0, 0, self.before + self.row * self.column

    def reach(self, row: int, column: int) -> None:
        """Reject a cell beyond the rows and columns of any list, and more cells than any list has."""
        self.row, self.column = max(self.row, row), max(self.column, column)
        if row > MAX_ROWS:
            raise UnreadableFile("too_many_rows", limit=MAX_ROWS)
        if column > MAX_COLUMNS:
            raise UnreadableFile("too_many_columns", limit=MAX_COLUMNS, cell=cell_name(row, min(column, 2**14)))
        if self.before + self.row * self.column > MAX_CELLS:
            raise UnreadableFile("too_many_cells", limit=MAX_CELLS)


def cell_name(row: int, column: int) -> str:
    """Return the address of a cell as spreadsheets show it: B7."""
    return f"{get_column_letter(column)}{row}"
