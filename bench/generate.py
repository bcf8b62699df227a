"""Data of the benchmarks: the demonstration, with every quarter reported, and copies of its batches, made in SQL.

Copy n of a record has the key of the record + n * STEP; so has what it refers to, if that is copied too.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Model

from demo.load import load_demo
from pilots.models import (
    Batch,
    FollowUp,
    FollowUpStep,
    LightOverride,
    Milestone,
    Pilot,
    Reading,
    StageEntry,
    Target,
)

NATIONAL_SIZE = 125  # pilots
STEP = 1_000_000
QUARTER_STEP = 100_000
COPIED = (Batch, Pilot, StageEntry, Milestone, Target, Reading, LightOverride, FollowUp, FollowUpStep)


def generate(scale: int) -> None:
    """Fill an empty database with at least `scale` times the national number of pilots."""
    load_demo(files=False)
    with transaction.atomic():
        for quarter in (1, 2, 3, 4):
            year = "length(period) = 4 AND period > '2023'"
            copy_rows(Reading, quarter * QUARTER_STEP, {"period": f"period || '-Q{quarter}'"}, year, shifted=[Reading])
        for n in range(1, ceil(NATIONAL_SIZE * scale / Pilot.objects.count())):
            copy_records(n)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), COPIED):
            cursor.execute(statement)
        cursor.execute("ANALYZE")


def copy_records(n: int) -> None:
    """Copy the first records of every kind, with their histories and the rows of their many-to-many fields."""
    changed = {
        "slug": f"slug || '-{n}'",
        "number": f"substr(number, 1, 5) || (CAST(substr(number, 6) AS integer) + {n * 1000})",
    }
    for model in COPIED:
        copy_rows(model, n * STEP, changed, f"id < {STEP}")
        copy_rows(model.history.model, n * STEP, changed, f"id < {STEP}")
        for field in model._meta.many_to_many:
            owner = field.m2m_column_name()
            copy_rows(field.remote_field.through, n * STEP, {}, f"{owner} < {STEP}")


def copy_rows(model: type[Model], step: int, changed: Mapping[str, str], condition: str, shifted: Any = COPIED) -> None:
    """Insert copies of rows of a table: keys of the `shifted` kinds are larger by `step`; `changed` are SQL values."""
    columns = {}
    for field in model._meta.concrete_fields:
        column = connection.ops.quote_name(field.column)
        is_key = (field.primary_key and model in shifted) or (field.name == "id" and not field.primary_key)
        if is_key or field.related_model in shifted:
            columns[column] = f"{column} + {step}"
        elif not field.primary_key:
            columns[column] = changed.get(field.column, column)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {table} "
            f"WHERE {condition} ON CONFLICT DO NOTHING"
        )
