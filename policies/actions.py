"""Writes to the policies' records that touch more than one row."""

from django.db import transaction

from config.history import one_entry
from policies.models import PlanStatus, Policy, Province, ProvincialPlan


def missing_provinces(policy: Policy) -> list[Province]:
    """The provinces of the roster that have no record for the policy yet."""
    return list(Province.objects.roster().exclude(plans__policy=policy))


@transaction.atomic
def add_missing_plans(*, policy: Policy, reason: str = "") -> list[ProvincialPlan]:
    """Give every province of the roster a record for the policy, as unknown: nobody has looked yet."""
    plans = []
    for province in missing_provinces(policy):
        plan = ProvincialPlan(policy=policy, province=province, status=PlanStatus.UNKNOWN)
        plan.full_clean()
        with one_entry(plan, created=True, reason=reason):
            plan.save()
        plans.append(plan)
    return plans
