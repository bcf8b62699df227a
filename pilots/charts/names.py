"""Unambiguous names of pilots in tables and charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from core.web.tables import Cell
from pilots.analytics.pilot_status import Progress
from pilots.models import Pilot


def distinct_pilot_names(pilots: Iterable[Pilot]) -> Mapping[int, str]:
    """Return the name of each pilot by key, with its batch where another of these pilots has the same name.

    Pass all pilots of a page or file, not only those of one list; otherwise a name could be ambiguous.
    """
    shown = list(pilots)
    times = Counter(pilot.name for pilot in shown)
    return {pilot.pk: pilot.label if times[pilot.name] > 1 else pilot.name for pilot in shown}


def distinct_names_of(progress: Progress) -> Mapping[int, str]:
    """Return the names of a page's pilots for its tables and charts."""
    return distinct_pilot_names(item.pilot for item in progress.pilots)


def pilot_cell(pilot: Pilot, names: Mapping[int, str] | None = None) -> Cell:
    """Return a pilot's name linked to its page; `names` come from `distinct_names`."""
    return Cell((names or {}).get(pilot.pk, pilot.name), url=pilot.get_absolute_url(), lang=pilot.name_lang)
