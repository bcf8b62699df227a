"""One history entry for all that happens to a record at once, its relations included."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from simple_history.models import HistoricalRecords


class WholeRecords(HistoricalRecords):
    """Histories whose entries are written whole."""

    def create_historical_record(self, instance: models.Model, history_type: str, using: str | None = None) -> None:
        """An entry, its lists and its line among the changes: all of it or nothing, also outside a transaction."""
        with transaction.atomic(using=using, savepoint=False):
            super().create_historical_record(instance, history_type, using=using)


HISTORY = WholeRecords(inherit=True)


def hold_history(record: models.Model) -> None:
    """Write no entry of its own for each coming save and change of a relation, until `write_entry`."""
    record.skip_history_when_saving = True  # type: ignore[attr-defined]


def release_history(record: models.Model) -> None:
    """Let each save write its own entry again."""
    vars(record).pop("skip_history_when_saving", None)


def write_entry(record: models.Model, *, created: bool, reason: str = "") -> None:
    """Write the one entry for what happened since `hold_history`, many-to-many included."""
    release_history(record)
    record._change_reason = reason or None  # type: ignore[attr-defined]
    HISTORY.create_historical_record(record, "+" if created else "~")


@contextmanager
def one_entry(record: models.Model, *, created: bool, reason: str = "") -> Iterator[None]:
    """Write exactly one entry for all that happens to a record inside; none when it fails.

    simple-history would write one for the save and one more for each change of a relation.
    """
    hold_history(record)
    try:
        yield
    finally:
        release_history(record)
    write_entry(record, created=created, reason=reason)


def delete_whole(record: models.Model, *, reason: str = "") -> None:
    """Delete a record and the rows that go with it, each with its entry: one reason and one moment for all of them.

    The moment is how the rows are found again when the record is restored.
    """
    when = timezone.now()
    for row in [*rows_of(record), record]:
        vars(row).update(_history_date=when, _change_reason=reason or None)
        row.delete()


def rows_of(record: models.Model) -> list[models.Model]:
    """The records with a history of their own that the database deletes together with this one."""
    return [row for model, field in row_kinds(type(record)) for row in model._base_manager.filter(**{field: record.pk})]


def row_kinds(model: type[models.Model]) -> list[tuple[type[models.Model], str]]:
    """The kinds of such rows, each with the field by which a row names what it hangs on."""
    return [
        (relation.related_model, relation.field.attname)
        for relation in model._meta.related_objects
        if relation.on_delete is models.CASCADE and hasattr(relation.related_model, "history")
    ]


def users_of(record: Any) -> Iterator[Any]:
    """The records that name this one in a list of theirs. Deleting it would shorten the list without a word."""
    for relation in record._meta.related_objects:
        if relation.many_to_many:
            yield from relation.related_model._base_manager.filter(**{relation.field.name: record})
