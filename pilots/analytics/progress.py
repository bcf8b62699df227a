"""Progress of sets of pilots on a day, counted by the database from the stored lights."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from itertools import takewhile
from typing import Any, NamedTuple

from django.db.models import Case, Count, Min, Q, QuerySet, Sum, Value, When

from pilots import metrics
from pilots.analytics.pilot_status import PilotStatus, build_statuses
from pilots.lights import Colour, LightReason, ReportState
from pilots.metrics import Stage, StageFunnel
from pilots.models import Pilot
from pilots.models.light import on_day
from pilots.models.pilot import has_withdrawn

BY_HAND = Q(light_why=LightReason.BY_HAND.value)
"""Condition of pilots `with_light` whose light is set by hand."""
ATTENTION = (Colour.RED, Colour.YELLOW)
WORST_FIRST = ("light_rank", "light_colour_since", "pk")
"""The order of lists: by colour, then longest in it first."""
BY_BATCH = ("batch__level", "batch__known_by", "batch", "pk")
"""The order of pilots where their lights decide nothing."""
Counts = Mapping[Colour, int]


class LightCounts(NamedTuple):
    """Lights of pilots by colour on a day; `by_hand` are those of them that are set by hand, by computed colour."""

    on: date
    lights: Counts
    by_hand: Counts

    @property
    def n(self) -> int:
        return sum(self.lights.values())

    @property
    def rated(self) -> int:
        """Pilots whose light is not grey."""
        return self.n - self.lights[Colour.GREY]


def count_lights(pilots: QuerySet[Pilot], *days: date) -> list[LightCounts]:
    """Return the lights of these pilots on some days. One query, answered from an index."""
    rows: Any = pilots.order_by().filter(lights__until__gt=min(days), lights__since__lte=max(days))
    hand = Case(When(lights__why=LightReason.BY_HAND.value, then=Value(1)), default=Value(0))
    numbers = {f"n{place}": Count("pk", filter=on_day(day, "lights__")) for place, day in enumerate(days)}
    found = list(rows.values_list("lights__colour", "lights__computed", hand).annotate(**numbers))
    result = []
    for place, day in enumerate(days, 3):
        lights, by_hand = dict.fromkeys(Colour, 0), dict.fromkeys(Colour, 0)
        for row in found:
            lights[Colour(row[0])] += row[place]
            by_hand[Colour(row[1])] += row[place] * row[2]
        result.append(LightCounts(day, lights, by_hand))
    return result


class LightSummary(NamedTuple):
    """Lights on a day and on the last day of the quarter before, of the same pilots."""

    now: LightCounts
    then: LightCounts

    def change(self, colour: Colour) -> int:
        return self.now.lights[colour] - self.then.lights[colour]


class OnTrack(NamedTuple):
    """Binding targets that count: on the path (green), rated, and all."""

    on_path: int
    rated: int
    total: int

    @property
    def few(self) -> bool:
        """Whether at most a fifth of the targets are rated: too few to describe the others."""
        return self.rated * 5 <= self.total

    @property
    def unrated(self) -> int:
        return self.total - self.rated


class Progress:
    """Progress of a set of pilots on a day, counted by the database."""

    def __init__(self, pilots: QuerySet[Pilot], as_of: date) -> None:
        self.as_of, self.rows = as_of, pilots.order_by()

    @cached_property
    def lit(self) -> Any:
        """The pilots as a queryset, with the columns of their lights."""
        return self.rows.with_light(self.as_of)  # type: ignore[attr-defined]

    @property
    def now(self) -> LightCounts:
        return self.strip.now

    @property
    def n(self) -> int:
        return self.now.n

    @cached_property
    def strip(self) -> LightSummary:
        """Lights now and at the end of the last quarter, of the same pilots on both days."""
        return LightSummary(*count_lights(self.rows, self.as_of, quarter_end_before(self.as_of)))

    def quarters(self, most: int) -> list[LightCounts]:
        """Return the lights of the same pilots at up to `most` ends of quarters before the day, oldest first.

        The list starts after the last quarter in which no pilot was rated. One query.
        """
        days = [self.strip.then.on]
        while len(days) < most:
            days.append(quarter_end_before(days[-1]))
        return list(takewhile(lambda counts: counts.rated, count_lights(self.rows, *days)))[::-1]

    def funnel(self, kind: str = "") -> StageFunnel:
        """Return the funnel of all pilots, or of one kind. Two queries."""
        own = self.lit.filter(kind=kind) if kind else self.lit
        gone = own.filter(has_withdrawn(self.as_of))
        counts = dict(own.exclude(pk__in=gone.values("pk")).values_list("light_reached").annotate(n=Count("pk")))
        return metrics.stage_funnel(
            {Stage(stage): n for stage, n in counts.items() if stage}, counts.get("", 0), gone.count()
        )

    @cached_property
    def outstanding(self) -> OutstandingReports:
        """Who has reported for the last year due, and who has not."""
        return OutstandingReports(self)

    @property
    def needing_attention(self) -> int:
        """Pilots whose light is red or yellow."""
        return sum(self.now.lights[colour] for colour in ATTENTION)

    def attention(self, most: int | None = None) -> list[PilotStatus]:
        """Return up to `most` pilots whose light is red or yellow, worst first, then longest in that colour."""
        return self.statuses(self.lit.filter(light_colour__in=ATTENTION).order_by(*WORST_FIRST)[:most])

    @cached_property
    def on_track(self) -> OnTrack:
        """Binding targets in force by whether they are on the path. One query."""
        names = ("on_path", "rated", "binding")
        sums = self.lit.aggregate(**{name: Sum(f"light_targets_{name}", default=0) for name in names})
        return OnTrack(*(sums[name] for name in names))

    def statuses(self, rows: Any) -> list[PilotStatus]:
        """Return the statuses of some of the pilots: a queryset of `lit` in the order to keep. Thirteen queries."""
        keys = list(rows.values_list("pk", flat=True))
        found = {status.pilot.pk: status for status in build_statuses(keys, self.as_of)}
        return [found[key] for key in keys]

    @cached_property
    def pilots(self) -> list[PilotStatus]:
        """The statuses of all of them."""
        return self.statuses(self.lit.order_by(*BY_BATCH))


def quarter_end_before(as_of: date) -> date:
    """Return the last day of the quarter before that of the day."""
    first_month = 3 * ((as_of.month - 1) // 3) + 1
    return date(as_of.year, first_month, 1) - timedelta(1)


# -- who has not reported -----------------------------------------------------------------------------------

MAX_LISTED = 100  # pilots that the overview of the API names


class OutstandingReports:
    """Pilots that owe values for the last year due, and those of them of which not all are accepted. One query."""

    def __init__(self, progress: Progress) -> None:
        self.progress, self.as_of, self.year = progress, progress.as_of, metrics.year_due(progress.as_of)
        owing = progress.lit.filter(light_values_due__gt=0)
        rows = owing.values_list("light_outstanding").annotate(n=Count("pk"), due_on=Min("light_values_due_on"))
        found = {state: (n, day) for state, n, day in rows}
        self.owing: int = sum(n for n, _day in found.values())
        self.counts: dict[ReportState, int] = {state: found.get(state.value, (0, None))[0] for state in ReportState}
        self.due = {state: found[state.value][1] for state in ReportState if state.value in found}
        """The first due day of the values that are held up in each way."""
        first = min((day for _n, day in found.values()), default=None)
        self.due_on: date = first or date(self.year + 1, 3, 31)
        """Last day on which the first of the year's values were on time."""

    @property
    def days_late(self) -> int:
        """Days since then, for a pilot that has not reported; at least 1, as a year is due only after its date."""
        return (self.as_of - self.due_on).days

    @property
    def rows(self) -> Any:
        """The pilots as a queryset `with_light`, by where their values are held up."""
        place = Case(*(When(light_outstanding=state.value, then=Value(n)) for n, state in enumerate(ReportState)))
        found = self.progress.lit.filter(light_values_due__gt=0).exclude(light_outstanding="")
        return found.annotate(place=place).order_by("place", *BY_BATCH)

    @cached_property
    def pilots(self) -> list[tuple[ReportState, PilotStatus]]:
        return [(status.outstanding, status) for status in self.progress.statuses(self.rows) if status.outstanding]

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    @property
    def reported(self) -> int:
        """Those of the pilots that owe values of which all are accepted."""
        return self.owing - self.count

    @property
    def waiting(self) -> int:
        """Those whose values wait for the ministry."""
        return self.counts[ReportState.WAITING]

    @property
    def not_reported(self) -> int:
        """Those that have to act themselves."""
        return self.count - self.waiting

    @property
    def listed_pilots(self) -> list[Pilot]:
        """The first of the pilots, up to MAX_LISTED."""
        return list(self.rows[:MAX_LISTED])
