"""A mark for each table of facts, which changes with every write to it, whoever writes: what kept answers rest on.

The database itself changes the marks, by triggers: so the admin, the API, an import, a shell, raw SQL and another
worker all count alike, a transaction that is undone leaves its marks undone, and a dump takes its marks along. Marks
are random, so that one never comes back: not with another database, nor with this one restored to an earlier day.

PostgreSQL: a transaction has a row of its own for each table it writes, so writers never wait for each other; the
mark of a table is all of its rows that can be seen. SQLite: one row a table, since writers take turns there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections, router, transaction

MARKED_APPS = ("contenttypes", "auth", "policies", "pilots")
# Each sign-in writes the moment into the person's row: nothing that anybody reads depends on it.
UNMARKED_COLUMNS = {"auth_user": {"last_login"}}
MARKS = "config_mark"
Marks = Mapping[str, str]

ROUTINE = """
CREATE OR REPLACE FUNCTION config_mark_area() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    mine bigint := pg_current_xact_id()::text::bigint;
BEGIN
    INSERT INTO config_mark (area, transaction, mark) VALUES (TG_TABLE_NAME, mine, gen_random_uuid()::text)
    ON CONFLICT (area, transaction) DO UPDATE SET mark = excluded.mark;
    DELETE FROM config_mark WHERE id IN (
        SELECT id FROM config_mark WHERE area = TG_TABLE_NAME AND transaction <> mine FOR UPDATE SKIP LOCKED
    );
    RETURN NULL;
END $$
"""
CREATING = {
    "sqlite": """
CREATE TRIGGER "{name}" AFTER {event}{columns} ON "{table}" BEGIN
    INSERT INTO config_mark (area, "transaction", mark) VALUES ('{table}', 0, hex(randomblob(16)))
    ON CONFLICT (area, "transaction") DO UPDATE SET mark = excluded.mark;
END
""",
    "postgresql": """
CREATE TRIGGER "{name}" AFTER {event}{columns} ON "{table}" FOR EACH STATEMENT EXECUTE FUNCTION config_mark_area()
""",
}
DROPPING = {"sqlite": 'DROP TRIGGER "{name}"', "postgresql": 'DROP TRIGGER "{name}" ON "{table}"'}
STANDING = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%%INTO config_mark%%'",
    "postgresql": """
