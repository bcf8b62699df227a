"""SQLite: a consistent copy of a file in use, and its replacement by another."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from urllib.parse import quote

from django.db import DatabaseError

from core.backup.databases import BackupError, Database, empty_excluded_tables, run_on
from core.files.storage import sync_folder

COMPANIONS = ("-wal", "-shm", "-journal")
PATIENCE = 3  # seconds for a lock


def dump(database: Database, target: Path, rows: Path | None, as_of: date) -> tuple[str, str]:
    """Copy the database as it is at one moment; writers go on meanwhile. Returns its description and its server."""
    if not database.path.is_file():
        raise BackupError(f"There is no database {database}.")
    target.touch(mode=0o600)
    with closing(connect(database.path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file
    copied = database.named(str(target))
    empty_excluded_tables(copied)
    single_file(target)
    return describe(copied, as_of, rows), f"SQLite {sqlite3.sqlite_version}"


def describe(database: Database, as_of: date, rows: Path | None = None) -> str:
    more = ["--rows", str(rows)] if rows else []
    found = run_on(database, "core.backup.describe", "--as-of", as_of.isoformat(), *more)
    single_file(database.path)
    return found


def connect(path: Path) -> sqlite3.Connection:
    """Connect to a file that is there."""
    return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=PATIENCE, isolation_level=None)


def single_file(path: Path) -> None:
    """Write everything into the file itself. Raises sqlite3.OperationalError while another process has it open."""
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


# -- restoring -----------------------------------------------------------------------------------------------


def exists(database: Database) -> bool:
    return database.path.exists() and database.path.stat().st_size > 0


def side_name(database: Database, suffix: str) -> str:
    """Return the name of a database beside another: in a folder of its own, where what belongs to it is made too."""
    return f"{database.name}.{suffix}/{database.path.name}"


def create(database: Database, like: Database | None = None) -> None:
    """Make the folder of a side database; what a restore left there that was killed goes."""
    drop(database)
    database.path.parent.mkdir(mode=0o700, parents=True)


def drop(database: Database) -> None:
    """Delete the folder of a side database."""
    shutil.rmtree(database.path.parent, ignore_errors=True)


def load(database: Database, source: Path) -> None:
    """Move the file into place and check it whole, its constraints included, with Django's functions they call."""
    source.replace(database.path)
    try:
        with database.open() as connection, connection.cursor() as cursor:
            cursor.execute("PRAGMA integrity_check")
            (found,) = cursor.fetchone()
    except DatabaseError as exc:
        found = str(exc)
    if found != "ok":
        raise BackupError(f"The database in the backup is damaged: {found}.")


def swap(live: Database, side: Database, kept: str) -> None:
    """Put the side file in the place of the live one, which keeps another name. The live name always has a file."""
    single_file(side.path)
    with side.path.open("rb+") as file:
        os.fsync(file.fileno())
    give_to_owner(side.path, live.path if live.path.exists() else live.path.parent)
    if live.path.exists():
        make_quiet(live)
        for name in COMPANIONS:  # of a damaged file, which nothing else could read either
            with suppress(FileNotFoundError):
                Path(live.name + name).replace(kept + name)
        try:
            os.link(live.path, kept)
        except OSError:  # a file system without hard links
            shutil.copyfile(live.path, kept)
    side.path.replace(live.path)
    sync_folder(live.path.parent)


def give_to_owner(path: Path, like: Path) -> None:
    """Give a file the owner of another: an administrator restores what the service's own account has to write."""
    owner = like.stat()
    with suppress(PermissionError):
        os.chown(path, owner.st_uid, owner.st_gid)
    if like.is_file():
        path.chmod(owner.st_mode & 0o777)


def make_quiet(live: Database) -> None:
    """Write everything into the live file. Raises BackupError while another process has it open."""
    try:
        single_file(live.path)
    except sqlite3.OperationalError as exc:
        raise BackupError(f"{live} is in use by another process: stop the service and its workers first.") from exc
    except sqlite3.DatabaseError:
        return  # damaged: it is kept as it is
