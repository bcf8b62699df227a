"""Timelines of a policy, a province or an industry, plans of provinces included."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Q

from core.history.entries import Label, Timeline, changes_of
from core.text.formatting import no_data
from policies.models import Industry, Policy, Province, ProvincialPlan


def policy_timeline(policy: Policy, as_of: date, user: Any) -> Timeline:
    """Return the timeline of a policy: its own changes, and those of its provincial plans."""
    return Timeline(changes_of(policy), as_of, user, {ProvincialPlan: Label(province_plan_label, ["province"])})


def province_timeline(province: Province, as_of: date, user: Any) -> Timeline:
    """Return the timeline of a province: its own changes, and those of its plans."""
    which = changes_of(province) | Q(model=ProvincialPlan._meta.label_lower, province_id=province.pk)
    return Timeline(which, as_of, user, {ProvincialPlan: Label(policy_plan_label, ["policy"])})


def industry_timeline(industry: Industry, as_of: date, user: Any) -> Timeline:
    return Timeline(changes_of(industry), as_of, user)


# A plan is called by what its page does not say already.


def province_plan_label(entry: Any) -> str:
    return entry.province.short if entry.province else no_data()


def policy_plan_label(entry: Any) -> str:
    return entry.policy.name if entry.policy else no_data()
