"""How far every pilot has come on a day, and why its light has its colour: one value for page, API and file.

Facts are read once (`with_facts`), and everything after that is arithmetic on them, so any number of days can be asked
without another query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Prefetch, QuerySet

from pilots import metrics
from pilots.metrics import (
    Colour,
    Direction,
    Entry,
    Funnel,
    IndicatorLight,
    MilestoneLight,
    PilotLight,
    Point,
    Position,
    RatedIndicator,
    RatedMilestone,
    Span,
    TargetKind,
    TargetPath,
)
from pilots.models import LightOverride, Milestone, Pilot, Reading, Target
from pilots.readings import newest_accepted_of
from pilots.replanning import PlanHistory, Replanning

UNKNOWN = "unknown"  # the word for the stage of a pilot without any on record
AT_A_TIME = 500  # pilots whose facts are held while only their words are asked for
FIRST_REPORT = (4, 1)  # a year's values are due by 31 March of the next, so lights turn on 1 April


def with_facts(pilots: QuerySet[Pilot], *, only_on: date | None = None, quarters: bool = False) -> QuerySet[Pilot]:
    """The pilots with all that their progress is computed from. Seven queries, whatever the number of rows.

    Lights are judged by whole years, so the readings of `quarters` come only where they are shown. `only_on` names the
    one day whose status is asked, and no day before: then earlier years are not read.
    """
    readings = Reading.objects.all() if quarters else by_year()
    if only_on:
        readings = readings.filter(period__gte=str(metrics.year_due(only_on)))
    facts: Any = Prefetch("facts", readings)  # the stubs know Django's own relations alone
    return pilots.select_related("batch", "province", "parent").prefetch_related(facts)


def by_year() -> QuerySet[Reading]:
    """Readings of whole years, with what lights and rates are judged by; nothing of what is told beside them."""
    names = ("pilot", "indicator", "period", "version", "value", "state", "reported_on", "accepted_on")
    judged = Reading.objects.only(*names)
    return judged.exclude(period__contains="-")


def brought(record: Pilot | Target, name: str) -> Sequence[Any]:
    """The rows of a relation that `with_facts` read; asked for now where it did not."""
    rows: Sequence[Any] | None = getattr(record, f"{name}_read", None)
    return list(getattr(record, name).all()) if rows is None else rows


@dataclass(frozen=True)
class IndicatorStatus:
    """One target on a day: the accepted reading that counts, and the light with the numbers behind it."""

    target: Target
    reading: Reading | None
    year: int  # the year the light speaks of
    light: IndicatorLight

    @property
    def code(self) -> str:
        return self.target.indicator.code

    @property
    def landing(self) -> Decimal | None:
        """Where the value would end at the present pace; a convention for the curious, not a forecast."""
        if self.target.kind != TargetKind.REACH or self.reading is None or self.target.base_year is None:
            return None
        share = metrics.expected_share_by_year(self.target.base_year, self.year, self.target.target_year)
        return metrics.naive_landing(self.target.base_value, self.reading.value, share)


@dataclass(frozen=True)
class MilestoneStatus:
    milestone: Milestone
    light: MilestoneLight
    done: bool
    due: bool


@dataclass(frozen=True)
class MilestoneCounts:
    """Milestones of a pilot on a day: done by then, due by then, of those not done, and all."""

    done: int
    due: int
    late: int
    total: int


@dataclass(frozen=True)
class PilotStatus:
    """A pilot on a day. `light` is the computed one; `override`, where one is in force, is what is shown."""

    pilot: Pilot
    as_of: date
    position: Position | None
    days_in_stage: int | None
    list_to_plan: Span | None
    indicators: Sequence[IndicatorStatus]
    milestones: Sequence[MilestoneStatus]
    light: PilotLight
    override: LightOverride | None
    reported: bool  # whether any value was accepted for the last period due
    plans: PlanHistory = field(compare=False)

    @property
    def colour(self) -> Colour:
        """The colour shown: the one set by hand while that is in force, else the computed one."""
        return Colour(self.override.colour) if self.override else self.light.colour

    @property
    def counts(self) -> MilestoneCounts:
        done = sum(item.done for item in self.milestones)
        due = sum(item.due for item in self.milestones)
        late = sum(item.due and not item.done for item in self.milestones)
        return MilestoneCounts(done, due, late, len(self.milestones))

    @cached_property
    def replanned(self) -> Sequence[Replanning]:
        """What decides the light and was changed after it was entered, the latest change first."""
        return self.plans.of(self.pilot.pk, self.as_of)

    @cached_property
    def since(self) -> date | None:
        """The first day of the colour shown; None when it has never been otherwise."""
        return metrics.since(lambda day: colour_on(self.pilot, day), self.as_of, turning_days(self.pilot))


# -- one pilot on a day ----------------------------------------------------------------------------------


def entries(pilot: Pilot) -> list[Entry]:
    """The stages a pilot has entered, as the measures take them."""
    return [item.as_entry() for item in brought(pilot, "stages") if item.entered_on]


def pilot_status(pilot: Pilot, as_of: date, plans: PlanHistory | None = None) -> PilotStatus:
    """All that is known of a pilot on a day. No query when it comes from `with_facts`.

    `plans` is the history of the plans of pilots that are looked at together; it is read when first asked for.
    """
    values = latest_years(pilot, as_of)
    indicators = [indicator_status(target, values, as_of) for target in brought(pilot, "targets")]
    milestones = [milestone_status(item, as_of) for item in brought(pilot, "milestones")]
    steps = entries(pilot)
    return PilotStatus(
        pilot=pilot,
        as_of=as_of,
        position=metrics.position(steps, as_of),
        days_in_stage=metrics.days_in_stage(steps, as_of),
        list_to_plan=metrics.list_to_plan(steps, as_of),
        indicators=indicators,
        milestones=milestones,
        light=computed_light(pilot, as_of, bool(values), indicators, milestones),
        override=override_on(pilot, as_of),
        reported=bool(values),
        plans=plans or PlanHistory([pilot.pk]),
    )


def computed_light(
    pilot: Pilot,
    as_of: date,
    reported: bool,
    indicators: Sequence[IndicatorStatus],
    milestones: Sequence[MilestoneStatus],
) -> PilotLight:
    """The worst of the pilot's items; grey when nothing can be rated.

    That is when it has withdrawn, when a value is due and none was accepted, and before the first is due while no
    milestone is due or done: a pilot of which nothing is known is not on schedule.
    """
    if pilot.withdrawn_by(as_of):
        return metrics.withdrawn_light()
    owed = metrics.year_due(as_of) >= first_year(pilot)
    return metrics.pilot_light(
        [RatedIndicator(item.code, item.light, item.target.binding) for item in indicators],
        [
            RatedMilestone(str(item.milestone.pk), item.light, item.milestone.is_key)
            for item in milestones
            if metrics.is_reason(item.light)
        ],
        accepted=reported or (not owed and any(item.done or item.due for item in milestones)),
    )


def first_year(pilot: Pilot) -> int:
    """The first year for which a pilot owes values: that of its term, or of its batch."""
    return (pilot.starts_on or pilot.batch.known_by).year


def colour_on(pilot: Pilot, day: date) -> Colour:
    """The colour shown on a day: `pilot_status` without what the colour does not need."""
    override = override_on(pilot, day)
    if override:
        return Colour(override.colour)
    values = latest_years(pilot, day)
    indicators = [indicator_status(target, values, day) for target in brought(pilot, "targets")]
    milestones = [milestone_status(item, day) for item in brought(pilot, "milestones")]
    reasons = [item for item in indicators if metrics.is_reason(item.light)]
    return computed_light(pilot, day, bool(values), reasons, milestones).colour


def override_on(pilot: Pilot, as_of: date) -> LightOverride | None:
    """The light set by hand that is in force on the day; the latest where two overlap, none of a withdrawn pilot."""
    if pilot.withdrawn_by(as_of):
        return None
    return next((o for o in reversed(brought(pilot, "overrides")) if o.set_on <= as_of < o.expires_on), None)


def turning_days(pilot: Pilot) -> list[date]:
    """Every day on which a pilot's light can change."""
    days = [day for item in brought(pilot, "milestones") for day in turns(item)]
    days += [reading.accepted_on for reading in brought(pilot, "readings") if reading.accepted_on]
    days += [day for o in brought(pilot, "overrides") for day in (o.set_on, o.expires_on)]
    targets = list(brought(pilot, "targets"))
    days += [date(target.target_year + 1, 1, 1) for target in targets] + [t.done_on for t in targets if t.done_on]
    days += [pilot.withdrawn_on] if pilot.withdrawn_on else []
    start = first_year(pilot)
    return [*days, *(date(year, *FIRST_REPORT) for year in range(start, start + 12))]


