"""Status of backups: ages by the rows of good backups and of drills."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.backup.models import BackupRun
from core.backup.status import KEPT_RUNS, backup_status, record_run

pytestmark = pytest.mark.django_db


def aged(kind: str, hours: float, *, ok: bool = True, detail: str = "") -> BackupRun:
    run = BackupRun.objects.create(kind=kind, ok=ok, seconds=1, file=f"{kind}.tar", detail=detail)
    BackupRun.objects.filter(pk=run.pk).update(ended_at=timezone.now() - timedelta(hours=hours))
    return run


def test_without_any_run_there_is_a_warning() -> None:
    found = backup_status()
    assert (found.backup_age, found.drill_age, found.drill_ok) == (None, None, None)
    assert found.warnings == ["no backup was ever made"]


def test_a_failed_backup_is_not_the_newest_good_one() -> None:
    aged("backup", 27)
    aged("backup", 1, ok=False)
    found = backup_status()
    assert found.backup_age is not None
    assert round(found.backup_age.total_seconds() / 3600) == 27
    assert found.warnings == ["the newest good backup is 27 hours old"]


def test_a_failed_drill_is_a_warning_until_the_next_good_one() -> None:
    aged("backup", 25)
    aged("drill", 3, ok=False, detail="1 table differs: auth_user")
    assert backup_status().warnings == ["the last restore drill failed: 1 table differs: auth_user"]
    aged("drill", 1)
    assert backup_status().warnings == []


def test_old_runs_are_deleted() -> None:
    for number in range(KEPT_RUNS + 2):
        record_run("backup", ok=True, seconds=0.5, file=f"{number}.tar")
    assert BackupRun.objects.count() == KEPT_RUNS
    assert not BackupRun.objects.filter(file__in=["0.tar", "1.tar"]).exists()
