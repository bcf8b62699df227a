"""Restore a backup: into a database beside the live one, compared there, migrated forward, and swapped at the end."""

from __future__ import annotations

import json
import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connections

from core.backup import postgresql, sqlite
from core.backup.archive import Archive, blob_member, checksum_of, opened_archive
from core.backup.create import STAMP
from core.backup.databases import NAMES, BackupError, Database, empty_excluded_tables, migrate, run_on
from core.backup.describe import Description
from core.backup.manifest import PORTABLE, Manifest, check_schema, pending_migrations
from core.backup.service import service_stopped
from core.files.store import open_blob

log = logging.getLogger("tracker.backup")
SIDE = "restoring"
KEPT = {"sqlite": ".pre-restore-", "postgresql": "_pre_restore_"}
LONGEST_NAME = 63 - len("_pre_restore_20261127T043000Z")  # of a database that PostgreSQL can keep under another


@dataclass(frozen=True)
class Restored:
    manifest: Manifest
    migrated: int  # migrations of this release that the backup did not have
    files: int  # uploaded files that the store lacked
    kept: str  # name of what was there before; empty where there was nothing
    seconds: float


def restore(path: Path, database: Database, *, force: bool) -> Restored:
    """Restore a backup. Raises BackupError; whatever happens before the swap, the live database stays as it is."""
    started = time.monotonic()
    connections.close_all()
    with opened_archive(path) as archive:
        check_schema(archive.manifest, path.name)
        check_kind(archive.manifest, database)
        vendor = vendor_of(database)
        with service_stopped(database):
            before = vendor.exists(database)
            if before and not force:
                raise BackupError(
                    f"{database} is not empty: with --force the backup takes its place and it gets another name."
                )
            archive.verify()
            with side_database(database, SIDE) as side:
                load(archive, side)
                compare(archive.manifest, describe(side, archive.manifest))
                migrate(side)
                empty_excluded_tables(side)
                files = restore_files(archive)
                kept = name_of_kept(database) if before else ""
                vendor.swap(database, side, kept)
        pending = pending_migrations(archive.manifest.content.migrations)
        if pending or not before:
            migrate(database)  # makes the database of background jobs where SQLite has none
    log.warning("restored: %s into %s, before: %s", path, database, kept or "nothing")
    return Restored(archive.manifest, pending, files, kept, time.monotonic() - started)


def name_of_kept(database: Database) -> str:
    """Return the name under which a database is kept that a backup replaces."""
    stamp = datetime.now(UTC).strftime(STAMP)
    return database.name + KEPT[database.vendor] + (stamp if database.vendor == "sqlite" else stamp.lower())


def vendor_of(database: Database) -> ModuleType:
    if database.vendor == "postgresql" and len(database.name.encode()) > LONGEST_NAME:
        raise BackupError(f"{database}: a name of at most {LONGEST_NAME} bytes can be restored.")
    return sqlite if database.vendor == "sqlite" else postgresql


def check_kind(manifest: Manifest, database: Database) -> None:
    """Raise BackupError for a backup that only the other kind of database can load."""
    kind = manifest.database.kind
    if kind not in {PORTABLE, database.vendor}:
        raise BackupError(
            f"The backup holds a database of {NAMES[kind]}, and {database} is one of {NAMES[database.vendor]}: restore "
            f"it into {NAMES[kind]} with --into, then make a backup with --portable, which either can load."
        )


@contextmanager
def side_database(database: Database, suffix: str) -> Iterator[Database]:
    """Create an empty database beside another, as a context manager; afterwards it is gone, swapped or deleted."""
    vendor = vendor_of(database)
    side = database.named(vendor.side_name(database, suffix))
    vendor.create(side, like=database)
    try:
        yield side
    finally:
        vendor.drop(side)


def load(archive: Archive, side: Database) -> None:
    """Load the database of an archive into an empty one."""
    member = archive.manifest.database
    folder = side.path.parent if side.vendor == "sqlite" else Path(settings.VAR_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restoring-", dir=folder) as scratch:
        source = Path(scratch) / member.name
        archive.extract(member.name, source)
        if member.kind == PORTABLE:
            run_on(side, "core.backup.portable", str(source))
        else:
            vendor_of(side).load(side, source)


def describe(database: Database, manifest: Manifest) -> Description:
    text = vendor_of(database).describe(database, date.fromisoformat(manifest.as_of))
    return Description.from_json(json.loads(text))


def compare(manifest: Manifest, found: Description) -> None:
    """Raise BackupError unless a database holds what the manifest says."""
    wanted = manifest.content
    differing = sorted(
        name for name in wanted.tables.keys() | found.tables.keys() if wanted.tables.get(name) != found.tables.get(name)
    )
    if wanted.migrations != found.migrations or differing:
        names = ", ".join(differing) or "the applied migrations"
        raise BackupError(f"The restored database differs from the manifest in {names}: nothing was replaced.")


def restore_files(archive: Archive) -> int:
    """Store the uploaded files that the store lacks or that are damaged there; return how many."""
    written = 0
    for checksum, size in archive.manifest.files.items():
        name = blob_member(checksum)
        if not is_stored(name, checksum, size):
            with archive.open(name) as content:
                default_storage.save(name, File(content, name))
            written += 1
    return written


def is_stored(name: str, checksum: str, size: int) -> bool:
    if not default_storage.exists(name) or default_storage.size(name) != size:
        return False
    with open_blob(checksum) as content:
        return checksum_of(content) == checksum
