"""Worker: takes jobs from the queue and runs them, one at a time, while a thread renews their lease."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

from django.db import DatabaseError, connections
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from core.http.log_format import request_id
from core.jobs.models import Job, JobState, WorkerBeat
from core.jobs.queue import claim, close, renew, take_back
from core.jobs.registry import JOB_KINDS
from core.jobs.router import JOBS_ALIAS
from core.jobs.running import JobCancelled, JobFailed, JobGivenBack, LeaseLost, RunningJob
from core.jobs.schedules import enqueue_due

log = logging.getLogger("tracker.jobs")
RENEW_EVERY = 10  # seconds between two renewals of the lease
LOOK_EVERY = 10  # seconds between two looks at schedules and at jobs of dead workers
POLL_EVERY = 1  # seconds between two looks at the queue
PAUSE_AFTER_FAILURE = 5  # seconds, while the database does not answer


class Worker:
    """Worker process. `beside` is the id of a process with which it ends."""

    def __init__(self, beside: int = 0) -> None:
        self.name = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.beside = beside
        self.signalled = False
        self.ended = Event()
        self.looked_at = 0.0

    def stop(self) -> None:
        """Let the worker end: a repeatable job is given back at its next report of progress, another is finished."""
        self.signalled = True

    def must_stop(self) -> bool:
        return self.signalled or bool(self.beside and not process_lives(self.beside))

    def run(self, *, until_empty: bool = False) -> None:
        """Run jobs until told to stop, or until none waits."""
        log.info("worker started", extra={"worker": self.name})
        beat = Thread(target=self.keep_beating, name="lease", daemon=True)
        beat.start()
        try:
            self.beat()
            while not self.must_stop():
                close_old_connections()
                try:
                    if self.step():
                        continue
                    if until_empty:
                        break
                    time.sleep(POLL_EVERY)
                except DatabaseError:
                    log.exception("the worker goes on when the database answers")
                    connections.close_all()
                    time.sleep(PAUSE_AFTER_FAILURE)
        finally:
            self.ended.set()
            beat.join(RENEW_EVERY)
            with suppress(DatabaseError):
                WorkerBeat.objects.filter(name=self.name).delete()
            log.info("worker stopped", extra={"worker": self.name})

    def step(self) -> bool:
        """Look at schedules and dead workers if it is time, then run a job if one waits; return whether one did."""
        if time.monotonic() - self.looked_at >= LOOK_EVERY or not self.looked_at:
            self.looked_at = time.monotonic()
            take_back()
            enqueue_due()
        job = claim(self.name)
        if job:
            run_job(job, self.must_stop)
        return bool(job)

    def beat(self) -> None:
        """Say that this worker is alive, and renew the lease of its job."""
        try:
            WorkerBeat.objects.update_or_create(name=self.name, defaults={"seen_at": timezone.now()})
            renew(self.name)
        except DatabaseError:
            log.exception("the lease could not be renewed")
            connections[JOBS_ALIAS].close()

    def keep_beating(self) -> None:
        """Beat every few seconds, on a connection of the thread's own."""
        while not self.ended.wait(RENEW_EVERY):
            self.beat()
        connections.close_all()


def close_old_connections() -> None:
    """Close connections that are unusable or old, as Django does between two requests; none in a transaction, which
    the caller of the worker has begun."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def process_lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def run_job(job: Job, must_stop: Callable[[], bool] = bool) -> None:
    """Run a claimed job and record what came of it."""
    kind = JOB_KINDS[job.kind]
    started = time.monotonic()
    token = request_id.set(str(job.pk))
    try:
        with override(job.language):
            state, error = outcome(job, RunningJob(job, must_stop if kind.repeatable else bool))
        held = close(job, state, error) if state else False
        told = state.value if held and state else "taken by another worker"
        log.info(
            "job %s",
            told,
            extra={"job": str(job.pk), "kind": job.kind, "seconds": round(time.monotonic() - started, 1)},
        )
    finally:
        request_id.reset(token)


def outcome(job: Job, running: RunningJob) -> tuple[JobState | None, str]:
    """Run the function of the job; return its state afterwards, None where it is another worker's, and the error."""
    try:
        JOB_KINDS[job.kind].run(running, **job.arguments)
    except JobCancelled:
        return JobState.CANCELLED, ""
    except JobGivenBack:
        return JobState.WAITING, ""
    except LeaseLost:
        return None, ""
    except JobFailed as exc:
        return JobState.FAILED, str(exc)
    except Exception:
        log.exception("job failed")
        return JobState.FAILED, _("This job could not be finished. The log of the server says why, under its number.")
    return JobState.DONE, ""
