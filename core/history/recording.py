"""Recording of history: one entry for everything that happens to a record at once, many-to-many lists included.

Each entry gets its row in the journal (core/history/models.py), whether it is written for one record or for many.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from core.text import join_sentences

MAX_REASON = 300  # characters of the reason of a change
REASON_HELP = _(
    "Kept in the history, where everybody who sees the record reads it: name no people and no telephone numbers."
)
BATCH_SIZE = 500
# Id of the writing transaction, filled in by the database. On SQLite writers take turns.
TRANSACTION_ID_SQL = {"postgresql": "pg_current_xact_id()::text::bigint", "sqlite": "0"}
INSERT_SQL = """
INSERT INTO core_changeevent ("transaction", model, record_id, entry_id, action, at, user_id, reason, "key",
    owner_model, former_key, owner_id, province_id, import_record_id, undoes) VALUES """
FORMER_KEY_SQL = """coalesce(nullif((SELECT "key" FROM core_changeevent AS before
    WHERE before.model = %s AND before.record_id = %s ORDER BY before.id DESC LIMIT 1), %s), '')"""
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

    def get_change_reason_for_object(self, instance: Any, history_type: str, using: str | None) -> str | None:
        """Return the reason of the entry, after a sentence about what the record's own rules changed besides."""
        reason = super().get_change_reason_for_object(instance, history_type, using) or ""
        return join_sentences(vars(instance).pop("added_reason", ""), reason) or None


HISTORY = AtomicHistoricalRecords(inherit=True)


def suspend_history(record: models.Model) -> None:
    """Write no history entry for coming saves and many-to-many changes, until `write_history_entry`."""
    record.skip_history_when_saving = True  # type: ignore[attr-defined]


def resume_history(record: models.Model) -> None:
    """Let each save write its own entry again."""
    vars(record).pop("skip_history_when_saving", None)


def write_history_entry(record: models.Model, *, created: bool, reason: str = "") -> None:
    """Write the one entry for everything since `suspend_history`, many-to-many lists included."""
    resume_history(record)
    record._change_reason = reason or None  # type: ignore[attr-defined]
    HISTORY.create_historical_record(record, "+" if created else "~")


def delete_with_history(record: models.Model, *, reason: str = "") -> None:
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
    by = {name: vars(record)[name] for name in ("_history_user",) if name in vars(record)}
    for row in [*rows, record]:
        vars(row).update(_history_date=when, _change_reason=reason or None, **by)
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
            history_change_reason=join_sentences(vars(record).pop("added_reason", ""), reason) or None,
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


@contextmanager
def written_by_import(record: Any, *, undoes: bool = False) -> Iterator[None]:
    """Context manager: what is written inside is written, or undone, by this import; by none where it is None."""
    token = _import.set((record and record.pk, undoes))
    try:
        yield
    finally:
        _import.reset(token)


def record_change_events(entries: Sequence[Any]) -> None:
    """Insert the change events of new history entries of one model, in the transaction that writes the entries.

    What is not in the entry the database looks up itself: the former key, and the province of a pilot or target. Not
    with bulk_create: resolving expressions for each row would take a tenth of an import's time.
    """
    model = entries[0].instance_type
    label, key = model._meta.label_lower, key_field_name(model)
    owner = model._meta.get_field(model.OWNER) if model.OWNER else None
    owner_model = owner.related_model._meta.label_lower if owner else ""
    province, province_from = province_lookup(model)
    number, undoes = _import.get()
    line = f"({TRANSACTION_ID_SQL[connection.vendor]}, {', '.join(['%s'] * 9)}, {{}}, %s, {province}, %s, %s)"
    same, renamed = line.format("''"), line.format(FORMER_KEY_SQL)
    for some in batched(entries):
        lines: list[str] = []
        values: list[Any] = []
        for entry in some:
            may_rename = key != "id" and entry.history_type == "~"
            lines.append(renamed if may_rename else same)
            name, owner_id = str(getattr(entry, key)), getattr(entry, owner.attname) if owner else None
            when = connection.ops.adapt_datetimefield_value(entry.history_date)
            values += [label, entry.id, entry.pk, entry.history_type, when, entry.history_user_id]
            values += [entry.history_change_reason or "", name, owner_model if owner_id else ""]
            values += [label, entry.id, name] if may_rename else []
            values += [owner_id, getattr(entry, province_from) if province_from else None, number, undoes]
        with connection.cursor() as cursor:
            cursor.execute(INSERT_SQL + ", ".join(lines), values)


@cache
def key_field_name(model: Any) -> str:
    """Return the field by which URLs and bodies identify a record of the model: the first of its codes, else its id."""
    names = {field.name for field in model._meta.concrete_fields}
    return next((name for name in ("slug", *getattr(model, "LOOKUP_CODES", ())) if name in names), "id")


@cache
def province_lookup(model: Any) -> tuple[str, str]:
    """Return the SQL of the province that a record belongs to now, and the column of its history that fills it in."""
    first, *further = model.PROVINCE_PATH.split(".")
    if not further:
        return "%s", "id" if first == "pk" else first
    sql, related, quote = "%s", model._meta.get_field(first).related_model, connection.ops.quote_name
    for step in further:
        field = related._meta.get_field(step.removesuffix("_id"))
        sql = f"(SELECT {quote(field.column)} FROM {quote(related._meta.db_table)} WHERE id = {sql})"  # noqa: S608  # names from the code only
        related = field.related_model
    return sql, f"{first}_id"


def on_history_entry(history_instance: object, **_signal: object) -> None:
    """post_create_historical_record: insert the change event of the entry that simple-history has written."""
    record_change_events([history_instance])
