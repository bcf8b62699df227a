"""About page: purpose, responsibility, methods and limits of the system."""

from datetime import date
from typing import Any

from django.db.models import Min
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from core.http.request import TrackerRequest
from core.pages import DAY_PARAMETERS, page
from dashboard.analytics.completeness import build_completeness
from dashboard.glossary import glossary
from dashboard.views.data import completeness_table, data_headline
from pilots.analytics.reconciliation import build_reconciliation
from pilots.models import Pilot
from policies.models import Policy, Source
from policies.rollout import choose_policy

DEFINED_TERMS = ("roster", "rollout", "recorded", "gap", "light", "progress", "co-control", "confidence")
"""The definitions by which a reader understands most of the numbers."""


@page(known=DAY_PARAMETERS)
def about(request: TrackerRequest) -> HttpResponseBase:
    as_of: date = request.as_of
    policy = choose_policy(as_of, None).policy
    gaps = build_completeness(as_of, build_reconciliation(as_of), policy)

    headline = _("What this system is, who keeps it, how its numbers are made, and what is missing.")
    title = _("About this system")
    return render(
        request,
        "dashboard/about.html",
        {
            "title": title,
            "finding": headline,
            "since": records_kept_since(),
            "policy": policy,
            "gaps": completeness_table(gaps),
            "missing": data_headline(gaps),
            "policies": Policy.objects.count(),
            "pilots": Pilot.objects.count(),
            "sources": Source.objects.count(),
            "definitions": [item for item in glossary() if item.code in DEFINED_TERMS],
        },
    )


def records_kept_since() -> date | None:
    """Return the date of the first history entry of a policy; None before there is any."""
    history: Any = Policy.history
    first = history.aggregate(first=Min("history_date"))["first"]
    return None if first is None else timezone.localdate(first)
