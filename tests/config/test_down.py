"""A database that is gone: all are told when to come again, nobody sees a fault, nothing has to be restarted."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import InterfaceError, OperationalError, connection
from django.templatetags.static import static
from django.test import Client
from gunicorn.http.errors import InvalidChunkSize, InvalidResponseHeader

from config.problems import WRONG
from config.unread import answer
from pilots import api as pilots_api
from policies import middleware
from tests.serving import Answer, Server, served

pytestmark = pytest.mark.django_db
DETAIL = "The database does not answer now. Try again in a few seconds; of a change, look first if it was kept."
FAULTS = [OperationalError("database is locked"), OperationalError("no route to host"), InterfaceError("closed")]


def raising(fault: Exception) -> Callable[..., Any]:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise fault

    return fail


def problem(path: str, status: int = 503, title: str = "Not available now", detail: str = DETAIL) -> dict[str, Any]:
    """The whole body of a refusal."""
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": path,
        "request_id": "abc-1",
        "errors": [],
    }


def ask(path: str, client: Client | None = None) -> Any:
    client = client or Client()
    client.raise_request_exception = False
    return client.get(path, headers={"X-Request-ID": "abc-1"})


def a_page(response: Any) -> None:
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert DETAIL in response.content.decode()
    assert "Traceback" not in response.content.decode()


# -- in the process -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("path", ["/api/v1/pilots/", "/api/v1/pilots/huzhou/", "/api/v1/pilots/?format=csv"])
def test_an_address_of_the_api(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: Exception, path: str
) -> None:
    monkeypatch.setattr(pilots_api.Pilots, "get_queryset", raising(fault))
    response = ask(path)
    assert (response.status_code, response["Content-Type"]) == (503, "application/problem+json")
    assert response["Retry-After"] == "2"
    assert json.loads(response.content) == problem(path.partition("?")[0])


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_page(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    page = import_module("pilots.views.overview")  # by this name the package offers the view
    monkeypatch.setattr(page, "build_overview", raising(fault))
    a_page(ask("/"))


@pytest.mark.parametrize("path", ["/", "/pilots/", "/nowhere/", "/sign-in/"])
def test_what_middleware_asks(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(middleware, "holds_demonstration", raising(FAULTS[1]))
    a_page(ask(path))
    assert json.loads(ask("/api/v1/").content) == problem("/api/v1/")


@pytest.mark.parametrize("path", ["/", "/admin/", "/nowhere/"])
def test_a_session_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    monkeypatch.setattr(SessionStore, "load", raising(FAULTS[1]))
    a_page(ask(path, client))
    assert json.loads(ask("/api/v1/", client).content) == problem("/api/v1/")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (OperationalError("gone"), 503),
        (InterfaceError("closed"), 503),
        (ValueError("a bug"), 500),
        (InvalidResponseHeader("'X'"), 500),
        (InvalidChunkSize(b"zz"), 400),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/pilots/", "/pilots/"])
def test_a_stream_that_fails_before_its_first_byte(fault: Exception, status: int, path: str) -> None:
    """The server hands the worker what was raised."""
    try:
        raise fault
    except Exception as exc:
        response = answer(exc, "GET", path, "abc-1")
    assert (response.status_code, response["X-Request-ID"]) == (status, "abc-1")
    kind = "application/problem+json" if path.startswith("/api/") else "text/html; charset=utf-8"
    assert response["Content-Type"] == kind
    assert response.headers.get("Retry-After") == ("2" if status == 503 else None)


def test_a_page_of_an_error_that_cannot_be_made_either(settings: Any, tmp_path: Path) -> None:
    """As where files were never collected: no page can name its style sheet, not even that of the error."""
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "config.storage.StaticFiles"}}
    settings.STATIC_ROOT = tmp_path
    with pytest.raises(ValueError, match="manifest") as caught:
        static("css/site.css")
    response = answer(caught.value, "GET", "/pilots/", "abc-1")
    assert (response.status_code, response["Content-Type"]) == (500, "application/problem+json")
    assert json.loads(response.content) == problem("/pilots/", 500, "Server error", str(WRONG))


# -- over a socket ------------------------------------------------------------------------------------------


class Line:
    """A line to the real database that can be cut, or go silent, and mended."""

    def __init__(self, host: str, port: int) -> None:
        self.there = host, port
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        self.open, self.silent = True, False
        self.plugs: list[socket.socket] = []
        threading.Thread(target=self.let_in, daemon=True).start()

    def let_in(self) -> None:
        with suppress(OSError):  # the door is shut at the end
            while True:
                here, _address = self.door.accept()
                if not self.open:
                    here.close()
                    continue
                self.plugs.append(here)
                if not self.silent:
                    there = socket.create_connection(self.there)
                    self.plugs.append(there)
                    for pair in ((here, there), (there, here)):
                        threading.Thread(target=self.carry, args=pair, daemon=True).start()

    def carry(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while data := here.recv(65_536):
                there.sendall(data)
        for plug in (here, there):
            with suppress(OSError):
                plug.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        self.open = False
        while self.plugs:
            plug = self.plugs.pop()
            with suppress(OSError):
                plug.shutdown(socket.SHUT_RDWR)
            plug.close()

    def mend(self) -> None:
        self.open, self.silent = True, False


@pytest.fixture
def line() -> Iterator[Line]:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite is a file, to which no line can be cut")
    held = connection.settings_dict
    made = Line(held["HOST"] or "127.0.0.1", int(held["PORT"] or 5432))
    yield made
    made.cut()
    made.door.close()


def timed(ask: Callable[[], Answer]) -> tuple[Answer, float]:
    begun = time.monotonic()
    answer = ask()
    return answer, time.monotonic() - begun


def check_down(server: Server, within: float) -> None:
    """Everybody is told, in time; liveness does not depend on it."""
    page, took = timed(lambda: server.get("/"))
    assert (page.status, page.headers["Retry-After"], took < within) == (503, "2", True)
    assert DETAIL.encode() in page.content
    data, took = timed(lambda: server.get("/api/v1/pilots/", X_Request_ID="abc-1"))
    assert (data.status, data.headers["Retry-After"], took < within) == (503, "2", True)
    assert data.json() == problem("/api/v1/pilots/")
    ready, took = timed(lambda: server.get("/readyz"))
    assert (ready.status, ready.headers["Retry-After"], took < 2) == (503, "2", True)
    assert server.get("/livez").status == 200


def test_a_database_that_goes_and_comes_back(tmp_path: Path, url: str, line: Line) -> None:
    there = url.rpartition("@")[2].partition("/")[0]
    with served(tmp_path, url.replace(f"@{there}/", f"@127.0.0.1:{line.port}/")) as server:

        def check_up() -> None:
            for path in ("/", "/api/v1/pilots/") * 4:  # both processes, with connections they kept
                assert (path, server.get(path).status) == (path, 200)
            late = time.monotonic() + 5  # a probe may still wait for what was asked of the silent database
            while server.get("/readyz").status != 200:
                assert time.monotonic() < late

        check_up()
        line.cut()
        check_down(server, within=2)
        line.mend()
        check_up()
        line.cut()
        line.open = line.silent = True
        check_down(server, within=6)
        line.mend()
        check_up()
        told = server.lines()
        assert [entry for entry in told if "exc_info" in entry] == []
        assert {entry["logger"] for entry in told if entry["level"] == "ERROR"} == {"django.request", "tracker.health"}
        assert all(
            entry["message"].startswith("The database does not answer: OperationalError: ")
            for entry in told
            if entry["logger"] == "django.request"
        )
