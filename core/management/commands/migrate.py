"""`migrate` of Django with the project's autodetector, which says whether migrations are missing; both databases."""

from typing import Any

from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS

from core.jobs.router import JOBS_ALIAS, has_own_database
from core.records.migration_autodetector import SchemaAutodetector


class Command(migrate.Command):
    autodetector = SchemaAutodetector

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate the database, then that of background jobs where it is another.

        A test database (`run_syncdb`) is made by itself for each of the two.
        """
        super().handle(*args, **options)
        whole = options["database"] == DEFAULT_DB_ALIAS and options["app_label"] in {None, "jobs"}
        if whole and has_own_database() and not options["run_syncdb"]:
            super().handle(*args, **{**options, "database": JOBS_ALIAS, "app_label": "jobs"})
