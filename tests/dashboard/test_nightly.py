"""`manage.py nightly`: what is due each night, done once however often it is called; and the digests of the day."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.forms import mail_password_links
from core.api.idempotency import IdempotencyRecord
from core.backup.databases import exclusive_lock
from core.backup.models import BackupRun, record_run
from core.imports.models import Import, ImportFile, ImportState
from dashboard.management.commands import nightly
from dashboard.models import Told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(nightly, "hold_service_lock", lambda: None)  # it is held until the process ends


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The commands that the nightly work calls; backup and drill write down that they succeeded."""
    names: list[str] = []

    def call(name: str, **_options: Any) -> None:
        names.append(name)
        if name in {"backup", "drill"}:
            record_run(name, ok=True, seconds=1, file="tracker.tar")

    monkeypatch.setattr(nightly, "call_command", call)
    return names


def run() -> str:
    told = io.StringIO()
    call_command("nightly", stdout=told)
    return told.getvalue()


HOUSEKEEPING = ["check_lights", "clearsessions", "prune_db_task_results"]


def test_the_work_of_a_night_is_done_once_and_digests_at_each_call(called: list[str]) -> None:
    run()
    run()
    assert called == ["backup", "drill", *HOUSEKEEPING, "remind", "remind"]
    assert list(BackupRun.objects.filter(kind="nightly").values_list("ok", "detail")) == [(True, "")]


@pytest.mark.parametrize(
    ("days_ago", "steps"),
    [
        ({"nightly": 1, "backup": 1, "drill": 6}, ["backup"]),
        ({"drill": 7}, ["backup", "drill"]),
        ({"backup": 0}, ["drill"]),  # killed behind the backup
        (dict.fromkeys(("nightly", "backup", "drill"), -1 / 1440), ["backup", "drill"]),  # by a clock that ran ahead
        (dict.fromkeys(("nightly", "backup", "drill"), -300), ["backup", "drill"]),
    ],
)
def test_a_night_has_its_backup_and_a_week_its_drill(
    called: list[str], days_ago: dict[str, float], steps: list[str]
) -> None:
    for kind, days in days_ago.items():
        record_run(kind, ok=True, seconds=1, file="tracker.tar")
        BackupRun.objects.filter(kind=kind).update(ended_at=timezone.now() - timedelta(days=days))
    run()
    assert called == [*steps, *HOUSEKEEPING, "remind"]


def test_a_backup_is_tried_at_each_call_until_there_is_an_archive(
    monkeypatch: pytest.MonkeyPatch, settings: Any, mailoutbox: list[Any]
) -> None:
    """An incomplete one fails too, and is an archive. The administrators get one mail a night."""
    settings.MAIL = True
    User.objects.create_superuser("chief", email="chief@example.com")
    User.objects.create_user("clerk", email="clerk@example.com")
    names, files = [], iter(["", "", "tracker.tar"])

    def call(name: str, **_options: Any) -> None:
        names.append(name)
        if name == "backup":
            file = next(files)
            record_run(name, ok=False, seconds=1, file=file)
            raise CommandError("it lacks 1 of 2 files" if file else "the disk is full")
        if name == "drill":
            record_run(name, ok=True, seconds=1, file="tracker.tar")
        if name == "remind" and len(names) < 7:
            raise CommandError("connection refused")

    monkeypatch.setattr(nightly, "call_command", call)
    for fault in ("the disk is full; digest: connection refused", "the disk is full", "it lacks 1 of 2 files"):
        with pytest.raises(CommandError, match=f"^backup: {fault}$"):
            run()
    run()
    steps = ["backup", "drill", *HOUSEKEEPING, "remind"]
    assert names == [*steps, "backup", "remind", "backup", "remind", "remind"]
    rows = BackupRun.objects.filter(kind="nightly")
    assert list(rows.values_list("ok", "detail")) == [(False, "backup: the disk is full")]
    assert [(mail.to, mail.body) for mail in mailoutbox] == [(["chief@example.com"], "backup: the disk is full")]


def test_while_one_process_does_it_another_leaves_it_alone(called: list[str]) -> None:
    with exclusive_lock("nightly") as held:
        assert held is not None
        assert (run(), called) == ("Another process does the nightly work.\n", [])
    run()
    assert called


