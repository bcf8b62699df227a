"""Counters of a server with several processes: none is lost when one ends, and a new server begins at zero."""

import os
import signal
import time
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config import gunicorn_conf
from tests.support.live_server import LiveServer, migrated_database, running_server

pytestmark = pytest.mark.process
REQUESTS = 40
COUNTER = "tracker_responses_total"  # only /robots.txt is asked for: probes and scrapes are not counted
TIMEOUT = 60  # seconds until a new process is there; generous, for busy machines


def counted(server: LiveServer) -> float:
    """Return how many responses a scrape tells of."""
    response = server.get("/metrics")
    assert response.status == 200
    families = text_string_to_metric_families(response.content.decode())
    samples = [sample for family in families for sample in family.samples if sample.name == COUNTER]
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
    root = tmp_path / "run" / "metrics"
    stale = root / "99999999"  # no process has this id
    stale.mkdir(parents=True, exist_ok=True)
    with migrated_database(tmp_path) as database:
        url = database.url
        with running_server(
            tmp_path, url, VAR_DIR=str(tmp_path / "var"), RUNTIME_DIRECTORY=str(tmp_path / "run")
        ) as server:
            assert not stale.exists()
            for _ in range(REQUESTS):
                assert server.get("/robots.txt").status == 200
            assert [counted(server) for _ in range(6)] == [REQUESTS] * 6  # whichever process answers
            [folder] = root.iterdir()
            assert not (tmp_path / "var" / "metrics").exists()  # on a disk that may be full
            counted_by = next(folder.glob("counter_*.db"))  # one process may have answered all of them
            wait_for_processes(server, 2)
            os.kill(int(counted_by.stem.partition("_")[2]), signal.SIGKILL)
            wait_for_processes(server, 3)
            assert [counted(server) for _ in range(6)] == [REQUESTS] * 6  # by others than the one that counted
        assert not folder.exists()
        with running_server(
            tmp_path, url, VAR_DIR=str(tmp_path / "var"), RUNTIME_DIRECTORY=str(tmp_path / "run")
        ) as server:
            assert counted(server) == 0


def test_counters_lie_in_memory_where_there_is_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of a mapped file for which a full disk has no block ends the process: SIGBUS, its requests unanswered."""
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    own, disk = f"tracker-metrics-{os.getuid()}", gunicorn_conf.VAR_DIR / "metrics"
    assert gunicorn_conf.metrics_root(tmp_path / "none") == disk
    assert gunicorn_conf.metrics_root(tmp_path) == tmp_path / own
    (tmp_path / own).mkdir()
    assert gunicorn_conf.metrics_root(tmp_path) == tmp_path / own
    monkeypatch.setattr(os, "getuid", lambda: 12_345)
    (tmp_path / "tracker-metrics-12345").symlink_to(tmp_path)  # which somebody else has put there
    assert gunicorn_conf.metrics_root(tmp_path) == disk
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/tracker-web:/run/other")
    assert gunicorn_conf.metrics_root(tmp_path) == Path("/run/tracker-web/metrics")
