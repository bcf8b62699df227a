"""Context processors: corrections since a past day, figures of that day, the button to follow, the age of backups."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from core.backup.status import backup_status
from core.http.as_of import today
from dashboard.analytics.recent_changes import corrections_after
from dashboard.briefs.known_then import known_then
from dashboard.reminders.subscriptions import follow_button


def corrections(request: HttpRequest) -> dict[str, object]:
    """Return the corrections made since the as-of date, queried when a template asks for them."""
    return {"corrections": SimpleLazyObject(lambda: corrections_after(getattr(request, "as_of", today())))}


def following(request: HttpRequest) -> dict[str, object]:
    """Return the button to follow the record of the page, queried when a template asks for it: only an uncached
    fragment may, since it differs between users.
    """
    return {"follow_button": SimpleLazyObject(lambda: follow_button(request))}


def figures_then(request: HttpRequest) -> dict[str, object]:
    """Return the figures of the page that read otherwise on the day itself, computed when a template asks for them."""
    return {"known_then": SimpleLazyObject(lambda: known_then(request) or False)}


def backups(_request: HttpRequest) -> dict[str, object]:
    """Return the status of backups, queried when a template asks for it."""
    return {"backups": SimpleLazyObject(backup_status)}
