"""Outstanding reports: pilots without an accepted value for the year due, by reporting state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from pilots.analytics.pilot_status import PilotStatus, Progress
from pilots.metrics.progress import year_due
from pilots.models import Pilot, ReadingState

MAX_LISTED = 100  # pilots that the overview of the API names


class ReportState(TextChoices):
    """Reporting state of a pilot without an accepted value for the year due."""

    NOTHING = "nothing", _("nothing handed in")
    WAITING = "waiting", _("handed in, waiting to be accepted")
    DISPUTED = "disputed", _("objected to, to be corrected by the pilot")


@dataclass(frozen=True)
class OutstandingReports:
    """Pilots of a set that owe values for the last year due, and those of them without an accepted one."""

    as_of: date
    year: int
    owing: int
    by_place: Mapping[ReportState, Sequence[PilotStatus]]

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
        return [(place, status) for place, found in self.by_place.items() for status in found]

    @property
    def count(self) -> int:
        return len(self.pilots)

    @property
    def counts(self) -> dict[ReportState, int]:
        return {place: len(found) for place, found in self.by_place.items()}

    @property
    def listed_pilots(self) -> list[Pilot]:
        """The first of the pilots, up to MAX_LISTED."""
        return [status.pilot for _place, status in self.pilots[:MAX_LISTED]]


def build_outstanding_reports(progress: Progress) -> OutstandingReports:
    """Return the pilots without an accepted value for the year due. No query: it uses the prefetched rows."""
    year = year_due(progress.as_of)
    owing = [status for status in progress.pilots if status.first_year <= year]
    by_place: dict[ReportState, list[PilotStatus]] = {place: [] for place in ReportState}
    for status in owing:
        if not status.reported:
            by_place[report_state(status, year)].append(status)
    return OutstandingReports(progress.as_of, year, len(owing), by_place)


def report_state(status: PilotStatus, year: int) -> ReportState:
    """Return the state of its values of the year or later; of several states the one nearest to the pilot."""
    states = {
        reading.state
        for reading in status.pilot.prefetched_readings
        if reading.period >= str(year) and reading.reported_on <= status.as_of
    }
    if ReadingState.DISPUTED in states:
        return ReportState.DISPUTED
    return ReportState.WAITING if states else ReportState.NOTHING
