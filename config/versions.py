"""What the entries of a record's history say, in words: its facts, and what each entry changed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from simple_history.models import DeletedObject

from config.templatetags.site import no_data, showdate
from config.words import listed_long

State = Mapping[str, Any]
"""A record as one entry holds it, by field: the stored value, or the sorted keys of a relation to many."""
Keys = dict[type[models.Model], set[Any]]


@dataclass(frozen=True)
class Fact:
    """A field as an entry holds it."""

    name: str
    label: str
    text: str


@dataclass(frozen=True)
class Difference:
    """A field that an entry changed."""

    label: str
    old: str
    new: str


def facts(entry: Any) -> list[Fact]:
    """Every field of the record as it stood after the entry; of one that was deleted, as it stood before."""
    state, fields = state_of(entry), list(fields_of(entry))
    names = Names.of((field, state[field.name]) for field in fields)
    return [Fact(field.name, label_of(field), text_of(field, state[field.name], names)) for field in fields]


def differences(entry: Any, before: Any) -> list[Difference]:
    """What the entry changed since the one before it; nothing where it is the first, or the end."""
    return told([(entry, before)])[entry.pk] if before is not None else []


def told(pairs: Sequence[tuple[Any, Any]]) -> dict[int, list[Difference]]:
    """What each entry of one model's history changed since the other, by its key.

    One query for each relation to many, and one for each kind of record that is named, whatever the number of pairs.
    """
    compared = [(entry, before) for entry, before in pairs if before is not None and entry.history_type != "-"]
    held = states([entry for pair in compared for entry in pair])
    found = {
        entry.pk: [
            (field, held[before.pk][field.name], held[entry.pk][field.name])
            for field in fields_of(entry)
            if held[before.pk][field.name] != held[entry.pk][field.name]
        ]
        for entry, before in compared
    }
    names = Names.of((field, value) for changes in found.values() for field, *values in changes for value in values)
    return {
        entry.pk: [
            Difference(label_of(field), text_of(field, old, names), text_of(field, new, names))
            for field, old, new in found.get(entry.pk, [])
        ]
        for entry, _before in pairs
    }


# -- what an entry holds ---------------------------------------------------------------------------------


def fields_of(entry: Any) -> Iterator[Any]:
    """The fields that people edit, in the model's order, relations to many last."""
    record = entry.instance_type._meta
    yield from (field for field in record.concrete_fields if field.editable and not field.primary_key)
    yield from (field for field in record.many_to_many if hasattr(entry, field.name))


def stored_fields(model: Any) -> list[Any]:
    """Every field of a record but its key, those included that nobody edits."""
    return [field for field in model._meta.concrete_fields if not field.primary_key]


def lists_of(model: Any) -> list[Any]:
    """The relations to many that the history of a model keeps."""
    return [model._meta.get_field(name) for name in getattr(model, "_history_m2m_fields", ())]


def states(entries: Sequence[Any]) -> dict[int, State]:
    """What entries of one model's history hold, by their keys. One query for each relation to many."""
    if not entries:
        return {}
    model = entries[0].instance_type
    held: dict[int, dict[str, Any]] = {
        entry.pk: {field.name: getattr(entry, field.attname) for field in stored_fields(model)} for entry in entries
    }
    for field in lists_of(model):
        kept: Any = getattr(type(entries[0]), field.name).model
        keys: dict[int, list[Any]] = defaultdict(list)
        rows = kept._default_manager.filter(history__in=list(held))
        for entry, key in rows.values_list("history_id", field.m2m_reverse_field_name()):
            keys[entry].append(key)
        for entry, values in held.items():
            values[field.name] = tuple(sorted(keys[entry]))
    return dict(held)


def state_of(entry: Any) -> State:
    """What one entry holds. An end that was written after the lists were gone takes them from the entry before it."""
    before = entry_before(entry) if entry.history_type == "-" else None
    held = states([entry] if before is None else [entry, before])
    state = dict(held[entry.pk])
    if before is not None:
        lists = [field.name for field in lists_of(entry.instance_type)]
        state |= {name: state[name] or held[before.pk][name] for name in lists}
    return state


