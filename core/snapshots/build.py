"""Building a snapshot: the newest version of each record by a moment, and its lists, written to an SQLite file.

Of the entries by then the newest is the one written last: entries of one record are written one after the other, while
clocks of several machines may differ.

The tables have the columns of their models and plain indexes, but no constraints: a version of years ago need not
satisfy a constraint that was added since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.utils import load_backend

from core.caching.data_version import DataVersion

PRIVATE_USER_FIELDS = {"password": "", "email": "", "last_login": None}  # a snapshot needs the names only


@cache
def record_models() -> tuple[Any, ...]:
    """Return the models of records with history."""
    return tuple(model for model in apps.get_models() if hasattr(getattr(model, "history", None), "model"))


def tracked_lists(model: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield the many-to-many fields of a model with history: field, model of its rows, model of their history."""
    history = model.history.model
    for field in history._history_m2m_fields:  # noqa: SLF001  # simple-history's list of them
        yield field, field.remote_field.through, getattr(history, field.name).model


@cache
def routed_models() -> frozenset[Any]:
    """Return the models that are read from the snapshot: records, their lists, the histories of both, the journal."""
    tables = {kind for model in record_models() for kind in (model, model.history.model)}
    lists = {kind for model in record_models() for row in tracked_lists(model) for kind in row[1:]}
    return frozenset(tables | lists | {journal_model()})


@cache
def journal_model() -> Any:
    """Return the journal, which stands on a higher layer."""
    return apps.get_model("core", "ChangeEvent")


@cache
def stored_models() -> tuple[Any, ...]:
    """Return the models with a table in the snapshot: those read from it, and those that its queries join."""
    imports = journal_model()._meta.get_field("import_record").related_model
    found = {*routed_models(), get_user_model(), imports, DataVersion}
    return tuple(sorted(found, key=lambda model: model._meta.label))


ENGINE = "django.db.backends.sqlite3"
CHUNK_SIZE = 2_000
UNCHANGED = (models.CharField, models.TextField, models.IntegerField, models.AutoField)  # stored as they are in memory
Row = Sequence[Any]

NEWEST_SQL = """
SELECT history_id FROM {history} WHERE history_type <> '-'
AND history_id IN (SELECT max(history_id) FROM {history} GROUP BY {key})
"""
"""The newest version of each record that is not deleted."""


def create_table(cursor: Any, model: Any) -> None:
    """Create the table of a model, without constraints."""
    quote, columns = cursor.db.ops.quote_name, []
    for field in model._meta.local_concrete_fields:
        parameters = field.db_parameters(cursor.db)
        key = " PRIMARY KEY" if field.primary_key else ""
        collation = f" COLLATE {quote(parameters['collation'])}" if parameters.get("collation") else ""
        columns.append(f"{quote(field.column)} {parameters['type']}{key}{collation}")
    cursor.execute(f"CREATE TABLE {quote(model._meta.db_table)} ({', '.join(columns)})")


def create_indexes(cursor: Any, model: Any) -> None:
    """Create an index on each column that has one in the database, after the rows are there; of the journal all."""
    quote, table = cursor.db.ops.quote_name, model._meta.db_table
    indexes = {index.name: index.fields for index in model._meta.indexes} if model is journal_model() else {}
    for field in model._meta.local_concrete_fields:
        if (field.db_index or field.unique) and not field.primary_key:
            indexes[f"{table}_{field.column}"] = [field.name]
    for name, fields in indexes.items():
        columns = ", ".join(quote(model._meta.get_field(each).column) for each in fields)
        cursor.execute(f"CREATE INDEX {quote(name)} ON {quote(table)} ({columns})")


def insert(cursor: Any, model: Any, rows: Iterable[Row]) -> None:
    """Insert rows with the values of all fields, as they are in memory."""
    quote, fields = cursor.db.ops.quote_name, model._meta.local_concrete_fields
    prepared = []  # how a value of each field is written; None where it is written as it is
    for field in fields:
        plain = isinstance(field.target_field if field.remote_field else field, UNCHANGED)
        prepared.append(None if plain else partial(field.get_db_prep_save, connection=cursor.db))
    cursor.executemany(
        f"INSERT INTO {quote(model._meta.db_table)} VALUES ({', '.join(['%s'] * len(fields))})",  # noqa: S608  # names from the code only
        ([value if make is None else make(value) for make, value in zip(prepared, row, strict=True)] for row in rows),
    )


