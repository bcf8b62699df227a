"""Write serializers: the writable fields of a record in JSON's own types, and errors with JSON pointers."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from functools import partial
from itertools import islice
from typing import Any, ClassVar

from django.contrib.auth import get_user_model
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail as FieldErrorDetail
from rest_framework.settings import api_settings

from core.errors import Problem, choice_error, former_names, truncate
from core.history.diffs import editable_fields
from core.history.recording import MAX_REASON, key_field_name
from core.http import ISO_DATE
from core.text import TranslatedText, invisible_character, label_value, translated_texts

# -- fields ------------------------------------------------------------------------------------------------

REASON_HELP = (
    "Why, for the record’s history, where everybody who sees the record reads it. The header X-Change-Reason does the "
    "same for a whole request."
)
TRANSLATED_HELP = (
    "Sets the one of the two fields in whose language it is written; null empties both. Where they are sent as well, "
    "those of them that say something new count."
)
WIDE_CONTEXT = Context(prec=60)  # rounds no accepted number
MAX_SUGGESTIONS = 20  # words of a request for which the closest known one is looked up: each is compared with all
MAX_UNKNOWN = 20  # unknown fields of a record that an error names: it must not grow with the request


def unknown_name(context: Mapping[str, Any], kind: object, word: str, names: Iterable[str], code: str) -> Problem:
    """Return the problem of a word that is no name of this kind; no name is told once the request had many of them."""
    told: dict[object, Problem] = context.get("found", {}).setdefault("suggestions", {})
    if (kind, word) not in told:
        known = names if len(told) < MAX_SUGGESTIONS else ()
        told[kind, word] = choice_error(word, known, code=code, near_code="near")
    return told[kind, word]


class StrictField(serializers.Field):
    """Field mixin: takes one type of JSON, and nothing that could be read as it."""

    json_type: type

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not self.json_type:
            self.fail("invalid_type")
        return super().to_internal_value(data)


class StrictCharField(StrictField, serializers.CharField):
    """A JSON string. null is the empty text, which is read as null."""

    json_type = str
    default_error_messages = {"invalid_type": gettext_lazy("Give a text in quotes.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "trim_whitespace": False})


class StrictBooleanField(StrictField, serializers.BooleanField):
    """true or false, not words for them."""

    json_type = bool
    default_error_messages = {"invalid_type": gettext_lazy("Write true or false, without quotes.")}


class StrictIntegerField(StrictField, serializers.IntegerField):
    """A JSON number without a fraction."""

    json_type = int
    default_error_messages = {"invalid_type": gettext_lazy("Write a whole number, without quotes.")}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, Decimal) and data.adjusted() < 20 and data == data.to_integral_value():
            data = int(data)  # JSON has one number type: 3.0 is 3
        whole: int = super().to_internal_value(data)
        return whole


class StrictDecimalField(StrictField, serializers.DecimalField):
    """A JSON number, exact to its last digit."""

    json_type = Decimal
    default_error_messages = {
        "invalid_type": gettext_lazy("Write a number, without quotes and without thousands marked.")
    }

    def to_internal_value(self, data: Any) -> Decimal:
        value = Decimal(data) if type(data) in {int, Decimal} else data
        if isinstance(value, Decimal):
            # 1e999999 would take memory out of proportion
            if abs(value.adjusted()) > 40 or len(value.as_tuple().digits) > WIDE_CONTEXT.prec:
                self.fail("max_digits", max_digits=self.max_digits)
            value = value.normalize(WIDE_CONTEXT) if value else Decimal(0)
        exact: Decimal = super().to_internal_value(value)
        return exact


class StrictDateField(serializers.DateField):
    """2024-01-15, nothing shorter or longer."""

    default_error_messages = {
        "invalid_type": gettext_lazy("Write the day as 2024-01-15, in quotes."),
        "invalid": gettext_lazy("This day does not exist."),
    }

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not ISO_DATE.fullmatch(value):
            self.fail("invalid_type")
        return super().to_internal_value(value)


class StrictChoiceField(serializers.ChoiceField):
    """Choice, whose error suggests the closest one."""

    default_error_messages = {"invalid_choice": "{told}", "near": "{told}"}

    def to_internal_value(self, data: Any) -> str:
        words = [str(word) for word in self.choices]
        if data is None or (data == "" and self.allow_blank):
            return ""
        if not isinstance(data, str) or data not in words:
            problem = unknown_name(self.context, tuple(words), str(data), words, "invalid_choice")
            self.fail(problem.code, told=problem.message)
        return data


class RelatedByCodeField(serializers.Field):
    """Field of a related record: its code or id, alone or as the object in which a response gives it."""

    default_error_messages = {
        "invalid_type": gettext_lazy("Name the record by its “{name}”."),
        "not_on_record": "{told}",
        "near": "{told}",
    }

    def __init__(self, model: Any, **kwargs: Any) -> None:
        self.model, self.key = model, key_field_name(model)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        code = data.get(self.key) if isinstance(data, Mapping) else data
        if type(code) is not (int if self.key == "id" else str):
            self.fail("invalid_type", name=self.key)
        read = self.context.get("found", {})  # by this request, which may name it in each of its records
        if (self.model, code) not in read and is_valid_key(self.key, code):
            record = self.model._base_manager.filter(**{self.key: code}).first()
            if record is None and (pk := former_names(self.model._default_manager).get(code)):
                record = self.model._base_manager.get(pk=pk)
            read[self.model, code] = record
        record = read.get((self.model, code))
        if record is None:
            codes = [] if self.key == "id" else self.model._base_manager.values_list(self.key, flat=True)
            problem = unknown_name(self.context, self.model, str(code), codes, "not_on_record")
            self.fail(problem.code, told=problem.message)
        return record

    def to_representation(self, value: object) -> Any:
        return getattr(value, self.key)


@extend_schema_field(OpenApiTypes.STR)
class UsernameInputField(serializers.Field):
    """Field of a user, by username. An unknown one gets no suggestion, which would tell the names of others."""

    default_error_messages = {
        "invalid_type": gettext_lazy("Name the user by the username, in quotes."),
        "not_on_record": gettext_lazy("There is no user “{input}”."),
    }

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
        "twice": gettext_lazy("“{input}” is named twice."),
        "max_length": gettext_lazy("Name at most {most} records."),
    }

    def __init__(self, model: Any, **kwargs: Any) -> None:
        super().__init__(child=RelatedByCodeField(model), max_length=self.MAX_RECORDS, **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and len(data) > self.MAX_RECORDS:  # before any query
            self.fail("max_length", most=self.MAX_RECORDS)
        records = super().to_internal_value(data)
        for position, record in enumerate(records):
            if record in records[:position]:
                self.fail("twice", input=truncate(self.child.to_representation(record)))
        return records


def is_valid_key(field: str, value: object) -> bool:
    """Return whether a record could have this key: databases reject larger integers and NUL characters."""
    if field == "id":
        return type(value) is int and 0 < value < 2**63
    return isinstance(value, str) and "\0" not in value


def build_write_field(model_field: Any) -> serializers.Field:
    """Return the write field of a model field. Rules that need the record, or others, stay in the model."""
    optional, blank = model_field.blank or model_field.has_default(), model_field.blank
    how: dict[str, Any] = {"required": not optional, "help_text": model_field.help_text}
    if model_field.many_to_many:
        return RelatedListField(model_field.related_model, **{**how, "required": False})
    if model_field.is_relation:
        return RelatedByCodeField(model_field.related_model, allow_null=model_field.null, **how)
    if model_field.choices:
        return StrictChoiceField(choices=model_field.flatchoices, allow_null=blank, allow_blank=blank, **how)
    if isinstance(model_field, models.CharField | models.TextField):
        return StrictCharField(max_length=model_field.max_length, allow_blank=blank, allow_null=blank, **how)
    if isinstance(model_field, models.BooleanField):
        return StrictBooleanField(**how)
    how["allow_null"] = model_field.null
    if isinstance(model_field, models.DateField):
        return StrictDateField(**{**how, "allow_null": model_field.null or blank})
    if isinstance(model_field, models.DecimalField):
        digits, places = model_field.max_digits, model_field.decimal_places
        return StrictDecimalField(max_digits=digits, decimal_places=places, **how)
    # What every supported database stores, so that all reject the same numbers.
    least, most = BaseDatabaseOperations.integer_field_ranges[model_field.get_internal_type()]
    return StrictIntegerField(min_value=least, max_value=most, **how)


# -- records -----------------------------------------------------------------------------------------------


class WriteSerializer(serializers.Serializer):
    """Write serializer of the model of its view: the fields by which a record is read, as far as people edit them."""

    API_NAMES: ClassVar[Mapping[str, str]] = {}  # API name to model field, where they differ
    EXTRA_FIELDS: ClassVar[Sequence[str]] = ()  # fields that no form shows but the API accepts

    @property
    def model(self) -> Any:
        return self.context["view"].model

    def get_fields(self) -> dict[str, serializers.Field]:
        fields: dict[str, serializers.Field] = {}
        declared = super().get_fields()
        for field in editable_fields(self.model, self.EXTRA_FIELDS):
            name = api_name(type(self), field.name)
            if name in declared:
                continue
            fields[name] = build_write_field(field)
            if name != field.name:
                fields[name].source = field.name
        how: dict[str, Any] = {"required": False, "allow_blank": True, "allow_null": True}
        for text in translated_texts(self.model):  # for clients that know one language
            field = self.model._meta.get_field(text.en)
            check = partial(check_stored, field)
            fields[text.name] = StrictCharField(
                max_length=field.max_length, validators=[check], help_text=TRANSLATED_HELP, **how
            )
        reason = StrictCharField(max_length=MAX_REASON, validators=[reject_invisible], help_text=REASON_HELP, **how)
        return {**fields, **declared, "change_reason": reason}


def api_name(serializer: Any, field: str) -> str:
    """Return the name by which a serializer takes a field of its model."""
    return next((name for name, own in getattr(serializer, "API_NAMES", {}).items() if own == field), field)


def check_stored(field: models.Field, text: str) -> None:
    """Run a model field's validators under the name that was sent; NUL is rejected by the serializer's field."""
    for validate in field.validators if "\0" not in text else ():
        validate(text)


def split_translated(text: TranslatedText, record: Any, sent: dict[str, Any]) -> None:
    """Move a text that was sent without a language to the field of its language.

    A client may send a whole record back with this text changed, or with the field of one language changed: the value
    that differs from the record counts, the field of a language first.
    """
    whole, now = sent.pop(text.name) or "", {name: getattr(record, name) for name in (text.en, text.zh)}
    unchanged = whole in now.values() if whole else not any(now.values())
    if unchanged and sent.keys() & now.keys():
        return
    for name, value in text.field_values(whole).items():
        if (sent.get(name) or "") == now[name] or name not in sent:
            sent[name] = value


def reject_invisible(text: str) -> None:
    """Reject invisible characters in one line of text."""
    if invisible_character(text):
        raise serializers.ValidationError(gettext_lazy("Use visible characters only, on one line."), code="hidden")


@dataclass(frozen=True)
class ValidatedInput:
    """Validated input for one record by model field: values and many-to-many lists; and the data as they were sent."""

    values: Mapping[str, Any]
    m2m: Mapping[str, Sequence[Any]]
    reason: str
    data: Mapping[str, Any]


def validate_input(serializer: WriteSerializer, record: Any, readable: Collection[str]) -> ValidatedInput:
    """Validate the data sent for a record. Raises Problem (400) with every error.

    `readable` are names that only responses have: they may be sent back and are ignored. Unless the serializer is
    partial, required fields must be present, and others that are missing are emptied, but for those that keep the value
    they were entered with.
    """
    sent = checked_data(serializer, readable)
    reason = sent.pop("change_reason", None) or serializer.context["reason"]
    for text in translated_texts(record):
        if text.name in sent:
            split_translated(text, record, sent)
    values, lists = {}, {}
    for field in editable_fields(serializer.model, serializer.EXTRA_FIELDS):
        if field.name in sent:
            value = sent.pop(field.name)
        elif not serializer.partial and not (record.pk and field.name in record.fixed_fields()):
            value = [] if field.many_to_many else field.get_default()
        else:
            continue
        if field.many_to_many:
            lists[field.name] = value
        else:
            values[field.name] = "" if value is None and not field.null and field.empty_strings_allowed else value
    return ValidatedInput(values, lists, reason, serializer.initial_data)


def checked_data(serializer: Any, readable: Collection[str] = ()) -> dict[str, Any]:
    """Return what a serializer makes of the data that were sent. Raises Problem (400) with every error."""
    names: list[str] = list(serializer.fields)
    faults = []
    known = {*names, *readable}
    unknown = (truncate(name) for name in serializer.initial_data if name not in known)
    for name in islice(unknown, MAX_UNKNOWN):
        text = unknown_name(serializer.context, type(serializer), name, names, "unknown_field").message
        faults.append(field_error(f"/{json_pointer_escape(name)}", "unknown_field", text))
    if not serializer.is_valid():
        faults += serializer_errors(serializer.errors, "")
    if faults:
        raise Problem.of(faults)
    return dict(serializer.validated_data)


# -- errors ------------------------------------------------------------------------------------------------


def field_error(pointer: str, code: str, text: str, **how: Any) -> Problem:
    """Return a problem whose message begins with its pointer, without the leading slash."""
    return Problem(pointer, code, label_value(pointer.removeprefix("/") or _("record"), text), **how)


def json_pointer_escape(name: str) -> str:
    """Escape a name for a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def serializer_errors(errors: Any, pointer: str) -> Iterator[Problem]:
    """Yield the serializer's own errors, each with its JSON pointer."""
    if isinstance(errors, Mapping):
        for name, found in errors.items():
            is_field = name != api_settings.NON_FIELD_ERRORS_KEY
            yield from serializer_errors(found, f"{pointer}/{json_pointer_escape(str(name))}" if is_field else pointer)
    elif isinstance(errors, FieldErrorDetail):
        yield field_error(pointer, errors.code or "invalid", str(errors))
    else:
        for number, found in enumerate(errors):
            yield from serializer_errors(
                found, pointer if isinstance(found, FieldErrorDetail) else f"{pointer}/{number}"
            )


def model_errors(exc: ValidationError, serializer: Any, pointer: str) -> Iterator[Problem]:
    """Yield the validation errors of a model or service under the field names of a serializer."""
    found = exc.error_dict if hasattr(exc, "error_dict") else {NON_FIELD_ERRORS: exc.error_list}
    for field, errors in found.items():
        at = pointer if field == NON_FIELD_ERRORS else f"{pointer}/{api_name(serializer, field)}"
        yield from (field_error(at, error.code or "rule", text) for error in errors for text in error.messages)
