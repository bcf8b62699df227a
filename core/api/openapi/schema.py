"""AutoSchema of the API: one OpenAPI operation, generated from its view."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.serializers import Field

from core.api import query_params
from core.api.openapi.headers import request_headers, response_headers
from core.api.openapi.request_bodies import request_body
from core.api.openapi.responses import (
    JSON_MEDIA_TYPE,
    NOT_MODIFIED,
    error_responses,
    read_responses,
    schema_name,
    write_responses,
)

WRITE_TEXTS: dict[str, tuple[str | Promise, str | Promise]] = {
    "create": (
        gettext_lazy("Record one, or many at once"),
        gettext_lazy(
            "One object, or an array of them: then all are recorded or none. What is not sent is empty, or what a new "
            "record has there. Related records go by their code, or as the object in which an answer gives them."
        ),
    ),
    "update": (
        gettext_lazy("Replace one"),
        gettext_lazy("Every field: what is not sent is emptied. A record can be sent back as it was read."),
    ),
    "partial_update": (gettext_lazy("Change one"), gettext_lazy("The fields that are sent; the others stay.")),
    "destroy": (
        gettext_lazy("Delete one"),
        gettext_lazy("Refused with 409 while other records depend on it; they are named."),
    ),
    "bulk_update": (
        gettext_lazy("Replace many at once"),
        gettext_lazy("All are replaced or none. Each names its key and the revision that you read."),
    ),
    "bulk_partial_update": (
        gettext_lazy("Change many at once"),
        gettext_lazy("All are changed or none. Each names its key and the revision that you read."),
    ),
    "bulk_destroy": (
        gettext_lazy("Delete many at once"),
        gettext_lazy(
            "All are deleted or none. Each names its key and the revision that you read; of its other fields only "
            "change_reason counts."
        ),
    ),
}
# Of names that all records share, where neither a serializer nor a model has a help text.
COMMON_FIELD_HELP: Mapping[str, str | Promise] = {
    "id": gettext_lazy("The number by which its address names it."),
    "slug": gettext_lazy("The code by which its address names it."),
    "code": gettext_lazy("The code: it stays the same in every language."),
    "name": gettext_lazy("The name in the reader’s language, else in the other."),
    "title": gettext_lazy("The title in the reader’s language, else in the other."),
    "label": gettext_lazy("The word in the reader’s language."),
    "text": gettext_lazy("The words in the reader’s language."),
    "url": gettext_lazy("The address in the API."),
    "page": gettext_lazy("The address of the page that shows it."),
    "as_of": gettext_lazy("The day that the answer is about."),
    "known": gettext_lazy("The day at whose end the records answered so; today for the records as they are."),
    "unverified": gettext_lazy("Whether the fact was only inferred: every page says so beside it."),
}
LINKED_ACTIONS = ("retrieve", "update", "partial_update", "destroy")


class ApiAutoSchema(AutoSchema):
    """AutoSchema of the API."""

    view: Any  # one of core.api.viewsets, which imports this module

    @property
    def action(self) -> str:
        """Name of the action as in the router; of an aggregate, retrieve."""
        return str(getattr(self.view, "action", None) or self.method_mapping[self.method.lower()])

    @property
    def resource_name(self) -> str:
        """Name of the resource; the API root is "root"."""
        return [*super().get_tags(), "root"][0]

    @property
    def is_read(self) -> bool:
        return self.method == "GET"

    @property
    def is_one(self) -> bool:
        """Whether the URL is that of one record."""
        return bool(getattr(self.view, "detail", False))

    def get_operation_id(self) -> str:
        return f"{self.resource_name.replace('-', '_')}_{self.action}"

    def get_tags(self) -> list[str]:
        return [self.resource_name]

    def get_summary(self) -> str:
        own = self.action_texts()
        if own:
            return str(own[0])
        return str(self.view.detail_heading if self.is_one else self.view.heading)

    def get_description(self) -> str:  # type: ignore[override]
        own = self.action_texts()
        if own:
            return str(own[1])
        return "" if self.is_one else str(self.view.about)

    def action_texts(self) -> tuple[str | Promise, str | Promise] | None:
        """Return summary and description of a write, or of a further action; None for a read of records."""
        own: Mapping[str, tuple[str | Promise, str | Promise]] = getattr(self.view, "action_texts", {})
        return own.get(self.action) or WRITE_TEXTS.get(self.action)

    @property
    def creates(self) -> bool:
        """Whether the answer is 201."""
        return not self.is_read and self.action in self.view.created_actions

    def get_auth(self) -> list[dict[str, object]]:
        """Reads need no authentication on a public site; writes always do."""
        for name, scheme in security_schemes().items():
            kind = ResolvedComponent.SECURITY_SCHEMA
            self.registry.register_on_missing(ResolvedComponent(name, kind, scheme, name))  # type: ignore[no-untyped-call]
        if self.is_read:
            return [] if settings.SITE_ACCESS == "public" else [{"token": []}, {"session": []}]
        return [{"token": []}, {"session": [], "csrf": []}]

    # -- parameters --------------------------------------------------------------------------------------

    def get_override_parameters(self) -> list[Any]:
        own = self.view.parameters() if self.is_read else write_parameters()
        kind = {"is_read": self.is_read, "one": self.is_one}
        asked = request_headers(**kind, creating=self.action == "create")
        return [*self.path_parameters(), *own, *asked, *response_headers(**kind, creating=self.creates)]

    def path_parameters(self) -> list[OpenApiParameter]:
        """Return the code or id in the URL of one record."""
        if not self.is_one:
            return []
        kind: dict[str, object] = {"type": "string", "pattern": f"^{self.view.lookup_value_regex}$"}
        text = _("The record’s code.")
        if self.view.key == "id":
            kind, text = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}, _("The record’s number.")
        shown = [OpenApiExample(self.view.key, value=self.example_key())] if self.view.example_key else []
        return [OpenApiParameter(self.view.key, kind, OpenApiParameter.PATH, description=text, examples=shown)]

    def example_key(self) -> str | int:
        """Return the code or id of the example record."""
        key: str = self.view.example_key
        return int(key or 1) if self.view.key == "id" else key

    def get_filter_backends(self) -> list[object]:
        """Return the filter backends, of an aggregate too."""
        filtered = self.is_read and not self.is_one and getattr(self.view, "filterset_class", None)
        return list(self.view.filter_backends) if filtered else []

    def _is_list_view(self, serializer: object = None) -> bool:
        return False  # pages are described by the view's own parameters and `read_schema`

    # -- request body and responses ------------------------------------------------------------------------

    def _get_request_body(self, direction: object = "request") -> dict[str, object] | None:
        shape = None if self.is_read else request_body(self, schema_name(self.view.read_serializer()), self.view)
        if shape is None:
            return None
        example = self.request_example()
        shown = {"examples": {"shown": {"value": example}}} if example else {}
        needed = self.action not in getattr(self.view, "bodiless_actions", ())
        return {"required": needed, "content": {JSON_MEDIA_TYPE: {"schema": shape, **shown}}}

    def request_example(self) -> Any:
        """Return the example body of a change; None where the schema says all, and of many without a record to name."""
        key, change = self.example_key(), dict(self.view.example_change)
        which = {self.view.key: key, "revision": 1}
        several = {
            "bulk_partial_update": [{**which, **change}],
            "bulk_destroy": [{**which, "change_reason": change["change_reason"]}],
        }
        return {"partial_update": change, **(several if key else {})}.get(self.action)

    def get_response_serializers(self) -> dict[Any, OpenApiResponse]:  # type: ignore[override]
        good = read_responses(self, self.view) if self.is_read else write_responses(self, self.view)
        unchanged = {304: OpenApiResponse(None, description=str(NOT_MODIFIED))} if self.is_read else {}
        kind = {"is_read": self.is_read, "creating": self.action == "create", "has_body": self.action != "destroy"}
        return {**good, **unchanged, **error_responses(**kind, of_records=hasattr(self.view, "lookup_field"))}

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        """Add the links to drf-spectacular's responses."""
        found: dict[str, Any] = super()._get_response_bodies(direction)
        links = self.links()
        if links:
            found["201" if self.action == "create" else "200"]["links"] = links
        return found

    def _get_serializer_field_meta(self, field: Any, direction: object) -> dict[str, object]:
        """Add a description where the field has none: the help text of the model, or of a name that records share."""
        meta: dict[str, object] = super()._get_serializer_field_meta(field, direction)  # type: ignore[no-untyped-call]
        text = "" if "description" in meta else field_help(field)
        return {**meta, "description": text} if text else meta

    def links(self) -> dict[str, object]:
        """Return the operations that can follow with the record of the response."""
        if self.action not in {"list", "create", "retrieve"} or not hasattr(self.view, "lookup_field"):
            return {}
        key, place = self.view.lookup_field.replace("pk", "id"), "results/0/" if self.action == "list" else ""
        names = ("retrieve",) if self.action == "list" else LINKED_ACTIONS
        return {name: self.link(name, key, f"$response.body#/{place}{key}") for name in names if name != self.action}

    def link(self, action: str, key: str, value: str) -> dict[str, object]:
        needs = {f"path.{key}": value}
        if action != "retrieve":
            needs["header.If-Match"] = "$response.header.ETag"
        return {"operationId": f"{self.resource_name.replace('-', '_')}_{action}", "parameters": needs}


def write_parameters() -> list[OpenApiParameter]:
    """Return the query parameters of a write."""
    language = [item for item in query_params.common_parameters(["json"]) if item.name == "lang"]
    return [*language, OpenApiParameter("format", exclude=True)]


def field_help(field: Field) -> str:
    """Return the help text of the model's field, or of a name that records share; empty where there is none."""
    name, model = field.field_name or "", getattr(getattr(field.parent, "Meta", None), "model", None)
    try:
        found = getattr(model._meta.get_field(name), "help_text", "") if model else ""
    except FieldDoesNotExist:
        found = ""
    return str(found or COMMON_FIELD_HELP.get(name, ""))


def security_schemes() -> dict[str, dict[str, object]]:
    """Return the security schemes."""
    return {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": _("A token of your own: make one on the page “Tokens”, or have one made."),
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": _("The user signed in on the pages."),
        },
        "csrf": {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRFToken",
            "description": _("Beside the session, for writes: the token that the page holds."),
        },
    }
