"""Functions that run at once, each with a database connection of its own."""

from collections.abc import Callable
from threading import Barrier, Thread

from django.db import connections


def run_at_once(*works: Callable[[], object]) -> list[object]:
    """Run functions in threads that begin together; return the result of each, or its exception."""
    start, results = Barrier(len(works)), [None] * len(works)

    def run(place: int) -> None:
        start.wait()
        try:
            results[place] = works[place]()
        except Exception as exc:  # the test looks at it
            results[place] = exc
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
