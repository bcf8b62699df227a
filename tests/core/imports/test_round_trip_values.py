"""Round trip of values: exports import as unchanged, for any text, in both file formats."""

import re
import unicodedata
from datetime import date, timedelta
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.utils import translation
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.imports.dry_run import DryRun
from core.imports.files import dry_run_of_file, export_csv, write_workbook
from core.imports.importer import Importer
from policies.importers import PolicyImporter, ProvincialPlanImporter
from policies.models import Policy, ProvincialPlan, Source
from tests.factories import make_plan, make_policy, make_province, make_source

PLANS, POLICIES = ProvincialPlanImporter(), PolicyImporter()
FORMS, LANGUAGES = ("xlsx", "csv"), ("en", "zh-hans")

REFUSED = re.compile(r"#{3,}|[0-9](\.[0-9]+)?E\+[0-9]{2,3}")  # errors of spreadsheets in place of a value
FEW_EXAMPLES = settings(max_examples=20)  # each is written and read four times

# What the models allow: no control or direction characters, normal form C, no surrounding spaces.
SIGNS = [*"=+-@＝＋－＠'\",，、;；\n\t0#%", "_x0041_"]
PIECES = st.sampled_from(SIGNS) | st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn"))
TEXTS = (
    st.lists(PIECES, max_size=8)
    .map(lambda parts: unicodedata.normalize("NFC", "".join(parts)).strip())
    .filter(lambda text: not REFUSED.fullmatch(text))
)


def export_file(kind: Importer, form: str, records: Any = None) -> bytes:
    records = (kind.export_queryset() if records is None else records).order_by("pk")
    if form == "xlsx":
        with write_workbook(kind, records) as file:
            return file.read()
    response = export_csv(kind, records, stem="x")
    assert isinstance(response, StreamingHttpResponse)
    return b"".join(response)  # type: ignore[arg-type]


def read_file(kind: Importer, form: str, content: bytes) -> DryRun:
    return dry_run_of_file(kind, f"export.{form}", content, by=None)


def dry_run_outcome(plan: DryRun) -> list[Any]:
    """Return the record of each row, with its changes or errors."""
    return [(row.record.pk, row.action, row.changes, [fault.message for fault in row.errors]) for row in plan.rows]


def assert_unchanged(kind: Importer, records: Any) -> None:
    """Assert this for both file formats and languages, also when read in the other language."""
    for form in FORMS:
        for written, reads in zip(LANGUAGES, reversed(LANGUAGES), strict=True):
            with translation.override(written):
                content = export_file(kind, form, records)
            with translation.override(reads):
                plan = read_file(kind, form, content)
            assert plan.errors == []
            assert dry_run_outcome(plan) == [(record.pk, "unchanged", [], []) for record in records.order_by("pk")]


@pytest.mark.usefixtures("empty")
@FEW_EXAMPLES
@given(TEXTS, TEXTS, TEXTS)
@example("=1+1", "+86 571", "-5")
@example("@SUM(A1)", "'=1", "''=1\n=2")
@example("0012", "330500198001010011", "2024-01")
@example("湖州、嘉兴；绍兴", "第一行\n第二行", "TRUE")
@example("1,234", "50%", "1.2万")
@example("1e5", "2024.1.5", "_x005F_x0041_")
@pytest.mark.exhaustive
def test_any_text_of_a_record_comes_back_to_the_letter(title: str, note: str, number: str) -> None:
    policy = Policy.objects.first() or make_policy()
    values = {
        "title_zh": title,
        "title_en": title or "x",
        "note_en": note,
        "note_zh": note,
        "doc_number": unicodedata.normalize("NFKC", number).strip(),
    }
    Policy.objects.filter(pk=policy.pk).update(**values)
    assert_unchanged(POLICIES, Policy.objects.all())


@pytest.mark.usefixtures("empty")
@FEW_EXAMPLES
@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=4))
@pytest.mark.exhaustive
def test_any_names_in_a_list_lead_back_to_the_same_records(titles: list[str]) -> None:
    Source.objects.all().delete()
    policy = Policy.objects.first() or make_policy()
    policy.sources.set([make_source(title=title) for title in titles])
    assert_unchanged(POLICIES, Policy.objects.all())


@pytest.mark.usefixtures("empty")
@FEW_EXAMPLES
@given(
    st.dates(date(1900, 1, 1), date(2026, 1, 1)),
    st.sampled_from(["day", "month", "year"]),
    st.integers(0, 32_767) | st.none(),
)
@pytest.mark.exhaustive
def test_any_day_comes_back_as_exact_as_it_is_known(day: date, precision: str, bodies: int | None) -> None:
    plan = ProvincialPlan.objects.first() or make_plan(make_policy(), make_province())
    known = day if precision == "day" else day + timedelta(days=3)
    ProvincialPlan.objects.filter(pk=plan.pk).update(
        issued_on=day, issued_precision=precision, known_issued_by=known, issuing_bodies_count=bodies
    )
    assert_unchanged(PLANS, ProvincialPlan.objects.all())
