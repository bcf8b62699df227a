"""Conditional requests: every JSON response has an ETag, and a client that has it gets 304."""

import gzip
import hashlib
import itertools
import json
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from config.api_urls import AGGREGATES, RESOURCES
from core.api.viewsets import annotate_revision
from core.history.recording import cascading_models
from core.http.middleware import CompressionMiddleware, RequestMiddleware, record_etag
from pilots.models import Batch, Pilot
from policies.models import Industry, Policy, Province, ProvincialPlan
from tests.factories import make_batch, make_pilot, make_plan, make_policy, make_province
from tests.support.admin_forms import form_data
from tests.support.imports import run_import
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


@pytest.mark.parametrize("address", sampled(["/api/schema/?format=json", "/api/schema/"]))
def test_the_description_names_its_version(client: Client, address: str) -> None:
    response: Any = client.get(address)
    assert (response.status_code, response["ETag"]) == (200, list_etag(response.content))
    same: Any = client.get(address, headers={"if-none-match": response["ETag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_a_tag_is_made_of_the_bytes() -> None:
    assert record_etag(b"{}", 12) == '"12-44136fa355b3678a1146"'


def test_the_tag_of_one_record_is_strong_whatever_the_client_unpacks(client: Client) -> None:
    """A write is held against it: a weak one would never do (RFC 9110, 13.1.1)."""
    plain, packed = client.get(RECORD), client.get(RECORD, headers=GZIP)
    assert packed["ETag"] == plain["ETag"] == record_etag(plain.content, plain.json()["revision"])
    assert "Content-Encoding" not in packed
    assert (packed.content, vary_names(packed)) == (plain.content, VARY)
    packed = client.get(LIST, headers=GZIP)
    assert (packed["Content-Encoding"], packed["ETag"]) == ("gzip", f"W/{client.get(LIST)['ETag']}")
    assert vary_names(packed) == VARY


def test_what_is_shown_otherwise_has_another_tag(client: Client) -> None:
    queries = ["", "?lang=zh-hans", "?as_of=2024-06-30"]
    for address in (LIST, RECORD):
        assert len({client.get(address + query)["ETag"] for query in queries}) == len(queries)
    english, chinese = (client.get(RECORD, headers={"accept-language": code})["ETag"] for code in ("en", "zh-hans"))
    assert english == client.get(RECORD)["ETag"] != chinese == client.get(f"{RECORD}?lang=zh-hans")["ETag"]


@pytest.mark.parametrize("path", ["pilots/?format=csv", "pilots/huzhou/?format=csv"])
def test_files_have_none(client: Client, path: str) -> None:
    response = client.get(f"/api/v1/{path}", headers={"if-none-match": "*"})
    assert (response.status_code, "ETag" in response, response["Cache-Control"]) == (200, False, "private, no-cache")
    assert vary_names(response) == VARY


@pytest.mark.parametrize("path", ["pilots/?kindd=park", "pilots/nowhere/", "nothing/", "rollout/", "pilots/?lang=x"])
def test_errors_are_sent_whole(client: Client, path: str) -> None:
    response = client.get(f"/api/v1/{path}", headers={"if-none-match": "*"})
    assert response.status_code in {400, 404}
    assert (response["Cache-Control"], vary_names(response)) == ("private, no-cache", VARY)


def test_pages_have_tags_too(client: Client) -> None:
    page = client.get("/")
    assert client.get("/", headers={"if-none-match": page["ETag"]}).status_code == 304
    assert "Cache-Control" not in page


def test_a_method_that_is_not_offered_has_none(client: Client) -> None:
    response = client.post("/api/v1/overview/", {}, content_type="application/json")
    assert (response.status_code, "ETag" in response) == (405, False)


# -- asking again -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", [{}, GZIP])
@pytest.mark.parametrize("address", [LIST, RECORD])
def test_an_answer_that_is_known_keeps_its_headers_and_loses_its_body(
    client: Client, address: str, coding: dict[str, str]
) -> None:
    whole: Any = client.get(address, headers=coding)
    asked = {**coding, "if-none-match": whole["ETag"], "x-request-id": "again-1"}
    same: Any = client.get(address, headers=asked)
    assert (same.status_code, same.reason_phrase, same.content) == (304, "Not Modified", b"")
    gone = {"Content-Type", "Content-Length", "Content-Encoding", "Content-Language", "Allow"}
    assert heads(same) == {name: value for name, value in heads(whole).items() if name not in gone}
    assert same["X-Request-ID"] == "again-1"
    assert not gone & set(same.headers)


@pytest.mark.parametrize("address", [LIST, RECORD])
@pytest.mark.parametrize("coding", [{}, GZIP])
@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ("*", 304),
        (' "other" , {tag}', 304),
        ('"a,b", W/"x",\t{tag}', 304),
        ('"other"', 200),
        ('""', 200),
        # What follows is no list of tags: it is passed over, and the whole is sent.
        ("{tag} x", 200),
        ("{bare}", 200),
        ('"{bare}', 200),
        ("{tag}{tag}", 200),
        ("", 200),
        ('"' * 4000, 200),
        (", " * 4000 + "x", 200),
    ],
)
def test_if_none_match(client: Client, address: str, coding: dict[str, str], header: str, status: int) -> None:
    tag = client.get(address)["ETag"]
    sent = header.format(tag=tag, bare=tag.strip('"'))
    assert (sent, client.get(address, headers={**coding, "if-none-match": sent}).status_code) == (sent, status)


def test_a_day_of_the_browser_s_own_is_not_asked_about(client: Client) -> None:
    """There is no Last-Modified, so If-Modified-Since says nothing, and If-None-Match counts alone."""
    day = "Sun, 01 Jan 2090 00:00:00 GMT"
    assert client.get(LIST, headers={"if-modified-since": day}).status_code == 200
    asked = {"if-modified-since": "Sat, 01 Jan 2000 00:00:00 GMT", "if-none-match": client.get(LIST)["ETag"]}
    assert client.get(LIST, headers=asked).status_code == 304


# -- right after a write ----------------------------------------------------------------------------------------------


def assert_changed(client: Client, before: dict[str, str]) -> set[str]:
    """Return the changed URLs; each must have a new ETag and be sent in full to clients with the old one."""
    found = set()
    for address, tag in before.items():
        response = client.get(address, headers={"if-none-match": tag})
        if response.status_code == 200:
            assert response["ETag"] != tag
            found.add(address)
    return found


def etags_of(client: Client, *addresses: str) -> dict[str, str]:
    return {address: client.get(address)["ETag"] for address in addresses}


def test_a_write_of_the_program_shows_at_once(client: Client) -> None:
    plan = ProvincialPlan.objects.get(policy__slug=PLAN, province__slug="tianjin")
    rollout, one = f"/api/v1/rollout/?policy={PLAN}", f"/api/v1/plans/{plan.pk}/"
    lists = [f"/api/v1/{name}/" for name in ("plans", "provinces", "pilots", "overview", "coverage")]
    before = etags_of(
        client, rollout, one, *lists, "/api/v1/plans/?status=drafting", "/api/v1/plans/?status__ne=issued"
    )
    plan.status, plan.issued_on, plan.issued_precision, plan.known_issued_by = "drafting", None, "", None
    plan.published_on = None
    plan.save()
    assert assert_changed(client, before) == {
        *(rollout, one, "/api/v1/plans/", "/api/v1/overview/"),
        *("/api/v1/plans/?status=drafting", "/api/v1/plans/?status__ne=issued"),
    }
    plan.delete()
    assert client.get(one, headers={"if-none-match": "*"}).status_code == 404


def test_an_import_shows_at_once(client: Client, empty: None) -> None:
    make_pilot(make_batch(), make_province(), slug="p")
    shown = [f"/api/v1/{name}/" for name in ("pilots", "pilots/p", "stages", "progress")]
    before = etags_of(client, *shown, "/api/v1/provinces/", "/api/v1/readings/")
    run_import("stages", ["pilot", "stage", "planned_on", "entered_on"], ["p", "listed", None, "2024-01-15"])
    assert assert_changed(client, before) == set(shown)


def test_the_admin_shows_at_once(client: Client, empty: None) -> None:
    policy = make_policy(slug="national", issued_on=date(2022, 6, 10))
    plan = make_plan(policy, make_province())
    shown = ["/api/v1/plans/", f"/api/v1/plans/{plan.pk}/", "/api/v1/rollout/?policy=national"]
    before = etags_of(client, *shown, "/api/v1/policies/", "/api/v1/pilots/")
    staff = Client()
    staff.force_login(User.objects.create_superuser("root"))
    address = reverse("admin:policies_provincialplan_change", args=[plan.pk])
    response = staff.post(address, form_data(staff.get(address), issued_on="2022-12-30"))
    assert response.status_code == 302
    assert assert_changed(client, before) == set(shown)


def test_an_entry_that_changes_nothing_shown_changes_the_tag_of_the_record(client: Client, empty: None) -> None:
    """Its revision rises with every entry, so that an editor never overwrites one unseen."""
    policy: Any = make_policy(slug="national")
    before = etags_of(client, "/api/v1/policies/national/", "/api/v1/policies/national/?lang=en")
    policy.save()
    assert assert_changed(client, before) == set(before)


# -- headers of views -----------------------------------------------------------------------------------------------


def test_only_what_has_the_tag_of_a_record_is_sent_uncompressed() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(b"{}" * 200, content_type="application/json", headers={"ETag": request.path[1:]})

    for tag, packed in ((record_etag(b"{}", 12), False), (list_etag(b"{}"), True)):
        response = CompressionMiddleware(view)(RequestFactory().get(f"/{tag}", headers=GZIP))
        assert ("Content-Encoding" in response, response["ETag"] == tag) == (packed, not packed)


def test_a_view_may_say_more_strictly_how_its_answer_is_cached() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(b"{}", content_type="application/json", headers={"Cache-Control": "no-store"})

    assert RequestMiddleware(view)(RequestFactory().get("/api/v1/"))["Cache-Control"] == "no-store"


@pytest.mark.parametrize("model", [Pilot, Batch, Province, Industry])
def test_the_revision_counts_the_entries_of_the_record_and_its_rows(model: type[Model]) -> None:
    found = {record.pk: record.revision for record in annotate_revision(model._default_manager.all())}
    counted: Any = [(model, "id"), *cascading_models(model)]
    for key, revision in found.items():
        assert revision == sum(kind.history.filter(**{field: key}).count() for kind, field in counted)


def test_shipped_records_have_a_revision(client: Client) -> None:
    """What the tags of this module rest on."""
    assert Pilot.objects.get(slug="huzhou").history.count() == client.get(RECORD).json()["revision"] >= 1
    assert Policy.objects.filter(slug=PLAN).exists()
