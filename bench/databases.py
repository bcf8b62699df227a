"""Databases of the benchmarks: one per scale, made once by bench/generate.py and reused."""

import os
import subprocess
import sys
from contextlib import closing

from bench.servers import ROOT, connect, environment

POSTGRES_URL = os.environ.get("BENCH_POSTGRES", "postgres://postgres@127.0.0.1:5432").rstrip("/")
NAME_PREFIX = os.environ.get("BENCH_PREFIX", "synth")


def prepare_database(name: str) -> tuple[str, bool]:
    """Return the URL of a migrated database, and whether it already has pilots."""
    address = f"{POSTGRES_URL}/{name}"
    with closing(connect(f"{POSTGRES_URL}/postgres")) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if cursor.fetchone() is None:
            cursor.execute(f'CREATE DATABASE "{name}"')
    run_manage(address, "migrate", "--noinput", "--verbosity", "0")
    return address, query_first(address, "SELECT EXISTS (SELECT FROM pilots_pilot)")[0]


def database_for_scale(scale: int) -> str:
    """Return the URL of the database with data of `scale` times the national size."""
    address, filled = prepare_database(f"{NAME_PREFIX}{scale}")
    if not filled:
        run_manage(address, "shell", "-c", f"from bench.generate import generate; generate({scale})")
    return address


def run_manage(address: str, *words: str) -> str:
    """Run a management command and return its output. Raises SystemExit with its errors if it fails."""
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


def query_first(address: str, statement: str) -> tuple:
    """Run a query and return its first row."""
    with closing(connect(address)) as connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        return cursor.fetchone()
