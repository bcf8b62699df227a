"""Pages of practices: the library, one practice with its copies, and what editors enter on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.history.entries import ENTRY_PARAMETER, Label, changes_of, history_tab, history_table
from core.http import TrackerRequest, choice_error, today
from core.pages import Export, Exports, chart_exports, export_response, figures_export, page, private_page
from core.permissions import can_create, editor_province, has_object_permission, permission_name
from core.records.writing import Conflict
from core.tables import Cell, Chart, Column, ListPage
from core.text import format_date, join_clauses, join_short
from pilots.analytics.pilot_status import build_progress
from pilots.charts.practices import (
    copies_clause,
    copies_table,
    cost_text,
    diffusion_figures,
    match_rows,
    measured_table,
    practice_figures,
    practices_headline,
    reach_chart,
    reasons_chart,
    spread_chart,
    stated_table,
)
from pilots.documents import build_page_files
from pilots.filters import PracticeFilter
from pilots.forms.practices import AdoptionForm, AdoptionUpdateForm, EffectForm, GiveUpForm, PracticeForm, ReasonForm
from pilots.metrics import PRACTICE_TRANSITIONS, PracticeMove
from pilots.models import Adoption, Effect, Pilot, Practice
from pilots.practices import (
    Diffusion,
    build_diffusion,
    confirm_adoption,
    is_claimant,
    may_confirm,
    may_judge,
    may_move,
    move_practice,
    needs_reason,
    withdraw_confirmation,
)
from pilots.tables import practice_columns, practice_page_columns
from policies.models import Confidence, Province, Source

LIBRARY_CRUMB: dict[str, Any] = {"url": "practice-list", "label": gettext_lazy("Practices")}
FOR_PARAMETER = "for"  # ?for=<pilot>: practices that this pilot might copy

# -- the list ------------------------------------------------------------------------------------------


@page(FOR_PARAMETER, *PracticeFilter.base_filters)
def practice_list(request: TrackerRequest) -> HttpResponseBase:
    """List the practices known on the day, with how far they have spread."""
    diffusion = build_diffusion(request.as_of)
    copies = diffusion.copies
    listing = ListPage(
        request,
        slug="practices",
        filterset=PracticeFilter(request.GET, queryset=Practice.objects.on(request.as_of), request=request),
        columns=practice_columns(diffusion),
        visible_filters=("q", "state", "field", "province"),
        page_columns=practice_page_columns(diffusion),
        note=empty_columns_text(diffusion),
        sort="state",
        total=diffusion.total,
        empty=_("No practice matches these filters."),
    )
    sources = list(Source.objects.filter(practice__in=diffusion.practices).distinct())
    charts: dict[str, Chart] = {}
    if copies.in_use:
        charts["reach"] = reach_chart(copies, Province.objects.filter(in_roster=False), sources)
    if copies.attested:
        charts["spread"] = spread_chart(copies, sources)
    if copies.given_up:
        charts["reasons"] = reasons_chart(copies, sources)
    # Before any practice was reviewed or copied, all numbers are 0 for want of a start.
    under_way = copies.total or any(practice.passed_then or practice.retired_then for practice in diffusion.practices)
    figures = diffusion_figures(diffusion) if under_way else []
    tables: Exports = {
        "practices": Export(_("Practices"), listing.whole, listing.chips, sources=sources),
        **figures_export(figures),
        **chart_exports(charts),
    }
    pilot = pilot_asked_for(request)
    progress = build_progress(Pilot.objects.filter(pk=pilot.pk), request.as_of).pilots if pilot else []
    title, headline = _("Practices"), practices_headline(diffusion)
    return export_response(request, tables, title, headline) or render(
        request,
        "practices/list.html",
        {
            "title": title,
            "finding": headline,
            "listing": listing,
            "diffusion": diffusion,
            "figures": figures,
            "copies": copies,
            "charts": charts,
            "pilot": pilot,
            "matches": match_rows(progress[0]) if progress else [],
            "may_propose": may_propose(request.user),
        },
    )


def empty_columns_text(diffusion: Diffusion) -> str:
    """Return which columns are left out because no copy, or no cost, is on record."""
    no_cost = all(practice.cost_amount is None for practice in diffusion.practices)
    if diffusion.total == 0:
        return ""
    if diffusion.copies.total:
        return _("No cost is on record, so that column is left out.") if no_cost else ""
    if no_cost:
        return _("No copy and no cost is on record, so columns of them are left out.")
    return _("No copy is on record, so columns of copies are left out.")


def pilot_asked_for(request: TrackerRequest) -> Pilot | None:
    """Return the pilot of the parameter `for`. Raises Problem for a slug of none."""
    slug = request.GET.get(FOR_PARAMETER)
    if not slug:
        return None
    pilots = Pilot.objects.listed(request.as_of)
    pilot: Pilot | None = pilots.filter(slug=slug).first()
    if pilot is None:
        raise choice_error(slug, pilots.values_list("slug", flat=True), FOR_PARAMETER)
    return pilot


# -- one practice --------------------------------------------------------------------------------------


@page(ENTRY_PARAMETER)
def practice_detail(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Show one practice: what was done, its effects and copies, and why copies were given up."""
    diffusion = build_diffusion(request.as_of, Practice.objects.on(request.as_of).filter(slug=slug))
    if not diffusion.practices:
        raise Http404
    practice = diffusion.practices[0]
    copies, sources = practice.copies, list(practice.sources.all())
    charts: dict[str, Chart] = {}
    if copies.in_use:
        charts["reach"] = reach_chart(copies, Province.objects.filter(in_roster=False), sources, practice)
    if copies.attested:
        reached = (practice.library_then, _("taken into the library")), (practice.recommended_then, _("recommended"))
        flags = [{"on": day, "label": label, "url": ""} for day, label in reached if day]
        charts["spread"] = spread_chart(copies, sources, flags, practice)
    figures = practice_figures(practice) if copies.total else []
    labels = {
        Adoption: Label(
            lambda row: str(row.pilot.name if row.pilot else row.place or row.province), ["pilot", "province"]
        ),
        Effect: Label(
            lambda row: str(row.reading_after.indicator.name if row.reading_after else row.instance.statement),
            ["reading_after__indicator"],
        ),
    }
    changes = changes_of(practice)
    state = _("%(state)s since %(day)s") % {"state": practice.state.label, "day": format_date(practice.since_then)}
    headline = capfirst(join_clauses([state, copies_clause(copies)])) + _(".")
    by_readings = _("Change of the pilot’s total in the same years")
    tables: Exports = {
        **figures_export(figures),
        **chart_exports(charts),
        "measured": Export(by_readings, lambda: measured_table(practice), sources=sources),
        "stated": Export(_("Stated effects"), lambda: stated_table(practice), sources=sources),
        "copies": Export(_("Copies"), lambda: copies_table(practice), sources=sources),
        "history": Export(_("History"), lambda: history_table(request, changes, labels)),
    }
    records = [practice, *practice.known_effects, *practice.known_copies]
    return export_response(request, tables, practice.name, headline) or render(
        request,
        "practices/detail.html",
        {
            "title": practice.name,
            "finding": headline,
            "practice": practice,
            "crumbs": [LIBRARY_CRUMB, {"label": practice.name}],
            "figures": figures,
            "copies": copies,
            "charts": charts,
            "measured": measured_table(practice),
            "stated": stated_table(practice),
            "copies_table": copies_table(practice, edit_columns(request.user)),
            "has_failures": any(copy.give_up_text for copy in copies.given_up),
            "cost": cost_text(practice),
            "confidence_tag": Confidence(practice.confidence).colour,
            "sources": sources,
            "follow_ups": practice.follow_ups.filter(opened_on__lte=request.as_of),
            "moves": [] if request.as_of_past else open_moves(practice, request.user),
            "may_adopt": request.user.has_perm(permission_name(Adoption, "add")),
            "may_add_effect": may_add_effect(request.user, practice),
            "page_files": build_page_files(records, request.user, request.as_of),
            "history": history_tab(request, changes, labels),
        },
    )


