"""Dry run: action of each row, and all errors by cell."""

from datetime import date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from policies.models import Agency, Policy
from tests import factories as make
from tests.support.imports import actions_of, dry_run_of, errors_of, run_import

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
HEADS = ["slug", "title_zh", "title_en", "issued_on", "issued_precision", "known_issued_by", "level"]


def changes(plan: Any) -> dict[str, tuple[str, str]]:
    (row,) = plan.rows
    return {change.label: (change.old, change.new) for change in row.changes}


def policy_plan(*rows: Any, heads: Any = HEADS) -> Any:
    return dry_run_of("policies", heads, *rows)


# -- what a row does -------------------------------------------------------------------------------------


def test_create_update_unchanged() -> None:
    old = make.policy(slug="old", title_zh="旧", title_en="Old", issued_on=date(2022, 6, 17))
    make.policy(slug="same", title_zh="同", title_en="Same", issued_on=date(2022, 6, 17))
    plan = dry_run_of(
        "policies",
        ["slug", "title_zh", "title_en", "issued_on"],
        ["new", "新", "New", date(2023, 1, 2)],
        ["old", "旧", "Older", date(2022, 6, 18)],
        ["same", "同", "Same", datetime(2022, 6, 17)],  # noqa: DTZ001  # as a workbook holds it
    )
    assert errors_of(plan) == []
    assert actions_of(plan) == [(2, "create"), (3, "update"), (4, "unchanged")]
    assert [(c.label, c.old, c.new) for c in plan.rows[1].changes] == [
        ("Title in English", "Old", "Older"),
        ("Issued on", "17 June 2022", "18 June 2022"),
        ("Latest date known", "17 June 2022", "18 June 2022"),
    ]
    assert (plan.count_rows("create"), plan.count_rows("update"), plan.count_rows("unchanged")) == (1, 1, 1)
    old.refresh_from_db()
    assert old.title_en == "Old"  # a dry run writes nothing


def test_a_column_that_is_not_there_leaves_its_field_alone() -> None:
    make.policy(slug="old", note="kept", doc_number="1号")
    plan = policy_plan(["old", "改"], heads=["slug", "title_zh"])
    assert list(changes(plan)) == ["Title in Chinese"]
    assert (plan.rows[0].record.note, plan.rows[0].record.doc_number) == ("kept", "1号")


def test_an_empty_cell_empties_what_may_be_empty() -> None:
    """A field with a default keeps its value: confidence and booleans cannot be empty."""
    agency = Agency.objects.create(slug="agency", name_zh="部")
    policy = make.policy(slug="old", note="gone", confidence="media", calls_for_provincial_plan=True)
    policy.agencies.add(agency)
    plan = policy_plan(
        ["old", None, None, None, None],
        heads=["slug", "note_en", "confidence", "agencies", "calls_for_provincial_plan"],
    )
    assert changes(plan) == {"Note in English": ("gone", "no data"), "Issued by": ("部", "no data")}
    assert [change.emptied for change in plan.rows[0].changes] == [True, True]


def test_a_check_only_reads_and_locks_nothing() -> None:
    """So it keeps nobody from writing, however long it takes."""
    make.policy(slug="old")
    with CaptureQueriesContext(connection) as queries:
        run = policy_plan(["new", "新", "old"], ["old", "改", None], heads=["slug", "title_zh", "parent"])
    assert actions_of(run) == [(2, "create"), (3, "update")]
    assert [sql for query in queries if not (sql := query["sql"]).startswith("SELECT") or "FOR " in sql] == []


# -- finding the record ----------------------------------------------------------------------------------


def test_the_record_number_wins() -> None:
    """So every other cell of an exported row may be edited, the code included."""
    one, two = make.policy(slug="one", title_zh="一"), make.policy(slug="two", title_zh="二")
    plan = policy_plan([one.pk, "renamed", "二"], heads=["id", "slug", "title_zh"])
    assert errors_of(plan) == []
    assert (plan.rows[0].record.pk, plan.rows[0].recorded) == (one.pk, True)
    assert changes(plan) == {"Code": ("one", "renamed"), "Title in Chinese": ("一", "二")}
    assert two.pk != one.pk


