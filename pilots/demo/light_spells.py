"""Spells of red and yellow lights of pilots: what caused the follow-ups of the demonstration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pilots.analytics.pilot_status import (
    colour_on,
    indicator_status,
    latest_yearly_readings,
    light_change_dates,
    milestone_change_dates,
    milestone_status,
    related_rows,
)
from pilots.metrics.lights import Colour
from pilots.models import Cause, Indicator, Milestone, Pilot

BEHIND = (Colour.RED, Colour.YELLOW)
Timeline = Sequence[tuple[date, Colour]]
"""Days on which a light can change, each with its colour from then on."""
LASTS = (None, None)


@dataclass(frozen=True)
class Spell:
    """Time during which a light of a pilot was red or yellow.

    `end` is the first day of the colour `then`, and `then_end` that of the colour `after`; None while one lasts.
    """

    pilot: Pilot
    cause: Cause
    subject: Indicator | Milestone | None
    colour: Colour
    start: date
    end: date | None = None
    then: Colour | None = None
    then_end: date | None = None
    after: Colour | None = None


def light_spells(pilot: Pilot, first: date, as_of: date) -> Iterator[Spell]:
    """Yield the red spells of a pilot and of its indicators, and the red and yellow ones of its milestones.

    No query for a pilot from `prefetch_for_status`.
    """
    days = change_days(pilot, first, as_of)
    yield from red(spells_of(pilot, Cause.PILOT, None, [(day, colour_on(pilot, day)) for day in days]))
    for indicator, timeline in indicator_timelines(pilot, days).items():
        yield from red(spells_of(pilot, Cause.INDICATOR, indicator, timeline))
    for milestone in related_rows(pilot, "milestones"):
        turns = within([first, *milestone_change_dates(milestone)], first, as_of)
        timeline = [(day, milestone_status(milestone, day).light.colour) for day in turns]
        yield from spells_of(pilot, Cause.MILESTONE, milestone, timeline)


def change_days(pilot: Pilot, first: date, as_of: date) -> list[date]:
    """Return the days on which a light of the pilot or of its indicators can change, the first included."""
    return within([first, *light_change_dates(pilot, as_of)], first, as_of)


def within(days: Sequence[date], first: date, as_of: date) -> list[date]:
    return sorted({day for day in days if first <= day <= as_of})


def indicator_timelines(pilot: Pilot, days: Sequence[date]) -> Mapping[Indicator, Timeline]:
    """Return the lights of all targets on these days, by indicator."""
    found: dict[Indicator, list[tuple[date, Colour]]] = {}
    for day in days:
        values = latest_yearly_readings(pilot, day)
        for target in related_rows(pilot, "targets"):
            colour = indicator_status(target, values, day).light.colour
            found.setdefault(target.indicator, []).append((day, colour))
    return found


def spells_of(pilot: Pilot, cause: Cause, subject: Indicator | Milestone | None, timeline: Timeline) -> Iterator[Spell]:
    """Yield the spells of one light."""
    turns = [turn for place, turn in enumerate(timeline) if not place or timeline[place - 1][1] != turn[1]]
    for (start, colour), (end, then), (then_end, after) in zip(
        turns, [*turns[1:], LASTS], [*turns[2:], LASTS, LASTS], strict=False
    ):
        if colour in BEHIND:
            yield Spell(pilot, cause, subject, colour, start, end, then, then_end, after)


def red(spells: Iterator[Spell]) -> Iterator[Spell]:
    return (spell for spell in spells if spell.colour == Colour.RED)
