"""One operation of the API, read off its view."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from config import parameters
from config.openapi.answers import JSON, read_answer, refusals, stem_of, written_answer
from config.openapi.arrange import ORDER
from config.openapi.bodies import body_of
from config.openapi.examples import answer_example, body_example
from config.openapi.headers import request_headers
from config.openapi.meanings import explain
from config.openapi.parts import SCHEMES, part
from config.openapi.strings import as_text

EXAMPLE = "x-example"
WRITES: dict[str, tuple[str | Promise, str | Promise]] = {
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
FOLLOWS = ("retrieve", "update", "partial_update", "destroy")


class Description(AutoSchema):
    """One operation, as programs and the documentation read it."""

    view: Any  # one of config.resources, which imports this module

    @property
    def action(self) -> str:
        """What is done, by the router's word; of an aggregate, retrieve."""
        return str(getattr(self.view, "action", None) or self.method_mapping[self.method.lower()])

    @property
    def name(self) -> str:
        """The resource's name; the root has none but its own."""
        return [*super().get_tags(), "root"][0]

    @property
    def reading(self) -> bool:
        return self.method == "GET"

    @property
    def is_one(self) -> bool:
        """Whether the address is that of one record."""
        return bool(getattr(self.view, "detail", False))

    def get_operation_id(self) -> str:
        return f"{self.name.replace('-', '_')}_{self.action}"

    def get_tags(self) -> list[str]:
        return [self.name]

    def get_summary(self) -> str:
        if not self.reading:
            return str(WRITES[self.action][0])
        return str(self.view.one if self.is_one else self.view.heading)

    def get_description(self) -> str:  # type: ignore[override]
        if not self.reading:
            return str(WRITES[self.action][1])
        return "" if self.is_one else str(self.view.about)

    def is_deprecated(self) -> bool:
        return self.view.deprecated is not None

    def get_auth(self) -> list[dict[str, Any]]:
        """On a public site nobody has to sign in for reading; for writing everybody has to."""
        for name, scheme in schemes().items():
            part(self.registry, SCHEMES, name, scheme)
        if self.reading:
            return [] if settings.SITE_ACCESS == "public" else [{"token": []}, {"session": []}]
        return [{"token": []}, {"session": [], "csrf": []}]

    # -- parameters --------------------------------------------------------------------------------------

    def get_override_parameters(self) -> list[Any]:
        own: Sequence[OpenApiParameter] = self.view.parameters() if self.reading else own_language()
        headers = request_headers(reading=self.reading, one=self.is_one, creating=self.action == "create")
        return [*self.path_parameters(), *own, *headers]

    def path_parameters(self) -> list[OpenApiParameter]:
        """The code or number in the address of one record."""
        if not self.is_one:
            return []
        sample, name = self.view.sample, self.view.lookup_field
        shown = [OpenApiExample(name, value=sample)] if sample else []
        if name != "pk":
            text = {"type": "string", "pattern": f"^{self.view.lookup_value_regex}$"}
            return [OpenApiParameter(name, text, "path", description=_("The record’s code."), examples=shown)]
        kind: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
        shown = [OpenApiExample("id", value=int(sample))] if sample else []
        return [OpenApiParameter("id", kind, "path", description=_("The record’s number."), examples=shown)]

    def _get_parameters(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = super()._get_parameters()
        return [as_text(parameter) for parameter in found]

    def _get_filter_parameters(self) -> list[Any]:
        return []  # get_override_parameters names them all

    def _get_pagination_parameters(self) -> list[Any]:
        return []

    def _get_format_parameters(self) -> list[Any]:
        return []

    # -- body and answers ----------------------------------------------------------------------------------

    def _get_request_body(self, direction: Any = "request") -> dict[str, Any] | None:
        shape = None if self.reading else body_of(self, stem_of(self.view.face()), self.view)
        if shape is None:
            return None
        example = body_example(self.name, self.action, self.view.key)
        shown = {"examples": {"shown": example.part()}} if example else {}
        return {"required": True, "content": {JSON: {"schema": shape, **shown}}}

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        example = answer_example(self.name, self.action)
        made = read_answer if self.reading else written_answer
        good = {"links": self.links(), **made(self, self.view, example)}
        status = {"POST": "201", "DELETE": "204"}.get(self.method, "200")
        kind = {"has_body": self.action != "destroy", "of_records": hasattr(self.view, "lookup_field")}
        return {status: with_value(good), **refusals(self, self.action, **kind)}

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        """The frame's own, and what each field means."""
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        model = getattr(getattr(serializer, "Meta", None), "model", None)
        return {**schema, "properties": explain(schema["properties"], model)}

    def links(self) -> dict[str, Any]:
        """What can be done next with the record that the answer shows."""
        if self.action not in {"list", "create", "retrieve"} or not hasattr(self.view, "lookup_field"):
            return {}
        key, place = self.view.lookup_field.replace("pk", "id"), "results/0/" if self.action == "list" else ""
        names = ("retrieve",) if self.action == "list" else FOLLOWS
        return {name: self.link(name, key, f"$response.body#/{place}{key}") for name in names if name != self.action}

    def link(self, action: str, key: str, value: str) -> dict[str, Any]:
        needs = {f"path.{key}": value}
        if action != "retrieve":
            needs["header.If-Match"] = "$response.header.ETag"
        return {"operationId": f"{self.name.replace('-', '_')}_{action}", "parameters": needs}

    def get_extensions(self) -> dict[str, Any]:
        """The example that the documentation links to; none for a record that is not always there."""
        if hasattr(self.view, "routes"):
            return {ORDER: [*self.view.routes], EXAMPLE: self.path}
        path, sample = self.path, getattr(self.view, "sample", "")
        if not self.reading or (self.is_one and not sample):
            return {}
        for name in ("slug", "code", "id"):
            path = path.replace(f"{{{name}}}", sample)
        query = "" if self.is_one else self.view.example
        return {EXAMPLE: f"{path}?{query}" if query else path}


def own_language() -> list[OpenApiParameter]:
    """All that a write takes in its address."""
    return [parameter for parameter in parameters.common(["json"]) if parameter.name == "lang"]


def with_value(parts: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty."""
    return {name: value for name, value in parts.items() if value}


def schemes() -> dict[str, dict[str, Any]]:
    """The ways to say who asks."""
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
            "description": _("Whoever is signed in on the pages."),
        },
        "csrf": {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRFToken",
            "description": _("Beside the session, for writes: the token that the page holds."),
        },
    }
