"""Charts and tables of industry coverage, without calculations of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.joining import join_sentences, join_short, label_value
from core.web.tables import Cell, Chart, Column, Table, make_table, record_cell
from pilots.analytics.coverage import Coverage, FieldCoverage, IndustryCoverage
from pilots.analytics.location_quotients import LocationQuotients
from pilots.charts.links import pilot_count_cell, pilots_url
from pilots.metrics import reconciliation
from pilots.metrics.location_quotient import LocationQuotient
from pilots.metrics.reconciliation import GapBasis
from policies.charts.rollout import format_day
from policies.models import Industry, Region, Source


def coverage_headline(coverage: Coverage) -> str:
    """Return the sentence that answers "which industries does nobody try?"."""
    if coverage.naming == 0:
        return _("No recorded pilot names an industry yet, so coverage cannot be judged.")
    text = ngettext(
        "%(covered)d of %(all)d industries is named by a recorded pilot; ",
        "%(covered)d of %(all)d industries are named by a recorded pilot; ",
        coverage.covered,
    ) % {"covered": coverage.covered, "all": len(coverage.industries)}
    if not coverage.gap_judged:
        return text + too_few_known_text(coverage.basis) + _(".")
    gaps = [row.industry.name for row in coverage.gaps]
    if not gaps:
        return text + _("none of the %(n)d priority industries is without one.") % {"n": coverage.priorities}
    return text + _("no pilot yet in %(gaps)d of the %(n)d priority industries: %(names)s.") % {
        "gaps": len(gaps),
        "n": coverage.priorities,
        "names": join_short(gaps),
    }


def too_few_known_text(basis: GapBasis) -> str:
    """Return the clause on why no gap is claimed: too few of the announced pilots are known."""
    if not basis.announced:
        return _("gaps are not judged, since it is not known how many pilots were announced")
    text = _(
        "too few recorded to judge gaps: %(naming)d of %(announced)d announced pilots are recorded and name an industry"
    )
    return text % {"naming": basis.naming, "announced": basis.announced}


def coverage_scope(coverage: Coverage) -> str:
    text = _("%(set)s; %(naming)d of them name an industry; as of %(day)s") % {
        "set": coverage.chosen.name_with_count(coverage.pilots),
        "naming": coverage.naming,
        "day": format_day(coverage.as_of),
    }
    return capfirst(text)


def coverage_note(coverage: Coverage) -> str:
    """Return the note of the chart: how gaps are judged, and what the batches' notices named."""
    rule = _(
        "A gap is a priority industry that no pilot names; it is claimed only where at least %(share)d %% of the "
        "announced pilots are recorded and name an industry."
    ) % {"share": round(coverage.gap_threshold * 100)}
    return join_sentences(join_sentences(adds_up_note(), rule), notice_text(coverage))


def adds_up_note() -> str:
    return _("A pilot may name several industries, so the rows add up to more than the pilots.")


def notice_text(coverage: Coverage) -> str:
    """Return the industries named by the notices of the set's batches, recorded or not; empty where they named none."""
    names = [industry.name for industry in coverage.in_notice]
    if not names:
        return ""
    text = ngettext(
        "Announced in the notice itself (%(batch)s): %(names)s, and others.",
        "Announced in the notices themselves (%(batch)s): %(names)s, and others.",
        len(coverage.notices),
    )
    return text % {"batch": join_short(batch.short for batch in coverage.notices), "names": join_short(names)}


def coverage_chart(coverage: Coverage, sources: Sequence[Source]) -> Chart:
    """Return the bar chart of industries, longest first; gaps (priority industries without a pilot) stand out."""
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
        api=coverage_api_url(coverage),
    )


def coverage_api_url(coverage: Coverage, **more: str) -> str:
    """Return the API URL of these numbers."""
    query = urlencode({**more, **coverage.chosen.params})
    return f"{reverse('api-coverage')}?{query}" if query else reverse("api-coverage")


def coverage_title(coverage: Coverage) -> str:
    gaps = len(coverage.gaps)
    if coverage.naming == 0:
        return _("No recorded pilot names an industry yet")
    if not coverage.gap_judged:
        return capfirst(too_few_known_text(coverage.basis))
    if gaps == 0:
        return _("Every priority industry has a pilot")
    text = ngettext(
        "%(gaps)d of %(n)d priority industries has no recorded pilot",
        "%(gaps)d of %(n)d priority industries have no recorded pilot",
        gaps,
    )
    return text % {"gaps": gaps, "n": coverage.priorities}


