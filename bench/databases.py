"""The databases that are measured: one for each scale, made once by `manage.py synthesize` and used again."""

import os
import subprocess
import sys
from contextlib import closing

from bench.servers import ROOT, connect, environment

BASE = os.environ.get("BENCH_POSTGRES", "postgres://postgres@127.0.0.1:5432").rstrip("/")
PREFIX = os.environ.get("BENCH_PREFIX", "synth")


def ready(name: str) -> tuple[str, bool]:
    """The address of a database with every migration, and whether it holds pilots already."""
    address = f"{BASE}/{name}"
    with closing(connect(f"{BASE}/postgres")) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if cursor.fetchone() is None:
            cursor.execute(f'CREATE DATABASE "{name}"')
    manage(address, "migrate", "--noinput", "--verbosity", "0")
    return address, ask(address, "SELECT EXISTS (SELECT FROM pilots_pilot)")[0]


def synthesized(scale: int) -> str:
    """The address of the data at so many times the national size."""
    address, filled = ready(f"{PREFIX}{scale}")
    if not filled:
        manage(address, "synthesize", "--scale", str(scale))
    return address


def manage(address: str, *words: str) -> str:
    """What a command of manage.py prints. Raises SystemExit with what it says when it fails."""
    command = [sys.executable, "manage.py", *words]
    done = subprocess.run(  # noqa: S603
        command,
        cwd=ROOT,
        env=environment(address, "manage", ROOT / "var" / "bench"),
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"manage.py {' '.join(words)}: {done.stderr.strip()[-2000:] or done.stdout.strip()[-2000:]}")
    return done.stdout


def ask(address: str, statement: str) -> tuple:
    """The first row of an answer."""
    with closing(connect(address)) as connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        return cursor.fetchone()
