"""What is wrong with a request, and the responses that say it: pages to browsers, problems (RFC 9457) to programs."""

from __future__ import annotations

import difflib
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from errno import ENOSPC
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict, UnreadablePostError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from rest_framework.permissions import SAFE_METHODS

from core.days import demonstration_side, is_demonstration
from core.text import OWN_LANGUAGE_NAMES, join_short, label_value

# The database is down, starting, or locked for longer than a request waits.
DATABASE_UNAVAILABLE = (InterfaceError, OperationalError)
MAX_ECHO = 80  # characters of the user's input that a message repeats
MAX_NAMES = 12  # names that a message lists


class FileStoreUnavailable(Exception):
    """The store of files does not answer, or cannot be read or written (503)."""


class Problem(Exception):
    """What is wrong with a request: where (a parameter or field), a stable code, and what to do.

    The response to it has its status and headers. `of` makes one of several, which are told one by one.
    """

    def __init__(
        self, pointer: str, code: str, message: str, *, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.pointer, self.code, self.message = pointer, code, message
        self.detail = message  # named as that of an APIException
        self.status_code, self.headers = status, headers or {}
        self.errors: Sequence[Problem] = (self,)

    @classmethod
    def of(cls, problems: Iterable[Problem], status: int = 400) -> Problem:
        """Return several problems as one."""
        errors = tuple(problems)
        whole = cls("", "", " ".join(problem.message for problem in errors), status=status)
        whole.errors = errors
        return whole


def truncate(text: object) -> str:
    """Truncate text of the user's own, so that a response never grows with the request."""
    word = str(text)
    return word if len(word) <= MAX_ECHO else word[: MAX_ECHO - 1] + "…"


def former_names(records: Any) -> dict[Any, Any]:
    """Return the primary keys of records by former codes and names, where their queryset knows such."""
    return records.former_names() if hasattr(records, "former_names") else {}


def closest_match(word: str, names: Iterable[str]) -> str | None:
    """Return the known name that is most similar to the word, or None when none is close."""
    matches = difflib.get_close_matches(word[:MAX_ECHO], list(names), n=1, cutoff=0.5)
    return matches[0] if matches else None


def choice_error(
    word: object, names: Iterable[object], name: str = "", code: str = "invalid_choice", near_code: str = ""
) -> Problem:
    """Return the problem of a word that is none of these names: it tells the closest one, or those that there are.

    `name` is that of the parameter or field; `near_code` stands for `code` where there is a closest one.
    """
    known = [str(one) for one in names]
    near = closest_match(str(word), known) if known else None
    if near:
        text = _("There is no “%(value)s” here. Did you mean “%(near)s”?")
    elif known:
        text = _("There is no “%(value)s” here. Use one of: %(names)s.")
    else:
        text = _("There is no “%(value)s” here.")
    shown = join_short([*known[:MAX_NAMES], *(["…"] if len(known) > MAX_NAMES else [])])
    text %= {"value": truncate(word), "near": near, "names": shown}
    return Problem(name, near_code if near and near_code else code, label_value(name, text) if name else text)


logger = logging.getLogger("tracker.problems")
PROBLEM_JSON = "application/problem+json"
HTML_PATH = "/api/docs"  # the page below /api/
AUTHENTICATE_HEADER = 'Bearer realm="tracker"'  # WWW-Authenticate of a 401
RETRY_AFTER = "2"  # seconds that a restarting database needs
LASTING_RETRY_AFTER = "60"
MAX_PATH_LENGTH = 500  # characters of a path that a problem repeats: a response never grows with the request


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/") and not request.path_info.startswith(HTML_PATH)


def status_title(status: int) -> str:
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
        415: _("Media type not supported"),
        422: _("Cannot be done as sent"),
        428: _("Version missing"),
        429: _("Too many requests"),
        500: _("Server error"),
        503: _("Not available now"),
    }.get(status, HTTPStatus(status).phrase)


def problem_response(request: HttpRequest, status: int, detail: str, faults: Iterable[Problem] = ()) -> HttpResponse:
    """Return problem details (RFC 9457)."""
    body = {
        "type": "about:blank",
        "title": status_title(status),
        "status": int(status),
        "detail": detail,
        "instance": request.path[:MAX_PATH_LENGTH],
        "request_id": getattr(request, "id", ""),
        "errors": [{"pointer": fault.pointer, "code": fault.code, "message": fault.message} for fault in faults],
    }
    return JsonResponse(body, status=status, content_type=PROBLEM_JSON, json_dumps_params={"ensure_ascii": False})


def error_response(
    request: HttpRequest, status: int, detail: str, faults: Iterable[Problem] = (), reason: str = ""
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
        asked = request.GET.copy() if request.method in SAFE_METHODS else QueryDict(mutable=True)
    except SuspiciousOperation:
        asked = QueryDict(mutable=True)
    asked["lang"] = code
    return f"{request.path}?{asked.urlencode()}"


def bad_request_response(request: HttpRequest, exc: Any, status: int = 0) -> HttpResponse:
    """Return the error response of a request that cannot be served as it is, with a waiting time where it has one."""
    response = error_response(request, status or exc.status_code, str(exc.detail), getattr(exc, "errors", ()))
    for name, value in getattr(exc, "headers", {}).items():
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


def read_only_text() -> str:
    return _("The database takes no changes now: it can only be read. Nothing was changed; tell the administrator.")


def not_migrated_text() -> str:
    return _("The database is not that of this release. The administrator has to run “manage.py migrate”.")


def store_unavailable_text() -> str:
    return _("The store of files does not answer now. Try again in a few seconds; if it lasts, tell the administrator.")


def lasting_fault(fault: BaseException | None) -> str:
    """Return in a sentence what is wrong with the server until somebody mends it; empty for all else."""
    cause = getattr(fault, "__cause__", None)
    if isinstance(fault, DatabaseError):
        state, said = getattr(cause, "pgcode", None), str(fault)  # of PostgreSQL; what SQLite says
        if state == "25006" or "readonly database" in said:
            return read_only_text()
        if state in {"42P01", "42703"} or said.startswith(("no such table", "no such column")):
            return not_migrated_text()
        full = state == "53100" or "disk is full" in said
    else:
        full = any(isinstance(error, OSError) and error.errno == ENOSPC for error in (fault, cause))
    return _("The disk of the server is full. Nothing was stored; tell the administrator to make room.") if full else ""


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500, called while the exception is being handled."""
    fault = sys.exc_info()[1]
    if isinstance(fault, UnreadablePostError):
        return error_response(request, 400, _("The request broke off, or its body is not as its headers say."))
    wait = RETRY_AFTER
    if text := lasting_fault(fault):
        wait = LASTING_RETRY_AFTER
    elif isinstance(fault, DATABASE_UNAVAILABLE):
        text = _(
            "The database does not answer now. Try again in a few seconds; of a change, look first if it was kept."
        )
    elif isinstance(fault, FileStoreUnavailable):
        text = store_unavailable_text()
    else:
        text = _("Something went wrong on our side. Nothing was changed. Tell the administrator the request number.")
        return error_response(request, 500, text)
    response = error_response(request, 503, text)
    response["Retry-After"] = wait
    return response
