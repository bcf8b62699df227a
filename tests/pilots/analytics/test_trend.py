"""Trend of an indicator over many pilots: what is summed, what is never aggregated, and which pilots count."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from core.http.as_of import today
from pilots.analytics.pilot_status import prefetch_for_status
from pilots.analytics.trend import build_trend
from pilots.metrics.reduction import sum_without_overlap
from pilots.models import Indicator, Pilot
from pilots.readings import newest_accepted_in
from tests.factories import make_batch, make_carbon, make_indicator, make_pilot, make_province, make_reading

pytestmark = pytest.mark.django_db
HERE = "http://testserver"
DAY = "2026-06-30"


def get_trend(client: Client, query: str = "", day: str = DAY, code: str = "CO2_TOT") -> Any:
    return client.get(f"/api/v1/trend/?indicator={code}&as_of={day}&{query}").json()


def year_values(number: int, n: int, of: int, **values: Any) -> dict[str, Any]:
    return {"year": number, "n": n, "of": of, "total": None, "median": None, "low": None, "high": None, **values}


@pytest.fixture
def carbon(empty: None) -> Indicator:
    """Make three cities and a park in the first: 2024 for all but one city, 2025 for the park and one city."""
    indicator, batch, here, there = make_carbon(), make_batch(), make_province(), make_province()
    jia = make_pilot(batch, here, slug="jia")
    yi, bing = make_pilot(batch, here, slug="yi"), make_pilot(batch, there, slug="bing")
    park = make_pilot(batch, here, slug="park", kind="park", parent=jia)
    for pilot, value in ((jia, "4200.5"), (yi, "100.25"), (park, 900)):
        make_reading(pilot, indicator, "2024", value)
    make_reading(park, indicator, "2025", 850)
    make_reading(bing, indicator, "2025", 70)
    make_reading(bing, indicator, "2025-Q3", 20)
    return indicator


def test_a_sum_says_how_many_it_covers_and_leaves_the_park_to_its_city(client: Client, carbon: Indicator) -> None:
    assert get_trend(client) == {
        "as_of": DAY,
        "known": str(today()),
        "indicator": {"code": "CO2_TOT", "name": carbon.name, "url": f"{HERE}/api/v1/indicators/CO2_TOT/"},
        "unit": "10⁴ t",
        "rollup": "sum",
        "pilots": 4,
        "within": 1,
        "years": [year_values(2024, 2, 3, total=4300.75), year_values(2025, 1, 3, total=70)],
        "same": [year_values(2024, 1, 1, total=900), year_values(2025, 1, 1, total=850)],  # the park alone has both
    }


def test_a_park_asked_about_alone_counts(client: Client, carbon: Indicator) -> None:
    found = get_trend(client, "kind=park")
    assert (found["pilots"], found["within"]) == (1, 0)
    assert found["years"] == [year_values(2024, 1, 1, total=900), year_values(2025, 1, 1, total=850)]


def test_a_pilot_a_province_and_the_nation_are_asked_alike(client: Client, carbon: Indicator) -> None:
    assert get_trend(client, "pilot=yi")["years"] == [year_values(2024, 1, 1, total=100.25)]
    there = Pilot.objects.get(slug="bing").province.slug
    assert get_trend(client, f"province={there}")["years"] == [year_values(2025, 1, 1, total=70)]
    assert get_trend(client, code="co2_tot") == get_trend(client)


def test_shares_have_a_median_with_its_range_and_parks_count_for_themselves(client: Client, carbon: Indicator) -> None:
    Indicator.objects.filter(pk=carbon.pk).update(rollup="mean", unit="%")
    found = get_trend(client)
    assert found["years"] == [
        year_values(2024, 3, 4, median=900, low=100.25, high=4200.5),
        year_values(2025, 2, 4, median=460, low=70, high=850),
    ]


def test_concentrations_are_never_put_together(client: Client, carbon: Indicator) -> None:
    Indicator.objects.filter(pk=carbon.pk).update(rollup="none", kind="quality")
    assert get_trend(client)["years"] == [year_values(2024, 3, 4), year_values(2025, 2, 4)]


def test_the_newest_accepted_version_of_the_day_counts_and_a_disputed_one_stands_for_nothing(
    client: Client, carbon: Indicator
) -> None:
    yi, bing = Pilot.objects.get(slug="yi"), Pilot.objects.get(slug="bing")
    make_reading(yi, carbon, "2024", 90, version=2, accepted_on=date(2026, 5, 1))
    make_reading(bing, carbon, "2025", 71, version=2, state="disputed", accepted_on=date(2026, 5, 1))
    make_reading(bing, carbon, "2024", 5, state="reported", accepted_on=None)
    assert get_trend(client, day="2026-04-30")["years"] == [
        year_values(2024, 2, 3, total=4300.75),
        year_values(2025, 1, 3, total=70),
    ]
    assert get_trend(client)["years"] == [year_values(2024, 2, 3, total=4290.5), year_values(2025, 0, 3)], (
        "the park's own is left"
    )


def test_of_a_day_only_its_pilots_and_its_values_count(client: Client, carbon: Indicator) -> None:
    found = get_trend(client, day="2024-01-14")
    assert (found["pilots"], found["within"], found["years"]) == (0, 0, [])
    assert get_trend(client, day="2025-03-19")["years"] == []
    Pilot.objects.filter(slug="jia").update(withdrawn_on="2026-01-01")
    assert get_trend(client)["years"] == [year_values(2024, 2, 3, total=1000.25), year_values(2025, 2, 3, total=920)]


def test_it_is_what_the_pilots_own_values_come_to(carbon: Indicator) -> None:
    day = date(2026, 6, 30)
    own = {
        pilot.slug: {reading.period: reading.value for reading in newest_accepted_in(pilot.prefetched_readings, day)}
        for pilot in prefetch_for_status(Pilot.objects.all())
    }
    lie_in = {"park": "jia"}
    for item in build_trend(Pilot.objects.all(), carbon, day).years:
        parts = [(slug, values.get(str(item.year)), lie_in.get(slug)) for slug, values in own.items()]
        found = sum_without_overlap(parts)
        assert (item.total, item.n, item.of) == (found.value, found.used, found.possible)


def test_the_file_has_a_row_for_each_year(client: Client, carbon: Indicator) -> None:
    file = client.get(f"/api/v1/trend/?indicator=CO2_TOT&as_of={DAY}&format=csv")
    assert 'filename="trend-2026-06-30.csv"' in file["Content-Disposition"]
    lines = b"".join(file.streaming_content).decode("utf-8-sig").splitlines()
    assert lines == ["year,n,of,total,median,low,high", "2024,2,3,4300.75,,,", "2025,1,3,70,,,"]


def test_an_indicator_of_which_nothing_is_known_has_no_years(client: Client, carbon: Indicator) -> None:
    make_indicator("AIR_SO2")
    assert get_trend(client, code="AIR_SO2")["years"] == []
