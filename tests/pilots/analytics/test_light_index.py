"""Lights of very many pilots at once equal those computed one by one, for page and API."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from pilots.analytics import pilot_status
from pilots.analytics.pilot_status import PilotStatus
from pilots.analytics.progress import build_progress
from pilots.lights import Colour
from pilots.models import Pilot
from tests.support.tiers import sampled

AS_OF = date(2026, 11, 24)


def lights_one_by_one(day: date) -> dict[str, tuple[Any, ...]]:
    return {item.pilot.slug: stage_and_light(item) for item in build_progress(Pilot.objects.listed(day), day).pilots}


def stage_and_light(item: PilotStatus) -> tuple[Any, ...]:
    return item.current_stage.stage.value if item.current_stage else "unknown", item.days_in_stage, item.colour


def lights_at_once(day: date) -> dict[str, tuple[Any, ...]]:
    pilots = Pilot.objects.listed(day)
    slugs = dict(pilots.values_list("pk", "slug"))
    found = pilot_status.status_by_pilot(pilots, day)
    return {slugs[key]: stage_and_light(item) for key, item in found.items()}


@pytest.mark.parametrize(
    "day", sampled([date(2024, 2, 1), date(2025, 3, 31), date(2025, 4, 1), date(2026, 6, 30), AS_OF])
)
def test_many_pilots_are_judged_as_one_is(demo: None, day: date) -> None:
    assert lights_at_once(day) == lights_one_by_one(day)


def test_pages_and_api_name_the_same_red_pilots(demo: None, client: Client) -> None:
    red = {slug for slug, found in lights_one_by_one(AS_OF).items() if found[2] == Colour.RED}
    assert red
    page = client.get(f"/pilots/?light=red&as_of={AS_OF}").context["listing"]
    answer = client.get(f"/api/v1/pilots/?light=red&as_of={AS_OF}&page_size=200").json()
    assert page.count == answer["count"] == len(red)
    assert {row["slug"] for row in answer["results"]} == red
    assert {cells[0].url for cells in page.table.rows} == {f"/pilots/{slug}/" for slug in red}


@pytest.mark.parametrize("sort", sampled(["light", "-light", "days", "-days"]))
def test_a_list_is_sorted_by_what_is_computed(demo: None, client: Client, sort: str) -> None:
    page = client.get(f"/pilots/?sort={sort}&as_of={AS_OF}").context["listing"]
    found = lights_one_by_one(AS_OF)
    numbers = [found[cells[0].url.split("/")[2]] for cells in page.table.rows]
    values = [list(Colour).index(item[2]) if "light" in sort else item[1] for item in numbers]
    known = [value for value in values if value is not None]
    assert len(known) > 10
    assert known == sorted(known, reverse=sort.startswith("-"))