def build_snapshot(path: Path, moment: datetime, *, version: str) -> None:
    """Write the records as they were just before the moment into an empty file.

    `version` is the version of its data: caches tell one snapshot from another by it.
    """
    settings_dict = {**connections.settings[DEFAULT_DB_ALIAS], "ENGINE": ENGINE, "NAME": str(path), "OPTIONS": {}}
    connection: Any = load_backend(ENGINE).DatabaseWrapper(settings_dict, "known_unfinished")  # no other code knows it
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode = OFF")
        cursor.execute("PRAGMA synchronous = OFF")  # a file that a power cut spoils was never moved to its place
        cursor.execute("BEGIN")
        for model in stored_models():
            create_table(cursor, model)
        fill(cursor, moment, version)
        for model in stored_models():
            create_indexes(cursor, model)
        cursor.execute("COMMIT")
        cursor.execute("ANALYZE")


def fill(cursor: Any, moment: datetime, version: str) -> None:
    """Write the rows of all tables: the histories from the database, the records from these histories."""
    insert(cursor, get_user_model(), stored_users())
    insert(cursor, DataVersion, [(0, version)])
    journal = journal_model()
    copy_rows(cursor, journal.objects.filter(at__lt=moment))
    copy_rows(cursor, journal._meta.get_field("import_record").related_model.objects.all())
    quote = cursor.db.ops.quote_name
    for model in record_models():
        copies = [(model, model.history.model)]
        copy_rows(cursor, model.history.filter(history_date__lt=moment))
        for _field, rows, past in tracked_lists(model):
            copies.append((rows, past))
            copy_rows(cursor, past._default_manager.filter(history__history_date__lt=moment))
        newest = NEWEST_SQL.format(history=quote(model.history.model._meta.db_table), key=quote(model._meta.pk.column))
        for table, past in copies:
            columns = ", ".join(quote(field.column) for field in table._meta.local_concrete_fields)
            into, source = quote(table._meta.db_table), quote(past._meta.db_table)
            versions = f"SELECT {columns} FROM {source} WHERE history_id IN ({newest})"  # noqa: S608  # names from the code only
            cursor.execute(f"INSERT INTO {into} ({columns}) {versions}")
    resolve_missing(cursor)


def stored_users() -> Iterator[Row]:
    """Yield the users of today as a snapshot holds them: histories name who wrote an entry."""
    model: Any = get_user_model()
    names = [field.attname for field in model._meta.local_concrete_fields]
    for user in model._default_manager.order_by("pk").values_list(*names):
        yield [PRIVATE_USER_FIELDS.get(name, value) for name, value in zip(names, user, strict=True)]


def copy_rows(cursor: Any, queryset: Any) -> None:
    """Copy the rows of a queryset as they are."""
    names = [field.attname for field in queryset.model._meta.local_concrete_fields]
    insert(cursor, queryset.model, queryset.order_by().values_list(*names).iterator(chunk_size=CHUNK_SIZE))


def resolve_missing(cursor: Any) -> None:
    """Do what the database did when a row was deleted to which others refer, of which a history may say nothing.

    An optional reference to a row that is not there becomes empty; a row that needs it is left out. A row left out
    may be one that others need, so this goes on until nothing changes.
    """
    quote, statements = cursor.db.ops.quote_name, []
    lists = [rows for model in record_models() for _field, rows, _past in tracked_lists(model)]
    for model in (*record_models(), *lists):
        for field in model._meta.local_concrete_fields:
            target = field.remote_field and field.remote_field.model
            if target not in stored_models():
                continue
            table, column = quote(model._meta.db_table), quote(field.column)
            change = f"UPDATE {table} SET {column} = NULL" if field.null else f"DELETE FROM {table}"  # noqa: S608
            there = f"SELECT {quote(field.target_field.column)} FROM {quote(target._meta.db_table)}"  # noqa: S608
            statements.append(f"{change} WHERE {column} IS NOT NULL AND {column} NOT IN ({there})")
    while sum(cursor.execute(statement).rowcount for statement in statements):
        pass
