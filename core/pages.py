"""What all pages do around their own content.

A page is a view like any other: `@page(…)` names its parameters, and its last line returns the file that was asked for,
or the template: `return export_response(request, tables, title, headline) or render(request, "….html", {…})`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import cache_control

from core.caching.response_cache import cache_page
from core.http.rate_limits import count_page_file
from core.http.request import TrackerRequest, is_demonstration
from core.web.list_pages import FEED_FORMATS, PAGE_PARAMETERS, drop_unknown_params

DAY_PARAMETERS = ("as_of", "known", "lang")  # of pages without a table
View = Callable[..., HttpResponseBase]


def private_page(view: View) -> View:
    """Decorator of views for signed-in users, whose responses no cache stores."""
    return cache_control(no_store=True, private=True)(login_required(view))


def page(*params: str, known: Collection[str] = PAGE_PARAMETERS, cached: bool = True) -> Callable[[View], View]:
    """Decorator of pages with parameters beside those that every page knows; a cached one is kept for all readers.

    Other parameters are dropped, or rejected where a file is asked for. Files are counted.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: TrackerRequest, **kwargs: str) -> HttpResponseBase:
            drop_unknown_params(request, {*known, *params})
            if request.GET.get("export", FEED_FORMATS[0]) not in FEED_FORMATS:
                count_page_file(request)
            return view(request, **kwargs)

        return cache_page(checked) if cached else checked

    return decorate


def robots(request: HttpRequest) -> HttpResponse:
    """robots.txt: an internal or demonstration site is closed to search engines.

    On a public site they may index the pages in both languages, but not their endless variants by date, order and file.
    """
    closed = settings.SITE_ACCESS == "internal" or is_demonstration(request)
    return render(request, "robots.txt", {"closed": closed}, content_type="text/plain; charset=utf-8")
