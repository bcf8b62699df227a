"""Diffs of history entries as text: the fields of a version, and what each entry changed."""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from simple_history.models import DeletedObject

from core.history.recording import m2m_rows
from core.text import format_date, join_long, label_value, no_data

RecordState = Mapping[str, Any]
"""Values of a record at one entry, by field: the stored value, or the sorted keys of a many-to-many field."""
HistoricalRecord = Any
"""Entry of a history: a record as django-simple-history keeps it, which ships no types."""
FieldChange = tuple[Any, Any, Any]
"""Field of a model, its value before and its value after, both as in a RecordState."""


@dataclass(frozen=True)
class FieldDifference:
    """Field that an entry changed."""

    name: str
    label: str
    old: str
    new: str


def field_values(entry: HistoricalRecord, *, people: bool) -> list[tuple[str, str]]:
    """Return label and text of every field of the record after the entry, before it for a deletion; with or without
    those of people.
    """
    state = entry_state(entry)
    fields = [field for field in editable_fields(entry.instance_type) if people or not is_personal(field)]
    said = describe_changes({0: [(field, None, state[field.name]) for field in fields]})
    return [(item.label, item.new) for item in said[0]]


def diff_many(
    pairs: Sequence[tuple[HistoricalRecord, HistoricalRecord | None]], named: Container[int] | None = None
) -> dict[int, list[FieldDifference]]:
    """Return what each entry of one model changed since the other, by the entry's key.

    Fields that name people are left out of entries that are not `named`; None: of none.

    One query for each many-to-many field, and one for each related model, whatever the number of pairs.
    """
    compared = [(entry, before) for entry, before in pairs if before is not None and entry.history_type != "-"]
    held = entry_states([entry for pair in compared for entry in pair])
    changes: dict[int, list[FieldChange]] = {entry.pk: [] for entry, _before in pairs}
    for entry, before in compared:
        old, new = held[before.pk], held[entry.pk]
        for field in editable_fields(entry.instance_type):
            shown = named is None or entry.pk in named or not is_personal(field)
            if shown and old[field.name] != new[field.name]:
                changes[entry.pk].append((field, old[field.name], new[field.name]))
    return describe_changes(changes)


def describe_changes(changes: Mapping[int, Sequence[FieldChange]]) -> dict[int, list[FieldDifference]]:
    """Return changes in words, by the same keys. One query for each related model; one more for deleted records."""
    wanted: dict[Any, set[Any]] = defaultdict(set)
    for field, *values in chain.from_iterable(changes.values()):
        for value in values if field.is_relation else ():
            wanted[field.related_model] |= set(value or ()) if field.many_to_many else {value} - {None}
    names = {model: record_names(model, keys) for model, keys in wanted.items() if keys}
    return {
        key: [
            FieldDifference(
                field.name,
                field_label(field),
                *(field_text(field, value, names.get(field.related_model, {})) for value in values),
            )
            for field, *values in some
        ]
        for key, some in changes.items()
    }


# -- values of an entry ----------------------------------------------------------------------------------


def editable_fields(model: type[Model], more: Sequence[str] = ()) -> Iterator[Any]:
    """Yield the fields that people edit, and those of these names, in model order, many-to-many fields last."""
    yield from (f for f in model._meta.concrete_fields if (f.editable and not f.primary_key) or f.name in more)
    yield from model._meta.many_to_many


def is_personal(field: Any) -> bool:
    """Return whether a field names a person: a user, or one that the model declares."""
    return field.related_model is get_user_model() or field.name in getattr(field.model, "PERSONAL_FIELDS", ())


def stored_fields(model: Any) -> list[Any]:
    """Return every field of a model but its key, also those that nobody edits."""
    return [field for field in model._meta.concrete_fields if not field.primary_key]


def m2m_fields(model: type[Model]) -> list[Any]:
    """Return the many-to-many fields that a model's history keeps."""
    return list(model._meta.many_to_many) if hasattr(model, "history") else []


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
    before: Any = None
    if entry.history_type == "-":
        earlier = entry.instance_type.history.filter(id=entry.id, history_id__lt=entry.pk)
        before = earlier.order_by("-history_id").first()
    held = entry_states([entry] if before is None else [entry, before])
    state = dict(held[entry.pk])
    for field in m2m_fields(entry.instance_type) if before is not None else ():
        state[field.name] = state[field.name] or held[before.pk][field.name]
    return state


def current_state(record: Any) -> RecordState:
    """Return the stored values of a record. One query for each many-to-many field."""
    state = {field.name: getattr(record, field.attname) for field in stored_fields(record)}
    for field in m2m_fields(type(record)):
        state[field.name] = tuple(sorted(key for _row, key in m2m_rows(field, [record.pk])[record.pk]))
    return state


# -- names and texts -------------------------------------------------------------------------------------


def record_names(model: Any, keys: Iterable[Any]) -> dict[Any, str]:
    """Return each record's name; a deleted one has the name of its last entry, marked as deleted."""
    labels = {key: str(record) for key, record in model._base_manager.in_bulk(keys).items()}
    gone = sorted(set(keys) - set(labels))
    if gone and hasattr(model, "history"):
        for entry in model.history.filter(id__in=gone).order_by("history_id"):
            labels[entry.id] = _("%(name)s (deleted)") % {"name": historical_name(entry)}
    return {key: labels.get(key) or str(DeletedObject(model, key)) for key in keys}


def historical_name(entry: HistoricalRecord) -> str:
    """Return the name of a record when the entry was written, though its parent may be deleted since.

    Relations that were fetched together with the entry are not fetched again.
    """
    record = entry.instance
    for field in record._meta.concrete_fields:
        if field.is_relation and field.name in entry._state.fields_cache and getattr(entry, field.name):
            setattr(record, field.name, getattr(entry, field.name))
    return record_name(record)


def record_name(record: Any) -> str:
    """Return a record's name, or its key where the name needs a deleted record."""
    try:
        return str(record)
    except ObjectDoesNotExist:
        return f"{capfirst(record._meta.verbose_name)} {record.pk}"


def field_label(field: Any) -> str:
    return str(capfirst(field.verbose_name))


def field_text(field: Any, value: Any, names: Mapping[Any, str]) -> str:
    """Return a field's value as text, records by their `names`; a number to its last digit, without trailing zeros."""
    if value is None or value in ("", ()):
        return no_data()
    if field.many_to_many:
        return join_long(names[key] for key in value)
    if field.is_relation:
        return names[value]
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, dict):
        return join_long(label_value(key, item) for key, item in value.items()) or no_data()
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
