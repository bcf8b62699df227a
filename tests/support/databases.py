"""Separate databases for tests with several processes, of the same vendor as the suite's."""

import lzma
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.utils import ConnectionHandler

NUMBERS = count(1)
UPGRADE_FOLDER = Path(__file__).parents[1] / "upgrade"


@dataclass(frozen=True)
class Database:
    """Database with its `url` for the environment of a process, and a `connection` for the test."""

    url: str
    connection: Any

    @property
    def name(self) -> str:
        return str(self.connection.settings_dict["NAME"])

    def run(self, sql: str, *values: Any) -> list[Any]:
        """Run a statement and return its rows, if any."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def kept_between_tests(blocker: Any) -> Iterator[None]:
    """Context manager for fixtures of a module: what is written before its `yield` stays for all tests of the module,
    each of which rolls back to it; at the end it is rolled back itself.
    """
    with blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def own_database(folder: Path, copy_of: Database | None = None) -> Iterator[Database]:
    """Create an empty database, or a copy of one that nobody uses, as a file in the folder or on the suite's server.

    It is dropped afterwards, with what restores have kept of it.
    """
    held, name = connection.settings_dict, f"test_{os.getpid()}_{next(NUMBERS)}"
    if connection.vendor == "sqlite":
        file = folder / f"{name}.sqlite3"
        if copy_of:
            shutil.copyfile(copy_of.name, file)
        database = Database(f"sqlite:///{file}", connection_to(str(file)))
    else:
        template = copy_of.name if copy_of else "template0"
        with server_connection().cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE {template}")
        address = f"{held['USER']}:{held['PASSWORD']}@{held['HOST']}:{held['PORT'] or 5432}"
        database = Database(f"postgres://{address}/{name}", connection_to(name))
    try:
        yield database
    finally:
        database.connection.close()
        if connection.vendor == "postgresql":
            drop_databases(name)


def drop_databases(name: str) -> None:
    """Drop a database, and those whose names begin with its name and an underscore."""
    with server_connection().cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname = %s OR datname ~ %s", [name, f"^{name}_"])
        for (found,) in cursor.fetchall():
            cursor.execute(f'DROP DATABASE "{found}" WITH (FORCE)')


def connection_to(name: str) -> Any:
    return ConnectionHandler({"default": {**connection.settings_dict, "NAME": name}})["default"]


def server_connection() -> Any:
    return connection_to("postgres")


def restore_former_database(database: Database, home: Path, name: str = "real", *, policies: bool = True) -> None:
    """Fill an empty database with what users left in release 1.0.0: in that of the `real` records, with its files in
    the folder `media` of `home`, or in that of the `demonstration`, without files.

    A batch without a policy gets one, as the upgrade asks, unless `policies` is false.
    """
    dump = lzma.decompress((UPGRADE_FOLDER / f"{connection.vendor}-{name}.sql.xz").read_bytes()).decode()
    database.connection.ensure_connection()
    held = database.connection.connection
    if connection.vendor == "sqlite":
        held.executescript(dump)
    else:
        with held.cursor() as cursor:  # psycopg2's own: the dump has percent signs
            cursor.execute(dump)
    database.connection.close()  # the dump has changed the settings of its session
    if policies:
        policy = "(SELECT min(id) FROM policies_policy)"
        database.run(f"UPDATE pilots_batch SET policy_id = {policy} WHERE policy_id IS NULL")  # noqa: S608
        database.connection.close()
    if name == "real":
        with tarfile.open(UPGRADE_FOLDER / "real.media.tar.xz") as files:
            files.extractall(home, filter="data")
