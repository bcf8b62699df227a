"""The pilots' numbers as chart frames and tables; nothing is counted anew here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column, Table
from pilots import metrics
from pilots.coverage import Coverage, IndustryCoverage
from pilots.metrics import Reconciliation
from pilots.overview import Overview, ProvincePilots
from pilots.reconcile import BatchCount
from policies.charts import day, map_note, outside_tile, place, plans_grid, scope, status_label
from policies.models import Province, Source


def pilots_url(**filters: str) -> str:
    """The address of the pilots that a number counts."""
    return f"{reverse('pilot-list')}?{urlencode(filters)}"


# -- announced against recorded --------------------------------------------------------------------------


def recorded_of(numbers: Reconciliation) -> str:
    """ "11 of 43 announced", or "11; number not announced"."""
    if numbers.announced is None:
        return _("%(recorded)d recorded, number not announced") % {"recorded": numbers.recorded}
    return _("%(recorded)d of %(announced)d announced") % {
        "recorded": numbers.recorded,
        "announced": numbers.announced,
    }


def reconciliation_table(batches: Sequence[BatchCount]) -> Table:
    """Announced, recorded, how many of those are only inferred, and still to enter, by batch and kind."""
    columns = [
        Column("batch", _("Batch")),
        Column("kind", _("Kind")),
        Column("announced", _("Announced"), "integer"),
        Column("recorded", _("Recorded"), "integer"),
        Column("firm", _("of them firm"), "integer"),
        Column("unverified", _("of them inferred"), "integer"),
        Column("to_enter", _("Still to enter"), "integer"),
    ]
    rows = [
        [
            Cell(item.batch.name, url=pilots_url(batch=item.batch.slug), lang=item.batch.name_lang),
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


# -- coverage ------------------------------------------------------------------------------------------


def coverage_finding(coverage: Coverage) -> str:
    """One sentence that answers "which industries does nobody try?"."""
    if coverage.naming == 0:
        return _("No recorded pilot names an industry yet, so coverage cannot be judged.")
    text = ngettext(
        "%(covered)d of %(all)d industries is named by a recorded pilot; ",
        "%(covered)d of %(all)d industries are named by a recorded pilot; ",
        coverage.covered,
    ) % {"covered": coverage.covered, "all": len(coverage.industries)}
    gaps = [row.industry.name for row in coverage.gaps]
    if not gaps:
        return text + _("none of the %(n)d priority industries is without one.") % {"n": coverage.priorities}
    return text + _("no pilot yet in %(gaps)d of the %(n)d priority industries: %(names)s.") % {
        "gaps": len(gaps),
        "n": coverage.priorities,
        "names": _(", ").join(gaps),
    }


def coverage_scope(coverage: Coverage) -> str:
    return _("Pilots that name the industry; %(naming)d of %(pilots)d recorded pilots name one, as of %(day)s") % {
        "naming": coverage.naming,
        "pilots": coverage.pilots,
        "day": day(coverage.as_of),
    }


def coverage_note() -> str:
    return _(
        "A pilot may name several industries, so the rows add up to more than the pilots. "
        "A gap means that no recorded pilot names a priority industry; a pilot not yet recorded may do so."
    )


def coverage_chart(coverage: Coverage, sources: Sequence[Source]) -> Chart:
    """One bar an industry, longest first; priority industries without a pilot stand out as gaps."""
    rows = sorted(coverage.industries, key=lambda row: (-row.pilots, not row.gap, row.industry.pk))
    return Chart(
        slug="coverage",
        kind="bars",
        title=coverage_title(coverage),
        subtitle=coverage_scope(coverage),
        table=coverage_table(rows),
        data={
            "bars": [coverage_bar(row) for row in rows],
            "max": max((row.pilots for row in rows), default=0),
            "labels": {"value": _("pilots"), "mark": _("gap")},
        },
        sources=sources,
        note=coverage_note(),
    )


def coverage_title(coverage: Coverage) -> str:
    gaps = len(coverage.gaps)
    if coverage.naming == 0:
        return _("No recorded pilot names an industry yet")
    if gaps == 0:
        return _("Every priority industry has a pilot")
    text = ngettext(
        "%(gaps)d of %(n)d priority industries has no recorded pilot",
        "%(gaps)d of %(n)d priority industries have no recorded pilot",
        gaps,
    )
    return text % {"gaps": gaps, "n": coverage.priorities}


def coverage_bar(row: IndustryCoverage) -> dict[str, Any]:
    pilots = ngettext("%(n)d pilot", "%(n)d pilots", row.pilots) % {"n": row.pilots}
    provinces = _("%(n)d of %(roster)d provinces") % {"n": row.provinces, "roster": row.roster}
    return {
        "label": row.industry.name,
        "value": row.pilots,
        "url": row.industry.get_absolute_url(),
        "mark": "gap" if row.gap else "",
        "text": f"{pilots} · {provinces}",
    }


def coverage_table(rows: Sequence[IndustryCoverage]) -> Table:
    columns = [
        Column("industry", _("Industry")),
        Column("divisions", _("GB/T 4754")),
        Column("pilots", _("Pilots"), "integer"),
        Column("provinces", _("Provinces"), "integer"),
        Column("share", _("Share of the roster"), "share"),
        Column("priority", _("Priority"), "flag"),
        Column("gap", _("Gap"), "flag"),
    ]
    return Table(columns, [coverage_cells(row) for row in rows])


def coverage_cells(row: IndustryCoverage) -> list[Cell]:
    return [
        Cell(row.industry.name, url=row.industry.get_absolute_url(), lang=row.industry.name_lang),
        Cell(", ".join(division.code for division in row.industry.divisions.all()) or None),
        Cell(row.pilots, url=pilots_url(industry=row.industry.slug) if row.pilots else ""),
        Cell(row.provinces),
        Cell(row.share),
        Cell(row.industry.priority),
        Cell(row.gap),
    ]


def matrix_chart(coverage: Coverage, by: str, sources: Sequence[Source]) -> Chart:
    """Industries in rows, regions or provinces in columns; a cell opens the pilots behind it."""
    matrix = coverage.matrix
    highest = matrix.highest
    gaps = {row.industry.pk for row in coverage.gaps}
    rows = []
    for industry, cells in zip(matrix.rows, matrix.cells, strict=True):
        rows.append(
            {
                "label": industry.name,
                "url": industry.get_absolute_url(),
                "gap": industry.pk in gaps,
                "total": sum(cells),
                "cells": [
                    {
                        "value": value,
                        "step": metrics.shade(value, highest),
                        "url": pilots_url(industry=industry.slug, **{by: code}) if value else "",
                    }
                    for value, (code, _label) in zip(cells, matrix.columns, strict=True)
                ],
            }
        )
    return Chart(
        slug="matrix",
        kind="matrix",
        title=matrix_title(coverage),
        subtitle=coverage_scope(coverage),
        table=matrix_table(coverage),
        data={
            "columns": [{"label": label, "url": pilots_url(**{by: code})} for code, label in matrix.columns],
            "rows": rows,
        },
        sources=sources,
        note=coverage_note(),
    )


def matrix_title(coverage: Coverage) -> str:
    """The finding of the matrix: the places where no recorded pilot names an industry."""
    matrix = coverage.matrix
    sums = [sum(row[index] for row in matrix.cells) for index in range(len(matrix.columns))]
    empty = [label for (_code, label), total in zip(matrix.columns, sums, strict=True) if total == 0]
    if not empty:
        return _("Every column has a pilot that names an industry")
    if len(empty) > 6:
        text = _("%(n)d of %(all)d columns have no pilot that names an industry")
        return text % {"n": len(empty), "all": len(matrix.columns)}
    return _("No pilot names an industry in: %(places)s") % {"places": _(", ").join(empty)}


def matrix_table(coverage: Coverage) -> Table:
    matrix = coverage.matrix
    columns = [
        Column("industry", _("Industry")),
        *[Column(code, label, "integer") for code, label in matrix.columns],
        Column("total", _("Total"), "integer"),
    ]
    rows = [
        [Cell(industry.name, url=industry.get_absolute_url()), *[Cell(value) for value in cells], Cell(sum(cells))]
        for industry, cells in zip(matrix.rows, matrix.cells, strict=True)
    ]
    return Table(columns, rows)


def fields_table(coverage: Coverage) -> Table:
    """Coverage by field of action: its measures, and the pilots in the industries they are meant for."""
    columns = [
        Column("field", _("Field")),
        Column("measures", _("Measures"), "integer"),
        Column("industries", _("Industries")),
        Column("pilots", _("Pilots"), "integer"),
        Column("provinces", _("Provinces"), "integer"),
        Column("share", _("Share of the roster"), "share"),
    ]
    rows = [
        [
            Cell(row.label),
            Cell(len(row.measures)),
            Cell(_(", ").join(industry.name for industry in row.industries) or None),
            Cell(row.pilots if row.industries else None),
            Cell(row.provinces if row.industries else None),
            Cell(row.share if row.industries else None),
        ]
        for row in coverage.fields
    ]
    return Table(columns, rows)


# -- places --------------------------------------------------------------------------------------------


def pilots_grid(rows: Sequence[ProvincePilots], outside: Iterable[Province]) -> dict[str, Any]:
    """The tile map of recorded pilots: darker where there are more."""
    highest = max((row.pilots for row in rows), default=0)
    tiles = [
        {
            **place(row.province),
            "value": str(row.pilots),
            "step": metrics.shade(row.pilots, highest),
            "status": "",
            "title": f"{row.province.name}: {recorded_pilots(row.pilots)}",
        }
        for row in rows
    ]
    return {
        "key": "pilots",
        "label": _("Pilots"),
        "tiles": tiles + [outside_tile(province) for province in outside],
        "legend": shade_legend([row.pilots for row in rows], highest),
    }


def recorded_pilots(count: int) -> str:
    return ngettext("%(n)d recorded pilot", "%(n)d recorded pilots", count) % {"n": count}


def shade_legend(values: Sequence[int], highest: int) -> list[dict[str, Any]]:
    """One entry a colour step in use: which numbers it stands for, and how many provinces have them."""
    steps: dict[int, list[int]] = {}
    for value in sorted(values):
        steps.setdefault(metrics.shade(value, highest), []).append(value)
    legend = []
    for step, found in sorted(steps.items()):
        span = str(found[0]) if found[0] == found[-1] else f"{found[0]}–{found[-1]}"
        label = _("none recorded") if step == 0 else span
        legend.append({"class": f"s{step}", "label": label, "count": len(found)})
    return legend


def provinces_chart(rows: Sequence[ProvincePilots], scope_text: str, sources: Sequence[Source]) -> Chart:
    """Recorded pilots by province, most first; the provinces without one are counted in the title."""
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
                for row in with_pilots
            ],
            "max": max((row.pilots for row in rows), default=0),
            "labels": {"value": _("pilots"), "mark": ""},
        },
        sources=sources,
        note=_("Recorded is not announced: names that have not been published, or not been entered, are missing here."),
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
            Column("known_by", _("Known by"), "date"),
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
    )


def overview_map_title(overview: Overview) -> str:
    """The finding of the map: plans issued, and provinces with a pilot on record."""
    with_pilots = sum(row.pilots > 0 for row in overview.provinces)
    total = len(overview.provinces)
    if overview.rollout is None or overview.rollout.issued is None:
        return _("%(pilots)d of %(roster)d provinces have a recorded pilot") % {"pilots": with_pilots, "roster": total}
    return _("%(plans)d of %(roster)d provinces have a plan, %(pilots)d a recorded pilot") % {
        "plans": overview.rollout.issued,
        "roster": total,
        "pilots": with_pilots,
    }
