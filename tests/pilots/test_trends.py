"""Trends: what is summed and over which pilots, on the page, in the API and in files; a pilot's own lines."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from pilots.models import Indicator, Pilot
from tests import factories as make
from tests.support.snapshots import assert_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
DAY = "2026-06-30"


@pytest.fixture
def carbon() -> Indicator:
    """Three cities and a park in the first: 2024 for all but one city, 2025 for the park and one city."""
    indicator, batch, here, there = make.carbon(), make.batch(), make.province(slug="here"), make.province(slug="there")
    jia = make.pilot(batch, here, slug="jia")
    yi, bing = make.pilot(batch, here, slug="yi"), make.pilot(batch, there, slug="bing")
    park = make.pilot(batch, here, slug="park", kind="park", parent=jia)
    for pilot, value in ((jia, "4200.5"), (yi, "100.25"), (park, 900)):
        make.reading(pilot, indicator, "2024", value)
    make.reading(park, indicator, "2025", 850)
    make.reading(bing, indicator, "2025", 70)
    make.reading(bing, indicator, "2025-Q3", 20)
    make.reading(yi, indicator, "2024", 90, version=2, accepted_on=date(2026, 5, 1))
    make.reading(bing, indicator, "2025", 71, version=2, accepted_on=date(2026, 5, 1), disputed_on=date(2026, 5, 2))
    make.reading(bing, indicator, "2024", 5, accepted_on=None)
    return indicator


def get_trend(client: Client, query: str = "", day: str = DAY) -> Any:
    return client.get(f"/api/v1/trend/?indicator=co2_tot&as_of={day}&{query}").json()


def test_the_api_says_how_many_a_sum_covers_and_leaves_a_park_to_its_city(client: Client, carbon: Indicator) -> None:
    """Of any set, on any day: a newer version counts from its acceptance, also while it is disputed.

    Shares have a median with its range and count each pilot; concentrations are never put together.
    """
    queries = ("", "kind=park", "pilot=yi", "province=there")
    days = ("2024-01-14", "2025-03-19", "2026-04-30")
    said = {query: get_trend(client, query) for query in queries} | {day: get_trend(client, day=day) for day in days}
    for rollup, fields in {"mean": {"unit": "%"}, "none": {"kind": "quality"}, "sum": {"kind": "carbon"}}.items():
        Indicator.objects.update(rollup=rollup, **fields)
        said[rollup] = get_trend(client, day="2026-04-30")
    Pilot.objects.filter(slug="jia").update(withdrawn_on="2026-01-01")
    said["the city has left"] = get_trend(client)
    assert_snapshot("trend", said)
    make.indicator("AIR_SO2")
    assert client.get("/api/v1/trend/?indicator=AIR_SO2").json()["years"] == []


def test_a_trend_that_begins_with_0_says_so(client: Client) -> None:
    carbon, batch = make.carbon(), make.batch()
    pilots = [make.pilot(batch, make.province()) for _number in range(5)]
    for pilot in pilots:
        make.reading(pilot, carbon, "2024", 0)
    address = f"/trends/?indicator=CO2_TOT&as_of={DAY}"
    assert "5 pilots have a value, all for 2024: there is no year to compare with" in client.get(address).text
    for pilot in pilots:
        make.reading(pilot, carbon, "2025", 3)
    assert "From 0 in 2024 to 15 in 2025 in the same 5 pilots" in client.get(address).text
    Indicator.objects.update(rollup="mean", unit="%", kind="structure")
    median = "The median of the same 5 pilots went from 0 to 3 between 2024 and 2025"
    assert median in client.get(address).text
