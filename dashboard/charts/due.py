"""Charts of what is due: binding targets on the path by indicator, and outstanding values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.formatting import format_days
from core.web.tables import Cell, Column, Table, make_table
from pilots.analytics.pilot_status import OnTrack, OutstandingReports, PilotStatus, Progress, ReportState
from pilots.charts.cells import pilot_cell
from pilots.lights import Colour, count_by_colour
from pilots.models import Indicator
from policies.charts.rollout import format_day
from policies.tables import province_cell

# -- on the path -----------------------------------------------------------------------------------------


def on_track_headline(progress: Progress, days_left: int | None) -> str:
    """Return the sentence on binding targets on the path, of the rated ones, and the days left."""
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
    return _("%(text)s, %(days)s left") % {"text": text, "days": format_days(days_left)}


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


def on_track_rows(progress: Progress) -> list[dict[str, object]]:
    """Return the same numbers as items of a list."""
    rows: list[dict[str, object]] = []
    for indicator, found in on_track_by_indicator(progress):
        unrated = ngettext("%(n)d not rated", "%(n)d not rated", found.unrated) % {"n": found.unrated}
        behind = [(colour, found.lights[colour]) for colour in (Colour.RED, Colour.YELLOW)]
        rows.append(
            {
                "name": indicator.name,
                "text": _("%(count)d of %(n)d") % {"count": found.on_path, "n": found.rated} if found.rated else "",
                "behind": [(colour, n) for colour, n in behind if n],
                "unrated": unrated if found.unrated else "",
            }
        )
    return rows


# -- not reported ----------------------------------------------------------------------------------------


def outstanding_headline(found: OutstandingReports) -> str:
    """Return the sentence on pilots without an accepted value for the year due, of those that owe one."""
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


def outstanding_scope(found: OutstandingReports, scope: str) -> str:
    text = _("%(scope)s: no accepted value for %(year)d, due on %(due)s, %(days)s ago")
    numbers = {
        "scope": scope,
        "year": found.year,
        "due": format_day(found.due_on),
        "days": format_days(found.days_late),
    }
    return text % numbers


def outstanding_groups(found: OutstandingReports, names: Mapping[int, str], most: int = 30) -> list[dict[str, object]]:
    """Return names by reporting state: nothing submitted, waiting for acceptance, disputed.

    Those beyond the first few are counted.
    """
    groups: list[dict[str, object]] = []
    for place, statuses in found.by_place.items():
        rest = len(statuses) - most
        if statuses:
            title = _("%(where)s (%(n)d)") % {"where": str(place.label).capitalize(), "n": len(statuses)}
            more = ngettext("%(n)d more in the file", "%(n)d more in the file", rest) % {"n": rest} if rest > 0 else ""
            shown = [(status.pilot, names[status.pilot.pk]) for status in statuses[:most]]
            groups.append({"title": title, "pilots": shown, "rest": more})
    return groups


def outstanding_table(found: OutstandingReports, names: Mapping[int, str]) -> Table:
    columns: list[Column[tuple[ReportState, PilotStatus]]] = [
        Column("pilot", _("Pilot"), lambda row: pilot_cell(row[1].pilot, names)),
        Column("kind", _("Kind"), lambda row: row[1].pilot.get_kind_display()),
        Column("province", _("Province"), lambda row: province_cell(row[1].pilot.province)),
        Column("year", _("Year"), lambda _row: str(found.year)),
        Column("where", _("Held up"), lambda row: str(ReportState(row[0]).label)),
    ]
    return make_table(columns, found.pilots)
