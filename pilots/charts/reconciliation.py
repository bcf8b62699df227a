"""Tables of announced, recorded and withdrawn pilots."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from core.text.bilingual import lang_of
from core.web.tables import Cell, Column, Table, make_table
from pilots.analytics.reconciliation import BatchCount, KindCount, Withdrawal
from pilots.charts.links import pilot_count_cell, pilots_url
from pilots.charts.names import distinct_pilot_names, pilot_cell
from pilots.models import Batch
from policies.charts.cells import province_cell


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
        *([Column("batch", _("Batch"), count_batch_cell)] if named else []),
        Column("kind", _("Kind"), count_kind_cell),
        Column("announced", _("Announced"), lambda row: row[1].numbers.announced, kind="integer"),
        Column("recorded", _("Recorded"), lambda row: row[1].numbers.recorded, kind="integer"),
        Column("withdrawn", _("Withdrawn"), withdrawn_cell, kind="integer"),
        Column("to_enter", _("Still to enter"), lambda row: row[1].numbers.to_enter, kind="integer"),
        Column("firm", _("Recorded, firm"), lambda row: row[1].numbers.firm, kind="integer"),
        Column("unverified", _("Recorded, inferred"), lambda row: row[1].numbers.unverified, kind="integer"),
        *more,
    ]
    return make_table(columns, [(item, kind) for item in batches for kind in item.kinds])


def count_batch_cell(row: tuple[BatchCount, KindCount]) -> Cell:
    return batch_cell(row[0].batch)


def count_kind_cell(row: tuple[BatchCount, KindCount]) -> Cell:
    item, kind = row
    return Cell(kind.label, url=pilots_url(batch=item.batch.slug, kind=kind.kind))


def withdrawn_cell(row: tuple[BatchCount, KindCount]) -> Cell:
    """Return the number of withdrawn pilots, linked to their list."""
    item, kind = row
    return pilot_count_cell(kind.numbers.withdrawn, batch=item.batch.slug, kind=kind.kind, withdrawn="only")


def withdrawals_table(withdrawals: Sequence[Withdrawal], *, named: bool = True) -> Table:
    """Return the table of withdrawn pilots with date and reason; without `named` for the page of one batch."""
    names = {} if named else distinct_pilot_names(item.pilot for item in withdrawals)
    columns: list[Column[Withdrawal]] = [
        Column("pilot", _("Pilot"), lambda item: pilot_cell(item.pilot, names)),
        *([Column("batch", _("Batch"), withdrawal_batch_cell)] if named else []),
        Column("kind", _("Kind"), lambda item: item.pilot.get_kind_display()),
        Column("province", _("Province"), lambda item: province_cell(item.pilot.province)),
        Column("withdrawn_on", _("Withdrawn on"), "on", kind="date"),
        Column("reason", _("Reason"), lambda item: Cell(item.reason or None, lang=lang_of(item.reason))),
    ]
    return make_table(columns, withdrawals)


def withdrawal_batch_cell(item: Withdrawal) -> Cell:
    return batch_cell(item.pilot.batch)


def batch_cell(batch: Batch) -> Cell:
    """Return the short name of a batch, linked to its page."""
    return Cell(batch.label, url=batch.get_absolute_url(), lang=batch.short_lang)
