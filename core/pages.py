"""Pages: what all of them do around their own content."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import wraps

from django.http.response import HttpResponseBase
from django.shortcuts import render

from core.caching.response_cache import cache_page
from core.history.timeline import Timeline, history_exports, history_tab
from core.http.menu import MENU_ENTRIES, MenuEntry
from core.http.request import TrackerRequest
from core.spreadsheets.page_exports import Exports, Feeds, export_response
from core.web.list_pages import PAGE_PARAMETERS, reject_unknown_params


@dataclass(frozen=True)
class Page:
    """Content of a page: title, headline, the tables that it offers as files, and the context of its template.

    The context is a function, since a request for a file does without it. `timeline` is the history of the record that
    the page shows; its tab and its file are added. `headers` are response headers of the page itself, `feeds` its
    calendar and its Atom feed.
    """

    title: str
    headline: str = ""
    exports: Exports = field(default_factory=dict)
    context: Callable[[], Mapping[str, object]] = dict
    timeline: Timeline | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    feeds: Feeds = field(default_factory=dict)


PageBuilder = Callable[..., Page | HttpResponseBase]


def page_view(
    template: str, params: Collection[str] = PAGE_PARAMETERS, *, menu: MenuEntry | None = None, cached: bool = True
) -> Callable[[PageBuilder], Callable[..., HttpResponseBase]]:
    """Decorator: make a view of a function that returns the content of a page.

    The view rejects parameters other than `params`, answers `export` with a file and renders the template. A function
    may return a response instead, such as a redirect.
    """
    if menu:
        MENU_ENTRIES[menu.url_name] = menu

    def decorate(build: PageBuilder) -> Callable[..., HttpResponseBase]:
        @wraps(build)
        def view(request: TrackerRequest, **kwargs: str) -> HttpResponseBase:
            reject_unknown_params(request, set(params))
            page = build(request, **kwargs)
            return page_response(request, template, page) if isinstance(page, Page) else page

        return cache_page(view) if cached else view

    return decorate


def page_response(request: TrackerRequest, template: str, page: Page) -> HttpResponseBase:
    """Return the file that the request asks for, else the page."""
    files = page.exports | history_exports(page.timeline) if page.timeline else page.exports
    file = export_response(request, files, page.title, page.headline, page.feeds) if files else None
    if file is not None:
        return file
    context = {"title": page.title, "finding": page.headline, **page.context()}
    if page.timeline:
        context["history"] = history_tab(request, page.timeline)
    response = render(request, template, context)
    for name, value in page.headers.items():
        response[name] = value
    return response
