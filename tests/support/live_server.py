"""Servers of tests: the project behind a real socket, with its commands, on a database and in a folder of its own."""

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier
from typing import Any, TypeVar
from urllib.request import urlopen

from django.conf import settings

from tests.support.databases import Database, own_database

CLOSED_AT_THE_END = ExitStack()  # of the session, by tests/conftest.py
TIMEOUT = 120  # seconds for one response; generous, for busy machines
ResultType = TypeVar("ResultType")


# -- commands --------------------------------------------------------------------------------------------


def server_environment(home: Path, url: str, **more: str) -> dict[str, str]:
    """Return a minimal environment: DEBUG is off."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "tests.settings_live_server",
        "DATABASE_URL": url,
        "SECRET_KEY": secrets.token_urlsafe(64),
        "VAR_DIR": str(home),
        **more,
    }


def run_command(home: Path, url: str, *words: str, **more: str) -> str:
    """Run a command that must succeed; return its output."""
    return run_process(server_environment(home, url, **more), *words)


def run_process(environment: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, *words],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,  # a busy machine is no fault of the code
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def start_process(environment: Mapping[str, str], *words: str) -> "subprocess.Popen[str]":
    """Start a command whose input, output and errors are pipes."""
    pipes: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(  # noqa: S603  # our own code
        [sys.executable, *words], cwd=settings.BASE_DIR, env=environment, text=True, **pipes
    )


def migrated_database(folder: Path) -> AbstractContextManager[Database]:
    """Create a database with empty tables."""
    return own_database(folder, migrated_template())


@cache
def migrated_template() -> Database:
    """Run the migrations, which take longer than most tests, once for all tests of this process."""
    folder = Path(CLOSED_AT_THE_END.enter_context(TemporaryDirectory()))
    database = CLOSED_AT_THE_END.enter_context(own_database(folder))
    run_command(folder, database.url, "manage.py", "migrate", "--verbosity", "0")
    return database


# -- a server --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ServerResponse:
    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class LiveServer:
    """gunicorn in its own process group, so that all of it can be killed at once."""

    port: int
    log: Path
    process: "subprocess.Popen[bytes]"

    def lines(self) -> list[dict[str, Any]]:
        """Return the log, every line of which must be a JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def send(self, raw: bytes) -> ServerResponse:
        """Send these bytes and return the response."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT) as plug:
            with suppress(BrokenPipeError, ConnectionResetError):  # rejected before the whole body was read
                plug.sendall(raw)
            response = http.client.HTTPResponse(plug, method=raw.partition(b" ")[0].decode("latin-1"))
            response.begin()
            return ServerResponse(response.status, response.headers, response.read())

    def everything(self, raw: bytes) -> bytes:
        """Send bytes and return everything until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT) as plug:
            plug.sendall(raw)
            return b"".join(iter(lambda: plug.recv(65_536), b""))

    def get(self, path: str, **headers: str) -> ServerResponse:
        return self.send(request_bytes("GET", path, **headers))


def request_bytes(method: str, path: str, content: bytes = b"", **headers: str) -> bytes:
    """Return the bytes of an HTTP request; `content_type` is the header Content-Type."""
    named = {"Host": "localhost", "Connection": "close", **{k.replace("_", "-"): v for k, v in headers.items()}}
    if content:
        named.setdefault("Content-Length", str(len(content)))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


@contextmanager
def running_server(home: Path, url: str, **more: str) -> Iterator[LiveServer]:
    """Serve it with two processes on a free port, as a context manager."""
    server = start_server(home, server_environment(home, url, **more))
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait(timeout=60)


