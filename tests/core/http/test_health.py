"""Health checks: right and quick for a load balancer, without details for others."""

import json
import socket
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.test import Client

from core import monitoring as health

pytestmark = pytest.mark.django_db
Usage = namedtuple("Usage", "total used free")


def health_log(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "tracker.health"]


NOT_MIGRATED = "The database is not that of this release. The administrator has to run “manage.py migrate”."


def assert_not_ready(client: Client, detail: str = "Not ready. Try again in a few seconds.") -> None:
    """Assert the response of an instance that is not ready."""
    response = client.get("/readyz", headers={"X-Request-ID": "probe-1"})
    assert (response.status_code, response["Content-Type"]) == (503, "application/problem+json")
    assert json.loads(response.content)["detail"] == detail
    assert (response["Retry-After"], response["Cache-Control"]) == ("2", "no-store")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_it_answers_whatever_the_host_the_scheme_and_the_reader(
    client: Client, path: str, settings: Any, django_assert_num_queries: Callable[..., Any]
) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SITE_ACCESS = True, "internal"
    with django_assert_num_queries(0):  # the question of /readyz has a connection of its own
        response = client.get(path, headers={"host": "10.0.0.7"})
    assert (response.status_code, json.loads(response.content)) == (200, {"status": "ok"})
    assert response["Cache-Control"] == "no-store"
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("method", ["post", "options"])
def test_it_is_only_read(client: Client, path: str, method: str) -> None:
    response = getattr(client, method)(path, headers={"X-Request-ID": "probe-1"})
    assert (response.status_code, response["Content-Type"]) == (405, "application/problem+json")
    assert (response["Allow"], response["Cache-Control"]) == ("GET, HEAD", "no-store")


def test_a_migration_that_is_not_applied(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(health, "last_migrations", lambda: [("core", "0999_more")])
    assert_not_ready(client, NOT_MIGRATED)
    assert health_log(caplog) == ["not ready: migrations: core.0999_more is not applied"]


def test_a_database_that_can_only_be_read(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    kept = dict(connections.settings["default"])
    if kept["ENGINE"].endswith("postgresql"):  # what a standby says of each transaction
        connections.settings["default"]["OPTIONS"] = {"options": "-c default_transaction_read_only=on"}
    else:  # root may write any file, so that it is asked here
        monkeypatch.setattr(health.os, "access", lambda path, mode: False)
        monkeypatch.setattr(health.Path, "is_file", lambda path: True)
    try:
        text = "The database takes no changes now: it can only be read. Nothing was changed; tell the administrator."
        assert_not_ready(client, text)
    finally:
        connections.settings["default"].update(kept)
    assert health_log(caplog) == ["not ready: database: it can only be read"]


def test_a_store_of_files_that_is_not_there(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    settings: Any,
    tmp_path: Path,
) -> None:
    backend = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path, "base_url": None}}
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    assert client.get("/readyz").status_code == 200  # a new installation has no file yet
    monkeypatch.setattr(health, "kept_names", lambda: {"blobs/ab/abc"})  # the question has a connection of its own
    text = "The store of files does not answer now. Try again in a few seconds; if it lasts, tell the administrator."
    assert_not_ready(client, text)
    assert health_log(caplog) == ["not ready: store of files: its folder “blobs” is missing"]
    (tmp_path / "blobs").mkdir()
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(("free", "status"), [(50, 200), (49, 503)])
def test_a_full_disk(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    settings: Any,
    tmp_path: Path,
    free: int,
    status: int,
) -> None:
    settings.VAR_DIR = tmp_path
    asked = {tmp_path: Usage(1000, 1000 - free, free)}
    monkeypatch.setattr(health.shutil, "disk_usage", asked.__getitem__)
    assert client.get("/readyz").status_code == status
    assert health_log(caplog) == ([f"not ready: disk: 4.9% free at {tmp_path}"] if status == 503 else [])


def test_a_database_that_rejects(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(connection: Any) -> None:
        raise OperationalError("could not connect to host db.intranet")

    monkeypatch.setattr(health, "MigrationRecorder", refuse)
    assert_not_ready(client)
    assert health_log(caplog) == ["not ready: database: OperationalError: could not connect to host db.intranet"]


def test_a_database_that_takes_connections_and_stays_silent(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every prober gets its answer in two seconds, and they hold up one thread together; then it is ready again."""
    kept = dict(connections.settings["default"])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        held = {**kept, "ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "OPTIONS": {}}
        held |= {"PORT": silent.getsockname()[1], "NAME": "x", "USER": "x", "PASSWORD": "x"}
        connections.settings["default"].update(held)
        try:
            for _probe in range(2):
                begun = time.monotonic()
                assert_not_ready(client)
                assert time.monotonic() - begun < 2
            asking = health.RUNNING_PROBES[0]
            assert asking.is_alive()
        finally:
            connections.settings["default"].clear()
            connections.settings["default"].update(kept)
    asking.join(20)  # the socket is closed, so that it hears no
    assert health_log(caplog) == ["not ready: database: no answer in 1.5 seconds"] * 2
    assert client.get("/readyz").status_code == 200
    assert health.RUNNING_PROBES[0] is not asking
