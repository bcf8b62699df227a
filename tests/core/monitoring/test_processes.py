"""Counters of a server with several processes: none is lost when one ends, and a new server begins at zero."""

import os
import signal
import time
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.live_server import LiveServer, migrated_database, running_server

pytestmark = pytest.mark.process
REQUESTS = 40
TIMEOUT = 60  # seconds until a new process is there; generous, for busy machines
LABELS = {"route": "robots", "method": "read", "status": "2xx"}


def counted(server: LiveServer) -> float:
    """Return how many requests of /robots.txt a scrape tells of."""
    response = server.get("/metrics")
    assert response.status == 200
    families = text_string_to_metric_families(response.content.decode())
    samples = [sample for family in families for sample in family.samples if sample.labels == LABELS]
    return sum(sample.value for sample in samples)


def wait_for_processes(server: LiveServer, count: int) -> None:
    """Wait until so many worker processes were started."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        if sum("Booting worker with pid" in line["message"] for line in server.lines()) >= count:
            return
        with suppress(OSError, HTTPException):  # one that was given to the process that is killed
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
            [folder] = (tmp_path / "var" / "metrics").iterdir()
            counted_by = next(folder.glob("counter_*.db"))  # one process may have answered all of them
            wait_for_processes(server, 2)
            os.kill(int(counted_by.stem.partition("_")[2]), signal.SIGKILL)
            wait_for_processes(server, 3)
            assert [counted(server) for _ in range(6)] == [REQUESTS] * 6  # by others than the one that counted
        assert not folder.exists()
        with running_server(tmp_path, url, VAR_DIR=str(tmp_path / "var")) as server:
            assert counted(server) == 0
