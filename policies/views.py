"""List of policies."""

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http import TrackerRequest
from core.pages import Export, export_response, page
from core.tables import ListPage
from core.text import format_date
from policies.filters import PolicyFilter
from policies.models import Policy, Province, Source
from policies.tables import policy_columns, policy_page_columns


@page(*PolicyFilter.base_filters)
def policy_list(request: TrackerRequest) -> HttpResponseBase:
    """List the policies known on the as-of date."""
    as_of = request.as_of
    policies = Policy.objects.known(as_of)
    roster = Province.objects.roster().count()
    rows = policies.with_issued_plans(as_of).select_related("province").prefetch_related("agencies")
    filterset = PolicyFilter(request.GET, queryset=rows, request=request)
    total = policies.count()
    listing = ListPage(
        request,
        slug="policies",
        filterset=filterset,
        columns=policy_columns(roster),
        page_columns=policy_page_columns(policy_columns(roster)),
        sort="-known",
        total=total,
        empty=_("No policy matches these filters."),
    )
    sources = Source.objects.filter(policy__in=filterset.qs).distinct()
    tables = {"policies": Export(_("Policies"), listing.whole, listing.chips, sources=sources)}
    calling = policies.filter(calls_for_provincial_plan=True).count()
    text = ngettext("%(total)d policy is on record by %(day)s", "%(total)d policies are on record by %(day)s", total)
    rest = ngettext(
        "; %(calling)d of them calls for a plan from every province.",
        "; %(calling)d of them call for a plan from every province.",
        calling,
    )
    headline = text % {"total": total, "day": format_date(as_of)} + rest % {"calling": calling}
    title = _("Policies")
    return export_response(request, tables, title, headline) or render(
        request, "policies/list.html", {"title": title, "finding": headline, "listing": listing}
    )
