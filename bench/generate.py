"""Data of the benchmarks: the demonstration, with every quarter reported, and copies of its batches, made in SQL of
PostgreSQL, with histories, lists and change events. Practices, documents and editions are not copied.

Copy n of a record has the key of the record + n * STEP; so has what it refers to, if that is copied too.
"""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Model

from core.history.models import ChangeEvent
from demo.load import load_demo
from pilots import models as m

NATIONAL_SIZE = 125  # pilots
STEP, QUARTER_STEP = 1_000_000, 100_000
COPIED: list[Any] = [m.Batch, m.Pilot, m.StageEntry, m.Milestone, m.Completion, m.Target, m.Amendment, m.Reading]
COPIED += [m.NotGiven, m.Deadline, m.LightOverride, m.FollowUp, m.FollowUpStep]
SLUG = "{column} || '-' || n"
NUMBER = "left({column}, 5) || substr({column}, 6)::int + n * 100"  # of a follow-up: 2026-017
WITHOUT_QUARTERS = """CREATE TEMPORARY TABLE yearly ON COMMIT DROP AS SELECT id FROM pilots_reading y
WHERE length(period) = 4 AND period > '2023' AND NOT EXISTS (SELECT FROM pilots_reading q
 WHERE q.pilot_id = y.pilot_id AND q.indicator_id = y.indicator_id AND q.period LIKE y.period || '-Q%')"""


def generate(scale: int) -> None:
    """Fill an empty database with at least `scale` times the national number of pilots."""
    with transaction.atomic(), connection.cursor() as cursor:
        load_demo(files=False)
        copies = ceil(NATIONAL_SIZE * scale / m.Pilot.objects.count()) - 1
        cursor.execute("SET LOCAL session_replication_role = replica")  # no triggers: the foreign keys are right
        cursor.execute(WITHOUT_QUARTERS)
        copy_records([m.Reading], 4, QUARTER_STEP, {"period": "period || '-Q' || n"}, "IN (SELECT id FROM yearly)")
        changed = {"slug": SLUG.format(column="slug"), "number": NUMBER.format(column="number")}
        copy_records(COPIED, copies, STEP, changed, f"< {STEP}")
        tables = [ChangeEvent, *(table for model in COPIED for table, _key in tables_of(model))]
        for statement in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(statement)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        try:
            from pilots import stored_lights  # type: ignore[attr-defined]  # noqa: PLC0415
        except ImportError:
            pass
        else:
            stored_lights.recompute_all()
        cursor.execute("VACUUM ANALYZE")


def tables_of(model: Any) -> Iterator[tuple[Any, str]]:
    """Yield the tables of a model, of its history and of their lists, each with the column of the record's key."""
    yield from ((model, "id"), (model.history.model, "id"))
    for field in model._meta.many_to_many:
        for rows in (field.remote_field.through, getattr(model.history.model, field.name).model):
            yield rows, field.m2m_column_name()


def copy_records(models: Any, copies: int, step: int, changed: Mapping[str, str], chosen: str) -> None:
    """Insert copies of the records whose keys are `chosen`, with all that belongs to them; `changed` are SQL values."""
    tables = {table: key for model in models for table, key in tables_of(model)}
    for table, key in tables.items():
        values = {}
        for field in table._meta.concrete_fields:
            is_key = field.primary_key or field.name == "id" or field.related_model in tables
            column = f'"{field.column}"'
            values[column] = f"{column} + n * {step}" if is_key else changed.get(field.column, column)
        copy_rows(table, copies, values, f"{key} {chosen}")
    labels = {of: sql_list(model for model in models if hasattr(model, of)) for of in ("history", "slug", "number")}
    values = {column: column for column in (f'"{field.column}"' for field in ChangeEvent._meta.concrete_fields)}
    values |= {name: f"{name} + n * {step}" for name in ('"id"', '"record_id"', '"entry_id"')}
    values['"owner_id"'] = f"CASE WHEN owner_model IN {labels['history']} THEN owner_id + n * {step} ELSE owner_id END"
    values['"key"'] = (
        f"CASE WHEN model IN {labels['slug']} THEN {SLUG} WHEN model IN {labels['number']} THEN {NUMBER} "
        f"ELSE (key::bigint + n * {step})::text END"
    ).format(column="key")
    copy_rows(ChangeEvent, copies, values, f"model IN {labels['history']} AND record_id {chosen}")


def sql_list(models: Any) -> str:
    return "(" + ", ".join(["''", *(f"'{model._meta.label_lower}'" for model in models)]) + ")"


def copy_rows(table: type[Model], copies: int, values: Mapping[str, str], condition: str) -> None:
    """Insert copies of the rows of a table, one copy of all after the other."""
    name = table._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {name} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {name}, "
            f"generate_series(1, {copies}) AS n WHERE {condition} ORDER BY n, {table._meta.pk.column}"
        )
