"""Logging: whole lines, no secrets, and no forged lines."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import DisallowedHost
from django.db import OperationalError
from django.test import Client

from accounts.tokens import create_token, revoke
from config import health
from core.http.log_format import (
    REDACTED,
    JsonLogFormatter,
    OnlyExceptionsFilter,
    RequestContextFilter,
    TextLogFormatter,
    redact,
    redact_path,
    redact_query,
    request_id,
    trace_id,
)
from pilots.api import views as pilots_api

pytestmark = pytest.mark.django_db
PASSWORD = "correct-Horse7-battery"
SECRET = "spt_" + "aB3-_" * 8 + "xyz"
FORGED_LINES = 'a\n{"level": "ERROR"}\r\x1b[31mred\x1b[0m\x7f\x85\u2028\u202eevil\u2066\u200b湖州'


class LogCapture(logging.Handler):
    """Handler that collects lines as on the console."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.addFilter(RequestContextFilter())
        self.setFormatter(JsonLogFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(self.format(record))

    def lines(self, *loggers: str) -> list[dict[str, Any]]:
        """Return the lines of these loggers, without the time."""
        found = [json.loads(line) for line in self.text]
        return [{k: v for k, v in line.items() if k != "time"} for line in found if line["logger"] in loggers]


@pytest.fixture(autouse=True)
def no_trace() -> None:
    """Forget the trace id of a request before, which the thread still has."""
    trace_id.set("")


@pytest.fixture
def log_capture() -> Iterator[LogCapture]:
    handler, requests = LogCapture(), logging.getLogger("tracker.request")
    level = requests.level
    logging.getLogger().addHandler(handler)
    requests.setLevel(logging.INFO)
    yield handler
    requests.setLevel(level)
    logging.getLogger().removeHandler(handler)


def make_log_record(message: str, *args: Any, fault: BaseException | None = None, **extra: Any) -> logging.LogRecord:
    """Return a log record as a handler gets it."""
    raised = (type(fault), fault, fault.__traceback__) if fault else None
    made = logging.LogRecord("tracker.test", logging.ERROR, "x.py", 1, message, args, raised)
    made.__dict__.update(extra, created=datetime(2026, 11, 25, 1, 2, 3, 456_000, tzinfo=UTC).timestamp())
    assert RequestContextFilter().filter(made)
    return made


def raise_error(fault: BaseException) -> BaseException:
    """Return the same with a traceback."""
    try:
        raise fault
    except type(fault):
        caught = sys.exc_info()[1]
        assert caught is not None
        return caught


# -- a line ----------------------------------------------------------------------------------------------


def test_a_whole_event() -> None:
    request_id.set("abc-1")
    line = JsonLogFormatter().format(
        make_log_record("%s of %d", "one", 2, status=200, user=None, request=object(), status_code=1)
    )
    assert json.loads(line) == {
        "time": "2026-11-25T01:02:03.456000+00:00",
        "level": "ERROR",
        "logger": "tracker.test",
        "message": "one of 2",
        "request_id": "abc-1",
        "status": 200,
        "user": None,
    }
    assert line.startswith('{"time": ')


def test_no_line_can_be_forged() -> None:
    line = JsonLogFormatter().format(make_log_record("%s", FORGED_LINES, path=FORGED_LINES))
    assert line.isascii()
    assert line.isprintable()
    assert (json.loads(line)["message"], json.loads(line)["path"]) == (FORGED_LINES, FORGED_LINES)


def test_a_traceback_is_part_of_its_line() -> None:
    line = JsonLogFormatter().format(
        make_log_record("failed", fault=raise_error(ValueError(f"{FORGED_LINES} {SECRET}")))
    )
    assert line.isprintable()
    told = json.loads(line)["exc_info"]
    assert told.startswith("Traceback (most recent call last):\n")
    assert told.endswith(f"ValueError: {FORGED_LINES} {REDACTED}")


def test_plain_lines_for_people_who_develop() -> None:
    line = TextLogFormatter().format(
        make_log_record("%s token=%s", FORGED_LINES, "x", fault=raise_error(ValueError(SECRET)))
    )
    first, *traceback = line.split("\n")
    assert first.endswith(
        'ERROR tracker.test: a\\u000a{"level": "ERROR"}\\u000d\\u001b[31mred\\u001b[0m\\u007f\\u0085'
        "\\u2028\\u202eevil\\u2066\\u200b湖州 token=[hidden]"
    )
    assert (traceback[0], traceback[-1]) == ("Traceback (most recent call last):", "ValueError: [hidden]")


def test_what_is_no_server_error_brings_no_traceback() -> None:
    hostile = make_log_record("Invalid HTTP_HOST header", fault=raise_error(DisallowedHost("x")))
    assert (hostile.levelname, hostile.exc_info) == ("WARNING", None)
    gone = make_log_record(
        "Internal Server Error: %s", "/", fault=raise_error(OperationalError("no route to host\nmore"))
    )
    assert (gone.levelname, gone.exc_info) == ("ERROR", None)
    place = gone.getMessage().rpartition(" at ")[2]
    assert gone.getMessage() == f"The database does not answer: OperationalError: no route to host, at {place}"
    assert place.partition(":")[0] == "tests/core/http/test_logging.py"


def test_a_status_alone_is_not_logged_twice() -> None:
    assert OnlyExceptionsFilter().filter(make_log_record("Internal Server Error: /", fault=raise_error(ValueError())))
    assert not OnlyExceptionsFilter().filter(make_log_record("Service Unavailable: /"))


# -- secrets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ""),
        ("kind=park&province=zhejiang&as_of=2024-01-30", "kind=park&province=zhejiang&as_of=2024-01-30"),
        ("q=%E6%B9%96%E5%B7%9E+%C3%A9", "q=%E6%B9%96%E5%B7%9E+%C3%A9"),
        (
            "fields=slug,name&policy=synergy-implementation-plan-2022",
            "fields=slug,name&policy=synergy-implementation-plan-2022",
        ),
        ("token=abc&kind=park", "token=[hidden]&kind=park"),
        ("access_token=abc&api_key=abc&X-API-Key=abc", "access_token=[hidden]&api_key=[hidden]&X-API-Key=[hidden]"),
        ("password=a&passwd=b&client_secret=c", "password=[hidden]&passwd=[hidden]&client_secret=[hidden]"),
        ("Authorization=Bearer+abc&auth=abc", "Authorization=[hidden]&auth=[hidden]"),
        ("sessionid=abc&csrfmiddlewaretoken=abc", "sessionid=[hidden]&csrfmiddlewaretoken=[hidden]"),
        ("to%6Ben=abc", "to%6Ben=[hidden]"),
        ("q=1;token=abc", "q=[hidden]"),
        ("q=token%3Dabc", "q=[hidden]"),
        (f"q={SECRET}", "q=[hidden]"),
        (f"q=spt%5F{SECRET[4:]}", "q=[hidden]"),
        (SECRET, "[hidden]"),
        (f"{SECRET}=1", "[hidden]"),
        ("next=0123456789abcdefghijklmnopqrstuv", "next=[hidden]"),
        ("q=" + "湖" * 2_000, "q=" + "湖" * 998),
        ("q=" + "a" * 8_000, "q=" + "a" * 998),
        ("a" * 990 + f"&token={SECRET}", "a" * 990 + "&token=[hi"),
        ("q=" + "a" * 8_000 + f"&token={SECRET}", "q=" + "a" * 998),
        ("q=" + ".a" * 494 + f"&{SECRET}", "q=" + ".a" * 494 + "&[hidden]"),
        ("q=my-token-of-old%3Dabc", "q=[hidden]"),
    ],
)
def test_a_query_without_its_secrets(query: str, shown: str) -> None:
    assert redact_query(query) == shown


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/api/v1/policies/synergy-implementation-plan-2022/", "/api/v1/policies/synergy-implementation-plan-2022/"),
        ("/api/v1/indicators/CO2_TOT/", "/api/v1/indicators/CO2_TOT/"),
        ("/admin/auth/user/3/password/", "/admin/auth/user/3/password/"),
        ("/static/js/chart.umd.min.4a5b6c7d8e9f.js", "/static/js/chart.umd.min.4a5b6c7d8e9f.js"),
        (f"/api/v1/{SECRET}/", "/api/v1/[hidden]/"),
        ("/api/v1/token=abc/", "/api/v1/[hidden]/"),
        (f"/reset/{PASSWORD}", "/reset/[hidden]"),
        ("/0123456789abcdefghijklmnopqrstuv/", "/[hidden]/"),
        ("/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.c2lnbmF0dXJl", "/[hidden]"),
        ("/pilots/湖州\n/x", "/pilots/[hidden]/x"),
    ],
)
def test_a_path_without_what_no_address_of_ours_has(path: str, shown: str) -> None:
    assert redact_path(path) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("duplicate key value violates unique constraint", "duplicate key value violates unique constraint"),
        ('Key (slug)=(huzhou) is not present in table "pilots_pilot"', None),
        (f"tried {SECRET}", "tried [hidden]"),
        ("token spt_aB3x made", "token spt_aB3x made"),
        ("password=hunter2 host=db", "password=[hidden] host=db"),
        ("{'Authorization': 'Bearer abc', 'Accept': '*/*'}", "{'Authorization': [hidden]', 'Accept': '*/*'}"),
        ("Cookie: session=abc", "Cookie: [hidden]"),
    ],
)
def test_free_text_without_its_secrets(text: str, shown: str | None) -> None:
    assert redact(text) == (text if shown is None else shown)


