"""What is due: binding targets on the path, and outstanding values."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.formatting import format_date, format_days
from core.web.tables import Column, Table, make_table
from pilots.analytics.pilot_status import OutstandingReports, PilotStatus, Progress, ReportState
from pilots.charts.cells import pilot_cell
from policies.tables import province_cell


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


def outstanding_scope(found: OutstandingReports, scope: str) -> str:
    text = _("%(scope)s: no accepted value for %(year)d, due on %(due)s, %(days)s ago")
    numbers = {
        "scope": scope,
        "year": found.year,
        "due": format_date(found.due_on),
        "days": format_days(found.days_late),
    }
    return text % numbers


def outstanding_table(found: OutstandingReports, names: Mapping[int, str]) -> Table:
    columns: list[Column[tuple[ReportState, PilotStatus]]] = [
        Column("pilot", _("Pilot"), lambda row: pilot_cell(row[1].pilot, names)),
        Column("kind", _("Kind"), lambda row: row[1].pilot.get_kind_display()),
        Column("province", _("Province"), lambda row: province_cell(row[1].pilot.province)),
        Column("year", _("Year"), lambda _row: str(found.year)),
        Column("where", _("Held up"), lambda row: str(ReportState(row[0]).label)),
    ]
    return make_table(columns, found.pilots)
