"""The queue is django-tasks': the tables of jobs go, with their content types and permissions.

On SQLite they were in a file of their own, which is not opened any more.
"""

from django.db import migrations


def delete_content_types(apps, schema_editor):
    apps.get_model("contenttypes", "ContentType").objects.filter(app_label="jobs").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0003_link"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(f"DROP TABLE IF EXISTS {table}", migrations.RunSQL.noop)
                for table in ("jobs_job", "jobs_schedule", "jobs_workerbeat")
            ],
            state_operations=[migrations.DeleteModel(name) for name in ("Job", "Schedule", "WorkerBeat")],
        ),
        migrations.RunPython(delete_content_types, migrations.RunPython.noop),
    ]
