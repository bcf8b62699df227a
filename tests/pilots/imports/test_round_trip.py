"""Export, edit, import: every field of every kind, to the letter; and again into a place that has lost its records."""

import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from pilots.imports import KINDS
from pilots.models import Reading, Target
from policies.imports.columns import write_cell
from policies.imports.files import keep, plan_again
from policies.imports.kinds import Kind
from policies.imports.plan import finish
from policies.imports.references import Library
from policies.imports.write import confirm
from policies.models import Agency
from tests.factories import (
    make_batch,
    make_indicator,
    make_industry,
    make_milestone,
    make_pilot,
    make_plan,
    make_policy,
    make_province,
    make_reading,
    make_source,
    make_stage,
    make_target,
)
from tests.policies.imports.test_round_trip import FEW, LANGUAGES, assert_unchanged, exported, read

HOSTILE = "=1+1\n+86，0012、“x”; 'y\t_x0041_"
LINE = "=cmd|' /C calc'!A0；0012、湖州"


def full_records() -> dict[str, Any]:
    """One record of each kind with every field filled, the texts with what spreadsheets like to change."""
    province, sources = make_province(), [make_source(title=LINE), make_source(title="@公报")]
    parent = make_policy(slug="parent")
    facts: dict[str, Any] = {"confidence": "media", "note_en": HOSTILE, "note_zh": LINE}
    issued: dict[str, Any] = {
        "issued_on": date(2022, 6, 1),
        "issued_precision": "month",
        "published_on": date(2022, 7, 2),
    }
    titles = {"title_zh": LINE, "title_en": f"-{LINE}"}
    policy = make_policy(
        slug="joint", **titles, **facts, **issued, kind="event", level="provincial", province=province, parent=parent,
        doc_number="0012", known_issued_by=date(2022, 6, 30), short_name_zh=LINE, short_name_en=f"-{LINE}",
    )  # fmt: skip
    policy.agencies.set([Agency.objects.create(slug="mee", name_zh="+部", name_en="Ministry")])
    plan = make_plan(
        policy, province, **{**titles, **facts, **issued}, known_issued_by=date(2022, 6, 30), doc_number="-1",
        issuing_bodies_count=0, searched_on=date(2022, 1, 1), searched_where=LINE,
    )  # fmt: skip
    batch = make_batch()
    city = make_pilot(batch, province, city_type="resource")
    pilot = make_pilot(
        batch, province, make_industry(), make_industry(), name_zh=LINE, name_en="007", **facts, kind="park",
        prefecture_code="012345", prefecture_zh="=湖州", county_code="000001", parent=city,
        term_start=date(2024, 1, 1), term_end=date(2026, 12, 31), withdrawn_on=date(2025, 1, 1),
    )  # fmt: skip
    indicator = make_indicator("SO2")
    stage = make_stage(
        city, "listed", date(2024, 1, 15), planned_on=date(2024, 1, 1), evidence=LINE, reason_en=f"-{LINE}",
        reason_zh=LINE, **facts,
    )  # fmt: skip
    milestone = make_milestone(
        pilot, date(2024, 6, 1), date(2024, 5, 1), **titles, **facts, owner=LINE, weight=3, is_key=True, evidence=LINE
    )
    target = make_target(
        pilot, indicator, Decimal("123456789.123456"), Decimal("0.000001"), **facts, kind="limit",
        target_text_en=f"-{LINE}", target_text_zh=LINE,
    )  # fmt: skip
    target.steps.create(year=2024, value=Decimal("34.4"))
    target.steps.create(year=2025, value=Decimal("123456789.123456"))
    reading = make_reading(pilot, indicator, "2024", Decimal("123456789.123456"), value_status="final", **facts)
    records = {
        "policies": policy, "plans": plan, "pilots": pilot, "stages": stage, "milestones": milestone, "targets": target,
        "readings": reading,
    }  # fmt: skip
    for record in records.values():
        record.sources.set(sources)
    return records


