"""Responses in the OpenAPI schema: bodies of reads and writes, and errors with their reasons."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.serializers import BaseSerializer

from core.api.openapi.components import Schema, inline_schema, register_schema, schema_ref
from core.api.serializers import ProblemSerializer
from core.http.problems import PROBLEM_JSON
from core.spreadsheets.file_responses import XLSX_MEDIA_TYPE

JSON_MEDIA_TYPE = "application/json"
FILE_FORMATS = {"csv": ("text/csv", OpenApiTypes.STR), "xlsx": (XLSX_MEDIA_TYPE, OpenApiTypes.BINARY)}
URLS_SCHEMA: Schema = {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}
DEMO_FLAG_SCHEMA: Schema = {
    "type": "boolean",
    "enum": [True],
    "description": gettext_lazy("Only where all data are invented."),
}
NOT_MODIFIED = gettext_lazy("The answer is still the one that you keep.")
PROBLEMS: Mapping[int, str | Promise] = {
    400: gettext_lazy(
        "A parameter, a header or the body is unknown, cannot be read or breaks a rule; each fault is named."
    ),
    401: gettext_lazy("Nobody is signed in, or the token opens nothing."),
    403: gettext_lazy("The signed-in user may not do this, or not to this record."),
    404: gettext_lazy("There is no such record, page or address, or it was not known on the day."),
    406: gettext_lazy("The Accept header allows no format that is made here."),
    409: gettext_lazy("Another record stands in the way: one with the same code, or one that depends on it."),
    412: gettext_lazy("The record has changed since you read it."),
    413: gettext_lazy("The body is longer than 2.5 MB."),
    414: gettext_lazy("The address has more characters than any honest one."),
    415: gettext_lazy("The body is not sent as JSON in UTF-8."),
    422: gettext_lazy("The Idempotency-Key came with another request before."),
    428: gettext_lazy("A write has to name the version that it is about."),
    429: gettext_lazy("More requests than one caller may send in this time."),
    431: gettext_lazy("The headers are too many or too large."),
    503: gettext_lazy("The database or the store of files does not answer just now."),
}
COMMON_ERRORS = {400, 401, 406, 414, 429, 431, 503}
Responses = dict[tuple[int, str], OpenApiResponse]


def error_responses(*, is_read: bool, creating: bool, has_body: bool, of_records: bool) -> Responses:
    """Return the error responses that can occur.

    A record or a page of records may not exist; an aggregate always does.
    """
    if is_read:
        wanted = COMMON_ERRORS | ({404} if of_records else set())
    else:
        wanted = COMMON_ERRORS | {403, 409, 422}
        wanted |= ({413, 415} if has_body else set()) | (set() if creating else {404, 412, 428})
    return {
        (status, PROBLEM_JSON): OpenApiResponse(ProblemSerializer, description=str(PROBLEMS[status]))
        for status in sorted(wanted)
    }


def schema_name(serializer: BaseSerializer) -> str:
    """Return the schema name of a serializer: Pilot."""
    return type(serializer).__name__.removesuffix("Serializer")


def full_and_sparse_schema(schema: AutoSchema, serializer: BaseSerializer, about: str) -> Schema:
    """Return the schema of a response with all its fields, or with those that fields, omit or brief select."""
    stem, mapped = schema_name(serializer), inline_schema(schema, serializer, "response")
    fields = {**mapped["properties"], "demonstration": DEMO_FLAG_SCHEMA}
    some = {"type": "object", "description": _("Some of the fields: those asked for."), "properties": fields}
    sparse = register_schema(schema, f"PartOf{stem}", some)
    needed: Schema = {"type": "object", "required": mapped.get("required", [])}
    whole = register_schema(schema, stem, {"description": about, "allOf": [sparse, needed]})
    return {"anyOf": [whole, sparse]}


def read_responses(schema: AutoSchema, view: Any) -> Responses:
    """Return the response of a read: JSON, and the file formats of the URL."""
    files = [FILE_FORMATS[name] for name in view.formats() if name in FILE_FORMATS]
    shapes = {JSON_MEDIA_TYPE: read_schema(schema, view), **dict(files)}
    return {(200, kind): OpenApiResponse(shape, description=_("The answer.")) for kind, shape in shapes.items()}


def read_schema(schema: AutoSchema, view: Any) -> Schema:
    """Return the JSON schema of a read."""
    if not hasattr(view, "get_serializer"):
        return URLS_SCHEMA
    serializer = view.get_serializer()
    if "fields" not in view.parameter_names():
        ref: Schema = schema.resolve_serializer(serializer, "response").ref
        return ref
    rows = full_and_sparse_schema(schema, serializer, str(view.about))
    if getattr(view, "action", None) not in getattr(view, "list_actions", ()):
        return rows
    text = _("The records of the page.")
    pages = view.paginator.get_paginated_response_schema({"type": "array", "items": rows, "description": text})
    return register_schema(schema, f"{schema_name(serializer)}List", pages)


def write_responses(schema: AutoSchema, view: Any) -> Responses | dict[int, OpenApiResponse]:
    """Return the response of a write: the record or records as they are then; none after a deletion."""
    if schema.method == "DELETE":
        return {204: OpenApiResponse(None, description=_("Deleted."))}
    full_and_sparse_schema(schema, view.get_serializer(), str(view.about))
    record: Schema = schema_ref(schema_name(view.get_serializer()))
    several: Schema = {"type": "array", "items": record}
    shapes: dict[str, Schema] = {"create": {"oneOf": [record, several]}}
    shapes |= dict.fromkeys(("bulk_update", "bulk_partial_update"), several)
    status, shape = 201 if view.action in view.created_actions else 200, shapes.get(view.action, record)
    return {(status, JSON_MEDIA_TYPE): OpenApiResponse(shape, description=_("As it then stands."))}
