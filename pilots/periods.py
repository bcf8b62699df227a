"""Periods of lights: for each promise, each pilot and each class of synergy what holds from which day to which.

They are computed from plain rows by the rules of `lights.py` and `analytics/synergy.py`, for all days at once. An item
carries its own days of change and is judged once for each of them; the days of a pilot are those of its items.
`stored_lights.py` stores the periods.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby, pairwise
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from pilots.lights import (
    ACTING,
    COLOUR_ORDER,
    Colour,
    Light,
    LightReason,
    Records,
    Subject,
    milestone_days,
    milestone_light,
    override_on,
    pilot_days,
    pilot_reasons,
    rectifying,
    report_state,
    target_days,
    target_light,
    values_owed,
    withdrawn_by,
)
from pilots.metrics import current_stage, year_due

Facts = Mapping[str, Any]
"""Columns of a period, by name."""


class Period(NamedTuple):
    """What holds from a day to the day before another."""

    since: date
    until: date
    facts: Any


def periods(found: Iterable[tuple[date, Any]]) -> Iterator[Period]:
    """Yield the periods of what holds from each of these days on, the first of which is the first of all."""
    for (since, facts), (until, _next) in pairwise([*turns(found), (date.max, None)]):
        yield Period(since, until, facts)


class Judged(NamedTuple):
    """The lights of an item, each from a day on, oldest first; neighbours differ in what counts for the pilot."""

    item: Any
    of: Subject
    lights: Sequence[tuple[date, Light]]

    @property
    def periods(self) -> Iterator[Period]:
        """Periods of its colour and reason."""
        return periods((day, (light.colour.value, light.why.value)) for day, light in self.lights)


WHAT_COUNTS = attrgetter("colour", "why", "effect", "shortfall", "reading", "since", "due", "completed_on")


def judged_items(records: Records) -> list[Judged]:
    """Return the lights of all that was promised, judged on every day on which they can change."""
    found = []
    for of, items, days_of, light_of in (
        (Subject.TARGET, records.targets, target_days, target_light),
        (Subject.MILESTONE, records.milestones, milestone_days, milestone_light),
    ):
        for item in items:
            days = sorted({date.min, *days_of(records, item)})
            found.append(Judged(item, of, turns(((day, light_of(records, item, day)) for day in days), WHAT_COUNTS)))
    return found


def turns(
    found: Iterable[tuple[date, Any]], what: Callable[[Any], Any] = lambda value: value
) -> list[tuple[date, Any]]:
    """Return those of what holds from a day on that differ from the one before."""
    return [next(group) for _what, group in groupby(found, key=lambda step: what(step[1]))]


def pilot_periods(records: Records, items: Sequence[Judged]) -> Iterator[Period]:
    """Yield the periods of a pilot: in each nothing changes of its light, stage, values due and counts."""
    own = {date.min, *pilot_days(records)}
    days = own.union(*(target_days(records, target) for target in records.targets))
    values = turns((day, values_on(records, day)) for day in sorted(days))
    steps: list[tuple[date, int, Any]] = [(day, -1, None) for day in own]
    steps += [(day, -2, facts) for day, facts in values]
    steps += [(day, place, light) for place, item in enumerate(items) for day, light in item.lights]
    steps.sort(key=itemgetter(0))
    now: dict[int, Any] = {}
    found: list[tuple[date, Facts]] = []
    for day, changes in groupby(steps, key=itemgetter(0)):
        now.update((place, what) for _day, place, what in changes)
        facts = facts_on(records, [light for place, light in now.items() if place >= 0], day) | now[-2]
        same = found and found[-1][1]["colour"] == facts["colour"]
        found.append((day, facts | {"colour_since": found[-1][1]["colour_since"] if same else day}))
    return periods(found)


def facts_on(records: Records, items: Sequence[Light], day: date) -> Facts:
    """Return the columns of a pilot's period that holds a day."""
    worst = pilot_reasons(records, [*items, *rectifying(records, day)], day)[0]
    override, computed = override_on(records, day), worst.effect or Colour.GREY
    colour = Colour(override.colour) if override else computed
    stage = current_stage([event for since, event in records.stage_events if since <= day], day)
    gone = withdrawn_by(records.pilot, day)
    targets = [light.colour for light in items if light.counted]
    milestones = [light for light in items if light.of == Subject.MILESTONE and light.in_force]
    return {
        "rank": COLOUR_ORDER[colour],
        "colour": colour.value,
        "computed": computed.value,
        "why": (LightReason.BY_HAND if override else worst.why).value,
        "target_id": worst.record.pk if worst.of == Subject.TARGET else None,
        "milestone_id": worst.record.pk if worst.of == Subject.MILESTONE else None,
        "reading_id": worst.reading.pk if worst.reading else None,
        "stage": stage.stage.value if stage else "",
        "stage_since": stage.since if stage else None,
        "reached": stage.reached.value if stage and stage.reached and not gone else "",
        "targets_binding": len(targets),
        "targets_rated": sum(colour != Colour.GREY for colour in targets),
        "targets_on_path": sum(colour == Colour.GREEN for colour in targets),
        "milestones": len(milestones),
        "milestones_due": sum(light.due for light in milestones),
        "milestones_completed": sum(light.done for light in milestones),
        "milestones_late": sum(light.due and not light.done for light in milestones),
    }


def values_on(records: Records, day: date) -> Facts:
    """Return how many values of the last year due are owed and accepted, and where the others are held up."""
    owed = values_owed(records, day)
    states = [report_state(records, indicator, year_due(day), day) for indicator in owed]
    return {
        "values_due": len(owed),
        "values_accepted": states.count(None),
        "values_due_on": min(owed.values(), default=None),
        "outstanding": next((state.value for state in ACTING if state in states), ""),
    }
