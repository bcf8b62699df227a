"""The API's description for programs and for people: both made from the same schema, without any outside request."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from config.openapi import EXAMPLE
from config.resources import Strict


class Schema(Strict, SpectacularAPIView):
    """The description of the API in OpenAPI 3.1, as YAML or JSON, in the reader's language."""

    schema = None  # type: ignore[assignment]  # it does not describe itself
    renderer_classes = SpectacularAPIView.renderer_classes

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The middleware has set the language already."""
        response: Response = self._get_schema_response(request)  # type: ignore[no-untyped-call]
        return response


@dataclass(frozen=True)
class ParameterLine:
    name: str
    required: bool
    kind: str
    words: Sequence[str]
    default: str
    description: str
    example: str


@dataclass(frozen=True)
class OperationText:
    """One address as the page prints it."""

    anchor: str
    path: str
    summary: str
    description: str
    parameters: Sequence[ParameterLine]
    formats: Sequence[str]
    example: str


@dataclass(frozen=True)
class Group:
    """The addresses of one resource."""

    anchor: str
    title: str
    operations: Sequence[OperationText]


def api_docs(request: HttpRequest) -> HttpResponse:
    """The documentation page."""
    context = {
        "title": gettext("API documentation"),
        "finding": gettext(
            "Everything the pages show, for programs: the same records, the same numbers, made by the same functions."
        ),
        "groups": groups(get_language() or "en"),
        "base": request.build_absolute_uri(reverse("api-root")),
        "internal": settings.SITE_ACCESS == "internal",
    }
    return render(request, "api_docs.html", context)


@lru_cache(maxsize=4)
def groups(language: str) -> Sequence[Group]:
    """All addresses in the active language. The code alone decides them, so that they are read once."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    paths = generator.get_schema(request=None, public=True)["paths"]  # type: ignore[no-untyped-call]
    found: dict[str, list[OperationText]] = {}
    for path, methods in paths.items():
        for operation in methods.values():
            found.setdefault(operation["tags"][0], []).append(text_of(path, operation))
    return [Group(tag, own[0].summary, own) for tag, own in found.items()]


def text_of(path: str, operation: Mapping[str, Any]) -> OperationText:
    return OperationText(
        anchor=operation["operationId"],
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=[line_of(parameter) for parameter in operation.get("parameters", [])],
        formats=list(operation["responses"]["200"]["content"]),
        example=operation.get(EXAMPLE, ""),
    )


def line_of(parameter: Mapping[str, Any]) -> ParameterLine:
    schema = parameter["schema"]
    item = schema.get("items", schema)
    example = next((shown["value"] for shown in parameter.get("examples", {}).values()), "")
    return ParameterLine(
        name=parameter["name"],
        required=parameter.get("required", False),
        kind="date" if item.get("format") == "date" else item.get("type", "string"),
        words=[word for word in item.get("enum", []) if not str(word).startswith("-")],
        default=str(schema.get("default", "")),
        description=parameter.get("description", ""),
        example=joined(example),
    )


def joined(example: Any) -> str:
    """An example as it stands in an address."""
    if isinstance(example, Iterable) and not isinstance(example, str):
        return ",".join(str(word) for word in example)
    return str(example)
