"""Pages of practices: the library, one practice with its copies, and what editors enter on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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

from core.history.entries import ENTRY_PARAMETER, Label, Timeline, changes_of, history_tab
from core.http.as_of import today
from core.http.errors import BadRequest, ErrorDetail, closest_match, truncate
from core.http.request import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, figures_export, page, private_page
from core.permissions import can_create, editor_province, has_object_permission, permission_name
from core.web.list_pages import ListPage
from core.web.tables import Cell, Chart, Column
from pilots.analytics.pilot_status import build_progress
from pilots.charts.practices import (
    copies_table,
    cost_text,
    diffusion_figures,
    first_copy_sentence,
    match_rows,
    measured_table,
    other_copies_sentence,
    practice_figures,
    practice_headline,
    practices_headline,
    reach_chart,
    reasons_chart,
    spread_chart,
    stated_table,
)
from pilots.documents.analytics import build_page_files
from pilots.filters import PracticeFilter
from pilots.forms.practices import AdoptionForm, AdoptionUpdateForm, EffectForm, GiveUpForm, PracticeForm, ReasonForm
from pilots.metrics.practices import PRACTICE_TRANSITIONS, PracticeMove
from pilots.models import Adoption, Effect, Pilot, Practice
from pilots.practices.analytics import (
    AdoptionStatus,
    Copies,
    Diffusion,
    PracticeStatus,
    build_practices,
    diffusion_of,
    match_practices,
    practices_on,
)
from pilots.practices.services import (
    allowed_moves,
    confirm_adoption,
    error_text,
    may_confirm,
    may_judge,
    missing_for,
    move_practice,
    propose_practice,
    record_effect,
    report_adoption,
    withdraw_confirmation,
    worsened_effects,
)
from pilots.tables import practice_columns
from policies.models import Confidence, Province, Source

FOR_PARAMETER = "for"  # ?for=<pilot>: practices that this pilot might copy


# -- the list ------------------------------------------------------------------------------------------


@page(FOR_PARAMETER, *PracticeFilter.base_filters)
def practice_list(request: TrackerRequest) -> HttpResponseBase:
    """List the practices known on the day, with how far they have spread."""
    as_of = request.as_of
    practices = build_practices(Practice.objects.all(), as_of)
    statuses = {item.practice.pk: item for item in practices}
    diffusion = diffusion_of(practices, as_of)
    filterset = PracticeFilter(request.GET, queryset=practices_on(as_of), request=request)
    listing = ListPage(
        request,
        slug="practices",
        filterset=filterset,
        columns=practice_columns(statuses),
        visible_filters=("q", "state", "field", "province"),
        hidden_columns=lambda: empty_columns(diffusion),
        sort="state",
        total=diffusion.total,
        empty=_("No practice matches these filters."),
    )
    sources = list(Source.objects.filter(practice__in=list(statuses)).distinct())
    # none where no copy is in use, and no reasons where none was given up
    copies, charts = diffusion.copies, dict[str, Chart]()
    if copies.in_use:
        charts["reach"] = reach_chart(copies, Province.objects.filter(in_roster=False), sources)
    if copies.attested:
        charts["spread"] = spread_chart(copies, sources)
    if copies.given_up:
        charts["reasons"] = reasons_chart(copies, sources)
    figures = diffusion_figures(diffusion) if diffusion.is_under_way else []
    tables: Exports = {
        "practices": Export(_("Practices"), listing.whole, listing.chips, sources=sources),
        **figures_export(figures),
        **chart_exports(charts),
    }
    pilot = pilot_asked_for(request)
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
            "other_copies": other_copies_sentence(diffusion.copies) if figures else "",
            "first_copy": first_copy_sentence(diffusion) if figures else "",
            "charts": charts,
            "matches": matches_panel(pilot, practices, request) if pilot else None,
            "may_propose": may_propose(request.user),
        },
    )


def empty_columns(diffusion: Diffusion) -> tuple[set[str], str]:
    """Return the columns to hide while no copy is on record, or no cost, and a text in their place."""
    hidden = set() if any(item.practice.cost_amount is not None for item in diffusion.practices) else {"cost"}
    text = _("No cost is on record, so that column is left out.") if hidden else ""
    if diffusion.copies.total == 0 and diffusion.total:
        hidden |= {"verified", "confirmed", "claimed", "reached"}
        text = (
            _("No copy is on record, so columns of copies are left out.")
            if "cost" not in hidden
            else _("No copy and no cost is on record, so columns of them are left out.")
        )
    return hidden, text if diffusion.total else ""


def pilot_asked_for(request: TrackerRequest) -> Pilot | None:
    """Return the pilot of the parameter `for`. Raises BadRequest for a slug of none."""
    slug = request.GET.get(FOR_PARAMETER)
    if not slug:
        return None
    pilots = Pilot.objects.listed(request.as_of)
    pilot: Pilot | None = pilots.filter(slug=slug).first()
    if pilot is None:
        near = closest_match(slug, pilots.values_list("slug", flat=True))
        text = _("for: there is no pilot “%(value)s”.") % {"value": truncate(slug)}
        more = _("Did you mean “%(near)s”?") % {"near": near} if near else ""
        raise BadRequest(ErrorDetail(FOR_PARAMETER, "invalid_choice", f"{text} {more}".strip()))
    return pilot


def matches_panel(pilot: Pilot, practices: Sequence[PracticeStatus], request: TrackerRequest) -> dict[str, object]:
    """Return the context of the practices for a pilot."""
    status = build_progress(Pilot.objects.filter(pk=pilot.pk), request.as_of).pilots[0]
    return {"pilot": pilot, "rows": match_rows(match_practices(status, practices))}


def may_propose(user: Any) -> bool:
    return user.has_perm(permission_name(Practice, "add")) and can_create(user, Practice)


# -- one practice --------------------------------------------------------------------------------------


@page(ENTRY_PARAMETER)
def practice_detail(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Show one practice: what was done, its effects and copies, and why copies were given up."""
    as_of = request.as_of
    found = build_practices(Practice.objects.filter(slug=slug), as_of)
    if not found:
        raise Http404
    status = found[0]
    practice, copies = status.practice, status.copies
    sources = list(practice.sources.all())
    charts = practice_charts(status, sources)
    figures = practice_figures(status) if copies.total else []
    tables: Exports = {
        **figures_export(figures),
        **chart_exports(charts),
        "measured": Export(
            _("Change of the pilot’s total in the same years"), lambda: measured_table(status), sources=sources
        ),
        "stated": Export(_("Stated effects"), lambda: stated_table(status), sources=sources),
        "copies": Export(_("Copies"), lambda: copies_table(status), sources=sources),
    }

    labels = {
        Adoption: Label(copy_name, ["pilot", "province"]),
        Effect: Label(effect_name, ["reading_after__indicator"]),
    }
    timeline = Timeline(changes_of(practice), request.as_of, request.user, labels)
    headline = practice_headline(status)
    tables["history"] = Export(_("History"), timeline.stream)
    row = status.practice
    days = [
        (_("Proposed"), row.proposed_on),
        (_("Passed by the province"), row.passed_on),
        (_("In the library since"), row.library_on),
        (_("Recommended since"), row.recommended_on),
    ]
    effects = [item.effect for item in status.all_effects]
    adoptions = [item.adoption for item in status.copies.adoptions]
    return export_response(request, tables, practice.name, headline) or render(
        request,
        "practices/detail.html",
        {
            "title": practice.name,
            "finding": headline,
            "practice": practice,
            "status": status,
            "crumbs": [{"url": "practice-list", "label": _("Practices")}, {"label": practice.name}],
            "figures": figures,
            "other_copies": other_copies_sentence(copies) if figures else "",
            "charts": charts,
            "measured": measured_table(status),
            "stated": stated_table(status),
            "copies": copies_table(status, edit_columns(request.user)),
            "failures": [item for item in copies.given_up if item.adoption.give_up_text],
            "measures": practice.measures.all(),
            "cost": cost_text(practice),
            "days": [(label, day) for label, day in days if day and day <= status.as_of],
            "confidence_tag": Confidence(practice.confidence).colour,
            "sources": sources,
            "follow_ups": practice.follow_ups.filter(opened_on__lte=as_of),
            "review": None if request.as_of_past else review_panel(practice, request.user),
            "may_adopt": may_adopt(request.user),
            "may_add_effect": may_add_effect(request.user, practice),
            "page_files": build_page_files([status.practice, *effects, *adoptions], request.user, request.as_of),
            "history": history_tab(request, timeline),
        },
    )


