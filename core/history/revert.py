"""A version of a record: what reverting to it would change, and what is in the way. `writing.restore` writes it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from core.history.diffs import (
    FieldDifference,
    RecordState,
    current_state,
    describe_changes,
    entry_state,
    field_label,
    m2m_fields,
    record_names,
    stored_fields,
)
from core.history.entries import version_url
from core.history.recording import cascading_models


@dataclass(frozen=True)
class Obstacle:
    """Obstacle to a revert: the field, what is wrong, and the URL where it can be corrected, or empty."""

    label: str
    text: str
    url: str = ""


class RevertRejected(Exception):
    """The revert was rejected, and nothing was changed."""

    def __init__(self, objections: Sequence[Obstacle]) -> None:
        super().__init__("; ".join(f"{item.label}: {item.text}" for item in objections))
        self.obstacles = objections


class Revert:
    """Revert of a record to its state after a history entry; after a deletion, to its state before it."""

    def __init__(self, entry: Any) -> None:
        self.entry, self.model = entry, entry.instance_type

    @cached_property
    def record(self) -> Any:
        """The current record; None while it is deleted."""
        return self.model._base_manager.filter(pk=self.entry.id).first()

    @cached_property
    def latest(self) -> Any:
        """Newest entry of the record's history, by which concurrent edits are detected."""
        return self.model.history.filter(id=self.entry.id).order_by("-history_id").first()

    @cached_property
    def target_state(self) -> RecordState:
        return entry_state(self.entry)

    @cached_property
    def stored_state(self) -> RecordState:
        """Stored values; empty while the record is deleted."""
        return current_state(self.record) if self.record else {}

    @cached_property
    def fields(self) -> list[Any]:
        """Every field, also those that nobody edits, many-to-many fields last."""
        return [*stored_fields(self.model), *m2m_fields(self.model)]

    @cached_property
    def changed_fields(self) -> list[Any]:
        """Fields that the revert changes; of a deleted record those with a value."""
        if self.record is None:
            return [field for field in self.fields if self.target_state[field.name] not in (None, "", ())]
        return [field for field in self.fields if self.target_state[field.name] != self.stored_state[field.name]]

    def field_changes(self) -> list[FieldDifference]:
        """Return each changed field with its current and its future text."""
        now, then = self.stored_state, self.target_state
        changes = [(field, now.get(field.name), then[field.name]) for field in self.changed_fields]
        return describe_changes({0: changes})[0]

    @cached_property
    def child_reverts(self) -> list[Revert]:
        """Reverts of the rows that were deleted together with the record."""
        if self.record is not None:
            return []
        when = {"history_type": "-", "history_date": self.latest.history_date}
        return [
            Revert(entry)
            for model, field in cascading_models(self.model)
            for entry in model.history.filter(**{field: self.entry.id}, **when).order_by("history_id")  # type: ignore[attr-defined]
        ]

    def build_record(self) -> Any:
        """Return another copy of the record, in memory, as it will be, many-to-many fields aside."""
        record = copy(self.record) if self.record else self.model(pk=self.entry.id)
        for field in stored_fields(self.model):
            setattr(record, field.attname, self.target_state[field.name])
        return record

    def lost_references(self) -> dict[str, Obstacle]:
        """Return, by field, the related records of the version that are deleted since."""
        found = {}
        for field in self.fields:
            value = self.target_state[field.name]
            if not field.is_relation or not value:
                continue
            keys = set(value if field.many_to_many else (value,))
            if lost := keys - set(field.related_model._base_manager.in_bulk(keys)):
                key = min(lost)
                text = _("“%(name)s” is gone since. Restore or enter it first, then restore this version.")
                text %= {"name": record_names(field.related_model, [key])[key]}
                found[field.name] = Obstacle(field_label(field), text, last_version_url(field.related_model, key))
        return found


def last_version_url(model: type[Model], key: object) -> str:
    """Return the admin URL of the last version of a deleted record; empty where there is no history."""
    if not hasattr(model, "history"):
        return ""
    end = model.history.filter(id=key, history_type="-").order_by("-history_id").first()
    return version_url(end) if end else ""
