"""Middleware of every request: request id and constant headers, checks of the request, language and as-of date."""

import re
import uuid
from collections.abc import Callable
from urllib.parse import unquote_plus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from core.http.as_of import parse_day, today
from core.http.body import ContentTooLarge, read_body
from core.http.errors import BadRequest, ErrorDetail, truncate
from core.http.log_format import TOKEN_PATTERN, request_id, trace_id
from core.http.problems import AUTHENTICATE_HEADER, error_response, is_api, retry_after
from core.http.request import TrackerRequest

GetResponse = Callable[[HttpRequest], HttpResponse]
REQUEST_ID_PATTERN = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
# W3C Trace Context: version, trace id, parent id, flags; a later version than 00 may have more fields at the end.
TRACEPARENT_PATTERN = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?P<more>-.*)?", re.ASCII
)
MAX_URL_LENGTH = 4_000  # characters of path and query
PAGE_METHODS = ("GET", "HEAD", "POST")
UNUSED_FEATURES = (  # browser features that no page uses, and no injected script may
    *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone", "midi"),
    *("payment", "usb"),
)
CONSTANT_HEADERS = {
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in UNUSED_FEATURES),
    "Cross-Origin-Resource-Policy": "same-origin",
}
API_CACHE_CONTROL = "private, no-cache"  # stored by the client only, and revalidated each time
API_VARY = ("Accept", "Accept-Encoding", "Accept-Language", "Cookie", "Authorization")
TRACKING_PARAMETERS = {"isappinstalled", "nsukey", "scene", "clicktime", "enterid", "wxshare_count", "spm", "bd_vid"}
TRACKING_PARAMETERS |= {"tdsourcetag", "sharer_shareinfo", "sharer_shareinfo_first", "chksm", "srcid", "pass_ticket"}
TRACKING_PARAMETERS |= {"ddtab", "share_token", "scm", "wfr", "weibo_id", "xhsshare", "_ga", "_gl", "igshid", "mkt_tok"}
TRACKING_PARAMETERS |= {"fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "mc_cid", "mc_eid"}
WECHAT_FROM_VALUES = {
    "singlemessage",
    "groupmessage",
    "timeline",
    "weixin",
    "wechat",
    "qq",
    "weibo",
}  # values that WeChat sends
CREDENTIAL_PARAMETERS = {
    "token",
    "access_token",
    "auth_token",
    "api_key",
    "apikey",
    "api-key",
    "x-api-key",
    "key",
    "auth",
}
CREDENTIAL_PARAMETERS |= {"authorization", "bearer", "secret", "password", "session", "sessionid"}


class RequestIdMiddleware:
    """Middleware that gives each request an id, the client's own if it sent a plain one, and sets constant headers.

    The headers are those that every response has, static files and errors included. It also activates the browser's
    language for errors before LanguageMiddleware: the thread still has that of its last request.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        number = request_id_from(request.headers.get("X-Request-ID", ""))
        request_id.set(number)
        trace_id.set(trace_id_from(request.headers.get("traceparent", "")))
        request.id = number
        translation.activate(translation.get_language_from_request(request))
        response = self.get_response(request)
        response["X-Request-ID"] = request.id
        for name, value in CONSTANT_HEADERS.items():
            response.setdefault(name, value)
        if is_api(request):
            response.setdefault("Cache-Control", API_CACHE_CONTROL)
            patch_vary_headers(response, API_VARY)
        return response


def request_id_from(given: str) -> str:
    """Return the request id: the one the client sent, if it is plain and no token, else a new one."""
    return given if REQUEST_ID_PATTERN.fullmatch(given) and not TOKEN_PATTERN.search(given) else uuid.uuid4().hex


def trace_id_from(traceparent: str) -> str:
    """Return the trace id of a W3C traceparent header, for the log; empty if it is not well formed."""
    found = TRACEPARENT_PATTERN.fullmatch(traceparent)
    return found["trace"] if found and not (found["more"] and traceparent.startswith("00")) else ""


class RequestChecks:
    """Middleware that rejects requests that no view accepts, and cleans the others.

    Rejected are URLs longer than any of ours, methods that no page accepts, and credentials in a URL of the API: logs,
    histories and proxies keep URLs. A chunked body is read here, up to the limit: later code takes a request without a
    length for one without a body. Tracking parameters, which messengers and newsletters add to what is shared, are
    removed from the query string of a page, and so from its links and its cache key.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        rejected = check_url(request) or check_method(request) or check_credentials(request) or read_chunked(request)
        if rejected is not None:
            return rejected
        strip_tracking_parameters(request)
        return self.get_response(request)


def check_url(request: HttpRequest) -> HttpResponse | None:
    """Return an error response for too long a URL."""
    if len(request.path) + len(request.META.get("QUERY_STRING", "")) <= MAX_URL_LENGTH:
        return None
    text = _("This address has more than %(most)d characters. Leave out filters, or search for less.")
    return error_response(request, 414, text % {"most": MAX_URL_LENGTH})


def check_method(request: HttpRequest) -> HttpResponse | None:
    """Return an error response for a method that no page accepts; the API has more."""
    if request.method in PAGE_METHODS or is_api(request):
        return None
    response = error_response(request, 405, _("Pages are read with GET and sent with POST."))
    response["Allow"] = ", ".join(PAGE_METHODS)
    return response


def check_credentials(request: HttpRequest) -> HttpResponse | None:
    """Return an error response for credentials in a URL of the API."""
    if not is_api(request):
        return None
    name = next((name for name in request.GET if name.lower() in CREDENTIAL_PARAMETERS), None)
    if name is None:
        return None
    text = _("%(name)s: no token in an address. Send a new one in the header “Authorization: Bearer …”.")
    message = text % {"name": name}
    response = error_response(request, 401, message, [ErrorDetail(name, "token_in_address", message)])
    response["WWW-Authenticate"] = AUTHENTICATE_HEADER
    return response


def read_chunked(request: HttpRequest) -> HttpResponse | None:
    """Read a chunked body and set its length; return an error response for too long a one."""
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        try:
            request.META["CONTENT_LENGTH"] = str(len(read_body(request)))
        except ContentTooLarge as exc:
            return error_response(request, exc.status_code, exc.detail, exc.errors)
    return None


def strip_tracking_parameters(request: HttpRequest) -> None:
    """Remove known tracking parameters from a page's query string.

    A misspelt filter is rejected as before, and so is a tracking parameter in an API URL.
    """
    text = request.META.get("QUERY_STRING", "")
    if text and not is_api(request):
        kept = "&".join(pair for pair in text.split("&") if not is_tracking_parameter(pair))
        if kept != text:
            request.META["QUERY_STRING"] = kept
            vars(request).pop("GET", None)  # parsed again on next access


def is_tracking_parameter(pair: str) -> bool:
    """Return whether a parameter, as in the query string, only says how the visitor came here."""
    name, _equals, value = (unquote_plus(part).lower() for part in pair.partition("="))
    return name in TRACKING_PARAMETERS or name.startswith("utm_") or (name == "from" and value in WECHAT_FROM_VALUES)


class LanguageMiddleware(LocaleMiddleware):
    """LocaleMiddleware that also accepts `?lang=`, before the language cookie and the browser's preference."""

    def process_request(self, request: TrackerRequest) -> HttpResponse | None:  # type: ignore[override]
        super().process_request(request)
        asked = request.GET.get("lang")
        if asked is None:
            return None
        code = {"zh": "zh-hans", "zh-cn": "zh-hans"}.get(asked.lower(), asked.lower())
        if code not in dict(settings.LANGUAGES):
            message = _("lang: “%(value)s” is not a language here. Use en or zh-hans.") % {"value": truncate(asked)}
            return error_response(request, 400, message, [ErrorDetail("lang", "invalid_choice", message)])
        translation.activate(code)
        request.LANGUAGE_CODE = code
        return None


class AsOfMiddleware:
    """Middleware that puts the as-of date on the request, for pages and API alike; the admin always works on today."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        request.as_of, request.as_of_past = today(), False
        if not request.path_info.startswith("/admin/"):
            try:
                request.as_of = parse_day(request.GET, "as_of")
            except BadRequest as exc:
                return error_response(request, 400, exc.detail, exc.errors)
            request.as_of_past = request.as_of < today()
        return self.get_response(request)

    def process_exception(self, request: TrackerRequest, exception: Exception) -> HttpResponse | None:
        """Return an error page for BadRequest raised by a page view."""
        if isinstance(exception, BadRequest):
            response = error_response(request, exception.status_code, exception.detail, exception.errors)
            for name, value in retry_after(exception).items():
                response[name] = value
            return response
        return None
