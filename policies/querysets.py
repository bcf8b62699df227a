"""QuerySets of the policies' models."""

from __future__ import annotations

from datetime import date
from typing import Any, Self

from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When


def issued_by(as_of: date, plans: str = "") -> Q:
    """Condition: the provincial plan (`plans` leads to it) is recorded as issued and known to exist by the date."""
    return Q(**{f"{plans}status": "issued", f"{plans}known_issued_by__lte": as_of})


class ProvinceQuerySet(QuerySet[Any]):
    def roster(self) -> Self:
        """Return the provinces that the programme covers: the denominator of every rollout number."""
        return self.filter(in_roster=True)


class PolicyQuerySet(QuerySet[Any]):
    def known(self, as_of: date) -> Self:
        """Return the policies known to exist on the as-of date, on whatever day they were entered."""
        return self.filter(known_issued_by__lte=as_of)

    def calling_for_plans(self) -> Self:
        """Return national policies that call for a plan from every province: those whose plans pages can count."""
        return self.filter(calls_for_provincial_plan=True, level="national")

    def rolled_out(self) -> Self:
        """Return policies whose rollout is tracked: they call for plans, or one is recorded as issued."""
        return self.filter(Q(calls_for_provincial_plan=True) | Q(plans__status="issued")).distinct()

    def with_issued_plans(self, as_of: date) -> Self:
        """Annotate `issued_plans`: the number of plans of the roster that count as issued on the as-of date."""
        issued = issued_by(as_of, "plans__") & Q(plans__province__in_roster=True)
        return self.annotate(issued_plans=Count("plans", filter=issued, distinct=True))


class PlanQuerySet(QuerySet[Any]):
    def with_status(self, as_of: date) -> Self:
        """Annotate `status_then`, the status on the date: what was issued or looked up later was not known yet."""
        status = Case(
            When(issued_by(as_of), then=Value("issued")),
            When(status="issued", then=Value("unknown")),
            When(searched_on__gt=as_of, then=Value("unknown")),
            default=F("status"),
            output_field=CharField(),
        )
        return self.annotate(status_then=status)

    def issued(self, as_of: date) -> Self:
        """Return the plans that count as issued on the as-of date."""
        return self.filter(issued_by(as_of))

    def dated(self) -> Self:
        """Return the plans whose date of issue is known to the day."""
        return self.filter(issued_precision="day")
