"""Cursor pagination: every record once, by id, with queries that depend on the page alone."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.test import Client

from config.api_urls import RESOURCES
from core.api.pagination import encode_cursor
from pilots.models import Indicator, Pilot, Reading
from tests import factories as make
from tests.support.databases import kept_between_tests

pytestmark = pytest.mark.django_db
YEARS = range(2000, 2020)


@pytest.fixture(scope="module", autouse=True)
def _measured(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Make records of which the seed has none, once for this module."""
    with kept_between_tests(django_db_blocker):
        pilot, indicator = Pilot.objects.get(slug="huzhou"), Indicator.objects.get(code="ENE_NFF")
        for year in YEARS:
            make.milestone(pilot, date(year, 12, 31))
            make.reading(pilot, indicator, str(year), 21)
            make.follow_up(pilot, opened_on=date(year, 6, 1), due_on=date(year, 7, 1))
            make.adoption(make.practice(), province=pilot.province)
        yield


def pages(client: Client, address: str) -> list[dict[str, Any]]:
    """Return every page from this URL on."""
    found: list[dict[str, Any]] = []
    following: str | None = address
    while following:
        found.append(client.get(following).json())
        following = found[-1]["next"]
    return found


@pytest.mark.parametrize("resource", RESOURCES)
def test_by_cursor_each_record_comes_once_in_the_order_of_numbers(client: Client, resource: str) -> None:
    found = pages(client, f"/api/v1/{resource}/?cursor=first&page_size=15")
    whole = client.get(f"/api/v1/{resource}/?ordering=id&page_size=200").json()
    assert [row for page in found for row in page["results"]] == whole["results"]
    assert {(page["count"], page["previous"], len(page["results"]) <= 15) for page in found} == {(None, None, True)}
    assert list(found[0]) == list(whole)


def test_what_comes_and_goes_meanwhile_shifts_nothing(client: Client) -> None:
    first = client.get("/api/v1/readings/?cursor=first&page_size=8").json()
    Reading.objects.get(pk=first["results"][0]["id"]).delete()
    make.reading(Pilot.objects.get(slug="huzhou"), Indicator.objects.get(code="ENE_NFF"), "2020", 21)
    rest = pages(client, first["next"])
    periods = [row["period"] for page in [first, *rest] for row in page["results"]]
    assert periods == [str(year) for year in [*YEARS, 2020]]


REFUSED = [
    ("cursor=last", [("cursor", "invalid_cursor", "“first”")]),
    ("cursor=%00", [("cursor", "invalid_cursor", "“first”")]),
    ("cursor=" + "A" * 400, [("cursor", "invalid_cursor", "…")]),
    (f"cursor={encode_cursor('c', 0, 7)}", [("cursor", "invalid_cursor", "“next”")]),
    ("cursor=first&page=2", [("page", "not_with_cursor", "Leave one")]),
    ("cursor=first&page=1&ordering=id", [("page", "not_with_cursor", ""), ("ordering", "not_with_cursor", "")]),
    ("cursor=first&page_size=201", [("page_size", "invalid_number", "200")]),
]


@pytest.mark.parametrize(("query", "wanted"), REFUSED)
def test_what_cannot_be_read_is_rejected_with_a_remedy(
    client: Client, query: str, wanted: list[tuple[str, str, str]]
) -> None:
    response = client.get(f"/api/v1/readings/?{query}")
    faults = json.loads(response.content)["errors"]
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    assert [(fault["pointer"], fault["code"]) for fault in faults] == [where[:2] for where in wanted]
    assert [told in fault["message"] for fault, (_where, _code, told) in zip(faults, wanted, strict=True)] == [
        True for _ in wanted
    ]
