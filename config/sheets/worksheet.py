"""The XML of one sheet and of the shared texts, read in one pass each, whoever wrote it.

Not openpyxl: it does not open every workbook that Excel and WPS open, does not know the built-in formats of Chinese
dates, and in a stream tells neither formulas without a result nor merged cells.
"""

import datetime
import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from openpyxl.utils import column_index_from_string

from config.sheets.cells import LAST_ROW, MAX_CELLS, MAX_COLUMNS, MAX_ROWS, MAX_TEXT, Entry, Line, cell_name
from config.sheets.guard import (
    Attributes,
    Parts,
    bomb,
    damaged,
    too_many_cells,
    too_many_columns,
    too_many_rows,
)
from config.sheets.styles import GENERAL, Format, moment

MAX_MERGED = 2 * MAX_ROWS
TRUE = {"1", "true"}
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
INTEGER = re.compile(r"-?[0-9]{1,400}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
RANGE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7}):\$?([A-Z]{1,3})\$?([0-9]{1,7})")


def unescaped(text: str) -> str:
    """Text as meant: _x000D_ is how a workbook writes a character that XML cannot hold, _x005F_ a plain underscore."""
    return ESCAPED.sub(character, text) if "_x" in text else text


def character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if 0xD800 <= code <= 0xDFFF else chr(code)


def number(text: str) -> int | float | str:
    """A cell's number; the text itself where a program wrote something else, or more than a number can be."""
    if INTEGER.fullmatch(text):
        return int(text)
    if NUMBER.fullmatch(text) and math.isfinite(value := float(text)):
        return value
    return text


def iso_moment(text: str) -> datetime.date | datetime.datetime | datetime.time | str:
    """A date of a cell that holds it in ISO 8601; the text where it is none."""
    for kind in (datetime.date, datetime.time, datetime.datetime):
        try:
            value = kind.fromisoformat(text)
        except ValueError:
            continue
        if isinstance(value, datetime.datetime):
            value = value.replace(tzinfo=None)
            return value.date() if value.time() == datetime.time() else value
        return value
    return text


class Texts:
    """The text of the element at hand: of its runs one after the other, without the phonetic hints among them.

    No more is kept of it than shows that it is too long for a cell.
    """

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.size = 0
        self.hints = 0
        self.kept = False
        self.starts: dict[str, Callable[[Attributes], None]] = {"t": self.start_run, "rPh": self.start_hint}
        self.ends: dict[str, Callable[[], None]] = {"t": self.end_run, "rPh": self.end_hint}

    def clear(self) -> None:
        self.pieces.clear()
        self.size, self.kept = 0, False

    def text(self, data: str) -> None:
        if self.kept and self.size <= MAX_TEXT:
            self.pieces.append(data)
            self.size += len(data)

    def start_run(self, _attributes: Attributes) -> None:
        self.kept = not self.hints

    def end_run(self) -> None:
        self.kept = False

    def start_hint(self, _attributes: Attributes) -> None:
        self.hints += 1

    def end_hint(self) -> None:
        self.hints -= 1


