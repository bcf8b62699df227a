"""The job that approves an edition: it builds the package."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import override
from django_tasks import task
from django_tasks.base import TaskContext

from core.jobs.queue import JobFailed, progress_of, user_of
from dashboard import editions
from dashboard.models import Edition


def subject(edition: Edition) -> str:
    return f"edition:{edition.quarter}"


@task(takes_context=True)
def approve_edition(
    context: TaskContext, *, about: str, user: int, language: str, quarter: str, seen: str, address: str
) -> None:
    """Approve a submitted edition. Stored all at once: a second run finds it approved."""
    with override(language):
        progress_of(context)
        edition = Edition.objects.filter(quarter=quarter).first()
        if edition is None:
            raise JobFailed(_("There is no such edition any more."))
        if edition.is_approved:
            return
        try:
            editions.approve(edition, by=user_of(user), seen=seen, address=address)
        except PermissionDenied as exc:
            raise JobFailed(_("You may not do this any more.")) from exc
        except ValidationError as exc:
            raise JobFailed("\n".join(exc.messages)) from exc
