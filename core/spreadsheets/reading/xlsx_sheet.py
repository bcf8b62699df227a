"""XLSX sheet reader: parses the XML of one sheet and of the shared strings, in one pass each.

Not openpyxl: it does not open every workbook that Excel and WPS open, does not know the built-in formats of Chinese
dates, and in a stream reports neither formulas without a result nor merged cells.
"""

import datetime
import math
import re
from collections.abc import Callable, Sequence

from openpyxl.utils import column_index_from_string

from core.spreadsheets.reading.cells import (
    LAST_ROW,
    MAX_CELL_TEXT,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    SheetCell,
    SheetRow,
    cell_name,
)
from core.spreadsheets.reading.merged_cells import MAX_MERGED, Merged
from core.spreadsheets.reading.number_formats import GENERAL_FORMAT, NumberFormat, date_from_serial
from core.spreadsheets.reading.safe_zip import (
    Attributes,
    WorkbookZip,
    damaged_error,
    too_many_cells_error,
    too_many_columns_error,
    too_many_rows_error,
    zip_bomb_error,
)

TRUE_VALUES = {"1", "true"}
ESCAPED_CHARACTER = re.compile(r"_x([0-9A-Fa-f]{4})_")
INTEGER = re.compile(r"-?[0-9]{1,400}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
RANGE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7}):\$?([A-Z]{1,3})\$?([0-9]{1,7})")


def unescape_text(text: str) -> str:
    """Return text without XLSX escapes: _x000D_ stands for a character invalid in XML, _x005F_ for an underscore."""
    return ESCAPED_CHARACTER.sub(unescape_character, text) if "_x" in text else text


def unescape_character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if 0xD800 <= code <= 0xDFFF else chr(code)


def parse_number(text: str) -> int | float | str:
    """Return a cell's number; the text itself where a program wrote something else, or more than a float can hold."""
    if INTEGER.fullmatch(text):
        return int(text)
    if NUMBER.fullmatch(text) and math.isfinite(value := float(text)):
        return value
    return text


def parse_iso_datetime(text: str) -> datetime.date | datetime.datetime | datetime.time | str:
    """Return the date of a cell in ISO 8601; the text where it is none."""
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


class TextCollector:
    """Collector of an element's text: its runs one after the other, without phonetic hints.

    It keeps no more than is needed to see that the text is too long for a cell.
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
        if self.kept and self.size <= MAX_CELL_TEXT:
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


class SharedStrings(TextCollector):
    """Reader of the shared strings."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.starts["si"] = self.start_item
        self.ends["si"] = self.end_item

    def start_item(self, _attributes: Attributes) -> None:
        self.clear()

    def end_item(self) -> None:
        self.texts.append(unescape_text("".join(self.pieces)))
        if len(self.texts) > MAX_CELLS:
            raise zip_bomb_error()

    def read(self, parts: WorkbookZip, name: str) -> list[str]:
        parts.parse(name, self.starts, self.ends, self.text)
        return self.texts


