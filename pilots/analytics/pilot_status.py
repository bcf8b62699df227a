"""Status of pilots on a day: stage, lights with reasons, milestones and targets, for page, API and file.

Related rows are prefetched once (`prefetch_for_status`); the rest is computed from them by `pilots/lights.py`, so any
number of days needs no further query.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Prefetch, QuerySet, TextChoices
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core.days import today
from core.text import format_date, format_period, join_clauses, join_short, label_value
from pilots import metrics
from pilots.amendments import PlanChange, changes_of, request_text
from pilots.lights import (
    LIGHTS,
    Colour,
    Light,
    LightReason,
    Records,
    Subject,
    binding_targets,
    by_hand_light,
    change_days,
    count_by_colour,
    due_day,
    first_asked_year,
    in_force,
    milestone_light,
    override_on,
    pilot_light,
    pilot_reasons,
    rectifying,
    responsible_office,
    target_light,
    unchanged_since,
)
from pilots.metrics import CurrentStage, Duration, StageEvent, StageFunnel
from pilots.models import (
    Amendment,
    Completion,
    Deadline,
    FollowUp,
    LightOverride,
    Milestone,
    NotGiven,
    Pilot,
    Reading,
    ReadingState,
    StageEntry,
    Target,
)
from pilots.models.due import state_on
from pilots.models.reading import YEARLY
from pilots.sentences import say_pilot

OpenFollowUps = Mapping[int, Sequence[FollowUp]]  # by key of their pilot
UNKNOWN_STAGE = "unknown"  # code for the stage of a pilot without any on record


def prefetch_for_status(
    pilots: QuerySet[Pilot], *, quarters: bool = False, without: Collection[str] = ()
) -> QuerySet[Pilot]:
    """Prefetch all rows that the status of pilots is computed from. Eleven queries, whatever the number of rows.

    Lights depend on whole years, so quarterly readings are fetched only with `quarters`, for pages that show them.
    """
    readings = Reading.objects.all() if quarters else Reading.objects.filter(YEARLY)
    rows: dict[str, Any] = {
        "stages": StageEntry.objects.order_by("entered_on", "pk"),
        "milestones": Milestone.objects.order_by("planned_on", "pk"),
        "targets": Target.objects.order_by("indicator_id", "target_year", "pk").select_related("indicator"),
        "readings": readings.order_by("period", "version", "pk"),
        "overrides": LightOverride.objects.order_by("set_on", "pk"),
        "amendments": Amendment.objects.order_by("pk"),
        "completions": Completion.objects.order_by("entered_on", "pk"),
        "not_given": NotGiven.objects.order_by("reported_on", "pk"),
        "deadlines": Deadline.objects.order_by("decided_on", "pk"),
    }
    chosen = {name: queryset for name, queryset in rows.items() if name not in without}
    lists = [Prefetch(name, queryset, to_attr=f"prefetched_{name}") for name, queryset in chosen.items()]
    of_batch = Prefetch("batch__deadlines", rows["deadlines"], to_attr="prefetched_deadlines")
    return pilots.select_related("batch", "province", "parent").prefetch_related(*lists, of_batch)


def records_of(pilot: Any) -> Records:
    """Return the rows of a pilot from `prefetch_for_status`, as the rules of lights take them."""
    deadlines = [*pilot.batch.prefetched_deadlines, *pilot.prefetched_deadlines]
    indicators = {target.indicator_id: target.indicator for target in pilot.prefetched_targets}
    return Records(
        pilot,
        targets=pilot.prefetched_targets,
        milestones=pilot.prefetched_milestones,
        stages=pilot.prefetched_stages,
        readings=pilot.prefetched_readings,
        not_given=pilot.prefetched_not_given,
        deadlines=sorted(deadlines, key=lambda row: row.pk),
        overrides=pilot.prefetched_overrides,
        amendments=pilot.prefetched_amendments,
        completions=pilot.prefetched_completions,
        due_of={key: item.report_due for key, item in indicators.items() if item.report_due},
    )


# -- one pilot on a day ----------------------------------------------------------------------------------


def pilot_status(pilot: Pilot, as_of: date, follow_ups: OpenFollowUps | None = None) -> PilotStatus:
    """Return the status of a pilot on a day. No query when it comes from `prefetch_for_status`.

    `follow_ups` are those of pilots that are shown together; they are read on first access.
    """
    if "prefetched_stages" not in vars(pilot):
        pilot = prefetch_for_status(Pilot.objects.filter(pk=pilot.pk)).get()
    if follow_ups is None:
        follow_ups = open_follow_ups([pilot.pk], as_of)
    return PilotStatus(pilot, as_of, follow_ups)


class MilestoneCounts(NamedTuple):
    """Milestones of a pilot in force on a day: done, due, due but not done, and all."""

    done: int
    due: int
    late: int
    total: int


class Judged:
    """What is the same on every day on which a pilot is judged: its rows, and the colours shown so far."""

    def __init__(self, pilot: Any) -> None:
        self.pilot = pilot
        self.colours: dict[date, Colour] = {}

    @cached_property
    def records(self) -> Records:
        return records_of(self.pilot)

    @cached_property
    def change_days(self) -> list[date]:
        return change_days(self.records)


class PilotStatus:
    """Status of a pilot on a day, each part computed when it is first asked for."""

    def __init__(
        self, pilot: Any, as_of: date, follow_ups: OpenFollowUps | None = None, judged: Judged | None = None
    ) -> None:
        self.pilot, self.as_of, self.judged = pilot, as_of, judged or Judged(pilot)
        self.follow_ups = follow_ups  # None where only colours are asked for

    def on(self, day: date) -> PilotStatus:
        """Return the status on another day, of which only colours are asked."""
        return PilotStatus(self.pilot, day, judged=self.judged)

    def colour_on(self, day: date) -> Colour:
        """Return the colour shown on a day."""
        colours = self.judged.colours
        if day not in colours:
            colours[day] = pilot_light(self.records, day).colour
        return colours[day]

    @property
    def records(self) -> Records:
        """The rows that the lights are computed from."""
        return self.judged.records

    # -- stage

    @cached_property
    def stage_events(self) -> list[StageEvent]:
        """The entries into stages that count by the day, as `metrics` expects them."""
        return [row.as_stage_event() for since, row in self.records.entered if since <= self.as_of]

    @cached_property
    def current_stage(self) -> CurrentStage | None:
        return metrics.current_stage(self.stage_events, self.as_of)

    @property
    def is_withdrawn(self) -> bool:
        return bool(self.pilot.withdrawn_by(self.as_of))

    @cached_property
    def days_in_stage(self) -> int | None:
        """Days since the current stage was entered, 0 on that day; None without one, and of a withdrawn pilot."""
        return (self.as_of - self.current_stage.since).days if self.current_stage and not self.is_withdrawn else None

    @cached_property
    def list_to_plan(self) -> Duration | None:
        """Days from the list to the plan; after a withdrawal none is awaited."""
        found = metrics.list_to_plan(self.stage_events, self.as_of)
        return None if found and not found.done and self.is_withdrawn else found

    # -- what was promised, and the values

    @cached_property
    def indicators(self) -> list[Light]:
        """Lights of the targets, of one indicator by their years; also of those that are not in force."""
        return [target_light(self.records, target, self.as_of) for target in self.records.targets]

    @cached_property
    def milestones(self) -> list[Light]:
        """Lights of the milestones; also of those that are not in force."""
        return [milestone_light(self.records, item, self.as_of) for item in self.records.milestones]

    @property
    def binding_targets(self) -> list[Light]:
        """Lights of the binding targets in force that no later one has followed: what counts of targets."""
        return binding_targets(self.indicators)

    @property
    def counts(self) -> MilestoneCounts:
        lights = [light for light in self.milestones if light.in_force]
        done, due = sum(item.done for item in lights), sum(item.due for item in lights)
        return MilestoneCounts(done, due, sum(item.due and not item.done for item in lights), len(lights))

    # -- what is handed in for the last year due

    @cached_property
    def year_due(self) -> int:
        """Last year whose values are due, but for indicators and batches with a later day."""
        return metrics.year_due(self.as_of)

    @cached_property
    def owed(self) -> dict[int, date]:
        """Due days that have passed of the year, by indicator: of binding targets whose values are asked for."""
        found: dict[int, date] = {}
        for target in self.records.targets if not self.is_withdrawn else ():
            promise = in_force(self.records, target, self.as_of) if target.binding else None
            if promise and first_asked_year(self.records, target, self.as_of) <= self.year_due <= promise.year:
                day = due_day(self.records, target.indicator_id, self.year_due, self.as_of)
                if day and day < self.as_of:
                    found[target.indicator_id] = day
        return found

    @property
    def owes(self) -> bool:
        """Whether it owes values for the last year due."""
        return bool(self.owed)

    @property
    def reported(self) -> bool:
        """Whether all that it owes is accepted: values, or reasons why there is none."""
        return self.owes and self.outstanding is None

    @cached_property
    def outstanding(self) -> ReportState | None:
        """Where the values that it owes are held up; None where all are accepted, or none is owed.

        It is named by what the pilot has to do before what the ministry has to.
        """
        states = {self.report_state(indicator, self.year_due) for indicator in self.owed}
        return next((state for state in ACTING if state in states), None)

    def report_state(self, indicator: int, year: int) -> ReportState | None:
        """Return where the value of a year is held up; None where it is accepted, or a reason why there is none."""
        rows = [row for row in self.records.handed_in.get((indicator, year), ()) if row.reported_on <= self.as_of]
        if not rows:
            return ReportState.NOTHING
        states = [state_on(row, self.as_of) for row in rows]
        settled = [state for state in states if state in (ReadingState.ACCEPTED, ReadingState.DISPUTED)]
        if settled and settled[-1] == ReadingState.ACCEPTED:
            return None
        if states[-1] == ReadingState.REPORTED:
            return ReportState.WAITING
        return ReportState.DISPUTED if settled else ReportState.RETURNED

    # -- the light

    @cached_property
    def override(self) -> LightOverride | None:
        """The light set by hand that is in force: the latest where two overlap, None for a withdrawn pilot."""
        return override_on(self.records, self.as_of)  # type: ignore[no-any-return]

    @cached_property
    def lights(self) -> list[Light]:
        """Lights of all that was promised, and of rectifying."""
        return [*self.indicators, *self.milestones, *rectifying(self.records, self.as_of)]

    @cached_property
    def reasons(self) -> list[Light]:
        """Reasons of the computed light, worst first: the first one decides the colour."""
        return pilot_reasons(self.records, self.lights, self.as_of)

    @property
    def computed(self) -> Colour:
        """Colour of the computed light."""
        return self.reasons[0].effect or Colour.GREY

    @property
    def computed_sentence(self) -> str:
        """What explains the computed light."""
        return self.told(self.reasons[0])

    @property
    def colour(self) -> Colour:
        """Colour shown: that of the override in force, else the computed one."""
        return Colour(self.override.colour) if self.override else self.computed

    @property
    def shown_reasons(self) -> list[Light]:
        """Reasons of the light shown: the override, if any, then the computed ones."""
        return [by_hand_light(self.pilot, self.override), *self.reasons] if self.override else self.reasons

    def told(self, worst: Light) -> str:
        """Return what explains a light by its worst reason, with what was amended of that."""
        return join_clauses(filter(None, [say_pilot(self.lights, worst), self.change_of(worst.record)]))

    def text_of(self, light: Light) -> str:
        """Return the whole sentence on a light: the reason, changes to the plan, and how it counts."""
        return join_clauses(filter(None, [light.sentence, self.changes_of(light), light.counts_less]))

    def changes_of(self, light: Light) -> str:
        """Return what was changed of a promise, and what is asked for or was refused."""
        promise = light.of in (Subject.MILESTONE, Subject.TARGET)
        asked = request_text(light.record, self.as_of) if promise else ""
        return join_clauses(filter(None, [self.change_of(light.record), asked]))

    def owner_of(self, light: Light) -> str:
        """Return who is responsible for a light, never a person; empty where all is well.

        The agency of the open follow-up, else who is in charge.
        """
        follow_ups = self.open_follow_ups
        if light.cause is not None:
            subjects = {(None, None), light.cause}
            follow_ups = [f for f in follow_ups if (f.cause_target_id, f.cause_milestone_id) in subjects]
        return follow_ups[0].owner_agency.name if follow_ups else self.in_charge(light)

    def in_charge(self, light: Light) -> str:
        """Return who is responsible where no follow-up is open: of a milestone the department on record, else the
        pilot's own office, or the ministry while something waits for it.
        """
        if light.why in (LightReason.ALL_WELL, LightReason.WITHDRAWN):
            return ""
        if light.why == LightReason.NOT_PROMISED or self.waits_for_ministry(light):
            return gettext("Ministry")
        department = light.record.owner if light.of == Subject.MILESTONE else ""
        return department or responsible_office(self.pilot)

    def waits_for_ministry(self, light: Light) -> bool:
        """Whether all that a target lacks is handed in, also late: the missing values, or the one after a dispute."""
        if light.why not in (LightReason.UNDER_REVIEW, LightReason.OVERDUE, LightReason.DISPUTED):
            return False
        years = (light.year,) if light.why == LightReason.DISPUTED else light.years
        indicator = light.record.indicator_id
        return all(self.report_state(indicator, year) == ReportState.WAITING for year in years)

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
        return self.told(self.shown_reasons[0])

    @cached_property
    def explanation(self) -> str:
        """The same for a list, with how many other promises were changed."""
        first = self.shown_reasons[0]
        others = [change.on for change in self.replanned if change.record != first.record]
        text = ngettext(
            "%(n)d other promise amended or entered late, last on %(day)s",
            "%(n)d other promises amended or entered late, last on %(day)s",
            len(others),
        )
        more = text % {"n": len(others), "day": format_date(max(others))} if others else ""
        return join_clauses(filter(None, [self.sentence, more]))

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
    def replanned(self) -> Sequence[PlanChange]:
        """Promises that were amended by the day, or completed by an entry that came late; latest change first."""
        return changes_of(self.pilot, self.as_of)

    def change_of(self, record: Any) -> str:
        """Return what was changed of a promise, empty for nothing."""
        return next((item.text for item in self.replanned if item.record == record), "")

    @cached_property
    def since(self) -> date | None:
        """First day of the colour shown; None when it has never been different."""
        return unchanged_since(self.colour_on, self.as_of, self.judged.change_days)

    @cached_property
    def entered_since(self) -> list[str]:
        """What was entered after the day and counts on it all the same, by the kind of record; for pages of past days.

        Three queries on a past day: of values and promises only their histories say when they were entered.
        """
        if self.as_of >= today():
            return []
        return [label_value(what, entries_text(rows)) for what, rows in late_entries(self).items() if rows]


# -- what a past day did not know yet ----------------------------------------------------------------------


LateEntry = tuple[date, str]
"""The day on which something was entered, and its name."""
MOST_NAMED = 5


def entries_text(rows: Sequence[LateEntry]) -> str:
    """Return the names of records with the days of their entry, of many the first."""
    named = [
        gettext("%(name)s (on %(day)s)") % {"name": name, "day": format_date(day)}
        for day, name in sorted(rows)[:MOST_NAMED]
    ]
    more = len(rows) - len(named)
    return join_short([*named, gettext("%(n)d more") % {"n": more}] if more else named)


def late_entries(status: PilotStatus) -> dict[str, list[LateEntry]]:
    """Return what counts on the day of a status and was entered after it, by what it is."""
    pilot, day, records = status.pilot, status.as_of, status.records
    by_own_days = {
        gettext("Stages entered since"): [
            (row.recorded_on, str(row)) for since, row in records.entered if since <= day < (row.recorded_on or day)
        ],
        gettext("Completions entered since"): [
            (light.completion.entered_on, light.record.name)
            for light in status.milestones
            if isinstance(light.completion, Completion) and light.completion.entered_on > day
        ],
    }
    if status.is_withdrawn and (pilot.withdrawn_recorded_on or day) > day:
        by_own_days[gettext("Withdrawal entered since")] = [(pilot.withdrawn_recorded_on, pilot.name)]
    values = [row for row in pilot.prefetched_readings if row.accepted_on and row.accepted_on <= day]
    promises = [light.record for light in status.indicators if light.in_force]
    tasks = [light.record for light in status.milestones if light.in_force]
    return by_own_days | {
        gettext("Values entered since"): [
            (on, label_value(row.indicator.name, format_period(row.period)))
            for row, on in entered_after(Reading, pilot, values, day)
        ],
        gettext("Targets entered since"): [
            (on, row.indicator.name) for row, on in entered_after(Target, pilot, promises, day)
        ],
        gettext("Milestones entered since"): [
            (on, row.name) for row, on in entered_after(Milestone, pilot, tasks, day)
        ],
    }


def entered_after(model: Any, pilot: Pilot, rows: Iterable[Any], day: date) -> list[tuple[Any, date]]:
    """Return those of a pilot's rows that people entered after a day, with the day of their entry. One query.

    What the product itself brought along has no author. The clock of a demonstration runs past the day that it calls
    today.
    """
    entries = model.history.filter(pilot_id=pilot.pk, history_type="+", history_user__isnull=False)
    times = dict(entries.order_by().values_list("id", "history_date"))
    days = {key: min(timezone.localdate(time), today()) for key, time in times.items()}
    return [(row, days[row.pk]) for row in rows if row.pk in days and days[row.pk] > day]


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
        chosen = [item for item in self.pilots if kind in ("", item.pilot.kind)]
        within = [item.current_stage for item in chosen if not item.is_withdrawn]
        return metrics.stage_funnel(within, withdrawn=len(chosen) - len(within))

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
        """Binding targets in force by colour of their light."""
        return OnTrack(count_by_colour(item.colour for status in self.pilots for item in status.binding_targets))

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
    columns = ("pk", "pilot_id", "indicator_id", "period", "version", "value")
    days = ("reported_on", "accepted_on", "returned_on", "answer_by", "disputed_on")
    for row in readings.values_list(*columns, *days, named=True):
        rows[row.pilot_id].append(row)
    for pilot in members:
        pilot.prefetched_readings = rows[pilot.pk]
    if follow_ups is None:
        follow_ups = open_follow_ups((pilot.pk for pilot in members), as_of)
    return Progress(as_of, [pilot_status(pilot, as_of, follow_ups) for pilot in members])


# -- province by province ----------------------------------------------------------------------------------


class ProvinceLights(NamedTuple):
    """Lights of a province's pilots on a day; `red` and `yellow` are None where no pilot can be rated, `not_reported`
    where none owes values for the last year due.
    """

    pilots: int
    red: int | None
    yellow: int | None
    by_hand: dict[Colour, int]  # those set by hand, by the colour that is computed
    not_reported: int | None  # without those whose values wait


def lights_by_province(as_of: date) -> dict[int, ProvinceLights]:
    """Return the lights of all pilots by key of their province, without provinces that have no pilot.

    Twelve queries.
    """
    by_province: dict[int, list[PilotStatus]] = {}
    for status in build_progress(Pilot.objects.listed(as_of), as_of).pilots:
        by_province.setdefault(status.pilot.province_id, []).append(status)
    return {province: province_lights(statuses) for province, statuses in by_province.items()}


def province_lights(statuses: Sequence[PilotStatus]) -> ProvinceLights:
    """Return the lights of one province."""
    colours = count_by_colour(status.colour for status in statuses)
    rated, owing = len(statuses) - colours[Colour.GREY], [status for status in statuses if status.owes]
    return ProvinceLights(
        pilots=len(statuses),
        red=colours[Colour.RED] if rated else None,
        yellow=colours[Colour.YELLOW] if rated else None,
        by_hand=count_by_hand(statuses),
        not_reported=sum(status.outstanding in NOT_REPORTED for status in owing) if owing else None,
    )


# -- who has not reported -----------------------------------------------------------------------------------


MAX_LISTED = 100  # pilots that the overview of the API names


class ReportState(TextChoices):
    """Where values are held up that a pilot owes for the year due."""

    NOTHING = "nothing", _("not handed in")
    WAITING = "waiting", _("handed in, waiting to be accepted")
    RETURNED = "returned", _("returned, to be answered by the pilot")
    DISPUTED = "disputed", _("objected to, to be corrected by the pilot")


NOT_REPORTED = (ReportState.NOTHING, ReportState.RETURNED, ReportState.DISPUTED)
"""States in which the pilot has to act. Values that wait for the ministry are never called not reported."""
ACTING = (ReportState.NOTHING, ReportState.RETURNED, ReportState.WAITING, ReportState.DISPUTED)
"""The state of a pilot with several values: a disputed one counts, so it comes last."""


class OutstandingReports:
    """Pilots that owe values for the last year due, and those of them of which not all are accepted. No query."""

    def __init__(self, rated: Progress) -> None:
        self.as_of, self.year = rated.as_of, metrics.year_due(rated.as_of)
        self.owing = sum(status.owes for status in rated.pilots)
        self.due_days = [day for status in rated.pilots for day in status.owed.values()]
        self.by_place: dict[ReportState, list[PilotStatus]] = {report_state: [] for report_state in ReportState}
        for status in rated.pilots:
            if status.outstanding:
                self.by_place[status.outstanding].append(status)

    @property
    def due_on(self) -> date:
        """Last day on which the first of the year's values were on time."""
        return min(self.due_days, default=date(self.year + 1, 3, 31))

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
        """Those of the pilots that owe values of which all are accepted."""
        return self.owing - self.count

    @property
    def waiting(self) -> int:
        """Those whose values wait for the ministry."""
        return len(self.by_place[ReportState.WAITING])

    @property
    def not_reported(self) -> int:
        """Those that have to act themselves."""
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
    """Return the status of each pilot on the day, by key. Twelve queries."""
    chosen = pilots.order_by().select_related(None).prefetch_related(None)
    return {status.pilot.pk: status for status in build_progress(chosen, as_of).pilots}


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
