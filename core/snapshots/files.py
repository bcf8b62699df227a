"""Files of snapshots: one for each state of the history until the days asked for, and the router that reads them.

A file is written beside its place and moved there, so a file that exists is complete, whichever process wrote it, and
is never changed. Its name is a digest of the entries until the end of the day: an entry of today changes no snapshot of
yesterday, and days without an entry between them have one file. The files that have not been asked for the longest are
deleted.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from tempfile import mkstemp
from threading import Lock, get_ident
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Min
from django.db.utils import load_backend
from django.utils import timezone

from core.snapshots.build import ENGINE, build_snapshot, journal_model, routed_models, stored_users

MAX_FILES = 24
MAX_BYTES = 512 * 1024 * 1024
ABANDONED_AFTER = 3_600  # seconds after which an unfinished file is one that a process left behind
FORMAT = 2  # of the files; a change of what they hold gives them other names
STATE_SQL = """
SELECT model, count(*), max(entry_id), sum(entry_id), CAST(max(at) AS text) FROM config_change WHERE at < %s
GROUP BY model
UNION ALL SELECT '', count(*), max(id), 0, '' FROM django_migrations
"""
ALIAS = "known"
READ_ONLY = "file:{path}?mode=ro&immutable=1"  # a finished file never changes: no locks
OPTIONS = {"init_command": "PRAGMA mmap_size=134217728; PRAGMA cache_size=-20000; PRAGMA query_only=1;"}
BUILDING = Lock()  # requests of one process for the same state wait for one file


def end_of_day(day: date) -> datetime:
    """Return the moment at which the day ends in the time zone of the site."""
    return timezone.make_aware(datetime.combine(day + timedelta(1), clock.min))


def history_state(day: date) -> tuple[int, str]:
    """Return how many history entries there were at the end of a day, and a digest of which. Two queries.

    The digest also depends on the users and on the schema, which a file holds as they are today.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    moment = connection.ops.adapt_datetimefield_value(end_of_day(day))
    with connection.cursor() as cursor:
        cursor.execute(STATE_SQL, [moment])
        rows = sorted(cursor.fetchall(), key=str)
    entries = sum(count for model, count, *_others in rows if model)
    held = [FORMAT, connection.settings_dict["NAME"], rows, list(stored_users())]
    return entries, hashlib.sha256(repr(held).encode()).hexdigest()[:16]


def first_known_day() -> date | None:
    """Return the day of the first history entry; None while there is none."""
    first = journal_model().objects.aggregate(first=Min("at"))["first"]
    return timezone.localtime(first).date() if first else None


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


# -- reading -------------------------------------------------------------------------------------------


class Snapshot:
    """The records as they were at the end of a past day: `entries` is the number of history entries by then.

    The file is written and opened at the first read.
    """

    def __init__(self, day: date) -> None:
        self.day = day
        self.entries, digest = history_state(day)
        self.path: Path = settings.SNAPSHOT_DIR / f"{digest}.sqlite3"
        self.threads: set[int] = set()  # that have a connection

    def write(self) -> None:
        """Write the file, if there is none yet."""
        with BUILDING:
            if not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                handle, name = mkstemp(prefix=f"{self.path.stem}-", suffix=".part", dir=self.path.parent)
                os.close(handle)
                unfinished = Path(name)
                try:
                    build_snapshot(unfinished, end_of_day(self.day), version=self.path.stem)
                    unfinished.replace(self.path)
                finally:
                    unfinished.unlink(missing_ok=True)
                delete_old_files(self.path)
        with suppress(OSError):  # another process deleted it just now: the next request writes it again
            os.utime(self.path)

    def open(self) -> None:
        """Make this snapshot the database `known` of the thread."""
        if get_ident() in self.threads:
            return
        with read_from(None):
            self.write()
        settings_dict = {
            **connections.settings[DEFAULT_DB_ALIAS],
            "ENGINE": ENGINE,
            "NAME": READ_ONLY.format(path=self.path),
            "OPTIONS": OPTIONS,
        }
        connections[ALIAS] = load_backend(ENGINE).DatabaseWrapper(settings_dict, ALIAS)
        self.threads.add(get_ident())

    def close(self) -> None:
        """Close the connection of the thread; a later read opens it again."""
        if get_ident() in self.threads:
            connections[ALIAS].close()
            del connections[ALIAS]
            self.threads.discard(get_ident())


active_snapshot: ContextVar[Snapshot | None] = ContextVar("active_snapshot", default=None)


@contextmanager
def read_from(snapshot: Snapshot | None) -> Iterator[None]:
    """Context manager: records are read from this snapshot; as they are now where it is None."""
    token = active_snapshot.set(snapshot)
    try:
        yield
    finally:
        active_snapshot.reset(token)


class SnapshotRouter:
    """Database router that sends reads of records to the snapshot of the request, if it has one.

    What belongs to the reader stays in the present: users, tokens, permissions, and the records that these name.
    """

    def db_for_read(self, model: Any, instance: Any = None, **_hints: object) -> str | None:
        snapshot = active_snapshot.get()
        if snapshot is None:
            return None
        # A relation of a record that has no history, as the province of an officer is, is read as it is now.
        of_present = instance is not None and type(instance) not in routed_models()
        if model not in routed_models() or of_present:
            return DEFAULT_DB_ALIAS
        snapshot.open()
        return ALIAS

    def db_for_write(self, _model: Any, **_hints: object) -> str | None:
        return DEFAULT_DB_ALIAS if active_snapshot.get() else None

    def allow_relation(self, _first: Any, _second: Any, **_hints: object) -> bool | None:
        return True if active_snapshot.get() else None
