"""Response cache: one middleware for pages and API, with the cache of CACHE_URL as its only store.

A response is stored with a digest of all table versions as they were before it was computed, and served only while the
digest is the same: one query a request, and nothing is ever invalidated. A cache that is lost, full, stale or down
costs time and is never wrong.

A view opts in: a page by `@cache_page`, a class of the API by `cache_responses = True`. Each may depend on the address,
the language, the day and the records. A page may also depend on the permissions of a staff user, who gets pages of
their own, and holds what differs between users in fragments, `{% uncached "….html" %}`, rendered at each request.
"""

import hashlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import TypeVar
from weakref import WeakValueDictionary

import django
from django.apps import apps
from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve
from django.utils.cache import patch_vary_headers, set_response_etag
from django.utils.translation import get_language
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.views import APIView

from core.caching import store
from core.caching.table_versions import data_version
from core.http.as_of import today
from core.http.problems import is_api
from core.http.rate_limits import count_cached_read
from core.http.request import TrackerRequest

READ_METHODS = {"GET", "HEAD"}
CACHED_MEDIA_TYPES = ("application/json", "text/html")  # files are computed each time
MAX_STORED_BYTES = 2 * 1024 * 1024  # larger responses are not cached
MAX_WAIT = 30  # seconds to wait for another thread that computes the same response
# Readers of a page: anonymous ones get the whole page from the cache, others have fragments of their own.
ANONYMOUS, SIGNED_IN = "anonymous", "signed in"
# No record can contain a placeholder: templates escape its first character.
PLACEHOLDER_PATTERN = re.compile(rb"<!--uncached:([a-z_/]+\.html)-->")
SOURCE_PATTERNS = ("*.py", "*.html", "*.mo", "*.json", "*.js", "*.css", "*.svg")

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class ResponseCacheMiddleware:
    """Middleware that serves stored responses, and stores those of views that opt in.

    It stands below all that may reject a request or knows the reader (language, rate limits, session, as-of date).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        reader = reader_of(request) if is_cacheable(request) else None
        version = None if reader is None else data_version()
        if reader is None or version is None:
            return fill_fragments(request, self.get_response(request))
        key = cache_key(request, reader)
        response = stored_response(key, version)
        if response is None:
            with computed_once(f"{key} {version}") as waited:
                response = stored_response(key, version) if waited else None
                if response is None:
                    request.cache_status = "miss"
                    return self.compute(request, reader, key, version)
        request.cache_status = "hit"
        if is_api(request) and not count_cached_read(request):
            return self.get_response(request)  # the view rejects it
        return fill_fragments(request, response)

    def compute(self, request: HttpRequest, reader: str, key: str, version: str) -> HttpResponse:
        """Return the view's response, and store it under the version from before it was computed."""
        response = self.get_response(request)
        if reader == ANONYMOUS:
            fill_fragments(request, response)
        if is_storable(request, response):
            if not is_api(request):
                patch_vary_headers(response, ("Cookie",))
            if reader == ANONYMOUS and not response.has_header("ETag"):
                set_response_etag(response)
            store.save(key, (version, response.content, dict(response.items())))
        return fill_fragments(request, response)


# -- what is cached ----------------------------------------------------------------------------------------


def cache_page(view: View) -> View:
    """Decorator: opt a page view in to the response cache."""
    view.__dict__["cache_responses"] = True
    return view


def is_cacheable(request: HttpRequest) -> bool:
    """Return whether the response of this request may be cached."""
    return settings.CACHE_RESPONSES and request.method in READ_METHODS and is_cached_address(request.path_info)


@lru_cache(maxsize=2_000)
def is_cached_address(path: str) -> bool:
    """Return whether the view of an address opted in."""
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    return getattr(getattr(view, "cls", view), "cache_responses", False)  # DRF names the class of a view


