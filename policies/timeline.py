"""Timelines of a policy, a province or an industry, plans of provinces included."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Q

from core.history.entries import HistorySource
from core.history.timeline import Timeline
from core.text.formatting import no_data
from policies.models import Industry, Policy, Province, ProvincialPlan


def policy_timeline(policy: Policy, as_of: date, user: Any) -> Timeline:
    """Return the timeline of a policy: its own history entries, and those of its provincial plans."""
    plans = HistorySource(ProvincialPlan, Q(policy_id=policy.pk), province_plan_label, ["province"])
    return Timeline([HistorySource(Policy, Q(id=policy.pk), parent=policy), plans], as_of, user)


def province_timeline(province: Province, as_of: date, user: Any) -> Timeline:
    """Return the timeline of a province: its own history entries, and those of its plans."""
    plans = HistorySource(ProvincialPlan, Q(province_id=province.pk), policy_plan_label, ["policy"], parent=province)
    return Timeline([HistorySource(Province, Q(id=province.pk), parent=province), plans], as_of, user)


def industry_timeline(industry: Industry, as_of: date, user: Any) -> Timeline:
    return Timeline([HistorySource(Industry, Q(id=industry.pk))], as_of, user)


# A plan is called by what its page does not say already.


def province_plan_label(entry: Any) -> str:
    return entry.province.short if entry.province else no_data()


def policy_plan_label(entry: Any) -> str:
    return entry.policy.name if entry.policy else no_data()
