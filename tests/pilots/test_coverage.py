"""Coverage of industries, announced against recorded, and the gaps of the shipped records."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilots import metrics
from pilots.coverage import build_coverage
from pilots.gaps import Gap, build_gaps
from pilots.metrics import Reconciliation
from pilots.models import Pilot
from pilots.overview import build_overview, main_policy, pilots_by_province
from pilots.reconcile import build_reconciliation
from tests.factories import make_batch, make_industry, make_pilot, make_policy, make_province

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 24)


def test_shipped_coverage() -> None:
    coverage = build_coverage(Pilot.objects.listed(TODAY), TODAY)
    named = {row.industry.slug: (row.pilots, row.provinces) for row in coverage.industries if row.pilots}
    assert named == {
        "automobiles": (2, 2),
        "chemicals": (3, 2),
        "equipment-manufacturing": (1, 1),
        "electronics": (2, 2),
        "new-energy": (1, 1),
        "petrochemicals": (1, 1),
        "pharmaceuticals": (1, 1),
        "nonferrous-metals": (2, 2),
        "logistics": (2, 2),
        "steel": (1, 1),
    }
    assert [row.industry.slug for row in coverage.gaps] == ["cement", "coking"]
    assert (coverage.pilots, coverage.naming, coverage.covered, coverage.priorities) == (29, 7, 10, 8)


def test_two_unlike_pilots_and_a_shared_industry(empty: None) -> None:
    north, south = make_province(region="north"), make_province(region="central-south")
    steel, cars = make_industry(named_in_batch_notice=True), make_industry()
    unused = make_industry(ultra_low_emission=True)
    batch = make_batch()
    make_pilot(batch, north, steel, cars)
    make_pilot(batch, north, steel)
    make_pilot(batch, south, cars)
    make_pilot(batch, south)
    coverage = build_coverage(Pilot.objects.all(), TODAY)
    rows = [(row.industry, row.pilots, row.provinces, row.share, row.gap) for row in coverage.industries]
    assert rows == [(steel, 2, 1, 0.5, False), (cars, 2, 2, 1.0, False), (unused, 0, 0, 0.0, True)]
    assert (coverage.pilots, coverage.naming) == (4, 3)
    matrix = coverage.matrix
    by_region = {code: [row[i] for row in matrix.cells] for i, (code, _label) in enumerate(matrix.columns)}
    assert by_region["north"] == [2, 1, 0]
    assert by_region["central-south"] == [0, 1, 0]
    assert by_region["east"] == [0, 0, 0]


def test_the_matrix_by_province_adds_up_to_the_rows(empty: None) -> None:
    places = [make_province(), make_province()]
    steel = make_industry()
    batch = make_batch()
    make_pilot(batch, places[0], steel)
    make_pilot(batch, places[1], steel)
    matrix = build_coverage(Pilot.objects.all(), TODAY, by="province").matrix
    assert [code for code, _label in matrix.columns] == [place.slug for place in places]
    assert matrix.cells == [[1, 1]]


def test_shipped_announced_against_recorded() -> None:
    found = {
        (item.batch.slug, kind.kind): (kind.numbers.announced, kind.numbers.recorded, kind.numbers.firm)
        for item in build_reconciliation(TODAY)
        for kind in item.kinds
    }
    assert found == {
        ("national-batch-1", "city"): (21, 9, 8),
        ("national-batch-1", "park"): (43, 15, 14),
        ("zhejiang-all", "city"): (6, 1, 0),
        ("zhejiang-all", "county"): (17, 0, 0),
        ("zhejiang-all", "park"): (38, 0, 0),
        ("shandong-batch-1", "city"): (6, 2, 2),
        ("shandong-batch-1", "park"): (13, 2, 2),
        ("shandong-batch-1", "enterprise"): (30, 0, 0),
    }


@pytest.mark.parametrize(
    ("day", "batches", "pilots"),
    [("2024-01-14", 0, 0), ("2024-01-15", 1, 24), ("2024-01-30", 2, 25), ("2024-01-31", 3, 29)],
)
def test_batches_and_pilots_appear_on_their_day(day: str, batches: int, pilots: int) -> None:
    as_of = date.fromisoformat(day)
    assert len(build_reconciliation(as_of)) == batches
    assert Pilot.objects.listed(as_of).count() == pilots


def test_a_withdrawn_pilot_is_one_until_that_day(empty: None) -> None:
    make_pilot(make_batch(), make_province(), withdrawn_on=date(2025, 3, 1))
    assert Pilot.objects.listed(date(2025, 2, 28)).count() == 1
    assert Pilot.objects.listed(date(2025, 3, 1)).count() == 0


def test_a_number_that_was_not_announced_is_unknown_not_zero() -> None:
    numbers = Reconciliation(None, 3, 1)
    assert (numbers.to_enter, numbers.firm, numbers.surplus) == (None, 2, 0)
    assert (numbers + Reconciliation(5, 1, 0)).announced is None


@given(st.integers(0, 500), st.integers(0, 500))
def test_to_enter_and_surplus_never_both(announced: int, recorded: int) -> None:
    numbers = Reconciliation(announced, recorded, 0)
    assert numbers.to_enter is not None
    assert announced - recorded == numbers.to_enter - numbers.surplus
    assert min(numbers.to_enter, numbers.surplus) == 0


@pytest.mark.parametrize(
    ("value", "highest", "step"), [(0, 9, 0), (0, 0, 0), (1, 9, 1), (2, 9, 2), (9, 9, 5), (1, 1, 5), (1, 500, 1)]
)
def test_shade_of_a_count(value: int, highest: int, step: int) -> None:
    assert metrics.shade(value, highest) == step


def test_shipped_gaps_are_the_check_sums_of_the_data() -> None:
    gaps = build_gaps(TODAY, build_reconciliation(TODAY), main_policy(TODAY))
    assert gaps[:5] == [
        Gap("Synergy plan 2022: plans known to be issued", 27, 32, 32),
        Gap("Synergy plan 2022: plans with a title", 14, 19, 32),
        Gap("Synergy plan 2022: plans with a document number", 5, 7, 32),
        Gap("Synergy plan 2022: plans with some date of issue", 7, 10, 32),
        Gap("Synergy plan 2022: plans with a full date of issue", 5, 7, 32),
    ]


def test_shipped_overview() -> None:
    overview = build_overview(TODAY)
    assert overview.rollout is not None
    assert (overview.rollout.issued, overview.cities, overview.parks, overview.days_left) == (
        32,
        Reconciliation(21, 9, 1),
        Reconciliation(43, 15, 1),
        37,
    )
    assert sum(row.pilots for row in overview.provinces) == 29
    assert len(overview.provinces) == 32


def test_an_overview_of_nothing_claims_nothing(empty: None) -> None:
    overview = build_overview(TODAY)
    assert (overview.rollout, overview.national, overview.days_left) == (None, None, None)
    assert (overview.cities.announced, overview.coverage.pilots, list(overview.provinces)) == (None, 0, [])


@pytest.mark.parametrize("n", [1, 3])
def test_query_counts_do_not_grow(empty: None, n: int, django_assert_num_queries: Any) -> None:
    batch = make_batch()
    for _ in range(n):
        make_pilot(batch, make_province(), make_industry())
        make_policy()
    with django_assert_num_queries(2):  # counts by batch and kind; batches with province and policy
        build_reconciliation(TODAY)
    with django_assert_num_queries(6):  # roster; industries; their divisions; the join; pilots; measures
        build_coverage(Pilot.objects.listed(TODAY), TODAY)
    with django_assert_num_queries(2):  # pilots by province; roster
        pilots_by_province(TODAY)
