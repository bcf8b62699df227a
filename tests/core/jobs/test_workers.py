"""Worker processes: killed in the middle, two at once, and progress while a job holds the write lock."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from tests.support.databases import Database, connection_to, own_database
from tests.support.live_server import run_command, run_migrations, server_environment

pytestmark = [pytest.mark.process, pytest.mark.django_db]
TIMEOUT = 120  # seconds until a worker has done what is waited for; generous, for busy machines


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Database]:
    home = tmp_path_factory.mktemp("jobs")
    with django_db_blocker.unblock(), own_database(f"jobs_{os.getpid()}", home) as found:
        run_migrations(home, found.url)
        yield found


@pytest.fixture
def database(migrated: Database) -> Database:
    jobs = jobs_of(migrated)
    jobs.run("DELETE FROM jobs_job")
    jobs.connection.close()
    migrated.run("DELETE FROM django_session")
    return migrated


def jobs_of(database: Database) -> Any:
    """Open the database of jobs: on SQLite a file beside the other."""
    name = database.connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        name = name.replace(".sqlite3", "-jobs.sqlite3")
    return Database(database.url, connection_to(name))


def start_worker(home: Path, url: str, *words: str) -> "subprocess.Popen[bytes]":
    with (home / "worker.log").open("a") as log:
        return subprocess.Popen(  # noqa: S603  # our own code
            [sys.executable, "-m", "tests.support.job_worker", "work", *words],
            cwd=settings.BASE_DIR,
            env=server_environment(home, url),
            stdout=log,
            stderr=log,
        )


def run_script(home: Path, url: str, *words: str) -> None:
    run_command(home, url, "-m", "tests.support.job_worker", *words)


def wait_for(database: Database, sql: str) -> Any:
    """Run a query until it returns a row, and return its first value."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        rows = database.run(sql)
        if rows:
            return rows[0][0]
        time.sleep(0.02)
    raise AssertionError(f"nothing in {TIMEOUT} seconds: {sql}")


def kill_workers(home: Path, database: Database, kills: int, count: int) -> Counter[str]:
    """Enqueue jobs, kill workers in the middle of them, let the last one finish; return the jobs by their end."""
    jobs, chance = jobs_of(database), random.Random(1)  # noqa: S311  # no secret
    run_script(home, database.url, "enqueue", str(count))
    for _kill in range(kills):
        worker = start_worker(home, database.url)
        running = f"state = 'running' AND done >= {chance.randrange(20)} AND worker LIKE '%%:{worker.pid}:%%'"
        try:
            wait_for(jobs, f"SELECT done FROM jobs_job WHERE {running}")  # noqa: S608  # our own values
        finally:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
    last = start_worker(home, database.url)
    wait_for(jobs, "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM jobs_job WHERE state IN ('waiting', 'running'))")
    last.terminate()
    assert last.wait(TIMEOUT) == 0, (home / "worker.log").read_text()
    written = {key for (key,) in database.run("SELECT session_key FROM django_session")}
    ends = Counter[str]()
    for kind, state, number in jobs.run("SELECT kind, state, arguments FROM jobs_job"):
        key = "job-" + "".join(filter(str.isdigit, str(number)))
        assert (state == "done") == (key in written), (kind, state, key)
        ends[f"{kind} {state}"] += 1
    jobs.connection.close()
    return ends


def test_a_killed_worker_s_jobs_run_once_or_are_told_as_broken_off(tmp_path: Path, database: Database) -> None:
    ends = kill_workers(tmp_path, database, kills=4, count=12)
    assert sum(ends.values()) == 12
    assert set(ends) <= {"repeatable done", "once done", "once broken-off", "repeatable broken-off"}
    assert ends["once broken-off"] + ends["repeatable done"] >= 1


def test_two_workers_run_nothing_twice(tmp_path: Path, database: Database) -> None:
    run_script(tmp_path, database.url, "enqueue", "8")
    workers = [start_worker(tmp_path, database.url, "--until-empty") for _worker in range(2)]
    assert [worker.wait(TIMEOUT) for worker in workers] == [0, 0]
    jobs = jobs_of(database)
    assert jobs.run("SELECT state, attempts, COUNT(*) FROM jobs_job GROUP BY state, attempts") == [("done", 1, 8)]
    assert database.run("SELECT COUNT(*) FROM django_session") == [(8,)]
    jobs.connection.close()


def test_progress_is_written_while_the_job_holds_the_write_lock(tmp_path: Path, database: Database) -> None:
    go = tmp_path / "go"
    run_script(tmp_path, database.url, "hold", str(go))
    worker, jobs = start_worker(tmp_path, database.url), jobs_of(database)
    first = wait_for(jobs, "SELECT done FROM jobs_job WHERE done > 0")
    assert wait_for(jobs, f"SELECT done FROM jobs_job WHERE done > {int(first)}") > first  # noqa: S608
    if connection.vendor == "sqlite":
        other = sqlite3.connect(database.connection.settings_dict["NAME"], timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()
    assert database.run("SELECT COUNT(*) FROM django_session") == [(0,)]
    go.touch()
    wait_for(jobs, "SELECT 1 FROM jobs_job WHERE state = 'done'")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(TIMEOUT) == 0
    assert database.run("SELECT session_key FROM django_session") == [("held",)]
    jobs.connection.close()


def test_sigterm_gives_a_repeatable_job_back(tmp_path: Path, database: Database) -> None:
    run_script(tmp_path, database.url, "enqueue", "1")
    worker, jobs = start_worker(tmp_path, database.url), jobs_of(database)
    wait_for(jobs, "SELECT 1 FROM jobs_job WHERE done > 0")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(TIMEOUT) == 0
    assert jobs.run("SELECT state, attempts FROM jobs_job") == [("waiting", 0)]
    assert database.run("SELECT COUNT(*) FROM django_session") == [(0,)]
    jobs.connection.close()