SELECT tgname, relname FROM pg_trigger
JOIN pg_proc ON pg_proc.oid = tgfoid JOIN pg_class ON pg_class.oid = tgrelid
WHERE proname = 'config_mark_area' AND pronamespace = current_schema()::regnamespace AND NOT tgisinternal
""",
}
RENEW = {
    "sqlite": 'INSERT INTO config_mark (area, "transaction", mark) VALUES (%s, 0, hex(randomblob(16)))',
    "postgresql": "INSERT INTO config_mark (area, transaction, mark) VALUES (%s, 0, gen_random_uuid()::text)",
}
EVENTS = {"sqlite": ("INSERT", "UPDATE", "DELETE"), "postgresql": ("INSERT", "UPDATE", "DELETE", "TRUNCATE")}


# -- the marks as they stand -----------------------------------------------------------------------------


def current(using: str = DEFAULT_DB_ALIAS) -> Marks:
    """The mark of every table that has one, in one query.

    A table without one cannot be relied on: its triggers are laid aside while a migration runs.
    """
    connection: Any = connections[using]
    # Often the first query of a request, and then the proof that the connection still holds: no other is asked for.
    unproven = connection.connection is not None and not connection.in_atomic_block and not connection.health_check_done
    connection.health_check_done = True
    try:
        rows = asked(connection)
    except (OperationalError, InterfaceError):
        if not unproven:
            raise
        connection.close()
        rows = asked(connection)
    marks = dict(rows)
    if len(marks) < len(rows):  # somewhere several transactions wrote at one time
        for area in marks:
            marks[area] = " ".join(sorted(mark for other, mark in rows if other == area))
    return marks


def asked(connection: Any) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT area, mark FROM config_mark")
        rows: list[tuple[str, str]] = cursor.fetchall()
    return rows


@dataclass
class Seen:
    """The tables that the statements of a while named, and whether one cannot be answered for by marks."""

    using: str
    tables: set[str] = field(default_factory=set)
    elsewhere: bool = False  # a table of facts was read through another connection than that of the marks

    def covered(self, marks: Marks) -> bool:
        """Whether every table read has its mark."""
        return not self.elsewhere and self.tables <= marks.keys()


@contextmanager
def watched(using: str = DEFAULT_DB_ALIAS) -> Iterator[Seen]:
    """The tables named by the statements that run meanwhile in this thread."""
    seen = Seen(using)
    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(watcher(seen, connection.alias)))
        yield seen


def watcher(seen: Seen, alias: str) -> Any:
    def watch(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        tables = tables_in(str(sql))
        seen.tables |= tables
        seen.elsewhere |= alias != seen.using and bool(tables)
        return execute(sql, params, many, context)

    return watch


@lru_cache(maxsize=2000)
def tables_in(sql: str) -> frozenset[str]:
    """The tables of the product that a statement names."""
    return every_table() & frozenset(re.findall(r"\w+", sql))


@cache
def every_table() -> frozenset[str]:
    return frozenset(model._meta.db_table for model in apps.get_models(include_auto_created=True))


# -- setting them up ---------------------------------------------------------------------------------------


def marked_tables(known: Any = apps) -> dict[str, list[str]]:
    """The tables of facts, each with its columns."""
    found: dict[str, list[str]] = {}
    for label in MARKED_APPS:
        for model in known.get_app_config(label).get_models(include_auto_created=True):
            meta = model._meta
            if meta.managed and not meta.proxy:
                found[meta.db_table] = [column.column for column in meta.local_concrete_fields]
    return found


def lay_aside(using: str = DEFAULT_DB_ALIAS, plan: Sequence[Any] | None = None, **_signal: Any) -> None:
    """Before a migration: no triggers, which a table that is remade would trip over, and no marks to rely on."""
    if plan == [] or not router.allow_migrate(using, "config"):
        return
    connection = connections[using]
    with connection.cursor() as cursor:
        if MARKS in connection.introspection.table_names(cursor):
            for name, table in triggers(connection.vendor, cursor):
                cursor.execute(DROPPING[connection.vendor].format(name=name, table=table))
            cursor.execute("DELETE FROM config_mark")


def install(using: str = DEFAULT_DB_ALIAS, **_signal: Any) -> None:
    """After a migration: the triggers of every table of facts, and new marks for all of them."""
    if not router.allow_migrate(using, "config"):
        return
    connection = connections[using]
    with transaction.atomic(using), connection.cursor() as cursor:
        standing = set(connection.introspection.table_names(cursor))
        if MARKS not in standing:  # migrated back to before there were marks
            return
        tables = {table: columns for table, columns in marked_tables().items() if table in standing}
        wanted = {
            (trigger(connection.vendor, table, event), table) for table in tables for event in EVENTS[connection.vendor]
        }
        if connection.vendor == "postgresql":
            cursor.execute(ROUTINE)
        if triggers(connection.vendor, cursor) != wanted:
            lay_aside(using)
            for table, columns in tables.items():
                for statement in creating(connection.vendor, table, columns):
                    cursor.execute(statement)
        cursor.execute("DELETE FROM config_mark")
        for table in tables:
            cursor.execute(RENEW[connection.vendor], [table])


def creating(vendor: str, table: str, columns: list[str]) -> Iterator[str]:
    """The statements that give a table its triggers."""
    left_out = UNMARKED_COLUMNS.get(table)
    only = ", ".join(f'"{name}"' for name in columns if left_out and name not in left_out)
    for event in EVENTS[vendor]:
        of = f" OF {only}" if event == "UPDATE" and only else ""
        yield CREATING[vendor].format(name=trigger(vendor, table, event), event=event, columns=of, table=table)


def trigger(vendor: str, table: str, event: str) -> str:
    """A trigger's name: on SQLite no two tables share one, on PostgreSQL it has at most 63 letters."""
    return f"mark_{event.lower()}" if vendor == "postgresql" else f"mark_{event.lower()}_{table}"


def triggers(vendor: str, cursor: Any) -> set[tuple[str, str]]:
    """Every trigger of ours, and the table that it stands on."""
    cursor.execute(STANDING[vendor])
    return set(cursor.fetchall())
