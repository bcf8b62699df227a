"""WSGI application of the project for tests.

A request with X-Die is processed, but then all workers and their parent are killed before any byte of the response is
sent.
"""

import os
import signal
from collections.abc import Iterable
from typing import Any

from config.wsgi import application as tracker


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    answer = tracker(environ, start_response)
    if "HTTP_X_DIE" in environ:
        os.killpg(0, signal.SIGKILL)
    return answer
