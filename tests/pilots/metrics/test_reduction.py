"""Worked examples. Rates, equivalents and classes: tests/pilots/api/test_analytics.py."""

from datetime import date
from decimal import Decimal

import pytest

from pilots.metrics import Change, median_range, year_due
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


@pytest.mark.parametrize(
    ("as_of", "year"), [(date(2026, 3, 31), 2024), (date(2026, 4, 1), 2025), (date(2026, 12, 31), 2025)]
)
def test_the_last_year_due(as_of: date, year: int) -> None:
    assert year_due(as_of) == year
