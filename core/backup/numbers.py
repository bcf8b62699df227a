"""Numbers of every aggregate of the API, as checksums: two databases with equal ones show equal numbers.

The aggregates are those that the URLconf has, so that a new one is compared from its first day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, QueryDict
from django.urls import URLPattern, get_resolver
from django.utils.translation import override
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from core.api.viewsets import AggregateView

YEARS = 3  # the day itself, and the same a year and two years before


def aggregate_views(patterns: Any = None) -> Iterator[tuple[str, type[AggregateView]]]:
    """Yield name and class of every aggregate that has an address."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if not isinstance(pattern, URLPattern):
            yield from aggregate_views(pattern.url_patterns)
            continue
        view = getattr(pattern.callback, "cls", None)
        if isinstance(view, type) and issubclass(view, AggregateView):
            yield pattern.name or view.__name__, view


def aggregate_numbers(as_of: date) -> dict[str, str]:
    """Return the checksum of what each aggregate says to a reader without an account, by name, query and day."""
    earlier = [as_of.replace(year=as_of.year - years, day=min(as_of.day, 28)) for years in range(1, YEARS)]
    found = {}
    with override("en"):
        for name, view in sorted(aggregate_views()):
            for query in view().query_strings():
                for day in (as_of, *earlier):
                    found[f"{name}?{query} {day}"] = hashlib.sha256(aggregate_json(view, query, day)).hexdigest()
    return found


class RequestOfNoClient(HttpRequest):
    """Request under one name, whatever `ALLOWED_HOSTS` says: addresses in two answers differ in nothing."""

    def get_host(self) -> str:
        return "localhost"


def aggregate_json(view_class: type[AggregateView], query: str, day: date) -> bytes:
    """Return an aggregate as JSON, without the steps that limit and authenticate a client."""
    plain: Any = RequestOfNoClient()
    plain.method, plain.user, plain.as_of, plain.GET = "GET", AnonymousUser(), day, QueryDict(query)
    plain.META = {"SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    request: Any = Request(plain)
    request.user, request.accepted_renderer = plain.user, JSONRenderer()
    view = view_class()
    view.setup(plain)
    view.request = request
    return cast(bytes, JSONRenderer().render(view.get(request).data))
