"""Status of pilots on a day: stage, lights with reasons, milestones and targets, for page, API and file.

Related rows are prefetched once (`prefetch_for_status`); the rest is computed from them, so any number of days needs no
further query.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Prefetch, QuerySet, TextChoices
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core.text import format_date, join_clauses
from pilots import metrics
from pilots.lights import (
    CHANGE_DELAYS,
    LIGHTS,
    RED_DELAYS,
    Colour,
    Light,
    LightReason,
    Subject,
    count_by_colour,
    milestone_change_dates,
    milestone_light,
    pilot_reasons,
    planned_light,
    request_text,
    responsible_office,
    target_light,
    task_light,
    unchanged_since,
)
from pilots.metrics import CurrentStage, Duration, Stage, StageEvent, StageFunnel
from pilots.models import FollowUp, LightOverride, Milestone, Pilot, Reading, ReadingState, Replan, StageEntry, Target
from pilots.models.reading import YEARLY, is_yearly, newest_accepted_in, newest_reported_in, state_on
from pilots.replans import PlanHistory, Replanning

OpenFollowUps = Mapping[int, Sequence[FollowUp]]  # by key of their pilot
UNKNOWN_STAGE = "unknown"  # code for the stage of a pilot without any on record
LIGHTS_CHANGE_ON = (4, 1)  # a year's values are due by 31 March of the next, so lights change on 1 April


def prefetch_for_status(
    pilots: QuerySet[Pilot], *, only_on: date | None = None, quarters: bool = False, without: Collection[str] = ()
) -> QuerySet[Pilot]:
    """Prefetch all rows that the status of pilots is computed from. Seven queries, whatever the number of rows.

    Lights depend on whole years, so quarterly readings are fetched only with `quarters`, for pages that show them.
    `only_on` restricts the status to one day and none before: earlier years are not fetched then.
    """
    readings = Reading.objects.all() if quarters else Reading.objects.filter(YEARLY)
    if only_on:
        readings = readings.filter(period__gte=str(metrics.year_due(only_on)))
    rows: dict[str, Any] = {
        "stages": StageEntry.objects.order_by("entered_on", "pk"),
        "milestones": Milestone.objects.order_by("planned_on", "pk"),
        "targets": Target.objects.order_by("indicator_id").select_related("indicator"),
        "readings": readings.order_by("period", "version", "pk"),
        "overrides": LightOverride.objects.order_by("set_on", "pk"),
        "replans": Replan.objects.order_by("pk"),
    }
    chosen = {name: queryset for name, queryset in rows.items() if name not in without}
    lists = [Prefetch(name, queryset, to_attr=f"prefetched_{name}") for name, queryset in chosen.items()]
    return pilots.select_related("batch", "province", "parent").prefetch_related(*lists)


# -- one pilot on a day ----------------------------------------------------------------------------------


def pilot_status(
    pilot: Pilot, as_of: date, plans: PlanHistory | None = None, follow_ups: OpenFollowUps | None = None
) -> PilotStatus:
    """Return the status of a pilot on a day. No query when it comes from `prefetch_for_status`.

    `plans` and `follow_ups` are those of pilots that are shown together; they are read on first access.
    """
    if "prefetched_stages" not in vars(pilot):
        pilot = prefetch_for_status(Pilot.objects.filter(pk=pilot.pk)).get()
    if follow_ups is None:
        follow_ups = open_follow_ups([pilot.pk], as_of)
    return PilotStatus(pilot, as_of, plans or PlanHistory([pilot.pk]), follow_ups)


class MilestoneCounts(NamedTuple):
    """Milestones of a pilot on a day: done, due, due but not done, and all."""

    done: int
    due: int
    late: int
    total: int


class Judged:
    """What was judged of a pilot on any day, for the other days: colours shown, lights of targets, readings due."""

    def __init__(self) -> None:
        self.colours: dict[date, Colour] = {}
        self.targets: dict[tuple[int, int | None, int], Light] = {}
        self.readings: dict[str, list[Reading]] = {}


class PilotStatus:
    """Status of a pilot on a day, each part computed when it is first asked for."""

    def __init__(
        self,
        pilot: Any,
        as_of: date,
        plans: PlanHistory | None = None,
        follow_ups: OpenFollowUps | None = None,
        judged: Judged | None = None,
    ) -> None:
        self.pilot, self.as_of, self.judged = pilot, as_of, judged or Judged()
        self.plans, self.follow_ups = plans, follow_ups  # None where only colours are asked for

    def on(self, day: date) -> PilotStatus:
        """Return the status on another day, of which only colours are asked."""
        return PilotStatus(self.pilot, day, judged=self.judged)

    def colour_on(self, day: date) -> Colour:
        """Return the colour shown on a day."""
        colours = self.judged.colours
        if day not in colours:
            colours[day] = self.on(day).colour
        return colours[day]

    # -- stage

    @cached_property
    def stage_events(self) -> list[StageEvent]:
        """The stages that the pilot has entered, as `metrics` expects them."""
        return [item.as_stage_event() for item in self.pilot.prefetched_stages if item.entered_on]

    @cached_property
    def current_stage(self) -> CurrentStage | None:
        return metrics.current_stage(self.stage_events, self.as_of)

    @property
    def is_withdrawn(self) -> bool:
        return self.current_stage is not None and self.current_stage.stage == Stage.WITHDRAWN

    @cached_property
    def days_in_stage(self) -> int | None:
        """Days since the current stage was entered, 0 on that day, also of a withdrawal; None without one."""
        return (self.as_of - self.current_stage.since).days if self.current_stage else None

    @cached_property
    def list_to_plan(self) -> Duration | None:
        return metrics.list_to_plan(self.stage_events, self.as_of)

    # -- what was promised, and the values

    @property
    def readings_due(self) -> list[Reading]:
        """The readings, in whatever state, of the last whole year that is due and of later ones, by period."""
        due, kept = str(self.year_due), self.judged.readings
        if due not in kept:
            own = self.pilot.prefetched_readings
            kept[due] = [item for item in own if item.period >= due and is_yearly(item.period)]
        return kept[due]

    @cached_property
    def accepted(self) -> list[Reading]:
        """Those of them that count on the day."""
        return newest_accepted_in(self.readings_due, self.as_of)

    @cached_property
    def values(self) -> Mapping[int, Reading]:
        """The accepted reading of the latest whole year that is due or later, by indicator."""
        return {reading.indicator_id: reading for reading in self.accepted}

    @property
    def owes(self) -> bool:
        """Whether it owes values for the last year due."""
        return self.first_year <= self.year_due

    @property
    def reported(self) -> bool:
        """Whether a value of the last year due is accepted."""
        return any(item.period == str(self.year_due) for item in self.accepted)

    @cached_property
    def outstanding(self) -> ReportState | None:
        """Where the values that it owes are held up; None where one is accepted, or none is owed.

        While one waits, the ministry has to act, also where the pilot has to correct another.
        """
        if self.reported or not self.owes:
            return None
        own = newest_reported_in((item for item in self.readings_due if item.period == str(self.year_due)), self.as_of)
        states = {state_on(item, self.as_of) for item in own}
        if ReadingState.REPORTED in states:
            return ReportState.WAITING
        return ReportState.DISPUTED if states else ReportState.NOTHING

    @cached_property
    def year_due(self) -> int:
        """Last year whose values are due."""
        return metrics.year_due(self.as_of)

    @property
    def first_year(self) -> int:
        """First year for which the pilot owes values: that of its term, or of its batch."""
        return (self.pilot.starts_on or self.pilot.batch.known_by).year  # type: ignore[no-any-return]

    @cached_property
    def indicators(self) -> list[Light]:
        """Lights of the targets."""
        return [judge_target(target, self.values, self.as_of, self.judged) for target in self.pilot.prefetched_targets]

    @cached_property
    def milestones(self) -> list[Light]:
        return [milestone_light(item, self.as_of) for item in self.pilot.prefetched_milestones]

    @cached_property
    def overdue_stages(self) -> list[Light]:
        """Lights of planned stages whose day has passed and that no entry into them or into a later stage answers.

        Each has the light of a milestone of that day. The side states are no part of the order: neither is planned
        work, and neither answers a stage.
        """
        rows, as_of = self.pilot.prefetched_stages, self.as_of
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
            planned_light(entry, Subject.STAGE, planned, None, as_of)
            for planned, entry in waiting
            if not Stage(entry.stage).is_side and Stage(entry.stage).order > reached
        ]

    @property
    def counts(self) -> MilestoneCounts:
        lights = self.milestones
        done, due = sum(item.done for item in lights), sum(item.due for item in lights)
        return MilestoneCounts(done, due, sum(item.due and not item.done for item in lights), len(lights))

    # -- the light

    @cached_property
    def override(self) -> LightOverride | None:
        """The light set by hand that is in force: the latest where two overlap, None for a withdrawn pilot."""
        if self.pilot.withdrawn_by(self.as_of):
            return None
        own = reversed(self.pilot.prefetched_overrides)
        return next((item for item in own if item.set_on <= self.as_of < item.expires_on), None)

    @cached_property
    def lights(self) -> list[Light]:
        """Lights of all that was promised."""
        return [*self.indicators, *self.milestones, *self.overdue_stages]

    @cached_property
    def reasons(self) -> list[Light]:
        """Reasons of the computed light, worst first: the first one decides the colour.

        Nothing can be rated when the pilot has withdrawn, when a value is due but none was accepted, before the first
        value is due while no milestone is due or done, and while nothing binding is rated: a pilot without data, or
        with data that nothing is held against, is not on schedule.
        """
        if self.pilot.withdrawn_by(self.as_of):
            return [Light(Colour.GREY, LightReason.WITHDRAWN, self.pilot, say=self.say)]
        accepted = bool(self.accepted) or (not self.owes and any(item.done or item.due for item in self.milestones))
        return pilot_reasons(self.lights, self.pilot, self.say, accepted=accepted)

    @property
    def computed(self) -> Colour:
        """Colour of the computed light."""
        return self.reasons[0].effect or Colour.GREY

    @property
    def colour(self) -> Colour:
        """Colour shown: that of the override in force, else the computed one."""
        return Colour(self.override.colour) if self.override else self.computed

    @property
    def shown_reasons(self) -> list[Light]:
        """Reasons of the light shown: the override, if any, then the computed ones.

        Only the ministry sets overrides. The author's name is only in the history, which needs permission: these
        sentences are public.
        """
        if self.override is None:
            return self.reasons
        return [Light(self.colour, LightReason.SET_BY_HAND, self.pilot, say=self.say), *self.reasons]

    def say(self, light: Light) -> str:
        """Return what is said of a light of the pilot as a whole: that nothing is behind, why it is not rated, or who
        set it by hand until when, and why.
        """
        counts, first = self.counts, date(self.first_year + 1, 3, 31)
        if light.why == LightReason.SET_BY_HAND and self.override:
            words = {"day": format_date(self.override.expires_on), "reason": self.override.reason}
            return gettext("Set by hand by the ministry until %(day)s: %(reason)s") % words
        if light.why == LightReason.WITHDRAWN:
            day = self.pilot.withdrawn_on or self.as_of
            return gettext("Withdrawn on %(day)s: no longer rated") % {"day": format_date(day)}
        if light.why == LightReason.NO_REPORT:
            if not self.owes:
                return gettext("Not rated yet: the first values are due by %(day)s") % {"day": format_date(first)}
            return gettext("Not rated: no accepted value for %(year)d") % {"year": self.year_due}
        if light.why == LightReason.NO_TARGET:
            return gettext("Not rated: no target on record (no binding target, no key milestone)")
        if light.why == LightReason.NOTHING_RATED:
            return gettext("Not rated: nothing rated yet (no binding target can be rated, no key milestone is due)")
        text = gettext(
            "Nothing behind schedule: %(rated)d of %(n)d indicators rated, %(done)d of %(due)d milestones due are done"
        )
        rated = sum(item.colour != Colour.GREY for item in self.indicators)
        return text % {"rated": rated, "n": len(self.indicators), "done": counts.due - counts.late, "due": counts.due}

    def text_of(self, light: Light) -> str:
        """Return the whole sentence on a light: the reason, changes to the plan, and how it counts."""
        return join_clauses(filter(None, [light.sentence, self.changes_of(light), light.counts_less]))

    def changes_of(self, light: Light) -> str:
        """Return what was changed of the plan, and the other day that is asked for or was refused."""
        planned = light.of in (Subject.MILESTONE, Subject.STAGE)
        asked = request_text(light.record, self.as_of) if planned else ""
        return join_clauses(filter(None, [self.change_of(light.record), asked]))

    def owner_of(self, light: Light) -> str:
        """Return who is responsible for a light, never a person; empty where all is well.

        The agency of the open follow-up, else who is in charge.
        """
        follow_ups = self.open_follow_ups
        if light.cause is not None:
            subjects = {(None, None), light.cause}
            follow_ups = [f for f in follow_ups if (f.cause_indicator_id, f.cause_milestone_id) in subjects]
        return follow_ups[0].owner_agency.name if follow_ups else self.in_charge(light)

    def in_charge(self, light: Light) -> str:
        """Return who is responsible where no follow-up is open: of a milestone the department on record, else the
        pilot's own office, or the ministry while values wait for it.
        """
        if light.why in (LightReason.ALL_WELL, LightReason.WITHDRAWN):
            return ""
        if light.why == LightReason.NO_REPORT and self.outstanding == ReportState.WAITING:
            return gettext("Ministry")
        department = light.record.owner if light.of == Subject.MILESTONE else ""
        return department or responsible_office(self.pilot)

    @property
    def told_reasons(self) -> list[dict[str, str]]:
        """Reasons of the light shown, each with its sentence and who is responsible."""
        return [
            {"code": light.why.value, "text": self.text_of(light), "url": light.url, "owner": self.owner_of(light)}
            for light in self.shown_reasons
        ]

    @property
    def sentence(self) -> str:
        """What explains the light shown: the override with its reason, or the worst item."""
        return self.shown_reasons[0].sentence

    @cached_property
    def explanation(self) -> str:
        """The same for a list, with the changes to the plan of this item and how many others were changed."""
        first = self.shown_reasons[0]
        others = [item for item in self.replanned if item.record != first.record]
        planned = [item.on for item in others if item.was]
        late = [item.completion["entered_on"] for item in others if item.completion]
        plans = ngettext(
            "plan changed for %(n)d item, last on %(day)s",
            "plan changed for %(n)d items, last on %(day)s",
            len(planned),
        )
        completions = ngettext(
            "completion of %(n)d milestone entered late, last on %(day)s",
            "completion of %(n)d milestones entered late, last on %(day)s",
            len(late),
        )
        clauses = [(plans, planned), (completions, late)]
        more = [text % {"n": len(days), "day": format_date(max(days))} for text, days in clauses if days]
        change = self.change_of(first.record)
        return join_clauses(filter(None, [first.sentence, change, *more]))

    @cached_property
    def owner(self) -> str:
        """The one owner of the light: the agency of its open follow-up, overdue first, then due next.

        Else who is responsible for the worst item; the pilot's own office where the light is set by hand.
        """
        if self.open_follow_ups:
            return str(self.open_follow_ups[0].owner_agency.name)
        return self.owner_of(self.shown_reasons[0])

    @property
    def open_follow_ups(self) -> Sequence[FollowUp]:
        """Open follow-ups of the pilot: overdue ones first, then the one due next."""
        return self.follow_ups.get(self.pilot.pk, ()) if self.follow_ups is not None else ()

    @cached_property
    def replanned(self) -> Sequence[Replanning]:
        """Items that decide the light and were changed after they were entered, latest change first."""
        return self.plans.replanned(self.pilot, self.as_of) if self.plans else ()

    def change_of(self, record: Any) -> str:
        """Return what was changed of the plan of a record, empty for nothing."""
        return next((item.text for item in self.replanned if item.record == record), "")

    @cached_property
    def since(self) -> date | None:
        """First day of the colour shown; None when it has never been different."""
        days = light_change_dates(self.pilot, self.as_of, of_red=self.colour == Colour.RED)
        return unchanged_since(self.colour_on, self.as_of, days)


def judge_target(target: Any, values: Mapping[int, Reading], as_of: date, judged: Judged | None = None) -> Light:
    """Return the light of a target on a day; `values` are those of `PilotStatus`."""
    reading = values.get(target.indicator_id)
    year = int(reading.period) if reading else metrics.year_due(as_of)
    if not target.is_measured:  # not done if the pilot reports any value, else unknown
        return task_light(target, as_of, reports=bool(values), reading=reading, year=year)
    kept = judged.targets if judged else {}
    key = (target.pk, reading.pk if reading else None, year)  # the light is the same on any day
    if key not in kept:
        kept[key] = target_light(target, reading, year)
    return kept[key]


# -- the days on which a light can change ------------------------------------------------------------------


def light_change_dates(pilot: Any, until: date, *, of_red: bool = False) -> list[date]:
    """Return every day up to `until` on which a light of the pilot can change, and some after it.

    `of_red` leaves out days on which it can neither become red nor cease to be.
    """
    delays = RED_DELAYS if of_red else CHANGE_DELAYS
    # of planned stages: when one is overdue, and when any is entered then
    rows = pilot.prefetched_stages
    late = [
        entry
        for entry in rows
        if entry.planned_on and (not entry.entered_on or entry.entered_on > entry.planned_on or entry.all_replans)
    ]
    days = [entry.entered_on for entry in rows if entry.entered_on] if late else []
    for item in (*pilot.prefetched_milestones, *late):  # by each day that it was planned for, when it was accepted too
        replans, actual = item.accepted_replans(date.max), None if item in late else item.completed_on
        for planned in (item.planned_on, *(replan.day for replan in replans)):
            days += milestone_change_dates(planned, actual, delays)
        days += [replan.decided_on for replan in replans]
    accepted = [reading.accepted_on for reading in pilot.prefetched_readings if reading.accepted_on]
    days += accepted
    days += [day for o in pilot.prefetched_overrides for day in (o.set_on, o.expires_on)]
    tasks = [target for target in pilot.prefetched_targets if not target.is_measured]
    days += [date(task.target_year + 1, 1, 1) for task in tasks] + [task.done_on for task in tasks if task.done_on]
    days += [pilot.withdrawn_on] if pilot.withdrawn_on else []
    first = (pilot.starts_on or pilot.batch.known_by).year
    start = min([first, *(day.year for day in accepted)])
    return [*days, *(date(year, *LIGHTS_CHANGE_ON) for year in range(start, until.year + 1))]


# -- many pilots -------------------------------------------------------------------------------------------


def count_by_hand(statuses: Iterable[PilotStatus]) -> dict[Colour, int]:
    """Count the lights that are set by hand, by the colour that is computed."""
    return count_by_colour(status.computed for status in statuses if status.override)


class LightSummary(NamedTuple):
    """Lights by colour on a day and on the last day of the quarter before, for the same pilots.

    `by_hand` and `by_hand_then` are those of them that are set by hand, by the colour that is computed.
    """

    now: dict[Colour, int]
    then: dict[Colour, int]
    then_on: date
    n: int
    by_hand: dict[Colour, int]
    by_hand_then: dict[Colour, int]

    def change(self, colour: Colour) -> int:
        return self.now[colour] - self.then[colour]


class QuarterLights(NamedTuple):
    """Lights by colour on the last day of a quarter; `by_hand` as in LightSummary."""

    on: date
    lights: Mapping[Colour, int]
    by_hand: Mapping[Colour, int]


class OnTrack(NamedTuple):
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


class Progress:
    """Progress of a set of pilots on a day."""

    def __init__(self, as_of: date, pilots: Sequence[PilotStatus]) -> None:
        self.as_of, self.pilots = as_of, pilots

    @property
    def by_hand(self) -> dict[Colour, int]:
        """The lights that are set by hand, by the colour that is computed."""
        return count_by_hand(self.pilots)

    @cached_property
    def strip(self) -> LightSummary:
        """Lights now and at the end of the last quarter, of the same pilots on both days."""
        then_on = quarter_end_before(self.as_of)
        return LightSummary(
            now=count_by_colour(item.colour for item in self.pilots),
            then=count_by_colour(item.colour_on(then_on) for item in self.pilots),
            then_on=then_on,
            n=len(self.pilots),
            by_hand=self.by_hand,
            by_hand_then=count_by_hand(item.on(then_on) for item in self.pilots),
        )

    def funnel(self, kind: str = "") -> StageFunnel:
        """Return the funnel of all pilots, or of one kind."""
        return metrics.stage_funnel(item.current_stage for item in self.pilots if kind in ("", item.pilot.kind))

    @cached_property
    def outstanding(self) -> OutstandingReports:
        """Who has reported for the last year due, and who has not."""
        return OutstandingReports(self)

    @property
    def needing_attention(self) -> int:
        """Pilots whose light is red or yellow."""
        return sum(item.colour in {Colour.RED, Colour.YELLOW} for item in self.pilots)

    def attention(self, most: int | None = None) -> list[PilotStatus]:
        """Return up to `most` pilots whose light is red or yellow, worst first, then longest in that colour."""
        return worst_first(self.pilots, most, (Colour.RED, Colour.YELLOW))

    @property
    def rated(self) -> int:
        """Pilots whose light is not grey."""
        return sum(item.colour != Colour.GREY for item in self.pilots)

    @cached_property
    def on_track(self) -> OnTrack:
        """Binding targets by colour of their light."""
        return OnTrack(count_by_colour(i.colour for p in self.pilots for i in p.indicators if i.binds))

    def quarters(self, most: int) -> list[QuarterLights]:
        """Return the lights of the same pilots at up to `most` ends of quarters before the day, oldest first.

        The list starts after the last quarter in which no pilot was rated.
        """
        per_quarter: list[QuarterLights] = []
        day, counts = self.strip.then_on, self.strip.then
        while counts[Colour.GREY] < len(self.pilots):
            per_quarter.append(QuarterLights(day, counts, count_by_hand(item.on(day) for item in self.pilots)))
            if len(per_quarter) >= most:
                break
            day = quarter_end_before(day)
            counts = count_by_colour(item.colour_on(day) for item in self.pilots)
        return per_quarter[::-1]


def quarter_end_before(as_of: date) -> date:
    """Return the last day of the quarter before that of the day."""
    first_month = 3 * ((as_of.month - 1) // 3) + 1
    return date(as_of.year, first_month, 1) - timedelta(1)


def build_progress(pilots: QuerySet[Pilot], as_of: date, follow_ups: OpenFollowUps | None = None) -> Progress:
    """Return the progress of these pilots on a day; `follow_ups` where they are read already.

    Their readings are rows of what numbers are computed from, and no records: they are by far the most.
    """
    members: list[Any] = list(prefetch_for_status(pilots, without=("readings",)))
    rows: dict[int, list[Any]] = {pilot.pk: [] for pilot in members}
    readings = Reading.objects.filter(YEARLY, pilot__in=list(rows)).order_by("period", "version")
    columns = ("pk", "pilot_id", "indicator_id", "period", "version", "value", "state", "accepted_on", "reported_on")
    for row in readings.values_list(*columns, named=True):
        rows[row.pilot_id].append(row)
    for pilot in members:
        pilot.prefetched_readings = rows[pilot.pk]
    plans = PlanHistory(pilot.pk for pilot in members)
    if follow_ups is None:
        follow_ups = open_follow_ups((pilot.pk for pilot in members), as_of)
    return Progress(as_of, [pilot_status(pilot, as_of, plans, follow_ups) for pilot in members])


# -- province by province ----------------------------------------------------------------------------------


class ProvinceLights(NamedTuple):
    """Lights of a province's pilots on a day; `red` and `yellow` are None where no pilot can be rated."""

    pilots: int
    red: int | None
    yellow: int | None
    by_hand: dict[Colour, int]  # those set by hand, by the colour that is computed
    not_reported: int  # of those that owe values for the last year due; without those whose values wait


