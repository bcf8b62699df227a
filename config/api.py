"""The house's own part of the API: the line of all changes."""

from collections.abc import Sequence
from datetime import UTC

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from config import parameters
from config.changes import ACTIONS, FIRST, Kind, Line, Page, Place, ends, read
from config.demonstration import body
from config.faults import BadRequest, Fault, short
from config.paging import BEGINNING, CURSOR, read_cursor, read_size, write_cursor
from config.parameters import words_of
from config.resources import Strict

LATEST = "latest"
LINES = "c"  # the letter of this cursor
PAGE_SIZE, MAX_PAGE_SIZE = 200, 1000

WHERE = gettext_lazy(
    "Where to go on: the next_cursor of the answer before. “first” is the oldest change, “latest” the end by now."
)
WHICH = gettext_lazy("Only changes of these resources, separated by commas.")
SIZE = gettext_lazy("Changes in an answer, 1 to 1000.")
RESOURCE = gettext_lazy("Its resource, as addresses name it.")
KEY = gettext_lazy("Its code or number, as its address has it.")


class NamedSerializer(serializers.Serializer):
    """A record by the words of its address."""

    resource = serializers.CharField(read_only=True, help_text=RESOURCE)
    key = serializers.CharField(read_only=True, help_text=KEY)


class ChangeSerializer(serializers.Serializer):
    """What happened to one record."""

    action = serializers.ChoiceField(
        sorted(ACTIONS.values()), read_only=True, help_text=gettext_lazy("What happened to it.")
    )
    resource = serializers.CharField(source="kind.resource", read_only=True, help_text=RESOURCE)
    key = serializers.CharField(read_only=True, help_text=KEY)
    id = serializers.IntegerField(read_only=True, help_text=gettext_lazy("Its number, which never changes."))
    was = serializers.CharField(
        read_only=True, allow_null=True, help_text=gettext_lazy("The key before, where this change gave it another.")
    )
    of = NamedSerializer(
        read_only=True, allow_null=True, help_text=gettext_lazy("The pilot that it belongs to, if it belongs to one.")
    )
    at = serializers.DateTimeField(read_only=True, default_timezone=UTC, help_text=gettext_lazy("When, in UTC."))
    reason = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text=gettext_lazy("Why, as whoever did it said; null where nothing was said."),
    )
    by = serializers.CharField(
        read_only=True, allow_null=True, help_text=gettext_lazy("Who did it, for those who may see names in histories.")
    )
    url = serializers.SerializerMethodField(help_text=gettext_lazy("Where it is now; null when it is deleted."))

    def get_url(self, line: Line) -> str | None:
        if line.present is None or line.action == "deleted":
            return None
        name = f"api-{line.kind.model._meta.model_name}-detail"
        return str(reverse(name, args=[line.present], request=self.context["request"]))


class ChangesSerializer(serializers.Serializer):
    """A part of the line of changes."""

    next_cursor = serializers.SerializerMethodField(help_text=gettext_lazy("Send it as cursor to go on from here."))
    more = serializers.BooleanField(read_only=True, help_text=gettext_lazy("Whether there is more already."))
    results = ChangeSerializer(source="lines", many=True, read_only=True)

    def get_next_cursor(self, page: Page) -> str:
        return write_cursor(LINES, page.next.transaction, page.next.line)


class Changes(Strict):
    """`kinds` is what it tells of; the map of addresses knows it."""

    renderer_classes = [JSONRenderer]
    followed = True
    heading = gettext_lazy("Changes")
    about = gettext_lazy(
        "What happened to the records, one line for each entry of a history, oldest first: by it a copy is kept level "
        "with the tracker. Take the cursor “latest”, then the lists, then follow the line: nothing is missed, and of "
        "one record nothing comes in the wrong order. A line says which record to fetch again, not what changed in it. "
        "What happens to a step of a target, or to a light set by hand, is told as a change of the target or the "
        "pilot. What a list shows or hides because its day has come has no line."
    )
    example = "resource=pilots,readings&page_size=20"
    kinds: Sequence[Kind] = ()

    def parameters(self) -> Sequence[OpenApiParameter]:
        """No day: the line of changes is the same on every one."""
        names = [kind.resource for kind in self.kinds]
        size = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE}
        return [
            parameters.parameter(CURSOR, WHERE, LATEST, default=BEGINNING),
            parameters.word_list("resource", WHICH, names, ["pilots", "readings"]),
            parameters.parameter("page_size", SIZE, 20, type=size, default=PAGE_SIZE),
            *(item for item in parameters.common(self.formats()) if item.name != "as_of"),
        ]

    def get_serializer(self) -> ChangesSerializer:
        """For the description of the API."""
        return ChangesSerializer()

    def get(self, request: Request) -> Response:
        params, (until, reached) = request.query_params, ends()
        words = words_of(params, "resource", [kind.resource for kind in self.kinds])
        kinds = [kind for kind in self.kinds if not words or kind.resource in words]
        size = read_size(params, PAGE_SIZE, MAX_PAGE_SIZE)
        after = until if params.get(CURSOR) == LATEST else place_of(params, reached)
        page = read(kinds, after, until, size, request.user)
        serializer = ChangesSerializer(page, context={"request": request, "view": self})
        return Response(body(request, serializer.data))


def place_of(params: QueryDict, reached: Place) -> Place:
    """The place in the line that the cursor names. Raises BadRequest for what is no cursor, or one from elsewhere."""
    given = params.get(CURSOR, BEGINNING)
    if given == BEGINNING:
        return FIRST
    numbers = read_cursor(given, LINES, 2)
    if numbers is None:
        text = _("cursor: “%(value)s” is no cursor of the changes. Send “first”, “latest”, or a next_cursor.")
        raise BadRequest(Fault(CURSOR, "invalid_cursor", text % {"value": short(given)}))
    place = Place(*numbers)
    if place > reached:
        text = _("cursor: ahead of this database, which was restored since. Begin again: “latest”, then all lists.")
        raise BadRequest(Fault(CURSOR, "cursor_ahead", text))
    return place
