"""Reader of workbooks before 2007 (.xls, .et) and of OpenDocument (.ods), by python-calamine.

calamine gives values, dates and merged cells, but no number formats: what only the format of a cell tells is unknown,
and its cells say so. In .xls it gives neither errors nor formulas: such a cell without a result reads as empty.
"""

import datetime
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from signal import SIGABRT, SIGKILL, SIGXCPU
from typing import Literal, TypedDict

from django.utils.translation import gettext as _

from core.spreadsheets.reading.cells import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    CellValue,
    Sheet,
    SheetCell,
    SheetRow,
    UnreadableFile,
)
from core.spreadsheets.reading.merged_cells import MAX_MERGED, Merged, fill_merged_cells
from core.spreadsheets.reading.safe_zip import (
    Attributes,
    WorkbookZip,
    damaged_error,
    encrypted_error,
    macro_error,
    too_many_cells_error,
    too_many_columns_error,
    too_many_rows_error,
    zip_bomb_error,
)

SCRIPT = Path(__file__).with_name("calamine_process.py")
TIMEOUT = 60  # seconds
LIMITS = {"rows": MAX_ROWS, "columns": MAX_COLUMNS, "cells": MAX_CELLS}
OUT_OF_RESOURCES = {-SIGABRT, -SIGKILL, -SIGXCPU}
VBA_PROJECT = "_VBA_PROJECT".encode("utf-16-le")

Format = Literal["xls", "ods"]


class Beyond(TypedDict):
    """Cell at which a sheet passes a limit, and how many rows hold something up to there."""

    row: int
    column: int
    rows: int


class Found(TypedDict, total=False):
    """What the script prints."""

    error: str
    sheets: list[tuple[str, bool]]  # name, and whether it is a visible sheet of cells
    beyond: Beyond
    rows: list[tuple[int, list[tuple[int, str, CellValue]]]]
    merged: list[tuple[tuple[int, int], tuple[int, int]]]  # corners, counted from 0


def calamine_sheet_names(content: bytes, file_format: Format) -> list[str]:
    """Return the visible sheets. Raises UnreadableFile."""
    check_safe(content, file_format)
    return visible_names(run_calamine(content, ""))


def read_with_calamine(content: bytes, file_format: Format, sheet: str | None) -> Sheet:
    """Return one visible sheet, the first unless it is named. Raises UnreadableFile."""
    details = check_safe(content, file_format)
    names = visible_names(run_calamine(content, "")) if sheet is None else [sheet]
    found = run_calamine(content, names[0])
    if names[0] not in visible_names(found):
        text = _("The workbook has no visible sheet “%(name)s”. Choose another, or show it in Excel and save.")
        raise UnreadableFile("no_sheet", text % {"name": names[0][:31]})
    if "beyond" in found:
        raise beyond_error(found["beyond"])
    own = details.get(names[0], OdsSheet())
    rows = {number: read_row(number, cells, file_format, own) for number, cells in found["rows"]}
    for row, column in own.errors:
        rows.setdefault(row, SheetRow(row, {})).cells[column] = SheetCell("#", error="error")
    corners = [(top + 1, left + 1, bottom + 1, right + 1) for (top, left), (bottom, right) in found["merged"]]
    lines, filled = fill_merged_cells(rows, [*corners, *own.merged])
    if not lines:
        text = _("The sheet “%(name)s” is empty. Choose another sheet, or put the list on it.")
        raise UnreadableFile("empty", text % {"name": names[0]})
    others = [name for name, _visible in found["sheets"] if name != names[0]]
    return Sheet(file_format, names[0], "", "", lines, 0, others, filled)


def visible_names(found: Found) -> list[str]:
    names = [name for name, visible in found["sheets"] if visible]
    if not names:
        text = _("The workbook has no visible sheet. Show the sheet with the list in Excel and save.")
        raise UnreadableFile("no_sheet", text)
    return names


