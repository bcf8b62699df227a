"""Table versions: a random version for each versioned table that every write changes; caches of pilots rest on them.

Database triggers change the versions, so the admin, the API, imports, shells, raw SQL and other workers all count, a
transaction that is rolled back leaves the versions unchanged, and a dump carries them along. Versions are random, so
that none ever recurs: not with another database, nor with this one restored to an earlier day.

PostgreSQL: each transaction has a row of its own for each table that it writes, so writers never wait for each other;
the version of a table is all of its visible rows. SQLite: one row per table, since writers take turns there.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, router, transaction

VERSION_TABLE = "config_mark"
Versions = Mapping[str, str]

TRIGGER_FUNCTION_SQL = """
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
CREATE_TRIGGER_SQL = {
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
DROP_TRIGGER_SQL = {"sqlite": 'DROP TRIGGER "{name}"', "postgresql": 'DROP TRIGGER "{name}" ON "{table}"'}
LIST_TRIGGERS_SQL = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%%INTO config_mark%%'",
    "postgresql": """
SELECT tgname, relname FROM pg_trigger
JOIN pg_proc ON pg_proc.oid = tgfoid JOIN pg_class ON pg_class.oid = tgrelid
WHERE proname = 'config_mark_area' AND pronamespace = current_schema()::regnamespace AND NOT tgisinternal
""",
}
NEW_VERSION_SQL = {
    "sqlite": 'INSERT INTO config_mark (area, "transaction", mark) VALUES (%s, 0, hex(randomblob(16)))',
    "postgresql": "INSERT INTO config_mark (area, transaction, mark) VALUES (%s, 0, gen_random_uuid()::text)",
}
TRIGGER_EVENTS = {"sqlite": ("INSERT", "UPDATE", "DELETE"), "postgresql": ("INSERT", "UPDATE", "DELETE", "TRUNCATE")}


# -- reading versions ------------------------------------------------------------------------------------


def table_versions(using: str = DEFAULT_DB_ALIAS) -> Versions:
    """Return the version of every versioned table, in one query.

    A table has none while a migration runs, which drops the triggers.
    """
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT area, mark FROM config_mark ORDER BY mark")
        rows: list[tuple[str, str]] = cursor.fetchall()
    versions: dict[str, str] = {}
    for table, version in rows:  # several of a table where transactions wrote to it at the same time
        versions[table] = versions.get(table, "") + version
    return versions


@cache
def versioned_table_names() -> frozenset[str]:
    return frozenset(versioned_tables())


# -- creating triggers -------------------------------------------------------------------------------------


def versioned_tables(known: Any = apps) -> dict[str, list[str]]:
    """Return the versioned tables, each with its columns."""
    found: dict[str, list[str]] = {}
    for label in settings.VERSIONED_APPS:
        for model in known.get_app_config(label).get_models(include_auto_created=True):
            meta = model._meta
            if meta.managed and not meta.proxy and meta.db_table not in settings.UNVERSIONED_TABLES:
                found[meta.db_table] = [column.column for column in meta.local_concrete_fields]
    return found


def drop_triggers(using: str = DEFAULT_DB_ALIAS, plan: Sequence[object] | None = None, **_signal: object) -> None:
    """pre_migrate: drop our triggers (SQLite rebuilds tables while altering them) and all versions: no caching
    meanwhile.
    """
    if plan == [] or not router.allow_migrate(using, "config"):
        return
    connection = connections[using]
    with connection.cursor() as cursor:
        if VERSION_TABLE in connection.introspection.table_names(cursor):
            for name, table in existing_triggers(connection.vendor, cursor):
                cursor.execute(DROP_TRIGGER_SQL[connection.vendor].format(name=name, table=table))
            cursor.execute("DELETE FROM config_mark")


def create_triggers(using: str = DEFAULT_DB_ALIAS, **_signal: object) -> None:
    """post_migrate: create the triggers of every versioned table, and new versions for all of them."""
    if not router.allow_migrate(using, "config"):
        return
    connection = connections[using]
    with transaction.atomic(using), connection.cursor() as cursor:
        standing = set(connection.introspection.table_names(cursor))
        if VERSION_TABLE not in standing:  # migrated back to before table versions existed
            return
        tables = {table: columns for table, columns in versioned_tables().items() if table in standing}
        wanted = {
            (trigger_name(connection.vendor, table, event), table)
            for table in tables
            for event in TRIGGER_EVENTS[connection.vendor]
        }
        if connection.vendor == "postgresql":
            cursor.execute(TRIGGER_FUNCTION_SQL)
        if existing_triggers(connection.vendor, cursor) != wanted:
            drop_triggers(using)
            for table, columns in tables.items():
                left_out = settings.UNVERSIONED_COLUMNS.get(table)
                only = ", ".join(f'"{name}"' for name in columns if left_out and name not in left_out)
                for event in TRIGGER_EVENTS[connection.vendor]:
                    name = trigger_name(connection.vendor, table, event)
                    of = f" OF {only}" if event == "UPDATE" and only else ""
                    sql = CREATE_TRIGGER_SQL[connection.vendor]
                    cursor.execute(sql.format(name=name, event=event, columns=of, table=table))
        cursor.execute("DELETE FROM config_mark")
        for table in tables:
            cursor.execute(NEW_VERSION_SQL[connection.vendor], [table])


def trigger_name(vendor: str, table: str, event: str) -> str:
    """Return a trigger's name: unique per database on SQLite, at most 63 characters on PostgreSQL."""
    return f"mark_{event.lower()}" if vendor == "postgresql" else f"mark_{event.lower()}_{table}"


def existing_triggers(vendor: str, cursor: Any) -> set[tuple[str, str]]:
    """Return our triggers, each with its table."""
    cursor.execute(LIST_TRIGGERS_SQL[vendor])
    return set(cursor.fetchall())
