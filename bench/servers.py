"""Servers of the benchmark, each under gunicorn with two workers of four threads, and their CPU and memory."""

import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg2

ROOT = Path(__file__).parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
START_TIMEOUT = 60  # seconds to start
HOST = "127.0.0.1"
WSGI = {
    "product": ("config.wsgi", "-c", "python:config.gunicorn_conf"),
    "uncached": ("config.wsgi", "-c", "python:config.gunicorn_conf"),
    "floor": ("bench.raw_sql:application", "--worker-class", "gthread", "--workers", "2", "--threads", "4"),
    "naive": ("bench.stock_drf:application", "--worker-class", "gthread", "--workers", "2", "--threads", "4"),
    "cached": ("bench.stock_drf:application", "--worker-class", "gthread", "--workers", "2", "--threads", "4"),
}


def environment(database: str, name: str, store: Path) -> dict[str, str]:
    """Return the environment of a deployment for local clients. Each server's database connections carry its name."""
    own = {
        "DATABASE_URL": f"{database}?application_name=bench-{name}",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "ALLOWED_HOSTS": HOST,
        "CACHE_URL": f"filecache://{store}",
        "DEBUG": "0",
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    own |= {"BENCH_UNCACHED": "1"} if name == "uncached" else {}
    own |= {"BENCH_CACHED": "1"} if name == "cached" else {}
    return {**{key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}, **own}


def connect(database: str) -> Any:
    """Open a connection to a database by its URL; the caller closes it."""
    connection = psycopg2.connect(database.replace("postgres://", "postgresql://", 1))
    connection.autocommit = True
    return connection


class BenchServer:
    """Server process as a context manager, listening on `port`."""

    def __init__(self, name: str, database: str, store: Path) -> None:
        self.name, self.database = name, database
        self.environ = environment(database, name, store)

    def __enter__(self) -> "BenchServer":
        with socket.create_server((HOST, 0)) as free:
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", *WSGI[self.name], "--bind", f"{HOST}:{self.port}"]
        self.process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=self.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + START_TIMEOUT
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{self.name} did not start: {' '.join(command)}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.terminate()
        self.process.wait()

    def answers(self) -> bool:
        """Return whether both workers run and one of them responds, with any status."""
        if len(self.workers()) < 2:
            return False
        connection = HTTPConnection(HOST, self.port, timeout=5)
        with suppress(OSError):
            connection.request("GET", "/livez")
            return bool(connection.getresponse().status)
        return False

    def workers(self) -> list[int]:
        number = self.process.pid
        with suppress(OSError):
            return [int(pid) for pid in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
        return []

    def backends(self) -> list[int]:
        """Return the processes of the database that serve it; readable if the database is on this machine."""
        with closing(connect(self.database)) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", [f"bench-{self.name}"])
            return [pid for (pid,) in cursor.fetchall()]


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU seconds used by these processes."""
    return sum(cpu_ticks(pid) for pid in pids) / TICKS


def cpu_ticks(pid: int) -> int:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    return 0


def process_memory(pids: list[int]) -> dict[int, int]:
    """Return the resident memory of each process in bytes."""
    return {pid: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE for pid in pids}


def describe_machine(database: str) -> dict[str, Any]:
    """Return a description of the machine and database."""
    from importlib.metadata import version  # noqa: PLC0415

    model = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    with closing(connect(database)) as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW server_version")
        postgres = cursor.fetchone()[0]
    packages = ("Django", "djangorestframework", "gunicorn", "psycopg2-binary")
    return {
        "machine": f"{os.cpu_count()} x {model.partition(': ')[2]}, "
        f"{os.sysconf('SC_PHYS_PAGES') * PAGE / 2**30:.0f} GiB, Linux {os.uname().release}",
        "versions": ", ".join(
            [
                f"Python {sys.version.split()[0]}",
                f"PostgreSQL {postgres.split()[0]}",
                *(f"{name} {version(name)}" for name in packages),
            ]
        ),
        "commit": git_output("describe", "--always", "--dirty"),
    }


def git_output(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603, S607
    return done.stdout.strip() or "?"
