"""Results of backups and drills, kept in the database so that every machine shows the same."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class BackupRun(models.Model):
    """Backup, drill or other such work that has ended, and whether it succeeded. The size of a check of lights is the
    number of pilots whose lights differed.
    """

    class Kind(models.TextChoices):
        BACKUP = "backup", _("Backup")
        DRILL = "drill", _("Restore drill")
        NIGHTLY = "nightly", _("Nightly work")
        LIGHTS = "lights", _("Check of stored lights")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    ended_at = models.DateTimeField(_("ended at"), auto_now_add=True)
    seconds = models.FloatField(_("seconds"))
    ok = models.BooleanField(_("succeeded"))
    file = models.CharField(_("file"), max_length=200, blank=True)
    size = models.BigIntegerField(_("size in bytes"), default=0)
    detail = models.TextField(_("result"), blank=True)

    class Meta:
        verbose_name = _("backup or drill")
        verbose_name_plural = _("backups and drills")
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [models.Index(fields=["kind", "ok", "ended_at"], name="backuprun_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.file}"

    @property
    def is_incomplete(self) -> bool:
        """Whether this is a backup with an archive that lacks uploaded files."""
        return not self.ok and self.kind == self.Kind.BACKUP and bool(self.file)

    @property
    def age(self) -> timedelta:
        return timezone.now() - self.ended_at


MAX_BACKUP_AGE = timedelta(hours=26)  # a backup a day, and two hours of patience
KEPT_RUNS = 100  # of each kind: of those that succeeded, of those that failed, and of incomplete backups
log = logging.getLogger("tracker.backup")


@dataclass(frozen=True)
class BackupStatus:
    """The last backup, the newest with an archive, the last drill, the last check of lights; None where none was."""

    last: BackupRun | None
    made: BackupRun | None
    drill: BackupRun | None
    lights: BackupRun | None

    @property
    def is_old(self) -> bool:
        return self.made is None or self.made.age > MAX_BACKUP_AGE

    @property
    def warnings(self) -> list[str]:
        """What an operator should look at, for the log; empty when all is well."""
        texts = []
        if self.made is None:
            texts.append("no backup was ever made")
        elif self.is_old:
            texts.append(f"the newest backup is {self.made.age.total_seconds() / 3600:.0f} hours old")
        if self.last and not self.last.ok:
            word = "is incomplete" if self.last.is_incomplete else "failed"
            texts.append(f"the last backup {word}: {self.last.detail}")
        if self.drill and not self.drill.ok:
            texts.append(f"the last restore drill failed: {self.drill.detail}")
        if self.lights and not self.lights.ok:
            texts.append(self.lights.detail.partition("\n")[0])
        return texts


def ended_runs(kind: BackupRun.Kind) -> models.QuerySet[BackupRun]:
    """Return what has ended of a kind, newest first, without what a clock that ran ahead has dated later than now."""
    return BackupRun.objects.filter(kind=kind, ended_at__lte=timezone.now()).order_by("-ended_at")


def backup_status() -> BackupStatus:
    """Return the status by the rows of this database. Three queries, and a fourth after a failed backup."""
    backups = ended_runs(BackupRun.Kind.BACKUP)
    last = backups.first()
    made = last if last is None or last.file else backups.exclude(file="").first()
    drill, lights = (ended_runs(kind).first() for kind in (BackupRun.Kind.DRILL, BackupRun.Kind.LIGHTS))
    return BackupStatus(last, made, drill, lights)


def nightly_age() -> timedelta | None:
    """Return the time since the nightly work last ended (`manage.py nightly`)."""
    last = ended_runs(BackupRun.Kind.NIGHTLY).first()
    return last.age if last else None


def record_run(kind: str, *, ok: bool, seconds: float, file: str = "", size: int = 0, detail: str = "") -> None:
    """Write down that a backup or a drill has ended, if the database can: of an older schema it has no table for it.

    The oldest rows go.
    """
    try:
        BackupRun.objects.create(kind=kind, ok=ok, seconds=seconds, file=file, size=size, detail=detail)
        alike = BackupRun.objects.filter(kind=kind, ok=ok)
        alike = alike.exclude(file="") if file else alike.filter(file="")
        alike.exclude(pk__in=list(alike.order_by("-pk").values_list("pk", flat=True)[:KEPT_RUNS])).delete()
    except Exception as exc:  # the backup itself stands or fell already, and the log has said so
        log.warning("the result of the %s was not written down: %s", kind, exc)


@contextmanager
def recorded_run(kind: BackupRun.Kind) -> Iterator[BackupRun]:
    """Write down, as a context manager, what comes of a backup or a drill, which fills in the row."""
    run, started = BackupRun(kind=kind, ok=True), time.monotonic()
    try:
        yield run
    except Exception as exc:
        run.ok, run.detail = False, str(exc)
        raise
    finally:
        run.seconds = time.monotonic() - started
        word = "made" if run.ok else "incomplete" if run.is_incomplete else "failed"
        log.log(logging.INFO if run.ok else logging.ERROR, "%s %s: %s", kind, word, run.detail)
        record_run(kind, ok=run.ok, seconds=run.seconds, file=run.file, size=run.size, detail=run.detail)
