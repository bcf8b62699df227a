"""Tile map of the overview: plans and pilots by province."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from core.text.formatting import format_date
from core.web.tables import Chart, Column, make_table
from dashboard.analytics.overview import Overview
from pilots.analytics.reconciliation import ProvincePilots
from pilots.charts.reconciliation import pilot_count_layer
from policies.charts.rollout import certainty_text, chart_frame, map_note
from policies.charts.tile_map import plans_grid
from policies.models import Province, Source
from policies.rollout import ProvinceRollout
from policies.tables import province_cell


def overview_map(overview: Overview, outside: Sequence[Province], sources: Sequence[Source]) -> Chart:
    """Return the tile map of the overview, with layers for plans, if they are counted, and pilots."""
    rollout, pilots = overview.rollout, pilot_count_layer(overview.provinces, outside)
    place: list[Column[ProvincePilots]] = [
        Column("province", _("Province"), lambda row: province_cell(row.province)),
        Column("region", _("Region"), lambda row: row.province.get_region_display()),
    ]
    count: Column[ProvincePilots] = Column("pilots", _("Pilots"), kind="integer")
    if rollout is None:
        scope = _("Recorded pilots, as of %(day)s") % {"day": format_date(overview.as_of)}
        frame: dict[str, Any] = {"subtitle": scope, "sources": sources}
        table, grids = make_table([*place, count], overview.provinces), [pilots]
    else:
        plans = {row.province.pk: row for row in rollout.provinces}
        of_plans: list[Column[ProvinceRollout]] = [
            Column("status", _("Plan"), lambda plan: str(plan.status.label)),
            Column("issued_on", _("Issued"), "issued", kind="date"),
            Column("known_by", _("Latest date"), kind="date"),
        ]
        plan_columns: list[Column[ProvincePilots]] = [c.of(lambda row: plans[row.province.pk]) for c in of_plans]
        frame, table = chart_frame(rollout, sources), make_table([*place, *plan_columns, count], overview.provinces)
        grids = [plans_grid(rollout, outside), pilots]
    return Chart(
        slug="map",
        kind="tiles",
        title=overview_map_title(overview),
        table=table,
        data={"grids": grids},
        note=map_note(),
        **frame,
    )


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
