"""Database router: while a request asks for what was known on a past day, its records are read from the snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import get_ident
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.utils import load_backend

from core.snapshots.contents import routed_models
from core.snapshots.files import HistoryState, ensure_snapshot

ALIAS = "known"
ENGINE = "django.db.backends.sqlite3"
READ_ONLY = "file:{path}?mode=ro&immutable=1"  # a finished file never changes: no locks
OPTIONS = {"init_command": "PRAGMA mmap_size=134217728; PRAGMA cache_size=-20000; PRAGMA query_only=1;"}


class Snapshot:
    """The records of one request as they were at the end of a past day; the file is opened at its first read."""

    def __init__(self, state: HistoryState) -> None:
        self.state = state
        self.path: Path | None = None
        self.threads: set[int] = set()  # that have a connection

    def open(self) -> None:
        """Make this snapshot the database `known` of the thread."""
        if get_ident() in self.threads:
            return
        if self.path is None:
            with read_from(None):
                self.path = ensure_snapshot(self.state)
        settings = {
            **connections.settings[DEFAULT_DB_ALIAS],
            "ENGINE": ENGINE,
            "NAME": READ_ONLY.format(path=self.path),
            "OPTIONS": OPTIONS,
        }
        connections[ALIAS] = load_backend(ENGINE).DatabaseWrapper(settings, ALIAS)
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
        if model not in routed_models() or belongs_to_present(instance):
            return DEFAULT_DB_ALIAS
        snapshot.open()
        return ALIAS

    def db_for_write(self, _model: Any, **_hints: object) -> str | None:
        return DEFAULT_DB_ALIAS if active_snapshot.get() else None

    def allow_relation(self, _first: Any, _second: Any, **_hints: object) -> bool | None:
        return True if active_snapshot.get() else None


def belongs_to_present(instance: Any) -> bool:
    """Return whether a record is read as a relation of one that has no history, as the province of an officer is."""
    return instance is not None and type(instance) not in routed_models()
