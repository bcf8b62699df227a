"""Sitemap of a public site: its pages, and the records that have pages of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps.views import sitemap
from django.db.models import Model
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_safe

from core.http.as_of import today
from core.web.views import is_closed
from dashboard.models import Edition, EditionState
from pilots.models import Batch, FollowUp, Pilot, Practice
from policies.models import Industry, Policy, Province

PAGES = (
    *("overview", "policy-list", "province-list", "pilot-list", "industry-list", "action-list", "practice-list"),
    *("synergy", "trends", "edition-list", "data", "about", "api-docs", "api-use"),
)
"""Pages without a record, by the names of their URLs."""


class PageSitemap(Sitemap):
    """The pages without a record."""

    def items(self) -> Sequence[str]:
        return PAGES

    def location(self, item: str) -> str:
        return reverse(item)


class RecordSitemap(Sitemap):
    """The pages of records, as they are known today."""

    def items(self) -> Sequence[Model]:
        day = today()
        lists: Iterable[Iterable[Model]] = (
            Policy.objects.known(day),
            Province.objects.all(),
            Batch.objects.known(day),
            Pilot.objects.known(day),
            Industry.objects.all(),
            FollowUp.objects.known(day),
            Practice.objects.filter(proposed_on__lte=day),
            Edition.objects.filter(state=EditionState.APPROVED),
        )
        return [record for records in lists for record in records]


@require_safe
def site_sitemap(request: HttpRequest) -> HttpResponseBase:
    """Return the sitemap; there is none where search engines are kept out."""
    if is_closed(request):
        raise Http404
    maps: Any = {"pages": PageSitemap, "records": RecordSitemap}
    return sitemap(request, maps)
