"""URLs of filtered pilot lists, on pages and in the API."""

from urllib.parse import urlencode

from django.urls import reverse

from core.web.tables import Cell
from pilots.filters import ProgressFilter


def pilots_url(**filters: str) -> str:
    """Return the URL of the pilots that a number counts."""
    return f"{reverse('pilot-list')}?{urlencode(filters)}"


def pilot_count_cell(n: int, **filters: str) -> Cell:
    """Return a number of pilots linked to their list; 0 has no link."""
    return Cell(n, url=pilots_url(**filters) if n else "")


def progress_api_url(filters: dict[str, str]) -> str:
    """Return the API URL of the progress of the same pilots; empty where the API has no such filter."""
    if not filters.keys() <= ProgressFilter.base_filters.keys():
        return ""
    query = urlencode(filters)
    return reverse("api-progress") + (f"?{query}" if query else "")
