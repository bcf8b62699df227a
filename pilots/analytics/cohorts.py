"""Cohorts: days in each stage, and every batch at the same age."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from statistics import median

from pilots.analytics.pilot_status import PilotStatus, Progress, build_progress, stage_events
from pilots.metrics import stages
from pilots.metrics.stages import ORDERED_STAGES, Stage, StageFunnel
from pilots.models import Batch, Pilot
from policies.metrics import percentile_days

AGE_CHOICES = (180, 365, 730)
LONG_STAY_QUANTILE, LONG_STAY_MIN_SAMPLE = 0.9, 5
"""A stay is long beyond what nine in ten of the pilots that have left the stage needed, where five or more have."""


@dataclass(frozen=True)
class StageDuration:
    """Days of one pilot in one stage, or so far if not `done`."""

    status: PilotStatus
    stage: Stage
    days: int
    done: bool


@dataclass(frozen=True)
class StageTime:
    """One stage: the durations of pilots that have left it, and of those now in it."""

    stage: Stage
    completed: list[StageDuration] = field(default_factory=list)
    ongoing: list[StageDuration] = field(default_factory=list)

    @property
    def median_days(self) -> float | None:
        """Median of the pilots that have left; None without any."""
        return median(stay.days for stay in self.completed) if self.completed else None

    @cached_property
    def long_after(self) -> int | None:
        """Days after which a stay in this stage is long: the P90 of pilots that have left; None below five."""
        if len(self.completed) < LONG_STAY_MIN_SAMPLE:
            return None
        rank = percentile_days([stay.days for stay in self.completed], LONG_STAY_QUANTILE)
        return None if rank is None else int(rank)

    @property
    def longest(self) -> StageDuration | None:
        """Longest current stay."""
        return max(self.ongoing, key=lambda stay: stay.days, default=None)


def cached_stage_times(progress: Progress) -> list[StageTime]:
    """Return the durations in each of the ten stages; withdrawn pilots count for stages that they had left.

    Cached on the set of pilots, since several charts of a page use it.
    """
    known: dict[str, list[StageTime]] = vars(progress)
    if "stage_times_known" not in known:
        known["stage_times_known"] = build_stage_times(progress)
    return known["stage_times_known"]


def build_stage_times(progress: Progress) -> list[StageTime]:
    times: dict[Stage, StageTime] = {stage: StageTime(stage) for stage in ORDERED_STAGES}
    for status in progress.pilots:
        now = status.current_stage.stage if status.current_stage else None
        for stage, days in stages.time_in_stages(stage_events(status.pilot), progress.as_of).items():
            if stage in times:
                stay = StageDuration(status, stage, days, stage != now)
                (times[stage].completed if stay.done else times[stage].ongoing).append(stay)
    return list(times.values())


def is_long_stay(status: PilotStatus, times: Mapping[Stage, StageTime]) -> bool:
    """Return whether a pilot has been in its stage for longer than nine in ten of those that have left it."""
    limit = (
        times[status.current_stage.stage].long_after
        if status.current_stage and status.current_stage.stage in times
        else None
    )
    return limit is not None and status.days_in_stage is not None and status.days_in_stage > limit


@dataclass(frozen=True)
class Cohort:
    """Funnel of a batch at an age: of each pilot on its own day, so many days after it was listed."""

    batch: Batch
    age: int  # days from known_by to as_of
    pilots: Progress
    funnel: StageFunnel


@dataclass(frozen=True)
class Cohorts:
    """Every batch at one age."""

    days: int
    choices: Sequence[int]
    batches: Sequence[Cohort]


def build_cohorts(batch: Batch, as_of: date, days: int | None = None) -> Cohorts:
    """Return all batches known on the day, this one first, at an age.

    Without a requested age it is the greatest that this batch and at least one other have reached, so that there is
    something to compare.
    """
    known = list(Batch.objects.known(as_of).order_by("known_by", "pk"))
    statuses: dict[int, list[PilotStatus]] = defaultdict(list)
    for status in build_progress(Pilot.objects.listed(as_of), as_of).pilots:
        statuses[status.pilot.batch_id].append(status)
    own = (as_of - batch.known_by).days
    others = [(as_of - item.known_by).days for item in known if item.pk != batch.pk]
    age = days if days is not None else min(own, max(others, default=own))
    cohorts = [build_cohort(item, statuses[item.pk], as_of, age) for item in known]
    return Cohorts(age, age_choices(own, age), sorted(cohorts, key=lambda item: item.batch.pk != batch.pk))


def build_cohort(batch: Batch, statuses: Sequence[PilotStatus], as_of: date, age: int) -> Cohort:
    at = stages.stage_funnel_at_age([stage_events(status.pilot) for status in statuses], age, as_of)
    return Cohort(batch, (as_of - batch.known_by).days, Progress(as_of, statuses), at)


def age_choices(own: int, age: int) -> list[int]:
    """Return the ages to choose from: the round ones that this batch has reached, its own, and the current one."""
    return sorted({*(days for days in AGE_CHOICES if days <= own), own, age})
