"""Pages of follow-ups: the list, one with its steps, and the forms that open them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.calendars import CALENDARS, CalendarList
from core.days import today
from core.history.entries import ENTRY_PARAMETER, Label, changes_of, history_tab, history_table
from core.http import TrackerRequest, parse_key
from core.pages import (
    DAY_PARAMETERS,
    CalendarWriter,
    Export,
    Exports,
    chart_exports,
    export_response,
    figures_export,
    page,
)
from core.permissions import can_see_authors
from core.tables import PAGE_PARAMETERS, ListPage, filtered_keys
from core.text import format_date, format_days, join_clauses
from pilots.charts.calendars import follow_up_calendar
from pilots.documents import build_record_files
from pilots.filters import FollowUpPageFilter
from pilots.follow_ups.forms import DAYS_TO_ACT, SUBJECTS, FollowUpForm, StepForm, propose
from pilots.follow_ups.models import VERIFY_PERMISSION
from pilots.follow_ups.services import StaleFollowUpError, count_follow_ups, may_act, verifier_objection
from pilots.follow_ups.tables import (
    RELATED,
    cause_text,
    cause_url,
    flow_chart,
    follow_up_columns,
    follow_up_figures,
    follow_up_page_columns,
    follow_ups_headline,
    follow_ups_url,
    may_open_follow_ups,
    result_text,
)
from pilots.lights import Colour
from pilots.metrics import FollowUpState
from pilots.models import FollowUp, FollowUpStep, Milestone, Pilot, Target
from policies.models import Source


@page(*FollowUpPageFilter.base_filters)
def follow_up_list(request: TrackerRequest) -> HttpResponseBase:
    """List the follow-ups that exist on the day, with what became of red lights."""
    as_of = request.as_of
    rows = FollowUp.objects.with_state(as_of).with_cause(as_of).with_order().select_related(*RELATED)
    numbers = count_follow_ups(FollowUp.objects.with_state(as_of), as_of)
    filterset = FollowUpPageFilter(request.GET, queryset=rows, request=request)
    listing = ListPage(
        request,
        slug="follow-ups",
        filterset=filterset,
        columns=follow_up_columns(),
        page_columns=follow_up_page_columns(),
        visible_filters=("q", "state", "overdue", "province"),
        sort="-late",
        total=numbers["total"],
        empty=_("No follow-up matches these filters."),
    )
    charts, figures = {"flow": flow_chart(numbers)}, follow_up_figures(numbers)
    sources = Source.objects.filter(followup__in=rows).distinct()
    tables: Exports = {
        "follow-ups": Export(_("Follow-ups"), listing.whole, listing.chips, sources=sources),
        **figures_export(figures),
        **chart_exports(charts),
    }
    title, headline = _("Follow-ups"), follow_ups_headline(numbers)
    return export_response(request, tables, title, headline, listed_follow_ups(request, request.user)) or render(
        request,
        "pilots/follow_ups/list.html",
        {
            "title": title,
            "finding": headline,
            "listing": listing,
            "charts": charts,
            "figures": figures,
            "to_verify_url": follow_ups_url(state=FollowUpState.REPORTED) + "#results",
            "numbers": numbers,
            "may_open": may_open_follow_ups(request),
            "is_editor": request.user.is_staff,
        },
    )


def listed_follow_ups(request: TrackerRequest, user: Any) -> CalendarWriter:
    """Return the calendar of the follow-ups in the list of a user."""

    def listed() -> QuerySet[FollowUp]:
        rows = FollowUp.objects.with_state(request.as_of).with_cause(request.as_of).select_related(*RELATED)
        filterset = FollowUpPageFilter(request.GET, queryset=rows, request=request, user=user)
        return rows.filter(pk__in=filtered_keys(filterset)).order_by("pk")

    return follow_up_calendar(_("Follow-ups"), listed, request.as_of)


CALENDARS["actions"] = CalendarList(
    "follow-up-list",
    gettext_lazy("Follow-ups"),
    listed_follow_ups,
    {*PAGE_PARAMETERS, *FollowUpPageFilter.base_filters},
)


# -- one follow-up ---------------------------------------------------------------------------------------


@page(ENTRY_PARAMETER, "sheet", cached=False)
def follow_up_detail(request: TrackerRequest, number: str) -> HttpResponseBase:
    """Show one follow-up with its steps, and the form of the moves that the user may make; a POST takes a step."""
    follow_up = read_follow_up(request, number)
    user: Any = request.user
    if request.method != "POST":
        form = None
        if user.is_authenticated and not request.as_of_past:
            form = StepForm(follow_up=follow_up, user=user)
        return detail_page(request, follow_up, form)
    if request.as_of_past or not may_act(user, follow_up):
        raise PermissionDenied
    form = StepForm(request.POST, request.FILES, follow_up=follow_up, user=user)
    try:
        if parse_key(request.POST.get("seen_seq", "")) not in {None, follow_up.last_seq}:
            raise StaleFollowUpError(follow_up.steps.get(seq=follow_up.last_seq))
        step = form.take()
    except StaleFollowUpError as stale:  # what was written is shown again beside the newer step
        names = ("remark", "new_due_on", "taken_on", "move")
        typed = {name: request.POST[name] for name in names if request.POST.get(name)}
        fresh = read_follow_up(request, number)
        form = StepForm(follow_up=fresh, user=user, typed=typed)
        return detail_page(request, fresh, form, {"stale": str(stale), "typed": typed}, status=409)
    if step is None:
        return detail_page(request, follow_up, form, status=400)
    messages.success(request, _("The step is recorded: %(step)s.") % {"step": step.get_move_display()})
    return HttpResponseRedirect(follow_up.get_absolute_url())


def read_follow_up(request: TrackerRequest, number: str) -> FollowUp:
    """Return a follow-up on the day. Raises Http404 where there was none then."""
    rows = FollowUp.objects.with_state(request.as_of).with_cause(request.as_of).prefetch_related("sources")
    named = rows.select_related(*RELATED, "owner_user", "verifier")
    follow_up: FollowUp = get_object_or_404(named, number=number)
    return follow_up


def detail_page(
    request: TrackerRequest,
    follow_up: FollowUp,
    form: StepForm | None,
    more: Mapping[str, object] | None = None,
    status: int = 200,
) -> HttpResponseBase:
    user, as_of = request.user, request.as_of
    title, headline = str(follow_up), detail_headline(follow_up)
    changes, labels = changes_of(follow_up), {FollowUpStep: Label(lambda entry: str(entry.get_move_display()))}
    history = Export(_("History"), lambda: history_table(request, changes, labels))
    sees_people, concerned = can_see_authors(user, follow_up), may_act(user, follow_up)
    steps = list(follow_up.steps.filter(taken_on__lte=as_of).select_related("author").order_by("-seq"))
    for step in steps:
        step.follow_up = follow_up
    verifies = user.has_perm(VERIFY_PERMISSION, follow_up) or follow_up.reported_by == user.pk
    asks = follow_up.state == FollowUpState.REPORTED and concerned and verifies and not request.as_of_past
    return export_response(request, {"history": history}, title, headline) or render(
        request,
        "pilots/follow_ups/detail.html",
        {
            "title": title,
            "finding": headline,
            "follow_up": follow_up,
            "crumbs": [{"url": "follow-up-list", "label": _("Follow-ups")}, {"label": follow_up.number}],
            "cause": cause_text(follow_up),
            "cause_url": cause_url(follow_up) if follow_up.cause else "",
            "meeting_url": follow_ups_url(meeting=follow_up.meeting),
            "result": result_text(follow_up),
            "light_then": Colour(follow_up.cause_colour) if follow_up.cause_colour else None,
            "light_now": Colour(follow_up.cause_colour_now) if follow_up.cause_colour_now else None,
            "steps": list(zip(steps, build_record_files(steps, user, as_of), strict=True)),
            "concerned": concerned,
            "sees_people": sees_people,
            "form": form if form and form.moves else None,
            "objection": verifier_objection(follow_up, user) if asks else "",  # type: ignore[arg-type]
            "prints": "sheet" in request.GET,
            "history": history_tab(request, changes, labels),
            **(more or {}),
        },
        status=status,
    )


def detail_headline(follow_up: FollowUp) -> str:
    """Return the headline: the state, since when, and how late it is."""
    params = {
        "state": follow_up.current_state.label,
        "day": format_date(follow_up.last_step_on),
        "due": format_date(follow_up.current_due_on),
    }
    if follow_up.is_overdue:
        text = _("Overdue by %(late)s: %(state)s since %(day)s, due on %(due)s.")
        return text % {**params, "late": format_days(follow_up.days_late)}
    if follow_up.current_state.is_open:
        return capfirst(_("%(state)s since %(day)s, due on %(due)s.") % params)
    clauses = filter(None, [_("%(state)s on %(day)s") % params, result_text(follow_up)])
    return capfirst(join_clauses(list(clauses)) + _("."))


# -- opening one -----------------------------------------------------------------------------------------

PREFILL = ("pilot", "target", "milestone", "policy", "province", "practice", "cause", "meeting")


@login_required
@page(*PREFILL, known=DAY_PARAMETERS, cached=False)
def follow_up_new(request: TrackerRequest) -> HttpResponseBase:
    """Open a follow-up, prefilled from the light or the record that the link names.

    Without `cause`, `target` or `milestone` in the query only the subject is filled in. Raises Http404 for what is
    not there.
    """
    user: Any = request.user
    if not user.has_perm(VERIFY_PERMISSION):
        raise PermissionDenied(_("Follow-ups are opened by the ministry’s editors."))
    query, light, subject = request.GET, None, None
    values: dict[str, object] = {"due_on": today() + timedelta(DAYS_TO_ACT), "meeting": query.get("meeting", "")}
    kind = next((kind for kind in SUBJECTS if query.get(kind)), "")
    if kind:
        subject = get_object_or_404(SUBJECTS[kind], slug=query[kind])
        values["subject"] = f"{kind}:{subject.slug}"
    if isinstance(subject, Pilot) and any(query.get(name) for name in ("cause", "target", "milestone")):
        target = milestone = None
        if query.get("target"):
            target = get_object_or_404(Target, pk=parse_key(query["target"]), pilot=subject)
        if query.get("milestone"):
            milestone = get_object_or_404(Milestone, pk=parse_key(query["milestone"]), pilot=subject)
        proposed, light = propose(subject, target, milestone, today())
        values |= proposed
    form = FollowUpForm(request.POST if request.method == "POST" else None, user=user, initial=values)
    follow_up = form.open() if request.method == "POST" else None
    if follow_up:
        messages.success(request, _("Follow-up %(number)s is open.") % {"number": follow_up.number})
        return HttpResponseRedirect(follow_up.get_absolute_url())
    context = {
        "title": _("Open a follow-up"),
        "finding": _("What is to be done, by whom and by when. It gets its number when it is opened."),
        "form": form,
        "light": light,
        "back": reverse("follow-up-list"),
        "crumbs": [{"url": "follow-up-list", "label": _("Follow-ups")}, {"label": _("Open a follow-up")}],
    }
    return render(request, "pilots/follow_ups/new.html", context, status=400 if form.errors else 200)
