"""What the API answers, by status: good answers with their shape, refusals with their one shape and their reasons."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.openapi import AutoSchema

from config.exports import XLSX
from config.openapi.examples import Example, problem_examples
from config.openapi.headers import answer_headers
from config.openapi.parts import RESPONSES, SCHEMAS, Part, mapped_of, part, reference
from config.problems import PROBLEM_JSON
from config.serializers import ProblemSerializer

JSON = "application/json"
FILES: Mapping[str, tuple[str, Part]] = {
    "csv": ("text/csv", {"type": "string"}),
    "xlsx": (XLSX, {"type": "string", "format": "binary"}),
}
ADDRESSES: Part = {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}

REFUSALS: Mapping[int, tuple[str, str | Promise, Sequence[str]]] = {
    304: ("NotModified", gettext_lazy("The answer is still the one that you keep."), ["ETag!"]),
    400: (
        "BadRequest",
        gettext_lazy(
            "A parameter, a header or the body is unknown, cannot be read or breaks a rule; each fault is named."
        ),
        [],
    ),
    401: ("Unauthorized", gettext_lazy("Nobody is signed in, or the token opens nothing."), ["WWW-Authenticate!"]),
    403: ("Forbidden", gettext_lazy("Whoever is signed in may not do this, or not to this record."), []),
    404: ("NotFound", gettext_lazy("There is no such record, page or address, or it was not known on the day."), []),
    405: ("MethodNotAllowed", gettext_lazy("The address does not take this method."), ["Allow!"]),
    406: ("NotAcceptable", gettext_lazy("The Accept header allows no format that is made here."), []),
    409: (
        "Conflict",
        gettext_lazy("Another record stands in the way: one with the same code, or one that depends on it."),
        [],
    ),
    412: ("PreconditionFailed", gettext_lazy("The record has changed since you read it."), ["ETag"]),
    413: ("ContentTooLarge", gettext_lazy("The body is longer than 2.5 MB."), []),
    414: ("AddressTooLong", gettext_lazy("The address has more characters than any honest one."), []),
    415: ("UnsupportedMediaType", gettext_lazy("The body is not sent as JSON in UTF-8."), []),
    422: ("UnprocessableContent", gettext_lazy("The Idempotency-Key came with another request before."), []),
    428: ("PreconditionRequired", gettext_lazy("A write has to name the version that it is about."), []),
    431: ("HeadersTooLarge", gettext_lazy("The headers are too many or too large."), []),
    429: ("TooManyRequests", gettext_lazy("More requests than one caller may send in this time."), ["Retry-After!"]),
    503: ("ServiceUnavailable", gettext_lazy("The database does not answer just now."), ["Retry-After!"]),
}
EVERYWHERE = (400, 401, 406, 414, 429, 431, 503)


def refusals(schema: AutoSchema, action: str, *, has_body: bool, of_records: bool) -> dict[str, Any]:
    """The refusals that can occur, by status. `action` is the router's word for what is done.

    A record or a page of them may not be there; an aggregate always is.
    """
    wanted = {*EVERYWHERE}
    if schema.method == "GET":
        wanted |= {304, 404} if of_records else {304}
    else:
        wanted |= {403, 409, 422, *({413, 415} if has_body else ())}
        wanted |= set() if action == "create" else {404, 412, 428}
    return {str(status): refusal(schema, status) for status in sorted(wanted)}


def refusal(schema: AutoSchema, status: int) -> dict[str, str]:
    name, text, headers = REFUSALS[status]
    said: dict[str, Any] = {"description": text, "headers": answer_headers(schema.registry, *headers)}
    if status != 304:
        problem = schema.resolve_serializer(ProblemSerializer, "response").ref
        shown = problem_examples(status)
        said["content"] = {PROBLEM_JSON: {"schema": problem, **({"examples": shown} if shown else {})}}
    return part(schema.registry, RESPONSES, name, said)


# -- good answers ------------------------------------------------------------------------------------------


def stem_of(serializer: Any) -> str:
    """What a face is called in the names of parts: Pilot."""
    return type(serializer).__name__.removesuffix("Serializer")


def whole_and_part(schema: AutoSchema, serializer: Any, about: str) -> dict[str, Any]:
    """An answer with all its fields, or with those that fields, omit or brief have left."""
    stem, mapped = stem_of(serializer), mapped_of(schema, serializer, "response")
    fields = {**mapped["properties"], "demonstration": DEMONSTRATION}
    some = {"type": "object", "description": _("Some of the fields: those asked for."), "properties": fields}
    sparse = part(schema.registry, SCHEMAS, f"PartOf{stem}", some)
    needed = {"type": "object", "required": mapped.get("required", [])}
    whole = {"description": about, "allOf": [sparse, needed]}
    return {"anyOf": [part(schema.registry, SCHEMAS, stem, whole), sparse]}


DEMONSTRATION: Part = {
    "type": "boolean",
    "enum": [True],
    "description": gettext_lazy("Only where all data are invented."),
}


def read_answer(schema: AutoSchema, view: Any, example: Example | None) -> dict[str, Any]:
    """What a read gets: JSON, and the files that the address makes."""
    return {
        "description": _("The answer."),
        "headers": answer_headers(schema.registry, "ETag"),
        "content": {JSON: media(read_shape(schema, view), example), **dict(files(view))},
    }


def read_shape(schema: AutoSchema, view: Any) -> Part:
    """The shape of a read's JSON."""
    if not hasattr(view, "get_serializer"):
        return ADDRESSES
    serializer = view.get_serializer()
    if not takes(view, "fields"):
        return schema.resolve_serializer(serializer, "response").ref
    rows = whole_and_part(schema, serializer, str(view.about))
    if getattr(view, "action", None) != "list":
        return rows
    text = _("The records of the page.")
    pages = view.paginator.get_paginated_response_schema({"type": "array", "items": rows, "description": text})
    return part(schema.registry, SCHEMAS, f"{stem_of(serializer)}List", pages)


def takes(view: Any, name: str) -> bool:
    return any(parameter.name == name for parameter in view.parameters())


def files(view: Any) -> Iterator[tuple[str, Part]]:
    for name in view.formats():
        if name in FILES:
            media_type, shape = FILES[name]
            yield media_type, {"schema": shape}


def written_answer(schema: AutoSchema, view: Any, example: Example | None) -> dict[str, Any]:
    """What a write gets: the record as it then stands, or the records; nothing after a deletion."""
    if schema.method == "DELETE":
        headers = answer_headers(schema.registry, "Idempotent-Replayed")
        return {"description": _("Deleted."), "headers": headers}
    stem = stem_of(view.get_serializer())
    whole_and_part(schema, view.get_serializer(), str(view.about))
    record = reference(SCHEMAS, stem)
    several: Part = {"type": "array", "items": record}
    shapes: dict[str, Part] = {"create": {"oneOf": [record, several]}}
    shapes |= dict.fromkeys(("bulk_update", "bulk_partial_update"), several)
    return {
        "description": _("As it then stands."),
        "headers": answer_headers(schema.registry, *written_headers(view), "Idempotent-Replayed"),
        "content": {JSON: media(shapes.get(view.action, record), example)},
    }


def written_headers(view: Any) -> list[str]:
    """One record has a version, and a new one an address; an array has neither, but each of its records a revision."""
    if view.action == "create":
        return ["Location", "ETag"]
    return ["ETag!"] if view.detail else []


def media(shape: Part, example: Example | None) -> dict[str, Any]:
    return {"schema": shape, **({"examples": {"shown": example.part()}} if example else {})}
