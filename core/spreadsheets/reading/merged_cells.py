"""Merged cells: what a reader of the sheet takes them to mean for the rows beneath."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping

from core.spreadsheets.reading.cells import MAX_CELLS, MAX_ROWS, SheetRow, cell_name
from core.spreadsheets.reading.safe_zip import zip_bomb_error

Merged = tuple[int, int, int, int]  # top, left, bottom, right
MAX_MERGED = 2 * MAX_ROWS


def fill_merged_cells(
    rows: Mapping[int, SheetRow], merged: Iterable[Merged]
) -> tuple[list[SheetRow], dict[tuple[int, int], str]]:
    """Return the rows in order, as people see them under merged cells, and the cells filled down with their range.

    A merged cell of one column and several rows counts for each of its rows that has something else in it. Any other
    merged cell counts in its first cell only. What lies hidden beneath a merged cell is not read.
    """
    lines = [rows[number] for number in sorted(rows)]
    numbers = [line.number for line in lines]
    filled: dict[tuple[int, int], str] = {}
    work = 0
    for top, left, bottom, right in merged:
        covered = lines[bisect_left(numbers, top) : bisect_right(numbers, bottom)]
        work += len(covered)
        if work > MAX_CELLS:
            raise zip_bomb_error()
        line = rows.get(top)
        head = line.cells.get(left) if line else None
        for line in covered:
            drop_covered_cells(line, top, left, right)
            if head and left == right and line.number != top and line.cells:
                line.cells[left] = head
                filled[line.number, left] = f"{cell_name(top, left)}:{cell_name(bottom, right)}"
    return [line for line in lines if line.cells], filled


def drop_covered_cells(line: SheetRow, top: int, left: int, right: int) -> None:
    """Remove what lies beneath a merged cell, all but its first cell."""
    for column in [column for column in line.cells if left <= column <= right]:
        if (line.number, column) != (top, left):
            del line.cells[column]
