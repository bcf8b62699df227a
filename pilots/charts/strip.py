"""The strip of a pilot's lights: its colour on every day, with reasons, and what follows if nothing more is entered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from core.days import today
from core.tables import Cell, Column, Table, make_table
from core.text import format_date, format_days, join_clauses, label_value
from pilots.analytics.pilot_status import PilotStatus
from pilots.charts.cells import percent
from pilots.lights import LIGHTS, Colour, pilot_light
from pilots.models import PilotLight
from pilots.models.light import FOREVER

WIDE, SLIM = 0.03, 0.08  # part of the strip from which on a period has room for its shape; on a phone
AHEAD, SO_FAR = "ahead", "so-far"


@dataclass(frozen=True)
class Span:
    """Days of one colour and reason: from `since` to `last`, None where there is no last one."""

    since: date
    last: date | None
    colour: Colour
    text: str
    is_ahead: bool = False
    is_running: bool = False

    @property
    def days(self) -> int | None:
        """How many days it lasted; the day itself, of which some is left, counts to none."""
        return None if self.last is None else (self.last - self.since).days + (not self.is_running)

    @property
    def when(self) -> str:
        """Its days as text."""
        since = format_date(self.since)
        if self.last is None:
            return _("from %(day)s on") % {"day": since}
        if self.is_running:
            return _("since %(day)s") % {"day": since}
        return _("%(since)s to %(last)s") % {"since": since, "last": format_date(self.last)}


def light_spans(status: PilotStatus) -> list[Span]:
    """Return the periods of a pilot's light up to the day, oldest first, from the first day of its term or of a light.

    Of today also those to come: what follows from what is planned and due. The reason is that of the last day of a
    period, of one to come that of its first.
    """
    records, as_of = status.records, status.as_of
    rows = PilotLight.objects.filter(pilot=status.pilot).order_by("since")
    found: list[list[Any]] = []  # from, to, what is said of it
    for since, until, *what in rows.values_list("since", "until", "colour", "why", "target", "milestone"):
        if found and found[-1][2] == what:
            found[-1][1] = until
        else:
            found.append([since, until, what])
    first = min([records.first_day, *(since for since, _until, what in found if what[0] != Colour.GREY)])
    spans = []
    for since, until, (colour, *_why) in found:
        began, last = max(since, first), None if until == FOREVER else until - timedelta(1)
        goes_on = last is None or last > as_of
        if since <= as_of and until > first:
            shown = as_of if goes_on else last or as_of
            text = pilot_light(records, shown).sentence
            spans.append(Span(began, shown, Colour(colour), text, is_running=goes_on))
        if as_of >= today() and goes_on and (last or since > as_of):
            began = max(began, as_of + timedelta(1))
            spans.append(Span(began, last, Colour(colour), pilot_light(records, began).sentence, is_ahead=True))
    return spans


def light_strip(status: PilotStatus, spans: Sequence[Span]) -> dict[str, Any]:
    """Return what the page draws: parts with their places in percent, years, the day, the end of the term."""
    as_of, term_end = status.as_of, status.pilot.ends_on
    first = spans[0].since if spans else as_of
    last = max([as_of, *(span.since for span in spans)])
    end = last + max(timedelta(30), (last - first) / 20)
    whole = (end - first).days

    def at(day: date) -> str:
        return percent((day - first).days, whole)

    parts = []
    for span in spans:
        until = min((span.last or end) + timedelta(1), end)
        begin, days = (span.since - first).days, (until - span.since).days
        place = {"x": at(span.since), "width": percent(days, whole), "middle": percent(begin + days / 2, whole)}
        title = label_value(join_clauses([str(span.colour.label), span.when]), span.text)
        room = {"wide": days >= WIDE * whole, "slim": days < SLIM * whole}
        parts.append({"span": span, "title": title, **room, **place})
    shows_end = term_end is not None and first <= term_end <= end
    return {
        "parts": parts,
        "years": [(year, at(date(year, 1, 1))) for year in range(first.year + 1, end.year + 1)],
        "first": first,
        "ahead": any(span.is_ahead for span in spans),
        "today": at(as_of),
        "is_late": (as_of - first).days > 0.85 * whole,
        "today_text": _("today") if as_of >= today() else format_date(as_of),
        "term_end": at(term_end) if term_end and shows_end else "",
        "term_end_on": term_end,
        "title": strip_title(status, spans),
        "days": light_days(spans),
        "heads": {AHEAD: _("To come, if nothing more is entered"), SO_FAR: _("So far")},
    }


def light_days(spans: Sequence[Span]) -> list[tuple[Colour, int]]:
    """Return how many days the light had each colour, up to the day."""
    counts: Mapping[Colour, int] = {
        colour: sum(span.days or 0 for span in spans if span.colour == colour and not span.is_ahead)
        for colour in LIGHTS
    }
    return [(colour, n) for colour, n in counts.items() if n]


def strip_title(status: PilotStatus, spans: Sequence[Span]) -> str:
    """Return for how long it has had its colour, and the next one: `Green for 125 days; yellow from 4 December …`."""
    since = status.since
    text = str(status.colour.label)
    if since:
        text = _("%(colour)s for %(days)s") % {"colour": text, "days": format_days((status.as_of - since).days)}
    coming = next((span for span in spans if span.is_ahead and span.colour != status.colour), None)
    if coming is None:
        return text
    words = {"colour": str(coming.colour.label).lower(), "day": format_date(coming.since)}
    return join_clauses([text, _("%(colour)s from %(day)s on if nothing more is entered") % words])


def lights_table(spans: Sequence[Span]) -> Table:
    """Return the periods, newest first."""
    columns: list[Column[Span]] = [
        Column(
            "light",
            _("Light"),
            lambda span: Cell(
                str(span.colour.label),
                tag=span.colour.value,
                below=span.when,
                status=AHEAD if span.is_ahead else SO_FAR,
            ),
        ),
        Column("why", _("Why"), "text", phone="line"),
        Column("since", _("From"), "since", kind="date", file_only=True),
        Column("last", _("To"), lambda span: span.last or "", kind="date", file_only=True),
        Column("days", _("Days"), lambda span: "" if span.days is None else span.days, kind="integer", phone="side"),
        Column("ahead", _("If nothing more is entered"), lambda span: span.is_ahead, kind="flag", file_only=True),
    ]
    return make_table(columns, spans[::-1])