def lights_by_province(as_of: date) -> dict[int, ProvinceLights]:
    """Return the lights of all pilots by key of their province, without provinces that have no pilot.

    Seven queries, and one for the pilots.
    """
    by_province: dict[int, list[PilotStatus]] = {}
    for pilot in prefetch_for_status(Pilot.objects.listed(as_of), only_on=as_of):
        by_province.setdefault(pilot.province_id, []).append(pilot_status(pilot, as_of))
    return {province: province_lights(statuses) for province, statuses in by_province.items()}


def province_lights(statuses: Sequence[PilotStatus]) -> ProvinceLights:
    """Return the lights of one province."""
    colours = count_by_colour(status.colour for status in statuses)
    rated = len(statuses) - colours[Colour.GREY]
    return ProvinceLights(
        pilots=len(statuses),
        red=colours[Colour.RED] if rated else None,
        yellow=colours[Colour.YELLOW] if rated else None,
        by_hand=count_by_hand(statuses),
        not_reported=sum(status.outstanding in NOT_REPORTED for status in statuses),
    )


# -- who has not reported -----------------------------------------------------------------------------------


MAX_LISTED = 100  # pilots that the overview of the API names


class ReportState(TextChoices):
    """Reporting state of a pilot without an accepted value for the year due."""

    NOTHING = "nothing", _("nothing handed in")
    WAITING = "waiting", _("handed in, waiting to be accepted")
    DISPUTED = "disputed", _("objected to, to be corrected by the pilot")


