"""The two kinds of database: a copy of one that is in use, one restored beside it, and its swap with the live one.

Whatever keeps a backup, restore or drill from going on is a CommandError: one sentence for the operator.

Of SQLite each process of the service holds a lock file shared, and a restore alone; the kernel releases the lock of a
process that ends, however it ends. PostgreSQL knows its clients, and renames no database that has one.
"""

import fcntl
import logging
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from stat import S_IMODE
from tempfile import TemporaryFile
from typing import IO, Any, Self
from urllib.parse import quote

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.management import CommandError, call_command
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import ConnectionHandler
from psycopg2.extensions import make_dsn

from core.files import sync_folder

log = logging.getLogger("tracker.backup")
HELD: list[IO[str]] = []  # lock files of this process


@contextmanager
def reported_errors(place: object) -> Iterator[None]:
    """Raise CommandError, as a context manager, for what a disk or a database refuses: a write to a full disk."""
    try:
        yield
    except OSError as exc:
        raise CommandError(f"{exc.filename or place}: {exc.strerror or exc}.") from exc
    except (sqlite3.Error, DatabaseError) as exc:
        raise CommandError(f"{place}: {first_line(exc)}.") from exc


def first_line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0].rstrip(".")


class DjangoDatabase:
    """Database, by the values that Django's settings hold of it."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values, self.name = values, str(values["NAME"])

    def named(self, name: str) -> Self:
        """Return another database of the same server, or in another file."""
        return type(self)({**self.values, "NAME": name})

    @contextmanager
    def configured(self) -> Iterator[Any]:
        """Let models and migrations work on this database, in this thread, as a context manager with its connection."""
        former = connections[DEFAULT_DB_ALIAS]
        with closing(ConnectionHandler({DEFAULT_DB_ALIAS: dict(self.values)})[DEFAULT_DB_ALIAS]) as connection:
            try:
                connections[DEFAULT_DB_ALIAS] = connection
                yield connection
            finally:
                connections[DEFAULT_DB_ALIAS] = former
                ContentType.objects.clear_cache()

    def migrate(self) -> None:
        """Apply all migrations, with the triggers that follow them."""
        with self.configured():
            try:
                call_command("migrate", interactive=False, verbosity=0)
            except Exception as exc:  # whatever a migration of data may raise
                raise CommandError(f"{self} could not be migrated to this release: {first_line(exc)}.") from exc


def applied_migrations(connection: Any) -> list[str]:
    return sorted(".".join(key) for key in MigrationRecorder(connection).applied_migrations())


def pending_migrations(connection: Any) -> int:
    """Return how many migrations of this release a database lacks."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def unknown_migrations(applied: Iterable[str]) -> list[str]:
    """Return the migrations, as app.name, that this release does not have."""
    disk = MigrationLoader(None).disk_migrations
    released = {*disk, *(replaced for migration in disk.values() for replaced in migration.replaces)}
    return sorted({*applied} - {".".join(key) for key in released})


TOO_OLD = (
    "is of a release before 1.0: it has to pass through release 1.0.0, commit a889b15, first (see docs/operations.md, "
    "Upgrade)."
)


def is_too_old(applied: Iterable[str]) -> bool:
    """Whether these are migrations of before 1.0.0, whose core began with its first one."""
    return {"policies.0001_initial", "core.0001_initial"} & {*applied} == {"policies.0001_initial"}


