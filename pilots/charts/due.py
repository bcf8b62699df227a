"""What is due: binding targets that are on the path, by indicator, and values that no pilot's report brought yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Column, Table
from config.templatetags.site import days as days_text
from pilots import metrics
from pilots.charts.names import pilot_cell
from pilots.charts.stages import of_all
from pilots.metrics import Colour
from pilots.models import Indicator, Pilot
from pilots.outstanding import HeldUp, Outstanding
from pilots.progress import OnTrack, Progress
from policies.charts import day

# -- on the path -----------------------------------------------------------------------------------------


def on_track_finding(progress: Progress, days_left: int | None) -> str:
    """How many binding targets are on the path, of those that are rated, and the days that are left."""
    found = progress.on_track
    if not found.rated:
        return _("No binding target can be rated yet")
    if found.few:
        text = _("%(rated)d of %(n)d binding targets are rated: too few to say how many are on the path")
        return text % {"rated": found.rated, "n": found.total}
    text = ngettext(
        "%(on)d of %(rated)d rated binding target is on the path",
        "%(on)d of %(rated)d rated binding targets are on the path",
        found.rated,
    ) % {"on": found.on_path, "rated": found.rated}
    if days_left is None or days_left < 0:
        return text
    return _("%(text)s, %(days)s left") % {"text": text, "days": days_text(days_left)}


def by_indicator(progress: Progress) -> list[tuple[Indicator, OnTrack]]:
    """The lights of the binding targets by indicator, the worst first: most red, then most yellow."""
    lights: dict[int, list[Colour]] = defaultdict(list)
    indicators = {}
    for status in progress.pilots:
        for item in status.indicators:
            if item.target.binding:
                lights[item.target.indicator_id].append(item.light.colour)
                indicators[item.target.indicator_id] = item.target.indicator
    found = [(indicators[key], OnTrack(metrics.tally(colours))) for key, colours in lights.items()]
    return sorted(found, key=lambda row: (-row[1].lights[Colour.RED], -row[1].lights[Colour.YELLOW], row[0].pk))


def on_track_table(progress: Progress) -> Table:
    """Binding targets by indicator: on the path, of how many rated, behind, far behind and not rated."""
    columns = [
        Column("indicator", _("Indicator")),
        Column("on_path", _("On the path"), "integer"),
        Column("rated", _("of rated"), "integer"),
        Column("behind", _("Behind"), "integer"),
        Column("far_behind", _("Far behind"), "integer"),
        Column("unrated", _("Not rated"), "integer"),
    ]
    return Table(columns, [on_track_cells(indicator, found) for indicator, found in by_indicator(progress)])


def on_track_rows(progress: Progress) -> list[dict[str, Any]]:
    """The same as lines of a list: on the path of how many rated, behind, far behind and not rated."""
    rows = []
    for indicator, found in by_indicator(progress):
        unrated = ngettext("%(n)d not rated", "%(n)d not rated", found.unrated) % {"n": found.unrated}
        behind = [(colour, found.lights[colour]) for colour in (Colour.RED, Colour.YELLOW)]
        rows.append(
            {
                "name": indicator.name,
                "text": of_all(found.on_path, found.rated) if found.rated else "",
                "behind": [(colour, n) for colour, n in behind if n],
                "unrated": unrated if found.unrated else "",
            }
        )
    return rows


def on_track_cells(indicator: Indicator, found: OnTrack) -> list[Cell]:
    yellow, red = found.lights[Colour.YELLOW], found.lights[Colour.RED]
    return [
        Cell(indicator.name, lang=indicator.name_lang),
        Cell(found.on_path),
        Cell(found.rated),
        Cell(yellow, tag="yellow" if yellow else ""),
        Cell(red, tag="red" if red else ""),
        Cell(found.unrated),
    ]


# -- not reported ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NameGroup:
    """Pilots of one reason by name; those beyond the first few are counted."""

    title: str
    pilots: Sequence[tuple[Pilot, str]]
    rest: str


def outstanding_finding(found: Outstanding) -> str:
    """How many have no accepted value for the year due, of those that owe one."""
    numbers = {"n": found.count, "all": found.owing, "year": found.year}
    if not found.owing:
        return _("No pilot owes values for %(year)d") % numbers
    if not found.count:
        return _("All %(all)d pilots have reported for %(year)d") % numbers
    text = ngettext(
        "%(n)d of %(all)d pilots has not reported for %(year)d",
        "%(n)d of %(all)d pilots have not reported for %(year)d",
        found.count,
    )
    return text % numbers


def outstanding_scope(found: Outstanding, scope: str) -> str:
    text = _("%(scope)s: no accepted value for %(year)d, due on %(due)s, %(days)s ago")
    numbers = {"scope": scope, "year": found.year, "due": day(found.due_on), "days": days_text(found.days_late)}
    return text % numbers


def outstanding_groups(found: Outstanding, names: Mapping[int, str], most: int = 30) -> list[NameGroup]:
    """By name, where the values are held up: nothing handed in, waiting to be accepted, objected to."""
    groups = []
    for place, statuses in found.by_place.items():
        rest = len(statuses) - most
        if statuses:
            title = _("%(where)s (%(n)d)") % {"where": str(place.label).capitalize(), "n": len(statuses)}
            more = ngettext("%(n)d more in the file", "%(n)d more in the file", rest) % {"n": rest} if rest > 0 else ""
            groups.append(NameGroup(title, [(s.pilot, names[s.pilot.pk]) for s in statuses[:most]], more))
    return groups


def outstanding_table(found: Outstanding, names: Mapping[int, str]) -> Table:
    columns = [
        Column("pilot", _("Pilot")),
        Column("kind", _("Kind")),
        Column("province", _("Province")),
        Column("year", _("Year")),
        Column("where", _("Held up")),
    ]
    rows = [
        [
            pilot_cell(status.pilot, names),
            Cell(status.pilot.get_kind_display()),
            Cell(status.pilot.province.short, url=status.pilot.province.get_absolute_url()),
            Cell(str(found.year)),
            Cell(str(HeldUp(place).label)),
        ]
        for place, status in found.pilots
    ]
    return Table(columns, rows)
