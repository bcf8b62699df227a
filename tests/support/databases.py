"""Separate databases for tests with several processes, of the same vendor as the suite's."""

import lzma
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.utils import ConnectionHandler

UPGRADE_FOLDER = Path(__file__).parents[1] / "upgrade"


@dataclass(frozen=True)
class Database:
    """Database with its `url` for the environment of a process, and a `connection` for the test."""

    url: str
    connection: Any

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
def own_database(name: str, folder: Path) -> Iterator[Database]:
    """Create an empty database, as a file in the folder or by that name on the suite's server; drop it afterwards."""
    held = connection.settings_dict
    if connection.vendor != "postgresql":
        file = folder / f"{name}.sqlite3"
        yield from open_database(f"sqlite:///{file}", str(file))
        return
    with server_connection().cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    try:
        address = f"{held['USER']}:{held['PASSWORD']}@{held['HOST']}:{held['PORT'] or 5432}"
        yield from open_database(f"postgres://{address}/{name}", name)
    finally:
        with server_connection().cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def open_database(url: str, name: str) -> Iterator[Database]:
    held = connection_to(name)
    try:
        yield Database(url, held)
    finally:
        held.close()


def connection_to(name: str) -> Any:
    return ConnectionHandler({"default": {**connection.settings_dict, "NAME": name}})["default"]


def server_connection() -> Any:
    return connection_to("postgres")


def restore_edited_database(database: Database, home: Path) -> None:
    """Fill an empty database, and the folder `media` in this one, with what users left in release 1.0."""
    with tarfile.open(UPGRADE_FOLDER / f"{connection.vendor}.media.tar.xz") as files:
        files.extractall(home, filter="data")
    if connection.vendor == "sqlite":
        content = lzma.decompress((UPGRADE_FOLDER / "sqlite.db.xz").read_bytes())
        Path(database.connection.settings_dict["NAME"]).write_bytes(content)
        return
    database.connection.ensure_connection()
    with database.connection.connection.cursor() as cursor:  # psycopg2's own: the dump has percent signs
        cursor.execute(lzma.decompress((UPGRADE_FOLDER / "postgresql.sql.xz").read_bytes()).decode())
    database.connection.close()  # the dump has changed the settings of its session
