"""The API as told to programs and to people: all made from one description, without any outside request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

from config.openapi.pages import Pages, Reference
from config.resources import Strict

USE = Path(settings.BASE_DIR) / "docs" / "examples" / "use"


class Schema(Strict, SpectacularAPIView):
    """The description of the API in OpenAPI 3.1, as YAML or JSON, in the reader's language."""

    schema = None  # type: ignore[assignment]  # it does not describe itself
    renderer_classes = SpectacularAPIView.renderer_classes

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The middleware has set the language already."""
        kind = str(request.accepted_renderer.format)
        content = written(kind, get_language() or "en", settings.SITE_ACCESS)
        name = f'inline; filename="tracker-api.{kind}"'
        media = f"{request.accepted_media_type}; charset=utf-8"
        return HttpResponse(content, content_type=media, headers={"Content-Disposition": name})


@lru_cache(maxsize=4)
def description(language: str, access: str) -> Mapping[str, Any]:
    """The whole description in the active language. The code alone decides it, so that it is made once."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    found: Mapping[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


@lru_cache(maxsize=8)
def written(kind: str, language: str, access: str) -> bytes:
    """The description as a program reads it, json or yaml."""
    found = description(language, access)
    if kind == "json":
        return json.dumps(found, ensure_ascii=False).encode()
    content: bytes = OpenApiYamlRenderer().render(found, renderer_context={})  # type: ignore[no-untyped-call]
    return content


@lru_cache(maxsize=4)
def reference(language: str, access: str) -> Reference:
    return Pages(description(language, access)).reference()


@lru_cache(maxsize=4)
def parts(language: str, access: str) -> Mapping[str, str]:
    """What the page prints of the reference: long, and the same for everybody, so that it is made once."""
    found = {"reference": reference(language, access)}
    return {name: render_to_string(f"parts/api{name}.html", found) for name in ("shared", "errors", "groups")}


@require_safe
def api_home(request: HttpRequest) -> HttpResponse:
    """The redirect from the API's first address to its documentation."""
    return redirect("api-docs")


def api_docs(request: HttpRequest) -> HttpResponse:
    """The documentation page."""
    kind = get_language() or "en", settings.SITE_ACCESS
    context = {
        "title": gettext("API documentation"),
        "finding": gettext(
            "Everything the pages show, for programs: the same records, the same numbers, made by the same functions."
        ),
        "reference": reference(*kind),
        "parts": parts(*kind),
        "base": request.build_absolute_uri(reverse("api-root")),
        "internal": settings.SITE_ACCESS == "internal",
    }
    return render(request, "api_docs.html", context)


@dataclass(frozen=True)
class Shown:
    """A program that the page shows, and what it prints."""

    name: str
    code: str
    prints: str


@cache
def examples() -> Mapping[str, Shown]:
    """The programs by name, with an underscore for the dot: first_sh. The suite runs them as they stand."""
    files = sorted(path for path in USE.iterdir() if path.suffix != ".out")
    return {
        path.name.replace(".", "_"): Shown(path.name, path.read_text(), path.with_name(f"{path.name}.out").read_text())
        for path in files
    }


def api_use(request: HttpRequest) -> HttpResponse:
    """The page that leads a newcomer through it."""
    context = {
        "title": gettext("Use the API"),
        "finding": gettext(
            "From nothing to the rollout of a policy in a table, and one plan corrected, in ten minutes."
        ),
        "examples": examples(),
        "base": request.build_absolute_uri(reverse("api-root")).rstrip("/"),
        "crumbs": [{"label": gettext("API documentation"), "url": "api-docs"}, {"label": gettext("Use the API")}],
    }
    return render(request, "api_use.html", context)
