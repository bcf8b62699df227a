"""Write serializers: writable fields of a record, their validation, and errors with JSON pointers."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail as FieldErrorDetail
from rest_framework.settings import api_settings

from core.api.write.fields import StrictCharField, build_write_field
from core.history.recording import MAX_REASON
from core.http.errors import BadRequest, ErrorDetail, closest_match, truncate
from core.records.writing import NOT_YOURS
from core.text.bilingual import TranslatedText, translated_texts
from core.text.formatting import label_value

NON_FIELD_KEYS = {NON_FIELD_ERRORS, api_settings.NON_FIELD_ERRORS_KEY}
# Unicode categories: controls, direction marks, line ends
INVISIBLE_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
CONFLICT_CODES = {"unique", "unique_together", "fixed", "overtaken", "same", "in_use", "state"}
"""Codes of errors caused by other existing records, or by the state of this one: 409 rather than 400."""


class WriteRejected(BadRequest):
    """Rejected write, with the status of its response and further headers."""

    def __init__(self, status: int, *faults: ErrorDetail, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(*faults)
        self.status_code, self.headers = status, headers or {}


class WriteSerializer(serializers.Serializer):
    """Write serializer: the fields by which a record is read, as far as people may edit them."""

    model: ClassVar[Any]
    API_NAMES: ClassVar[Mapping[str, str]] = {}  # API name to model field, where they differ
    EXTRA_FIELDS: ClassVar[Sequence[str]] = ()  # fields that no form shows but the API accepts

    def get_fields(self) -> dict[str, serializers.Field]:
        fields: dict[str, serializers.Field] = {}
        for field in editable_fields(self.model, self.EXTRA_FIELDS):
            name = self.api_name(field.name)
            fields[name] = build_write_field(field)
            if name != field.name:
                fields[name].source = field.name
        fields |= {text.name: translated_text_field(self.model, text) for text in translated_texts(self.model)}
        text = "Why, for the record’s history. The header X-Change-Reason does the same for a whole request."
        how: dict[str, Any] = {"required": False, "allow_blank": True, "allow_null": True, "help_text": text}
        reason = StrictCharField(max_length=MAX_REASON, validators=[reject_invisible], **how)
        return {**fields, **super().get_fields(), "change_reason": reason}

    @classmethod
    def api_name(cls, field: str) -> str:
        """Return the API's name of a model field."""
        return next((name for name, own in cls.API_NAMES.items() if own == field), field)


def translated_text_field(model: Any, text: TranslatedText) -> StrictCharField:
    """Return a field for clients that know one language: the text goes to the field of its language."""
    explained = (
        "Sets the one of the two fields in whose language it is written; null empties both. Where they are sent as "
        "well, those of them that say something new count."
    )
    field = model._meta.get_field(text.en)
    how: dict[str, Any] = {"required": False, "allow_blank": True, "allow_null": True, "help_text": explained}

    def check(value: str) -> None:
        """Run the model field's validators under the name that was sent; NUL is rejected by the field class."""
        for validate in field.validators if "\0" not in value else ():
            validate(value)

    return StrictCharField(max_length=field.max_length, validators=[check], **how)


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
    if any(unicodedata.category(char) in INVISIBLE_CATEGORIES for char in text):
        raise serializers.ValidationError(gettext_lazy("Use visible characters only, on one line."), code="hidden")


def editable_fields(model: type[Model], more: Sequence[str] = ()) -> Iterator[Any]:
    """Yield the fields that people edit, in model order, many-to-many fields last."""
    yield from (f for f in model._meta.concrete_fields if (f.editable and not f.primary_key) or f.name in more)
    yield from model._meta.many_to_many


@dataclass(frozen=True)
class ValidatedInput:
    """Validated input for one record by model field: values, many-to-many lists, and fields of the serializer's own."""

    values: Mapping[str, object]
    m2m: Mapping[str, Sequence[Any]]
    extra: Mapping[str, Any]
    reason: str


