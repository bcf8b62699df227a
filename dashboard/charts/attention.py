"""Table of pilots that need attention: pilot, reason, responsible office, and since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from core.web.tables import Cell, Column, Table, make_table, status_cell
from pilots.analytics.explanations import responsible_of_first
from pilots.analytics.pilot_status import PilotStatus, Progress
from pilots.charts.names import distinct_names_of, pilot_cell
from pilots.charts.status import reason_cell


def attention_table(progress: Progress, most: int | None = None, more: Sequence[Column[PilotStatus]] = ()) -> Table:
    """Return the table of red and yellow pilots, worst first, each with its worst reason and a link to that item.

    It has up to `most` rows, all when that is None. `more` columns stand at the end.
    """
    columns = [*attention_columns(distinct_names_of(progress), _("Days in this colour")), *more]
    return make_table(columns, progress.attention(most))


def attention_columns(names: Mapping[int, str], days_label: str) -> list[Column[PilotStatus]]:
    return [
        Column("pilot", _("Pilot"), lambda status: pilot_cell(status.pilot, names)),
        Column("light", _("Light"), lambda status: status_cell(status.colour)),
        Column("why", _("Why"), reason_cell),
        Column("owner", _("Responsible"), responsible_of_first),
        Column(
            "days",
            days_label,
            lambda status: (status.as_of - status.since).days if status.since else None,
            kind="integer",
        ),
        Column("since", _("Since"), kind="date"),
    ]


def attention_rows(table: Table) -> list[Mapping[str, Cell]]:
    """Return the rows as mappings of column name to cell, for the list on the overview."""
    return [{column.key: cell for column, cell in zip(table.columns, row, strict=True)} for row in table.rows]


def attention_headline(progress: Progress) -> str:
    """Return the sentence on how many pilots need attention, or that nothing is known yet."""
    count, n = progress.needing_attention, len(progress.pilots)
    if count:
        return _("%(n)d of %(all)d pilots need attention") % {"n": count, "all": n}
    if progress.reported == 0:
        return _("Nothing to judge by yet: no pilot has an accepted value for the last period due")
    return _("No pilot needs attention")
