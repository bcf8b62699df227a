"""Concurrency tests: the project behind two gunicorn workers on its own database, and clients that start together."""

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
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

from tests.support.browser import ROOT, wait_for
from tests.support.databases import Database, own_database

WORKERS, THREADS, TIMEOUT = 2, 4, 120
ResultType = TypeVar("ResultType")
MAKE_USERS_SCRIPT = """
import django, json; django.setup()
from django.contrib.auth.models import User
from accounts.models import create_token
from accounts.models import Officer
from tests import factories as make
home, found = make.province(slug="home"), {}
roles = [("admin", "admin", None), ("other", "admin", None), ("editor", "provincial_editor", home)]
for name, role, province in [*roles, ("verifier", "national_editor", None)]:
    user = User.objects.create(username=name)
    Officer.objects.create(user=user, role=role, province=province)
    found[name] = create_token(user=user, name="races", may_write=True)[1]
print(json.dumps(found))
"""


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else None

    def __str__(self) -> str:
        return f"{self.status} {self.content[:400].decode(errors='replace')}"


class ApiConnection:
    """Keep-alive API connection with a token."""

    def __init__(self, port: int, secret: str) -> None:
        self.secret = secret
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> HttpAnswer:
        content = None if body is None else json.dumps(body).encode()
        own = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        self.connection.request(method, f"/api/v1/{path}", content, {**own, **headers})
        with self.connection.getresponse() as answer:
            return HttpAnswer(answer.status, dict(answer.headers), answer.read())

    def close(self) -> None:
        self.connection.close()


@dataclass
class ServedProject:
    """gunicorn in its own process group, so that all of it can be killed at once."""

    database: Database
    folder: Path
    environment: Mapping[str, str]
    tokens: dict[str, str] = field(default_factory=dict)
    clients: list[ApiConnection] = field(default_factory=list)
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    def run(self, *command: str) -> str:
        done = subprocess.run(  # noqa: S603  # our own code
            [sys.executable, *command], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        """Start the server, on the previous port if any."""
        if not self.port:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "tests.support.crash_wsgi",
            "-c",
            "python:config.gunicorn_conf",
            "--keep-alive",
            "600",
        ]
        command += ["--bind", f"127.0.0.1:{self.port}", "--workers", str(WORKERS), "--threads", str(THREADS)]
        with self.log.open("a") as out:
            self.process = subprocess.Popen(  # noqa: S603  # our own code
                command, cwd=ROOT, env=self.environment, stdout=out, stderr=out, start_new_session=True
            )
        wait_for(f"http://127.0.0.1:{self.port}/api/v1/", self.process, self.log)

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def stop(self) -> None:
        self.kill()
        for client in self.clients:
            client.close()

    def kill(self) -> None:
        """End the server at once; threads may be using the clients, which stay open."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=60)

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
def serve_project(name: str, folder: Path, **more: str) -> Iterator[ServedProject]:
    """Serve an empty database, as a context manager; `tokens` are of two administrators and of an editor.

    `more` is added to the environment of its processes.
    """
    kept = {word: os.environ[word] for word in ("PATH", "HOME", "LANG") if word in os.environ}
    with own_database(name, folder) as database:
        environment = {
            **kept,
            "DATABASE_URL": database.url,
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "SECRET_KEY": secrets.token_urlsafe(64),
            **more,
        }
        product = ServedProject(database, folder, environment)
        product.run("manage.py", "migrate", "--verbosity", "0")
        product.tokens.update(json.loads(product.run("-c", MAKE_USERS_SCRIPT)))
        try:
            product.start()
            yield product
        finally:
            product.stop()


def wait_until_ended(product: ServedProject) -> None:
    """Wait until the whole process group has ended."""
    assert product.process is not None
    assert product.process.wait(timeout=60) == -signal.SIGKILL
    for _ in range(200):
        with suppress(ProcessLookupError):
            os.killpg(product.process.pid, 0)
            continue
        return
