"""Reverting a record to one of its versions, or restoring a deleted one with its rows: all or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _

from core.history.append_only import APPEND_ONLY_MESSAGE, FROZEN_MESSAGE, is_append_only, is_frozen
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

    def __init__(self, entry: Any, parent: Any = None) -> None:
        """`parent` is the record that this one belongs to, where it is deleted too and restored together."""
        self.entry, self.model, self.parent = entry, entry.instance_type, parent

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
        return [
            Revert(entry, self.build_record())
            for model, field in cascading_models(self.model)
            for entry in model.history.filter(  # type: ignore[attr-defined]
                **{field: self.entry.id}, history_type="-", history_date=self.latest.history_date
            ).order_by("history_id")
        ]

    # -- obstacles ---------------------------------------------------------------------------------------

    def obstacles(self) -> list[Obstacle]:
        """Return every obstacle: related records of the version that are deleted since, and validation errors."""
        if is_append_only(self.model):
            return [Obstacle("", str(APPEND_ONLY_MESSAGE))]
        if self.record is not None and is_frozen(self.record):
            return [Obstacle("", str(FROZEN_MESSAGE))]
        found, can_validate = [], True
        for field in self.fields:
            value = self.target_state[field.name]
            if not field.is_relation or value is None:
                continue
            keys = set(value if field.many_to_many else (value,))
            keys -= {self.parent.pk} if self.is_parent_field(field) else set()
            lost = keys - set(field.related_model._base_manager.in_bulk(keys)) if keys else keys
            if lost:
                key = min(lost)
                text = _("“%(name)s” is gone since. Restore or enter it first, then restore this version.")
                text %= {"name": record_names(field.related_model, [key])[key]}
                found.append(Obstacle(field_label(field), text, last_version_url(field.related_model, key)))
                can_validate = can_validate and field.many_to_many  # else it would access the deleted record
        if not can_validate:
            return found
        try:
            self.build_record().full_clean(exclude=[field.name for field in self.fields if self.is_parent_field(field)])
        except ValidationError as exc:
            labels = {field.name: field_label(field) for field in self.fields} | {NON_FIELD_ERRORS: ""}
            for name, texts in exc.message_dict.items():
                found += [Obstacle(labels.get(name, name), text) for text in texts]
        return found

    def is_parent_field(self, field: Any) -> bool:
        """Return whether the field references the parent, which is not in the database yet."""
        return isinstance(self.parent, field.related_model) if self.parent and field.is_relation else False

    def build_record(self) -> Any:
        """Return the record in memory as it will be, many-to-many fields aside."""
        self.changed_fields  # noqa: B018  # reads the current values before they change
        record = self.record or self.model(pk=self.entry.id)
        for field in stored_fields(self.model):
            if self.is_parent_field(field):
                setattr(record, field.name, self.parent)
            else:
                setattr(record, field.attname, self.target_state[field.name])
        return record


def find_obstacles(restoration: Revert, faults: Mapping[str, str]) -> list[Obstacle]:
    """Return every obstacle: fields that this user may not change, deleted related records, validation errors."""
    labels = {field.name: field_label(field) for field in restoration.fields}
    found = [Obstacle(labels[name], text) for name, text in faults.items()]
    return [*found, *restoration.obstacles(), *(item for row in restoration.child_reverts for item in row.obstacles())]


def last_version_url(model: type[Model], key: object) -> str:
    """Return the admin URL of the last version of a deleted record; empty where there is no history."""
    if not hasattr(model, "history"):
        return ""
    end = model.history.filter(id=key, history_type="-").order_by("-history_id").first()
    return version_url(end) if end else ""