def turns(milestone: Milestone) -> list[date]:
    """The days on which a milestone can turn a light; with the one it falls due on, for it ends "nothing is known"."""
    return [milestone.planned_on, *metrics.milestone_turning_days(milestone.planned_on, milestone.completed_on)]


def milestone_status(milestone: Milestone, as_of: date) -> MilestoneStatus:
    """A milestone on a day: what was completed later was not done yet."""
    done = milestone.completed_on if milestone.completed_on and milestone.completed_on <= as_of else None
    light = metrics.milestone_light(milestone.planned_on, done, as_of)
    return MilestoneStatus(milestone, light, done is not None, milestone.planned_on <= as_of)


# -- readings and targets ----------------------------------------------------------------------------------


def latest_years(pilot: Pilot, as_of: date) -> dict[int, Reading]:
    """By indicator, the accepted reading of the latest whole year that is due on the day or later."""
    due, latest = str(metrics.year_due(as_of)), {}
    for reading in newest_accepted_of(brought(pilot, "readings"), as_of, due):  # a later year comes later
        if len(reading.period) == 4:
            latest[reading.indicator_id] = reading
    return latest


def indicator_status(target: Target, latest: Mapping[int, Reading], as_of: date) -> IndicatorStatus:
    """A target on a day, judged by the latest accepted year that is due or later (see `latest_years`)."""
    reading = latest.get(target.indicator_id)
    year = int(reading.period) if reading else metrics.year_due(as_of)
    return IndicatorStatus(target, reading, year, target_light(target, reading, year, as_of, reports=bool(latest)))


