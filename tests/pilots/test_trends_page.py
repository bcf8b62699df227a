"""Trends page: years are compared over the same pilots, and page and API agree."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from pilots.models import Indicator, Pilot
from tests.factories import make_batch, make_indicator, make_pilot, make_province, make_reading

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
DAY = "as_of=2026-06-01"
D = Decimal


@pytest.fixture
def total() -> Indicator:
    return make_indicator("AIR_A", name_en="Emissions", unit="t", rollup="sum")


def make_pilots(n: int) -> list[Pilot]:
    batch, province = make_batch(slug="first", known_by=date(2024, 1, 15)), make_province(slug="jia")
    return [make_pilot(batch, province, slug=f"p-{i}", name_zh=f"市{i}") for i in range(n)]


def enter_values(some: list[Pilot], indicator: Indicator, year: str, value: Any) -> None:
    for pilot in some:
        make_reading(pilot, indicator, year, value)


def chart_of(answer: Any) -> Any:
    return answer.context["charts"]["trend"]


def table_of(answer: Any) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in answer.context["table"].rows]


def test_years_are_compared_over_the_same_pilots(client: Client, total: Indicator) -> None:
    """Two of seven no longer report: what is left would look like a fall of 28.6 %, and is one of 10 %."""
    everybody = make_pilots(7)
    enter_values(everybody, total, "2023", 100)
    enter_values(everybody[:5], total, "2024", 90)
    answer = client.get(f"/trends/?{DAY}&indicator=AIR_A")
    assert chart_of(answer).title == "10.0 % less from the same 5 pilots in 2024 than in 2023"
    assert table_of(answer) == [
        ["2023", 7, 7, D(700), 5, D(500), "t"],
        ["2024", 5, 7, D(450), 5, D(450), "t"],
    ]
    lines = [own["data"] for own in chart_of(answer).data["data"]["datasets"]]
    assert [[(mark["x"], mark["y"]) for mark in line] for line in lines] == [[(2023, 500), (2024, 450)], [(2023, 700)]]
    found = client.get(f"/api/v1/trend/?{DAY}&indicator=AIR_A").json()
    assert [(year["n"], year["total"]) for year in found["years"]] == [(7, 700), (5, 450)]
    assert [(year["n"], year["total"]) for year in found["same"]] == [(5, 500), (5, 450)]


def test_medians_are_compared_over_the_same_pilots(client: Client) -> None:
    """Four with high shares no longer report: the median of all falls, that of the same five rises."""
    share = make_indicator("SHARE", name_en="Share", unit="%", kind="energy", rollup="mean")
    everybody = make_pilots(9)
    enter_values(everybody[:5], share, "2023", 20)
    enter_values(everybody[5:], share, "2023", 90)
    enter_values(everybody[:5], share, "2024", 24)
    answer = client.get(f"/trends/?{DAY}&indicator=SHARE")
    assert chart_of(answer).title == "The median of the same 5 pilots went from 20 to 24 between 2023 and 2024"
    found = client.get(f"/api/v1/trend/?{DAY}&indicator=SHARE").json()
    assert [(year["n"], year["median"], year["high"]) for year in found["same"]] == [(5, 20, 20), (5, 24, 24)]


def test_nothing_is_claimed_from_four_pilots(client: Client, total: Indicator) -> None:
    everybody = make_pilots(4)
    enter_values(everybody, total, "2023", 100)
    enter_values(everybody, total, "2024", 50)
    title = "4 pilots have a value in every year from 2023 to 2024: too few to compare years"
    assert chart_of(client.get(f"/trends/?{DAY}&indicator=AIR_A")).title == title


def test_the_indicator_most_reported_comes_first_and_any_other_can_be_picked(client: Client, total: Indicator) -> None:
    share = make_indicator("SHARE", name_en="Share", unit="%", kind="energy", rollup="mean")
    mean = make_indicator("PM", name_en="Particles", unit="µg/m³", kind="quality", rollup="none", equivalent_kg=None)
    everybody = make_pilots(5)
    enter_values(everybody, total, "2024", 100)
    enter_values(everybody, share, "2023", 20)
    enter_values(everybody, share, "2024", 24)
    enter_values(everybody[:1], mean, "2024", 30)
    assert client.get(f"/trends/?{DAY}").context["trend"].indicator == total
    picked = client.get(f"/trends/?{DAY}&indicator=SHARE")
    assert chart_of(picked).title == "The median of the same 5 pilots went from 20 to 24 between 2023 and 2024"
    never = client.get(f"/trends/?{DAY}&indicator=PM")
    assert never.context["charts"] == {}
    assert table_of(never) == [["2024", 1, 5, None, None, None, 1, None, "µg/m³"]]


def test_a_value_with_three_versions_counts_once_among_the_most_reported(client: Client, total: Indicator) -> None:
    other = make_indicator("AIR_B", name_en="Others", unit="t", rollup="sum")
    first, second = make_pilots(2)
    for version in (1, 2, 3):
        make_reading(first, total, "2024", 100, version=version)
    enter_values([first, second], other, "2024", 100)
    assert client.get(f"/trends/?{DAY}").context["trend"].indicator == other


def test_a_set_of_pilots_is_named_and_its_address_in_the_api_too(client: Client, total: Indicator) -> None:
    enter_values(make_pilots(5), total, "2024", 100)
    chart = chart_of(client.get(f"/trends/?{DAY}&indicator=AIR_A&province=jia&kind=city"))
    assert chart.api == "/api/v1/trend/?indicator=AIR_A&kind=city&province=jia"
    assert re.match(r"Emissions \(t\); 5 recorded pilots; Kind: city; Province: .*; 1 June 2026", chart.subtitle)


def test_without_any_value_the_page_says_so(client: Client) -> None:
    make_pilots(1)
    text = client.get(f"/trends/?{DAY}").content.decode()
    assert "No value is accepted by this day for these pilots." in text


def test_the_table_as_a_file(client: Client, total: Indicator) -> None:
    enter_values(make_pilots(5), total, "2024", 100)
    answer: Any = client.get(f"/trends/?{DAY}&indicator=AIR_A&export=trend.csv")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[-2:] == ["Year,Pilots with a value,Of,Sum,The same pilots,Their sum,Unit", "2024,5,5,500,5,500,t"]
