"""Import templates and exports: sheets, formats and drop-downs."""

import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook, load_workbook

from core.imports.files import dry_run_of_file, export_response
from core.imports.importer import KINDS
from policies.models import Policy
from tests import factories as make

PLANS, POLICIES = KINDS["plans"], KINDS["policies"]
EMPTY_AND_DB = pytest.mark.usefixtures("empty")


def opened(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


def rows(sheet: Any) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def template_workbook(kind: Any) -> Any:
    return export_response(kind, kind.model._base_manager.none(), "xlsx", stem="x").getvalue()  # type: ignore[attr-defined]


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