def reader_of(request: HttpRequest) -> str | None:
    """Return for whom a response is stored: all readers of one kind get the same.

    None where the view has to decide: the token is wrong, or an internal site wants a sign-in.
    """
    if is_api(request):
        return ANONYMOUS if may_read_api(request) else None
    known = settings.SESSION_COOKIE_NAME in request.COOKIES
    if settings.SITE_ACCESS == "internal" and not (known and request.user.is_authenticated):
        return None
    if known and request.user.is_staff:
        return f"staff {request.user.pk}"  # pages show links to what they may edit
    return SIGNED_IN if known or CookieStorage.cookie_name in request.COOKIES else ANONYMOUS


def may_read_api(request: HttpRequest) -> bool:
    """Return whether the API lets this client read, by its own authentication. No response depends on the user."""
    public = settings.SITE_ACCESS != "internal"
    if "Authorization" not in request.headers and settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return public
    try:
        return Request(request, authenticators=APIView().get_authenticators()).user.is_authenticated or public
    except APIException:
        return False


def is_storable(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether a response is the same for all readers of its kind."""
    return (
        response.status_code == 200
        and not response.streaming
        and response.get("Content-Type", "").startswith(CACHED_MEDIA_TYPES)
        and len(response.content) <= MAX_STORED_BYTES
        and not response.cookies
        and response.get("Cache-Control") != "no-store"
        and "CSRF_COOKIE_NEEDS_UPDATE" not in request.META  # it holds a token of this reader
    )


# -- cache keys and entries --------------------------------------------------------------------------------


def cache_key(request: HttpRequest, reader: str) -> str:
    """Return one cache key for all requests that get the same response from the same records."""
    parts = (
        release_fingerprint(),
        today(),  # the default as-of date, on which lateness depends too
        request.scheme,
        request.get_host(),
        request.get_full_path(),
        get_language(),
        request.headers.get("Accept") if is_api(request) else "",
        reader,
    )
    return "response-" + hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def stored_response(key: str, version: str) -> HttpResponse | None:
    """Return the stored response if it was computed from these table versions."""
    match store.load(key):
        case (str() as known, bytes() as body, dict() as headers) if known == version:
            return HttpResponse(body, headers=headers)
    return None


@cache
def release_fingerprint() -> str:
    """Return a hash of the running release: its source files, Python and Django, and the settings that responses show.

    It is equal on every machine that runs one release, so that they share the cache.
    """
    digest = hashlib.sha256(f"{sys.version} {django.__version__}".encode())
    for name in ("DATA_LICENSE", "DEBUG", "HTTPS", "ISOLATED", "LANGUAGE_CODE", "SITE_ACCESS", "TIME_ZONE"):
        digest.update(f"{name}={getattr(settings, name)}\n".encode())
    for path in sorted(source_files()):
        digest.update(f"{path.relative_to(settings.BASE_DIR)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def source_files() -> Iterable[Path]:
    """Yield the files of the release: those of its packages, templates, static files and translations."""
    root = settings.BASE_DIR
    packages = {Path(app.path) for app in apps.get_app_configs() if Path(app.path).parent == root}
    names = (settings.ROOT_URLCONF.partition(".")[0], "templates", "static", "locale")
    for folder in sorted({*packages, *(root / name for name in names)}):
        for form in SOURCE_PATTERNS:
            yield from folder.rglob(form)


# -- equal requests that arrive together -------------------------------------------------------------------

LOCKS: WeakValueDictionary[str, Lock] = WeakValueDictionary()  # a lock lives as long as a thread uses it
LOCKS_GUARD = Lock()


@contextmanager
def computed_once(key: str) -> Iterator[bool]:
    """Context manager: the first thread of this process computes, equal ones wait until it is done, or has failed.

    Yields whether this thread waited. If nothing was stored by then, the threads that waited compute at once, so that
    no queue forms behind a response that cannot be stored.
    """
    with LOCKS_GUARD:
        lock = LOCKS.setdefault(key, Lock())
    first = lock.acquire(blocking=False)
    if not first and lock.acquire(timeout=MAX_WAIT):
        lock.release()
    try:
        yield not first
    finally:
        if first:
            lock.release()


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
