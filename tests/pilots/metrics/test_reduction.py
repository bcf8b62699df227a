"""Progress and steps: worked examples. Rates, equivalents and classes: tests/pilots/api/test_analytics.py."""

from datetime import date
from decimal import Decimal

import pytest

from pilots.metrics import Change, expected_value, median_range, share_on_path, shortfall, target_progress, year_due
from pilots.models import Indicator

D = Decimal


# -- rates ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "actual", "amount"), [(None, 5, None), (5, None, None), (None, None, None), (0, 5, -5), (-1, 5, -6)]
)
def test_no_rate_without_a_base_above_nothing(base: int | None, actual: int | None, amount: int | None) -> None:
    change = Change(Indicator(code="A", unit="t"), base, actual)
    assert (change.reduced, change.rate) == (amount, None)


# -- the border ----------------------------------------------------------------------------------------


def test_the_median_of_no_shares_is_nothing_and_not_zero() -> None:
    assert median_range([]) is None
    assert median_range([D("30"), D("20.5"), D("22"), D("21")]) == (None, D("20.5"), D("30"))  # too few for a median
    assert median_range(map(D, "654123")) == (D("3.5"), D("1"), D("6"))


TWO_THIRDS = D(2) / 3


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
def test_a_straight_path_counts_whole_years(year: int, expected: Decimal) -> None:
    assert share_on_path([(2023, 100), (2026, 80)], year) == expected


@pytest.mark.parametrize(
    ("base", "target", "expected"),
    [(30_000, 25_500, "27000"), (D("20.0"), D("26.0"), "24.0"), (12_000, 9_600, "10400")],
)
def test_expected_value(base: Decimal, target: Decimal, expected: str) -> None:
    assert rounds_to(expected_value(base, target, TWO_THIRDS), expected)


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
