"""Where a number of pilots leads."""

from urllib.parse import urlencode

from django.urls import reverse


def pilots_url(**filters: str) -> str:
    """The address of the pilots that a number counts."""
    return f"{reverse('pilot-list')}?{urlencode(filters)}"
