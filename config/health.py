"""Health checks for load balancers and supervisors: liveness at /livez, readiness at /readyz."""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from core.backup.status import backup_status
from core.http.problems import RETRY_AFTER, problem_response
from core.jobs.queue import lacks_worker

log = logging.getLogger("tracker.health")
backup_log = logging.getLogger("tracker.backup")
PROBE_TIMEOUT = 1.5  # seconds: a probe that waits for two gets an answer
MIN_FREE_DISK = 0.05  # of the disk
WARN_EVERY = 3_600  # seconds
WARNED_AT = [-float(WARN_EVERY)]  # when this process last logged a warning


class HealthCheckMiddleware:
    """Middleware that answers health checks before hosts, sessions or the database are touched; says yes or no."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        load_migrations()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in {"/livez", "/readyz"}:
            return self.get_response(request)
        response = self.health_response(request)
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
        fault = disk_error() or probe.error  # why this process should get no requests
        if not fault:
            if probe.jobs_wait:
                log.warning("jobs wait, and no worker has been alive for an hour: start manage.py worker")
            return JsonResponse({"status": "ok"})
        log.error("not ready: %s", fault)
        response = problem_response(request, 503, _("Not ready. Try again in a few seconds."))
        response["Retry-After"] = RETRY_AFTER
        return response


@cache
def load_migrations() -> None:
    """Import all migrations once per process: on a busy machine that alone may take longer than a probe waits."""
    MigrationLoader(None)


def disk_error() -> str:
    """Return an error when too little disk space is free where the product writes."""
    place = settings.VAR_DIR if settings.VAR_DIR.exists() else settings.BASE_DIR
    usage = shutil.disk_usage(place)
    return "" if usage.free >= MIN_FREE_DISK * usage.total else f"disk: {usage.free / usage.total:.1%} free at {place}"


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
            self.jobs_wait = lacks_worker()  # fails where the database of jobs has no tables
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
    if warnings := backup_status().warnings:
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
