"""Reconciliation of announced and recorded pilots, used wherever pilots are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from pilots.metrics import reconciliation
from pilots.metrics.reconciliation import Reconciliation
from pilots.metrics.stages import Stage
from pilots.models import Batch, Pilot, PilotKind, StageEntry

EnteredCounts = Mapping[tuple[int, str], tuple[int, int, int]]
"""By batch and kind: pilots in the programme, those of them only inferred, and those that have withdrawn."""


@dataclass(frozen=True)
class KindCount:
    kind: PilotKind
    label: str
    numbers: Reconciliation


@dataclass(frozen=True)
class BatchCount:
    """Reconciliation of one batch, for each kind that it announces or of which a pilot is entered."""

    batch: Batch
    kinds: Sequence[KindCount]

    @property
    def total(self) -> Reconciliation:
        """All kinds together."""
        return sum((item.numbers for item in self.kinds), Reconciliation(0, 0, 0))

    def for_kind(self, kind: str) -> Reconciliation:
        """Return the numbers of one kind; zeros where the batch has none of it."""
        return next((item.numbers for item in self.kinds if item.kind == kind), Reconciliation(None, 0, 0))


def build_reconciliation(as_of: date) -> list[BatchCount]:
    """Return every batch known on the day with its counts. Two queries, whatever the number of rows."""
    current = reconciliation.listed_condition(as_of)
    entered: EnteredCounts = {
        (row["batch"], row["kind"]): (row["recorded"], row["inferred"], row["withdrawn"])
        for row in Pilot.objects.known(as_of)
        .order_by()
        .values("batch", "kind")
        .annotate(
            recorded=Count("pk", filter=current),
            inferred=Count("pk", filter=current & Q(confidence="inferred")),
            withdrawn=Count("pk", filter=reconciliation.withdrawn_condition(as_of)),
        )
    }
    batches = Batch.objects.known(as_of).select_related("province", "policy")
    return [BatchCount(batch, kind_counts(batch, entered)) for batch in batches]


def kind_counts(batch: Batch, entered: EnteredCounts) -> list[KindCount]:
    """Return the counts by kind, without kinds that are neither announced (0 counts as not) nor entered."""
    rows = []
    for kind in PilotKind:
        announced, found = batch.announced(kind.value), entered.get((batch.pk, kind.value), (0, 0, 0))
        if announced or any(found):
            rows.append(KindCount(kind, str(kind.label), Reconciliation(announced, *found)))
    return rows


# -- withdrawals ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Withdrawal:
    """Withdrawal of a pilot: the date, and the reason from its stage entry."""

    pilot: Pilot
    on: date
    reason: str  # empty where none is on record

    @property
    def batch(self) -> Batch:
        """Batch with which it was listed."""
        return self.pilot.batch


def build_withdrawals(pilots: QuerySet[Pilot], as_of: date) -> list[Withdrawal]:
    """Return the withdrawals by the day, latest first. Two queries."""
    left = (
        pilots.filter(reconciliation.withdrawn_condition(as_of))
        .select_related("batch", "province")
        .order_by("-withdrawn_on", "pk")
    )
    entries = StageEntry.objects.filter(stage=Stage.WITHDRAWN, entered_on__lte=as_of).order_by("entered_on", "pk")
    return [
        Withdrawal(pilot, pilot.withdrawn_on, withdrawal_reason(pilot))
        for pilot in left.prefetch_related(Prefetch("stages", entries, to_attr="left"))
        if pilot.withdrawn_on
    ]


def withdrawal_reason(pilot: Any) -> str:
    """Return the reason of its latest withdrawal entry, else the evidence of that entry."""
    entry = pilot.left[-1] if pilot.left else None
    return (entry.reason or entry.evidence) if entry else ""
