"""Status of pilots on a day: stage, lights with reasons, milestones and targets, for page, API and file.

Colours, stages and counts are columns of the stored lights (`Pilot.objects.with_light(day)`), so the database counts
and orders sets of pilots (`progress.py`). Of those that a page shows the records are read as well
(`prefetch_for_status`), and `pilots/lights.py` makes their lights with reasons.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Prefetch, QuerySet
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext, ngettext

from core.text import format_date, join_clauses
from pilots import metrics
from pilots.amendments import PlanChange, changes_of, request_text
from pilots.lights import (
    Colour,
    Light,
    LightReason,
    Records,
    ReportState,
    Subject,
    by_hand_light,
    milestone_light,
    override_on,
    pilot_reasons,
    rectifying,
    report_state,
    responsible_office,
    target_light,
)
from pilots.metrics import CurrentStage, Duration, Stage
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
    StageEntry,
    Target,
)
from pilots.models.light import ALWAYS
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


def pilot_status(pilot: Pilot, as_of: date) -> PilotStatus:
    """Return the status of a pilot on a day. No query when it comes `with_light` from `prefetch_for_status`."""
    if not {"prefetched_stages", "light_colour"} <= vars(pilot).keys():
        return build_statuses([pilot.pk], as_of)[0]
    return PilotStatus(pilot, as_of, open_follow_ups([pilot.pk], as_of))


class MilestoneCounts(NamedTuple):
    """Milestones of a pilot in force on a day: done, due, due but not done, and all."""

    done: int
    due: int
    late: int
    total: int


class PilotStatus:
    """Status of a pilot on a day. `pilot` comes `with_light` of that day, with the rows of `prefetch_for_status`."""

    def __init__(self, pilot: Any, as_of: date, follow_ups: OpenFollowUps | None = None) -> None:
        self.pilot, self.as_of, self.follow_ups = pilot, as_of, follow_ups

    @cached_property
    def records(self) -> Records:
        """The rows that the lights are computed from."""
        return records_of(self.pilot)

    # -- stage

    @property
    def current_stage(self) -> CurrentStage | None:
        row = self.pilot
        if not row.light_stage:
            return None
        return CurrentStage(
            Stage(row.light_stage), row.light_stage_since, Stage(row.light_reached) if row.light_reached else None
        )

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
        events = [event for since, event in self.records.stage_events if since <= self.as_of]
        found = metrics.list_to_plan(events, self.as_of)
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
    def counts(self) -> MilestoneCounts:
        row = self.pilot
        return MilestoneCounts(
            row.light_milestones_completed, row.light_milestones_due, row.light_milestones_late, row.light_milestones
        )

    # -- what is handed in for the last year due

    @property
    def owes(self) -> bool:
        """Whether it owes values for the last year due."""
        return bool(self.pilot.light_values_due)

    @property
    def reported(self) -> bool:
        """Whether all that it owes is accepted: values, or reasons why there is none."""
        return self.owes and self.outstanding is None

    @property
    def outstanding(self) -> ReportState | None:
        """Where the values that it owes are held up; None where all are accepted, or none is owed.

        It is named by what the pilot has to do before what the ministry has to.
        """
        state = self.pilot.light_outstanding
        return ReportState(state) if state else None

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
        return Colour(self.pilot.light_computed)

    @property
    def colour(self) -> Colour:
        """Colour shown: that of the override in force, else the computed one."""
        return Colour(self.pilot.light_colour)

    @property
    def by_hand(self) -> bool:
        """Whether the light is set by hand."""
        return bool(self.pilot.light_why == LightReason.BY_HAND)

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
        return all(report_state(self.records, indicator, year, self.as_of) == ReportState.WAITING for year in years)

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

    @property
    def since(self) -> date | None:
        """First day of the colour shown; None when it has never been different."""
        day: date = self.pilot.light_colour_since
        return None if day == ALWAYS else day


# -- several pilots --------------------------------------------------------------------------------------


def build_statuses(keys: Iterable[int], as_of: date) -> list[PilotStatus]:
    """Return the statuses of these pilots on a day. Thirteen queries.

    Their readings are rows of what numbers are computed from, and no records: they are by far the most.
    """
    lit: Any = Pilot.objects.filter(pk__in=list(keys)).order_by().with_light(as_of)
    chosen = lit.with_class(as_of)
    members: list[Any] = list(prefetch_for_status(chosen, without=("readings",)))
    rows: dict[int, list[Any]] = {pilot.pk: [] for pilot in members}
    readings = Reading.objects.filter(YEARLY, pilot__in=list(rows)).order_by("period", "version")
    columns = ("pk", "pilot_id", "indicator_id", "period", "version", "value")
    days = ("reported_on", "accepted_on", "returned_on", "answer_by", "disputed_on")
    for row in readings.values_list(*columns, *days, named=True):
        rows[row.pilot_id].append(row)
    for pilot in members:
        pilot.prefetched_readings = rows[pilot.pk]
    follow_ups = open_follow_ups(rows, as_of)
    return [PilotStatus(pilot, as_of, follow_ups) for pilot in members]


# -- open follow-ups: the agency that has to answer one owns the light that it is about ---------------------


def open_follow_ups(pilots: Iterable[int], as_of: date) -> OpenFollowUps:
    """Return the open follow-ups of these pilots on a day, by pilot: overdue ones first, then the one due next.

    One query, on first access: even to build it costs milliseconds, and most lists never ask.
    """
    keys = list(pilots)

    def read() -> OpenFollowUps:
        grouped = defaultdict[int, list[FollowUp]](list)
        rows: Any = FollowUp.objects.filter(pilot__in=keys).with_state(as_of)
        rows = rows.open().select_related("owner_agency")
        for row in sorted(rows, key=lambda item: (not item.is_overdue, item.current_due_on, item.pk)):
            grouped[row.pilot_id].append(row)
        return grouped

    found: Any = SimpleLazyObject(read)
    return found  # type: ignore[no-any-return]
