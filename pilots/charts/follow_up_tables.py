"""Tables of follow-ups, and what stands beside a light: its open follow-up, or the link to open one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http.request import TrackerRequest
from core.text.bilingual import lang_of
from core.text.joining import join_clauses, label_value
from core.web.tables import Cell, Column, Table, make_table, record_cell, status_cell
from pilots.follow_ups.analytics import FollowUpStatus, open_by_pilot
from pilots.metrics.follow_up_states import FollowUpState
from pilots.metrics.lights import Colour
from pilots.models import Cause, FollowUp, Pilot
from pilots.models.follow_up import VERIFY_PERMISSION
from policies.charts.cells import province_cell
from policies.charts.rollout import format_day

RELATED = ("pilot__batch", "province", "policy", "practice", "owner_agency", "cause_indicator", "cause_milestone")
"""What a table of follow-ups shows of other records."""


Item = TypeVar("Item")


# -- cells -----------------------------------------------------------------------------------------------


def follow_up_cell(status: FollowUpStatus) -> Cell:
    """Return number and title, linked to the page."""
    follow_up = status.follow_up
    return Cell(str(follow_up), url=follow_up.get_absolute_url(), lang=follow_up.name_lang)


def state_cell(status: FollowUpStatus) -> Cell:
    """Return the state with its colour; red and named where it is overdue."""
    if not status.overdue:
        return status_cell(status.state)
    return Cell(_("%(state)s, overdue") % {"state": status.state.label}, tag=Colour.RED.colour)


def subject_cell(status: FollowUpStatus) -> Cell:
    """Return the pilot, province, policy or practice that it is about."""
    subject: Any = status.follow_up.subject
    return record_cell(subject) if subject else Cell(None)


def agency_cell(status: FollowUpStatus) -> Cell:
    agency = status.follow_up.owner_agency
    return Cell(agency.name, lang=agency.name_lang)


def light_now_cell(status: FollowUpStatus) -> Cell:
    """Return the light of the cause on the day; empty where no light caused it."""
    colour = status.cause_colour_now
    return status_cell(colour, cause_url(status.follow_up)) if colour else Cell("")


def light_then_cell(status: FollowUpStatus) -> Cell:
    colour = status.follow_up.cause_colour
    return status_cell(Colour(colour)) if colour else Cell("")


def cause_url(follow_up: FollowUp) -> str:
    """Return the URL of the item on the pilot's page whose light is the cause."""
    page = follow_up.pilot.get_absolute_url() if follow_up.pilot else ""
    if follow_up.cause_indicator:
        return f"{page}#indicator-{follow_up.cause_indicator.code}"
    return f"{page}#milestone-{follow_up.cause_milestone_id}" if follow_up.cause_milestone_id else page


def cause_text(follow_up: FollowUp) -> str:
    """Return what caused it: nothing, the pilot's light, or that of an indicator or milestone by name."""
    item = follow_up.cause_indicator or follow_up.cause_milestone
    label = follow_up.get_cause_display()
    return label_value(label, item.name) if item else label


def result_text(status: FollowUpStatus) -> str:
    """Return what became of the red light that was the cause; empty while it is open or without one."""
    if status.state != FollowUpState.CLOSED or status.follow_up.cause_colour != Colour.RED:
        return ""
    if status.cleared is None:
        return _("not known when closed")
    if not status.cleared:
        return _("still red when closed")
    if status.relapsed_on:
        return _("cleared, red again on %(day)s") % {"day": format_day(status.relapsed_on)}
    return _("red light cleared")


# -- tables ----------------------------------------------------------------------------------------------


def status_columns() -> list[Column[FollowUpStatus]]:
    """Return the columns of a list of follow-ups."""
    return [
        Column("follow_up", _("Follow-up"), follow_up_cell, sort="number", sort_fields=["opened_on", "number"]),
        Column("status", _("State"), state_cell, sort="state"),
        Column("late", _("Days late"), lambda item: item.days_late or "", kind="integer", sort="late"),
        Column("due", _("Due"), "due_on", kind="date", sort="due"),
        Column("subject", _("Subject"), subject_cell),
        Column("agency", _("Responsible"), agency_cell, sort="agency", sort_fields=["owner_agency__slug"]),
        Column("light", _("Light now"), light_now_cell),
        Column("result", _("What became of the light"), result_text),
        Column("opened", _("Opened"), "follow_up.opened_on", kind="date", sort="opened", sort_fields=["opened_on"]),
        Column("kind", _("Kind"), lambda item: item.follow_up.get_kind_display(), sort="kind", sort_fields=["kind"]),
        Column(
            "province",
            _("Province"),
            lambda item: province_cell(item.follow_up.province) if item.follow_up.province else Cell(""),
            sort="province",
            sort_fields=["province__slug"],
        ),
        Column(
            "meeting",
            _("Meeting"),
            lambda item: Cell(item.follow_up.meeting, lang=lang_of(item.follow_up.meeting)),
            file_only=True,
        ),
        *file_columns(),
    ]


