"""Append-only tables are kept by the product: the triggers of before go."""

from typing import Any

from django.db import migrations

LIST_TRIGGERS = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'append_only_%'",
    "postgresql": """
SELECT tgname, relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE tgname LIKE 'append_only_%' AND relnamespace = current_schema()::regnamespace AND NOT tgisinternal
""",
}


def drop_triggers(_apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute(LIST_TRIGGERS[connection.vendor])
        for name, table in cursor.fetchall():
            of = f' ON "{table}"' if connection.vendor == "postgresql" else ""
            cursor.execute(f'DROP TRIGGER "{name}"{of}')
        if connection.vendor == "postgresql":
            cursor.execute("DROP FUNCTION IF EXISTS config_append_only()")


class Migration(migrations.Migration):
    dependencies = [("config", "0009_journal")]

    operations = [migrations.RunPython(drop_triggers, migrations.RunPython.noop)]
