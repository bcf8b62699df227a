"""Recording of history: one entry for everything that happens to a record at once, many-to-many lists included.

Each entry gets its row in the journal (core/history/models.py), whether it is written for one record or for many.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Max, Model
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from core.history.models import ChangeEvent

MAX_REASON = 300  # characters of the reason of a change
REASON_HELP = _(
    "Kept in the history, where everybody who sees the record reads it: name no people and no telephone numbers."
)
BATCH_SIZE = 500
_import: ContextVar[tuple[int | None, bool]] = ContextVar("import", default=(None, False))


class AtomicHistoricalRecords(HistoricalRecords):
    """HistoricalRecords that keeps every list of a record, and writes an entry, its lists and its change event
    atomically.
    """

    def get_m2m_fields_from_model(self, model: Any) -> list[Any]:
        return list(model._meta.local_many_to_many)

    def create_historical_record(self, instance: models.Model, history_type: str, using: str | None = None) -> None:
        """Write the entry, its many-to-many rows and its change event: all or nothing, also outside a transaction."""
        with transaction.atomic(using=using, savepoint=False):
            super().create_historical_record(instance, history_type, using=using)


HISTORY = AtomicHistoricalRecords(inherit=True)


@contextmanager
def one_entry(record: models.Model) -> Iterator[None]:
    """Context manager: saving the record and its lists writes no entries of their own; the caller writes the one."""
    record.skip_history_when_saving = True  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del record.skip_history_when_saving  # type: ignore[attr-defined]


def delete_with_history(record: Any, *, by: Any = None, reason: str = "") -> None:
    """Delete a record and its cascaded rows, each with its history entry, all with the same reason and timestamp.

    The timestamp is how the rows are found again when the record is restored.
    """
    when = timezone.now()
    # The records with history of their own that the database deletes together with this one, then this one.
    rows = [
        row
        for model, field in cascading_models(type(record))
        for row in model._base_manager.filter(**{field: record.pk})
    ]
    for row in [*rows, record]:  # where simple-history looks for it
        row._history_user, row._history_date, row._change_reason = by, when, reason or None  # noqa: SLF001
        row.delete()


def cascading_models(model: type[models.Model]) -> list[tuple[type[models.Model], str]]:
    """Return the models with history whose rows go with one of this model, each with the column of its foreign key."""
    return [
        (relation.related_model, relation.field.attname)
        for relation in model._meta.related_objects
        if relation.on_delete is models.CASCADE and hasattr(relation.related_model, "history")
    ]


def m2m_referrers(record: Model) -> Iterator[Any]:
    """Yield the records that name this one in a many-to-many list. Deleting it would shorten their lists silently."""
    for relation in record._meta.related_objects:
        if relation.many_to_many:
            yield from relation.related_model._base_manager.filter(**{relation.field.name: record})


# -- many records, and the journal -----------------------------------------------------------------------


def m2m_rows(field: Any, keys: Iterable[int]) -> dict[int, list[tuple[int, int]]]:
    """Return the rows of a many-to-many table by owner: (pk of the row, pk of the related record)."""
    through, owner, target = field.remote_field.through, field.m2m_column_name(), field.m2m_reverse_name()
    links: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for some in batched(list(keys)):
        rows = through._default_manager.filter(**{f"{owner}__in": some}).order_by("pk")
        for key, record, named in rows.values_list("pk", owner, target):
            links[record].append((key, named))
    return links


def batched(items: Sequence[object]) -> Iterable[Sequence[Any]]:
    """Yield the items in batches of a size that a database takes at once."""
    for start in range(0, len(items), BATCH_SIZE):
        yield items[start : start + BATCH_SIZE]


def write_history_entries(records: Sequence[Any], sign: str, *, by: Any, reason: str) -> None:
    """Write one history entry for each record, all of one model, as it is in memory.

    `sign` is + for created, ~ for changed, - for deleted. Call it while the many-to-many rows still exist.
    """
    if not records:
        return
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
        past: Any = getattr(type(entries[0]), field.name).model
        owner, target = field.m2m_column_name(), field.m2m_reverse_name()
        links = m2m_rows(field, [record.pk for record in records])
        rows = [
            past(history=entry, id=key, **{owner: record.pk, target: named})
            for entry, record in zip(entries, records, strict=True)
            for key, named in links.get(record.pk, [])
        ]
        past._default_manager.bulk_create(rows, batch_size=BATCH_SIZE)


Changes = Mapping[Any, Iterable[tuple[int | None, Mapping[str, Any]]]]
"""What is to be written, by model: the key of each record (None: a new one), and new values by field or column."""
about_to_write = Signal()
"""Sent before a write locks its rows, with the `changes`, all at once: what their effects need is locked before them.
In the set `held` receivers keep what they hold until the outermost write ends.
"""
written = Signal()
"""Sent once for each outermost write, before its transaction ends, with the history `entries` that it made, and whether
it is an import (`by_import`).
"""
_unit: ContextVar[tuple[list[Any], set[Any]] | None] = ContextVar("unit", default=None)


@contextmanager
def unit(changes: Changes | None = None) -> Iterator[None]:
    """Context manager, within a transaction: what is written inside is announced once, by the outermost of these.

    `changes` is what is to be written, as far as it is known: other writers lock in the same order only if it is told
    before any row of it is locked.
    """
    if _unit.get() is not None:
        announce(changes or {})
        yield
        return
    entries: list[Any] = []
    token = _unit.set((entries, set()))
    try:
        announce(changes or {})
        yield
    finally:
        _unit.reset(token)
    if entries:
        written.send(sender=None, entries=entries, by_import=_import.get()[0] is not None)


def announce(changes: Changes) -> None:
    """Tell what is about to be written, before any row of it is locked."""
    if changes:
        _entries, held = _unit.get() or ([], set())
        about_to_write.send(sender=None, changes=changes, held=held)


@contextmanager
def written_by_import(record: Any, *, undoes: bool = False) -> Iterator[None]:
    """Context manager: what is written inside is written, or undone, by this import; by none where it is None."""
    token = _import.set((record and record.pk, undoes))
    try:
        yield
    finally:
        _import.reset(token)


def record_change_events(entries: Sequence[Any]) -> None:
    """Write the change events of new history entries of one model, in the transaction that writes the entries."""
    with unit():
        _unit.get()[0].extend(entries)  # type: ignore[index]  # there is one
        insert_change_events(entries)


def insert_change_events(entries: Sequence[Any]) -> None:
    model, (number, undoes) = entries[0].instance_type, _import.get()
    label, key, transaction_id = model._meta.label_lower, key_field_name(model), current_transaction()
    owner = model._meta.get_field(model.OWNER) if model.OWNER else None
    for some in batched(entries):
        former, provinces = former_keys(label, some) if key != "id" else {}, province_ids(model, some)
        events = []
        for entry in some:
            name, owner_id = str(getattr(entry, key)), getattr(entry, owner.attname) if owner else None
            was = former.get(entry.id, name) if entry.history_type == "~" else name
            event = ChangeEvent(
                transaction=transaction_id,
                model=label,
                record_id=entry.id,
                entry_id=entry.pk,
                action=entry.history_type,
                at=entry.history_date,
                user_id=entry.history_user_id,
                reason=entry.history_change_reason or "",
                key=name,
                former_key="" if was == name else was,
                owner_model=owner.related_model._meta.label_lower if owner and owner_id else "",
                owner_id=owner_id,
                province_id=provinces[entry.pk],
                import_record_id=number,
                undoes=undoes,
            )
            events.append(event)
        ChangeEvent.objects.bulk_create(events)


def current_transaction() -> int:
    """Return the id of the writing transaction; 0 on SQLite, where writers take turns."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        return int(cursor.fetchone()[0])


