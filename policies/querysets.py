"""QuerySets of the policies' models."""

from __future__ import annotations

from datetime import date
from typing import Any, Self

from django.db.models import Count, Q, QuerySet

from policies import metrics


class ProvinceQuerySet(QuerySet[Any]):
    def roster(self) -> Self:
        """Return the provinces that the programme covers: the denominator of every rollout number."""
        return self.filter(in_roster=True)


class PolicyQuerySet(QuerySet[Any]):
    def known(self, as_of: date) -> Self:
        """Return the policies known to exist on the as-of date."""
        return self.filter(metrics.known(as_of))

    def calling_for_plans(self) -> Self:
        """Return national policies that call for a plan from every province: those whose plans pages can count."""
        return self.filter(calls_for_provincial_plan=True, level="national")

    def rolled_out(self) -> Self:
        """Return policies whose rollout is tracked: they call for plans, or one is recorded as issued."""
        return self.filter(Q(calls_for_provincial_plan=True) | Q(plans__status="issued")).distinct()

    def with_issued_plans(self, as_of: date) -> Self:
        """Annotate `issued_plans`: the number of plans of the roster that count as issued on the as-of date."""
        issued = metrics.issued(as_of, "plans__") & Q(plans__province__in_roster=True)
        return self.annotate(issued_plans=Count("plans", filter=issued, distinct=True))


class PlanQuerySet(QuerySet[Any]):
    def with_status(self, as_of: date) -> Self:
        """Annotate `status_then`: the status on the as-of date."""
        return self.annotate(status_then=metrics.status_on(as_of))

    def issued(self, as_of: date) -> Self:
        """Return the plans that count as issued on the as-of date."""
        return self.filter(metrics.issued(as_of))

    def dated(self) -> Self:
        """Return the plans whose date of issue is known to the day."""
        return self.filter(metrics.dated())
