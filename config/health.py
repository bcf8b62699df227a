"""Whether this process lives and may be sent requests: for load balancers and supervisors, at /livez and /readyz."""

import logging
import shutil
import threading
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from config.problems import RETRY_AFTER, problem_answer
from config.replica import standing

log = logging.getLogger("tracker.health")
PATIENCE = 1.5  # seconds: a prober that waits for two gets an answer
LEAST_FREE = 0.05  # of the disk


class Health:
    """Answers before anything asks for a host, a session or the database; tells the public nothing but yes or no."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        read_migrations()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in {"/livez", "/readyz"}:
            return self.get_response(request)
        response = self.answer(request)
        response["Cache-Control"] = "no-store"
        return response

    def answer(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            response = problem_answer(request, 405, _("Use GET or HEAD."))
            response["Allow"] = "GET, HEAD"
            return response
        fault = not_ready() if request.path_info == "/readyz" else ""
        if not fault:
            return JsonResponse({"status": "ok", **(standing() if request.path_info == "/readyz" else {})})
        log.error("not ready: %s", fault)
        response = problem_answer(request, 503, _("Not ready. Try again in a few seconds."))
        response["Retry-After"] = RETRY_AFTER
        return response


@cache
def read_migrations() -> None:
    """Import them all once a process: on a busy machine that alone may take longer than a prober waits."""
    MigrationLoader(None)


def not_ready() -> str:
    """Why this process should get no requests now, for the log; empty when it should."""
    return disk_fault() or database_fault()


def disk_fault() -> str:
    """Empty while enough is free where the product writes."""
    place = settings.VAR_DIR if settings.VAR_DIR.exists() else settings.BASE_DIR
    usage = shutil.disk_usage(place)
    return "" if usage.free >= LEAST_FREE * usage.total else f"disk: {usage.free / usage.total:.1%} free at {place}"


# -- the database ----------------------------------------------------------------------------------------


class Question(threading.Thread):
    """Asks the database on a connection of its own: a server that stays silent holds nothing but this."""

    def __init__(self) -> None:
        super().__init__(daemon=True, name="readiness")
        self.fault = f"database: no answer in {PATIENCE} seconds"

    def run(self) -> None:
        try:
            executor = MigrationExecutor(connection)
            missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
            self.fault = f"migrations: {len(missing)} not applied, first {missing[0][0]}" if missing else ""
        except Exception as exc:  # whatever it is, the process is not ready, and the log says why
            self.fault = f"database: {type(exc).__name__}: {exc}"
        finally:
            connection.close()


LOCK = threading.Lock()
ASKING: list[Question] = []  # at most one at a time, however many probes come while the database is silent


def database_fault() -> str:
    """Empty when the database answers in time and holds every migration."""
    with LOCK:
        if not ASKING or not ASKING[0].is_alive():
            ASKING[:] = [Question()]
            ASKING[0].start()
        question = ASKING[0]
    question.join(PATIENCE)
    return question.fault
