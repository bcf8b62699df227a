"""Append-only tables: the database refuses to change or delete rows of models with `APPEND_ONLY = True`.

Triggers refuse, so the admin, the API, shells and raw SQL all count. They are made after each `migrate`, since SQLite
loses those of a table that it rebuilds, and dropped before it, so that a migration may convert values. Emptying the
whole database with `flush` stays possible: TRUNCATE on PostgreSQL, our own command (core/management/commands/flush.py)
on SQLite.

A model may name in `DELETABLE_ALONE` the foreign key to the record that its rows belong to: the only row of a record,
written together with it, may then be deleted, so that an import of both can be undone. Of two rows neither may.

A model may name in `FROZEN_STATE` a value of its field `state`: rows in that state are never changed or deleted, the
others may be.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, router, transaction
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

APPEND_ONLY_MESSAGE = _(
    "These records are only ever added: none is changed, deleted or restored. Add a new one instead."
)

FROZEN_MESSAGE = _(
    "It is approved, and stays as it was approved. Correct the records: the next edition says what changed."
)

EVENTS = ("UPDATE", "DELETE")
FUNCTION_SQL = """
CREATE OR REPLACE FUNCTION config_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    has_others boolean := true;
BEGIN
    IF TG_OP = 'DELETE' AND TG_NARGS = 1 THEN
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %1$I WHERE %2$I = ($1).%2$I AND id <> ($1).id)',
            TG_TABLE_NAME, TG_ARGV[0]) INTO has_others USING OLD;
    END IF;
    IF NOT has_others THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""
CREATE_TRIGGER_SQL = {
    "sqlite": """
CREATE TRIGGER "{name}" BEFORE {event} ON "{table}"{condition} BEGIN
    SELECT RAISE(ABORT, 'rows of {table} are only ever added');
END
""",
    "postgresql": """
CREATE TRIGGER "{name}" BEFORE {event} ON "{table}" FOR EACH ROW{condition} EXECUTE FUNCTION config_append_only({group})
""",
}
FROZEN_SQL = """
WHEN (OLD."state" = '{state}')"""
OTHERS_SQL = """
WHEN EXISTS (SELECT 1 FROM "{table}" WHERE "{group}" = OLD."{group}" AND id <> OLD.id)"""
DROP_TRIGGER_SQL = {"sqlite": 'DROP TRIGGER "{name}"', "postgresql": 'DROP TRIGGER "{name}" ON "{table}"'}
LIST_TRIGGERS_SQL = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'append_only_%%'",
    "postgresql": """
SELECT tgname, relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE tgname LIKE 'append_only_%%' AND relnamespace = current_schema()::regnamespace AND NOT tgisinternal
""",
}


def is_append_only(model: type[Model]) -> bool:
    """Whether rows of the model are only ever added."""
    return bool(getattr(model, "APPEND_ONLY", False))


def frozen_state(model: type[Model]) -> str:
    """Return the state in which rows of the model are never changed or deleted; empty where there is none."""
    return str(getattr(model, "FROZEN_STATE", ""))


def is_frozen(record: Any) -> bool:
    """Whether the record, as it is in memory, is in the state in which it is never changed."""
    state = frozen_state(type(record))
    return bool(state) and record.state == state


def undo_column(model: type[Model]) -> str:
    """Return the column of the record that the rows belong to, whose only row may be deleted; empty where none may."""
    name = getattr(model, "DELETABLE_ALONE", "")
    field: Any = model._meta.get_field(name) if name else None
    return str(field.column) if field else ""


def append_only_columns() -> list[tuple[str, str, str]]:
    """Return the tables with triggers, each with its `undo_column` and its `frozen_state`."""
    return sorted(
        (model._meta.db_table, undo_column(model), frozen_state(model))
        for model in apps.get_models()
        if is_append_only(model) or frozen_state(model)
    )


def drop_triggers(using: str = DEFAULT_DB_ALIAS, plan: list[object] | None = None, **_signal: object) -> None:
    """pre_migrate: drop our triggers; a migration may convert values, and SQLite rebuilds tables."""
    if plan == [] or not router.allow_migrate(using, "config"):
        return
    vendor = connections[using].vendor
    with connections[using].cursor() as cursor:
        for name, table in existing_triggers(vendor, cursor):
            cursor.execute(DROP_TRIGGER_SQL[vendor].format(name=name, table=table))


def create_triggers(using: str = DEFAULT_DB_ALIAS, **_signal: object) -> None:
    """post_migrate: create the triggers that are missing."""
    if not router.allow_migrate(using, "config"):
        return
    connection = connections[using]
    with transaction.atomic(using), connection.cursor() as cursor:
        standing = set(connection.introspection.table_names(cursor))
        wanted = {
            (trigger_name(table, event), table, event, group if event == "DELETE" else "", state)
            for table, group, state in append_only_columns()
            if table in standing
            for event in EVENTS
        }
        found = existing_triggers(connection.vendor, cursor)
        if connection.vendor == "postgresql":
            cursor.execute(FUNCTION_SQL)
        for name, table, event, group, state in sorted(wanted):
            if (name, table) not in found:
                condition = row_condition(connection.vendor, table, group, state)
                names = {"name": name, "table": table, "event": event, "group": group, "condition": condition}
                cursor.execute(CREATE_TRIGGER_SQL[connection.vendor].format(**names))


def row_condition(vendor: str, table: str, group: str, state: str) -> str:
    """Return the SQL condition on the rows that a trigger guards; empty for all. On PostgreSQL the function itself
    looks for other rows of the group."""
    if state:
        return FROZEN_SQL.format(state=state)
    return OTHERS_SQL.format(table=table, group=group) if group and vendor == "sqlite" else ""


def trigger_name(table: str, event: str) -> str:
    return f"append_only_{event.lower()}_{table}"


def existing_triggers(vendor: str, cursor: Any) -> set[tuple[str, str]]:
    """Return our triggers, each with its table."""
    cursor.execute(LIST_TRIGGERS_SQL[vendor])
    return set(cursor.fetchall())


@contextmanager
def rows_may_be_deleted(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Context manager: no triggers inside. Only for emptying the whole database."""
    drop_triggers(using)
    try:
        yield
    finally:
        create_triggers(using)
