"""A database of a test's own beside that of the suite, of the same make: for processes that share no transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.utils import ConnectionHandler


@dataclass(frozen=True)
class Database:
    """`url` is for the environment of a process, `connection` for the test to look into it."""

    url: str
    connection: Any

    def run(self, sql: str, *values: Any) -> list[Any]:
        """The rows that a statement gives, none where it gives none."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def own_database(name: str, folder: Path) -> Iterator[Database]:
    """An empty database: a file in the folder, or one of that name on the server of the suite; gone afterwards."""
    held = connection.settings_dict
    if connection.vendor != "postgresql":
        file = folder / f"{name}.sqlite3"
        yield from opened(f"sqlite:///{file}", str(file))
        return
    with server().cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    try:
        address = f"{held['USER']}:{held['PASSWORD']}@{held['HOST']}:{held['PORT'] or 5432}"
        yield from opened(f"postgres://{address}/{name}", name)
    finally:
        with server().cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def opened(url: str, name: str) -> Iterator[Database]:
    held = connection_to(name)
    try:
        yield Database(url, held)
    finally:
        held.close()


def connection_to(name: str) -> Any:
    return ConnectionHandler({"default": {**connection.settings_dict, "NAME": name}})["default"]


def server() -> Any:
    return connection_to("postgres")
