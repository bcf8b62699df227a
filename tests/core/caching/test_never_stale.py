"""The responses of two caching workers are never stale, whatever writes."""

import gzip
import http.client
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path
from random import Random

import pytest

from tests.support.live_server import TIMEOUT, ServedProject, serve_project

pytestmark = [pytest.mark.process, pytest.mark.database]

ROUNDS = int(os.environ.get("CACHE_ROUNDS", "8"))  # of twelve responses each
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
WRITES = {  # the statements of a transaction
    "of one record": ["UPDATE pilots_pilot SET name_en = 'One {n}' WHERE slug = 'huzhou'", "COMMIT"],
    "of many": [
        "UPDATE policies_measure SET note_en = '{n}'",
        "UPDATE policies_province SET note_en = '{n}'",
        "COMMIT",
    ],
    "of links": [
        "DELETE FROM pilots_pilot_industries WHERE id = (SELECT max(id) FROM pilots_pilot_industries)",
        "COMMIT",
    ],
    "undone": ["UPDATE pilots_target SET note_en = '{n}'", "ROLLBACK"],
    "undone in part": [
        "UPDATE policies_industry SET note_en = '{n}'",
        "SAVEPOINT here",
        "UPDATE pilots_pilot SET name_en = 'Undone {n}'",
        "ROLLBACK TO SAVEPOINT here",
        "COMMIT",
    ],
}


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


def write_by_api(project: ServedProject, place: str, note: str) -> None:
    with closing(project.client()) as client:
        tag = client.send("GET", place).headers["ETag"]
        answer = client.send("PATCH", place, {"note": note}, **{"If-Match": tag})
        assert answer.status == 200, str(answer)


@pytest.mark.django_db
def test_no_cached_response_is_behind(tmp_path: Path) -> None:
    """After each write the same address is asked of both workers, and of a server that keeps no answer.

    Readers ask while it is written as well: what they are told then may be kept, and may not outlive it.
    """
    chance = Random(1)  # noqa: S311  # to be repeated, not to be secret
    stale, answers = [], 0
    with serve_project(tmp_path) as project:
        project.run("manage.py", "load_records")
        beside = tmp_path / "plain"
        beside.mkdir()
        plain = ServedProject(project.database, beside, {**project.environment, "TEST_UNCACHED": "1"}, project.tokens)
        plain.start()
        try:
            token = {"Authorization": f"Bearer {project.tokens['admin']}"}  # served below the sign-in
            kinds: list[dict[str, str]] = [{}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "gzip"}, token]
            readers = [KeepAliveReader(project.port, **headers) for headers in kinds]
            truth = KeepAliveReader(plain.port)
            for number, kind in enumerate(islice(cycle([*WRITES, "by the API"]), ROUNDS)):
                chosen = chance.sample(ADDRESSES, 3)
                with ThreadPoolExecutor(1) as pool:
                    reading = pool.submit(lambda address: [reader.read(address) for reader in readers], chosen[0])
                    if kind in WRITES:
                        for statement in ["BEGIN", *WRITES[kind]]:
                            project.database.run(statement.format(n=number))
                    else:
                        write_by_api(project, chance.choice(API_RECORDS), f"hunted {number}")
                    reading.result(timeout=TIMEOUT)
                for address in chosen:
                    right = truth.read(address)
                    told = [reader.read(address) for reader in readers]
                    stale += [f"{address} after a write {kind}" for content in told if content != right]
                    answers += len(told)
            for reader in (*readers, truth):
                reader.connection.close()
        finally:
            plain.stop()
    assert (stale, answers) == ([], 12 * ROUNDS)
