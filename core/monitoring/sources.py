"""Gauges of what every installation has: disk, sign-ins, backups, jobs."""

import shutil
from datetime import timedelta

from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Count, Min, Q, Sum
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from core.backup.models import backup_status, nightly_age
from core.monitoring.gauges import Values, register_gauges

SIGN_IN_PERIOD = timedelta(hours=1)
JOB_PERIOD = timedelta(days=1)


def disk_values() -> Values:
    """Return size and free space of the disk under var/."""
    usage = shutil.disk_usage(settings.VAR_DIR if settings.VAR_DIR.exists() else settings.BASE_DIR)
    return {"tracker_disk_size_bytes": usage.total, "tracker_disk_free_bytes": usage.free}


def sign_in_values() -> Values:
    """Return the failed sign-ins that were not followed by a good one, of names and addresses that failed lately."""
    recent = AccessAttempt.objects.filter(attempt_time__gt=timezone.now() - SIGN_IN_PERIOD)
    return {"tracker_failed_sign_ins": recent.aggregate(n=Sum("failures_since_start"))["n"] or 0}


def backup_values() -> Values:
    """Return the ages of the newest good backup and of the newest drill, and the drill's result; none without any."""
    status = backup_status()
    return {
        "tracker_backup_age_seconds": status.good.age.total_seconds() if status.good else None,
        "tracker_drill_age_seconds": status.drill.age.total_seconds() if status.drill else None,
        "tracker_drill_ok": float(status.drill.ok) if status.drill else None,
    }


def job_values() -> Values:
    """Return what waits and runs, what came to nothing within a day, and when the nightly work ended. Two queries."""
    now = timezone.now()
    waiting, lost = Q(status="READY"), Q(status="FAILED", finished_at__gt=now - JOB_PERIOD)
    found = DBTaskResult.objects.aggregate(
        waiting=Count("pk", filter=waiting),
        oldest=Min("enqueued_at", filter=waiting),
        running=Count("pk", filter=Q(status="RUNNING")),
        lost=Count("pk", filter=lost),
    )
    age = nightly_age()
    return {
        "tracker_jobs_waiting": found["waiting"],
        "tracker_oldest_waiting_job_seconds": (now - found["oldest"]).total_seconds() if found["oldest"] else 0,
        "tracker_jobs_running": found["running"],
        "tracker_jobs_lost": found["lost"],
        "tracker_nightly_age_seconds": age.total_seconds() if age else None,
    }


def register_core_gauges() -> None:
    """Register the gauges of core. Those without a query come first: they are read when the database is silent."""
    register_gauges(
        "disk",
        {
            "tracker_disk_size_bytes": "Size of the disk on which the product writes.",
            "tracker_disk_free_bytes": "Free space of the disk on which the product writes.",
        },
        disk_values,
    )
    register_gauges(
        "sign-in",
        {"tracker_failed_sign_ins": "Failed sign-ins of names and addresses that failed within the last hour."},
        sign_in_values,
    )
    register_gauges(
        "backup",
        {
            "tracker_backup_age_seconds": "Age of the newest good backup; absent before the first.",
            "tracker_drill_age_seconds": "Time since the last restore drill; absent before the first.",
            "tracker_drill_ok": "1 if the last restore drill succeeded, 0 if it failed.",
        },
        backup_values,
    )
    register_gauges(
        "jobs",
        {
            "tracker_jobs_waiting": "Background jobs that wait for a worker.",
            "tracker_oldest_waiting_job_seconds": "Time for which the oldest of them has waited; 0 if there is none.",
            "tracker_jobs_running": "Background jobs that run.",
            "tracker_jobs_lost": "Background jobs that failed within the last day.",
            "tracker_nightly_age_seconds": "Time since the nightly work last ended; absent before the first.",
        },
        job_values,
    )
