"""What is read of a request: its user and key, its body, the day that it asks for; and how many requests are answered.

Rate limits are counted per client for all processes together, in the shared cache, in windows of a fixed length.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from operator import itemgetter
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated, NotFound
from rest_framework.exceptions import PermissionDenied as APIPermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.utils import json

from core.days import FIRST_DAY, today
from core.errors import AUTHENTICATE_HEADER, Problem, bad_request_response, truncate


class TrackerRequest(HttpRequest):
    """HttpRequest after all middleware. For annotations only: the server creates Django's own class."""

    id: str  # request id, also sent as X-Request-ID and logged
    is_probe: bool  # a health check or a scrape, neither logged nor counted; set if so
    LANGUAGE_CODE: str
    as_of: date
    as_of_past: bool
    known: date  # at whose end the records shown were on record; today for the records as they are
    known_past: bool
    demonstration: bool  # the database holds demonstration data
    recomputing: Any  # whether stored lights wait to be computed anew; asked for where it is read
    cache_status: str  # how the response cache answered: hit or miss; set for cacheable addresses only
    data_version_error: Exception  # of the database, asked for the version of the data; raised again by the view
    has_unknown_params: bool  # the address of a page has parameters that the page does not know; set if so
    calendar_url: str  # of the page's calendar; set by pages that have one
    auth: object  # token that authenticated the request, on pages that are read by one
    form_author: str  # the signed-in user, as a form of the day names it; set on its page only
    page_path: str  # path of the page whose calendar is read under a secret path; set there only
    workbook: str  # URL of the page's tables as one workbook; set by pages that have tables to download
    free_file_place: Callable[[], None]  # set where the request makes a file
    rate_limits: Sequence[tuple[str, str]]  # the RateLimit headers of each limit that this request was counted under


def client_ip(request: HttpRequest) -> str:
    """Return the client's IP address: of the connection, or as added by our own proxy; never a client's claim."""
    own = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.BEHIND_PROXY:
        return own
    added = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip()
    try:
        ip_address(added)
    except ValueError:
        return own
    return added


def loaded_user(request: HttpRequest) -> Any | None:
    """Return the authenticated user if a view has loaded it already; never queries the database."""
    user = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)  # where Django caches it once a view has loaded it
    return user if user is not None and user.is_authenticated else None


def parse_key(text: str) -> int | None:
    """Return the primary key that a parameter or form field holds; None where it is none that a database could have."""
    return int(text) if text.isdecimal() and len(text) < 19 else None


# -- the body -----------------------------------------------------------------------------------------------------


SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
MAX_BODY_BYTES = 2_621_440  # Django's own limit; a bulk request of 1,000 records is smaller


def read_body(request: HttpRequest) -> bytes:
    """Return the request body. Raises Problem (413) for one above the limit."""
    try:
        return request.body
    except RequestDataTooBig as exc:
        text = _("The request holds more than %(most)d bytes. Send it in parts.") % {"most": MAX_BODY_BYTES}
        raise Problem("", "too_large", text, status=413) from exc


def parse_json(content: bytes) -> Any:
    """Parse JSON as DRF does, with exact numbers. Raises Problem."""
    try:
        value = json.loads(content.decode(), parse_float=Decimal)
        if SURROGATE_ESCAPE.search(content):  # half a character, which nothing can store or encode
            json.dumps(value, ensure_ascii=False, default=str).encode()
    except (ValueError, ArithmeticError, RecursionError) as exc:
        text = _("The body is not valid JSON in UTF-8: %(error)s") % {"error": exc}
        raise Problem("", "invalid_json", text) from exc
    return value


# -- the day that it asks for ------------------------------------------------------------------------------


ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def parse_day(params: QueryDict, name: str) -> date:
    """Return the day of a query parameter, today by default.

    Raises Problem for a value that is not an ISO date, is repeated, lies before FIRST_DAY, or in the future, of
    which nothing is known.
    """
    given = params.getlist(name)
    if not given:
        return today()
    text = given[0]
    values = {"name": name, "value": truncate(", ".join(given))}
    if len(given) > 1 or not ISO_DATE.fullmatch(text):
        message = _("%(name)s: “%(value)s” is not a day. Write one day as YYYY-MM-DD, for example 2024-01-30.")
        raise Problem(name, "invalid_date", message % values)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        message = _("%(name)s: the day %(value)s does not exist.")
        raise Problem(name, "invalid_date", message % values) from None
    if day < FIRST_DAY:
        message = _("%(name)s: %(value)s is too early. Give %(first)s or a day after it.")
        raise Problem(name, "too_early", message % {"name": name, "value": day, "first": FIRST_DAY})
    if day > today():
        message = _("%(name)s: %(value)s lies ahead. Ask for today (%(today)s) or a day before it.")
        raise Problem(name, "future_date", message % {"name": name, "value": day, "today": today()})
    return day