def practice_charts(status: PracticeStatus, sources: Sequence[Source]) -> dict[str, Chart]:
    """Return the charts of one practice's copies; none where no copy is in use."""
    copies: Copies = status.copies
    if not copies.in_use:
        return {}
    charts = {"reach": reach_chart(copies, Province.objects.filter(in_roster=False), sources, status)}
    if copies.attested:
        charts["spread"] = spread_chart(copies, sources, library_flags(status), status)
    return charts


def library_flags(status: PracticeStatus) -> list[Mapping[str, str]]:
    """Return the days of the library as flags of the adoption curve."""
    practice, as_of = status.practice, status.as_of
    days = [(practice.library_on, _("taken into the library")), (practice.recommended_on, _("recommended"))]
    return [{"date": day.isoformat(), "label": label, "url": ""} for day, label in days if day and day <= as_of]


def copy_name(entry: Any) -> str:
    """Return who copies, as a history entry has it."""
    return str(entry.pilot.name if entry.pilot else entry.place or entry.province)


def effect_name(entry: Any) -> str:
    """Return an effect by its indicator, or as stated."""
    return str(entry.reading_after.indicator.name if entry.reading_after else entry.instance.statement)


# -- what a reader may do ------------------------------------------------------------------------------


def review_panel(practice: Practice, user: Any) -> dict[str, object] | None:
    """Return the moves that a user may make, each with what is missing for it; None for a reader without any."""
    moves = allowed_moves(practice, user) if user.is_staff else []
    state = practice.state_on(today())
    rows = [
        {
            "move": move.value,
            "label": capfirst(move.label),
            "missing": list(missing_for(practice, move).values()),
            "needs_reason": PRACTICE_TRANSITIONS[state, move].reason
            or (move == PracticeMove.RECOMMEND and bool(worsened_effects(practice))),
        }
        for move in moves
    ]
    return {"moves": rows, "state": state} if rows else None


