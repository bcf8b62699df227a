"""The OpenAPI schema: drf-spectacular's, with the bodies and errors that all views share."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from core.api.serializers import ProblemSerializer
from core.api.viewsets import RecordViewSet
from core.api.writes import JSON_MEDIA_TYPE, MAX_BULK_RECORDS
from core.errors import PROBLEM_JSON
from core.spreadsheets.writer import XLSX_MEDIA_TYPE

Schema = Mapping[str, object]
FILE_FORMATS = {"csv": ("text/csv", OpenApiTypes.STR), "xlsx": (XLSX_MEDIA_TYPE, OpenApiTypes.BINARY)}
COMMON_ERRORS = {400, 401, 406, 414, 429, 431, 503}
IF_MATCH_HELP = "The ETag of the version that you have read. 412 says that the record has changed since."
KEY_HELP = "A new word for each request: repeated under it within a day it gets the same answer."
REASON_HELP = "Why, for the history; beyond ASCII as UTF-8, or in the body as change_reason."
HEADERS = {"Idempotency-Key": KEY_HELP, "X-Change-Reason": REASON_HELP}
FIELD_HELP = {  # of names that all records share
    "id": "The number by which its address names it.",
    "slug": "The code by which its address names it.",
    "code": "The code: it stays the same in every language.",
    "name": "The name in the reader’s language, else in the other.",
    "title": "The title in the reader’s language, else in the other.",
    "label": "The word in the reader’s language.",
    "text": "The words in the reader’s language.",
    "url": "The address in the API.",
    "page": "The address of the page that shows it.",
    "as_of": "The day that the answer is about.",
    "known": "The day at whose end the records answered so; today for the records as they are.",
    "unverified": "Whether the fact was only inferred: every page says so beside it.",
}
SECURITY_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of your own, from the page “Tokens”."},
    "session": {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRFToken", "description": "Beside the session, for writes."},
}


class ApiAutoSchema(AutoSchema):
    view: Any  # one of core.api.viewsets

    @property
    def action(self) -> str:
        """Name of the action as in the router; of an aggregate, retrieve."""
        return str(getattr(self.view, "action", None) or self.method_mapping[self.method.lower()])

    def get_tags(self) -> list[str]:
        """Return the name of the resource; the API root is "root"."""
        return [*super().get_tags(), "root"][:1]

    def get_operation_id(self) -> str:
        return f"{self.get_tags()[0].replace('-', '_')}_{self.action}"

    def get_summary(self) -> str:
        return str(self.view.heading)

    def get_description(self) -> str:  # type: ignore[override]
        return str(self.view.about)

    def get_auth(self) -> list[dict[str, object]]:
        """Reads need no authentication on a public site; writes always do."""
        for name, scheme in SECURITY_SCHEMES.items():
            self.register(name, scheme, ResolvedComponent.SECURITY_SCHEMA)
        if self.method == "GET":
            return [] if settings.SITE_ACCESS == "public" else [{"token": []}, {"session": []}]
        return [{"token": []}, {"session": [], "csrf": []}]

    def register(self, name: str, content: Schema, kind: Any = ResolvedComponent.SCHEMA) -> Schema:
        """Register a component unless it exists, and return a reference to it."""
        component = ResolvedComponent(name, kind, content, name)  # type: ignore[no-untyped-call]
        self.registry.register_on_missing(component)
        return dict(component.ref)

    def get_override_parameters(self) -> list[Any]:
        """Return the parameters besides filters; a write of a record that exists needs If-Match."""
        one = getattr(self.view, "detail", False)
        key = [OpenApiParameter("id", int, OpenApiParameter.PATH)] if one and self.view.lookup_field == "id" else []
        headers = {} if self.method == "GET" else {"If-Match": IF_MATCH_HELP, **HEADERS} if one else HEADERS
        more = [
            OpenApiParameter(name, location=OpenApiParameter.HEADER, required=name == "If-Match", description=text)
            for name, text in headers.items()
        ]
        return [*key, *self.view.parameters(), *more]

    def get_filter_backends(self) -> list[object]:
        return list(self.view.filter_backends) if self.view.filter_names() else []

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name}List"

    def _get_serializer_name(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> str:
        """Name a body PlanEntry, and PlanEdit where every field is optional."""
        name: str = super()._get_serializer_name(serializer, direction, bypass_extensions)
        if not name.endswith("Write"):
            return name
        return self.body_name() + ("Edit" if serializer.partial else "Entry")

    def body_name(self) -> str:
        """Return what the names of the bodies begin with: Plan."""
        own: str = self.view.write_serializer_class.__name__.removesuffix("WriteSerializer")
        return own or str(self.view.serializer_class.__name__.removesuffix("Serializer"))

    def _get_serializer_field_meta(self, field: Any, direction: Any) -> dict[str, object]:
        """Describe a field by the help text of the model, or by what its name means everywhere."""
        meta: dict[str, object] = super()._get_serializer_field_meta(field, direction)  # type: ignore[no-untyped-call]
        model = getattr(getattr(field.parent, "Meta", None), "model", None)
        helped = {own.name: getattr(own, "help_text", "") for own in model._meta.get_fields()} if model else {}
        text = helped.get(field.field_name) or FIELD_HELP.get(field.field_name)
        return {"description": str(text), **meta} if text else meta

    # -- bodies ------------------------------------------------------------------------------------------

    def _get_request_body(self, direction: object = "request") -> dict[str, object] | None:
        """Return one record, or many: an array of them may stand in a DELETE too, which the library gives no body."""
        view, is_bulk = self.view, self.action.startswith("bulk_")
        if self.method == "GET" or self.action == "destroy":
            return None
        partial = self.method in {"PATCH", "DELETE"}
        body = view.write_serializer_class(partial=partial, context={"view": view})
        if not body.fields:
            return None
        schema: Schema = self.resolve_serializer(body, "request").ref
        if is_bulk:
            key = {"type": "integer" if view.lookup_field == "id" else "string"}
            named = {view.lookup_field: key, "revision": {"type": "integer"}}
            more = {"type": "object", "required": list(named), "properties": named}
            schema = self.register(f"{self.body_name()}Bulk{'Edit' if partial else 'Entry'}", {"allOf": [schema, more]})
        many = {"type": "array", "items": schema, "minItems": 1, "maxItems": MAX_BULK_RECORDS}
        schema = many if is_bulk else {"oneOf": [schema, many]} if self.action == "create" else schema
        return {"required": True, "content": {JSON_MEDIA_TYPE: {"schema": schema}}}

    def get_response_serializers(self) -> dict[Any, Any]:  # type: ignore[override]
        """Return the answers; of a list the serializer stands for its pages."""
        view, rows = self.view, self.view.lists_rows and isinstance(self.view, RecordViewSet)
        if self.method == "DELETE":
            good: dict[Any, Any] = {204: None}
        elif self.method == "GET":
            one = {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}  # of the root
            if view.serializer_class:
                one = view.get_serializer(many=True) if rows or self.action == "list" else view.get_serializer()
            files = {(200, kind): shape for name, (kind, shape) in FILE_FORMATS.items() if name in view.formats()}
            good = {(200, JSON_MEDIA_TYPE): one, 304: None, **files}
        else:
            one = self.resolve_serializer(view.get_serializer(), "response").ref
            many: Schema = {"type": "array", "items": one}
            shape = {"oneOf": [one, many]} if self.action == "create" else many if "bulk" in self.action else one
            good = {(201 if self.action == "create" or rows else 200, JSON_MEDIA_TYPE): shape}
        return {**good, **self.error_responses()}

    def error_responses(self) -> dict[Any, OpenApiResponse]:
        """Return the errors that can occur. A record or a page of records may not exist; an aggregate always does."""
        wanted = COMMON_ERRORS | ({404} if "{" in self.path or isinstance(self.view, RecordViewSet) else set())
        if self.method != "GET":
            wanted |= {403, 409, 422} | ({412, 428} if self.action != "create" else set())
            wanted |= {413, 415} if self.action != "destroy" else set()
            wanted -= {404} if self.action == "create" else set()
        return {
            (status, PROBLEM_JSON): OpenApiResponse(ProblemSerializer, description=HTTPStatus(status).phrase)
            for status in sorted(wanted)
        }


class RelatedByCodeExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Schema of a related record: its code or id alone, or the object in which a response gives it."""

    target_class = "core.api.write_serializers.RelatedByCodeField"

    def map_serializer_field(self, auto_schema: Any, direction: object) -> Any:
        key = self.target.key
        alone = {"type": "integer" if key == "id" else "string"}
        whole = {"type": "object", "required": [key], "properties": {key: alone}}
        linked = auto_schema.register(f"By{key.capitalize()}", whole)
        return auto_schema.register(f"{key.capitalize()}Reference", {"oneOf": [alone, linked]})
