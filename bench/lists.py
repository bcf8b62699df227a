"""How fast the list of pilots is, sorted and filtered by what is computed: `python -m bench.lists [--rounds 3]`.

Asks the database of DATABASE_URL, which `manage.py synthesize --scale 100` has filled, in this process and with
ANSWERS=0: no answer is kept. Each address is asked once before anything is timed, then, round by round, right
after a reading was written. Prints rows for docs/performance.md: seconds, processor seconds, statements, and the length
of the longest statement with its parameters.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import Any

ADDRESSES = (
    "/pilots/",
    "/pilots/?light=red",
    "/pilots/?sort=light",
    "/pilots/?sort=-days",
    "/pilots/?reached=midterm",
    "/api/v1/pilots/?light=red",
)


class Statements:
    """What is sent to the database: how many statements, and how long the longest is with its parameters."""

    def __init__(self) -> None:
        self.count = self.longest = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.count += 1
        self.longest = max(self.longest, len(sql) + sum(len(str(value)) for value in params or ()))
        return execute(sql, params, many, context)


def write() -> None:
    """A reading of the last year due gets another note: what is computed of its pilot may be another."""
    from pilots.models import Reading  # noqa: PLC0415  # after Django is set up

    reading = Reading.objects.filter(state="accepted").order_by("-period", "pk")[0]
    reading.value = (reading.value or 0) + 1
    reading.save()


def ask(address: str) -> tuple[float, float, Statements]:
    from django.db import connections  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    statements, client = Statements(), Client(headers={"host": "localhost"})
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
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("ANSWERS", "0")
    import django  # noqa: PLC0415

    django.setup()
    for address in ADDRESSES:
        first = ask(address)
        rounds = []
        for _ in range(options.rounds):
            write()
            rounds.append(ask(address))
        wall, used = (median(found[at] for found in rounds) for at in (0, 1))
        last = rounds[-1][2]
        print(
            f"| `{address}` | {first[0]:.1f} | {wall:.2f} | {used:.2f} | {last.count} | {last.longest:,} |",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