@pytest.mark.parametrize("number", [0, 999_999_999, 2**80])
def test_a_record_number_that_is_not_there(number: Any) -> None:
    plan = policy_plan([number, "甲"], heads=["id", "title_zh"])
    assert errors_of(plan) == [("A2", "unknown_record")]
    assert plan.rows[0].errors[0].message == (
        f"There is no record {number} here; it may be deleted. Clear the cell to enter a new one."
    )


def test_by_document_number_then_by_title() -> None:
    policy = make.policy(slug="old", title_zh="旧", doc_number="环综合〔2022〕42号")
    by_number = policy_plan(["环综合〔2022〕４２号", "新"], heads=["doc_number", "title_zh"])
    assert [(row.record.pk, row.action) for row in by_number.rows] == [(policy.pk, "update")]
    by_title = policy_plan([None, "旧"], heads=["doc_number", "title_zh"])
    assert [row.record.pk for row in by_title.rows] == [policy.pk]


def test_another_code_or_number_is_another_record() -> None:
    """A title does not match a record whose code or document number differs."""
    make.policy(slug="old", title_zh="通知", doc_number="1号")
    heads = ["slug", "doc_number", "title_zh", "issued_on"]
    plan = policy_plan(["new", None, "通知", date(2023, 1, 1)], [None, "2号", "通知", date(2023, 1, 1)], heads=heads)
    assert (errors_of(plan), actions_of(plan)) == ([], [(2, "create"), (3, "create")])
    bare = make.policy(slug="bare", title_zh="另一通知", doc_number="")
    plan = policy_plan([None, "3号", "另一通知", None], heads=heads)
    assert [(row.record.pk, row.action) for row in plan.rows] == [(bare.pk, "update")]


def test_two_rows_about_one_record() -> None:
    policy = make.policy(slug="old", title_zh="旧")
    plan = policy_plan([policy.pk, None, "甲"], [None, "old", "乙"], heads=["id", "slug", "title_en"])
    assert [code for _cell, code in errors_of(plan)] == ["twice", "twice"]
    assert [fault.message for fault in plan.errors] == [
        "Row 3 is about the same record. Keep one.",
        "Row 2 is about the same record. Keep one.",
    ]


# -- codes -----------------------------------------------------------------------------------------------


def proposed_rows(*rows: Any, heads: Any = ("slug", "title_zh", "title_en", "issued_on")) -> list[str]:
    plan = policy_plan(*[[*row, date(2022, 6, 17)] for row in rows], heads=list(heads))
    assert errors_of(plan) == []
    return [row.record.slug for row in plan.rows]


def test_codes_are_proposed() -> None:
    """From the English title, else the Chinese one in pinyin; numbered where that is taken."""
    assert proposed_rows(
        [None, "减污降碳方案", None], [None, "甲", "Plan_for Reducing  Pollution!"], [None, "☂", None]
    ) == [
        "jian-wu-jiang-tan-fang-an",
        "plan-for-reducing-pollution",
        "policy",
    ]
    assert proposed_rows([None, "绿" * 80, None])[0] == ("lv-" * 24)[:70].strip("-")


def test_a_code_that_is_or_was_in_use_is_not_proposed() -> None:
    """Nor one of another row of the file, before or after it."""
    make.policy(slug="jia")
    gone = make.policy(slug="yi")
    gone.delete()
    rows = [[None, "甲", None], [None, "乙", None], [None, "丙", None], ["bing", "丁", None]]
    assert proposed_rows(*rows) == ["jia-2", "yi-2", "bing-2", "bing"]


# -- days ------------------------------------------------------------------------------------------------