def former_keys(label: str, entries: Sequence[Any]) -> dict[int, str]:
    """Return the keys by which addresses named the records of changed ones before."""
    changed = [entry.id for entry in entries if entry.history_type == "~"]
    events = ChangeEvent.objects.filter(model=label, record_id__in=changed).order_by()
    last = events.values("record_id").annotate(last=Max("pk")).values("last")
    return dict(events.filter(pk__in=last).values_list("record_id", "key")) if changed else {}


def province_ids(model: Any, entries: Sequence[Any]) -> dict[int, int | None]:
    """Return the province that each record belongs to now, by entry."""
    first, *further = model.PROVINCE_PATH.split(".")
    if not further:
        return {entry.pk: getattr(entry, "id" if first == "pk" else first) if first else None for entry in entries}
    keys = {entry.pk: getattr(entry, f"{first}_id") for entry in entries}
    related = model._meta.get_field(first).related_model._base_manager
    provinces = dict(related.filter(pk__in=set(keys.values())).values_list("pk", "__".join(further)))
    return {entry: provinces.get(key) for entry, key in keys.items()}


@cache
def key_field_name(model: Any) -> str:
    """Return the field by which URLs and bodies identify a record of the model: the first of its codes, else its id."""
    names = {field.name for field in model._meta.concrete_fields}
    return next((name for name in ("slug", *getattr(model, "LOOKUP_CODES", ())) if name in names), "id")


def on_history_entry(history_instance: object, **_signal: object) -> None:
    """post_create_historical_record: insert the change event of the entry that simple-history has written."""
    record_change_events([history_instance])
