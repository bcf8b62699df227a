"""Bulk history: one history entry for each of many records written at once, many-to-many lists included.

Each entry gets a change event, which core/history/change_feed.py reads.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models
from django.utils import timezone

from core.history.models import ChangeEvent

BATCH_SIZE = 500
# Id of the writing transaction, filled in by the database. On SQLite writers take turns.
TRANSACTION_ID_SQL = {"postgresql": "pg_current_xact_id()::text::bigint", "sqlite": "0"}


def m2m_rows(field: Any, keys: Iterable[int]) -> dict[int, list[tuple[int, int]]]:
    """Return the rows of a many-to-many table by owner: (pk of the row, pk of the related record)."""
    through, owner, target = field.remote_field.through, field.m2m_column_name(), field.m2m_reverse_name()
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for some in batched(list(keys)):
        rows = through._default_manager.filter(**{f"{owner}__in": some}).order_by("pk")
        for key, record, named in rows.values_list("pk", owner, target):
            found[record].append((key, named))
    return found


def batched(items: Sequence[object], size: int = BATCH_SIZE) -> Iterable[Sequence[Any]]:
    """Yield the items in batches of a size that a database takes at once."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def write_history_entries(records: Sequence[Any], sign: str, *, by: Any, reason: str) -> list[int]:
    """Write one history entry for each record, all of one model, as it is in memory; return the entries' keys.

    `history_type` is + for created, ~ for changed, - for deleted. Call it while the many-to-many rows still exist.
    """
    if not records:
        return []
    history: Any = type(records[0]).history
    model, now = history.model, timezone.now()
    fields = [field.attname for field in model.tracked_fields]
    entries = [
        model(
            history_date=now,
            history_user=by,
            history_change_reason=reason or None,
            history_type=sign,
            **{name: getattr(record, name) for name in fields},
        )
        for record in records
    ]
    history.bulk_create(entries, batch_size=BATCH_SIZE)
    record_change_events(entries)
    for field in model._history_m2m_fields:  # noqa: SLF001  # simple-history's list of them
        write_m2m_history(field, entries, records)
    return [entry.pk for entry in entries]


def write_m2m_history(field: Any, entries: Sequence[Any], records: Sequence[models.Model]) -> None:
    """Write one many-to-many list of each record to its history entry."""
    past: Any = getattr(type(entries[0]), field.name).model
    owner, target = field.m2m_column_name(), field.m2m_reverse_name()
    links = m2m_rows(field, [record.pk for record in records])
    rows = [
        past(history=entry, id=key, **{owner: record.pk, target: named})
        for entry, record in zip(entries, records, strict=True)
        for key, named in links.get(record.pk, [])
    ]
    past._default_manager.bulk_create(rows, batch_size=BATCH_SIZE)


def record_change_events(entries: Sequence[Any]) -> None:
    """Insert the change events of new history entries of one model, in the transaction that writes the entries.

    Not with bulk_create: resolving an expression for each row would take a tenth of an import's time.
    """
    into = f'INSERT INTO {ChangeEvent._meta.db_table} ("transaction", model, entry_id) VALUES '  # noqa: S608  # constants only
    line = f"({TRANSACTION_ID_SQL[connection.vendor]}, %s, %s)"
    for some in batched(entries):
        model = some[0].instance_type._meta.label_lower
        with connection.cursor() as cursor:
            cursor.execute(into + ", ".join([line] * len(some)), [v for entry in some for v in (model, entry.pk)])


def on_history_entry(history_instance: object, **_signal: object) -> None:
    """post_create_historical_record: insert the change event of the entry that simple-history has written."""
    record_change_events([history_instance])
