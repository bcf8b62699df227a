"""Reading files: which sheet is used, what is stored, and the result file."""

import hashlib
import io
from typing import Any

import pytest
from django.utils import translation
from openpyxl import Workbook, load_workbook

from core.imports.dry_run import DryRun
from core.imports.files import annotated_file, command_report, dry_run_of_file, dry_run_report, save_dry_run
from core.imports.models import Import, ImportState
from core.imports.registry import KINDS
from core.spreadsheets.reading.cells import UnreadableFile
from tests.factories import make_policy
from tests.support.imports import csv_bytes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
HEADS = ["slug", "title_zh", "note"]


def book(**sheets: list[list[Any]]) -> bytes:
    made = Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def plan_for(content: bytes, name: str = "f.xlsx", sheet: str | None = None) -> DryRun:
    return dry_run_of_file(KINDS["policies"], name, content, by=None, sheet=sheet)


def test_the_first_sheet_with_headings_of_the_kind() -> None:
    """A sheet of explanations before it is skipped, with a notice; any other sheet can be selected."""
    make_policy(slug="a", title_zh="甲")
    content = book(说明=[["如何填写"], ["slug"]], 数据=[HEADS, ["a", "甲", None]], 更多=[HEADS, ["a", "改", None]])
    plan = plan_for(content)
    assert (plan.sheet.name, plan.sheet.other_sheets, plan.rows[0].action) == ("数据", ["说明", "更多"], "unchanged")
    other = plan_for(content, sheet="更多")
    assert (other.sheet.name, other.rows[0].action) == ("更多", "update")
    with pytest.raises(UnreadableFile):
        plan_for(content, sheet="没有")


def test_no_sheet_has_headings() -> None:
    """The first one is spoken of."""
    plan = plan_for(book(一=[["x"]], 二=[["y"]]))
    assert (plan.sheet.name, [fault.code for fault in plan.errors]) == ("一", ["no_headings"])


def test_what_is_kept_of_a_dry_run() -> None:
    make_policy(slug="a", title_zh="甲", note="旧")
    content = csv_bytes(HEADS, ["a", "甲", "新"], ["b", "乙", ""])
    plan = plan_for(content, "年报.csv")
    record = save_dry_run(plan, name="年报.csv", content=content, by=None)
    record.refresh_from_db()
    assert (record.kind, record.file_name, record.form, record.encoding, record.state) == (
        "policies",
        "年报.csv",
        "csv",
        "UTF-8",
        ImportState.FAULTY,
    )
    assert (record.rows_read, record.created, record.updated, record.unchanged, record.faults) == (2, 0, 1, 0, 1)
    assert (record.sha256, bytes(record.file.content)) == (hashlib.sha256(content).hexdigest(), content)
    found = command_report(plan, name="年报.csv", content=content, import_id=7)
    assert (found["sha256"], found["import_id"], found["update"], len(found["errors"])) == (record.sha256, 7, 1, 1)


def test_what_is_kept_says_nothing_of_a_row_that_lacks_a_column() -> None:
    """It is an error row, though the error is at the heading."""
    found = dry_run_report(dry_run_of_file(KINDS["plans"], "f.csv", csv_bytes(["id", "note"], ["", "x"]), by=None))
    assert found["rows"] == [{"row": 2, "action": "error", "name": "", "changes": []}]
    assert found["fingerprints"] == []


def test_the_file_comes_back_with_what_became_of_each_row() -> None:
    make_policy(slug="a", title_zh="甲", note="旧")
    content = book(数据=[["名单"], HEADS, ["a", "甲", "新"], ["b", None, None]])
    record = save_dry_run(plan_for(content), name="f.xlsx", content=content, by=None)
    sheet = load_workbook(io.BytesIO(annotated_file(record, record.file.report)))["数据"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows(min_row=1, max_row=3)] == [
        ["名单", None, None, None, None],
        ["slug", "title_zh", "note", "Import result", "Import reason"],
        ["a", "甲", "新", "changed", "Note in Chinese: 旧 → 新"],
    ]
    last = [cell.value for cell in sheet[4]]
    assert last[:4] == ["b", None, None, "error"]
    assert "Give the title in at least one language." in last[4]
    again = plan_for(annotated_file(record, record.file.report))
    assert [fault.code for fault in again.general_errors] == []
    assert (again.headings.result_column, again.headings.reason_column) == (4, 5)


def test_fingerprints_are_the_same_in_every_language() -> None:
    """A dry run read in Chinese can be confirmed in English."""
    make_policy(slug="a", title_zh="甲", note="旧")
    content = csv_bytes([*HEADS, "issued_on"], ["a", "甲", "新", "2022-06"], ["", "乙", "", "2022-06-17"])
    prints = []
    for language in ("en", "zh-hans"):
        with translation.override(language):
            prints.append(dry_run_report(plan_for(content, "f.csv"))["fingerprints"])
    assert prints[0] == prints[1]
    assert len(prints[0]) == 2


def test_a_name_that_is_too_long_keeps_its_end() -> None:
    content = csv_bytes(HEADS, ["a", "甲", ""])
    save_dry_run(plan_for(content, "f.csv"), name="x" * 300 + ".csv", content=content, by=None)
    assert Import.objects.get().file_name == "x" * 251 + ".csv"
