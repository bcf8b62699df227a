"""Notes, reasons and targets in words in two languages, in what is stored of records as they were before an import.

The undo of an import that was confirmed before these fields were split needs them under their names of today.
"""

from typing import Any

from django.db import migrations

from core.migrations._steps import CHUNK_SIZE
from core.migrations._steps import join_values
from core.migrations._steps import split_values

NAMES = ("note", "reason", "target_text")


def split(apps: Any, schema_editor: Any) -> None:
    each(apps, schema_editor, split_values)


def join(apps: Any, schema_editor: Any) -> None:
    each(apps, schema_editor, join_values)


def each(apps: Any, schema_editor: Any, values: Any) -> None:
    rows = apps.get_model("config", "ImportChange")._base_manager.using(schema_editor.connection.alias)
    for row in rows.exclude(before=None).iterator(CHUNK_SIZE):
        fields = {field.name for field in apps.get_model(row.model)._meta.fields}
        old = row.before["fields"]
        new = values(old, [name for name in NAMES if f"{name}_en" in fields])
        if new != old:
            rows.filter(pk=row.pk).update(before={**row.before, "fields": new})


class Migration(migrations.Migration):
    dependencies = [("pilots", "0005_latest_date_known"), ("config", "0005_models_by_their_names")]

    operations = [migrations.RunPython(split, join)]
