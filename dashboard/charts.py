"""Tile map of plans and pilots by province, the provinces without a plan, and the pilots that need attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http import TrackerRequest
from core.tables import Cell, Chart, Column, make_table
from core.text import format_date, format_days, in_reader_language, join_clauses
from dashboard.analytics.overview import Overview
from pilots.analytics.pilot_status import PilotStatus
from pilots.analytics.reconciliation import ProvincePilots
from pilots.charts.cells import Classes, class_column, light_cell, pilot_cell
from pilots.charts.status import reason_cell
from pilots.charts.synergy import pilot_count_layer
from policies.charts import certainty_text, chart_frame, map_note, plans_grid
from policies.metrics import whole_days
from policies.models import PlanStatus, Province, ProvincialPlan, Source
from policies.rollout import ProvinceRollout, Rollout
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


def without_plan(request: TrackerRequest, rollout: Rollout | None) -> dict[str, Any]:
    """Return the provinces that owe a plan and have none on record, those that are furthest first.

    `no_plan` is how many they are, `lag_note` for how long they have been waited for. Each of `without_plan` has the
    form in which a reader who may enters who is responsible.
    """
    if rollout is None:
        return {}
    order, form = list(PlanStatus), admin.site.get_model_admin(ProvincialPlan)
    owing = [row for row in rollout.provinces if row.plan is None and row.status != PlanStatus.NOT_REQUIRED]
    rows: list[dict[str, Any]] = []
    for row in sorted(owing, key=lambda row: order.index(row.status)):
        address = ""
        if row.record and form.has_change_permission(request, row.record):
            address = reverse("admin:policies_provincialplan_change", args=[row.record.pk])
        elif row.record is None and form.has_add_permission(request):
            query = urlencode({"policy": rollout.policy.pk, "province": row.province.pk})
            address = f"{reverse('admin:policies_provincialplan_add')}?{query}"
        rows.append({"row": row, "form": address})
    return {
        "without_plan": rows,
        "no_plan": no_plan_headline(rollout, len(rows)),
        "lag_note": lag_note(rollout, waited_for=bool(rows)),
    }


def lag_note(rollout: Rollout, *, waited_for: bool) -> str:
    """Return for how long plans have been waited for, and how long those took that are dated to the day."""
    parts = []
    if rollout.days_since_policy is not None and waited_for:
        days = format_days(rollout.days_since_policy)
        parts.append(_("%(days)s since the national plan") % {"days": days})
    if rollout.has_enough_lags and rollout.median_lag_days is not None:
        days = format_days(whole_days(rollout.median_lag_days))
        parts.append(_("median of the %(n)d dated ones: %(days)s") % {"n": len(rollout.lags), "days": days})
    return join_clauses(parts)


def no_plan_headline(rollout: Rollout, missing: int) -> str:
    """Return the title of the rollout on the overview: how many provinces have no plan on record."""
    if missing:
        text = ngettext(
            "%(n)d of %(roster)d provinces has no plan on record",
            "%(n)d of %(roster)d provinces have no plan on record",
            missing,
        )
        return text % {"n": missing, "roster": rollout.roster}
    certainty = certainty_text(rollout)
    text = _("All %(roster)d provinces have a plan") % {"roster": rollout.roster}
    return _("%(text)s (%(more)s)") % {"text": text, "more": certainty} if certainty else text


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
