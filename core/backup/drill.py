"""Restore drill: the newest backup is restored into a scratch database and compared; nothing live is touched."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connections

from core.backup.archive import opened_archive
from core.backup.create import backups_in, note_run
from core.backup.databases import BackupError, current_database, migrate
from core.backup.describe import Description
from core.backup.manifest import Manifest, check_schema
from core.backup.restore import check_kind, compare, describe, load, side_database
from core.caching.response_cache import release_fingerprint

log = logging.getLogger("tracker.backup")
SCRATCH = "drill"


@dataclass(frozen=True)
class Drill:
    """Drill that succeeded. `numbers` is how many numbers of aggregates were compared: none where another release made
    the backup, whose numbers may have another definition."""

    path: Path
    rows: int
    tables: int
    files: int
    numbers: int
    migrated: bool
    seconds: float

    @property
    def text(self) -> str:
        numbers = f"{self.numbers} numbers equal" if self.numbers else "numbers not compared (made by another release)"
        older = ", migrated forward" if self.migrated else ""
        return f"{self.rows} rows in {self.tables} tables and {self.files} files equal, {numbers}{older}"


def run_drill(path: Path | None = None) -> Drill:
    """Restore a backup, the newest by default, into a scratch database and compare. Raises BackupError."""
    started = time.monotonic()
    try:
        path = path or newest_backup()
        drill = drill_of(path, started)
    except (BackupError, OSError) as exc:
        log.error("drill failed: %s", exc)
        note_run(
            kind="drill", ok=False, seconds=time.monotonic() - started, file=path.name if path else "", detail=str(exc)
        )
        raise exc if isinstance(exc, BackupError) else BackupError(str(exc)) from exc
    log.info("drill succeeded: %s: %s", path, drill.text)
    note_run(kind="drill", ok=True, seconds=drill.seconds, file=path.name, detail=drill.text)
    return drill


def newest_backup() -> Path:
    found = backups_in(settings.BACKUP_DIR)
    if not found:
        raise BackupError(f"There is no backup in {settings.BACKUP_DIR}: manage.py backup makes one.")
    return found[0]


def drill_of(path: Path, started: float) -> Drill:
    database = current_database()
    with opened_archive(path) as archive:
        manifest = archive.manifest
        check_schema(manifest, path.name)
        check_kind(manifest, database)
        archive.verify()  # the files among them
        connections.close_all()
        with side_database(database, SCRATCH) as scratch:
            load(archive, scratch)
            found = describe(scratch, manifest)
            compare(manifest, found)
            older = found.numbers is None
            if older:
                migrate(scratch)
                found = describe(scratch, manifest)
            numbers = compare_numbers(manifest, found)
            compare_files(manifest, found)
    rows = sum(table.rows for table in manifest.content.tables.values())
    tables, seconds = len(manifest.content.tables), time.monotonic() - started
    return Drill(path, rows, tables, len(manifest.files), numbers, older, seconds)


def compare_numbers(manifest: Manifest, found: Description) -> int:
    """Compare the numbers of every aggregate; return how many there are. Raises BackupError."""
    if found.numbers is None:
        raise BackupError("The restored database could not be migrated to this release.")
    wanted = manifest.content.numbers
    if wanted is None or manifest.release != release_fingerprint()[:16]:
        return 0
    differing = sorted(name for name in wanted.keys() | found.numbers if wanted.get(name) != found.numbers.get(name))
    if differing:
        raise BackupError(f"{len(differing)} numbers of the restored database differ, first {differing[0]}.")
    return len(wanted)


def compare_files(manifest: Manifest, found: Description) -> None:
    """Raise BackupError for a file that the restored database names and the backup lacks."""
    held = {*manifest.files, *manifest.missing_files}
    lacking = [name for name in found.files or [] if name.rpartition("/")[2] not in held]
    if lacking:
        raise BackupError(f"The backup lacks {len(lacking)} files that its database names, first {lacking[0]}.")
