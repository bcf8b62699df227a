"""The product behind a real socket, served as production serves it, on a database of its own."""

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from itertools import count
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.databases import own_database

NUMBERS = count(1)  # several are open at once: one of a folder of tests, and one of a module in it
PATIENCE = 20  # seconds for one answer: a busy machine is no fault of the server


# -- a database ------------------------------------------------------------------------------------------


@contextmanager
def database(home: Path) -> Iterator[str]:
    """The address of a migrated, empty database of the suite's make."""
    with own_database(f"wired_{os.getpid()}_{next(NUMBERS)}", home) as found:
        migrate(home, found.url)
        yield found.url


def migrate(home: Path, url: str) -> None:
    run(home, url, "manage.py", "migrate", "--verbosity", "0")


# -- a process -------------------------------------------------------------------------------------------


def environment(home: Path, url: str, **more: str) -> dict[str, str]:
    """Nothing of the shell but what a process needs to start: DEBUG is off."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "tests.bare",
        "DATABASE_URL": url,
        "SECRET_KEY": secrets.token_urlsafe(64),
        "TEST_HOME": str(home),
        **more,
    }


def run(home: Path, url: str, *words: str, **more: str) -> str:
    """What a command printed; it has to succeed."""
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, *words],
        cwd=settings.BASE_DIR,
        env=environment(home, url, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Server:
    port: int
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """The log, every line of which has to be a JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def send(self, raw: bytes) -> Answer:
        """The answer to these very bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as plug:
            with suppress(BrokenPipeError, ConnectionResetError):  # refused before it was read to the end
                plug.sendall(raw)
            response = HTTPResponse(plug, method=raw.partition(b" ")[0].decode("latin-1"))
            response.begin()
            return Answer(response.status, response.headers, response.read())

    def everything(self, raw: bytes) -> bytes:
        """All that comes back until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as plug:
            plug.sendall(raw)
            return b"".join(iter(lambda: plug.recv(65_536), b""))

    def get(self, path: str, **headers: str) -> Answer:
        return self.send(request("GET", path, **headers))


def request(method: str, path: str, content: bytes = b"", **headers: str) -> bytes:
    """A request as a plain client writes it; `content_type` stands for Content-Type."""
    named = {"Host": "localhost", "Connection": "close", **{k.replace("_", "-"): v for k, v in headers.items()}}
    if content:
        named.setdefault("Content-Length", str(len(content)))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


@contextmanager
def served(home: Path, url: str, **more: str) -> Iterator[Server]:
    """Serve it with two processes on a free port until the block is left."""
    (home / "static").mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(port, home / f"{port}.log")
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "-c", "python:config.server"]
    with server.log.open("w") as out:
        process = subprocess.Popen(  # noqa: S603  # our own code
            [*command, "--bind", f"127.0.0.1:{port}"],
            cwd=settings.BASE_DIR,
            env=environment(home, url, **more),
            stdout=out,
            stderr=out,
        )
        try:
            wait_for(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=60)


def wait_for(server: Server, process: "subprocess.Popen[bytes]") -> None:
    """Return when it answers; fail with its log when it has died or stays silent."""
    for _ in range(300):
        with suppress(OSError, HTTPException):
            if server.get("/livez").status == 200:
                return
        with suppress(subprocess.TimeoutExpired):  # the pause between two tries, cut short when the server dies
            process.wait(timeout=0.1)
            break
    raise AssertionError(f"The server did not start:\n{server.log.read_text()}")
