"""Announced, recorded and withdrawn pilots: tables by batch and kind, and the layer of the map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.tables import Cell, Column, Table, make_table
from core.text import label_value, lang_of
from pilots.analytics.reconciliation import BatchCount, KindCount, ProvincePilots
from pilots.charts.cells import colour_step, distinct_pilot_names, pilot_cell, pilot_count_cell, pilots_url
from pilots.models import Batch, Pilot
from policies.charts import counts_grid
from policies.models import Province
from policies.tables import province_cell


def reconciliation_table(
    batches: Sequence[BatchCount],
    *,
    named: bool = True,
    more: Sequence[Column[tuple[BatchCount, KindCount]]] = (),
) -> Table:
    """Return the table by batch and kind: announced = recorded + withdrawn + still to enter, with confirmed ones.

    Without `named` the column of batches is left out, for the page of one batch; `more` are columns of one page.
    """
    columns: list[Column[tuple[BatchCount, KindCount]]] = [
        Column("batch", _("Batch"), lambda row: batch_cell(row[0].batch)),
        Column(
            "kind", _("Kind"), lambda row: Cell(row[1].label, url=pilots_url(batch=row[0].batch.slug, kind=row[1].kind))
        ),
        Column("announced", _("Announced"), lambda row: row[1].numbers.announced, kind="integer"),
        Column("recorded", _("Recorded"), lambda row: row[1].numbers.recorded, kind="integer"),
        Column(
            "withdrawn",
            _("Withdrawn"),
            lambda row: pilot_count_cell(
                row[1].numbers.withdrawn, batch=row[0].batch.slug, kind=row[1].kind, withdrawn="only"
            ),
            kind="integer",
        ),
        Column("to_enter", _("Still to enter"), lambda row: row[1].numbers.to_enter, kind="integer"),
        Column("firm", _("Recorded, firm"), lambda row: row[1].numbers.firm, kind="integer"),
        Column("unverified", _("Recorded, inferred"), lambda row: row[1].numbers.unverified, kind="integer"),
        *more,
    ]
    return make_table(columns if named else columns[1:], [(item, kind) for item in batches for kind in item.kinds])


def withdrawals_table(withdrawn: Sequence[Pilot], *, named: bool = True) -> Table:
    """Return the table of withdrawn pilots with date and reason; without `named` for the page of one batch."""
    names = {} if named else distinct_pilot_names(withdrawn)
    columns: list[Column[Any]] = [
        Column("pilot", _("Pilot"), lambda pilot: pilot_cell(pilot, names)),
        *([Column("batch", _("Batch"), lambda pilot: batch_cell(pilot.batch))] if named else []),
        Column("kind", _("Kind"), lambda pilot: pilot.get_kind_display()),
        Column("province", _("Province"), lambda pilot: province_cell(pilot.province)),
        Column("withdrawn_on", _("Withdrawn on"), kind="date"),
        Column(
            "reason",
            _("Reason"),
            lambda pilot: Cell(pilot.withdrawal_reason or None, lang=lang_of(pilot.withdrawal_reason)),
        ),
    ]
    return make_table(columns, withdrawn)


def batch_cell(batch: Batch) -> Cell:
    """Return the short name of a batch, linked to its page."""
    return Cell(batch.label, url=batch.get_absolute_url(), lang=batch.short_lang)


# -- by province -----------------------------------------------------------------------------------------


def pilot_count_layer(rows: Sequence[ProvincePilots], outside: Iterable[Province]) -> dict[str, object]:
    """Return the map layer of recorded pilots: darker where there are more."""
    counted = [
        (row.province, row.pilots, label_value(row.province.name, recorded_pilots_text(row.pilots))) for row in rows
    ]
    caption = _("Recorded pilots in each province")
    return counts_grid("pilots", _("Pilots"), caption, counted, outside, colour_step)


def recorded_pilots_text(count: int) -> str:
    return ngettext("%(n)d recorded pilot", "%(n)d recorded pilots", count) % {"n": count}
