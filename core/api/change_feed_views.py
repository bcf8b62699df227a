"""Change feed endpoint of the API."""

from collections.abc import Sequence
from datetime import UTC

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema_serializer
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from core.api import query_params
from core.api.filters import comma_list_schema
from core.api.pagination import CURSOR, CURSOR_START, decode_cursor, encode_cursor, parse_page_size
from core.api.query_params import parse_comma_list
from core.api.viewsets import BaseAPIView
from core.history.change_feed import (
    ACTIONS,
    FEED_START,
    FeedItem,
    FeedPage,
    FeedPosition,
    FeedResource,
    feed_bounds,
    read_feed,
)
from core.http.demo_mode import with_demo_flag
from core.http.errors import BadRequest, ErrorDetail, truncate

LATEST = "latest"
CHANGE_CURSOR = "c"  # kind of this cursor, its first letter
PAGE_SIZE, MAX_PAGE_SIZE = 200, 1000

CURSOR_HELP = gettext_lazy(
    "Where to go on: the next_cursor of the answer before. “first” is the oldest change, “latest” the end by now."
)
RESOURCE_FILTER_HELP = gettext_lazy("Only changes of these resources, separated by commas.")
PAGE_SIZE_HELP = gettext_lazy("Changes in an answer, 1 to 1000.")
RESOURCE_HELP = gettext_lazy("Its resource, as addresses name it.")
KEY_HELP = gettext_lazy("Its code or number, as its address has it.")


@extend_schema_serializer(component_name="Named")  # known to clients
class RecordRefSerializer(serializers.Serializer):
    """Serializer of a reference to a record: its resource and key."""

    resource = serializers.CharField(read_only=True, help_text=RESOURCE_HELP)
    key = serializers.CharField(read_only=True, help_text=KEY_HELP)


@extend_schema_serializer(component_name="Change")  # known to clients
class ChangeEventSerializer(serializers.Serializer):
    """Serializer of one change event."""

    action = serializers.ChoiceField(
        sorted(ACTIONS.values()), read_only=True, help_text=gettext_lazy("What happened to it.")
    )
    resource = serializers.CharField(source="kind.resource", read_only=True, help_text=RESOURCE_HELP)
    key = serializers.CharField(read_only=True, help_text=KEY_HELP)
    id = serializers.IntegerField(read_only=True, help_text=gettext_lazy("Its number, which never changes."))
    was = serializers.CharField(
        read_only=True, allow_null=True, help_text=gettext_lazy("The key before, where this change gave it another.")
    )
    of = RecordRefSerializer(
        read_only=True, allow_null=True, help_text=gettext_lazy("The pilot that it belongs to, if it belongs to one.")
    )
    at = serializers.DateTimeField(read_only=True, default_timezone=UTC, help_text=gettext_lazy("When, in UTC."))
    reason = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text=gettext_lazy("The reason that the author of the change gave; null where none was given."),
    )
    by = serializers.CharField(
        read_only=True, allow_null=True, help_text=gettext_lazy("Who did it, for those who may see names in histories.")
    )
    url = serializers.SerializerMethodField(help_text=gettext_lazy("Where it is now; null when it is deleted."))

    def get_url(self, line: FeedItem) -> str | None:
        if line.current_key is None or line.action == "deleted":
            return None
        name = f"api-{line.kind.model._meta.model_name}-detail"
        return str(reverse(name, args=[line.current_key], request=self.context["request"]))


@extend_schema_serializer(component_name="Changes")  # known to clients
class ChangeFeedSerializer(serializers.Serializer):
    """Serializer of one page of the change feed."""

    next_cursor = serializers.SerializerMethodField(help_text=gettext_lazy("Send it as cursor to go on from here."))
    more = serializers.BooleanField(read_only=True, help_text=gettext_lazy("Whether there is more already."))
    results = ChangeEventSerializer(source="lines", many=True, read_only=True)

    def get_next_cursor(self, page: FeedPage) -> str:
        return encode_cursor(CHANGE_CURSOR, page.next.transaction, page.next.event_id)


class ChangeFeedView(BaseAPIView):
    """Change feed view. `feed_resources` are the resources it reports on, given by the URLconf."""

    renderer_classes = [JSONRenderer]
    heading = gettext_lazy("Changes")
    about = gettext_lazy(
        "What happened to the records, one line for each entry of a history, oldest first: by it a copy is kept level "
        "with the tracker. Take the cursor “latest”, then the lists, then follow the line: nothing is missed, and of "
        "one record nothing comes in the wrong order. A line says which record to fetch again, not what changed in it. "
        "What happens to a step of a target, or to a light set by hand, is reported as a change of the target or the "
        "pilot. What a list shows or hides because its day has come has no line."
    )
    feed_resources: Sequence[FeedResource] = ()

    def parameters(self) -> Sequence[OpenApiParameter]:
        """Return the query parameters, without `as_of` and `known`: the feed is the same on every date."""
        names = [kind.resource for kind in self.feed_resources]
        size = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE}
        return [
            OpenApiParameter(CURSOR, description=CURSOR_HELP),
            OpenApiParameter("resource", comma_list_schema(names), description=RESOURCE_FILTER_HELP),
            OpenApiParameter("page_size", size, description=PAGE_SIZE_HELP),
            *(item for item in query_params.common_parameters(self.formats()) if item.name not in {"as_of", "known"}),
        ]

    def get_serializer(self) -> ChangeFeedSerializer:
        """Return the serializer for the OpenAPI schema."""
        return ChangeFeedSerializer()

    def get(self, request: Request) -> Response:
        params, (until, reached) = request.query_params, feed_bounds()
        words = parse_comma_list(params, "resource", [kind.resource for kind in self.feed_resources])
        kinds = [kind for kind in self.feed_resources if not words or kind.resource in words]
        size = parse_page_size(params, PAGE_SIZE, MAX_PAGE_SIZE)
        after = until if params.get(CURSOR) == LATEST else parse_feed_cursor(params, reached)
        page = read_feed(kinds, after, until, size, request.user)
        serializer = ChangeFeedSerializer(page, context={"request": request, "view": self})
        return Response(with_demo_flag(request, serializer.data))


def parse_feed_cursor(params: QueryDict, reached: FeedPosition) -> FeedPosition:
    """Return the feed position of the cursor. Raises BadRequest for an invalid cursor, or one of another database."""
    given = params.get(CURSOR, CURSOR_START)
    if given == CURSOR_START:
        return FEED_START
    numbers = decode_cursor(given, CHANGE_CURSOR, 2)
    if numbers is None:
        text = _("cursor: “%(value)s” is no cursor of the changes. Send “first”, “latest”, or a next_cursor.")
        raise BadRequest(ErrorDetail(CURSOR, "invalid_cursor", text % {"value": truncate(given)}))
    place = FeedPosition(*numbers)
    if place > reached:
        text = _("cursor: ahead of this database, which was restored since. Begin again: “latest”, then all lists.")
        raise BadRequest(ErrorDetail(CURSOR, "cursor_ahead", text))
    return place
