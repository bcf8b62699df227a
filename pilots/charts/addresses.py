"""Where a number of pilots leads, and where the API gives it."""

from urllib.parse import urlencode

from django.urls import reverse

from pilots.filters import ProgressFilter


def pilots_url(**filters: str) -> str:
    """The address of the pilots that a number counts."""
    return f"{reverse('pilot-list')}?{urlencode(filters)}"


def progress_api(filters: dict[str, str]) -> str:
    """The address of the progress of the same pilots in the API; empty where it has no such filter."""
    if not filters.keys() <= ProgressFilter.base_filters.keys():
        return ""
    query = urlencode(filters)
    return reverse("api-progress") + (f"?{query}" if query else "")
