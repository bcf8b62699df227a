"""Announced against recorded, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from config.charts import Cell, Column, Table
from config.templatetags.site import lang_of
from pilots.charts.addresses import pilots_url
from pilots.charts.names import distinct_names, pilot_cell
from pilots.models import Batch
from pilots.reconcile import BatchCount, KindCount, Withdrawal


def reconciliation_table(batches: Sequence[BatchCount], *, named: bool = True) -> Table:
    """Announced = recorded + withdrawn + still to enter, by batch and kind; and how firm the recorded are.

    On the page of one batch its name need not stand in each line.
    """
    columns = [
        *([Column("batch", _("Batch"))] if named else []),
        Column("kind", _("Kind")),
        Column("announced", _("Announced"), "integer"),
        Column("recorded", _("Recorded"), "integer"),
        Column("withdrawn", _("Withdrawn"), "integer"),
        Column("to_enter", _("Still to enter"), "integer"),
        Column("firm", _("Recorded, firm"), "integer"),
        Column("unverified", _("Recorded, inferred"), "integer"),
    ]
    rows = [
        [
            *([batch_cell(item.batch)] if named else []),
            Cell(kind.label, url=pilots_url(batch=item.batch.slug, kind=kind.kind)),
            Cell(kind.numbers.announced),
            Cell(kind.numbers.recorded),
            withdrawn_cell(item, kind),
            Cell(kind.numbers.to_enter),
            Cell(kind.numbers.firm),
            Cell(kind.numbers.unverified),
        ]
        for item in batches
        for kind in item.kinds
    ]
    return Table(columns, rows)


def withdrawn_cell(item: BatchCount, kind: KindCount) -> Cell:
    """How many have withdrawn, with the way to them."""
    n = kind.numbers.withdrawn
    return Cell(n, url=pilots_url(batch=item.batch.slug, kind=kind.kind, withdrawn="only") if n else "")


def withdrawals_table(withdrawals: Sequence[Withdrawal], *, named: bool = True) -> Table:
    """Pilots that have withdrawn, with the day and the reason; on the page of one batch without its name."""
    columns = [
        Column("pilot", _("Pilot")),
        *([Column("batch", _("Batch"))] if named else []),
        Column("kind", _("Kind")),
        Column("province", _("Province")),
        Column("withdrawn_on", _("Withdrawn on"), "date"),
        Column("reason", _("Reason")),
    ]
    names = {} if named else distinct_names(item.pilot for item in withdrawals)
    rows = [
        [
            pilot_cell(item.pilot, names),
            *([batch_cell(item.batch)] if named else []),
            Cell(item.pilot.get_kind_display()),
            Cell(item.pilot.province.short, url=item.pilot.province.get_absolute_url()),
            Cell(item.on),
            Cell(item.reason or None, lang=lang_of(item.reason)),
        ]
        for item in withdrawals
    ]
    return Table(columns, rows)


def batch_cell(batch: Batch) -> Cell:
    """A batch by its short name, with the way to its page."""
    return Cell(batch.label, url=batch.get_absolute_url(), lang=batch.short_lang)
