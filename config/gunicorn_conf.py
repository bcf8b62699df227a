"""Gunicorn configuration: gunicorn config.wsgi -c python:config.gunicorn_conf

Read before any process is started, so that a wrong setting stops the start. The command line takes precedence.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from config.settings import LOGGING, VAR_DIR

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # what formats the log reads them
worker_class = "gthread"
workers, threads = 2, 4
control_socket_disable = True

# A request line may be 8 KB, and there may be 100 headers of 8 KB; nothing beyond that is read.
limit_request_line = limit_request_field_size = 8190
limit_request_fields = 100

# Proxy headers are trusted through one setting, BEHIND_PROXY, and by Django only.
forwarded_allow_ips = ""

logconfig_dict = LOGGING


def metrics_root(memory: Path = Path("/dev/shm")) -> Path:  # noqa: S108  # below it a folder that is ours
    """Return the folder of the counters of servers: RuntimeDirectory= of the unit, else in shared memory, else VAR_DIR.

    The processes map these files into memory. Where a full disk has no block for such a page, the kernel ends the
    process that writes to it (SIGBUS), in the middle of its requests: so they do not lie on a disk.
    """
    if runtime := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(runtime.partition(":")[0]) / "metrics"
    folder = memory / f"tracker-metrics-{os.getuid()}"
    if os.access(memory, os.W_OK) and (not os.path.lexists(folder) or folder.lstat().st_uid == os.getuid()):
        return folder
    return Path(VAR_DIR) / "metrics"


# Counters of the processes of this server, added up by whichever answers /metrics: django-prometheus reads them
METRICS_ROOT = metrics_root()
METRICS_DIR = METRICS_ROOT / str(os.getpid())
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={METRICS_DIR}"]


class logger_class(Logger):  # noqa: N801  # gunicorn's name for the setting
    """Logger without an access log: core/request_log.py writes one line per request."""

    def access(self, *_request: object) -> None:
        """Do nothing: gunicorn would format its line and write it nowhere."""


def on_starting(server: Any) -> None:
    """Begin with counters of zero, and remove the files of servers that have ended."""
    for folder in METRICS_ROOT.glob("[0-9]*"):
        if folder == METRICS_DIR or not Path("/proc", folder.name).exists():
            shutil.rmtree(folder, ignore_errors=True)
    METRICS_ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
    METRICS_DIR.mkdir(exist_ok=True)


def on_exit(server: Any) -> None:
    shutil.rmtree(METRICS_DIR, ignore_errors=True)


def child_exit(server: Any, worker: Any) -> None:
    """Drop what is counted for living processes only; sums keep what an ended one counted."""
    # Looks for the variable when it is imported, which gunicorn sets after it has read this file.
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415

    mark_process_dead(worker.pid, str(METRICS_DIR))  # type: ignore[no-untyped-call]


def post_worker_init(worker: object) -> None:
    """Load all code before the first request comes, which would wait for it.

    The garbage collector keeps Python's own thresholds: at fifty times as many objects the workers gained several
    hundred MiB within five minutes of reading and writing.
    """
    from django.urls import reverse  # noqa: PLC0415  # Django is there once a worker has loaded it

    reverse("overview")  # imports every view
