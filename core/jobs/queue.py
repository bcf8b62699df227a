"""Long work on django-tasks: how it is asked for, how far it is, what went wrong, and what a dead worker has left.

A job is a task with `about`, `user` and `language` among its arguments, which writes in one transaction and may run
twice: the second run finds the work done. It is enqueued in the transaction that asks for it, gone with its rollback.
Where it cannot do what was asked, it returns a text that tells the user why and what to do.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django_tasks.base import Task, TaskContext, TaskResultStatus
from django_tasks_db.models import DBTaskResult

MAX_ATTEMPTS = 3
SILENT_AFTER = 60  # seconds without progress
WRITE_EVERY = 0.5  # seconds between two writes of progress
KEPT_PROGRESS = 3_600  # seconds
BUSY = _("This was not taken: work on it is under way. Wait until that is done, look at the result, then ask again.")
WAITING, RUNNING = TaskResultStatus.READY, TaskResultStatus.RUNNING
Progress = Callable[[int, int], None]  # how much is done, of how much


def no_progress(_done: int, _of: int) -> None:
    """Report progress to nobody."""


def progress_key(job: object) -> str:
    return f"job-{job}"


def progress_of(context: TaskContext) -> Progress:
    """Return the function with which a job says how far it is, as often as it likes; pages read it from the cache."""
    key, written_at = progress_key(context.task_result.id), 0.0

    def report(done: int, of: int) -> None:
        nonlocal written_at
        now = time.monotonic()
        if done == of or now - written_at >= WRITE_EVERY:
            written_at = now
            cache.set(key, {"done": done, "of": of, "at": time.time()}, KEPT_PROGRESS)

    report(0, 0)
    return report


# -- for who asks ----------------------------------------------------------------------------------------


def enqueue(task: Task[..., Any], *, about: str, by: Any, **arguments: Any) -> bool:
    """Let a worker do it, in the language and with the rights of who asks. Return False, with nothing enqueued, where
    a job about the same waits or runs: tell the user that it is BUSY.

    One that is silent counts as dead: whatever becomes of it, the work is done once.
    """
    standing = job_about(about)
    if standing is not None and standing["open"] and not standing["silent"]:
        return False
    language = get_language() or settings.LANGUAGE_CODE
    task.enqueue(about=about, user=by.pk, language=language, **arguments)
    return True


def user_of(user: int) -> Any:
    """Return the user who asked; None for one who may not sign in any more."""
    return get_user_model()._default_manager.filter(pk=user, is_active=True).first()


def job_about(about: str) -> dict[str, Any] | None:
    """Return what the page of a record shows of the newest job about it; None where that has done what was asked: the
    page says what came of it."""
    row = DBTaskResult.objects.filter(args_kwargs__kwargs__about=about).order_by("-enqueued_at").first()
    if row is None or (row.status == TaskResultStatus.SUCCESSFUL and not row.return_value):
        return None
    runs = row.status == RUNNING
    progress = cache.get(progress_key(row.pk)) if runs else None
    heard_at = max(progress["at"] if progress else 0, row.started_at.timestamp() if row.started_at else 0)
    return {
        "open": row.status in {WAITING, RUNNING},
        "runs": runs,
        "silent": runs and time.time() - heard_at > SILENT_AFTER,
        "percent": min(100, progress["done"] * 100 // progress["of"]) if progress and progress["of"] else None,
        "error": error_text(row),
        "language": row.args_kwargs["kwargs"]["language"],
        "finished_at": row.finished_at,
    }


def error_text(row: DBTaskResult) -> str:
    """Return why a job did not do what was asked. Of an error the traceback is for the log and the admin."""
    if row.status == TaskResultStatus.FAILED:
        return gettext("It could not be finished, and nothing was written: ask for it again. The log says why.")
    return row.return_value or ""


def job_waits() -> bool:
    """Whether a job has waited for an hour: no worker runs, or too few."""
    hour_ago = timezone.now() - timedelta(hours=1)
    return DBTaskResult.objects.ready().filter(enqueued_at__lt=hour_ago).exists()


# -- for workers -----------------------------------------------------------------------------------------


def take_back(worker: str) -> int:
    """Let what this worker was doing when it died wait again, or fail after three attempts; return how many there were.

    At the start of a worker nobody else has its name, so that whatever runs under it is dead.
    """
    with transaction.atomic():
        left = [row for row in DBTaskResult.objects.running().select_for_update() if row.worker_ids[-1] == worker]
        for row in left:
            if len(row.worker_ids) < MAX_ATTEMPTS:
                row.status = WAITING
                row.save(update_fields=["status"])
                continue
            row.set_failed(RuntimeError("Its worker ended in the middle of it, three times."))
    return len(left)
