"""Worker processes: killed in the middle of a confirmation, told to end, two at once, and locked out for long."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.support.databases import Database, connection_to
from tests.support.job_worker import ROWS
from tests.support.live_server import migrated_database, run_command, server_environment, start_process

pytestmark = [pytest.mark.process, pytest.mark.database, pytest.mark.django_db]
TIMEOUT = 120  # seconds until a process has ended; generous, for busy machines
Worker = subprocess.Popen[str]
TABLE = "django_tasks_database_dbtaskresult"
NUMBERS = count()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Database]:
    home = tmp_path_factory.mktemp("jobs")
    with django_db_blocker.unblock(), migrated_database(home) as found:
        yield found


@pytest.fixture
def database(tmp_path: Path, migrated: Database) -> Database:
    """A database with a checked import of its own, whose confirmation is asked for twice."""
    migrated.run(f"DELETE FROM {TABLE}")  # noqa: S608
    run_command(tmp_path, migrated.url, "-m", "tests.support.job_worker", "prepare", f"n{next(NUMBERS)}")
    return migrated


@pytest.fixture
def start(tmp_path: Path, database: Database) -> Iterator[Callable[..., Worker]]:
    """Start a worker of a name; those that are left are killed."""
    started: list[Worker] = []

    def start_one(name: str, *words: str) -> Worker:
        words = ("-m", "tests.support.job_worker", "work", "--worker-id", name, *words)
        process = start_process(server_environment(tmp_path, database.url), *words)
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def writes(worker: Worker) -> bool:
    """Wait until it has written the rows of a confirmation and is about to commit; False where it ends without."""
    assert worker.stdout
    return worker.stdout.readline() == "written\n"


def let_on(worker: Worker) -> int:
    """Let it commit whatever it writes, and return its exit code."""
    worker.communicate("\n" * 9, timeout=TIMEOUT)
    return worker.returncode


def rows(database: Database) -> tuple[str, int, int]:
    """Return the state of the newest import, the number of pilots that it wrote, and that of their history entries."""
    [(name, state)] = database.run("SELECT file_name, state FROM core_import ORDER BY id DESC LIMIT 1")
    pattern = f"{name.removesuffix('.csv')}-%"
    tables = ("pilots_pilot", "pilots_historicalpilot")
    counts = [database.run(f"SELECT COUNT(*) FROM {table} WHERE slug LIKE %s", pattern) for table in tables]  # noqa: S608
    return state, counts[0][0][0], counts[1][0][0]


def jobs(database: Database) -> list[tuple[str, int]]:
    """Return status and number of attempts of each job, oldest first."""
    found = database.run(f"SELECT status, worker_ids FROM {TABLE} ORDER BY enqueued_at")  # noqa: S608
    return [(status, str(workers).count("-")) for status, workers in found]


NOTHING, ONCE = ("checked", 0, 0), ("confirmed", ROWS, ROWS)


def test_a_confirmation_that_was_killed_is_taken_back_by_the_worker_of_its_name_and_done_once(
    database: Database, start: Callable[..., Worker]
) -> None:
    first = start("worker-1")
    assert writes(first)
    first.kill()
    first.wait(TIMEOUT)
    assert (rows(database), jobs(database)) == (NOTHING, [("RUNNING", 1), ("READY", 0)])
    assert let_on(start("worker-2", "--until-empty")) == 0  # takes what waits, not what another has left
    assert (rows(database), jobs(database)) == (ONCE, [("RUNNING", 1), ("SUCCESSFUL", 1)])
    assert let_on(start("worker-1", "--until-empty")) == 0
    assert (rows(database), jobs(database)) == (ONCE, [("SUCCESSFUL", 2), ("SUCCESSFUL", 1)])


def test_one_that_was_killed_three_times_has_failed(database: Database, start: Callable[..., Worker]) -> None:
    for _attempt in range(3):
        worker = start("worker-1")
        assert writes(worker)
        worker.kill()
        worker.wait(TIMEOUT)
    assert let_on(start("worker-1", "--until-empty")) == 0
    assert (rows(database), jobs(database)) == (ONCE, [("FAILED", 3), ("SUCCESSFUL", 1)])
    [(error,)] = database.run(f"SELECT traceback FROM {TABLE} WHERE status = 'FAILED'")  # noqa: S608
    assert "Its worker ended in the middle of it, three times." in error


def test_a_second_worker_of_one_name_is_refused_and_takes_nothing(
    database: Database, start: Callable[..., Worker]
) -> None:
    """It would take back what the first one does, and both would do it."""
    first = start("worker-1")
    assert writes(first)
    second = start("worker-1")
    _said, told = second.communicate(timeout=TIMEOUT)
    assert second.returncode == 1
    assert told.splitlines()[-1] == (
        "django.core.management.base.CommandError: A worker of the name worker-1 runs already. Give each a name of its "
        "own, the same at every start: --worker-id NAME."
    )
    assert jobs(database) == [("RUNNING", 1), ("READY", 0)]
    first.kill()
    first.wait(TIMEOUT)
    assert let_on(start("worker-1", "--until-empty")) == 0
    assert (rows(database), jobs(database)) == (ONCE, [("SUCCESSFUL", 2), ("SUCCESSFUL", 1)])


def test_a_worker_that_is_told_to_end_finishes_its_job(database: Database, start: Callable[..., Worker]) -> None:
    worker = start("worker-1")
    assert writes(worker)
    worker.send_signal(signal.SIGTERM)
    assert let_on(worker) == 0
    assert (rows(database), jobs(database)) == (ONCE, [("SUCCESSFUL", 1), ("READY", 0)])


def test_a_worker_outlives_a_lock_that_lasts_longer_than_it_waits(
    database: Database, start: Callable[..., Worker]
) -> None:
    """The worker of django-tasks-db ends there, after 20 seconds."""
    other = connection_to(database.name)
    with other.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")
        if connection.vendor == "postgresql":
            cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        worker = start("worker-1", "--until-empty", "--impatient")
        assert worker.stderr
        assert any("The database does not answer: OperationalError" in line for line in worker.stderr)
        cursor.execute("ROLLBACK")
    other.close()
    assert let_on(worker) == 0
    assert rows(database) == ONCE
