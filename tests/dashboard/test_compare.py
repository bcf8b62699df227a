"""Pages of batches, and pilots found to be compared."""

from datetime import date

import pytest
from django.test import Client

from pilots.models import Pilot
from tests import factories as make
from tests.support.csv_files import csv_records

pytestmark = pytest.mark.django_db


def test_batches_come_in_pages_with_the_reconciliation_of_theirs(empty: None, client: Client) -> None:
    province = make.province()
    for n in range(52):
        batch = make.batch(level="provincial", province=province, announced_on=date(2024, 1, 1 + n % 28), city_count=2)
        make.pilot(batch, province)
    pages = [client.get("/batches/", {"page": n}).context for n in (1, 2)]
    assert [page["finding"] for page in pages] == [
        "52 batches; 104 announced: 52 in the programme, 0 withdrawn, 52 to enter."
    ] * 2
    for page, n in zip(pages, (50, 2), strict=True):
        first = [row[0].url for row in page["listing"].table.rows]
        assert [row[0].url for row in page["reconciliation"].rows] == first
        assert len(first) == n
    for table in ("batches", "reconciliation"):
        assert len(csv_records(client.get("/batches/", {"export": f"{table}.csv"}))) == 52


# -- pilots to compare -------------------------------------------------------------------------------------


@pytest.fixture
def cities(empty: None) -> list[Pilot]:
    batch, province = make.batch(), make.province(slug="hebei", name_en="Hebei")
    return [make.pilot(batch, province, slug=f"city-{n:02}", name_en=f"City {chr(97 + n) * 3}") for n in range(25)]


def found(client: Client, **query: str) -> list[tuple[str, str]]:
    return [(pilot.slug, add) for pilot, add in client.get("/compare/", query).context["found"]["pilots"]]


def test_a_search_finds_pilots_to_compare(cities: list[Pilot], client: Client) -> None:
    assert found(client, q="city hhh hebei", as_of="2026-01-01") == [
        ("city-07", "/compare/?as_of=2026-01-01&a=city-07")
    ]
    query = {"a": "city-01", "c": "city-03"}
    assert found(client, q="city hhh", **query) == [("city-07", "/compare/?a=city-01&c=city-03&b=city-07")]
    assert found(client, q="city bbb", **query) == []  # it is there already
    assert "No other recorded pilot matches." in client.get("/compare/", {"q": "nowhere"}).text
    full = {name: f"city-0{n}" for n, name in enumerate("abcd")}
    assert "Up to four fit side by side: take one out first." in client.get("/compare/", {"q": "city hhh", **full}).text


def test_a_search_shows_the_first_of_many(cities: list[Pilot], client: Client) -> None:
    page = client.get("/compare/", {"q": "city"})
    assert page.text.count(">Add to the comparison<") == len(page.context["found"]["pilots"]) == 20
    assert "The first 20 of 25 pilots. A search for more words finds fewer." in page.text
    assert not client.get("/compare/").context["found"]


def test_those_picked_stay_while_one_searches(cities: list[Pilot], client: Client) -> None:
    """The form sends them on, and each has a link that takes it out."""
    page = client.get("/compare/", {"a": "city-01", "b": "city-02", "q": "city"}).text
    assert '<input type="hidden" name="a" value="city-01" id="id_a">' in page
    assert 'href="/compare/?b=city-02&amp;q=city"' in page
    assert "City yyy" not in page  # nor is any other of all pilots there to choose from
    assert "Side by side" in page
