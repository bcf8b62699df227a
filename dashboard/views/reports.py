"""Reports of the admin: the change log (who changed which record, when and why) and data quality."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.core.validators import MinValueValidator
from django.db.models import Model
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from core.days import today
from core.errors import Problem
from core.history.entries import entry_columns
from core.http import TrackerRequest, parse_day
from core.imports.importer import allowed_importers
from core.imports.models import Import, ImportState
from core.pages import Export, check_export, export_response
from core.permissions import editor_province, in_scope, permission_name
from core.tables import (
    POSITION_PARAMETERS,
    Cell,
    ChoiceFormField,
    Column,
    FilterBar,
    RelatedFormField,
    Table,
    drop_unknown_params,
    export_links,
    form_errors,
    make_table,
    requested_page,
    status_cell,
    url_with,
)
from core.text import format_date, format_part, join_clauses, label_value
from dashboard.analytics.change_log import SYSTEM, find_changes, history_models, iterate_change_log, load_change_log
from dashboard.quality import DataQuality, Finding, Rule, Severity, add_pilot_url, rules_on
from pilots.analytics.reconciliation import BatchCount, KindCount
from pilots.charts.synergy import reconciliation_table
from policies.models import Province

FIRST_DAY = date(2000, 1, 1)
ROWS_ON_A_PAGE = 50
OPTIONAL: Any = {"required": False, "empty_label": gettext_lazy("all")}
ModelsByName = Mapping[str, type[Model]]


def viewable_models(user: Any) -> dict[str, type[Model]]:
    """Return the models that the user may view. Raises PermissionDenied if there is none."""
    kinds = {
        name: model
        for name, model in history_models().items()
        if any(user.has_perm(f"{model._meta.app_label}.{action}_{name}") for action in ("view", "change"))
    }
    if not kinds:
        raise PermissionDenied
    return kinds


# -- every change ----------------------------------------------------------------------------------------------------


class DayField(forms.DateField):
    """Date field in ISO format with the browser's date picker."""

    def __init__(self, label: Any) -> None:
        super().__init__(
            label=label,
            required=False,
            input_formats=["%Y-%m-%d"],
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            validators=[MinValueValidator(FIRST_DAY)],
            error_messages={"invalid": gettext_lazy("Write one day as 2024-01-30.")},
        )


class ChangeLogForm(forms.Form):
    """Filters of the change log: author, model, province, dates and import."""

    def __init__(self, data: Any, kinds: ModelsByName, *, reader: Any) -> None:
        super().__init__(data)
        self.home = editor_province(reader)
        everybody = get_user_model().objects.order_by("username")
        if self.home or not reader.has_perm("auth.view_user"):
            signed = find_changes(kinds, reader, provinces=[self.home])
            everybody = everybody.filter(pk__in=signed.order_by().values("user"))
        people = [(SYSTEM, _("the system")), *((person.get_username(), str(person)) for person in everybody)]
        named = [(name, str(capfirst(model._meta.verbose_name))) for name, model in kinds.items()]
        self.fields["person"] = ChoiceFormField(
            label=pgettext_lazy("who made a change", "Person"), choices=people, **OPTIONAL
        )
        self.fields["kind"] = ChoiceFormField(label=gettext_lazy("Record"), choices=named, **OPTIONAL)
        self.fields["province"] = province_field(reader)
        self.fields["from"] = DayField(pgettext_lazy("a span of days", "From"))
        self.fields["to"] = DayField(pgettext_lazy("a span of days", "To"))
        if reader.has_perm("core.view_import"):
            imports = Import.objects.filter(state__in=[ImportState.CONFIRMED, ImportState.UNDONE])
            own = imports.filter(uploaded_by=reader) if self.home else imports
            self.fields["import"] = RelatedFormField(own, label=gettext_lazy("Import"), **OPTIONAL)

    def clean(self) -> dict[str, object] | None:
        cleaned = super().clean()
        first, last = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        if first and last and last < first:
            self.add_error("to", _("It lies before the first day. Turn the two round."))
        return cleaned


def province_field(reader: object) -> RelatedFormField:
    roster = in_scope(reader, Province.objects.roster())
    return RelatedFormField(roster, to_field_name="slug", label=gettext_lazy("Province"), **OPTIONAL)


def changes(request: TrackerRequest) -> HttpResponseBase:
    """Show the change log of the models that the user may view, newest first."""
    check_export(request)
    user: Any = request.user
    kinds = viewable_models(user)
    form = ChangeLogForm(request.GET, kinds, reader=user)
    drop_unknown_params(request, {*form.fields, "lang", "page", "export"})
    if not form.is_valid():
        raise Problem.of(form_errors(form))
    given = form.cleaned_data
    rows = find_changes(
        {given["kind"]: kinds[given["kind"]]} if given["kind"] else kinds,
        user,
        person=given["person"],
        provinces=[given["province"], form.home],
        since=given["from"],
        until=given["to"],
        import_record=given.get("import"),
    )
    pages = Paginator(rows.values_list("pk", flat=True), ROWS_ON_A_PAGE)
    page = pages.get_page(requested_page(request, pages))
    page.object_list = load_change_log(list(page.object_list), user)  # type: ignore[assignment]  # a list counts
    bar, title = FilterBar(request, form), _("Changes of the records")

    def table() -> Table:
        return make_table(entry_columns(authors=True), iterate_change_log(rows, user), count=pages.count)

    tables = {"changes": Export(title, table, bar.chips)}
    if file := export_response(request, tables, title):
        return file
    context = {
        **admin.site.each_context(request),
        "title": title,
        "home": form.home,
        "bar": bar,
        "page": page,
        "exports": export_links(request, "changes", **dict.fromkeys(POSITION_PARAMETERS)),
    }
    return TemplateResponse(request, "admin/reports/changes.html", context)


