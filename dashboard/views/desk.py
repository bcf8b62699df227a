"""Home page of editors: what is due, red and not reported among the pilots that they may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from django.contrib.auth.decorators import login_required
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http.request import TrackerRequest
from core.pages import Page, page_view
from core.permissions import editor_province
from core.spreadsheets.page_exports import Export, Exports
from core.text.joining import join_clauses, label_value
from core.web.tables import Cell, Column, Table, make_table
from dashboard.charts.attention import attention_columns
from pilots.analytics.pilot_status import MilestoneStatus, PilotStatus, Progress, build_progress, first_reporting_year
from pilots.charts.follow_up_tables import RELATED, follow_ups_table
from pilots.charts.links import pilots_url
from pilots.charts.names import distinct_names_of, pilot_cell
from pilots.follow_ups.analytics import FollowUpStatus, build_follow_ups
from pilots.follow_ups.status_filter import by_lateness, waits_for
from pilots.metrics.follow_up_states import FollowUpState
from pilots.metrics.lights import DUE_SOON_DAYS, Colour
from pilots.metrics.progress import year_due
from pilots.models import FollowUp, Pilot
from pilots.models.follow_up import VERIFY_PERMISSION
from policies.charts.cells import province_cell
from policies.models import Province

ROWS_SHOWN = 25  # rows of each list; its file has all of them


@login_required
@page_view("dashboard/desk.html", cached=False)
def desk(request: TrackerRequest) -> Page | HttpResponseRedirect:
    """Show the open work of an editor; a user without permission to edit is redirected to the overview."""
    if not request.user.is_staff:
        return HttpResponseRedirect(reverse("overview"))
    as_of, home = request.as_of, editor_province(request.user)
    pilots = Pilot.objects.listed(as_of)
    progress = build_progress(pilots.filter(province=home) if home else pilots, as_of)
    names = distinct_names_of(progress)
    due, red, missing = milestones_due(progress), pilots_of_colour(progress, Colour.RED), not_reported(progress)
    follow_ups = follow_up_lists(request, home)
    missing_title = _("Not reported for %(year)d") % {"year": year_due(as_of)}
    due_title = _("Milestones overdue or due within %(n)d days") % {"n": DUE_SOON_DAYS}
    tables: Exports = {
        **{
            slug: Export(title, partial(follow_ups_table, found, DESK_WITHOUT))
            for slug, title, found, _none in follow_ups
        },
        "missing": Export(missing_title, lambda: missing_table(missing, names)),
        "red": Export(_("Red lights"), lambda: red_table(red, names, home)),
        "due": Export(due_title, lambda: due_table(due, names)),
    }

    def context() -> dict[str, object]:
        return {
            "home": home,
            "all_url": pilots_url(province=home.slug) if home else reverse("pilot-list"),
            "lists": [
                *(
                    desk_list(slug, title, follow_ups_table(found, DESK_WITHOUT), none)
                    for slug, title, found, none in follow_ups
                ),
                desk_list(
                    "missing", tables["missing"].title, missing_table(missing, names), _("Every pilot has reported.")
                ),
                desk_list("red", tables["red"].title, red_table(red, names, home), _("No pilot is red.")),
                desk_list("due", tables["due"].title, due_table(due, names), _("No milestone is overdue or due soon.")),
            ],
        }

    waiting = sum(len(found) for _slug, _title, found, _none in follow_ups)
    return Page(_("My work"), desk_headline(progress, home, red, missing, due, waiting), tables, context)


DESK_WITHOUT = ("kind", "result", "opened", "province")


def follow_up_lists(
    request: TrackerRequest, home: Province | None
) -> list[tuple[str, str, Sequence[FollowUpStatus], str]]:
    """Return the lists of follow-ups that wait for the user, each with its slug, title and the text when it is empty.

    A province's editors sign for and report them, and see the lists that are not empty; the ministry verifies.
    """
    rows = FollowUp.objects.with_state(request.as_of).open().select_related(*RELATED)
    if home:
        rows = rows.filter(province=home)
    statuses = by_lateness(build_follow_ups(rows, request.as_of))
    waiting = [item for item in statuses if waits_for(item, request.user)]
    if request.user.has_perm(VERIFY_PERMISSION):
        return [("verify", _("Follow-ups to verify"), waiting, _("No follow-up waits to be verified."))]
    overdue = [item for item in waiting if item.overdue]
    others = [item for item in waiting if not item.overdue]
    to_sign = [item for item in others if item.state == FollowUpState.OPENED]
    to_report = [item for item in others if item.state == FollowUpState.RECEIVED]
    found = [
        ("overdue", _("Follow-ups overdue"), overdue, ""),
        ("to-sign", _("Follow-ups to sign for"), to_sign, ""),
        ("to-report", _("Follow-ups in progress"), to_report, ""),
    ]
    none = ("follow-ups", _("Follow-ups"), waiting, _("No follow-up waits for you."))
    return [item for item in found if item[2]] or [none]


def desk_list(slug: str, title: str, table: Table, empty: str) -> dict[str, object]:
    """Return the context of a list: its first rows, their total, and the text when it is empty."""
    count = len(table.rows)
    return {
        "slug": slug,
        "title": title,
        "table": Table(table.columns, table.rows[:ROWS_SHOWN], table.full_list_url),
        "count": count,
        "more": max(0, count - ROWS_SHOWN),
        "empty": empty,
    }


def desk_headline(
    progress: Progress,
    home: Province | None,
    red: Sequence[PilotStatus],
    missing: Sequence[PilotStatus],
    due: Sequence[tuple[PilotStatus, MilestoneStatus]],
    waiting: int,
) -> str:
    """Return the headline: number of pilots, and their open work."""
    count, late = len(progress.pilots), sum(item.due for _status, item in due)
    found = join_clauses(
        [
            ngettext("%(n)d pilot", "%(n)d pilots", count) % {"n": count},
            _("%(n)d not reported for %(year)d") % {"n": len(missing), "year": year_due(progress.as_of)},
            _("%(n)d red") % {"n": len(red)},
            ngettext("%(n)d milestone overdue", "%(n)d milestones overdue", late) % {"n": late},
            *(
                [ngettext("%(n)d follow-up waiting", "%(n)d follow-ups waiting", waiting) % {"n": waiting}]
                * (waiting > 0)
            ),
        ]
    )
    return label_value(home.short, found) if home else found


# -- the lists -----------------------------------------------------------------------------------


def not_reported(progress: Progress) -> list[PilotStatus]:
    """Return the pilots that owe values for the last year due and have none accepted."""
    year = year_due(progress.as_of)
    return [item for item in progress.pilots if not item.reported and first_reporting_year(item.pilot) <= year]


def pilots_of_colour(progress: Progress, colour: Colour) -> list[PilotStatus]:
    """Return the pilots of a colour, longest in it first."""
    return [item for item in progress.attention() if item.colour == colour]


def milestones_due(progress: Progress) -> list[tuple[PilotStatus, MilestoneStatus]]:
    """Return the open milestones that are overdue or due soon (as their light says), earliest first."""
    last = progress.as_of + timedelta(DUE_SOON_DAYS)
    found = [
        (status, item)
        for status in progress.pilots
        for item in status.milestones
        if not item.done and item.milestone.planned_on <= last
    ]
    return sorted(found, key=lambda pair: (pair[1].milestone.planned_on, pair[1].milestone.pk))


def missing_table(missing: Sequence[PilotStatus], names: Mapping[int, str]) -> Table:
    columns: list[Column[PilotStatus]] = [
        Column("pilot", _("Pilot"), lambda item: pilot_cell(item.pilot, names)),
        Column("province", _("Province"), lambda item: province_cell(item.pilot.province)),
        Column("enter", _("What to do"), enter_readings_cell),
    ]
    return make_table(columns, missing)


def enter_readings_cell(item: PilotStatus) -> Cell:
    return Cell(_("Enter readings"), url=reverse("admin:pilots_pilot_readings", args=[item.pilot.pk]))


def red_table(red: Sequence[PilotStatus], names: Mapping[int, str], home: Province | None) -> Table:
    place = {"province": home.slug} if home else {}
    whole = pilots_url(**place, light=Colour.RED.value)
    return make_table(attention_columns(names, _("Days late")), red, whole)


def due_table(due: Sequence[tuple[PilotStatus, MilestoneStatus]], names: Mapping[int, str]) -> Table:
    columns: list[Column[tuple[PilotStatus, MilestoneStatus]]] = [
        Column("milestone", _("Milestone"), milestone_cell),
        Column("pilot", _("Pilot"), lambda row: pilot_cell(row[0].pilot, names)),
        Column("planned", _("Planned on"), lambda row: row[1].milestone.planned_on, kind="date"),
        Column(
            "late",
            _("Days late"),
            lambda row: max((row[0].as_of - row[1].milestone.planned_on).days, 0) or "",
            kind="integer",
        ),
        Column("owner", _("Responsible"), lambda row: row[1].milestone.owner),
        Column("edit", _("What to do"), edit_milestone_cell),
    ]
    return make_table(columns, due)


def milestone_cell(row: tuple[PilotStatus, MilestoneStatus]) -> Cell:
    """Return a milestone linked to its row on the pilot's page."""
    milestone = row[1].milestone
    url = f"{row[0].pilot.get_absolute_url()}#milestone-{milestone.pk}"
    return Cell(milestone.name, lang=milestone.name_lang, url=url)


def edit_milestone_cell(row: tuple[PilotStatus, MilestoneStatus]) -> Cell:
    return Cell(_("Edit"), url=reverse("admin:pilots_milestone_change", args=[row[1].milestone.pk]))
