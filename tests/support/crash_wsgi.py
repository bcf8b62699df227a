"""WSGI application of the project with two headers for tests.

Each response has the process id of its worker. A request with X-Die is processed, but then all workers and their parent
are killed before any byte of the response is sent.
"""

import os
import signal
from collections.abc import Iterable
from typing import Any

from config.wsgi import application as tracker


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start_response(status, [*headers, ("X-Worker", str(os.getpid()))], *more)

    answer = tracker(environ, started)
    if "HTTP_X_DIE" in environ:
        os.killpg(0, signal.SIGKILL)
    return answer
