"""Stages on any day, durations, the funnel, and inconsistent records."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilots.metrics import (
    CurrentStage,
    Stage,
    StageEvent,
    StageIssue,
    StageIssueCode,
    current_stage,
    list_to_plan,
    stage_funnel,
    stage_issues,
)

LISTING = date(2024, 1, 15)
TODAY = date(2026, 11, 24)
LISTED = StageEvent(Stage.LISTED, LISTING)
DRAFT = StageEvent(Stage.PLAN_DRAFT, date(2024, 7, 2), reason="the day of the task list is not published")
PLAN = StageEvent(Stage.PLAN_ISSUED, date(2024, 11, 15))
HUZHOU = [PLAN, DRAFT, LISTED]
AT_WORK = StageEvent(Stage.IMPLEMENTING, date(2025, 1, 10))
RECTIFIED = [
    *HUZHOU,
    AT_WORK,
    StageEvent(Stage.RECTIFYING, date(2025, 6, 1)),
    StageEvent(Stage.IMPLEMENTING, date(2025, 9, 1)),
]
RECORDS = st.lists(st.builds(StageEvent, st.sampled_from(Stage), st.dates(date(2023, 1, 1), date(2026, 12, 31))))
DAYS = st.dates(date(2023, 1, 1), date(2027, 12, 31))


# -- on a day ------------------------------------------------------------------------------------------


TURNED_BACK = [AT_WORK, *(StageEvent(stage, date(2025, 6, 1)) for stage in (Stage.RECTIFYING, Stage.IMPLEMENTING))]
AGAIN = [LISTED, StageEvent(Stage.LISTED, date(2024, 3, 1))]


@pytest.mark.parametrize(
    ("entries", "as_of", "expected"),
    [
        (HUZHOU, date(2024, 1, 14), None),
        (HUZHOU, date(2024, 1, 15), (Stage.LISTED, LISTING, Stage.LISTED)),
        (HUZHOU, date(2024, 7, 1), (Stage.LISTED, LISTING, Stage.LISTED)),
        (HUZHOU, date(2024, 7, 2), (Stage.PLAN_DRAFT, date(2024, 7, 2), Stage.PLAN_DRAFT)),
        (HUZHOU, TODAY, (Stage.PLAN_ISSUED, date(2024, 11, 15), Stage.PLAN_ISSUED)),
        (RECTIFIED, date(2025, 7, 1), (Stage.RECTIFYING, date(2025, 6, 1), Stage.IMPLEMENTING)),
        (RECTIFIED, date(2025, 10, 1), (Stage.IMPLEMENTING, date(2025, 9, 1), Stage.IMPLEMENTING)),
        (AGAIN, TODAY, (Stage.LISTED, LISTING, Stage.LISTED)),  # since its first entry
        (TURNED_BACK, TODAY, (Stage.IMPLEMENTING, date(2025, 6, 1), Stage.IMPLEMENTING)),  # the later entry of a day
    ],
)
def test_the_latest_entry_on_or_before_the_day(
    entries: list[StageEvent], as_of: date, expected: CurrentStage | None
) -> None:
    assert current_stage(entries, as_of) == expected


@given(RECORDS, DAYS)
def test_what_comes_later_changes_no_day_before(entries: list[StageEvent], as_of: date) -> None:
    until = [entry for entry in entries if entry.on <= as_of]
    assert current_stage(entries, as_of) == current_stage(until, as_of)


# -- how long ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "as_of", "expected"),
    [
        (HUZHOU, TODAY, (305, True)),
        (HUZHOU, date(2024, 11, 14), (304, False)),
        ([LISTED], date(2024, 11, 15), (305, False)),
        ([], TODAY, None),
        ([PLAN], TODAY, None),
    ],
)
def test_days_from_the_list_to_the_plan(
    entries: list[StageEvent], as_of: date, expected: tuple[int, bool] | None
) -> None:
    assert list_to_plan(entries, as_of) == expected


# -- many pilots ---------------------------------------------------------------------------------------


def test_the_funnel_counts_at_or_past_each_stage() -> None:
    stages = [current_stage(entries, TODAY) for entries in (HUZHOU, [LISTED], RECTIFIED)]
    found = stage_funnel(Counter(stage.reached for stage in stages if stage and stage.reached), unknown=1, withdrawn=1)
    assert (found.n, found.unknown, found.withdrawn) == (4, 1, 1)
    assert list(found.reached.values()) == [3, 3, 3, 2, 2, 2, 1, 0, 0, 0]


# -- what cannot be true -------------------------------------------------------------------------------


TASKED_LATE = StageEvent(Stage.TASKED, date(2024, 12, 1))
LEAP = StageEvent(Stage.PLAN_ISSUED, date(2024, 11, 15), reason=" ")
AHEAD = StageEvent(Stage.PLAN_ISSUED, TODAY + timedelta(1))
TWICE = StageEvent(Stage.LISTED, date(2024, 3, 1))
EARLY_TURN = StageEvent(Stage.RECTIFYING, date(2024, 12, 1))
BACK = StageEvent(Stage.PLAN_ISSUED, date(2025, 9, 1))
TURN = StageEvent(Stage.RECTIFYING, date(2025, 6, 1))


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([LISTED, DRAFT, TASKED_LATE], [StageIssue(StageIssueCode.DECREASES, TASKED_LATE)]),
        ([LISTED, LEAP], [StageIssue(StageIssueCode.SKIPPED, LEAP, (Stage.TASKED, Stage.PLAN_DRAFT))]),
        ([LISTED, DRAFT, AHEAD], [StageIssue(StageIssueCode.FUTURE, AHEAD)]),
        ([LISTED, TWICE], [StageIssue(StageIssueCode.REPEATED, TWICE)]),
        ([*HUZHOU, EARLY_TURN], [StageIssue(StageIssueCode.NOT_RECTIFIABLE, EARLY_TURN)]),
        ([*HUZHOU, AT_WORK, TURN, BACK], [StageIssue(StageIssueCode.NOT_RETURNED, BACK, (Stage.IMPLEMENTING,))]),
        ([DRAFT, PLAN], []),
        (RECTIFIED, []),
        ([], []),
    ],
)
def test_what_is_wrong_with_a_record(entries: list[StageEvent], expected: list[StageIssue]) -> None:
    assert stage_issues(entries, TODAY) == expected
