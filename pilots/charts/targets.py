"""Table of the binding targets of a set of pilots, by indicator."""

from __future__ import annotations

from collections import defaultdict

from django.utils.translation import gettext as _

from core.web.tables import Cell, Column, Table, make_table
from pilots.analytics.pilot_status import OnTrack, Progress
from pilots.lights import Colour, count_by_colour
from pilots.models import Indicator


def on_track_by_indicator(progress: Progress) -> list[tuple[Indicator, OnTrack]]:
    """Return the lights of binding targets by indicator, worst first: most red, then most yellow."""
    lights: dict[int, list[Colour]] = defaultdict(list)
    indicators = {}
    for status in progress.pilots:
        for item in status.indicators:
            if item.binds:
                lights[item.record.indicator_id].append(item.colour)
                indicators[item.record.indicator_id] = item.record.indicator
    found = [(indicators[key], OnTrack(count_by_colour(colours))) for key, colours in lights.items()]
    return sorted(found, key=lambda row: (-row[1].lights[Colour.RED], -row[1].lights[Colour.YELLOW], row[0].pk))


def on_track_table(progress: Progress) -> Table:
    """Return the table of binding targets by indicator: on the path, rated, behind, far behind, not rated."""
    columns: list[Column[tuple[Indicator, OnTrack]]] = [
        Column("indicator", _("Indicator"), lambda row: Cell(row[0].name, lang=row[0].name_lang)),
        Column("on_path", _("On the path"), lambda row: row[1].on_path, kind="integer"),
        Column("rated", _("of rated"), lambda row: row[1].rated, kind="integer"),
        Column("behind", _("Behind"), lambda row: light_count_cell(row[1], Colour.YELLOW), kind="integer"),
        Column("far_behind", _("Far behind"), lambda row: light_count_cell(row[1], Colour.RED), kind="integer"),
        Column("unrated", _("Not rated"), lambda row: row[1].unrated, kind="integer"),
    ]
    return make_table(columns, on_track_by_indicator(progress))


def light_count_cell(found: OnTrack, colour: Colour) -> Cell:
    n = found.lights[colour]
    return Cell(n, tag=colour.value if n else "")
