"""One shape for every refusal: RFC 9457 for API clients, a page that keeps the way back for readers."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, NotAuthenticated, NotFound
from rest_framework.exceptions import PermissionDenied as APIPermissionDenied
from rest_framework.views import set_rollback

from config.demonstration import is_demonstration
from config.faults import BadRequest, Fault

PROBLEM_JSON = "application/problem+json"


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/") and not request.path_info.startswith("/api/docs")


def problem(request: HttpRequest, status: int, detail: str, faults: Iterable[Fault] = ()) -> dict[str, Any]:
    """The body of an error answer, after RFC 9457."""
    return {
        "type": "about:blank",
        "title": title(status),
        "status": int(status),
        "detail": detail,
        "instance": request.path,
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
        415: _("Media type not supported"),
        429: _("Too many requests"),
        500: _("Server error"),
        503: _("Not available now"),
    }.get(status, HTTPStatus(status).phrase)


def refuse(request: HttpRequest, status: int, detail: str, faults: Iterable[Fault] = ()) -> HttpResponse:
    """Answer a refusal in the face of the address: problem+json under /api/, a page elsewhere."""
    faults = tuple(faults)
    if is_api(request):
        return JsonResponse(
            problem(request, status, detail, faults),
            status=status,
            content_type=PROBLEM_JSON,
            json_dumps_params={"ensure_ascii": False},
        )
    context = {"status": status, "detail": detail, "faults": faults, "path": request.path}
    context["demonstration"] = is_demonstration(request)
    if status in {403, 404}:
        return render(request, f"{status}.html", context, status=status)
    # Rendered without the request: what is wrong with it (its host, its parameters) would fail the page as well.
    return HttpResponse(render_to_string("500.html" if status >= 500 else "400.html", context), status=status)


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
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Session realm="tracker"'
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400."""
    return refuse(request, 400, _("The request could not be read."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    return refuse(request, 404, _("There is no such record or address."))


def no_such_address(request: HttpRequest, *args: str) -> HttpResponse:
    """Whatever the API's map of addresses does not know."""
    return not_found(request, Http404())


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler403."""
    return refuse(request, 403, _("You have no right to do this. Ask an administrator for the role you need."))


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page for a form that was open too long or came from elsewhere."""
    return refuse(request, 403, _("The form was open too long or came from another site. Go back and send it again."))


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: no template context that could fail again."""
    detail = _("Something went wrong on our side. Nothing was changed. Tell the administrator the request number.")
    return refuse(request, 500, detail)
