"""Export, edit and import of every field of every kind and of any text, exactly; of records that were deleted too."""

import io
import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.utils import translation
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from core.history.recording import unit
from core.imports.apply import confirm
from core.imports.columns import RecordLookup, RecordNumberColumn
from core.imports.dry_run import DryRun
from core.imports.files import dry_run_of_file, export_response, save_dry_run, write_workbook
from core.imports.importer import KINDS, Importer
from pilots.models import FollowUp, Reading, Target
from policies.importers import PolicyImporter
from policies.models import Agency, Measure, Policy
from tests import factories as make

POLICIES = PolicyImporter()
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
    response = export_response(kind, records, "csv", stem="x")
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


HOSTILE = "=1+1\n+86，0012、“x”; 'y\t_x0041_"
LINE = "=cmd|' /C calc'!A0；0012、湖州"


def full_records() -> dict[str, Any]:
    """Make one record of each kind with every field filled, with texts that spreadsheets tend to change."""
    province, sources = make.province(), [make.source(title=LINE), make.source(title="@公报")]
    parent, batch = make.policy(slug="parent"), make.batch()
    facts: dict[str, Any] = {"confidence": "media", "note_en": HOSTILE, "note_zh": LINE}
    issued: dict[str, Any] = {
        "issued_on": date(2022, 6, 1),
        "issued_precision": "month",
        "published_on": date(2022, 7, 2),
    }
    titles = {"title_zh": LINE, "title_en": f"-{LINE}"}
    policy = make.policy(
        slug="joint", **titles, **facts, **issued, kind="event", level="provincial", province=province, parent=parent,
        doc_number="0012", known_issued_by=date(2022, 6, 30), short_name_zh=LINE, short_name_en=f"-{LINE}",
    )  # fmt: skip
    agency = Agency.objects.create(slug="mee", name_zh="+部", name_en="Ministry")
    policy.agencies.set([agency])
    plan = make.plan(
        policy, province, **{**titles, **facts, **issued}, known_issued_by=date(2022, 6, 30), doc_number="-1",
        repealed_on=date(2023, 1, 1), issuing_bodies_count=0, searched_on=date(2022, 1, 1), searched_where=LINE,
        responsible_agency=agency,
    )  # fmt: skip
    city = make.pilot(batch, province, city_type="resource")
    pilot = make.pilot(
        batch, province, make.industry(), make.industry(), name_zh=LINE, name_en="007", **facts, kind="park",
        prefecture_code="012345", prefecture_zh="=湖州", county_code="000001", parent=city,
        term_start=date(2024, 1, 1), term_end=date(2026, 12, 31), withdrawn_on=date(2025, 1, 1),
    )  # fmt: skip
    indicator = make.indicator("SO2")
    stage = make.stage(
        city, "midterm", date(2024, 1, 15), result="conditions", evidence=LINE, reason_en=f"-{LINE}", reason_zh=LINE,
        **facts,
    )  # fmt: skip
    milestone = make.milestone(pilot, date(2024, 6, 1), **titles, **facts, owner=LINE, is_key=True, indicator=indicator)
    make.completion(milestone, date(2024, 5, 1), evidence=LINE)
    target = make.target(pilot, indicator, Decimal("123456789.123456"), Decimal("0.000001"), **facts, kind="limit")
    make.add_step(target, 2024, Decimal("34.4"))
    make.add_step(target, 2025, Decimal("123456789.123456"))
    reading = make.reading(pilot, indicator, "2024", Decimal("123456789.123456"), value_status="final", **facts)
    texts = ("problem", "action", "conditions", "risks", "retired_reason")
    practice = make.practice(
        city, pilot, slug="kiln", **titles, **facts, **{f"{name}_zh": LINE for name in texts},
        **{f"{name}_en": HOSTILE for name in texts}, cost_amount=Decimal("123456789.12"), cost_kind="yearly",
        cost_year=2024, province=province, library_on=date(2025, 1, 3),
        retired_on=date(2025, 1, 5),
    )  # fmt: skip
    practice.industries.set(pilot.industries.all())
    practice.measures.set([Measure.objects.create(slug="kiln", title_zh=LINE, title_en=f"-{LINE}", field="energy")])
    adoption = make.adoption(practice, province=province, ended_on=date(2025, 2, 4), **facts)
    effect = make.effect(
        practice, adoption=adoption, statement_en=f"-{LINE}", statement_zh=LINE,
        stated_value=Decimal("123456789.123456"), stated_unit="=t", stated_period=LINE, province=province, **facts,
    )  # fmt: skip
    records = {
        "policies": policy, "plans": plan, "pilots": pilot, "stages": stage, "milestones": milestone, "targets": target,
        "readings": reading, "practices": practice, "adoptions": adoption, "effects": effect,
        "follow-ups": make_full_follow_up(pilot, milestone),
    }  # fmt: skip
    for record in records.values():
        record.sources.set(sources)
    return records