NOT_REPORTED = (ReportState.NOTHING, ReportState.DISPUTED)
"""States in which the pilot has to act. Values that wait for the ministry are never called not reported."""


class OutstandingReports:
    """Pilots that owe values for the last year due, and those of them without an accepted one. No query."""

    def __init__(self, rated: Progress) -> None:
        self.as_of, self.year = rated.as_of, metrics.year_due(rated.as_of)
        self.owing = sum(status.owes for status in rated.pilots)
        self.by_place: dict[ReportState, list[PilotStatus]] = {report_state: [] for report_state in ReportState}
        for status in rated.pilots:
            if status.outstanding:
                self.by_place[status.outstanding].append(status)

    @property
    def due_on(self) -> date:
        """Last day on which the year's values were on time."""
        return date(self.year + 1, 3, 31)

    @property
    def days_late(self) -> int:
        """Days since then, for a pilot that has not reported; at least 1, as a year is due only after its date."""
        return (self.as_of - self.due_on).days

    @cached_property
    def pilots(self) -> list[tuple[ReportState, PilotStatus]]:
        return [(report_state, status) for report_state, statuses in self.by_place.items() for status in statuses]

    @property
    def count(self) -> int:
        return len(self.pilots)

    @property
    def reported(self) -> int:
        """Those of the pilots that owe values with an accepted one of the year."""
        return self.owing - self.count

    @property
    def waiting(self) -> int:
        """Those without one whose values wait for the ministry."""
        return len(self.by_place[ReportState.WAITING])

    @property
    def not_reported(self) -> int:
        """Those without one that have to act themselves."""
        return self.count - self.waiting

    @property
    def counts(self) -> dict[ReportState, int]:
        return {report_state: len(statuses) for report_state, statuses in self.by_place.items()}

    @property
    def listed_pilots(self) -> list[Pilot]:
        """The first of the pilots, up to MAX_LISTED."""
        return [status.pilot for _place, status in self.pilots[:MAX_LISTED]]


