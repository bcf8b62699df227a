"""Which industries the pilots name, as chart frames and tables; nothing is counted anew here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column, Table
from config.words import labelled, listed, sentences
from pilots import metrics
from pilots.charts.addresses import pilots_url
from pilots.coverage import Coverage, IndustryCoverage
from pilots.metrics import GapBasis, LocationQuotient
from pilots.quotients import Quotients
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
    if not coverage.gap_judged:
        return text + too_few(coverage.basis) + _(".")
    gaps = [row.industry.name for row in coverage.gaps]
    if not gaps:
        return text + _("none of the %(n)d priority industries is without one.") % {"n": coverage.priorities}
    return text + _("no pilot yet in %(gaps)d of the %(n)d priority industries: %(names)s.") % {
        "gaps": len(gaps),
        "n": coverage.priorities,
        "names": listed(gaps),
    }


def too_few(basis: GapBasis) -> str:
    """Why no gap is claimed, as a clause: of how many announced pilots too few are known."""
    if not basis.announced:
        return _("gaps are not judged, since it is not known how many pilots were announced")
    text = _(
        "too few recorded to judge gaps: %(naming)d of %(announced)d announced pilots are recorded and name an industry"
    )
    return text % {"naming": basis.naming, "announced": basis.announced}


def coverage_scope(coverage: Coverage) -> str:
    text = _("%(set)s; %(naming)d of them name an industry; as of %(day)s") % {
        "set": coverage.chosen.counted(coverage.pilots),
        "naming": coverage.naming,
        "day": day(coverage.as_of),
    }
    return capfirst(text)


def coverage_note(coverage: Coverage) -> str:
    """What a reader must know: how gaps are judged, and what the batches' own notices named."""
    rule = _(
        "A gap is a priority industry that no pilot names; it is claimed only where at least %(share)d %% of the "
        "announced pilots are recorded and name an industry."
    ) % {"share": round(coverage.gap_threshold * 100)}
    return sentences(sentences(adds_up(), rule), notice_text(coverage))


def adds_up() -> str:
    return _("A pilot may name several industries, so the rows add up to more than the pilots.")


def notice_text(coverage: Coverage) -> str:
    """What the notices of the set's batches named, whatever is recorded; empty where they named nothing."""
    names = [industry.name for industry in coverage.in_notice]
    if not names:
        return ""
    text = ngettext(
        "Announced in the notice itself (%(batch)s): %(names)s, and others.",
        "Announced in the notices themselves (%(batch)s): %(names)s, and others.",
        len(coverage.notices),
    )
    return text % {"batch": listed(batch.short for batch in coverage.notices), "names": listed(names)}


def coverage_chart(coverage: Coverage, sources: Sequence[Source]) -> Chart:
    """One bar an industry, longest first; priority industries without a pilot stand out as gaps."""
    rows = sorted(coverage.industries, key=lambda row: (-row.pilots, not row.gap, not row.in_notice, row.industry.pk))
    return Chart(
        slug="coverage",
        kind="bars",
        title=coverage_title(coverage),
        subtitle=coverage_scope(coverage),
        table=coverage_table(coverage, rows),
        data={
            "bars": [coverage_bar(coverage, row) for row in rows],
            "max": max((row.pilots for row in rows), default=0),
            "labels": {"value": _("pilots"), "mark": _("gap")},
        },
        sources=sources,
        note=coverage_note(coverage),
        api=coverage_api(coverage),
    )


def coverage_api(coverage: Coverage, **more: str) -> str:
    """The address of these numbers in the API."""
    query = urlencode({**more, **coverage.chosen.params})
    return f"{reverse('api-coverage')}?{query}" if query else reverse("api-coverage")


def coverage_title(coverage: Coverage) -> str:
    gaps = len(coverage.gaps)
    if coverage.naming == 0:
        return _("No recorded pilot names an industry yet")
    if not coverage.gap_judged:
        return capfirst(too_few(coverage.basis))
    if gaps == 0:
        return _("Every priority industry has a pilot")
    text = ngettext(
        "%(gaps)d of %(n)d priority industries has no recorded pilot",
        "%(gaps)d of %(n)d priority industries have no recorded pilot",
        gaps,
    )
    return text % {"gaps": gaps, "n": coverage.priorities}


