"""A backup: one tar file of `manifest.json`, the database and the uploaded files; made, verified, restored and tried.

It is not compressed: the files in it are, and tools that copy backups to another place find what is equal in two.
"""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.management import CommandError
from django.db import DatabaseError, connections

from core.backup.databases import (
    KINDS,
    TOO_OLD,
    Database,
    SQLite,
    applied_migrations,
    count_rows,
    current_database,
    empty_excluded_tables,
    first_line,
    is_too_old,
    pending_migrations,
    reported_errors,
    unknown_migrations,
)
from core.backup.models import BackupRun, recorded_run
from core.files import STORE_ERRORS, blob_name, kept_names, sha256_of, stored_names, sync_folder

log = logging.getLogger("tracker.backup")
MANIFEST = "manifest.json"
PRODUCT = "synergy-pilot-tracker"
FORMAT, OLDEST_FORMAT = 4, 3  # 3 is that of release 1.0
STAMP, STAMPED = "%Y%m%dT%H%M%SZ", f"{'[0-9]' * 8}T{'[0-9]' * 6}Z"


@dataclass(frozen=True)
class Manifest:
    """Contents of `manifest.json`."""

    version: str
    made_at: str
    server: str
    kind: str  # of database
    key_id: str  # of the SECRET_KEY, under which the secrets of second factors are encrypted
    migrations: list[str]
    tables: dict[str, int]  # rows of each, the excluded ones aside
    excluded: list[str]
    sha256: dict[str, str]  # of every other member
    missing: list[str]  # files that the database names, and that the store lacked or held damaged
    product: str = PRODUCT
    format: int = FORMAT

    @property
    def rows(self) -> int:
        return sum(self.tables.values())

    @property
    def files(self) -> dict[str, str]:
        """The uploaded files, with their checksums."""
        return {name: digest for name, digest in self.sha256.items() if name != KINDS[self.kind].member}


def read_manifest(content: bytes, name: str) -> Manifest:
    """Return the manifest. Raises CommandError for one of another product or format."""
    try:
        found: dict[str, Any] = json.loads(content)
        if found["product"] != PRODUCT:
            raise CommandError(f"{name} is no backup of this product: it was made by {found['product']!r}.")
        if found["format"] > FORMAT:
            raise newer(name, found["version"], f"its format is {found['format']}")
        if found["format"] < OLDEST_FORMAT or is_too_old(found["migrations"]):
            raise CommandError(f"{name} {TOO_OLD}")
        found["missing"] += found.get("damaged", [])  # which stood apart in format 3
        manifest = Manifest(**{field.name: found[field.name] for field in fields(Manifest)})
        "".join([*manifest.migrations, *manifest.excluded, *manifest.missing])
        names = {KINDS[manifest.kind].member, *map(blob_name, manifest.files.values())}
        if names != manifest.sha256.keys() or manifest.rows < 0:
            raise ValueError(names)
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise CommandError(f"{name} is no backup of this product: its manifest cannot be read.") from exc
    return manifest


def newer(name: str, version: object, reason: str) -> CommandError:
    return CommandError(
        f"{name} was made by a later state of the product, version {version}, than this one, {settings.VERSION}: "
        f"{reason}. Install that first."
    )


def secret_key_id() -> str:
    """Return by which a SECRET_KEY is known again; it is too long and random to be found by it."""
    return hashlib.sha256(f"backup {settings.SECRET_KEY}".encode()).hexdigest()[:12]


def checksum_of(content: Any) -> str:
    return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def opened_archive(path: Path, *, whole: bool = True) -> Iterator[tuple[Manifest, tarfile.TarFile]]:
    """Open an archive, as a context manager. Raises CommandError for whatever is not one, for one that has another
    member than its manifest names and, if it has to be `whole`, for one that this release cannot restore."""
    try:
        with tarfile.open(path, "r:") as tar:
            names = [info.name if info.isreg() else f"{info.name}, which is no file" for info in tar] or [""]
            if names[0] != MANIFEST:
                raise CommandError(f"{path.name} is no backup of this product: its first part is {names[0]!r}.")
            manifest = read_manifest(member(tar, MANIFEST).read(), path.name)
            expected = [MANIFEST, *manifest.sha256]
            if sorted(names) != sorted(expected):
                odd = min({*names} ^ {*expected}, default="one that it has twice")
                raise CommandError(f"{path.name} is damaged: its manifest and its parts disagree about {odd}.")
            if whole:
                check_archive(path.name, manifest, tar)
            yield manifest, tar
    except FileNotFoundError as exc:
        raise CommandError(f"There is no file {path}.") from exc
    except tarfile.TarError as exc:
        raise CommandError(f"{path.name} is no backup of this product, or cut short: {exc}.") from exc
    except OSError as exc:
        raise CommandError(f"{path}: {exc.strerror or exc}.") from exc


