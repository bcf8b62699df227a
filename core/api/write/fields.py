"""Strict serializer fields for writes: JSON's own types without coercion; related records by code."""

from collections.abc import Mapping
from datetime import date
from decimal import Context, Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.serializers import key_field_name
from core.http.as_of import ISO_DATE
from core.http.errors import closest_match, truncate

MAX_INTEGERS: Mapping[type[models.Field], int] = {
    models.PositiveSmallIntegerField: 32_767,
    models.PositiveIntegerField: 2_147_483_647,
}
"""Largest integers that every supported database stores, so that all reject the same numbers."""


WIDE_CONTEXT = Context(prec=60)  # rounds no accepted number


class StrictCharField(serializers.CharField):
    """Strict CharField: a JSON string. null is the empty text, which is read as null."""

    default_error_messages = {"invalid_type": _("Give a text in quotes.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "trim_whitespace": False})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid_type")
        return super().to_internal_value(data)


class StrictBooleanField(serializers.BooleanField):
    """Strict BooleanField: true or false, not words for them."""

    default_error_messages = {"invalid_type": _("Write true or false, without quotes.")}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid_type")
        return data


class StrictIntegerField(serializers.IntegerField):
    """Strict IntegerField: a JSON number without a fraction."""

    default_error_messages = {"invalid_type": _("Write a whole number, without quotes.")}

    def to_internal_value(self, data: Any) -> int:
        whole = isinstance(data, int) and not isinstance(data, bool)
        if isinstance(data, Decimal) and data.adjusted() < 20 and data == data.to_integral_value():
            return int(data)  # JSON has one number type: 3.0 is 3
        if not whole:
            self.fail("invalid_type")
        return int(data)


class StrictDecimalField(serializers.DecimalField):
    """Strict DecimalField: a JSON number, exact to its last digit."""

    default_error_messages = {"invalid_type": _("Write a number, without quotes and without thousands marked.")}

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, int | Decimal):
            self.fail("invalid_type")
        value = Decimal(data)
        if (
            abs(value.adjusted()) > 40 or len(value.as_tuple().digits) > WIDE_CONTEXT.prec
        ):  # 1e999999 would take memory out of proportion
            self.fail("max_digits", max_digits=self.max_digits)
        return super().to_internal_value(value.normalize(WIDE_CONTEXT) if value else Decimal(0))

    def validate_precision(self, value: Decimal) -> Decimal:
        """Count digits as the database does: 1E+3 has four."""
        return super().validate_precision(Decimal(f"{value:f}"))


class StrictDateField(serializers.DateField):
    """Strict DateField: 2024-01-15, nothing shorter or longer."""

    default_error_messages = {
        "invalid_type": _("Write the day as 2024-01-15, in quotes."),
        "invalid": _("This day does not exist."),
    }

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not ISO_DATE.fullmatch(value):
            self.fail("invalid_type")
        return super().to_internal_value(value)


class StrictChoiceField(serializers.ChoiceField):
    """Strict ChoiceField whose error suggests the closest choice."""

    default_error_messages = {
        "invalid_choice": _("There is no “{input}” here. Use one of: {words}."),
        "near": _("There is no “{input}” here. Did you mean “{near}”? Known: {words}."),
    }

    def to_internal_value(self, data: Any) -> str:
        words = [str(word) for word in self.choices]
        if data is None or (data == "" and self.allow_blank):
            return ""
        if not isinstance(data, str) or data not in words:
            near = closest_match(str(data), words)
            self.fail("near" if near else "invalid_choice", input=truncate(data), words=", ".join(words), near=near)
        return data