# -- rate limits ----------------------------------------------------------------------------------------


FILE_FORMATS = {"csv", "xlsx"}
FILE_RATES = {"files", "anonymous-files"}
FILE_PLACES = BoundedSemaphore(2)  # of this process: each file takes a processor for seconds, and one of four threads
FILE_WAIT = 5  # seconds after which to ask again for a file


def count(rate: str, client: str) -> tuple[int, int, int, int] | None:
    """Count one more request of the client. Return how many it may send in how many seconds, how many it has sent, and
    in how many seconds the window ends; None where the rate is not set.
    """
    if rate not in settings.RATE_LIMITS:
        return None
    most, seconds = settings.RATE_LIMITS[rate]
    now = int(time.time())
    end = (now // seconds + 1) * seconds
    name = f"{rate}:{client}:{end}".replace(" ", ":")
    try:
        used = cache.incr(name)
    except ValueError:  # the first in this window, unless another process was faster
        used = 1 if cache.add(name, 1, timeout=seconds + 1) else cache.incr(name)
    return most, seconds, used, end - now


def check_request(request: Any, user: Any, *rates: str) -> None:
    """Count a request of the user, or of the client's network where nobody signed in, under these rates, which its
    RateLimit headers tell. Raises Problem (429) above a limit.

    A file takes one of few places besides, until its response is sent. Raises Problem (503) where none is free.
    """
    if FILE_RATES & {*rates} & settings.RATE_LIMITS.keys():
        if not FILE_PLACES.acquire(blocking=False):
            text = _("Other files are being made. Ask for this one again in %(wait)d seconds.") % {"wait": FILE_WAIT}
            raise Problem("", "busy", text, status=503, headers={"Retry-After": str(FILE_WAIT)})
        request.free_file_place = FILE_PLACES.release  # called by RequestMiddleware
    client = f"user {user.pk}" if user and user.is_authenticated else client_network(request)
    exceeded = []
    for rate in rates:
        if counted := count(rate, client):
            most, seconds, used, wait = counted
            told = (f'"{rate}";q={most};w={seconds}', f'"{rate}";r={max(0, most - used)};t={wait}')
            request.rate_limits = [*getattr(request, "rate_limits", ()), told]
            if used > most:
                exceeded.append((wait, {"most": most, "seconds": seconds, "wait": wait}))
    if exceeded:
        wait, values = max(exceeded, key=itemgetter(0))
        text = _("More than %(most)d requests in %(seconds)d seconds. Wait %(wait)d seconds, then go on.") % values
        raise Problem("", "throttled", text, status=429, headers={"Retry-After": str(wait)})


class RateThrottle(BaseThrottle):
    """Throttle of the API: all requests of a user, and besides them those that write and files. Those of readers
    without an account were counted by DaysMiddleware, with their pages.
    """

    def allow_request(self, request: Request, view: object) -> bool:
        """Raises Problem (429), whose answer tells the limit."""
        signed_in = request.user.is_authenticated
        rates = ["signed-in"] if signed_in else []
        if request.method not in SAFE_METHODS:
            rates.append("writes")
        if request.accepted_renderer.format in FILE_FORMATS:
            rates.append("files" if signed_in else "anonymous-files")
        check_request(request._request, request.user, *rates)  # noqa: SLF001  # DRF wraps Django's request
        return True


def has_token(request: HttpRequest) -> bool:
    return request.headers.get("Authorization", "").lower().startswith("bearer")


def client_network(request: HttpRequest) -> str:
    """Return what one client has: an IPv4 address, or the /64 network of an IPv6 address."""
    address = client_ip(request)
    try:
        ip = ip_address(address)
    except ValueError:  # a Unix socket has none
        return address
    if ip.version == 4:
        return address
    return str(ip.ipv4_mapped or ip_network(f"{ip}/64", strict=False))


def client_address(request: HttpRequest) -> str:
    """Return the address of the client's network, under which django-axes keeps its sign-ins."""
    return client_network(request).partition("/")[0]


# -- errors of the API ----------------------------------------------------------------------------------


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF exception handler: the same error shape for every view and format."""
    if isinstance(exc, Http404):
        exc = NotFound(_("There is no such record or address."))
    elif isinstance(exc, PermissionDenied):
        exc = APIPermissionDenied()
    if not isinstance(exc, APIException | Problem):
        return None
    # A valid token is accepted from any address: many offices share one, and a client that guesses there must not lock
    # them out.
    if isinstance(exc, AuthenticationFailed) and has_token(context["request"]):
        try:
            check_request(context["request"], None, "failed-tokens")
        except Problem as too_many:
            exc = too_many
    status = 401 if isinstance(exc, NotAuthenticated) else exc.status_code
    response = bad_request_response(context["request"], exc, status)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = AUTHENTICATE_HEADER
    return response
