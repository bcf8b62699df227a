"""Table of pilots that need attention: pilot, reason, responsible office, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.bilingual import in_reader_language
from core.text.formatting import format_date, join_statements
from core.web.tables import Cell, Column, Table, make_table
from pilots.analytics.pilot_status import PilotStatus, Progress
from pilots.charts.cells import Classes, class_column, distinct_names_of, light_cell, pilot_cell
from pilots.charts.status import reason_cell


def attention_table(progress: Progress, classes: Classes) -> Table:
    """Return the table of red and yellow pilots, worst first, each with its worst reason and a link to that item."""
    return make_table(attention_columns(distinct_names_of(progress), classes), progress.attention())


def attention_columns(names: Mapping[int, str], classes: Classes) -> list[Column[PilotStatus]]:
    return [
        Column("pilot", _("Pilot"), lambda status: pilot_cell(status.pilot, names)),
        Column("light", _("Light"), lambda status: light_cell(status, classes)),
        Column("why", _("Why"), reason_cell),
        Column(
            "owner", _("Responsible"), lambda status: Cell(status.owner, page_text=in_reader_language(status.owner))
        ),
        Column(
            "days",
            _("Days in this colour"),
            lambda status: (status.as_of - status.since).days if status.since else None,
            kind="integer",
        ),
        Column("since", _("Since"), kind="date"),
        class_column(classes, lambda status: status.pilot.pk),
    ]


def attention_headline(progress: Progress) -> str:
    """Return the sentence on how many pilots need attention, or that nothing is known yet."""
    count, n = progress.needing_attention, len(progress.pilots)
    if count:
        return _("%(n)d of %(all)d pilots need attention") % {"n": count, "all": n}
    if progress.reported == 0:
        return _("Nothing to judge by yet: no pilot has an accepted value for the last period due")
    return _("No pilot needs attention")


def red_statement(red: int, n: int, change: int, since: date) -> str:
    """Return the statement on red pilots and whether they are more than on the day of comparison."""
    text = ngettext("%(red)d of %(n)d pilot is red", "%(red)d of %(n)d pilots are red", n) % {"red": red, "n": n}
    numbers = {"n": abs(change), "day": format_date(since)}
    if change > 0:
        than = _("%(n)d more than on %(day)s") % numbers
    elif change < 0:
        than = _("%(n)d fewer than on %(day)s") % numbers
    else:
        than = _("as many as on %(day)s") % numbers
    return join_statements(text, than)
