"""A record as a program writes it: which names there are, what they may hold, and what is wrong with what was sent."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.settings import api_settings

from config.bilingual import Translated, translated
from config.faults import BadRequest, Fault, nearest, short
from config.fields import Text, field_for
from config.words import labelled

MAX_REASON = 300
OF_THE_WHOLE = {NON_FIELD_ERRORS, api_settings.NON_FIELD_ERRORS_KEY}
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # controls, marks of direction, ends of lines: as Unicode sorts them
CONFLICTS = {"unique", "unique_together", "fixed", "overtaken", "same", "in_use"}
"""What is wrong with a record because of others that are there: 409 rather than 400."""


class Refusal(BadRequest):
    """A write that is not done, with the status that says why and headers that help."""

    def __init__(self, status: int, *faults: Fault, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(*faults)
        self.status_code, self.headers = status, headers or {}


class Entry(serializers.Serializer):
    """The names under which a record is written: those by which it is read, as far as people may edit them."""

    model: ClassVar[Any]
    NAMES: ClassVar[Mapping[str, str]] = {}  # the API's name of a field, where it is not the model's
    MORE: ClassVar[Sequence[str]] = ()  # fields that no form shows but a program may give

    def get_fields(self) -> dict[str, serializers.Field]:
        fields: dict[str, serializers.Field] = {}
        for field in written_fields(self.model, self.MORE):
            name = self.name_of(field.name)
            fields[name] = field_for(field)
            if name != field.name:
                fields[name].source = field.name
        fields |= {text.name: either_language(self.model, text) for text in translated(self.model)}
        return {**fields, **super().get_fields(), "change_reason": reason_field()}

    @classmethod
    def name_of(cls, field: str) -> str:
        """The API's name of a model's field."""
        return next((name for name, own in cls.NAMES.items() if own == field), field)


def either_language(model: Any, text: Translated) -> Text:
    """A text as programs write it that know of one language: it goes to the field of the language it is written in."""
    explained = gettext_lazy(
        "Sets the one of the two fields in whose language it is written; null empties both. Where they are sent as "
        "well, those of them that say something new count."
    )
    field = model._meta.get_field(text.en)
    how: dict[str, Any] = {"required": False, "allow_blank": True, "allow_null": True, "help_text": explained}

    def check(value: str) -> None:
        """The field's own rules, told of the name that was sent; NUL is refused by the kind of field already."""
        for validate in field.validators if "\0" not in value else ():
            validate(value)

    return Text(max_length=field.max_length, validators=[check], **how)


def separate(text: Translated, record: Any, sent: dict[str, Any]) -> None:
    """Put a text that was sent without its language into the field of its language.

    A client may send a whole record back with this text changed, or with the field of a language changed: what says
    something else than the record counts, the field of a language first.
    """
    whole, now = sent.pop(text.name) or "", {name: getattr(record, name) for name in (text.en, text.zh)}
    unchanged = whole in now.values() if whole else not any(now.values())
    if unchanged and sent.keys() & now.keys():
        return
    for name, value in text.parts(whole).items():
        if (sent.get(name) or "") == now[name] or name not in sent:
            sent[name] = value


def reason_field() -> Text:
    text = gettext_lazy("Why, for the record’s history. The header X-Change-Reason does the same for a whole request.")
    how: dict[str, Any] = {"required": False, "allow_blank": True, "allow_null": True, "help_text": text}
    return Text(max_length=MAX_REASON, validators=[check_visible], **how)


def check_visible(text: str) -> None:
    """Refuse what nobody sees in one line of text."""
    if any(unicodedata.category(char) in HIDDEN for char in text):
        raise serializers.ValidationError(gettext_lazy("Use visible characters only, on one line."), code="hidden")


def written_fields(model: Any, more: Sequence[str] = ()) -> Iterator[Any]:
    """The fields that people edit, in the model's order, relations to many last."""
    yield from (f for f in model._meta.concrete_fields if (f.editable and not f.primary_key) or f.name in more)
    yield from model._meta.many_to_many


@dataclass(frozen=True)
class Given:
    """What was sent for one record, by the model's names: values, relations to many, and parts of its own."""

    values: Mapping[str, Any]
    lists: Mapping[str, Sequence[Any]]
    rest: Mapping[str, Any]
    reason: str


def read(
    entry: type[Entry], record: Any, data: Mapping[str, Any], *, readable: Sequence[str], replace: bool, whole: bool
) -> Given:
    """What was sent for a record, checked by its shape. Raises Refusal (400) with everything that is wrong.

    `readable` are names that only answers have: they may be sent back and are passed over. `whole`: what is needed
    has to be there; `replace`: what is not there is emptied.
    """
    shape = entry(data=dict(data), partial=not whole)
    known = list(dict.fromkeys([*shape.fields, *readable]))
    faults = [unknown_name(str(name), known) for name in data if name not in known]
    if not shape.is_valid():
        faults += list(shape_faults(shape.errors, ""))
    if faults:
        raise Refusal(400, *faults)
    sent = dict(shape.validated_data)
    reason = sent.pop("change_reason", None) or ""
    for text in translated(record):
        if text.name in sent:
            separate(text, record, sent)
    values, lists = {}, {}
    for field in written_fields(entry.model, entry.MORE):
        if field.name in sent:
            value = sent.pop(field.name)
        elif replace:
            value = [] if field.many_to_many else field.get_default()
        else:
            continue
        if field.many_to_many:
            lists[field.name] = value
        else:
            values[field.name] = "" if value is None and not field.null and field.empty_strings_allowed else value
    return Given(values, lists, sent, reason)


def unknown_name(name: str, known: Sequence[str]) -> Fault:
    near = nearest(name, known)
    if near:
        text = _("There is no such field. Did you mean “%(near)s”?") % {"near": near}
    else:
        text = _("There is no such field. Known: %(known)s.") % {"known": ", ".join(known)}
    return Fault(f"/{pointed(short(name))}", "unknown_field", labelled(short(name), text))


def pointed(name: str) -> str:
    """A name as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def shape_faults(errors: Any, place: str) -> Iterator[Fault]:
    """The framework's own findings, one by one, each with its place in the body."""
    if isinstance(errors, Mapping):
        for name, found in errors.items():
            yield from shape_faults(found, place if name in OF_THE_WHOLE else f"{place}/{pointed(str(name))}")
    elif isinstance(errors, ErrorDetail):
        yield Fault(place, errors.code or "invalid", labelled(name_at(place), str(errors)))
    else:
        for number, found in enumerate(errors):
            yield from shape_faults(found, place if isinstance(found, ErrorDetail) else f"{place}/{number}")


def rule_faults(exc: ValidationError, entry: type[Entry], place: str = "") -> list[Fault]:
    """What a record's own rules say against it, under the API's names."""
    found = exc.error_dict if hasattr(exc, "error_dict") else {NON_FIELD_ERRORS: exc.error_list}
    faults = []
    for field, errors in found.items():
        at = place if field == NON_FIELD_ERRORS else f"{place}/{entry.name_of(field)}"
        told = [(error.code or "rule", text) for error in errors for text in error.messages]
        faults += [Fault(at, code, labelled(name_at(at), text)) for code, text in told]
    return faults


def name_at(place: str) -> str:
    """What a fault's message begins with: the place without its leading slash."""
    return place.removeprefix("/") or _("record")


def refused(faults: Sequence[Fault]) -> Refusal:
    """409 where only other records stand in the way, 400 where what was sent is wrong in itself."""
    return Refusal(409 if all(fault.code in CONFLICTS for fault in faults) else 400, *faults)
