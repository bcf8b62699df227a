"""One shape for every refusal: RFC 9457 for API clients, a page that keeps the way back for readers."""

import logging
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict, UnreadablePostError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from gunicorn.http.errors import ParseException
from rest_framework.exceptions import APIException, NotAuthenticated, NotFound
from rest_framework.exceptions import PermissionDenied as APIPermissionDenied
from rest_framework.views import set_rollback

from config.context import OWN_NAMES, SECTIONS
from config.demonstration import is_demonstration
from config.faults import DATABASE_DOWN, BadRequest, Fault
from config.uploads import FILE_TOO_LARGE, UploadTooLarge

logger = logging.getLogger("tracker.problems")
PROBLEM_JSON = "application/problem+json"
PAGES = ("/api/docs", "/api/use")  # below /api/, but for people
CREDENTIALS = 'Bearer realm="tracker"'  # what a 401 asks for
RETRY_AFTER = "2"  # seconds, in which a database that restarts is there again
MOST_PATH = 500  # characters of a path that a problem repeats: an answer never grows with the request
WRONG = gettext_lazy(
    "Something went wrong on our side. Nothing was changed. Tell the administrator the request number."
)
UNREADABLE = (UnreadablePostError, ParseException)  # a body that broke off, or is not chunked as it says


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/") and not request.path_info.startswith(PAGES)


def problem(request: HttpRequest, status: int, detail: str, faults: Iterable[Fault] = ()) -> dict[str, Any]:
    """The body of an error answer, after RFC 9457."""
    return {
        "type": "about:blank",
        "title": title(status),
        "status": int(status),
        "detail": detail,
        "instance": request.path[:MOST_PATH],
        "request_id": getattr(request, "id", ""),
        "errors": [asdict(fault) for fault in faults],
    }


def title(status: int) -> str:
    """The short name of an HTTP status in the reader's language."""
    return {
        400: _("Bad request"),
        401: _("Sign in first"),
        403: _("Not allowed"),
        404: _("Not found"),
        405: _("Method not allowed"),
        406: _("Format not available"),
        409: _("In conflict with another record"),
        412: _("Changed meanwhile"),
        413: _("Too much content"),
        414: _("Address too long"),
        415: _("Media type not supported"),
        417: _("Expectation not met"),
        422: _("Cannot be done as sent"),
        428: _("Version missing"),
        429: _("Too many requests"),
        431: _("Headers too large"),
        500: _("Server error"),
        502: _("A server behind this one failed"),
        503: _("Not available now"),
    }.get(status, HTTPStatus(status).phrase)


def problem_answer(request: HttpRequest, status: int, detail: str, faults: Iterable[Fault] = ()) -> HttpResponse:
    return JsonResponse(
        problem(request, status, detail, faults),
        status=status,
        content_type=PROBLEM_JSON,
        json_dumps_params={"ensure_ascii": False},
    )


def refuse(
    request: HttpRequest, status: int, detail: str, faults: Iterable[Fault] = (), reason: str = ""
) -> HttpResponse:
    """Answer a refusal in the face of the address: problem+json under /api/, a page elsewhere."""
    faults = tuple(faults)
    if is_api(request):
        return problem_answer(request, status, detail, faults)
    context = {"status": status, "title": title(status), "detail": detail, "faults": faults, "path": request.path}
    context["reason"] = reason
    context["demonstration"] = is_demonstration(request)
    context["ways"] = ways_on(request)
    if status in {403, 404}:
        return render(request, f"{status}.html", context, status=status)
    # Rendered without the request: what is wrong with it (its host, its parameters) would fail the page as well.
    return HttpResponse(render_to_string("500.html" if status >= 500 else "400.html", context), status=status)


def ways_on(request: HttpRequest) -> dict[str, Any]:
    """Where a reader can go on from a page that failed: the sections, the search, the same address in each language.

    Asks no database. Empty where even the map of addresses is broken: the page of a failure must not fail.
    """
    try:
        return {
            "sections": [{"label": label, "url": reverse(name)} for name, label in SECTIONS],
            "search": reverse("search"),
            "languages": [
                {
                    "code": code,
                    "name": OWN_NAMES[code],
                    "url": in_language(request, code),
                    "current": code == get_language(),
                }
                for code in OWN_NAMES
            ],
        }
    except Exception:
        logger.exception("an error page has no navigation")
        return {}


def in_language(request: HttpRequest, code: str) -> str:
    """The address that failed, in another language; of one whose parameters cannot be read the path alone."""
    try:
        asked = request.GET.copy() if request.method in {"GET", "HEAD"} else QueryDict(mutable=True)
    except SuspiciousOperation:
        asked = QueryDict(mutable=True)
    asked["lang"] = code
    return f"{request.path}?{asked.urlencode()}"


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's hook: the same shape for what its views raise, whatever format was asked for."""
    if isinstance(exc, Http404):
        exc = NotFound(_("There is no such record or address."))
    elif isinstance(exc, PermissionDenied):
        exc = APIPermissionDenied()
    if not isinstance(exc, APIException | BadRequest):
        return None
    set_rollback()
    status = 401 if isinstance(exc, NotAuthenticated) else exc.status_code
    faults = exc.faults if isinstance(exc, BadRequest) else ()
    response = refuse(context["request"], status, str(exc.detail), faults)
    for name, value in {**getattr(exc, "headers", {}), **retry_after(exc)}.items():
        response[name] = value
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = CREDENTIALS
    return response


def retry_after(exc: Exception) -> dict[str, str]:
    """When to come again, where the refusal is about time."""
    wait = getattr(exc, "wait", None)
    return {} if wait is None else {"Retry-After": str(max(1, math.ceil(wait)))}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400."""
    if isinstance(exception, UploadTooLarge):
        return refuse(request, 413, str(FILE_TOO_LARGE))
    if isinstance(exception, RequestDataTooBig):
        return refuse(request, 413, _("This is more than can be taken at once. Send less, or in parts."))
    return refuse(request, 400, _("The request could not be read."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    return refuse(request, 404, _("There is no such record or address."))


def no_such_address(request: HttpRequest, *args: str) -> HttpResponse:
    """Whatever the API's map of addresses does not know."""
    return not_found(request, Http404())


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler403. Where the view said why, so does the page."""
    detail = str(exception or "")
    return refuse(
        request,
        403,
        detail or _("You have no right to do this. Ask an administrator for the role you need."),
        (),
        detail,
    )


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page for a form that was open too long or came from elsewhere."""
    return refuse(request, 403, _("The form was open too long or came from another site. Go back and send it again."))


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500, called while what was raised is being handled."""
    fault = sys.exc_info()[1]
    if isinstance(fault, DATABASE_DOWN):
        return not_now(request)
    if isinstance(fault, UNREADABLE):
        return refuse(request, 400, _("The request broke off, or its body is not as its headers say."))
    return failure(request)


def failure(request: HttpRequest) -> HttpResponse:
    """A fault of ours: no template context that could fail again."""
    return refuse(request, 500, str(WRONG))


def not_now(request: HttpRequest) -> HttpResponse:
    """The database is gone, not there yet, or locked: a page and a program learn when to come again."""
    detail = _("The database does not answer now. Try again in a few seconds; of a change, look first if it was kept.")
    response = refuse(request, 503, detail)
    response["Retry-After"] = RETRY_AFTER
    return response
