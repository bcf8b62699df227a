"""Kinds of jobs: checking, confirming and undoing an import that is too long for a request."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.imports.apply import ConflictError, confirm
from core.imports.files import dry_run_of_file, save_dry_run
from core.imports.importer import Importer
from core.imports.models import Import
from core.imports.registry import KINDS
from core.imports.undo import undo
from core.jobs.models import Job
from core.jobs.queue import enqueue
from core.jobs.registry import job_kind
from core.jobs.running import RESULTS, JobFailed, RunningJob
from core.spreadsheets.reading.cells import UnreadableFile

MOST_ROWS = 20_000  # of an import within a request, which ends in about half a minute


def enqueue_check(kind: Importer, name: str, content: bytes, sheet: str, *, by: Any) -> Job:
    """Keep the uploaded file and enqueue its dry run."""
    file = default_storage.save(f"{RESULTS}/{secrets.token_hex(16)}", ContentFile(content))
    return enqueue("import-check", owner=by, kind_name=kind.name, name=name, sheet=sheet, file=file)


def enqueue_change(kind: str, record: Import, reason: str, *, by: Any) -> Job:
    """Enqueue the confirmation (`import-confirm`) or the undoing (`import-undo`) of an import."""
    return enqueue(kind, owner=by, key=str(record.pk), record=record.pk, reason=reason)


@contextmanager
def told_errors() -> Iterator[None]:
    """Context manager: what stands against an import fails its job, in the same words as on the page."""
    try:
        yield
    except ConflictError as exc:
        raise JobFailed("\n".join(exc.messages)) from exc
    except UnreadableFile as exc:
        raise JobFailed(str(exc.message)) from exc


def importer_of(job: RunningJob, name: str) -> tuple[Importer, Any]:
    """Return the importer and the owner of the job, who still has to have the permission."""
    kind, user = KINDS.get(name), job.owner
    if kind is None or user is None or not user.has_perm("config.add_import") or not kind.can_import(user):
        raise JobFailed(_("You may not do this any more."))
    return kind, user


@job_kind("import-check", label=gettext_lazy("Check of a large import"), repeatable=True)
def check_file(job: RunningJob, kind_name: str, name: str, sheet: str, file: str) -> None:
    """Make and store the dry run of a file that is kept for the job, and delete it."""
    kind, user = importer_of(job, kind_name)
    try:
        with default_storage.open(file) as kept:
            content = kept.read()
    except FileNotFoundError as exc:
        raise JobFailed(_("The file is no longer kept. Upload it again.")) from exc
    with told_errors():
        plan = dry_run_of_file(kind, name, content, by=user, sheet=sheet or None, progress=job.progress)
    record = save_dry_run(plan, name=name, content=content, by=user)
    default_storage.delete(file)
    job.link(record.get_absolute_url(), str(record))


@job_kind("import-confirm", label=gettext_lazy("Confirmation of a large import"), repeatable=True)
def confirm_import(job: RunningJob, record: int, reason: str) -> None:
    """Confirm an import in one transaction; one that is confirmed already stays as it is."""
    found = Import.objects.get(pk=record)
    kind, user = importer_of(job, found.kind)
    with told_errors():
        confirm(kind, found, by=user, reason=reason, progress=job.progress)
    job.link(found.get_absolute_url(), str(found))


@job_kind("import-undo", label=gettext_lazy("Undoing of a large import"), repeatable=True)
def undo_import(job: RunningJob, record: int, reason: str) -> None:
    """Undo an import in one transaction; one that is undone already stays as it is."""
    found = Import.objects.get(pk=record)
    _kind, user = importer_of(job, found.kind)
    with told_errors():
        undo(found, by=user, reason=reason, progress=job.progress)
    job.link(found.get_absolute_url(), str(found))
