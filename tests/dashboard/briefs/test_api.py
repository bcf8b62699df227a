"""Briefs in the API: the index of subjects, and each with the texts of its page."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from pilots.models import Pilot
from tests import factories as make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]


@pytest.fixture
def pilot() -> Pilot:
    """Make a pilot with one target."""
    province = make.province(slug="jia", name_zh="甲省", short_en="Jia")
    pilot = make.pilot(make.batch(slug="first", known_by=date(2024, 1, 15)), province, slug="park", name_en="Park")
    make.target(pilot, make.indicator("AIR_A"), 100, 70)
    return pilot


def without_moment(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in {"made_at", "demonstration"}}


def test_the_index_lists_every_subject_and_each_has_the_json_of_its_page(pilot: Pilot, client: Client) -> None:
    index = client.get("/api/v1/briefs/?as_of=2026-06-30").json()
    assert [(item["kind"], item["slug"]) for item in index["briefs"]] == [
        ("nation", ""),
        ("batch", "first"),
        ("province", "jia"),
        ("pilot", "park"),
    ]
    for item in index["briefs"]:
        address = item["url"].removeprefix("http://testserver")
        for query in ("as_of=2026-06-30", "as_of=2026-06-30&lang=zh-hans&since=2025-12-31"):
            answer = client.get(f"{address}?{query}")
            page = client.get(f"{item['page'].removeprefix('http://testserver')}?{query}&export=json")
            assert without_moment(answer.json()) == without_moment(page.json()), address
    assert answer.json()["language"] == "zh-hans"
    lines = b"".join(client.get("/api/v1/briefs/?format=csv")).decode("utf-8-sig").splitlines()  # type: ignore[call-overload]
    assert (lines[0], len(lines)) == ("kind,slug,name,url,page", 5)