def test_partial_days_bring_their_precision() -> None:
    plan = policy_plan(
        ["a", "甲", None, "2022-06", None, None, None],
        ["b", "乙", None, "2022年", None, None, None],
        ["c", "丙", None, "2022-06-17", None, None, None],
        ["d", "丁", None, date(2022, 6, 1), "month", None, None],
        ["e", "戊", None, "2022-06", "月", None, None],
    )
    with translation.override("zh-hans"):
        month = str(Policy._meta.get_field("issued_precision").flatchoices[1][1])
    assert [(row.record.issued_on, row.record.issued_precision) for row in plan.rows[:4]] == [
        (date(2022, 6, 1), "month"),
        (date(2022, 1, 1), "year"),
        (date(2022, 6, 17), "day"),
        (date(2022, 6, 1), "month"),
    ]
    assert errors_of(plan) == ([] if month == "月" else [("E6", "not_a_choice")])


def test_a_precision_that_contradicts_its_day() -> None:
    plan = policy_plan(["a", "甲", None, "2022-06", "day", None, None], ["b", "乙", None, "2022", "month", None, None])
    assert errors_of(plan) == [("D2", "precision"), ("D3", "precision")]


def test_a_day_that_follows_from_another_is_not_replaced_silently() -> None:
    """Of an exact day of issue the day by which it is known follows; an exported row need not be edited twice."""
    plan = policy_plan(["a", "甲", None, date(2022, 6, 17), None, date(2022, 7, 1), None])
    assert errors_of(plan) == [("F2", "overruled")]
    policy = make.policy(issued_on=date(2022, 6, 17))
    heads = ["id", "issued_on", "known_issued_by"]
    edited = policy_plan([policy.pk, date(2022, 6, 20), date(2022, 6, 17)], heads=heads)
    assert errors_of(edited) == []
    assert edited.rows[0].record.known_issued_by == date(2022, 6, 20)


# -- everything that is wrong ----------------------------------------------------------------------------


def test_all_errors_of_all_rows_in_their_cells() -> None:
    """A bad cell hides neither the other cells of its row nor the rows below."""
    plan = policy_plan(
        ["Bad Code", "甲", None, "2022-13-01", None, None, "regional"],
        ["b", None, None, "2999-01-01", None, None, None],
        ["c", "丙", None, "2022-06-17", None, None, "provincial"],
        ["d", "丁" * 301, None, "2022-06-17", None, None, None],
        ["e", "戊\u202e", None, "2022-06-17", None, None, None],
        ["f", "好", None, "2022-06-17", None, None, None],
    )
    assert errors_of(plan) == [
        ("A2", "invalid"),
        ("D2", "impossible_day"),
        ("G2", "not_a_choice"),
        ("B3", "invalid"),
        ("D3", "impossible_day"),
        ("4", "invalid"),
        ("B5", "invalid"),
        ("B6", "control"),
    ]
    assert (
        plan.rows[2].errors[0].message == "Province: A provincial policy names its province, a national one names none."
    )
    assert [row.is_valid for row in plan.rows] == [False, False, False, False, False, True]


def test_columns_that_new_rows_need() -> None:
    """Said once, not row by row; and such a row is never counted as good."""
    policy, province = make.policy(), make.province()
    plan = dry_run_of("plans", ["id", "policy", "note_en"], [None, policy.slug, "x"], [None, policy.slug, "y"])
    assert errors_of(plan) == [("1", "missing_column")]
    assert plan.errors[0].message == ("2 rows are new (the first is row 2) and need the column “Province”. Add it.")
    assert (plan.count_rows("create"), province.pk > 0) == (0, True)


