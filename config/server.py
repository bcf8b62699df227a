"""How gunicorn serves the tracker: gunicorn config.wsgi -c python:config.server

Read before any process is made, so that a wrong setting stops the start. What the command line says wins.
"""

from typing import Any

from gunicorn.glogging import Logger

from config.settings import LOGGING

worker_class = "config.worker.Worker"
workers, threads = 2, 4
control_socket_disable = True

# A request line may be 8 KB and there may be 100 headers of 8 KB: beyond that nothing is read.
limit_request_line = limit_request_field_size = 8190
limit_request_fields = 100

# What a proxy says of a request is believed by one setting, BEHIND_PROXY, and by Django alone.
forwarded_allow_ips = ""

logconfig_dict = LOGGING


class logger_class(Logger):  # noqa: N801  # gunicorn's name for the setting
    """One line a request is written by config.events, with its number and without its secrets: none here."""

    def access(self, *_request: Any) -> None:
        """Gunicorn would gather what its line tells of a request, and write it nowhere."""


def post_worker_init(worker: Any) -> None:
    """Load all code before the first request comes, which would wait for it.

    The garbage collector keeps Python's own thresholds: at fifty times as many objects the workers gained several
    hundred MiB within five minutes of reading and writing (bench/memory.py).
    """
    from django.urls import reverse  # noqa: PLC0415  # Django is there once a worker has loaded it

    from config.kept import edition  # noqa: PLC0415

    reverse("overview")  # every view
    edition()  # every file
