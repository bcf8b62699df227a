"""Database router: the tables of jobs are read and written through the alias `jobs`.

On SQLite that is a file of its own: a job that writes in one long transaction holds the only write lock of the main
file, and its progress and lease are written meanwhile. On PostgreSQL it is a second connection to the same database,
for the same reason: what the job's own transaction writes is seen by nobody until it ends.
"""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

JOBS_ALIAS = "jobs"
APPS = frozenset({"jobs"})


def has_own_database() -> bool:
    """Return whether the tables of jobs live in another database than all others."""
    jobs, default = (connections[alias] for alias in (JOBS_ALIAS, DEFAULT_DB_ALIAS))
    return jobs.vendor == "sqlite" or jobs.settings_dict["NAME"] != default.settings_dict["NAME"]


class JobsRouter:
    """Database router of the tables of jobs."""

    def db_for_read(self, model: Any, **_hints: object) -> str | None:
        return JOBS_ALIAS if model._meta.app_label in APPS else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **_hints: object) -> bool | None:
        """Create the tables of jobs in their own database and no others there; where there is only one, all in it."""
        if not has_own_database():
            return db == DEFAULT_DB_ALIAS
        return (db == JOBS_ALIAS) == (app_label in APPS)
