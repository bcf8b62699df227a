"""What those ask who run the product: liveness at /livez, readiness at /readyz, numbers at /metrics."""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from functools import cache
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import generate_latest

from core.backup.models import MAX_BACKUP_AGE, backup_status, nightly_age
from core.http.problems import RETRY_AFTER, problem_response
from core.http.request import TrackerRequest, client_ip
from core.jobs.queue import job_waits
from core.monitoring.gauges import GAUGES

log = logging.getLogger("tracker.health")
backup_log = logging.getLogger("tracker.backup")
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
        load_migrations()

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        if request.path_info in {"/livez", "/readyz"}:
            response = self.health_response(request)
        elif request.path_info == "/metrics" and request.method == "GET" and may_scrape(request):
            gauges = generate_latest(GAUGES)  # counts those that cannot be read
            response = ExportToDjangoView(request)
            response.content = gauges + response.content
        else:
            return self.get_response(request)
        request.is_probe = True
        response["Cache-Control"] = "no-store"
        return response

    def health_response(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            response = problem_response(request, 405, _("Use GET or HEAD."))
            response["Allow"] = "GET, HEAD"
            return response
        if request.path_info == "/livez":
            return JsonResponse({"status": "ok"})
        probe = probe_database()
        place = settings.VAR_DIR if settings.VAR_DIR.exists() else settings.BASE_DIR  # where the product writes
        usage = shutil.disk_usage(place)
        fault = probe.error  # why this process should get no requests
        if usage.free < MIN_FREE_DISK * usage.total:
            fault = f"disk: {usage.free / usage.total:.1%} free at {place}"
        if not fault:
            if probe.jobs_wait:
                log.warning("a job has waited for an hour: is manage.py worker running?")
            return JsonResponse({"status": "ok"})
        log.error("not ready: %s", fault)
        response = problem_response(request, 503, _("Not ready. Try again in a few seconds."))
        response["Retry-After"] = RETRY_AFTER
        return response


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


@cache
def load_migrations() -> None:
    """Import all migrations once per process: on a busy machine that alone may take longer than a probe waits."""
    MigrationLoader(None)


# -- the database ----------------------------------------------------------------------------------------


class ReadinessProbe(threading.Thread):
    """Thread that queries the database on a connection of its own: a silent server blocks nothing else."""

    def __init__(self) -> None:
        super().__init__(daemon=True, name="readiness")
        self.error = f"database: no answer in {PROBE_TIMEOUT} seconds"
        self.jobs_wait = False

    def run(self) -> None:
        try:
            executor = MigrationExecutor(connection)
            missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if missing:
                self.error = f"migrations: {len(missing)} not applied, first {missing[0][0]}"
                return
            self.jobs_wait = job_waits()
            warn_of_backups()
            self.error = ""
        except Exception as exc:  # any error means not ready, and is logged
            self.error = f"database: {type(exc).__name__}: {exc}"
        finally:
            connections.close_all()


def warn_of_backups() -> None:
    """Log what is wrong with the backups, once an hour and process: no reason to send requests elsewhere."""
    if settings.DEBUG or time.monotonic() - WARNED_AT[0] < WARN_EVERY:
        return
    warnings, age = backup_status().warnings, nightly_age()
    if age and age > MAX_BACKUP_AGE:
        warnings.append(f"the nightly work last ended {age.total_seconds() / 3600:.0f} hours ago")
    if warnings:
        WARNED_AT[0] = time.monotonic()
        backup_log.warning("ready, but %s", "; ".join(warnings))


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
