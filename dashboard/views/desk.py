"""What waits for a user: the home page of editors, and the settings of its mail."""

from collections.abc import Callable
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.calendars import CALENDARS, CalendarList, calendar_response
from core.days import today
from core.http import TrackerRequest
from core.pages import CalendarWriter, Export, Exports, export_response, page, private_page
from core.permissions import editor_province
from core.tables import Cell, Column, Table, make_table, record_cell, reject_unknown_params
from core.text import OWN_LANGUAGE_NAMES, in_reader_language, join_clauses, label_value
from dashboard.analytics.open_work import (
    Answer,
    OpenWork,
    WorkList,
    amendment_url,
    judging_url,
    list_titles,
    not_given_url,
    promise_name,
    promise_url,
    promised_text,
)
from dashboard.models import MailSettings, Told, WorkingCalendar
from dashboard.overview.services import attention_columns
from dashboard.reminders import settings_of
from pilots.amendments import wanted_text
from pilots.charts.calendars import follow_up_events, milestone_events
from pilots.charts.cells import by_hand_text, name_beside, pilots_url
from pilots.follow_ups.tables import follow_ups_table
from pilots.lights import Colour, ReportState
from pilots.metrics import year_due
from pilots.models import Amendment, Milestone, Pilot
from policies.tables import province_cell

ROWS_SHOWN = 25  # rows of each list; its file has all of them
DESK_WITHOUT = ("kind", "result", "opened", "province")
MAILS_SHOWN = 20
PARAMS = {"lang", "as_of", "known"}  # of the settings


@login_required
@page(cached=False)
def desk(request: TrackerRequest) -> HttpResponseBase:
    """Show the open work of an editor; a user without permission to edit is redirected to the overview."""
    if not request.user.is_staff:
        return HttpResponseRedirect(reverse("overview"))
    home = editor_province(request.user)
    work = OpenWork(request.as_of, home)
    lists, titles = work.lists_of(request.user), list_titles(work.as_of)
    tables: Exports = {item.slug: Export(titles[item.slug], partial(work_table, item, work)) for item in lists}

    count, counts = work.progress.n, {item.slug: item.count for item in lists}
    late = work.progress.lit.aggregate(n=Sum("light_milestones_late", default=0))["n"]
    waiting = sum(counts.get(slug, 0) for slug in FOLLOW_UP_LISTS)
    parts = [
        ngettext("%(n)d pilot", "%(n)d pilots", count) % {"n": count},
        _("%(n)d not reported for %(year)d") % {"n": counts["missing"], "year": year_due(work.as_of)},
        _("%(n)d red") % {"n": counts["red"]},
        *filter(None, [by_hand_text(work.progress.now.by_hand)]),
        ngettext("%(n)d milestone overdue", "%(n)d milestones overdue", late) % {"n": late},
    ]
    if waiting:
        parts.append(ngettext("%(n)d follow-up waiting", "%(n)d follow-ups waiting", waiting) % {"n": waiting})
    title, headline = _("My work"), label_value(home.short, join_clauses(parts)) if home else join_clauses(parts)
    return export_response(request, tables, title, headline, desk_calendar(request, request.user)) or render(
        request,
        "dashboard/desk.html",
        {
            "title": title,
            "finding": headline,
            "home": home,
            "all_url": pilots_url(province=home.slug) if home else reverse("pilot-list"),
            "unknown_year": work.calendar.unknown_year_text(work.as_of.year),
            "lists": [
                {
                    "slug": item.slug,
                    "title": titles[item.slug],
                    "table": work_table(item, work, ROWS_SHOWN),
                    "count": item.count,
                    "more": max(0, item.count - ROWS_SHOWN),
                    "empty": item.empty,
                }
                for item in lists
            ],
        },
    )


