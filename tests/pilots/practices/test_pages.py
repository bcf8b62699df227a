"""Pages of practices: what they say, their filters and files, practices for a pilot, and their queries."""

from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from pilots.analytics.pilot_status import build_progress
from pilots.models import Pilot, Practice
from pilots.practices.queries import practices_for
from tests import factories as make
from tests.support.csv_files import csv_records

pytestmark = pytest.mark.django_db
DAY = {"as_of": "2026-10-01"}


def page_text(client: Client, path: str, **params: str) -> str:
    response = client.get(path, params)
    assert response.status_code == 200
    return unescape(response.content.decode())


def test_the_shipped_practices_are_said_to_be_proposals_only(client: Client) -> None:
    response = client.get("/practices/")
    assert response.context["finding"] == "12 practices proposed by pilots, none reviewed yet; no copy on record."
    page = unescape(response.content.decode())
    assert "No copy of a practice is on record by this day." in page
    assert "stated: About 2,700 t less diesel and about 5,400 t less CO₂ a year" in page
    assert "change of the pilot’s total in the same years:" not in page
    assert response.context["charts"] == {}
    assert response.context["figures"] == []


def test_an_empty_day_has_no_practice(client: Client) -> None:
    response = client.get("/practices/", {"as_of": "2024-01-01"})
    assert response.context["finding"] == "No practice is on record by 1 January 2024."
    assert client.get("/practices/nansha-green-car-port/", {"as_of": "2024-01-01"}).status_code == 404


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("q=huzhou", ["Origin in Huzhou"]),
        ("state=recommended", ["Recommended"]),
        ("measured=true", ["Recommended"]),
        ("province=one", ["Origin in Huzhou", "Recommended"]),
        ("level=city", ["Origin in Huzhou"]),
        ("industry=steel", ["Recommended"]),
    ],
)
def test_the_filters_find_practices(client: Client, empty: None, query: str, titles: list[str]) -> None:
    province, batch = make.province(slug="one"), make.batch()
    huzhou, other = make.pilot(batch, province, name_en="Huzhou"), make.pilot(batch, province)
    make.practice(huzhou, title_en="Origin in Huzhou", level="city")
    practice = make.practice(
        other,
        make.pilot(batch, province),
        title_en="Recommended",
        field="energy",
        facet="goal",
        passed_on=date(2025, 1, 2),
        library_on=date(2025, 1, 3),
        recommended_on=date(2025, 1, 4),
    )
    practice.industries.add(make.industry(slug="steel"))
    indicator = make.indicator("AIR_SO2")
    before, after = make.reading(other, indicator, "2023", 10), make.reading(other, indicator, "2025", 8)
    make.effect(practice, reading_before=before, reading_after=after)
    rows = client.get(f"/practices/?sort=title&{query}").context["listing"].table.rows
    assert sorted(row[0].value for row in rows) == titles


def test_the_list_is_the_same_as_a_file(client: Client, empty: None) -> None:
    batch = make.batch()
    origin, copier = make.pilot(batch, make.province()), make.pilot(batch, make.province())
    practice = make.practice(origin, title_en="Dryer", cost_amount=1200, cost_kind="yearly", cost_year=2025)
    make.effect(practice)
    make.adoption(practice, copier, started_on=date(2025, 3, 1), in_use_on=date(2025, 4, 1))
    (found,) = csv_records(client.get("/practices/", {"export": "practices.csv", **DAY}))
    assert {name: found[name] for name in ("Practice", "State", "Result", "Cost", "Verified", "Claimed only")} == {
        "Practice": "Dryer",
        "State": "proposed",
        "Result": "stated: 5,000 t CO2 less a year",
        "Cost": "1,200 × 10⁴ yuan (a year, prices of 2025)",
        "Verified": "0",
        "Claimed only": "1",
    }


