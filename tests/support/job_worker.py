"""Worker process of tests: kinds of its own and a short lease. Run with the names of what to do: `enqueue`, `work`."""

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import django

django.setup()

from django.contrib.sessions.models import Session  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from core.jobs import queue, running, worker  # noqa: E402
from core.jobs.registry import job_kind  # noqa: E402
from core.jobs.running import RunningJob  # noqa: E402

queue.LEASE = timedelta(seconds=1)
worker.RENEW_EVERY, worker.LOOK_EVERY, worker.POLL_EVERY = 0.2, 0.2, 0.05
running.WRITE_EVERY = 0
STEPS = 40


def write_row(job: RunningJob, number: int) -> None:
    """Write one row in a transaction that takes a while, so that a kill comes in the middle; a second row fails."""
    with transaction.atomic():
        Session.objects.create(session_key=f"job-{number}", session_data="", expire_date=timezone.now())
        for step in range(STEPS):
            time.sleep(0.02)
            job.progress(step, STEPS)


job_kind("repeatable", label="", repeatable=True)(write_row)
job_kind("once", label="", repeatable=False)(write_row)


@job_kind("hold", label="")
def hold_the_write_lock(job: RunningJob, until: str) -> None:
    """Write in one transaction, and report progress in it, until a file is there."""
    with transaction.atomic():
        Session.objects.create(session_key="held", session_data="", expire_date=timezone.now())
        reports = 0
        while not Path(until).exists():
            reports += 1
            job.progress(reports, 0, "holding")
            time.sleep(0.01)


if __name__ == "__main__":
    if sys.argv[1] == "enqueue":
        for number in range(int(sys.argv[2])):
            queue.enqueue("once" if number % 3 == 2 else "repeatable", number=number)
    elif sys.argv[1] == "hold":
        queue.enqueue("hold", until=sys.argv[2])
    else:
        call_command("worker", *sys.argv[2:], beside=os.getppid())