@register(Tags.database)
def check_release(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return an error for a database of a release before 1.0, and for one that a newer release has migrated: `migrate`
    would say "nothing to apply"."""
    for alias in databases or ():
        applied = applied_migrations(connections[alias])
        if is_too_old(applied):
            return [Error(f"This database {TOO_OLD} Nothing was changed.", id="core.E002")]
        if unknown := unknown_migrations(applied):
            text = (
                f"This database has the migration {unknown[0]}, which release {settings.VERSION} does not have: a "
                "newer one used it. Install that release, or restore a backup from before the upgrade. Nothing was "
                "changed."
            )
            return [Error(text, id="core.E001")]
    return []


def count_rows(connection: Any, excluded: Iterable[str]) -> dict[str, int]:
    counts = {}
    with connection.cursor() as cursor:
        for name in sorted({*connection.introspection.table_names(cursor)} - {*excluded}):
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(name)}")  # noqa: S608  # names only
            [counts[name]] = cursor.fetchone()
    return counts


def empty_excluded_tables(connection: Any) -> None:
    """Delete the rows that no backup has, from a copy: nobody is signed in to it."""
    with connection.cursor() as cursor:
        for table in {*connection.introspection.table_names(cursor)} & settings.BACKUP_EXCLUDED_TABLES:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608  # our own names


class SQLite(DjangoDatabase):
    label, member, snapshot = "SQLite", "database.sqlite3", "BEGIN"

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.path = Path(self.name)

    def __str__(self) -> str:
        return self.name

    def exists(self) -> bool:
        return self.path.exists() and self.path.stat().st_size > 0

    def dump(self, cursor: Any, target: Path) -> str:
        """Write what the transaction of the cursor sees to a file; return what the server is."""
        cursor.execute("SELECT count(*) FROM sqlite_master")  # from here on it sees one moment
        with closing(sqlite3.connect(target)) as copy:
            cursor.connection.backup(copy)
        with self.named(str(target)).configured() as connection:
            connection.cursor().execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten too
            empty_excluded_tables(connection)
            connection.cursor().execute("PRAGMA journal_mode = DELETE")  # one file
        return f"SQLite {sqlite3.sqlite_version}"

    def beside(self, suffix: str) -> Self:
        """Return the database for a copy of this one: in a folder, with the files that belong to it."""
        return self.named(f"{self.name}.{suffix}/{self.path.name}")

    def load(self, dump: IO[bytes], like: str) -> None:
        """Make a copy from a dump, in the place of what a restore has left that was killed."""
        self.drop()
        self.path.parent.mkdir(mode=0o700, parents=True)
        with self.path.open("wb") as file:
            shutil.copyfileobj(dump, file)
        with self.configured() as connection, connection.cursor() as cursor:
            cursor.execute("PRAGMA integrity_check")  # constraints included, with Django's functions they call
            [result] = cursor.fetchone()
        if result != "ok":
            raise CommandError(f"The database in the backup is damaged: {result}.")

    def drop(self) -> None:
        shutil.rmtree(self.path.parent, ignore_errors=True)

    def open_lock(self) -> IO[str]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return Path(f"{self.name}.lock").open("a")

    @contextmanager
    def unused(self) -> Iterator[None]:
        """Context manager in which no process of the service can start. Raises CommandError while one runs."""
        with self.open_lock() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise CommandError(f"The service is running on {self}: stop it and its workers, then restore.") from exc
            yield

    def close(self) -> None:
        """Have everything in the file itself. Raises sqlite3.OperationalError while another process has it open."""
        address = f"file:{quote(self.name)}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, timeout=3, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")

    def replace(self, name: str, stamp: str, full: bool) -> str:
        """Take the place of the live file; return the other name of that, if it is full. The live name always has a
        file."""
        self.close()
        live = self.named(name)
        kept = f"{live}.pre-restore-{stamp}" if full else ""
        owner = (live.path if kept else live.path.parent).stat()
        with suppress(PermissionError):  # an administrator restores what the service's own account has to write
            os.chown(self.path, owner.st_uid, owner.st_gid)
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        if kept:
            self.path.chmod(S_IMODE(owner.st_mode))
            try:
                live.close()
            except sqlite3.OperationalError as exc:
                text = f"{live} is in use by another process: stop the service and its workers first."
                raise CommandError(text) from exc
            except sqlite3.DatabaseError:  # damaged: it is kept as it is, with what nothing else could read either
                for suffix in ("-wal", "-shm", "-journal"):
                    with suppress(FileNotFoundError):
                        Path(live.name + suffix).replace(kept + suffix)
            os.link(live.path, kept)
        self.path.replace(live.path)
        sync_folder(live.path.parent)
        return kept


class PostgreSQL(DjangoDatabase):
    label, member = "PostgreSQL", "database.dump"
    snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __str__(self) -> str:
        return f"database {self.name} on {self.values.get('HOST') or 'this machine'}"

    @property
    def quoted(self) -> str:
        return '"' + self.name.replace('"', '""') + '"'

    @contextmanager
    def server(self) -> Iterator[Any]:
        """Cursor on another database of the same server, as a context manager."""
        with reported_errors(self), self.named("postgres").configured() as connection, connection.cursor() as cursor:
            yield cursor

    def exists(self) -> bool:
        with self.server() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.name])
            if not cursor.fetchone():
                return False
        with self.configured() as connection:
            return bool(connection.introspection.table_names())

    @contextmanager
    def unused(self) -> Iterator[None]:
        """Context manager on a database without clients. Raises CommandError, which names them."""
        with self.server() as cursor:
            cursor.execute(
                "SELECT DISTINCT coalesce(nullif(application_name, ''), 'a client') || ' at ' "
                "|| coalesce(client_addr::text, 'this machine') FROM pg_stat_activity WHERE datname = %s ORDER BY 1",
                [self.name],
            )
            clients = [who for (who,) in cursor.fetchall()]
        if clients:
            raise CommandError(f"{self} is in use by {', '.join(clients)}: stop these first.")
        yield

    def run(self, program: str, *options: str, stdin: IO[bytes] | None = None) -> None:
        """Run a program of PostgreSQL. The password is in its environment, where `ps` does not show it."""
        held = self.values
        named = {**held["OPTIONS"], "host": held["HOST"], "port": held["PORT"], "user": held["USER"]}
        address = make_dsn(dbname=self.name, **{key: value for key, value in named.items() if value not in {"", None}})
        environment = {**os.environ, "LC_MESSAGES": "C"}
        if held["PASSWORD"]:
            environment["PGPASSWORD"] = held["PASSWORD"]
        arguments = [program, *options, f"--dbname={address}"]
        done = subprocess.run(  # noqa: S603  # a program of PostgreSQL
            arguments, env=environment, stdin=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
            raise CommandError(f"{program} failed: {said[-1]}")

    def dump(self, cursor: Any, target: Path) -> str:
        cursor.execute("SELECT pg_export_snapshot(), current_setting('server_version')")
        snapshot, version = cursor.fetchone()
        left_out = [f"--exclude-table-data={table}" for table in settings.BACKUP_EXCLUDED_TABLES]
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", *left_out]
        self.run("pg_dump", *options, f"--file={target}")
        return f"PostgreSQL {version}"

    def beside(self, suffix: str) -> Self:
        if len(self.name.encode()) > LONGEST_NAME:
            raise CommandError(f"{self}: a name of at most {LONGEST_NAME} bytes can be restored.")
        return self.named(f"{self.name}_{suffix}")

    def load(self, dump: IO[bytes], like: str) -> None:
        self.drop()
        with self.server() as cursor:
            found = (
                "SELECT datcollate, datctype FROM pg_database WHERE datname IN (%s, 'template0') ORDER BY datistemplate"
            )
            cursor.execute(found, [like])
            words = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE %s LC_CTYPE %s"
            cursor.execute(f"CREATE DATABASE {self.quoted} {words}", cursor.fetchone())
        with TemporaryFile(dir=settings.VAR_DIR) as file:
            shutil.copyfileobj(dump, file)
            file.seek(0)
            self.run("pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", stdin=file)

    def drop(self) -> None:
        with self.server() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {self.quoted}")

    def replace(self, name: str, stamp: str, full: bool) -> str:
        """Take the name of the live database, which gets another: both or neither. An empty one goes last."""
        live, former = self.named(name), self.named(f"{name}_pre_restore_{stamp.lower()}")
        connections.close_all()
        with self.server() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [live.name])
            there = cursor.fetchone()
            cursor.execute("BEGIN")
            if there:
                cursor.execute(f"ALTER DATABASE {live.quoted} RENAME TO {former.quoted}")
            cursor.execute(f"ALTER DATABASE {self.quoted} RENAME TO {live.quoted}")
            cursor.execute("COMMIT")
        if not full:
            former.drop()
        return former.name if full else ""


LONGEST_NAME = 63 - len("_pre_restore_20261127t043000z")
Database = SQLite | PostgreSQL
KINDS: dict[str, type[SQLite] | type[PostgreSQL]] = {"sqlite": SQLite, "postgresql": PostgreSQL}


def current_database() -> Database:
    """Return the configured database. Raises CommandError for one in memory."""
    values = connections.settings[DEFAULT_DB_ALIAS]
    name = str(values["NAME"])
    if not name or ":memory:" in name or "mode=memory" in name:
        raise CommandError("A database in memory has no backup: name one in DATABASE_URL.")
    return KINDS[values["ENGINE"].rpartition(".")[2].removesuffix("3")](values)


@contextmanager
def exclusive_lock(name: str) -> Iterator[Callable[[], object] | None]:
    """Hold the lock of this name on the database, as a context manager; on PostgreSQL against processes of any machine.

    None where another process holds it; else a function that raises DatabaseError once the lock is lost with its
    connection. The lock of a process that ends is released, however it ends.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor == "postgresql":
        with closing(connection.copy()) as own, own.cursor() as cursor:
            # That of a machine that lost its power, too.
            cursor.execute(
                "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
            )
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [f"tracker {name}"])
            yield partial(cursor.execute, "SELECT 1") if cursor.fetchone()[0] else None
        return
    file_name = quote(f"{Path(connection.settings_dict['NAME']).name} {name}.lock", safe="")
    with (settings.VAR_DIR / file_name).open("a") as file:
        held = None
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = int
        yield held


def hold_service_lock() -> None:
    """Say, until this process ends, that it serves the configured file; wait while a restore replaces it. A folder that
    cannot be written keeps no process from serving."""
    with suppress(CommandError, OSError):
        database = current_database()
        if HELD or not isinstance(database, SQLite):
            return
        file = database.open_lock()
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            log.warning("a restore is running: this process waits for its end")
            fcntl.flock(file, fcntl.LOCK_SH)
        HELD.append(file)