class SharedTexts(Texts):
    """The texts that cells share."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.starts["si"] = self.start_item
        self.ends["si"] = self.end_item

    def start_item(self, _attributes: Attributes) -> None:
        self.clear()

    def end_item(self) -> None:
        self.texts.append(unescaped("".join(self.pieces)))
        if len(self.texts) > MAX_CELLS:
            raise bomb()

    def read(self, parts: Parts, name: str) -> list[str]:
        parts.parse(name, self.starts, self.ends, self.text)
        return self.texts


class Worksheet(Texts):
    """One pass over the XML of a sheet: `lines` by row number, which of them are `hidden`, which cells are `merged`.

    Rows and cells without an address stand after the one before. Nothing is taken from the extent that the file claims.
    """

    def __init__(self, texts: Sequence[str], formats: Sequence[Format], *, epoch1904: bool, stale: bool) -> None:
        """`stale`: the program that wrote the workbook left the calculating to Excel, and 0 for a result."""
        super().__init__()
        self.texts, self.formats, self.epoch1904, self.stale = texts, formats, epoch1904, stale
        self.shared: dict[int, Entry | None] = {}
        self.columns: dict[str, int] = {}
        self.lines: dict[int, Line] = {}
        self.hidden: set[int] = set()
        self.merged: list[tuple[int, int, int, int, str]] = []  # top, left, bottom, right, as written
        self.cells = 0
        self.row, self.row_known, self.row_hidden = 0, True, False
        self.entries: dict[int, Entry] = {}
        self.column = 0
        self.kind, self.format = "n", GENERAL
        self.value: str | None = None
        self.formula: str | None = None
        self.starts |= {
            "row": self.start_row,
            "c": self.start_cell,
            "v": self.start_value,
            "f": self.start_value,
            "is": self.start_inline,
            "mergeCell": self.merge,
        }
        self.ends |= {
            "row": self.end_row,
            "c": self.end_cell,
            "v": self.end_value,
            "f": self.end_formula,
            "is": self.end_inline,
        }

    def read(self, parts: Parts, name: str) -> None:
        parts.parse(name, self.starts, self.ends, self.text)

    # -- rows --------------------------------------------------------------------------------------------

    def start_row(self, attributes: Attributes) -> None:
        given = attributes.get("r")
        self.row_known = given is not None
        self.row = row_number(given) if given is not None else self.row + 1
        flat = attributes.get("customHeight") in TRUE and attributes.get("ht") in {"0", "0.0"}
        self.row_hidden = flat or attributes.get("hidden") in TRUE
        self.entries, self.column = {}, 0

    def end_row(self) -> None:
        if not self.entries:
            return
        if self.row in self.lines:
            raise damaged(f"{self.row}:{self.row}")
        self.lines[self.row] = Line(self.row, self.entries)
        if self.row_hidden:
            self.hidden.add(self.row)
        if len(self.lines) > MAX_ROWS:
            raise too_many_rows()

    # -- cells -------------------------------------------------------------------------------------------

    def start_cell(self, attributes: Attributes) -> None:
        place = attributes.get("r")
        self.column = self.column_of(place) if place is not None else self.column + 1
        self.kind = attributes.get("t", "n")
        style = attributes.get("s", "")
        known = style.isdecimal() and len(style) < 6 and int(style) < len(self.formats)
        self.format = self.formats[int(style)] if known else GENERAL
        self.value = self.formula = None

    def column_of(self, place: str) -> int:
        """The column of an address; its row must be that of the row, which may have no number of its own."""
        letters = place.rstrip("0123456789")
        row = row_number(place[len(letters) :])
        if not self.row_known and not self.entries:
            self.row = row
        self.row_known = True
        if letters not in self.columns:
            try:
                self.columns[letters] = column_index_from_string(letters)
            except ValueError as error:
                raise damaged(place) from error
        if row != self.row:
            raise damaged(place)
        return self.columns[letters]

    def end_cell(self) -> None:
        entry = self.entry()
        if entry is None:
            return
        if self.column > MAX_COLUMNS:
            raise too_many_columns(self.row, self.column)
        if self.column in self.entries:
            raise damaged(cell_name(self.row, self.column))
        self.entries[self.column] = entry
        self.cells += 1
        if self.cells > MAX_CELLS:
            raise too_many_cells()

    def entry(self) -> Entry | None:
        """What the cell holds, or None where that is nothing but space."""
        if self.formula is not None and not self.computed():
            return Entry(f"={self.formula}", fault="formula")
        if self.kind == "s":
            return self.shared_entry()
        text = self.value or ""
        if self.kind in {"n", "b", "e", "d"}:
            text = text.strip()
            return self.typed(text) if text else None
        return text_entry(unescaped(text))

    def computed(self) -> bool:
        """Whether a formula has its result. Text may be empty; a 0 that nobody calculated is none."""
        if self.kind == "str":
            return self.value is not None
        return bool(self.value and self.value.strip()) and not (self.stale and self.value == "0")

    def shared_entry(self) -> Entry | None:
        """The text that the cell shares with others, made once for all of them."""
        text = (self.value or "").strip()
        if not text:
            return None
        if not (text.isdecimal() and len(text) < 9 and int(text) < len(self.texts)):
            raise damaged(cell_name(self.row, self.column))
        index = int(text)
        if index not in self.shared:
            self.shared[index] = text_entry(self.texts[index])
        return self.shared[index]

    def typed(self, text: str) -> Entry:
        """A number, a date, a truth value or an error."""
        if self.kind == "b":
            return Entry(text in TRUE)
        if self.kind == "e":
            return Entry(text, fault="error")
        if self.kind == "d":
            return Entry(iso_moment(text))
        value = number(text)
        if isinstance(value, str):
            return Entry(value)
        if self.format.date:
            return Entry(moment(value, self.epoch1904), precision=self.format.precision)
        return Entry(value, percent=self.format.percent, zeros=self.format.zeros, label=self.format.label)

    def start_value(self, _attributes: Attributes) -> None:
        self.clear()
        self.kept = True

    def end_value(self) -> None:
        self.kept = False
        self.value = "".join(self.pieces)

    def end_formula(self) -> None:
        self.kept = False
        self.formula = "".join(self.pieces)

    def start_inline(self, _attributes: Attributes) -> None:
        self.clear()

    def end_inline(self) -> None:
        self.value = "".join(self.pieces)

    # -- merged cells ------------------------------------------------------------------------------------

    def merge(self, attributes: Attributes) -> None:
        place = attributes.get("ref", "")
        found = RANGE.fullmatch(place)
        if not found:
            return
        left, right = column_index_from_string(found[1]), column_index_from_string(found[3])
        self.merged.append((int(found[2]), left, int(found[4]), right, place.replace("$", "")))
        if len(self.merged) > MAX_MERGED:
            raise bomb()


def text_entry(text: str) -> Entry | None:
    return Entry(text) if text.strip() else None


def row_number(text: str) -> int:
    """A row's number. Raises Unreadable where it is none."""
    if not (text.isdecimal() and text.isascii() and len(text) <= 7 and 0 < int(text) <= LAST_ROW):
        raise damaged(text[:20])
    return int(text)


def apply_merged(sheet: Worksheet) -> tuple[list[Line], dict[tuple[int, int], str]]:
    """The lines in order, as people see them under merged cells, and the cells filled down with their range.

    A merged cell of one column and several rows holds for each of its rows that has something else in it. Any other
    merged cell stands in its first cell alone. What lies hidden beneath a merged cell is not read.
    """
    lines = [sheet.lines[row] for row in sorted(sheet.lines)]
    rows = [line.number for line in lines]
    filled: dict[tuple[int, int], str] = {}
    work = 0
    for top, left, bottom, right, place in sheet.merged:
        covered = lines[bisect_left(rows, top) : bisect_right(rows, bottom)]
        work += len(covered)
        if work > MAX_CELLS:
            raise bomb()
        line = sheet.lines.get(top)
        head = line.entries.get(left) if line else None
        for line in covered:
            uncover(line, top, left, right)
            if head and left == right and line.number != top and line.entries:
                line.entries[left] = head
                filled[line.number, left] = place
    return [line for line in lines if line.entries], filled


def uncover(line: Line, top: int, left: int, right: int) -> None:
    """Take away what lies beneath a merged cell, all but its first cell."""
    for column in [column for column in line.entries if left <= column <= right]:
        if (line.number, column) != (top, left):
            del line.entries[column]
