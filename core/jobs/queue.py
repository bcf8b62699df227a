"""The queue: enqueue a job, claim the next one, cancel, run again, and take back those whose worker died."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import get_language, gettext, override

from core.jobs.models import OPEN_STATES, Job, JobState, WorkerBeat
from core.jobs.registry import JOB_KINDS
from core.jobs.router import JOBS_ALIAS

log = logging.getLogger("tracker.jobs")
LEASE = timedelta(seconds=30)  # renewed every 10: three may be missed
MAX_ATTEMPTS = 3


def enqueue(kind: str, /, *, owner: Any = None, key: str = "", **arguments: Any) -> Job:
    """Enqueue a job and return it; with the key of one of its kind that waits or runs, return that one.

    Inside a transaction the job is there once it commits, and never if it is rolled back.
    """
    if kind not in JOB_KINDS:
        raise ValueError(f"there is no kind of job {kind!r}")
    standing = open_job(kind, key)
    if standing:
        return standing
    language = get_language() or settings.LANGUAGE_CODE
    job = Job(kind=kind, key=key, language=language, arguments=arguments)
    if owner:
        job.owner_id, job.owner_name = owner.pk, owner.get_username()
    transaction.on_commit(lambda: add(job))
    return open_job(kind, key) or job  # another may have been faster


def open_job(kind: str, key: str) -> Job | None:
    """Return the job of the kind that waits or runs under this key."""
    return Job.objects.filter(kind=kind, key=key, state__in=OPEN_STATES).first() if key else None


def add(job: Job) -> None:
    """Insert the job, unless one with its key was enqueued in the meantime."""
    try:
        with transaction.atomic(JOBS_ALIAS):
            job.save(force_insert=True)
    except IntegrityError:
        if not open_job(job.kind, job.key):
            raise


def run_again(job: Job) -> Job:
    """Enqueue a job like this one, which is over, and return it."""
    with override(job.language):
        return enqueue(job.kind, owner=job.owner, key=job.key, **job.arguments)


def cancel(job: Job) -> None:
    """Cancel a waiting job; ask a running one to stop at its next report of progress."""
    waiting = Job.objects.filter(pk=job.pk, state=JobState.WAITING)
    if not waiting.update(state=JobState.CANCELLED, finished_at=timezone.now()):
        Job.objects.filter(pk=job.pk, state=JobState.RUNNING).update(cancel_requested=True)


def lacks_worker() -> bool:
    """Whether a job has waited for an hour in which no worker was alive."""
    hour_ago = timezone.now() - timedelta(hours=1)
    waits = Job.objects.filter(state=JobState.WAITING, created_at__lt=hour_ago).exists()
    return waits and not WorkerBeat.objects.filter(seen_at__gt=hour_ago).exists()


# -- for workers -----------------------------------------------------------------------------------------


def claim(worker: str) -> Job | None:
    """Make the oldest waiting job of a known kind this worker's and return it; None where none waits."""
    with transaction.atomic(JOBS_ALIAS):
        waiting = Job.objects.filter(state=JobState.WAITING, kind__in=list(JOB_KINDS)).order_by("created_at")
        job = waiting.select_for_update(skip_locked=True).first()
        if job is None:
            return None
        now = timezone.now()
        job.state, job.worker, job.lease_until = JobState.RUNNING, worker, now + LEASE
        job.started_at, job.attempts = job.started_at or now, job.attempts + 1
        job.done, job.total, job.text, job.error = 0, 0, "", ""
        job.save()
        return job


def renew(worker: str) -> None:
    """Renew the leases of the worker's jobs."""
    Job.objects.filter(state=JobState.RUNNING, worker=worker).update(lease_until=timezone.now() + LEASE)


def close(job: Job, state: JobState, error: str = "") -> bool:
    """End this attempt at a job; return whether it was still this worker's."""
    held = Job.objects.filter(pk=job.pk, state=JobState.RUNNING, worker=job.worker, attempts=job.attempts)
    if state == JobState.WAITING:
        return bool(held.update(state=state, worker="", lease_until=None, attempts=job.attempts - 1))
    return bool(held.update(state=state, error=error, lease_until=None, finished_at=timezone.now()))


def take_back() -> list[Job]:
    """Take back the jobs whose lease has run out, and return them.

    One of a repeatable kind waits again, at most three times; another is broken off.
    """
    expired = Job.objects.filter(state=JobState.RUNNING, lease_until__lt=timezone.now())
    return list(filter(take_back_one, expired))


def take_back_one(job: Job) -> bool:
    """Take back one job; return whether no other worker did."""
    row = Job.objects.filter(pk=job.pk, state=JobState.RUNNING, lease_until=job.lease_until)
    kind = JOB_KINDS.get(job.kind)
    if job.cancel_requested:
        taken = row.update(state=JobState.CANCELLED, lease_until=None, finished_at=timezone.now())
    elif kind and kind.repeatable and job.attempts < MAX_ATTEMPTS:
        taken = row.update(state=JobState.WAITING, lease_until=None, worker="")
    else:
        taken = row.update(
            state=JobState.BROKEN_OFF, lease_until=None, finished_at=timezone.now(), error=broken_off_text(job)
        )
    if taken:
        log.warning("job taken back: its worker is gone", extra={"job": str(job.pk), "kind": job.kind})
    return bool(taken)


def broken_off_text(job: Job) -> str:
    with override(job.language):
        return gettext("The process that ran this job ended in the middle of it. Check what it did, then run it again.")
