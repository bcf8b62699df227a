"""What a director opens on Monday: the whole overview as one value that page and API both draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.db.models import Count

from pilots import metrics
from pilots.coverage import Coverage, build_coverage
from pilots.metrics import Colour, Reconciliation
from pilots.models import Indicator, Pilot
from pilots.outstanding import Outstanding, build_outstanding
from pilots.progress import Progress, build_progress
from pilots.reconcile import BatchCount, build_reconciliation
from pilots.sets import PilotSet
from pilots.synergy import Synergy, synergy_of
from policies.models import Policy, Province
from policies.rollout import PolicyChoice, Rollout, build_rollout, choose_policy

QUARTERS = 5  # ends of quarters before the day whose lights are told
ENOUGH = 0.8  # of the announced pilots entered, from which what is recorded speaks for the batch
FEW = 0.2  # of the pilots rated, up to which lights and stages of the batch are not drawn


@dataclass(frozen=True)
class ProvincePilots:
    """A province of the roster and the pilots recorded in it."""

    province: Province
    pilots: int


@dataclass(frozen=True)
class Overview:
    """The programme on one day. `rollout` is None before any policy calls for provincial plans.

    `choice` is the policy whose plans are counted: the lead policy, or the one that the address names.
    """

    as_of: date
    choice: PolicyChoice
    rollout: Rollout | None
    batches: Sequence[BatchCount]
    national: BatchCount | None
    provinces: Sequence[ProvincePilots]

    @cached_property
    def coverage(self) -> Coverage:
        """The coverage of industries by all recorded pilots. Read only when asked."""
        return build_coverage(Pilot.objects.listed(self.as_of), self.as_of, counts=self.batches)

    @property
    def chosen(self) -> PilotSet:
        """The set that the overview speaks of: the latest national batch; all pilots before there is one."""
        return PilotSet(batch=self.national.batch) if self.national else PilotSet()

    @cached_property
    def national_coverage(self) -> Coverage:
        """The coverage of industries by the pilots of that set. Read only when asked."""
        if self.national is None:
            return self.coverage
        pilots = Pilot.objects.listed(self.as_of).filter(batch=self.national.batch)
        return build_coverage(pilots, self.as_of, chosen=self.chosen, counts=self.batches)

    @cached_property
    def progress(self) -> Progress:
        """How far the pilots of the latest national batch have come; all pilots before there is one.

        Read only when asked: a page that draws no light pays for none.
        """
        pilots = Pilot.objects.listed(self.as_of)
        return build_progress(pilots.filter(batch=self.national.batch) if self.national else pilots, self.as_of)

    @property
    def cities(self) -> Reconciliation:
        """Cities of the latest national batch: announced against recorded."""
        return self.national.of("city") if self.national else Reconciliation(None, 0, 0)

    @property
    def parks(self) -> Reconciliation:
        """Parks of the latest national batch: announced against recorded."""
        return self.national.of("park") if self.national else Reconciliation(None, 0, 0)

    @property
    def all_kinds(self) -> Reconciliation:
        """All pilots of the latest national batch: announced against recorded."""
        return self.national.total if self.national else Reconciliation(None, 0, 0)

    @property
    def sparse(self) -> bool:
        """Whether too few of the announced pilots are entered to speak for the batch."""
        announced = self.all_kinds.announced
        return announced is not None and self.all_kinds.entered < ENOUGH * announced

    @cached_property
    def few_rated(self) -> bool:
        """Whether so few pilots have a light other than grey that what is missing is told in place of their charts."""
        return self.progress.rated <= FEW * len(self.progress.pilots)

    @cached_property
    def outstanding(self) -> Outstanding:
        """Which of these pilots have no accepted value for the year due."""
        return build_outstanding(self.progress)

    @cached_property
    def synergy(self) -> Synergy:
        """What these pilots have reduced together, from the facts read with them. One query, for the indicators."""
        return synergy_of([item.pilot for item in self.progress.pilots], list(Indicator.objects.all()), self.as_of)

    @cached_property
    def quarters(self) -> list[tuple[date, dict[Colour, int]]]:
        """The lights of the same pilots at the ends of the last quarters, oldest first."""
        return self.progress.quarters(QUARTERS)

    @property
    def days_left(self) -> int | None:
        """Days to the end of the latest national batch's term."""
        return metrics.term_days_left(self.national.batch.term_end if self.national else None, self.as_of)


def main_policy(as_of: date) -> Policy | None:
    """The lead policy as known on the day, or what stands in for it (policies/rollout.py, choose_policy)."""
    return choose_policy(as_of).policy


def build_overview(as_of: date, policy: str | None = None) -> Overview:
    """The overview on a day; its plans are those of the lead policy or of the policy with that code.

    Raises BadRequest for a code of no policy that calls for provincial plans.
    """
    choice = choose_policy(as_of, policy)
    batches = build_reconciliation(as_of)
    national = [row for row in batches if row.batch.level == "national"]
    return Overview(
        as_of=as_of,
        choice=choice,
        rollout=build_rollout(choice.policy, as_of) if choice.policy else None,
        batches=batches,
        national=national[-1] if national else None,
        provinces=pilots_by_province(as_of),
    )


def pilots_by_province(as_of: date) -> list[ProvincePilots]:
    """Every province of the roster with the number of its pilots on the day, those without any included."""
    listed = Pilot.objects.listed(as_of).order_by()
    counts = dict(listed.values_list("province").annotate(n=Count("pk")).values_list("province", "n"))
    return [ProvincePilots(province, counts.get(province.pk, 0)) for province in Province.objects.roster()]
