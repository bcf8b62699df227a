"""Views of the OpenAPI schema and of Swagger UI for it."""

import json
from collections.abc import Mapping
from functools import lru_cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy, override
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request

from core.api.viewsets import BaseAPIView


class SchemaView(BaseAPIView, SpectacularAPIView):
    """View of the OpenAPI 3.1 schema as YAML or JSON, in English."""

    schema = None  # type: ignore[assignment]  # it does not describe itself
    renderer_classes = SpectacularAPIView.renderer_classes

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        kind = str(request.accepted_renderer.format)
        name = f'inline; filename="tracker-api.{kind}"'
        media = f"{request.accepted_media_type}; charset=utf-8"
        content = render_schema(kind, settings.SITE_ACCESS)
        return HttpResponse(content, content_type=media, headers={"Content-Disposition": name})


SCHEMA_LOCK = Lock()  # DRF's inspectors are shared by all threads: two schemas at a time would mix their views


@lru_cache(maxsize=2)
def openapi_schema(_access: str) -> Mapping[str, object]:
    """Return the OpenAPI schema. Only the code determines it, so it is built once."""
    with SCHEMA_LOCK, override("en"):
        found: Mapping[str, object] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


@lru_cache(maxsize=4)
def render_schema(kind: str, access: str) -> bytes:
    """Return the schema serialized as json or yaml."""
    found = openapi_schema(access)
    if kind == "json":
        return json.dumps(found, ensure_ascii=False).encode()
    content: bytes = OpenApiYamlRenderer().render(found, renderer_context={})  # type: ignore[no-untyped-call]
    return content


@require_safe
def docs_redirect(request: HttpRequest) -> HttpResponse:
    """Redirect `/api/`, and the former address of the guide, to the API documentation."""
    return redirect("api-docs")


class SwaggerView(SpectacularSwaggerSplitView):
    """View of Swagger UI in the frame of the site; its script is a response of its own, as our CSP demands."""

    url_name = "api-schema"
    template_name = "api/docs.html"
    authentication_classes = ()  # a page, for every reader of the site: tokens are for the API
    permission_classes = ()
    title = gettext_lazy("API documentation")  # type: ignore[assignment]  # a template translates it


swagger_view = SwaggerView.as_view()


def api_docs(request: HttpRequest) -> HttpResponseBase:
    """Render the API reference. A function, because DRF exempts its own views from LoginRequiredMiddleware."""
    return swagger_view(request)
