"""What waits for a user: the home page of editors, and the settings of its mail."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
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
    Request,
    WorkList,
    build_open_work,
    judging_url,
    list_titles,
    not_given_url,
)
from dashboard.models import MailSettings, Told, WorkingCalendar
from dashboard.overview.services import attention_columns
from dashboard.reminders import settings_of
from pilots.analytics.synergy import classes_of
from pilots.charts.calendars import follow_up_events, milestone_events
from pilots.charts.cells import by_hand_text, distinct_names_of, pilot_cell, pilots_url
from pilots.follow_ups.tables import follow_ups_table
from pilots.lights import Colour, Light
from pilots.metrics import year_due
from pilots.models import Completion, Milestone, Practice
from policies.models import Province
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
    work = build_open_work(request.as_of, home)
    lists = work.lists_of(request.user)
    names, titles = distinct_names_of(work.progress), list_titles(work.as_of)
    tables: Exports = {item.slug: Export(titles[item.slug], partial(work_table, item, names, home)) for item in lists}

    count, late = len(work.progress.pilots), sum(row.due for row in work.milestones_due)
    waiting = sum(len(item.items) for item in lists if item.slug in FOLLOW_UP_LISTS)
    parts = [
        ngettext("%(n)d pilot", "%(n)d pilots", count) % {"n": count},
        _("%(n)d not reported for %(year)d") % {"n": len(work.missing), "year": year_due(work.as_of)},
        _("%(n)d red") % {"n": len(work.red)},
        *filter(None, [by_hand_text(work.progress.by_hand)]),
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
                    "table": Table(table.columns, table.rows[:ROWS_SHOWN], table.full_list_url),
                    "count": len(table.rows),
                    "more": max(0, len(table.rows) - ROWS_SHOWN),
                    "empty": item.empty,
                }
                for item in lists
                for table in [work_table(item, names, home)]
            ],
        },
    )


def desk_calendar(_request: TrackerRequest, user: Any) -> CalendarWriter:
    """Return the calendar of a user's open work."""

    def calendar(request: TrackerRequest) -> HttpResponse:
        work = build_open_work(request.as_of, editor_province(user))
        pilots = [status.pilot.pk for status in work.progress.pilots]
        mine = [s for item in work.lists_of(user) if item.slug in FOLLOW_UP_LISTS for s in item.items]
        events = chain(milestone_events(pilots, work.as_of), follow_up_events(mine))
        return calendar_response(request, _("My work"), events)

    return calendar


CALENDARS["desk"] = CalendarList("desk", gettext_lazy("My work"), desk_calendar, staff_only=True)


# -- the tables of the lists -----------------------------------------------------------------------------

FOLLOW_UP_LISTS = ("verify", "returned", "overdue", "to-sign", "to-report")
"""Lists of the follow-ups whose next step is the user's."""


def work_table(item: WorkList, names: Mapping[int, str], home: Province | None) -> Table:
    """Return the table of a list."""
    columns = desk_columns(names, enters_stages=home is None).get(item.slug)
    if columns is not None:
        return make_table(columns, item.items, item.url)
    if item.slug == "red":
        own_province = {"province": home.slug} if home else {}
        whole = pilots_url(**own_province, light=Colour.RED.value)
        keys = [status.pilot.pk for status in item.items]
        classes = classes_of(keys, item.items[0].as_of) if keys else {}
        return make_table(attention_columns(names, classes), item.items, whole)
    return follow_ups_table(item.items, DESK_WITHOUT)


def milestone_cell(light: Light) -> Cell:
    return Cell(light.record.name, lang=light.record.name_lang, url=light.url)


def completion_cell(milestone: Milestone, *, enters_stages: bool = False) -> Cell:
    """Return the link to the form by which it is completed: of a stage for those alone who enter stages."""
    if milestone.stage and not enters_stages:
        return Cell("")
    text = _("Enter the stage") if milestone.stage else _("Enter the completion")
    return Cell(text, url=reverse("milestone-done", args=[milestone.pilot.slug, milestone.pk]))


