"""`flush` of Django, which on SQLite is DELETE: append-only tables are emptied too."""

from typing import Any

from django.core.management.commands import flush
from django.db import connections

from core.history.append_only import rows_may_be_deleted


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        """Empty all tables. PostgreSQL needs nothing more: its triggers do not refuse TRUNCATE."""
        if connections[options["database"]].vendor != "sqlite":
            super().handle(**options)
            return
        with rows_may_be_deleted(options["database"]):
            super().handle(**options)
