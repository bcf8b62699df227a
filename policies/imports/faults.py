"""What is wrong with a file: in which cell, what stands there, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from config.faults import short
from config.sheets.grid import cell_name
from config.sheets.values import CONTROL


@dataclass(frozen=True, slots=True)
class CellFault:
    """One thing wrong with a row. `column` is its place in the sheet, None where the row as a whole is meant."""

    row: int
    column: int | None
    heading: str
    value: str
    code: str
    message: str
    name: str = ""  # of the column, empty where the row as a whole is meant

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", keepable(self.message))

    @property
    def cell(self) -> str:
        """The address, as B7; of a whole row its number."""
        return cell_name(self.row, self.column) if self.column else str(self.row)

    def as_json(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "cell": self.cell,
            "column": self.heading,
            "value": self.value,
            "code": self.code,
            "message": self.message,
        }


def shown(value: Any) -> str:
    """A cell's own content as a message repeats it."""
    return "" if value is None else keepable(short(value))


def keepable(text: str) -> str:
    """The text with a sign in place of characters that a database cannot keep, or that would hide what follows."""
    return CONTROL.sub("\ufffd", text)
