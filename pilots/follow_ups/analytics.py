"""Follow-ups on a day, and their numbers: for page, API and file. Nothing of it is stored but the steps."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from django.db.models import QuerySet

from pilots.analytics.light_index import lights_by_pilot
from pilots.analytics.pilot_cache import cached_pilots, kept_with_pilot
from pilots.analytics.pilot_status import (
    IndicatorStatus,
    MilestoneStatus,
    colour_on,
    indicator_status,
    latest_yearly_readings,
    light_change_dates,
    milestone_status,
    prefetch_for_status,
    related_rows,
)
from pilots.follow_ups import metrics
from pilots.follow_ups.metrics import AgeBand, MedianDays, Share, relapse_day, relapse_watch_end
from pilots.lights import Colour
from pilots.metrics.follow_up_states import FollowUpState, Move
from pilots.models import Cause, FollowUp, FollowUpStep, Pilot

# -- one follow-up on a day --------------------------------------------------------------------------------


@dataclass(frozen=True)
class FollowUpStatus:
    """A follow-up on a day. Days and counts are those of the steps taken by then."""

    follow_up: FollowUp
    as_of: date
    steps: Sequence[FollowUpStep]
    state: FollowUpState
    due_on: date  # in force on the day; the first one is the follow-up's own
    extended: int  # times
    overdue: bool
    days_late: int | None  # None if it is not overdue
    waiting_days: int | None  # since the newest step; None if nothing remains to be done
    signed_on: date | None  # the first time
    reported_on: date | None  # the newest report
    closed_on: date | None  # None if it is not closed on the day
    closed_in_time: bool | None  # by the report that was verified; None if it is not closed
    returned: int  # times
    lights: CauseLights = field(compare=False, repr=False)

    @property
    def newest(self) -> FollowUpStep:
        """The step that gives the state."""
        return self.steps[-1]

    @property
    def age(self) -> int:
        """Days since the opening."""
        return (self.as_of - self.follow_up.opened_on).days

    @property
    def cause_colour_now(self) -> Colour | None:
        """Colour of the cause on the day; None where no light caused it."""
        return self.lights.now.get(self.follow_up.pk)

    @property
    def cause_colour_at_closing(self) -> Colour | None:
        """Colour on the closing day of a cause that was red at the opening; None if it was not, or is not closed."""
        outcome = self.lights.outcomes.get(self.follow_up.pk)
        return outcome.at_closing if outcome else None

    @property
    def cleared(self) -> bool | None:
        """Whether the cause, red at the opening, was no longer red on the closing day.

        None if it is not closed, no red light caused it, or the cause was not rated on the closing day.
        """
        return metrics.is_cleared(self.follow_up.cause_colour, self.cause_colour_at_closing)

    @property
    def relapsed_on(self) -> date | None:
        """First day after closing on which a cleared cause was red again, within RELAPSE_DAYS, or None."""
        return self.lights.outcomes[self.follow_up.pk].relapsed_on if self.cleared else None

    @property
    def watched(self) -> bool:
        """Whether RELAPSE_DAYS have passed since it was closed."""
        return self.closed_on is not None and metrics.relapse_watch_end(self.closed_on) <= self.as_of


def build_follow_ups(queryset: QuerySet[FollowUp], as_of: date) -> list[FollowUpStatus]:
    """Return the follow-ups of a queryset that exist on the day, in its order.

    Two queries; lights of causes are read when they are first asked for, for all of them at once.
    """
    follow_ups = list(queryset)
    # Django's own prefetch takes twice as long for many rows; each step is given its follow-up
    held: dict[int, tuple[FollowUp, list[FollowUpStep]]] = {item.pk: (item, []) for item in follow_ups}
    rows = FollowUpStep.objects.filter(follow_up__in=list(held), taken_on__lte=as_of)
    for step in rows.order_by("follow_up_id", "seq") if held else ():
        follow_up, steps = held[step.follow_up_id]
        step._state.fields_cache["follow_up"] = follow_up
        steps.append(step)
    return make_statuses(follow_ups, as_of, {key: steps for key, (_follow_up, steps) in held.items()})


def follow_up_status(follow_up: FollowUp, as_of: date) -> FollowUpStatus:
    """Return one follow-up on a day. Raises FollowUp.DoesNotExist if it was not opened by then."""
    found = make_statuses([follow_up], as_of)
    if not found:
        raise FollowUp.DoesNotExist
    return found[0]


def make_statuses(
    follow_ups: Sequence[FollowUp], as_of: date, taken: Mapping[int, Sequence[FollowUpStep]] | None = None
) -> list[FollowUpStatus]:
    """Return those of the follow-ups that exist on the day; `taken` holds their steps, else they are prefetched."""
    if taken is None:
        taken = {item.pk: metrics.steps_by(item.steps.all(), as_of) for item in follow_ups}
    known = [item for item in follow_ups if taken[item.pk]]
    closed_on = {
        item.pk: taken[item.pk][-1].taken_on
        for item in known
        if metrics.state_after(taken[item.pk]) == FollowUpState.CLOSED
    }
    lights = CauseLights(known, closed_on, as_of)
    return [make_status(item, taken[item.pk], as_of, lights) for item in known]


def make_status(follow_up: FollowUp, steps: Sequence[FollowUpStep], as_of: date, lights: CauseLights) -> FollowUpStatus:
    state = FollowUpState(steps[-1].state)
    due_on = metrics.due_after(follow_up.due_on, steps)
    overdue = metrics.is_overdue(state, due_on, as_of)
    return FollowUpStatus(
        follow_up=follow_up,
        as_of=as_of,
        steps=steps,
        state=state,
        due_on=due_on,
        extended=metrics.count_moves(steps, Move.EXTEND),
        overdue=overdue,
        days_late=(as_of - due_on).days if overdue else None,
        waiting_days=(as_of - steps[-1].taken_on).days if state.is_open else None,
        signed_on=metrics.first_day_of(steps, Move.SIGN),
        reported_on=metrics.last_day_of(steps, Move.REPORT),
        closed_on=lights.closed_on.get(follow_up.pk),
        closed_in_time=metrics.is_closed_in_time(follow_up.due_on, steps),
        returned=metrics.count_moves(steps, Move.RETURN),
        lights=lights,
    )


def open_by_pilot(pilot_keys: Collection[int], as_of: date) -> dict[int, list[FollowUpStatus]]:
    """Return the open follow-ups of pilots on a day by key of the pilot, overdue ones first, then the one due next."""
    rows = FollowUp.objects.filter(pilot__in=pilot_keys).with_state(as_of).open().order_by("pk")
    found: dict[int, list[FollowUpStatus]] = defaultdict(list)
    for status in sorted(build_follow_ups(rows, as_of), key=lambda item: (not item.overdue, item.due_on)):
        found[status.follow_up.pilot_id or 0].append(status)
    return dict(found)


# -- the numbers of many -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class RedCauses:
    """What became of the follow-ups that a red light caused: from red to follow-up to cleared.

    opened = open + closed + withdrawn; closed = cleared + still_red + not_rated, by the light on the closing day.
    """

    opened: int
    open: int
    closed: int
    withdrawn: int
    cleared: int
    still_red: int
    not_rated: int
    relapsed: int  # of the cleared ones
    watched: int  # cleared ones that have been watched for RELAPSE_DAYS, or are red again


@dataclass(frozen=True)
class FollowUpSummary:
    """Numbers of a set of follow-ups on a day; each share with its whole."""

    as_of: date
    total: int
    by_state: Mapping[FollowUpState, int]
    overdue: Share  # of the open ones
    key_open: int
    extended: Share  # extended at least once, of all
    closed_in_time: Share  # of the closed ones
    returned: Share  # returned at least once, of those reported at least once
    days_to_sign: MedianDays  # opened to first signed for
    days_to_close: MedianDays  # opened to closed
    ages: Sequence[AgeBand]  # of the open ones
    red: RedCauses

    @property
    def open(self) -> int:
        return sum(n for state, n in self.by_state.items() if state.is_open)

    @property
    def to_verify(self) -> int:
        return self.by_state[FollowUpState.REPORTED]

    @property
    def closed(self) -> int:
        return self.by_state[FollowUpState.CLOSED]

    @property
    def withdrawn(self) -> int:
        return self.by_state[FollowUpState.WITHDRAWN]

    @property
    def cleared(self) -> Share:
        """Cleared ones, of the closed ones whose cause was red at the opening and is rated on the closing day."""
        return Share(self.red.cleared, self.red.cleared + self.red.still_red)

    @property
    def relapsed(self) -> Share:
        """Causes red again within RELAPSE_DAYS after closing, of the cleared ones."""
        return Share(self.red.relapsed, self.red.cleared)

    @property
    def not_watched_yet(self) -> int:
        """Cleared ones that are not red again and not yet watched for RELAPSE_DAYS."""
        return self.red.cleared - self.red.watched


def build_summary(statuses: Sequence[FollowUpStatus], as_of: date) -> FollowUpSummary:
    """Return the numbers of these follow-ups."""
    states = Counter(item.state for item in statuses)
    still_open = [item for item in statuses if item.state.is_open]
    return FollowUpSummary(
        as_of=as_of,
        total=len(statuses),
        by_state={state: states[state] for state in FollowUpState},
        overdue=metrics.share(item.overdue for item in still_open),
        key_open=sum(item.follow_up.is_key for item in still_open),
        extended=metrics.share(item.extended > 0 for item in statuses),
        closed_in_time=metrics.share(item.closed_in_time for item in statuses if item.closed_in_time is not None),
        returned=metrics.share(item.returned > 0 for item in statuses if item.reported_on),
        days_to_sign=metrics.median_days(
            (item.signed_on - item.follow_up.opened_on).days for item in statuses if item.signed_on
        ),
        days_to_close=metrics.median_days(
            (item.closed_on - item.follow_up.opened_on).days for item in statuses if item.closed_on
        ),
        ages=metrics.age_bands((item.age, item.overdue) for item in still_open),
        red=red_causes([item for item in statuses if item.follow_up.cause_colour == Colour.RED]),
    )


def red_causes(statuses: Sequence[FollowUpStatus]) -> RedCauses:
    """Return what became of follow-ups that a red light caused."""
    states = Counter(item.state for item in statuses)
    cleared = [item for item in statuses if item.cleared]
    return RedCauses(
        opened=len(statuses),
        open=sum(item.state.is_open for item in statuses),
        closed=states[FollowUpState.CLOSED],
        withdrawn=states[FollowUpState.WITHDRAWN],
        cleared=len(cleared),
        still_red=sum(item.cleared is False for item in statuses),
        not_rated=sum(item.cause_colour_at_closing == Colour.GREY for item in statuses),
        relapsed=sum(item.relapsed_on is not None for item in cleared),
        watched=sum(item.watched or item.relapsed_on is not None for item in cleared),
    )


# -- red lights ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RedLights:
    """Red pilots on the day, and how many of them have an open follow-up."""

    red: int
    followed: int


def count_red_lights(as_of: date, statuses: Sequence[FollowUpStatus] | None = None) -> RedLights:
    """Return how many pilots in the programme are red on the day, and how many of these have an open follow-up.

    `statuses` are all follow-ups known on the day, where they are at hand.
    """
    if statuses is None:
        statuses = build_follow_ups(FollowUp.objects.known(as_of), as_of)
    colours = lights_by_pilot(Pilot.objects.listed(as_of), as_of)
    red = {pilot for pilot, colour in colours.items() if colour == Colour.RED}
    followed = {status.follow_up.pilot_id for status in statuses if status.state.is_open}
    return RedLights(len(red), len(red & followed))


# -- the light that caused one, on any day: the same functions as on the page of the pilot -----------------

CauseKey = tuple[str, int | None]
"""What a cause is, within its pilot: its kind, and the key of the indicator or the milestone."""


def cause_key(follow_up: FollowUp) -> CauseKey:
    return follow_up.cause, follow_up.cause_indicator_id or follow_up.cause_milestone_id


def cause_indicator_status(pilot: Pilot, indicator: int, day: date) -> IndicatorStatus | None:
    """Return the status of the pilot's target for the indicator; None where it has none."""
    found = (target for target in related_rows(pilot, "targets") if target.indicator_id == indicator)
    target = next(found, None)
    return target and indicator_status(target, latest_yearly_readings(pilot, day), day)


