"""Middleware of `?known=YYYY-MM-DD`: the request reads what was on record at the end of that day."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from core.http.as_of import parse_day, today
from core.http.errors import BadRequest, ErrorDetail
from core.http.problems import error_response
from core.http.request import TrackerRequest
from core.snapshots.files import HistoryState, first_known_day, history_state
from core.snapshots.router import Snapshot, read_from

NAME = "known"
READ_METHODS = {"GET", "HEAD", "OPTIONS"}


class KnownMiddleware:
    """Middleware that puts the day on the request and, for a past one, sends its reads to the snapshot of that day.

    The admin always works on today's records. A request that writes is refused: it would judge by records of the past.
    """

    def __init__(self, get_response: Callable[[TrackerRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponseBase:
        request.known, request.known_past = today(), False
        given = [value for value in request.GET.getlist(NAME) if value]  # an empty field of a form asks for nothing
        if not given or request.path_info.startswith("/admin/"):
            return self.get_response(request)
        try:
            request.known = parse_known(request)
            request.known_past = request.known < today()
            snapshot = Snapshot(known_state(request.known)) if request.known_past else None
        except BadRequest as exc:
            return error_response(request, 400, exc.detail, exc.errors)
        return read_past(snapshot, lambda: self.get_response(request)) if snapshot else self.get_response(request)


def parse_known(request: TrackerRequest) -> date:
    """Return the day of `known`. Raises BadRequest for what is no day, a day ahead, and a request that writes."""
    day = parse_day(request.GET, NAME)
    if day < today() and request.method not in READ_METHODS:
        message = _("known: only what is read can be of a past day. Leave it out to enter or change something.")
        raise BadRequest(ErrorDetail(NAME, "read_only", message))
    return day


def known_state(day: date) -> HistoryState:
    """Return the state of the histories at the end of a past day. Raises BadRequest for one without any entry yet."""
    state = history_state(day)
    if not state.entries:
        message = _("known: nothing was on record here on %(value)s. The first entry is of %(first)s.")
        values = {"value": day, "first": first_known_day() or today()}
        raise BadRequest(ErrorDetail(NAME, "before_first_entry", message % values))
    return state


def read_past(snapshot: Snapshot, respond: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Return a response whose records are read from a snapshot, those of a streamed body too."""
    try:
        with read_from(snapshot):
            response = respond()
    finally:
        snapshot.close()
    if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
        response.streaming_content = stream_past(snapshot, response.streaming_content)
    return response


def stream_past(snapshot: Snapshot, content: Any) -> Iterator[bytes]:
    """Yield the parts of a body, each read from the snapshot; other code of the thread is not sent there meanwhile."""
    parts = iter(content)
    try:
        while True:
            with read_from(snapshot):
                part = next(parts, None)
            if part is None:
                return
            yield part
    finally:
        snapshot.close()