def target_light(target: Target, reading: Reading | None, year: int, as_of: date, *, reports: bool) -> IndicatorLight:
    """The light of a target by its kind; of one in numbers worked out once, for it is the same on any day.

    A task in words of which nothing is recorded is not done where the pilot `reports` at all; else nobody has said.
    """
    if target.kind == TargetKind.TEXT:
        done = bool(target.done_on and target.done_on <= as_of) or (False if reports else None)
        return metrics.text_light(done, date(target.target_year, 12, 31), as_of)
    known: dict[tuple[int | None, int], IndicatorLight] = vars(target).setdefault("lights_known", {})
    key = (reading.pk if reading else None, year)
    if key not in known:
        known[key] = light_of_number(target, reading, year)
    return known[key]


def light_of_number(target: Target, reading: Reading | None, year: int) -> IndicatorLight:
    """The light of a target in numbers for a reading of the year."""
    actual = reading.value if reading else None
    direction = Direction(target.indicator.direction)
    match target.kind:
        case TargetKind.LIMIT:
            return metrics.limit_light(actual, target.target_value, direction)
        case TargetKind.KEEP:
            return metrics.keep_light(target.base_value, actual, direction)
    path = target_path(target)
    if path is None:
        return metrics.reach_light(target.base_value, actual, target.target_value, None, direction)
    return metrics.path_light(path, actual, min(year, target.target_year), direction)


def target_path(target: Target) -> TargetPath | None:
    """The way a target names, from base to target through its steps; None without a base."""
    if target.base_year is None or target.base_value is None or target.target_value is None:
        return None
    if target.base_year >= target.target_year:
        return None
    inside = [step for step in brought(target, "steps") if target.base_year < step.year < target.target_year]
    steps = [Point(step.year, step.value) for step in inside]
    last = Point(target.target_year, target.target_value)
    return TargetPath(Point(target.base_year, target.base_value), (*steps, last))


# -- many pilots -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Strip:
    """How many lights of each colour on a day, and on the last day of the quarter before, for the same pilots."""

    now: dict[Colour, int]
    then: dict[Colour, int]
    then_on: date
    n: int

    def change(self, colour: Colour) -> int:
        return self.now[colour] - self.then[colour]


@dataclass(frozen=True)
class OnTrack:
    """Targets by the colour of their light: "on the path" is green, of those that are rated, of all."""

    lights: Mapping[Colour, int]

    @property
    def on_path(self) -> int:
        return self.lights[Colour.GREEN]

    @property
    def rated(self) -> int:
        return self.total - self.unrated

    @property
    def few(self) -> bool:
        """Whether at most a fifth of the targets are rated, which says nothing of the others."""
        return self.rated * 5 <= self.total

    @property
    def unrated(self) -> int:
        return self.lights[Colour.GREY]

    @property
    def total(self) -> int:
        return sum(self.lights.values())


