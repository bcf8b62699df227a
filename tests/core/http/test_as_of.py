"""Days of a request at every address of pages and API: odd ones are answered, or refused by name, in both languages."""

import re
from typing import Any

import pytest
from django.test import Client

from config.api_urls import AGGREGATES, RESOURCES
from core.http import FIRST_DAY
from core.snapshots import TODAY_ONLY
from tests.test_pages import PAGES

pytestmark = pytest.mark.django_db

QUERIES = {"rollout": "?policy=synergy-implementation-plan-2022", "trend": "?indicator=CO2_TOT"}
API = [
    *(f"/api/v1/{name}/" for name in RESOURCES),
    *(f"/api/v1/{name}/{QUERIES.get(name, '')}" for name in AGGREGATES),
    *("/api/v1/briefs/nation/", "/api/v1/pilots/huzhou/", "/api/v1/pilots/?format=csv"),
]
OTHER_PAGES = ["/pilots/?export=pilots.csv", "/?export=attention.xlsx", "/desk/", "/actions/new/", "/nowhere/"]
REFUSED = {
    "as_of=0001-01-01": "as_of: 0001-01-01 is too early. Give 1949-10-01 or a day after it.",
    "as_of=1949-09-30": "as_of: 1949-09-30 is too early. Give 1949-10-01 or a day after it.",
    "as_of=0001-01-01&lang=zh-hans": "as_of：0001-01-01过早。请填写1949-10-01或以后的日期。",
    "known=0001-01-01": "known: 0001-01-01 is too early. Give 1949-10-01 or a day after it.",
}


def get(client: Client, address: str, query: str) -> Any:
    client.raise_request_exception = False
    return client.get(f"{address}{'&' if '?' in address else '?'}{query}")


@pytest.mark.parametrize("address", [*PAGES, *OTHER_PAGES, *API])
def test_a_day_that_is_too_early_is_refused_by_name(client: Client, address: str) -> None:
    for query, message in REFUSED.items():
        if query.startswith("known") and address.startswith(TODAY_ONLY):  # the day is of no use there
            continue
        answer = get(client, address, query)
        assert answer.status_code == 400, query
        assert message in answer.content.decode(), query


@pytest.mark.parametrize("address", [*PAGES, *OTHER_PAGES, *API])
def test_the_first_day_is_answered(client: Client, address: str) -> None:
    """A record that was not known on the day, and its page, are not found, and no filter takes it."""
    answer = get(client, address, f"as_of={FIRST_DAY}")
    assert answer.status_code in {200, 302, 400, 404}
    body = b"" if answer.streaming else answer.content
    assert b"too early" not in body
    assert not re.search(rb"as_of=19(49-0|4[0-8])", body)