@pytest.mark.parametrize("path", ["/api/v1/agencies/", "/sign-in/", "/admin/login/", "/api/v1/pilots/", "/static/x"])
@pytest.mark.parametrize("fails", [False, True])
def test_nothing_secret_is_written_wherever_it_was_sent(
    log_capture: LogCapture, monkeypatch: pytest.MonkeyPatch, path: str, fails: bool
) -> None:
    """A token, a password and the keys of cookies; in headers, query, body and path; also where a view fails."""
    user = User.objects.create_superuser("root", password=PASSWORD)
    token = create_token(user=user, name="x", may_write=True)[1]
    client = Client(raise_request_exception=False)
    client.force_login(user)
    client.get("/sign-in/")
    if fails:
        monkeypatch.setattr(pilots_api.PilotViewSet, "get_queryset", lambda self: {}["token " + token])
    secrets = [token, PASSWORD, *(morsel.value for morsel in client.cookies.values())]
    assert len(secrets) == 4
    for secret in secrets:
        headers = {"Authorization": f"Bearer {secret}", "X-API-Key": secret, "X-Request-ID": token, "Referer": secret}
        body = {"username": secret, "password": secret, "name_zh": secret}
        for sent in ({}, headers):
            client.get(path, {"token": secret}, headers=sent)
            client.get(path, {"q": secret}, headers=sent)
            client.get(f"{path}{secret}/", headers=sent)
            client.post(path, body, headers=sent)
            client.post(path, json.dumps(body), content_type="application/json", headers=sent)
    text = "\n".join(log_capture.text)
    assert len(log_capture.text) >= 40
    assert [secret for secret in secrets if secret in text] == []


