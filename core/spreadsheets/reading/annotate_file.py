"""The user's own file with a result and a reason beside each row.

A workbook is loaded with openpyxl, which keeps cells, formulas, styles, comments and charts, and saved with two columns
more. One that is too large for that, that openpyxl cannot load, or that is not XLSX, comes back as an XLSX of its rows.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import PatternFill
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.worksheet.dimensions import ColumnDimension
from openpyxl.worksheet.worksheet import Worksheet

from core.spreadsheets.file_responses import escape_formula
from core.spreadsheets.reading.cells import CellValue, Sheet, SheetCell, UnreadableFile
from core.spreadsheets.reading.csv_reader import BOMS, find_delimiter, parse_records
from core.spreadsheets.reading.safe_zip import Attributes, WorkbookZip
from core.spreadsheets.xlsx_writer import (
    INVALID_XML_CHARACTERS,
    set_cell_value,
    styled_cell,
    writable_value,
)

TextPair = tuple[str, str]
ColumnPair = tuple[int, int]
Place = tuple[int, int]  # row and column

WIDTHS = (14, 60)  # of the result and of the reason, in characters
FAULT_COLOUR = "FFFFC7CE"  # Excel's own for a bad value
FAULT_FILL = PatternFill("solid", start_color=FAULT_COLOUR)
MAX_STYLED_BYTES = 32 * 2**20  # of unpacked XML: openpyxl needs about 500 bytes a cell
MAX_STYLED_CELLS = 300_000  # of all sheets; a cell beneath a merged one counts, because openpyxl makes it
DATE_FORMATS = {"day": "yyyy-mm-dd", "month": "yyyy-mm", "year": "yyyy"}


# -- workbooks -------------------------------------------------------------------------------------------


def annotated_workbook(
    content: bytes,
    sheet: str,
    heading_row: int,
    columns: ColumnPair,
    heads: TextPair,
    results: Mapping[int, TextPair],
    faulty: Iterable[Place] = (),
) -> bytes | None:
    """Return the user's XLSX with a result and a reason in each row of `results`, and the faulty cells in red.

    `columns` are where they go, counted from 1: free ones, or those of an earlier result, whose cells from the heading
    down are replaced, as are its red cells. None where openpyxl cannot hold the workbook; what it does not know, as
    pictures, is lost.
    """
    if not can_be_loaded(content):
        return None
    try:
        book = load_workbook(io.BytesIO(content), rich_text=True, keep_links=False)
        target: Any = book[sheet]  # openpyxl's types count cells beneath merged ones, which are taken apart before
    except Exception:  # openpyxl raises any error for what other programs write
        return None
    if target.max_row * target.max_column > MAX_STYLED_CELLS:  # a cell far out: openpyxl makes all before it
        return None
    remove_earlier_results(target, heading_row, columns)
    neighbour = target.cell(heading_row, max(1, min(columns) - 1))
    for column, head, width in zip(columns, heads, WIDTHS, strict=True):
        cell = set_cell_value(target.cell(heading_row, column), head)
        for style in ("font", "fill", "border", "alignment"):
            setattr(cell, style, copy(getattr(neighbour, style)))
        set_width(target, column, width)
    for row, pair in results.items():
        for column, text in zip(columns, pair, strict=True):
            if text:
                set_cell_value(target.cell(row, column), cell_text(text))
    for row, column in faulty:
        target.cell(row, column).fill = FAULT_FILL
    return saved(book)


def can_be_loaded(content: bytes) -> bool:
    """Return whether openpyxl can hold the workbook in memory, by a safe pass over all its XML."""
    cells = 0

    def count(_attributes: Attributes) -> None:
        nonlocal cells
        cells += 1

    def count_range(attributes: Attributes) -> None:
        nonlocal cells
        left, top, right, bottom = range_boundaries(attributes.get("ref", "A1"))
        cells += (right - left + 1) * (bottom - top + 1) if left and top and right and bottom else MAX_STYLED_CELLS

    try:
        parts = WorkbookZip(content)
        for name in parts.members:
            if name.endswith((".xml", ".rels")):
                parts.parse(name, {"c": count, "row": count, "mergeCell": count_range, "hyperlink": count_range}, {})
            if cells > MAX_STYLED_CELLS or parts.unpacked > MAX_STYLED_BYTES:
                return False
    except (UnreadableFile, ValueError, TypeError):
        return False
    return True


def remove_earlier_results(sheet: Worksheet, heading_row: int, columns: ColumnPair) -> None:
    """Empty the two columns from the heading down, and take the red of an earlier result from the cells."""
    for merged in list(sheet.merged_cells.ranges):
        if merged.max_row >= heading_row and any(merged.min_col <= column <= merged.max_col for column in columns):
            sheet.unmerge_cells(merged.coord)
    rows: Iterable[tuple[Any, ...]] = sheet.iter_rows(min_row=heading_row)
    for row in rows:
        for column, cell in enumerate(row, 1):
            if column in columns:
                cell.value = None
            elif cell.fill.fgColor.rgb == FAULT_COLOUR:
                cell.fill = PatternFill()


def set_width(sheet: Worksheet, column: int, width: float) -> None:
    """Show a column in this width; where a width is set for several columns at once, the others keep it."""
    dimensions = sheet.column_dimensions
    for several in list(dimensions.values()):
        low, high = several.min, several.max
        if low and high and low <= column <= high and low < high:
            for first, last in ((low, column - 1), (column + 1, high)):
                if first <= last:
                    part = ColumnDimension(sheet, get_column_letter(first), several.width, hidden=several.hidden)
                    part.min, part.max = first, last
                    dimensions[get_column_letter(first)] = part
            if low == column:
                del dimensions[get_column_letter(low)]
    dimensions[get_column_letter(column)] = ColumnDimension(sheet, get_column_letter(column), width)


def annotated_rows(
    sheet: Sheet,
    heading_row: int,
    columns: ColumnPair,
    heads: TextPair,
    results: Mapping[int, TextPair],
    faulty: Iterable[Place] = (),
) -> bytes:
    """Return an XLSX of the rows of a sheet, in their places, with a result and a reason: what can be read of any
    workbook."""
    book = Workbook(write_only=True)
    target = book.create_sheet(sheet.name or None)
    for column, width in zip(columns, WIDTHS, strict=True):
        target.column_dimensions[get_column_letter(column)].width = width
    rows = {row.number: row.cells for row in sheet.rows}
    texts, red = {**results, heading_row: heads}, set(faulty)
    kept: dict[tuple[int, str, bool], Cell] = {}  # a row is written before the next is made

    def make(row: int, column: int, value: CellValue | None, form: str) -> Cell:
        style = column, form, (row, column) in red
        if style not in kept:
            kept[style] = styled_cell(target, form, wrapped=False)
            if style[-1]:
                kept[style].fill = FAULT_FILL
        return set_cell_value(kept[style], value)

    for number in range(1, max(*rows, *texts) + 1):
        cells = {column: make(number, column, *file_value(cell)) for column, cell in rows.get(number, {}).items()}
        if number >= heading_row:
            for column, text in zip(columns, texts.get(number, ("", "")), strict=True):
                cells[column] = make(number, column, cell_text(text) or None, "@")
        target.append([cells.get(column) for column in range(1, max(cells, default=0) + 1)])
    return saved(book)


def file_value(cell: SheetCell) -> tuple[CellValue, str]:
    """Return the value and the number format with which a cell reads back as it was read."""
    value = cell.value
    if isinstance(value, str):
        return cell_text(value), "@"
    if isinstance(value, bool):
        return value, "General"
    if isinstance(value, int | float):
        form = "0.##########%" if cell.percent else "0" * cell.leading_zeros or "General"
        return value, form + (f'"{cell.label}"' if cell.label else "")
    return value, DATE_FORMATS[cell.precision] + (" hh:mm:ss" if hasattr(value, "hour") else "")


def cell_text(text: str) -> str:
    """Return text as a cell can hold it."""
    return str(writable_value(INVALID_XML_CHARACTERS.sub("", text)))


def saved(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


# -- CSV -------------------------------------------------------------------------------------------------


def annotated_csv(
    content: bytes,
    encoding: str,
    delimiter: str,
    heading_row: int,
    columns: ColumnPair,
    heads: TextPair,
    results: Mapping[int, TextPair],
) -> bytes:
    """Do the same for CSV, in the encoding and with the delimiter that the reader found; a byte-order mark stays."""
    bom, codec = next(((mark, codec) for mark, codec, _ in BOMS if content.startswith(mark)), (b"", encoding))
    text = content[len(bom) :].decode(codec)
    start = find_delimiter(text)[1]
    out = io.BytesIO()
    file = io.TextIOWrapper(out, encoding=codec, newline="", write_through=True)
    file.write(text[:start])
    writer = csv.writer(file, delimiter=delimiter)
    unmet, last = {**results, heading_row: heads}, 0
    for number, record in enumerate(parse_records(text, start, delimiter), 1 + (start > 0)):
        pair = unmet.pop(number, ("", ""))
        writer.writerow(placed(record, columns, pair) if number >= heading_row else record)
        last = number
    for number in range(last + 1, max(unmet, default=0) + 1):
        writer.writerow(placed([], columns, unmet.get(number, ("", ""))))
    return bom + out.getvalue()


def placed(record: list[str], columns: ColumnPair, pair: TextPair) -> list[str]:
    """A record with the two texts in it; nothing lengthens one that has nothing to say."""
    row = [*record]
    for column, text in zip(columns, pair, strict=True):
        if text and len(row) < column:
            row.extend([""] * (column - len(row)))
        if column <= len(row):
            row[column - 1] = escape_formula(INVALID_XML_CHARACTERS.sub("", text))
    return row
