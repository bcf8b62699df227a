"""Briefs: the page of one, and the page where a subject is chosen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_filters
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from core.http.request import TrackerRequest
from core.pages import Page, page_view
from core.web.filters import ChoiceFilter, SearchFilter
from core.web.list_pages import PAGE_PARAMETERS, build_filter_bar, url_with
from dashboard.briefs.addresses import SINCE, record_path, requested_since
from dashboard.briefs.build import BriefKind, build_brief
from dashboard.briefs.index import subject_groups
from dashboard.briefs.writers.fields import brief_fields
from dashboard.briefs.writers.files import brief_file, offered_writers
from dashboard.briefs.writers.qr import qr_data_uri
from pilots.models import Pilot

# -- which brief -------------------------------------------------------------------------------------------


class BriefFilter(django_filters.FilterSet):
    """Filter of the subjects: by kind and by name."""

    q = SearchFilter()
    kind = ChoiceFilter(choices=BriefKind.choices, label=gettext_lazy("Kind"))

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows as they are: they are of several models."""
        return queryset


@page_view("briefs/index.html", {*PAGE_PARAMETERS, *BriefFilter.base_filters})
def brief_index(request: TrackerRequest) -> Page:
    """List the subjects of briefs by kind."""
    bar = build_filter_bar(request, BriefFilter(request.GET, queryset=Pilot.objects.none(), request=request))
    given = bar.form.cleaned_data
    groups = [group for group in subject_groups(request.as_of, given["q"]) if given["kind"] in ("", group.kind)]
    count = sum(len(group.subjects) for group in groups)
    headline = ngettext("%(n)d brief of one page.", "%(n)d briefs of one page each.", count) % {"n": count}
    return Page(
        _("Briefs"), headline, context=lambda: {"bar": bar, "groups": [item for item in groups if item.subjects]}
    )


# -- one brief ---------------------------------------------------------------------------------------------


@page_view("briefs/brief.html", {*PAGE_PARAMETERS, SINCE})
def brief_page(request: TrackerRequest, kind: str, slug: str = "") -> Page | HttpResponseBase:
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

    def context() -> dict[str, object]:
        return {
            "brief": brief_fields(brief),
            "since": brief.since,
            "qr": qr_data_uri(brief.address),
            "files": [
                {"label": writer.label, "url": url_with(request, export=code)}
                for code, writer in offered_writers().items()
            ],
            "record": record_path(kind, slug),
            "last_since": request.as_of - timedelta(1),
        }

    return Page(brief.title, brief.headline or brief.subtitle, context=context)