def test_a_repealed_plan_and_the_one_after_it_are_two_records() -> None:
    """Told apart by the day of the repeal, or by the record number; a file without that column must give the number."""
    policy, province = make.policy(slug="p"), make.province()
    heads = ["id", "policy", "province", "status", "issued_on", "repealed_on"]
    both = [
        [None, "p", province.slug, "repealed", date(2022, 12, 5), date(2024, 3, 1)],
        [None, "p", province.slug, "issued", date(2024, 3, 1), None],
    ]
    run_import("plans", heads, *both)
    old, new = policy.plans.order_by("issued_on")
    assert actions_of(dry_run_of("plans", heads, *both)) == [(2, "unchanged"), (3, "unchanged")]
    plain = ["id", "policy", "province", "note_en"]
    found = dry_run_of("plans", plain, [None, "p", province.slug, "x"])
    assert errors_of(found) == [("2", "ambiguous")]
    numbers = f"{old.pk}, {new.pk}"
    assert found.errors[0].message == f"Several records agree with this row: give the record number, {numbers}."
    assert actions_of(dry_run_of("plans", plain, [old.pk, "p", province.slug, "x"])) == [(2, "update")]
    repeal = [None, "p", province.slug, "repealed", date(2024, 3, 1), date(2025, 1, 1)]
    text = f"In force at the same time as record {new.pk} of this province. Check the days of both."
    assert [fault.message for fault in dry_run_of("plans", heads, repeal).errors] == [text]
    numbered = [new.pk, "p", province.slug, "issued", date(2024, 3, 1), date(2025, 1, 1)]
    run_import("plans", heads, numbered)
    new.refresh_from_db()
    assert (new.status, new.repealed_on) == ("repealed", date(2025, 1, 1))


def test_an_unchanged_row_is_no_error_though_a_newer_rule_would_reject_it() -> None:
    """An old record that violates a newer rule may be in the file beside edited ones."""
    policy = make.policy(slug="old", note="plain")
    Policy.objects.filter(pk=policy.pk).update(note_en="hidden\u00ad")
    plan = dry_run_of("policies", ["id", "slug"], [policy.pk, "old"])
    assert (errors_of(plan), actions_of(plan)) == ([], [(2, "unchanged")])
    assert errors_of(dry_run_of("policies", ["id", "slug"], [policy.pk, "older"])) == [("2", "invalid")]


def test_uniqueness_beside_the_file_and_within_it() -> None:
    day = date(2022, 6, 17)
    make.policy(slug="taken", doc_number="9号", title_zh="在案")
    heads = ["slug", "title_zh", "doc_number", "issued_on"]
    plan = policy_plan(["a", "甲", "1号", day], ["b", "乙", "1号", day], heads=heads)
    assert [code for _cell, code in errors_of(plan)] == ["invalid", "invalid"]
    (fault,) = policy_plan(["c", "丙", "9号", day], heads=heads).errors
    assert (fault.cell, fault.message) == ("C2", "Another policy has this document number.")


def test_codes_that_change_hands_within_the_file() -> None:
    """One at a time: otherwise the order of writing would decide."""
    one, two = make.policy(slug="one"), make.policy(slug="two")
    plan = policy_plan([one.pk, "two"], [two.pk, "one"], heads=["id", "slug"])
    assert errors_of(plan) == [("B2", "invalid"), ("B3", "invalid")]
    assert plan.errors[0].message == (
        f"Record {two.pk} holds this until this file changes it. Change that one first, in its own file."
    )


# -- rows that name one another --------------------------------------------------------------------------


def test_a_parent_of_the_same_file() -> None:
    day = date(2022, 6, 17)
    heads = ["slug", "title_zh", "parent", "issued_on"]
    run_import("policies", heads, ["c", "孙", "子", day], ["b", "子", "a", day], ["a", "祖", None, day])
    found = {policy.slug: policy.parent and policy.parent.slug for policy in Policy.objects.all()}
    assert found == {"a": None, "b": "a", "c": "b"}


def test_circles() -> None:
    """Within the file, to itself, and by way of records beside it."""
    top = make.policy(slug="top", title_zh="上")
    make.policy(slug="low", title_zh="下", parent=top)
    day = date(2022, 6, 17)
    heads = ["slug", "title_zh", "parent", "issued_on"]
    inside = [["a", "甲", "乙", day], ["b", "乙", "甲", day], ["c", "丙", "丙", day], ["d", "丁", "甲", day]]
    plan = policy_plan(*inside[:3], ["top", "上", "low", day], inside[3], heads=heads)
    assert errors_of(plan) == [("C2", "circle"), ("C3", "circle"), ("C4", "circle"), ("C5", "circle")]
