"""What a write may hold, as JSON Schema: read off the entry that checks it.

Of each kind of record there are four: `…Edit`, of which every field may be left out; `…Entry`, of which some are
needed; and the same for many records at once, where each names its key and the revision that was read.
"""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema

from config.fields import Text
from config.openapi.parts import SCHEMAS, Part, mapped_of, part, reference

PASSED_OVER = "PassedOver"


class References(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A related record: its code or number alone, or the object in which an answer gives it."""

    target_class = "config.fields.Reference"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Any:
        key, kind = self.target.key, "integer" if self.target.key == "id" else "string"
        alone: Part = {"type": kind}
        whole: Part = {
            "type": "object",
            "description": _("As an answer gives it; only “%(key)s” is read.") % {"key": key},
            "required": [key],
            "properties": {key: alone},
        }
        linked = part(auto_schema.registry, SCHEMAS, f"By{key.capitalize()}", whole)
        return part(auto_schema.registry, SCHEMAS, f"{key.capitalize()}Reference", {"oneOf": [alone, linked]})


def entry_part(schema: AutoSchema, stem: str, view: Any) -> dict[str, str]:
    """A record to be written whole."""
    mapped = fields_of(schema, view)
    edited = {
        "type": "object",
        "description": _("The fields of a record that are to change. What is not sent stays."),
        "properties": {**mapped["properties"], **passed_over(schema, view, mapped["properties"])},
        "additionalProperties": False,
    }
    edit = part(schema.registry, SCHEMAS, f"{stem}Edit", edited)
    more = {"type": "object", "required": mapped.get("required", [])}
    text = _("A record to be written whole. What is not sent is empty, or what a new record has there.")
    return part(schema.registry, SCHEMAS, f"{stem}Entry", {"description": text, "allOf": [edit, more]})


def fields_of(schema: AutoSchema, view: Any) -> dict[str, Any]:
    """The fields of the entry and which of them are needed."""
    entry = view.entry()
    mapped = mapped_of(schema, entry, "request")
    for name, field in entry.fields.items():
        if isinstance(field, Text) and not field.allow_blank:
            mapped["properties"][name]["minLength"] = 1
    return mapped


def passed_over(schema: AutoSchema, view: Any, written: Part) -> dict[str, Any]:
    """The names that only answers have: a record can be sent back as it was read."""
    text = _("Only answers say it. It may be sent back and is passed over.")
    ref = part(schema.registry, SCHEMAS, PASSED_OVER, {"description": text})
    return {name: ref for name in view.face().fields if name not in written}


def bulk_part(schema: AutoSchema, stem: str, view: Any, word: str) -> dict[str, Any]:
    """Many records at once, each with its key and the revision that was read; `word` is Edit or Entry."""
    key = view.key
    named = {
        "type": "object",
        "required": [key, "revision"],
        "properties": {
            key: {"type": "integer" if key == "id" else "string", "description": _("Which record.")},
            "revision": {"type": "integer", "description": _("The number that the record had when you read it.")},
        },
    }
    text: str | Promise = _("One of many records: its key, the revision that was read, and the fields.")
    whole = {"description": text, "allOf": [reference(SCHEMAS, f"{stem}{word}"), named]}
    return many(part(schema.registry, SCHEMAS, f"{stem}Bulk{word}", whole), view)


def many(item: Part, view: Any) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1, "maxItems": view.most_at_once}


def body_of(schema: AutoSchema, stem: str, view: Any) -> dict[str, Any] | None:
    """The body that an operation takes; None for none."""
    entry, edit = entry_part(schema, stem, view), reference(SCHEMAS, f"{stem}Edit")
    match view.action:
        case "create":
            return {"oneOf": [entry, many(entry, view)]}
        case "update":
            return entry
        case "partial_update":
            return edit
        case "bulk_update":
            return bulk_part(schema, stem, view, "Entry")
        case "bulk_partial_update" | "bulk_destroy":
            return bulk_part(schema, stem, view, "Edit")
    return None
