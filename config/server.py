"""Former name of the gunicorn configuration, `-c python:config.server`: works for one more release, with a warning."""

from typing import Any

from config import gunicorn_conf
from config.gunicorn_conf import *  # noqa: F403


def on_starting(server: Any) -> None:  # type: ignore[no-redef]
    """Do the same, and log the new name once, in the process that starts the workers."""
    gunicorn_conf.on_starting(server)
    server.log.warning("python:config.server is now python:config.gunicorn_conf: rename it before the next release")
