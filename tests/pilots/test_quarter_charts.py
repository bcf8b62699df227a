"""Quarterly charts: separate from years, cumulated only for additive indicators and without gaps."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from pilots.models import Indicator, Pilot
from tests.factories import make_batch, make_carbon, make_pilot, make_province, make_reading, make_target
from tests.pilots.test_status_pages import read_csv

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


def charts(client: Client, day: date = DAY, lang: str = "en") -> tuple[Any, Any]:
    found = client.get(f"/pilots/city/?as_of={day}&lang={lang}").context["charts"]
    return found["CO2_TOT"], found.get("CO2_TOT quarters")


def drawn_series(chart: Any) -> dict[str, list[float | None]]:
    return {series["label"]: series["values"] for series in chart.data["series"]}


def test_the_line_of_the_years_holds_years_alone(client: Client, carbon: Indicator) -> None:
    years, quarters = charts(client)
    assert [(point["x"], point["y"]) for point in years.data["points"]] == [(2023, 4400), (2024, 4370), (2025, 4339)]
    assert "target for 2026 · 3 of 3 values accepted" in years.subtitle
    assert [row[0].value for row in years.table.rows] == ["2023", "2024", "2025"]
    assert (years.kind, quarters.kind) == ("trend", "quarters")


def test_quarters_are_the_year_to_date_against_the_year_before(client: Client, carbon: Indicator) -> None:
    _years, quarters = charts(client)
    assert drawn_series(quarters) == {"2025": [1100, 2250, 3310, None], "2026": [1109.7, 2243.0, 3299.5, None]}
    assert quarters.title == "CO2, Q1–Q3 of 2026: 3,300 × 10⁴ t, 0.3\u00a0% less than in the same quarters of 2025"
    assert quarters.data["labels"] == ["Q1", "Q1–Q2", "Q1–Q3", "Q1–Q4"]
    assert charts(client, lang="zh-hans")[1].title == "2026年前三季度CO2_TOT指标为3,300万吨，比2025年同期下降0.3%"


def test_after_a_missing_quarter_there_is_no_data_and_no_smaller_sum(client: Client, carbon: Indicator) -> None:
    carbon.readings.filter(period="2026-Q2").delete()
    _years, quarters = charts(client)
    assert drawn_series(quarters)["2026"] == [1109.7, None, None, None]
    rows = {row[0].value: [cell.value for cell in row[1:4]] for row in quarters.table.rows}
    assert rows["2026-Q2"] == [None, None, 2250]
    assert [str(value) for value in rows["2026-Q3"]] == ["1056.5", "None", "3310"]
    file = read_csv(client.get(f"/pilots/city/?as_of={DAY}&export=quarters-co2-tot.csv"))
    assert [row[:4] for row in file if row[0].startswith("2026")] == [
        ["2026-Q1", "1109.7", "1109.7", "1100"],
        ["2026-Q2", "", "", "2250"],
        ["2026-Q3", "1056.5", "", "3310"],
    ]


def test_what_is_not_accepted_is_drawn_open_and_a_disputed_quarter_is_missing(
    client: Client, carbon: Indicator
) -> None:
    carbon.readings.filter(period="2026-Q3").update(state="reported", accepted_on=None)
    _years, quarters = charts(client)
    assert quarters.data["series"][1]["accepted"] == [True, True, False, None]
    assert quarters.title.startswith("CO2, Q1–Q2 of 2026: 2,243 × 10⁴ t, 0.3\u00a0% less")
    carbon.readings.filter(period="2026-Q1").update(state="disputed")
    _years, quarters = charts(client)
    assert drawn_series(quarters)["2026"] == [None] * 4
    assert quarters.title == "CO2: no accepted value of the quarters of 2026"


@pytest.mark.parametrize(
    "fields",
    [
        {"accumulation": "cumulative"},
        {"accumulation": "stock"},
        {"rollup": "mean", "unit": "%"},
        {"rollup": "none"},
    ],
)
def test_what_does_not_add_up_is_shown_as_it_is(client: Client, carbon: Indicator, fields: dict[str, str]) -> None:
    Indicator.objects.filter(pk=carbon.pk).update(**fields)
    _years, quarters = charts(client)
    assert drawn_series(quarters) == {"2025": [1100, 1150, 1060, None], "2026": [1109.7, 1133.3, 1056.5, None]}
    assert "each quarter by itself" in quarters.subtitle
    assert "not cumulated" in quarters.note
    assert "to_date" not in [column.key for column in quarters.table.columns]
    unit = {"%": "3.5 percentage points"}.get(fields.get("unit", ""), "0.3\u00a0%")
    assert quarters.title.endswith(f"{unit} less than in the same quarters of 2025")


def test_without_quarters_there_is_no_panel_and_before_their_day_none_is_known(
    client: Client, carbon: Indicator
) -> None:
    assert drawn_series(charts(client, date(2026, 9, 30))[1]) == {"2025": [1100, 2250, 3310, None]}
    carbon.readings.filter(period__contains="Q").delete()
    assert charts(client)[1] is None


def test_the_trend_of_the_api_sums_no_quarter(client: Client, carbon: Indicator) -> None:
    years = client.get(f"/api/v1/trend/?indicator=CO2_TOT&as_of={DAY}").json()["years"]
    assert [(row["year"], row["total"]) for row in years] == [(2023, 4400), (2024, 4370), (2025, 4339)]


def test_the_last_value_stands_at_its_point_and_an_axis_off_zero_says_so(client: Client, carbon: Indicator) -> None:
    years, _quarters = charts(client)
    assert years.data["labels"]["last"] == "4,339"
    assert years.data["axis"] == {"min": 4200, "max": 4500, "step": 100}
    assert years.note.endswith("The vertical axis begins at 4,200, not at 0.")
    Pilot.objects.get().targets.update(target_value=100)
    years, _quarters = charts(client)
    assert years.data["axis"]["min"] == 0
    assert "axis" not in years.note