def open_moves(practice: Practice, user: Any) -> list[dict[str, object]]:
    """Return the moves that a user may make now, each with what is missing for it."""
    state = practice.state_on(today())
    library = (PracticeMove.TAKE_IN, PracticeMove.RECOMMEND)
    return [
        {
            "move": move.value,
            "label": capfirst(move.label),
            "missing": list(practice.missing_for(transition.day_field).values()) if move in library else [],
            "needs_reason": needs_reason(practice, move),
            "ends": move == PracticeMove.RETIRE,
        }
        for move, transition in PRACTICE_TRANSITIONS.items()
        if user.is_staff and state in transition.sources and may_move(practice, move, user)
    ]


def edit_columns(user: Any) -> list[Column[Any]]:
    """Return a column of links for who may change or confirm copies; none for other readers."""

    def link(item: Adoption) -> Cell:
        if not may_judge(user, item):
            return Cell("")
        waits = item.confirmed_on is None and may_confirm(user, item)
        return Cell(_("Update or confirm") if waits else _("Update"), url=copy_url(item))

    return [Column("edit", _("Edit"), link)] if user.is_staff else []


def copy_url(adoption: Adoption) -> str:
    return reverse("practice-copy", args=[adoption.practice.slug, adoption.pk])


# -- what editors enter --------------------------------------------------------------------------------


