"""Counters of a server with several processes: none is lost when one ends, and a new server begins at zero."""

import os
import signal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.live_server import LiveServer, migrated_database, running_server

pytestmark = pytest.mark.process
REQUESTS = 40
LABELS = {"route": "robots", "method": "read", "status": "2xx"}


def counted(server: LiveServer) -> float:
    """Return how many requests of /robots.txt a scrape tells of."""
    response = server.get("/metrics")
    assert response.status == 200
    families = text_string_to_metric_families(response.content.decode())
    samples = [sample for family in families for sample in family.samples if sample.labels == LABELS]
    return sum(sample.value for sample in samples)


def wait_for_processes(server: LiveServer, count: int) -> list[int]:
    """Return the ids of its worker processes once so many were started."""
    for _ in range(400):
        booted = [line["message"] for line in server.lines() if "Booting worker with pid" in line["message"]]
        if len(booted) >= count:
            return [int(message.rpartition(" ")[2]) for message in booted]
        server.get("/livez")
    raise AssertionError(server.log.read_text())


def test_processes_count_together(tmp_path: Path) -> None:
    stale = tmp_path / "var" / "metrics" / "99999999"  # no process has this id
    stale.mkdir(parents=True, exist_ok=True)
    with migrated_database(tmp_path) as url:
        with running_server(tmp_path, url, VAR_DIR=str(tmp_path / "var")) as server:
            assert not stale.exists()
            for _ in range(REQUESTS):
                assert server.get("/robots.txt").status == 200
            assert [counted(server) for _ in range(6)] == [REQUESTS] * 6  # whichever process answers
            os.kill(wait_for_processes(server, 2)[0], signal.SIGKILL)
            wait_for_processes(server, 3)
            assert [counted(server) for _ in range(6)] == [REQUESTS] * 6
            [folder] = (tmp_path / "var" / "metrics").iterdir()
            assert len(list(folder.glob("counter_*.db"))) >= 2
        assert not folder.exists()
        with running_server(tmp_path, url, VAR_DIR=str(tmp_path / "var")) as server:
            assert counted(server) == 0
