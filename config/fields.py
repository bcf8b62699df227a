"""The fields of a record as a program writes it: JSON's own types, nothing guessed; related records by their code."""

from collections.abc import Mapping
from datetime import date
from decimal import Context, Decimal
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from config.asof import ISO_DAY
from config.faults import nearest, short

MOST_WHOLE: Mapping[type[models.Field], int] = {
    models.PositiveSmallIntegerField: 32_767,
    models.PositiveIntegerField: 2_147_483_647,
}
"""What every database can hold, so that the same number is refused on all of them."""


WIDE = Context(prec=60)  # in which no number that passes is rounded


class Text(serializers.CharField):
    """A JSON string. null is the empty text, for that is how an empty one is read."""

    default_error_messages = {"invalid_type": _("Give a text in quotes.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "trim_whitespace": False})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid_type")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false, not words that mean them."""

    default_error_messages = {"invalid_type": _("Write true or false, without quotes.")}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid_type")
        return data


class Whole(serializers.IntegerField):
    """A JSON number without a fraction."""

    default_error_messages = {"invalid_type": _("Write a whole number, without quotes.")}

    def to_internal_value(self, data: Any) -> int:
        whole = isinstance(data, int) and not isinstance(data, bool)
        if isinstance(data, Decimal) and data.adjusted() < 20 and data == data.to_integral_value():
            return int(data)  # JSON knows one kind of number: 3.0 is 3
        if not whole:
            self.fail("invalid_type")
        return int(data)


class Amount(serializers.DecimalField):
    """A JSON number, kept to its last digit."""

    default_error_messages = {"invalid_type": _("Write a number, without quotes and without thousands marked.")}

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, int | Decimal):
            self.fail("invalid_type")
        value = Decimal(data)
        if abs(value.adjusted()) > 40 or len(value.as_tuple().digits) > WIDE.prec:  # 1e999999 costs more than it says
            self.fail("max_digits", max_digits=self.max_digits)
        return super().to_internal_value(value.normalize(WIDE) if value else Decimal(0))

    def validate_precision(self, value: Decimal) -> Decimal:
        """As the database counts digits: those of 1E+3 are four."""
        return super().validate_precision(Decimal(f"{value:f}"))


class DayIn(serializers.DateField):
    """A day as 2024-01-15, nothing shorter or longer."""

    default_error_messages = {"invalid_type": _("Write the day as 2024-01-15, in quotes.")}

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not ISO_DAY.fullmatch(value):
            self.fail("invalid_type")
        return super().to_internal_value(value)


class Word(serializers.ChoiceField):
    """One of a few fixed words."""

    default_error_messages = {
        "invalid_choice": _("There is no “{input}” here. Use one of: {words}."),
        "near": _("There is no “{input}” here. Did you mean “{near}”? Known: {words}."),
    }

    def to_internal_value(self, data: Any) -> str:
        words = [str(word) for word in self.choices]
        if data is None or (data == "" and self.allow_blank):
            return ""
        if not isinstance(data, str) or data not in words:
            near = nearest(str(data), words)
            self.fail("near" if near else "invalid_choice", input=short(data), words=", ".join(words), near=near)
        return data


class Reference(serializers.Field):
    """A related record by its code or number, alone or as the object in which an answer gives it."""

    default_error_messages = {
        "invalid_type": _("Name the record by its “{name}”."),
        "not_on_record": _("There is no “{input}” on record."),
        "near": _("There is no “{input}” on record. Did you mean “{near}”?"),
    }

    def __init__(self, model: Any, **kwargs: Any) -> None:
        self.model, self.key = model, key_field(model)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        code = data.get(self.key) if isinstance(data, Mapping) else data
        if type(code) is not (int if self.key == "id" else str):
            self.fail("invalid_type", name=self.key)
        found = self.model._base_manager.filter(**{self.key: code}) if can_be_key(self.key, code) else None
        record = found.first() if found is not None else None
        if record is None:
            known = [] if self.key == "id" else self.model._base_manager.values_list(self.key, flat=True)
            near = nearest(str(code), known)
            self.fail("near" if near else "not_on_record", input=short(code), near=near)
        return record

    def to_representation(self, value: Any) -> Any:
        return getattr(value, self.key)


class References(serializers.ListField):
    """Related records, each named once."""

    MOST = 500
    default_error_messages = {
        "twice": _("“{input}” is named twice."),
        "max_length": _("Name at most {most} records."),
    }

    def __init__(self, model: Any, **kwargs: Any) -> None:
        super().__init__(child=Reference(model), max_length=self.MOST, **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and len(data) > self.MOST:  # before each of them is looked for
            self.fail("max_length", most=self.MOST)
        found = super().to_internal_value(data)
        for place, record in enumerate(found):
            if record in found[:place]:
                self.fail("twice", input=short(self.child.to_representation(record)))
        return found


def key_field(model: Any) -> str:
    """By which field an address and a body name a record: its code where it has one."""
    names = {field.name for field in model._meta.concrete_fields}
    return next((name for name in ("slug", "code") if name in names), "id")


def can_be_key(field: str, value: Any) -> bool:
    """Whether a record could have it as its key: no database takes a longer number, or a text with NUL in it."""
    if field == "id":
        return type(value) is int and 0 < value < 2**63
    return isinstance(value, str) and "\0" not in value


FIELDS: Mapping[type[models.Field], type[serializers.Field]] = {
    models.CharField: Text,
    models.TextField: Text,
    models.SlugField: Text,
    models.URLField: Text,
    models.BooleanField: Flag,
    models.PositiveSmallIntegerField: Whole,
    models.PositiveIntegerField: Whole,
    models.DecimalField: Amount,
    models.DateField: DayIn,
}


def field_for(model_field: Any) -> serializers.Field:
    """How a program writes a field of a record. Rules that need the record, or others, are the model's own to hold."""
    optional = model_field.blank or model_field.has_default()
    how: dict[str, Any] = {"required": not optional, "help_text": model_field.help_text}
    if model_field.many_to_many:
        return References(model_field.related_model, **{**how, "required": False})
    if model_field.is_relation:
        return Reference(model_field.related_model, allow_null=model_field.null, **how)
    if model_field.choices:
        return Word(choices=model_field.flatchoices, allow_null=model_field.blank, allow_blank=model_field.blank, **how)
    kind = FIELDS[type(model_field)]
    if issubclass(kind, Text):
        how |= {"max_length": model_field.max_length, "allow_blank": model_field.blank, "allow_null": model_field.blank}
    elif issubclass(kind, Whole):
        how |= {"min_value": 0, "max_value": MOST_WHOLE[type(model_field)], "allow_null": model_field.null}
    elif issubclass(kind, Amount):
        places, digits = model_field.decimal_places, model_field.max_digits
        how |= {"max_digits": digits, "decimal_places": places, "allow_null": model_field.null}
    elif issubclass(kind, DayIn):
        how |= {"allow_null": model_field.null or model_field.blank}
    return kind(**how)
