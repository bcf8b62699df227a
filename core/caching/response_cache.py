"""Response cache: responses are served again while the data are the same as when they were computed.

A response is kept with the version of the data from before it was computed (core/caching/data_version.py), and served
only while the version is the same: one query a request, and nothing is ever invalidated. Responses are kept in the
memory of each process, up to a size.

Readers without an account are served early, by `ResponseCacheMiddleware`: what is kept is the response as it leaves,
compressed, with its headers and its ETag. Everybody else is served where the view stands, by `respond_to_reader`, below
all that knows the reader.

A view opts in: a page by `@cache_page`, a class of the API by `cache_responses = True`. Each may depend on the address,
the language, the day and the records. A page may also depend on the permissions of a staff user, who gets pages of
their own, and holds what differs between users in fragments, `{% uncached "….html" %}`, rendered at each request.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, wraps
from threading import Lock
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import re_accepts_gzip
from django.template.loader import render_to_string
from django.template.response import SimpleTemplateResponse
from django.urls import Resolver404, resolve
from django.utils.cache import get_conditional_response, set_response_etag
from django.utils.translation import get_language
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.views import APIView

from core.caching.data_version import data_version
from core.http.as_of import today
from core.http.errors import DATABASE_UNAVAILABLE
from core.http.problems import is_api
from core.http.rate_limits import Throttled, check_request
from core.http.request import TrackerRequest, loaded_user

READ_METHODS = {"GET", "HEAD"}
CACHED_MEDIA_TYPES = ("application/json", "text/html")  # files are computed each time
MAX_STORED_BYTES = 2 * 1024 * 1024  # larger responses are not cached
MAX_STORE_BYTES = 32 * 1024 * 1024  # of all responses that a process keeps
ENTRY_BYTES = 4 * 1024  # what a response takes besides its body, about
MAX_WAIT = 30  # seconds to wait for another thread that computes the same response
# Readers of the second stage; a staff user is one of their own.
ANONYMOUS, API_CLIENT, SIGNED_IN = "anonymous", "API client", "signed in"
BODY_HEADERS = {"Content-Encoding", "Content-Language", "Content-Length", "Content-Type"}  # not of a 304
# No record can contain a placeholder: templates escape its first character.
PLACEHOLDER_PATTERN = re.compile(rb"<!--uncached:([a-z_/]+\.html)-->")

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
GetResponse = Callable[[TrackerRequest], HttpResponse]


class ResponseCacheMiddleware:
    """Middleware that serves readers without an account, before anything is done for them.

    It stands below request id, log, health checks and metrics, and above everything else. A request that names
    a session, a token or a message passes: who it is, and what they may read, is found out below.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        cacheable = settings.CACHE_RESPONSES and request.method in READ_METHODS
        if not (cacheable and is_cached_address(request.path_info) and is_public_read(request)):
            return self.get_response(request)
        key = cache_key(request, ANONYMOUS, bool(re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))))
        condition = request.META.pop("HTTP_IF_NONE_MATCH", None)  # what is kept is never a 304
        try:
            response = stored_or_computed(request, key, self.get_response)
        except DATABASE_UNAVAILABLE as exc:
            request.data_version_error = exc
            response = self.get_response(request)
        if condition is None:
            return response
        request.META["HTTP_IF_NONE_MATCH"] = condition
        found = get_conditional_response(request, response.get("ETag"), response=response) or response
        if found is not response:  # 304 for a response that the client has, with the headers of the response
            for name, value in response.items():
                if name not in BODY_HEADERS:
                    found.setdefault(name, value)
        return found


