"""Maps, bars and tables of pilots by province, without calculations of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.joining import join_sentences, label_value
from core.web.tables import Chart, Column, make_table
from pilots.analytics.pilots_by_province import ProvincePilots
from pilots.charts.links import pilot_count_cell, pilots_url
from pilots.metrics import reconciliation
from policies.charts.cells import province_cell
from policies.charts.tile_map import counts_grid
from policies.models import Province, Source


def pilot_count_layer(rows: Sequence[ProvincePilots], outside: Iterable[Province]) -> dict[str, object]:
    """Return the map layer of recorded pilots: darker where there are more."""
    counted = [
        (row.province, row.pilots, label_value(row.province.name, recorded_pilots_text(row.pilots))) for row in rows
    ]
    caption = _("Recorded pilots in each province")
    return counts_grid("pilots", _("Pilots"), caption, counted, outside, reconciliation.colour_step)


def recorded_pilots_text(count: int) -> str:
    return ngettext("%(n)d recorded pilot", "%(n)d recorded pilots", count) % {"n": count}


def provinces_chart(
    rows: Sequence[ProvincePilots], scope_text: str, sources: Sequence[Source], most: int | None = None
) -> Chart:
    """Return up to `most` bars of recorded pilots by province, most first; the title counts provinces without one."""
    with_pilots = sorted((row for row in rows if row.pilots), key=lambda row: -row.pilots)
    columns: list[Column[ProvincePilots]] = [
        Column("province", _("Province"), lambda row: province_cell(row.province)),
        Column("region", _("Region"), lambda row: row.province.get_region_display()),
        Column(
            "pilots", _("Pilots"), lambda row: pilot_count_cell(row.pilots, province=row.province.slug), kind="integer"
        ),
    ]
    text = _("%(n)d of %(roster)d provinces have a recorded pilot")
    return Chart(
        slug="provinces",
        kind="bars",
        title=text % {"n": len(with_pilots), "roster": len(rows)},
        subtitle=scope_text,
        table=make_table(columns, sorted(rows, key=lambda row: -row.pilots)),
        data={
            "bars": [
                {
                    "label": row.province.short,
                    "value": row.pilots,
                    "url": pilots_url(province=row.province.slug),
                    "mark": "",
                    "text": recorded_pilots_text(row.pilots),
                }
                for row in with_pilots[:most]
            ],
            "max": max((row.pilots for row in rows), default=0),
            "labels": {"value": _("pilots"), "mark": ""},
        },
        sources=sources,
        note=join_sentences(
            _("Drawn are the %(most)d provinces with most pilots; the table holds all.") % {"most": most}
            if most and len(with_pilots) > most
            else "",
            _("Recorded is not announced: names that have not been published, or not been entered, are missing here."),
        ),
    )
