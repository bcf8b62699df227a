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
from django.shortcuts import get_object_or_404, render
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.feeds import FEED_LISTS, FeedList
from core.history.entries import ENTRY_PARAMETER, Label, Timeline, changes_of, history_tab
from core.http.as_of import today
from core.http.request import TrackerRequest, parse_key
from core.pages import DAY_PARAMETERS, Export, Exports, Feeds, chart_exports, export_response, figures_export, page
from core.permissions import can_see_authors, has_object_permission
from core.text.formatting import format_days, join_clauses
from core.web.list_pages import PAGE_PARAMETERS, ListPage, filtered_keys
from pilots.charts.feeds import follow_up_feeds
from pilots.charts.follow_ups import (
    RELATED,
    ages_chart,
    cause_text,
    cause_url,
    flow_chart,
    follow_up_columns,
    follow_up_figures,
    follow_ups_headline,
    follow_ups_url,
    may_open_follow_ups,
    result_text,
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
from pilots.follow_ups.services import (
    RejectedFollowUpsError,
    StaleFollowUpError,
    open_follow_ups,
    verifier_objection,
)
from pilots.follow_ups.status_filter import FollowUpIndex
from pilots.forms.follow_ups import (
    DAYS_TO_ACT,
    MAX_ROWS,
    ROW_ERRORS,
    AssignmentFormSet,
    FollowUpForm,
    MeetingForm,
    StepForm,
    add_errors,
    propose,
    subject_value,
)
from pilots.lights import Colour
from pilots.metrics.follow_up_states import FollowUpState
from pilots.models import FollowUp, FollowUpStep, Indicator, Milestone, Pilot, Practice
from pilots.models.follow_up import VERIFY_PERMISSION
from policies.charts.rollout import format_day
from policies.models import Policy, Province, Source

# -- the list --------------------------------------------------------------------------------------------


@page(*FollowUpPageFilter.base_filters)
def action_list(request: TrackerRequest) -> HttpResponseBase:
    """List the follow-ups that exist on the day, with what became of red lights."""
    as_of = request.as_of
    rows = FollowUp.objects.filter(opened_on__lte=as_of).select_related(*RELATED)
    statuses = build_follow_ups(rows, as_of)
    index = FollowUpIndex(statuses, request.GET, request.user)
    filterset = FollowUpPageFilter(request.GET, queryset=rows, request=request)
    listing = ListPage(
        request,
        slug="follow-ups",
        filterset=filterset,
        columns=follow_up_columns(index.statuses),
        ordered_keys=index.ordered_keys,
        visible_filters=("q", "state", "overdue", "province"),
        sort="-late",
        total=len(statuses),
        empty=_("No follow-up matches these filters."),
    )
    summary = build_summary(statuses, as_of)
    charts = {"flow": flow_chart(count_red_lights(as_of, statuses), summary), "ages": ages_chart(summary)}
    figures = follow_up_figures(summary)
    sources = Source.objects.filter(followup__in=rows).distinct()
    tables: Exports = {
        "follow-ups": Export(_("Follow-ups"), listing.whole, listing.chips, sources=sources),
        **figures_export(figures),
        **chart_exports(charts),
    }

    title, headline = _("Follow-ups"), follow_ups_headline(summary)
    return export_response(request, tables, title, headline, listed_follow_ups(request, request.user)) or render(
        request,
        "follow_ups/list.html",
        {
            "title": title,
            "finding": headline,
            "listing": listing,
            "charts": charts,
            "figures": figures,
            "to_verify": to_verify_text(summary),
            "to_verify_url": follow_ups_url(state=FollowUpState.REPORTED) + "#results",
            "summary": summary,
            "may_open": may_open_follow_ups(request),
            "is_editor": request.user.is_staff,
        },
    )


def listed_follow_ups(request: TrackerRequest, user: Any) -> Feeds:
    """Return calendar and feed of the follow-ups in the list of a user."""

    def statuses() -> list[FollowUpStatus]:
        rows = FollowUp.objects.filter(opened_on__lte=request.as_of).select_related(*RELATED)
        index = FollowUpIndex(build_follow_ups(rows, request.as_of), request.GET, user)
        filterset = FollowUpPageFilter(request.GET, queryset=rows, request=request)
        return [index.statuses[key] for key in filtered_keys(filterset, index.ordered_keys)]

    return follow_up_feeds(_("Follow-ups"), statuses, request.as_of)


FEED_LISTS["actions"] = FeedList(
    "action-list",
    gettext_lazy("Follow-ups"),
    ["ics", "atom"],
    listed_follow_ups,
    {*PAGE_PARAMETERS, *FollowUpPageFilter.base_filters},
)

# -- one follow-up ---------------------------------------------------------------------------------------


@page(ENTRY_PARAMETER, "sheet", cached=False)
def action_detail(request: TrackerRequest, number: str) -> HttpResponseBase:
    """Show one follow-up with its steps, and the form of the moves that the user may make; a POST takes a step."""
    status = status_or_404(number, request.as_of)
    if request.method == "POST":
        user: Any = request.user
        if request.as_of_past or not may_act(user, status.follow_up):
            raise PermissionDenied
        form = StepForm(request.POST, request.FILES, status=status, user=user)
        names = ("remark", "new_due_on", "taken_on", "move")  # to be shown again beside a newer step
        typed = {name: request.POST[name] for name in names if request.POST.get(name)}
        try:
            if parse_key(request.POST.get("seen_seq", "")) not in {None, status.newest.seq}:
                raise StaleFollowUpError(status.newest)
            step = form.take()
        except StaleFollowUpError as stale:
            fresh = status_or_404(status.follow_up.number, request.as_of)
            form_again = step_form(request, fresh, typed)
            return detail_page(request, fresh, form_again, stale=str(stale), typed=typed, code=409)
        if step is None:
            return detail_page(request, status, form, code=400)
        messages.success(request, _("The step is recorded: %(step)s.") % {"step": step.get_move_display()})
        return HttpResponseRedirect(status.follow_up.get_absolute_url())
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
    code: int = 200,
) -> HttpResponseBase:
    follow_up, user = status.follow_up, request.user

    labels = {FollowUpStep: Label(lambda entry: str(entry.get_move_display()))}
    title, headline = str(follow_up), detail_headline(status)
    timeline = Timeline(changes_of(follow_up), request.as_of, user, labels)
    tables = {"history": Export(_("History"), timeline.stream)}
    shows_authors = can_see_authors(user, status.follow_up)
    files = build_record_files(status.steps, user, status.as_of)
    return export_response(request, tables, title, headline) or render(
        request,
        "follow_ups/detail.html",
        {
            "title": title,
            "finding": headline,
            "follow_up": follow_up,
            "status": status,
            "crumbs": [{"url": "action-list", "label": _("Follow-ups")}, {"label": follow_up.number}],
            "cause": cause_text(follow_up),
            "cause_url": cause_url(follow_up) if follow_up.cause else "",
            "meeting_url": follow_ups_url(meeting=follow_up.meeting),
            "result": result_text(status),
            "light_then": Colour(follow_up.cause_colour) if follow_up.cause_colour else None,
            "light_now": status.cause_colour_now,
            "steps": [
                {"step": step, "files": found, "author": step.author if shows_authors else None}
                for step, found in reversed(list(zip(status.steps, files, strict=True)))
            ],
            "concerned": may_act(user, follow_up),
            "sees_people": can_see_authors(user, follow_up),
            "form": form,
            "objection": "" if request.as_of_past else verifying_objection(status, user),
            "stale": stale,
            "typed": typed or {},
            "prints": "sheet" in request.GET,
            "history": history_tab(request, timeline),
        },
        status=code,
    )


