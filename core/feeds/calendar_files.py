"""Calendar files in the iCalendar format (RFC 5545), of days on which something is due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import islice

from django.http import HttpResponse
from django.utils.translation import gettext as _
from icalendar import Calendar
from icalendar import Event as CalendarEvent

from core.feeds.items import NEVER_CHANGED, Event, host_name, joined_lines, marked_title
from core.http.demo_mode import download_stem
from core.http.errors import BadRequest, ErrorDetail
from core.http.request import TrackerRequest

PRODUCT_ID = "-//Synergy Pilot Tracker//EN"
MAX_EVENTS = 2_000  # what calendar programs still show without delay
REFRESH_INTERVAL = timedelta(hours=12)
CANCELLED_DAYS = 90  # for so long an event is shown as cancelled: calendars keep what they once imported


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
    host = host_name(request)
    for event in found:
        calendar.add_component(calendar_event(request, event, host))
    response = HttpResponse(calendar.to_ical(), content_type="text/calendar; charset=utf-8")
    stem = download_stem(request, "-".join(filter(None, request.path.split("/"))) or "calendar")
    response["Content-Disposition"] = f'inline; filename="{stem}.ics"'
    return response


def calendar_event(request: TrackerRequest, event: Event, host: str) -> CalendarEvent:
    """Return an event of the whole day, as a date: a time in UTC would be another day east of it."""
    changed = event.changed_at or NEVER_CHANGED
    found = CalendarEvent()
    found.add("uid", f"{event.key}@{host}")
    found.add("dtstamp", changed)  # not the time of the answer, so that an unchanged calendar is the same file
    found.add("last-modified", changed)
    found.add("sequence", event.revision)
    found.add("dtstart", event.day)
    found.add("dtend", event.day + timedelta(1))  # the end is exclusive
    found.add("summary", marked_title(request, event.title))
    found.add("description", joined_lines(request, event.lines))
    found.add("url", request.build_absolute_uri(event.url))
    found.add("status", "CANCELLED" if event.cancelled else "CONFIRMED")
    found.add("transp", "TRANSPARENT")  # a deadline keeps nobody from a meeting
    return found