def cache_page(view: View) -> Callable[..., HttpResponseBase]:
    """Decorator: opt a page view in to the response cache."""

    @wraps(view)
    def cached(request: TrackerRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return respond_to_reader(request, lambda request: view(request, *args, **kwargs))

    cached.__dict__["cache_responses"] = True
    return cached


def respond_to_reader(request: TrackerRequest, compute: Callable[[TrackerRequest], Any]) -> HttpResponse:
    """Return the response of a view that opted in: to users, tokens and internal sites from the cache.

    All that may reject a request or knows the reader stands above it: session, second factor, days, sign-in.
    """
    if hasattr(request, "data_version_error"):  # raised here, so that the error page has its headers
        raise request.data_version_error
    cacheable = settings.CACHE_RESPONSES and request.method in READ_METHODS and not is_public_read(request)
    reader = reader_of(request) if cacheable else None
    if reader is None:
        return cast(HttpResponse, compute(request))

    def compute_for_all(request: TrackerRequest) -> HttpResponse:
        request.is_kept = True
        try:
            response: HttpResponse = compute(request)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
        finally:
            request.is_kept = False
        if is_api(request) and is_storable(request, response) and not response.has_header("ETag"):
            set_response_etag(response)  # which would be computed for each client anew
        return response

    response = stored_or_computed(request, cache_key(request, reader), compute_for_all)
    if getattr(request, "cache_status", "") == "hit" and is_api(request):
        user = loaded_user(request)
        try:
            check_request(request, user, "signed-in" if user else "anonymous")
        except Throttled:
            return cast(HttpResponse, compute(request))  # the view rejects it
    return fill_fragments(request, response)


def stored_or_computed(request: TrackerRequest, key: str, compute: GetResponse) -> HttpResponse:
    """Return the stored response of the present data, or compute it, once for all equal requests of this process.

    Equal requests wait until the first is computed, or has failed. If there is no result by then they compute at once,
    so that no queue forms behind a response that cannot be stored.
    """
    version = data_version()
    if version is None:
        return compute(request)
    stored = STORE.load(key, version)
    if stored is None:
        name, own = f"{key} {version}", Future[StoredResponse | None]()
        first = COMPUTATIONS.setdefault(name, own)
        if first is not own:
            with suppress(TimeoutError):
                stored = first.result(MAX_WAIT)
    if stored is not None:
        request.cache_status = "hit"
        return HttpResponse(stored.body, headers=stored.headers)
    request.cache_status, result = "miss", None
    try:
        response = compute(request)
        if is_storable(request, response):
            result = StoredResponse(version, response.content, dict(response.items()))
            # A write meanwhile may be in the response, and the database may be set back to before it.
            if data_version() == version:
                STORE.save(key, result)
        return response
    finally:
        if first is own:
            del COMPUTATIONS[name]
            own.set_result(result)


# -- what is cached ----------------------------------------------------------------------------------------


@lru_cache(maxsize=2_000)
def is_cached_address(path: str) -> bool:
    """Return whether the view of an address opted in."""
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    return getattr(getattr(view, "cls", view), "cache_responses", False)  # DRF names the class of a view


def is_public_read(request: HttpRequest) -> bool:
    """Return whether the reader is nobody in particular: no session, no token and no message, on a public site."""
    return (
        settings.SITE_ACCESS == "public"
        and not request.COOKIES.keys() & {settings.SESSION_COOKIE_NAME, CookieStorage.cookie_name}
        and "HTTP_AUTHORIZATION" not in request.META
        and "HTTP_IF_MATCH" not in request.META  # of reads nobody sends these; Django compares them
        and "HTTP_IF_UNMODIFIED_SINCE" not in request.META
    )


def reader_of(request: HttpRequest) -> str | None:
    """Return for whom a response is stored below the sign-in: all readers of one kind get the same.

    None where the view has to decide: the token is wrong, or an internal site wants a sign-in.
    """
    known, public = settings.SESSION_COOKIE_NAME in request.COOKIES, settings.SITE_ACCESS != "internal"
    if is_api(request):  # by its own authentication; no response depends on the user
        if "Authorization" not in request.headers and not known:
            return API_CLIENT if public else None
        try:
            is_user = Request(request, authenticators=APIView().get_authenticators()).user.is_authenticated
        except APIException:
            return None
        return API_CLIENT if is_user or public else None
    if not public and not (known and request.user.is_authenticated):
        return None
    if known and request.user.is_staff:
        return f"staff {request.user.pk}"  # pages show links to what they may edit
    return SIGNED_IN


def is_storable(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether a response is complete, and the same for all readers of its kind."""
    return (
        request.method == "GET"
        and response.status_code == 200
        and not response.streaming
        and response.get("Content-Type", "").startswith(CACHED_MEDIA_TYPES)
        and len(response.content) <= MAX_STORED_BYTES
        and not response.cookies
        and "no-store" not in response.get("Cache-Control", "")
        and not request.META.get("CSRF_COOKIE_NEEDS_UPDATE")  # it holds a token of this reader
        and not getattr(request, "has_unknown_params", False)  # of such addresses there is no end
    )


# -- cache keys and entries --------------------------------------------------------------------------------


def cache_key(request: HttpRequest, *reader: object) -> str:
    """Return one cache key for all requests that get the same response from the same records.

    The host is taken as sent: one that is not allowed gets 400 below, which is not stored.
    """
    sent = request.META
    parts = (
        today(),  # the default as-of date, on which lateness depends too
        request.scheme,
        (sent.get("HTTP_HOST"), sent.get("SERVER_NAME"), sent.get("SERVER_PORT")),
        request.path,
        sent.get("QUERY_STRING"),
        get_language(),  # by cookie and header; `?lang=` is in the query
        sent.get("HTTP_ACCEPT") if is_api(request) else "",
        reader,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@dataclass(frozen=True)
class StoredResponse:
    """Body and headers of a response, and the version of the data from which it was computed."""

    version: str
    body: bytes
    headers: dict[str, str]

    @property
    def size(self) -> int:
        return len(self.body) + ENTRY_BYTES


class ResponseStore:
    """Stored responses of this process. Those that were not asked for the longest make room for new ones."""

    def __init__(self) -> None:
        self.responses: OrderedDict[str, StoredResponse] = OrderedDict()
        self.lock = Lock()

    @property
    def size(self) -> int:
        return sum(stored.size for stored in self.responses.values())

    def load(self, key: str, version: str) -> StoredResponse | None:
        """Return the stored response if it was computed from this version of the data."""
        with self.lock:
            stored = self.responses.get(key)
            if stored is None or stored.version != version:
                return None
            self.responses.move_to_end(key)
            return stored

    def save(self, key: str, response: StoredResponse) -> None:
        with self.lock:
            self.responses[key] = response
            self.responses.move_to_end(key)
            while self.size > MAX_STORE_BYTES:
                self.responses.popitem(last=False)

    def clear(self) -> None:
        self.responses.clear()


STORE = ResponseStore()
COMPUTATIONS: dict[str, Future[StoredResponse | None]] = {}  # what this process computes, for those that wait for it


# -- fragments that differ between users -------------------------------------------------------------------


def fragment_placeholder(template: str) -> str:
    """Return the placeholder in a page for a fragment that differs between users."""
    return f"<!--uncached:{template}-->"


def fill_fragments(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Replace the placeholders of a page by the fragments rendered for this request."""
    if not response.streaming and response.get("Content-Type", "").startswith("text/html"):
        content = response.content
        if PLACEHOLDER_PATTERN.search(content):
            response.content = PLACEHOLDER_PATTERN.sub(
                lambda found: render_to_string(found[1].decode(), request=request).encode(), content
            )
    return response
