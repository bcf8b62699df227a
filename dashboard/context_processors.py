"""Context processors: corrections since a past day, the age of backups."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from core.backup.models import backup_status
from core.http import today
from dashboard.analytics.change_log import corrections_after


def corrections(request: HttpRequest) -> dict[str, object]:
    """Return the corrections made since the as-of date, queried when a template asks for them."""
    return {"corrections": SimpleLazyObject(lambda: corrections_after(getattr(request, "as_of", today())))}


def backups(_request: HttpRequest) -> dict[str, object]:
    """Return the status of backups, queried when a template asks for it."""
    return {"backups": SimpleLazyObject(backup_status)}
