"""What the records hold and what they do not: firm, inferred, and announced, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from config.words import labelled
from pilots.reconcile import BatchCount
from policies.metrics import dated, issued
from policies.models import Policy, Province, ProvincialPlan

FIRM = ~Q(confidence="inferred")


@dataclass(frozen=True)
class Gap:
    """One thing that should be on record: how much is, firmly and with what is only inferred, of how much."""

    what: str
    firm: int
    recorded: int
    expected: int | None
    withdrawn: int | None = None  # of pilots: entered too, but in the programme no more

    @property
    def missing(self) -> int | None:
        """Expected and not on record; None where it is not known how many are expected."""
        return None if self.expected is None else max(0, self.expected - self.recorded - (self.withdrawn or 0))

    @property
    def share(self) -> float | None:
        """How much of what was announced or is expected is on record; None where nobody said how much that is."""
        return None if not self.expected else min(1.0, (self.recorded + (self.withdrawn or 0)) / self.expected)


def build_gaps(as_of: date, batches: Sequence[BatchCount], policy: Policy | None) -> list[Gap]:
    """The holes in the records on a day: one policy's provincial plans, then every batch by kind."""
    return plan_gaps(as_of, policy) + [
        Gap(
            labelled(item.batch.label, kind.label),
            kind.numbers.firm,
            kind.numbers.recorded,
            kind.numbers.announced,
            kind.numbers.withdrawn,
        )
        for item in batches
        for kind in item.kinds
    ]


def plan_gaps(as_of: date, policy: Policy | None) -> list[Gap]:
    """How complete a policy's provincial plans are: that they exist, their title, number and date."""
    if policy is None:
        return []
    roster = Province.objects.roster().count()
    wanted = {
        _("plans known to be issued"): Q(),
        _("plans with a title"): ~Q(title_zh="") | ~Q(title_en=""),
        _("plans with a document number"): ~Q(doc_number=""),
        _("plans with some date of issue"): Q(issued_on__isnull=False),
        _("plans with a full date of issue"): dated(),
    }
    plans = ProvincialPlan.objects.filter(issued(as_of), policy=policy, province__in_roster=True)
    counts = plans.aggregate(
        **{f"firm_{n}": Count("pk", filter=has & FIRM) for n, has in enumerate(wanted.values())},
        **{f"all_{n}": Count("pk", filter=has) if has else Count("pk") for n, has in enumerate(wanted.values())},
    )
    return [
        Gap(labelled(policy.short, what), counts[f"firm_{n}"], counts[f"all_{n}"], roster)
        for n, what in enumerate(wanted)
    ]
