"""Refusals of what the server could not read, or could not send: they pass no middleware, so they bring everything."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.http import http_date
from django.utils.translation import gettext as _
from gunicorn.http import errors

from config.middleware import ISOLATION_HEADERS
from config.problems import WRONG, failure, problem_answer, refuse, server_error

OURS = (errors.ConfigurationProblem, errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)
POLICY = "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'"


def answer(exc: BaseException, method: str, path: str, number: str) -> HttpResponse:
    """A page where the path is that of a page; a problem under /api/, and where no path could be read."""
    request = HttpRequest()
    request.method, request.path, request.path_info = method, path, path
    request.id = number  # type: ignore[attr-defined]
    with translation.override(settings.LANGUAGE_CODE):  # no header was read that names another
        try:
            response = answer_to(exc, request)
        except Exception:  # what broke the page breaks the page about it too: files that were never collected, say
            response = problem_answer(request, 500, str(WRONG))
    response["X-Request-ID"] = number
    return response


def answer_to(exc: BaseException, request: HttpRequest) -> HttpResponse:
    if isinstance(exc, OURS):
        return failure(request)
    if not isinstance(exc, errors.ParseException):
        return server_error(request)
    return (refuse if request.path else problem_answer)(request, *refusal_of(exc))


def refusal_of(exc: errors.ParseException) -> tuple[int, str]:
    """The status, and what to do about it."""
    if isinstance(exc, errors.LimitRequestLine):
        return 414, _("This address is too long. Leave out filters, or search for less.")
    if isinstance(exc, errors.LimitRequestHeaders):
        return 431, _("The headers are too many or too large. In a browser, delete the cookies of this site.")
    if isinstance(exc, errors.ExpectationFailed):
        return 417, _("The only expectation that is met is “100-continue”.")
    if isinstance(exc, errors.UnsupportedTransferCoding):
        return 400, _("This transfer coding is not known. Send the body with its length, or chunked.")
    return 400, _("The request is not written as HTTP/1.1 asks for. Nothing of it was read.")


def written(response: HttpResponse, method: str) -> bytes:
    """The answer as it goes over the wire, with the headers that middleware gives to all others."""
    content = b"" if method == "HEAD" else response.content
    headers = {
        "Date": http_date(),
        "Connection": "close",
        "Content-Length": str(len(content)),
        "Cache-Control": "no-store",
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        **ISOLATION_HEADERS,
    }
    for name, value in headers.items():
        response[name] = value
    line = f"HTTP/1.1 {response.status_code} {response.reason_phrase}\r\n"
    return line.encode("ascii") + response.serialize_headers() + b"\r\n\r\n" + content
