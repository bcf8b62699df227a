"""Drill of stored lights: `python -m bench.drill_lights --seconds 60`.

Eight processes write to the demonstration in a PostgreSQL database of its own: single records, arrays of readings in
falling order of pilots, imports and their undo, terms of batches, uses of indicators, pilots that are added and moved,
and the job for what affects many of them. Now and then one is killed with -9 and replaced. At the end no deadlock was
met, no request failed, and the lights are what the rules say.
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
from django.db import connections

from bench.run import POSTGRES, START_SCRIPT, environment, manage, query

WRITERS, KILL_EVERY = 8, 2
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def drill(seconds: float) -> int:
    """Run it in a new database; return how much was wrong."""
    name = f"drill_{os.getpid()}"
    database = f"{POSTGRES}/{name}"
    query(f"{POSTGRES}/postgres", f"CREATE DATABASE {name}")
    try:
        manage(database, "migrate", "--noinput", "--verbosity", "0")
        manage(database, "load_demo")
        token, kills = manage(database, "shell", "--verbosity", "0", "-c", START_SCRIPT).split()[-1], 0
        os.environ.update(environment(database))
        django.setup()
        writer, processes = import_module("bench.drill_writer"), get_context("fork")
        with TemporaryDirectory() as folder:
            writer.write(token, f"{folder}/first", times=20)  # what is read and made at first, no process makes again
            connections.close_all()

            def begin(number: int) -> Any:
                process = processes.Process(target=writer.write, args=(token, f"{folder}/{number}"))
                process.start()
                return process

            writers, ends = [begin(number) for number in range(WRITERS)], time.monotonic() + seconds
            while time.monotonic() < ends:
                time.sleep(KILL_EVERY)
                victim = random.randrange(WRITERS)  # noqa: S311
                writers[victim].kill()
                writers[victim].join()
                writers[victim], kills = begin(victim), kills + 1
            for process in writers:
                process.kill()
                process.join()
            told = Counter(line for path in Path(folder).iterdir() for line in path.read_text().splitlines())
        time.sleep(2)  # until the server has ended what they began, and has counted it
        [(deadlocks,)] = query(database, DEADLOCKS)
        found = manage(database, "shell", "--verbosity", "0", "-c", CHECK_SCRIPT).split()
        for what, n in sorted(told.items()):
            print(f"{n:6} {what}")
        print(f"{kills} killed; {deadlocks} deadlocks; of {found[0]} pilots {found[1]} rows differ, {found[2]} wait")
        return int(deadlocks) + int(found[1]) + sum(n for what, n in told.items() if "FAILED" in what)
    finally:
        query(f"{POSTGRES}/postgres", f"DROP DATABASE {name} WITH (FORCE)")


CHECK_SCRIPT = """
from pilots.models import Pilot, StaleLight
from pilots.stored_lights import recompute_all, recompute_stale
recompute_stale.call()
print(Pilot.objects.count(), recompute_all(repair=False), StaleLight.objects.count())
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    sys.exit(1 if drill(parser.parse_args().seconds) else 0)