def verifying_objection(status: FollowUpStatus, user: Any) -> str:
    """Return why a user who verifies, or who reported it, may not verify this report; empty where nothing is."""
    if status.state != FollowUpState.REPORTED or not may_act(user, status.follow_up):
        return ""
    if not user.has_perm(VERIFY_PERMISSION, status.follow_up) and status.newest.author_id != user.pk:
        return ""
    return verifier_objection(status.follow_up, status.steps, user)


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
@page(*PREFILL, known=DAY_PARAMETERS, cached=False)
def action_new(request: TrackerRequest) -> HttpResponseBase:
    """Open a follow-up, prefilled from the light or the record that the link names."""
    user = require_opener(request)
    proposed, light, subject = read_proposal(request)
    if request.method == "POST":
        form = FollowUpForm(request.POST, user=user)
        follow_up = form.open()
        if follow_up:
            messages.success(request, _("Follow-up %(number)s is open.") % {"number": follow_up.number})
            return HttpResponseRedirect(follow_up.get_absolute_url())
        return new_page(request, form, light, subject, code=400)
    values: dict[str, object] = {"due_on": today() + timedelta(DAYS_TO_ACT), "meeting": request.GET.get("meeting", "")}
    if subject is not None:
        values["subject"] = subject_value(subject)
    return new_page(request, FollowUpForm(user=user, initial=values | proposed), light, subject)


