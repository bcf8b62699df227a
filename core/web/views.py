"""Views of core: robots.txt."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core.http.request import is_demonstration

ROBOTS_RULES = [
    *(f"Disallow: {path}" for path in ("/admin/", "/api/", "/search/", "/sign-in/", "/account/", "/tokens/")),
    *(f"Disallow: /*{word}=" for word in ("as_of", "chart", "export", "known", "page", "sort")),
    "Allow: /api/docs/",
]


def robots(request: HttpRequest) -> HttpResponse:
    """robots.txt: an internal or demonstration site is closed to search engines.

    On a public site they may index the pages in both languages, but not their endless variants by date, order and file.
    """
    is_closed = settings.SITE_ACCESS == "internal" or is_demonstration(request)
    lines = ["Disallow: /"] if is_closed else ROBOTS_RULES
    return HttpResponse("\n".join(["User-agent: *", *lines, ""]), content_type="text/plain; charset=utf-8")
