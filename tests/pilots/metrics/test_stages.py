"""Stages on any day, durations, the funnel, and inconsistent records."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilots.metrics import (
    CurrentStage,
    Duration,
    Stage,
    StageEvent,
    StageFunnel,
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


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (date(2024, 1, 14), None),
        (date(2024, 1, 15), CurrentStage(Stage.LISTED, LISTING, Stage.LISTED)),
        (date(2024, 7, 1), CurrentStage(Stage.LISTED, LISTING, Stage.LISTED)),
        (date(2024, 7, 2), CurrentStage(Stage.PLAN_DRAFT, date(2024, 7, 2), Stage.PLAN_DRAFT)),
        (TODAY, CurrentStage(Stage.PLAN_ISSUED, date(2024, 11, 15), Stage.PLAN_ISSUED)),
    ],
)
def test_the_latest_entry_on_or_before_the_day(as_of: date, expected: CurrentStage | None) -> None:
    assert current_stage(HUZHOU, as_of) == expected


@pytest.mark.parametrize(
    ("as_of", "stage", "since"),
    [
        (date(2025, 7, 1), Stage.RECTIFYING, date(2025, 6, 1)),
        (date(2025, 10, 1), Stage.IMPLEMENTING, date(2025, 9, 1)),
    ],
)
def test_rectifying_returns_to_where_it_was(as_of: date, stage: Stage, since: date) -> None:
    assert current_stage(RECTIFIED, as_of) == CurrentStage(stage, since, Stage.IMPLEMENTING)


def test_a_repeated_stage_began_with_its_first_entry() -> None:
    again = [LISTED, StageEvent(Stage.LISTED, date(2024, 3, 1))]
    assert current_stage(again, TODAY) == CurrentStage(Stage.LISTED, LISTING, Stage.LISTED)


@given(RECORDS, DAYS)
def test_what_comes_later_changes_no_day_before(entries: list[StageEvent], as_of: date) -> None:
    until = [entry for entry in entries if entry.on <= as_of]
    assert current_stage(entries, as_of) == current_stage(until, as_of)


# -- how long ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "days"), [(date(2024, 7, 2), 169), (date(2024, 8, 30), 228), (date(2024, 11, 15), 305)]
)
def test_days_from_the_list(end: date, days: int) -> None:
    entries = [LISTED, StageEvent(Stage.PLAN_ISSUED, end)]
    assert list_to_plan(entries, TODAY) == Duration(days, done=True)


def test_waiting_for_a_plan() -> None:
    assert list_to_plan([LISTED], date(2024, 11, 15)) == Duration(305, done=False)
    assert list_to_plan(HUZHOU, date(2024, 11, 14)) == Duration(304, done=False)


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [PLAN],
        [LISTED, StageEvent(Stage.WITHDRAWN, date(2025, 1, 1))],
    ],
)
def test_no_days_where_none_are_awaited(entries: list[StageEvent]) -> None:
    assert list_to_plan(entries, TODAY) is None


# -- many pilots ---------------------------------------------------------------------------------------


def funnel_on(day: date, *pilots: list[StageEvent]) -> StageFunnel:
    return stage_funnel(current_stage(entries, day) for entries in pilots)


def test_the_funnel_counts_at_or_past_each_stage() -> None:
    found = funnel_on(TODAY, HUZHOU, [LISTED], RECTIFIED, [], [LISTED, StageEvent(Stage.WITHDRAWN, date(2025, 1, 1))])
    assert (found.n, found.unknown, found.withdrawn) == (4, 1, 1)
    assert list(found.reached.values()) == [3, 3, 3, 2, 2, 2, 1, 0, 0, 0]


# -- what cannot be true -------------------------------------------------------------------------------


def test_a_record_that_can_be_true() -> None:
    assert stage_issues(HUZHOU, TODAY) == []
    assert stage_issues(RECTIFIED, TODAY) == []
    assert stage_issues([], TODAY) == []


TASKED_LATE = StageEvent(Stage.TASKED, date(2024, 12, 1))
LEAP = StageEvent(Stage.PLAN_ISSUED, date(2024, 11, 15), reason=" ")
AHEAD = StageEvent(Stage.PLAN_ISSUED, TODAY + timedelta(1))
TWICE = StageEvent(Stage.LISTED, date(2024, 3, 1))
EARLY_TURN = StageEvent(Stage.RECTIFYING, date(2024, 12, 1))
BACK = StageEvent(Stage.PLAN_ISSUED, date(2025, 9, 1))
GONE = StageEvent(Stage.WITHDRAWN, date(2025, 1, 1))
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
        ([LISTED, GONE, AT_WORK], [StageIssue(StageIssueCode.AFTER_WITHDRAWAL, AT_WORK)]),
        ([*HUZHOU, GONE], []),
        ([DRAFT, PLAN], []),
    ],
)
def test_what_is_wrong_with_a_record(entries: list[StageEvent], expected: list[StageIssue]) -> None:
    assert stage_issues(entries, TODAY) == expected
