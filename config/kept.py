"""Answers kept for the next reader, under the marks of exactly the tables that they were computed from.

An answer is handed out again only while every one of those marks stands (config/marks.py), which one query asks at
each request. Nothing is told to forget: after a write the marks differ, and the answer is computed anew. So a store
that is lost, full, old or down costs time and is never wrong.

A process keeps what it used last; behind it stands the cache of CACHE_URL, which workers and machines share. What
differs from reader to reader is no part of a kept page: `{% fresh %}` leaves a seam there, filled at each request.
"""

import gzip
import hashlib
import logging
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, wraps
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, cast

import django
from django.conf import settings
from django.core.cache import cache as shared
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.translation import get_language
from rest_framework.request import Request
from rest_framework.response import Response

from config.asof import today
from config.demonstration import is_demonstration
from config.marks import Marks, Seen, current, watched
from config.replica import reading_from

MOST_BYTES = 64 * 1024 * 1024  # of bodies, in one process
LARGEST = 2 * 1024 * 1024  # a longer body is computed each time
KEPT_FOR = 24 * 3600  # seconds in the shared store; the addresses of yesterday are not asked again
REST = 30  # seconds for which a store that failed is left alone
PEOPLE = frozenset(
    {"auth_user", "auth_group", "auth_permission", "auth_user_groups", "auth_user_user_permissions"}
    | {"auth_group_permissions", "django_content_type", "policies_officer"}
)
"""What the rights of somebody signed in rest on."""
SEAMS = re.compile(rb"<!--fresh:([a-z/]+\.html)-->")  # no record can hold one: templates escape its first letter
OF_THE_CODE = ("*.py", "*.html", "*.mo", "*.json", "*.js", "*.css", "*.svg")

logger = logging.getLogger("tracker.kept")


@dataclass
class Answer:
    """One answer as it was computed."""

    marks: dict[str, str]  # of the tables that it was computed from
    body: bytes
    headers: dict[str, str]
    revision: int | None = None  # of the one record that it is about
    tag: str = ""  # filled when it is first sent
    packed: bytes = b""  # the same compressed, made when first asked for

    def stands(self, marks: Marks) -> bool:
        return all(marks.get(table) == mark for table, mark in self.marks.items())

    def compressed(self) -> bytes:
        if not self.packed:
            self.packed = gzip.compress(self.body, 6, mtime=0)
        return self.packed

    @property
    def size(self) -> int:
        return len(self.body) + len(self.packed)


# -- the two stores ----------------------------------------------------------------------------------------


@dataclass
class Nearby:
    """What this process used last, up to so many bytes."""

    answers: OrderedDict[str, Answer] = field(default_factory=OrderedDict)
    size: int = 0
    lock: Any = field(default_factory=Lock)

    def get(self, key: str) -> Answer | None:
        with self.lock:
            answer = self.answers.get(key)
            if answer is not None:
                self.answers.move_to_end(key)
            return answer

    def put(self, key: str, answer: Answer) -> None:
        with self.lock:
            before = self.answers.pop(key, None)
            self.size += 2 * len(answer.body) - (2 * len(before.body) if before else 0)
            self.answers[key] = answer
            while self.size > MOST_BYTES:
                _key, oldest = self.answers.popitem(last=False)
                self.size -= 2 * len(oldest.body)

    def clear(self) -> None:
        with self.lock:
            self.answers.clear()
            self.size = 0


nearby = Nearby()


@dataclass
class Shared:
    """The store that workers share. One that fails is left alone for a while, so that it holds up no reader."""

    rested_at: float = 0.0

    def get(self, key: str) -> Answer | None:
        found = self.asked(lambda: shared.get(key))
        return readable(found) if found is not None else None

    def put(self, key: str, answer: Answer) -> None:
        value = (answer.marks, answer.body, answer.headers, answer.revision)
        self.asked(lambda: shared.set(key, value, KEPT_FOR))

    def asked(self, work: Callable[[], Any]) -> Any:
        if monotonic() < self.rested_at:
            return None
        try:
            return work()
        except Exception as exc:  # whatever a store, its client or its disk can raise: the answer is computed instead
            self.rested_at = monotonic() + REST
            logger.warning("the store of answers failed and is left alone for %d s: %s", REST, type(exc).__name__)
            return None


def readable(found: Any) -> Answer | None:
    """What the shared store held, if it is an answer of ours."""
    try:
        marks, body, headers, revision = found
    except (TypeError, ValueError):
        return None
    whole = isinstance(marks, dict) and isinstance(body, bytes) and isinstance(headers, dict)
    return Answer(marks, body, headers, revision) if whole else None


shelf = Shared()


def look(key: str, marks: Marks) -> Answer | None:
    """The answer kept under this key, if it stands."""
    near = nearby.get(key)
    if near is not None and near.stands(marks):
        return near
    far = shelf.get(key)
    if far is None or not far.stands(marks):
        return None
    nearby.put(key, far)
    return far


def put(key: str, answer: Answer) -> None:
    if len(answer.body) <= LARGEST:
        nearby.put(key, answer)
        shelf.put(key, answer)


# -- what an answer depends on beside the records ------------------------------------------------------------