def may_adopt(user: Any) -> bool:
    return bool(user.has_perm(permission_name(Adoption, "add")))


def may_add_effect(user: Any, practice: Practice) -> bool:
    """Return whether a user may add an effect to a practice or to a copy of it."""
    if not user.has_perm(permission_name(Effect, "add")):
        return False
    home = editor_province(user)
    if home is None or practice.province_id == home.pk:
        return True
    return any(copy.province_id == home.pk for copy in practice.adoptions.all())


def edit_columns(user: Any) -> list[Column[AdoptionStatus]]:
    """Return a column of links for who may change or confirm copies; none for other readers."""
    if not user.is_staff:
        return []

    def link(item: AdoptionStatus) -> Cell:
        if not may_judge(user, item.adoption):
            return Cell("")
        waits = item.adoption.confirmed_on is None and may_confirm(user, item.adoption)
        return Cell(_("Update or confirm") if waits else _("Update"), url=copy_url(item.adoption))

    return [Column("edit", _("Edit"), link)]


def copy_url(adoption: Adoption) -> str:
    return reverse("practice-copy", args=[adoption.practice.slug, adoption.pk])


# -- what editors enter --------------------------------------------------------------------------------

EditorView = Callable[..., HttpResponseBase]


def sent_from(page: str) -> Callable[[EditorView], EditorView]:
    """Decorator of views that take a form: anything but a POST is led to the page that has the form, by its URL name.

    A reader gets there by a link to another language, a reload, or by signing in again after sending the form.
    """

    def decorate(view: EditorView) -> EditorView:
        @wraps(view)
        def wrapped(request: TrackerRequest, **kwargs: Any) -> HttpResponseBase:
            if request.method == "POST":
                return view(request, **kwargs)
            query = request.META["QUERY_STRING"]
            return redirect(reverse(page, kwargs=kwargs) + (f"?{query}" if query else ""))

        return wrapped

    return decorate