class SheetReader(TextCollector):
    """Reader of a sheet's XML in one pass: `lines` by row number, the `hidden` ones among them, and the `merged` cells.

    Rows and cells without an address follow the one before. The extent that the file claims is ignored.
    """

    def __init__(self, texts: Sequence[str], formats: Sequence[NumberFormat], *, epoch1904: bool, stale: bool) -> None:
        """`stale`: the program that wrote the workbook left the calculation to Excel, and 0 for a result."""
        super().__init__()
        self.texts, self.formats, self.epoch1904, self.stale = texts, formats, epoch1904, stale
        self.shared: dict[int, SheetCell | None] = {}
        self.columns: dict[str, int] = {}
        self.lines: dict[int, SheetRow] = {}
        self.hidden: set[int] = set()
        self.merged: list[Merged] = []
        self.cells = 0
        self.row, self.row_known, self.row_hidden = 0, True, False
        self.entries: dict[int, SheetCell] = {}
        self.column = 0
        self.kind, self.format = "n", GENERAL_FORMAT
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

    def read(self, parts: WorkbookZip, name: str) -> None:
        parts.parse(name, self.starts, self.ends, self.text)

    # -- rows --------------------------------------------------------------------------------------------

    def start_row(self, attributes: Attributes) -> None:
        given = attributes.get("r")
        self.row_known = given is not None
        self.row = row_number(given) if given is not None else self.row + 1
        flat = attributes.get("customHeight") in TRUE_VALUES and attributes.get("ht") in {"0", "0.0"}
        self.row_hidden = flat or attributes.get("hidden") in TRUE_VALUES
        self.entries, self.column = {}, 0

    def end_row(self) -> None:
        if not self.entries:
            return
        if self.row in self.lines:
            raise damaged_error(f"{self.row}:{self.row}")
        self.lines[self.row] = SheetRow(self.row, self.entries)
        if self.row_hidden:
            self.hidden.add(self.row)
        if len(self.lines) > MAX_ROWS:
            raise too_many_rows_error()

    # -- cells -------------------------------------------------------------------------------------------

    def start_cell(self, attributes: Attributes) -> None:
        place = attributes.get("r")
        self.column = self.column_of(place) if place is not None else self.column + 1
        self.kind = attributes.get("t", "n")
        style = attributes.get("s", "")
        known = style.isdecimal() and len(style) < 6 and int(style) < len(self.formats)
        self.format = self.formats[int(style)] if known else GENERAL_FORMAT
        self.value = self.formula = None

    def column_of(self, place: str) -> int:
        """Return the column of a cell address; its row must be that of the row, which may have no number of its own."""
        letters = place.rstrip("0123456789")
        row = row_number(place[len(letters) :])
        if not self.row_known and not self.entries:
            self.row = row
        self.row_known = True
        if letters not in self.columns:
            try:
                self.columns[letters] = column_index_from_string(letters)
            except ValueError as error:
                raise damaged_error(place) from error
        if row != self.row:
            raise damaged_error(place)
        return self.columns[letters]

    def end_cell(self) -> None:
        entry = self.entry()
        if entry is None:
            return
        if self.column > MAX_COLUMNS:
            raise too_many_columns_error(self.row, self.column)
        if self.column in self.entries:
            raise damaged_error(cell_name(self.row, self.column))
        self.entries[self.column] = entry
        self.cells += 1
        if self.cells > MAX_CELLS:
            raise too_many_cells_error()

    def entry(self) -> SheetCell | None:
        """Return the cell, or None where it is only white space."""
        if self.formula is not None and not self.computed():
            return SheetCell(f"={self.formula}", error="formula")
        if self.kind == "s":
            return self.shared_entry()
        text = self.value or ""
        if self.kind in {"n", "b", "e", "d"}:
            text = text.strip()
            return self.typed(text) if text else None
        return text_cell(unescape_text(text))

    def computed(self) -> bool:
        """Return whether a formula has its result. Text may be empty; a 0 that nobody calculated is none."""
        if self.kind == "str":
            return self.value is not None
        return bool(self.value and self.value.strip()) and not (self.stale and self.value == "0")

    def shared_entry(self) -> SheetCell | None:
        """Return a cell with a shared string, made once for all cells that share it."""
        text = (self.value or "").strip()
        if not text:
            return None
        if not (text.isdecimal() and len(text) < 9 and int(text) < len(self.texts)):
            raise damaged_error(cell_name(self.row, self.column))
        index = int(text)
        if index not in self.shared:
            self.shared[index] = text_cell(self.texts[index])
        return self.shared[index]

    def typed(self, text: str) -> SheetCell:
        """Return a number, a date, a boolean or an error."""
        if self.kind == "b":
            return SheetCell(text in TRUE_VALUES)
        if self.kind == "e":
            return SheetCell(text, error="error")
        if self.kind == "d":
            return SheetCell(parse_iso_datetime(text))
        value = parse_number(text)
        if isinstance(value, str):
            return SheetCell(value)
        if self.format.date:
            return SheetCell(date_from_serial(value, self.epoch1904), precision=self.format.precision)
        return SheetCell(
            value, percent=self.format.percent, leading_zeros=self.format.leading_zeros, label=self.format.label
        )

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
        found = RANGE.fullmatch(attributes.get("ref", ""))
        if not found:
            return
        left, right = column_index_from_string(found[1]), column_index_from_string(found[3])
        self.merged.append((int(found[2]), left, int(found[4]), right))
        if len(self.merged) > MAX_MERGED:
            raise zip_bomb_error()


def text_cell(text: str) -> SheetCell | None:
    return SheetCell(text) if text.strip() else None


def row_number(text: str) -> int:
    """Parse a row number. Raises UnreadableFile."""
    if not (text.isdecimal() and text.isascii() and len(text) <= 7 and 0 < int(text) <= LAST_ROW):
        raise damaged_error(text[:20])
    return int(text)
