"""Fuzzing of imports: the dry run of any sheet can be saved, shown and repeated, and never raises."""

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.imports.files import dry_run_report, save_dry_run
from core.imports.importer import KINDS, Importer
from core.spreadsheets.cells import SheetCell
from pilots.models import Pilot
from policies.models import Policy
from tests.support.imports import dry_run_of
from tests.support.tiers import sampled

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]

NOON = datetime(2024, 1, 1, 12)  # noqa: DTZ001  # as a workbook holds it
HOSTILE: list[Any] = [
    "", " ", "\u200b", "\u202e甲", "甲\x00乙", "\x00", "\ud800", "\ufffe", "'", "=1+1", "-", "—", "/", "未统计",
    "x" * 301, "省" * 5000,
    "4" * 40, "-" + "4" * 40, "1e400", "1e29", "-1e-29", "NaN", "Infinity", "inf", "1.2万", "65%",
    0, -1, 1, 2, 2**31, 2**63 - 1, 2**63, 2**80, -(2**63) - 1, 10**29, 70_000, 1.5, -0.0, 1e308, 1e-308, True, False,
    "0000-00-00", "0000", "9999-12-31", "-0001-01-01", "2024-02-30", "2024", "2024-06", "0",
    date(1900, 1, 1), date(9999, 12, 31), date(1, 1, 1), NOON, time(12), "#1", "#0", f"#{2**80}",
    "；；", "、", "\n", ";", ":", "2024: 1", "2024: 1; 2024: 2", f"{2**80}: {2**80}", ": 1", "2024:", "yes", "是",
    "甲市", "AIR_A", "jia", "steel；steel", "p", "q", "2023", "2024-Q4", "city", "accepted", "final", "reach", "listed",
]  # fmt: skip
FINITE = st.floats(allow_nan=False, allow_infinity=False)  # no cell of a file holds another
ENTRIES = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=8),
    st.integers(),
    FINITE,
    st.dates(),
    st.datetimes(),
    st.builds(SheetCell, FINITE, percent=st.booleans()),
    st.builds(SheetCell, st.just("#REF!"), error=st.sampled_from(["error", "formula"])),
    st.builds(SheetCell, st.dates(), precision=st.sampled_from(["day", "month", "year"])),
)


WORDS: dict[str, list[Any]] = {
    "pilot": ["p", "甲市"],
    "province": ["jia", "甲省"],
    "policy": ["policy", "国策"],
    "batch": ["first"],
    "indicator": ["AIR_A"],
    "period": ["2023", "2024"],
    "version": [1, 2],
}
"""By field the texts that may name a record of the world."""


def draw_sheet(kind: Importer, words: dict[str, list[Any]], draw: Callable[[Any], Any]) -> list[list[Any]]:
    """Draw headings in any order, some duplicate or unknown, and rows of valid and invalid values."""
    columns = draw(st.lists(st.sampled_from([column.name for column in kind.columns]), min_size=1, unique=True))
    heads = [*columns, *draw(st.lists(st.sampled_from(["序号", "☂", "note_en", "\x00", "What is wrong"]), max_size=2))]
    rows = []
    for _ in range(draw(st.integers(0, 4))):
        row = [draw(st.one_of(st.none(), ENTRIES, st.sampled_from(words.get(head, ["2024-01-15"])))) for head in heads]
        choices = [kind.columns_by_name[head].choices if head in kind.columns_by_name else {} for head in heads]
        rows.append([draw(st.sampled_from([cell, *allowed])) for cell, allowed in zip(row, choices, strict=True)])
    return [heads, *rows]


@pytest.mark.parametrize("kind", sampled(KINDS))
@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_random_sheets(world: dict[str, Any], kind: str, data: Any) -> None:
    counts = Policy.history.count(), Pilot.history.count()
    words = WORDS | {"id": [world[name].pk for name in ("policy", "plan", "pilot", "milestone", "reading")]}
    plan = dry_run_of(kind, *draw_sheet(KINDS[kind], words, data.draw))
    record = save_dry_run(plan, name="甲\ud800\x00.csv", content=b"", by=None)
    record.refresh_from_db()
    assert (record.file_name, record.faults) == ("甲\ufffd\ufffd.csv", len(plan.errors))
    assert record.rows_read == len(plan.rows)
    assert dry_run_report(plan)["rows"] == record.file.report["rows"]
    assert all(fault.message for fault in plan.errors)
    assert (Policy.history.count(), Pilot.history.count()) == counts
