"""Configurations of Chart.js: the axes that Python decides."""

from datetime import date

import pytest

from core import charts


@pytest.mark.parametrize(
    ("last", "ticks"), [(1, [0, 1]), (5, [0, 1, 2, 3, 4, 5]), (7, [0, 2, 4, 6]), (1969, [0, 500, 1000, 1500])]
)
def test_ticks_of_counts_are_round_and_the_axis_ends_with_the_longest(last: int, ticks: list[int]) -> None:
    axis = charts.count_axis(last, "pilots")
    assert [mark[0] for mark in axis["marks"]] == ticks
    assert (axis["min"], axis["max"]) == (0, last)


def test_an_axis_of_days_names_the_first_of_at_most_eight_months() -> None:
    axis = charts.day_axis(date(2022, 6, 10), date(2024, 4, 20))
    assert [name for _day, name in axis["marks"]] == [
        "Jul 2022", "Oct 2022", "Jan 2023", "Apr 2023", "Jul 2023", "Oct 2023", "Jan 2024", "Apr 2024",
    ]  # fmt: skip
    assert date.fromordinal(axis["marks"][0][0]) == date(2022, 7, 1)
