"""Serializer of value objects: its read-only fields follow the annotations of a dataclass and of its properties."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from inspect import getattr_static
from types import NoneType
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from django.db.models import Model, TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.fields import Field, ListField

from core.api.serializers import DateValueField, NumberField, link_serializer

FIELD_CLASSES: dict[object, type[Field]] = {
    bool: serializers.BooleanField,
    int: serializers.IntegerField,
    float: serializers.FloatField,
    str: serializers.CharField,
    Decimal: NumberField,
    date: DateValueField,
}
"""Field classes by type; the first serializer of a dataclass is added for values inside others."""


@dataclass(frozen=True)
class ValueField:
    """Field of a value object: its help text, its path if not its name, its type if not the annotated one.

    The type may also be a class of serializers, within `Sequence[…]`, `Mapping[str, …]` or `… | None`.
    """

    help_text: str | Promise = ""
    source: str = ""
    type: object = None


FieldSpec = str | Promise | ValueField | Field


PAGE_FIELDS: Mapping[str, FieldSpec] = {
    "count": ValueField(gettext_lazy("Pilots in the whole list."), "page.count", int),
    "next": ValueField(
        gettext_lazy("Address of the next page, null on the last."), "page.next", serializers.URLField | None
    ),
    "previous": ValueField(
        gettext_lazy("Address of the page before, null on the first."), "page.previous", serializers.URLField | None
    ),
}
"""Envelope of a list inside an aggregate whose value object has a ListPage."""


class ValueSerializer(serializers.Serializer):
    """Read-only serializer of a dataclass. `value_fields` maps names to help texts, ValueFields or fields of DRF."""

    value_type: ClassVar[type]
    value_fields: ClassVar[Mapping[str, FieldSpec]]

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "value_type" in vars(cls):
            FIELD_CLASSES.setdefault(cls.value_type, cls)

    def get_fields(self) -> dict[str, Field]:
        return {name: self.build_value_field(name, spec) for name, spec in self.value_fields.items()}

    def build_value_field(self, name: str, spec: FieldSpec) -> Field:
        """Return the field of one entry of `value_fields`."""
        if isinstance(spec, Field):
            return deepcopy(spec)
        item = spec if isinstance(spec, ValueField) else ValueField(spec)
        kind = item.type or annotated_type(self.value_type, item.source or name)
        return build_field(kind, help_text=item.help_text or None, source=item.source or None)


def build_field(kind: Any, **options: Any) -> Field:
    """Return the read-only field of a type."""
    options |= {"read_only": True, "allow_null": may_be_none(kind)}
    kind = without_none(kind)
    if kind in FIELD_CLASSES:
        return FIELD_CLASSES[kind](**options)
    container, parts = get_origin(kind) or kind, get_args(kind)
    if issubclass(container, Mapping):
        return serializers.DictField(child=build_field(parts[1]), **options)
    if issubclass(container, Sequence) and parts:
        child: Any = build_field(parts[0])
        many = isinstance(child, serializers.BaseSerializer)
        return type(child)(many=True, **options) if many else ListField(child=child, **options)
    if issubclass(kind, TextChoices):
        return serializers.ChoiceField(choices=kind.choices, **options)
    if issubclass(kind, Model):
        return link_serializer(kind)(**options)
    field: Field = kind(**options)  # a class of serializers
    return field


@cache
def annotated_type(owner: type, path: str) -> Any:
    """Return the annotated type at the end of a path of attributes; it may be None if one on the way may."""
    kind, optional = owner, False
    for name in path.split("."):
        kind = attribute_type(without_none(kind), name)
        optional = optional or may_be_none(kind)
    return without_none(kind) | None if optional else kind


def attribute_type(owner: type, name: str) -> Any:
    """Return the annotated type of a field of a dataclass, or of what a property returns."""
    found = getattr_static(owner, name, None)
    if isinstance(found, property):
        return get_type_hints(found.fget, include_extras=True)["return"]
    if isinstance(found, cached_property):
        return get_type_hints(found.func, include_extras=True)["return"]
    return get_type_hints(owner, include_extras=True)[name]


def may_be_none(kind: object) -> bool:
    return NoneType in get_args(kind)


def without_none(kind: object) -> Any:
    return next(part for part in get_args(kind) if part is not NoneType) if may_be_none(kind) else kind
