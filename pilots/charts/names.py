"""What a pilot is called in a table or a drawing that may hold another of its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from config.charts import Cell
from pilots.models import Pilot
from pilots.progress import Progress


def distinct_names(pilots: Iterable[Pilot]) -> Mapping[int, str]:
    """The name of each pilot by its key, with the batch beside it where another of these pilots has the same name.

    These are all pilots of a page or a file, not only those of one of its lists: a name alone could else mean either.
    """
    shown = list(pilots)
    times = Counter(pilot.name for pilot in shown)
    return {pilot.pk: pilot.label if times[pilot.name] > 1 else pilot.name for pilot in shown}


def names_in(progress: Progress) -> Mapping[int, str]:
    """What the pilots of a page are called in its tables and drawings."""
    return distinct_names(item.pilot for item in progress.pilots)


def pilot_cell(pilot: Pilot, names: Mapping[int, str] | None = None) -> Cell:
    """A pilot's name with the way to its page; `names` are those of `distinct_names`."""
    return Cell((names or {}).get(pilot.pk, pilot.name), url=pilot.get_absolute_url(), lang=pilot.name_lang)