@dataclass(frozen=True)
class Progress:
    """The progress of a set of pilots on a day."""

    as_of: date
    pilots: Sequence[PilotStatus]

    @cached_property
    def strip(self) -> Strip:
        """The lights now and at the end of the last quarter, like for like: the pilots of today on both days."""
        then_on = quarter_end_before(self.as_of)
        return Strip(
            now=metrics.tally(item.colour for item in self.pilots),
            then=metrics.tally(colour_on(item.pilot, then_on) for item in self.pilots),
            then_on=then_on,
            n=len(self.pilots),
        )

    def funnel(self, kind: str = "") -> Funnel:
        """Pilots at or past each stage; of one kind where it is given."""
        chosen = [entries(item.pilot) for item in self.pilots if kind in ("", item.pilot.kind)]
        return metrics.funnel(chosen, self.as_of)

    @property
    def reported(self) -> int:
        """Pilots with an accepted value for the last period due."""
        return sum(item.reported for item in self.pilots)

    @property
    def needing_attention(self) -> int:
        """Pilots whose light is red or yellow."""
        return sum(item.colour in {Colour.RED, Colour.YELLOW} for item in self.pilots)

    def attention(self, most: int | None = None) -> list[PilotStatus]:
        """Pilots whose light is red or yellow, worst first, then longest in that colour; up to `most` of them.

        Since when takes looking back, so it is not asked of the yellow ones while there are enough red ones.
        """
        found: list[PilotStatus] = []
        for colour in (Colour.RED, Colour.YELLOW):
            if most is None or len(found) < most:
                of_colour = [item for item in self.pilots if item.colour == colour]
                found += sorted(of_colour, key=lambda item: (item.since or date.min, item.pilot.pk))
        return found[:most]

    @property
    def longest_in_stage(self) -> list[PilotStatus]:
        """Pilots by the days they have stood in their stage, longest first; withdrawn ones stand nowhere."""
        found = [p for p in self.pilots if p.days_in_stage is not None and p.position and not withdrawn(p)]
        return sorted(found, key=lambda item: (-(item.days_in_stage or 0), item.pilot.pk))

    @property
    def rated(self) -> int:
        """Pilots whose light is not grey."""
        return sum(item.colour != Colour.GREY for item in self.pilots)

    @cached_property
    def on_track(self) -> OnTrack:
        """Binding targets that are green, that are rated, and all."""
        return OnTrack(metrics.tally(i.light.colour for p in self.pilots for i in p.indicators if i.target.binding))

    def quarters(self, most: int) -> list[tuple[date, dict[Colour, int]]]:
        """The lights of the same pilots at the ends of the quarters before the day, oldest first, up to `most`.

        A quarter in which no pilot was rated is left out, and all before it: nothing was known then.
        """
        found: list[tuple[date, dict[Colour, int]]] = []
        day = self.strip.then_on
        counts = self.strip.then
        while counts[Colour.GREY] < len(self.pilots):
            found.append((day, counts))
            if len(found) >= most:
                break
            day = quarter_end_before(day)
            counts = metrics.tally(colour_on(item.pilot, day) for item in self.pilots)
        return found[::-1]


def withdrawn(status: PilotStatus) -> bool:
    return status.position is not None and status.position.stage == metrics.Stage.WITHDRAWN


def quarter_end_before(as_of: date) -> date:
    """The last day of the quarter before the one the day lies in."""
    first_month = 3 * ((as_of.month - 1) // 3) + 1
    return date(as_of.year, first_month, 1) - timedelta(1)


def build_progress(pilots: QuerySet[Pilot], as_of: date) -> Progress:
    """The progress of these pilots on a day."""
    found = list(with_facts(pilots))
    plans = PlanHistory(pilot.pk for pilot in found)
    return Progress(as_of, [pilot_status(pilot, as_of, plans) for pilot in found])


def standing(status: PilotStatus) -> str:
    """The word for the stage that a pilot stands in."""
    return status.position.stage.value if status.position else UNKNOWN


# -- province by province ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProvinceLights:
    """The pilots of a province on a day; `red` and `yellow` are None where no pilot of it can be rated."""

    pilots: int
    red: int | None
    yellow: int | None
    not_reported: int  # of those that owe values for the last year due


def lights_by_province(as_of: date) -> dict[int, ProvinceLights]:
    """The lights of all pilots by the key of their province; provinces without a pilot are left out.

    One query, and six for every 500 pilots.
    """
    found: dict[int, list[PilotStatus]] = {}
    for pilot in with_facts(Pilot.objects.listed(as_of), only_on=as_of).iterator(AT_A_TIME):
        found.setdefault(pilot.province_id, []).append(pilot_status(pilot, as_of))
    return {province: province_lights(statuses, metrics.year_due(as_of)) for province, statuses in found.items()}


def province_lights(statuses: Sequence[PilotStatus], year: int) -> ProvinceLights:
    """The lights of one province; `year` is the last one for which values are due."""
    colours = metrics.tally(status.colour for status in statuses)
    rated = len(statuses) - colours[Colour.GREY]
    owing = [status for status in statuses if first_year(status.pilot) <= year]
    return ProvinceLights(
        pilots=len(statuses),
        red=colours[Colour.RED] if rated else None,
        yellow=colours[Colour.YELLOW] if rated else None,
        not_reported=sum(not status.reported for status in owing),
    )
