"""Status of pilots on a day: stage, lights with reasons, milestones and targets, for page, API and file.

Related rows are prefetched once (`prefetch_for_status`); the rest is computed from them, so any number of days needs no
further query.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Prefetch, QuerySet

from pilots.analytics.pilot_cache import cached_pilots, kept_with_pilot
from pilots.analytics.replanning import PlanHistory, Replanning, with_replan
from pilots.lights import (
    Colour,
    IndicatorLight,
    MilestoneLight,
    PilotLight,
    ReasonSubject,
    count_by_colour,
    milestone_light,
    milestone_light_change_dates,
    pilot_light,
    target_light,
    target_path,
    target_sentence,
    text_light,
    unchanged_since,
    withdrawn_light,
)
from pilots.metrics import progress, stages
from pilots.metrics.progress import TargetPath
from pilots.metrics.stages import CurrentStage, Duration, Stage, StageEvent, StageFunnel
from pilots.models import FollowUp, LightOverride, Milestone, Pilot, Reading, StageEntry, Target
from pilots.readings import YEARLY, is_yearly, newest_accepted_in

UNKNOWN_STAGE = "unknown"  # code for the stage of a pilot without any on record
LIGHTS_CHANGE_ON = (4, 1)  # a year's values are due by 31 March of the next, so lights change on 1 April


def prefetch_for_status(
    pilots: QuerySet[Pilot], *, only_on: date | None = None, quarters: bool = False
) -> QuerySet[Pilot]:
    """Prefetch all rows that the status of pilots is computed from. Eight queries, whatever the number of rows.

    Lights depend on whole years, so quarterly readings are fetched only with `quarters`, for pages that show them.
    `only_on` restricts the status to one day and none before: earlier years are not fetched then.
    """
    readings = Reading.objects.all() if quarters else yearly_readings()
    if only_on:
        readings = readings.filter(period__gte=str(progress.year_due(only_on)))
    facts: Any = Prefetch("facts", readings)  # the type stubs know only Django's own relations
    return pilots.select_related("batch", "province", "parent").prefetch_related(facts)


def yearly_readings() -> QuerySet[Reading]:
    """Return readings of whole years with only the columns that lights and rates need."""
    names = ("pilot", "indicator", "period", "version", "value", "state", "reported_on", "accepted_on")
    return Reading.objects.only(*names).filter(YEARLY)


def related_rows(record: Pilot | Target, name: str) -> Sequence[Any]:
    """Return the rows of a relation that `prefetch_for_status` fetched, or fetch them now."""
    rows: Sequence[object] | None = getattr(record, f"prefetched_{name}", None)
    return list(getattr(record, name).all()) if rows is None else rows


@dataclass(frozen=True)
class IndicatorStatus:
    """Status of one target on a day: the accepted reading that counts, and the light with its numbers."""

    target: Target
    reading: Reading | None
    year: int  # the year that the light is about
    light: IndicatorLight

    about = ReasonSubject.INDICATOR

    @property
    def code(self) -> str:
        return self.target.indicator.code

    key = code

    @property
    def record(self) -> Target:
        return self.target

    @property
    def binds(self) -> bool:
        return self.target.binding

    @property
    def path(self) -> TargetPath | None:
        """Path from the base through the steps to the target; None for a kind without one."""
        return target_path(self.target, self.target.yearly_steps)

    @property
    def sentence(self) -> str:
        """Text of the state: what was due, what was achieved, and the base of its percentage."""
        return target_sentence(self.target, self.light, self.year)


@dataclass(frozen=True)
class MilestoneStatus:
    milestone: Milestone
    planned_on: date  # in force on the day
    light: MilestoneLight
    done: bool
    due: bool

    about = ReasonSubject.MILESTONE

    @property
    def record(self) -> Milestone:
        return self.milestone

    @property
    def key(self) -> str:
        return str(self.milestone.pk)

    @property
    def binds(self) -> bool:
        return self.milestone.is_key


@dataclass(frozen=True)
class OverdueStage:
    """Planned stage whose day has passed while neither it nor a later one was entered."""

    entry: StageEntry
    light: MilestoneLight

    about, binds = ReasonSubject.STAGE, True

    @property
    def record(self) -> StageEntry:
        return self.entry

    @property
    def key(self) -> str:
        return str(self.entry.pk)


@dataclass(frozen=True)
class MilestoneCounts:
    """Milestone counts of a pilot on a day: done, due, due but not done, and all."""

    done: int
    due: int
    late: int
    total: int


@dataclass(frozen=True)
class PilotStatus:
    """Status of a pilot on a day. `light` is the computed one; an `override` in force is shown instead."""

    pilot: Pilot
    as_of: date
    current_stage: CurrentStage | None
    days_in_stage: int | None
    list_to_plan: Duration | None
    indicators: Sequence[IndicatorStatus]
    milestones: Sequence[MilestoneStatus]
    overdue_stages: Sequence[OverdueStage]
    light: PilotLight
    override: LightOverride | None
    reported: bool  # whether any value was accepted for the last period due
    plans: PlanHistory = field(compare=False)
    follow_ups: OpenFollowUps = field(compare=False)

    @property
    def colour(self) -> Colour:
        """Colour shown: that of the override in force, else the computed one."""
        return Colour(self.override.colour) if self.override else self.light.colour

    @property
    def counts(self) -> MilestoneCounts:
        done = sum(item.done for item in self.milestones)
        due = sum(item.due for item in self.milestones)
        late = sum(item.due and not item.done for item in self.milestones)
        return MilestoneCounts(done, due, late, len(self.milestones))

    @property
    def open_follow_ups(self) -> Sequence[FollowUp]:
        """Open follow-ups of the pilot: overdue ones first, then the one due next."""
        return self.follow_ups.by_pilot.get(self.pilot.pk, ())

    @cached_property
    def replanned(self) -> Sequence[Replanning]:
        """Items that decide the light and were changed after they were entered, latest change first."""
        found = {(item.model, item.pk): item for item in self.plans.replannings(self.pilot.pk, self.as_of)}
        for record in (*related_rows(self.pilot, "milestones"), *related_rows(self.pilot, "stages")):
            item = with_replan(found.get((type(record), record.pk)), record, self.as_of)
            if item:
                found[item.model, item.pk] = item
        return sorted(found.values(), key=lambda item: (item.latest, item.pk), reverse=True)

    @cached_property
    def since(self) -> date | None:
        """First day of the colour shown; None when it has never been different."""
        return unchanged_since(
            lambda day: colour_on(self.pilot, day), self.as_of, light_change_dates(self.pilot, self.as_of)
        )


# -- one pilot on a day ----------------------------------------------------------------------------------


def stage_events(pilot: Pilot) -> list[StageEvent]:
    """Return the stages that a pilot has entered, as `metrics.stages` expects them."""
    return [item.as_stage_event() for item in related_rows(pilot, "stages") if item.entered_on]


def pilot_status(
    pilot: Pilot, as_of: date, plans: PlanHistory | None = None, follow_ups: OpenFollowUps | None = None
) -> PilotStatus:
    """Return the status of a pilot on a day. No query when it comes from `prefetch_for_status`.

    `plans` and `follow_ups` are those of pilots that are shown together; they are read on first access.
    """
    return replace(
        status_without_plans(pilot, as_of),
        plans=plans or PlanHistory([pilot.pk]),
        follow_ups=follow_ups or OpenFollowUps([pilot.pk], as_of),
    )


@kept_with_pilot
def status_without_plans(pilot: Pilot, as_of: date) -> PilotStatus:
    """Return the status of a pilot on a day, with an empty plan history and no follow-ups."""
    values = latest_yearly_readings(pilot, as_of)
    indicators = [indicator_status(target, values, as_of) for target in related_rows(pilot, "targets")]
    milestones = [milestone_status(item, as_of) for item in related_rows(pilot, "milestones")]
    steps, late = stage_events(pilot), overdue_stages(pilot, as_of)
    return PilotStatus(
        pilot=pilot,
        as_of=as_of,
        current_stage=stages.current_stage(steps, as_of),
        days_in_stage=stages.days_in_stage(steps, as_of),
        list_to_plan=stages.list_to_plan(steps, as_of),
        indicators=indicators,
        milestones=milestones,
        overdue_stages=late,
        light=computed_light(pilot, as_of, bool(values), indicators, milestones, late),
        override=override_on(pilot, as_of),
        reported=bool(values),
        plans=PlanHistory([]),
        follow_ups=OpenFollowUps([], as_of),
    )


def computed_light(
    pilot: Pilot,
    as_of: date,
    reported: bool,
    indicators: Sequence[IndicatorStatus],
    milestones: Sequence[MilestoneStatus],
    late: Sequence[OverdueStage],
) -> PilotLight:
    """Return the worst light of the pilot's items; grey when nothing can be rated.

    Nothing can be rated when the pilot has withdrawn, when a value is due but none was accepted, before the first value
    is due while no milestone is due or done, and while nothing binding is rated: a pilot without data, or with data
    that nothing is held against, is not on schedule.
    """
    if pilot.withdrawn_by(as_of):
        return withdrawn_light()
    owed = progress.year_due(as_of) >= first_reporting_year(pilot)
    accepted = reported or (not owed and any(item.done or item.due for item in milestones))
    return pilot_light([*indicators, *milestones, *late], accepted=accepted)


def first_reporting_year(pilot: Pilot) -> int:
    """Return the first year for which a pilot owes values: that of its term, or of its batch."""
    return (pilot.starts_on or pilot.batch.known_by).year


@kept_with_pilot
def colour_on(pilot: Pilot, day: date) -> Colour:
    """Return the colour shown on a day: a cheaper `pilot_status` for the colour alone."""
    override = override_on(pilot, day)
    if override:
        return Colour(override.colour)
    values = latest_yearly_readings(pilot, day)
    indicators = [indicator_status(target, values, day) for target in related_rows(pilot, "targets")]
    milestones = [milestone_status(item, day) for item in related_rows(pilot, "milestones")]
    return computed_light(pilot, day, bool(values), indicators, milestones, overdue_stages(pilot, day)).colour


def override_on(pilot: Pilot, as_of: date) -> LightOverride | None:
    """Return the override in force on the day: the latest where two overlap, None for a withdrawn pilot."""
    if pilot.withdrawn_by(as_of):
        return None
    return next((o for o in reversed(related_rows(pilot, "overrides")) if o.set_on <= as_of < o.expires_on), None)


def light_change_dates(pilot: Pilot, until: date) -> list[date]:
    """Return every day up to `until` on which a light of the pilot can change, and some after it."""
    days = [day for item in related_rows(pilot, "milestones") for day in milestone_change_dates(item)]
    # of planned stages: when one is overdue, when another day was accepted, and when any is entered then
    rows = related_rows(pilot, "stages")
    late = [
        entry
        for entry in rows
        if entry.planned_on and (not entry.entered_on or entry.entered_on > entry.planned_on or entry.all_replans)
    ]
    planned = [day for entry in late for day in planned_change_dates(entry, None)]
    days += [*planned, *(entry.entered_on for entry in rows if entry.entered_on)] if planned else []
    accepted = [reading.accepted_on for reading in related_rows(pilot, "readings") if reading.accepted_on]
    days += accepted
    days += [day for o in related_rows(pilot, "overrides") for day in (o.set_on, o.expires_on)]
    targets = list(related_rows(pilot, "targets"))
    days += [date(target.target_year + 1, 1, 1) for target in targets] + [t.done_on for t in targets if t.done_on]
    days += [pilot.withdrawn_on] if pilot.withdrawn_on else []
    start = min([first_reporting_year(pilot), *(day.year for day in accepted)])
    return [*days, *(date(year, *LIGHTS_CHANGE_ON) for year in range(start, until.year + 1))]


def milestone_change_dates(milestone: Milestone) -> list[date]:
    """Return the days on which a milestone can change a light, its planned days included (it is rated from then on)."""
    replans = milestone.accepted_replans(date.max)
    planned = [milestone.planned_on, *(replan.day for replan in replans)]
    return [*planned, *planned_change_dates(milestone, milestone.completed_on)]


def planned_change_dates(record: Milestone | StageEntry, actual: date | None) -> list[date]:
    """Return the days on which the light of what is planned can change, those included on which another day was
    accepted.
    """
    replans = record.accepted_replans(date.max)
    planned = [record.planned_on, *(replan.day for replan in replans)]
    days = [day for on in planned for day in milestone_light_change_dates(on, actual)]
    return [*days, *(replan.decided_on for replan in replans if replan.decided_on)]


def milestone_status(milestone: Milestone, as_of: date) -> MilestoneStatus:
    """Return the status of a milestone on a day; a later completion does not count yet."""
    done = milestone.completed_on if milestone.completed_on and milestone.completed_on <= as_of else None
    planned: date = milestone.planned_by(as_of) or milestone.planned_on
    return MilestoneStatus(
        milestone, planned, milestone_light(planned, done, as_of), done is not None, planned <= as_of
    )


def overdue_stages(pilot: Pilot, as_of: date) -> list[OverdueStage]:
    """Return the planned stages whose day has passed and that no entry into them or into a later stage answers.

    Each has the light of a milestone of that day. The side states are no part of the order: neither is planned work,
    and neither answers a stage.
    """
    rows = related_rows(pilot, "stages")
    waiting = [
        (planned, entry)
        for entry in rows
        if not (entry.entered_on and entry.entered_on <= as_of)
        and (planned := entry.planned_by(as_of))
        and planned < as_of
    ]
    if not waiting:
        return []
    entered = [Stage(entry.stage) for entry in rows if entry.entered_on and entry.entered_on <= as_of]
    reached = max((stage.order for stage in entered if not stage.is_side), default=0)
    return [
        OverdueStage(entry, milestone_light(planned, None, as_of))
        for planned, entry in waiting
        if not Stage(entry.stage).is_side and Stage(entry.stage).order > reached
    ]


# -- readings and targets ----------------------------------------------------------------------------------


def latest_yearly_readings(pilot: Pilot, as_of: date) -> dict[int, Reading]:
    """Return by indicator the accepted reading of the latest whole year that is due on the day or later."""
    due, latest = str(progress.year_due(as_of)), {}
    for reading in newest_accepted_in(related_rows(pilot, "readings"), as_of, due):  # by period, so the latest remains
        if is_yearly(reading.period):
            latest[reading.indicator_id] = reading
    return latest


def indicator_status(target: Target, latest: Mapping[int, Reading], as_of: date) -> IndicatorStatus:
    """Return the status of a target on a day; `latest` is what `latest_yearly_readings` returns."""
    reading = latest.get(target.indicator_id)
    year = int(reading.period) if reading else progress.year_due(as_of)
    if not target.is_measured:  # not done if the pilot reports any value, else unknown
        done = bool(target.done_on and target.done_on <= as_of) or (False if latest else None)
        return IndicatorStatus(target, reading, year, text_light(done, date(target.target_year, 12, 31), as_of))
    known: dict[tuple[int | None, int], IndicatorLight] = vars(target).setdefault("lights_known", {})
    key = (reading.pk if reading else None, year)  # the light is the same on any day
    if key not in known:
        known[key] = target_light(target, target.yearly_steps, reading.value if reading else None, year)
    return IndicatorStatus(target, reading, year, known[key])


# -- many pilots -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LightSummary:
    """Lights by colour on a day and on the last day of the quarter before, for the same pilots."""

    now: dict[Colour, int]
    then: dict[Colour, int]
    then_on: date
    n: int

    def change(self, colour: Colour) -> int:
        return self.now[colour] - self.then[colour]


class QuarterLights(NamedTuple):
    """Lights by colour on the last day of a quarter."""

    on: date
    lights: Mapping[Colour, int]


@dataclass(frozen=True)
class OnTrack:
    """Targets by colour of their light: on the path (green), rated, and all."""

    lights: Mapping[Colour, int]

    @property
    def on_path(self) -> int:
        return self.lights[Colour.GREEN]

    @property
    def rated(self) -> int:
        return self.total - self.unrated

    @property
    def few(self) -> bool:
        """Whether at most a fifth of the targets are rated: too few to describe the others."""
        return self.rated * 5 <= self.total

    @property
    def unrated(self) -> int:
        return self.lights[Colour.GREY]

    @property
    def total(self) -> int:
        return sum(self.lights.values())


@dataclass(frozen=True)
class Progress:
    """Progress of a set of pilots on a day."""

    as_of: date
    pilots: Sequence[PilotStatus]

    @cached_property
    def strip(self) -> LightSummary:
        """Lights now and at the end of the last quarter, of the same pilots on both days."""
        then_on = quarter_end_before(self.as_of)
        return LightSummary(
            now=count_by_colour(item.colour for item in self.pilots),
            then=count_by_colour(colour_on(item.pilot, then_on) for item in self.pilots),
            then_on=then_on,
            n=len(self.pilots),
        )

    def funnel(self, kind: str = "") -> StageFunnel:
        """Return the funnel of all pilots, or of one kind."""
        chosen = [stage_events(item.pilot) for item in self.pilots if kind in ("", item.pilot.kind)]
        return stages.stage_funnel(chosen, self.as_of)

    @property
    def reported(self) -> int:
        """Number of pilots with an accepted value for the last period due."""
        return sum(item.reported for item in self.pilots)

    @property
    def needing_attention(self) -> int:
        """Pilots whose light is red or yellow."""
        return sum(item.colour in {Colour.RED, Colour.YELLOW} for item in self.pilots)

    def attention(self, most: int | None = None) -> list[PilotStatus]:
        """Return up to `most` pilots whose light is red or yellow, worst first, then longest in that colour.

        `since` evaluates many days, so it is not computed for yellow pilots while there are enough red ones.
        """
        found: list[PilotStatus] = []
        for colour in (Colour.RED, Colour.YELLOW):
            if most is None or len(found) < most:
                of_colour = [item for item in self.pilots if item.colour == colour]
                found += sorted(of_colour, key=lambda item: (item.since or date.min, item.pilot.pk))
        return found[:most]

    @property
    def longest_in_stage(self) -> list[PilotStatus]:
        """Pilots by days in their stage, longest first, without withdrawn ones."""
        found = [p for p in self.pilots if p.days_in_stage is not None and p.current_stage and not is_withdrawn(p)]
        return sorted(found, key=lambda item: (-(item.days_in_stage or 0), item.pilot.pk))

    @property
    def rated(self) -> int:
        """Pilots whose light is not grey."""
        return sum(item.colour != Colour.GREY for item in self.pilots)

    @cached_property
    def on_track(self) -> OnTrack:
        """Binding targets by colour of their light."""
        return OnTrack(count_by_colour(i.light.colour for p in self.pilots for i in p.indicators if i.target.binding))

    def quarters(self, most: int) -> list[QuarterLights]:
        """Return the lights of the same pilots at up to `most` ends of quarters before the day, oldest first.

        The list starts after the last quarter in which no pilot was rated.
        """
        found: list[QuarterLights] = []
        day = self.strip.then_on
        counts = self.strip.then
        while counts[Colour.GREY] < len(self.pilots):
            found.append(QuarterLights(day, counts))
            if len(found) >= most:
                break
            day = quarter_end_before(day)
            counts = count_by_colour(colour_on(item.pilot, day) for item in self.pilots)
        return found[::-1]


def is_withdrawn(status: PilotStatus) -> bool:
    return status.current_stage is not None and status.current_stage.stage == stages.Stage.WITHDRAWN


def quarter_end_before(as_of: date) -> date:
    """Return the last day of the quarter before that of the day."""
    first_month = 3 * ((as_of.month - 1) // 3) + 1
    return date(as_of.year, first_month, 1) - timedelta(1)


def build_progress(pilots: QuerySet[Pilot], as_of: date, *, cached: bool = True) -> Progress:
    """Return the progress of these pilots on a day.

    Pilots that were not written to since the last time come from the cache, without what else the queryset prefetches;
    `cached=False` reads all of them.
    """
    found = cached_pilots(pilots, prefetch_for_status) if cached else None
    found = list(prefetch_for_status(pilots)) if found is None else found
    plans, follow_ups = PlanHistory(pilot.pk for pilot in found), OpenFollowUps((pilot.pk for pilot in found), as_of)
    return Progress(as_of, [pilot_status(pilot, as_of, plans, follow_ups) for pilot in found])


# -- province by province ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProvinceLights:
    """Lights of a province's pilots on a day; `red` and `yellow` are None where no pilot can be rated."""

    pilots: int
    red: int | None
    yellow: int | None
    not_reported: int  # of those that owe values for the last year due


