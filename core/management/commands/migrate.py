"""`migrate` of Django with the project's autodetector, which says whether migrations are missing; both databases."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.recorder import MigrationRecorder

from core.backup.describe import by_app
from core.backup.manifest import unknown_migrations
from core.jobs.router import JOBS_ALIAS, has_own_database
from core.records.migration_autodetector import SchemaAutodetector


class Command(migrate.Command):
    autodetector = SchemaAutodetector

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate the database, then that of background jobs where it is another.

        A test database (`run_syncdb`) is made by itself for each of the two.
        """
        if not options["app_label"]:
            refuse_newer_database(options["database"])
        super().handle(*args, **options)
        whole = options["database"] == DEFAULT_DB_ALIAS and options["app_label"] in {None, "jobs"}
        if whole and has_own_database() and not options["run_syncdb"]:
            super().handle(*args, **{**options, "database": JOBS_ALIAS, "app_label": "jobs"})


def refuse_newer_database(alias: str) -> None:
    """Raise CommandError for a database that a newer release has migrated: Django would say "nothing to apply"."""
    unknown = unknown_migrations(by_app(MigrationRecorder(connections[alias]).applied_migrations()))
    if unknown:
        raise CommandError(
            f"This database has the migration {unknown[0]}, which release {settings.VERSION} does not have: a newer "
            "one used it. Install that release, or restore a backup from before the upgrade. Nothing was changed."
        )
