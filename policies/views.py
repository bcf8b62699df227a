"""List of policies."""

from datetime import date

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http.request import TrackerRequest
from core.pages import Export, export_response, page
from core.web.list_pages import ListPage
from policies.charts.rollout import format_day
from policies.filters import PolicyFilter
from policies.models import Policy, Province, Source
from policies.tables import policy_columns


@page(*PolicyFilter.base_filters)
def policy_list(request: TrackerRequest) -> HttpResponseBase:
    """List the policies known on the as-of date."""
    as_of = request.as_of
    known = Policy.objects.known(as_of)
    roster = Province.objects.roster().count()
    rows = known.with_issued_plans(as_of).select_related("province").prefetch_related("agencies")
    filterset = PolicyFilter(request.GET, queryset=rows, request=request)
    total = known.count()
    listing = ListPage(
        request,
        slug="policies",
        filterset=filterset,
        columns=policy_columns(roster),
        sort="-known",
        total=total,
        empty=_("No policy matches these filters."),
    )
    sources = Source.objects.filter(policy__in=filterset.qs).distinct()
    tables = {"policies": Export(_("Policies"), listing.whole, listing.chips, sources=sources)}
    title, headline = _("Policies"), list_headline(known, as_of)
    return export_response(request, tables, title, headline) or render(
        request, "policies/list.html", {"title": title, "finding": headline, "listing": listing}
    )


def list_headline(known: QuerySet[Policy], as_of: date) -> str:
    total, calling = known.count(), known.filter(calls_for_provincial_plan=True).count()
    text = ngettext("%(total)d policy is on record by %(day)s", "%(total)d policies are on record by %(day)s", total)
    rest = ngettext(
        "; %(calling)d of them calls for a plan from every province.",
        "; %(calling)d of them call for a plan from every province.",
        calling,
    )
    return text % {"total": total, "day": format_day(as_of)} + rest % {"calling": calling}
