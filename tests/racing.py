"""The product behind two real workers on a database of its own, and clients that all start at one moment."""

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

from tests.browser import ROOT, wait_for
from tests.databases import Database, own_database

WORKERS, THREADS, PATIENCE = 2, 4, 45
Done = TypeVar("Done")
PEOPLE = """
import django, json; django.setup()
from django.contrib.auth.models import User
from config.tokens import make_token
from policies.models import Officer
from tests.factories import make_province
home, found = make_province(slug="home"), {}
for name, role, province in [("admin", "admin", None), ("other", "admin", None), ("editor", "provincial_editor", home)]:
    user = User.objects.create(username=name)
    Officer.objects.create(user=user, role=role, province=province)
    found[name] = make_token(user=user, name="races", may_write=True)[1]
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else None

    def __str__(self) -> str:
        return f"{self.status} {self.content[:400].decode(errors='replace')}"


class Client:
    """One connection that is kept alive, and one token."""

    def __init__(self, port: int, secret: str) -> None:
        self.secret = secret
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        content = None if body is None else json.dumps(body).encode()
        own = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        self.connection.request(method, f"/api/v1/{path}", content, {**own, **headers})
        with self.connection.getresponse() as answer:
            return Answer(answer.status, dict(answer.headers), answer.read())

    def close(self) -> None:
        self.connection.close()


@dataclass
class Served:
    """gunicorn in a process group of its own, so that all of it can be killed at once."""

    database: Database
    folder: Path
    environment: Mapping[str, str]
    tokens: dict[str, str] = field(default_factory=dict)
    clients: list[Client] = field(default_factory=list)
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    def run(self, *command: str) -> str:
        done = subprocess.run(  # noqa: S603  # our own code
            [sys.executable, *command], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        """Serve, on the port of the last time where there was one."""
        if not self.port:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "tests.dying", "-c", "python:config.server", "--keep-alive", "600"]
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
        for client in self.clients:
            client.close()
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=20)

    def client(self, name: str = "admin") -> Client:
        """A client, which is closed with the server at the latest."""
        client = Client(self.port, self.tokens[name])
        self.clients.append(client)
        return client

    def at_once(self, work: Sequence[Callable[[Client], Done]]) -> list[Done]:
        """What each piece of work gives, all begun at one moment, each with a connection that is open already."""
        barrier = Barrier(len(work))

        def begin(piece: Callable[[Client], Done]) -> Done:
            with closing(Client(self.port, self.tokens["admin"])) as client:
                client.send("GET", "")
                barrier.wait(timeout=PATIENCE)
                return piece(client)

        with ThreadPoolExecutor(len(work)) as pool:
            return list(pool.map(begin, work))


@contextmanager
def served(name: str, folder: Path, **more: str) -> Iterator[Served]:
    """Serve an empty database until the block is left; `tokens` has one of two administrators and of an editor.

    `more` is for the environment of its processes.
    """
    kept = {word: os.environ[word] for word in ("PATH", "HOME", "LANG") if word in os.environ}
    with own_database(name, folder) as database:
        environment = {
            **kept,
            "DATABASE_URL": database.url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "SECRET_KEY": secrets.token_urlsafe(64),
            "THROTTLES": "0",
            **more,
        }
        product = Served(database, folder, environment)
        product.run("manage.py", "migrate", "--verbosity", "0")
        product.tokens.update(json.loads(product.run("-c", PEOPLE)))
        try:
            product.start()
            yield product
        finally:
            product.stop()


def gone(product: Served) -> None:
    """Wait until the whole group has ended."""
    assert product.process is not None
    assert product.process.wait(timeout=20) == -signal.SIGKILL
    for _ in range(200):
        with suppress(ProcessLookupError):
            os.killpg(product.process.pid, 0)
            continue
        return