def test_copies_in_use_are_counted_apart_in_the_finding(client: Client, empty: None) -> None:
    batch = make.batch()
    origin, *copiers = [make.pilot(batch, make.province()) for _n in range(4)]
    practice = make.practice(
        origin, passed_on=date(2025, 1, 2), library_on=date(2025, 1, 3), recommended_on=date(2025, 1, 4)
    )
    for pilot, confirmed in zip(copiers, (date(2025, 5, 1), None, None), strict=True):
        use = {"started_on": date(2025, 3, 1), "in_use_on": date(2025, 4, 1)}
        make.adoption(practice, pilot, confirmed_on=confirmed, **use)
    assert client.get("/practices/", DAY).context["finding"] == (
        "1 of 1 practices recommended, 0 more in the library; 1 of 4 provinces reached; in use: 0 verified, "
        "1 confirmed, 2 only claimed."
    )
    finding = client.get(practice.get_absolute_url(), {"as_of": "2025-04-30"}).context["finding"]
    assert finding == (
        "Recommended since 4 January 2025; 0 of 4 provinces reached; in use: 0 verified, 0 confirmed, 3 only claimed."
    )


# -- practices for a pilot -----------------------------------------------------------------------------


@pytest.fixture
def behind(empty: None) -> Pilot:
    """A park that is red on VOC emissions, in one industry."""
    batch = make.batch()
    park = make.pilot(batch, make.province(), make.industry(name_en="Coking"), slug="park", kind="park")
    indicator = make.indicator("AIR_VOC")
    make.target(park, indicator, 100, 50)
    make.reading(park, indicator, "2025", 99)
    return park


def library(*origins: Pilot, **fields: Any) -> Practice:
    return make.practice(*origins, passed_on=date(2025, 1, 2), library_on=date(2025, 1, 3), **fields)


def matches_of(pilot: Pilot) -> list[tuple[str, list[str]]]:
    day = date(2026, 10, 1)
    status = build_progress(Pilot.objects.filter(pk=pilot.pk), day).pilots[0]
    return [(practice.title_en, [item.name for item in shared]) for practice, shared in practices_for(status)]


def test_practices_of_the_same_industry_or_red_indicator_are_offered_newest_effect_first(behind: Pilot) -> None:
    indicator = behind.targets.get().indicator
    city = make.pilot(behind.batch, make.province())
    stated = library(city, title_en="Stated")
    make.effect(stated, stated_value=Decimal(5), stated_unit="t VOCs/yr", known_on=date(2025, 6, 1))
    measured = library(city, title_en="Measured")
    before, after = make.reading(city, indicator, "2023", 10), make.reading(city, indicator, "2025", 8)
    make.effect(measured, reading_before=before, reading_after=after, known_on=date(2026, 9, 1))
    for practice in (
        library(city, title_en="Without an effect"),
        library(behind, title_en="Its own"),
        copied := library(city, title_en="Copied already"),
        library(city, title_en="Retired", retired_on=date(2026, 1, 1), retired_reason_en="old"),
        make.practice(city, title_en="Proposed only"),
    ):
        practice.industries.set(behind.industries.all())
    make.adoption(copied, behind)
    library(make.pilot(behind.batch, make.province(), kind="park"), title_en="Only the same kind")
    assert matches_of(behind) == [
        ("Measured", [indicator.name]),
        ("Stated", [indicator.name]),
        ("Without an effect", ["Coking"]),
        ("Proposed only", ["Coking"]),
    ]


def test_the_page_of_a_pilot_that_is_behind_offers_them(client: Client, behind: Pilot) -> None:
    practice = library(make.pilot(behind.batch, make.province()), title_en="Same industry")
    practice.industries.set(behind.industries.all())
    page = page_text(client, "/pilots/park/", **DAY)
    assert "Practices for this pilot" in page
    assert "In common: <span>Coking</span>" in page
    assert 'href="/practices/?for=park&as_of=2026-10-01"' in page
    assert "Practices for this pilot" not in page_text(client, "/pilots/park/", as_of="2025-10-01")
    listed = client.get("/practices/", {"for": "park", **DAY})
    assert [row["practice"] for row in listed.context["matches"]] == [practice]
