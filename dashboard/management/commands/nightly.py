"""`manage.py nightly`: what is due each night, done once however often it is called; and the digests of the day."""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from datetime import time as clock
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from core.api.idempotency import delete_expired_records
from core.backup.databases import hold_service_lock
from core.backup.models import BackupRun, record_run
from core.imports.files import delete_expired_files

BEGINS = clock(2, 30)  # local time from which the work of a night is due
DRILL_EVERY = timedelta(days=6, hours=12)  # once a week, although a night may begin a little earlier
KEPT_JOBS = 30  # days, of a job that is over
LOCK = 0x7472_6163_6B65_7201  # "tracker" and 1: of PostgreSQL's advisory locks
log = logging.getLogger("tracker.nightly")
Kind = BackupRun.Kind


class Command(BaseCommand):
    help = (
        "Does what is due since 2:30: a backup, once a week a drill of it, and deletes what has expired. Then sends "
        "the digests that are owed, from 8:30 on. Safe to run at any time, twice, and on several machines at once."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        hold_service_lock()  # no restore meanwhile
        with nightly_lock() as held:
            if not held:
                self.stdout.write("Another process does the nightly work.")
                return
            faults = [*self.work_of_the_night(), *self.faults_of("digest", partial(self.call, "remind"))]
        if faults:
            raise CommandError("; ".join(faults))

    def work_of_the_night(self) -> list[str]:
        """Do what is due, write down that it has ended, and return what went wrong; it is tried again the next night.

        After a kill in the middle there is no row, and the next call goes on behind a good backup.
        """
        began = night_began(timezone.now())
        if has_ended(Kind.NIGHTLY, began):
            return []
        started, faults = time.monotonic(), []
        if not has_ended(Kind.BACKUP, began, ok=True):
            faults += self.faults_of("backup", partial(self.call, "backup"))
        if not has_ended(Kind.DRILL, timezone.now() - DRILL_EVERY, ok=True):
            faults += self.faults_of("drill", partial(self.call, "drill"))
        faults += self.faults_of("housekeeping", self.delete_expired)
        record_run(Kind.NIGHTLY, ok=not faults, seconds=time.monotonic() - started, detail="; ".join(faults))
        return faults

    def delete_expired(self) -> None:
        """Delete sessions, jobs that are long over, answers for repeated requests, files that were never confirmed."""
        self.call("clearsessions")
        self.call("prune_db_task_results", min_age_days=KEPT_JOBS, queue_name="*", verbosity=0)
        delete_expired_records()
        delete_expired_files()

    def call(self, command: str, **options: Any) -> None:
        call_command(command, stdout=self.stdout, **options)

    def faults_of(self, step: str, do: Callable[[], object]) -> list[str]:
        """Take a step and return what went wrong: the others are taken all the same."""
        try:
            do()
        except Exception as exc:
            log.exception("nightly: %s failed", step)
            return [f"{step}: {exc}"]
        return []


def night_began(now: datetime) -> datetime:
    """Return the last 2:30, local time."""
    local = timezone.localtime(now)
    began = datetime.combine(local, BEGINS, local.tzinfo)
    return began if began <= now else began - timedelta(days=1)


def has_ended(kind: Kind, since: datetime, **more: bool) -> bool:
    return BackupRun.objects.filter(kind=kind, ended_at__gte=since, **more).exists()


@contextmanager
def nightly_lock() -> Iterator[bool]:
    """Context manager: whether no other process does the nightly work, on PostgreSQL on any machine. The lock of a
    process that ends is released, however it ends."""
    if connection.vendor == "postgresql":
        with closing(connection.copy()) as own, own.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            yield bool(cursor.fetchone()[0])
        return
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    with (settings.VAR_DIR / "nightly.lock").open("a") as file:
        held = False
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        yield held
