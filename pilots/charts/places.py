"""Where the pilots are, as maps, bars and tables; nothing is counted anew here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column, Table
from config.words import labelled, sentences
from pilots import metrics
from pilots.charts.addresses import pilots_url
from pilots.overview import Overview, ProvincePilots
from policies.charts import day, map_note, rollout_api, scope, status_label, subject_of
from policies.maps import counts_grid, plans_grid
from policies.models import Province, Source


def pilots_grid(rows: Sequence[ProvincePilots], outside: Iterable[Province]) -> dict[str, Any]:
    """The layer of recorded pilots: darker where there are more."""
    counted = [(row.province, row.pilots, labelled(row.province.name, recorded_pilots(row.pilots))) for row in rows]
    caption = _("Recorded pilots in each province")
    return counts_grid("pilots", _("Pilots"), caption, counted, outside, metrics.shade)


def recorded_pilots(count: int) -> str:
    return ngettext("%(n)d recorded pilot", "%(n)d recorded pilots", count) % {"n": count}


def provinces_chart(
    rows: Sequence[ProvincePilots], scope_text: str, sources: Sequence[Source], most: int | None = None
) -> Chart:
    """Recorded pilots by province, most first, up to `most` bars; those without one are counted in the title."""
    with_pilots = sorted((row for row in rows if row.pilots), key=lambda row: -row.pilots)
    columns = [
        Column("province", _("Province")),
        Column("region", _("Region")),
        Column("pilots", _("Pilots"), "integer"),
    ]
    table = Table(
        columns,
        [
            [
                Cell(row.province.short, url=row.province.get_absolute_url()),
                Cell(row.province.get_region_display()),
                Cell(row.pilots, url=pilots_url(province=row.province.slug) if row.pilots else ""),
            ]
            for row in sorted(rows, key=lambda row: -row.pilots)
        ],
    )
    text = _("%(n)d of %(roster)d provinces have a recorded pilot")
    return Chart(
        slug="provinces",
        kind="bars",
        title=text % {"n": len(with_pilots), "roster": len(rows)},
        subtitle=scope_text,
        table=table,
        data={
            "bars": [
                {
                    "label": row.province.short,
                    "value": row.pilots,
                    "url": pilots_url(province=row.province.slug),
                    "mark": "",
                    "text": recorded_pilots(row.pilots),
                }
                for row in with_pilots[:most]
            ],
            "max": max((row.pilots for row in rows), default=0),
            "labels": {"value": _("pilots"), "mark": ""},
        },
        sources=sources,
        note=sentences(
            _("Drawn are the %(most)d provinces with most pilots; the table holds all.") % {"most": most}
            if most and len(with_pilots) > most
            else "",
            _("Recorded is not announced: names that have not been published, or not been entered, are missing here."),
        ),
    )


def overview_map(overview: Overview, outside: Sequence[Province], sources: Sequence[Source]) -> Chart:
    """The tile map of the overview, switched between plans and pilots."""
    grids = [pilots_grid(overview.provinces, outside)]
    columns = [Column("province", _("Province")), Column("region", _("Region"))]
    rollout = overview.rollout
    if rollout:
        grids.insert(0, plans_grid(rollout, outside))
        columns += [
            Column("status", _("Plan")),
            Column("issued_on", _("Issued"), "date"),
            Column("known_by", _("Latest date"), "date"),
        ]
    columns.append(Column("pilots", _("Pilots"), "integer"))
    plans = {row.province.pk: row for row in rollout.provinces} if rollout else {}
    rows = []
    for item in overview.provinces:
        plan = plans.get(item.province.pk)
        middle = [Cell(status_label(plan.status)), Cell(plan.issued), Cell(plan.known_by)] if plan else []
        rows.append(
            [
                Cell(item.province.short, url=item.province.get_absolute_url()),
                Cell(item.province.get_region_display()),
                *middle,
                Cell(item.pilots),
            ]
        )
    return Chart(
        slug="map",
        kind="tiles",
        title=overview_map_title(overview),
        subtitle=scope(rollout) if rollout else _("Recorded pilots, as of %(day)s") % {"day": day(overview.as_of)},
        table=Table(columns, rows),
        data={"grids": grids},
        sources=sources,
        note=map_note(),
        api=rollout_api(rollout) if rollout else "",
        about=subject_of(rollout.policy) if rollout else None,
    )


def overview_map_title(overview: Overview) -> str:
    """The finding of the map: plans issued, and provinces with a pilot on record."""
    with_pilots = sum(row.pilots > 0 for row in overview.provinces)
    total = len(overview.provinces)
    if overview.rollout is None or overview.rollout.issued is None:
        return _("%(pilots)d of %(roster)d provinces have a recorded pilot") % {"pilots": with_pilots, "roster": total}
    text = _("“%(policy)s”: %(plans)d of %(roster)d provinces have a plan, %(pilots)d have a recorded pilot")
    return text % {
        "policy": overview.rollout.policy.short,
        "plans": overview.rollout.issued,
        "roster": total,
        "pilots": with_pilots,
    }
