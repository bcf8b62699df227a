"""What an entry of a record's history says, in words: its facts, and what it changed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from simple_history.models import DeletedObject
from simple_history.utils import get_m2m_reverse_field_name

from config.templatetags.site import no_data, showdate
from config.words import listed_long


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
    """Every field of the record as it stood after the entry."""
    return [Fact(field.name, str(capfirst(field.verbose_name)), text_of(entry, field)) for field in fields_of(entry)]


def differences(entry: Any, before: Any) -> list[Difference]:
    """What the entry changed since the one before it; nothing where it is the first, or the end."""
    if before is None or entry.history_type == "-":
        return []
    changed = entry.diff_against(before).changed_fields
    fields = [field for field in fields_of(entry) if field.name in changed]
    return [Difference(str(capfirst(f.verbose_name)), text_of(before, f), text_of(entry, f)) for f in fields]


def fields_of(entry: Any) -> Iterator[Any]:
    """The record's fields in the model's order, relations to many last."""
    record = entry.instance_type._meta
    yield from (field for field in record.concrete_fields if field.editable and not field.primary_key)
    yield from (field for field in record.many_to_many if hasattr(entry, field.name))


def text_of(entry: Any, field: Any) -> str:
    """A field's value as people read it."""
    if field.many_to_many:
        target = f"{get_m2m_reverse_field_name(field)}_id"
        keys = getattr(entry, field.name).values_list(target, flat=True)
        return listed_long(names(field.related_model, keys)) or no_data()
    value = getattr(entry, field.attname)
    if value is None or value == "":
        return no_data()
    if field.is_relation:
        return names(field.related_model, [value])[0]
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return showdate(value) if isinstance(value, date) else str(value)


def names(model: type[models.Model], keys: Iterable[Any]) -> list[str]:
    """The records' names; one that is gone says so."""
    wanted = sorted(keys)
    found = model._base_manager.in_bulk(wanted)
    return [str(found.get(key) or DeletedObject(model, key)) for key in wanted]


def author(entry: Any) -> str:
    """Who made the entry; the loader and the command line have no name."""
    return str(entry.history_user or _("the system"))


def moment(when: datetime) -> str:
    """A time on the reader's clock."""
    return date_format(timezone.localtime(when), "DATETIME_FORMAT")
