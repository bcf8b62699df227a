"""Pages for those who keep the records: every change of them, and what is missing or wrong in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.core.validators import MinValueValidator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from config.charts import Cell, Column, Table
from config.faults import BadRequest, Fault, short
from config.filters import RecordField, WordField
from config.lists import (
    Chip,
    Export,
    FilterBar,
    Stream,
    address,
    check_words,
    choice_label,
    exported,
    form_faults,
    page_number,
)
from config.reach import within
from config.templatetags.site import showdate, shownumber
from config.versions import moment
from config.words import clauses, labelled
from pilots.charts import reconciliation_table
from pilots.feed import SYSTEM, Asked, Key, Line, build_feed, every_kind, people_of, read_key, signed_any, whole_feed
from pilots.imports import KINDS
from pilots.models import Batch
from pilots.quality import RULES, Finding, Quality, Result, Severity, build_quality
from pilots.quality.told import add_pilot
from policies.models import Import, ImportState, Province, home_of

FIRST_DAY = date(2000, 1, 1)
FINDINGS_ON_A_PAGE = 50
TAGS = {Severity.ERROR: "red", Severity.GAP: "yellow", Severity.VERIFY: "blue"}
ABOUT_PLACE = ("before", "after", "page", "export")  # words of an address that say where in a list, not which
Kinds = Mapping[str, type[Model]]


def kinds_of(user: Any) -> dict[str, type[Model]]:
    """The kinds of records that somebody may view. Raises PermissionDenied when there is none."""
    kinds = {
        name: model
        for name, model in every_kind().items()
        if any(user.has_perm(f"{model._meta.app_label}.{action}_{name}") for action in ("view", "change"))
    }
    if not kinds:
        raise PermissionDenied
    return kinds


def bar_of(request: HttpRequest, form: forms.Form) -> FilterBar:
    """The filters in force; lifting one begins at the first page again. Raises BadRequest for what cannot be read."""
    if not form.is_valid():
        raise BadRequest(*form_faults(form))
    begin = dict.fromkeys(ABOUT_PLACE)
    chips = [
        Chip(str(field.label), shown(form, name), address(request, **{**begin, name: None}))
        for name, field in form.fields.items()
        if form.cleaned_data.get(name) not in (None, "")
    ]
    return FilterBar(
        form,
        chips,
        address(request, **{**begin, **dict.fromkeys(form.fields)}),
        first=form.visible_fields(),
        more=[],
        unseen=[],
        more_applied=0,
    )


def shown(form: forms.Form, name: str) -> str:
    value = form.cleaned_data[name]
    return showdate(value) if isinstance(value, date) else choice_label(form, name)


# -- every change ----------------------------------------------------------------------------------------------------


class DayField(forms.DateField):
    """A day as ISO writes it, by the browser's own calendar."""

    def __init__(self, label: Any) -> None:
        super().__init__(
            label=label,
            required=False,
            input_formats=["%Y-%m-%d"],
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            validators=[MinValueValidator(FIRST_DAY)],
            error_messages={"invalid": gettext_lazy("Write one day as 2024-01-30.")},
        )


class FeedForm(forms.Form):
    """Whose changes of what, where, when and by which import."""

    def __init__(self, data: Any, kinds: Kinds, *, reader: Any) -> None:
        super().__init__(data)
        self.home, self.reader = home_of(reader), reader
        everybody = get_user_model().objects.order_by("username")
        if self.home:
            everybody = everybody.filter(pk__in=people_of(kinds, Asked(home=self.home)))
        elif not reader.has_perm("auth.view_user"):
            everybody = everybody.filter(signed_any(kinds))
        people = [(person.get_username(), str(person)) for person in everybody]
        named = [(name, str(capfirst(model._meta.verbose_name))) for name, model in kinds.items()]
        self.fields["person"] = WordField(
            label=pgettext_lazy("who made a change", "Person"),
            required=False,
            choices=[(SYSTEM, _("the system")), *people],
            empty_label=gettext_lazy("all"),
        )
        self.fields["kind"] = WordField(
            label=gettext_lazy("Record"), required=False, choices=named, empty_label=gettext_lazy("all")
        )
        self.fields["province"] = province_field(reader)
        self.fields["from"] = DayField(pgettext_lazy("a span of days", "From"))
        self.fields["to"] = DayField(pgettext_lazy("a span of days", "To"))
        if reader.has_perm("policies.view_import"):
            written = own_imports(reader).filter(state__in=[ImportState.CONFIRMED, ImportState.UNDONE])
            self.fields["import"] = RecordField(
                written, label=gettext_lazy("Import"), required=False, empty_label=gettext_lazy("all")
            )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        first, last = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        if first and last and last < first:
            self.add_error("to", _("It lies before the first day. Turn the two round."))
        return cleaned

    @property
    def asked(self) -> Asked:
        given = self.cleaned_data
        return Asked(
            person=given["person"],
            province=given["province"],
            since=given["from"],
            until=given["to"],
            brought_by=given.get("import"),
            home=self.home,
            reader=self.reader,
        )


