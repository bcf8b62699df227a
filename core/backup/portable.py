"""Portable backups: all rows as text, for the way from SQLite to PostgreSQL and back.

`python -m core.backup.portable FILE` loads one into the configured database, which has to be empty: it makes the tables
by the migrations that the backup's database had, replaces what these wrote by the rows of the file, and lets sequences
go on after the highest key.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from core.backup.describe import Migrations

MAX_VALUES = 900  # in one statement: SQLite of old takes 999


def write_header(path: Path, migrations: Migrations) -> None:
    """Put the applied migrations before the rows that `describe` wrote."""
    rows = path.with_name(path.name + ".rows")
    path.replace(rows)
    with path.open("w", encoding="utf-8") as file, rows.open(encoding="utf-8") as lines:
        file.write(json.dumps({"migrations": migrations}) + "\n")
        for line in lines:
            file.write(line)
    rows.unlink()


def load_file(connection: Any, path: Path) -> None:
    """Make the tables and fill them."""
    from django.db import transaction  # noqa: PLC0415  # after django.setup()

    with path.open(encoding="utf-8") as file:
        build_schema(connection, json.loads(next(file))["migrations"])
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            standing = connection.introspection.table_names(cursor)
            for table in standing:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608  # names only
            for name, lines in read_tables(file):
                insert_rows(connection, cursor, name, lines)
            reset_sequences(connection, cursor)


def build_schema(connection: Any, migrations: Migrations) -> None:
    """Apply the migrations that the other database had, and no later one."""
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415

    executor = MigrationExecutor(connection)
    nodes = executor.loader.graph.node_map
    wanted = {(app, name) for app, names in migrations.items() for name in names} & nodes.keys()
    last = [
        key
        for key in wanted
        if not any(child.key[0] == key[0] and child.key in wanted for child in nodes[key].children)
    ]
    executor.migrate(sorted(last))


def read_tables(file: Iterator[str]) -> Iterator[tuple[str, Iterator[str]]]:
    """Yield each table's name with its lines: the columns, then the rows."""
    name = ""

    def table_of(line: str) -> str:
        nonlocal name
        if line.startswith('{"table":'):
            name = json.loads(line)["table"]
        return name

    for found, lines in groupby(file, table_of):
        next(lines)
        yield found, lines  # noqa: B031  # read to its end before the next one


def insert_rows(connection: Any, cursor: Any, name: str, lines: Iterator[str]) -> None:
    from core.backup.canonical import read_table, readers  # noqa: PLC0415

    kinds = {column.name: column.kind for column in read_table(connection, name).columns}
    columns, known = json.loads(next(lines)), readers(connection)
    convert = [known.get(kinds[column]) for column in columns]
    quote = connection.ops.quote_name
    into = f"INSERT INTO {quote(name)} ({', '.join(map(quote, columns))}) VALUES "  # noqa: S608  # names only
    row_values = f"({', '.join(['%s'] * len(columns))})"
    at_a_time = max(1, MAX_VALUES // len(columns))
    while batch := list(islice(lines, at_a_time)):
        values = [
            value if value is None or change is None else change(value)
            for line in batch
            for value, change in zip(json.loads(line), convert, strict=True)
        ]
        cursor.execute(into + ", ".join([row_values] * len(batch)), values)


def reset_sequences(connection: Any, cursor: Any) -> None:
    """Let each sequence go on after the highest key."""
    if connection.vendor == "postgresql":  # SQLite counts by itself
        for one in connection.introspection.sequence_list():
            table, column = connection.ops.quote_name(one["table"]), connection.ops.quote_name(one["column"])
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence(%s, %s), coalesce(max({column}), 1), max({column}) IS NOT NULL) "  # noqa: S608
                f"FROM {table}",
                [table, one["column"]],
            )


def main() -> None:
    import django  # noqa: PLC0415

    django.setup()
    from django.db import connection  # noqa: PLC0415

    load_file(connection, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
