"""Querysets of batches, pilots and follow-ups."""

from __future__ import annotations

from datetime import date
from typing import Any, Self

from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, F, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from pilots.metrics import reconciliation
from pilots.metrics.follow_up_states import OPEN_STATES, OWNER_STATES, FollowUpState, Move


class BatchQuerySet(QuerySet[Any]):
    def known(self, as_of: date) -> Self:
        """Filter batches announced, or known to exist, by the day."""
        return self.filter(known_by__lte=as_of)


class PilotQuerySet(QuerySet[Any]):
    def known(self, as_of: date) -> Self:
        """Filter pilots whose batch is known on the day, withdrawn ones included."""
        return self.filter(reconciliation.known_condition(as_of))

    def listed(self, as_of: date) -> Self:
        """Filter pilots in the programme on the day: batch known and not withdrawn."""
        return self.filter(reconciliation.listed_condition(as_of))

    def withdrawn(self, as_of: date) -> Self:
        """Filter pilots withdrawn by the day."""
        return self.filter(reconciliation.withdrawn_condition(as_of))

    def members(self, as_of: date, membership: str | None) -> Self:
        """Filter pilots in the programme; `only`: withdrawn ones, `include`: both. Other values mean the default."""
        which = {"only": self.withdrawn, "include": self.known}
        return which.get(membership or "", self.listed)(as_of)


class FollowUpQuerySet(QuerySet[Any]):
    """Follow-ups with what their steps say on a day as columns, for filters and sorting; `follow_ups/metrics.py` has
    the same for steps in memory.
    """

    def known(self, as_of: date) -> Self:
        """Filter follow-ups that exist on the day: those whose first step was taken by then."""
        return self.filter(Exists(self.steps_by(as_of)))

    def with_state(self, as_of: date) -> Self:
        """Add `state`, `current_due_on` (the due date in force), `times_extended`, `last_step_on` and `is_overdue`.

        Values are those of the day; `state` is null for a follow-up that does not exist on it.
        """
        steps = self.steps_by(as_of)
        newest = steps.order_by("-seq")
        extended = steps.filter(move=Move.EXTEND).order_by().values("follow_up").annotate(n=Count("pk"))
        return self.annotate(
            state=Subquery(newest.values("state")[:1]),
            current_due_on=Coalesce(
                Subquery(newest.filter(new_due_on__isnull=False).values("new_due_on")[:1]), F("due_on")
            ),
            times_extended=Coalesce(Subquery(extended.values("n")), 0),
            last_step_on=Subquery(newest.values("taken_on")[:1]),
        ).annotate(
            is_overdue=ExpressionWrapper(
                Q(state__in=OWNER_STATES, current_due_on__lt=as_of), output_field=BooleanField()
            )
        )

    def open(self) -> Self:
        """Filter those in which something remains to be done; after `with_state`."""
        return self.filter(state__in=OPEN_STATES)

    def overdue(self) -> Self:
        """Filter those in which the owner has to act and the due date has passed; after `with_state`."""
        return self.filter(is_overdue=True)

    def to_verify(self) -> Self:
        """Filter those reported as done and not verified; after `with_state`."""
        return self.filter(state=FollowUpState.REPORTED)

    def steps_by(self, as_of: date) -> QuerySet[Any]:
        """Return a subquery of the outer follow-up's steps taken by the day."""
        steps: Any = self.model._meta.get_field("steps").related_model
        return QuerySet(steps, using=self.db).filter(follow_up=OuterRef("pk"), taken_on__lte=as_of)


def count_pilots(pilots: QuerySet[Model], field: str) -> Coalesce:
    """Return a subquery for rows of another table: how many of these pilots reference it by `field`, or 0."""
    own = pilots.order_by().filter(**{field: OuterRef("pk")}).values(field).annotate(n=Count("pk", distinct=True))
    return Coalesce(Subquery(own.values("n")), 0)
