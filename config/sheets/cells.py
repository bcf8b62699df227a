"""What a spreadsheet holds, once read: plain values by row and column, and how the file's own format showed them."""

import datetime
from dataclasses import dataclass, field
from typing import Literal

from openpyxl.utils import get_column_letter

MAX_BYTES = 20 * 2**20
MAX_ROWS = 50_000  # rows that hold something
MAX_COLUMNS = 200
MAX_CELLS = 1_000_000  # cells that hold something
MAX_TEXT = 32_767  # characters of one cell, as in Excel
LAST_ROW, LAST_COLUMN = 2**20, 2**14  # of Excel

Value = str | int | float | bool | datetime.date | datetime.datetime | datetime.time


@dataclass(frozen=True, slots=True)
class Entry:
    """What one cell holds; an empty cell has none. Text is as written, not stripped."""

    value: Value
    percent: bool = False  # a number shown with %: 0.65 shown as 65%
    zeros: int = 0  # a number shown with leading zeros by a format such as 000000: 6
    fault: str = ""  # "formula": one without a result; "error": #REF! and the like, which is the value
    precision: Literal["day", "month", "year"] = "day"  # of a date: how much of it the cell shows
    label: str = ""  # words that its format shows beside a number: 吨, or the WB of WB012
    untyped: bool = field(default=False, compare=False)  # from CSV, where a number and its text look alike


@dataclass(slots=True)
class Line:
    """One row that holds something: its number as the spreadsheet shows it, its cells by column from 1.

    In CSV the number is that of the record, counted from 1, blank ones included.
    """

    number: int
    entries: dict[int, Entry]


@dataclass(slots=True)
class Sheet:
    """One sheet as read. `filled` says for each cell filled down from a merged one from which range, such as B3:B7."""

    form: str  # xlsx or csv
    name: str  # empty for CSV
    encoding: str  # empty for XLSX
    delimiter: str  # empty for XLSX
    lines: list[Line]  # in order; only those that hold something
    hidden_rows: int = 0  # of the lines: hidden or filtered away in the spreadsheet, read all the same
    others: list[str] = field(default_factory=list)  # sheets of the workbook that were not read
    filled: dict[tuple[int, int], str] = field(default_factory=dict)
    epoch1904: bool = False  # whether a bare number for a date counts from 1904


class Unreadable(Exception):
    """The file cannot be read as a whole: a stable code, and a message that says what to do."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


def cell_name(row: int, column: int) -> str:
    """The address of a cell as people know it: B7."""
    return f"{get_column_letter(column)}{row}"
