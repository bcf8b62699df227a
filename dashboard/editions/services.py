"""Services of editions: make, write notes, submit, send back, approve and discard, each in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.files.store import save_blob
from core.history.append_only import FROZEN_MESSAGE
from core.http.as_of import holds_demonstration, today
from core.records import writing
from dashboard.editions.checklist import Checklist, build_checklist
from dashboard.editions.package import Publication, build_package
from dashboard.models import Edition, EditionState
from dashboard.models.edition import APPROVE_PERMISSION, quarter_of, quarter_start

EDIT_PERMISSION = "dashboard.change_edition"
QUARTERS_OFFERED = 8  # the running quarter and those before it


def may_edit(user: Any) -> bool:
    """Whether the user may make, write and submit editions."""
    return bool(user.has_perm(EDIT_PERMISSION))


def may_approve(user: Any, edition: Edition) -> bool:
    """Whether the user may approve this edition: neither made nor submitted it, and has the permission."""
    return bool(user.has_perm(APPROVE_PERMISSION)) and user.pk not in {edition.made_by_id, edition.submitted_by_id}


def offered_quarters() -> list[str]:
    """Return the quarters for which an edition can be made, newest first: those of two years that have none."""
    found, day = [], today()
    for _place in range(QUARTERS_OFFERED):
        found.append(quarter_of(day))
        day = quarter_start(found[-1]) - timedelta(1)
    taken = set(Edition.objects.filter(quarter__in=found).values_list("quarter", flat=True))
    return [quarter for quarter in found if quarter not in taken]


def make_edition(quarter: str, *, by: Any) -> Edition:
    """Make the draft of a quarter. Raises PermissionDenied, and ValidationError for a quarter that is not offered."""
    if not may_edit(by):
        raise PermissionDenied
    if quarter not in offered_quarters():
        message = _("There is an edition of this quarter already, or it lies too far away. Choose one of the list.")
        raise ValidationError({"quarter": ValidationError(message, code="not_offered")})
    edition = Edition(quarter=quarter, made_by=by)
    writing.write(edition, by=by, allowed=True)
    return edition


@contextmanager
def step(edition: Edition, state: EditionState) -> Iterator[Edition]:
    """Context manager: the edition, locked in a transaction. Raises ValidationError unless it is in the state."""
    with transaction.atomic():
        found: Edition = writing.locked(Edition, edition.pk)
        if found.is_approved:
            raise ValidationError(FROZEN_MESSAGE, code="frozen")
        if found.state != state:
            text = _("It is “%(state)s” now: somebody else took a step. Look at it, then try again.")
            raise ValidationError(text, code="state", params={"state": EditionState(found.state).label})
        yield found


def write_notes(edition: Edition, *, by: Any, en: str, zh: str) -> None:
    """Set the release notes of a draft."""
    check_editor(by)
    with step(edition, EditionState.DRAFT) as found:
        writing.write(found, {"release_note_en": en, "release_note_zh": zh}, by=by, allowed=True)


def submit(edition: Edition, *, by: Any) -> None:
    """Submit a draft for approval by somebody else. Raises ValidationError while there are errors that block it."""
    check_editor(by)
    if Edition.objects.filter(pk=edition.pk, state=EditionState.IN_REVIEW, submitted_by=by).exists():
        text = _("You have submitted this edition already: somebody else approves it.")
        raise ValidationError(text, code="state")
    with step(edition, EditionState.DRAFT) as found:
        check_errors(build_checklist(found))
        writing.write(found, {"state": EditionState.IN_REVIEW, "submitted_by": by}, by=by, allowed=True)


def send_back(edition: Edition, *, by: Any, reason: str) -> None:
    """Make a draft of a submitted edition again. Raises ValidationError without a reason."""
    check_editor(by)
    if not reason.strip():
        raise ValidationError({"reason": ValidationError(_("Say what is to be done first."), code="required")})
    with step(edition, EditionState.IN_REVIEW) as found:
        writing.write(found, {"state": EditionState.DRAFT}, by=by, reason=reason, allowed=True)


def discard(edition: Edition, *, by: Any) -> None:
    """Delete a draft. Its history stays, and an administrator can restore it."""
    check_editor(by)
    with step(edition, EditionState.DRAFT) as found:
        writing.delete(found, by=by, allowed=True)


def check_editor(user: Any) -> None:
    if not may_edit(user):
        raise PermissionDenied


# -- approval ------------------------------------------------------------------------------------------


def approve(edition: Edition, *, by: Any, seen: str, address: str) -> Edition:
    """Approve a submitted edition: build its package, store its files and freeze it.

    `seen` is the digest of the warnings that the approver acknowledges, `address` the address of its page. Raises
    PermissionDenied without the permission; ValidationError for who made or submitted it, for errors of the checklist,
    for warnings that are not acknowledged, and where somebody else was first. Nothing is stored then.
    """
    check_approver(edition, by)
    with snapshot():
        edition = Edition.objects.get(pk=edition.pk)
        checklist = build_checklist(edition)
        check_approvable(edition, checklist, seen)
        publication = Publication(edition, address, timezone.now(), holds_demonstration())
        files, content = build_package(publication, checklist.acknowledged())
    with step(edition, EditionState.IN_REVIEW) as found:
        check_approver(found, by)
        if (found.release_note_en, found.release_note_zh) != (edition.release_note_en, edition.release_note_zh):
            raise ValidationError(_("The release notes were changed meanwhile. Read them, then approve."), code="stale")
        for file in files:
            save_blob(file.content)
        values = {
            "state": EditionState.APPROVED,
            "approved_by": by,
            "approved_at": publication.approved_at,
            "content": content,
            "sha256": content["files"][0]["sha256"],
        }
        writing.write(found, values, by=by, allowed=True)
    return found


def check_approver(edition: Edition, user: Any) -> None:
    """Raises PermissionDenied without the permission, ValidationError for who made or submitted the edition."""
    if not user.has_perm(APPROVE_PERMISSION):
        raise PermissionDenied
    if not may_approve(user, edition):
        text = _("You made or submitted this edition: somebody else approves it.")
        raise ValidationError(text, code="same_person")


def check_approvable(edition: Edition, checklist: Checklist, seen: str) -> None:
    """Raises ValidationError with every error of the checklist, or where other warnings were acknowledged."""
    if edition.is_approved:
        raise ValidationError(FROZEN_MESSAGE, code="frozen")
    check_errors(checklist)
    if checklist.warnings and seen != checklist.digest:
        text = _("Acknowledge the warnings as they are now: they are listed below.")
        raise ValidationError(text, code="not_acknowledged")


def check_errors(checklist: Checklist) -> None:
    """Raises ValidationError with every error of the checklist."""
    lines = [f"{item.label} ({item.count}/{item.of}). {item.remedy}" for item in checklist.errors]
    if lines:
        raise ValidationError([ValidationError(line, code="checklist") for line in lines])


@contextmanager
def snapshot() -> Iterator[None]:
    """Context manager: all queries inside see the database at one moment. Inside another transaction it does nothing.

    On SQLite it is a transaction that does not lock out those who write.
    """
    if connection.in_atomic_block:
        yield
        return
    database: Any = connection  # SQLite's has a mode of its transactions
    mode = getattr(database, "transaction_mode", None)
    if database.vendor == "sqlite":
        database.transaction_mode = "DEFERRED"
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield
    finally:
        if database.vendor == "sqlite":
            database.transaction_mode = mode