def cause_milestone_status(pilot: Pilot, milestone: int, day: date) -> MilestoneStatus | None:
    """Return the status of a milestone; None where it is no longer the pilot's."""
    found = (item for item in related_rows(pilot, "milestones") if item.pk == milestone)
    item = next(found, None)
    return item and milestone_status(item, day)


@kept_with_pilot
def cause_colour(pilot: Pilot, cause: CauseKey, day: date) -> Colour:
    """Return the colour of a cause on a day; grey for a target or milestone that is deleted since."""
    kind, key = cause
    if kind == Cause.PILOT or key is None:
        return colour_on(pilot, day)
    status = (cause_indicator_status if kind == Cause.INDICATOR else cause_milestone_status)(pilot, key, day)
    return status.light.colour if status else Colour.GREY


@kept_with_pilot
def cause_relapse(pilot: Pilot, cause: CauseKey, closed_on: date, as_of: date) -> date | None:
    """Return the first day after closing on which the cause is red again, within the time watched, or None."""
    last = min(relapse_watch_end(closed_on), as_of)
    days = [day for day in light_change_dates(pilot, last) if closed_on <= day <= last]
    return relapse_day(lambda day: cause_colour(pilot, cause, day), days, closed_on, as_of)


# -- the causes of many follow-ups -------------------------------------------------------------------------


