"""Helpers of import tests: sheets, dry runs, imports, and checksums of tables."""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import apps
from django.db import connection

from core.imports.apply import confirm, undo
from core.imports.dry_run import DryRun, make_dry_run
from core.imports.files import dry_run_of_file, save_dry_run
from core.imports.importer import KINDS
from core.imports.models import Import
from core.spreadsheets.cells import Sheet, SheetCell, SheetRow

Rows = Iterable[Sequence[Any]]
EXCLUDED_TABLES = (
    "core_import",
    "django_session",
    "core_dataversion",
    *("pilots_itemlight", "pilots_pilotlight", "pilots_pilotclass"),
)  # versions change permanently, also by what is undone; lights are computed anew and get other keys


def make_sheet(*rows: Sequence[Any]) -> Sheet:
    """Return a sheet of these rows, headings included; None is an empty cell, a cell object is used as it is."""
    lines = []
    for number, row in enumerate(rows, 1):
        entries = {
            place: value if isinstance(value, SheetCell) else SheetCell(value)
            for place, value in enumerate(row, 1)
            if value is not None
        }
        if entries:
            lines.append(SheetRow(number, entries))
    return Sheet("xlsx", "Sheet1", "", lines)


def dry_run_of(kind: str, *rows: Sequence[Any], by: Any = None) -> DryRun:
    return make_dry_run(KINDS[kind], make_sheet(*rows), by=by)


def errors_of(plan: DryRun) -> list[tuple[str, str]]:
    """Return all errors as (cell, code)."""
    return [(fault.cell, fault.code) for fault in plan.errors]


def actions_of(plan: DryRun) -> list[tuple[int, str]]:
    """Return the action of each row, as (row, action)."""
    return [(row.number, row.action) for row in plan.rows]


def csv_bytes(*rows: Sequence[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([["" if cell is None else cell for cell in row] for row in rows])
    return text.getvalue().encode()


def checked_import(kind: str, *rows: Sequence[Any], by: Any = None) -> Import:
    """Return an import whose dry run has no errors."""
    content = csv_bytes(*rows)
    plan = dry_run_of_file(KINDS[kind], "file.csv", content, by=by)
    assert plan.errors == [], plan.errors
    return save_dry_run(plan, name="file.csv", content=content, by=by)


def confirm_import(record: Import, *, by: Any = None, reason: str = "") -> Import:
    return confirm(KINDS[record.kind], record, by=by, reason=reason)


def run_import(kind: str, *rows: Sequence[Any], by: Any = None, reason: str = "") -> Import:
    return confirm_import(checked_import(kind, *rows, by=by), by=by, reason=reason)


def undo_import(record: Import, *, by: Any = None, reason: str = "") -> Import:
    return undo(record, by=by, reason=reason)


def table_checksums(*, histories: bool = False, of: Any = connection) -> dict[str, str]:
    """Return a checksum of all rows by table, without imports, and without histories unless requested."""
    found = {}
    with of.cursor() as cursor:
        for table in sorted(of.introspection.table_names(cursor)):
            past = "historical" in table or table == "core_changeevent"  # the change feed
            if table.startswith((*EXCLUDED_TABLES, "sqlite_")) or (past and not histories):
                continue
            cursor.execute(f"SELECT * FROM {of.ops.quote_name(table)}")  # noqa: S608  # our own tables
            rows = sorted(repr(row) for row in cursor.fetchall())
            found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def history_counts() -> dict[str, int]:
    """Return the number of history entries by model, without models that have none."""
    counts = {
        model._meta.label_lower: model._default_manager.count()
        for model in apps.get_models()
        if hasattr(model, "history_change_reason")
    }
    return {name: count for name, count in counts.items() if count}