def file_columns() -> list[Column[FollowUpStatus]]:
    """Return the columns that only files have."""
    columns: list[Column[FollowUpStatus]] = [
        Column("key", _("Key follow-up"), "follow_up.is_key", kind="flag"),
        Column("cause", _("Cause"), lambda item: cause_text(item.follow_up)),
        Column("light_then", _("Light at the opening"), light_then_cell),
        Column("reason", _("Reason at the opening"), lambda item: item.follow_up.cause_reason),
        Column("first_due", _("First due on"), "follow_up.due_on", kind="date"),
        Column("extended", _("Times extended"), kind="integer"),
        Column("signed", _("Signed for on"), "signed_on", kind="date"),
        Column("reported", _("Reported on"), "reported_on", kind="date"),
        Column("returned", _("Times returned"), kind="integer"),
        Column("closed", _("Closed on"), "closed_on", kind="date"),
        Column("in_time", _("Closed in time"), "closed_in_time", kind="flag"),
        Column("relapsed", _("Red again on"), "relapsed_on", kind="date"),
    ]
    return [replace(column, file_only=True) for column in columns]


def follow_up_columns(statuses: Mapping[int, FollowUpStatus]) -> list[Column[FollowUp]]:
    """Return the columns of a list page, whose rows are the records; `statuses` are by key."""

    def of_record(column: Column[FollowUpStatus]) -> Column[FollowUp]:
        def accessor(follow_up: FollowUp) -> Cell:
            return column.cell(statuses[follow_up.pk])

        return Column(**{**vars(column), "accessor": accessor})

    return [of_record(column) for column in status_columns()]


def follow_ups_table(
    statuses: Iterable[FollowUpStatus], without: Sequence[str] = ("kind", "result"), full_list_url: str = ""
) -> Table:
    """Return the table of these follow-ups, without the columns that a page has no use for."""
    columns = [column for column in status_columns() if column.key not in without]
    return make_table(columns, list(statuses), full_list_url)


# -- beside a light --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LightLink:
    """What stands beside a light: the open follow-up with its due date, or the link to open one."""

    text: str
    url: str
    opens: bool = False

    def as_cell(self) -> Cell:
        """Return it as a cell; a file has no links to open one."""
        return Cell("", url=self.url, page_text=self.text) if self.opens else Cell(self.text, url=self.url)


def may_open_follow_ups(request: TrackerRequest) -> bool:
    """Return whether a page offers the reader to open follow-ups.

    Pages of readers who are no staff are shared, so nothing on them depends on a permission.
    """
    user = request.user
    return user.is_staff and not request.as_of_past and user.has_perm(VERIFY_PERMISSION)


class LightFollowUps:
    """Open follow-ups of the pilots of a page by the light that is their cause, and whether the reader may open one.

    They are fetched once for the pilots of the page, or of each chunk of a file.
    """

    def __init__(self, request: TrackerRequest) -> None:
        self.as_of = request.as_of
        self.may_open = may_open_follow_ups(request)
        self.found: dict[int, Sequence[FollowUpStatus]] = {}

    def fetch(self, pilots: Iterable[int]) -> LightFollowUps:
        """Fetch the open follow-ups of these pilots. Two queries, or none if they are there already."""
        missing = set(pilots) - self.found.keys()
        if missing:
            found = open_by_pilot(missing, self.as_of)
            self.found.update({key: found.get(key, ()) for key in missing})
        return self

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show beside any light."""
        return not self.may_open and not any(self.found.values())

    def of_pilot(self, pilot: Pilot, colour: Colour) -> LightLink | None:
        """Return what stands beside the light of a pilot: any open follow-up of it."""
        return self.link(pilot, colour, list(self.found[pilot.pk]), cause=Cause.PILOT.value)

    def of_indicator(self, pilot: Pilot, colour: Colour, key: int, code: str) -> LightLink | None:
        own = [item for item in self.found[pilot.pk] if item.follow_up.cause_indicator_id == key]
        return self.link(pilot, colour, own, indicator=code)

    def of_milestone(self, pilot: Pilot, colour: Colour, key: int) -> LightLink | None:
        own = [item for item in self.found[pilot.pk] if item.follow_up.cause_milestone_id == key]
        return self.link(pilot, colour, own, milestone=str(key))

    def link(self, pilot: Pilot, colour: Colour, own: Sequence[FollowUpStatus], **cause: str) -> LightLink | None:
        if own:
            return open_link(own)
        if colour != Colour.RED or not self.may_open:
            return None
        query = urlencode({"pilot": pilot.slug, **cause})
        return LightLink(_("Open a follow-up"), f"{reverse('action-new')}?{query}", opens=True)

    def column(self, link: Callable[[Item], LightLink | None]) -> Column[Item]:
        """Return the column of a table of lights."""
        return Column("follow_up", _("Follow-up"), lambda item: cell_of(link(item)))

    def columns(self, link: Callable[[Item], LightLink | None]) -> list[Column[Item]]:
        """Return the column, or none where there is nothing to show beside any light."""
        return [] if self.is_empty else [self.column(link)]


def cell_of(link: LightLink | None) -> Cell:
    return link.as_cell() if link else Cell("")


def open_link(own: Sequence[FollowUpStatus]) -> LightLink:
    """Return the link to the open follow-up that is due first, and how many more there are."""
    first = own[0]
    text = open_text(first)
    if len(own) > 1:
        more = ngettext("%(n)d more", "%(n)d more", len(own) - 1) % {"n": len(own) - 1}
        text = join_clauses([text, more])
    return LightLink(text, first.follow_up.get_absolute_url())


def open_text(status: FollowUpStatus) -> str:
    """Return the number of an open follow-up with its due date: `follow-up 2026-017, due 3 December 2026`."""
    params = {"number": status.follow_up.number, "day": format_day(status.due_on)}
    if status.state == FollowUpState.REPORTED:
        return _("follow-up %(number)s, to be verified") % params
    if status.overdue:
        return _("follow-up %(number)s, overdue since %(day)s") % params
    return _("follow-up %(number)s, due %(day)s") % params
