"""The rollout's numbers as pure functions."""

from datetime import date

import pytest

from policies import metrics
from policies.metrics import Step

ORIGIN = date(2022, 6, 10)


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(28, 32, 0.875), (0, 32, 0.0), (0, 0, None), (None, 32, None)],
)
def test_a_share_of_nothing_is_not_zero(part: int | None, whole: int, expected: float | None) -> None:
    assert metrics.share(part, whole) == expected


@pytest.mark.parametrize(
    ("day", "lag"),
    [
        (date(2022, 12, 5), 178),
        (date(2023, 1, 18), 222),
        (date(2023, 8, 18), 434),
        (date(2024, 1, 30), 599),
        (date(2022, 6, 9), -1),
    ],
)
def test_lag_in_days_from_the_national_day(day: date, lag: int) -> None:
    assert metrics.lag_days(ORIGIN, day, "day") == lag


@pytest.mark.parametrize(
    ("origin", "issued_on", "precision"),
    [(None, date(2022, 12, 5), "day"), (ORIGIN, None, ""), (ORIGIN, date(2022, 12, 1), "month")],
)
def test_a_lag_needs_both_days_exactly(origin: date | None, issued_on: date | None, precision: str) -> None:
    assert metrics.lag_days(origin, issued_on, precision) is None


@pytest.mark.parametrize(
    ("issued_on", "precision", "published_on", "expected"),
    [
        (date(2022, 6, 10), "day", date(2022, 6, 17), date(2022, 6, 10)),
        (date(2022, 6, 1), "month", date(2022, 6, 17), date(2022, 6, 17)),
        (date(2022, 6, 1), "month", None, None),
        (None, "", None, None),
    ],
)
def test_lags_count_from_issue_else_from_publication(
    issued_on: date | None, precision: str, published_on: date | None, expected: date | None
) -> None:
    assert metrics.lag_origin(issued_on, precision, published_on) == expected


def test_median_and_p90_of_the_known_lags() -> None:
    lags = [490, 171, 173, 427, 215, 437, 252]
    assert metrics.median_days(lags) == 252
    assert metrics.percentile_days(lags, 0.9) == pytest.approx(458.2)
    assert metrics.percentile_days([171], 0.9) == 171
    assert metrics.median_days([]) is None
    assert metrics.percentile_days([], 0.9) is None


def test_the_curve_steps_up_on_each_day_and_starts_with_none_on_the_national_day() -> None:
    days = [date(2023, 1, 2), date(2022, 12, 5), date(2023, 1, 2)]
    assert metrics.adoption_steps(days, ORIGIN) == [
        Step(ORIGIN, 0),
        Step(date(2022, 12, 5), 1),
        Step(date(2023, 1, 2), 3),
    ]
    assert metrics.adoption_steps([], None) == []


def test_a_plan_older_than_the_national_document_comes_first() -> None:
    early = date(2022, 1, 1)
    assert metrics.adoption_steps([early], ORIGIN) == [Step(early, 1)]


def test_half_a_day_is_a_whole_one() -> None:
    assert [metrics.whole_days(days) for days in (252.0, 284.5, 285.5, 285.4, 0.0)] == [252, 285, 286, 285, 0]


@pytest.mark.parametrize(
    ("day", "text"), [(date(2022, 12, 31), "22Q4"), (date(2024, 1, 1), "24Q1"), (date(2009, 4, 1), "09Q2")]
)
def test_a_quarter_in_short(day: date, text: str) -> None:
    assert metrics.quarter(day) == text
