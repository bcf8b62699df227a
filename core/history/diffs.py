"""Diffs of history entries as text: the fields of a version, and what each entry changed."""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import Model
from django.db.models.base import ModelState
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from simple_history.models import DeletedObject

from core.text.formatting import format_date, join_long, no_data

RecordState = Mapping[str, Any]
"""Values of a record at one entry, by field: the stored value, or the sorted keys of a many-to-many field."""


class HistoricalRecord(Protocol):
    """Entry of a history: a record as django-simple-history keeps it, which ships no types."""

    pk: int
    id: int  # of the record
    history_date: datetime
    history_type: str  # + added, ~ changed, - deleted
    history_user: Model | None
    history_change_reason: str | None
    instance: Model
    instance_type: Any  # the model, with its manager `history`
    _state: ModelState


KeysByModel = dict[type[models.Model], set[Any]]


@dataclass(frozen=True)
class FieldValue:
    """Field of a record at an entry."""

    name: str
    label: str
    text: str


@dataclass(frozen=True)
class FieldDifference:
    """Field that an entry changed."""

    name: str
    label: str
    old: str
    new: str


def field_values(entry: HistoricalRecord, *, people: bool) -> list[FieldValue]:
    """Return every field of the record after the entry, before it for a deletion; with or without those of people."""
    state = entry_state(entry)
    fields = [field for field in diff_fields(entry) if people or not is_personal(field)]
    names = RecordNames.for_values((field, state[field.name]) for field in fields)
    return [FieldValue(field.name, field_label(field), field_text(field, state[field.name], names)) for field in fields]


def diff_entries(entry: HistoricalRecord, before: HistoricalRecord | None) -> list[FieldDifference]:
    """Return what the entry changed since the one before it; nothing for the first entry, or a deletion."""
    return diff_many([(entry, before)])[entry.pk] if before is not None else []


def diff_many(
    pairs: Sequence[tuple[HistoricalRecord, HistoricalRecord | None]], named: Container[int] | None = None
) -> dict[int, list[FieldDifference]]:
    """Return what each entry of one model changed since the other, by the entry's key.

    Fields that name people are left out of entries that are not `named`; None: of none.

    One query for each many-to-many field, and one for each related model, whatever the number of pairs.
    """
    compared = [(entry, before) for entry, before in pairs if before is not None and entry.history_type != "-"]
    held = entry_states([entry for pair in compared for entry in pair])
    found = {
        entry.pk: [
            (field, held[before.pk][field.name], held[entry.pk][field.name])
            for field in diff_fields(entry)
            if held[before.pk][field.name] != held[entry.pk][field.name]
            if named is None or entry.pk in named or not is_personal(field)
        ]
        for entry, before in compared
    }
    names = RecordNames.for_values(
        (field, value) for changes in found.values() for field, *values in changes for value in values
    )
    return {
        entry.pk: [
            FieldDifference(
                field.name, field_label(field), field_text(field, old, names), field_text(field, new, names)
            )
            for field, old, new in found.get(entry.pk, [])
        ]
        for entry, _before in pairs
    }


# -- values of an entry ----------------------------------------------------------------------------------


def diff_fields(entry: HistoricalRecord) -> Iterator[Any]:
    """Yield the fields that people edit, in model order, many-to-many fields last."""
    record = entry.instance_type._meta
    yield from (field for field in record.concrete_fields if field.editable and not field.primary_key)
    yield from (field for field in record.many_to_many if hasattr(entry, field.name))


def is_personal(field: Any) -> bool:
    """Return whether a field names a person: a user, or one that the model declares."""
    return field.related_model is get_user_model() or field.name in getattr(field.model, "PERSONAL_FIELDS", ())


def stored_fields(model: Any) -> list[Any]:
    """Return every field of a model but its key, also those that nobody edits."""
    return [field for field in model._meta.concrete_fields if not field.primary_key]


def m2m_fields(model: type[Model]) -> list[Any]:
    """Return the many-to-many fields that a model's history keeps."""
    return [model._meta.get_field(name) for name in getattr(model, "_history_m2m_fields", ())]


def entry_states(entries: Sequence[HistoricalRecord]) -> dict[int, RecordState]:
    """Return the values of entries of one model, by the entry's key. One query for each many-to-many field."""
    if not entries:
        return {}
    model = entries[0].instance_type
    held: dict[int, dict[str, Any]] = {
        entry.pk: {field.name: getattr(entry, field.attname) for field in stored_fields(model)} for entry in entries
    }
    for field in m2m_fields(model):
        kept: Any = getattr(type(entries[0]), field.name).model
        keys: dict[int, list[Any]] = defaultdict(list)
        rows = kept._default_manager.filter(history__in=list(held))
        for entry, key in rows.values_list("history_id", field.m2m_reverse_field_name()):
            keys[entry].append(key)
        for entry, values in held.items():
            values[field.name] = tuple(sorted(keys[entry]))
    return dict(held)


