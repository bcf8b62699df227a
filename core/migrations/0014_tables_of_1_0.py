"""The tables of core get the names of release 1.0. No migration of an app may name the old ones after this one."""

import django.utils.timezone
from django.db import migrations, models

MODELS = ("BackupRun", "ChangeEvent", "DataVersion", "IdempotencyRecord", "Import", "ImportFile", "SeedRecord")


def drop_function(_apps, schema_editor):
    """`migrate` has dropped the triggers that called it, and makes those of today after all migrations."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION IF EXISTS config_data_version()")


class Migration(migrations.Migration):
    dependencies = [
        ("config", "0013_delete_import_changes"),
        ("policies", "0012_fill_responsible_agency"),
        ("accounts", "0006_delete_role_mappings"),
        ("pilots", "0017_delete_target_steps"),
        ("dashboard", "0006_told"),
        ("jobs", "0004_tables_go"),
    ]
    operations = [
        migrations.AlterField(
            "idempotencyrecord", "created_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)
        ),
        *(migrations.AlterModelTable(name, f"core_{name.lower()}") for name in MODELS),
        migrations.RunPython(drop_function, migrations.RunPython.noop),
    ]
