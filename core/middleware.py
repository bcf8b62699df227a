"""Middleware of every request: what stands first (id, headers, log), its language with what no view accepts,
compression that leaves the ETag of a record strong, and the mark of invented data.

Django's ConditionalGetMiddleware gives every other response to GET an ETag, and answers 304 Not Modified.
"""

import hashlib
import re
import uuid
from collections.abc import Callable
from time import perf_counter

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from prometheus_client import Counter

from core.days import DEMO_HEADER, SIDES, holds_demonstration
from core.errors import AUTHENTICATE_HEADER, Problem, error_response, is_api, truncate
from core.http import TrackerRequest
from core.request_log import SECRET, log_response, request_id

GetResponse = Callable[[HttpRequest], HttpResponse]
REQUEST_ID_PATTERN = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
MAX_UPLOAD_BYTES = 25 * 2**20
UNUSED_FEATURES = (  # browser features that no page uses, and no injected script may
    *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone", "midi"),
    *("payment", "usb"),
)
CONSTANT_HEADERS = {
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in UNUSED_FEATURES),
    "Cross-Origin-Resource-Policy": "same-origin",
}
PRIVATE = "private, no-cache"  # stored by the client only, and revalidated each time
API_VARY = ("Accept", "Accept-Encoding", "Accept-Language", "Cookie", "Authorization")
CREDENTIAL_PARAMETERS = {
    *("token", "access_token", "auth_token", "api_key", "apikey", "api-key", "x-api-key", "key", "auth"),
    *("authorization", "bearer", "secret", "password", "session", "sessionid"),
}
RECORD_ETAG = re.compile(r'"[0-9]+-[0-9a-f]{20}"')
FILE_ETAG = re.compile(r'"[0-9a-f]{64}"')  # of a stored file: its checksum
RESPONSES = Counter("tracker_responses", "Responses by status, those from the response cache included.", ["status"])
CACHE = Counter(
    "tracker_response_cache",
    "Requests of cacheable addresses: served from the response cache (hit) or computed (miss).",
    ["result"],
)


class RequestMiddleware:
    """The first middleware. It gives each request an id, the client's own if it sent a plain one, sets the headers that
    every response has, static files and errors included, logs the response and counts its status.

    It also activates the browser's language for errors before LanguageMiddleware: the thread still has that of its last
    request.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        begun = perf_counter()
        given = request.headers.get("X-Request-ID", "")
        # One that looks like a token would put it in the logs.
        is_plain = REQUEST_ID_PATTERN.fullmatch(given) and not SECRET.search(given)
        request.id = given if is_plain else uuid.uuid4().hex
        request_id.set(request.id)
        translation.activate(translation.get_language_from_request(request))
        response = self.get_response(request)
        if free := getattr(request, "free_file_place", None):
            if response.streaming:
                # What Django calls once it is sent.
                response._resource_closers.append(free)  # type: ignore[attr-defined]  # noqa: SLF001
            else:
                free()
        response["X-Request-ID"] = request.id
        for name, value in CONSTANT_HEADERS.items():
            response.setdefault(name, value)
        if is_api(request) or settings.SESSION_COOKIE_NAME in request.COOKIES:  # it may differ between readers
            response.setdefault("Cache-Control", PRIVATE)
        if is_api(request):
            patch_vary_headers(response, API_VARY)
        if limits := getattr(request, "rate_limits", None):
            response["RateLimit-Policy"], response["RateLimit"] = map(", ".join, zip(*limits, strict=True))
        if not hasattr(request, "is_probe"):
            log_response(request, response, perf_counter() - begun)
            RESPONSES.labels(str(response.status_code)).inc()
            if cached := getattr(request, "cache_status", None):
                CACHE.labels(cached).inc()
        request_id.set("")  # what follows in this thread belongs to no request
        return response


class LanguageMiddleware(LocaleMiddleware):
    """LocaleMiddleware that also accepts `?lang=`, before the language cookie and the browser's preference, and rejects
    in that language what no view accepts.
    """

    def process_request(self, request: TrackerRequest) -> HttpResponse | None:  # type: ignore[override]
        super().process_request(request)
        asked = request.GET.get("lang")
        if asked is not None:
            code = {"zh": "zh-hans", "zh-cn": "zh-hans"}.get(asked.lower(), asked.lower())
            if code not in dict(settings.LANGUAGES):
                message = _("lang: “%(value)s” is not a language here. Use en or zh-hans.") % {"value": truncate(asked)}
                return error_response(request, 400, message, [Problem("lang", "invalid_choice", message)])
            translation.activate(code)
            request.LANGUAGE_CODE = code
        return reject_request(request)


def reject_request(request: HttpRequest) -> HttpResponse | None:
    """Reject a body without a length, an upload larger than any file we take, and a credential in a URL of the API:
    logs, histories and proxies keep URLs. Return None for other requests.
    """
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():  # Django would read an empty body
        return error_response(request, 411, _("Send the body with a Content-Length, not in chunks."))
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if request.content_type == "multipart/form-data" and length > MAX_UPLOAD_BYTES:
        text = _("The file is larger than 20 MB. Remove pictures from it, or import its rows in parts.")
        return error_response(request, 413, text)
    named = [name for name in request.GET if name.lower() in CREDENTIAL_PARAMETERS] if is_api(request) else []
    if named:
        text = _("%(name)s: no token in an address. Send a new one in the header “Authorization: Bearer …”.")
        message = text % {"name": named[0]}
        response = error_response(request, 401, message, [Problem(named[0], "token_in_address", message)])
        response["WWW-Authenticate"] = AUTHENTICATE_HEADER
        return response
    return None


def record_etag(content: bytes, revision: int) -> str:
    """Return the ETag of a response with one record: its revision, and a hash of the body."""
    return f'"{revision}-{hashlib.sha256(content).hexdigest()[:20]}"'


class CompressionMiddleware(GZipMiddleware):
    """GZipMiddleware that does not compress what has the ETag of a single record or of a stored file.

    Writes are checked against that of a record, which has to stay strong, and a strong ETag identifies the exact bytes.
    Stored files are compressed already.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        etag = response.get("ETag", "")
        if RECORD_ETAG.fullmatch(etag) or FILE_ETAG.fullmatch(etag):
            return response
        return super().process_response(request, response)


class DemonstrationMiddleware:
    """Middleware that sets on the request, and on the response, whether the data are invented."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        failed = hasattr(request, "data_version_error")  # a database that does not answer is waited for once
        request.demonstration = holds_demonstration() if SIDES or not failed else False
        response = self.get_response(request)
        if request.demonstration:
            response[DEMO_HEADER] = "true"
        return response