# -- what is told ----------------------------------------------------------------------------------------


def format_line(logger: str, level: str, message: str, **facts: Any) -> dict[str, Any]:
    return {"level": level, "logger": logger, "message": message, "request_id": "abc-1", **facts}


def test_one_line_a_request(log_capture: LogCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    user = User.objects.create_user("reader", id=7)
    token, secret = create_token(user=user, name="x")
    monkeypatch.setattr("core.http.request_log.time.perf_counter", iter([1, 1.25] * 3).__next__)
    numbered = {"X-Request-ID": "abc-1"}
    Client().get("/api/v1/provinces/?page_size=1", headers=numbered)
    Client().get("/api/v1/provinces/", headers={**numbered, "Authorization": f"Bearer {secret}"})
    reader = Client()
    reader.force_login(user)
    reader.get("/", headers=numbered)
    shared = {"method": "GET", "address": "127.0.0.1", "status": 200, "ms": 250}
    api = {**shared, "path": "/api/v1/provinces/"}
    told = "GET /api/v1/provinces/ 200"
    assert log_capture.lines("tracker.request") == [
        format_line("tracker.request", "INFO", told, **api, query="page_size=1", user=None, token=None),
        format_line("tracker.request", "INFO", told, **api, query="", user=7, token=token.prefix),
        format_line("tracker.request", "INFO", "GET / 200", **shared, path="/", query="", user=7, token=None),
    ]


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("traceparent", "logged"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", True),
        (f"cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later", True),
        (f"00-{TRACE}-00f067aa0ba902b7-01-more", False),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", False),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", False),
        (f"00-{TRACE}", False),
        ("", False),
    ],
)
def test_the_trace_id_of_a_traceparent(log_capture: LogCapture, traceparent: str, logged: bool) -> None:
    Client().get("/robots.txt", headers={"traceparent": traceparent})
    [line] = log_capture.lines("tracker.request")
    assert line.get("trace_id") == (TRACE if logged else None)
    assert "trace_id" in line or not logged


