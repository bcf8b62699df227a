"""What those ask who run the product: liveness at /livez, readiness at /readyz, numbers at /metrics.

Beside what django-prometheus counts there are a few gauges of our own, read from the database at each scrape.
"""

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from axes.models import AccessAttempt
from django.conf import settings
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Count, Min, Q, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django_prometheus.exports import ExportToDjangoView
from django_tasks_db.models import DBTaskResult
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.backup.models import MAX_BACKUP_AGE, backup_status, nightly_age
from core.errors import RETRY_AFTER, not_migrated_text, problem_response, read_only_text, store_unavailable_text
from core.files import kept_names, store_is_missing
from core.http import TrackerRequest, client_ip
from core.jobs.queue import job_waits

log = logging.getLogger("tracker.health")
PROBE_TIMEOUT = 1.5  # seconds: a probe that waits for two gets an answer
MIN_FREE_DISK = 0.05  # of the disk
WARN_EVERY = 3_600  # seconds
PROXY_HEADERS = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via")
WARNED_AT = [-float(WARN_EVERY)]  # when this process last logged a warning


class OperationsMiddleware:
    """Middleware that answers health checks, and /metrics to METRICS_FROM, before hosts, sessions or the database are
    touched. None of it is logged or counted. To any other address there is no /metrics: it gets the 404 of all unknown
    ones.
    """

    def __init__(self, get_response: Callable[[TrackerRequest], HttpResponse]) -> None:
        self.get_response = get_response
        last_migrations()

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        if request.path_info in {"/livez", "/readyz"}:
            response = health_response(request)
        elif request.path_info == "/metrics" and request.method == "GET" and may_scrape(request):
            gauges = generate_latest(GAUGES)  # counts those that cannot be read
            response = ExportToDjangoView(request)
            response.content = gauges + response.content
        else:
            return self.get_response(request)
        request.is_probe = True
        response["Cache-Control"] = "no-store"
        return response


@cache
def last_migrations() -> list[tuple[str, str]]:
    """Return the last migration of each app. Importing all of them may take longer than a probe waits: this is done
    once per process."""
    found: list[tuple[str, str]] = MigrationLoader(None).graph.leaf_nodes()
    return found


def may_scrape(request: HttpRequest) -> bool:
    """Return whether the client's address is in METRICS_FROM.

    Behind a proxy that is not declared by BEHIND_PROXY every client has the proxy's address, often that of this
    machine: whatever came through one is refused.
    """
    if not settings.BEHIND_PROXY and any(name in request.headers for name in PROXY_HEADERS):
        return False
    try:
        address = ip_address(client_ip(request))
    except ValueError:  # a UNIX socket has none
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in settings.METRICS_FROM)


# -- health ----------------------------------------------------------------------------------------------


def health_response(request: HttpRequest) -> HttpResponse:
    if request.method not in {"GET", "HEAD"}:
        response = problem_response(request, 405, _("Use GET or HEAD."))
        response["Allow"] = "GET, HEAD"
        return response
    if request.path_info == "/livez":
        return JsonResponse({"status": "ok"})
    probe, folder = probe_database(), written_folder()
    fault, tell, usage = probe.error, probe.tell, shutil.disk_usage(folder)  # why this process should get no requests
    if usage.free < MIN_FREE_DISK * usage.total:
        fault, tell = f"disk: {usage.free / usage.total:.1%} free at {folder}", not_ready_text
    if fault:
        log.error("not ready: %s", fault)
        response = problem_response(request, 503, tell())
        response["Retry-After"] = RETRY_AFTER
        return response
    return JsonResponse({"status": "ok"})


def not_ready_text() -> str:
    return _("Not ready. Try again in a few seconds.")


def written_folder() -> Path:
    """Return the folder on whose disk the product writes."""
    folder: Path = settings.VAR_DIR if settings.VAR_DIR.exists() else settings.BASE_DIR
    return folder


class ReadinessProbe(threading.Thread):
    """Thread that queries the database on a connection of its own: a silent server blocks nothing else."""

    def __init__(self) -> None:
        super().__init__(daemon=True, name="readiness")
        self.error = f"database: no answer in {PROBE_TIMEOUT} seconds"
        self.tell = not_ready_text  # what others may know of it; the log has the rest

    def run(self) -> None:
        try:
            self.error, self.tell = database_fault()
        except Exception as exc:  # any error means not ready, and is logged
            self.error = f"database: {type(exc).__name__}: {exc}"
        finally:
            connections.close_all()