def form_page(request: TrackerRequest, title: str, form: Any, **context: object) -> HttpResponse:
    """Return the page of a form: 400 where it was sent with errors."""
    practice = context.get("practice")
    about = [{"url": practice.get_absolute_url(), "label": practice.name}] if isinstance(practice, Practice) else []
    crumbs = [{"url": "practice-list", "label": _("Practices")}, *about, {"label": title}]
    return render(
        request,
        "practices/form.html",
        {"title": title, "form": form, "crumbs": crumbs, **context},
        status=400 if form.is_bound and not form.is_valid() else 200,
    )


def practice_or_404(slug: str) -> Practice:
    rows = Practice.objects.select_related("province").prefetch_related("origins")
    practice: Practice = get_object_or_404(rows, slug=slug)
    return practice


def copy_or_404(slug: str, key: int) -> Adoption:
    rows = Adoption.objects.select_related("practice__province", "pilot", "province")
    adoption: Adoption = get_object_or_404(rows, pk=key, practice__slug=slug)
    return adoption


@private_page
def practice_new(request: TrackerRequest) -> HttpResponseBase:
    """Propose a practice."""
    if not may_propose(request.user):
        raise PermissionDenied
    form = PracticeForm(request.POST or None, user=request.user)
    if saved(form, lambda record: propose_practice(record, by=request.user, lists=form.list_values())):
        messages.success(request, _("The practice is proposed. Add its effect, then it can be passed."))
        return redirect(form.instance)
    about = _(
        "What a pilot did and others can copy. It is proposed first; the province passes it, the ministry takes "
        "it into the library."
    )
    return form_page(request, _("Propose a practice"), form, about=about, submit=_("Propose it"))


