"""Pilots as their histories tell: the light of a day by the records as they stood before that day, and after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils import timezone

from pilots.metrics import Colour, year_due
from pilots.models import Indicator, LightOverride, Milestone, Pilot, Reading, Target, TargetStep
from pilots.models.facts import ORDER
from pilots.progress import colour_on

FACTS: Mapping[str, Any] = {"milestones": Milestone, "targets": Target, "readings": Reading, "overrides": LightOverride}


@dataclass(frozen=True)
class Moment:
    """A pilot, by its key, on a day."""

    pilot: int
    day: date


def light_changes(moments: Collection[Moment]) -> dict[Moment, tuple[Colour, Colour]]:
    """Of these pilots and days those on which what was entered turned the light: its colour before and after.

    Both are lights of the same day, so time alone turns none. Seven queries, whatever the number of pilots.
    """
    if not moments:
        return {}
    keys = {moment.pilot for moment in moments}
    pilots = Pilot.objects.select_related("batch").in_bulk(keys)
    histories = read_histories(keys, min(moment.day for moment in moments))
    indicators = Indicator.objects.in_bulk()
    turned = {}
    for moment in moments:
        if moment.pilot not in pilots:
            continue
        pilot = pilots[moment.pilot]
        states = [pilot_at(pilot, histories, indicators, edge) for edge in edges(moment.day)]
        before, after = (colour_on(state, moment.day) for state in states)
        if before != after:
            turned[moment] = (before, after)
    return turned


def edges(day: date) -> tuple[datetime, datetime]:
    """The first instant of a day and that of the next."""
    starts = (datetime.combine(on, time.min) for on in (day, day + timedelta(1)))
    first, last = (timezone.make_aware(start) for start in starts)
    return first, last


Histories = Mapping[str, Mapping[int, Sequence[Any]]]


def read_histories(keys: Collection[int], first: date) -> Histories:
    """By kind of fact and pilot, every entry in order; of readings those of years that a day can ask for."""
    found: dict[str, dict[int, list[Any]]] = {}
    for name, model in FACTS.items():
        rows = model.history.filter(pilot_id__in=keys).order_by("history_date", "history_id")
        if name == "readings":
            rows = rows.filter(period__gte=str(year_due(first))).exclude(period__contains="-")
        found[name] = grouped(rows, "pilot_id")
    targets = {entry.id for rows in found["targets"].values() for entry in rows}
    steps = TargetStep.history.filter(target_id__in=targets).order_by("history_date", "history_id")
    found["steps"] = grouped(steps, "target_id")
    return found


def grouped(rows: Iterable[Any], owner: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, owner)].append(row)
    return found


def records_at(rows: Iterable[Any], edge: datetime, order: Sequence[str]) -> list[Any]:
    """The records as their entries before an instant left them."""
    newest = {row.id: row for row in rows if row.history_date < edge}
    records = [row.instance for row in newest.values() if row.history_type != "-"]
    return sorted(records, key=lambda record: [getattr(record, name) for name in order])


def pilot_at(pilot: Pilot, histories: Histories, indicators: Mapping[int, Indicator], edge: datetime) -> Pilot:
    """The pilot with its facts as they stood at an instant, as `with_facts` would have read them then."""
    found = copy(pilot)
    for name in FACTS:
        vars(found)[f"{name}_read"] = records_at(histories[name].get(pilot.pk, ()), edge, ORDER[name])
    targets = [target for target in vars(found)["targets_read"] if target.indicator_id in indicators]
    for target in targets:
        target.indicator = indicators[target.indicator_id]
        vars(target)["steps_read"] = records_at(histories["steps"].get(target.pk, ()), edge, ("year",))
    vars(found)["targets_read"] = targets
    return found