def own_imports(reader: Any) -> QuerySet[Import]:
    """The imports that somebody may know of: all, or where the reach ends at a province one's own."""
    return Import.objects.filter(uploaded_by=reader) if home_of(reader) else Import.objects.all()


def province_field(reader: Any) -> RecordField:
    return RecordField(
        within(reader, Province.objects.roster()),
        to_field_name="slug",
        label=gettext_lazy("Province"),
        required=False,
        empty_label=gettext_lazy("all"),
    )


def changes(request: HttpRequest) -> HttpResponseBase:
    """Every change of the records that the reader may view, newest first."""
    kinds = kinds_of(request.user)
    form = FeedForm(request.GET, kinds, reader=request.user)
    check_words(request, {*form.fields, "lang", "before", "after", "export"})
    bar = bar_of(request, form)
    chosen = form.cleaned_data["kind"]
    asked_kinds = {chosen: kinds[chosen]} if chosen else kinds
    before, after = place(request, "before", kinds), place(request, "after", kinds)
    feed = build_feed(asked_kinds, form.asked, before=before, after=after)
    title = _("Changes of the records")
    tables = {"changes": Export(title, lambda: feed_table(asked_kinds, form.asked, feed.count), bar.chips)}
    file = exported(request, tables, title)
    if file is not None:
        return file
    context = {
        **admin.site.each_context(request),
        "title": title,
        "home": form.home,
        "bar": bar,
        "feed": feed,
        "first": before is None and after is None,
        "newer": address(request, before=None, after=str(feed.newer)) if feed.newer else "",
        "older": address(request, after=None, before=str(feed.older)) if feed.older else "",
        "newest": address(request, before=None, after=None),
        "exports": export_links(request, "changes"),
    }
    return TemplateResponse(request, "admin/changes.html", context)


def place(request: HttpRequest, word: str, kinds: Kinds) -> Key | None:
    """Where in the feed the page begins. Raises BadRequest for what no page of it has led to."""
    text = request.GET.get(word)
    try:
        return read_key(text, kinds) if text is not None else None
    except ValueError:
        message = _("%(name)s: “%(value)s” is no place in this list. Begin at its first page.")
        fault = Fault(word, "invalid_place", message % {"name": word, "value": short(text)})
        raise BadRequest(fault) from None


def export_links(request: HttpRequest, slug: str) -> list[dict[str, str]]:
    begin = dict.fromkeys(ABOUT_PLACE)
    return [
        {"label": kind.upper(), "url": address(request, **{**begin, "export": f"{slug}.{kind}"})}
        for kind in ("csv", "xlsx")
    ]


def feed_table(kinds: Kinds, asked: Asked, count: int) -> Stream:
    """The whole feed for a file, read while it is written."""
    columns = [
        Column("when", _("When")),
        Column("who", _("Who")),
        Column("kind", _("Record")),
        Column("what", _("Which")),
        Column("action", _("What happened")),
        Column("changes", _("What changed")),
        Column("reason", _("Why")),
        Column("import", _("Import")),
    ]
    return Stream(columns, feed_rows(kinds, asked), count)


def feed_rows(kinds: Kinds, asked: Asked) -> Iterator[list[Cell]]:
    for lines in whole_feed(kinds, asked):
        yield from map(feed_cells, lines)


def feed_cells(line: Line) -> list[Cell]:
    return [
        Cell(moment(line.when)),
        Cell(line.who),
        Cell(line.kind),
        Cell(line.what),
        Cell(line.action),
        Cell(clauses(labelled(item.label, f"{item.old} → {item.new}") for item in line.differences)),
        Cell(line.reason),
        Cell(str(line.brought_by[0]) if line.brought_by else ""),
    ]


