"""History for many records written at once: each still gets its one entry, its many-to-many lists included.

Every entry has a line among the changes, which config/changes.py reads.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models
from django.utils import timezone

from config.models import Change

BATCH = 500
# The number of the transaction that writes, put in by the database. On SQLite writers take turns.
WRITING = {"postgresql": "pg_current_xact_id()::text::bigint", "sqlite": "0"}


def links_of(field: Any, keys: Iterable[int]) -> dict[int, list[tuple[int, int]]]:
    """The rows of a many-to-many table by the record they belong to: (key of the row, key of the record named)."""
    through, owner, target = field.remote_field.through, field.m2m_column_name(), field.m2m_reverse_name()
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for some in chunks(list(keys)):
        rows = through._default_manager.filter(**{f"{owner}__in": some}).order_by("pk")
        for key, record, named in rows.values_list("pk", owner, target):
            found[record].append((key, named))
    return found


def chunks(items: Sequence[Any], size: int = BATCH) -> Iterable[Sequence[Any]]:
    """The items in parts that a database takes at once."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def write_entries(records: Sequence[Any], sign: str, *, by: Any, reason: str) -> list[int]:
    """Write one history entry for each record, all of one model, as it stands in memory; hands back their keys.

    `sign` is + for created, ~ for changed, - for deleted. Call it while the many-to-many rows still stand.
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
    history.bulk_create(entries, batch_size=BATCH)
    note(entries)
    for field in model._history_m2m_fields:  # noqa: SLF001  # simple-history's own list of them
        write_lists(field, entries, records)
    return [entry.pk for entry in entries]


def write_lists(field: Any, entries: Sequence[Any], records: Sequence[models.Model]) -> None:
    """One many-to-many list of each record, on its entry."""
    past: Any = getattr(type(entries[0]), field.name).model
    owner, target = field.m2m_column_name(), field.m2m_reverse_name()
    links = links_of(field, [record.pk for record in records])
    rows = [
        past(history=entry, id=key, **{owner: record.pk, target: named})
        for entry, record in zip(entries, records, strict=True)
        for key, named in links.get(record.pk, [])
    ]
    past._default_manager.bulk_create(rows, batch_size=BATCH)


def note(entries: Sequence[Any]) -> None:
    """The lines of new entries, all of one model, among the changes. Call it in the transaction that writes them.

    Not by bulk_create: resolving an expression for each line would take a tenth of an import's time.
    """
    into = f'INSERT INTO {Change._meta.db_table} ("transaction", model, entry_id) VALUES '  # noqa: S608  # our own words
    line = f"({WRITING[connection.vendor]}, %s, %s)"
    for some in chunks(entries):
        model = some[0].instance_type._meta.label_lower
        with connection.cursor() as cursor:
            cursor.execute(into + ", ".join([line] * len(some)), [v for entry in some for v in (model, entry.pk)])


def note_entry(history_instance: Any, **_signal: Any) -> None:
    """The line of an entry that simple-history has just written."""
    note([history_instance])
