"""Pages of practices: what they say, their filters and files, practices for a pilot, and their queries."""

import csv
import io
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from pilots.analytics.pilot_status import build_progress
from pilots.models import Pilot, Practice
from pilots.practices.analytics import practices_for_pilot
from tests.factories import (
    make_adoption,
    make_batch,
    make_effect,
    make_indicator,
    make_industry,
    make_milestone,
    make_pilot,
    make_practice,
    make_province,
    make_reading,
    make_target,
)

pytestmark = pytest.mark.django_db
DAY = {"as_of": "2026-10-01"}


def page_text(client: Client, path: str, **params: str) -> str:
    response = client.get(path, params)
    assert response.status_code == 200
    return unescape(response.content.decode())


def test_the_shipped_practices_are_said_to_be_proposals_only(client: Client) -> None:
    response = client.get("/practices/")
    assert response.context["finding"] == "11 practices proposed by pilots, none reviewed yet; no copy on record."
    page = unescape(response.content.decode())
    assert "No copy of a practice is on record by this day." in page
    assert "stated: About 2,700 t less diesel and about 5,400 t less CO₂ a year" in page
    assert "measured:" not in page
    assert response.context["charts"] == {}
    assert response.context["figures"] == []


def test_an_empty_day_has_no_practice(client: Client) -> None:
    response = client.get("/practices/", {"as_of": "2024-01-01"})
    assert response.context["finding"] == "No practice is on record by 1 January 2024."
    assert client.get("/practices/nansha-green-car-port/", {"as_of": "2024-01-01"}).status_code == 404


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("q=taicang", []),
        ("q=huzhou", ["Origin in Huzhou"]),
        ("state=recommended", ["Recommended"]),
        ("state=proposed", ["Origin in Huzhou"]),
        ("measured=true", ["Recommended"]),
        ("province=one", ["Origin in Huzhou", "Recommended"]),
        ("level=city", ["Origin in Huzhou"]),
        ("facet=goal", ["Recommended"]),
        ("field=energy", ["Recommended"]),
        ("industry=steel", ["Recommended"]),
    ],
)
def test_the_filters_find_practices(client: Client, empty: None, query: str, titles: list[str]) -> None:
    province, batch = make_province(slug="one"), make_batch()
    huzhou, other = make_pilot(batch, province, name_en="Huzhou"), make_pilot(batch, province)
    make_practice(huzhou, title_en="Origin in Huzhou", level="city")
    practice = make_practice(
        other,
        make_pilot(batch, province),
        title_en="Recommended",
        field="energy",
        facet="goal",
        passed_on=date(2025, 1, 2),
        library_on=date(2025, 1, 3),
        recommended_on=date(2025, 1, 4),
    )
    practice.industries.add(make_industry(slug="steel"))
    indicator = make_indicator("AIR_SO2")
    before, after = make_reading(other, indicator, "2023", 10), make_reading(other, indicator, "2025", 8)
    make_effect(practice, reading_before=before, reading_after=after)
    rows = client.get(f"/practices/?sort=title&{query}").context["listing"].table.rows
    assert sorted(row[0].value for row in rows) == titles


def test_the_list_is_the_same_as_a_file(client: Client, empty: None) -> None:
    batch = make_batch()
    origin, copier = make_pilot(batch, make_province()), make_pilot(batch, make_province())
    practice = make_practice(origin, title_en="Dryer", cost_amount=1200, cost_kind="yearly", cost_year=2025)
    make_effect(practice)
    make_adoption(practice, copier, started_on=date(2025, 3, 1), in_use_on=date(2025, 4, 1))
    response: Any = client.get("/practices/", {"export": "practices.csv", **DAY})
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    heads, row = list(csv.reader(io.StringIO("\n".join(line for line in text.splitlines() if line[:1] != "#"))))
    found = dict(zip(heads, row, strict=True))
    assert {name: found[name] for name in ("Practice", "State", "Result", "Cost", "Verified", "Claimed only")} == {
        "Practice": "Dryer",
        "State": "proposed",
        "Result": "stated: 5,000 t CO2 less a year",
        "Cost": "1,200 × 10⁴ yuan (a year, prices of 2025)",
        "Verified": "0",
        "Claimed only": "1",
    }


def test_copies_in_use_are_counted_apart_in_the_finding(client: Client, empty: None) -> None:
    batch = make_batch()
    origin, *copiers = [make_pilot(batch, make_province()) for _n in range(4)]
    practice = make_practice(
        origin, passed_on=date(2025, 1, 2), library_on=date(2025, 1, 3), recommended_on=date(2025, 1, 4)
    )
    for pilot, confirmed in zip(copiers, (date(2025, 5, 1), None, None), strict=True):
        use = {"started_on": date(2025, 3, 1), "in_use_on": date(2025, 4, 1)}
        make_adoption(practice, pilot, confirmed_on=confirmed, **use)
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
    batch = make_batch()
    park = make_pilot(batch, make_province(), make_industry(name_en="Coking"), slug="park", kind="park")
    indicator = make_indicator("AIR_VOC")
    make_target(park, indicator, 100, 50)
    make_reading(park, indicator, "2025", 99)
    return park


def library(*origins: Pilot, **fields: Any) -> Practice:
    return make_practice(*origins, passed_on=date(2025, 1, 2), library_on=date(2025, 1, 3), **fields)


def matches_of(pilot: Pilot) -> list[tuple[str, int, list[tuple[str, int]]]]:
    status = build_progress(Pilot.objects.filter(pk=pilot.pk), date(2026, 10, 1)).pilots[0]
    return [
        (match.status.practice.title_en, match.score, [(part.part.value, part.points) for part in match.parts])
        for match in practices_for_pilot(status, status.as_of)
    ]