def run_calamine(content: bytes, sheet: str) -> Found:
    """Run the script that reads a workbook, in a process of its own. Raises UnreadableFile."""
    try:
        done = subprocess.run(  # noqa: S603  # our own script
            [sys.executable, "-I", str(SCRIPT), sheet, json.dumps(LIMITS)],
            input=content,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (subprocess.TimeoutExpired, ValueError) as error:  # ValueError: a NUL in the name of a sheet
        raise zip_bomb_error() from error
    if done.returncode in OUT_OF_RESOURCES:
        raise zip_bomb_error()
    if done.returncode:
        raise damaged_error()
    found: Found = json.loads(done.stdout)
    match found.get("error"):
        case "encrypted":
            raise encrypted_error()
        case "bomb":
            raise zip_bomb_error()
        case "damaged":
            raise damaged_error()
    return found


def beyond_error(beyond: Beyond) -> UnreadableFile:
    if beyond["column"] > MAX_COLUMNS:
        return too_many_columns_error(beyond["row"], beyond["column"])
    return too_many_rows_error() if beyond["rows"] > MAX_ROWS else too_many_cells_error()


def read_row(
    number: int, cells: Sequence[tuple[int, str, CellValue]], file_format: Format, own: "OdsSheet"
) -> SheetRow:
    """Return a row with its cells."""
    row = SheetRow(number, {})
    for column, kind, raw in cells:
        value = parse_value(kind, raw)
        if isinstance(value, str | bool):
            if not isinstance(value, str) or value.strip():
                row.cells[column] = SheetCell(value)
        else:
            row.cells[column] = SheetCell(value, percent=(number, column) in own.percent, unknown_format=file_format)
    return row


def parse_value(kind: str, raw: CellValue) -> CellValue:
    """Return the value that the script wrote as JSON. A whole number is an integer; midnight belongs to a day."""
    match kind:
        case "number" if isinstance(raw, float) and raw.is_integer():
            return int(raw)
        case "date":
            return datetime.date.fromisoformat(str(raw))
        case "time":
            return datetime.time.fromisoformat(str(raw))
        case "datetime":
            value = datetime.datetime.fromisoformat(str(raw))
            return value.date() if value.time() == datetime.time() else value
    return raw


# -- what is checked before calamine reads -------------------------------------------------------------------


def check_safe(content: bytes, file_format: Format) -> Mapping[str, "OdsSheet"]:
    """Reject macros and bombs; return what calamine does not tell about the sheets of an .ods."""
    if file_format == "xls":
        if VBA_PROJECT in content:
            raise macro_error()
        return {}
    parts = WorkbookZip(content)
    if "content.xml" not in parts or "META-INF/manifest.xml" not in parts:
        raise damaged_error()
    if any(name.startswith(("basic/", "scripts/")) for name in parts.members):
        raise macro_error()
    return OdsScan().read(parts)


class OdsSheet:
    """What calamine does not tell about a sheet of an .ods: percentages, errors and merged cells."""

    def __init__(self) -> None:
        self.percent: set[tuple[int, int]] = set()
        self.errors: set[tuple[int, int]] = set()
        self.merged: list[Merged] = []


class OdsScan:
    """Pass over the cells of an .ods: counts them, repeated ones included, before calamine unfolds them."""

    def __init__(self) -> None:
        self.sheets: dict[str, OdsSheet] = {}
        self.sheet = OdsSheet()
        self.row, self.rows, self.column, self.cells = 0, 1, 0, 0

    def read(self, parts: WorkbookZip) -> dict[str, OdsSheet]:
        parts.parse("META-INF/manifest.xml", {"encryption-data": reject_encrypted}, {})
        starts = {"table": self.start_table, "table-row": self.start_row}
        parts.parse("content.xml", {**starts, "table-cell": self.cell, "covered-table-cell": self.cell}, {})
        return self.sheets

    def start_table(self, attributes: Attributes) -> None:
        self.sheet = self.sheets.setdefault(attributes.get("table:name", ""), OdsSheet())
        self.row, self.rows = 0, 1

    def start_row(self, attributes: Attributes) -> None:
        self.row, self.column = self.row + self.rows, 0
        self.rows = repeated(attributes, "table:number-rows-repeated")

    def cell(self, attributes: Attributes) -> None:
        columns = repeated(attributes, "table:number-columns-repeated")
        left, self.column = self.column + 1, self.column + columns
        height = repeated(attributes, "table:number-rows-spanned")
        width = repeated(attributes, "table:number-columns-spanned")
        if height > 1 or width > 1:
            self.sheet.merged.append((self.row, left, self.row + height - 1, left + width - 1))
            if len(self.sheet.merged) > MAX_MERGED:
                raise zip_bomb_error()
        kind = attributes.get("office:value-type", "")
        if not kind:
            return
        self.cells += self.rows * columns
        if self.column > MAX_COLUMNS:
            raise too_many_columns_error(self.row, self.column)
        if self.cells > MAX_CELLS:
            raise too_many_cells_error()
        places = product(range(self.row, self.row + self.rows), range(left, left + columns))
        if kind == "percentage":
            self.sheet.percent.update(places)
        elif attributes.get("calcext:value-type") == "error":
            self.sheet.errors.update(places)


def reject_encrypted(_attributes: Attributes) -> None:
    raise encrypted_error()


def repeated(attributes: Attributes, name: str) -> int:
    """Return how often something is repeated, or how far it spans; 1 where that is not said."""
    text = attributes.get(name, "1")
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise damaged_error()
    return max(1, int(text))
