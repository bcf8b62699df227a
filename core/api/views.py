"""Views of the API besides those of records and aggregates: its root, the change feed, the schema and Swagger UI."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from functools import lru_cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.utils import OpenApiParameter, extend_schema_serializer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from core.api.pagination import CURSOR, CURSOR_START, decode_cursor, encode_cursor, parse_page_size
from core.api.viewsets import BaseAPIView, parse_comma_list
from core.days import with_demo_flag
from core.errors import Problem, truncate
from core.history.change_feed import ACTIONS, FEED_START, FeedPosition, FeedResources, feed_bounds, read_feed

LATEST = "latest"
CHANGE_CURSOR = "c"  # kind of this cursor, its first letter
PAGE_SIZE, MAX_PAGE_SIZE = 200, 1000

RESOURCE_HELP, KEY_HELP = "Its resource, as addresses name it.", "Its code or number, as its address has it."


class ApiRootView(BaseAPIView):
    """API root: the names and URLs of all resources and aggregates."""

    renderer_classes = [JSONRenderer]
    heading = gettext_lazy("All addresses")
    about = "The resources and aggregates by name, each with its address."
    routes: Mapping[str, str] = {}  # resource name to URL name

    def get(self, request: Request) -> Response:
        return Response({name: request.build_absolute_uri(reverse(url)) for name, url in self.routes.items()})


# -- change feed -------------------------------------------------------------------------------------------


@extend_schema_serializer(component_name="Named")  # known to clients
class RecordRefSerializer(serializers.Serializer):
    """Serializer of a reference to a record: its resource and key."""

    resource = serializers.CharField(read_only=True, help_text=RESOURCE_HELP)
    key = serializers.CharField(read_only=True, help_text=KEY_HELP)


@extend_schema_serializer(component_name="Change")  # known to clients
class ChangeEventSerializer(serializers.Serializer):
    """Serializer of one change event."""

    action = serializers.ChoiceField(sorted(ACTIONS.values()), read_only=True, help_text="What happened to it.")
    resource = serializers.CharField(read_only=True, help_text=RESOURCE_HELP)
    key = serializers.CharField(read_only=True, help_text=KEY_HELP)
    id = serializers.IntegerField(read_only=True, help_text="Its number, which never changes.")
    was = serializers.CharField(read_only=True, allow_null=True, help_text="The key before, where it was another.")
    of = RecordRefSerializer(read_only=True, allow_null=True, help_text="The pilot that it belongs to, if to one.")
    at = serializers.DateTimeField(read_only=True, default_timezone=UTC, help_text="When, in UTC.")
    reason = serializers.CharField(read_only=True, allow_null=True, help_text="The reason that its author gave.")
    by = serializers.CharField(read_only=True, allow_null=True, help_text="Who did it, for those who may see names.")
    url = serializers.SerializerMethodField(help_text="Where it is now; null when it is deleted.")

    def get_url(self, line: Mapping[str, Any]) -> str | None:
        now = line["current"]
        if now is None:
            return None
        name = f"api-{now.model.partition('.')[2]}-detail"
        return str(reverse(name, args=[now.key], request=self.context["request"]))


@extend_schema_serializer(component_name="Changes")  # known to clients
class ChangeFeedSerializer(serializers.Serializer):
    """Serializer of one page of the change feed."""

    next_cursor = serializers.SerializerMethodField(help_text="Send it as cursor to go on from here.")
    more = serializers.BooleanField(read_only=True, help_text="Whether there is more already.")
    results = ChangeEventSerializer(source="lines", many=True, read_only=True)

    def get_next_cursor(self, page: Mapping[str, Any]) -> str:
        return encode_cursor(CHANGE_CURSOR, page["next"].transaction, page["next"].event_id)


class ChangeFeedView(BaseAPIView):
    """Change feed view. `feed_resources` are the resources it reports on, given by the URLconf."""

    renderer_classes = [JSONRenderer]
    heading = gettext_lazy("Changes")
    about = (
        "What happened to the records, one line for each entry of a history, oldest first: by it a copy is kept level "
        "with the tracker. Take the cursor “latest”, then the lists, then follow the line: nothing is missed and "
        "nothing comes twice. A line says which record to fetch again as it is now, not what changed in it. "
        "docs/api.md says more."
    )
    serializer_class = ChangeFeedSerializer
    day_parameters = ()
    feed_resources = FeedResources({}, "", lambda _user: Q())

    def parameters(self) -> Sequence[OpenApiParameter]:
        """Return the query parameters, without `as_of` and `known`: the feed is the same on every date."""
        names = ", ".join(self.feed_resources.names.values())
        only = f"Only changes of these resources, separated by commas. Known: {names}"
        begin = "The next_cursor of the answer before; “first” is the oldest change, “latest” the end by now."
        return [
            OpenApiParameter(CURSOR, description=begin),
            OpenApiParameter("resource", description=only),
            OpenApiParameter("page_size", int, description="Changes in an answer, 1 to 1000."),
            *super().parameters(),
        ]

    def get(self, request: Request) -> Response:
        params, (until, reached) = request.query_params, feed_bounds()
        names = list(self.feed_resources.names.values())
        wanted = parse_comma_list(params, "resource", names) or names
        size = parse_page_size(params, PAGE_SIZE, MAX_PAGE_SIZE)
        given, after = params.get(CURSOR, CURSOR_START), FEED_START
        if given == LATEST:
            after = until
        elif given != CURSOR_START:
            numbers = decode_cursor(given, CHANGE_CURSOR, 2)
            if numbers is None:
                text = _("cursor: “%(value)s” is no cursor of the changes. Send “first”, “latest”, or a next_cursor.")
                raise Problem(CURSOR, "invalid_cursor", text % {"value": truncate(given)})
            after = FeedPosition(*numbers)
            if after > reached:
                text = _(
                    "cursor: ahead of this database, which was restored since. Begin again: “latest”, then all lists."
                )
                raise Problem(CURSOR, "cursor_ahead", text)
        page = read_feed(self.feed_resources, wanted, after, until, size, request.user)
        return Response(with_demo_flag(request, self.get_serializer(page).data))


# -- schema ------------------------------------------------------------------------------------------------


class SchemaView(BaseAPIView, SpectacularAPIView):
    """View of the OpenAPI 3.1 schema as YAML or JSON, in English."""

    schema = None  # it does not describe itself
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
        schema: Mapping[str, object] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema


@lru_cache(maxsize=4)
def render_schema(kind: str, access: str) -> bytes:
    schema = openapi_schema(access)
    if kind == "json":
        return json.dumps(schema, ensure_ascii=False).encode()
    content: bytes = OpenApiYamlRenderer().render(schema, renderer_context={})  # type: ignore[no-untyped-call]
    return content


class SwaggerView(SpectacularSwaggerSplitView):
    """View of Swagger UI in the frame of the site; its script is a response of its own, as our CSP demands."""

    url_name = "api-schema"
    template_name = "api/docs.html"
    authentication_classes = ()  # a page, for every reader of the site: tokens are for the API
    permission_classes = ()
    title = gettext_lazy("API documentation")  # type: ignore[assignment]  # a template translates it


api_docs: Any = SwaggerView.as_view()
api_docs.login_required = True  # DRF exempts its own views from LoginRequiredMiddleware