def test_a_trace_ends_with_its_request(log_capture: LogCapture) -> None:
    Client().get("/robots.txt", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    Client().get("/robots.txt")
    assert ["trace_id" in line for line in log_capture.lines("tracker.request")] == [True, False]


@pytest.mark.django_db(databases=["default", "jobs"])
def test_probes_are_not_logged(log_capture: LogCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WARNED_AT", [time.monotonic()])  # of old backups it warns once an hour
    Client().get("/livez")
    Client().get("/readyz")
    assert log_capture.text == []


def test_who_came_in_and_who_did_not(log_capture: LogCapture) -> None:
    User.objects.create_user("reader", id=7, password=PASSWORD)
    client, numbered = Client(), {"X-Request-ID": "abc-1"}
    for name, password in (("reader", "wrong"), (PASSWORD, "wrong"), ("reader", PASSWORD)):
        client.post("/sign-in/", {"username": name, "password": password}, headers=numbered)
    client.post("/sign-out/", headers=numbered)
    address = {"address": "127.0.0.1"}
    assert log_capture.lines("tracker.security", "axes") == [
        format_line("tracker.security", "WARNING", "sign-in failed", user=7, **address),
        format_line("tracker.security", "WARNING", "sign-in failed", user=None, **address),
        format_line("tracker.security", "INFO", "signed in", user=7, **address),
        format_line("tracker.security", "INFO", "signed out", user=7, **address),
    ]


def test_who_was_rejected(log_capture: LogCapture, settings: Any, tmp_path: Any) -> None:
    settings.VAR_DIR, settings.RATE_LIMITS = tmp_path, {"signed-in": (1, 86_400)}
    user = User.objects.create_user("reader", id=7)
    token, secret = create_token(user=user, name="x", may_write=True)
    known = {"X-Request-ID": "abc-1", "Authorization": f"Bearer {secret}"}
    Client().get("/api/v1/", headers={**known, "Authorization": "Bearer x"})
    Client().post("/api/v1/agencies/", {}, content_type="application/json", headers=known)
    Client().get("/api/v1/?lang=en", headers=known)
    shared = {"query": "", "address": "127.0.0.1"}
    mine = {"user": 7, "token": token.prefix}
    assert log_capture.lines("tracker.security")[1:] == [
        format_line(
            *("tracker.security", "WARNING", "not let in"),
            **{**shared, "method": "GET", "path": "/api/v1/", "status": 401, "user": None, "token": None},
        ),
        format_line(
            *("tracker.security", "WARNING", "not allowed"),
            **{**shared, **mine, "method": "POST", "path": "/api/v1/agencies/", "status": 403},
        ),
        format_line(
            *("tracker.security", "WARNING", "too many requests"),
            **{**shared, **mine, "method": "GET", "path": "/api/v1/", "query": "lang=en", "status": 429},
        ),
    ]


def test_tokens_made_and_revoked(log_capture: LogCapture) -> None:
    request_id.set("abc-1")
    token, _secret = create_token(user=User.objects.create_user("reader", id=7), name="x")
    revoke(token)
    revoke(token)  # told once
    assert log_capture.lines("tracker.security") == [
        format_line("tracker.security", "INFO", "token made", user=7, token=token.prefix),
        format_line("tracker.security", "INFO", "token revoked", user=7, token=token.prefix),
    ]


def test_a_server_error_is_logged_with_its_request(log_capture: LogCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pilots_api.PilotViewSet, "get_queryset", lambda self: 1 / 0)
    client = Client(raise_request_exception=False)
    response = client.get("/api/v1/pilots/", headers={"X-Request-ID": "abc-1"})
    assert response.status_code == 500
    [line] = log_capture.lines("django.request")
    told = line.pop("exc_info")
    assert line == format_line("django.request", "ERROR", "Internal Server Error: /api/v1/pilots/")
    assert told.endswith("ZeroDivisionError: division by zero")
