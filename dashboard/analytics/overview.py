"""Overview of the programme: one value object for page and API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from pilots.analytics.coverage import Coverage, build_coverage
from pilots.analytics.pilot_status import OpenFollowUps, OutstandingReports, Progress, QuarterLights, build_progress
from pilots.analytics.reconciliation import (
    BatchCount,
    PilotSet,
    ProvincePilots,
    Reconciliation,
    build_reconciliation,
    pilots_by_province,
    term_days_left,
)
from pilots.analytics.synergy import Synergy, synergy_of_prefetched
from pilots.follow_ups import FollowUpSummary
from pilots.lights import Colour
from pilots.metrics import LIBRARY_STATES, CoControl, PracticeState
from pilots.models import Adoption, FollowUp, Pilot, Practice
from pilots.practices import Copies, count_all
from policies.models import Policy, Province, Source
from policies.rollout import PolicyChoice, ProvinceRollout, Rollout, build_rollout, choose_policy

QUARTERS_SHOWN = 5  # number of quarter ends before the day whose lights are shown
MIN_ENTERED_SHARE = 0.8  # share of the announced pilots entered, from which the records describe the batch
MIN_RATED_SHARE = 0.2  # share of the pilots rated, up to which lights and stages of the batch are not drawn


@dataclass(frozen=True)
class Overview:
    """The programme on one day. `rollout` is None before any policy calls for provincial plans.

    `choice` is the policy whose plans are counted: the lead policy, or the one of the query parameter.
    """

    as_of: date
    choice: PolicyChoice
    rollout: Rollout | None
    batches: Sequence[BatchCount]
    national: BatchCount | None
    provinces: Sequence[ProvincePilots]

    @cached_property
    def coverage(self) -> Coverage:
        """Coverage of industries by all recorded pilots. Computed on first access."""
        return build_coverage(Pilot.objects.listed(self.as_of), self.as_of, counts=self.batches)

    @property
    def chosen(self) -> PilotSet:
        """Set of pilots that the overview describes: the latest national batch, or all pilots before there is one."""
        return PilotSet(batch=self.national.batch) if self.national else PilotSet()

    @property
    def scope_text(self) -> str:
        """Name of that set."""
        return self.national.batch.label if self.national else _("All pilots")

    @property
    def batch_filter(self) -> dict[str, str]:
        """Query parameters of lists of that set."""
        return {"batch": self.national.batch.slug} if self.national else {}

    @cached_property
    def national_coverage(self) -> Coverage:
        """Coverage of industries by the pilots of that set. Computed on first access."""
        if self.national is None:
            return self.coverage
        pilots = Pilot.objects.listed(self.as_of).filter(batch=self.national.batch)
        return build_coverage(pilots, self.as_of, chosen=self.chosen, counts=self.batches)

    @cached_property
    def progress(self) -> Progress:
        """Progress of the pilots of the latest national batch, or of all pilots before there is one.

        Computed on first access: a page without lights does not pay for them.
        """
        pilots = Pilot.objects.listed(self.as_of)
        chosen = pilots.filter(batch=self.national.batch) if self.national else pilots
        follow_ups = OpenFollowUps(lambda: [item for item in self.follow_ups if item.current_state.is_open])
        return build_progress(chosen, self.as_of, follow_ups)

    @property
    def cities(self) -> Reconciliation:
        """Cities of the latest national batch: announced against recorded."""
        return self.national.for_kind("city") if self.national else Reconciliation(None, 0, 0)

    @property
    def parks(self) -> Reconciliation:
        """Parks of the latest national batch: announced against recorded."""
        return self.national.for_kind("park") if self.national else Reconciliation(None, 0, 0)

    @property
    def all_kinds(self) -> Reconciliation:
        """All pilots of the latest national batch: announced against recorded."""
        return self.national.total if self.national else Reconciliation(None, 0, 0)

    @property
    def sparse(self) -> bool:
        """Whether too few of the announced pilots are entered to describe the batch."""
        announced = self.all_kinds.announced
        return announced is not None and self.all_kinds.entered < MIN_ENTERED_SHARE * announced

    @cached_property
    def few_rated(self) -> bool:
        """Whether so few pilots have a light other than grey that missing values replace their charts."""
        return self.progress.rated <= MIN_RATED_SHARE * len(self.progress.pilots)

    @cached_property
    def outstanding(self) -> OutstandingReports:
        """Those of these pilots without an accepted value for the year due."""
        return OutstandingReports(self.progress)

    @cached_property
    def synergy(self) -> Synergy:
        """Joint reductions of these pilots, from their prefetched rows. One query, for the indicators."""
        return synergy_of_prefetched([item.pilot for item in self.progress.pilots], self.as_of)

    @property
    def green_by_class(self) -> dict[CoControl, int]:
        """Green ones of these pilots by class of their synergy, all classes included."""
        green = {item.pilot.pk for item in self.progress.pilots if item.colour == Colour.GREEN}
        found = Counter(item.kind for key, item in self.synergy.classed.items() if key in green)
        return {kind: found[kind] for kind in CoControl}

    @cached_property
    def quarters(self) -> list[QuarterLights]:
        """Lights of the same pilots at the ends of the last quarters, oldest first."""
        return self.progress.quarters(QUARTERS_SHOWN)

    @cached_property
    def follow_ups(self) -> list[FollowUp]:
        """All follow-ups, of these pilots and of others. One query, on first access."""
        return list(FollowUp.objects.with_state(self.as_of).select_related("owner_agency"))

    @cached_property
    def follow_up_summary(self) -> FollowUpSummary:
        """Numbers of all follow-ups; lights of causes are computed for it."""
        return FollowUpSummary(self.follow_ups, self.as_of, (item.pilot for item in self.progress.pilots))

    @cached_property
    def practices(self) -> dict[PracticeState, int]:
        """All practices by their state. One query, on first access."""
        rows = Practice.objects.with_state(self.as_of, "proposed_on")
        return count_all(PracticeState, rows.values_list("state_then", flat=True))

    @property
    def in_library(self) -> int:
        """Practices in the library, the recommended ones included."""
        return sum(self.practices[state] for state in LIBRARY_STATES)

    @cached_property
    def copies(self) -> Copies:
        """Copies of these practices, by province. Two queries, on first access."""
        rows = Adoption.objects.on(self.as_of).filter(practice__proposed_on__lte=self.as_of)
        return Copies(self.as_of, list(rows), list(Province.objects.roster()))

    @property
    def days_left(self) -> int | None:
        """Days to the end of the latest national batch's term."""
        return term_days_left(self.national.batch.term_end if self.national else None, self.as_of)


def plan_sources(rows: Iterable[ProvinceRollout]) -> QuerySet[Source]:
    """Return the sources of the plans that count as issued."""
    plans = [row.plan.pk for row in rows if row.plan]
    return Source.objects.filter(provincialplan__in=plans).distinct()


def lead_policy_on(as_of: date) -> Policy | None:
    """Return the lead policy as known on the day, or its replacement (see `choose_policy`)."""
    return choose_policy(as_of).policy


def build_overview(as_of: date, policy: str | None = None) -> Overview:
    """Return the overview on a day; its plans are those of the lead policy or of the policy with that code.

    Raises BadRequest unless that policy calls for provincial plans.
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
