"""Housekeeping deletes what has expired, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone

from core.api.models import IdempotencyRecord
from core.files.store import list_folder
from core.imports.models import Import, ImportFile, ImportState
from core.jobs.models import Job, WorkerBeat
from core.jobs.queue import enqueue
from tests.support.jobs import jobs_done

pytestmark = pytest.mark.django_db(databases=["default", "jobs"])


def ended_job(days: float, **values: Any) -> Job:
    ended = timezone.now() - timedelta(days=days)
    given = {"kind": "briefs", "language": "en", "state": "done", "owner_id": 1, **values}
    return Job.objects.create(finished_at=ended, created_at=ended, **given)


def test_what_has_expired_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    now, user = timezone.now(), User.objects.create_user("clerk")
    for name in list_folder(default_storage, "jobs")[1]:  # of tests before
        default_storage.delete(f"jobs/{name}")
    for key, hours in (("old", 25), ("new", 23)):
        IdempotencyRecord.objects.create(user=user, key=key, fingerprint="", created_at=now - timedelta(hours=hours))
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(hours=24 - hours))
        dry_run = Import.objects.create(kind="pilots", file_name=key, sha256="", form="csv", state=ImportState.CHECKED)
        Import.objects.filter(pk=dry_run.pk).update(uploaded_at=now - timedelta(days=5 + hours))
        ImportFile.objects.create(record=dry_run, content=b"", report={})
        WorkerBeat.objects.create(name=key, seen_at=now - timedelta(hours=hours))
    for name in ("expired.zip", "kept.zip", "orphan", "fresh", "input"):
        default_storage.save(f"jobs/{name}", ContentFile(b""))
    ended_job(31, result="jobs/expired.zip")
    kept = ended_job(29, result="jobs/kept.zip")
    ended_job(3, owner_id=None, kind="remind")
    failed = ended_job(3, owner_id=None, kind="remind", state="failed")
    waiting = Job.objects.create(kind="of-the-next-release", language="en", arguments={"file": "jobs/input"})
    times = {"jobs/fresh": now}
    earlier = now - timedelta(days=2)
    monkeypatch.setattr(FileSystemStorage, "get_modified_time", lambda _storage, name: times.get(name, earlier))
    with jobs_done():
        enqueue("housekeeping")
    assert Job.objects.get(kind="housekeeping").state == "done"
    assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["new"]
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]
    assert [file.record.file_name for file in ImportFile.objects.all()] == ["new"]
    assert list(WorkerBeat.objects.values_list("name", flat=True)) == ["new"]
    assert set(Job.objects.exclude(kind="housekeeping")) == {kept, failed, waiting}
    assert sorted(default_storage.listdir("jobs")[1]) == ["fresh", "input", "kept.zip"]
    for name in ("fresh", "input", "kept.zip"):
        default_storage.delete(f"jobs/{name}")
