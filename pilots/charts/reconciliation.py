"""Announced against recorded, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from config.charts import Cell, Column, Table
from pilots.charts.addresses import pilots_url
from pilots.reconcile import BatchCount


def reconciliation_table(batches: Sequence[BatchCount], *, named: bool = True) -> Table:
    """Announced, recorded, how many of those are only inferred, and still to enter, by batch and kind.

    On the page of one batch its name need not stand in each line.
    """
    columns = [
        *([Column("batch", _("Batch"))] if named else []),
        Column("kind", _("Kind")),
        Column("announced", _("Announced"), "integer"),
        Column("recorded", _("Recorded"), "integer"),
        Column("firm", _("of them firm"), "integer"),
        Column("unverified", _("of them inferred"), "integer"),
        Column("to_enter", _("Still to enter"), "integer"),
    ]
    rows = [
        [
            *([Cell(item.batch.label, url=item.batch.get_absolute_url(), lang=item.batch.short_lang)] if named else []),
            Cell(kind.label, url=pilots_url(batch=item.batch.slug, kind=kind.kind)),
            Cell(kind.numbers.announced),
            Cell(kind.numbers.recorded),
            Cell(kind.numbers.firm),
            Cell(kind.numbers.unverified),
            Cell(kind.numbers.to_enter),
        ]
        for item in batches
        for kind in item.kinds
    ]
    return Table(columns, rows)
