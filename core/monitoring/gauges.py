"""Gauges of our own, beside what django-prometheus counts: read from the records at each scrape.

A part adds its own to `SOURCES` in the `ready` of its app, as dashboard/monitoring.py does.
"""

import logging
import shutil
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Count, Min, Q, Sum
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client import CollectorRegistry, Counter, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.backup.models import backup_status, nightly_age
from core.http.errors import DATABASE_UNAVAILABLE

log = logging.getLogger("tracker.metrics")
Gauges = Mapping[str, tuple[str, float | None]]  # by name: what it is, and its value; without one only the former
SIGN_IN_PERIOD = timedelta(hours=1)
JOB_PERIOD = timedelta(days=1)
GAUGE_ERRORS = Counter(
    "tracker_gauge_errors", "Scrapes in which gauges of this source could not be read and are absent.", ["source"]
)


def disk_gauges() -> Gauges:
    """Return size and free space of the disk under var/."""
    usage = shutil.disk_usage(settings.VAR_DIR if settings.VAR_DIR.exists() else settings.BASE_DIR)
    return {
        "tracker_disk_size_bytes": ("Size of the disk on which the product writes.", usage.total),
        "tracker_disk_free_bytes": ("Free space of the disk on which the product writes.", usage.free),
    }


def sign_in_gauges() -> Gauges:
    """Return the failed sign-ins that were not followed by a good one, of names and addresses that failed lately."""
    recent = AccessAttempt.objects.filter(attempt_time__gt=timezone.now() - SIGN_IN_PERIOD)
    failed = recent.aggregate(n=Sum("failures_since_start"))["n"] or 0
    text = "Failed sign-ins of names and addresses that failed within the last hour."
    return {"tracker_failed_sign_ins": (text, failed)}


def backup_gauges() -> Gauges:
    """Return the ages of the newest good backup and of the newest drill, and the drill's result."""
    status = backup_status()
    good, drill = status.good, status.drill
    return {
        "tracker_backup_age_seconds": (
            "Age of the newest good backup; absent before the first.",
            good.age.total_seconds() if good else None,
        ),
        "tracker_drill_age_seconds": (
            "Time since the last restore drill; absent before the first.",
            drill.age.total_seconds() if drill else None,
        ),
        "tracker_drill_ok": (
            "1 if the last restore drill succeeded, 0 if it failed.",
            float(drill.ok) if drill else None,
        ),
    }


def job_gauges() -> Gauges:
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
        "tracker_jobs_waiting": ("Background jobs that wait for a worker.", found["waiting"]),
        "tracker_oldest_waiting_job_seconds": (
            "Time for which the oldest of them has waited; 0 if there is none.",
            (now - found["oldest"]).total_seconds() if found["oldest"] else 0,
        ),
        "tracker_jobs_running": ("Background jobs that run.", found["running"]),
        "tracker_jobs_lost": ("Background jobs that failed within the last day.", found["lost"]),
        "tracker_nightly_age_seconds": (
            "Time since the nightly work last ended; absent before the first.",
            age.total_seconds() if age else None,
        ),
    }


SOURCES: dict[str, Callable[[], Gauges]] = {  # those without a query first: they are read when the database is silent
    "disk": disk_gauges,
    "sign-in": sign_in_gauges,
    "backup": backup_gauges,
    "jobs": job_gauges,
}
"""What reads gauges together, in the order in which they are read; each should make one query."""


class GaugeCollector(Collector):
    """Collector of the gauges of all sources."""

    def collect(self) -> Iterable[Metric]:
        """Read every source. Once the database is silent it is not asked again: each question would wait as long."""
        metrics, up = [], True
        for source, read in SOURCES.items():
            try:
                if not up:
                    raise DATABASE_UNAVAILABLE[0]("not asked again")
                found = read()
            except Exception as exc:  # whatever it is, the other numbers are worth having
                up = up and not isinstance(exc, DATABASE_UNAVAILABLE)
                GAUGE_ERRORS.labels(source).inc()
                log.warning("gauges of %s could not be read: %s: %s", source, type(exc).__name__, exc)
                continue
            metrics += [GaugeMetricFamily(name, text, value) for name, (text, value) in found.items()]
        text = "1 if the database answered this scrape, else 0."
        return [GaugeMetricFamily("tracker_database_up", text, float(up)), *metrics]


GAUGES = CollectorRegistry()  # of their own: processes add their counters up, and gauges are read once
GAUGES.register(GaugeCollector())
