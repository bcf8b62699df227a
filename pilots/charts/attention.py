"""What needs attention: which pilot, why, whose it is, and for how long it has been so."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from config.charts import Cell, Column, Table
from pilots.charts.names import names_in, pilot_cell
from pilots.progress import PilotStatus, Progress
from pilots.sentences import owner, reasons, why


def attention_table(progress: Progress, most: int | None = None) -> Table:
    """The pilots whose light is red or yellow, worst first, each with its worst reason; the link leads to the item.

    `most` rows of them, all when it is None.
    """
    columns = [
        Column("pilot", _("Pilot")),
        Column("light", _("Light")),
        Column("why", _("Why")),
        Column("owner", _("Responsible")),
        Column("days", _("Days in this colour"), "integer"),
        Column("since", _("Since"), "date"),
    ]
    names = names_in(progress)
    return Table(columns, [attention_cells(status, names) for status in progress.attention(most)])


def attention_rows(table: Table) -> list[Mapping[str, Cell]]:
    """The rows of the table with each cell under the name of its column, for the list on the overview."""
    return [{column.key: cell for column, cell in zip(table.columns, row, strict=True)} for row in table.rows]


def attention_cells(status: PilotStatus, names: Mapping[int, str]) -> list[Cell]:
    worst, since = reasons(status)[0], status.since
    return [
        pilot_cell(status.pilot, names),
        Cell(str(status.colour.label), tag=status.colour.value),
        Cell(why(status), url=worst.url),
        Cell(owner(status)),
        Cell((status.as_of - since).days if since else None),
        Cell(since),
    ]


def attention_finding(progress: Progress) -> str:
    """How many need attention, of all; or that nothing can be said yet."""
    count, n = progress.needing_attention, len(progress.pilots)
    if count:
        return _("%(n)d of %(all)d pilots need attention") % {"n": count, "all": n}
    if progress.reported == 0:
        return _("Nothing to judge by yet: no pilot has an accepted value for the last period due")
    return _("No pilot needs attention")
