"""Reading files: which sheet is used, what is stored, and the result file."""

import io
from datetime import date, datetime
from typing import IO, Any

import pytest
from django.utils import translation
from openpyxl import Workbook, load_workbook

from core.imports.dry_run import DryRun
from core.imports.files import (
    FAULT_COLOUR,
    annotated_file,
    dry_run_of_file,
    dry_run_report,
    faulty_workbook,
    save_dry_run,
)
from core.imports.importer import KINDS
from core.spreadsheets.cells import SheetCell, SheetRow, UnreadableFile
from core.spreadsheets.reader import read_sheet
from tests import factories as make
from tests.support.imports import csv_bytes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
HEADS = ["slug", "title_zh", "note_zh"]


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


def whole(file: IO[bytes]) -> bytes:
    with file:
        return file.read()


def plan_for(content: bytes, name: str = "f.xlsx", sheet: str | None = None) -> DryRun:
    return dry_run_of_file(KINDS["policies"], name, content, by=None, sheet=sheet)


def test_the_first_sheet_with_headings_of_the_kind() -> None:
    """A sheet of explanations before it is skipped, with a notice; any other sheet can be selected."""
    make.policy(slug="a", title_zh="甲")
    content = book(说明=[["如何填写"], ["slug"]], 数据=[HEADS, ["a", "甲", None]], 更多=[HEADS, ["a", "改", None]])
    plan = plan_for(content)
    assert (plan.sheet.name, plan.sheet.other_sheets, plan.rows[0].action) == ("数据", ["说明", "更多"], "unchanged")
    other = plan_for(content, sheet="更多")
    assert (other.sheet.name, other.rows[0].action) == ("更多", "update")
    with pytest.raises(UnreadableFile):
        plan_for(content, sheet="没有")


def test_the_rows_come_back_with_what_is_wrong() -> None:
    """The column of an earlier return gives way."""
    make.policy(slug="a", title_zh="甲", note="旧")
    content = book(数据=[["名单"], HEADS, ["a", "甲", "新"], ["b", None, None]])
    for _again in range(2):
        plan = plan_for(content)
        record = save_dry_run(plan, name="f.xlsx", content=content, by=None)
        content = whole(annotated_file(record, record.file.report))
        sheet = load_workbook(io.BytesIO(content))["数据"]
        *rows, last = [[cell.value for cell in row] for row in sheet.iter_rows()]
        assert rows == [["名单", None, None, None], [*HEADS, "What is wrong"], ["a", "甲", "新", None]]
        assert last[:3] == ["b", None, None]
        assert "Give the title in at least one language." in last[3]
        assert [fault.code for fault in plan.headings.errors] == []


CELLS = [
    ("007", "@"), (7, "000"), (0.65, "0%"), (1.5, "General"), (12, '0"吨"'), ("=1+1", "@"), (True, "General"),
    ("_x005F_x0041_", "@"),
    (date(2024, 1, 1), "yyyy-mm-dd"), (date(2024, 1, 1), "yyyy-mm"), (date(2024, 1, 1), "yyyy"),
    (datetime(2024, 1, 1, 12), "yyyy-mm-dd hh:mm"),  # noqa: DTZ001
]  # fmt: skip


def test_rows_that_come_back_read_as_they_were_and_empty_faulty_cells_are_red() -> None:
    made = Workbook()
    for place, (value, form) in enumerate(CELLS, 1):
        cell = made.active.cell(3, place, value)
        cell.number_format, cell.data_type = form, "s" if isinstance(value, str) else cell.data_type
    made.active.merge_cells("N3:N5")
    made.active["N3"], made.active["M5"], made.active["M3"] = "浙江", 1, "#N/A"
    file = io.BytesIO()
    made.save(file)
    sheet = read_sheet("f.xlsx", file.getvalue())
    back = whole(faulty_workbook(sheet, 1, {3: "why"}, {(3, 2), (4, 1)}))
    found = read_sheet("back.xlsx", back)
    assert found.rows[1:] == [SheetRow(3, {**sheet.rows[0].cells, 15: SheetCell("why")}), sheet.rows[1]]
    assert sheet.rows[0].cells[13].error == found.rows[1].cells[13].error == "error"
    assert (found.rows[1].cells[14].value, found.rows[2].cells[14].value) == ("浙江", "浙江")
    cells = [cell for row in load_workbook(io.BytesIO(back)).active.iter_rows() for cell in row]
    assert [cell.coordinate for cell in cells if cell.fill.fgColor.rgb == FAULT_COLOUR] == ["B3", "A4"]


def test_what_csv_leaves_open_stays_open_and_nothing_of_it_runs() -> None:
    sheet = read_sheet("f.csv", b"a,b,c,d\n2024.1,#REF!,=1+1,'=1\n")
    cells = read_sheet("f.xlsx", whole(faulty_workbook(sheet, 1, {}, set()))).rows[1].cells
    assert [(cell.value, cell.error) for _column, cell in sorted(cells.items())] == [
        (2024.1, ""), ("#", "error"), ("#", "error"), ("=1", "")
    ]  # fmt: skip


def test_fingerprints_are_the_same_in_every_language() -> None:
    """A dry run read in Chinese can be confirmed in English."""
    make.policy(slug="a", title_zh="甲", note="旧")
    content = csv_bytes([*HEADS, "issued_on"], ["a", "甲", "新", "2022-06"], ["", "乙", "", "2022-06-17"])
    prints = []
    for language in ("en", "zh-hans"):
        with translation.override(language):
            prints.append(dry_run_report(plan_for(content, "f.csv"))["fingerprints"])
    assert prints[0] == prints[1]
    assert len(prints[0]) == 2
