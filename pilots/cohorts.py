"""A batch among the others: how long its pilots stay in each stage, and where all stood at the same age."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from statistics import median

from pilots import metrics
from pilots.metrics import ORDERED, Funnel, Stage
from pilots.models import Batch, Pilot
from pilots.progress import PilotStatus, Progress, build_progress, entries
from policies.metrics import percentile_days

AGES = (180, 365, 730)
LONG_RANK, LONG_FROM = 0.9, 5
"""A stay is long beyond what nine in ten of the pilots that have left the stage needed, where five or more have."""


@dataclass(frozen=True)
class Stay:
    """One pilot in one stage: the days it spent there, or has spent so far when it is not `done`."""

    status: PilotStatus
    stage: Stage
    days: int
    done: bool


@dataclass(frozen=True)
class StageTime:
    """One stage: who has left it, and who is in it now."""

    stage: Stage
    left: list[Stay] = field(default_factory=list)
    still: list[Stay] = field(default_factory=list)

    @property
    def median_days(self) -> float | None:
        """The median of those who have left; None when nobody has."""
        return median(stay.days for stay in self.left) if self.left else None

    @cached_property
    def long_after(self) -> int | None:
        """The days after which a stay in this stage is long: the P90 of those who have left; None below five."""
        if len(self.left) < LONG_FROM:
            return None
        rank = percentile_days([stay.days for stay in self.left], LONG_RANK)
        return None if rank is None else int(rank)

    @property
    def longest(self) -> Stay | None:
        """Who is in it now for longest."""
        return max(self.still, key=lambda stay: stay.days, default=None)


def stage_times(progress: Progress) -> list[StageTime]:
    """Time in each of the ten stages, over these pilots; withdrawn ones count for what they had left.

    Worked out once for a set of pilots: several charts of a page ask for it.
    """
    known: dict[str, list[StageTime]] = vars(progress)
    if "stage_times_known" not in known:
        known["stage_times_known"] = build_stage_times(progress)
    return known["stage_times_known"]


def build_stage_times(progress: Progress) -> list[StageTime]:
    times: dict[Stage, StageTime] = {stage: StageTime(stage) for stage in ORDERED}
    for status in progress.pilots:
        now = status.position.stage if status.position else None
        for stage, days in metrics.time_in_stages(entries(status.pilot), progress.as_of).items():
            if stage in times:
                stay = Stay(status, stage, days, stage != now)
                (times[stage].left if stay.done else times[stage].still).append(stay)
    return list(times.values())


def is_long(status: PilotStatus, times: Mapping[Stage, StageTime]) -> bool:
    """Whether a pilot stands in its stage for longer than nine in ten of those who have left it."""
    limit = times[status.position.stage].long_after if status.position and status.position.stage in times else None
    return limit is not None and status.days_in_stage is not None and status.days_in_stage > limit


@dataclass(frozen=True)
class Cohort:
    """A batch at an age: its funnel so many days after its pilots were listed, each on its own day."""

    batch: Batch
    age: int  # days since it is known, on the day asked
    pilots: Progress
    at: Funnel


@dataclass(frozen=True)
class Cohorts:
    """Every batch at one age."""

    days: int
    choices: Sequence[int]
    batches: Sequence[Cohort]


def build_cohorts(batch: Batch, as_of: date, days: int | None = None) -> Cohorts:
    """All batches known on the day, this one first, at an age.

    Without one asked it is the greatest that this batch and at least one other have reached: before that there is
    nothing to compare.
    """
    known = list(Batch.objects.known(as_of).order_by("known_by", "pk"))
    statuses: dict[int, list[PilotStatus]] = defaultdict(list)
    for status in build_progress(Pilot.objects.listed(as_of), as_of).pilots:
        statuses[status.pilot.batch_id].append(status)
    own = (as_of - batch.known_by).days
    others = [(as_of - item.known_by).days for item in known if item.pk != batch.pk]
    age = days if days is not None else min(own, max(others, default=own))
    cohorts = [cohort(item, statuses[item.pk], as_of, age) for item in known]
    return Cohorts(age, choices(own, age), sorted(cohorts, key=lambda item: item.batch.pk != batch.pk))


def cohort(batch: Batch, statuses: Sequence[PilotStatus], as_of: date, age: int) -> Cohort:
    at = metrics.funnel_at_age([entries(status.pilot) for status in statuses], age, as_of)
    return Cohort(batch, (as_of - batch.known_by).days, Progress(as_of, statuses), at)


def choices(own: int, age: int) -> list[int]:
    """The ages offered: the round ones that this batch has reached, its own, and the one shown."""
    return sorted({*(days for days in AGES if days <= own), own, age})
