"""Lists that can be read under a secret address, and the answer as the owner of the secret gets it."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.urls import resolve, reverse
from django.utils.functional import Promise
from django.utils.translation import get_language

from core.http.errors import BadRequest
from core.http.request import TrackerRequest
from core.spreadsheets.page_exports import FEED_LABELS


@dataclass(frozen=True)
class FeedList:
    """A page whose feeds have secret addresses: its URL name and the formats that it has. The view checks itself who
    may see it.
    """

    url_name: str
    label: str | Promise
    formats: Collection[str]
    staff_only: bool = False


FEED_LISTS: dict[str, FeedList] = {}
"""By the name in the address; each page is added in the module of its view."""


def feed_addresses(request: HttpRequest, user: Any, secret: str) -> list[tuple[str, str]]:
    """Return the secret addresses of a user's lists, each with its label. Filters of the page may be added to each."""
    return [
        (
            f"{found.label} – {FEED_LABELS[kind]}",
            request.build_absolute_uri(reverse("feed", args=[secret, name, kind])) + f"?lang={get_language()}",
        )
        for name, found in sorted(FEED_LISTS.items())
        if user.is_staff or not found.staff_only
        for kind in found.formats
    ]


def list_response(request: TrackerRequest, user: Any, name: str, kind: str) -> HttpResponseBase:
    """Return a list's feed as this user gets it from the page. Raises Http404 for what the user cannot open."""
    found = FEED_LISTS.get(name)
    if found is None or kind not in found.formats:
        raise Http404
    try:
        asked = copy(request)
        asked.path = asked.path_info = reverse(found.url_name)
        asked.feed_path = request.path
        asked.user = user
        params = request.GET.copy()
        params.appendlist("export", kind)  # an export of the address itself is then a repeated parameter
        asked.GET = QueryDict(params.urlencode())
        match = resolve(asked.path)
        response: HttpResponseBase = match.func(asked, *match.args, **match.kwargs)
    except PermissionDenied:
        raise Http404 from None
    except BadRequest as exc:  # as text: no page is shown to a program
        response = HttpResponse(exc.detail, status=exc.status_code, content_type="text/plain; charset=utf-8")
    if response.status_code in {301, 302, 303}:  # to the sign-in, or to a page for other readers
        raise Http404
    response["Cache-Control"] = "private, no-cache"
    response["Referrer-Policy"] = "no-referrer"
    return response
