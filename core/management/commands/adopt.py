"""manage.py adopt: a database of the last release before 1.0 becomes one of 1.0."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from core.backup.databases import is_before_1_0

LAST_RELEASE = "0.8.0"
LAST_MIGRATIONS = {
    *(("config", "0014_tables_of_1_0"), ("jobs", "0004_tables_go"), ("policies", "0012_fill_responsible_agency")),
    *(("accounts", "0007_tables_of_1_0"), ("pilots", "0017_delete_target_steps"), ("dashboard", "0006_told")),
}
"""Of each app the last one before 1.0, after which the tables are those that its first one of 1.0 makes."""
FIRST_MIGRATIONS = [(app, "0001_initial") for app in ("core", "policies", "accounts", "pilots", "dashboard")]


class Command(BaseCommand):
    help = (
        f"Adopt a database that release {LAST_RELEASE}, the last before 1.0, has migrated: its tables and rows stay, "
        "the record of its migrations is written anew. Changes nothing where the tables are others. Then migrate."
    )
    requires_system_checks = []

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        recorder = MigrationRecorder(connection)
        applied = {*recorder.applied_migrations()}
        if not is_before_1_0(".".join(key) for key in applied):
            raise CommandError("This database is none of a release before 1.0: there is nothing to adopt.")
        if lacking := sorted(LAST_MIGRATIONS - applied):
            raise CommandError(
                f"This database lacks the migration {'.'.join(lacking[0])} of release {LAST_RELEASE}, the last before "
                "1.0. Install that release, run its migrate, then adopt with this one. Nothing was changed."
            )
        if differing := other_tables():
            raise CommandError(
                f"This database has other tables than release {LAST_RELEASE} makes: {', '.join(differing)}. Nothing "
                "was changed."
            )
        former = {app for app, _name in LAST_MIGRATIONS}
        recorder.migration_qs.filter(app__in=former).delete()
        for app, name in FIRST_MIGRATIONS:
            recorder.record_applied(app, name)
        ContentType.objects.filter(app_label="config").update(app_label="core")
        ContentType.objects.clear_cache()
        self.stdout.write(f"Adopted: the tables of release {LAST_RELEASE} are those of 1.0. Run migrate now.")


def other_tables() -> list[str]:
    """Return the tables whose columns, constraints or indexes are not those that the first migrations make, with what
    differs. Names that Django gives keys and indexes by itself do not count."""
    differing_tables = []
    state = MigrationLoader(None).project_state(FIRST_MIGRATIONS)
    with connection.cursor() as cursor:
        standing = connection.introspection.table_names(cursor)
        for model in state.apps.get_models(include_auto_created=True):
            meta: Any = model._meta
            if meta.app_label not in dict(FIRST_MIGRATIONS):
                continue
            if meta.db_table not in standing:
                differing_tables.append(meta.db_table)
                continue
            rows = connection.introspection.get_table_description(cursor, meta.db_table)
            columns = {(row.name, row.null_ok) for row in rows}
            wanted = {(field.column, field.null) for field in meta.local_concrete_fields}
            names = {each.name for each in [*meta.constraints, *meta.indexes]}
            names -= {*connection.introspection.get_constraints(cursor, meta.db_table)}
            differing = sorted({name for name, _null in columns ^ wanted} | names)
            differing_tables += [f"{meta.db_table}.{name}" for name in differing]
    return differing_tables