def key_of(request: HttpRequest, *more: object) -> str:
    """One key for all requests that get the same answer from the same records."""
    parts = (
        edition(),
        today(),  # the day that an address without one means, and what is late on it
        request.scheme,
        request.get_host(),
        request.get_full_path(),
        get_language(),
        is_demonstration(request),
        *more,
    )
    return "answer-" + hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


@cache
def edition() -> str:
    """The program that computes: its files, what it is built on, and the settings that answers show.

    The same on every machine that runs one release, so that they share what they keep.
    """
    digest = hashlib.sha256(f"{sys.version} {django.__version__}".encode())
    for name in ("DEBUG", "HTTPS", "ISOLATED", "LANGUAGE_CODE", "SITE_ACCESS", "TIME_ZONE"):
        digest.update(f"{name}={getattr(settings, name)}\n".encode())
    for path in sorted(program_files()):
        digest.update(f"{path.relative_to(settings.BASE_DIR)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def program_files() -> Iterable[Path]:
    for folder in ("config", "policies", "pilots", "templates", "static", "locale"):
        for form in OF_THE_CODE:
            yield from (settings.BASE_DIR / folder).rglob(form)


# -- the API -----------------------------------------------------------------------------------------------


def kept(method: Callable[..., Any]) -> Callable[..., Any]:
    """For a method of an API view that reads: its JSON answers are kept; files are made anew each time.

    No answer of the API depends on who reads: whether somebody may read at all is settled before.
    """

    @wraps(method)
    def answered(view: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        if not settings.ANSWERS:
            return method(view, request, *args, **kwargs)
        plain = request._request  # noqa: SLF001  # DRF hides Django's
        using, key = reading_from(), api_key(plain)
        marks = current(using)
        answer = look(key, marks)
        if answer is None:
            with watched(using) as seen:
                response = method(view, request, *args, **kwargs)
                if not isinstance(response, Response) or response.status_code != 200:
                    return response
                answer = rendered(view, request, response)
            keep(key, answer, seen, marks)
        return sent(answer)

    return answered


def rendered(view: Any, request: Request, response: Response) -> Answer:
    """The answer as bytes, as DRF would render it at the end."""
    response.accepted_renderer = request.accepted_renderer
    response.accepted_media_type = request.accepted_media_type
    response.renderer_context = view.get_renderer_context()  # type: ignore[attr-defined]  # as APIView sets it
    body = response.render().content
    headers = {**view.default_response_headers, **(view.deprecated.headers() if view.deprecated else {})}
    return Answer({}, body, {**headers, **dict(response.items())}, getattr(response, "revision", None))


def api_key(request: HttpRequest) -> str:
    return key_of(request, "api", request.headers.get("Accept"))


def sent(answer: Answer) -> HttpResponse:
    """A response with the kept body; config/conditional.py uses its tag and its compressed form again."""
    response = HttpResponse(answer.body)
    for name, value in answer.headers.items():
        response[name] = value
    response["Content-Length"] = str(len(answer.body))
    response.kept = answer  # type: ignore[attr-defined]
    if answer.revision is not None:
        response.revision = answer.revision  # type: ignore[attr-defined]
    return response


def keep(key: str, answer: Answer, seen: Seen, marks: Marks, also: Iterable[str] = ()) -> None:
    """Keep an answer under the marks that stood before it was computed; not one that marks cannot answer for."""
    tables = seen.tables.union(also)
    if seen.covered(marks) and tables <= marks.keys():
        answer.marks = {table: marks[table] for table in tables}
        put(key, answer)


# -- pages -------------------------------------------------------------------------------------------------


def kept_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """For a page: kept for all readers alike, but for each of the staff, to whom it shows ways to edit, apart."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.ANSWERS or request.method not in {"GET", "HEAD"}:
            return view(request, *args, **kwargs)
        staff = request.user.pk if request.user.is_staff else None
        using, key = reading_from(), key_of(request, "page", staff)
        marks = current(using)
        answer = look(key, marks)
        if answer is None:
            request.seams = True  # type: ignore[attr-defined]
            with watched(using) as seen:
                response = view(request, *args, **kwargs)
            if response.streaming or response.status_code != 200 or response.cookies or not is_page(response):
                return filled(request, response)
            answer = Answer({}, cast(HttpResponse, response).content, dict(response.items()))
            keep(key, answer, seen, marks, also=PEOPLE if staff else ())
        response = HttpResponse(answer.body)
        for name, value in answer.headers.items():
            response[name] = value
        return filled(request, response)

    return answered


def seam(template: str) -> str:
    """What stands in a kept page for a part that differs from reader to reader."""
    return f"<!--fresh:{template}-->"


def filled(request: HttpRequest, response: Any) -> HttpResponseBase:
    """The page with those parts as they are for this reader."""
    if not response.streaming and is_page(response):
        response.content = SEAMS.sub(
            lambda found: render_to_string(found[1].decode(), request=request).encode(), response.content
        )
    return cast(HttpResponseBase, response)


def is_page(response: HttpResponseBase) -> bool:
    return response.get("Content-Type", "").startswith("text/html")
