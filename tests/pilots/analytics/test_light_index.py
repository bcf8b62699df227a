"""Lights of very many pilots at once equal those computed one by one, for page and API."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.http.as_of import SIDES
from pilots.analytics import light_index
from pilots.analytics.pilot_status import build_progress
from pilots.demo.load import load_demo
from pilots.metrics.lights import Colour
from pilots.models import Milestone, Pilot, Reading, Target
from tests.support.databases import kept_between_tests
from tests.support.demo_data import delete_all_records
from tests.support.tiers import sampled

AS_OF = date(2026, 11, 24)


@pytest.fixture(scope="module")
def demonstration(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Load the demonstration once for this module; restore the seed records afterwards."""
    with kept_between_tests(django_db_blocker):
        delete_all_records()
        load_demo(files=False)
        yield
    SIDES.clear()


@pytest.fixture
def demo(demonstration: None, db: None) -> Iterator[None]:
    SIDES.clear()
    cache.clear()
    yield
    SIDES.clear()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the chunk size to ten pilots."""
    monkeypatch.setattr("pilots.analytics.light_index.STATUS_CHUNK_SIZE", 10)
    monkeypatch.setattr("pilots.analytics.light_index.STATUS_CHUNK_SIZE", 10)


def lights_one_by_one(day: date) -> dict[str, tuple[Any, ...]]:
    return {
        item.pilot.slug: (
            item.current_stage.stage.value if item.current_stage else "unknown",
            item.days_in_stage,
            item.colour,
        )
        for item in build_progress(Pilot.objects.listed(day), day).pilots
    }


def lights_at_once(day: date) -> dict[str, tuple[Any, ...]]:
    pilots = Pilot.objects.listed(day)
    slugs = dict(pilots.values_list("pk", "slug"))
    found = light_index.stages_and_lights(pilots, day)
    return {slugs[key]: (item.stage, item.days, item.colour) for key, item in found.items()}


@pytest.mark.parametrize(
    "day", sampled([date(2024, 2, 1), date(2025, 3, 31), date(2025, 4, 1), date(2026, 6, 30), AS_OF])
)
def test_many_pilots_are_judged_as_one_is(demo: None, small_chunks: None, day: date) -> None:
    assert lights_at_once(day) == lights_one_by_one(day)
    assert lights_at_once(day) == lights_one_by_one(day)  # the second time from the cache


def test_pages_and_api_name_the_same_red_pilots(demo: None, client: Client) -> None:
    red = {slug for slug, found in lights_one_by_one(AS_OF).items() if found[2] == Colour.RED}
    assert red
    page = client.get(f"/pilots/?light=red&as_of={AS_OF}").context["listing"]
    answer = client.get(f"/api/v1/pilots/?light=red&as_of={AS_OF}&page_size=200").json()
    assert page.count == answer["count"] == len(red)
    assert {row["slug"] for row in answer["results"]} == red
    assert {cells[0].url for cells in page.table.rows} == {f"/pilots/{slug}/" for slug in red}


def change_milestone(pilot: Pilot) -> None:
    Milestone.objects.create(pilot=pilot, title_en="Late", facet="goal", planned_on=date(2026, 1, 1), is_key=True)


def change_target(pilot: Pilot) -> None:
    Target.objects.filter(pilot=pilot).update(binding=False)


def change_reading(pilot: Pilot) -> None:
    for reading in Reading.objects.filter(pilot=pilot, period="2025"):
        Reading.objects.filter(pk=reading.pk).update(value=(reading.value or 0) * 3 + 1)


@pytest.mark.parametrize("change", [change_milestone, change_target, change_reading])
def test_a_pilot_whose_facts_changed_is_judged_anew(demo: None, small_chunks: None, change: Any) -> None:
    before = lights_at_once(AS_OF)
    for pilot in Pilot.objects.listed(AS_OF)[:10]:
        change(pilot)
    after = lights_one_by_one(AS_OF)
    assert after != before
    assert lights_at_once(AS_OF) == after


def test_only_what_changed_is_judged_again(
    demo: None, small_chunks: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.CACHE_RESPONSES = True
    monkeypatch.setattr("pilots.analytics.pilot_cache.MAX_PILOTS", 0)  # as with more than a process keeps
    lights_at_once(AS_OF)
    judged: list[str] = []
    real = light_index.colour_on

    def counted(pilot: Any, day: date) -> Colour:
        judged.append(pilot.pk)
        return real(pilot, day)

    monkeypatch.setattr(light_index, "colour_on", counted)
    lights_at_once(AS_OF)
    assert judged == []
    pilot = Pilot.objects.listed(AS_OF)[0]
    change_milestone(pilot)
    lights_at_once(AS_OF)
    assert judged == [pilot.pk]


@pytest.mark.parametrize("sort", sampled(["light", "-light", "stage", "-stage", "days", "-days"]))
def test_a_long_list_is_sorted_as_a_short_one(demo: None, client: Client, sort: str, request: Any) -> None:
    def rows() -> list[str]:
        return [
            cells[0].url for cells in client.get(f"/pilots/?sort={sort}&as_of={AS_OF}").context["listing"].table.rows
        ]

    short = rows()
    request.getfixturevalue("small_chunks")
    assert rows() == short
    found = lights_one_by_one(AS_OF)
    numbers = [found[url.split("/")[2]] for url in short]
    by = {"light": lambda item: list(Colour).index(item[2]), "days": lambda item: item[1]}.get(sort.removeprefix("-"))
    if by:
        known = [by(item) for item in numbers if by(item) is not None]
        assert known == sorted(known, reverse=sort.startswith("-"))


def test_statements_do_not_grow_with_the_list(demo: None, small_chunks: None, client: Client) -> None:
    """No statement holds a branch, nor names a key, for each pilot of the list."""
    with CaptureQueriesContext(connection) as queries:
        client.get(f"/pilots/?sort=light&as_of={AS_OF}")
    assert max(len(query["sql"]) for query in queries) < 8000  # the longest names the history of every kind of record
    assert not any("CASE WHEN" in query["sql"] and "pilots_pilot" in query["sql"] for query in queries)
