"""Writes to the policies' records that touch more than one row."""

from typing import Any

from django.db import transaction

from config.history import one_entry
from config.reach import within
from policies.models import PlanStatus, Policy, Province, ProvincialPlan


def missing_provinces(policy: Policy, by: Any) -> list[Province]:
    """The provinces of the roster, as far as the person's reach goes, that have no record for the policy yet."""
    return list(within(by, Province.objects.roster().exclude(plans__policy=policy)))


@transaction.atomic
def add_missing_plans(*, policy: Policy, by: Any, reason: str = "") -> list[ProvincialPlan]:
    """Give every such province a record for the policy, as unknown: nobody has looked yet."""
    plans = []
    for province in missing_provinces(policy, by):
        plan = ProvincialPlan(policy=policy, province=province, status=PlanStatus.UNKNOWN)
        plan.full_clean()
        with one_entry(plan, created=True, reason=reason):
            plan.save()
        plans.append(plan)
    return plans
