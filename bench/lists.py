"""Speed of the list of pilots, sorted and filtered by computed values: `python -m bench.lists [--rounds 3]`.

It uses the database of DATABASE_URL, filled by `bench.generate.generate(10)`, in this process and
without the response cache. Each URL is requested once before timing, then in rounds, right after
a reading was written. It prints rows of a table: seconds, CPU seconds, statements, and the length of the longest
statement with its parameters.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import Any

PATHS = (
    "/pilots/",
    "/pilots/?light=red",
    "/pilots/?sort=light",
    "/pilots/?sort=-days",
    "/pilots/?reached=midterm",
    "/api/v1/pilots/?light=red",
)


class StatementCounter:
    """Counts SQL statements, and the length of the longest with its parameters."""

    def __init__(self) -> None:
        self.count = self.longest = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.count += 1
        self.longest = max(self.longest, len(sql) + sum(len(str(value)) for value in params or ()))
        return execute(sql, params, many, context)


def change_reading() -> None:
    """Change the note of a reading of the last year due, so that computed values of its pilot are outdated."""
    from pilots.models import Reading  # noqa: PLC0415  # after Django is set up

    reading = Reading.objects.filter(state="accepted").order_by("-period", "pk")[0]
    reading.value = (reading.value or 0) + 1
    reading.save()


def timed_request(address: str) -> tuple[float, float, StatementCounter]:
    from django.db import connections  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    statements, client = StatementCounter(), Client(headers={"host": "localhost"})
    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(statements))
        start, used = time.perf_counter(), time.process_time()
        response = client.get(address)
        body = response.content
        found = time.perf_counter() - start, time.process_time() - used, statements
    if response.status_code != 200:
        raise SystemExit(f"{address}: {response.status_code} {body[:300]!r}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
    os.environ.setdefault("BENCH_UNCACHED", "1")
    import django  # noqa: PLC0415

    django.setup()
    for address in PATHS:
        first = timed_request(address)
        rounds = []
        for _ in range(options.rounds):
            change_reading()
            rounds.append(timed_request(address))
        wall, used = (median(found[at] for found in rounds) for at in (0, 1))
        last = rounds[-1][2]
        print(
            f"| `{address}` | {first[0]:.1f} | {wall:.2f} | {used:.2f} | {last.count} | {last.longest:,} |",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
