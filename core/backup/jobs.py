"""Jobs: a backup and a restore drill each night."""

from datetime import time

from django.utils.translation import gettext_lazy as _

from core.backup.create import make_backup
from core.backup.databases import BackupError
from core.backup.drill import run_drill
from core.jobs.registry import job_kind
from core.jobs.running import JobFailed, RunningJob
from core.jobs.schedules import schedule


@job_kind("backup", label=_("Backup"), repeatable=True)
def backup(job: RunningJob) -> None:
    """Make a backup in BACKUP_DIR."""
    try:
        make_backup(progress=job.progress)
    except BackupError as exc:
        raise JobFailed(str(exc)) from exc


@job_kind("drill", label=_("Restore drill"), repeatable=True)
def drill(job: RunningJob) -> None:
    """Restore the newest backup into a scratch database and compare."""
    job.progress(0, 1)
    try:
        run_drill()
    except BackupError as exc:
        raise JobFailed(str(exc)) from exc


schedule("backup", daily_at=time(2, 30))
schedule("drill", daily_at=time(3, 30))
