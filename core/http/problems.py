"""Error responses: RFC 9457 problem details for the API, HTML pages with navigation for browsers."""

import logging
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict, UnreadablePostError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated, NotFound
from rest_framework.exceptions import PermissionDenied as APIPermissionDenied

from core.http.as_of import demonstration_side
from core.http.errors import DATABASE_UNAVAILABLE, BadRequest, ErrorDetail, FileStoreUnavailable
from core.http.rate_limits import Throttled, check_request, has_token
from core.http.request import is_demonstration
from core.text.bilingual import OWN_LANGUAGE_NAMES

logger = logging.getLogger("tracker.problems")
PROBLEM_JSON = "application/problem+json"
HTML_PATHS = ("/api/docs", "/api/use")  # pages below /api/, and an address that leads to one
AUTHENTICATE_HEADER = 'Bearer realm="tracker"'  # WWW-Authenticate of a 401
RETRY_AFTER = "2"  # seconds that a restarting database needs
MAX_PATH_LENGTH = 500  # characters of a path that a problem repeats: a response never grows with the request


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/") and not request.path_info.startswith(HTML_PATHS)


def status_title(status: int) -> str:
    """Return the title of an HTTP status in the active language."""
    return {
        400: _("Bad request"),
        401: _("Sign in first"),
        403: _("Not allowed"),
        404: _("Not found"),
        405: _("Method not allowed"),
        406: _("Format not available"),
        410: _("No longer here"),
        409: _("In conflict with another record"),
        412: _("Changed meanwhile"),
        413: _("Too much content"),
        414: _("Address too long"),
        415: _("Media type not supported"),
        422: _("Cannot be done as sent"),
        428: _("Version missing"),
        429: _("Too many requests"),
        500: _("Server error"),
        503: _("Not available now"),
    }.get(status, HTTPStatus(status).phrase)


def problem_response(
    request: HttpRequest, status: int, detail: str, faults: Iterable[ErrorDetail] = ()
) -> HttpResponse:
    """Return problem details (RFC 9457)."""
    body = {
        "type": "about:blank",
        "title": status_title(status),
        "status": int(status),
        "detail": detail,
        "instance": request.path[:MAX_PATH_LENGTH],
        "request_id": getattr(request, "id", ""),
        "errors": [asdict(fault) for fault in faults],
    }
    return JsonResponse(body, status=status, content_type=PROBLEM_JSON, json_dumps_params={"ensure_ascii": False})


def error_response(
    request: HttpRequest, status: int, detail: str, faults: Iterable[ErrorDetail] = (), reason: str = ""
) -> HttpResponse:
    """Return an error response: problem+json under /api/, a page elsewhere."""
    faults = tuple(faults)
    if is_api(request):
        return problem_response(request, status, detail, faults)
    context = {
        "status": status,
        "title": status_title(status),
        "detail": detail,
        "faults": faults,
        "path": request.path,
        "reason": reason,
        "demonstration": is_demonstration(request),
        "demonstration_day": demonstration_side()[1] if is_demonstration(request) else None,
        "ways": navigation_links(request),
    }
    if status in {403, 404}:
        return render(request, f"errors/{status}.html", context, status=status)
    # Rendered without the request: an invalid host or parameter would fail the page as well.
    template = "errors/500.html" if status >= 500 else "errors/400.html"
    return HttpResponse(render_to_string(template, context), status=status)


def navigation_links(request: HttpRequest) -> dict[str, object]:
    """Return the navigation of an error page: places, search, and the same URL in each language.

    Runs no query. Empty where even the URLconf is broken: an error page must not fail.
    """
    try:
        return {
            "places": [
                {"label": place.label, "url": reverse(place.pages[0].url_name)}
                for place in import_string(settings.MENU)
            ],
            "search": reverse("search"),
            "languages": [
                {"code": code, "name": name, "url": url_in_language(request, code), "current": code == get_language()}
                for code, name in OWN_LANGUAGE_NAMES.items()
            ],
        }
    except Exception:
        logger.exception("an error page has no navigation")
        return {}


def url_in_language(request: HttpRequest, code: str) -> str:
    """Return the failed URL in another language; the path alone where its parameters cannot be parsed."""
    try:
        asked = request.GET.copy() if request.method in {"GET", "HEAD"} else QueryDict(mutable=True)
    except SuspiciousOperation:
        asked = QueryDict(mutable=True)
    asked["lang"] = code
    return f"{request.path}?{asked.urlencode()}"


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF exception handler: the same error shape for every view and format."""
    if isinstance(exc, Http404):
        exc = NotFound(_("There is no such record or address."))
    elif isinstance(exc, PermissionDenied):
        exc = APIPermissionDenied()
    if not isinstance(exc, APIException | BadRequest):
        return None
    # A valid token is accepted from any address: many offices share one, and a client that guesses there must not lock
    # them out.
    if isinstance(exc, AuthenticationFailed) and has_token(context["request"]):
        try:
            check_request(context["request"], None, "failed-tokens")
        except Throttled as too_many:
            exc = too_many
    status = 401 if isinstance(exc, NotAuthenticated) else exc.status_code
    response = bad_request_response(context["request"], exc, status)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = AUTHENTICATE_HEADER
    return response


def bad_request_response(request: HttpRequest, exc: Any, status: int = 0) -> HttpResponse:
    """Return the error response of a request that cannot be served as it is, with a waiting time where it has one."""
    response = error_response(request, status or exc.status_code, str(exc.detail), getattr(exc, "errors", ()))
    headers = dict(getattr(exc, "headers", {}))
    wait = getattr(exc, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    for name, value in headers.items():
        response[name] = value
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400."""
    if isinstance(exception, RequestDataTooBig):
        return error_response(request, 413, _("This is more than can be taken at once. Send less, or in parts."))
    return error_response(request, 400, _("The request could not be read."))


def not_found(request: HttpRequest, exception: object = None) -> HttpResponse:
    """handler404, and the view of addresses below /api/ that the URLconf does not know."""
    return error_response(request, 404, _("There is no such record or address."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler403. The page shows the view's reason, if there is one."""
    reason = str(exception or "")
    detail = reason or _("You have no right to do this. Ask an administrator for the role you need.")
    return error_response(request, 403, detail, reason=reason)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: the form was open too long or came from another site."""
    text = _("The form was open too long or came from another site. Go back and send it again.")
    return error_response(request, 403, text)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500, called while the exception is being handled."""
    fault = sys.exc_info()[1]
    if isinstance(fault, UnreadablePostError):
        return error_response(request, 400, _("The request broke off, or its body is not as its headers say."))
    if isinstance(fault, DATABASE_UNAVAILABLE):
        text = _(
            "The database does not answer now. Try again in a few seconds; of a change, look first if it was kept."
        )
    elif isinstance(fault, FileStoreUnavailable):
        text = _(
            "The store of files does not answer now. Try again in a few seconds; if it lasts, tell the administrator."
        )
    else:
        text = _("Something went wrong on our side. Nothing was changed. Tell the administrator the request number.")
        return error_response(request, 500, text)
    response = error_response(request, 503, text)
    response["Retry-After"] = RETRY_AFTER
    return response
