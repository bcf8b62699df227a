"""The door of the server: an answer of the API that was sent before is sent again before Django sees the request.

A request that says the same in everything that counts gets the same, as long as nothing at all was written since: then
what was computed, refused or let in before would be so again. Only what config/kept.py keeps is sent again, and only to
whoever is not signed in. Everything else goes on to Django, which knows the finer rule: who wrote to which table.
"""

import hashlib
import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.conf import settings
from django.db import Error, close_old_connections
from django.http import HttpRequest, HttpResponse

from config.asof import today
from config.callers import address_in
from config.conditional import OF_THE_BODY, names_it
from config.events import write_line
from config.faults import DATABASE_DOWN
from config.kept import Answer
from config.logs import request_id, safe_path, safe_query
from config.marks import Marks, current
from config.middleware import number_of
from config.throttles import counted, network_of, telling

MOST = 2_000  # answers that are remembered: their headers, for the bodies lie in config/kept.py
ADDRESS = (
    *("REQUEST_METHOD", "wsgi.url_scheme", "SERVER_NAME", "SERVER_PORT"),
    *("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"),
)
OWN_TO_A_REQUEST = frozenset({"X-Request-ID", "RateLimit", "RateLimit-Policy"})
# What a client says that no answer depends on, or that is read here. Any other header makes another request of it.
IMMATERIAL = frozenset(
    {"HTTP_IF_NONE_MATCH", "HTTP_X_REQUEST_ID", "HTTP_X_FORWARDED_FOR"}
    | {"HTTP_USER_AGENT", "HTTP_REFERER", "HTTP_CONNECTION", "HTTP_CACHE_CONTROL", "HTTP_PRAGMA"}
)
FAULT = "tracker.fault"
Environ = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """An answer as it went over the wire."""

    answer: "weakref.ref[Answer]"  # gone when config/kept.py lets go of it
    headers: list[tuple[str, str]]  # with a body
    tag: str
    packed: bool
    facts: dict[str, Any]  # for the log

    @property
    def without_body(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self.headers if name not in OF_THE_BODY]


@dataclass(frozen=True)
class State:
    """What has been sent while all tables stood as these marks say, on one day. Neither ever comes back."""

    marks: Marks
    day: date
    sent: dict[bytes, Sent] = field(default_factory=dict)


class Ready:
    """A WSGI application around Django's."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self.application = application
        self.state = State({}, date.min)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        begun = time.perf_counter()
        day, key = today(), key_of(environ)
        marks = standing(environ) if key is not None else None
        if key is None or marks is None:
            return self.application(environ, start_response)  # type: ignore[no-any-return]
        state = self.state
        if state.marks != marks or state.day != day:
            self.state = state = State(marks, day)
        sent = state.sent.get(key)
        answer = sent.answer() if sent is not None else None
        headers = own_headers(environ) if answer is not None else None
        if sent is not None and answer is not None and headers is not None:
            return again(sent, answer, headers, environ, start_response, begun)
        response = self.application(environ, start_response)
        answer = getattr(response, "kept", None)
        # Without marks it was computed from what they do not answer for.
        if answer is not None and answer.marks and answer.stands(marks) and not response.cookies:
            if len(state.sent) >= MOST:
                state.sent.clear()
            state.sent[key] = as_sent(environ, answer, response)
        return response  # type: ignore[no-any-return]


def as_sent(environ: Environ, answer: Answer, response: Any) -> Sent:
    whole = {**dict(response.items()), **getattr(response, "left_out", {})}
    headers = [(name, value) for name, value in whole.items() if name not in OWN_TO_A_REQUEST]
    facts = {
        "method": environ["REQUEST_METHOD"],
        "path": safe_path(environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"]),
        "query": safe_query(environ.get("QUERY_STRING", "")),
        "user": None,
        "token": None,
    }
    return Sent(weakref.ref(answer), headers, whole["ETag"], "Content-Encoding" in whole, facts)


def key_of(environ: Environ) -> bytes | None:
    """One key for all that an answer of the API depends on beside the records, however long a header is.

    None for a request that Django has to see.
    """
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"} or not environ["PATH_INFO"].startswith("/api/"):
        return None
    if not settings.ANSWERS or settings.SITE_ACCESS != "public" or "HTTP_AUTHORIZATION" in environ:
        return None
    if settings.SESSION_COOKIE_NAME in environ.get("HTTP_COOKIE", "") or has_body(environ):
        return None
    said = sorted(item for item in environ.items() if item[0].startswith("HTTP_") and item[0] not in IMMATERIAL)
    told = [environ.get(name, "") for name in ADDRESS], said
    return hashlib.sha256(repr(told).encode("utf-8", "backslashreplace")).digest()


def has_body(environ: Environ) -> bool:
    return environ.get("CONTENT_LENGTH", "") not in {"", "0"} or "HTTP_TRANSFER_ENCODING" in environ


def standing(environ: Environ) -> Marks | None:
    """The marks of all tables; None while the database does not answer: Django says so to the client."""
    close_old_connections()  # as Django does when a request begins
    try:
        return current()
    except DATABASE_DOWN as exc:
        environ[FAULT] = exc
    except Error:
        pass
    return None


class NotNow:
    """Raises what the database said at the door, where Django tells the reader in the right words.

    Asked a second time, a database that stays silent would hold the reader up as long again.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if FAULT in request.META:
            raise request.META[FAULT]
        return self.get_response(request)


def own_headers(environ: Environ) -> list[tuple[str, str]] | None:
    """What each request is told of itself. It is counted here; None for one too many, which Django refuses."""
    standing = counted("anonymous", network_of(address_in(environ)))
    if standing is not None and standing.over:
        return None
    number = number_of(environ.get("HTTP_X_REQUEST_ID", ""))
    request_id.set(number)
    return [("X-Request-ID", number), *(telling([standing]).items() if standing else ())]


def again(
    sent: Sent,
    answer: Answer,
    own: list[tuple[str, str]],
    environ: Environ,
    start_response: Callable[..., Any],
    begun: float,
) -> list[bytes]:
    """Send what was sent before, or say that the client has it."""
    known = names_it(environ.get("HTTP_IF_NONE_MATCH"), sent.tag)
    if known:
        start_response("304 Not Modified", sent.without_body + own)
        body = b""
    else:
        start_response("200 OK", sent.headers + own)
        body = b"" if sent.facts["method"] == "HEAD" else answer.compressed() if sent.packed else answer.body
    write_line({**sent.facts, "address": address_in(environ)}, 304 if known else 200, begun)
    return [body]
