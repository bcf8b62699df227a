"""What a database holds: applied migrations, rows and checksum of each table, the numbers of every aggregate, files.

`python -m core.backup.describe` reads the configured database in one transaction and writes the description as JSON. On
PostgreSQL it can read a snapshot that another transaction exported.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, TextIO

Migrations = dict[str, list[str]]


@dataclass(frozen=True)
class TableContent:
    rows: int
    sha256: str


@dataclass(frozen=True)
class Description:
    """Description of a database. `numbers` and `files` are None while migrations of this release are not applied: only
    the release that belongs to a schema can compute with its records."""

    migrations: Migrations
    tables: dict[str, TableContent]
    numbers: dict[str, str] | None
    files: list[str] | None

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Description:
        tables = {name: TableContent(**table) for name, table in found["tables"].items()}
        return cls(found["migrations"], tables, found["numbers"], found["files"])


def describe(connection: Any, as_of: date, rows: TextIO | None = None) -> Description:
    """Return the description of the configured database; into `rows` go all its rows as canonical lines."""
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415  # after django.setup()

    from core.backup.numbers import aggregate_numbers  # noqa: PLC0415
    from core.files.store import kept_names  # noqa: PLC0415

    executor = MigrationExecutor(connection)
    applied = executor.loader.applied_migrations
    current = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return Description(
        migrations=by_app(applied),
        tables=describe_tables(connection, rows),
        numbers=aggregate_numbers(as_of) if current else None,
        files=sorted(kept_names()) if current else None,
    )


def by_app(applied: Any) -> Migrations:
    found: dict[str, list[str]] = defaultdict(list)
    for app, name in sorted(applied):
        found[app].append(name)
    return dict(found)


def describe_tables(connection: Any, rows: TextIO | None = None) -> dict[str, TableContent]:
    """Return rows and checksum of each table but the excluded ones."""
    from core.backup.canonical import canonical_lines, dump, read_table  # noqa: PLC0415
    from core.backup.databases import excluded_tables  # noqa: PLC0415

    with connection.cursor() as cursor:
        names = set(connection.introspection.table_names(cursor)) - set(excluded_tables())
    found = {}
    for name in sorted(names):
        lines = canonical_lines(connection, read_table(connection, name))
        if rows:
            rows.write(dump({"table": name}) + "\n")
        found[name] = content_of(lines, rows)
    return found


def content_of(lines: Iterator[str], rows: TextIO | None) -> TableContent:
    digest, count = hashlib.sha256(), -1  # the first line has the names of the columns
    for line in lines:
        digest.update(line.encode())
        digest.update(b"\n")
        count += 1
        if rows:
            rows.write(line + "\n")
    return TableContent(count, digest.hexdigest())


def main() -> None:
    import django  # noqa: PLC0415

    django.setup()
    from django.db import connection, transaction  # noqa: PLC0415

    parser = argparse.ArgumentParser()
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    parser.add_argument("--snapshot", default="")
    parser.add_argument("--rows", type=Path)
    options = parser.parse_args()
    with ExitStack() as stack:
        if connection.vendor == "sqlite":
            connection.ensure_connection()  # a copy of our own that nobody else writes to
        else:
            stack.enter_context(transaction.atomic())
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                if options.snapshot:
                    cursor.execute("SET TRANSACTION SNAPSHOT %s", [options.snapshot])
        rows = stack.enter_context(options.rows.open("w", encoding="utf-8")) if options.rows else None
        sys.stdout.write(json.dumps(asdict(describe(connection, options.as_of, rows))))


if __name__ == "__main__":
    main()
