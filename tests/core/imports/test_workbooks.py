"""Import templates and exports: sheets, formats and drop-downs."""

import io
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook, load_workbook

from core.imports.files import dry_run_of_file, export_workbook
from core.imports.importer import KINDS
from policies.models import Policy, ProvincialPlan
from tests import factories as make

PLANS, POLICIES = KINDS["plans"], KINDS["policies"]
EMPTY_AND_DB = pytest.mark.usefixtures("empty")


def opened(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


def rows(sheet: Any) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def workbook_of(kind: Any) -> Workbook:
    response: Any = export_workbook(kind, kind.export_queryset().order_by("pk"), stem="x")
    return opened(response.getvalue())


def template_workbook(kind: Any) -> Any:
    return export_workbook(kind, kind.model._base_manager.none(), stem="x").getvalue()  # type: ignore[attr-defined]


# -- the template --------------------------------------------------------------------------------------


@EMPTY_AND_DB
def test_drop_downs_offer_the_allowed_values_by_the_names_that_lead_back() -> None:
    make.policy(title_en="Joint plan")
    make.policy(title_en="Joint plan", slug="second")
    make.province(short_en="Tibet")
    book = opened(template_workbook(PLANS))
    assert rows(book["Lists"]) == [
        ["Confidence", "Precision", "Policy", "Province", "Status"],
        ["official", "day", Policy.objects.order_by("pk")[0].slug, "Tibet", "issued"],
        ["press", "month", "second", None, "drafting"],
        ["inferred", "year", None, None, "not found"],
        [None, None, None, None, "not required"],
        [None, None, None, None, "repealed"],
        [None, None, None, None, "unknown"],
    ]
    rules = {str(rule.sqref): rule for rule in book.worksheets[0].data_validations.dataValidation}
    assert {place: rule.formula1 for place, rule in rules.items() if rule.type == "list"} == {
        "D2:D1048576": "'Lists'!$A$2:$A$4",
        "H2:H1048576": "'Lists'!$B$2:$B$4",
        "K2:K1048576": "'Lists'!$C$2:$C$3",
        "L2:L1048576": "'Lists'!$D$2:$D$2",
        "M2:M1048576": "'Lists'!$E$2:$E$7",
    }
    assert {rule.errorStyle for rule in rules.values() if rule.type == "list"} == {"warning"}


# -- exports -------------------------------------------------------------------------------------------


def one_plan() -> ProvincialPlan:
    policy = make.policy(slug="joint", title_en="Joint plan")
    plan = make.plan(
        policy,
        make.province(short_en="Tibet"),
        title_zh="=1+1",
        title_en="_x0041_ \n+",
        note="-",
        issued_on=date(2022, 6, 1),
        issued_precision="month",
        published_on=date(2022, 7, 2),
        known_issued_by=date(2022, 6, 30),
        doc_number="0012",
        issuing_bodies_count=7,
    )
    plan.sources.set([make.source(title="公报"), make.source(title="网页")])
    return plan


@EMPTY_AND_DB
def test_a_workbook_holds_real_days_and_numbers_and_text_that_never_runs() -> None:
    plan = one_plan()
    book = workbook_of(PLANS)
    assert book.sheetnames == ["Provincial plans", "Explanation", "Lists"]
    sheet = book.worksheets[0]
    assert [(cell.value, cell.data_type, cell.number_format) for cell in sheet[2] if cell.value is not None] == [
        (plan.pk, "n", "General"),
        ("=1+1", "s", "@"),
        ("_x005F_x0041_ \n+", "s", "@"),
        ("official", "s", "@"),
        ("-", "s", "@"),
        ("2022-06", "s", "@"),
        ("month", "s", "@"),
        (sheet["I2"].value, "d", "yyyy-mm-dd"),
        (sheet["J2"].value, "d", "yyyy-mm-dd"),
        ("Joint plan", "s", "@"),
        ("Tibet", "s", "@"),
        ("issued", "s", "@"),
        ("0012", "s", "@"),
        (7, "n", "General"),
        ("公报\n网页", "s", "@"),
    ]
    assert [sheet["I2"].value.date(), sheet["J2"].value.date()] == [date(2022, 7, 2), date(2022, 6, 30)]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:T2")
    assert len(sheet.data_validations.dataValidation) == 20


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["milestones", "targets"])
def test_pilots_of_one_name_are_offered_with_their_batches(admin_client: Client, kind: str) -> None:
    """Huzhou is in two batches: a template offers both by name and batch, in the language of its headings."""
    two = {
        "en": {"Huzhou (first national batch)", "Huzhou (all Zhejiang batches)"},
        "zh-hans": {"湖州市（国家首批）", "湖州市（浙江各批合计）"},
    }
    for language, names in two.items():
        url = reverse("import-template", args=[kind])
        book = load_workbook(io.BytesIO(admin_client.get(url, HTTP_ACCEPT_LANGUAGE=language).content))
        words = {str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell}
        assert {word for word in words if word.startswith(("Huzhou", "huzhou", "湖州市（"))} == names


@pytest.mark.django_db
def test_templates_and_exports_of_a_demonstration_say_so(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.middleware.holds_demonstration", lambda: True)
    said = "Demonstration data: invented, not the real programme"
    template: Any = admin_client.get(reverse("import-template", args=["plans"]))
    assert load_workbook(io.BytesIO(template.content))["Explanation"]["A1"].value == said
    export: Any = admin_client.get(reverse("import-export", args=["plans", "csv"]))
    content = export.getvalue()
    assert content.decode().startswith(f'\ufeff"# {said}"\r\nRecord number,')
    plan = dry_run_of_file(KINDS["plans"], "a.csv", content, by=None)
    assert (plan.errors, {row.action for row in plan.rows}) == ([], {"unchanged"})
