"""API conventions at every URL: strict parameters, one format of errors, three content types, one schema."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import quote

import pytest
from django.core.exceptions import SuspiciousOperation
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.api_urls import RESOURCES as VIEWSETS
from pilots.api import records as pilots_api
from pilots.models import Attachment, Indicator, Pilot
from tests import factories as make
from tests.support.databases import kept_between_tests

pytestmark = pytest.mark.django_db

RESOURCES = [
    *("provinces", "agencies", "policies", "measures", "plans", "figures", "sources", "industries", "batches"),
    *("pilots", "stages", "milestones", "completions", "amendments", "deadlines", "indicators", "targets", "readings"),
    *("documents", "attachments", "actions", "practices", "adoptions", "effects", "editions"),
]
PLAN = "synergy-implementation-plan-2022"


@pytest.fixture(scope="module", autouse=True)
def measured(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Make records of which the seed has none, once for this module."""
    with kept_between_tests(django_db_blocker):
        pilot, indicator = Pilot.objects.get(slug="huzhou"), Indicator.objects.get(code="ENE_NFF")
        for year in (2023, 2024, 2025):
            milestone = make.milestone(pilot, date(year, 12, 31), date(year, 12, 1) if year < 2025 else None)
            make.completion(milestone, date(year, 11, 1), objected_on=date(year, 11, 20), objection="Another one")
            make.amendment(milestone, day=date(year + 1, 3, 31))
            make.deadline(pilot, year, date(year + 1, 6, 30))
            reading = make.reading(pilot, indicator, str(year), 21)
            Attachment.objects.create(document=make.document(is_public=True), reading=reading)
            make.follow_up(pilot, opened_on=date(year, 6, 1), due_on=date(year, 7, 1))
            make.adoption(make.practice(), province=pilot.province)
            make.edition(f"{year}-Q4")
        yield


def answer(response: Any) -> Any:
    """Return the body of a response, also of a streaming one."""
    return b"".join(response.streaming_content) if response.streaming else response.content


def rows_of(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer(response).decode())))


# -- strict parameters -----------------------------------------------------------------------------------

REFUSED = [
    ("pilots/?provnce=zhejiang", "provnce", "unknown_parameter", "“province”"),
    ("pilots/?kind=", "kind", "empty_value", "leave the parameter out"),
    ("pilots/?kind=parc", "kind", "invalid_value", "“park”"),
    ("pilots/?q=%00", "q", "invalid_value", "Null"),
    ("pilots/?q=" + "a+" * 300, "q", "too_long", "500"),
    ("pilots/?" + "b" * 3900 + "=1", "b" * 79 + "…", "unknown_parameter", "Use one of: "),
    ("pilots/?page=0", "page", "invalid_number", "from 1"),
    ("pilots/?format=csv&page=1&page_size=1.5", "page_size", "invalid_number", "200"),
    ("pilots/?format=csv&page_size=10", "page_size", "without_page", "a file holds the whole list"),
    ("pilots/?ordering=colour", "ordering", "invalid_choice", "Use one of: id, slug, "),
    ("pilots/huzhou/?q=x", "q", "unknown_parameter", "Use one of: "),
    ("plans/?issued_on__gte=01/02/2023", "issued_on__gte", "invalid_date", "2024-01-30"),
    ("pilots/?known=2026-02-30", "known", "invalid_date", "known: the day 2026-02-30 does not exist."),
    ("pilots/?as_of=2999-01-01", "as_of", "future_date", ""),
    ("rollout/", "policy", "required", PLAN),
    ("rollout/?policy=synergy-implementation-plan", "policy", "invalid_choice", f"“{PLAN}”"),
    ("readings/?period=2025Q3", "period", "invalid_value", "2025-Q3"),
    ("synergy/?year=25", "year", "invalid_number", "2025"),
    ("?format=csv", "format", "invalid_choice", "json"),
]


@pytest.mark.parametrize(("address", "pointer", "code", "told"), REFUSED)
def test_a_wrong_parameter_is_rejected_by_name(
    client: Client, address: str, pointer: str, code: str, told: str
) -> None:
    response = client.get(f"/api/v1/{address}")
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    body = json.loads(response.content)
    assert {fault["pointer"]: fault["code"] for fault in body["errors"]} == {pointer: code}
    assert told in body["detail"]
    assert len(response.content) < 2500, "an answer must not grow with the request"


def test_search_and_q_mean_the_same_and_both_hold(client: Client) -> None:
    def found(query: str) -> list[str]:
        return [row["slug"] for row in client.get(f"/api/v1/pilots/?ordering=slug&{query}").json()["results"]]

    assert found("q=湖州") == found("search=湖州") == ["huzhou", "huzhou-zhejiang"]
    assert found("q=湖州&search=nowhere") == []
    assert found("q=" + quote("%")) == []


