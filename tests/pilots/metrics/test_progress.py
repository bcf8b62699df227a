"""Progress towards targets, expected values, step paths and joint progress."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given
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
    clip_progress,
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


@given(VALUES, VALUES, VALUES)
def test_swapping_direction_mirrors_progress(base: Decimal, actual: Decimal, target: Decimal) -> None:
    assume(base != target)
    assert target_progress(-base, -actual, -target) == target_progress(base, actual, target)
    assert target_progress(base, 2 * base - actual, 2 * base - target) == target_progress(base, actual, target)


@given(VALUES, VALUES)
def test_progress_is_nothing_at_the_base_and_whole_at_the_target(base: Decimal, target: Decimal) -> None:
    assume(base != target)
    assert (target_progress(base, base, target), target_progress(base, target, target)) == (0, 1)


@given(VALUES, VALUES, VALUES, st.sampled_from([D(1000), D("0.001")]))
def test_units_do_not_change_progress(base: Decimal, actual: Decimal, target: Decimal, scale: Decimal) -> None:
    assert target_progress(base * scale, actual * scale, target * scale) == target_progress(base, actual, target)


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


@pytest.mark.parametrize(
    ("done", "expected"),
    [("0.75", "-0.125"), ("0.5333333333", "0.2000"), ("0.6", "0.1000"), ("0.6333333333", "0.0500")],
)
def test_shortfall_of_what_is_due(done: str, expected: str) -> None:
    assert rounds_to(shortfall(D(done), TWO_THIRDS), expected)


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


@given(VALUES, VALUES, st.integers(2018, 2028))
def test_a_step_on_the_straight_line_changes_nothing(base: Decimal, target: Decimal, year: int) -> None:
    assume(base != target)
    share = expected_share_by_year(2020, year, 2026)
    halfway = (2023, (base + target) / 2)
    assert share_on_path([(2020, base), (2026, target)], year) == share
    assert share_on_path([(2020, base), halfway, (2026, target)], year) == share


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


@given(PROGRESS, PROGRESS)
def test_joint_progress_stays_in_bounds_and_is_negative_when_either_is(pollution: Decimal, carbon: Decimal) -> None:
    joint = joint_progress(pollution, carbon)
    assert joint is not None
    assert -1 <= joint <= 1
    assert (joint < 0) is (min(pollution, carbon) < 0 and 0 not in {pollution, carbon})
    assert joint <= max(clip_progress(pollution), clip_progress(carbon))


@given(st.decimals("0.01", 1, places=4))
def test_both_on_schedule_is_a_ratio_of_one(share: Decimal) -> None:
    ratio = schedule_ratio(joint_progress(share, share), share)
    assert ratio is not None
    assert abs(ratio - 1) < D("1e-20")


def test_the_schedule_ratio_of_the_city() -> None:
    assert rounds_to(schedule_ratio(D("0.604332"), TWO_THIRDS), "0.91")
    assert [schedule_ratio(None, D(1)), schedule_ratio(D(1), D(0)), schedule_ratio(D(1), None)] == [None] * 3
