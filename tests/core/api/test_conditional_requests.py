"""Conditional requests: every JSON response has an ETag, and a client that has it gets 304."""

import gzip
import hashlib
import itertools
import json
from datetime import date
from typing import Any

import pytest
from django.test import Client

from config.api_urls import AGGREGATES, RESOURCES
from core.middleware import record_etag
from pilots.metrics import Move
from tests import factories as make
from tests.support.tiers import sampled

pytestmark = pytest.mark.django_db

PLAN = "synergy-implementation-plan-2022"
MAX_QUERIES = {"rollout": f"?policy={PLAN}", "trend": "?indicator=CO2_TOT&lang=en"}
ADDRESSES = [
    "/api/v1/",
    *(f"/api/v1/{name}/" for name in RESOURCES),
    *(f"/api/v1/{name}/{MAX_QUERIES.get(name, '')}" for name in AGGREGATES),
    "/api/v1/pilots/huzhou/",
    "/api/v1/indicators/AIR_SO2/",
]
VARY = {"Accept", "Accept-Encoding", "Accept-Language", "Cookie", "Authorization"}
GZIP = {"accept-encoding": "gzip"}
LIST, RECORD = "/api/v1/pilots/", "/api/v1/pilots/huzhou/"


def list_etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'  # noqa: S324  # as ConditionalGetMiddleware makes it


def vary_names(response: Any) -> set[str]:
    return set(response["Vary"].split(", "))


def heads(response: Any) -> dict[str, str]:
    """Return the headers that are equal for each request; the length of a compressed response is padded.

    Compression makes a tag weak, but not that of a 304, which has nothing to compress.
    """
    left_out = {"X-Request-ID", *({"Content-Length"} if "Content-Encoding" in response else ())}
    found = {name: value for name, value in response.headers.items() if name not in left_out}
    return {**found, "ETag": response["ETag"].removeprefix("W/"), "Vary": " ".join(sorted(vary_names(response)))}


# -- tags -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("address", "coding"), sampled(itertools.product(ADDRESSES, [{}, GZIP]), every=3))
def test_every_json_answer_names_its_version(client: Client, address: str, coding: dict[str, str]) -> None:
    response: Any = client.get(address, headers=coding)
    whole = gzip.decompress(response.content) if "Content-Encoding" in response else response.content
    revision = json.loads(whole)["revision"] if address.count("/") == 5 and "?" not in address else None
    tag = list_etag(whole) if revision is None else record_etag(whole, revision)
    assert (response.status_code, response["ETag"].removeprefix("W/")) == (200, tag)
    assert response["ETag"].startswith("W/") == ("Content-Encoding" in response)
    assert response["Cache-Control"] == "private, no-cache"
    assert vary_names(response) >= VARY
    again, head = client.get(address, headers=coding), client.head(address, headers=coding)
    assert again["ETag"].removeprefix("W/") == tag  # whether a short answer is compressed is random: its padding is
    assert head.status_code == 200
    assert revision is None or heads(head) == heads(response)
    same: Any = client.get(address, headers={**coding, "if-none-match": response["ETag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_the_tag_of_one_record_is_strong_whatever_the_client_unpacks(client: Client) -> None:
    """A write is held against it: a weak one would never do (RFC 9110, 13.1.1)."""
    plain, packed = client.get(RECORD), client.get(RECORD, headers=GZIP)
    assert packed["ETag"] == plain["ETag"] == record_etag(plain.content, plain.json()["revision"])
    assert "Content-Encoding" not in packed
    assert (packed.content, vary_names(packed)) == (plain.content, VARY)
    packed = client.get(LIST, headers=GZIP)
    assert (packed["Content-Encoding"], packed["ETag"]) == ("gzip", f"W/{client.get(LIST)['ETag']}")
    assert vary_names(packed) == VARY


# -- right after a write ----------------------------------------------------------------------------------------------


def test_an_entry_that_changes_nothing_shown_changes_the_tag_of_the_record(client: Client, empty: None) -> None:
    """Its revision rises with every entry, so that an editor never overwrites one unseen."""
    policy: Any = make.policy(slug="national")
    for address in ("/api/v1/policies/national/", "/api/v1/policies/national/?lang=en"):
        tag = client.get(address)["ETag"]
        policy.save()
        again = client.get(address, headers={"if-none-match": tag})
        assert (again.status_code, again["ETag"] == tag) == (200, False)


def test_the_revision_counts_the_entries_of_the_rows_of_a_record_too(client: Client, empty: None) -> None:
    milestone = make.milestone(make.pilot(make.batch(), make.province()), date(2026, 6, 1), is_key=True)
    make.amendment(milestone, day=date(2027, 1, 1))
    follow_up = make.follow_up(milestone.pilot, (Move.SIGN, date(2026, 6, 2)))
    addresses = [f"/api/v1/milestones/{milestone.pk}/", f"/api/v1/actions/{follow_up.number}/"]
    assert [client.get(address).json()["revision"] for address in addresses] == [2, 3]