def make_full_follow_up(pilot: Any, milestone: Any) -> FollowUp:
    return make.follow_up(
        pilot, title_zh=LINE, title_en=f"-{LINE}", task_zh=LINE, task_en=HOSTILE, kind="guidance", meeting=f"-{LINE}",
        cause="milestone", cause_milestone=milestone, is_key=True, owner_person=LINE, note_en=HOSTILE, note_zh=LINE,
        owner_agency=make.agency(name_zh="=局"),
    )  # fmt: skip


EMPTY = {
    "follow-ups": {"policy", "practice", "cause_target"},  # its subject is a pilot, its cause a milestone
    "pilots": {"city_type"},  # only for cities
    "milestones": {"stage"},  # which no completion completes
    "adoptions": {"pilot"},  # of a province as a whole
}


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("name", KINDS)
def test_every_field_of_a_full_record_comes_back_to_the_letter(name: str) -> None:
    record, kind = full_records()[name], KINDS[name]
    record.refresh_from_db()
    written = {column.name: column.export(record, RecordLookup()) for column in kind.columns}
    assert {key for key, value in written.items() if value is None} == EMPTY.get(name, set())
    assert_unchanged(kind, kind.model._base_manager.all())


@pytest.mark.usefixtures("empty")
@FEW_EXAMPLES
@given(st.decimals(0, Decimal(99999999999999), places=6), st.integers(0, 12))
def test_any_value_comes_back_exactly(value: Decimal, drop: int) -> None:
    value = round(value / 10**drop, 6)
    reading = Reading.objects.first() or make.reading(
        make.pilot(make.batch(), make.province()), make.indicator("SO2"), "2024", 1
    )
    target = Target.objects.first() or make.target(reading.pilot, reading.indicator, 1, 1)
    Reading.objects.update(value=value)
    target.base_value, target.target_value, target.steps = value, None if value == 7 else value, {}
    make.add_step(target, 2024, value)
    assert_unchanged(KINDS["readings"], Reading.objects.all())
    assert_unchanged(KINDS["targets"], Target.objects.all())


def edit_rows(content: bytes, changes: dict[str, Any]) -> bytes:
    """Return the workbook with changes in every row, under these headings."""
    book = load_workbook(io.BytesIO(content))
    heads, *rows = book.worksheets[0].iter_rows()
    for row in rows:
        for head, cell in zip(heads, row, strict=True):
            if head.value in changes:
                cell.value = changes[head.value]
                cell.data_type = "s" if isinstance(cell.value, str) else cell.data_type
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def stored_values(kind: Importer) -> list[dict[str, Any]]:
    """Return the values of all records of a kind, without primary keys."""
    named = [column for column in kind.columns if not isinstance(column, RecordNumberColumn)]
    return [
        {column.name: column.export(record, RecordLookup()) for column in named}
        for record in kind.export_queryset().order_by("pk")
    ]


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("name", KINDS)
def test_records_that_were_lost_come_back_from_their_export(name: str) -> None:
    records, kind = full_records(), KINDS[name]
    before = stored_values(kind)
    content = edit_rows(export_file(kind, "xlsx"), {"Record number": None, "Number": None})
    records["follow-ups"].steps.all()._raw_delete("default")  # which the product refuses
    for other in reversed(list(records)):  # what names a record goes before it
        with unit():
            records[other].delete()
        if other == name:
            break
    kept = save_dry_run(read_file(kind, "xlsx", content), name="export.xlsx", content=content, by=None)
    confirm(kind, kept, by=None)
    if name == "readings":
        before[0]["version"] = 2  # the number of a version that was lost is never given again
    if name == "follow-ups":  # nor is the number of a follow-up
        before[0]["number"] = f"2026-{int(before[0]['number'][5:]) + 1:03}"
    assert stored_values(kind) == before


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
    policy = Policy.objects.first() or make.policy()
    values = {
        "title_zh": title,
        "title_en": title or "x",
        "note_en": note,
        "note_zh": note,
        "doc_number": unicodedata.normalize("NFKC", number).strip(),
    }
    Policy.objects.filter(pk=policy.pk).update(**values)
    assert_unchanged(POLICIES, Policy.objects.all())