def coverage_bar(coverage: Coverage, row: IndustryCoverage) -> dict[str, object]:
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
    columns: list[Column[IndustryCoverage]] = [
        Column("industry", _("Industry"), lambda row: record_cell(row.industry)),
        Column(
            "divisions",
            _("GB/T 4754"),
            lambda row: join_short(division.code for division in row.industry.divisions.all()) or None,
        ),
        Column("pilots", _("Pilots"), lambda row: naming_pilots_cell(coverage, row), kind="integer"),
        Column("provinces", _("Provinces"), kind="integer"),
        Column("share", _("Share of the roster"), kind="share"),
        Column("priority", _("Priority"), "industry.priority", kind="flag"),
        Column("notice", _("Announced in the notice"), "in_notice", kind="flag"),
        Column("gap", _("Gap"), kind="flag")
        if coverage.gap_judged
        else Column("gap", _("Gap"), lambda _row: _("not judged")),
    ]
    return make_table(columns, rows)


def naming_pilots_cell(coverage: Coverage, row: IndustryCoverage) -> Cell:
    """Return the number of pilots that name the industry, linked to their list."""
    return pilot_count_cell(row.pilots, **{**coverage.chosen.params, "industry": row.industry.slug})


QuotientsByPlace = Mapping[tuple[int, str], LocationQuotient]
"""Location quotients by industry and region."""


