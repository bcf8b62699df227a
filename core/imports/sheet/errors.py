"""Errors of an import: which cell, its value, and how to correct it."""

from __future__ import annotations

from dataclasses import dataclass

from core.http.errors import truncate
from core.spreadsheets.reading.cell_values import CONTROL_CHARACTERS
from core.spreadsheets.reading.cells import cell_name


@dataclass(frozen=True, slots=True)
class ImportErrorDetail:
    """An error in a row. `column` is the column number in the sheet, None for an error of the whole row."""

    row: int
    column: int | None
    heading: str
    value: str
    code: str
    message: str
    name: str = ""  # of the column, empty where the row as a whole is meant

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", printable_text(self.message))

    @property
    def cell(self) -> str:
        """The cell's address, such as B7; for a whole row its number."""
        return cell_name(self.row, self.column) if self.column else str(self.row)

    def as_json(self) -> dict[str, object]:
        return {
            "row": self.row,
            "cell": self.cell,
            "column": self.heading,
            "value": self.value,
            "code": self.code,
            "message": self.message,
        }


def displayed_value(value: object) -> str:
    """Return a cell's value as an error message repeats it."""
    return "" if value is None else printable_text(truncate(value))


def printable_text(text: str) -> str:
    """Replace characters that a database cannot store, or that would hide the text after them."""
    return CONTROL_CHARACTERS.sub("\ufffd", text)
