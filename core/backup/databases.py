"""Database by its address: the configured one, the copies beside it, and processes of ours that work on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import environ
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.utils import ConnectionHandler

ENGINES = {"django.db.backends.sqlite3": "sqlite", "django.db.backends.postgresql": "postgresql"}
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


class BackupError(Exception):
    """A backup, restore or drill cannot go on; the message is one sentence for the operator."""


@dataclass(frozen=True)
class Database:
    """Database with its `url`, as DATABASE_URL takes it, and the settings that Django has for it."""

    url: str
    settings: dict[str, Any]

    @property
    def vendor(self) -> str:
        return ENGINES[self.settings["ENGINE"]]

    @property
    def name(self) -> str:
        """Name of the database; of SQLite the path of its file."""
        return str(self.settings["NAME"])

    @property
    def path(self) -> Path:
        return Path(self.name)

    def __str__(self) -> str:
        host = self.settings.get("HOST") or "this machine"
        return self.name if self.vendor == "sqlite" else f"database {self.name} on {host}"

    def named(self, name: str) -> Database:
        """Return the database of another name on the same server, or in another file."""
        parts = urlsplit(self.url)
        # Not `geturl`: it makes one slash of the two that begin the path of a file.
        address = f"{parts.scheme}://{parts.netloc}/{quote(name)}" + (f"?{parts.query}" if parts.query else "")
        return replace(self, url=address, settings={**self.settings, "NAME": name})

    @contextmanager
    def open(self) -> Iterator[Any]:
        """Open a connection of its own to the database, as a context manager."""
        with closing(ConnectionHandler({DEFAULT_DB_ALIAS: dict(self.settings)})[DEFAULT_DB_ALIAS]) as connection:
            yield connection


def current_database() -> Database:
    """Return the configured database."""
    found = dict(connections.settings[DEFAULT_DB_ALIAS])
    url = os.environ.get("DATABASE_URL", "") if ENGINES[found["ENGINE"]] == "postgresql" else "sqlite:///"
    if not url and "DATABASE_URL_FILE" in os.environ:
        url = Path(os.environ["DATABASE_URL_FILE"]).read_text().strip()
    if ":memory:" in str(found["NAME"]) or "mode=memory" in str(found["NAME"]):
        raise BackupError("A database in memory has no backup: set DATABASE_URL.")
    return Database(url, found).named(str(found["NAME"]))


def database_at(url: str) -> Database:
    """Return the database at an address that an operator typed. Raises BackupError."""
    try:
        found = dict(environ.Env.db_url_config(url))
        engine = ENGINES[found["ENGINE"]]
    except (KeyError, ValueError, environ.ImproperlyConfigured) as exc:
        raise BackupError("--into: use sqlite:////FILE or postgres://USER:PASSWORD@HOST:PORT/NAME.") from exc
    if not found["NAME"] or (engine == "sqlite" and not Path(found["NAME"]).is_absolute()):
        raise BackupError("--into: name the database; of SQLite the whole path, as in sqlite:////srv/copy.sqlite3.")
    base = connections.settings[DEFAULT_DB_ALIAS]
    options = base["OPTIONS"] if base["ENGINE"] == found["ENGINE"] else {}
    return Database(url, {**base, "OPTIONS": {}, **found} | {"OPTIONS": {**options, **found.get("OPTIONS", {})}})


# -- processes of ours -----------------------------------------------------------------------------------


def run_on(database: Database, *words: str) -> str:
    """Run `python -m …` with the database as the configured one, without any cache; return its output.

    In a process of its own, because migrations and what they connect to work on the configured database alone.
    """
    environment = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
    environment |= {"DATABASE_URL": database.url, "CACHE_URL": "dummycache://", "CACHE_RESPONSES": "0"}
    environment["DJANGO_SETTINGS_MODULE"] = settings.SETTINGS_MODULE
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-m", *words],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupError(f"{' '.join(words[:2])} failed on {database}: {last_line(done.stderr)}")
    return done.stdout


OWN_VARIABLES = {"DATABASE_URL_FILE", "CACHE_URL_FILE"}


def last_line(text: str) -> str:
    """Return the last line of what a process wrote on standard error; of a log line in JSON its message."""
    line = next((line for line in reversed(text.splitlines()) if line.strip()), "no reason given")
    try:
        return str(json.loads(line)["message"])
    except (ValueError, KeyError, TypeError):
        return line.strip()


def migrate(database: Database) -> None:
    """Apply all migrations, with the triggers that follow them."""
    run_on(database, "django", "migrate", "--noinput", "--verbosity", "0")


def excluded_tables() -> Sequence[str]:
    """Return the tables whose rows no backup has: sessions, versions of caches, the queue of jobs."""
    return sorted(settings.BACKUP_EXCLUDED_TABLES)


def empty_excluded_tables(database: Database) -> None:
    """Delete the rows that no backup has, from a copy: nobody is signed in to it."""
    with database.open() as connection, connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten too
        standing = set(connection.introspection.table_names(cursor))
        for table in excluded_tables():
            if table in standing:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608  # our own names