def member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """Open a member that is a file."""
    file = tar.extractfile(name)
    assert file is not None  # noqa: S101
    return file


def check_archive(name: str, manifest: Manifest, tar: tarfile.TarFile) -> None:
    """Read every member and compare checksums. Raises CommandError."""
    if unknown := unknown_migrations(manifest.migrations):
        raise newer(name, manifest.version, f"it has the migration {unknown[0]}")
    for part, digest in manifest.sha256.items():
        with member(tar, part) as content:
            if checksum_of(content) != digest:
                raise CommandError(f"{name} is damaged: {part} is not what its manifest says.")


# -- making ------------------------------------------------------------------------------------------------


def make_backup(folder: Path | None = None, keep: int | None = None) -> tuple[Path, BackupRun]:
    """Make a backup and delete the oldest ones beyond `keep`. Raises CommandError; what was begun is deleted then.

    Files that are missing or damaged are left out: the run is incomplete, although its archive is there.
    """
    folder = folder or settings.BACKUP_DIR
    path = folder / f"tracker-{datetime.now(UTC).strftime(STAMP)}.tar"
    with recorded_run(BackupRun.Kind.BACKUP) as run, reported_errors(folder), folder_for_backups(folder) as scratch:
        manifest = write_backup(path, scratch)
        run.file, run.size = path.name, path.stat().st_size
        kept = backups_in(folder)
        newest_whole = next(filter(lacks_nothing, kept), None)  # which stays, however old
        for old in kept[settings.BACKUP_KEEP if keep is None else keep :]:
            if old != newest_whole:
                old.unlink(missing_ok=True)
        if missing := manifest.missing:
            raise CommandError(
                f"{path.name} is incomplete: it holds the database, and lacks {len(missing)} of "
                f"{len(manifest.files) + len(missing)} uploaded files, first {missing[0]}. "
                "manage.py check_files --hash lists them."
            )
        run.detail = f"{manifest.rows} rows, {len(manifest.files)} files"
    return path, run


