"""Progress of a set of pilots in numbers, from plain rows: for answers that show only a page of the pilots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.db.models import QuerySet

from pilots.analytics.light_index import current_stages, lights_by_pilot
from pilots.analytics.pilot_status import LightSummary, quarter_end_before, yearly_readings
from pilots.metrics.lights import count_by_colour
from pilots.metrics.progress import year_due
from pilots.metrics.stages import CurrentStage, StageFunnel, funnel_of_positions
from pilots.models import Pilot
from pilots.readings import newest_accepted


@dataclass(frozen=True)
class ProgressTotals:
    """The numbers of `pilot_status.Progress`, without a status of each pilot."""

    as_of: date
    pilots: QuerySet[Pilot]

    @cached_property
    def strip(self) -> LightSummary:
        """Lights now and at the end of the last quarter, of the same pilots on both days."""
        then_on = quarter_end_before(self.as_of)
        now, then = (lights_by_pilot(self.pilots, day) for day in (self.as_of, then_on))
        return LightSummary(count_by_colour(now.values()), count_by_colour(then.values()), then_on, len(now))

    @cached_property
    def kinds(self) -> Mapping[int, str]:
        """Kind of each pilot, by key."""
        return dict(self.pilots.order_by().values_list("pk", "kind"))

    @cached_property
    def positions(self) -> Mapping[int, CurrentStage]:
        """Current stage of each pilot with any on record, by key."""
        return current_stages(self.pilots, self.as_of)

    def funnel(self, kind: str = "") -> StageFunnel:
        """Return the funnel of all pilots, or of one kind."""
        return funnel_of_positions([self.positions.get(key) for key, own in self.kinds.items() if kind in ("", own)])

    @cached_property
    def reported(self) -> int:
        """Number of pilots with an accepted value for the last period due."""
        due = yearly_readings().filter(
            pilot__in=self.pilots.order_by().values("pk"), period__gte=str(year_due(self.as_of))
        )
        return newest_accepted(self.as_of, due).order_by().values("pilot_id").distinct().count()
