"""A row of an import: its parsed values, its record, and its changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

from core.imports.sheet.columns import Column
from core.imports.sheet.headings import ImportErrorDetail, displayed_value
from core.spreadsheets.reading.cell_values import strip_invisible
from core.spreadsheets.reading.cells import SheetCell, SheetRow

Action = Literal["create", "update", "unchanged"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that a row changes, formatted for display."""

    label: str
    old: str
    new: str
    emptied: bool = False  # an empty cell takes away what is there


@dataclass(slots=True, eq=False)
class Row:
    """One row of an import. `values` are the parsed cells by column name; empty cells are None."""

    line: SheetRow
    positions: dict[str, int]  # where each column stands in the sheet
    values: dict[str, Any] = field(default_factory=dict)
    errors: list[ImportErrorDetail] = field(default_factory=list)
    record: Any = None  # the record as it would stand
    found: bool = False  # whether it is on record already
    unidentified: bool = False  # whether nobody can tell which record it is about
    before: dict[str, Any] = field(default_factory=dict)  # the values of its fields now; empty for a new one
    lists: dict[str, list[Any]] = field(default_factory=dict)  # many-to-many lists as they would stand
    lists_before: dict[str, list[Any]] = field(default_factory=dict)
    changes: list[FieldChange] = field(default_factory=list)
    history_id: int = 0  # the newest entry of the record's history
    missing: set[str] = field(default_factory=set)  # columns that it needs and the file does not have
    related_values: Any = None  # related records that the row holds in a cell of its own
    extra: dict[str, Any] = field(default_factory=dict)  # what a kind of its own keeps of the row

    @property
    def number(self) -> int:
        return self.line.number

    @property
    def action(self) -> Action:
        if not self.found:
            return "create"
        return "update" if self.changes else "unchanged"

    @property
    def is_valid(self) -> bool:
        """Whether the row has no errors and no missing columns so far."""
        return not (self.errors or self.missing)

    def entry(self, name: str) -> SheetCell | None:
        place = self.positions.get(name)
        return self.line.cells.get(place) if place else None

    def add_error(self, column: Column | None, code: str, message: str) -> None:
        """Add an error to a cell, or to the row if its column is not in the file."""
        place = self.positions.get(column.name) if column else None
        entry = self.entry(column.name) if column else None
        heading, name = (column.heading, column.name) if column else ("", "")
        value = displayed_value(entry and entry.value)
        self.errors.append(ImportErrorDetail(self.number, place, heading, value, code, message, name))

    def mark_unidentified(self, column: Column | None, code: str, message: str) -> None:
        """Add an error and mark the row's record as unidentified: it is not validated as a new one."""
        self.add_error(column, code, message)
        self.unidentified = True

    def invalid_columns(self) -> set[str]:
        """Return the columns that have errors, missing ones included."""
        return {fault.name for fault in self.errors} | self.missing

    def fingerprint(self) -> str:
        """Return what the row would do, to be compared on confirmation. Independent of the language."""
        return f"{self.number} {self.action} {self.record.pk if self.found else '-'} {self.history_id} {self.digest()}"

    def digest(self) -> str:
        """Return a hash of the record as it would be saved, many-to-many lists and related records included."""
        own = [f"{f.attname}={getattr(self.record, f.attname)}" for f in self.record._meta.concrete_fields]
        lists = [f"{name}={sorted(item.pk for item in items)}" for name, items in sorted(self.lists.items())]
        parts = [str(self.related_values)]
        return hashlib.sha256("\n".join([*own, *lists, *parts]).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class WrittenRecord:
    """A record that an import wrote. `before` is its previous state, None for a new one."""

    row: int
    record: Any
    action: str
    before: dict[str, object] | None


def is_blank(entry: SheetCell | None) -> bool:
    """Whether a cell holds nothing visible."""
    return entry is None or (isinstance(entry.value, str) and not strip_invisible(entry.value))
