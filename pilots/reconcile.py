"""Announced against recorded, wherever a count of pilots is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q

from pilots.metrics import Reconciliation
from pilots.models import Batch, Pilot, PilotKind


@dataclass(frozen=True)
class KindCount:
    kind: str
    label: str
    numbers: Reconciliation


@dataclass(frozen=True)
class BatchCount:
    """One batch: announced against recorded for each kind that it names or that is recorded in it."""

    batch: Batch
    kinds: Sequence[KindCount]

    @property
    def total(self) -> Reconciliation:
        return sum((item.numbers for item in self.kinds), Reconciliation(0, 0, 0))

    def of(self, kind: str) -> Reconciliation:
        """The numbers of one kind; nothing announced and nothing recorded where the batch has none of it."""
        return next((item.numbers for item in self.kinds if item.kind == kind), Reconciliation(None, 0, 0))


def build_reconciliation(as_of: date) -> list[BatchCount]:
    """Every batch known on the day with its counts. Two queries, whatever the number of rows."""
    recorded: dict[tuple[int, str], tuple[int, int]] = {
        (row["batch"], row["kind"]): (row["recorded"], row["inferred"])
        for row in Pilot.objects.listed(as_of)
        .order_by()
        .values("batch", "kind")
        .annotate(recorded=Count("pk"), inferred=Count("pk", filter=Q(confidence="inferred")))
    }
    batches = Batch.objects.known(as_of).select_related("province", "policy")
    return [BatchCount(batch, kind_counts(batch, recorded)) for batch in batches]


def kind_counts(batch: Batch, recorded: dict[tuple[int, str], tuple[int, int]]) -> list[KindCount]:
    """The batch's kinds: left out is only what is neither announced (0 counts as not) nor recorded."""
    rows = []
    for kind in PilotKind:
        announced, found = batch.announced(kind.value), recorded.get((batch.pk, kind.value), (0, 0))
        if announced or found[0]:
            rows.append(KindCount(kind.value, str(kind.label), Reconciliation(announced, *found)))
    return rows