def coverage_bar(coverage: Coverage, row: IndustryCoverage) -> dict[str, Any]:
    pilots = ngettext("%(n)d pilot", "%(n)d pilots", row.pilots) % {"n": row.pilots}
    provinces = _("%(n)d of %(roster)d provinces") % {"n": row.provinces, "roster": row.roster}
    notice = [_("announced in the notice")] if row.in_notice and not coverage.gap_judged else []
    return {
        "label": row.industry.name,
        "value": row.pilots,
        "url": row.industry.get_absolute_url(),
        "mark": "gap" if row.gap else "",
        "text": " · ".join([pilots, provinces, *notice]),
    }


def coverage_table(coverage: Coverage, rows: Sequence[IndustryCoverage]) -> Table:
    columns = [
        Column("industry", _("Industry")),
        Column("divisions", _("GB/T 4754")),
        Column("pilots", _("Pilots"), "integer"),
        Column("provinces", _("Provinces"), "integer"),
        Column("share", _("Share of the roster"), "share"),
        Column("priority", _("Priority"), "flag"),
        Column("notice", _("Announced in the notice"), "flag"),
        Column("gap", _("Gap"), "flag" if coverage.gap_judged else "text"),
    ]
    return Table(columns, [coverage_cells(coverage, row) for row in rows])


def coverage_cells(coverage: Coverage, row: IndustryCoverage) -> list[Cell]:
    chosen = {**coverage.chosen.params, "industry": row.industry.slug}
    return [
        Cell(row.industry.name, url=row.industry.get_absolute_url(), lang=row.industry.name_lang),
        Cell(listed(division.code for division in row.industry.divisions.all()) or None),
        Cell(row.pilots, url=pilots_url(**chosen) if row.pilots else ""),
        Cell(row.provinces),
        Cell(row.share),
        Cell(row.industry.priority),
        Cell(row.in_notice),
        Cell(row.gap if coverage.gap_judged else _("not judged")),
    ]


Quotient = Mapping[tuple[int, str], LocationQuotient]
"""Location quotients by industry and region."""


def matrix_chart(coverage: Coverage, by: str, sources: Sequence[Source], quotients: Quotients | None = None) -> Chart:
    """Industries in rows, regions or provinces in columns; a cell opens the pilots behind it.

    With quotients a cell also says how far it is from what the size of its region leads one to expect.
    """
    matrix, found = coverage.matrix, quotients.by_place if quotients else {}
    gaps = {row.industry.pk for row in coverage.gaps}
    rows = [
        {
            "label": industry.name,
            "url": industry.get_absolute_url(),
            "gap": industry.pk in gaps,
            "total": sum(cells),
            "cells": [
                matrix_cell(coverage, value, found.get((industry.pk, code)), industry=industry.slug, **{by: code})
                for value, (code, _label) in zip(cells, matrix.columns, strict=True)
            ],
        }
        for industry, cells in zip(matrix.rows, matrix.cells, strict=True)
    ]
    return Chart(
        slug="matrix",
        kind="matrix",
        title=matrix_title(coverage, by, quotients),
        subtitle=coverage_scope(coverage),
        table=matrix_table(coverage, found),
        data={
            "columns": [
                {"label": label, "url": pilots_url(**coverage.chosen.params, **{by: code})}
                for code, label in matrix.columns
            ],
            "rows": rows,
        },
        sources=sources,
        note=sentences(adds_up(), quotient_note() if quotients else ""),
        api=coverage_api(coverage, by=by),
    )


def matrix_cell(coverage: Coverage, value: int, quotient: LocationQuotient | None, **place: str) -> dict[str, Any]:
    """One cell: its count and shade, the way to its pilots, and in words its quotient where that is shown."""
    return {
        "value": value,
        "step": metrics.shade(value, coverage.matrix.highest),
        "url": pilots_url(**(coverage.chosen.params | place)) if value else "",
        "tip": quotient_text(quotient) if quotient else "",
    }


