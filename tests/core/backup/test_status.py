"""Status of backups: ages by the rows of good backups and of drills."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Count
from django.test import Client
from django.utils import timezone

from core import monitoring as health
from core.backup.models import KEPT_RUNS, BackupRun, backup_status, record_run

pytestmark = pytest.mark.django_db


def aged(kind: str, hours: float, *, ok: bool = True, detail: str = "", file: str = "tracker.tar") -> BackupRun:
    run = BackupRun.objects.create(kind=kind, ok=ok, seconds=1, file=file, detail=detail)
    BackupRun.objects.filter(pk=run.pk).update(ended_at=timezone.now() - timedelta(hours=hours))
    return run


def test_the_status_tells_how_old_the_newest_archive_is_and_what_failed() -> None:
    found = backup_status()
    assert (found.last, found.made, found.drill, found.lights) == (None, None, None, None)
    assert found.warnings == ["no backup was ever made"]
    aged("backup", 27)
    aged("backup", 1, ok=False, file="", detail="the disk is full")
    assert backup_status().warnings == ["the newest backup is 27 hours old", "the last backup failed: the disk is full"]
    aged("backup", 0.5, ok=False, detail="it lacks 2 of 3 uploaded files")
    assert backup_status().warnings == ["the last backup is incomplete: it lacks 2 of 3 uploaded files"]
    aged("drill", 3, ok=False, detail="1 table differs: auth_user")
    aged("backup", 0)
    assert backup_status().warnings == ["the last restore drill failed: 1 table differs: auth_user"]
    aged("drill", 1)
    aged("lights", 1, ok=False, detail="The stored lights of 1 pilots differed.\nA park: more")
    assert backup_status().warnings == ["The stored lights of 1 pilots differed."]
    aged("lights", 0)
    assert backup_status().warnings == []


def test_many_failures_leave_the_rows_of_the_last_good_runs() -> None:
    for kind in ("backup", "drill"):
        record_run(kind, ok=True, seconds=1, file="good.tar")
    record_run("backup", ok=False, seconds=1, file="incomplete.tar")
    for _hour in range(KEPT_RUNS + 1):
        record_run("backup", ok=False, seconds=1, detail="the disk is full")
    counts = BackupRun.objects.order_by("kind", "ok").values_list("kind", "ok").annotate(n=Count("pk"))
    assert list(counts) == [("backup", False, KEPT_RUNS + 1), ("backup", True, 1), ("drill", True, 1)]


def test_the_start_page_of_the_admin_tells_administrators(client: Client) -> None:
    client.force_login(User.objects.create_superuser("steward", password="a long enough password"))
    assert "No backup was ever made" in client.get("/admin/").content.decode()
    aged("backup", 27)
    aged("drill", 1, ok=False, detail="numbers differ")
    page = client.get("/admin/").content.decode()
    assert "tracker.tar" in page
    assert "It is more than 26 hours old." in page
    assert "The last one failed" not in page
    assert '<strong>It failed:</strong> <span lang="en">numbers differ</span>' in page
    aged("backup", 0, ok=False, detail="the disk of <2> is full", file="")
    page = client.get("/admin/").content.decode()
    assert '<strong>The last one failed:</strong> <span lang="en">the disk of &lt;2&gt; is full</span>' in page
    aged("backup", 0, ok=False, detail="it lacks 2 files")
    assert '<strong>It is incomplete:</strong> <span lang="en">it lacks 2 files</span>' in client.get("/admin/").text
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert "backup" not in client.get("/admin/").content.decode()


def test_readiness_warns_of_backups_and_nights_once_an_hour(monkeypatch: Any, caplog: Any, settings: Any) -> None:
    settings.DEBUG = False
    monkeypatch.setattr(health, "WARNED_AT", [-float(health.WARN_EVERY)])
    aged("nightly", 51)
    for _ in range(2):
        health.warn_of_backups()
    assert [record.getMessage() for record in caplog.records] == [
        "ready, but no backup was ever made; the nightly work last ended 51 hours ago"
    ]
