"""A job while it runs: progress, cancellation and its result file."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import PurePath
from typing import IO, Any
from uuid import UUID

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models import QuerySet

from core.jobs.models import Job, JobState

RESULTS = "jobs"  # folder in the storage of files
WRITE_EVERY = 0.5  # seconds between two writes of progress


class JobFailed(Exception):
    """Raised by a job that cannot do what was asked; its text tells the owner why and what to do."""


class JobCancelled(Exception):
    """Raised in a job that was cancelled, so that its transaction is rolled back."""


class JobGivenBack(Exception):
    """Raised in a repeatable job whose worker has to stop: it waits again."""


class LeaseLost(Exception):
    """Raised in a job that another worker has taken, because this one did not renew its lease in time."""


class RunningJob:
    """The job that a worker runs, as its function sees it."""

    def __init__(self, job: Job, must_stop: Callable[[], bool] = bool) -> None:
        self.id: UUID = job.pk
        self.arguments: dict[str, Any] = job.arguments
        self.language: str = job.language
        self._job = job
        self._must_stop = must_stop  # whether the job is to be given back
        self._written_at = 0.0

    @property
    def owner(self) -> Any:
        """The user who asked for the job, or None."""
        return self._job.owner

    def row(self) -> QuerySet[Job]:
        """Return the row of the job, as long as this attempt holds it."""
        return Job.objects.filter(
            pk=self.id, state=JobState.RUNNING, worker=self._job.worker, attempts=self._job.attempts
        )

    def progress(self, done: int, total: int, text: str = "") -> None:
        """Report how much is done of how much, and what is being done. May be called as often as one likes.

        Raises where the job was cancelled, has to be given back, or was taken by another worker: nothing should catch
        that but to clean up.
        """
        if self._must_stop():
            raise JobGivenBack
        now = time.monotonic()
        if now - self._written_at < WRITE_EVERY and done != total:
            return
        self._written_at = now
        if not self.row().update(done=max(done, 0), total=max(total, 0), text=text[:500]):
            raise LeaseLost
        held = self.row().values_list("cancel_requested", flat=True).first()
        if held is None:
            raise LeaseLost
        if held:
            raise JobCancelled

    def attach(self, file: IO[bytes], name: str) -> None:
        """Give the job a result file, read from the start; a second one replaces the first."""
        file.seek(0)
        stored = default_storage.save(f"{RESULTS}/{secrets.token_hex(16)}{PurePath(name).suffix}", File(file))
        former = self._job.result
        if not self.row().update(result=stored, result_name=name[:200]):
            default_storage.delete(stored)
            raise LeaseLost
        self._job.result, self._job.result_name = stored, name
        if former:
            default_storage.delete(former)

    def link(self, address: str, text: str) -> None:
        """Give the job a link to the page of what it made."""
        if not self.row().update(link=address, link_text=text[:300]):
            raise LeaseLost