def may_propose(user: Any) -> bool:
    return user.has_perm(permission_name(Practice, "add")) and can_create(user, Practice)


def may_add_effect(user: Any, practice: Practice) -> bool:
    """Return whether a user may add an effect to a practice or to a copy of it."""
    if not user.has_perm(permission_name(Effect, "add")):
        return False
    home = editor_province(user)
    if home is None or practice.province_id == home.pk:
        return True
    return bool(practice.adoptions.filter(province=home).exists())


def crumbs_of(practice: Practice) -> list[dict[str, Any]]:
    return [LIBRARY_CRUMB, {"url": practice.get_absolute_url(), "label": practice.name}]


def form_page(request: TrackerRequest, template: str, title: str, form: Any, done: str) -> HttpResponse:
    """Return the page of a form, 400 where it was sent with errors; once saved, what is `done` is told on the page of
    the record.
    """
    if form.saved():
        messages.success(request, done)
        return redirect(form.instance)
    practice: Practice | None = getattr(form.instance, "practice", None)
    crumbs = [*(crumbs_of(practice) if practice else [LIBRARY_CRUMB]), {"label": title}]
    back = practice.get_absolute_url() if practice else reverse("practice-list")
    context = {"title": title, "form": form, "crumbs": crumbs, "back": back}
    return render(request, template, context, status=400 if form.errors else 200)


@private_page
def practice_new(request: TrackerRequest) -> HttpResponseBase:
    """Propose a practice."""
    if not may_propose(request.user):
        raise PermissionDenied
    form = PracticeForm(request.POST or None, user=request.user)
    done = _("The practice is proposed. Add its effect, then it can be passed.")
    return form_page(request, "practices/propose.html", _("Propose a practice"), form, done)


