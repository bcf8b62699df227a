"""Data quality page of the admin: what is missing or contradictory, with a link to the field to mend."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from core.http.as_of import parse_day, today
from core.http.request import TrackerRequest
from core.imports.importer import KINDS
from core.pages import Export, export_response
from core.permissions import editor_province
from core.text.formatting import format_date, format_part, join_clauses, label_value
from core.web.filters import ChoiceFormField
from core.web.list_pages import (
    POSITION_PARAMETERS,
    FilterBar,
    drop_unknown_params,
    export_links,
    requested_page,
    url_with,
)
from core.web.tables import Cell, Column, Table, make_table, status_cell
from dashboard.data_quality.report import DataQuality, Finding, RuleResult, build_quality, by_province
from dashboard.data_quality.rules import Severity, add_pilot_url, rules_on
from dashboard.views.change_log import province_field, viewable_models
from pilots.analytics.reconciliation import BatchCount, KindCount
from pilots.charts.reconciliation import reconciliation_table

FINDINGS_ON_A_PAGE = 50


class QualityForm(forms.Form):
    """Filters of data quality: province, severity and rule."""

    def __init__(self, data: Any, reader: Any) -> None:
        super().__init__(data)
        given: dict[str, Any] = {"required": False, "empty_label": gettext_lazy("all")}
        rules = sorted(((rule.code, rule.name) for rule in rules_on(today())), key=lambda pair: pair[1])
        self.fields["province"] = province_field(reader)
        self.fields["severity"] = ChoiceFormField(label=gettext_lazy("Severity"), choices=Severity.choices, **given)
        self.fields["rule"] = ChoiceFormField(label=pgettext_lazy("of data quality", "Rule"), choices=rules, **given)


def quality(request: TrackerRequest) -> HttpResponseBase:
    """Show the data quality report of the models that the user may view."""
    user, title = request.user, _("Data quality")
    kinds, home = viewable_models(user), editor_province(user)
    form = QualityForm(request.GET, user)
    drop_unknown_params(request, {*form.fields, "as_of", "lang", "page", "export"})
    bar = FilterBar(request, form)
    given = form.cleaned_data
    as_of = parse_day(request.GET, "as_of")  # the admin is of today, but a draft edition links to its last day
    report = build_quality(as_of, home or given["province"], kinds.values())
    chase = report.findings(rule=given["rule"], severity=given["severity"])
    announced = announced_table(report, add=user.has_perm("pilots.add_pilot"))
    # the province applies to the whole page, the other filters to the findings only
    place = [chip for chip in bar.chips if given["province"] and chip.value == given["province"].name][:1]
    tables = {
        "chase": Export(_("Chase list"), lambda: findings_file(request, by_province(chase)), bar.chips),
        "rules": Export(_("Rules and what they found"), lambda: rules_table(request, report), place),
        "announced": Export(_("Announced against recorded"), lambda: announced, place),
    }
    headline = quality_headline(report)
    file = export_response(request, tables, title, headline)
    if file is not None:
        return file
    pages = Paginator(chase, FINDINGS_ON_A_PAGE)
    page = pages.get_page(requested_page(request, pages))
    may_import = user.has_perm("core.add_import") and KINDS["pilots"].can_import(user)
    context = {
        **admin.site.each_context(request),
        "title": title,
        "finding": headline,
        "home": home,
        "bar": bar,
        "tallies": [
            {
                "label": severity.label,
                "tag": severity.colour,
                "count": report.count(severity),
                "url": findings_url(request, severity=severity.value),
            }
            for severity in Severity
        ],
        "announced": announced,
        "import_url": reverse("import-list") if may_import else "",
        "template_url": reverse("import-template", args=["pilots"]),
        "rules": rules_table(request, report, page=True),
        "clean": [result for result in report.results if result.checked and not result.count],
        "page": page,
        "chase": make_table([record_column(), *finding_columns()], page.object_list),
        "exports": export_links(request, "chase", **dict.fromkeys(POSITION_PARAMETERS)),
        "workbook": getattr(request, "workbook", ""),
    }
    return TemplateResponse(request, "admin/reports/quality.html", context)


def findings_url(request: TrackerRequest, **chosen: str) -> str:
    """Return the URL of the findings of a severity or rule alone."""
    return url_with(request, **{**dict.fromkeys((*POSITION_PARAMETERS, "rule", "severity")), **chosen}) + "#chase"


def quality_headline(report: DataQuality) -> str:
    """Return the headline: one sentence with the findings and the as-of date."""
    errors, gaps, doubts = (report.count(severity) for severity in Severity)
    parts = [
        ngettext("%(n)d error", "%(n)d errors", errors) % {"n": errors},
        ngettext("%(n)d gap", "%(n)d gaps", gaps) % {"n": gaps},
        ngettext("%(n)d thing to verify", "%(n)d things to verify", doubts) % {"n": doubts},
    ]
    return join_clauses([*parts, _("as of %(day)s") % {"day": format_date(report.as_of)}])


def announced_table(report: DataQuality, *, add: bool) -> Table:
    """Table of announced and recorded pilots, with links to enter missing ones."""

    def add_cell(row: tuple[BatchCount, KindCount]) -> Cell:
        item, kind = row
        return Cell(_("Add a pilot"), url=add_pilot_url(item.batch, kind.kind)) if kind.numbers.to_enter else Cell("")

    return reconciliation_table(report.batches, more=[Column("add", _("Enter the missing"), add_cell)] if add else [])


def rules_table(request: TrackerRequest, report: DataQuality, *, page: bool = False) -> Table:
    """Table of rules with findings: counts, meaning and remedy. On the page count and denominator share a cell."""
    found: Column[RuleResult] = Column("found", _("Found"), lambda result: format_part(result.count, result.of))
    counts: list[Column[RuleResult]] = [
        Column("count", _("Found"), kind="integer"),
        Column("of", _("Looked at"), kind="integer"),
    ]

    def rule_cell(result: RuleResult) -> Cell:
        return Cell(result.rule.name, url=findings_url(request, rule=result.rule.code))

    columns: list[Column[RuleResult]] = [
        Column("severity", _("Severity"), lambda result: status_cell(result.rule.severity)),
        Column("rule", pgettext("of data quality", "Rule"), rule_cell),
        *([found] if page else counts),
        Column("meaning", _("What it means"), "rule.meaning"),
        Column("remedy", _("What to do"), "rule.remedy"),
    ]
    return make_table(columns, [result for result in report.results if result.count])


# -- the findings: each with its record, linked to where it is corrected on the page, and with that address in the file


def record_column() -> Column[Finding]:
    return Column("record", _("Record"), lambda item: Cell(label_value(item.kind, item.record), url=item.url))


def finding_columns() -> list[Column[Finding]]:
    return [
        Column("what", _("What is missing or wrong")),
        Column("severity", _("Severity"), lambda item: status_cell(item.rule.severity)),
        Column("province", _("Province"), lambda item: item.province.name if item.province else ""),
        Column("since", _("Since"), kind="date"),
        Column("owner", _("Whom to ask")),
    ]


def findings_file(request: TrackerRequest, findings: list[Finding]) -> Table:
    what, severity, _place, since, _owner = finding_columns()
    columns: list[Column[Finding]] = [
        Column("province", _("Province"), lambda item: item.province.name if item.province else None),
        Column("kind", _("Kind")),
        Column("record", _("Record")),
        *(what, severity, since),
        Column("owner", _("Whom to ask"), lambda item: item.owner or None),
        Column("remedy", _("What to do"), "rule.remedy"),
        Column("url", _("Address"), lambda item: request.build_absolute_uri(item.url)),
    ]
    return make_table(columns, findings)
