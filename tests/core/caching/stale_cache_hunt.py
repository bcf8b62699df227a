"""The hunt for a stale answer: two workers that keep answers, one server that keeps none, and writes of every kind.

After each write the same address is asked of both servers, and the bytes have to be the same. Readers ask while it runs
as well: what they are told then may be kept, and may not outlive it.
"""

import gzip
import http.client
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from django.conf import settings

from tests.support.live_server import TIMEOUT, ServedProject, serve_project

PLAN = "synergy-implementation-plan-2022"
ADDRESSES = [
    *("/api/v1/pilots/?page_size=50", "/api/v1/pilots/huzhou/", "/api/v1/provinces/zhejiang/", "/api/v1/progress/"),
    *(f"/api/v1/rollout/?policy={PLAN}", "/api/v1/coverage/", "/api/v1/synergy/", "/api/v1/overview/"),
    *("/api/v1/readings/?page_size=20", "/api/v1/agencies/", "/api/v1/measures/", "/api/v1/targets/"),
    *("/", "/pilots/", "/pilots/huzhou/", "/provinces/zhejiang/", f"/policies/{PLAN}/", "/industries/", "/data/"),
    *("/?lang=zh-hans", "/api/v1/pilots/?as_of=2025-06-30", "/provinces/", "/synergy/"),
    "/api/v1/trend/?indicator=CO2_TOT",
]
API_RECORDS = ("pilots/huzhou/", "provinces/zhejiang/", f"policies/{PLAN}/")
PROCESS_WRITES = {"save", "update", "links", "raw", "undone", "open"}


class KeepAliveReader:
    """Keep-alive connection. The Host header is the same for all servers, so that URLs in responses agree."""

    def __init__(self, port: int, **headers: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self.headers = {"Host": "localhost", "Accept": "application/json, text/html", **headers}

    def read(self, address: str) -> bytes:
        self.connection.request("GET", address, headers=self.headers)
        with self.connection.getresponse() as answer:
            content = answer.read()
            if answer.headers["Content-Encoding"] == "gzip":
                content = gzip.decompress(content)
        assert answer.status == 200, (address, answer.status, content[:500])
        return content


@dataclass
class WriterProcess:
    """Process that writes through the ORM and by raw SQL: one command per line, each with a reply."""

    process: "subprocess.Popen[str]"
    lock: Any = field(default_factory=Lock)

    def write(self, kind: str, seed: int) -> None:
        with self.lock:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.write(json.dumps([kind, seed]) + "\n")
            self.process.stdin.flush()
            said = self.process.stdout.readline().strip()
        assert said == "done", (kind, seed, said)


@dataclass
class StaleCacheHunt:
    cached_project: ServedProject
    plain: ServedProject
    writer: WriterProcess
    chance: random.Random
    readers: list[KeepAliveReader] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    stale: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        token = {"Authorization": f"Bearer {self.cached_project.tokens['editor']}"}  # served below the sign-in
        kinds: list[dict[str, str]] = [{}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "gzip"}, token]
        self.readers = [KeepAliveReader(self.cached_project.port, **headers) for headers in kinds]
        self.truth = KeepAliveReader(self.plain.port)

    def round(self) -> None:
        """Run one write with concurrent readers, then compare three URLs on both servers."""
        chosen = self.chance.sample(ADDRESSES, 3)
        kind = self.chance.choice([*sorted(PROCESS_WRITES), "api", "api"])
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(self.write, kind)
            for reader in self.readers:
                reader.read(chosen[0])
            writing.result(timeout=TIMEOUT)
        self.done[f"write {kind}"] += 1
        for address in chosen:
            now = self.truth.read(address)
            for reader in self.readers:
                self.judge(address, kind, reader.read(address), now)

    def judge(self, address: str, kind: str, got: bytes, right: bytes) -> None:
        self.done["answers"] += 1
        if got != right:
            self.stale.append(f"{address} after {kind}: {self.done['answers']}")

    def write(self, kind: str) -> None:
        if kind != "api":
            self.writer.write(kind, self.chance.randrange(10**9))
            return
        with closing(self.cached_project.client()) as client:
            place = self.chance.choice(API_RECORDS)
            tag = client.send("GET", place).headers["ETag"]
            change = {"note": f"hunted {self.chance.randrange(10**9)}"}
            answer = client.send("PATCH", place, change, **{"If-Match": tag})
            assert answer.status == 200, str(answer)


@contextmanager
def stale_cache_hunt(folder: Path, seed: int = 1) -> Iterator[StaleCacheHunt]:
    """Run both servers on their own database with the seed records and some readings, as a context manager."""
    with serve_project(folder) as keeping:
        keeping.run("manage.py", "load_records")
        beside = folder / "plain"
        beside.mkdir()
        plain = ServedProject(keeping.database, beside, {**keeping.environment, "TEST_UNCACHED": "1"}, keeping.tokens)
        writer = WriterProcess(
            subprocess.Popen(  # our own code
                [sys.executable, "-m", "tests.core.caching.stale_cache_writer"],
                cwd=settings.BASE_DIR,
                env={**keeping.environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        try:
            plain.start()
            hunt = StaleCacheHunt(keeping, plain, writer, random.Random(seed))  # noqa: S311  # to be repeated, not to be secret
            try:
                yield hunt
            finally:
                for reader in [*hunt.readers, hunt.truth]:
                    reader.connection.close()
        finally:
            plain.stop()
            writer.process.kill()
            writer.process.communicate()
