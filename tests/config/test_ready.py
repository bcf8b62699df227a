"""What was sent before is sent again before Django sees the request, and never to whom or when it would be wrong."""

import gc
import gzip
import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache as shared
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db import OperationalError, close_old_connections, connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from config import kept, ready
from config.marks import lay_aside
from config.tokens import make_token
from pilots.models import Pilot
from policies.models import Industry

pytestmark = pytest.mark.django_db
LIST, RECORD = "/api/v1/pilots/", "/api/v1/pilots/huzhou/"
OWN = {"X-Request-ID", "RateLimit", "RateLimit-Policy"}


class Wire:
    """The product as a server calls it, and how often it came to Django."""

    def __init__(self) -> None:
        self.django, self.of_django = WSGIHandler(), 0
        self.door = ready.Ready(self.counting)

    def counting(self, environ: Any, start_response: Any) -> Any:
        self.of_django += 1
        return self.django(environ, start_response)

    def ask(self, address: str, method: str = "GET", **headers: str) -> "Heard":
        environ = RequestFactory().generic(method, address, headers=headers).environ
        return self.put(environ, self.door)

    def put(self, environ: Any, application: Any) -> "Heard":
        said: list[Any] = []
        before = self.of_django
        with CaptureQueriesContext(connection) as queries:
            body = b"".join(application(environ, lambda *told: said.append(told)))
        ((status, headers),) = said
        return Heard(int(status.split()[0]), status, dict(headers), body, len(queries), self.of_django == before)


class Heard:
    """An answer, what it cost, and whether it was sent again without Django."""

    def __init__(self, code: int, line: str, headers: dict[str, str], body: bytes, queries: int, again: bool) -> None:
        self.code, self.line, self.headers, self.body, self.queries, self.again = (
            code,
            line,
            headers,
            body,
            queries,
            again,
        )

    def same(self) -> tuple[Any, ...]:
        """All but what belongs to one request alone."""
        return self.line, {k: v for k, v in self.headers.items() if k not in OWN}, self.body


@pytest.fixture
def wire(settings: Any, monkeypatch: Any) -> Iterator[Wire]:
    settings.ANSWERS = True
    settings.RATES = {}
    monkeypatch.setattr(kept, "nearby", kept.Nearby())
    monkeypatch.setattr(kept, "shelf", kept.Shared())
    # The connection of a test is in the middle of a transaction: a request that begins would close it.
    monkeypatch.setattr(ready, "close_old_connections", lambda: None)
    request_started.disconnect(close_old_connections)
    shared.clear()
    yield Wire()
    shared.clear()
    request_started.connect(close_old_connections)


def by_django(wire: Wire, address: str, method: str = "GET", **headers: str) -> tuple[Any, ...]:
    return wire.put(RequestFactory().generic(method, address, headers=headers).environ, wire.django).same()


def rename() -> None:
    Pilot.objects.filter(slug="huzhou").update(name_en="Renamed")


# -- the same ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [LIST, RECORD, "/api/v1/coverage/", "/api/v1/progress/?as_of=2024-06-30&lang=zh"])
@pytest.mark.parametrize("coding", ["", "gzip"])
def test_what_is_sent_again_is_what_django_would_send(wire: Wire, address: str, coding: str) -> None:
    headers = {"accept-encoding": coding}
    first = wire.ask(address, **headers)
    again = wire.ask(address, **headers)
    assert (first.code, first.again) == (200, False)
    assert (again.again, again.queries) == (True, 1)
    assert again.same() == first.same() == by_django(wire, address, **headers)
    assert again.headers["Content-Length"] == str(len(again.body))
    assert ("Content-Encoding" in again.headers) == (coding == "gzip" and address != RECORD)


def test_a_client_that_has_it_is_told_so_and_sent_nothing(wire: Wire) -> None:
    for coding in ("", "gzip"):
        tag = wire.ask(LIST, **{"accept-encoding": coding}).headers["ETag"]
        for known in (tag, f'"other", {tag}', "*"):
            headers = {"accept-encoding": coding, "if-none-match": known}
            heard = wire.ask(LIST, **headers)
            assert (heard.code, heard.line, heard.body, heard.again) == (304, "304 Not Modified", b"", True)
            assert heard.same() == by_django(wire, LIST, **headers)
        for other in ('"other"', "no tag"):
            heard = wire.ask(LIST, **{"accept-encoding": coding, "if-none-match": other})
            assert (heard.code, heard.again) == (200, True)


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_a_first_client_that_has_it_leaves_the_whole_answer_ready(wire: Wire, coding: str) -> None:
    expected = by_django(wire, LIST, **{"accept-encoding": coding})
    heard = wire.ask(LIST, **{"accept-encoding": coding, "if-none-match": "*"})
    assert (heard.code, heard.again) == (304, False)
    whole = wire.ask(LIST, **{"accept-encoding": coding})
    assert (whole.again, whole.same()) == (True, expected)
    assert (gzip.decompress(whole.body) if coding else whole.body).startswith(b"{")


