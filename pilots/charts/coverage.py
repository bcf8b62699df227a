"""Which industries the pilots name, as chart frames and tables; nothing is counted anew here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column, Table
from config.words import listed
from pilots import metrics
from pilots.charts.addresses import pilots_url
from pilots.coverage import Coverage, IndustryCoverage
from pilots.filters import CoverageFilter
from pilots.metrics import LocationQuotient
from pilots.quotients import Quotients
from policies.charts import day
from policies.models import Industry, Source


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
        api=reverse("api-coverage"),
        api_takes=tuple(CoverageFilter.base_filters),
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
        api=reverse("api-coverage"),
        api_takes=("by", *CoverageFilter.base_filters),
    )


def matrix_title(coverage: Coverage) -> str:
    """The finding of the matrix: the places where no recorded pilot names an industry."""
    matrix = coverage.matrix
    sums = [sum(row[index] for row in matrix.cells) for index in range(len(matrix.columns))]
    empty = [label for (_code, label), total in zip(matrix.columns, sums, strict=True) if total == 0]
    if not empty:
        return _("All %(n)d places of the table have a pilot that names an industry") % {"n": len(matrix.columns)}
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


# -- location quotients --------------------------------------------------------------------------------


def quotients_chart(quotients: Quotients, as_of: date, sources: Sequence[Source]) -> Chart:
    """Industries in rows, regions in columns: the count always, the quotient where one pilot or more is expected."""
    return Chart(
        slug="quotients",
        kind="quotients",
        title=quotients_title(quotients),
        subtitle=_(
            "Pilots that name the industry in the region, and the location quotient; %(n)d pilots, as of %(day)s"
        )
        % {"n": quotients.pilots, "day": day(as_of)},
        table=quotients_table(quotients),
        data={
            "columns": [
                {"label": str(region.label), "n": n, "url": pilots_url(region=region.value)}
                for region, n in quotients.regions
            ],
            "rows": [quotient_row(industry, row, quotients) for industry, row in quotients.rows],
        },
        sources=sources,
        note=_(
            "The quotient is the region’s share of pilots in the industry over the programme’s share; above 1 is "
            "more than its size would lead one to expect. It is hidden where fewer than one pilot is expected, and "
            "marked as a small sample up to five."
        ),
    )


def quotients_title(quotients: Quotients) -> str:
    """Where most crowd together, or that there are too few pilots to say."""
    crowded = [found for found in quotients.shown if (found[2].value or 0) > 1]
    if not crowded:
        return _("Too few pilots in any region to say where an industry crowds together")
    industry, region, quotient = crowded[0]
    text = _("Most crowded: %(industry)s in %(region)s, %(here)d pilots where %(expected)s are expected")
    return text % {
        "industry": industry.name,
        "region": region.label,
        "here": quotient.here,
        "expected": rounded(quotient.expected, 1),
    }


def rounded(value: Decimal | None, digits: int) -> str:
    """A number with so many decimals; number_format alone would cut, not round."""
    return "" if value is None else number_format(round(value, digits), digits)


def quotient_row(industry: Industry, row: Sequence[LocationQuotient], quotients: Quotients) -> dict[str, Any]:
    highest = max((item.here for _industry, items in quotients.rows for item in items), default=0)
    return {
        "label": industry.name,
        "url": industry.get_absolute_url(),
        "total": row[0].everywhere if row else 0,
        "cells": [
            {
                "value": item.here,
                "step": metrics.shade(item.here, highest),
                "quotient": rounded(item.value, 2),
                "small": item.small_sample,
                "url": pilots_url(industry=industry.slug, region=region.value) if item.here else "",
            }
            for item, (region, _n) in zip(row, quotients.regions, strict=True)
        ],
    }


def quotients_table(quotients: Quotients) -> Table:
    columns = [
        Column("industry", _("Industry")),
        Column("region", _("Region")),
        Column("here", _("Pilots of the industry here"), "integer"),
        Column("region_pilots", _("Pilots of the region"), "integer"),
        Column("everywhere", _("Pilots of the industry everywhere"), "integer"),
        Column("programme", _("Pilots of the programme"), "integer"),
        Column("expected", _("Expected here"), "decimal"),
        Column("quotient", _("Location quotient"), "decimal"),
        Column("sample", _("Sample")),
    ]
    rows = [
        [
            Cell(industry.name, url=industry.get_absolute_url(), lang=industry.name_lang),
            Cell(str(region.label)),
            Cell(item.here),
            Cell(item.region),
            Cell(item.everywhere),
            Cell(item.programme),
            Cell(None if item.expected is None else round(item.expected, 2)),
            Cell("" if item.value is None else round(item.value, 2)),
            sample_cell(item),
        ]
        for industry, row in quotients.rows
        for item, (region, _n) in zip(row, quotients.regions, strict=True)
    ]
    return Table(columns, rows)


def sample_cell(item: LocationQuotient) -> Cell:
    if item.value is None:
        return Cell(_("fewer than 1 expected: not shown"), tag="grey")
    return Cell(_("small sample"), tag="yellow") if item.small_sample else Cell("")