def desk_calendar(_request: TrackerRequest, user: Any) -> CalendarWriter:
    """Return the calendar of a user's open work."""

    def calendar(request: TrackerRequest) -> HttpResponse:
        work = OpenWork(request.as_of, editor_province(user))
        pilots: Any = work.progress.rows.values("pk")
        mine = [s for item in work.lists_of(user) if item.slug in FOLLOW_UP_LISTS for s in item.items]
        events = chain(milestone_events(pilots, work.as_of), follow_up_events(mine))
        return calendar_response(request, _("My work"), events)

    return calendar


CALENDARS["desk"] = CalendarList("desk", gettext_lazy("My work"), desk_calendar, staff_only=True)


# -- the tables of the lists -----------------------------------------------------------------------------

FOLLOW_UP_LISTS = ("verify", "returned", "overdue", "to-sign", "to-report")
"""Lists of the follow-ups whose next step is the user's."""


def work_table(item: WorkList, work: OpenWork, most: int | None = None) -> Table:
    """Return the table of a list, or of its first rows."""
    rows, home = item.items[:most], work.home
    if item.slug == "red":
        statuses = work.progress.statuses(rows)
        whole = pilots_url(**({"province": home.slug} if home else {}), light=Colour.RED.value)
        return make_table(attention_columns(work.shared_names), statuses, whole)
    columns = desk_columns(work).get(item.slug)
    return make_table(columns, rows, item.url) if columns else follow_ups_table(rows, DESK_WITHOUT)


def milestone_cell(milestone: Milestone) -> Cell:
    return Cell(milestone.name, lang=milestone.name_lang, url=promise_url(milestone))


def completion_cell(milestone: Milestone, *, enters_stages: bool = False) -> Cell:
    """Return the link to the form by which it is completed: of a stage for those alone who enter stages."""
    if milestone.stage and not enters_stages:
        return Cell("")
    text = _("Enter the stage") if milestone.stage else _("Enter the completion")
    return Cell(text, url=reverse("milestone-done", args=[milestone.pilot.slug, milestone.pk]))


