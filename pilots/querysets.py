"""The questions that pages and API ask of the pilots' records."""

from __future__ import annotations

from datetime import date
from typing import Any, Self

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from pilots import metrics


class BatchQuerySet(QuerySet[Any]):
    def known(self, as_of: date) -> Self:
        """Those announced, or known to exist, by the day."""
        return self.filter(known_by__lte=as_of)


class PilotQuerySet(QuerySet[Any]):
    def known(self, as_of: date) -> Self:
        """Those whose batch is known on the day, whether or not they have withdrawn."""
        return self.filter(metrics.known(as_of))

    def listed(self, as_of: date) -> Self:
        """Those that are pilots on the day: their batch is known and they have not withdrawn."""
        return self.filter(metrics.listed(as_of))

    def withdrawn(self, as_of: date) -> Self:
        """Those that had withdrawn by the day."""
        return self.filter(metrics.withdrawn(as_of))

    def members(self, as_of: date, membership: str | None) -> Self:
        """Those in the programme; `only` those that have withdrawn, `include` both. Another word changes nothing."""
        which = {"only": self.withdrawn, "include": self.known}
        return which.get(membership or "", self.listed)(as_of)


def count_pilots(pilots: QuerySet[Any], field: str) -> Coalesce:
    """For each row of another table: how many of these pilots name it in `field`, 0 where none does."""
    own = pilots.order_by().filter(**{field: OuterRef("pk")}).values(field).annotate(n=Count("pk", distinct=True))
    return Coalesce(Subquery(own.values("n")), 0)
