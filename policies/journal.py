"""Everything that was entered about one policy, province or industry, the plans of provinces included."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Q

from config.journal import Journal, Watched
from config.templatetags.site import no_data
from policies.models import Industry, Policy, Province, ProvincialPlan


def policy_journal(policy: Policy, as_of: date, user: Any) -> Journal:
    """A policy's own entries, and those of the plans that its page shows province by province."""
    plans = Watched(ProvincialPlan, Q(policy_id=policy.pk), plan_of_province, ["province"])
    return Journal([Watched(Policy, Q(id=policy.pk), of=policy), plans], as_of, user)


def province_journal(province: Province, as_of: date, user: Any) -> Journal:
    """A province's own entries, and those of its plans."""
    plans = Watched(ProvincialPlan, Q(province_id=province.pk), plan_for_policy, ["policy"], of=province)
    return Journal([Watched(Province, Q(id=province.pk), of=province), plans], as_of, user)


def industry_journal(industry: Industry, as_of: date, user: Any) -> Journal:
    return Journal([Watched(Industry, Q(id=industry.pk))], as_of, user)


# A plan is called by what its page does not say already.


def plan_of_province(entry: Any) -> str:
    return entry.province.short if entry.province else no_data()


def plan_for_policy(entry: Any) -> str:
    return entry.policy.name if entry.policy else no_data()
