"""Pages of follow-ups: the list, one with its steps, and the forms that open them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.feeds.lists import register_feed_list
from core.history.timeline import ENTRY_PARAMETER
from core.http.as_of import today
from core.http.menu import MenuEntry
from core.http.request import TrackerRequest
from core.pages import Page, page_response, page_view
from core.permissions import can_see_authors, has_object_permission
from core.spreadsheets.page_exports import Export, Exports, chart_exports, figures_export
from core.text.formatting import format_days
from core.text.joining import join_clauses
from core.web.list_pages import PAGE_PARAMETERS, build_list_page, keys_of
from pilots.charts.feeds import follow_up_feeds
from pilots.charts.follow_up_tables import (
    RELATED,
    cause_text,
    cause_url,
    follow_up_columns,
    may_open_follow_ups,
    result_text,
)
from pilots.charts.follow_ups import (
    charts_of_follow_ups,
    follow_up_figures,
    follow_ups_headline,
    follow_ups_url,
    to_verify_text,
)
from pilots.documents.analytics import build_record_files
from pilots.filters import FollowUpPageFilter
from pilots.follow_ups.analytics import (
    FollowUpStatus,
    build_follow_ups,
    build_summary,
    count_red_lights,
    follow_up_status,
)
from pilots.follow_ups.prefill import DAYS_TO_ACT, Proposal, propose
from pilots.follow_ups.services import RejectedFollowUpsError, StaleFollowUpError, open_follow_ups
from pilots.follow_ups.status_filter import FollowUpIndex
from pilots.forms.follow_ups import (
    MAX_ROWS,
    ROW_ERRORS,
    AssignmentFormSet,
    FollowUpForm,
    MeetingForm,
    StepForm,
    add_errors,
    subject_value,
    typed_values,
)
from pilots.metrics.follow_up_states import FollowUpState
from pilots.metrics.lights import Colour
from pilots.models import FollowUp, Indicator, Milestone, Pilot, Practice
from pilots.models.follow_up import VERIFY_PERMISSION
from pilots.views.timeline import follow_up_timeline
from policies.charts.rollout import format_day
from policies.models import Policy, Province, Source

register_feed_list("actions", "action-list", gettext_lazy("Follow-ups"), ["ics", "atom"])

# -- the list --------------------------------------------------------------------------------------------


@page_view(
    "follow_ups/list.html",
    {*PAGE_PARAMETERS, *FollowUpPageFilter.base_filters},
    menu=MenuEntry("action-list", gettext_lazy("Follow-ups"), place=5),
)
def action_list(request: TrackerRequest) -> Page:
    """List the follow-ups that exist on the day, with what became of red lights."""
    as_of = request.as_of
    rows = FollowUp.objects.filter(opened_on__lte=as_of).select_related(*RELATED)
    statuses = build_follow_ups(rows, as_of)
    index = FollowUpIndex(statuses, request.GET, request.user)
    filterset = FollowUpPageFilter(request.GET, queryset=rows, request=request)
    listing, whole = build_list_page(
        request,
        slug="follow-ups",
        filterset=filterset,
        columns=follow_up_columns(index.statuses),
        computed=index,
        visible_filters=("q", "state", "overdue", "province"),
        sort="-late",
        total=len(statuses),
        empty=_("No follow-up matches these filters."),
    )
    summary = build_summary(statuses, as_of)
    charts, figures = charts_of_follow_ups(count_red_lights(as_of, statuses), summary), follow_up_figures(summary)
    sources = Source.objects.filter(followup__in=rows).distinct()
    tables: Exports = {
        "follow-ups": Export(_("Follow-ups"), whole, listing.chips, sources=sources),
        **figures_export(figures),
        **chart_exports(charts),
    }

    def context() -> dict[str, object]:
        return {
            "listing": listing,
            "charts": charts,
            "figures": figures,
            "to_verify": to_verify_text(summary),
            "to_verify_url": follow_ups_url(state=FollowUpState.REPORTED) + "#results",
            "summary": summary,
            "may_open": may_open_follow_ups(request),
            "is_editor": request.user.is_staff,
        }

    feeds = follow_up_feeds(_("Follow-ups"), lambda: [index.statuses[key] for key in keys_of(listing)], as_of)
    return Page(_("Follow-ups"), follow_ups_headline(summary), tables, context, feeds=feeds)


# -- one follow-up ---------------------------------------------------------------------------------------


@page_view("follow_ups/detail.html", {*PAGE_PARAMETERS, ENTRY_PARAMETER, "sheet"}, cached=False)
def action_detail(request: TrackerRequest, number: str) -> Page | HttpResponseBase:
    """Show one follow-up with its steps, and the form of the moves that the user may make; a POST takes a step."""
    status = status_or_404(number, request.as_of)
    if request.method == "POST":
        return post_step(request, status)
    return detail_page(request, status, step_form(request, status))


def status_or_404(number: str, as_of: date) -> FollowUpStatus:
    rows = FollowUp.objects.select_related(*RELATED, "owner_user", "verifier").prefetch_related("sources")
    follow_up = get_object_or_404(rows, number=number)
    try:
        return follow_up_status(follow_up, as_of)
    except FollowUp.DoesNotExist:
        raise Http404 from None


def step_form(
    request: TrackerRequest, status: FollowUpStatus, typed: Mapping[str, Any] | None = None
) -> StepForm | None:
    """Return the form of the next step; None for readers who can take none, and on a past day."""
    user: Any = request.user
    if not user.is_authenticated or request.as_of_past:
        return None
    form = StepForm(status=status, user=user, typed=typed)
    return form if form.moves else None


def post_step(request: TrackerRequest, status: FollowUpStatus) -> HttpResponseBase:
    """Take the step that was sent, or show the form again with its errors and what was typed."""
    user: Any = request.user
    if request.as_of_past or not may_act(user, status.follow_up):
        raise PermissionDenied
    form = StepForm(request.POST, request.FILES, status=status, user=user)
    typed = typed_values(request.POST)
    try:
        if request.POST.get("seen_seq", "").isdecimal() and int(request.POST["seen_seq"]) != status.newest.seq:
            raise StaleFollowUpError(status.newest)
        step = form.take()
    except StaleFollowUpError as stale:
        fresh = status_or_404(status.follow_up.number, request.as_of)
        page = detail_page(request, fresh, step_form(request, fresh, typed), stale=str(stale), typed=typed)
        return answer(request, "follow_ups/detail.html", page, 409)
    if step is None:
        return answer(request, "follow_ups/detail.html", detail_page(request, status, form), 400)
    messages.success(request, _("The step is recorded: %(step)s.") % {"step": step.get_move_display()})
    return HttpResponseRedirect(status.follow_up.get_absolute_url())


def answer(request: TrackerRequest, template: str, page: Page, code: int) -> HttpResponseBase:
    """Return a page with its form again, in answer to what could not be done."""
    response = page_response(request, template, page)
    response.status_code = code
    return response


def may_act(user: Any, follow_up: FollowUp) -> bool:
    """Return whether a follow-up is within the scope of an editor."""
    return user.is_authenticated and (
        has_object_permission(user, "change", follow_up) or user.has_perm(VERIFY_PERMISSION, follow_up)
    )


def detail_page(
    request: TrackerRequest,
    status: FollowUpStatus,
    form: StepForm | None,
    stale: str = "",
    typed: Mapping[str, Any] | None = None,
) -> Page:
    follow_up, user = status.follow_up, request.user

    def context() -> dict[str, object]:
        return {
            "follow_up": follow_up,
            "status": status,
            "crumbs": [{"url": "action-list", "label": _("Follow-ups")}, {"label": follow_up.number}],
            "cause": cause_text(follow_up),
            "cause_url": cause_url(follow_up) if follow_up.cause else "",
            "meeting_url": follow_ups_url(meeting=follow_up.meeting),
            "result": result_text(status),
            "light_then": Colour(follow_up.cause_colour) if follow_up.cause_colour else None,
            "light_now": status.cause_colour_now,
            "steps": steps_shown(status, user),
            "concerned": may_act(user, follow_up),
            "sees_people": can_see_authors(user, follow_up),
            "form": form,
            "stale": stale,
            "typed": typed or {},
            "prints": "sheet" in request.GET,
        }

    return Page(
        str(follow_up), detail_headline(status), {}, context, follow_up_timeline(follow_up, request.as_of, user)
    )


def steps_shown(status: FollowUpStatus, user: Any) -> list[dict[str, object]]:
    """Return the steps taken by the day, newest first, with their files and, in scope, their authors."""
    shows_authors = can_see_authors(user, status.follow_up)
    files = build_record_files(status.steps, user, status.as_of)
    return [
        {"step": step, "files": found, "author": step.author if shows_authors else None}
        for step, found in reversed(list(zip(status.steps, files, strict=True)))
    ]


def detail_headline(status: FollowUpStatus) -> str:
    """Return the headline: the state, since when, and how late it is."""
    params = {"state": status.state.label, "day": format_day(status.newest.taken_on)}
    if status.overdue:
        text = _("Overdue by %(late)s: %(state)s since %(day)s, due on %(due)s.")
        return text % {**params, "late": format_days(status.days_late), "due": format_day(status.due_on)}
    if status.state.is_open:
        text = _("%(state)s since %(day)s, due on %(due)s.") % {**params, "due": format_day(status.due_on)}
        return capfirst(text)
    result = result_text(status)
    text = _("%(state)s on %(day)s") % params
    return capfirst(join_clauses([text, result] if result else [text]) + _("."))


# -- opening one -----------------------------------------------------------------------------------------

PREFILL = ("pilot", "indicator", "milestone", "policy", "province", "practice", "cause", "meeting")


@login_required
@page_view("follow_ups/new.html", {"as_of", "known", "lang", *PREFILL}, cached=False)
def action_new(request: TrackerRequest) -> Page | HttpResponseBase:
    """Open a follow-up, prefilled from the light or the record that the link names."""
    user = require_opener(request)
    proposal, subject = read_proposal(request)
    if request.method == "POST":
        form = FollowUpForm(request.POST, user=user)
        follow_up = form.open()
        if follow_up:
            messages.success(request, _("Follow-up %(number)s is open.") % {"number": follow_up.number})
            return HttpResponseRedirect(follow_up.get_absolute_url())
        return answer(request, "follow_ups/new.html", new_page(form, proposal, subject), 400)
    return new_page(FollowUpForm(user=user, initial=initial_values(request, proposal, subject)), proposal, subject)


def require_opener(request: TrackerRequest) -> User:
    """Return the user. Raises PermissionDenied without the permission to open follow-ups."""
    user: Any = request.user
    if not user.has_perm(VERIFY_PERMISSION):
        raise PermissionDenied(_("Follow-ups are opened by the ministry’s editors."))
    return user  # type: ignore[no-any-return]


def read_proposal(request: TrackerRequest) -> tuple[Proposal | None, Any]:
    """Return the proposal for the light that the query names, and the subject. Raises Http404 for what is not there.

    Without `cause`, `indicator` or `milestone` only the subject is filled in.
    """
    query = request.GET
    models: Mapping[str, Any] = {"pilot": Pilot, "policy": Policy, "practice": Practice, "province": Province}
    name = next((name for name in models if query.get(name)), "")
    subject = get_object_or_404(models[name], slug=query[name]) if name else None
    if not isinstance(subject, Pilot) or not any(query.get(key) for key in ("cause", "indicator", "milestone")):
        return None, subject
    indicator = get_object_or_404(Indicator, code=query["indicator"]) if query.get("indicator") else None
    milestone = None
    if query.get("milestone"):
        if not query["milestone"].isdecimal():
            raise Http404
        milestone = get_object_or_404(Milestone, pk=query["milestone"], pilot=subject)
    try:
        return propose(subject, indicator, milestone, today()), subject
    except ValidationError:
        raise Http404 from None


def initial_values(request: TrackerRequest, proposal: Proposal | None, subject: Any) -> dict[str, object]:
    """Return what the empty form holds."""
    values: dict[str, object] = {"due_on": today() + timedelta(DAYS_TO_ACT), "meeting": request.GET.get("meeting", "")}
    if subject is not None:
        values["subject"] = subject_value(subject)
    return values | dict(proposal.values if proposal else {})


def new_page(form: FollowUpForm, proposal: Proposal | None, subject: Any) -> Page:
    def context() -> dict[str, object]:
        return {
            "form": form,
            "light": proposal.light if proposal else None,
            "subject": subject,
            "crumbs": [{"url": "action-list", "label": _("Follow-ups")}, {"label": _("Open a follow-up")}],
        }

    finding = _("What is to be done, by whom and by when. It gets its number when it is opened.")
    return Page(_("Open a follow-up"), finding, {}, context)


# -- several from a meeting ------------------------------------------------------------------------------

MORE_ROWS = 3


@login_required
@page_view("follow_ups/meeting.html", {"as_of", "known", "lang"}, cached=False)
def action_meeting(request: TrackerRequest) -> Page | HttpResponseBase:
    """Open several follow-ups of one meeting, all or none."""
    user = require_opener(request)
    if request.method != "POST":
        return meeting_page(MeetingForm(), AssignmentFormSet())
    if "more" in request.POST:
        data = request.POST.copy()
        count = data.get("form-TOTAL_FORMS", "0")
        data["form-TOTAL_FORMS"] = str(min(int(count) + MORE_ROWS, MAX_ROWS) if count.isdecimal() else MORE_ROWS)
        return meeting_page(MeetingForm(data), AssignmentFormSet(data), hides_errors=True)
    shared, rows = MeetingForm(request.POST), AssignmentFormSet(request.POST)
    opened = open_from_meeting(shared, rows, user)
    if opened is None:
        return answer(request, "follow_ups/meeting.html", meeting_page(shared, rows), 400)
    text = ngettext("%(n)d follow-up is open.", "%(n)d follow-ups are open.", len(opened)) % {"n": len(opened)}
    messages.success(request, text)
    return HttpResponseRedirect(follow_ups_url(meeting=shared.cleaned_data["meeting"]))


def open_from_meeting(shared: MeetingForm, rows: Any, user: User) -> list[FollowUp] | None:
    """Return the opened follow-ups; None with the errors in the forms, nothing opened."""
    if not (shared.is_valid() and rows.is_valid()):
        return None
    filled = [row for row in rows if row.has_changed()]
    if not filled:
        shared.add_error(None, _("Fill in at least one row."))
        return None
    items = [row.follow_up(shared.cleaned_data) for row in filled]
    try:
        return open_follow_ups(items, by=user)
    except RejectedFollowUpsError as rejected:
        for place, error in rejected.errors.items():
            add_errors(filled[place], error, ROW_ERRORS)
        return None


def meeting_page(shared: MeetingForm, rows: Any, *, hides_errors: bool = False) -> Page:
    def context() -> dict[str, object]:
        return {
            "form": shared,
            "rows": rows,
            "hides_errors": hides_errors,
            "crumbs": [{"url": "action-list", "label": _("Follow-ups")}, {"label": _("From a meeting")}],
        }

    finding = _("One row for each follow-up. Either all of them are opened or, with an error in one, none.")
    return Page(_("Follow-ups of a meeting"), finding, {}, context)
