"""Requests and responses: errors that name the remedy, what is read of a request, the days that it asks for, rate
limits, and problems as RFC 9457 has them or as a page.

The day that a request is about, and the one at whose end the records stood so, are each today unless the query string
has `?as_of=YYYY-MM-DD` or `?known=YYYY-MM-DD`. A database that holds the demonstration has a today of its own, its last
day: its records do not move, nor do its lights. Mails, tokens and sessions use the clock.

Rate limits are counted per client for all processes together, in the shared cache, in windows of a fixed length.
"""

from __future__ import annotations

import difflib
import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from errno import ENOSPC
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from operator import itemgetter
from threading import BoundedSemaphore
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict, UnreadablePostError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated, NotFound
from rest_framework.exceptions import PermissionDenied as APIPermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.utils import json

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
        self.status_code, self.headers = status, headers or {}
        self.errors: Sequence[Problem] = (self,)

    @classmethod
    def of(cls, problems: Iterable[Problem], status: int = 400) -> Problem:
        """Return several problems as one."""
        errors = tuple(problems)
        whole = cls("", "", " ".join(problem.message for problem in errors), status=status)
        whole.errors = errors
        return whole

    @property
    def detail(self) -> str:
        """What is wrong, in sentences; named as that of an APIException."""
        return self.message


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


# -- request --------------------------------------------------------------------------------------------


DEMO_HEADER = "X-Demonstration-Data"
DEMO_FILE_PREFIX = "demonstration-"
DEMO_LABEL = "DEMONSTRATION DATA – invented / 演示数据（虚构）"  # in both languages: pictures are passed on


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
    cache_status: str  # how the response cache answered: hit or miss; set for cacheable addresses only
    is_kept: bool  # the response cache keeps what is computed: no part of it may depend on the reader
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


# -- demonstration data: everything that leaves a demonstration site is marked as invented ---------------------


def is_demonstration(request: HttpRequest | Request) -> bool:
    """Return whether the request shows demonstration data."""
    return bool(getattr(request, "demonstration", False))


def download_stem(request: HttpRequest | Request, stem: str) -> str:
    """Return the file name stem, prefixed for demonstration data."""
    return DEMO_FILE_PREFIX + stem if is_demonstration(request) else stem


def demo_notice_rows(request: HttpRequest | Request) -> list[tuple[str, str]]:
    """Return the first line of a file's description for demonstration data; none for real data."""
    return [(_("Demonstration data"), _("invented, not the real programme"))] if is_demonstration(request) else []


def with_demo_flag(request: HttpRequest | Request, values: Any) -> Any:
    """Return a JSON object of the API, flagged for demonstration data."""
    return {"demonstration": True, **values} if is_demonstration(request) else values


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


# -- days -----------------------------------------------------------------------------------------------


FIRST_DAY = date(1949, 10, 1)
"""The first day that a request may be about: long before every record, and quarters before it can be computed."""
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


SIDES: dict[str, tuple[bool, date | None]] = {}  # by the name of the database: see `demonstration_side`


def database_name() -> str:
    return str(connections["default"].settings_dict["NAME"])


def demonstration_side() -> tuple[bool, date | None]:
    """Return whether the database holds the demonstration, and the demonstration's own today.

    Asked once per process, since a database never changes sides; until anything was loaded it is asked each time. A
    demonstration that a former release generated has no day: it follows the clock.
    """
    name = database_name()
    if name in SIDES:
        return SIDES[name]
    marks = apps.get_model("core", "SeedRecord").objects
    mark = marks.demonstration_mark()
    day = mark.values.get("today") if mark else None
    side = bool(mark), date.fromisoformat(day) if day else None
    if mark or marks.exists():
        SIDES[name] = side
    return side


def holds_demonstration() -> bool:
    return demonstration_side()[0]


def today() -> date:
    """Return today's date in Asia/Shanghai, or the day of the demonstration.

    Never asks the database: every request, and every command that needs it, calls `demonstration_side` first.
    """
    _held, day = SIDES.get(database_name(), (False, None))
    return day or timezone.localdate()


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


def days_stem(request: Any, as_of: date) -> str:
    """Return the end of a file name: the as-of date and, of a past one, the day at whose end the records stood so."""
    return f"{as_of}-known-{request.known}" if getattr(request, "known_past", False) else str(as_of)


def known_rows(request: Any) -> list[tuple[str, date]]:
    """Return the line of a file that names the day at whose end the records stood so; none for today's records."""
    return [(_("As known on"), request.known)] if getattr(request, "known_past", False) else []


def adjacent_quarter_ends(day: date, last: date) -> tuple[date | None, date | None]:
    """Return the last day of the previous quarter, and of the next quarter that ends after the given day.

    None for a day before FIRST_DAY, or after `last`: nothing is known of the future.
    """
    first_month = 3 * ((day.month - 1) // 3) + 1
    start = date(day.year, first_month, 1)
    before = start - timedelta(1) if start > FIRST_DAY else None
    after = end_of_quarter(day if day != end_of_quarter(day) else day + timedelta(1))
    return before, after if after <= last else None


def end_of_quarter(day: date) -> date:
    """Return the last day of the quarter of the given day."""
    last_month = 3 * ((day.month - 1) // 3) + 3
    return date(day.year, last_month, 31 if last_month in {3, 12} else 30)


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


# -- responses to errors --------------------------------------------------------------------------------


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
