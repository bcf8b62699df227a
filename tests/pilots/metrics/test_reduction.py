"""Reductions, equivalents, co-control, progress and steps: worked examples, then their laws."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilots.metrics import (
    Change,
    CoControl,
    Equivalents,
    SumResult,
    apeq,
    co_control,
    expected_value,
    median_range,
    share_on_path,
    shortfall,
    sum_without_overlap,
    target_progress,
    year_due,
)
from pilots.models import Indicator

D = Decimal
AMOUNTS = st.decimals(0, 10**6, places=3)
POSITIVE = st.decimals("0.001", 10**6, places=3)
RATES = st.decimals(-2, 1, places=6)
SCALES = st.sampled_from([D(1000), D("0.001"), D(10) ** 4, D(1) / 8])


def change(
    code: str, base: D | int | None, actual: D | int | None, kilograms: D | None = None, unit: str = "t"
) -> Change:
    """Return the change of a pollutant with so many kilograms in an equivalent."""
    return Change(Indicator(code=code, unit=unit, equivalent_kg=kilograms), base, actual)


CITY = [
    change("AIR_SO2", 12_000, 10_200, D("0.95")),
    change("AIR_NOX", 30_000, 27_600, D("0.95")),
    change("AIR_PM", 8_000, 7_200, D("2.18")),
    change("AIR_VOC", 20_000, 18_800, D("0.95")),
]


# -- rates ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "actual", "amount", "rate"),
    [
        (12_000, 10_200, 1_800, "0.15"),
        (30_000, 27_600, 2_400, "0.08"),
        (D("42.00"), D("40.74"), "1.26", "0.03"),
        (100, 105, -5, "-0.05"),
        (100, 100, 0, "0"),
        (100, 0, 100, "1"),
    ],
)
def test_reduced_is_positive(base: Decimal, actual: Decimal, amount: str, rate: str) -> None:
    assert (change("A", base, actual).reduced, change("A", base, actual).rate) == (D(amount), D(rate))


@pytest.mark.parametrize(
    ("base", "actual", "amount"), [(None, 5, None), (5, None, None), (None, None, None), (0, 5, -5), (-1, 5, -6)]
)
def test_no_rate_without_a_base_above_nothing(base: int | None, actual: int | None, amount: int | None) -> None:
    assert (change("A", base, actual).reduced, change("A", base, actual).rate) == (amount, None)


# -- equivalents ---------------------------------------------------------------------------------------


def test_equivalents_of_a_city() -> None:
    city = apeq(CITY)
    assert (round(city.reduced or 0, 3), round(city.base or 0, 3)) == (D("6051.183"), D("68932.883"))
    assert round(city.rate or 0, 7) == D("0.0877837")
    assert (city.used, city.possible) == (tuple(each.indicator for each in CITY), 4)


def test_what_cannot_be_added_is_not_zero() -> None:
    city = [
        change("A", 100, 90, None),
        change("B", None, 90, D(1)),
        change("C", 100, None, D(1)),
        change("E", 100, 90, D(1), unit="mg/m³"),
        change("D", 100, 80, D(1)),
    ]
    assert apeq(city) == Equivalents(D(20), D(100), D("0.2"), (city[-1].indicator,), 5)


def test_nothing_to_add_is_not_zero() -> None:
    assert apeq([]) == Equivalents(None, None, None, (), 0)


def test_half_a_percent_of_equivalents_stays_flat() -> None:
    """In decimals of 28 digits 1/0.95 over 200/0.95 is a little more than half a percent."""
    assert apeq([change("AIR_SO2", 200, 199, D("0.95"))]).rate == D("0.005")


@given(st.lists(st.tuples(POSITIVE, AMOUNTS, st.sampled_from(["0.95", "2.18", "4", "16.7"])), min_size=1), SCALES)
def test_units_do_not_change_the_rate_of_equivalents(
    amounts: list[tuple[Decimal, Decimal, str]], scale: Decimal
) -> None:
    one = [change(str(n), base, actual, D(kg)) for n, (base, actual, kg) in enumerate(amounts)]
    other = [change(str(n), base * scale, actual * scale, D(kg)) for n, (base, actual, kg) in enumerate(amounts)]
    assert apeq(other).rate == apeq(one).rate


# -- co-control ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pollution", "carbon", "kind", "colour"),
    [
        ("0.0877837", "0.03", CoControl.CO_REDUCTION, "green"),
        ("0.05", "-0.02", CoControl.POLLUTION_DOWN_CARBON_UP, "yellow"),
        ("-0.02", "0.05", CoControl.CARBON_DOWN_POLLUTION_UP, "yellow"),
        ("-0.02", "-0.05", CoControl.BOTH_UP, "red"),
        ("0.05", "0.001", CoControl.FLAT, "grey"),
        ("0.005", "0.05", CoControl.FLAT, "grey"),
        ("-0.3", "0.005", CoControl.FLAT, "grey"),
        ("0.0051", "0.0051", CoControl.CO_REDUCTION, "green"),
    ],
)
def test_the_class_of_two_rates(pollution: str, carbon: str, kind: CoControl, colour: str) -> None:
    assert (co_control(D(pollution), D(carbon)), kind.colour) == (kind, colour)


@given(RATES, RATES)
def test_co_reduction_is_two_falls_and_nothing_else(pollution: Decimal, carbon: Decimal) -> None:
    both_fall = pollution > D("0.005") and carbon > D("0.005")
    assert (co_control(pollution, carbon) == CoControl.CO_REDUCTION) is both_fall


# -- sums over pilots ----------------------------------------------------------------------------------


def test_a_park_never_enters_a_sum_beside_its_city() -> None:
    parts = [("city", 100, None), ("park", 30, "city"), ("other", 5, None), ("late", None, None)]
    assert sum_without_overlap(parts) == SumResult(D(105), 2, 3, ("park",))


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
