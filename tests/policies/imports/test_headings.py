"""Which column is which, and what is said where one is not known, missing or there twice."""

from typing import Any

import pytest
from django.utils import translation

from pilots.imports import KINDS
from policies.imports.headings import Headings, find_headings, plain
from policies.imports.kinds import Kind
from tests.imports import sheet_of

PILOT = ["代码", "中文名称", "类型", "批次", "省份"]


def found(kind: str, *rows: Any) -> Headings:
    return find_headings(sheet_of(*rows), KINDS[kind].readable, KINDS[kind].keys)


def names(headings: Headings) -> dict[int, str]:
    return {place: column.name for place, column in headings.columns.items()}


def codes(headings: Headings) -> list[tuple[str, str]]:
    return [(fault.cell, fault.code) for fault in headings.faults]


def each_column() -> list[Any]:
    return [pytest.param(kind, id=kind.name) for kind in KINDS.values()]


@pytest.mark.parametrize("kind", each_column())
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_heading_leads_to_its_own_column(kind: Kind, language: str) -> None:
    """In each language, however the row is ordered; none is taken for another."""
    with translation.override(language):
        labels = [column.heading for column in reversed(kind.columns)]
    headings = find_headings(sheet_of(labels), kind.readable, kind.keys)
    assert names(headings) == dict(enumerate((column.name for column in reversed(kind.columns)), 1))
    assert headings.faults == []


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
    assert names(found(kind, heads)) == known


@pytest.mark.parametrize("kind", each_column())
def test_headings_are_unambiguous(kind: Kind) -> None:
    """No two columns of a kind answer to the same word, in any language or in code."""
    owners: dict[str, set[str]] = {}
    for column in kind.columns:
        for word in column.headings():
            owners.setdefault(plain(word), set()).add(column.name)
    assert {word: owner for word, owner in owners.items() if len(owner) > 1} == {}


@pytest.mark.parametrize("kind", each_column())
def test_choices_are_unambiguous(kind: Kind) -> None:
    """No two choices of a column answer to the same word, and each label leads back to its code."""
    for column in kind.columns:
        for language in ("en", "zh-hans"):
            with translation.override(language):
                labels = {code: str(label) for code, label in column.choices.items()}
            assert len({plain(label) for label in labels.values()}) == len(labels), column.name
            read = {code: column.words[" ".join(label.casefold().split())][0] for code, label in labels.items()}
            assert read == {code: code for code in labels}, column.name


@pytest.mark.parametrize(
    "heading",
    [
        "中文名称*",
        "＊中文名称",
        "中文名称（必填）",
        "中文\n名称",
        " 中 文 名 称 ",
        "中文名称：",
        "中文名称【必填】",
        "Name_ZH",
        "Name in Chinese (required)",
        "NAME IN CHINESE",
    ],
)
def test_a_heading_as_people_write_it(heading: str) -> None:
    assert names(found("pilots", ["slug", heading])) == {1: "slug", 2: "name_zh"}


def test_a_title_above_and_columns_left_empty() -> None:
    """A merged title is one cell; empty rows and columns leave gaps."""
    headings = found(
        "pilots",
        ["第一批城市和产业园区减污降碳协同创新试点名单"],
        [None, "填报单位：", None, "2024年"],
        [None, "序号", *PILOT[:2], None, *PILOT[2:]],
    )
    assert headings.row == 3
    assert names(headings) == {3: "slug", 4: "name_zh", 6: "kind", 7: "batch", 8: "province"}
    assert (headings.passed, headings.faults, headings.last) == ({2}, [], 8)


def test_running_numbers_and_an_earlier_return_are_passed_over() -> None:
    headings = found("pilots", ["No.", "slug", "导入结果", "导入原因", "name_zh"])
    assert (headings.passed, headings.result, headings.reason, headings.faults) == ({1, 3, 4}, 3, 4, [])
    headings = found("pilots", ["#", "slug", "Import result", "Import reason", "name_zh"])
    assert (headings.passed, headings.result, headings.reason, headings.faults) == ({1, 3, 4}, 3, 4, [])


def test_an_unknown_column_with_the_nearest() -> None:
    (fault,) = found("pilots", ["slug", "name_zh", "provinz"]).faults
    assert (fault.cell, fault.value, fault.code) == ("C1", "provinz", "unknown_column")
    assert fault.message == "“provinz” is no column here. Did you mean “Province”? Rename it, or delete the column."


def test_an_unknown_column_like_no_other() -> None:
    (fault,) = found("pilots", ["slug", "name_zh", "☂☂☂"]).faults
    assert fault.message == "“☂☂☂” is no column here. Delete the column; the template shows those there are."


def test_a_column_twice() -> None:
    """The second is named, in whatever language it is written."""
    headings = found("pilots", ["slug", "Name in Chinese", "中文名称"])
    assert codes(headings) == [("C1", "twice")]
    assert names(headings) == {1: "slug", 2: "name_zh"}


@pytest.mark.parametrize("heading", ["Note", "备注", "note", "说明"])
def test_a_file_from_before_notes_had_a_language_is_read(heading: str) -> None:
    headings = found("pilots", ["slug", heading])
    assert (names(headings), codes(headings)) == ({1: "slug", 2: "note"}, [])
    assert codes(found("pilots", ["slug", heading, "中文备注"])) == [("C1", "twice")]
    assert codes(found("pilots", ["slug", "Note in English", heading])) == [("C1", "twice")]
    assert codes(found("pilots", ["slug", "Note in English", "中文备注"])) == []


def test_columns_that_tell_rows_apart() -> None:
    """Of the ways to tell a record, the nearest one is asked for; where several are as near, all are named."""
    assert codes(found("readings", ["pilot", "value", "reported on"])) == [("1", "missing_column")] * 2
    assert [f.message for f in found("readings", ["pilot", "indicator", "value"]).faults] == [
        "The column “Period” is missing. Add it."
    ]
    (fault,) = found("policies", ["kind", "level", "note"]).faults
    assert fault.message == (
        "No column says which record a row is about. "
        "Add one of these: Code / Document number / Title in Chinese / Title in English."
    )
    for row in (["id", "note"], ["slug", "note"], ["doc_number", "note"], ["title_en", "note"]):
        assert codes(found("policies", row)) == []


@pytest.mark.parametrize("rows", [[], [["随便"]], [["2024", 5], [1, 2]], [["slug"]]])
def test_no_headings(rows: Any) -> None:
    headings = found("pilots", *rows)
    assert codes(headings) == [("1", "no_headings")]
    assert headings.columns == {}


def test_headings_too_far_down_are_none() -> None:
    deep = [[f"说明{n}"] for n in range(30)]
    assert found("pilots", *deep[:29], PILOT).row == 30
    assert codes(found("pilots", *deep, PILOT)) == [("1", "no_headings")]