def current_state(record: Any) -> State:
    """A record as the database holds it now. One query for each relation to many."""
    state = {field.name: getattr(record, field.attname) for field in stored_fields(record)}
    for field in lists_of(type(record)):
        rows = field.remote_field.through._default_manager.filter(**{field.m2m_field_name(): record.pk})
        state[field.name] = tuple(sorted(rows.values_list(field.m2m_reverse_field_name(), flat=True)))
    return state


def entry_before(entry: Any) -> Any:
    """The entry before this one of the same record, None for the first."""
    earlier = entry.instance_type.history.filter(id=entry.id, history_id__lt=entry.pk)
    return earlier.order_by("-history_id").first()


def latest_entry(record: Any) -> Any:
    """The newest entry of a record's history, None when it has none."""
    return record.history.order_by("-history_id").first()


# -- in words --------------------------------------------------------------------------------------------


class Names:
    """The names of records by their keys. One query for each kind; one more for those that are gone."""

    def __init__(self, wanted: Keys) -> None:
        self.found = {model: in_words(model, keys) for model, keys in wanted.items()}

    @classmethod
    def of(cls, values: Iterable[tuple[Any, Any]]) -> "Names":
        """The names of all that these fields' values point to."""
        wanted: Keys = defaultdict(set)
        for field, value in values:
            if field.is_relation:
                wanted[field.related_model] |= set(value) if field.many_to_many else {value} - {None}
        return cls({model: keys for model, keys in wanted.items() if keys})

    def name(self, model: type[models.Model], key: Any) -> str:
        return self.found[model][key]


def in_words(model: Any, keys: Iterable[Any]) -> dict[Any, str]:
    """Each record's name; one that is gone has that of its last entry, and says so."""
    found = {key: str(record) for key, record in model._base_manager.in_bulk(keys).items()}
    gone = sorted(set(keys) - set(found))
    if gone and hasattr(model, "history"):
        for entry in model.history.filter(id__in=gone).order_by("history_id"):
            found[entry.id] = _("%(name)s (deleted)") % {"name": called(entry)}
    return {key: found.get(key) or str(DeletedObject(model, key)) for key in keys}


def called(entry: Any) -> str:
    """What a record was called when the entry was written, though what it hung on may be gone since."""
    return name_of(whole(entry))


def whole(entry: Any) -> Any:
    """The record as it stood, with what it hung on as far as that was read together with the entry."""
    record = entry.instance
    for field in record._meta.concrete_fields:
        if field.is_relation and field.name in entry._state.fields_cache and getattr(entry, field.name):
            setattr(record, field.name, getattr(entry, field.name))
    return record


def name_of(record: Any) -> str:
    """A record's name, made of its key where what the name tells of is gone."""
    try:
        return str(record)
    except ObjectDoesNotExist:
        return f"{capfirst(record._meta.verbose_name)} {record.pk}"


def label_of(field: Any) -> str:
    return str(capfirst(field.verbose_name))


def text_of(field: Any, value: Any, names: Names) -> str:
    """A field's value as people read it."""
    if value is None or value in ("", ()):
        return no_data()
    if field.many_to_many:
        return listed_long(names.name(field.related_model, key) for key in value)
    if field.is_relation:
        return names.name(field.related_model, value)
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    return plain(value)


def plain(value: Any) -> str:
    """A value that is no relation and no choice: a number is given to its last digit, without idle zeros."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return showdate(value) if isinstance(value, date) else str(value)


def author(entry: Any) -> str:
    """Who made the entry; the loader and the command line have no name."""
    return str(entry.history_user or _("the system"))


def moment(when: datetime) -> str:
    """A time on the reader's clock."""
    return date_format(timezone.localtime(when), "DATETIME_FORMAT")
