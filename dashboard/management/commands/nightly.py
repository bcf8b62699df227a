"""`manage.py nightly`: what is due each night, done once however often it is called; and the digests of the day."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from datetime import time as clock
from functools import partial
from typing import Any

from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.mail import send_mail
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone

from core.api.idempotency import delete_expired_records
from core.backup.databases import exclusive_lock, hold_service_lock
from core.backup.models import BackupRun, ended_runs, record_run
from core.days import holds_demonstration
from core.imports.files import delete_expired_files
from dashboard.reminders import delete_told

BEGINS = clock(2, 30)  # local time from which the work of a night is due
DRILL_EVERY = timedelta(days=6, hours=12)  # once a week, although a night may begin a little earlier
KEPT_JOBS = 30  # days, of a job that is over
KEPT_SIGN_INS = timedelta(days=180)  # who signed in, or failed to, from where
log = logging.getLogger("tracker.nightly")
Kind = BackupRun.Kind


class Command(BaseCommand):
    help = (
        "Does what is due since 2:30: a backup, once a week a drill of it, compares stored lights with their records, "
        "and deletes what has expired. Then sends the digests that are owed, from 8:30 on. Safe to run at any time, "
        "twice, and on several machines at once."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        hold_service_lock()  # no restore meanwhile
        with exclusive_lock("nightly") as held:
            if held is None:
                self.stdout.write("Another process does the nightly work.")
                return
            faults = [*self.work_of_the_night(), *self.faults_of("digest", partial(self.call, "remind"))]
        if faults:
            raise CommandError("; ".join(faults))

    def work_of_the_night(self) -> list[str]:
        """Do what is due, write down that it has ended, and return what went wrong.

        A backup is tried at each call until there is an archive of the night, though it may lack files; all else again
        the next night. After a kill in the middle there is no row, and the next call goes on behind the backup. The
        administrators get one mail a night.
        """
        began = night_began(timezone.now())
        started, faults = time.monotonic(), []
        if not since(Kind.BACKUP, began).exclude(file="").exists():
            faults += self.faults_of("backup", partial(self.call, "backup"))
        if since(Kind.NIGHTLY, began).exists():
            return faults
        if not since(Kind.DRILL, timezone.now() - DRILL_EVERY).filter(ok=True).exists():
            faults += self.faults_of("drill", partial(self.call, "drill"))
        faults += self.faults_of("lights", self.check_lights)
        faults += self.faults_of("housekeeping", self.delete_expired)
        record_run(Kind.NIGHTLY, ok=not faults, seconds=time.monotonic() - started, detail="; ".join(faults))
        if faults:
            faults += self.faults_of("mail", partial(mail_administrators, "\n".join(faults)))
        return faults

    def check_lights(self) -> None:
        """Compute all lights anew. What differed is put right, and a fault all the same: somebody asks why."""
        self.call("check_lights", repair=True)
        if (checked := ended_runs(Kind.LIGHTS).first()) and not checked.ok:
            raise CommandError(checked.detail)

    def delete_expired(self) -> None:
        """Delete sessions, what is known of sign-ins, jobs that are long over, answers for repeated requests, files of
        imports, and what no digest asks for any more."""
        now = timezone.now()
        self.call("clearsessions")
        signed_in = UserSession.objects.filter(created_at__lt=now - timedelta(days=1))  # whose session is stored by now
        signed_in.exclude(session_key__in=Session.objects.values("session_key")).delete()
        for model in (AccessLog, AccessAttempt):
            model.objects.filter(attempt_time__lt=now - KEPT_SIGN_INS).delete()
        self.call("prune_db_task_results", min_age_days=KEPT_JOBS, queue_name="*", verbosity=0)
        delete_expired_records()
        delete_expired_files()
        delete_told(timezone.localdate(now))

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


def mail_administrators(faults: str) -> None:
    """Mail what went wrong in a night, in English as the log, to the administrators who have an address."""
    people = User.objects.filter(is_superuser=True, is_active=True).exclude(email="")
    if settings.MAIL and not holds_demonstration():
        for address in people.values_list("email", flat=True):
            send_mail(f"{settings.SITE_URL}: the nightly work failed", faults, None, [address])


def night_began(now: datetime) -> datetime:
    """Return the last 2:30, local time."""
    local = timezone.localtime(now)
    began = datetime.combine(local, BEGINS, local.tzinfo)
    return began if began <= now else began - timedelta(days=1)


def since(kind: Kind, moment: datetime) -> QuerySet[BackupRun]:
    return ended_runs(kind).filter(ended_at__gte=moment)