# -- open follow-ups: the agency that has to answer one owns the light that it is about ---------------------


def open_follow_ups(pilots: Iterable[int], as_of: date) -> OpenFollowUps:
    """Return the open follow-ups of these pilots on a day, by pilot. One query, on first access: even to build it costs
    milliseconds, and most lists never ask.
    """
    keys = list(pilots)

    def read() -> OpenFollowUps:
        rows: Any = FollowUp.objects.filter(pilot__in=keys).with_state(as_of)
        return group_by_pilot(rows.open().select_related("owner_agency"))

    found: Any = SimpleLazyObject(read)
    return found  # type: ignore[no-any-return]


def group_by_pilot(follow_ups: Iterable[Any]) -> OpenFollowUps:
    """Return open follow-ups by key of their pilot: overdue ones first, then the one due next."""
    grouped: dict[int, list[FollowUp]] = defaultdict(list)
    for row in sorted(follow_ups, key=lambda item: (not item.is_overdue, item.current_due_on, item.pk)):
        grouped[row.pilot_id].append(row)
    return grouped


# -- many pilots in an order --------------------------------------------------------------------------------


def status_by_pilot(pilots: QuerySet[Pilot], as_of: date) -> dict[int, PilotStatus]:
    """Return the status of each pilot on the day alone, by key. Eight queries."""
    chosen = pilots.order_by().select_related(None).prefetch_related(None)
    return {pilot.pk: pilot_status(pilot, as_of) for pilot in prefetch_for_status(chosen, only_on=as_of)}


def worst_first(
    statuses: Iterable[PilotStatus], most: int | None = None, colours: Sequence[Colour] = LIGHTS
) -> list[PilotStatus]:
    """Return up to `most` pilots of these colours, in the order of the colours, then longest in theirs first.

    `since` evaluates many days, so it is not computed for a colour while there are enough pilots without it.
    """
    known, found = list(statuses), list[PilotStatus]()
    for colour in colours:
        if most is None or len(found) < most:
            of_colour = [item for item in known if item.colour == colour]
            found += sorted(of_colour, key=lambda item: (item.since or date.min, item.pilot.pk))
    return found[:most]