def lights_by_province(as_of: date) -> dict[int, ProvinceLights]:
    """Return the lights of all pilots by key of their province, without provinces that have no pilot.

    Nine queries.
    """
    found: dict[int, list[PilotStatus]] = {}
    for pilot in prefetch_for_status(Pilot.objects.listed(as_of), only_on=as_of):
        found.setdefault(pilot.province_id, []).append(pilot_status(pilot, as_of))
    return {province: province_lights(statuses, progress.year_due(as_of)) for province, statuses in found.items()}


def province_lights(statuses: Sequence[PilotStatus], year: int) -> ProvinceLights:
    """Return the lights of one province; `year` is the last one for which values are due."""
    colours = count_by_colour(status.colour for status in statuses)
    rated = len(statuses) - colours[Colour.GREY]
    owing = [status for status in statuses if first_reporting_year(status.pilot) <= year]
    return ProvinceLights(
        pilots=len(statuses),
        red=colours[Colour.RED] if rated else None,
        yellow=colours[Colour.YELLOW] if rated else None,
        not_reported=sum(not status.reported for status in owing),
    )


# -- open follow-ups: the agency that has to answer one owns the light that it is about ---------------------


class OpenFollowUps:
    """Open follow-ups of pilots that are shown together, on a day. One query for all of them, on first access."""

    def __init__(self, pilots: Iterable[int], as_of: date) -> None:
        self.pilots, self.as_of = list(pilots), as_of

    @cached_property
    def by_pilot(self) -> Mapping[int | None, Sequence[FollowUp]]:
        """The follow-ups by key of their pilot: overdue ones first, then the one due next."""
        rows: Any = FollowUp.objects.filter(pilot__in=self.pilots).with_state(self.as_of).open()
        found: dict[int | None, list[FollowUp]] = defaultdict(list)
        for row in rows.select_related("owner_agency").order_by("-is_overdue", "current_due_on", "pk"):
            found[row.pilot_id].append(row)
        return found