@contextmanager
def folder_for_backups(folder: Path) -> Iterator[Path]:
    """Hold the folder for one backup, with a folder in it for what is unfinished; what was left there goes."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise CommandError(f"Another backup is being written to {folder}.") from exc
        for left in folder.glob(".making-*"):  # by a backup that was killed
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as scratch:
            yield Path(scratch)


def write_backup(path: Path, scratch: Path) -> Manifest:
    """Write an archive of the configured database; no half one has its name."""
    database, made_at = current_database(), datetime.now(UTC)
    excluded, dump = sorted(settings.BACKUP_EXCLUDED_TABLES), scratch / database.member
    if isinstance(database, SQLite) and not database.exists():
        raise CommandError(f"There is no database {database}.")
    try:
        with database.configured() as connection, connection.cursor() as cursor:
            cursor.execute(database.snapshot)
            server = database.dump(cursor, dump)
            migrations, tables = applied_migrations(connection), count_rows(connection, excluded)
            # Only the release that belongs to a schema can read its records: with an older one goes all that is stored.
            stored = {*stored_names()}
            names = stored if pending_migrations(connection) else kept_names()
    except DatabaseError as exc:
        raise CommandError(f"{database}: {first_line(exc)}.") from exc
    checksums = {name: stored_checksum(name) for name in sorted(names & stored)}
    files = {name: digest for name, digest in checksums.items() if name == blob_name(digest)}
    with dump.open("rb") as file:
        sha256 = {database.member: checksum_of(file), **files}
    manifest = Manifest(
        version=settings.VERSION,
        made_at=made_at.isoformat(timespec="seconds"),
        server=server,
        kind=database.label.lower(),
        key_id=secret_key_id(),
        migrations=migrations,
        tables=tables,
        excluded=excluded,
        sha256=sha256,
        missing=sorted(names - files.keys()),
    )
    (scratch / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1))
    unfinished = scratch / path.name
    with unfinished.open("wb") as raw:
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name in [MANIFEST, *manifest.sha256]:
                with default_storage.open(name) if name in files else File((scratch / name).open("rb")) as content:
                    info = tarfile.TarInfo(name)  # nothing of the machine or the moment
                    info.size, info.mode = content.size, 0o600
                    tar.addfile(info, content)
        raw.flush()
        os.fsync(raw.fileno())
    unfinished.chmod(0o600)  # as secret as the database
    unfinished.replace(path)
    sync_folder(path.parent)
    return manifest


def stored_checksum(name: str) -> str:
    """Return the checksum of a stored file; that of no bytes where it cannot be read."""
    try:
        with default_storage.open(name) as file:
            return checksum_of(file)
    except STORE_ERRORS:
        return sha256_of(b"")


def lacks_nothing(path: Path) -> bool:
    try:
        with opened_archive(path, whole=False) as (manifest, _tar):
            return not manifest.missing
    except CommandError:  # it is no backup
        return False


def backups_in(folder: Path) -> list[Path]:
    """Return the backups in a folder, newest first: their names begin with the moment."""
    return sorted(folder.glob(f"tracker-{STAMPED}.tar"), reverse=True)


# -- restoring ---------------------------------------------------------------------------------------------


def restore(path: Path, *, force: bool) -> list[str]:
    """Restore a backup and return what there is to say about it. Raises CommandError; whatever happens before the swap,
    the live database stays as it is."""
    connections.close_all()
    database = current_database()
    with opened_archive(path) as (manifest, tar), reported_errors(database), database.unused():
        if (full := database.exists()) and not force:
            raise CommandError(
                f"{database} is not empty: with --force the backup takes its place and it gets another name."
            )
        with restored_copy(manifest, tar, database, "restoring") as (side, pending):
            with reported_errors("The store of uploaded files"):
                lacking = [name for name, digest in manifest.files.items() if stored_checksum(name) != digest]
                for name in lacking:
                    default_storage.save(name, File(member(tar, name), name))
            kept = side.replace(database.name, datetime.now(UTC).strftime(STAMP), full)
    log.warning("restored: %s into %s, before: %s", path, database, kept or "nothing")
    said = [
        f"Restored into {database}: the state of {manifest.made_at}, {manifest.rows} rows.",
        f"Files: {len(manifest.files)} in the backup, {len(lacking)} of them were missing and are stored again.",
    ]
    if absent := manifest.missing:
        said += [f"The backup lacks {len(absent)} uploaded files that its database names, first {absent[0]}."]
    if pending:
        said += [f"Its tables are of an earlier release and were migrated forward: {pending} migrations."]
    if manifest.key_id != secret_key_id():
        said.append(
            "This machine has another SECRET_KEY than the one that the backup was made with: put that back, or second "
            "factors have to be set up again."
        )
    if kept:
        said += [f"What was there before is {kept}; delete it when you are content."]
    return [*said, "All sessions have ended. Start the service."]


@contextmanager
def restored_copy(
    manifest: Manifest, tar: tarfile.TarFile, database: Database, suffix: str
) -> Iterator[tuple[Database, int]]:
    """Restore an archive beside a database, compare and migrate it, as a context manager with the copy and how many
    migrations it lacked. What has not got another name by the end is dropped."""
    if not isinstance(database, KINDS[manifest.kind]):
        here = KINDS[manifest.kind].label
        raise CommandError(
            f"The backup holds a database of {here}, and {database} is one of {database.label}: restore it into {here}."
        )
    side = database.beside(suffix)
    try:
        with reported_errors(database), member(tar, database.member) as dump:
            side.load(dump, database.name)
        with side.configured() as connection:
            applied, pending = applied_migrations(connection), pending_migrations(connection)
            tables = count_rows(connection, manifest.excluded)
            differing = sorted({name for name, _rows in tables.items() ^ manifest.tables.items()})
            if applied != sorted(manifest.migrations):
                differing += ["the applied migrations"]
            if differing:
                raise CommandError(f"The restored database differs from the manifest in {', '.join(differing)}.")
            empty_excluded_tables(connection)
        side.migrate()  # which also begins a version of the data
        yield side, pending
    finally:
        side.drop()


def run_drill(path: Path | None = None) -> str:
    """Restore a backup, the newest by default, into a scratch database; return what was equal. Raises CommandError."""
    with recorded_run(BackupRun.Kind.DRILL) as run:
        path = path or newest_backup()
        run.file, database = path.name, current_database()
        with (
            opened_archive(path) as (manifest, tar),
            reported_errors(database),
            restored_copy(manifest, tar, database, "drill") as (_scratch, pending),
        ):
            run.detail = f"{manifest.rows} rows in {len(manifest.tables)} tables and {len(manifest.files)} files equal"
            run.detail += f", {len(manifest.missing)} files missing" if manifest.missing else ""
            run.detail += ", migrated forward" if pending else ""
    return f"{run.file}: {run.detail}, {run.seconds:.1f} s"


def newest_backup() -> Path:
    """Return the newest backup. Raises CommandError where there is none."""
    path = next(iter(backups_in(settings.BACKUP_DIR)), None)
    if path is None:
        raise CommandError(f"There is no backup in {settings.BACKUP_DIR}: manage.py backup makes one.")
    return path


def check_upgrade(path: Path | None = None) -> str:
    """Migrate a backup, the newest by default, in the drill's scratch database, which prints what becomes of records.

    Return how many migrations there were. Raises CommandError. Nothing is written down: the live database may be of the
    former release.
    """
    path = path or newest_backup()
    database = current_database()
    with (
        opened_archive(path) as (manifest, tar),
        reported_errors(database),
        restored_copy(manifest, tar, database, "drill") as (_scratch, pending),
    ):
        return f"{path.name}: the state of {manifest.made_at}, {pending} migrations. {database} was not touched."