def test_head_has_the_headers_and_no_body(wire: Wire) -> None:
    expected = wire.ask(LIST, "HEAD")
    again = wire.ask(LIST, "HEAD")
    assert (again.again, again.body) == (True, b"")
    assert again.same()[:2] == expected.same()[:2]
    assert not wire.ask(LIST).again  # a request of its own


# -- only while nothing was written --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write", [rename, lambda: Industry.objects.filter(slug="steel").update(name_en="Other"), lay_aside]
)
def test_any_write_sends_the_next_request_to_django(wire: Wire, write: Callable[[], Any]) -> None:
    before = wire.ask(LIST)
    assert wire.ask(LIST).again
    write()
    after = wire.ask(LIST)
    assert not after.again
    assert (b'"Renamed"' in after.body, b'"Renamed"' in before.body) == (write is rename, False)


def test_a_write_while_django_answers_counts(wire: Wire, monkeypatch: Any) -> None:
    """What was begun before the write may be older than it: it is sent once, and not again."""
    body = kept.rendered

    def slow(*args: Any) -> Any:
        answer = body(*args)
        monkeypatch.setattr(kept, "rendered", body)
        rename()
        return answer

    monkeypatch.setattr(kept, "rendered", slow)
    assert b'"Renamed"' not in wire.ask(LIST).body
    heard = wire.ask(LIST)
    assert (heard.again, b'"Renamed"' in heard.body) == (False, True)


def test_an_answer_from_a_replica_that_is_behind_is_not_sent_again(wire: Wire, monkeypatch: Any) -> None:
    behind = kept.current()
    rename()
    monkeypatch.setattr(kept, "current", lambda _using: behind)  # what a replica would say that lacks the write
    assert wire.ask(LIST).code == 200
    assert not wire.ask(LIST).again


def test_what_marks_cannot_answer_for_is_not_sent_again(wire: Wire, monkeypatch: Any) -> None:
    monkeypatch.setattr("config.marks.Seen.covered", lambda *_: False)
    assert wire.ask(LIST).code == 200
    assert not wire.ask(LIST).again


def test_tomorrow_is_another_answer(wire: Wire, monkeypatch: Any) -> None:
    wire.ask(LIST)
    monkeypatch.setattr(ready, "today", lambda: date.today() + timedelta(1))  # noqa: DTZ011
    assert not wire.ask(LIST).again


def test_an_answer_that_is_kept_no_more_is_asked_of_django(wire: Wire) -> None:
    wire.ask(LIST)
    kept.nearby.clear()
    gc.collect()  # a response lies in a circle
    heard = wire.ask(LIST)
    assert (heard.again, heard.code) == (False, 200)
    assert wire.ask(LIST).again


def test_no_more_is_remembered_than_so_many(wire: Wire, monkeypatch: Any) -> None:
    monkeypatch.setattr(ready, "MOST", 2)
    for size in (1, 2, 3):
        wire.ask(f"{LIST}?page_size={size}")
    assert len(wire.door.state.sent) == 1
    assert wire.ask(f"{LIST}?page_size=3").again


def test_a_database_that_does_not_answer_is_left_to_django(wire: Wire, monkeypatch: Any) -> None:
    wire.ask(LIST)

    def down(*_args: Any) -> Any:
        raise OperationalError("no")

    monkeypatch.setattr(ready, "current", down)
    with CaptureQueriesContext(connection) as queries:  # it is not asked a second time: it may be silent for seconds
        for language, title in (("en", "Not available now"), ("zh-hans", "暂时无法使用")):
            heard = wire.ask(LIST, **{"accept-language": language})
            assert (heard.code, heard.again, heard.headers["Retry-After"]) == (503, False, "2")
            assert (heard.headers["Content-Type"], json.loads(heard.body)["title"]) == (
                "application/problem+json",
                title,
            )
    assert len(queries) == 0


# -- only to whoever gets the same ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"accept-language": "zh-hans"},
        {"accept": "application/json"},
        {"cookie": "django_language=zh-hans"},
        {"x-anything": "else"},
    ],
)
def test_whoever_says_anything_else_is_answered_by_django_first(wire: Wire, headers: dict[str, str]) -> None:
    wire.ask(LIST)
    first, second = wire.ask(LIST, **headers), wire.ask(LIST, **headers)
    assert (first.again, second.again) == (False, True)
    assert second.same() == first.same() == by_django(wire, LIST, **headers)