def require_opener(request: TrackerRequest) -> User:
    """Return the user. Raises PermissionDenied without the permission to open follow-ups."""
    user: Any = request.user
    if not user.has_perm(VERIFY_PERMISSION):
        raise PermissionDenied(_("Follow-ups are opened by the ministry’s editors."))
    return user  # type: ignore[no-any-return]


def read_proposal(request: TrackerRequest) -> tuple[dict[str, object], dict[str, object] | None, Any]:
    """Return the values proposed for the light that the query names, that light, and the subject.

    Raises Http404 for what is not there.

    Without `cause`, `indicator` or `milestone` only the subject is filled in.
    """
    query = request.GET
    models: Mapping[str, Any] = {"pilot": Pilot, "policy": Policy, "practice": Practice, "province": Province}
    name = next((name for name in models if query.get(name)), "")
    subject = get_object_or_404(models[name], slug=query[name]) if name else None
    if not isinstance(subject, Pilot) or not any(query.get(key) for key in ("cause", "indicator", "milestone")):
        return {}, None, subject
    indicator = get_object_or_404(Indicator, code=query["indicator"]) if query.get("indicator") else None
    milestone = None
    if query.get("milestone"):
        if not query["milestone"].isdecimal():
            raise Http404
        milestone = get_object_or_404(Milestone, pk=query["milestone"], pilot=subject)
    try:
        return *propose(subject, indicator, milestone, today()), subject
    except ValidationError:
        raise Http404 from None


def new_page(
    request: TrackerRequest, form: FollowUpForm, light: dict[str, object] | None, subject: Any, code: int = 200
) -> HttpResponseBase:
    finding = _("What is to be done, by whom and by when. It gets its number when it is opened.")
    title = _("Open a follow-up")
    return render(
        request,
        "follow_ups/new.html",
        {
            "title": title,
            "finding": finding,
            "form": form,
            "light": light,
            "subject": subject,
            "crumbs": [{"url": "action-list", "label": _("Follow-ups")}, {"label": _("Open a follow-up")}],
        },
        status=code,
    )


# -- several from a meeting ------------------------------------------------------------------------------

MORE_ROWS = 3


@login_required
@page(known=DAY_PARAMETERS, cached=False)
def action_meeting(request: TrackerRequest) -> HttpResponseBase:
    """Open several follow-ups of one meeting, all or none."""
    user = require_opener(request)
    if request.method != "POST":
        return meeting_page(request, MeetingForm(), AssignmentFormSet())
    if "more" in request.POST:
        data = request.POST.copy()
        count = data.get("form-TOTAL_FORMS", "0")[:4]  # int() raises for thousands of digits
        data["form-TOTAL_FORMS"] = str(min(int(count) + MORE_ROWS, MAX_ROWS) if count.isdecimal() else MORE_ROWS)
        return meeting_page(request, MeetingForm(data), AssignmentFormSet(data), hides_errors=True)
    shared, rows = MeetingForm(request.POST), AssignmentFormSet(request.POST)
    opened = open_from_meeting(shared, rows, user)
    if opened is None:
        return meeting_page(request, shared, rows, code=400)
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


def meeting_page(
    request: TrackerRequest, shared: MeetingForm, rows: Any, *, hides_errors: bool = False, code: int = 200
) -> HttpResponseBase:
    finding = _("One row for each follow-up. Either all of them are opened or, with an error in one, none.")
    title = _("Follow-ups of a meeting")
    return render(
        request,
        "follow_ups/meeting.html",
        {
            "title": title,
            "finding": finding,
            "form": shared,
            "rows": rows,
            "hides_errors": hides_errors,
            "crumbs": [{"url": "action-list", "label": _("Follow-ups")}, {"label": _("From a meeting")}],
        },
        status=code,
    )