def entry_state(entry: HistoricalRecord) -> RecordState:
    """Return the values of one entry. A deletion recorded without its lists takes them from the entry before it."""
    before = None
    if entry.history_type == "-":
        earlier = entry.instance_type.history.filter(id=entry.id, history_id__lt=entry.pk)
        before = earlier.order_by("-history_id").first()
    held = entry_states([entry] if before is None else [entry, before])
    state = dict(held[entry.pk])
    if before is not None:
        lists = [field.name for field in m2m_fields(entry.instance_type)]
        state |= {name: state[name] or held[before.pk][name] for name in lists}
    return state


def current_state(record: Any) -> RecordState:
    """Return the stored values of a record. One query for each many-to-many field."""
    state = {field.name: getattr(record, field.attname) for field in stored_fields(record)}
    for field in m2m_fields(type(record)):
        rows = field.remote_field.through._default_manager.filter(**{field.m2m_field_name(): record.pk})
        state[field.name] = tuple(sorted(rows.values_list(field.m2m_reverse_field_name(), flat=True)))
    return state


def latest_entry(record: Any) -> Any:
    """Return the newest history entry of a record, None when it has none."""
    return record.history.order_by("-history_id").first()


# -- names and texts -------------------------------------------------------------------------------------


class RecordNames:
    """Names of records by key. One query per model; one more for deleted records."""

    def __init__(self, wanted: KeysByModel) -> None:
        self.found = {model: record_names(model, keys) for model, keys in wanted.items()}

    @classmethod
    def for_values(cls, values: Iterable[tuple[Any, Any]]) -> "RecordNames":
        """Return the names of all records that these fields' values reference."""
        wanted: KeysByModel = defaultdict(set)
        for field, value in values:
            if field.is_relation:
                wanted[field.related_model] |= set(value) if field.many_to_many else {value} - {None}
        return cls({model: keys for model, keys in wanted.items() if keys})

    def name(self, model: type[models.Model], key: Any) -> str:
        return self.found[model][key]


def record_names(model: Any, keys: Iterable[Any]) -> dict[Any, str]:
    """Return each record's name; a deleted one has the name of its last entry, marked as deleted."""
    found = {key: str(record) for key, record in model._base_manager.in_bulk(keys).items()}
    gone = sorted(set(keys) - set(found))
    if gone and hasattr(model, "history"):
        for entry in model.history.filter(id__in=gone).order_by("history_id"):
            found[entry.id] = _("%(name)s (deleted)") % {"name": historical_name(entry)}
    return {key: found.get(key) or str(DeletedObject(model, key)) for key in keys}


def historical_name(entry: HistoricalRecord) -> str:
    """Return the name of a record when the entry was written, though its parent may be deleted since."""
    return record_name(with_relations(entry))


def with_relations(entry: HistoricalRecord) -> Any:
    """Return the record of the entry, with the relations that were fetched together with the entry."""
    record = entry.instance
    for field in record._meta.concrete_fields:
        if field.is_relation and field.name in entry._state.fields_cache and getattr(entry, field.name):
            setattr(record, field.name, getattr(entry, field.name))
    return record


def record_name(record: Any) -> str:
    """Return a record's name, or its key where the name needs a deleted record."""
    try:
        return str(record)
    except ObjectDoesNotExist:
        return f"{capfirst(record._meta.verbose_name)} {record.pk}"


def field_label(field: Any) -> str:
    return str(capfirst(field.verbose_name))


def field_text(field: Any, value: Any, names: RecordNames) -> str:
    """Return a field's value as text; a number to its last digit, without trailing zeros."""
    if value is None or value in ("", ()):
        return no_data()
    if field.many_to_many:
        return join_long(names.name(field.related_model, key) for key in value)
    if field.is_relation:
        return names.name(field.related_model, value)
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return format_date(value) if isinstance(value, date) else str(value)


def author_name(entry: HistoricalRecord) -> str:
    """Return the author of an entry; the loader and the command line have none."""
    return str(entry.history_user or _("the system"))


def format_datetime(when: datetime) -> str:
    """Format a time in the local time zone."""
    return date_format(timezone.localtime(when), "DATETIME_FORMAT")


def translate_reason(reason: str | None) -> str:
    """Translate a reason for change that the product wrote itself; return what people wrote as it is."""
    return _(reason) if reason else ""
