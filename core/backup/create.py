"""Make a backup: a copy of the database at one moment, then the uploaded files, in one archive."""

from __future__ import annotations

import fcntl
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from core.backup import postgresql, sqlite
from core.backup.archive import DATABASES, MANIFEST, Part, blob_member, checksum_of, opened_archive, write_archive
from core.backup.databases import BackupError, Database, current_database, excluded_tables
from core.backup.describe import Description
from core.backup.manifest import PORTABLE, DatabaseMember, Manifest, check_schema, secret_key_id
from core.backup.portable import write_header
from core.backup.status import record_run
from core.caching.response_cache import release_fingerprint
from core.files.store import stored_names

log = logging.getLogger("tracker.backup")
PATTERN = "tracker-*.tar"
STAMP = "%Y%m%dT%H%M%SZ"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Backup:
    """Backup that was made."""

    path: Path
    manifest: Manifest
    seconds: float

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.manifest.content.tables.values())


def make_backup(
    folder: Path | None = None, keep: int | None = None, *, portable: bool = False, progress: Progress | None = None
) -> Backup:
    """Make a backup and delete the oldest ones beyond `keep`. Raises BackupError; what was begun is deleted then."""
    started = time.monotonic()
    folder = folder or settings.BACKUP_DIR
    try:
        database = current_database()
        with folder_for_backups(folder):
            path = folder / f"tracker-{datetime.now(UTC).strftime(STAMP)}.tar"
            manifest = write_backup(database, path, portable=portable, progress=progress or (lambda done, total: None))
            delete_old(folder, settings.BACKUP_KEEP if keep is None else keep)
    except OSError as exc:
        error = BackupError(f"{folder}: {exc.strerror or exc}.")
        note_failure(error, started)
        raise error from exc
    except BackupError as exc:
        note_failure(exc, started)
        raise
    backup = Backup(path, manifest, time.monotonic() - started)
    log.info("backup made: %s, %d rows, %d files", path, backup.rows, len(manifest.files))
    if manifest.missing_files:
        log.error("backup made without %d files that the store lacks: check_files", len(manifest.missing_files))
    note_run(ok=True, seconds=backup.seconds, file=path.name, size=path.stat().st_size, detail=f"{backup.rows} rows")
    return backup


def note_failure(error: BackupError, started: float) -> None:
    log.error("backup failed: %s", error)
    note_run(ok=False, seconds=time.monotonic() - started, detail=str(error))


def note_run(
    *, ok: bool, seconds: float, file: str = "", size: int = 0, detail: str = "", kind: str = "backup"
) -> None:
    """Write the result into the database, if it can be: of an older schema it has no table for it."""
    try:
        record_run(kind, ok=ok, seconds=seconds, file=file, size=size, detail=detail)
    except Exception as exc:  # the backup itself stands or fell already, and the log has said so
        log.warning("the result of the %s was not written down: %s", kind, exc)


@contextmanager
def folder_for_backups(folder: Path) -> Iterator[None]:
    """Hold the folder for one backup, without what a backup left there that was killed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise BackupError(f"Another backup is being written to {folder}.") from exc
        for left in (*folder.glob("*.part"), *folder.glob(".making-*/*"), *folder.glob(".making-*")):
            left.rmdir() if left.is_dir() else left.unlink()
        yield


def write_backup(database: Database, path: Path, *, portable: bool, progress: Progress) -> Manifest:
    vendor = sqlite if database.vendor == "sqlite" else postgresql
    kind = PORTABLE if portable else database.vendor
    as_of, made_at = timezone.localdate(), datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=path.parent) as scratch:
        dumped, rows = Path(scratch) / DATABASES[database.vendor], Path(scratch) / DATABASES[PORTABLE]
        text, server = vendor.dump(database, dumped, rows if portable else None, as_of)
        content = Description.from_json(json.loads(text))
        if portable:
            write_header(rows, content.migrations)
        held = rows if portable else dumped
        files, missing = stored_files(content.files)
        with held.open("rb") as file:
            member = DatabaseMember(kind, DATABASES[kind], held.stat().st_size, checksum_of(file))
        manifest = Manifest(
            version=settings.VERSION,
            release=release_fingerprint()[:16],
            made_at=made_at.isoformat(timespec="seconds"),
            as_of=as_of.isoformat(),
            server=server,
            database=member,
            content=content,
            files=files,
            missing_files=missing,
            excluded_tables=list(excluded_tables()),
            key_id=secret_key_id(),
        )
        write_archive(path, parts_of(manifest, held, progress))
    return manifest


def stored_files(wanted: list[str] | None) -> tuple[dict[str, int], list[str]]:
    """Return the stored files with their sizes, and those that are missing. Without a list: all that is stored."""
    stored = {name.rpartition("/")[2] for name in stored_names()}
    names = sorted(stored) if wanted is None else [name.rpartition("/")[2] for name in wanted]
    return (
        {name: default_storage.size(blob_member(name)) for name in names if name in stored},
        sorted(set(names) - stored),
    )


def parts_of(manifest: Manifest, held: Path, progress: Progress) -> Iterator[Part]:
    """Yield the parts of the archive in their order."""
    content = manifest.to_bytes()
    total = len(manifest.files) + 1
    yield Part(MANIFEST, len(content), partial(BytesIO, content))
    yield Part(manifest.database.name, manifest.database.size, partial(open_for_reading, held))
    for number, (checksum, size) in enumerate(manifest.files.items(), start=1):
        progress(number, total)
        yield Part(blob_member(checksum), size, partial(checked_blob, checksum))
    progress(total, total)


def open_for_reading(path: Path) -> IO[bytes]:
    return path.open("rb")


def checked_blob(checksum: str) -> IO[bytes]:
    """Open an uploaded file whose bytes are those it was stored with. Raises BackupError for a damaged one."""
    file: IO[bytes] = default_storage.open(blob_member(checksum))
    if checksum_of(file) != checksum:
        raise BackupError(f"The uploaded file {blob_member(checksum)} is damaged: check_files --hash lists such files.")
    file.seek(0)
    return file


def delete_old(folder: Path, keep: int) -> None:
    for path in backups_in(folder)[keep:]:
        path.unlink(missing_ok=True)


def backups_in(folder: Path) -> list[Path]:
    """Return the backups in a folder, newest first: their names begin with the moment."""
    return sorted(folder.glob(PATTERN), reverse=True)


def verify(path: Path) -> Manifest:
    """Read every byte of a backup and return its manifest. Raises BackupError; changes nothing."""
    with opened_archive(path) as archive:
        check_schema(archive.manifest, path.name)
        archive.verify()
        return archive.manifest