class RelatedByCodeField(serializers.Field):
    """Field of a related record: its code or id, alone or as the object in which a response gives it."""

    default_error_messages = {
        "invalid_type": _("Name the record by its “{name}”."),
        "not_on_record": _("There is no “{input}” on record."),
        "near": _("There is no “{input}” on record. Did you mean “{near}”?"),
    }

    def __init__(self, model: Any, **kwargs: Any) -> None:
        self.model, self.key = model, key_field_name(model)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        code = data.get(self.key) if isinstance(data, Mapping) else data
        if type(code) is not (int if self.key == "id" else str):
            self.fail("invalid_type", name=self.key)
        read = self.context.get("found", {})  # by this request, which may name it in each of its records
        record = read.get((self.model, code))
        if record is None and is_valid_key(self.key, code):
            record = self.model._base_manager.filter(**{self.key: code}).first()
            read[self.model, code] = record
        if record is None:
            known = [] if self.key == "id" else self.model._base_manager.values_list(self.key, flat=True)
            near = closest_match(str(code), known)
            self.fail("near" if near else "not_on_record", input=truncate(code), near=near)
        return record

    def to_representation(self, value: object) -> Any:
        return getattr(value, self.key)


@extend_schema_field(OpenApiTypes.STR)
class UsernameInputField(serializers.Field):
    """Field of a user, by username. An unknown one gets no suggestion, which would tell the names of others."""

    default_error_messages = {
        "invalid_type": _("Name the user by the username, in quotes."),
        "not_on_record": _("There is no user “{input}”."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "allow_null": True, **kwargs})

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_type")
        users = get_user_model()._default_manager.filter(is_active=True, username=data) if "\0" not in data else ()
        user = next(iter(users), None)
        if user is None:
            self.fail("not_on_record", input=truncate(data))
        return user


class RelatedListField(serializers.ListField):
    """Field of several related records, each named once."""

    MAX_RECORDS = 500
    default_error_messages = {
        "twice": _("“{input}” is named twice."),
        "max_length": _("Name at most {most} records."),
    }

    def __init__(self, model: Any, **kwargs: Any) -> None:
        super().__init__(child=RelatedByCodeField(model), max_length=self.MAX_RECORDS, **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and len(data) > self.MAX_RECORDS:  # before any query
            self.fail("max_length", most=self.MAX_RECORDS)
        found = super().to_internal_value(data)
        for place, record in enumerate(found):
            if record in found[:place]:
                self.fail("twice", input=truncate(self.child.to_representation(record)))
        return found


def is_valid_key(field: str, value: object) -> bool:
    """Return whether a record could have this key: databases reject larger integers and NUL characters."""
    if field == "id":
        return type(value) is int and 0 < value < 2**63
    return isinstance(value, str) and "\0" not in value


FIELD_CLASSES: Mapping[type[models.Field], type[serializers.Field]] = {
    models.CharField: StrictCharField,
    models.TextField: StrictCharField,
    models.SlugField: StrictCharField,
    models.URLField: StrictCharField,
    models.BooleanField: StrictBooleanField,
    models.PositiveSmallIntegerField: StrictIntegerField,
    models.PositiveIntegerField: StrictIntegerField,
    models.DecimalField: StrictDecimalField,
    models.DateField: StrictDateField,
}


def build_write_field(model_field: Any) -> serializers.Field:
    """Return the write field of a model field. Rules that need the record, or others, stay in the model."""
    optional = model_field.blank or model_field.has_default()
    how: dict[str, Any] = {"required": not optional, "help_text": model_field.help_text}
    if model_field.many_to_many:
        return RelatedListField(model_field.related_model, **{**how, "required": False})
    if model_field.is_relation:
        return RelatedByCodeField(model_field.related_model, allow_null=model_field.null, **how)
    if model_field.choices:
        return StrictChoiceField(
            choices=model_field.flatchoices, allow_null=model_field.blank, allow_blank=model_field.blank, **how
        )
    kind = FIELD_CLASSES[type(model_field)]
    if issubclass(kind, StrictCharField):
        how |= {"max_length": model_field.max_length, "allow_blank": model_field.blank, "allow_null": model_field.blank}
    elif issubclass(kind, StrictIntegerField):
        how |= {"min_value": 0, "max_value": MAX_INTEGERS[type(model_field)], "allow_null": model_field.null}
    elif issubclass(kind, StrictDecimalField):
        places, digits = model_field.decimal_places, model_field.max_digits
        how |= {"max_digits": digits, "decimal_places": places, "allow_null": model_field.null}
    elif issubclass(kind, StrictDateField):
        how |= {"allow_null": model_field.null or model_field.blank}
    return kind(**how)