def validate_input(
    entry: type[WriteSerializer],
    record: Any,
    data: Mapping[str, Any],
    *,
    readable: Sequence[str],
    whole: bool,
    context: dict[str, Any],
) -> ValidatedInput:
    """Validate the data sent for a record. Raises WriteRejected (400) with every error.

    `readable` are names that only responses have: they may be sent back and are ignored. `whole`: required fields must
    be present, and others that are missing are emptied, but for those that keep the value they were entered with.
    """
    shape = entry(data=dict(data), partial=not whole, context=context)
    sent = checked_data(shape, data, readable)
    reason = sent.pop("change_reason", None) or ""
    for text in translated_texts(record):
        if text.name in sent:
            split_translated(text, record, sent)
    values, lists = {}, {}
    for field in editable_fields(entry.model, entry.EXTRA_FIELDS):
        if field.name in sent:
            value = sent.pop(field.name)
        elif whole and not (record.pk and field.name in record.fixed_fields()):
            value = [] if field.many_to_many else field.get_default()
        else:
            continue
        if field.many_to_many:
            lists[field.name] = value
        else:
            values[field.name] = "" if value is None and not field.null and field.empty_strings_allowed else value
    return ValidatedInput(values, lists, sent, reason)


def checked_data(
    shape: serializers.Serializer, data: Mapping[str, Any], readable: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what a serializer makes of the data that were sent. Raises WriteRejected (400) with every error."""
    known = list(shape.fields)
    faults = [unknown_field_error(str(name), known) for name in data if name not in {*known, *readable}]
    if not shape.is_valid():
        faults += serializer_errors(shape.errors, "")
    if faults:
        raise WriteRejected(400, *faults)
    return dict(shape.validated_data)


def unknown_field_error(name: str, known: Sequence[str]) -> ErrorDetail:
    near = closest_match(name, known)
    if near:
        text = _("There is no such field. Did you mean “%(near)s”?") % {"near": near}
    else:
        text = _("There is no such field. Known: %(known)s.") % {"known": ", ".join(known)}
    return ErrorDetail(f"/{json_pointer_escape(truncate(name))}", "unknown_field", label_value(truncate(name), text))


def json_pointer_escape(name: str) -> str:
    """Escape a name for a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def serializer_errors(errors: Any, place: str) -> Iterator[ErrorDetail]:
    """Yield the serializer's own errors, each with its JSON pointer."""
    if isinstance(errors, Mapping):
        for name, found in errors.items():
            yield from serializer_errors(
                found, place if name in NON_FIELD_KEYS else f"{place}/{json_pointer_escape(str(name))}"
            )
    elif isinstance(errors, FieldErrorDetail):
        yield ErrorDetail(place, errors.code or "invalid", label_value(pointer_label(place), str(errors)))
    else:
        for number, found in enumerate(errors):
            yield from serializer_errors(found, place if isinstance(found, FieldErrorDetail) else f"{place}/{number}")


def model_errors(exc: ValidationError, entry: type[WriteSerializer], place: str = "") -> list[ErrorDetail]:
    """Return the model's validation errors under the API's field names."""
    found = exc.error_dict if hasattr(exc, "error_dict") else {NON_FIELD_ERRORS: exc.error_list}
    faults = []
    for field, errors in found.items():
        at = place if field == NON_FIELD_ERRORS else f"{place}/{entry.api_name(field)}"
        details = [(error.code or "rule", text) for error in errors for text in error.messages]
        faults += [ErrorDetail(at, code, label_value(pointer_label(at), text)) for code, text in details]
    return faults


def pointer_label(place: str) -> str:
    """Return how an error message begins: the pointer without its leading slash."""
    return place.removeprefix("/") or _("record")


def rejection(faults: Sequence[ErrorDetail]) -> WriteRejected:
    """Return 403 for fields that are not the user's to change, 409 where only other records conflict, 400 where the
    data itself is invalid.
    """
    codes = {fault.code for fault in faults}
    return WriteRejected(403 if NOT_YOURS in codes else 409 if codes <= CONFLICT_CODES else 400, *faults)