@pytest.mark.parametrize(
    "headers", [{"user-agent": "other"}, {"referer": "/"}, {"cache-control": "no-cache"}, {"x-forwarded-for": "::1"}]
)
def test_what_no_answer_depends_on_makes_no_difference(wire: Wire, headers: dict[str, str]) -> None:
    expected = wire.ask(LIST)
    heard = wire.ask(LIST, **headers)
    assert (heard.again, heard.same()) == (True, expected.same())


def test_whoever_is_or_has_to_be_somebody_is_known_by_django(wire: Wire, settings: Any) -> None:
    token = make_token(user=User.objects.create_user("reader"), name="ready", may_write=False)[1]
    for headers in ({"authorization": f"Bearer {token}"}, {"cookie": f"{settings.SESSION_COOKIE_NAME}=any"}):
        heard = [wire.ask(LIST, **headers) for _ in range(2)]
        assert [(one.code, one.again) for one in heard] == [(200, False), (200, False)]
    assert wire.ask(LIST, authorization="Bearer spt_nothing").code == 401
    wire.ask(LIST)
    settings.SITE_ACCESS = "internal"
    assert (wire.ask(LIST).again, wire.ask(LIST, "POST").again) == (False, False)


@pytest.mark.parametrize(
    ("address", "method"),
    [
        ("/", "GET"),  # pages greet their reader
        ("/api/v1/pilots/?format=csv", "GET"),
        ("/api/v1/pilots/nobody/", "GET"),
        ("/api/v1/changes/", "GET"),
        (LIST, "OPTIONS"),
        (LIST, "POST"),
    ],
)
def test_all_else_is_asked_of_django_each_time(wire: Wire, address: str, method: str) -> None:
    heard = [wire.ask(address, method) for _ in range(2)]
    assert [one.again for one in heard] == [False, False]
    assert not wire.door.state.sent


def test_nothing_is_sent_again_where_answers_are_not_kept(wire: Wire, settings: Any) -> None:
    wire.ask(LIST)
    settings.ANSWERS = False
    assert not wire.ask(LIST).again


def test_what_is_remembered_of_a_request_does_not_grow_with_its_headers(wire: Wire) -> None:
    long = {"x-anything": "x" * 8_000}
    assert [wire.ask(LIST, **long).again for _ in range(2)] == [False, True]
    (key,) = wire.door.state.sent
    assert len(key) == 32
    assert not wire.ask(LIST, **{"x-anything": "x" * 7_999 + "y"}).again


# -- what belongs to each request --------------------------------------------------------------------------------


def test_each_request_has_its_number_and_its_line_in_the_log(wire: Wire, caplog: Any) -> None:
    caplog.set_level(logging.INFO, "tracker.request")
    address = f"{LIST}?page_size=5"
    lines = []
    for given in ("", "", "my-number.7", "spt_secret12345", "no number"):
        caplog.clear()
        heard = wire.ask(address, **({"x-request-id": given} if given else {}), **{"user-agent": "x"})
        (record,) = (record for record in caplog.records if record.name == "tracker.request")
        lines.append(
            {name: getattr(record, name) for name in ("method", "path", "query", "user", "token", "address", "status")}
            | {"message": record.getMessage(), "ms": type(record.ms)}
        )
        number = heard.headers["X-Request-ID"]
        assert number == given if given == "my-number.7" else re.fullmatch("[0-9a-f]{32}", number)
        assert heard.again == (len(lines) > 1)
    assert lines[0] == {
        "method": "GET",
        "path": LIST,
        "query": "page_size=5",
        "user": None,
        "token": None,
        "address": "127.0.0.1",
        "status": HTTPStatus.OK,
        "message": f"GET {LIST} 200",
        "ms": int,
    }
    assert lines == [lines[0]] * 5


def test_what_is_sent_again_counts_as_any_request(wire: Wire, settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path  # where they are counted
    settings.RATES = {"anonymous": (3, 86_400)}
    heard = [wire.ask(LIST) for _ in range(5)]
    assert [(one.code, one.again) for one in heard] == [(200, False), (200, True), (200, True), *[(429, False)] * 2]
    assert [one.headers["RateLimit"].split(";")[1] for one in heard[:4]] == ["r=2", "r=1", "r=0", "r=0"]
    assert {one.headers["RateLimit-Policy"] for one in heard[:3]} == {'"anonymous";q=3;w=86400'}


def test_behind_a_proxy_callers_are_told_apart(wire: Wire, settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR, settings.BEHIND_PROXY = tmp_path, True
    settings.RATES = {"anonymous": (2, 86_400)}
    for address in ("192.0.2.1", "192.0.2.2"):
        heard = [wire.ask(LIST, **{"x-forwarded-for": address}) for _ in range(3)]
        assert [one.code for one in heard] == [200, 200, 429]
