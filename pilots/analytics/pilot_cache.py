"""Cache of pilots in this process: each with the rows that its status is computed from, and what was computed.

An entry is used while the versions of its pilot, of that one's parent and of the tables that all pilots share are
current, so that after a write to one pilot the others are neither read nor computed again
(core/caching/record_versions.py).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar, cast

from django.conf import settings
from django.db.models import QuerySet

from core.caching.record_versions import ALL_RECORDS, record_versions
from core.caching.table_versions import table_versions, versioned_tables
from pilots.models import Pilot

MAX_PILOTS = 300  # per process, about 100 KB each; sets of more pilots are read each time
MAX_RESULTS = 500  # of one pilot, on different days
OWNER = Pilot._meta.db_table
Params = ParamSpec("Params")
Result = TypeVar("Result")
Prefetch = Callable[[QuerySet[Pilot]], QuerySet[Pilot]]


PilotKey = tuple[str, int]  # alias of the database that the pilot is read from, and its key there


@dataclass
class PilotCache:
    """Least recently used pilots by key, each with the version that it was read under.

    Pilots read from a snapshot of the past (core/snapshots) have entries of their own beside those of today.
    """

    entries: OrderedDict[PilotKey, tuple[str, Pilot]] = field(default_factory=OrderedDict)
    lock: Any = field(default_factory=Lock)

    def get(self, key: PilotKey, version: str) -> Pilot | None:
        with self.lock:
            found = self.entries.get(key)
            if found is None or found[0] != version:
                return None
            self.entries.move_to_end(key)
            return found[1]

    def put(self, key: PilotKey, version: str, pilot: Pilot) -> None:
        with self.lock:
            self.entries[key] = (version, pilot)
            self.entries.move_to_end(key)
            while len(self.entries) > MAX_PILOTS:
                self.entries.popitem(last=False)


pilot_cache = PilotCache()


def cached_pilots(pilots: QuerySet[Pilot], prefetch: Prefetch) -> Sequence[Pilot] | None:
    """Return the pilots of a queryset in its order, or None where they cannot be cached.

    `prefetch` adds the related rows to a queryset, for pilots that are not in the cache. All threads share them:
    nothing may be set on them. Versions are read before the rows, so that a write in between makes an entry newer than
    its version, never older.
    """
    if not settings.CACHE_RESPONSES:
        return None
    versions = pilot_versions(pilots, MAX_PILOTS + 1)
    if versions is None or len(versions) > MAX_PILOTS:
        return None
    found = {key: pilot_cache.get((pilots.db, key), version) for key, version in versions.items()}
    missing = [key for key, pilot in found.items() if pilot is None]
    for pilot in prefetch(Pilot.objects.using(pilots.db).filter(pk__in=missing)) if missing else ():
        vars(pilot)["results"] = {}
        pilot_cache.put((pilots.db, pilot.pk), versions[pilot.pk], pilot)
        found[pilot.pk] = pilot
    return [pilot for pilot in found.values() if pilot is not None]  # None: deleted meanwhile


def pilot_versions(pilots: QuerySet[Pilot], most: int | None = None) -> dict[int, str] | None:
    """Return the versions of up to `most` pilots by key, in order; None while a migration runs."""
    shared = shared_version(pilots.db)
    if not shared:
        return None
    keys = list(pilots.values_list("pk", "parent_id")[:most])
    own = record_versions(OWNER, pilots.db)
    return {
        key: " ".join([shared, *(own.get(each, "") for each in (ALL_RECORDS, key, parent))]) for key, parent in keys
    }


def shared_version(using: str) -> str:
    """Return a digest of the versions of all tables but those of rows of one pilot; empty while a migration runs."""
    versions = table_versions(using)
    shared = {table: versions.get(table) for table in shared_tables()}
    if None in shared.values():
        return ""
    return hashlib.sha256(repr(sorted(shared.items())).encode()).hexdigest()[:16]


INDEPENDENT_TABLES = tuple(
    f"pilots_{name}" for name in ("followup", "practice", "adoption", "effect", "document", "attachment")
)
"""Beginnings of the names of tables on which no status of a pilot depends."""


def shared_tables() -> set[str]:
    """Return the tables of both domains on which the status of every pilot may depend: without histories and without
    the rows of pilots and their sources.
    """
    own = tuple(settings.RECORD_VERSIONS[OWNER])
    return {
        table
        for table in versioned_tables()
        if table.startswith(("policies_", "pilots_"))
        and not table.startswith((*own, *INDEPENDENT_TABLES, "policies_historical", "pilots_historical"))
    }


def kept_with_pilot(function: Callable[Params, Result]) -> Callable[Params, Result]:
    """Decorator of functions of a pilot and hashable arguments: results are kept with a pilot of the cache."""

    @wraps(function)
    def result(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        pilot, *others = args
        results: dict[object, object] | None = vars(pilot).get("results")
        if results is None or kwargs:
            return function(*args, **kwargs)
        key = (function.__name__, *others)
        if key not in results:
            if len(results) >= MAX_RESULTS:
                results.clear()
            results[key] = function(*args, **kwargs)
        return cast(Result, results[key])

    return result
