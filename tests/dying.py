"""The product as gunicorn serves it, but for two headers of the tests.

Each answer says which worker gave it. A request with X-Die is done to its end, and then its answer is lost: all
workers and their parent are killed before a byte of it is sent.
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
