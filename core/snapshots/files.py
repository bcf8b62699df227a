"""Files of snapshots: one for each day asked for and each state of the history until then.

A file is written beside its place and moved there, so a file that exists is complete, whichever process wrote it, and
is never changed. Its name holds a fingerprint of the entries until the end of the day: an entry of today changes no
snapshot of yesterday. The files that have not been asked for the longest are deleted.
"""

import hashlib
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock
from functools import cache
from pathlib import Path
from tempfile import mkstemp
from threading import Lock

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Min
from django.utils import timezone

from core.snapshots.build import build_snapshot
from core.snapshots.contents import record_models

MAX_FILES = 24
MAX_BYTES = 512 * 1024 * 1024
ABANDONED_AFTER = 3_600  # seconds after which an unfinished file is one that a process left behind
FORMAT = 1  # of the files; a change of what they hold gives them other names
ENTRIES_SQL = """
SELECT '{table}', count(*), max(history_id), sum(history_id), CAST(max(history_date) AS text) FROM {table}
WHERE history_date < %s"""
USERS_SQL = "SELECT area, 0, 0, 0, mark FROM config_mark WHERE area = '{table}'"
MIGRATIONS_SQL = "SELECT 'django_migrations', count(*), max(id), 0, '' FROM django_migrations"
BUILDING = Lock()  # requests of one process for the same day wait for one file


def end_of_day(day: date) -> datetime:
    """Return the moment at which the day ends in the time zone of the site."""
    return timezone.make_aware(datetime.combine(day + timedelta(1), clock.min))


@dataclass(frozen=True)
class HistoryState:
    """State of all histories at the end of a day: how many entries there were, and a digest of which."""

    day: date
    entries: int
    digest: str

    @property
    def path(self) -> Path:
        """Where the snapshot's file is, once it is written."""
        folder: Path = settings.SNAPSHOT_DIR
        return folder / f"{self.day}-{self.digest}.sqlite3"


def history_state(day: date) -> HistoryState:
    """Return the state of the histories at the end of a day. One query.

    The digest also depends on the names of users and on the schema, which a file holds as they are today.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    moment = connection.ops.adapt_datetimefield_value(end_of_day(day))
    with connection.cursor() as cursor:
        cursor.execute(state_sql(), [moment] * len(history_tables()))
        rows = sorted(cursor.fetchall(), key=str)
    parts = [FORMAT, connection.settings_dict["NAME"], rows]
    entries = sum(count for table, count, *_others in rows if table in history_tables())
    return HistoryState(day, entries, hashlib.sha256(repr(parts).encode()).hexdigest()[:16])


@cache
def history_tables() -> tuple[str, ...]:
    return tuple(sorted(model.history.model._meta.db_table for model in record_models()))


@cache
def state_sql() -> str:
    """Return the query of `history_state`. As SQL: for Django to compile the union took longer than to run it."""
    others = [USERS_SQL.format(table=get_user_model()._meta.db_table), MIGRATIONS_SQL]
    return " UNION ALL ".join([*(ENTRIES_SQL.format(table=table) for table in history_tables()), *others])


def first_known_day() -> date | None:
    """Return the day of the first history entry; None while there is none."""
    firsts = [model.history.aggregate(first=Min("history_date"))["first"] for model in record_models()]
    return min((timezone.localtime(moment).date() for moment in firsts if moment), default=None)


def ensure_snapshot(state: HistoryState) -> Path:
    """Return the file of a snapshot, written if there is none yet."""
    with BUILDING:
        if not state.path.exists():
            write_file(state.path, state.day)
    with suppress(OSError):  # another process deleted it just now: the next request writes it again
        os.utime(state.path)
    return state.path


def write_file(path: Path, day: date) -> None:
    """Write the snapshot of a day, and delete those that are over the limits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = mkstemp(prefix=f"{path.stem}-", suffix=".part", dir=path.parent)
    os.close(handle)
    unfinished = Path(name)
    try:
        build_snapshot(unfinished, end_of_day(day), version=path.stem)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    delete_old_files(path)


def delete_old_files(newest: Path) -> None:
    """Delete the snapshots asked for the longest ago, until those that stay are within the limits.

    A request that still reads one keeps it open, so it reads on.
    """
    folder = newest.parent
    found = sorted(((file_state(path), path) for path in folder.glob("*.sqlite3")), reverse=True)
    total = 0
    for place, ((_when, size), path) in enumerate(found):
        total += size
        if path != newest and (place >= MAX_FILES or total > MAX_BYTES):
            path.unlink(missing_ok=True)
    for path in folder.glob("*.part"):
        if file_state(path)[0] < time.time() - ABANDONED_AFTER:
            path.unlink(missing_ok=True)


def file_state(path: Path) -> tuple[float, int]:
    """Return when a file was last asked for, and its size; zeros for one that another process has deleted."""
    try:
        state = path.stat()
    except OSError:
        return 0.0, 0
    return state.st_mtime, state.st_size
