"""Coverage of industries, reconciliation, and completeness of the seed records."""

from datetime import date

import pytest
from django.test import Client

from pilots.analytics.coverage import Coverage
from pilots.analytics.reconciliation import Reconciliation, are_gaps_judged
from pilots.models import Pilot
from tests import factories as make

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 24)


def test_two_unlike_pilots_and_a_shared_industry(empty: None) -> None:
    north, south = make.province(region="north"), make.province(region="central-south")
    steel, cars = make.industry(named_in_batch_notice=True), make.industry()
    unused = make.industry(ultra_low_emission=True)
    batch = make.batch(city_count=3)
    make.pilot(batch, north, steel, cars)
    make.pilot(batch, north, steel)
    make.pilot(batch, south, cars)
    make.pilot(batch, south)
    coverage = Coverage(Pilot.objects.all(), TODAY)
    rows = [(row.industry, row.pilots, row.provinces, row.share, row.gap) for row in coverage.industries]
    assert rows == [(steel, 2, 1, 0.5, False), (cars, 2, 2, 1.0, False), (unused, 0, 0, 0.0, True)]
    assert (coverage.pilots, coverage.naming) == (4, 3)
    by_region = {code: [row[i] for row in coverage.cells] for i, (code, _label) in enumerate(coverage.columns)}
    assert by_region["north"] == [2, 1, 0]
    assert by_region["central-south"] == [0, 1, 0]
    assert by_region["east"] == [0, 0, 0]


@pytest.mark.parametrize(
    ("naming", "announced", "judged"),
    [
        (79, 100, False),
        (80, 100, True),
        (4, 5, True),
        (3, 4, False),
        (51, 64, False),
        (52, 64, True),
        (6, 64, False),
        (10, None, False),
        (10, 0, False),
    ],
)
def test_gaps_are_claimed_from_four_fifths_of_the_announced_on(
    naming: int, announced: int | None, judged: bool
) -> None:
    assert are_gaps_judged(naming, announced) is judged


def test_how_many_a_province_was_to_have_of_the_national_batch_is_not_known(empty: None, client: Client) -> None:
    province, steel = make.province(slug="p"), make.industry()
    make.pilot(make.batch(city_count=1), province, steel)
    own = make.batch(level="provincial", province=province, city_count=1, park_count=None)
    make.pilot(own, province, steel)
    judged = {}
    for query in ("", "province=p", "province=p&level=provincial", "level=national", "kind=park"):
        api = client.get(f"/api/v1/coverage/?{query}").json()
        judged[query] = (api["gap_judged"], api["announced"])
    assert judged == {
        "": (True, 2),
        "province=p": (False, None),
        "province=p&level=provincial": (True, 1),
        "level=national": (True, 1),
        "kind=park": (False, 0),
    }


def test_a_number_that_was_not_announced_is_unknown_not_zero() -> None:
    numbers = Reconciliation(None, 3, 1)
    assert (numbers.to_enter, numbers.firm, numbers.surplus) == (None, 2, 0)
    more, less = Reconciliation(2, 3, 0), Reconciliation(5, 3, 0)
    assert [(each.to_enter, each.surplus) for each in (more, less)] == [(0, 1), (2, 0)]
    assert (numbers + Reconciliation(5, 1, 0)).announced is None
