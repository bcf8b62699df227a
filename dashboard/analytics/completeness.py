"""Completeness of the records: confirmed, inferred and announced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from core.text.formatting import label_value
from pilots.analytics.reconciliation import BatchCount
from policies.models import Policy, Province, ProvincialPlan

CONFIRMED = ~Q(confidence="inferred")


@dataclass(frozen=True)
class CompletenessItem:
    """Completeness of one kind of record: confirmed, recorded (inferred ones included) and expected."""

    what: str
    firm: int
    recorded: int
    expected: int | None
    withdrawn: int | None = None  # of pilots: entered, but no longer in the programme

    @property
    def missing(self) -> int | None:
        """Expected minus recorded; None where the expected number is not known."""
        return None if self.expected is None else max(0, self.expected - self.recorded - (self.withdrawn or 0))

    @property
    def share(self) -> float | None:
        """Recorded over announced or expected; None where that number is not known."""
        return None if not self.expected else min(1.0, (self.recorded + (self.withdrawn or 0)) / self.expected)


def build_completeness(as_of: date, batches: Sequence[BatchCount], policy: Policy | None) -> list[CompletenessItem]:
    """Return the completeness on a day of one policy's provincial plans, then of every batch by kind."""
    return plan_completeness(as_of, policy) + [
        CompletenessItem(
            label_value(item.batch.label, kind.label),
            kind.numbers.firm,
            kind.numbers.recorded,
            kind.numbers.announced,
            kind.numbers.withdrawn,
        )
        for item in batches
        for kind in item.kinds
    ]


def plan_completeness(as_of: date, policy: Policy | None) -> list[CompletenessItem]:
    """Return the completeness of a policy's provincial plans: their existence, title, number and date."""
    if policy is None:
        return []
    roster = Province.objects.roster().count()
    wanted = {
        _("plans known to be issued"): Q(),
        _("plans with a title"): ~Q(title_zh="") | ~Q(title_en=""),
        _("plans with a document number"): ~Q(doc_number=""),
        _("plans with some date of issue"): Q(issued_on__isnull=False),
        _("plans with a full date of issue"): Q(issued_precision="day"),
    }
    plans = ProvincialPlan.objects.issued(as_of).filter(policy=policy, province__in_roster=True)
    counts = plans.aggregate(
        **{f"firm_{n}": Count("pk", filter=has & CONFIRMED) for n, has in enumerate(wanted.values())},
        **{f"all_{n}": Count("pk", filter=has) if has else Count("pk") for n, has in enumerate(wanted.values())},
    )
    return [
        CompletenessItem(label_value(policy.short, what), counts[f"firm_{n}"], counts[f"all_{n}"], roster)
        for n, what in enumerate(wanted)
    ]
