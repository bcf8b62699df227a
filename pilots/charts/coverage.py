"""Which industries the pilots name, as chart frames and tables; nothing is counted anew here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column, Table
from config.words import listed
from pilots import metrics
from pilots.charts.addresses import pilots_url
from pilots.coverage import Coverage, IndustryCoverage
from policies.charts import day
from policies.models import Source


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
        Cell(listed(division.code for division in row.industry.divisions.all()) or None),
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
