"""Reading files: which sheet is used, what is stored, and the result file."""

import io
from datetime import date, datetime
from typing import IO, Any

import pytest
from django.utils import translation
from openpyxl import Workbook, load_workbook

from core.imports.dry_run import DryRun
from core.imports.files import FAULT_COLOUR, dry_run_of_file, dry_run_report, faulty_workbook
from core.imports.importer import KINDS
from core.spreadsheets.cells import SheetCell, SheetRow
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
