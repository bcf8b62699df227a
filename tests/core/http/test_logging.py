"""Logging: whole lines, no secrets, and no forged lines."""

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pythonjsonlogger.json import JsonFormatter

from accounts.models import create_token
from config.settings import LOGGING
from core import monitoring as health
from core.request_log import RequestContextFilter, hide_secrets
from pilots.api import records as pilots_api

pytestmark = pytest.mark.django_db
PASSWORD = "correct-Horse7-battery"
SECRET = "spt_" + "aB3-_" * 8 + "xyz"
FORMATTER = JsonFormatter(**{name: value for name, value in LOGGING["formatters"]["json"].items() if name != "()"})


class LogCapture(logging.Handler):
    """Handler that collects lines as on the console."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.addFilter(RequestContextFilter())
        self.setFormatter(FORMATTER)

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(self.format(record))

    def lines(self, *loggers: str) -> list[dict[str, Any]]:
        """Return the lines of these loggers, without the time."""
        found = [json.loads(line) for line in self.text]
        return [{k: v for k, v in line.items() if k != "time"} for line in found if line["logger"] in loggers]


@pytest.fixture
def log_capture() -> Iterator[LogCapture]:
    handler, requests = LogCapture(), logging.getLogger("tracker.request")
    level = requests.level
    logging.getLogger().addHandler(handler)
    requests.setLevel(logging.INFO)
    yield handler
    requests.setLevel(level)
    logging.getLogger().removeHandler(handler)


# -- secrets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("duplicate key value violates unique constraint", "duplicate key value violates unique constraint"),
        (f"tried {SECRET}", "tried [hidden]"),
        ("token spt_aB3x made", "token spt_aB3x made"),
        (f"/api/v1/{SECRET}/", "/api/v1/[hidden]/"),
        ("GET /account/new-password/Mg/cabc12-0123456789abcdef/ 302", "GET /account/new-password/[hidden]/ 302"),
        (f"GET /feeds/{SECRET.replace('spt', 'spf')}/milestones.ics", "GET /feeds/[hidden]/milestones.ics"),
    ],
)
def test_our_own_secrets_are_hidden_in_a_path_and_in_free_text(text: str, shown: str) -> None:
    assert hide_secrets(text) == shown


@pytest.mark.parametrize("path", ["/api/v1/agencies/", "/sign-in/", "/admin/login/", "/api/v1/pilots/", "/static/x"])
@pytest.mark.parametrize("fails", [False, True])
def test_nothing_secret_is_written_wherever_it_was_sent(
    log_capture: LogCapture, monkeypatch: pytest.MonkeyPatch, path: str, fails: bool
) -> None:
    """A token, a password and the keys of cookies; in headers, query and body; also where a view fails."""
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
            client.get(f"{path}{token}/", headers=sent)
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
    monkeypatch.setattr("core.middleware.perf_counter", iter([1, 1.25] * 3).__next__)
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
        format_line("tracker.request", "INFO", told, **api, user=None, token=None),
        format_line("tracker.request", "INFO", told, **api, user=7, token=token.prefix),
        format_line("tracker.request", "INFO", "GET / 200", **shared, path="/", user=7, token=None),
    ]


@pytest.mark.django_db
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


def test_who_was_rejected(log_capture: LogCapture, settings: Any) -> None:
    settings.RATE_LIMITS = {"signed-in": (1, 86_400)}
    user = User.objects.create_user("reader", id=7)
    token, secret = create_token(user=user, name="x", may_write=True)
    known = {"X-Request-ID": "abc-1", "Authorization": f"Bearer {secret}"}
    Client().get("/api/v1/", headers={**known, "Authorization": "Bearer x"})
    Client().post("/api/v1/agencies/", {}, content_type="application/json", headers=known)
    for language in ("en", "zh"):
        Client().get(f"/api/v1/?lang={language}", headers=known)
    shared = {"address": "127.0.0.1"}
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
            **{**shared, **mine, "method": "GET", "path": "/api/v1/", "status": 429},
        ),
    ]
