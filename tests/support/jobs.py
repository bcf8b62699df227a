"""Background jobs in tests: run those that a block enqueues. Tests need `django_db(databases=["default", "jobs"])`."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.test import TestCase

from core.jobs.registry import JOB_KINDS, JobKind
from core.jobs.worker import Worker


@contextmanager
def enqueued() -> Iterator[None]:
    """Context manager: what the block enqueues is there at its end, as after a commit."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        yield


def run_jobs() -> None:
    """Run a worker until no job waits."""
    Worker().run(until_empty=True)


@contextmanager
def jobs_done() -> Iterator[None]:
    """Context manager: what the block enqueues is run at its end."""
    with enqueued():
        yield
    run_jobs()


@contextmanager
def kinds(*extra: JobKind) -> Iterator[None]:
    """Context manager: these kinds of jobs exist inside."""
    JOB_KINDS.update({kind.name: kind for kind in extra})
    try:
        yield
    finally:
        for kind in extra:
            del JOB_KINDS[kind.name]