def start_server(
    home: Path, environment: Mapping[str, str], *options: str, port: int = 0, application: str = "config.wsgi"
) -> LiveServer:
    """Start it on this port, or on a free one, and wait until it responds."""
    Path(environment["VAR_DIR"], "static").mkdir(parents=True, exist_ok=True)
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", application, "-c", "python:config.gunicorn_conf", *options]
    log = home / f"{port}.log"
    with log.open("a") as out:
        process = subprocess.Popen(  # noqa: S603  # our own code
            [*command, "--bind", f"127.0.0.1:{port}"],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    wait_for(f"http://127.0.0.1:{port}/livez", process, log)
    return LiveServer(port, log, process)


def wait_for(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until the server responds; fail with its log if it has exited or times out."""
    for _ in range(1_200):
        with suppress(OSError, http.client.HTTPException), urlopen(address, timeout=5):  # noqa: S310
            return
        with suppress(subprocess.TimeoutExpired):  # wait between two attempts, ended early if the server exits
            server.wait(timeout=0.1)
            break
    server.kill()
    raise AssertionError(f"The server did not start:\n{log.read_text()}")


# -- a server that is killed, and clients that start together ---------------------------------------------

MAKE_USERS_SCRIPT = """
import django, json; django.setup()
from django.contrib.auth.models import User
from accounts.models import create_token
from accounts.models import Officer
from tests import factories as make
make.province(slug="home")
user = User.objects.create(username="admin")
Officer.objects.create(user=user, role="admin")
print(json.dumps({"admin": create_token(user=user, name="races", may_write=True)[1]}))
"""


class ApiConnection:
    """Keep-alive API connection with a token."""

    def __init__(self, port: int, secret: str) -> None:
        self.secret = secret
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> ServerResponse:
        content = None if body is None else json.dumps(body).encode()
        own = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        self.connection.request(method, f"/api/v1/{path}", content, {**own, **headers})
        with self.connection.getresponse() as answer:
            return ServerResponse(answer.status, dict(answer.headers), answer.read())

    def close(self) -> None:
        self.connection.close()


@dataclass
class ServedProject:
    """A database, commands on it, and a server that may be killed and started again on its port."""

    database: Database
    folder: Path
    environment: Mapping[str, str]
    tokens: dict[str, str] = field(default_factory=dict)
    clients: list[ApiConnection] = field(default_factory=list)
    server: LiveServer | None = None

    def run(self, *command: str) -> str:
        return run_process(self.environment, *command)

    def make_users(self) -> None:
        """Make users, whose `tokens` are kept by their names."""
        self.tokens.update(json.loads(self.run("-c", MAKE_USERS_SCRIPT)))

    @property
    def port(self) -> int:
        return self.server.port if self.server else 0

    def start(self) -> None:
        options = ("--keep-alive", "600")
        self.server = start_server(
            self.folder, self.environment, *options, port=self.port, application="tests.support.crash_wsgi"
        )

    def stop(self) -> None:
        self.kill()
        for client in self.clients:
            client.close()

    def kill(self) -> None:
        """End the server at once; threads may be using the clients, which stay open."""
        if self.server is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.server.process.pid, signal.SIGKILL)
        self.server.process.wait(timeout=60)

    def client(self, name: str = "admin") -> ApiConnection:
        """Return a client, which is closed with the server at the latest."""
        client = ApiConnection(self.port, self.tokens[name])
        self.clients.append(client)
        return client

    def run_concurrently(self, work: Sequence[Callable[[ApiConnection], ResultType]]) -> list[ResultType]:
        """Run functions concurrently, each with an open connection, all starting together; return their results."""
        barrier = Barrier(len(work))

        def begin(piece: Callable[[ApiConnection], ResultType]) -> ResultType:
            with closing(ApiConnection(self.port, self.tokens["admin"])) as client:
                client.send("GET", "")
                barrier.wait(timeout=TIMEOUT)
                return piece(client)

        with ThreadPoolExecutor(len(work)) as pool:
            return list(pool.map(begin, work))


@contextmanager
def serve_project(folder: Path, **more: str) -> Iterator[ServedProject]:
    """Serve empty tables and some users, as a context manager; `more` is added to the environment of the processes."""
    with migrated_database(folder) as database:
        product = ServedProject(database, folder, server_environment(folder, database.url, **more))
        product.make_users()
        try:
            product.start()
            yield product
        finally:
            product.stop()


def wait_until_ended(product: ServedProject) -> None:
    """Wait until the whole process group has ended."""
    assert product.server is not None
    assert product.server.process.wait(timeout=60) == -signal.SIGKILL
    for _ in range(200):
        with suppress(ProcessLookupError):
            os.killpg(product.server.process.pid, 0)
            continue
        return
