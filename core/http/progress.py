"""Progress of long work: a callback that the work calls, and its lines of NDJSON as a streamed response."""

import contextvars
import json
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event, Semaphore

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, StreamingHttpResponse

Progress = Callable[[int, int], None]  # how much is done, of how much
NDJSON = "application/x-ndjson"


class ClientDisconnected(Exception):
    """Raised in the work when the client closed the connection, so that its transaction is rolled back."""


def no_progress(_done: int, _of: int) -> None:
    """Report progress to nobody."""


def wants_progress(request: HttpRequest) -> bool:
    """Return whether the client asks for lines of progress instead of a page."""
    return request.headers.get("Accept") == NDJSON


def progress_response(work: Callable[[Progress], dict[str, object]]) -> StreamingHttpResponse:
    """Return a response with a line for each step of progress; the last line is what the work returns."""
    response = StreamingHttpResponse(progress_lines(work), content_type=NDJSON)
    response["Content-Encoding"] = "identity"  # compressed, the lines would wait for one another
    response["X-Accel-Buffering"] = "no"
    return response


def progress_lines(work: Callable[[Progress], dict[str, object]]) -> Generator[str, None, None]:
    """Run the work in a thread, on the database connections of this one, and yield its lines.

    After each line the work waits until the next one is asked for, so that only one of the two threads uses a
    connection, and a client that disconnects stops the work where it stands.
    """
    lines: SimpleQueue[str | None] = SimpleQueue()
    asked, closed = Semaphore(0), Event()
    shared = connections.all()

    def report(done: int, of: int) -> None:
        lines.put(json.dumps({"done": done, "of": of}))
        asked.acquire()
        if closed.is_set():
            raise ClientDisconnected

    def run() -> str:
        use_connections(shared)
        try:
            return json.dumps(work(report))
        finally:
            lines.put(None)

    for connection in shared:
        connection.inc_thread_sharing()
    executor = ThreadPoolExecutor(max_workers=1)
    result = executor.submit(contextvars.copy_context().run, run)
    try:
        while (line := lines.get()) is not None:
            yield line + "\n"
            asked.release()
        yield result.result() + "\n"
    finally:
        closed.set()
        asked.release()
        executor.shutdown()
        for connection in shared:
            connection.dec_thread_sharing()


def use_connections(shared: Sequence[BaseDatabaseWrapper]) -> None:
    """Make the connections of another thread those of this one."""
    for connection in shared:
        connections[connection.alias] = connection