def matrix_chart(
    coverage: Coverage, by: str, sources: Sequence[Source], quotients: LocationQuotients | None = None
) -> Chart:
    """Return the matrix of industries by region or province; a cell links to its pilots.

    With quotients a cell also gives its deviation from the number expected from the size of its region.
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
        note=join_sentences(adds_up_note(), quotient_note() if quotients else ""),
        api=coverage_api_url(coverage, by=by),
    )


def matrix_cell(coverage: Coverage, value: int, quotient: LocationQuotient | None, **place: str) -> dict[str, object]:
    """Return one cell: count, shade, URL of its pilots, and the quotient as text where shown."""
    return {
        "value": value,
        "step": reconciliation.colour_step(value, coverage.matrix.highest),
        "url": pilots_url(**(coverage.chosen.params | place)) if value else "",
        "tip": quotient_text(quotient) if quotient else "",
    }


def quotient_text(quotient: LocationQuotient) -> str:
    """Return a location quotient as text; empty where pilots are too few for one."""
    if quotient.shown is None:
        return ""
    text = _("location quotient %(quotient)s: %(here)d pilots, %(expected)s expected") % {
        "quotient": format_decimal(quotient.shown, 2),
        "here": quotient.region_industry,
        "expected": format_decimal(quotient.expected, 1),
    }
    return label_value(_("small sample"), text) if quotient.small_sample else text


def matrix_title(coverage: Coverage, by: str, quotients: LocationQuotients | None) -> str:
    """Return the headline: where an industry is concentrated, places whose pilots name none, or where most are."""
    matrix = coverage.matrix
    sums = {label: sum(row[at] for row in matrix.cells) for at, (_code, label) in enumerate(matrix.columns)}
    empty = [label for label, total in sums.items() if total == 0]
    if not any(sums.values()):
        return _("No recorded pilot names an industry yet")
    if coverage.gap_judged and quotients and (crowded := quotients_title(quotients)):
        return crowded
    if coverage.gap_judged and 0 < len(empty) <= MAX_NAMED:
        return _("No pilot names an industry in: %(places)s") % {"places": join_short(empty)}
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


MAX_NAMED = 6


def matrix_table(coverage: Coverage, quotients: QuotientsByPlace) -> Table:
    """Return the table of counts, followed by the quotients if any."""
    matrix = coverage.matrix
    columns: list[Column[tuple[Industry, Sequence[int]]]] = [
        Column("industry", _("Industry"), lambda row: record_cell(row[0])),
        *[count_column(place, code, label) for place, (code, label) in enumerate(matrix.columns)],
        Column("total", _("Total"), lambda row: sum(row[1]), kind="integer"),
        *[quotient_column(code, label, quotients) for code, label in (matrix.columns if quotients else [])],
    ]
    return make_table(columns, list(zip(matrix.rows, matrix.cells, strict=True)))


def count_column(place: int, code: str, label: str) -> Column[tuple[Industry, Sequence[int]]]:
    return Column(code, label, lambda row: row[1][place], kind="integer")


def quotient_column(code: str, label: str, quotients: QuotientsByPlace) -> Column[tuple[Industry, Sequence[int]]]:
    label = _("Location quotient, %(place)s") % {"place": label}
    return Column(f"lq_{code}", label, lambda row: quotient_cell(quotients.get((row[0].pk, code))), kind="decimal")


def quotient_cell(quotient: LocationQuotient | None) -> Cell:
    """Return a quotient with two decimals; a dash where pilots are too few for one."""
    value = quotient.shown if quotient else None
    return Cell("–" if value is None else round(value, 2))


def fields_table(coverage: Coverage) -> Table:
    """Return the table by field of action: measures, and pilots in the industries of these measures."""
    columns: list[Column[FieldCoverage]] = [
        Column("field", _("Field"), "label"),
        Column("measures", _("Measures"), lambda row: len(row.measures), kind="integer"),
        Column(
            "industries",
            _("Industries"),
            lambda row: _(", ").join(industry.name for industry in row.industries) or None,
        ),
        Column("pilots", _("Pilots"), lambda row: row.pilots if row.industries else None, kind="integer"),
        Column("provinces", _("Provinces"), lambda row: row.provinces if row.industries else None, kind="integer"),
        Column("share", _("Share of the roster"), lambda row: row.share if row.industries else None, kind="share"),
    ]
    return make_table(columns, coverage.fields)


# -- location quotients --------------------------------------------------------------------------------


def quotient_note() -> str:
    return _(
        "The location quotient is the region’s share of the industry’s pilots over its share of all pilots; above 1 "
        "is more than its size would lead one to expect. It is shown where five or more pilots name the industry, five "
        "or more lie in the region, at least one does both and at least one is expected; a small sample up to five."
    )


def quotients_title(quotients: LocationQuotients) -> str:
    """Return where concentration is highest; empty where there are too few pilots."""
    crowded = [found for found in quotients.shown if (found[2].shown or 0) > 1]
    if not crowded:
        return ""
    industry, region, quotient = crowded[0]
    text = _("Most crowded: %(industry)s in %(region)s, %(here)d pilots where %(expected)s are expected")
    return text % {
        "industry": industry.name,
        "region": region.label,
        "here": quotient.region_industry,
        "expected": format_decimal(quotient.expected, 1),
    }


def format_decimal(value: Decimal | None, digits: int) -> str:
    """Format a number with `digits` decimals; number_format alone would truncate, not round."""
    return "" if value is None else number_format(round(value, digits), digits)


def quotients_table(quotients: LocationQuotients) -> Table:
    columns: list[Column[tuple[Industry, Region, LocationQuotient]]] = [
        Column("industry", _("Industry"), lambda row: record_cell(row[0])),
        Column("region", _("Region"), lambda row: str(row[1].label)),
        Column("here", _("Pilots of the industry here"), lambda row: row[2].region_industry, kind="integer"),
        Column("region_pilots", _("Pilots of the region"), lambda row: row[2].region_total, kind="integer"),
        Column("everywhere", _("Pilots of the industry everywhere"), lambda row: row[2].industry_total, kind="integer"),
        Column("programme", _("Pilots of the programme"), lambda row: row[2].programme_total, kind="integer"),
        Column("expected", _("Expected here"), lambda row: expected_pilots(row[2]), kind="decimal"),
        Column("quotient", _("Location quotient"), lambda row: quotient_cell(row[2]), kind="decimal"),
        Column("sample", _("Sample"), lambda row: sample_size_cell(row[2])),
    ]
    rows = [
        (industry, region, item)
        for industry, row in quotients.rows
        for item, (region, _n) in zip(row, quotients.regions, strict=True)
    ]
    return make_table(columns, rows)


def expected_pilots(item: LocationQuotient) -> Decimal | None:
    return None if item.expected is None else round(item.expected, 2)


def sample_size_cell(item: LocationQuotient) -> Cell:
    if item.shown is None:
        return Cell(_("too few: not shown"), tag="grey")
    return Cell(_("small sample"), tag="yellow") if item.small_sample else Cell("")
