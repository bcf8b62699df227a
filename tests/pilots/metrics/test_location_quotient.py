"""Location quotients with their small-sample rule."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilots.metrics.location_quotient import LocationQuotient


def test_the_quotient_of_the_worked_example() -> None:
    quotient = LocationQuotient(5, 12, 9, 64)
    assert (round(quotient.value or 0, 4), quotient.expected) == (Decimal("2.9630"), Decimal("1.6875"))
    assert quotient.small_sample


@pytest.mark.parametrize(
    ("region", "everywhere", "shown", "small"),
    [(8, 7, False, False), (8, 8, True, True), (20, 16, True, True), (32, 10, True, True), (32, 11, True, False)],
)
def test_few_expected_are_hidden_then_marked(region: int, everywhere: int, shown: bool, small: bool) -> None:
    quotient = LocationQuotient(1, region, everywhere, 64)
    assert ((quotient.value is not None), quotient.small_sample) == (shown, small)


def test_none_where_one_is_expected_is_zero_and_shown() -> None:
    assert LocationQuotient(0, 8, 8, 64).value == 0


def test_an_empty_programme_expects_nothing() -> None:
    quotient = LocationQuotient(0, 0, 0, 0)
    assert (quotient.expected, quotient.value, quotient.small_sample) == (None, None, False)


@pytest.mark.parametrize("counts", [(6, 5, 9, 64), (6, 9, 5, 64), (1, 65, 5, 64), (-1, 5, 5, 64), (1, 5, 65, 64)])
def test_a_part_above_its_whole_is_rejected(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="more pilots"):
        LocationQuotient(*counts)


@given(st.integers(1, 64), st.integers(1, 64))
def test_a_region_that_is_the_whole_programme_is_average(everywhere: int, programme: int) -> None:
    everywhere = min(everywhere, programme)
    assert LocationQuotient(everywhere, programme, everywhere, programme).value == 1


@given(st.integers(0, 9), st.integers(0, 20), st.integers(0, 20))
def test_swapping_industry_and_region_changes_nothing(here: int, more: int, others: int) -> None:
    one = LocationQuotient(here, here + more, here + others, here + more + others)
    other = LocationQuotient(here, here + others, here + more, here + more + others)
    assert (one.value, one.expected) == (other.value, other.expected)