# -- data quality ----------------------------------------------------------------------------------------------------


class QualityForm(forms.Form):
    """Where, how bad, and which rule."""

    def __init__(self, data: Any, reader: Any) -> None:
        super().__init__(data)
        rules = sorted(((rule.code, str(rule.name)) for rule in RULES), key=lambda pair: pair[1])
        self.fields["province"] = province_field(reader)
        self.fields["severity"] = WordField(
            label=gettext_lazy("Severity"), required=False, choices=Severity.choices, empty_label=gettext_lazy("all")
        )
        self.fields["rule"] = WordField(
            label=pgettext_lazy("of data quality", "Rule"),
            required=False,
            choices=rules,
            empty_label=gettext_lazy("all"),
        )


@dataclass(frozen=True)
class Tally:
    """How many findings of a severity there are, and the address that lists them."""

    label: str
    tag: str
    count: int
    url: str


def quality(request: HttpRequest) -> HttpResponseBase:
    """What is missing, unverified or contradictory in the records that the reader may view."""
    kinds = kinds_of(request.user)
    form, home = QualityForm(request.GET, request.user), home_of(request.user)
    check_words(request, {*form.fields, "lang", "page", "export"})
    bar = bar_of(request, form)
    given = form.cleaned_data
    report = build_quality(request.as_of, home or given["province"], kinds.values())  # type: ignore[attr-defined]
    chase = report.chase(rule=given["rule"], severity=given["severity"])
    title = _("Data quality")
    announced = announced_table(report, add=request.user.has_perm("pilots.add_pilot"))
    tables = {
        "chase": Export(_("Chase list"), lambda: chase_table(request, chase.by_province()), bar.chips),
        "rules": Export(_("Rules and what they found"), lambda: rules_table(request, report), province_chip(bar)),
        "announced": Export(_("Announced against recorded"), lambda: announced, province_chip(bar)),
    }
    file = exported(request, tables, title, quality_finding(report))
    if file is not None:
        return file
    pages = Paginator(chase, FINDINGS_ON_A_PAGE)
    page = pages.get_page(page_number(request, pages))
    context = {
        **admin.site.each_context(request),
        "title": title,
        "finding": quality_finding(report),
        "home": home,
        "bar": bar,
        "tallies": tallies(request, report),
        "announced": announced,
        "import_url": reverse("import-list") if may_import_pilots(request.user) else "",
        "template_url": reverse("import-template", args=["pilots"]),
        "rules": rules_page_table(request, report),
        "clean": [result for result in report.results if result.parts and not result.count],
        "page": page,
        "chase": page_table(list(page.object_list)),
        "exports": export_links(request, "chase"),
        "workbook": getattr(request, "workbook", ""),
    }
    return TemplateResponse(request, "admin/quality.html", context)


def may_import_pilots(user: Any) -> bool:
    return bool(user.has_perm("policies.add_import")) and KINDS["pilots"].may_import(user)


def province_chip(bar: FilterBar) -> list[Chip]:
    """The filter that every part of the page obeys; the others are for the chase list."""
    chosen = bar.form.cleaned_data["province"]
    return [chip for chip in bar.chips if chosen and chip.value == chosen.name][:1]


def quality_finding(report: Quality) -> str:
    """One sentence: what was found, as of which day."""
    errors, gaps, doubts = (report.found(severity) for severity in Severity)
    parts = [
        ngettext("%(n)d error", "%(n)d errors", errors) % {"n": errors},
        ngettext("%(n)d gap", "%(n)d gaps", gaps) % {"n": gaps},
        ngettext("%(n)d thing to verify", "%(n)d things to verify", doubts) % {"n": doubts},
    ]
    return clauses([*parts, _("as of %(day)s") % {"day": showdate(report.as_of)}])


def tallies(request: HttpRequest, report: Quality) -> list[Tally]:
    begin = dict.fromkeys(ABOUT_PLACE)
    return [
        Tally(
            str(severity.label),
            TAGS[severity],
            report.found(severity),
            address(request, **{**begin, "rule": None, "severity": severity.value}) + "#chase",
        )
        for severity in Severity
    ]


