"""Lights of a set of pilots on two days, and what became of them in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from core.text.formatting import format_date, format_number
from dashboard.briefs.blocks import Block, Days, table
from dashboard.charts.attention import red_statement
from pilots.analytics.pilot_status import Progress, colour_on
from pilots.charts.cells import distinct_names_of
from pilots.lights import Colour, count_by_colour


@dataclass(frozen=True)
class LightsOfTwoDays:
    """Colour of the same records on the day and on the day of comparison, with the name of each, by key."""

    days: Days
    now: Mapping[Any, Colour]
    then: Mapping[Any, Colour]
    names: Mapping[Any, str]

    @cached_property
    def newly_red(self) -> list[str]:
        """Names of those that are red now and were not then."""
        return self.named(lambda then, now: now == Colour.RED != then)

    @cached_property
    def cleared(self) -> list[str]:
        """Names of those that were red then, and are rated now and no longer red."""
        return self.named(lambda then, now: then == Colour.RED and now not in {Colour.RED, Colour.GREY})

    @cached_property
    def no_longer_rated(self) -> list[str]:
        """Names of those that were red then and cannot be rated now."""
        return self.named(lambda then, now: then == Colour.RED and now == Colour.GREY)

    @property
    def is_unchanged(self) -> bool:
        """Whether none of them turned red or ceased to be red."""
        return not (self.newly_red or self.cleared or self.no_longer_rated)

    @property
    def is_unrated(self) -> bool:
        """Whether none of them is rated on either day."""
        return {*self.now.values(), *self.then.values()} <= {Colour.GREY}

    def named(self, which: Callable[[Colour, Colour], bool]) -> list[str]:
        return [self.names[key] for key, now in self.now.items() if which(self.then[key], now)]


def pilot_lights(progress: Progress, days: Days) -> LightsOfTwoDays:
    """Return the lights of these pilots. No query: they come from the prefetched rows."""
    return LightsOfTwoDays(
        days,
        {item.pilot.pk: item.colour for item in progress.pilots},
        {item.pilot.pk: colour_on(item.pilot, days.since) for item in progress.pilots},
        distinct_names_of(progress),
    )


def lights_table(found: LightsOfTwoDays, title: str) -> Block:
    """Return the counts by colour on the day and on the day of comparison, of the same records."""
    counts = [(found.days.as_of, count_by_colour(found.now.values()))]
    counts.append((found.days.since, count_by_colour(found.then.values())))
    # Only milestones are ever blue.
    shown = [colour for colour in Colour if colour != Colour.BLUE or any(lights[colour] for _day, lights in counts)]
    columns = [_("Day"), *(light_text(colour) for colour in shown), _("All together")]
    rows = [
        (format_date(day), *(format_number(lights[colour]) for colour in shown), format_number(len(found.now)))
        for day, lights in counts
    ]
    return table(title, columns, rows)


def light_text(colour: Colour) -> str:
    """Return a colour with its meaning: `Red (far behind)`."""
    return _("%(text)s (%(more)s)") % {"text": colour.label, "more": colour.meaning}


def red_sentence(found: LightsOfTwoDays) -> str:
    """Return the sentence on red pilots and whether they are more than on the day of comparison."""
    if not found.now:
        return _("No pilot is recorded.")
    if found.is_unrated:
        return _("No pilot can be rated yet.")
    now, then = (sum(colour == Colour.RED for colour in day.values()) for day in (found.now, found.then))
    return red_statement(now, len(found.now), now - then, found.days.since) + _(".")
