"""Charts and tables of industry coverage, without calculations of their own."""

from collections.abc import Sequence

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import charts
from core.tables import Chart, Column, Table, make_table, record_cell
from core.text import format_date, join_sentences, join_short, to_percent
from pilots.analytics.coverage import Coverage, FieldCoverage, IndustryCoverage
from pilots.charts.cells import colour_step, pilot_count_cell, pilots_url
from policies.models import Industry, Source

MAX_NAMED = 6  # places in the title of the matrix


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
        return text + too_few_known_text(coverage.naming, coverage.announced) + _(".")
    gaps = [row.industry.name for row in coverage.gaps]
    if not gaps:
        return text + _("none of the %(n)d priority industries is without one.") % {"n": coverage.priorities}
    return text + _("no pilot yet in %(gaps)d of the %(n)d priority industries: %(names)s.") % {
        "gaps": len(gaps),
        "n": coverage.priorities,
        "names": join_short(gaps),
    }


def too_few_known_text(naming: int, announced: int | None) -> str:
    """Return the clause on why no gap is claimed: too few of the announced pilots are known."""
    if not announced:
        return _("gaps are not judged, since it is not known how many pilots were announced")
    text = _(
        "too few recorded to judge gaps: %(naming)d of %(announced)d announced pilots are recorded and name an industry"
    )
    return text % {"naming": naming, "announced": announced}


def coverage_scope(coverage: Coverage) -> str:
    text = _("%(set)s; %(naming)d of them name an industry; as of %(day)s") % {
        "set": coverage.chosen.name_with_count(coverage.pilots),
        "naming": coverage.naming,
        "day": format_date(coverage.as_of),
    }
    return capfirst(text)


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
    """Return the bar chart of industries: gaps (priority industries without a pilot) first, then most pilots first.

    Other industries without a pilot stand in the table alone.
    """
    rows = sorted(coverage.industries, key=lambda row: (-row.pilots, not row.gap, not row.in_notice, row.industry.pk))
    rule = _(
        "A gap is a priority industry that no pilot names; it is claimed only where at least %(share)d %% of the "
        "announced pilots are recorded and name an industry."
    ) % {"share": to_percent(coverage.gap_threshold, 0)}
    bars = []
    for row in sorted(rows, key=lambda row: not row.gap):
        if not row.pilots and not row.gap:
            continue
        told = [
            ngettext("%(n)d pilot", "%(n)d pilots", row.pilots) % {"n": row.pilots},
            _("%(n)d of %(roster)d provinces") % {"n": row.provinces, "roster": row.roster},
        ]
        number, url = _("gap") if row.gap else "", row.industry.get_absolute_url()
        tip = number or " · ".join(told)
        bars.append(charts.Bar(row.industry.name, [row.pilots], tip, url, number=number, gap=row.gap))
    columns: list[Column[IndustryCoverage]] = [
        Column("industry", _("Industry"), lambda row: record_cell(row.industry)),
        Column("gb_codes", _("GB/T 4754"), lambda row: join_short(row.industry.gb_codes.split("; ")) or None),
        Column(
            "pilots",
            _("Pilots"),
            lambda row: pilot_count_cell(row.pilots, **{**coverage.chosen.params, "industry": row.industry.slug}),
            kind="integer",
        ),
        Column("provinces", _("Provinces"), kind="integer"),
        Column("share", _("Share of the roster"), kind="share"),
        Column("priority", _("Priority"), "industry.priority", kind="flag"),
        Column("notice", _("Announced in the notice"), "in_notice", kind="flag"),
        Column("gap", _("Gap"), kind="flag")
        if coverage.gap_judged
        else Column("gap", _("Gap"), lambda _row: _("not judged")),
    ]
    return Chart(
        slug="coverage",
        kind="bars",
        title=coverage_title(coverage),
        subtitle=coverage_scope(coverage),
        table=make_table(columns, rows),
        data=charts.bars(bars, [(_("Pilots"), "--accent")]) if coverage.naming else {},
        sources=sources,
        note=join_sentences(join_sentences(adds_up_note(), rule), notice_text(coverage)),
        api=coverage_api_url(coverage),
    )


