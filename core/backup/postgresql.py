"""PostgreSQL: a dump from a snapshot that the description is read in as well, and the swap of two databases."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from django.db import DatabaseError

from core.backup.databases import BackupError, Database, excluded_tables, last_line, run_on

INSTALL = "on Debian: apt-get install postgresql-client"


def dump(database: Database, target: Path, rows: Path | None, as_of: date) -> tuple[str, str]:
    """Dump the database as it is at one moment; writers go on meanwhile. Returns its description and its server."""
    try:
        with database.open() as connection, connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            server = cursor.fetchone()[0]
            check_version("pg_dump", server)
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            snapshot = cursor.fetchone()[0]
            if rows is None:
                left_out = [f"--exclude-table-data={table}" for table in excluded_tables()]
                options = ["--format=custom", f"--snapshot={snapshot}", "--no-owner", "--no-privileges", *left_out]
                run_tool(database, "pg_dump", *options, f"--file={target}")
            found = describe(database, as_of, rows, snapshot)
            cursor.execute("ROLLBACK")
    except DatabaseError as exc:
        raise BackupError(f"{database} does not answer: {last_line(str(exc))}") from exc
    return found, f"PostgreSQL {server}"


def describe(database: Database, as_of: date, rows: Path | None = None, snapshot: str = "") -> str:
    more = ["--rows", str(rows)] if rows else []
    more += ["--snapshot", snapshot] if snapshot else []
    return run_on(database, "core.backup.describe", "--as-of", as_of.isoformat(), *more)


# -- programs of PostgreSQL ------------------------------------------------------------------------------


def check_version(program: str, server: str) -> None:
    """Raise BackupError where the program is missing, or older than the server, whose databases it cannot read."""
    found = re.search(r"(\d+)", run_program([find_program(program), "--version"], {}))
    ours, theirs = int(found[1]) if found else 0, int(server.partition(".")[0])
    if ours < theirs:
        raise BackupError(
            f"{program} {ours} is older than the server ({server}): install version {theirs} ({INSTALL})."
        )


def find_program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BackupError(f"{name} is not installed: it comes with the client programs of PostgreSQL ({INSTALL}).")
    return found


def run_tool(database: Database, name: str, *options: str) -> None:
    """Run a program of PostgreSQL on the database. The password is in its environment, where `ps` does not show it."""
    held = database.settings
    named = {"host": held["HOST"], "port": held["PORT"], "user": held["USER"], "dbname": database.name}
    values = {**held.get("OPTIONS", {}), **named}
    address = " ".join(f"{key}='{escaped(value)}'" for key, value in values.items() if value not in {"", None})
    password = {"PGPASSWORD": held["PASSWORD"]} if held.get("PASSWORD") else {}
    run_program([find_program(name), *options, f"--dbname={address}"], password)


def escaped(value: object) -> str:
    return re.sub(r"([\\'])", r"\\\1", str(value))


def run_program(words: list[str], more: dict[str, str]) -> str:
    done = subprocess.run(  # noqa: S603  # a program of PostgreSQL
        words, env={**os.environ, "LC_MESSAGES": "C", **more}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BackupError(f"{Path(words[0]).name} failed: {last_line(done.stderr)}")
    return done.stdout


# -- restoring -----------------------------------------------------------------------------------------------


@contextmanager
def on_server(database: Database) -> Iterator[Any]:
    """Cursor on another database of the same server. Raises BackupError with what the server says."""
    try:
        with database.named("postgres").open() as connection, connection.cursor() as cursor:
            yield cursor
    except DatabaseError as exc:
        text = last_line(str(exc))
        if "permission denied" in text:
            text += f" (as an administrator of the server: ALTER ROLE {database.settings['USER']} CREATEDB)"
        raise BackupError(f"The server of {database} refused: {text}") from exc


def exists(database: Database) -> bool:
    """Return whether the database has a table."""
    with on_server(database) as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database.name])
        if not cursor.fetchone():
            return False
    with database.open() as connection:
        return bool(connection.introspection.table_names())


def side_name(database: Database, suffix: str) -> str:
    """Return the name of a database beside another."""
    return f"{database.name}_{suffix}"


def create(database: Database, like: Database | None = None) -> None:
    """Create an empty database with the encoding and the collation of another; one of that name goes first."""
    with on_server(database) as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {quoted(database)}")
        cursor.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = %s",
            [like.name if like else ""],
        )
        found = cursor.fetchone()
        words = "ENCODING %s LC_COLLATE %s LC_CTYPE %s" if found else "ENCODING 'UTF8'"
        cursor.execute(f"CREATE DATABASE {quoted(database)} TEMPLATE template0 {words}", found)


def drop(database: Database) -> None:
    with on_server(database) as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {quoted(database)}")


def quoted(database: Database) -> str:
    return '"' + database.name.replace('"', '""') + '"'


def load(database: Database, source: Path) -> None:
    run_tool(database, "pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", str(source))


def other_clients(database: Database) -> list[str]:
    """Return who else is connected to the database."""
    with on_server(database) as cursor:
        cursor.execute(
            "SELECT coalesce(nullif(application_name, ''), 'a client') || ' at ' "
            "|| coalesce(client_addr::text, 'this machine') FROM pg_stat_activity WHERE datname = %s ORDER BY 1",
            [database.name],
        )
        return [row[0] for row in cursor.fetchall()]


def swap(live: Database, side: Database, kept: str) -> None:
    """Give the side database the name of the live one, which keeps another: both in one transaction."""
    with on_server(live) as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [live.name])
        if cursor.fetchone():
            cursor.execute(f"ALTER DATABASE {quoted(live)} RENAME TO {quoted(live.named(kept))}")
        cursor.execute(f"ALTER DATABASE {quoted(side)} RENAME TO {quoted(live)}")
        cursor.execute("COMMIT")
