"""Record versions: a random version for each record that every write to the rows that belong to it changes.

What is computed from one record and its rows can be cached under that version, so that after a write one record is
computed anew instead of all. `RECORD_VERSIONS` in the settings names the rows: for the table of the records, each table
of rows with the SQL expression for the record's key.

Triggers keep them, as they keep table versions (core/caching/table_versions.py), and for the same reasons. PostgreSQL:
one row per record and transaction; the version of a record is all of its visible rows. SQLite: one row per record.
A record without a row has not been written to since the last migration, which changes the versions of all tables.
"""

from collections.abc import Iterator

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, router, transaction

VERSIONS_TABLE = "config_recordversion"
ALL_RECORDS = 0  # key of a row that belongs to all records: a table was emptied by TRUNCATE

SQLITE_TRIGGER = """
CREATE TRIGGER "record_version_{event}_{table}" AFTER {event} ON "{table}" BEGIN
{statements}
END
"""
SQLITE_STATEMENT = """
    INSERT INTO config_recordversion (owner, record, "transaction", version)
    SELECT '{owner}', {key}, 0, hex(randomblob(16)) WHERE {key} IS NOT NULL
    ON CONFLICT (owner, record, "transaction") DO UPDATE SET version = excluded.version;
"""
POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION config_record_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    mine bigint := pg_current_xact_id()::text::bigint;
    source text := CASE TG_OP
        WHEN 'TRUNCATE' THEN '(SELECT 0 AS record) AS d'
        WHEN 'UPDATE' THEN format(
            '(SELECT %1$s AS record FROM changed AS r UNION SELECT %1$s FROM former AS r) AS d', TG_ARGV[1])
        ELSE format('(SELECT DISTINCT %s AS record FROM changed AS r) AS d', TG_ARGV[1])
    END;
BEGIN
    EXECUTE format(
        'INSERT INTO config_recordversion (owner, record, transaction, version)
         SELECT %L, record, $1, gen_random_uuid()::text FROM %s WHERE record IS NOT NULL
         ON CONFLICT (owner, record, transaction) DO UPDATE SET version = excluded.version', TG_ARGV[0], source
    ) USING mine;
    EXECUTE format(
        'DELETE FROM config_recordversion WHERE id IN (
             SELECT v.id FROM config_recordversion AS v WHERE v.owner = %L AND v.transaction <> $1
             AND v.record IN (SELECT record FROM %s) FOR UPDATE SKIP LOCKED)', TG_ARGV[0], source
    ) USING mine;
    RETURN NULL;
END $$
"""
POSTGRESQL_TRIGGER = """
CREATE TRIGGER "record_version_{event}" AFTER {event} ON "{table}" {rows}
FOR EACH STATEMENT EXECUTE FUNCTION config_record_version('{owner}', '{key}')
"""
POSTGRESQL_ROWS = {
    "INSERT": "REFERENCING NEW TABLE AS changed",
    "UPDATE": "REFERENCING NEW TABLE AS changed OLD TABLE AS former",
    "DELETE": "REFERENCING OLD TABLE AS changed",
    "TRUNCATE": "",
}
LIST_TRIGGERS = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'record_version_%%'",
    "postgresql": """
SELECT tgname, relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE tgname LIKE 'record_version_%%' AND relnamespace = current_schema()::regnamespace AND NOT tgisinternal
""",
}
DROP_TRIGGER = {"sqlite": 'DROP TRIGGER "{name}"', "postgresql": 'DROP TRIGGER "{name}" ON "{table}"'}


def record_versions(owner: str, using: str = DEFAULT_DB_ALIAS) -> dict[int, str]:
    """Return the versions of the records of a table, by key, in one query. A record that is missing has version ""."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT record, version FROM config_recordversion WHERE owner = %s ORDER BY version", [owner])
        rows: list[tuple[int, str]] = cursor.fetchall()
    versions: dict[int, str] = {}
    for record, version in rows:
        versions[record] = versions.get(record, "") + version
    return versions


# -- triggers ----------------------------------------------------------------------------------------------


def drop_triggers(using: str = DEFAULT_DB_ALIAS, plan: list[object] | None = None, **_signal: object) -> None:
    """pre_migrate: drop our triggers; SQLite rebuilds tables while altering them."""
    if plan == [] or not router.allow_migrate(using, "config"):
        return
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(LIST_TRIGGERS[connection.vendor])
        for name, table in cursor.fetchall():
            cursor.execute(DROP_TRIGGER[connection.vendor].format(name=name, table=table))


def create_triggers(using: str = DEFAULT_DB_ALIAS, **_signal: object) -> None:
    """post_migrate: create the triggers, and forget the versions: those of all tables have changed."""
    connection = connections[using]
    with transaction.atomic(using), connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        if not router.allow_migrate(using, "config") or VERSIONS_TABLE not in tables:
            return
        drop_triggers(using)
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL_FUNCTION)
        for owner, expressions in settings.RECORD_VERSIONS.items():
            for table in tables & expressions.keys():
                for statement in trigger_statements(connection.vendor, owner, table, expressions[table]):
                    cursor.execute(statement)
        cursor.execute("DELETE FROM config_recordversion")


def trigger_statements(vendor: str, owner: str, table: str, expression: str) -> Iterator[str]:
    """Yield the CREATE TRIGGER statements of a table; `{row}` in the expression stands for a row of it."""
    if vendor == "postgresql":
        key = expression.format(row="r")
        for event, rows in POSTGRESQL_ROWS.items():
            yield POSTGRESQL_TRIGGER.format(event=event, table=table, rows=rows, owner=owner, key=key)
        return
    for event, names in {"INSERT": ["NEW"], "UPDATE": ["OLD", "NEW"], "DELETE": ["OLD"]}.items():
        parts = [SQLITE_STATEMENT.format(owner=owner, key=expression.format(row=name)) for name in names]
        yield SQLITE_TRIGGER.format(event=event, table=table, statements="".join(parts))
