"""History for records by the hundred thousand, copied by the database from its own rows.

What `write_entries` in config/bulk.py does, where most of the time would go into making every entry an object here.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.utils import timezone

from config.bulk import WRITING, chunks
from config.models import Change


def copy_entries(model: Any, keys: Sequence[int], *, reason: str) -> None:
    """Write the entry of each record that was just created and has none, as the tables hold it, by nobody.

    A few statements for each part of the keys.
    """
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    for some in chunks(keys):
        copy_rows(model, some, now, reason)
        for field in model.history.model._history_m2m_fields:  # noqa: SLF001  # simple-history's own list of them
            copy_lists(model, field, some)


def copy_link(field: Any, keys: Sequence[int], target: int) -> None:
    """The row of one many-to-many field, from each record to the same other one; none of them has it yet."""
    through, owner = field.remote_field.through, field.model
    key = owner._meta.pk.column
    into = names([field.m2m_column_name(), field.m2m_reverse_name()])
    for some in chunks(keys):
        run(
            f"INSERT INTO {name(through)} ({into}) SELECT {names([key])}, %s FROM {name(owner)} "  # noqa: S608
            f"WHERE {among(names([key]), some)} ORDER BY {names([key])}",
            [target, *values_of(some)],
        )


def copy_rows(model: Any, keys: Sequence[int], now: Any, reason: str) -> None:
    """The entries themselves, and their lines among the changes."""
    past = model.history.model
    columns, key = [field.column for field in past.tracked_fields], model._meta.pk.column
    told = ["history_date", "history_type", "history_change_reason"]
    run(
        f"INSERT INTO {name(past)} ({names([*columns, *told])}) SELECT {names(columns)}, %s, '+', %s "  # noqa: S608
        f"FROM {name(model)} WHERE {among(names([key]), keys)} ORDER BY {names([key])}",
        [now, reason, *values_of(keys)],
    )
    run(
        f'INSERT INTO {name(Change)} ("transaction", model, entry_id) '  # noqa: S608
        f"SELECT {WRITING[connection.vendor]}, %s, history_id FROM {name(past)} "
        f"WHERE {among(names([key]), keys)} ORDER BY history_id",
        [model._meta.label_lower, *values_of(keys)],
    )


def copy_lists(model: Any, field: Any, keys: Sequence[int]) -> None:
    """One many-to-many list of each record, on its entry."""
    past = model.history.model
    lists, through = getattr(past, field.name).model, field.remote_field.through
    owner, target = field.m2m_column_name(), field.m2m_reverse_name()
    run(
        f"INSERT INTO {name(lists)} (history_id, {names(['id', owner, target])}) "  # noqa: S608
        f"SELECT e.history_id, l.id, l.{names([owner])}, l.{names([target])} "
        f"FROM {name(through)} l JOIN {name(past)} e ON e.id = l.{names([owner])} "
        f"WHERE {among('l.' + names([owner]), keys)} AND {among('e.id', keys)} ORDER BY l.id",
        [*values_of(keys), *values_of(keys)],
    )


def name(model: Any) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def names(columns: Iterable[str]) -> str:
    return ", ".join(connection.ops.quote_name(column) for column in columns)


def among(column: str, keys: Sequence[int]) -> str:
    """A column holds one of the keys. The bounds are for PostgreSQL: of a table that was only just filled it knows
    nothing, takes a list of keys for half of it and reads the whole; a range it looks up.
    """
    return f"({column} BETWEEN %s AND %s AND {column} IN ({', '.join(['%s'] * len(keys))}))"


def values_of(keys: Sequence[int]) -> list[int]:
    """What `among` asks for."""
    return [min(keys), max(keys), *keys]


def run(statement: str, values: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
