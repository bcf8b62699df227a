"""Atom feeds (RFC 4287) in pages (RFC 5005), written by Django's syndication framework."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.xmlutils import SimplerXMLGenerator

from core.feeds.items import NEVER_CHANGED, Entry, host_name, joined_lines, marked_title
from core.http.request import TrackerRequest
from core.web.list_pages import requested_page, url_with

ENTRIES_PER_PAGE = 50
Row = TypeVar("Row")


class PagedAtomFeed(Atom1Feed):
    """Atom1Feed with the link to its next page; without entries it was last updated long ago instead of just now."""

    def add_root_elements(self, handler: SimplerXMLGenerator) -> None:
        super().add_root_elements(handler)
        if self.feed["next_url"]:
            handler.addQuickElement("link", "", {"rel": "next", "href": self.feed["next_url"]})

    def latest_post_date(self) -> datetime:
        return super().latest_post_date() if self.items else NEVER_CHANGED


def paged_atom_response(
    request: TrackerRequest, title: str, rows: QuerySet[Any] | list[Row], entry: Callable[[Any], Entry]
) -> HttpResponse:
    """Return the page of a feed that `page` asks for; rows come newest first. Raises BadRequest without that page."""
    pages = Paginator(rows, ENTRIES_PER_PAGE)
    page = pages.get_page(requested_page(request, pages))
    following = {"page": str(page.next_page_number())} if page.has_next() else None
    return atom_response(request, title, (entry(row) for row in page), following)


def atom_response(
    request: TrackerRequest, title: str, entries: Iterable[Entry], next_page: dict[str, str] | None
) -> HttpResponse:
    """Return a feed; `next_page` are the parameters of its next page, if there is one."""
    page_url = request.build_absolute_uri(url_with(request, export=None, page=None, before=None))
    feed = PagedAtomFeed(
        title=marked_title(request, title),
        link=page_url,
        description=joined_lines(request, []),
        language=get_language(),
        author_name=_("Synergy Pilot Tracker"),
        feed_url=feed_url(request),
        feed_guid=page_url,
        next_url=feed_url(request, **next_page) if next_page else "",
    )
    host = host_name(request)
    for item in entries:
        feed.add_item(
            title=marked_title(request, item.title),
            link=request.build_absolute_uri(item.url),
            description="<br>".join(escape(line) for line in joined_lines(request, item.lines).splitlines()),
            author_name=item.author or None,
            updateddate=item.changed_at or NEVER_CHANGED,
            unique_id=f"tag:{host},2026:{item.key}",
        )
    return HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")


def feed_url(request: TrackerRequest, **changes: str) -> str:
    """Return the address of this feed, or of another page of it: the secret one where it was read by a secret."""
    path = getattr(request, "feed_path", "")
    url = url_with(request, **({"export": None, **changes} if path else changes))
    return request.build_absolute_uri(path + url.removeprefix(request.path) if path else url)