def desk_columns(names: Mapping[int, str], *, enters_stages: bool) -> dict[str, list[Column[Any]]]:
    """Return the columns of the lists that are not of follow-ups, by slug."""
    requests: list[Column[Request]] = [
        Column("item", _("Milestone or target"), lambda row: Cell(row.name, url=row.url)),
        Column("pilot", _("Pilot"), lambda row: pilot_cell(row.status.pilot, names)),
    ]
    asked: list[Column[Request]] = [
        *requests,
        Column("wanted", _("Asked for"), attrgetter("text")),
        Column("why", _("Why"), attrgetter("amendment.reason")),
        Column("asked", _("Asked for on"), attrgetter("asked_on"), kind="date"),
    ]
    answers: list[Column[Answer]] = [
        Column("value", _("Value"), lambda item: Cell(f"{item.row.indicator} {item.period}", url=item.url)),
        Column("pilot", _("Pilot"), lambda item: pilot_cell(item.row.pilot, names)),
        Column("why", _("Why"), attrgetter("reason")),
    ]
    practices: list[Column[Practice]] = [
        Column("practice", _("Practice"), record_cell),
        Column("province", _("Province"), lambda item: province_cell(item.province) if item.province_id else Cell("")),
        Column("proposed", _("Proposed on"), lambda item: item.proposed_on, kind="date"),
    ]

    milestones: list[Column[tuple[Light, Completion]]] = [
        Column("milestone", _("Milestone"), lambda row: milestone_cell(row[0])),
        Column("pilot", _("Pilot"), lambda row: pilot_cell(row[0].record.pilot, names)),
    ]

    def to_do(text: str, url: Callable[[Any], str]) -> Column[Any]:
        return Column("to-do", _("What to do"), lambda item: Cell(text, url=url(item)))

    return {
        "missing": [
            Column("pilot", _("Pilot"), lambda item: pilot_cell(item.pilot, names)),
            Column("province", _("Province"), lambda item: province_cell(item.pilot.province)),
            Column("where", _("Held up"), lambda item: str(item.outstanding.label)),
            to_do(_("Enter readings"), lambda item: reverse("readings-enter", args=[item.pilot.slug])),
        ],
        "due": [
            Column("milestone", _("Milestone"), milestone_cell),
            Column("pilot", _("Pilot"), lambda row: pilot_cell(row.record.pilot, names)),
            Column("planned", _("Planned on"), lambda row: row.planned_on, kind="date"),
            Column("late", _("Days late"), lambda row: max(row.delay or 0, 0) or "", kind="integer"),
            Column(
                "owner",
                _("Responsible"),
                lambda row: Cell(row.record.owner, page_text=in_reader_language(row.record.owner)),
            ),
            Column("to-do", _("What to do"), lambda row: completion_cell(row.record, enters_stages=enters_stages)),
        ],
        "amendments": [*asked, to_do(_("Look and decide"), attrgetter("url"))],
        "promises": [
            *requests,
            Column("wanted", _("To be promised"), attrgetter("text")),
            Column("asked", _("Asked for on"), attrgetter("asked_on"), kind="date"),
            to_do(_("Look and decide"), attrgetter("url")),
        ],
        "amendments-refused": [
            *asked,
            Column("refused", _("Refused on"), attrgetter("amendment.decided_on"), kind="date"),
            Column("remark", _("Remark"), attrgetter("amendment.remark")),
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
            *milestones,
            Column("why", _("Objection"), lambda row: row[1].objection),
            Column("objected", _("Objected on"), lambda row: row[1].objected_on, kind="date"),
            Column("to-do", _("What to do"), lambda row: completion_cell(row[0].record)),
        ],
        "take-in": practices,
        "not-given": [
            Column("value", _("Value"), lambda item: Cell(str(item), url=not_given_url(item))),
            Column("pilot", _("Pilot"), lambda item: pilot_cell(item.pilot, names)),
            Column("reported", _("Reported on"), attrgetter("reported_on"), kind="date"),
            to_do(_("Look and decide"), not_given_url),
        ],
        "review": [
            Column("pilot", _("Pilot"), lambda values: pilot_cell(values[0].pilot, names)),
            Column("province", _("Province"), lambda values: province_cell(values[0].pilot.province)),
            Column("values", _("Values"), len, kind="integer"),
            Column("reported", _("First reported on"), lambda values: values[0].reported_on, kind="date"),
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