def test_what_a_digest_may_still_ask_for_is_kept() -> None:
    """Of steps that are over only those after a day come again, as long as something is late."""
    user, today = User.objects.create_user("clerk"), timezone.localdate()
    for code in ("before30", "after30", "refused", "red", "decide", "ministry", "sent"):
        for days in (60, 61):
            thing = Told.DIGEST if code == "sent" else "milestone:1"
            Told.objects.create(user=user, thing=thing, code=code, day=today - timedelta(days))
    nightly.Command(stdout=io.StringIO()).delete_expired()
    old = Told.objects.filter(day=today - timedelta(61)).values_list("code", flat=True)
    assert sorted(old) == ["after30", "decide", "ministry"]
    assert Told.objects.count() == 7 + 3


def test_a_lock_has_a_name_and_ends_with_its_connection() -> None:
    first, second, third = exclusive_lock("worker a/1"), exclusive_lock("worker a/1"), exclusive_lock("worker b")
    with first as held, second as refused, third as other:
        assert (held is None, refused is None, other is None) == (False, True, False)
    with exclusive_lock("worker a/1") as held:
        assert held is not None
        held()
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks JOIN pg_database d ON d.oid = database "
                    "WHERE locktype = 'advisory' AND datname = current_database()"
                )
            with pytest.raises(DatabaseError):
                held()
            with exclusive_lock("worker a/1") as again:
                assert again is not None


@pytest.mark.parametrize(("hour", "day"), [(2, 9), (3, 10), (23, 10)])
def test_a_night_begins_at_half_past_two(hour: int, day: int, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Shanghai"
    now = datetime(2026, 3, 10, hour, 15, tzinfo=timezone.get_default_timezone())
    assert nightly.night_began(now).astimezone(UTC) == datetime(2026, 3, day - 1, 18, 30, tzinfo=UTC)


def test_what_has_expired_is_deleted_and_nothing_else() -> None:
    now, user = timezone.now(), User.objects.create_user("clerk")
    for key, hours in (("old", 25), ("new", 23)):
        IdempotencyRecord.objects.create(user=user, key=key, fingerprint="", created_at=now - timedelta(hours=hours))
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(hours=24 - hours))
        dry_run = Import.objects.create(kind="pilots", file_name=key, sha256="", form="csv", state=ImportState.CHECKING)
        Import.objects.filter(pk=dry_run.pk).update(uploaded_at=now - timedelta(days=5 + hours))
        ImportFile.objects.create(record=dry_run, content=b"", report={})
        UserSession.objects.create(user=user, session_key=key, ip="10.0.0.1", user_agent="x")
        UserSession.objects.create(user=user, session_key=f"no session {key}", ip="10.0.0.1", user_agent="x")
        confirmed = Import.objects.create(
            kind="pilots", file_name=f"{key} confirmed", sha256="", form="csv", state=ImportState.CONFIRMED
        )
        confirmed_at = now - timedelta(days=364, hours=hours)
        Import.objects.filter(pk=confirmed.pk).update(uploaded_at=confirmed_at, confirmed_at=confirmed_at)
        ImportFile.objects.create(record=confirmed, content=b"", report={})
        AccessLog.objects.create(username=key, ip_address="10.0.0.1")
        AccessAttempt.objects.create(username=key, ip_address="10.0.0.1", failures_since_start=1)
        for model in (AccessLog, AccessAttempt):
            model.objects.filter(username=key).update(attempt_time=now - timedelta(days=179, hours=hours))
    UserSession.objects.exclude(session_key="no session new").update(created_at=now - timedelta(hours=25))
    for status, days in (("SUCCESSFUL", 31), ("FAILED", 31), ("SUCCESSFUL", 29), ("READY", 31), ("RUNNING", 31)):
        job, at = mail_password_links.enqueue(users=[], language="en"), now - timedelta(days=days)
        over = None if status in {"READY", "RUNNING"} else at
        DBTaskResult.objects.filter(pk=job.id).update(status=status, enqueued_at=at, finished_at=over)
    nightly.Command(stdout=io.StringIO()).delete_expired()
    assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["new"]
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]
    assert set(UserSession.objects.values_list("session_key", flat=True)) == {"new", "no session new"}
    assert {file.record.file_name for file in ImportFile.objects.all()} == {"new", "new confirmed"}
    assert Import.objects.count() == 4
    for model in (AccessLog, AccessAttempt):
        assert list(model.objects.values_list("username", flat=True)) == ["new"]
    assert set(DBTaskResult.objects.values_list("status", flat=True)) == {"SUCCESSFUL", "READY", "RUNNING"}
