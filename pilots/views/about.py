"""What this system is, who keeps it, how its numbers are made, and what is missing."""

from datetime import date
from typing import Any

from django.db.models import Min
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from config.kept import kept_page
from config.lists import check_words
from pilots.definitions import DEFINITIONS, Definition
from pilots.gaps import build_gaps
from pilots.models import Pilot
from pilots.reconcile import build_reconciliation
from pilots.views.data import data_finding, gaps_table
from policies.models import Policy, Source
from policies.rollout import choose_policy

DEFINED = ("roster", "rollout", "recorded", "gap", "light", "progress", "co-control", "confidence")
"""The definitions by which a reader understands most of the numbers."""


@kept_page
def about(request: HttpRequest) -> HttpResponseBase:
    check_words(request, {"as_of", "lang"})
    as_of: date = request.as_of  # type: ignore[attr-defined]
    policy = choose_policy(as_of, None).policy
    gaps = build_gaps(as_of, build_reconciliation(as_of), policy)
    context = {
        "title": _("About this system"),
        "finding": _("What this system is, who keeps it, how its numbers are made, and what is missing."),
        "since": kept_since(),
        "policy": policy,
        "gaps": gaps_table(gaps),
        "missing": data_finding(gaps),
        "policies": Policy.objects.count(),
        "pilots": Pilot.objects.count(),
        "sources": Source.objects.count(),
        "definitions": definitions(),
    }
    return render(request, "about.html", context)


def kept_since() -> date | None:
    """The day of the first entry in the history of policies; None before there is any."""
    history: Any = Policy.history
    first = history.aggregate(first=Min("history_date"))["first"]
    return None if first is None else timezone.localdate(first)


def definitions() -> list[Definition]:
    return [item for item in DEFINITIONS if item.code in DEFINED]
