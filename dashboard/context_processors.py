"""Context processors: corrections since a past day, the age of backups."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from core.backup.models import backup_status
from core.days import today
from dashboard.analytics.change_log import corrections_after


def queried_when_asked_for(request: HttpRequest) -> dict[str, object]:
    """Return the corrections made since the as-of date, and the status of backups."""
    return {
        "corrections": SimpleLazyObject(lambda: corrections_after(getattr(request, "as_of", today()))),
        "backups": SimpleLazyObject(backup_status),
    }
