"""A worker of gunicorn that refuses in our one shape what never becomes a request: broken lines, headers, bodies."""

import logging
import traceback
import uuid
from ssl import SSLError
from typing import Any

from gunicorn import util
from gunicorn.http.message import Request
from gunicorn.http.parser import Parser
from gunicorn.workers.gthread import ThreadWorker

from config.logs import request_id, safe_path

log = logging.getLogger("tracker.server")


class Worker(ThreadWorker):
    """Threads, as gunicorn makes them."""

    def handle(self, conn: Any) -> Any:
        request_id.set("")  # the number of the request that this thread had before
        return super().handle(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what was raised outside Django: by gunicorn while it reads, or by a stream before its first byte."""
        from config.unread import answer, written  # noqa: PLC0415  # Django is there once a worker has loaded it

        number = request_id.get() or uuid.uuid4().hex
        request_id.set(number)
        read = req or half_read(exc)
        method, path = getattr(read, "method", None) or "", getattr(read, "path", None) or ""
        facts = {"method": method[:20], "path": safe_path(path), "address": addr[0] if addr else ""}
        if answered(exc) or isinstance(exc, SSLError):
            log.warning("connection closed: %s", type(exc).__name__, extra=facts)
            return
        response = answer(exc, method, path, number)
        faulty = response.status_code >= 500
        level, raised = (logging.ERROR, exc) if faulty else (logging.WARNING, None)
        log.log(level, "%s: %s", response.status_code, type(exc).__name__, exc_info=raised, extra=facts)
        try:
            util.write_nonblock(client, written(response, method))
        except OSError:
            log.warning("the client did not wait for its refusal", extra=facts)


def half_read(exc: BaseException) -> Any:
    """The request that was being read when this was raised: gunicorn hands on few of them."""
    for frame, _line in traceback.walk_tb(exc.__traceback__):
        if isinstance(frame.f_locals.get("self"), Request):
            return frame.f_locals["self"]
    return None


def answered(exc: BaseException) -> bool:
    """Whether the request has its answer and only the rest of its body is broken: a second one would be misread."""
    return any(frame.f_code is Parser.finish_body.__code__ for frame, _line in traceback.walk_tb(exc.__traceback__))
