"""Charts of a pilot's indicators: the line has whole years alone, the table also quarters."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from pilots.models import Indicator, Pilot
from tests.factories import make_batch, make_carbon, make_pilot, make_province, make_reading, make_target
from tests.support.csv_files import csv_rows

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 1)


@pytest.fixture
def carbon(empty: None) -> Indicator:
    """Make a city that reports its CO2 by year and, for 2025 and 2026, by quarter."""
    city, indicator = make_pilot(make_batch(), make_province(), slug="city"), make_carbon(name_en="CO2", unit_zh="万吨")
    make_target(city, indicator, 4400, 4250)
    for year, value in (("2023", 4400), ("2024", 4370), ("2025", 4339)):
        make_reading(city, indicator, year, value)
    for quarter, (before, now) in enumerate(((1100, 1109.7), (1150, 1133.3), (1060, 1056.5)), 1):
        make_reading(city, indicator, f"2025-Q{quarter}", before)
        of_2026 = {"reported_on": date(2026, 10, 1), "accepted_on": date(2026, 10, 20)}
        make_reading(city, indicator, f"2026-Q{quarter}", now, **of_2026)
    return indicator


def indicator_chart(client: Client) -> Any:
    return client.get(f"/pilots/city/?as_of={DAY}").context["charts"]["CO2_TOT"]


def test_the_line_has_whole_years_alone_and_the_table_also_quarters(client: Client, carbon: Indicator) -> None:
    carbon.readings.filter(period="2026-Q3").update(state="reported", accepted_on=None)
    chart = indicator_chart(client)
    values = chart.data["data"]["datasets"][0]["data"]
    assert [(point["x"], point["y"]) for point in values] == [(2023, 4400), (2024, 4370), (2025, 4339)]
    assert "target for 2026 · 3 of 3 values accepted" in chart.subtitle
    file = csv_rows(client.get(f"/pilots/city/?as_of={DAY}&export=trend-co2-tot.csv"))
    assert [(row[0], row[1], row[4]) for row in file[2:]] == [
        ("2024", "4370", "accepted"),
        ("2025", "4339", "accepted"),
        ("2025-Q1", "1100", "accepted"),
        ("2025-Q2", "1150", "accepted"),
        ("2025-Q3", "1060", "accepted"),
        ("2026-Q1", "1109.7", "accepted"),
        ("2026-Q2", "1133.3", "accepted"),
        ("2026-Q3", "1056.5", "reported"),
    ]


def test_the_trend_of_the_api_sums_no_quarter(client: Client, carbon: Indicator) -> None:
    years = client.get(f"/api/v1/trend/?indicator=CO2_TOT&as_of={DAY}").json()["years"]
    assert [(row["year"], row["total"]) for row in years] == [(2023, 4400), (2024, 4370), (2025, 4339)]


def test_the_last_value_stands_at_its_point_and_an_axis_off_zero_says_so(client: Client, carbon: Indicator) -> None:
    chart = indicator_chart(client)
    assert chart.data["data"]["datasets"][0]["data"][-1]["label"]["text"] == "4,339"
    assert chart.data["options"]["scales"]["y"] == {"min": 4200, "max": 4500, "ticks": {"stepSize": 100}}
    assert chart.note.endswith("The vertical axis begins at 4,200, not at 0.")
    Pilot.objects.get().targets.update(target_value=100)
    chart = indicator_chart(client)
    assert chart.data["options"]["scales"]["y"]["min"] == 0
    assert "axis" not in chart.note