@dataclass(frozen=True)
class CauseOutcome:
    """Light of a cause on the closing day, and the day on which it was red again; None if it was not."""

    at_closing: Colour
    relapsed_on: date | None


class CauseLights:
    """Lights of the causes of follow-ups that are shown together, computed on first access, by key of the follow-up.

    `closed_on` holds the closing day of each that is closed.
    """

    def __init__(self, follow_ups: Iterable[FollowUp], closed_on: Mapping[int, date], as_of: date) -> None:
        self.follow_ups = [item for item in follow_ups if item.cause and item.pilot_id]
        self.closed_on, self.as_of = closed_on, as_of

    @cached_property
    def now(self) -> Mapping[int, Colour]:
        """Colour of each cause on the day."""
        return {
            item.pk: cause_colour(pilot, cause_key(item), self.as_of)
            for pilot, items in pilots_of(self.follow_ups, self.as_of)
            for item in items
        }

    @cached_property
    def outcomes(self) -> Mapping[int, CauseOutcome]:
        """What became of each cause that was red at the opening and whose follow-up is closed."""
        chosen = [item for item in self.follow_ups if item.cause_colour == Colour.RED and item.pk in self.closed_on]
        first = min((self.closed_on[item.pk] for item in chosen), default=self.as_of)
        return {item.pk: self.outcome(pilot, item) for pilot, items in pilots_of(chosen, first) for item in items}

    def outcome(self, pilot: Pilot, follow_up: FollowUp) -> CauseOutcome:
        cause, closed_on = cause_key(follow_up), self.closed_on[follow_up.pk]
        colour = cause_colour(pilot, cause, closed_on)
        rated_well = colour not in {Colour.RED, Colour.GREY}
        return CauseOutcome(colour, cause_relapse(pilot, cause, closed_on, self.as_of) if rated_well else None)


def pilots_of(follow_ups: Iterable[FollowUp], first: date) -> Iterator[tuple[Pilot, Sequence[FollowUp]]]:
    """Yield each pilot, with the rows for its lights from the first day on, and its follow-ups."""
    groups: dict[int, list[FollowUp]] = defaultdict(list)
    for item in follow_ups:
        if item.pilot_id:
            groups[item.pilot_id].append(item)
    pilots = Pilot.objects.filter(pk__in=groups)
    cached = cached_pilots(pilots, prefetch_for_status)
    for pilot in prefetch_for_status(pilots, only_on=first) if cached is None else cached:
        yield pilot, groups[pilot.pk]
