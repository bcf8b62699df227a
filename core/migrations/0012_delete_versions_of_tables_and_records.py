"""Delete the versions of tables and of records: the one version of the data is enough.

`migrate` has dropped the triggers that wrote them (core/caching/data_version.py).
"""

from typing import Any

from django.db import migrations

from core.migrations._steps import delete_content_types


def drop_functions(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION IF EXISTS config_mark_area() CASCADE")
        schema_editor.execute("DROP FUNCTION IF EXISTS config_record_version() CASCADE")


class Migration(migrations.Migration):
    dependencies = [
        ("config", "0011_imports_not_checked_yet"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunPython(drop_functions, migrations.RunPython.noop),
        migrations.DeleteModel(name="RecordVersion"),
        migrations.DeleteModel(name="TableVersion"),
        delete_content_types("config.recordversion", "config.tableversion"),
    ]
