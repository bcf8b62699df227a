"""An import of more rows than a request writes: checked, confirmed and undone by a worker, and shown on its page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override
from django_tasks import task
from django_tasks.base import TaskContext

from core.files.store import sha256_of
from core.imports.apply import confirm, undo
from core.imports.files import repeat_dry_run, update_dry_run
from core.imports.importer import KINDS, Importer
from core.imports.models import Import, ImportFile, ImportState
from core.imports.sheet.headings import printable_text
from core.jobs.queue import JobFailed, enqueue, job_about, progress_of, user_of
from core.records.writing import Conflict
from core.spreadsheets.cells import Sheet, UnreadableFile

MOST_ROWS = 200  # of an import within a request


def subject(record: Import) -> str:
    return f"import:{record.pk}"


def job_of(record: Import) -> dict[str, Any] | None:
    """Return what the page of an import shows of its job, if there is one that has not succeeded."""
    return job_about(subject(record))


def check_later(kind: Importer, sheet: Sheet, name: str, content: bytes, *, by: Any) -> Import:
    """Keep the uploaded file as an import that is not checked yet, let a worker check it, and return it."""
    with transaction.atomic():
        record = Import.objects.create(
            kind=kind.name,
            file_name=printable_text(name)[-255:],
            sha256=sha256_of(content),
            form=sheet.file_format,
            sheet=sheet.name[:100],
            encoding=sheet.encoding,
            rows_read=len(sheet.rows),
            uploaded_by=by,
            state=ImportState.CHECKING,
        )
        ImportFile.objects.create(record=record, content=content)
        enqueue(check_file, about=subject(record), by=by, record=record.pk)
    return record


@contextmanager
def stored_import(record: int, user: int, language: str) -> Iterator[tuple[Importer, Import, Any]]:
    """Context manager of an import with its importer and the user who asked, who still has to have the permission.

    What stands against the import fails the job, in the same words as on a page.
    """
    with override(language):
        found, by = Import.objects.get(pk=record), user_of(user)
        kind = KINDS.get(found.kind)
        if kind is None or not by.has_perm("config.add_import") or not kind.can_import(by):
            raise JobFailed(_("You may not do this any more."))
        try:
            yield kind, found, by
        except Conflict as exc:
            raise JobFailed("\n".join(exc.messages)) from exc
        except UnreadableFile as exc:
            raise JobFailed(str(exc.message)) from exc


@task(takes_context=True)
def check_file(context: TaskContext, *, about: str, user: int, language: str, record: int) -> None:
    """Check the file of an import that is not confirmed, against the current records."""
    with stored_import(record, user, language) as (kind, found, by):
        if not found.can_be_checked_again:
            raise JobFailed(_("Only an import that is not confirmed can be checked again."))
        update_dry_run(found, repeat_dry_run(kind, found, by=by, progress=progress_of(context)))


@task(takes_context=True)
def confirm_import(context: TaskContext, *, about: str, user: int, language: str, record: int, reason: str) -> None:
    """Confirm an import in one transaction; one that is confirmed already stays as it is."""
    with stored_import(record, user, language) as (kind, found, by):
        confirm(kind, found, by=by, reason=reason, progress=progress_of(context))


@task(takes_context=True)
def undo_import(context: TaskContext, *, about: str, user: int, language: str, record: int, reason: str) -> None:
    """Undo an import in one transaction; one that is undone already stays as it is."""
    with stored_import(record, user, language) as (_kind, found, by):
        undo(found, by=by, reason=reason, progress=progress_of(context))
