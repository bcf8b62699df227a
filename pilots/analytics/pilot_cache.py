"""Cache of pilots in this process: each with the rows that its status is computed from, and what was computed.

An entry is used while the rows of its pilot, of that one's parent and those that all pilots share are what they were,
by their digests, so that after a write to one pilot the others are not computed again.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar, cast

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import QuerySet

from core.caching.data_version import data_version, versioned_tables
from pilots.models import Pilot

MAX_PILOTS = 300  # per process, about 100 KB each; sets of more pilots are read each time
MAX_RESULTS = 500  # of one pilot, on different days
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
    nothing may be set on them. None is kept that was read while something was written.
    """
    if not settings.CACHE_RESPONSES:
        return None
    data = data_version(pilots.db)
    versions = pilot_versions(pilots, MAX_PILOTS + 1)
    if versions is None or len(versions) > MAX_PILOTS:
        return None
    found = {key: pilot_cache.get((pilots.db, key), version) for key, version in versions.items()}
    missing = [key for key, pilot in found.items() if pilot is None]
    read = list(prefetch(Pilot.objects.using(pilots.db).filter(pk__in=missing))) if missing else []
    settled = bool(read) and data_version(pilots.db) == data
    for pilot in read:
        vars(pilot)["results"] = {}
        found[pilot.pk] = pilot
        if settled:
            pilot_cache.put((pilots.db, pilot.pk), versions[pilot.pk], pilot)
    return [pilot for pilot in found.values() if pilot is not None]  # None: deleted meanwhile


def pilot_versions(pilots: QuerySet[Pilot], most: int | None = None) -> dict[int, str] | None:
    """Return the versions of up to `most` pilots by key, in order; None while a migration runs.

    What is kept under one of them was computed while the version of the data stayed the same (core/caching): the rows
    of a pilot may be set back to what they were, and its version with them.
    """
    digests = row_digests(pilots.db)
    if digests is None:
        return None
    keys = pilots.values_list("pk", "parent_id")[:most]
    return {key: " ".join(digests.get(each, "") for each in (SHARED, key, parent)) for key, parent in keys}


def row_digests(using: str) -> dict[int | None, str] | None:
    """Return a digest of the rows of each pilot, by key, and of those on which all depend; None while a migration runs.

    They are computed once for each version of the data, in one query for each table.
    """
    version = data_version(using)
    if version is None:
        return None
    if using != DEFAULT_DB_ALIAS:  # a snapshot of a past day, which never changes
        return {SHARED: version}
    for known, digests in DIGESTS:
        if known == version:
            return digests
    rows: dict[int | None, list[object]] = defaultdict(list)
    tables = {table: str(SHARED) for table in shared_tables()} | PILOT_OF_ROW
    with connection.cursor() as cursor:
        for table, pilot in sorted(tables.items()):
            cursor.execute(f"SELECT {pilot}, {table}.* FROM {table} ORDER BY {table}.id")  # noqa: S608  # our own names
            for key, *row in cursor.fetchall():
                rows[key].append(row)
    digests = {key: hashlib.sha256(repr(found).encode()).hexdigest()[:16] for key, found in rows.items()}
    if data_version(using) == version:
        DIGESTS[:] = [(version, digests)]
    return digests


SHARED = 0  # instead of the key of a pilot
DIGESTS: list[tuple[str, dict[int | None, str]]] = []  # the newest, with the version of the data
PILOT_OF_ROW = {
    "pilots_pilot": "id",
    **dict.fromkeys(("pilots_stageentry", "pilots_milestone", "pilots_target", "pilots_reading"), "pilot_id"),
    **dict.fromkeys(("pilots_lightoverride", "pilots_replan"), "pilot_id"),
}
"""The tables with rows of one pilot, each with the SQL expression for its key."""

INDEPENDENT_TABLES = (
    *("pilots_followup", "pilots_practice", "pilots_adoption", "pilots_effect", "pilots_document", "pilots_attachment"),
    *("policies_import", "policies_shipment", "policies_officer", "policies_historical", "pilots_historical"),
)
"""Beginnings of the names of tables on which no status of a pilot depends."""


def shared_tables() -> list[str]:
    """Return the tables of both domains on which the status of every pilot may depend."""
    names = [table for table in versioned_tables() if table.startswith(("policies_", "pilots_"))]
    return [table for table in names if not table.startswith((*PILOT_OF_ROW, *INDEPENDENT_TABLES))]


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