@private_page
@sent_from("practice-detail")
def practice_move(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Take a practice to its next state; what is missing is said on its page."""
    practice, name = practice_or_404(slug), request.POST.get("move", "")
    if name not in PracticeMove.values:
        text = _("There is no “%(value)s” here. Use one of: %(names)s.")
        values = {"value": truncate(name), "names": ", ".join(PracticeMove.values)}
        raise BadRequest(ErrorDetail("move", "invalid_choice", text % values))
    try:
        practice = move_practice(practice, PracticeMove(name), by=request.user, reason=request.POST.get("reason", ""))
    except ValidationError as error:
        messages.error(request, error_text(error))
    else:
        done = _("The practice is now: %(state)s.") % {"state": practice.state_on(today()).label}
        messages.success(request, done)
    return redirect(practice)


@private_page
def practice_adopt(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Report a copy of a practice."""
    if not may_adopt(request.user):
        raise PermissionDenied
    practice = practice_or_404(slug)
    form = AdoptionForm(request.POST or None, user=request.user, instance=Adoption(practice=practice))
    if saved(form, lambda record: report_adoption(record, by=request.user)):
        messages.success(request, _("The copy is on record, as claimed by you. Someone else confirms it."))
        return redirect(form.instance)
    about = _("Name the pilot that copies it, or the province, and a place in it that is no pilot.")
    return form_page(request, _("Report a copy"), form, practice=practice, about=about, submit=_("Report it"))


def saved(form: Any, save: Callable[[Any], object]) -> bool:
    """Save the record of a form that was sent and is valid; on an error of the record add it to the form."""
    if not form.is_valid():
        return False
    try:
        save(form.save(commit=False))
    except ValidationError as error:
        form.add_errors(error)
        return False
    return True


@private_page
def practice_copy(request: TrackerRequest, slug: str, key: int) -> HttpResponseBase:
    """Show what can be done with a copy: update it, give it up, confirm it, take a confirmation back."""
    adoption = copy_or_404(slug, key)
    may_change = has_object_permission(request.user, "change", adoption)
    if not may_judge(request.user, adoption):
        raise PermissionDenied
    return copy_page(
        request,
        adoption,
        may_change,
        AdoptionUpdateForm(user=request.user, instance=adoption),
        GiveUpForm(user=request.user, instance=adoption),
    )


def copy_page(request: TrackerRequest, adoption: Adoption, may_change: bool, update: Any, give_up: Any) -> HttpResponse:
    """Return the page of a copy: 400 where one of its forms was sent with errors."""
    invalid = update.is_bound or give_up.is_bound
    context = {
        "title": adoption.adopter_name,
        "adoption": Adoption.objects.select_related("practice", "province", "pilot").get(pk=adoption.pk),
        "status": AdoptionStatus(adoption, request.as_of),
        "practice": adoption.practice,
        "crumbs": [
            {"url": "practice-list", "label": _("Practices")},
            {"url": adoption.practice.get_absolute_url(), "label": adoption.practice.name},
            {"label": adoption.adopter_name},
        ],
        "may_change": may_change and adoption.given_up_on is None,
        "may_confirm": may_confirm(request.user, adoption),
        "is_claimant": adoption.claimed_by_id == request.user.pk,
        "update": update,
        "give_up": give_up,
        "withdraw": ReasonForm(),
    }
    return render(request, "practices/copy.html", context, status=400 if invalid else 200)


@private_page
@sent_from("practice-copy")
def practice_copy_update(request: TrackerRequest, slug: str, key: int) -> HttpResponseBase:
    """Update a copy, or give it up, by the form that was sent."""
    adoption = copy_or_404(slug, key)
    if not has_object_permission(request.user, "change", adoption):
        raise PermissionDenied
    gives_up = "give_up_reason" in request.POST
    made = GiveUpForm if gives_up else AdoptionUpdateForm
    form = made(request.POST, user=request.user, instance=adoption)
    ended = form.instance.added_reason if form.is_valid() else ""
    if saved(form, lambda record: report_adoption(record, form.changed_values(), by=request.user)):
        messages.success(request, _("The copy is given up.") if gives_up else _("The copy is updated."))
        if ended:
            messages.warning(request, ended)
        return redirect(form.instance)
    stored = copy_or_404(slug, key)
    other = (AdoptionUpdateForm if gives_up else GiveUpForm)(user=request.user, instance=stored)
    update, give_up = (other, form) if gives_up else (form, other)
    return copy_page(request, stored, True, update, give_up)


@private_page
@sent_from("practice-copy")
def practice_copy_confirm(request: TrackerRequest, slug: str, key: int) -> HttpResponseBase:
    """Confirm a copy."""
    adoption = copy_or_404(slug, key)
    try:
        confirm_adoption(adoption, by=request.user)
    except ValidationError as error:
        messages.error(request, error_text(error))
    else:
        messages.success(request, _("The copy is confirmed."))
    return redirect(adoption)


@private_page
@sent_from("practice-copy")
def practice_copy_withdraw(request: TrackerRequest, slug: str, key: int) -> HttpResponseBase:
    """Take a confirmation back, with its reason."""
    adoption = copy_or_404(slug, key)
    try:
        withdraw_confirmation(adoption, by=request.user, reason=request.POST.get("reason", ""))
    except ValidationError as error:
        messages.error(request, error_text(error))
        return redirect(copy_url(adoption))
    messages.success(request, _("The confirmation is taken back."))
    return redirect(adoption)


@private_page
def practice_effect(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Add an effect of a practice or of a copy."""
    practice = practice_or_404(slug)
    if not may_add_effect(request.user, practice):
        raise PermissionDenied
    form = EffectForm(request.POST or None, user=request.user, instance=Effect(practice=practice))
    if saved(form, lambda effect: record_effect(effect, by=request.user, sources=form.cleaned_data["sources"])):
        messages.success(request, _("The effect is on record."))
        return redirect(practice)
    about = _(
        "Change of the pilot’s total: choose two accepted readings of one indicator. Stated: give the result in the "
        "source’s own words. Never both."
    )
    return form_page(request, _("Add an effect"), form, practice=practice, about=about, submit=_("Add it"))
