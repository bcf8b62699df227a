"""Announced against recorded, wherever a count of pilots is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from pilots import metrics
from pilots.metrics import Reconciliation, Stage
from pilots.models import Batch, Pilot, PilotKind, StageEntry

Entered = Mapping[tuple[int, str], tuple[int, int, int]]
"""By batch and kind: pilots in the programme, those of them only inferred, and those that have withdrawn."""


@dataclass(frozen=True)
class KindCount:
    kind: str
    label: str
    numbers: Reconciliation


@dataclass(frozen=True)
class BatchCount:
    """One batch: announced against recorded for each kind that it names or of which a pilot is entered."""

    batch: Batch
    kinds: Sequence[KindCount]

    @property
    def total(self) -> Reconciliation:
        """All kinds together."""
        return sum((item.numbers for item in self.kinds), Reconciliation(0, 0, 0))

    def of(self, kind: str) -> Reconciliation:
        """The numbers of one kind; nothing announced and nothing recorded where the batch has none of it."""
        return next((item.numbers for item in self.kinds if item.kind == kind), Reconciliation(None, 0, 0))


def build_reconciliation(as_of: date) -> list[BatchCount]:
    """Every batch known on the day with its counts. Two queries, whatever the number of rows."""
    current = metrics.listed(as_of)
    entered: Entered = {
        (row["batch"], row["kind"]): (row["recorded"], row["inferred"], row["withdrawn"])
        for row in Pilot.objects.known(as_of)
        .order_by()
        .values("batch", "kind")
        .annotate(
            recorded=Count("pk", filter=current),
            inferred=Count("pk", filter=current & Q(confidence="inferred")),
            withdrawn=Count("pk", filter=metrics.withdrawn(as_of)),
        )
    }
    batches = Batch.objects.known(as_of).select_related("province", "policy")
    return [BatchCount(batch, kind_counts(batch, entered)) for batch in batches]


def kind_counts(batch: Batch, entered: Entered) -> list[KindCount]:
    """The batch's kinds: left out is only what is neither announced (0 counts as not) nor entered."""
    rows = []
    for kind in PilotKind:
        announced, found = batch.announced(kind.value), entered.get((batch.pk, kind.value), (0, 0, 0))
        if announced or any(found):
            rows.append(KindCount(kind.value, str(kind.label), Reconciliation(announced, *found)))
    return rows


# -- withdrawals ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Withdrawal:
    """A pilot that has left the programme: when, and what its stage entry says of it."""

    pilot: Pilot
    on: date
    reason: str  # empty where none is on record

    @property
    def batch(self) -> Batch:
        """The batch it was listed with."""
        return self.pilot.batch


def build_withdrawals(pilots: QuerySet[Pilot], as_of: date) -> list[Withdrawal]:
    """Those of the pilots that had withdrawn by the day, the latest first. Two queries."""
    left = pilots.filter(metrics.withdrawn(as_of)).select_related("batch", "province").order_by("-withdrawn_on", "pk")
    entries = StageEntry.objects.filter(stage=Stage.WITHDRAWN, entered_on__lte=as_of).order_by("entered_on", "pk")
    return [
        Withdrawal(pilot, pilot.withdrawn_on, last_reason(pilot))
        for pilot in left.prefetch_related(Prefetch("stages", entries, to_attr="left"))
        if pilot.withdrawn_on
    ]


def last_reason(pilot: Any) -> str:
    """Why it left, as its latest such stage entry says: the reason, else the document that shows it."""
    entry = pilot.left[-1] if pilot.left else None
    return (entry.reason or entry.evidence) if entry else ""
