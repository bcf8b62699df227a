"""Pages of practices: what they say, their filters and files, practices for a pilot, and their queries."""

from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from pilots.analytics.pilot_status import build_progress
from pilots.metrics import PracticeState, Trust
from pilots.models import Pilot, Practice
from pilots.practices import build_diffusion, practices_for
from tests import factories as make

pytestmark = pytest.mark.django_db
DAY = {"as_of": "2026-10-01"}


def page_text(client: Client, path: str, **params: str) -> str:
    response = client.get(path, params)
    assert response.status_code == 200
    return unescape(response.content.decode())


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


def test_no_copy_is_not_a_median_of_nothing(empty: None) -> None:
    make.practice(make.pilot(make.batch(), make.province()))
    diffusion = build_diffusion(date(2026, 5, 1))
    assert (diffusion.median_days_to_first_copy, diffusion.usual_days) == (None, None)
    assert diffusion.copies.adopters == dict.fromkeys(Trust, 0)
    assert diffusion.by_state == dict.fromkeys(PracticeState, 0) | {PracticeState.PROPOSED: 1}
