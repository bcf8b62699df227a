"""What is done with an import: at once, or by a worker where it has more rows than a request writes."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import override
from django_tasks import task
from django_tasks.base import TaskContext

from core.imports.apply import confirm, undo
from core.imports.files import repeat_dry_run, update_dry_run
from core.imports.importer import KINDS, Importer
from core.imports.models import Import
from core.jobs.queue import JobFailed, Progress, enqueue, no_progress, progress_of, user_of
from core.records.writing import Conflict
from core.spreadsheets.reading.cells import UnreadableFile

MOST_ROWS = 200  # of an import within a request


def subject(record: Import) -> str:
    return f"import:{record.pk}"


def change(
    kind: Importer, record: Import, action: str, *, by: Any, reason: str = "", progress: Progress = no_progress
) -> Import:
    """Confirm, undo or check an import again; done twice it changes nothing. Raises Conflict or UnreadableFile."""
    if action == "confirm":
        return confirm(kind, record, by=by, reason=reason, progress=progress)
    if action == "undo":
        return undo(record, by=by, reason=reason, progress=progress)
    if not record.can_be_checked_again:
        raise Conflict(_("Only an import that is not confirmed can be checked again."))
    return update_dry_run(record, repeat_dry_run(kind, record, by=by, progress=progress))


def ask(record: Import, action: str, *, by: Any, reason: str = "") -> None:
    """Let a worker do it."""
    enqueue(change_import, about=subject(record), by=by, record=record.pk, action=action, reason=reason)


@task(takes_context=True)
def change_import(
    context: TaskContext, *, about: str, user: int, language: str, record: int, action: str, reason: str
) -> None:
    """Do what was asked with an import. The user who asked still has to have the permission.

    What stands against it fails the job, in the same words as on a page.
    """
    with override(language):
        found, by = Import.objects.get(pk=record), user_of(user)
        kind = KINDS.get(found.kind)
        if kind is None or not by.has_perm("config.add_import") or not kind.can_import(by):
            raise JobFailed(_("You may not do this any more."))
        try:
            change(kind, found, action, by=by, reason=reason, progress=progress_of(context))
        except (Conflict, UnreadableFile) as exc:
            raise JobFailed(str(exc)) from exc
