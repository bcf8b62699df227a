"""Housekeeping: a job a night that deletes what has expired."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time, timedelta

from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.api.idempotency import delete_expired_records
from core.files.store import list_folder
from core.imports.files import delete_expired_files
from core.jobs.models import OPEN_STATES, Job, WorkerBeat
from core.jobs.registry import job_kind
from core.jobs.running import RESULTS, RunningJob
from core.jobs.schedules import schedule

JOB_RETENTION = timedelta(days=30)  # of a job that is over, with its result
ROUTINE_RETENTION = timedelta(days=2)  # of one that nobody asked for and that went well
UNFINISHED = timedelta(days=1)  # of a file that belongs to no job


@job_kind("housekeeping", label=_("Housekeeping"), repeatable=True)
def keep_house(job: RunningJob) -> None:
    """Delete what has expired: answers for repeated requests, sessions, files of dry runs, jobs with their results."""
    steps: list[Callable[[], object]] = [
        delete_expired_records,
        lambda: call_command("clearsessions"),
        delete_expired_files,
        delete_old_jobs,
        delete_unowned_files,
    ]
    for done, step in enumerate(steps):
        job.progress(done, len(steps))
        step()


def delete_old_jobs() -> None:
    """Delete jobs that are long over, with their result files, and workers that died long ago."""
    now = timezone.now()
    over = Job.objects.exclude(state__in=OPEN_STATES)
    routine = over.filter(owner_id=None, state="done", result="", finished_at__lt=now - ROUTINE_RETENTION)
    for job in [*over.filter(finished_at__lt=now - JOB_RETENTION), *routine]:
        if job.result:
            default_storage.delete(job.result)
        job.delete()
    WorkerBeat.objects.filter(seen_at__lt=now - UNFINISHED).delete()


def delete_unowned_files() -> None:
    """Delete files of jobs that no job has, a day after they were written: uploads for jobs that failed."""
    owned = set(Job.objects.exclude(result="").values_list("result", flat=True))
    waiting = set(Job.objects.filter(state__in=OPEN_STATES).values_list("arguments__file", flat=True))
    limit = timezone.now() - UNFINISHED
    for name in list_folder(default_storage, RESULTS)[1]:
        path = f"{RESULTS}/{name}"
        if path not in owned | waiting and default_storage.get_modified_time(path) < limit:
            default_storage.delete(path)


schedule("housekeeping", daily_at=time(3, 30))
