"""Middleware of the days of a request: `?as_of=YYYY-MM-DD`, on which it is about, and `?known=YYYY-MM-DD`, at whose end
what it reads was on record.
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import resolve
from django.utils.translation import gettext as _

from core.http.as_of import parse_day, today
from core.http.errors import BadRequest, ErrorDetail
from core.http.problems import bad_request_response, is_api
from core.http.rate_limits import check_request, has_token
from core.http.request import TrackerRequest
from core.snapshots.files import Snapshot, first_known_day, read_from

NAME = "known"
READ_METHODS = {"GET", "HEAD", "OPTIONS"}
TODAY_ONLY = ("/admin/", "/account/", "/sign-in/", "/sign-out/", "/tokens/")


class DaysMiddleware:
    """Middleware that puts both days on the request and, of records as known on a past one, sends its reads to the
    snapshot of that day.

    The admin always works on today, and so do the pages of an account, though links carry `known` to them. A request
    that writes is refused with it: it would judge by records of the past.
    """

    def __init__(self, get_response: Callable[[TrackerRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponseBase:
        request.as_of = request.known = today()
        request.as_of_past = request.known_past = False
        try:
            if not request.path_info.startswith("/admin/"):
                request.as_of = parse_day(request.GET, "as_of")
                request.as_of_past = request.as_of < today()
            snapshot = find_snapshot(request)
        except BadRequest as exc:
            return bad_request_response(request, exc)
        return read_past(snapshot, lambda: self.get_response(request)) if snapshot else self.get_response(request)

    def process_exception(self, request: TrackerRequest, exception: Exception) -> HttpResponse | None:
        """Return an error page for BadRequest raised by a page view."""
        return bad_request_response(request, exception) if isinstance(exception, BadRequest) else None


def find_snapshot(request: TrackerRequest) -> Snapshot | None:
    """Return the snapshot that a request reads from; None for the records as they are. Raises BadRequest."""
    given = [value for value in request.GET.getlist(NAME) if value]  # an empty field of a form asks for nothing
    if not given or request.path_info.startswith(TODAY_ONLY):
        return None
    day = parse_day(request.GET, NAME)
    if day >= today():
        return None
    if request.method not in READ_METHODS:
        if not takes_method(request):
            return None  # 405
        message = _("known: only what is read can be of a past day. Leave it out to enter or change something.")
        raise BadRequest(ErrorDetail(NAME, "read_only", message))
    request.known, request.known_past = day, True
    snapshot = Snapshot(day)
    if not snapshot.entries:
        message = _("known: nothing was on record here on %(value)s. The first entry is of %(first)s.")
        values = {"value": day, "first": first_known_day() or today()}
        raise BadRequest(ErrorDetail(NAME, "before_first_entry", message % values))
    # A file has to be written. The API reads no record before it has found a token to be a right one.
    if not (snapshot.path.exists() or (is_api(request) and has_token(request)) or request.user.is_authenticated):
        check_request(request, None, "past-days")
    return snapshot


def takes_method(request: TrackerRequest) -> bool:
    """Whether what answers at the address takes the method: of the API by its view; of pages it is not known."""
    view = resolve(request.path_info).func
    if not hasattr(view, "cls"):
        return True
    return str(request.method).lower() in (getattr(view, "actions", None) or dir(view.cls))


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
