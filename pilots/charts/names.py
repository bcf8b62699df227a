"""What a pilot is called in a table or a drawing that may hold another of its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from config.charts import Cell
from pilots.models import Pilot


def distinct_names(pilots: Iterable[Pilot]) -> Mapping[int, str]:
    """The name of each pilot by its key, with the batch beside it where another of these pilots has the same name."""
    shown = list(pilots)
    times = Counter(pilot.name for pilot in shown)
    return {pilot.pk: pilot.label if times[pilot.name] > 1 else pilot.name for pilot in shown}


def pilot_cell(pilot: Pilot, names: Mapping[int, str] | None = None) -> Cell:
    """A pilot's name with the way to its page; `names` are those of `distinct_names`."""
    return Cell((names or {}).get(pilot.pk, pilot.name), url=pilot.get_absolute_url(), lang=pilot.name_lang)
