"""Live server: the project behind a real socket, served as in production, on its own database."""

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
from urllib.request import urlopen

from django.conf import settings

from tests.support.databases import own_database

DATABASE_NUMBERS = count(1)  # several exist at once: one of a package of tests, and one of a module in it
TIMEOUT = 120  # seconds for one response; generous, for busy machines


# -- a database ------------------------------------------------------------------------------------------


@contextmanager
def migrated_database(home: Path) -> Iterator[str]:
    """Create a migrated, empty database of the suite's vendor; yields its URL."""
    with own_database(f"wired_{os.getpid()}_{next(DATABASE_NUMBERS)}", home) as found:
        run_migrations(home, found.url)
        yield found.url


def run_migrations(home: Path, url: str) -> None:
    run_command(home, url, "manage.py", "migrate", "--verbosity", "0")


# -- a process -------------------------------------------------------------------------------------------


def server_environment(home: Path, url: str, **more: str) -> dict[str, str]:
    """Return a minimal environment: DEBUG is off."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "tests.settings_live_server",
        "DATABASE_URL": url,
        "SECRET_KEY": secrets.token_urlsafe(64),
        "TEST_HOME": str(home),
        **more,
    }


def run_command(home: Path, url: str, *words: str, **more: str) -> str:
    """Run a command that must succeed; return its output."""
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, *words],
        cwd=settings.BASE_DIR,
        env=server_environment(home, url, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,  # a busy machine is no fault of the code
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class ServerResponse:
    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class LiveServer:
    port: int
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """Return the log, every line of which must be a JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def send(self, raw: bytes) -> ServerResponse:
        """Send these bytes and return the response."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT) as plug:
            with suppress(BrokenPipeError, ConnectionResetError):  # rejected before the whole body was read
                plug.sendall(raw)
            response = HTTPResponse(plug, method=raw.partition(b" ")[0].decode("latin-1"))
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
    (home / "static").mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = LiveServer(port, home / f"{port}.log")
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "-c", "python:config.gunicorn_conf"]
    with server.log.open("w") as out:
        process = subprocess.Popen(  # noqa: S603  # our own code
            [*command, "--bind", f"127.0.0.1:{port}"],
            cwd=settings.BASE_DIR,
            env=server_environment(home, url, **more),
            stdout=out,
            stderr=out,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/livez", process, server.log)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=60)


def wait_for(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until the server responds; fail with its log if it has exited or times out."""
    for _ in range(1_200):
        with suppress(OSError, HTTPException), urlopen(address, timeout=5):  # noqa: S310
            return
        with suppress(subprocess.TimeoutExpired):  # wait between two attempts, ended early if the server exits
            server.wait(timeout=0.1)
            break
    raise AssertionError(f"The server did not start:\n{log.read_text()}")