def announced_table(report: Quality, *, add: bool) -> Table:
    """Announced against recorded, with the way to enter a pilot that is missing."""
    table = reconciliation_table(report.batches)
    if not add:
        return table
    kinds = [(item.batch, kind) for item in report.batches for kind in item.kinds]
    rows = [
        [*row, add_cell(batch, kind.kind) if kind.numbers.to_enter else Cell("")]
        for row, (batch, kind) in zip(table.rows, kinds, strict=True)
    ]
    return Table([*table.columns, Column("add", _("Enter the missing"))], rows)


def add_cell(batch: Batch, kind: str) -> Cell:
    return Cell(_("Add a pilot"), url=add_pilot(batch, kind))


def rules_table(request: HttpRequest, report: Quality) -> Table:
    """Every rule that found something, for a file: how many of how many, what it means, and what is to be done."""
    columns = [
        Column("severity", _("Severity")),
        Column("rule", pgettext("of data quality", "Rule")),
        Column("count", _("Found"), "integer"),
        Column("of", _("Looked at"), "integer"),
        Column("meaning", _("What it means")),
        Column("remedy", _("What to do")),
    ]
    rows = [rule_cells(request, result, Cell(result.count), Cell(result.of)) for result in found_by(report)]
    return Table(columns, rows)


def rules_page_table(request: HttpRequest, report: Quality) -> Table:
    """The same for the page, where a number and what it is out of stand together."""
    columns = [
        Column("severity", _("Severity")),
        Column("rule", pgettext("of data quality", "Rule")),
        Column("found", _("Found")),
        Column("meaning", _("What it means")),
        Column("remedy", _("What to do")),
    ]
    text = _("%(n)s of %(all)s")
    rows = [
        rule_cells(request, item, Cell(text % {"n": shownumber(item.count), "all": shownumber(item.of)}))
        for item in found_by(report)
    ]
    return Table(columns, rows)


def found_by(report: Quality) -> list[Result]:
    return [result for result in report.results if result.count]


def rule_cells(request: HttpRequest, result: Result, *numbers: Cell) -> list[Cell]:
    rule = result.rule
    begin = dict.fromkeys(ABOUT_PLACE)
    url = address(request, **{**begin, "severity": None, "rule": rule.code}) + "#chase"
    return [
        severity_cell(rule.severity),
        Cell(str(rule.name), url=url),
        *numbers,
        Cell(str(rule.meaning)),
        Cell(str(rule.remedy)),
    ]


def severity_cell(severity: Severity) -> Cell:
    return Cell(str(severity.label), tag=TAGS[severity])


def page_table(findings: Sequence[Finding]) -> Table:
    """A page of the chase list; each record leads to the place where it is mended."""
    columns = [
        Column("record", _("Record")),
        Column("what", _("What is missing or wrong")),
        Column("severity", _("Severity")),
        Column("province", _("Province")),
        Column("since", _("Since"), "date"),
        Column("owner", _("Whom to ask")),
    ]
    return Table(columns, [page_cells(item) for item in findings])


def page_cells(item: Finding) -> list[Cell]:
    return [
        Cell(labelled(item.kind, item.record), url=item.url),
        Cell(item.what),
        severity_cell(item.rule.severity),
        Cell(item.province.name if item.province else ""),
        Cell(item.since),
        Cell(item.owner),
    ]


def chase_table(request: HttpRequest, findings: Sequence[Finding]) -> Table:
    """The chase list as a file: one line for each missing thing, grouped by province."""
    columns = [
        Column("province", _("Province")),
        Column("kind", _("Kind")),
        Column("record", _("Record")),
        Column("what", _("What is missing or wrong")),
        Column("severity", _("Severity")),
        Column("since", _("Since"), "date"),
        Column("owner", _("Whom to ask")),
        Column("remedy", _("What to do")),
        Column("url", _("Address")),
    ]
    return Table(columns, [chase_cells(request, item) for item in findings])


def chase_cells(request: HttpRequest, item: Finding) -> list[Cell]:
    return [
        Cell(item.province.name if item.province else None),
        Cell(item.kind),
        Cell(item.record),
        Cell(item.what),
        Cell(str(item.rule.severity.label)),
        Cell(item.since),
        Cell(item.owner or None),
        Cell(str(item.rule.remedy)),
        Cell(request.build_absolute_uri(item.url)),
    ]
