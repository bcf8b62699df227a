"""Bulk saving of validated records, each with one history entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

from django.db.models import ManyToManyField, Model
from django.utils.translation import gettext_noop

from core.history.recording import single_history_entry, write_history_entries
from core.records.history_model import HistoryModel
from pilots.models import Reading
from policies.models import Source

REASON = gettext_noop("Demonstration data")
AT_ONCE = 5_000  # records in memory
CHECKED_SAMPLE = 10  # one reading of so many is validated; the others are generated in the same way
Record = TypeVar("Record", bound=HistoryModel)


def save_checked(record: Record, **many: Iterable[Model]) -> Record:
    """Validate and save a record with its relations and one history entry."""
    record.full_clean()
    with single_history_entry(record, created=True, reason=REASON):
        record.save()
        for name, items in many.items():
            getattr(record, name).set(items)
    return record


def bulk_save_with_history(
    records: Iterable[Record],
    source: Source | None = None,
    *,
    validated: bool = True,
    **related: Callable[[Record], Iterable[Model]],
) -> None:
    """Save records of one kind in bulk, all citing the source, each with one history entry.

    Each is validated by itself; natural keys and constraints are left to the database, since looking them up takes a
    query a record; nothing is validated with `validated=False`, for records whose rules look at others that come later.
    `related` are functions that return the related records of a many-to-many field.
    """
    if source:
        related["sources"] = lambda record: [source]
    rows = iter(records)
    while some := list(islice(rows, AT_ONCE)):
        model = type(some[0])
        for record in some[:: CHECKED_SAMPLE if model is Reading else 1] if validated else ():
            check_record(record)
        model._default_manager.bulk_create(some, batch_size=1000)
        for name, related_of in related.items():
            link_related(some, name, related_of)
        write_history_entries(some, "+", by=None, reason=REASON)


def check_record(record: HistoryModel) -> None:
    """Raise ValidationError unless the record is valid by itself."""
    relations = [field.name for field in record._meta.concrete_fields if field.is_relation]
    record.full_clean(exclude=relations, validate_unique=False, validate_constraints=False)


def link_related(records: Sequence[Record], name: str, related_of: Callable[[Record], Iterable[Model]]) -> None:
    """Insert the rows of a many-to-many field of new records."""
    field = records[0]._meta.get_field(name)
    through = field.remote_field.through if isinstance(field, ManyToManyField) else None
    if not isinstance(field, ManyToManyField) or through is None:
        raise TypeError(f"{name} is no many-to-many field")
    owner, target = field.m2m_column_name(), field.m2m_reverse_name()
    pairs = ((record.pk, named.pk) for record in records for named in related_of(record))
    rows = [through(**{owner: one, target: other}) for one, other in pairs]
    through._default_manager.bulk_create(rows, batch_size=1000)
