"""Lights computed from histories: as the records were before some history entries, and after them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from pilots.analytics.pilot_status import RELATED, colour_on
from pilots.lights import Colour
from pilots.metrics.progress import year_due
from pilots.models import Indicator, Pilot
from pilots.readings import YEARLY


class PilotEdit(NamedTuple):
    """History entries about a pilot, by its key: their day, and the times of the first and the last."""

    pilot: int
    day: date
    first: datetime
    last: datetime


def light_changes(edits: Collection[PilotEdit]) -> dict[PilotEdit, tuple[Colour, Colour]]:
    """Return the edits that changed the pilot's light, with its colour before and after.

    Both are lights of the same day, so that time alone changes none. Eight queries, whatever the number of pilots.
    """
    if not edits:
        return {}
    keys = {edit.pilot for edit in edits}
    pilots = Pilot.objects.select_related("batch").in_bulk(keys)
    indicators = Indicator.objects.in_bulk()
    # of readings only the years that a day can need
    first = str(year_due(min(edit.day for edit in edits)))
    histories: dict[str, dict[int, list[Any]]] = {}
    for name, (model, _order) in RELATED.items():
        rows = model.history.filter(pilot_id__in=keys).order_by("history_date", "history_id")
        found = histories[name] = defaultdict(list)
        for row in rows.filter(YEARLY, period__gte=first) if name == "readings" else rows:
            found[row.pilot_id].append(row)
    turned = {}
    for edit in edits:
        if edit.pilot in pilots:
            edges = (edit.first, edit.last + timedelta(microseconds=1))
            states = [pilot_before(pilots[edit.pilot], histories, indicators, edge) for edge in edges]
            before, after = (colour_on(state, edit.day) for state in states)
            if before != after:
                turned[edit] = before, after
    return turned


def pilot_before(
    pilot: Pilot,
    histories: Mapping[str, Mapping[int, Sequence[Any]]],
    indicators: Mapping[int, Indicator],
    edge: datetime,
) -> Pilot:
    """Return the pilot with its related rows just before an instant, as `prefetch_for_status` would have done."""
    found = copy(pilot)
    for name, (_model, order) in RELATED.items():
        newest = {row.id: row for row in histories[name].get(pilot.pk, ()) if row.history_date < edge}
        records = [row.instance for row in newest.values() if row.history_type != "-"]
        records.sort(key=lambda record: [(getattr(record, n) is None, getattr(record, n)) for n in order])
        if name == "targets":
            records = [target for target in records if target.indicator_id in indicators]
        for record in records:
            record.pilot = found
            if name == "targets":
                record.indicator = indicators[record.indicator_id]
        vars(found)[f"prefetched_{name}"] = records
    return found
