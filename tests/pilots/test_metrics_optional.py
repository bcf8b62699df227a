"""Costs of abatement and the coupling coordination degree: the worked examples, and why D does not headline."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilots.metrics import (
    Coordination,
    capital_recovery_factor,
    coordination,
    coordination_degree,
    coupling,
    modified_coupling,
    unit_abatement_cost,
)

D = Decimal
SYSTEMS = st.decimals("0.01", 1, places=3)
FACTOR = capital_recovery_factor(D("0.05"), 15)


def test_capital_recovery() -> None:
    assert round(FACTOR, 7) == D("0.0963423")
    assert capital_recovery_factor(0, 10) == D("0.1")


@pytest.mark.parametrize(("interest", "years"), [(D("0.05"), 0), (D("-0.01"), 10)])
def test_no_recovery_of_nothing(interest: Decimal, years: int) -> None:
    with pytest.raises(ValueError, match="recovery"):
        capital_recovery_factor(interest, years)


@pytest.mark.parametrize(
    ("reduction", "digits", "expected"), [(50_000, 1, "95.6"), (D(320) / D("0.95"), 0, "14192"), (0, 0, None)]
)
def test_cost_per_unit_of_reduction(reduction: Decimal, digits: int, expected: str | None) -> None:
    cost = unit_abatement_cost(
        investment=60_000_000, factor=FACTOR, running=3_000_000, saving=4_000_000, reduction=reduction
    )
    assert (None if cost is None else round(cost, digits)) == (None if expected is None else D(expected))


@pytest.mark.parametrize(
    ("first", "second", "degree", "grade"),
    [
        ("0.25", "0.25", "0.5000", Coordination.BARELY),
        ("0.10", "0.10", "0.3162", Coordination.MILD_DISORDER),
        ("0.6086957", "0.6", "0.7774", Coordination.INTERMEDIATE),
        ("0.9", "0.1", "0.5477", Coordination.BARELY),
        ("1", "1", "1.0000", Coordination.EXCELLENT),
    ],
)
def test_the_degree_flatters_those_behind(first: str, second: str, degree: str, grade: Coordination) -> None:
    found = coordination_degree(D(first), D(second))
    assert (round(found, 4), coordination(found)) == (D(degree), grade)


def test_the_modified_form_does_not() -> None:
    assert round(coordination_degree(D("0.9"), D("0.1"), modified=True), 3) == D("0.273")
    assert (modified_coupling(1, 1), coupling(1, 1)) == (1, 1)


@given(SYSTEMS, SYSTEMS)
def test_with_equal_weights_it_is_the_fourth_root_of_the_product(first: Decimal, second: Decimal) -> None:
    assert abs(coordination_degree(first, second) - (first * second).sqrt().sqrt()) < D("1e-20")


@pytest.mark.parametrize("systems", [(0, 1), (1, D("1.01")), (D("-0.5"), 1)])
def test_a_system_outside_its_range_is_refused(systems: tuple[Decimal, Decimal]) -> None:
    with pytest.raises(ValueError, match="value of a system"):
        coordination_degree(*systems)
    with pytest.raises(ValueError, match="value of a system"):
        coordination_degree(*systems, modified=True)
