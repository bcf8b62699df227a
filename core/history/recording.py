"""Recording of history: one entry for everything that happens to a record at once, many-to-many lists included."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import models, transaction
from django.db.models import Model
from django.utils import timezone
from simple_history.models import HistoricalRecords

from core.text.formatting import join_sentences

MAX_REASON = 300  # characters of the reason of a change


class AtomicHistoricalRecords(HistoricalRecords):
    """HistoricalRecords that writes an entry, its lists and its change event atomically."""

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


@contextmanager
def single_history_entry(record: models.Model, *, created: bool, reason: str = "") -> Iterator[None]:
    """Context manager: write exactly one history entry for everything inside; none when it fails.

    simple-history would write one for the save and one more for each many-to-many change.
    """
    suspend_history(record)
    try:
        yield
    finally:
        resume_history(record)
    write_history_entry(record, created=created, reason=reason)


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
