"""Request-body components of the OpenAPI schema, generated from the write serializers.

Each resource has four: `…Edit`, in which every field is optional; `…Entry`, in which some are required; and the bulk
variants of both, in which each record names its key and the revision that was read.
"""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema

from core.api.openapi.components import Schema, inline_schema, register_schema, schema_ref
from core.api.write.fields import StrictCharField

IGNORED_FIELD = "PassedOver"


class RelatedByCodeExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Schema of a related record: its code or id alone, or the object in which a response gives it."""

    target_class = "core.api.write.fields.RelatedByCodeField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: object) -> Any:
        key, kind = self.target.key, "integer" if self.target.key == "id" else "string"
        alone: Schema = {"type": kind}
        whole: Schema = {
            "type": "object",
            "description": _("As an answer gives it; only “%(key)s” is read.") % {"key": key},
            "required": [key],
            "properties": {key: alone},
        }
        linked = register_schema(auto_schema, f"By{key.capitalize()}", whole)
        return register_schema(auto_schema, f"{key.capitalize()}Reference", {"oneOf": [alone, linked]})


def write_schema(schema: AutoSchema, stem: str, view: Any) -> dict[str, str]:
    """Return the schema of a complete record."""
    mapped = write_fields(schema, view)
    edited = {
        "type": "object",
        "description": _("The fields of a record that are to change. What is not sent stays."),
        "properties": {**mapped["properties"], **read_only_fields(schema, view, mapped["properties"])},
        "additionalProperties": False,
    }
    edit = register_schema(schema, f"{stem}Edit", edited)
    more = {"type": "object", "required": mapped.get("required", [])}
    text = _("A record to be written whole. What is not sent is empty, or what a new record has there.")
    return register_schema(schema, f"{stem}Entry", {"description": text, "allOf": [edit, more]})


def write_fields(schema: AutoSchema, view: Any) -> dict[str, Any]:
    """Return the write serializer's fields and which of them are required."""
    entry = view.write_serializer_class()
    mapped = inline_schema(schema, entry, "request")
    for name, field in entry.fields.items():
        if isinstance(field, StrictCharField) and not field.allow_blank:
            mapped["properties"][name]["minLength"] = 1
    return mapped


def read_only_fields(schema: AutoSchema, view: Any, written: Schema) -> dict[str, Any]:
    """Return the fields that only responses have: a record can be sent back as it was read."""
    text = _("Only answers say it. It may be sent back and is passed over.")
    ref = register_schema(schema, IGNORED_FIELD, {"description": text})
    return {name: ref for name in view.read_serializer().fields if name not in written}


def bulk_schema(schema: AutoSchema, stem: str, view: Any, word: str) -> dict[str, Any]:
    """Return the schema of many records, each with its key and the revision that was read; `word` is Edit or Entry."""
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
    whole = {"description": text, "allOf": [schema_ref(f"{stem}{word}"), named]}
    return array_schema(register_schema(schema, f"{stem}Bulk{word}", whole), view)


def array_schema(item: Schema, view: Any) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1, "maxItems": view.max_bulk_records}


def action_schema(schema: AutoSchema, view: Any) -> dict[str, str]:
    """Return the body of a further action of a record."""
    entry = view.action_serializers[view.action]()
    shape = {**inline_schema(schema, entry, "request"), "additionalProperties": False}
    return register_schema(schema, type(entry).__name__.replace("WriteSerializer", "Entry"), shape)


def request_body(schema: AutoSchema, stem: str, view: Any) -> dict[str, Any] | None:
    """Return the request body of an operation; None for none."""
    if view.action in view.action_serializers:
        return action_schema(schema, view)
    entry, edit = write_schema(schema, stem, view), schema_ref(f"{stem}Edit")
    match view.action:
        case "create":
            return {"oneOf": [entry, array_schema(entry, view)]}
        case "update":
            return entry
        case "partial_update":
            return edit
        case "bulk_update":
            return bulk_schema(schema, stem, view, "Entry")
        case "bulk_partial_update" | "bulk_destroy":
            return bulk_schema(schema, stem, view, "Edit")
    return None
