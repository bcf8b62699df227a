"""Calendars of days on which something is due (iCalendar, RFC 5545) and Atom feeds (RFC 4287) in pages (RFC 5005) of
lists, and the secret addresses under which a list can be read. An event or an entry is what a row is in either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.functional import Promise
from django.utils.html import escape
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.xmlutils import SimplerXMLGenerator
from icalendar import STATUS, TRANSP, Calendar
from icalendar import Event as CalendarEvent

from core.http import DEMO_LABEL, BadRequest, ErrorDetail, TrackerRequest, download_stem, is_demonstration
from core.pages import FEED_LABELS, Feeds
from core.tables import PAGE_PARAMETERS, reject_unknown_params, requested_page, url_with
from core.text import label_value

NEVER_CHANGED = datetime(2000, 1, 1, tzinfo=UTC)  # of what has no history entry, and of a feed without entries
PRODUCT_ID = "-//Synergy Pilot Tracker//EN"
MAX_EVENTS = 2_000  # what calendar programs still show without delay
REFRESH_INTERVAL = timedelta(hours=12)
CANCELLED_DAYS = 90  # for so long an event is shown as cancelled: calendars keep what they once imported
ENTRIES_PER_PAGE = 50
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # neither format can hold them


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Entry of a feed: a record, or a change of one."""

    key: str  # kind and id of the record: milestone-417
    title: str
    url: str  # path of the page that shows it
    changed_at: datetime | None
    lines: Sequence[str] = ()
    author: str = ""  # only where the reader may know


@dataclass(frozen=True, kw_only=True)
class Event(Entry):
    """All-day event of a calendar: a day by which something is due."""

    day: date
    revision: int  # number of changes so far
    cancelled: bool = False


def host_name(request: TrackerRequest) -> str:
    """Return the host of the site without port, which makes keys unique in the world."""
    return urlsplit(f"//{request.get_host()}").hostname or "localhost"


def marked_title(request: TrackerRequest, title: str) -> str:
    """Return a title, marked on a demonstration site: it is read among entries of other sources."""
    return UNPRINTABLE.sub("", label_value(_("Demonstration"), title) if is_demonstration(request) else title)


def joined_lines(request: TrackerRequest, lines: Sequence[str]) -> str:
    """Return the text below a title; on a demonstration site it begins with the notice."""
    notice = [DEMO_LABEL] if is_demonstration(request) else []
    return UNPRINTABLE.sub("", "\n".join(line for line in (*notice, *lines) if line))


# -- calendars -----------------------------------------------------------------------------------------


def calendar_response(request: TrackerRequest, title: str, events: Iterable[Event]) -> HttpResponse:
    """Return a calendar. Raises BadRequest for more than MAX_EVENTS events."""
    found = list(islice(events, MAX_EVENTS + 1))
    if len(found) > MAX_EVENTS:
        text = _("export: a calendar takes at most %(most)d events. Narrow the filter.") % {"most": MAX_EVENTS}
        raise BadRequest(ErrorDetail("export", "too_many_events", text))
    calendar, name = Calendar(), marked_title(request, title)
    calendar.add("prodid", PRODUCT_ID)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)  # what programs read that do not know RFC 7986
    calendar.add("refresh-interval", REFRESH_INTERVAL, parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", "PT12H")
    for event in found:
        changed = event.changed_at or NEVER_CHANGED
        component = CalendarEvent.new(
            uid=f"{event.key}@{host_name(request)}",
            stamp=changed,  # not the time of the answer, so that an unchanged calendar is the same file
            last_modified=changed,
            sequence=event.revision,
            # The whole day, as a date: a time in UTC would be another day east of it. The end is exclusive.
            start=event.day,
            end=event.day + timedelta(1),
            summary=marked_title(request, event.title),
            description=joined_lines(request, event.lines),
            url=request.build_absolute_uri(event.url),
            status=STATUS.CANCELLED if event.cancelled else STATUS.CONFIRMED,
            transparency=TRANSP.TRANSPARENT,  # a deadline keeps nobody from a meeting
        )
        calendar.add_component(component)
    response = HttpResponse(calendar.to_ical(), content_type="text/calendar; charset=utf-8")
    stem = download_stem(request, "-".join(filter(None, page_path(request).split("/"))) or "calendar")
    response["Content-Disposition"] = f'inline; filename="{stem}.ics"'
    return response


# -- Atom feeds ----------------------------------------------------------------------------------------


class PagedAtomFeed(Atom1Feed):
    """Atom1Feed with the link to its next page; without entries it was last updated long ago instead of just now."""

    def add_root_elements(self, handler: SimplerXMLGenerator) -> None:
        super().add_root_elements(handler)
        if self.feed["next_url"]:
            attributes = {"rel": "next", "type": "application/atom+xml", "href": self.feed["next_url"]}
            handler.addQuickElement("link", "", attributes)

    def latest_post_date(self) -> datetime:
        return super().latest_post_date() if self.items else NEVER_CHANGED


def paged_atom_response(
    request: TrackerRequest, title: str, rows: QuerySet[Any] | Sequence[Any], entry: Callable[[Any], Entry]
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
    own_url = url_with(request, export=None, page=None, before=None)
    page_url = request.build_absolute_uri(page_path(request) + own_url.removeprefix(request.path))
    feed = PagedAtomFeed(
        title=marked_title(request, title),
        link=page_url,
        description=joined_lines(request, []),
        language=get_language(),
        author_name=_("Synergy Pilot Tracker"),
        feed_url=request.build_absolute_uri(url_with(request)),
        feed_guid=page_url,
        next_url=request.build_absolute_uri(url_with(request, **next_page)) if next_page else "",
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


def page_path(request: TrackerRequest) -> str:
    """Return the path of the page whose list is read, under a secret address too."""
    return getattr(request, "page_path", request.path)


# -- secret addresses ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class FeedList:
    """A page whose feeds have secret addresses: its URL name, the formats and parameters that it has, and the function
    that makes its feeds for a user, and raises PermissionDenied for one who may not see them.
    """

    url_name: str
    label: str | Promise
    formats: Collection[str]
    feeds: Callable[[TrackerRequest, Any], Feeds]
    params: Collection[str] = PAGE_PARAMETERS
    staff_only: bool = False


FEED_LISTS: dict[str, FeedList] = {}
"""By the name in the address; each page is added in the module of its view."""


def feed_addresses(request: HttpRequest, user: Any, secret: str) -> list[tuple[str, str]]:
    """Return the secret addresses of a user's lists, each with its label. Filters of the page may be added to each."""
    return [
        (
            f"{feed.label} – {FEED_LABELS[kind]}",
            request.build_absolute_uri(reverse("feed", args=[secret, name, kind])) + f"?lang={get_language()}",
        )
        for name, feed in sorted(FEED_LISTS.items())
        if user.is_staff or not feed.staff_only
        for kind in feed.formats
    ]


def list_response(request: TrackerRequest, user: Any, name: str, kind: str) -> HttpResponseBase:
    """Return a list's feed as this user gets it. Raises Http404 for what the user cannot open."""
    feed = FEED_LISTS.get(name)
    if feed is None or kind not in feed.formats or (feed.staff_only and not user.is_staff):
        raise Http404
    request.page_path = reverse(feed.url_name)
    try:
        reject_unknown_params(request, {*feed.params} - {"export"})
        response = feed.feeds(request, user)[kind](request)
    except PermissionDenied:
        raise Http404 from None
    except BadRequest as exc:  # as text: no page is shown to a program
        response = HttpResponse(exc.detail, status=exc.status_code, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "private, no-cache"
    response["Referrer-Policy"] = "no-referrer"
    return response