def desk_columns(work: OpenWork) -> dict[str, list[Column[Any]]]:
    """Return the columns of the lists that are of neither follow-ups nor red pilots, by slug."""
    as_of, enters_stages = work.as_of, work.home is None

    def cell(pilot: Pilot) -> Cell:
        return Cell(name_beside(work.shared_names, pilot), url=pilot.get_absolute_url(), lang=pilot.name_lang)

    itself: Column[Any] = Column("pilot", _("Pilot"), cell)
    own: Column[Any] = Column("pilot", _("Pilot"), lambda row: cell(row.pilot))
    asked: list[Column[Amendment]] = [
        Column("item", _("Milestone or target"), lambda row: Cell(promise_name(row.item), url=amendment_url(row))),
        own,
        Column("wanted", _("Asked for"), wanted_text),
        Column("why", _("Why"), attrgetter("reason")),
        Column("asked", _("Asked for on"), attrgetter("asked_on"), kind="date"),
    ]
    answers: list[Column[Answer]] = [
        Column("value", _("Value"), lambda item: Cell(f"{item.row.indicator} {item.period}", url=item.url)),
        own,
        Column("why", _("Why"), attrgetter("reason")),
    ]

    def to_do(text: str, url: Callable[[Any], str]) -> Column[Any]:
        return Column("to-do", _("What to do"), lambda item: Cell(text, url=url(item)))

    return {
        "missing": [
            itself,
            Column("province", _("Province"), lambda pilot: province_cell(pilot.province)),
            Column("where", _("Held up"), lambda pilot: str(ReportState(pilot.light_outstanding).label)),
            to_do(_("Enter readings"), lambda pilot: reverse("readings-enter", args=[pilot.slug])),
        ],
        "due": [
            Column("milestone", _("Milestone"), milestone_cell),
            own,
            Column("planned", _("Planned on"), attrgetter("planned_then"), kind="date"),
            Column("late", _("Days late"), lambda row: max((as_of - row.planned_then).days, 0) or "", kind="integer"),
            Column("owner", _("Responsible"), lambda row: Cell(row.owner, page_text=in_reader_language(row.owner))),
            Column("to-do", _("What to do"), lambda row: completion_cell(row, enters_stages=enters_stages)),
        ],
        "amendments": [*asked, to_do(_("Look and decide"), amendment_url)],
        "promises": [
            Column("item", _("Milestone or target"), lambda row: Cell(promise_name(row), url=row.entry_url("-answer"))),
            own,
            Column("wanted", _("To be promised"), lambda row: promised_text(row, as_of)),
            Column("asked", _("Asked for on"), attrgetter("asked_on"), kind="date"),
            to_do(_("Look and decide"), lambda row: row.entry_url("-answer")),
        ],
        "amendments-refused": [
            *asked,
            Column("refused", _("Refused on"), attrgetter("decided_on"), kind="date"),
            Column("remark", _("Remark"), attrgetter("remark")),
        ],
        "values-returned": [
            *answers,
            Column("returned", _("Returned on"), attrgetter("on"), kind="date"),
            Column("answer_by", _("Answer by"), attrgetter("row.answer_by"), kind="date"),
            to_do(_("Answer"), attrgetter("url")),
        ],
        "values-disputed": [
            *answers,
            Column("disputed", _("Disputed on"), attrgetter("on"), kind="date"),
            to_do(_("Answer"), attrgetter("url")),
        ],
        "objected": [
            Column("milestone", _("Milestone"), lambda row: milestone_cell(row.milestone)),
            own,
            Column("why", _("Objection"), attrgetter("objection")),
            Column("objected", _("Objected on"), attrgetter("objected_on"), kind="date"),
            Column("to-do", _("What to do"), lambda row: completion_cell(row.milestone)),
        ],
        "take-in": [
            Column("practice", _("Practice"), record_cell),
            Column("province", _("Province"), lambda row: province_cell(row.province) if row.province else Cell("")),
            Column("proposed", _("Proposed on"), attrgetter("proposed_on"), kind="date"),
        ],
        "not-given": [
            Column("value", _("Value"), lambda item: Cell(str(item), url=not_given_url(item))),
            own,
            Column("reported", _("Reported on"), attrgetter("reported_on"), kind="date"),
            to_do(_("Look and decide"), not_given_url),
        ],
        "review": [
            itself,
            Column("province", _("Province"), lambda pilot: province_cell(pilot.province)),
            Column("values", _("Values"), attrgetter("n"), kind="integer"),
            Column("reported", _("First reported on"), attrgetter("first_on"), kind="date"),
            to_do(_("Look and decide"), judging_url),
        ],
    }


class MailSettingsForm(forms.ModelForm):
    """Rhythm and language of a user's mail. Saving it has a refused address tried again."""

    class Meta:
        model = MailSettings
        fields = ["rhythm", "language"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = list(OWN_LANGUAGE_NAMES.items())  # type: ignore[attr-defined]

    def save(self, commit: bool = True) -> Any:
        self.instance.refused_address = ""
        return super().save(commit)


@private_page
def reminders(request: HttpRequest) -> HttpResponse:
    """Show and set how often and in which language the user gets mail, and what was sent lately."""
    reject_unknown_params(request, PARAMS)
    user: Any = request.user
    chosen = settings_of(user)
    form = MailSettingsForm(request.POST or None, instance=chosen, label_suffix="")
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Your settings of reminders are saved."))
        return redirect("reminders")
    context = {
        "title": _("Reminders by mail"),
        "crumbs": [{"url": "account", "label": _("Your account")}, {"label": _("Reminders by mail")}],
        "person": user,
        "form": form,
        "unknown_year": WorkingCalendar().unknown_year_text(today().year),
        "refused": chosen.refused_address if chosen.refused_address == user.email else "",
        "mails": Told.objects.filter(user=user, thing=Told.DIGEST).order_by("-day")[:MAILS_SHOWN],
        "sends": settings.MAIL,
    }
    return render(request, "dashboard/reminders/settings.html", context)
