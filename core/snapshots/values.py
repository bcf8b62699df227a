"""Values computed from what was on record at the end of a past day, beside those of the request."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from typing import Generic, TypeVar, cast

from django.conf import settings
from django.utils.translation import get_language

from core.caching import store
from core.caching.response_cache import release_fingerprint
from core.snapshots.files import HistoryState, history_state
from core.snapshots.router import Snapshot, active_snapshot, read_from

Value = TypeVar("Value")


class PastRecords(Generic[Value]):
    """What was on record at the end of a past day, for values that are computed from it.

    A value is stored under the digest of the histories until then, so an entry of today leaves it valid. Whether there
    is any entry by then takes one query; the snapshot is built by the first value that is not stored.
    """

    def __init__(self, day: date) -> None:
        self.state: HistoryState = history_state(day)

    def __bool__(self) -> bool:
        """Whether anything was on record."""
        return bool(self.state.entries)

    def stored(self, name: str) -> Value | None:
        """Return a stored value; None where there is none."""
        found = store.load(self.key(name)) if settings.CACHE_RESPONSES else None
        return None if found is None else cast("tuple[Value]", found)[0]

    def value(self, name: str, compute: Callable[[], Value]) -> Value:
        """Return a value as computed from these records, stored or not. `name` says which of all values it is.

        The value must be complete when it is returned: what it reads later is read from other records.
        """
        found = self.stored(name)
        if found is None:
            found = self.compute(compute)
            if settings.CACHE_RESPONSES:
                store.save(self.key(name), (found,))
        return found

    def key(self, name: str) -> str:
        text = f"{self.state.path.stem} {release_fingerprint()} {get_language()} {name}"
        return "as-known-" + hashlib.sha256(text.encode()).hexdigest()

    def compute(self, compute: Callable[[], Value]) -> Value:
        """Return what a function returns while its records are read from the snapshot of the day."""
        outer = active_snapshot.get()
        if outer:
            outer.close()  # a thread has one connection of this name; the request's is opened again by its next read
        snapshot = Snapshot(self.state)
        try:
            with read_from(snapshot):
                return compute()
        finally:
            snapshot.close()
