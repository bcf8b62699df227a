"""A file of rows and columns, whatever its kind: which it is, which sheets it has, and one of them read.

The content decides, not the name: a zip is a workbook, the container of old Excel is refused with what to do, all else
is text. Text under the name of a workbook is refused; a workbook under any name is read.
"""

from config.sheets import csvfile, xlsx
from config.sheets.cells import (
    MAX_BYTES,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_TEXT,
    Entry,
    Line,
    Sheet,
    Unreadable,
    cell_name,
)
from config.sheets.guard import is_workbook

__all__ = [
    "MAX_BYTES",
    "MAX_CELLS",
    "MAX_COLUMNS",
    "MAX_ROWS",
    "MAX_TEXT",
    "Entry",
    "Line",
    "Sheet",
    "Unreadable",
    "cell_name",
    "read_sheet",
    "sheet_names",
]


def sheet_names(name: str, content: bytes) -> list[str]:
    """The visible sheets of a workbook; one without a name for CSV. Raises Unreadable."""
    return xlsx.sheet_names(content) if is_workbook(name, content) else [""]


def read_sheet(name: str, content: bytes, sheet: str | None = None) -> Sheet:
    """One sheet of the file `name`: the first visible one unless another is named. Raises Unreadable."""
    return xlsx.read(content, sheet) if is_workbook(name, content) else csvfile.read(content)
