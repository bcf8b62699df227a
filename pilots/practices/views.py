"""Pages of practices: the library, one practice with its effects and copies, and the forms to propose and to report."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import choice_error
from core.history.entries import ENTRY_PARAMETER, Label, changes_of, history_tab, history_table
from core.http import TrackerRequest
from core.pages import Export, Exports, export_response, page, private_page
from core.permissions import can_create, permission_name
from core.tables import ListPage
from pilots.filters import PracticeFilter
from pilots.models import Adoption, Effect, Pilot, Practice
from pilots.practices import tables
from pilots.practices.forms import AdoptionForm, PracticeForm
from pilots.practices.services import practices_for, read_practices
from policies.models import Confidence, Source

LIBRARY_CRUMB: dict[str, Any] = {"url": "practice-list", "label": gettext_lazy("Practices")}
FOR_PARAMETER = "for"  # ?for=<pilot>: practices that this pilot might copy


@page(FOR_PARAMETER, *PracticeFilter.base_filters)
def practice_list(request: TrackerRequest) -> HttpResponseBase:
    """List the practices known on the day."""
    practices = read_practices(request.as_of)
    known = list(Practice.objects.on(request.as_of))
    listing = ListPage(
        request,
        slug="practices",
        filterset=PracticeFilter(request.GET, queryset=practices, request=request),
        columns=tables.practice_columns(),
        visible_filters=("q", "state", "field", "province"),
        page_columns=tables.practice_page_columns(),
        sort="state",
        total=len(known),
        empty=_("No practice matches these filters."),
    )
    title, headline = _("Practices"), tables.practices_headline(known, request.as_of)
    sources = list(Source.objects.filter(practice__in=known).distinct())
    exports: Exports = {"practices": Export(title, listing.whole, listing.chips, sources=sources)}
    pilot = pilot_asked_for(request)
    matches = tables.match_rows(practices_for(pilot, request.as_of), list(pilot.industries.all())) if pilot else []
    return export_response(request, exports, title, headline) or render(
        request,
        "pilots/practices/list.html",
        {
            "title": title,
            "finding": headline,
            "listing": listing,
            "pilot": pilot,
            "matches": matches,
            "may_propose": may_propose(request.user),
        },
    )


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


@page(ENTRY_PARAMETER)
def practice_detail(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Show one practice: what was done, its effects and its copies."""
    practice: Any = read_practices(request.as_of).filter(slug=slug).first()
    if practice is None:
        raise Http404
    sources = list(practice.sources.all())
    labels = {
        Adoption: Label(lambda row: str((row.pilot or row.province).name), ["pilot", "province"]),
        Effect: Label(lambda row: str(row.instance.statement), []),
    }
    changes = changes_of(practice)
    exports: Exports = {
        "effects": Export(_("Effects"), lambda: tables.effects_table(practice), sources=sources),
        "copies": Export(_("Copies"), lambda: tables.copies_table(practice), sources=sources),
        "history": Export(_("History"), lambda: history_table(request, changes, labels)),
    }
    headline = tables.practice_headline(practice)
    return export_response(request, exports, practice.name, headline) or render(
        request,
        "pilots/practices/detail.html",
        {
            "title": practice.name,
            "finding": headline,
            "practice": practice,
            "crumbs": [LIBRARY_CRUMB, {"label": practice.name}],
            "effects": tables.effects_table(practice),
            "copies": tables.copies_table(practice, request.user),
            "cost": tables.cost_text(practice),
            "confidence_tag": Confidence(practice.confidence).colour,
            "sources": sources,
            "follow_ups": practice.follow_ups.filter(opened_on__lte=request.as_of),
            "history": history_tab(request, changes, labels),
        },
    )


# -- what editors enter --------------------------------------------------------------------------------


def may_propose(user: Any) -> bool:
    """Whether a user may enter practices, at least of the own province."""
    return user.has_perm(permission_name(Practice, "add")) and can_create(user, Practice)


def form_page(
    request: TrackerRequest, template: str, form: Any, done: str, practice: Practice | None = None
) -> HttpResponse:
    """Return the page of a form, 400 where it was sent with errors; once saved, what is `done` is told on the page of
    the record.
    """
    if form.enter():
        messages.success(request, done)
        return redirect(form.instance)
    of_it = [{"url": practice.get_absolute_url(), "label": practice.name}] if practice else []
    context = {
        "title": form.title,
        "form": form,
        "crumbs": [LIBRARY_CRUMB, *of_it, {"label": form.title}],
        "back": practice.get_absolute_url() if practice else reverse("practice-list"),
    }
    return render(request, template, context, status=400 if form.errors else 200)


@private_page
def practice_new(request: TrackerRequest) -> HttpResponseBase:
    """Propose a practice."""
    if not may_propose(request.user):
        raise PermissionDenied
    form = PracticeForm(request.POST or None, user=request.user)
    done = _("The practice is proposed. Add its effect, then it can be taken into the library.")
    return form_page(request, "pilots/practices/propose.html", form, done)


@private_page
def practice_adopt(request: TrackerRequest, slug: str) -> HttpResponseBase:
    """Report a copy of a practice."""
    if not request.user.has_perm(permission_name(Adoption, "add")):
        raise PermissionDenied
    practice = get_object_or_404(Practice, slug=slug)
    form = AdoptionForm(request.POST or None, user=request.user, instance=Adoption(practice=practice))
    done = _("The copy is on record, as claimed by you. Someone else verifies it.")
    return form_page(request, "pilots/practices/adopt.html", form, done, practice)
