"""How old the newest good backup is, and what the last drill found: for `/readyz`, the admin and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from core.backup.models import BackupRun

MAX_BACKUP_AGE = timedelta(hours=26)  # a backup a day, and two hours of patience
KEPT_RUNS = 200


@dataclass(frozen=True)
class BackupStatus:
    """The newest good backup and the newest drill; ages are None where there was none."""

    backup_at: datetime | None
    backup_file: str
    backup_age: timedelta | None
    drill_at: datetime | None
    drill_age: timedelta | None
    drill_ok: bool | None
    drill_detail: str

    @property
    def backup_is_old(self) -> bool:
        return self.backup_age is None or self.backup_age > MAX_BACKUP_AGE

    @property
    def warnings(self) -> list[str]:
        """What an operator should look at, for the log; empty when all is well."""
        found = []
        if self.backup_age is None:
            found.append("no backup was ever made")
        elif self.backup_is_old:
            found.append(f"the newest good backup is {self.backup_age.total_seconds() / 3600:.0f} hours old")
        if self.drill_ok is False:
            found.append(f"the last restore drill failed: {self.drill_detail}")
        return found


def backup_status() -> BackupStatus:
    """Return the status by the rows of this database. Two queries."""
    now = timezone.now()
    backup = BackupRun.objects.filter(kind=BackupRun.Kind.BACKUP, ok=True).order_by("-ended_at").first()
    drill = BackupRun.objects.filter(kind=BackupRun.Kind.DRILL).order_by("-ended_at").first()
    return BackupStatus(
        backup_at=backup.ended_at if backup else None,
        backup_file=backup.file if backup else "",
        backup_age=now - backup.ended_at if backup else None,
        drill_at=drill.ended_at if drill else None,
        drill_age=now - drill.ended_at if drill else None,
        drill_ok=drill.ok if drill else None,
        drill_detail=drill.detail if drill else "",
    )


def record_run(kind: str, *, ok: bool, seconds: float, file: str = "", size: int = 0, detail: str = "") -> None:
    """Write down that a backup or a drill has ended; the oldest rows go."""
    BackupRun.objects.create(kind=kind, ok=ok, seconds=seconds, file=file, size=size, detail=detail)
    kept = BackupRun.objects.order_by("-pk").values_list("pk", flat=True)[:KEPT_RUNS]
    BackupRun.objects.exclude(pk__in=list(kept)).delete()
