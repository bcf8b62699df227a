"""The job that approves an edition: it builds the package."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import override
from django_tasks import task
from django_tasks.base import TaskContext

from core.jobs.queue import progress_of, user_of
from dashboard.editions import services
from dashboard.models import Edition


def subject(edition: Edition) -> str:
    return f"edition:{edition.quarter}"


@task(takes_context=True)
def approve_edition(
    context: TaskContext, *, about: str, user: int, language: str, quarter: str, seen: str, address: str
) -> str:
    """Approve a submitted edition. Stored all at once: a second run finds it approved."""
    with override(language):
        progress_of(context)
        edition, by = Edition.objects.filter(quarter=quarter).first(), user_of(user)
        if edition is None:
            return _("There is no such edition any more.")
        if by is None:
            return _("You may not do this any more.")
        try:
            if not edition.is_approved:
                services.approve(edition, by=by, seen=seen, address=address)
        except PermissionDenied:
            return _("You may not do this any more.")
        except ValidationError as exc:
            return "\n".join(exc.messages)
        return ""
