"""Progress towards targets, expected values, step paths and joint progress."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import strategies as st

from pilots.metrics.progress import (
    expected_share_by_year,
    expected_value,
    share_on_path,
    shortfall,
    target_progress,
    year_due,
)
from pilots.metrics.reduction import (
    Emission,
    joint_progress,
    pollution_progress,
    schedule_ratio,
)

D = Decimal
VALUES = st.decimals(-1000, 1000, places=2)
PROGRESS = st.decimals(-3, 3, places=4)
TWO_THIRDS = D(2) / 3
CITY = [
    Emission("AIR_SO2", 12_000, 10_200, D("0.95"), target=9_600),
    Emission("AIR_NOX", 30_000, 27_600, D("0.95"), target=25_500),
    Emission("AIR_PM", 8_000, 7_200, D("2.18")),
]


def rounds_to(value: Decimal | None, expected: str) -> bool:
    """Return whether a value equals the given digits."""
    return value is not None and round(value, -int(D(expected).as_tuple().exponent)) == D(expected)


# -- P and E -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "actual", "target", "expected"),
    [
        (12_000, 10_200, 9_600, "0.7500"),
        (30_000, 27_600, 25_500, "0.5333"),
        (D("42.00"), D("40.74"), D("39.90"), "0.6000"),
        (D("20.0"), D("23.8"), D("26.0"), "0.6333"),
        (0, 18, 20, "0.9000"),
        (100, 110, 80, "-0.5000"),
        (100, 70, 80, "1.5000"),
    ],
)
def test_progress_is_the_way_behind_us(base: Decimal, actual: Decimal, target: Decimal, expected: str) -> None:
    assert rounds_to(target_progress(base, actual, target), expected)


@pytest.mark.parametrize("values", [(None, 1, 2), (3, None, 2), (3, 1, None), (3, 1, 3)])
def test_no_progress_without_all_three_or_a_way_to_go(values: tuple[int | None, int | None, int | None]) -> None:
    assert target_progress(*values) is None


@pytest.mark.parametrize(
    ("year", "expected"), [(2022, D(0)), (2023, D(0)), (2024, D(1) / 3), (2025, TWO_THIRDS), (2026, D(1)), (2030, D(1))]
)
def test_a_yearly_share_counts_whole_years(year: int, expected: Decimal) -> None:
    assert expected_share_by_year(2023, year, 2026) == expected


def test_no_share_of_no_time() -> None:
    assert expected_share_by_year(2026, 2025, 2026) is None


@pytest.mark.parametrize(
    ("base", "target", "expected"),
    [(30_000, 25_500, "27000"), (D("20.0"), D("26.0"), "24.0"), (12_000, 9_600, "10400")],
)
def test_expected_value(base: Decimal, target: Decimal, expected: str) -> None:
    assert rounds_to(expected_value(base, target, TWO_THIRDS), expected)


def test_no_expected_value_of_what_is_not_known() -> None:
    assert [expected_value(None, 1, D(1)), expected_value(1, None, D(1)), expected_value(1, 2, None)] == [None] * 3


def test_no_shortfall_before_anything_is_due() -> None:
    assert [shortfall(D(1), D(0)), shortfall(None, D(1)), shortfall(D(1), None)] == [None] * 3


@pytest.mark.parametrize(
    ("as_of", "year"), [(date(2026, 3, 31), 2024), (date(2026, 4, 1), 2025), (date(2026, 12, 31), 2025)]
)
def test_the_last_year_due(as_of: date, year: int) -> None:
    assert year_due(as_of) == year


# -- steps ---------------------------------------------------------------------------------------------

STEPS = [(2023, 100), (2024, 98), (2025, 90), (2026, 80)]


@pytest.mark.parametrize(
    ("year", "share"), [(2020, "0"), (2023, "0"), (2024, "0.1"), (2025, "0.5"), (2026, "1"), (2030, "1")]
)
def test_a_path_runs_from_step_to_step(year: int, share: str) -> None:
    assert share_on_path(STEPS, year) == D(share)


def test_a_path_is_straight_between_steps() -> None:
    path = [(2020, D("70.4")), (2024, D("75.4")), (2026, D("76.4"))]
    assert [share_on_path(path, 2022), share_on_path(path, 2025)] == [D("2.5") / 6, D("5.5") / 6]


def test_a_level_path_asks_for_nothing_more() -> None:
    assert share_on_path([(2023, 100), (2025, 100), (2026, 60)], 2025) == 0
    assert share_on_path([(2023, 5), (2026, 5)], 2024) is None


# -- together ------------------------------------------------------------------------------------------


def test_progress_of_pollutants_with_a_target() -> None:
    assert rounds_to(pollution_progress(CITY), "0.6086957")


def test_a_winner_hides_no_loser() -> None:
    winner, loser = Emission("A", 100, 0, 1, target=90), Emission("B", 100, 100, 1, target=90)
    assert pollution_progress([winner, loser]) == D("0.5")


def test_a_loss_counts_in_full() -> None:
    assert pollution_progress([Emission("A", 100, 130, 1, target=90)]) == -3


def test_a_pollutant_that_cannot_count_changes_nothing() -> None:
    city = [
        Emission("A", 100, None, 1, target=90),
        Emission("B", None, 50, 1, target=90),
        Emission("C", 100, 50, None, target=90),
        Emission("D", 100, 50, 1, target=100),
    ]
    assert pollution_progress(city) is None
    assert pollution_progress([*city, *CITY]) == pollution_progress(CITY)


@pytest.mark.parametrize(
    ("pollution", "carbon", "expected"),
    [
        ("0.6086957", "0.6", "0.604332"),
        ("0.9", "0.1", "0.300"),
        ("0.9", "-0.1", "-0.300"),
        ("-0.4", "-0.9", "-0.600"),
        ("0", "0.9", "0"),
        ("0", "-0.9", "0"),
        ("4", "1", "1"),
        ("-9", "0.25", "-0.5"),
    ],
)
def test_joint_progress(pollution: str, carbon: str, expected: str) -> None:
    assert rounds_to(joint_progress(D(pollution), D(carbon)), expected)
    assert joint_progress(D(carbon), D(pollution)) == joint_progress(D(pollution), D(carbon))


def test_no_joint_progress_of_one() -> None:
    assert [joint_progress(None, D(1)), joint_progress(D(1), None)] == [None, None]


def test_the_schedule_ratio_of_the_city() -> None:
    assert rounds_to(schedule_ratio(D("0.604332"), TWO_THIRDS), "0.91")
    assert [schedule_ratio(None, D(1)), schedule_ratio(D(1), D(0)), schedule_ratio(D(1), None)] == [None] * 3
