"""The home page of an editor: what is due, red and not reported among the pilots that the editor may enter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Column, Table
from config.lists import PAGE_WORDS, Export, Exports, check_words, exported
from config.words import clauses, labelled
from pilots.charts import names_in, pilot_cell, pilots_url
from pilots.charts.attention import attention_cells
from pilots.metrics import SOON_DAYS, Colour, year_due
from pilots.models import Pilot
from pilots.progress import MilestoneStatus, PilotStatus, Progress, build_progress, first_year
from policies.models import Province, home_of

SHOWN = 25  # rows of each list; its file holds all of them


@login_required
def desk(request: HttpRequest) -> HttpResponseBase:
    """What waits for an editor; a user who may edit nothing is redirected to the overview."""
    check_words(request, PAGE_WORDS)
    if not request.user.is_staff:
        return HttpResponseRedirect(reverse("overview"))
    as_of, home = request.as_of, home_of(request.user)  # type: ignore[attr-defined]
    pilots = Pilot.objects.listed(as_of)
    progress = build_progress(pilots.filter(province=home) if home else pilots, as_of)
    names = names_in(progress)
    due, red, missing = milestones_due(progress), of_colour(progress, Colour.RED), not_reported(progress)
    missing_title = _("Not reported for %(year)d") % {"year": year_due(as_of)}
    due_title = _("Milestones overdue or due within %(n)d days") % {"n": SOON_DAYS}
    finding = desk_finding(progress, home, red, missing, due)
    tables: Exports = {
        "missing": Export(missing_title, lambda: missing_table(missing, names)),
        "red": Export(_("Red lights"), lambda: red_table(red, names, home)),
        "due": Export(due_title, lambda: due_table(due, names)),
    }
    file = exported(request, tables, _("My work"), finding)
    if file is not None:
        return file
    context = {
        "title": _("My work"),
        "finding": finding,
        "home": home,
        "all_url": pilots_url(province=home.slug) if home else reverse("pilot-list"),
        "lists": [
            shown("missing", tables["missing"].title, missing_table(missing, names), _("Every pilot has reported.")),
            shown("red", tables["red"].title, red_table(red, names, home), _("No pilot is red.")),
            shown("due", tables["due"].title, due_table(due, names), _("No milestone is overdue or due soon.")),
        ],
    }
    return render(request, "desk.html", context)


def shown(slug: str, title: str, table: Table, empty: str) -> dict[str, Any]:
    """The first rows of a list, how many it has, and what is said when it has none."""
    count = len(table.rows)
    return {
        "slug": slug,
        "title": title,
        "table": Table(table.columns, table.rows[:SHOWN], table.everything),
        "count": count,
        "more": max(0, count - SHOWN),
        "empty": empty,
    }


def desk_finding(
    progress: Progress,
    home: Province | None,
    red: Sequence[PilotStatus],
    missing: Sequence[PilotStatus],
    due: Sequence[tuple[PilotStatus, MilestoneStatus]],
) -> str:
    """One sentence: how many pilots, and what of them waits."""
    count, late = len(progress.pilots), sum(item.due for _status, item in due)
    found = clauses(
        [
            ngettext("%(n)d pilot", "%(n)d pilots", count) % {"n": count},
            _("%(n)d not reported for %(year)d") % {"n": len(missing), "year": year_due(progress.as_of)},
            _("%(n)d red") % {"n": len(red)},
            ngettext("%(n)d milestone overdue", "%(n)d milestones overdue", late) % {"n": late},
        ]
    )
    return labelled(home.short, found) if home else found


# -- the three lists -----------------------------------------------------------------------------------


def not_reported(progress: Progress) -> list[PilotStatus]:
    """Pilots that owe values for the last year due and have none accepted."""
    year = year_due(progress.as_of)
    return [item for item in progress.pilots if not item.reported and first_year(item.pilot) <= year]


def of_colour(progress: Progress, colour: Colour) -> list[PilotStatus]:
    """Pilots of a colour, longest in it first."""
    return [item for item in progress.attention() if item.colour == colour]


def milestones_due(progress: Progress) -> list[tuple[PilotStatus, MilestoneStatus]]:
    """Milestones not done that are overdue, or due within the days for which a light says so; earliest first."""
    last = progress.as_of + timedelta(SOON_DAYS)
    found = [
        (status, item)
        for status in progress.pilots
        for item in status.milestones
        if not item.done and item.milestone.planned_on <= last
    ]
    return sorted(found, key=lambda pair: (pair[1].milestone.planned_on, pair[1].milestone.pk))


def missing_table(missing: Sequence[PilotStatus], names: Mapping[int, str]) -> Table:
    columns = [Column("pilot", _("Pilot")), Column("province", _("Province")), Column("enter", _("What to do"))]
    rows = [
        [
            pilot_cell(item.pilot, names),
            province_cell(item.pilot.province),
            Cell(_("Enter readings"), url=reverse("admin:pilots_pilot_readings", args=[item.pilot.pk])),
        ]
        for item in missing
    ]
    return Table(columns, rows)


def red_table(red: Sequence[PilotStatus], names: Mapping[int, str], home: Province | None) -> Table:
    columns = [
        Column("pilot", _("Pilot")),
        Column("light", _("Light")),
        Column("why", _("Why")),
        Column("owner", _("Responsible")),
        Column("days", _("Days late"), "integer"),
        Column("since", _("Since"), "date"),
    ]
    place = {"province": home.slug} if home else {}
    whole = pilots_url(**place, light=Colour.RED.value)
    return Table(columns, [attention_cells(item, names) for item in red], whole)


def due_table(due: Sequence[tuple[PilotStatus, MilestoneStatus]], names: Mapping[int, str]) -> Table:
    columns = [
        Column("milestone", _("Milestone")),
        Column("pilot", _("Pilot")),
        Column("planned", _("Planned on"), "date"),
        Column("late", _("Days late"), "integer"),
        Column("owner", _("Responsible")),
        Column("edit", _("What to do")),
    ]
    return Table(columns, [due_cells(status, item, names) for status, item in due])


def due_cells(status: PilotStatus, item: MilestoneStatus, names: Mapping[int, str]) -> list[Cell]:
    milestone = item.milestone
    late = (status.as_of - milestone.planned_on).days
    page = status.pilot.get_absolute_url()
    return [
        Cell(milestone.name, lang=milestone.name_lang, url=f"{page}#milestone-{milestone.pk}"),
        pilot_cell(status.pilot, names),
        Cell(milestone.planned_on),
        Cell(late if late > 0 else ""),
        Cell(milestone.owner),
        Cell(_("Edit"), url=reverse("admin:pilots_milestone_change", args=[milestone.pk])),
    ]


def province_cell(province: Province) -> Cell:
    return Cell(province.short, url=province.get_absolute_url())
