"""Sheets as tests write them, plans and imports made of them, and what the tables hold."""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import apps
from django.db import connection

from config.sheets.grid import Entry, Line, Sheet
from pilots.imports import KINDS
from policies.imports.files import keep, plan_again, read_plan
from policies.imports.plan import Plan, finish, make_plan
from policies.imports.write import confirm, undo
from policies.models import Import

Rows = Iterable[Sequence[Any]]
LEFT_OUT = ("policies_import", "django_session", "config_mark")  # marks change for good, also by what is taken back


def sheet_of(*rows: Sequence[Any]) -> Sheet:
    """A sheet of these rows, headings included; None is an empty cell, an Entry is taken as it is."""
    lines = []
    for number, row in enumerate(rows, 1):
        entries = {
            place: value if isinstance(value, Entry) else Entry(value)
            for place, value in enumerate(row, 1)
            if value is not None
        }
        if entries:
            lines.append(Line(number, entries))
    return Sheet("xlsx", "Sheet1", "", "", lines)


def plan_of(kind: str, *rows: Sequence[Any], by: Any = None) -> Plan:
    return finish(make_plan(KINDS[kind], sheet_of(*rows), by=by))


def faults_of(plan: Plan) -> list[tuple[str, str]]:
    """Every fault as (cell, code)."""
    return [(fault.cell, fault.code) for fault in plan.faults]


def done_by(plan: Plan) -> list[tuple[int, str]]:
    """What each row would do, as (row, action)."""
    return [(row.number, row.action) for row in plan.rows]


def csv_of(*rows: Sequence[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([["" if cell is None else cell for cell in row] for row in rows])
    return text.getvalue().encode()


def checked(kind: str, *rows: Sequence[Any], by: Any = None) -> Import:
    """An import that passed its dry run."""
    content = csv_of(*rows)
    plan = finish(read_plan(KINDS[kind], "file.csv", content, by=by))
    assert plan.faults == [], plan.faults
    return keep(plan, name="file.csv", content=content, by=by)


def confirmed(record: Import, *, by: Any = None, reason: str = "") -> Import:
    return finish(confirm(record, lambda kept: plan_again(KINDS[kept.kind], kept, by=by), by=by, reason=reason))


def imported(kind: str, *rows: Sequence[Any], by: Any = None, reason: str = "") -> Import:
    return confirmed(checked(kind, *rows, by=by), by=by, reason=reason)


def undone(record: Import, *, by: Any = None, reason: str = "") -> Import:
    return finish(undo(record, by=by, reason=reason))


def tables(*, histories: bool = False, of: Any = connection) -> dict[str, str]:
    """By table, a checksum of all its rows. Imports themselves are left out, and histories unless asked for."""
    found = {}
    with of.cursor() as cursor:
        for table in sorted(of.introspection.table_names(cursor)):
            past = "historical" in table or table == "config_change"  # the line of all entries
            if table.startswith((*LEFT_OUT, "sqlite_")) or (past and not histories):
                continue
            cursor.execute(f"SELECT * FROM {of.ops.quote_name(table)}")  # noqa: S608  # our own tables
            rows = sorted(repr(row) for row in cursor.fetchall())
            found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def histories() -> dict[str, int]:
    """By model with a history, how many entries it has; those that have none are left out."""
    counts = {
        model._meta.label_lower: model._default_manager.count()
        for model in apps.get_models()
        if hasattr(model, "history_change_reason")
    }
    return {name: count for name, count in counts.items() if count}
