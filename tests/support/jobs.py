"""Background jobs in tests: run those that wait, and look at what came of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from django_tasks_db.models import DBTaskResult

from core.jobs.queue import error_text
from core.management.commands import worker


def run_jobs() -> None:
    """Run a worker until no job waits, on the connection of the test, whose transaction goes on."""
    with patch.object(worker, "close_old_connections"):
        worker.Worker("worker-of-tests", until_empty=True, nightly=False, beside=0).run()


@contextmanager
def jobs_done() -> Iterator[None]:
    """Context manager: what the block enqueues is run at its end."""
    yield
    run_jobs()


def ends_of_jobs() -> list[tuple[str, str, str]]:
    """Return function, status and error of each job, oldest first."""
    rows = DBTaskResult.objects.order_by("enqueued_at")
    return [(row.task_path.rpartition(".")[2], row.status, error_text(row)) for row in rows]