EMPTY = {"pilots": {"city_type"}, "targets": {"done_on"}}  # only for cities; only for tasks in words


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("name", KINDS)
def test_every_field_of_a_full_record_comes_back_to_the_letter(name: str) -> None:
    record, kind = full_records()[name], KINDS[name]
    record.refresh_from_db()
    written = {column.name: write_cell(column, record, Library()) for column in kind.columns}
    assert {key for key, value in written.items() if value is None} == EMPTY.get(name, set())
    assert_unchanged(kind, kind.model._base_manager.all())


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["pilots", "stages", "targets"])
def test_the_shipped_records_come_back_unchanged(name: str) -> None:
    kind = KINDS[name]
    assert kind.records().count() > 1
    assert_unchanged(kind, kind.model._base_manager.all())


@pytest.mark.usefixtures("empty")
@FEW
@given(st.decimals(0, Decimal(99999999999999), places=6), st.integers(0, 12))
def test_any_value_comes_back_exactly(value: Decimal, drop: int) -> None:
    value = round(value / 10**drop, 6)
    reading = Reading.objects.first() or make_reading(
        make_pilot(make_batch(), make_province()), make_indicator("SO2"), "2024", 1
    )
    target = Target.objects.first() or make_target(reading.pilot, reading.indicator, 1, 1)
    Reading.objects.update(value=value)
    Target.objects.update(base_value=value, target_value=None if value == 7 else value)
    target.steps.all().delete()
    target.steps.create(year=2024, value=value)
    assert_unchanged(KINDS["readings"], Reading.objects.all())
    assert_unchanged(KINDS["targets"], Target.objects.all())


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_choice_reads_back_from_its_word(name: str, language: str) -> None:
    for column in KINDS[name].columns:
        words = dict(column.choices)
        with translation.override(language):
            assert len({str(word) for word in words.values()}) == len(words), column.name


def edited(content: bytes, changes: dict[str, Any]) -> bytes:
    """The workbook after somebody typed into every row, under these headings."""
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


@pytest.mark.usefixtures("empty")
def test_what_was_edited_in_the_workbook_changes_and_nothing_else() -> None:
    full_records()
    kind = KINDS["pilots"]
    pilot = kind.model._base_manager.get(name_en="007")  # type: ignore[misc]
    content = edited(
        exported(kind, "xlsx", kind.model._base_manager.filter(pk=pilot.pk)),
        {"Note in English": "=2+2", "Term starts": date(2024, 2, 3), "Prefecture code": "330500", "Industries": None},
    )
    [row] = read(kind, "xlsx", content).rows
    assert row.faults == []
    assert {change.label: change.new for change in row.changes} == {
        "Note in English": "=2+2",
        "Term starts": "3 February 2024",
        "Prefecture code": "330500",
        "Industries": "no data",
    }
    assert row.record.note == "=2+2"


def facts_of(kind: Kind) -> list[dict[str, Any]]:
    """All that the records of a kind say, but for their numbers."""
    named = [column for column in kind.columns if column.form != "key"]
    return [
        {column.name: write_cell(column, record, Library()) for column in named}
        for record in kind.records().order_by("pk")
    ]


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("name", KINDS)
def test_records_that_were_lost_come_back_from_their_export(name: str) -> None:
    records, kind = full_records(), KINDS[name]
    before = facts_of(kind)
    content = edited(exported(kind, "xlsx"), {"Record number": None})
    for other in reversed(list(records)):
        records[other].delete()  # what names a record goes before it
        if other == name:
            break
    kept = keep(read(kind, "xlsx", content), name="export.xlsx", content=content, by=None)
    finish(confirm(kept, lambda record: plan_again(kind, record, by=None), by=None))
    if name == "readings":
        before[0]["version"] = 2  # the number of a version that was lost is never given again
    assert facts_of(kind) == before
