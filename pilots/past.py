"""Pilots as their histories tell: a light by the records as they stood before some entries, and after them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pilots.metrics import Colour, year_due
from pilots.models import Indicator, LightOverride, Milestone, Pilot, Reading, Target, TargetStep
from pilots.models.facts import ORDER
from pilots.progress import colour_on

FACTS: Mapping[str, Any] = {"milestones": Milestone, "targets": Target, "readings": Reading, "overrides": LightOverride}


@dataclass(frozen=True)
class Edit:
    """Entries about a pilot, by its key: the day on which they were made, and the moments of the first and the last."""

    pilot: int
    day: date
    first: datetime
    last: datetime


def light_changes(edits: Collection[Edit]) -> dict[Edit, tuple[Colour, Colour]]:
    """Of these edits those that turned the pilot's light: its colour before and after.

    Both are lights of the same day, so time alone turns none. Seven queries, whatever the number of pilots.
    """
    if not edits:
        return {}
    keys = {edit.pilot for edit in edits}
    pilots = Pilot.objects.select_related("batch").in_bulk(keys)
    histories = read_histories(keys, min(edit.day for edit in edits))
    indicators = Indicator.objects.in_bulk()
    turned = {}
    for edit in edits:
        if edit.pilot not in pilots:
            continue
        edges = (edit.first, edit.last + timedelta(microseconds=1))
        states = [pilot_at(pilots[edit.pilot], histories, indicators, edge) for edge in edges]
        before, after = (colour_on(state, edit.day) for state in states)
        if before != after:
            turned[edit] = (before, after)
    return turned


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