def database_fault() -> tuple[str, Callable[[], str]]:
    """Return why no requests can be answered with this database, and what others may know of it; log what an operator
    should look at all the same."""
    applied = MigrationRecorder(connection).applied_migrations()
    if missing := [".".join(key) for key in last_migrations() if key not in applied]:
        return f"migrations: {missing[0]} is not applied", not_migrated_text
    if is_read_only():
        return "database: it can only be read", read_only_text
    if store_is_missing() and kept_names():
        return "store of files: its folder “blobs” is missing", store_unavailable_text
    if job_waits():
        log.warning("a job has waited for an hour: is manage.py worker running?")
    warn_of_backups()
    return "", not_ready_text


def is_read_only() -> bool:
    """Whether nothing can be written: a standby, or a file that may only be read."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            return bool(cursor.fetchone() == ("on",))
    file = Path(connection.settings_dict["NAME"])
    return file.is_file() and not os.access(file, os.W_OK)


PROBE_LOCK = threading.Lock()
RUNNING_PROBES: list[ReadinessProbe] = []  # at most one thread, however many probes arrive while the database is silent


def probe_database() -> ReadinessProbe:
    """Return the probe that says whether the database answers in time and has every migration, and workers run."""
    with PROBE_LOCK:
        if not RUNNING_PROBES or not RUNNING_PROBES[0].is_alive():
            RUNNING_PROBES[:] = [ReadinessProbe()]
            RUNNING_PROBES[0].start()
        question = RUNNING_PROBES[0]
    question.join(PROBE_TIMEOUT)
    return question


def warn_of_backups() -> None:
    """Log what is wrong with the backups, once an hour and process: no reason to send requests elsewhere."""
    if settings.DEBUG or time.monotonic() - WARNED_AT[0] < WARN_EVERY:
        return
    warnings, age = backup_status().warnings, nightly_age()
    if age and age > MAX_BACKUP_AGE:
        warnings.append(f"the nightly work last ended {age.total_seconds() / 3600:.0f} hours ago")
    if warnings:
        WARNED_AT[0] = time.monotonic()
        logging.getLogger("tracker.backup").warning("ready, but %s", "; ".join(warnings))


# -- gauges ----------------------------------------------------------------------------------------------


def database_gauges() -> dict[str, tuple[str, float | None]]:
    """Return failed sign-ins that were not followed by a good one, the age of the backup, what the check of lights
    found, and jobs: by name of the gauge what it is, and its value; those without one are described only."""
    now, status = timezone.now(), backup_status()
    recent = AccessAttempt.objects.filter(attempt_time__range=(now - timedelta(hours=1), now))
    waiting = Q(status="READY")
    jobs = DBTaskResult.objects.aggregate(
        waiting=Count("pk", filter=waiting),
        oldest=Min("enqueued_at", filter=waiting),
        running=Count("pk", filter=Q(status="RUNNING")),
        lost=Count("pk", filter=Q(status="FAILED", finished_at__range=(now - timedelta(days=1), now))),
    )
    return {
        "tracker_failed_sign_ins": (
            "Failed sign-ins of names and addresses that failed within the last hour.",
            recent.aggregate(n=Sum("failures_since_start"))["n"] or 0,
        ),
        "tracker_backup_age_seconds": (
            "Age of the newest backup; absent before the first.",
            status.made.age.total_seconds() if status.made else None,
        ),
        "tracker_light_differences": (
            "Pilots whose stored lights differed from their records at the last check; absent before the first.",
            status.lights.size if status.lights else None,
        ),
        "tracker_jobs_waiting": ("Background jobs that wait for a worker.", jobs["waiting"]),
        "tracker_oldest_waiting_job_seconds": (
            "Time for which the oldest of them has waited; 0 if there is none.",
            max(0, (now - jobs["oldest"]).total_seconds()) if jobs["oldest"] else 0,
        ),
        "tracker_jobs_running": ("Background jobs that run.", jobs["running"]),
        "tracker_jobs_lost": ("Background jobs that failed within the last day.", jobs["lost"]),
    }


class GaugeCollector(Collector):
    """Collector of our own gauges. Where the database does not answer, those of the disk are still worth having."""

    def collect(self) -> Iterable[Metric]:
        usage, up = shutil.disk_usage(written_folder()), True
        gauges: dict[str, tuple[str, float | None]] = {
            "tracker_disk_size_bytes": ("Size of the disk on which the product writes.", usage.total),
            "tracker_disk_free_bytes": ("Free space of the disk on which the product writes.", usage.free),
        }
        try:
            gauges |= database_gauges()
        except Exception as exc:  # whatever it is, the other metrics are worth having
            up = False
            text = "gauges could not be read from the database: %s: %s"
            logging.getLogger("tracker.metrics").warning(text, type(exc).__name__, exc)
        gauges["tracker_database_up"] = ("1 if the database answered this scrape, else 0.", up)
        return [GaugeMetricFamily(name, text, value) for name, (text, value) in gauges.items()]


GAUGES = CollectorRegistry()  # of their own: processes add their counters up, and gauges are read once
GAUGES.register(GaugeCollector())