# -- data quality ----------------------------------------------------------------------------------------------------


class QualityForm(forms.Form):
    """Filters of data quality: province, severity and rule."""

    def __init__(self, data: Any, reader: Any) -> None:
        super().__init__(data)
        rules = sorted(((rule.code, rule.name) for rule in rules_on(today())), key=lambda pair: pair[1])
        self.fields["province"] = province_field(reader)
        self.fields["severity"] = ChoiceFormField(label=gettext_lazy("Severity"), choices=Severity.choices, **OPTIONAL)
        self.fields["rule"] = ChoiceFormField(label=pgettext_lazy("of data quality", "Rule"), choices=rules, **OPTIONAL)


def quality(request: TrackerRequest) -> HttpResponseBase:
    """Show the data quality report of the models that the user may view."""
    check_export(request)
    user, title = request.user, _("Data quality")
    kinds, home = viewable_models(user), editor_province(user)
    form = QualityForm(request.GET, user)
    drop_unknown_params(request, {*form.fields, "as_of", "lang", "page", "export"})
    bar = FilterBar(request, form)
    given = form.cleaned_data
    as_of = parse_day(request.GET, "as_of")  # the admin is of today, but a draft edition links to its last day
    report = DataQuality(as_of, home or given["province"], kinds.values())
    chase = report.findings(rule=given["rule"], severity=given["severity"])

    def add_cell(row: tuple[BatchCount, KindCount]) -> Cell:
        item, kind = row
        return Cell(_("Add a pilot"), url=add_pilot_url(item.batch, kind.kind)) if kind.numbers.to_enter else Cell("")

    more = [Column("add", _("Enter the missing"), add_cell)] if user.has_perm("pilots.add_pilot") else []
    announced = reconciliation_table(report.batches, more=more)
    # the province applies to the whole page, the other filters to the findings only
    province_chips = [chip for chip in bar.chips if given["province"] and chip.value == given["province"].name][:1]
    tables = {
        "chase": Export(_("Chase list"), lambda: chase_file(request, chase), bar.chips),
        "rules": Export(_("Rules and what they found"), lambda: rules_table(request, report), province_chips),
        "announced": Export(_("Announced against recorded"), lambda: announced, province_chips),
    }
    errors, gaps, doubts = (report.count(severity) for severity in Severity)
    counts = [
        ngettext("%(n)d error", "%(n)d errors", errors) % {"n": errors},
        ngettext("%(n)d gap", "%(n)d gaps", gaps) % {"n": gaps},
        ngettext("%(n)d thing to verify", "%(n)d things to verify", doubts) % {"n": doubts},
    ]
    headline = join_clauses([*counts, _("as of %(day)s") % {"day": format_date(report.as_of)}])
    if file := export_response(request, tables, title, headline):
        return file
    pages = Paginator(chase, ROWS_ON_A_PAGE)
    page = pages.get_page(requested_page(request, pages))
    may_import = user.has_perm("core.add_import") and "pilots" in allowed_importers(user)
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
        "clean": [rule for rule in report.rules if rule.checked and not rule.count],
        "page": page,
        "chase": chase_table(list(page.object_list), user),
        "exports": export_links(request, "chase", **dict.fromkeys(POSITION_PARAMETERS)),
        "workbook": getattr(request, "workbook", ""),
    }
    return TemplateResponse(request, "admin/reports/quality.html", context)


def findings_url(request: TrackerRequest, **chosen: str) -> str:
    """Return the URL of the findings of a severity or rule alone."""
    return url_with(request, **{**dict.fromkeys((*POSITION_PARAMETERS, "rule", "severity")), **chosen}) + "#chase"


def rules_table(request: TrackerRequest, report: DataQuality, *, page: bool = False) -> Table:
    """Table of rules with findings: counts, meaning and remedy. On the page count and denominator share a cell."""
    count_column: Column[Rule] = Column("found", _("Found"), lambda rule: format_part(rule.count, rule.of))
    counts: list[Column[Rule]] = [
        Column("count", _("Found"), kind="integer"),
        Column("of", _("Looked at"), kind="integer"),
    ]
    columns: list[Column[Rule]] = [
        Column("severity", _("Severity"), lambda rule: status_cell(rule.severity)),
        Column(
            "rule",
            pgettext("of data quality", "Rule"),
            lambda rule: Cell(rule.name, url=findings_url(request, rule=rule.code)),
        ),
        *([count_column] if page else counts),
        Column("meaning", _("What it means")),
        Column("remedy", _("What to do")),
    ]
    return make_table(columns, [rule for rule in report.rules if rule.count])


# the findings: each with its record, linked to where it is corrected on the page, and with that address in the file


def chase_table(findings: Sequence[Finding], user: Any) -> Table:
    def add_cell(item: Finding) -> Cell:
        may_change = user.has_perm(permission_name(item.row, "change"))  # a page that only shows has no fields
        url = item.url if may_change else item.url.partition("#")[0]
        return Cell(label_value(item.kind, item.record), url=url)

    return make_table([Column("record", _("Record"), add_cell), *finding_columns()], findings)


def finding_columns() -> list[Column[Finding]]:
    return [
        Column("what", _("What is missing or wrong")),
        Column("severity", _("Severity"), lambda item: status_cell(item.rule.severity)),
        Column("province", _("Province"), lambda item: item.province.name if item.province else ""),
        Column("since", _("Since"), kind="date"),
        Column("owner", _("Whom to ask")),
    ]


def chase_file(request: TrackerRequest, findings: list[Finding]) -> Table:
    """Table of the findings by province of the roster; those without a province come last."""
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
    order = sorted(findings, key=lambda item: (item.province is None, item.province.pk if item.province else 0))
    return make_table(columns, order)
