"""Whether the service runs on a database: a lock file that each of its processes holds shared, and a restore alone.

The kernel releases the lock of a process that ends, however it ends. A port or a health address would not do: neither
says which database is served, and a worker of jobs has none. Processes on other machines are seen by the server of
PostgreSQL, as its clients.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from django.conf import settings

from core.backup import postgresql
from core.backup.databases import BackupError, Database, current_database

HELD: list[IO[str]] = []  # lock files of this process, open until it ends


def lock_path(database: Database) -> Path:
    """Return the lock file: beside the file of SQLite, else in VAR_DIR."""
    if database.vendor == "sqlite":
        return database.path.with_name(database.path.name + ".lock")
    held = database.settings
    words = f"{held['HOST']}:{held['PORT']}/{database.name}"
    return Path(settings.VAR_DIR / f"service-{hashlib.sha256(words.encode()).hexdigest()[:12]}.lock")


def hold_service_lock() -> None:
    """Say, until this process ends, that it serves the configured database. A folder that cannot be written keeps no
    process from serving."""
    if HELD:
        return
    with suppress(BackupError, OSError):
        path = lock_path(current_database())
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        HELD.append(file)


@contextmanager
def service_stopped(database: Database) -> Iterator[None]:
    """Context manager in which no process of the service can start. Raises BackupError while one runs."""
    path = lock_path(database)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise BackupError(
                f"The service is running on {database}: stop it and its workers, then restore. "
                "To look at a backup beside it: --into another database."
            ) from exc
        if database.vendor == "postgresql" and (others := postgresql.other_clients(database)):
            raise BackupError(f"{database} is in use by {', '.join(sorted(set(others)))}: stop these first.")
        yield
