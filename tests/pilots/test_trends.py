"""Trends: what is summed and over which pilots, on the page, in the API and in files; a pilot's own lines."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from pilots.analytics.pilot_status import prefetch_for_status
from pilots.analytics.trend import build_trend
from pilots.metrics.reduction import sum_without_overlap
from pilots.models import Indicator, Pilot
from pilots.readings import newest_accepted_in
from tests import factories as make
from tests.support.csv_files import csv_rows
from tests.support.snapshots import assert_snapshot, page_content

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
    make.reading(bing, indicator, "2025", 71, version=2, state="disputed", accepted_on=date(2026, 5, 1))
    make.reading(bing, indicator, "2024", 5, state="reported", accepted_on=None)
    return indicator


def get_trend(client: Client, query: str = "", day: str = DAY) -> Any:
    return client.get(f"/api/v1/trend/?indicator=co2_tot&as_of={day}&{query}").json()


def test_the_api_says_how_many_a_sum_covers_and_leaves_a_park_to_its_city(client: Client, carbon: Indicator) -> None:
    """Of any set, on any day: a newer version counts from its acceptance, a disputed one stands for nothing.

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


def test_it_is_what_the_pilots_own_values_come_to(carbon: Indicator) -> None:
    day = date(2026, 4, 30)
    own = {
        pilot.slug: {reading.period: reading.value for reading in newest_accepted_in(pilot.prefetched_readings, day)}
        for pilot in prefetch_for_status(Pilot.objects.all())
    }
    for item in build_trend(Pilot.objects.all(), carbon, day).years:
        parts = [(slug, values.get(str(item.year)), {"park": "jia"}.get(slug)) for slug, values in own.items()]
        found = sum_without_overlap(parts)
        assert (item.total, item.n, item.of) == (found.value, found.used, found.possible)


# -- the page --------------------------------------------------------------------------------------------


def make_values(indicator: Indicator, *values: tuple[list[Pilot], str, int]) -> None:
    for some, year, value in values:
        for pilot in some:
            make.reading(pilot, indicator, year, value)


@pytest.fixture
def pilots() -> list[Pilot]:
    """Nine pilots; of a sum two no longer report, of a share four with high values, and of another only four did."""
    batch, province = make.batch(slug="first", known_by=date(2024, 1, 15)), make.province(slug="jia", name_en="Jia")
    found = [make.pilot(batch, province, slug=f"p-{i}", name_zh=f"市{i}") for i in range(9)]
    total = make.indicator("AIR_A", name_en="Emissions")
    share = make.indicator("SHARE", name_en="Share", unit="%", kind="energy", rollup="mean")
    few = make.indicator("AIR_B", name_en="Others")
    mean = make.indicator("PM", name_en="Particles", unit="µg/m³", kind="quality", rollup="none", equivalent_kg=None)
    make_values(total, (found[:7], "2023", 100), (found[:5], "2024", 90))
    make_values(share, (found[:5], "2023", 20), (found[5:], "2023", 90), (found[:5], "2024", 24))
    make_values(few, (found[:4], "2023", 100), (found[:4], "2024", 50))
    make_values(mean, (found[:1], "2024", 30))
    return found


@pytest.mark.parametrize("query", ["", "indicator=SHARE", "indicator=AIR_B", "indicator=PM", "province=jia&kind=city"])
def test_years_are_compared_over_the_same_pilots(client: Client, pilots: list[Pilot], query: str) -> None:
    """All seven would show a fall of 35.7 %, the same five one of 10 %; from four nothing is claimed.

    The indicator most reported comes first, however many versions another has.
    """
    for version in (2, 3, 4):
        make.reading(pilots[0], Indicator.objects.get(code="AIR_B"), "2024", 50, version=version)
    response = client.get(f"/trends/?as_of={DAY}&{query}")
    found = page_content(response) | {"indicator": response.context["trend"].indicator.code}
    found["table"] = [[cell.value for cell in row] for row in response.context["table"].rows]
    code = query.replace("=", "-").replace("&", "-") or "first"
    assert_snapshot(f"page-trends-{code}", found)
    for chart in response.context["charts"].values():
        assert client.get(f"{chart.api}&as_of={DAY}").json()["indicator"]["code"] == found["indicator"]


def test_without_any_value_the_page_says_so(client: Client) -> None:
    make.pilot(make.batch(), make.province())
    assert "No value is accepted by this day for these pilots." in client.get(f"/trends/?as_of={DAY}").text


def test_files_have_a_row_for_each_year(client: Client, pilots: list[Pilot]) -> None:
    page = csv_rows(client.get(f"/trends/?as_of={DAY}&indicator=AIR_A&export=trend.csv"))
    assert page == [
        ["Year", "Pilots with a value", "Of", "Sum", "The same pilots", "Their sum", "Unit"],
        ["2023", "7", "9", "700", "5", "500", "t"],
        ["2024", "5", "9", "450", "5", "450", "t"],
    ]
    file = client.get(f"/api/v1/trend/?indicator=AIR_A&as_of={DAY}&format=csv")
    assert 'filename="trend-2026-06-30.csv"' in file["Content-Disposition"]
    heads = ["year", "n", "of", "total", "median", "low", "high"]
    assert csv_rows(file) == [heads, ["2023", "7", "9", "700", "", "", ""], ["2024", "5", "9", "450", "", "", ""]]


# -- the lines of a pilot --------------------------------------------------------------------------------


def test_a_line_has_whole_years_alone_and_its_table_also_quarters(client: Client) -> None:
    """The last value stands at its point; an axis that does not begin at zero says so."""
    city, co2 = make.pilot(make.batch(), make.province(), slug="city"), make.carbon(name_en="CO2")
    target, day = make.target(city, co2, 4400, 4250), date(2026, 11, 1)
    for year, value in (("2023", 4400), ("2024", 4370), ("2025", 4339)):
        make.reading(city, co2, year, value)
    make.reading(city, co2, "2025-Q1", 1100)
    of_2026 = {"reported_on": date(2026, 10, 1), "accepted_on": date(2026, 10, 20)}
    make.reading(city, co2, "2026-Q1", "1109.7", **of_2026)
    make.reading(city, co2, "2026-Q2", "1133.3", state="reported", reported_on=date(2026, 10, 1), accepted_on=None)

    def chart() -> Any:
        return client.get(f"/pilots/city/?as_of={day}").context["charts"]["CO2_TOT"]

    found = chart()
    values = found.data["data"]["datasets"][0]["data"]
    assert [(point["x"], point["y"]) for point in values] == [(2023, 4400), (2024, 4370), (2025, 4339)]
    assert values[-1]["label"]["text"] == "4,339"
    assert "target for 2026 · 3 of 3 values accepted" in found.subtitle
    assert found.data["options"]["scales"]["y"] == {"min": 4200, "max": 4500, "ticks": {"stepSize": 100}}
    assert found.note.endswith("The vertical axis begins at 4,200, not at 0.")
    file = csv_rows(client.get(f"/pilots/city/?as_of={day}&export=trend-co2-tot.csv"))
    assert [(row[0], row[1], row[4]) for row in file[3:]] == [
        ("2025", "4339", "accepted"),
        ("2025-Q1", "1100", "accepted"),
        ("2026-Q1", "1109.7", "accepted"),
        ("2026-Q2", "1133.3", "reported"),
    ]
    target.target_value = 100
    target.save()
    assert (chart().data["options"]["scales"]["y"]["min"], "axis" in chart().note) == (0, False)
