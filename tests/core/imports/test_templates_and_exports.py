"""Import templates and exports: every kind has them, and an unedited export imports as unchanged."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from core.imports.files import dry_run_of_file
from core.imports.importer import KINDS
from core.imports.models import Import
from pilots.models import Indicator, Pilot, Practice
from tests.factories import make_adoption, make_follow_up, make_milestone, make_reading

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_of_each(db: None) -> None:
    """Make milestones, readings, adoptions and follow-ups, which the seed lacks."""
    pilot = Pilot.objects.order_by("pk")[0]
    make_follow_up(pilot)
    make_adoption(Practice.objects.exclude(origins=pilot)[0], pilot)
    make_milestone(pilot, "2026-01-01")
    make_reading(pilot, Indicator.objects.get(code="AIR_SO2"), "2024", "12.5")


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_a_kind_exports_is_read_back_as_unchanged(admin_client: Client, kind: str, suffix: str) -> None:
    answer: Any = admin_client.get(reverse("import-export", args=[kind, suffix]))
    file = SimpleUploadedFile(f"a.{suffix}", answer.getvalue())
    assert admin_client.post(reverse("import-list"), {"kind": kind, "file": file}).status_code == 302
    record = Import.objects.latest("pk")
    count = KINDS[kind].model._base_manager.count()
    assert count > 0
    assert (record.state, record.created, record.updated, record.unchanged) == ("checked", 0, 0, count)


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
