"""The questions that pages and API ask of the policies' records."""

from __future__ import annotations

from datetime import date
from typing import Any, Self

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from policies import metrics


class ProvinceQuerySet(QuerySet[Any]):
    def roster(self) -> Self:
        """The units that the programme covers: every denominator of the rollout."""
        return self.filter(in_roster=True)


class PolicyQuerySet(QuerySet[Any]):
    def known(self, as_of: date) -> Self:
        """Those known to exist on the day."""
        return self.filter(metrics.known(as_of))

    def calling(self) -> Self:
        """National policies that call for a plan from every province: those whose plans pages can count."""
        return self.filter(calls_for_provincial_plan=True, level="national")

    def rolled_out(self) -> Self:
        """Those whose rollout to the provinces is tracked: they call for plans, or one is recorded as issued."""
        plans = self.model._meta.get_field("plans").related_model._default_manager
        issued = plans.filter(policy=OuterRef("pk"), status="issued")
        return self.filter(Q(calls_for_provincial_plan=True) | Exists(issued))

    def with_issued_plans(self, as_of: date) -> Self:
        """Each with `issued_plans`, the provincial plans of the roster that count as issued on the day."""
        plans = self.model._meta.get_field("plans").related_model._default_manager
        own = plans.issued(as_of).filter(policy=OuterRef("pk"), province__in_roster=True)
        counted = own.order_by().values("policy").annotate(n=Count("pk")).values("n")
        return self.annotate(issued_plans=Coalesce(Subquery(counted), 0))


class PlanQuerySet(QuerySet[Any]):
    def with_status(self, as_of: date) -> Self:
        """Each with `status_then`, its status on the day."""
        return self.annotate(status_then=metrics.status_on(as_of))

    def issued(self, as_of: date) -> Self:
        """Those that count as issued on the day."""
        return self.filter(metrics.issued(as_of))

    def dated(self) -> Self:
        """Those whose day of issue is known to the day."""
        return self.filter(metrics.dated())
