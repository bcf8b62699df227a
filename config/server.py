"""Former name of the gunicorn configuration, `-c python:config.server`: works for one more release, with a warning."""

from typing import Any

from config.gunicorn_conf import *  # noqa: F403


def on_starting(server: Any) -> None:
    """Log the new name once, in the process that starts the workers."""
    server.log.warning("python:config.server is now python:config.gunicorn_conf: rename it before the next release")
