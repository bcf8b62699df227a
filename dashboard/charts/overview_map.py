"""Tile map of the overview: plans and pilots by province."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from core.web.tables import Chart, Column, Table, make_table
from dashboard.analytics.overview import Overview
from pilots.analytics.reconciliation import ProvincePilots
from pilots.charts.reconciliation import pilot_count_layer
from policies.charts.rollout import (
    certainty_text,
    chart_scope,
    file_subject,
    format_day,
    map_note,
    rollout_api,
)
from policies.charts.tile_map import plans_grid
from policies.models import Province, Source
from policies.rollout import ProvinceRollout
from policies.tables import province_cell


def overview_map(overview: Overview, outside: Sequence[Province], sources: Sequence[Source]) -> Chart:
    """Return the tile map of the overview, with layers for plans and pilots."""
    grids = [pilot_count_layer(overview.provinces, outside)]
    rollout = overview.rollout
    if rollout:
        grids.insert(0, plans_grid(rollout, outside))
    return Chart(
        slug="map",
        kind="tiles",
        title=overview_map_title(overview),
        subtitle=chart_scope(rollout)
        if rollout
        else _("Recorded pilots, as of %(day)s") % {"day": format_day(overview.as_of)},
        table=map_table(overview),
        data={"grids": grids},
        sources=sources,
        note=map_note(),
        api=rollout_api(rollout) if rollout else "",
        about=file_subject(rollout.policy) if rollout else None,
    )


def map_table(overview: Overview) -> Table:
    """Return the table of provinces with their plan, if plans are counted, and their pilots."""
    plans = {row.province.pk: row for row in overview.rollout.provinces} if overview.rollout else {}
    plan_columns: list[Column[ProvinceRollout]] = [
        Column("status", _("Plan"), lambda plan: str(plan.status.label)),
        Column("issued_on", _("Issued"), "issued", kind="date"),
        Column("known_by", _("Latest date"), kind="date"),
    ]
    columns: list[Column[ProvincePilots]] = [
        Column("province", _("Province"), lambda row: province_cell(row.province)),
        Column("region", _("Region"), lambda row: row.province.get_region_display()),
    ]
    if plans:
        columns += [column.of(lambda row: plans[row.province.pk]) for column in plan_columns]
    columns.append(Column("pilots", _("Pilots"), kind="integer"))
    return make_table(columns, overview.provinces)


def overview_map_title(overview: Overview) -> str:
    """Return the headline of the map: plans issued, and provinces with a recorded pilot."""
    with_pilots = sum(row.pilots > 0 for row in overview.provinces)
    total = len(overview.provinces)
    if overview.rollout is None or overview.rollout.issued is None:
        return _("%(pilots)d of %(roster)d provinces have a recorded pilot") % {"pilots": with_pilots, "roster": total}
    certainty = certainty_text(overview.rollout)
    text = (
        _(
            "“%(policy)s”: %(plans)d of %(roster)d provinces have a plan (%(certainty)s), %(pilots)d have a recorded "
            "pilot"
        )
        if certainty
        else _("“%(policy)s”: %(plans)d of %(roster)d provinces have a plan, %(pilots)d have a recorded pilot")
    )
    return text % {
        "certainty": certainty,
        "policy": overview.rollout.policy.short,
        "plans": overview.rollout.issued,
        "roster": total,
        "pilots": with_pilots,
    }