def coverage_api_url(coverage: Coverage, **more: str) -> str:
    """Return the API URL of these numbers."""
    return reverse("api-coverage", query={**more, **coverage.chosen.params})


def coverage_title(coverage: Coverage) -> str:
    gaps = len(coverage.gaps)
    if coverage.naming == 0:
        return _("No recorded pilot names an industry yet")
    if not coverage.gap_judged:
        return capfirst(too_few_known_text(coverage.naming, coverage.announced))
    if gaps == 0:
        return _("Every priority industry has a pilot")
    text = ngettext(
        "%(gaps)d of %(n)d priority industries has no recorded pilot",
        "%(gaps)d of %(n)d priority industries have no recorded pilot",
        gaps,
    )
    return text % {"gaps": gaps, "n": coverage.priorities}


def matrix_chart(coverage: Coverage, by: str, sources: Sequence[Source]) -> Chart:
    """Return the matrix of industries by region or province; a cell links to its pilots."""
    gaps, params = set(coverage.gap_industries), coverage.chosen.params
    highest = max((value for row in coverage.cells for value in row), default=0)
    items = [(row.industry, cells) for row, cells in zip(coverage.industries, coverage.cells, strict=True)]
    rows = [
        {
            "label": industry.name,
            "url": industry.get_absolute_url(),
            "gap": industry in gaps,
            "total": sum(cells),
            "cells": [
                {
                    "value": value,
                    "step": colour_step(value, highest),
                    "url": pilots_url(**(params | {"industry": industry.slug, by: code})) if value else "",
                }
                for value, (code, _label) in zip(cells, coverage.columns, strict=True)
            ],
        }
        for industry, cells in items
    ]
    columns: list[Column[tuple[Industry, Sequence[int]]]] = [
        Column("industry", _("Industry"), lambda row: record_cell(row[0])),
        *(
            Column(code, label, lambda row, position=position: row[1][position], kind="integer")  # type: ignore[misc]
            for position, (code, label) in enumerate(coverage.columns)
        ),
        Column("total", _("Total"), lambda row: sum(row[1]), kind="integer"),
    ]
    heads = [{"label": label, "url": pilots_url(**(params | {by: code}))} for code, label in coverage.columns]
    return Chart(
        slug="matrix",
        kind="matrix",
        title=matrix_title(coverage, by),
        subtitle=coverage_scope(coverage),
        table=make_table(columns, items),
        data={"columns": heads, "rows": rows},
        sources=sources,
        note=adds_up_note(),
        api=coverage_api_url(coverage, by=by),
    )


def matrix_title(coverage: Coverage, by: str) -> str:
    """Return the headline: places whose pilots name no industry, or where most are."""
    sums = {label: sum(row[at] for row in coverage.cells) for at, (_code, label) in enumerate(coverage.columns)}
    empty = [label for label, total in sums.items() if total == 0]
    if not any(sums.values()):
        return _("No recorded pilot names an industry yet")
    if coverage.gap_judged and 0 < len(empty) <= MAX_NAMED:
        return _("No pilot names an industry in: %(places)s") % {"places": join_short(empty)}
    if coverage.gap_judged and by == "province" and empty:
        text = _("%(n)d of %(all)d provinces have no pilot that names an industry")
        return text % {"n": len(empty), "all": len(coverage.columns)}
    most = max(sums, key=lambda label: sums[label])
    text = ngettext(
        "Industries are named most often in %(place)s: %(n)d time of %(all)d",
        "Industries are named most often in %(place)s: %(n)d times of %(all)d",
        sums[most],
    )
    return text % {"place": most, "n": sums[most], "all": sum(sums.values())}


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
