"""Headings: matching columns, and errors for unknown, missing or duplicate ones."""

from typing import Any

import pytest
from django.utils import translation

from core.imports.headings import Headings, find_headings, normalized_heading
from core.imports.importer import KINDS, Importer
from tests.support.imports import make_sheet

PILOT = ["代码", "中文名称", "类型", "批次", "省份"]


def find_in(kind: str, *rows: Any) -> Headings:
    return find_headings(make_sheet(*rows), KINDS[kind].columns, KINDS[kind].keys)


def heading_names(headings: Headings) -> dict[int, str]:
    return {place: column.name for place, column in headings.columns.items()}


def error_codes(headings: Headings) -> list[tuple[str, str]]:
    return [(fault.cell, fault.code) for fault in headings.errors]


@pytest.mark.parametrize(
    ("kind", "heads", "fields"),
    [
        (
            "pilots",
            ["序号", "省（区、市）", "试点批次", "试点名称", "试点类型"],
            ["province", "batch", "name_zh", "kind"],
        ),
        ("plans", ["", "地区", "政策", "发文字号", "印发时间"], ["province", "policy", "doc_number", "issued_on"]),
        ("readings", ["", "试点名称", "指标名称", "年度", "指标值"], ["pilot", "indicator", "period", "value"]),
        ("milestones", ["", "试点园区", "任务", "计划完成时间", "牵头单位"], ["pilot", None, "planned_on", "owner"]),
    ],
)
def test_the_usual_words_of_ledgers_are_known(kind: str, heads: list[str], fields: list[str | None]) -> None:
    known = {place: name for place, name in enumerate(fields, 2) if name}
    assert heading_names(find_in(kind, heads)) == known


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_choices_are_unambiguous(kind: Importer) -> None:
    """No two choices of a column answer to the same word, and each label leads back to its code."""
    for column in kind.columns:
        for language in ("en", "zh-hans"):
            with translation.override(language):
                labels = {code: str(label) for code, label in column.choices.items()}
            assert len({normalized_heading(label) for label in labels.values()}) == len(labels), column.name
            read = {code: column.choice_words[" ".join(label.casefold().split())][0] for code, label in labels.items()}
            assert read == {code: code for code in labels}, column.name


@pytest.mark.parametrize(
    "heading",
    [
        "中文名称*",
        "中文名称（必填）",
        "中文\n名称",
        " 中 文 名 称 ",
        "中文名称：",
        "Name_ZH",
        "Name in Chinese (required)",
    ],
)
def test_a_heading_as_people_write_it(heading: str) -> None:
    assert heading_names(find_in("pilots", ["slug", heading])) == {1: "slug", 2: "name_zh"}


def test_a_title_above_and_columns_left_empty() -> None:
    """A merged title is one cell; empty rows and columns leave gaps."""
    headings = find_in(
        "pilots",
        ["第一批城市和产业园区减污降碳协同创新试点名单"],
        [None, "填报单位：", None, "2024年"],
        [None, "序号", *PILOT[:2], None, *PILOT[2:]],
    )
    assert headings.row == 3
    assert heading_names(headings) == {3: "slug", 4: "name_zh", 6: "kind", 7: "batch", 8: "province"}
    assert (headings.ignored, headings.errors) == ({2}, [])


def test_an_unknown_column_with_the_nearest() -> None:
    (fault,) = find_in("pilots", ["slug", "name_zh", "provinz"]).errors
    assert (fault.cell, fault.value, fault.code) == ("C1", "provinz", "unknown_column")
    assert fault.message == "“provinz” is no column here. Did you mean “Province”? Rename it, or delete the column."


@pytest.mark.parametrize("heading", ["备注", "说明"])
def test_a_note_without_a_language_is_the_chinese_one(heading: str) -> None:
    headings = find_in("pilots", ["slug", heading, "Note in English"])
    assert (heading_names(headings), error_codes(headings)) == ({1: "slug", 2: "note_zh", 3: "note_en"}, [])
    assert error_codes(find_in("pilots", ["slug", heading, "中文备注"])) == [("C1", "twice")]
    assert error_codes(find_in("pilots", ["slug", "name_zh", "note"])) == [("C1", "unknown_column")]


def test_columns_that_tell_rows_apart() -> None:
    """Of the natural keys of a record, the most complete one is requested; where several are equal, all are named."""
    assert error_codes(find_in("readings", ["pilot", "value", "reported on"])) == [("1", "missing_column")] * 2
    assert [f.message for f in find_in("readings", ["pilot", "indicator", "value"]).errors] == [
        "The column “Period” is missing. Add it."
    ]
    (fault,) = find_in("policies", ["kind", "level", "note_en"]).errors
    assert fault.message == (
        "No column says which record a row is about. "
        "Add one of these: Code / Document number / Title in Chinese / Title in English."
    )
    for row in (["id", "note_en"], ["slug", "note_en"], ["doc_number", "note_en"], ["title_en", "note_en"]):
        assert error_codes(find_in("policies", row)) == []


@pytest.mark.parametrize("rows", [[], [["随便"]], [["2024", 5], [1, 2]], [["slug"]]])
def test_no_headings(rows: Any) -> None:
    headings = find_in("pilots", *rows)
    assert error_codes(headings) == [("1", "no_headings")]
    assert headings.columns == {}