# -- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *("/api/v2/", "/api/v1/nothing/", "/api/v1/provinces/nowhere/", "/api/v1/provinces/%00/"),
        *("/api/v1/provinces/%ff/", "/api/v1/plans/abc/", "/api/v1/plans/" + "9" * 30 + "/", "/api/v1/plans/0/"),
        *("/api/v1/plans/" + "9" * 18 + "/", "/api/v1/pilots/?page=1000000000000000", "/api/v1/pilots/?page=2"),
    ],
)
def test_what_is_not_there_is_a_problem_404(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert json.loads(response.content)["status"] == 404


def test_the_whole_shape_of_a_problem(client: Client) -> None:
    response = client.get("/api/v1/pilots/?provnce=zhejiang", headers={"X-Request-ID": "abc-1"})
    message = "There is no “provnce” here. Did you mean “province”?"
    assert json.loads(response.content) == {
        "type": "about:blank",
        "title": "Bad request",
        "status": 400,
        "detail": message,
        "instance": "/api/v1/pilots/",
        "request_id": "abc-1",
        "errors": [{"pointer": "provnce", "code": "unknown_parameter", "message": message}],
    }


def test_errors_of_django_itself_are_problems_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.raise_request_exception = False
    assert client.get("/api/v1/pilots/", headers={"host": "evil.example"})["Content-Type"] == "application/problem+json"
    for fault, status in ((SuspiciousOperation("x"), 400), (RuntimeError("x"), 500)):
        monkeypatch.setattr(pilots_api.PilotViewSet, "get_queryset", lambda self, fault=fault: view_raising(fault))
        response = client.get("/api/v1/pilots/")
        assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")


def view_raising(fault: Exception) -> None:
    raise fault


# -- lists, fields, order ------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", RESOURCES)
def test_pages_hold_each_row_once_and_links_lead_on(client: Client, resource: str) -> None:
    whole = client.get(f"/api/v1/{resource}/?page_size=200").json()
    assert list(whole) == ["count", "next", "previous", "results"]
    assert (whole["count"], whole["next"], whole["previous"]) == (len(whole["results"]), None, None)
    seen, address = [], f"/api/v1/{resource}/?page_size=7"
    while address:
        page = client.get(address).json()
        seen += page["results"]
        address = page["next"]
    assert seen == whole["results"]
    assert len({row["url"] for row in seen}) == whole["count"] > 0


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_record_stands_at_its_address_as_in_the_list(client: Client, resource: str) -> None:
    for row in client.get(f"/api/v1/{resource}/?page_size=3").json()["results"]:
        assert client.get(row["url"]).json() == row


@pytest.mark.parametrize("resource", ["pilots", "stages", "milestones", "plans"])
def test_every_ordering_word_orders_both_ways_with_no_data_last(client: Client, resource: str) -> None:
    words = VIEWSETS[resource][1].ordering_fields
    for word in (sign + name for name in words for sign in ("", "-")):
        response = client.get(f"/api/v1/{resource}/?ordering={word}&page_size=200")
        assert response.status_code == 200
        values = [row.get(word.removeprefix("-")) for row in response.json()["results"]]
        filled = [value for value in values if value is not None]
        if word.removeprefix("-").endswith(("_on", "_start", "_end")):
            assert filled == sorted(filled, reverse=word.startswith("-"))
            assert values == [*filled, *[None] * (len(values) - len(filled))]


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_key_settles_ties(client: Client, resource: str) -> None:
    """Otherwise rows with equal sort values could change places between pages."""
    word = next(name for name in VIEWSETS[resource][1].ordering_fields if name != "id")
    with CaptureQueriesContext(connection) as asked:
        client.get(f"/api/v1/{resource}/?ordering=-{word}&page_size=3")
    sql = next(query["sql"] for query in asked if "LIMIT 3" in query["sql"])
    assert re.match(r'SELECT (DISTINCT )?"\w+"\."id"[ ,]', sql)  # plain rows are ordered by the number of a column
    assert re.search(r'("id"| 1) ASC LIMIT 3$', sql)


def test_nothing_is_empty_text(client: Client) -> None:
    """No data is null in the API, never an empty string."""
    for resource in RESOURCES:
        text = client.get(f"/api/v1/{resource}/?page_size=200").content.decode()
        assert '""' not in text


# -- files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", RESOURCES)
def test_csv_streams_the_whole_list_in_plain_utf8(client: Client, resource: str) -> None:
    listed = client.get(f"/api/v1/{resource}/?page_size=200").json()["results"]
    response = client.get(f"/api/v1/{resource}/?format=csv")
    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith(f'attachment; filename="{resource}-2')
    rows = rows_of(response)
    assert list(rows[0]) == list(listed[0])
    assert [row["url"] for row in rows] == [row["url"] for row in listed]


# -- description -------------------------------------------------------------------------------------------------


def test_the_root_leads_everywhere(client: Client) -> None:
    addresses = client.get("/api/v1/").json()
    assert list(addresses) == [
        *(*RESOURCES, "overview", "rollout", "coverage", "progress", "synergy", "trend", "followup", "lights"),
        *("changes", "schema", "docs"),
    ]
    for name, address in addresses.items():
        assert client.get(address).status_code == (400 if name in {"rollout", "trend"} else 200)
