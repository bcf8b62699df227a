"""Data version: one random mark that every write to the records changes; the response cache rests on it.

Database triggers change it, so the admin, the API, imports, shells, raw SQL and other workers all count, and a
transaction that is rolled back leaves it unchanged. It is random and no counter: no version ever recurs, not with
another database, nor after a file or a dump of an earlier day was copied back.

PostgreSQL: each transaction has a row of its own and deletes the settled ones that no other transaction holds, so
writers never wait for each other; the version is all visible rows, one as a rule. SQLite: one row, since writers take
turns there.

The triggers are created after each `migrate`, by no migration: Django alters a table of SQLite by making it anew, and
its triggers are gone with the former one.
"""

from typing import Any
from uuid import uuid4

from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, models, router, transaction
from django.utils.translation import gettext_lazy as _

# A savepoint that is rolled back takes the transaction's row with it; the next write inserts one anew.
TRIGGER_FUNCTION_SQL = """
CREATE OR REPLACE FUNCTION core_data_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    mine bigint := pg_current_xact_id()::text::bigint;
BEGIN
    UPDATE core_dataversion SET mark = gen_random_uuid()::text WHERE transaction = mine;
    IF NOT FOUND THEN
        INSERT INTO core_dataversion (transaction, mark) VALUES (mine, gen_random_uuid()::text);
        DELETE FROM core_dataversion WHERE transaction IN (
            SELECT transaction FROM core_dataversion WHERE transaction <> mine FOR UPDATE SKIP LOCKED
        );
    END IF;
    RETURN NULL;
END $$
"""
CREATE_TRIGGER_SQL = {
    "sqlite": """
CREATE TRIGGER "{name}" AFTER {event} ON "{table}" BEGIN
    UPDATE core_dataversion SET mark = hex(randomblob(16));
END
""",
    "postgresql": """
CREATE TRIGGER "{name}" AFTER {event} ON "{table}" FOR EACH STATEMENT EXECUTE FUNCTION core_data_version()
""",
}
DROP_TRIGGER_SQL = {"sqlite": 'DROP TRIGGER "{name}"', "postgresql": 'DROP TRIGGER "{name}" ON "{table}"'}
LIST_TRIGGERS_SQL = {
    "sqlite": """
SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'data_version_%%'
""",
    "postgresql": """
SELECT tgname, relname FROM pg_trigger
JOIN pg_proc ON pg_proc.oid = tgfoid JOIN pg_class ON pg_class.oid = tgrelid
WHERE proname = 'core_data_version'
AND pronamespace = current_schema()::regnamespace AND NOT tgisinternal
""",
}


class DataVersion(models.Model):
    """Version of all records together."""

    transaction = models.BigIntegerField(primary_key=True)  # that wrote; 0 on SQLite, and after a migration
    mark = models.CharField(max_length=36)  # random

    class Meta:
        verbose_name = _("data version")
        verbose_name_plural = _("data versions")

    def __str__(self) -> str:
        return self.mark


def data_version(using: str = DEFAULT_DB_ALIAS) -> str | None:
    """Return the version of the data, in one query; None while a migration runs, when nothing may be kept."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT mark FROM core_dataversion ORDER BY mark")
        return "".join([mark for (mark,) in cursor.fetchall()]) or None


# -- triggers ----------------------------------------------------------------------------------------------


def versioned_tables() -> dict[str, list[str]]:
    """Return the tables whose writes count, each with its columns."""
    found: dict[str, list[str]] = {}
    for label in settings.VERSIONED_APPS:
        for model in apps.get_app_config(label).get_models(include_auto_created=True):
            meta: Any = model._meta
            if meta.managed and not meta.proxy and meta.db_table not in settings.UNVERSIONED_TABLES:
                found[meta.db_table] = [column.column for column in meta.local_concrete_fields]
    return found


def drop_triggers(using: str = DEFAULT_DB_ALIAS, plan: list[object] | None = None, **_signal: object) -> None:
    """pre_migrate: drop the triggers (SQLite rebuilds tables while altering them) and the version: no caching
    meanwhile.
    """
    if plan == [] or not router.allow_migrate(using, "core"):
        return
    database = connections[using]
    with database.cursor() as cursor:
        for name, table in existing_triggers(database.vendor, cursor):
            cursor.execute(DROP_TRIGGER_SQL[database.vendor].format(name=name, table=table))
        if "core_dataversion" in database.introspection.table_names(cursor):
            cursor.execute("DELETE FROM core_dataversion")


def create_triggers(using: str = DEFAULT_DB_ALIAS, **_signal: object) -> None:
    """post_migrate: create the triggers that are missing, and a new version."""
    if not router.allow_migrate(using, "core"):
        return
    database = connections[using]
    with transaction.atomic(using), database.cursor() as cursor:
        standing = set(database.introspection.table_names(cursor))
        if "core_dataversion" not in standing:  # migrated back to before there was a version
            return
        if database.vendor == "postgresql":
            cursor.execute(TRIGGER_FUNCTION_SQL)
        existing = existing_triggers(database.vendor, cursor)
        for table, columns in versioned_tables().items():
            left_out = settings.UNVERSIONED_COLUMNS.get(table, ())
            only = ", ".join(f'"{name}"' for name in columns if name not in left_out)
            update = f"UPDATE OF {only}" if left_out else "UPDATE"
            if database.vendor == "postgresql":  # one trigger
                wanted = {"data_version": f"INSERT OR {update} OR DELETE OR TRUNCATE"}
            else:  # one an event
                events = {"insert": "INSERT", "update": update, "delete": "DELETE"}
                wanted = {f"data_version_{word}_{table}": event for word, event in events.items()}
            for name, event in wanted.items():
                if table in standing and (name, table) not in existing:
                    cursor.execute(CREATE_TRIGGER_SQL[database.vendor].format(name=name, event=event, table=table))
        DataVersion.objects.using(using).all().delete()
        DataVersion.objects.using(using).create(transaction=0, mark=uuid4().hex)


def existing_triggers(vendor: str, cursor: Any) -> set[tuple[str, str]]:
    """Return our triggers, each with its table."""
    cursor.execute(LIST_TRIGGERS_SQL[vendor])
    return set(cursor.fetchall())
