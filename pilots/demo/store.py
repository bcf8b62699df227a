"""Checked records into the database: many of one kind at once, each still with its one entry in the history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.utils.translation import gettext_noop

from config.bulk import note
from config.history import one_entry
from policies.models import Source
from policies.models.base import Recorded

REASON = gettext_noop("Demonstration data")
Record = TypeVar("Record", bound=Recorded)


def keep(record: Record, **many: Iterable[Any]) -> Record:
    """Check a record and store it with its relations and one entry in its history."""
    record.full_clean()
    with one_entry(record, created=True, reason=REASON):
        record.save()
        for name, items in many.items():
            getattr(record, name).set(items)
    return record


def keep_all(records: Iterable[Record], source: Source | None = None) -> list[Record]:
    """Check records of one kind and store them together, all citing the source, each with one entry in its history.

    Constraints are left to the database, which holds each of them on the way in: asked one by one they take a minute.
    """
    kept = list(records)
    for record in kept:
        record.full_clean(validate_constraints=False)
    if not kept:
        return kept
    model = type(kept[0])
    model._default_manager.bulk_create(kept, batch_size=500)
    entries = model.history.bulk_history_create(kept, batch_size=500, default_change_reason=REASON)
    note(entries)
    if source:
        cite(kept, entries, source)
    return kept


def cite(records: Sequence[Recorded], entries: Sequence[Any], source: Source) -> None:
    """The source on each record and on its entry, as simple-history would write them one by one."""
    model: Any = type(records[0])
    field = model._meta.get_field("sources")
    through, owner = field.remote_field.through, field.m2m_field_name()
    links = through._default_manager.bulk_create(
        [through(**{owner: record, "source": source}) for record in records], batch_size=500
    )
    past: Any = type(entries[0]).sources.model
    past._default_manager.bulk_create(
        [
            past(history=entry, id=link.pk, **{owner: record, "source": source})
            for entry, link, record in zip(entries, links, records, strict=True)
        ],
        batch_size=500,
    )
