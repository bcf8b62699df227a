"""Values that are due and not accepted: which pilots owe them, and where each of them is held up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from pilots import metrics
from pilots.models import ReadingState
from pilots.progress import PilotStatus, Progress, brought, first_year


class HeldUp(TextChoices):
    """Where the values of a pilot are that has none accepted for the year due."""

    NOTHING = "nothing", _("nothing handed in")
    WAITING = "waiting", _("handed in, waiting to be accepted")
    DISPUTED = "disputed", _("objected to, to be corrected by the pilot")


@dataclass(frozen=True)
class Outstanding:
    """The pilots of a set that owe values for the last year due, and those of them without an accepted one."""

    as_of: date
    year: int
    owing: int
    by_place: Mapping[HeldUp, Sequence[PilotStatus]]

    @property
    def due_on(self) -> date:
        """The last day on which the year's values were in time."""
        return date(self.year + 1, 3, 31)

    @property
    def days_late(self) -> int:
        """Days since then, for a pilot that has not reported; at least 1, for a year is due only after its day."""
        return (self.as_of - self.due_on).days

    @cached_property
    def pilots(self) -> list[tuple[HeldUp, PilotStatus]]:
        return [(place, status) for place, found in self.by_place.items() for status in found]

    @property
    def count(self) -> int:
        return len(self.pilots)


def build_outstanding(progress: Progress) -> Outstanding:
    """Who of these pilots has no accepted value for the year due. No query: the facts were read with the pilots."""
    year = metrics.year_due(progress.as_of)
    owing = [status for status in progress.pilots if first_year(status.pilot) <= year]
    by_place: dict[HeldUp, list[PilotStatus]] = {place: [] for place in HeldUp}
    for status in owing:
        if not status.reported:
            by_place[held_up(status, year)].append(status)
    return Outstanding(progress.as_of, year, len(owing), by_place)


def held_up(status: PilotStatus, year: int) -> HeldUp:
    """Where its values of the year or later are; of several states the one that is nearest to the pilot."""
    states = {
        reading.state
        for reading in brought(status.pilot, "readings")
        if reading.period >= str(year) and reading.reported_on <= status.as_of
    }
    if ReadingState.DISPUTED in states:
        return HeldUp.DISPUTED
    return HeldUp.WAITING if states else HeldUp.NOTHING
