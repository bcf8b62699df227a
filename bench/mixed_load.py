"""Reads while people write, at national size: `python -m bench.mixed_load [--seconds 120]`, and first of `make bench`.

Ten clients read pages and API addresses with pauses, two change a pilot's record or a reading through the API. Then
the readers go on without pauses, which shows how many reads a second the server gives at most meanwhile. The database
is that of scale 1, on PostgreSQL; two workers, as in every benchmark here.
"""

import argparse
import json
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any

from bench.databases import database_for_scale, query_first, run_manage
from bench.servers import HOST, BenchServer, cpu_seconds, process_memory

READERS, WRITERS = 10, 2
PAUSE = 1.0  # seconds between two requests of a reader, on average
WRITE_PAUSE = 2.0  # seconds between two writes of a writer
MAKE_WRITER_TOKEN = """
from django.contrib.auth.models import User
from accounts.models import create_token
user, _created = User.objects.get_or_create(username="bench", is_superuser=True)
user.tokens.all().delete()
print("token", create_token(user=user, name="bench", may_write=True)[1])
"""  # noqa: S105
HEADS = ["Load", "Seconds", "Reads", "Reads/s", "Writes", "Failed", "p50 ms", "p99 ms", "MiB at the start",
         "after a minute", "at the end"]  # fmt: skip


@dataclass
class LoadFigures:
    """Figures of one run of readers and writers."""

    name: str
    seconds: float
    times: list[float] = field(default_factory=list)  # seconds of each read
    writes: int = 0
    failed: int = 0
    memory: list[int] = field(default_factory=list)  # bytes of both workers: first, after a minute, last

    @property
    def rate(self) -> float:
        return len(self.times) / self.seconds

    @property
    def p50(self) -> float:
        return median(self.times) * 1000

    @property
    def p99(self) -> float:
        return quantiles(self.times, n=100)[98] * 1000

    @property
    def growth(self) -> float:
        """MiB that the workers grew after the first minute."""
        return (self.memory[-1] - self.memory[1]) / 2**20

    def row(self) -> list[str]:
        memory = [f"{size / 2**20:.0f}" for size in self.memory]
        numbers = [f"{len(self.times):,}", f"{self.rate:.1f}", str(self.writes), str(self.failed)]
        return [self.name, f"{self.seconds:.0f}", *numbers, f"{self.p50:.0f}", f"{self.p99:.0f}", *memory]


class MixedLoad:
    """Readers and writers of one server."""

    def __init__(self, server: BenchServer, token: str) -> None:
        self.server, self.stop, self.lock = server, threading.Event(), threading.Lock()
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        rows = json.loads(self.ask("GET", "/api/v1/pilots/?page_size=50")[2])["results"]
        self.slugs = [row["slug"] for row in rows]
        self.readings = [
            row["id"] for row in json.loads(self.ask("GET", "/api/v1/readings/?page_size=50")[2])["results"]
        ]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection(HOST, self.server.port, timeout=120)
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()

    def paths(self, chance: Random) -> str:
        pilot = chance.choice(self.slugs)
        fixed = ("/", "/pilots/", "/pilots/?light=red", "/synergy/", "/provinces/", "/api/v1/overview/")
        return chance.choice((*fixed, "/api/v1/pilots/", "/api/v1/progress/", f"/pilots/{pilot}/", f"/pilots/{pilot}/"))

    def run(self, name: str, seconds: float, pause: float) -> LoadFigures:
        """Read and write for so many seconds."""
        figures = LoadFigures(name, seconds, memory=[self.memory()])
        self.stop.clear()
        clients = [threading.Thread(target=self.read, args=[figures, n, pause]) for n in range(READERS)]
        clients += [threading.Thread(target=self.write, args=[figures, n]) for n in range(WRITERS)]
        for client in clients:
            client.start()
        time.sleep(min(60, seconds / 2))
        figures.memory.append(self.memory())
        time.sleep(max(0, seconds - min(60, seconds / 2)))
        self.stop.set()
        for client in clients:
            client.join()
        figures.memory.append(self.memory())
        return figures

    def read(self, figures: LoadFigures, number: int, pause: float) -> None:
        chance = Random(number)  # noqa: S311
        while not self.stop.is_set():
            begun = time.perf_counter()
            status = self.ask("GET", self.paths(chance))[0]
            with self.lock:
                figures.times.append(time.perf_counter() - begun)
                figures.failed += status != 200
            if pause:
                self.stop.wait(pause * (0.5 + chance.random()))

    def write(self, figures: LoadFigures, number: int) -> None:
        turn = number
        while not self.stop.is_set():
            turn += WRITERS
            which = "pilots" if turn % 4 < WRITERS else "readings"
            keys = self.slugs if which == "pilots" else self.readings
            path = f"/api/v1/{which}/{keys[turn % len(keys)]}/"
            status = self.change(path, f"turn {turn}")
            with self.lock:
                figures.writes += 1
                figures.failed += status != 200
            self.stop.wait(WRITE_PAUSE)

    def change(self, path: str, note: str) -> int:
        """Change the note of a record and return the status."""
        tag = self.ask("GET", path, **self.headers)[1].get("etag", "")
        body = {"note_en": f"{note} of {time.time():.0f}"}
        return self.ask("PATCH", path, body, **self.headers, **{"If-Match": tag})[0]

    def memory(self) -> int:
        return sum(process_memory(self.server.workers()).values())

    def overview_after_write(self, times: int) -> float:
        """Return the median CPU seconds of the first overview after a write to a reading."""
        found = []
        for turn in range(times):
            path = f"/api/v1/readings/{self.readings[turn]}/"
            self.change(path, f"turn {turn}")
            before = cpu_seconds(self.server.workers())
            self.ask("GET", "/")
            found.append(cpu_seconds(self.server.workers()) - before)
        return median(found)


@dataclass
class MixedResults:
    """Results of the mixed load."""

    paused: LoadFigures
    saturated: LoadFigures
    overview: float  # CPU seconds of the first overview after a write


def measure_mixed_load(seconds: float) -> MixedResults:
    """Measure the mixed load at national size."""
    database = database_for_scale(1)
    (pilots,) = query_first(database, "SELECT count(*) FROM pilots_pilot")
    token = run_manage(database, "shell", "-c", MAKE_WRITER_TOKEN).rpartition("token ")[2].strip()
    with tempfile.TemporaryDirectory() as folder, BenchServer("product", database, Path(folder)) as server:
        load = MixedLoad(server, token)
        for path in ("/", "/pilots/", "/synergy/", "/provinces/", "/api/v1/progress/") * 4:
            load.ask("GET", path)  # until both workers have served each once
        overview = load.overview_after_write(15)
        paused = load.run(f"{READERS} readers who pause, {WRITERS} writers, {pilots} pilots", seconds, PAUSE)
        saturated = load.run("the same without pauses of the readers", min(seconds, 60), 0)
    return MixedResults(paused, saturated, overview)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    found = measure_mixed_load(options.seconds)
    for row in (HEADS, found.paused.row(), found.saturated.row()):
        print("| " + " | ".join(row) + " |")
    print(f"First overview after a write: {found.overview * 1000:.0f} ms of processor time")


if __name__ == "__main__":
    main()
