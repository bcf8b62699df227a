"""A row of a sheet on its way into the records: what was read, which record it is about, what would change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

from config.sheets.grid import Entry, Line
from config.sheets.values import trimmed
from policies.imports.columns import Column
from policies.imports.faults import CellFault, shown
from policies.imports.headings import Headings

Action = Literal["create", "update", "unchanged"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that a row changes, in words."""

    label: str
    old: str
    new: str
    emptied: bool = False  # an empty cell takes away what is there


@dataclass(slots=True, eq=False)
class Row:
    """One row: `values` hold what its cells say by column, empty cells as None."""

    line: Line
    places: dict[str, int]  # where each column stands in the sheet
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[CellFault] = field(default_factory=list)
    record: Any = None  # the record as it would stand
    found: bool = False  # whether it is on record already
    lost: bool = False  # whether nobody can tell which record it is about
    before: dict[str, Any] = field(default_factory=dict)  # the values of its fields now; empty for a new one
    lists: dict[str, list[Any]] = field(default_factory=dict)  # many-to-many lists as they would stand
    lists_before: dict[str, list[Any]] = field(default_factory=dict)
    changes: list[FieldChange] = field(default_factory=list)
    version: int = 0  # the newest entry of the record's history
    missing: set[str] = field(default_factory=set)  # columns that it needs and the file does not have
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
    def good(self) -> bool:
        """Whether its record is whole, and nothing is wrong with it so far."""
        return not (self.faults or self.missing)

    def entry(self, name: str) -> Entry | None:
        place = self.places.get(name)
        return self.line.entries.get(place) if place else None

    def fault(self, column: Column | None, code: str, message: str) -> None:
        """Note what is wrong with one of the row's cells, or with the row where its column is not in the file."""
        place = self.places.get(column.name) if column else None
        entry = self.entry(column.name) if column else None
        heading, name = (column.heading, column.name) if column else ("", "")
        value = shown(entry and entry.value)
        self.faults.append(CellFault(self.number, place, heading, value, code, message, name))

    def lose(self, column: Column | None, code: str, message: str) -> None:
        """Note why nobody can tell which record the row is about: it is not judged as if it were a new one."""
        self.fault(column, code, message)
        self.lost = True

    def blamed(self) -> set[str]:
        """The columns that something is wrong with already, those that are missing included."""
        return {fault.name for fault in self.faults} | self.missing

    def fingerprint(self) -> str:
        """What the row is about to do, to be held against what it does when confirmed; the same in every language."""
        return f"{self.number} {self.action} {self.record.pk if self.found else '-'} {self.version} {self.digest()}"

    def digest(self) -> str:
        """A short form of the record as it would stand, lists and parts included."""
        own = [f"{f.attname}={getattr(self.record, f.attname)}" for f in self.record._meta.concrete_fields]
        lists = [f"{name}={sorted(item.pk for item in items)}" for name, items in sorted(self.lists.items())]
        parts = [str(self.values.get("steps"))]
        return hashlib.sha256("\n".join([*own, *lists, *parts]).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Written:
    """One record that an import wrote; `before` is how it stood, None for a new one."""

    row: int
    record: Any
    action: str
    before: dict[str, Any] | None


def line_is_empty(line: Line, headings: Headings) -> bool:
    """Whether nothing stands in the line but what is passed over, such as a running number."""
    return all(place in headings.passed or is_blank(entry) for place, entry in line.entries.items())


def is_blank(entry: Entry | None) -> bool:
    """Whether a cell holds nothing that anybody sees."""
    return entry is None or (isinstance(entry.value, str) and not trimmed(entry.value))
