"""Data quality page of the admin: what is missing or contradictory, with a link to the field to mend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from core.http.as_of import parse_day
from core.http.request import TrackerRequest
from core.imports.importer import KINDS
from core.pages import Export, export_response
from core.permissions import editor_province
from core.text.formatting import format_date, format_part, join_clauses, label_value
from core.web.filters import ChoiceFormField
from core.web.list_pages import (
    POSITION_PARAMETERS,
    ActiveFilter,
    FilterBar,
    drop_unknown_params,
    export_links,
    requested_page,
    url_with,
)
from core.web.tables import Cell, Column, Table, make_table, status_cell
from dashboard.data_quality.findings import Finding, Severity
from dashboard.data_quality.report import DataQuality, RuleResult, build_quality
from dashboard.data_quality.rules import RULES, add_pilot_url
from dashboard.views.change_log import province_field, viewable_models
from pilots.analytics.reconciliation import BatchCount, KindCount
from pilots.charts.reconciliation import reconciliation_table

FINDINGS_ON_A_PAGE = 50


# -- data quality ----------------------------------------------------------------------------------------------------


class QualityForm(forms.Form):
    """Filters of data quality: province, severity and rule."""

    def __init__(self, data: Any, reader: Any) -> None:
        super().__init__(data)
        rules = sorted(((rule.code, str(rule.name)) for rule in RULES), key=lambda pair: pair[1])
        self.fields["province"] = province_field(reader)
        self.fields["severity"] = ChoiceFormField(
            label=gettext_lazy("Severity"), required=False, choices=Severity.choices, empty_label=gettext_lazy("all")
        )
        self.fields["rule"] = ChoiceFormField(
            label=pgettext_lazy("of data quality", "Rule"),
            required=False,
            choices=rules,
            empty_label=gettext_lazy("all"),
        )


def quality(request: TrackerRequest) -> HttpResponseBase:
    """Show the data quality report of the models that the user may view."""
    kinds = viewable_models(request.user)
    form, home = QualityForm(request.GET, request.user), editor_province(request.user)
    drop_unknown_params(request, {*form.fields, "as_of", "lang", "page", "export"})
    bar = FilterBar(request, form)
    given = form.cleaned_data
    as_of = parse_day(request.GET, "as_of")  # the admin is of today, but a draft edition links to its last day
    report = build_quality(as_of, home or given["province"], kinds.values())
    chase = report.findings(rule=given["rule"], severity=given["severity"])
    title = _("Data quality")
    announced = announced_table(report, add=request.user.has_perm("pilots.add_pilot"))
    tables = {
        "chase": Export(_("Chase list"), lambda: findings_table(request, chase.by_province()), bar.chips),
        "rules": Export(_("Rules and what they found"), lambda: rules_table(request, report), province_chip(bar)),
        "announced": Export(_("Announced against recorded"), lambda: announced, province_chip(bar)),
    }
    file = export_response(request, tables, title, quality_headline(report))
    if file is not None:
        return file
    pages = Paginator(chase, FINDINGS_ON_A_PAGE)
    page = pages.get_page(requested_page(request, pages))
    context = {
        **admin.site.each_context(request),
        "title": title,
        "finding": quality_headline(report),
        "home": home,
        "bar": bar,
        "tallies": severity_counts(request, report),
        "announced": announced,
        "import_url": reverse("import-list") if may_import_pilots(request.user) else "",
        "template_url": reverse("import-template", args=["pilots"]),
        "rules": rules_table(request, report, page=True),
        "clean": [result for result in report.results if result.parts and not result.count],
        "page": page,
        "chase": findings_page_table(list(page.object_list)),
        "exports": export_links(request, "chase", **dict.fromkeys(POSITION_PARAMETERS)),
        "workbook": getattr(request, "workbook", ""),
    }
    return TemplateResponse(request, "admin/reports/quality.html", context)


def may_import_pilots(user: Any) -> bool:
    return bool(user.has_perm("config.add_import")) and KINDS["pilots"].can_import(user)


def province_chip(bar: FilterBar) -> list[ActiveFilter]:
    """Return the chip of the province filter, which applies to the whole page; other filters apply to the findings
    only."""
    chosen = bar.form.cleaned_data["province"]
    return [chip for chip in bar.chips if chosen and chip.value == chosen.name][:1]


def quality_headline(report: DataQuality) -> str:
    """Return the headline: one sentence with the findings and the as-of date."""
    errors, gaps, doubts = (report.count(severity) for severity in Severity)
    parts = [
        ngettext("%(n)d error", "%(n)d errors", errors) % {"n": errors},
        ngettext("%(n)d gap", "%(n)d gaps", gaps) % {"n": gaps},
        ngettext("%(n)d thing to verify", "%(n)d things to verify", doubts) % {"n": doubts},
    ]
    return join_clauses([*parts, _("as of %(day)s") % {"day": format_date(report.as_of)}])


def severity_counts(request: TrackerRequest, report: DataQuality) -> list[dict[str, object]]:
    """Return the number of findings of each severity, and the URL that lists them."""
    begin = dict.fromkeys(POSITION_PARAMETERS)
    return [
        {
            "label": severity.label,
            "tag": severity.colour,
            "count": report.count(severity),
            "url": url_with(request, **{**begin, "rule": None, "severity": severity.value}) + "#chase",
        }
        for severity in Severity
    ]


def announced_table(report: DataQuality, *, add: bool) -> Table:
    """Table of announced and recorded pilots, with links to enter missing ones."""
    enter: Column[tuple[BatchCount, KindCount]] = Column("add", _("Enter the missing"), add_cell)
    return reconciliation_table(report.batches, more=[enter] if add else [])


def add_cell(row: tuple[BatchCount, KindCount]) -> Cell:
    item, kind = row
    return Cell(_("Add a pilot"), url=add_pilot_url(item.batch, kind.kind)) if kind.numbers.to_enter else Cell("")


def rules_table(request: TrackerRequest, report: DataQuality, *, page: bool = False) -> Table:
    """Table of rules with findings: counts, meaning and remedy. On the page count and denominator share a cell."""
    found: Column[RuleResult] = Column("found", _("Found"), lambda result: format_part(result.count, result.of))
    counts: list[Column[RuleResult]] = [
        Column("count", _("Found"), kind="integer"),
        Column("of", _("Looked at"), kind="integer"),
    ]
    columns: list[Column[RuleResult]] = [
        Column("severity", _("Severity"), lambda result: status_cell(result.rule.severity)),
        Column("rule", pgettext("of data quality", "Rule"), lambda result: rule_cell(request, result)),
        *([found] if page else counts),
        Column("meaning", _("What it means"), lambda result: str(result.rule.meaning)),
        Column("remedy", _("What to do"), lambda result: str(result.rule.remedy)),
    ]
    return make_table(columns, [result for result in report.results if result.count])


def rule_cell(request: TrackerRequest, result: RuleResult) -> Cell:
    """Return the name of a rule, linked to its findings."""
    begin = dict.fromkeys(POSITION_PARAMETERS)
    url = url_with(request, **{**begin, "severity": None, "rule": result.rule.code}) + "#chase"
    return Cell(str(result.rule.name), url=url)


def finding_columns() -> list[Column[Finding]]:
    """Return the columns that the list of findings has on the page and in its file."""
    return [
        Column("what", _("What is missing or wrong")),
        Column("severity", _("Severity"), lambda item: status_cell(item.rule.severity)),
        Column("province", _("Province"), lambda item: item.province.name if item.province else ""),
        Column("since", _("Since"), kind="date"),
        Column("owner", _("Whom to ask")),
    ]


def findings_page_table(findings: Sequence[Finding]) -> Table:
    """Table of one page of findings; each record links to where it is corrected."""
    columns: list[Column[Finding]] = [
        Column("record", _("Record"), lambda item: Cell(label_value(item.kind, item.record), url=item.url)),
        *finding_columns(),
    ]
    return make_table(columns, findings)


def findings_table(request: TrackerRequest, findings: Sequence[Finding]) -> Table:
    """Table of all findings for a file, grouped by province."""
    what, severity, province, since, owner = finding_columns()
    columns: list[Column[Finding]] = [
        replace(province, accessor=lambda item: item.province.name if item.province else None),
        Column("kind", _("Kind")),
        Column("record", _("Record")),
        what,
        severity,
        since,
        replace(owner, accessor=lambda item: item.owner or None),
        Column("remedy", _("What to do"), lambda item: str(item.rule.remedy)),
        Column("url", _("Address"), lambda item: request.build_absolute_uri(item.url)),
    ]
    return make_table(columns, findings)