def quotient_text(quotient: LocationQuotient) -> str:
    """A location quotient in words; empty where pilots are too few for one."""
    if quotient.shown is None:
        return ""
    text = _("location quotient %(quotient)s: %(here)d pilots, %(expected)s expected") % {
        "quotient": rounded(quotient.shown, 2),
        "here": quotient.here,
        "expected": rounded(quotient.expected, 1),
    }
    return labelled(_("small sample"), text) if quotient.small_sample else text


def matrix_title(coverage: Coverage, by: str, quotients: Quotients | None) -> str:
    """The finding: where an industry crowds together, which places have no pilot that names one, or where most lie."""
    matrix = coverage.matrix
    sums = {label: sum(row[at] for row in matrix.cells) for at, (_code, label) in enumerate(matrix.columns)}
    empty = [label for label, total in sums.items() if total == 0]
    if not any(sums.values()):
        return _("No recorded pilot names an industry yet")
    if coverage.gap_judged and quotients and (crowded := quotients_title(quotients)):
        return crowded
    if coverage.gap_judged and 0 < len(empty) <= MOST_NAMED:
        return _("No pilot names an industry in: %(places)s") % {"places": listed(empty)}
    if coverage.gap_judged and by == "province" and empty:
        text = _("%(n)d of %(all)d provinces have no pilot that names an industry")
        return text % {"n": len(empty), "all": len(matrix.columns)}
    most = max(sums, key=lambda label: sums[label])
    text = ngettext(
        "Industries are named most often in %(place)s: %(n)d time of %(all)d",
        "Industries are named most often in %(place)s: %(n)d times of %(all)d",
        sums[most],
    )
    return text % {"place": most, "n": sums[most], "all": sum(sums.values())}


MOST_NAMED = 6


def matrix_table(coverage: Coverage, quotients: Quotient) -> Table:
    """The counts, then the quotient of each place where there are any."""
    matrix = coverage.matrix
    places = matrix.columns if quotients else []
    columns = [
        Column("industry", _("Industry")),
        *[Column(code, label, "integer") for code, label in matrix.columns],
        Column("total", _("Total"), "integer"),
        *[
            Column(f"lq_{code}", _("Location quotient, %(place)s") % {"place": label}, "decimal")
            for code, label in places
        ],
    ]
    rows = [
        [
            Cell(industry.name, url=industry.get_absolute_url(), lang=industry.name_lang),
            *[Cell(value) for value in cells],
            Cell(sum(cells)),
            *[quotient_cell(quotients.get((industry.pk, code))) for code, _label in places],
        ]
        for industry, cells in zip(matrix.rows, matrix.cells, strict=True)
    ]
    return Table(columns, rows)


def quotient_cell(quotient: LocationQuotient | None) -> Cell:
    """A quotient with two decimals; a dash where pilots are too few for one."""
    value = quotient.shown if quotient else None
    return Cell("–" if value is None else round(value, 2))


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


def quotient_note() -> str:
    return _(
        "The location quotient is the region’s share of the industry’s pilots over its share of all pilots; above 1 "
        "is more than its size would lead one to expect. It is shown where five or more pilots name the industry, five "
        "or more lie in the region, at least one does both and at least one is expected; a small sample up to five."
    )


def quotients_title(quotients: Quotients) -> str:
    """Where most crowd together; empty where there are too few pilots to say."""
    crowded = [found for found in quotients.shown if (found[2].shown or 0) > 1]
    if not crowded:
        return ""
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
            Cell("–" if item.shown is None else round(item.shown, 2)),
            sample_cell(item),
        ]
        for industry, row in quotients.rows
        for item, (region, _n) in zip(row, quotients.regions, strict=True)
    ]
    return Table(columns, rows)


def sample_cell(item: LocationQuotient) -> Cell:
    if item.shown is None:
        return Cell(_("too few: not shown"), tag="grey")
    return Cell(_("small sample"), tag="yellow") if item.small_sample else Cell("")