def test_practices_are_matched_part_by_part(behind: Pilot) -> None:
    batch, province = behind.batch, make_province()
    park, city = make_pilot(batch, province, kind="park"), make_pilot(batch, province)
    kind = library(park, title_en="Same kind")
    stated = library(city, title_en="Stated on VOC")
    make_effect(stated, stated_value=Decimal(5), stated_unit="t VOCs/yr")
    shared = library(city, title_en="Shared industry")
    shared.industries.set(behind.industries.all())
    own = library(behind, title_en="Its own")
    copied = library(park, title_en="Copied already")
    make_adoption(copied, behind)
    library(city, title_en="Nothing in common")
    library(park, title_en="Retired", retired_on=date(2026, 1, 1), retired_reason_en="old")
    proposed = make_practice(park, title_en="Proposed only")
    make_effect(proposed, stated_value=Decimal(5), stated_unit="t VOCs/yr")
    assert own.pk
    assert kind.pk
    assert matches_of(behind) == [
        ("Stated on VOC", 3, [("indicator", 3)]),
        ("Same kind", 1, [("kind", 1)]),
        ("Shared industry", 1, [("industry", 1)]),
        ("Proposed only", 4, [("kind", 1), ("indicator", 3)]),
    ]


def test_a_measured_result_on_the_red_indicator_counts(behind: Pilot) -> None:
    city = make_pilot(behind.batch, make_province(), city_type="industrial")
    practice, indicator = library(city, title_en="Measured"), behind.targets.get().indicator
    before, after = make_reading(city, indicator, "2023", 10), make_reading(city, indicator, "2025", 8)
    make_effect(practice, reading_before=before, reading_after=after)
    assert matches_of(behind) == [("Measured", 3, [("indicator", 3)])]


def test_the_page_of_a_pilot_that_is_behind_offers_them(client: Client, behind: Pilot) -> None:
    library(make_pilot(behind.batch, make_province(), kind="park"), title_en="Same kind")
    page = page_text(client, "/pilots/park/", **DAY)
    assert "Practices for this pilot" in page
    assert "1 point: same kind as an origin +1" in page
    assert 'href="/practices/?for=park&as_of=2026-10-01"' in page
    assert "Practices for this pilot" not in page_text(client, "/pilots/park/", as_of="2025-10-01")
    listed = client.get("/practices/", {"for": "park", **DAY})
    assert [row["practice"].title_en for row in listed.context["matches"]["rows"]] == ["Same kind"]


def test_an_unknown_pilot_is_refused_with_the_nearest(client: Client, behind: Pilot) -> None:
    response = client.get("/practices/", {"for": "parc"})
    assert response.status_code == 400
    assert "for: there is no pilot “parc”. Did you mean “park”?" in unescape(response.content.decode())


# -- queries -------------------------------------------------------------------------------------------


def make_world(number: int) -> Pilot:
    """Make so many practices with industries, effects, sources and copies; return a pilot that is behind."""
    batch = make_batch()
    late = make_pilot(batch, make_province(), slug="late")
    make_milestone(late, date(2025, 1, 1), is_key=True)
    indicator = make_indicator("AIR_SO2")
    for n in range(number):
        origin, copier = make_pilot(batch, make_province()), make_pilot(batch, make_province())
        practice = library(origin, slug=f"practice-of-{n}")
        practice.industries.add(make_industry())
        adoption = make_adoption(practice, copier, started_on=date(2025, 3, 1), in_use_on=date(2025, 4, 1))
        for pilot, copy in ((origin, None), (copier, adoption)):
            before, after = make_reading(pilot, indicator, "2023", 10), make_reading(pilot, indicator, "2025", 8)
            make_effect(practice, adoption=copy, reading_before=before, reading_after=after)
        make_effect(practice)
        place = {"province": make_province(), "place": "Harbour"}
        make_adoption(practice, given_up_on=date(2025, 5, 1), give_up_reason="money", **place)
    return late


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_takes_as_many_queries_for_one_as_for_three(
    client: Client, empty: None, django_assert_num_queries: Any, number: int
) -> None:
    make_world(number)
    client.get("/practices/", DAY)
    with django_assert_num_queries(LIST_QUERIES):
        client.get("/practices/", DAY)


@pytest.mark.parametrize("number", [1, 3])
def test_a_page_takes_as_many_queries_whatever_else_is_on_record(
    client: Client, empty: None, django_assert_num_queries: Any, number: int
) -> None:
    make_world(number)
    client.get("/practices/practice-of-0/", DAY)
    with django_assert_num_queries(DETAIL_QUERIES):
        client.get("/practices/practice-of-0/", DAY)


@pytest.mark.parametrize("number", [1, 3])
def test_a_pilot_s_page_takes_as_many_queries_for_one_practice_as_for_three(
    client: Client, empty: None, django_assert_num_queries: Any, number: int
) -> None:
    make_world(number)
    client.get("/pilots/late/", DAY)
    with django_assert_num_queries(PILOT_QUERIES):
        client.get("/pilots/late/", DAY)


LIST_QUERIES = 19  # 7 for practices and what belongs to them, 4 for filters and counts, 3 for sources and corrections
DETAIL_QUERIES = 17  # 7 for the practice, 7 for files, sources, follow-ups and maps, 3 for history and corrections
PILOT_QUERIES = 30  # 7 of them for practices, 1 for whether figures were otherwise on that day