@private_page
def practice_adopt(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Report a copy of a practice."""
    if not request.user.has_perm(permission_name(Adoption, "add")):
        raise PermissionDenied
    adoption = Adoption(practice=get_object_or_404(Practice, slug=slug))
    form = AdoptionForm(request.POST or None, user=request.user, instance=adoption)
    done = _("The copy is on record, as claimed by you. Someone else confirms it.")
    return form_page(request, "practices/adopt.html", _("Report a copy"), form, done)


@private_page
def practice_effect(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Add an effect of a practice or of a copy."""
    practice = get_object_or_404(Practice, slug=slug)
    if not may_add_effect(request.user, practice):
        raise PermissionDenied
    form = EffectForm(request.POST or None, user=request.user, instance=Effect(practice=practice))
    return form_page(request, "practices/effect.html", _("Add an effect"), form, _("The effect is on record."))


EditorView = Callable[..., HttpResponseBase]


def sent_from(page: str) -> Callable[[EditorView], EditorView]:
    """Decorator of views that take a form: anything but a POST is led to the page that has the form, by its URL name.

    A reader gets there by a link to another language, a reload, or by signing in again after sending the form.
    """

    def decorate(view: EditorView) -> EditorView:
        @private_page
        @wraps(view)
        def wrapped(request: TrackerRequest, **kwargs: Any) -> HttpResponseBase:
            if request.method == "POST":
                return view(request, **kwargs)
            return redirect(f"{reverse(page, kwargs=kwargs)}?{request.META['QUERY_STRING']}".rstrip("?"))

        return wrapped

    return decorate


@sent_from("practice-detail")
def practice_move(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Take a practice to its next state; what is missing is said on its page."""
    practice, name = get_object_or_404(Practice, slug=slug), request.POST.get("move", "")
    if name not in PracticeMove.values:
        raise choice_error(name, PracticeMove.values)
    with refusal_told(request):
        practice = move_practice(practice, PracticeMove(name), by=request.user, reason=request.POST.get("reason", ""))
        done = _("The practice is now: %(state)s.") % {"state": practice.state_on(today()).label}
        messages.success(request, done)
    return redirect(practice)


@contextmanager
def refusal_told(request: TrackerRequest) -> Iterator[None]:
    """Say in a message why a step was refused."""
    try:
        yield
    except (ValidationError, Conflict) as error:
        messages.error(request, join_short(error.messages))


# -- one copy ------------------------------------------------------------------------------------------


def copy_or_404(slug: str, key: int) -> Adoption:
    rows = Adoption.objects.on(today()).select_related("practice__province", "pilot", "province")
    adoption: Adoption = get_object_or_404(rows, pk=key, practice__slug=slug)
    return adoption


@private_page
def practice_copy(request: TrackerRequest, slug: str, key: int) -> HttpResponseBase:
    """Show what can be done with a copy: update it, give it up, confirm it, take a confirmation back."""
    if not may_judge(request.user, copy_or_404(slug, key)):
        raise PermissionDenied
    return copy_page(request, slug, key)


def copy_page(request: TrackerRequest, slug: str, key: int, update: Any = None, give_up: Any = None) -> HttpResponse:
    """Return the page of a copy, with the form that was sent with errors, if one was: 400 then."""
    adoption, user = copy_or_404(slug, key), request.user
    context = {
        "title": adoption.adopter_name,
        "adoption": adoption,
        "practice": adoption.practice,
        "crumbs": [*crumbs_of(adoption.practice), {"label": adoption.adopter_name}],
        "may_change": has_object_permission(user, "change", adoption) and adoption.given_up_on is None,
        "may_confirm": may_confirm(user, adoption),
        "is_claimant": is_claimant(user, adoption),
        "withdraw": ReasonForm(label_suffix=""),
        "update": update or AdoptionUpdateForm(user=user, instance=copy_or_404(slug, key)),
        "give_up": give_up or GiveUpForm(user=user, instance=copy_or_404(slug, key)),
    }
    return render(request, "practices/copy.html", context, status=400 if update or give_up else 200)


@sent_from("practice-copy")
def practice_copy_update(request: TrackerRequest, slug: str, key: int) -> HttpResponseBase:
    """Update a copy, or give it up, by the form that was sent."""
    adoption = copy_or_404(slug, key)
    if not has_object_permission(request.user, "change", adoption):
        raise PermissionDenied
    gives_up = "give_up_reason" in request.POST
    form = (GiveUpForm if gives_up else AdoptionUpdateForm)(request.POST, user=request.user, instance=adoption)
    if not form.saved():
        return copy_page(request, slug, key, **{"give_up" if gives_up else "update": form})
    messages.success(request, _("The copy is given up.") if gives_up else _("The copy is updated."))
    if form.remark:
        messages.warning(request, form.remark)
    return redirect(form.instance)


@sent_from("practice-copy")
def practice_copy_confirm(request: TrackerRequest, slug: str, key: int) -> HttpResponseBase:
    """Confirm a copy."""
    adoption = copy_or_404(slug, key)
    with refusal_told(request):
        confirm_adoption(adoption, by=request.user)
        messages.success(request, _("The copy is confirmed."))
    return redirect(adoption)


@sent_from("practice-copy")
def practice_copy_withdraw(request: TrackerRequest, slug: str, key: int) -> HttpResponseBase:
    """Take a confirmation back, with its reason."""
    adoption = copy_or_404(slug, key)
    leads_to = copy_url(adoption)
    with refusal_told(request):
        withdraw_confirmation(adoption, by=request.user, reason=request.POST.get("reason", ""))
        messages.success(request, _("The confirmation is taken back."))
        leads_to = adoption.get_absolute_url()
    return redirect(leads_to)
