"""Whether the service runs on a database.

Of SQLite each process of the service holds a lock file shared, and a restore alone; the kernel releases the lock of a
process that ends, however it ends. PostgreSQL knows its clients, and renames no database that has one.
"""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from core.backup.databases import BackupError, Database, SQLite, current_database

log = logging.getLogger("tracker.backup")
HELD: list[IO[str]] = []  # lock files of this process


def hold_service_lock() -> None:
    """Say, until this process ends, that it serves the configured file; wait while a restore replaces it. A folder that
    cannot be written keeps no process from serving."""
    with suppress(BackupError, OSError):
        database = current_database()
        if HELD or not isinstance(database, SQLite):
            return
        database.path.parent.mkdir(parents=True, exist_ok=True)
        file = Path(database.name + ".lock").open("a")  # noqa: SIM115  # open until this process ends
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            log.warning("a restore is running: this process waits for its end")
            fcntl.flock(file, fcntl.LOCK_SH)
        HELD.append(file)


@contextmanager
def service_stopped(database: Database) -> Iterator[None]:
    """Context manager in which no process of the service can start. Raises BackupError while one runs."""
    if not isinstance(database, SQLite):
        if clients := database.clients():
            raise BackupError(f"{database} is in use by {', '.join(clients)}: stop these first.")
        yield
        return
    database.path.parent.mkdir(parents=True, exist_ok=True)
    with Path(database.name + ".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise BackupError(
                f"The service is running on {database}: stop it and its workers, then restore. "
                "To look at a backup beside it: --into another database."
            ) from exc
        yield
