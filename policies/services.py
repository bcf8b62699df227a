"""Services of policies: writes that touch several rows."""

from typing import Any

from django.db import transaction

from core.permissions import in_scope
from core.records import writing
from policies.models import PlanStatus, Policy, Province, ProvincialPlan


def missing_provinces(policy: Policy, by: Any) -> list[Province]:
    """Return the provinces of the roster, within the user's scope, that have no record for the policy yet."""
    return list(in_scope(by, Province.objects.roster().exclude(plans__policy=policy)))


@transaction.atomic
def add_missing_plans(*, policy: Policy, by: Any, reason: str = "") -> list[ProvincialPlan]:
    """Create a record with status unknown for each of these provinces."""
    plans = []
    for province in missing_provinces(policy, by):
        plan = ProvincialPlan(policy=policy, province=province, status=PlanStatus.UNKNOWN)
        writing.write(plan, by=by, reason=reason)
        plans.append(plan)
    return plans
