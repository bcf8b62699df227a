"""Briefs: the page of one, and the page where a subject is chosen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_filters
import segno
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from core.http.problems import status_title
from core.http.request import TrackerRequest
from core.pages import page
from core.web.filters import ChoiceFilter, SearchFilter
from core.web.list_pages import FilterBar, url_with
from dashboard.briefs.blocks import brief_fields
from dashboard.briefs.build import SINCE, BriefKind, build_brief, requested_since, subject_groups
from dashboard.briefs.writers.files import brief_file, offered_writers
from pilots.models import Pilot

# -- which brief -------------------------------------------------------------------------------------------


class BriefFilter(django_filters.FilterSet):
    """Filter of the subjects: by kind and by name."""

    q = SearchFilter()
    kind = ChoiceFilter(choices=BriefKind.choices, label=gettext_lazy("Kind"))

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows as they are: they are of several models."""
        return queryset


@page(*BriefFilter.base_filters)
def brief_index(request: TrackerRequest) -> HttpResponseBase:
    """List the subjects of briefs by kind."""
    bar = FilterBar(request, BriefFilter(request.GET, queryset=Pilot.objects.none(), request=request).form)
    given = bar.form.cleaned_data
    groups = [
        {"kind": kind, "label": label, "subjects": subjects}
        for kind, label, subjects in subject_groups(request.as_of, given["q"])
        if subjects and given["kind"] in ("", kind)
    ]
    count = sum(len(group["subjects"]) for group in groups)
    headline = ngettext("%(n)d brief of one page.", "%(n)d briefs of one page each.", count) % {"n": count}
    title = _("Briefs")
    return render(
        request,
        "briefs/index.html",
        {
            "title": title,
            "finding": headline,
            "bar": bar,
            "groups": groups,
        },
    )


# -- one brief ---------------------------------------------------------------------------------------------


@page(SINCE)
def brief_page(request: TrackerRequest, kind: str, slug: str = "") -> HttpResponseBase:
    """Show a brief, or send it as a file."""
    site = request.build_absolute_uri("/").removesuffix("/")
    language = get_language() or settings.LANGUAGE_CODE
    try:
        brief = build_brief(kind, slug, request.as_of, request.known, requested_since(request), language, site)
    except ObjectDoesNotExist:
        raise Http404 from None
    export = request.GET.get("export")
    if export is not None:
        return brief_file(request, brief, export)
    title, headline = brief["title"], brief["headline"] or brief["subtitle"]
    return render(
        request,
        "briefs/brief.html",
        {
            "title": title,
            "finding": headline,
            "brief": brief_fields(brief),
            "qr": segno.make_qr(brief["address"], error="m").svg_data_uri(light="white", omitsize=True, nl=False),
            "files": [
                {"label": writer.label, "url": url_with(request, export=code)}
                for code, writer in offered_writers().items()
            ],
            "record": reverse(f"{kind}-detail", args=[slug]) if slug else reverse("overview"),
            "last_since": request.as_of - timedelta(1),
        },
    )


def sheet_gone(request: HttpRequest, number: str = "") -> HttpResponse:
    """410 at the addresses of sheets, which are printed on paper: there are none any more."""
    return render(request, "briefs/gone.html", {"title": status_title(410)}, status=410)
