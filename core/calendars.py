"""Calendars of days on which something is due (iCalendar, RFC 5545), and the secret addresses that open them."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from icalendar import STATUS, TRANSP, Calendar
from icalendar import Event as CalendarEvent

from core.days import DEMO_LABEL, download_stem, is_demonstration
from core.errors import Problem
from core.http import TrackerRequest
from core.pages import CalendarWriter
from core.tables import PAGE_PARAMETERS, reject_unknown_params
from core.text import label_value

NEVER_CHANGED = datetime(2000, 1, 1, tzinfo=UTC)  # of what has no history entry
PRODUCT_ID = "-//Synergy Pilot Tracker//EN"
MAX_EVENTS = 2_000  # what calendar programs still show without delay
REFRESH_INTERVAL = timedelta(hours=12)
CANCELLED_DAYS = 90  # for so long an event is shown as cancelled: calendars keep what they once imported
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # no calendar can hold them


@dataclass(frozen=True, kw_only=True)
class Event:
    """All-day event of a calendar: a day by which something is due."""

    key: str  # kind and id of the record: milestone-417
    title: str
    url: str  # path of the page that shows it
    day: date
    changed_at: datetime | None
    revision: int  # number of changes so far
    lines: Sequence[str] = ()
    cancelled: bool = False


def marked_title(request: TrackerRequest, title: str) -> str:
    """Return a title, marked on a demonstration site: it is read among entries of other sources."""
    return UNPRINTABLE.sub("", label_value(_("Demonstration"), title) if is_demonstration(request) else title)


# -- calendars -----------------------------------------------------------------------------------------


def calendar_response(request: TrackerRequest, title: str, events: Iterable[Event]) -> HttpResponse:
    """Return a calendar. Raises Problem for more than MAX_EVENTS events."""
    found = list(islice(events, MAX_EVENTS + 1))
    if len(found) > MAX_EVENTS:
        text = _("export: a calendar takes at most %(most)d events. Narrow the filter.") % {"most": MAX_EVENTS}
        raise Problem("export", "too_many_events", text)
    calendar, name = Calendar(), marked_title(request, title)
    host = urlsplit(f"//{request.get_host()}").hostname or "localhost"  # it makes keys unique in the world
    notice = [DEMO_LABEL] if is_demonstration(request) else []
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
            uid=f"{event.key}@{host}",
            stamp=changed,  # not the time of the answer, so that an unchanged calendar is the same file
            last_modified=changed,
            sequence=event.revision,
            # The whole day, as a date: a time in UTC would be another day east of it. The end is exclusive.
            start=event.day,
            end=event.day + timedelta(1),
            summary=marked_title(request, event.title),
            description=UNPRINTABLE.sub("", "\n".join(filter(None, (*notice, *event.lines)))),
            url=request.build_absolute_uri(event.url),
            status=STATUS.CANCELLED if event.cancelled else STATUS.CONFIRMED,
            transparency=TRANSP.TRANSPARENT,  # a deadline keeps nobody from a meeting
        )
        calendar.add_component(component)
    response = HttpResponse(calendar.to_ical(), content_type="text/calendar; charset=utf-8")
    path = getattr(request, "page_path", request.path)
    stem = download_stem(request, "-".join(filter(None, path.split("/"))) or "calendar")
    response["Content-Disposition"] = f'inline; filename="{stem}.ics"'
    return response


# -- secret addresses ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class CalendarList:
    """A page whose calendar has secret addresses: its URL name, the parameters that it has, and the function that makes
    its calendar for a user, and raises PermissionDenied for one who may not see it.
    """

    url_name: str
    label: str | Promise
    calendar: Callable[[TrackerRequest, Any], CalendarWriter]
    params: Collection[str] = PAGE_PARAMETERS
    staff_only: bool = False


CALENDARS: dict[str, CalendarList] = {}
"""By the name in the address; each page is added in the module of its view."""


def calendar_addresses(request: HttpRequest, user: Any, secret: str) -> list[tuple[str, str]]:
    """Return the secret addresses of a user's lists, each with its label. Filters of the page may be added to each."""
    return [
        (
            str(held.label),
            request.build_absolute_uri(reverse("calendar", args=[secret, name])) + f"?lang={get_language()}",
        )
        for name, held in sorted(CALENDARS.items())
        if user.is_staff or not held.staff_only
    ]


def list_response(request: TrackerRequest, user: Any, name: str) -> HttpResponseBase:
    """Return the calendar of a list as this user gets it. Raises Http404 for what the user cannot open."""
    held = CALENDARS.get(name)
    if held is None or (held.staff_only and not user.is_staff):
        raise Http404
    request.page_path = reverse(held.url_name)
    try:
        reject_unknown_params(request, {*held.params} - {"export"})
        response = held.calendar(request, user)(request)
    except PermissionDenied:
        raise Http404 from None
    except Problem as exc:  # as text: no page is shown to a program
        response = HttpResponse(exc.detail, status=exc.status_code, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "private, no-cache"
    response["Referrer-Policy"] = "no-referrer"
    return response
