"""Import templates and exports: every kind has them, and an unedited export imports as unchanged."""

import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from core.imports.files import dry_run_of_file
from core.imports.importer import KINDS

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", ["milestones", "readings", "stages", "targets"])
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


def test_templates_and_exports_of_a_demonstration_say_so(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.http.middleware.holds_demonstration", lambda: True)
    said = "Demonstration data: invented, not the real programme"
    template: Any = admin_client.get(reverse("import-template", args=["plans"]))
    assert load_workbook(io.BytesIO(template.content))["Explanation"]["A1"].value == said
    export: Any = admin_client.get(reverse("import-export", args=["plans", "csv"]))
    content = export.getvalue()
    assert content.decode().startswith(f'\ufeff"# {said}"\r\nRecord number,')
    plan = dry_run_of_file(KINDS["plans"], "a.csv", content, by=None)
    assert (plan.errors, {row.action for row in plan.rows}) == ([], {"unchanged"})
