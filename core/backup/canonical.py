"""Canonical rows: the rows of a table as lines of text that are the same whichever database holds them.

A line is a JSON array of the columns in the order of their names; rows come in the order of the primary key. Numbers,
days and moments, JSON and bytes have one notation each. By the lines' SHA-256 two databases are compared, and the lines
themselves are what a portable backup holds.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

ROWS_AT_A_TIME = 2_000
Convert = Callable[[Any], Any]


@dataclass(frozen=True)
class Column:
    name: str
    kind: str  # class of the Django field that such a column has


@dataclass(frozen=True)
class Table:
    """Table of a database, its columns in the order of their names."""

    name: str
    columns: Sequence[Column]
    keys: Sequence[str]


def read_table(connection: Any, name: str) -> Table:
    """Return the columns and the primary key of a table, as the database describes them."""
    introspection = connection.introspection
    with connection.cursor() as cursor:
        described = introspection.get_table_description(cursor, name)
        keys = introspection.get_primary_key_columns(cursor, name)
    columns = sorted((Column(row.name, field_kind(introspection, row)) for row in described), key=lambda c: c.name)
    return Table(name, columns, keys or [column.name for column in columns])


def field_kind(introspection: Any, described: Any) -> str:
    try:
        kind = introspection.get_field_type(described.type_code, described)
    except KeyError:
        return "TextField"
    return str(kind[0] if isinstance(kind, tuple) else kind)


def canonical_lines(connection: Any, table: Table) -> Iterator[str]:
    """Yield the table's lines: the names of its columns, then each row."""
    quote = connection.ops.quote_name
    columns = ", ".join(quote(column.name) for column in table.columns)
    kinds = {column.name: column.kind for column in table.columns}
    # Text is ordered by its bytes, whatever the collation of the database.
    bytewise = ' COLLATE "C"' if connection.vendor == "postgresql" else ""
    order = ", ".join(quote(k) + (bytewise if kinds[k] in {"CharField", "TextField"} else "") for k in table.keys)
    yield dump([column.name for column in table.columns])
    writers = [WRITERS.get(column.kind) for column in table.columns]
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {quote(table.name)} ORDER BY {order}")  # noqa: S608  # names only
        while rows := cursor.fetchmany(ROWS_AT_A_TIME):
            for row in rows:
                yield dump([v if v is None or w is None else w(v) for v, w in zip(row, writers, strict=True)])


def dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# -- values ------------------------------------------------------------------------------------------------


def write_number(value: Any) -> str:
    """Return a decimal number without exponent and trailing zeros."""
    text = format(Decimal(str(value)), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def write_moment(value: Any) -> str:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return moment.isoformat(sep=" ", timespec="microseconds")


def write_json(value: Any) -> str:
    """Return JSON with sorted keys; the database may have its own order, spaces and notation of numbers."""
    parsed = json.loads(value, parse_float=Decimal) if isinstance(value, str) else value
    return json.dumps(parsed, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=json_number)


def json_number(value: Any) -> Any:
    if not isinstance(value, Decimal):
        raise TypeError(type(value).__name__)
    return float(value)


WRITERS: dict[str, Convert] = {
    "BooleanField": bool,
    "DecimalField": write_number,
    "DateTimeField": write_moment,
    "DateField": lambda value: value.isoformat() if isinstance(value, date) else value,
    "JSONField": write_json,
    "BinaryField": lambda value: base64.b64encode(bytes(value)).decode(),
    "UUIDField": lambda value: str(value).replace("-", ""),
    "FloatField": float,
}


def readers(connection: Any) -> dict[str, Convert]:
    """Return how a canonical value of each kind is written to a database."""
    ops = connection.ops
    return {
        "DateTimeField": lambda value: ops.adapt_datetimefield_value(datetime.fromisoformat(value).replace(tzinfo=UTC)),
        "DateField": lambda value: ops.adapt_datefield_value(date.fromisoformat(value)),
        "BinaryField": base64.b64decode,
    }
