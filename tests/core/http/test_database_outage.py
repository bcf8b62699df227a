"""Database outage: every response is 503 with Retry-After, and service resumes without a restart."""

import errno
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, connection
from django.test import Client

from accounts.models import token_digest
from pilots.api import records as pilots_api
from tests.support.api_client import client_with_token
from tests.support.live_server import LiveServer, ServerResponse, running_server

pytestmark = pytest.mark.django_db
DETAIL = "The database does not answer now. Try again in a few seconds; of a change, look first if it was kept."


def view_raising(fault: Exception) -> Callable[..., Any]:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise fault

    return fail


def request_path(path: str, client: Client | None = None) -> Any:
    client = client or Client()
    client.raise_request_exception = False
    return client.get(path, headers={"X-Request-ID": "abc-1"})


# -- in the process -----------------------------------------------------------------------------------------


READ_ONLY = "The database takes no changes now: it can only be read. Nothing was changed; tell the administrator."
FULL = "The disk of the server is full. Nothing was stored; tell the administrator to make room."
NOT_MIGRATED = "The database is not that of this release. The administrator has to run “manage.py migrate”."


@pytest.mark.django_db(transaction=True)  # the connection is told, which has to forget what fails
def test_a_database_that_can_only_be_read() -> None:
    """A hot standby, or a file without the right to write: a token reads, and a change gets a sentence."""
    chief = client_with_token(User.objects.create_superuser("chief"))
    chief.client.raise_request_exception = False
    on, off = {
        "postgresql": [f"SET SESSION CHARACTERISTICS AS TRANSACTION READ {mode}" for mode in ("ONLY", "WRITE")],
        "sqlite": [f"PRAGMA query_only = {number}" for number in (1, 0)],
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(on)
    try:
        read = chief.send("GET", "/api/v1/agencies/")
        page = request_path("/")
        refused = chief.send("POST", "/api/v1/agencies/", {"slug": "new", "name_zh": "新"})
    finally:
        with connection.cursor() as cursor:
            cursor.execute(off)
    assert (read.status_code, page.status_code) == (200, 200)
    assert (refused.status_code, refused["Retry-After"], refused.json()["detail"]) == (503, "60", READ_ONLY)


@pytest.mark.parametrize(("path", "kind"), [("/api/v1/agencies/", "json"), ("/policies/", "html")])
def test_a_database_without_its_migrations(path: str, kind: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE policies_agency RENAME TO policies_agency_of_another_release")
    response = request_path(path)
    assert (response.status_code, response["Retry-After"]) == (503, "60")
    assert NOT_MIGRATED in response.text
    assert kind in response["Content-Type"]


def full_on_postgresql() -> OperationalError:
    fault = OperationalError("could not extend file")
    fault.__cause__ = type("DiskFull", (Exception,), {"pgcode": "53100"})()
    return fault


FAULTS = [
    (OperationalError("database is locked"), "2", DETAIL),
    (InterfaceError("closed"), "2", DETAIL),
    (OperationalError("database or disk is full"), "60", FULL),  # as SQLite says it
    (full_on_postgresql(), "60", FULL),
    (OSError(errno.ENOSPC, "No space left on device"), "60", FULL),
]


@pytest.mark.parametrize("path", ["/api/v1/pilots/", "/api/v1/pilots/?format=csv"])
@pytest.mark.parametrize(("fault", "wait", "detail"), FAULTS, ids=str)
def test_an_address_of_the_api(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, wait: str, detail: str, path: str
) -> None:
    monkeypatch.setattr(pilots_api.PilotViewSet, "get_queryset", view_raising(fault))
    response = request_path(path)
    assert (response.status_code, response["Content-Type"]) == (503, "application/problem+json")
    assert (response["Retry-After"], response.json()["detail"]) == (wait, detail)


# -- over a socket ------------------------------------------------------------------------------------------


class TcpProxy:
    """TCP proxy to the real database that can be cut, silenced, and restored."""

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
def line() -> Iterator[TcpProxy]:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite is a file, to which no line can be cut")
    held = connection.settings_dict
    made = TcpProxy(held["HOST"] or "127.0.0.1", int(held["PORT"] or 5432))
    yield made
    made.cut()
    made.door.close()


def timed_request(ask: Callable[[], ServerResponse]) -> tuple[ServerResponse, float]:
    begun = time.monotonic()
    answer = ask()
    return answer, time.monotonic() - begun


def assert_unavailable(server: LiveServer, within: float) -> None:
    """Assert that every request gets 503 in time, and that liveness is not affected."""
    page, took = timed_request(lambda: server.get("/"))
    assert (page.status, page.headers["Retry-After"], took < within) == (503, "2", True)
    assert DETAIL.encode() in page.content
    data, took = timed_request(lambda: server.get("/api/v1/pilots/", X_Request_ID="abc-1"))
    assert (data.status, data.headers["Retry-After"], took < within) == (503, "2", True)
    assert data.json()["detail"] == DETAIL
    ready, took = timed_request(lambda: server.get("/readyz"))
    assert (ready.status, ready.headers["Retry-After"], took < 2) == (503, "2", True)
    assert server.get("/livez").status == 200


@pytest.mark.process
@pytest.mark.database
def test_a_database_that_goes_and_comes_back(tmp_path: Path, url: str, line: TcpProxy) -> None:
    there = url.rpartition("@")[2].partition("/")[0]
    with running_server(tmp_path, url.replace(f"@{there}/", f"@127.0.0.1:{line.port}/")) as server:

        def check_up() -> None:
            for path in ("/", "/api/v1/pilots/") * 4:  # both processes, with open connections
                assert (path, server.get(path).status) == (path, 200)
            late = time.monotonic() + 5  # a probe may still wait for a query to the silent database
            while server.get("/readyz").status != 200:
                assert time.monotonic() < late

        check_up()
        line.cut()
        assert_unavailable(server, within=2)
        line.mend()
        check_up()
        line.cut()
        line.open = line.silent = True
        assert_unavailable(server, within=6)
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


@pytest.mark.process
@pytest.mark.database
def test_a_read_with_a_token_does_not_wait_for_a_writer(tmp_path: Path, url: str, token: str) -> None:
    """That the token was used is stored by a later request."""
    if connection.vendor != "sqlite":
        pytest.skip("on PostgreSQL a writer locks its rows")
    used = "SELECT last_used_at IS NOT NULL FROM accounts_token WHERE digest = ?"
    unused = "UPDATE accounts_token SET last_used_at = NULL"  # another test may have used it
    with (
        running_server(tmp_path, url) as server,
        closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as writer,
    ):
        writer.execute(unused)
        writer.execute("BEGIN IMMEDIATE")
        for _again in range(2):
            assert server.get("/api/v1/pilots/", Authorization=f"Bearer {token}").status == 200
        writer.execute("ROLLBACK")
        assert writer.execute(used, [token_digest(token)]).fetchall() == [(0,)]
        assert server.get("/api/v1/pilots/", Authorization=f"Bearer {token}").status == 200
        assert writer.execute(used, [token_digest(token)]).fetchall() == [(1,)]
