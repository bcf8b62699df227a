"""Comparison pages show the numbers of the records' own pages."""

import re
from datetime import date
from typing import Any

import pytest
from django.test import Client

from pilots.models import Indicator, Pilot
from tests import factories as make
from tests.support.snapshots import assert_snapshot, table_content

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
DAY = "as_of=2026-06-01"


@pytest.fixture
def pilots() -> list[Pilot]:
    """Make one pilot behind with a value, one without any, in two provinces; a third province has none."""
    batch = make.batch(slug="first", short_name_en="first batch", known_by=date(2024, 1, 15))
    jia, yi = (make.province(slug=slug, name_en=slug.title(), short_en=slug.title()) for slug in ("jia", "yi"))
    make.province(slug="bing", name_en="Bing", short_en="Bing")
    one = make.pilot(batch, jia, slug="one", name_zh="一", name_en="One")
    two = make.pilot(batch, yi, slug="two", name_zh="二", name_en="Two")
    indicator = make.indicator("AIR_A")
    make.target(one, indicator, 100, 70)
    make.reading(one, indicator, "2025", 99)
    make.milestone(one, title_en="Done", planned_on=date(2025, 1, 1), completed_on=date(2025, 1, 1))
    make.milestone(one, title_en="Late", planned_on=date(2026, 5, 30))
    policy = make.policy(
        slug="plan", title_en="Plan", issued_on=date(2022, 6, 10), calls_for_provincial_plan=True, is_lead=True
    )
    make.plan(policy, jia, status="issued", issued_on=date(2022, 12, 7))
    return [one, two]


@pytest.mark.parametrize("values", [False, True])
def test_what_is_said_side_by_side(client: Client, pilots: list[Pilot], values: bool) -> None:
    """A province without a recorded pilot has no lights to count; what reduces in an intensity only is said to."""
    one, two = pilots
    if values:
        carbon = make.carbon()
        intensity = make.carbon("CO2_GDP", unit="t/10⁴ yuan", rollup="none", may_enter_synergy="intensity")
        air = Indicator.objects.get(code="AIR_A")
        make.target(one, carbon, 100, 90, binding=False)
        for pilot, indicator, pair in ((one, carbon, (100, 104)), (two, intensity, (2, 1)), (two, air, (100, 90))):
            for period, value in zip(("2023", "2025"), pair, strict=True):
                make.reading(pilot, indicator, period, value)
        make.reading(one, air, "2023", 100)
    answers = [client.get(f"{path}?{DAY}&a={a}&b={b}&c={c}") for path, a, b, c in (
        ("/compare/", "one", "two", ""), ("/compare/provinces/", "jia", "yi", "bing"),
    )]  # fmt: skip
    said = [[answer.context["finding"], table_content(answer.context["table"])] for answer in answers]
    assert_snapshot(f"compare-{'values' if values else 'lights'}", said)


def test_the_names_lead_to_the_pages_and_numbers_read_as_in_other_tables(client: Client, pilots: list[Pilot]) -> None:
    address = f"/compare/?{DAY}&a=one&b=two"
    html = re.sub(r"(?<=>)\s+|\s+(?=<)", "", client.get(address).text)
    assert '<a class="record" href="/pilots/one/?as_of=2026-06-01"' in html
    assert '<a href="/provinces/jia/?as_of=2026-06-01"' in html
    assert ">What is compared</th>" in html
    assert "比较项目</th>" in client.get(f"{address}&lang=zh-hans").text


def test_those_ticked_in_the_list_are_compared(client: Client, pilots: list[Pilot]) -> None:
    page = client.get(f"/pilots/?{DAY}&compare=pick").text
    for slug in ("one", "two"):
        assert f'<input type="checkbox" name="pick" value="{slug}" form="compare"' in page
    assert (
        '<form id="compare" action="/compare/" method="get"><input type="hidden" name="as_of" value="2026-06-01">'
        in page
    )
    assert 'name="pick"' not in client.get(f"/pilots/?{DAY}").text
    assert client.get(f"/compare/?{DAY}&pick=two&pick=one")["Location"] == f"/compare/?{DAY}&a=two&b=one"
    answer = client.get("/compare/?" + "&".join(["pick=one"] * 5))
    assert (answer.status_code, "5 are ticked. Up to four fit side by side." in answer.text) == (400, True)


def test_nothing_is_picked_yet(client: Client, pilots: list[Pilot]) -> None:
    for address in ("/compare/", "/compare/provinces/"):
        assert "Pick two to four above to see them side by side." in client.get(address).content.decode()


def test_the_comparison_as_a_file(client: Client, pilots: list[Pilot]) -> None:
    answer: Any = client.get(f"/compare/provinces/?{DAY}&a=jia&b=yi&export=compare.csv")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert "What is compared,Jia,Yi" in lines
    assert "Recorded pilots,1,1" in lines
