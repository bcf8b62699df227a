"""Every JSON answer of the API names its version, and a client that has it already is told so instead of sent it."""

import gzip
import json
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.http import parse_http_date
from drf_spectacular.generators import SchemaGenerator
from rest_framework.response import Response

from config.conditional import Compression, tag_of, tags
from config.faults import BadRequest
from config.resources import Deprecated, Strict
from config.urls import AGGREGATES, RESOURCES
from pilots.models import Pilot
from policies.models import Policy, ProvincialPlan
from tests.admin_forms import filled
from tests.factories import make_batch, make_pilot, make_plan, make_policy, make_province
from tests.imports import imported

pytestmark = pytest.mark.django_db

PLAN = "synergy-implementation-plan-2022"
NEEDED = {"rollout": f"?policy={PLAN}", "trend": "?indicator=CO2_TOT&omit=same"}
ADDRESSES = [
    "/api/v1/",
    *(f"/api/v1/{name}/" for name in RESOURCES),
    *(f"/api/v1/{name}/{NEEDED.get(name, '')}" for name in AGGREGATES),
    "/api/v1/pilots/huzhou/",
    "/api/v1/indicators/AIR_SO2/",
]
VARY = {"Accept", "Accept-Language", "Cookie", "Authorization"}
GZIP = {"accept-encoding": "gzip"}
LIST, RECORD = "/api/v1/pilots/", "/api/v1/pilots/huzhou/"


def varies(response: Any) -> set[str]:
    return set(response["Vary"].split(", "))


def heads(response: Any) -> dict[str, str]:
    """The headers that do not change from request to request; of a compressed answer the length is padded."""
    left_out = {"X-Request-ID", *({"Content-Length"} if "Content-Encoding" in response else ())}
    return {name: value for name, value in response.headers.items() if name not in left_out}


# -- tags -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("coding", [{}, GZIP])
def test_every_json_answer_names_its_version(client: Client, address: str, coding: dict[str, str]) -> None:
    response: Any = client.get(address, headers=coding)
    whole = gzip.decompress(response.content) if "Content-Encoding" in response else response.content
    revision = json.loads(whole)["revision"] if address.count("/") == 5 and "?" not in address else None
    tag = tag_of(whole, revision)
    assert (response.status_code, response["ETag"].removeprefix("W/")) == (200, tag)
    assert response["ETag"].startswith("W/") == ("Content-Encoding" in response)
    assert response["Cache-Control"] == "private, no-cache"
    assert varies(response) >= VARY
    again, head = client.get(address, headers=coding), client.head(address, headers=coding)
    assert again["ETag"] == response["ETag"]
    assert (head.status_code, heads(head)) == (200, heads(response))
    for method in (client.get, client.head):
        same: Any = method(address, headers={**coding, "if-none-match": response["ETag"]})
        assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize("address", ["/api/schema/", "/api/schema/?format=json"])
def test_the_description_names_its_version(client: Client, address: str) -> None:
    response: Any = client.get(address)
    assert (response.status_code, response["ETag"]) == (200, tag_of(response.content, None))
    same: Any = client.head(address, headers={"if-none-match": response["ETag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_a_tag_is_made_of_the_bytes() -> None:
    assert tag_of(b"{}", None) == '"44136fa355b3678a1146"'
    assert tag_of(b"{}", 12) == '"12-44136fa355b3678a1146"'


def test_the_tag_of_one_record_is_strong_whatever_the_client_unpacks(client: Client) -> None:
    """A write is held against it: a weak one would never do (RFC 9110, 13.1.1)."""
    plain, packed = client.get(RECORD), client.get(RECORD, headers=GZIP)
    assert packed["ETag"] == plain["ETag"] == tag_of(plain.content, plain.json()["revision"])
    assert "Content-Encoding" not in packed
    assert (packed.content, varies(packed)) == (plain.content, VARY)
    packed = client.get(LIST, headers=GZIP)
    assert (packed["Content-Encoding"], packed["ETag"]) == ("gzip", f"W/{client.get(LIST)['ETag']}")
    assert varies(packed) == {*VARY, "Accept-Encoding"}


def test_what_is_shown_otherwise_has_another_tag(client: Client) -> None:
    queries = ["", "?lang=zh-hans", "?fields=slug", "?omit=note", "?as_of=2024-06-30", "?brief=true"]
    for address in (LIST, RECORD):
        assert len({client.get(address + query)["ETag"] for query in queries}) == len(queries)
    english, chinese = (client.get(RECORD, headers={"accept-language": code})["ETag"] for code in ("en", "zh-hans"))
    assert english == client.get(RECORD)["ETag"] != chinese == client.get(f"{RECORD}?lang=zh-hans")["ETag"]


@pytest.mark.parametrize(
    "address",
    [
        *("/api/v1/pilots/?format=csv", "/api/v1/pilots/?format=xlsx", "/api/v1/pilots/huzhou/?format=csv"),
        *("/api/v1/pilots/?kindd=park", "/api/v1/pilots/nowhere/", "/api/v1/nothing/", "/api/v1/rollout/"),
        *("/api/docs/", "/pilots/", "/"),
    ],
)
def test_files_refusals_and_pages_have_none(client: Client, address: str) -> None:
    response = client.get(address, headers={"if-none-match": "*"})
    assert response.status_code != 304
    assert "ETag" not in response
    of_the_api = address.startswith("/api/v1/")
    assert response.get("Cache-Control") == ("private, no-cache" if of_the_api else None)
    assert not of_the_api or varies(response) >= VARY


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
    gone = {"Content-Type", "Content-Length", "Content-Encoding", "Content-Language"}
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
        (" * ", 304),
        (' "other" , {tag}', 304),
        ('"a,b", W/"x",\t{tag}', 304),
        (",, {tag} ,", 304),
        ('"é", {tag}', 304),
        ('"other"', 200),
        ('W/"other", "another"', 200),
        ('""', 200),
        # What follows is no list of tags: it is passed over, and the whole is sent.
        ("{tag} x", 200),
        ("{bare}", 200),
        ("'{bare}'", 200),
        ('"{bare}', 200),
        ("w/{tag}", 200),
        ("W/ {tag}", 200),
        ("{tag} {tag}", 200),
        ("{tag}{tag}", 200),
        ("*, {tag}", 200),
        ("**", 200),
        (",", 200),
        ("", 200),
        ('"a b", {tag}', 200),
        ('"a\x7f", {tag}', 200),
        ('"' * 4000, 200),
        (", " * 4000 + "x", 200),
    ],
)
def test_if_none_match(client: Client, address: str, coding: dict[str, str], header: str, status: int) -> None:
    tag = client.get(address)["ETag"]
    sent = header.format(tag=tag, bare=tag.strip('"'))
    for method in (client.get, client.head):
        assert (sent, method(address, headers={**coding, "if-none-match": sent}).status_code) == (sent, status)


def test_the_tags_of_a_list() -> None:
    assert tags('"a", W/"b,c" ,"\xe9"') == ['"a"', '"b,c"', '"\xe9"']
    assert tags('"a" "b"') == tags("a") == tags("*") == tags("") == []


def test_a_day_of_the_browser_s_own_is_not_asked_about(client: Client) -> None:
    """There is no Last-Modified, so If-Modified-Since says nothing, and If-None-Match counts alone."""
    day = "Sun, 01 Jan 2090 00:00:00 GMT"
    assert client.get(LIST, headers={"if-modified-since": day}).status_code == 200
    asked = {"if-modified-since": "Sat, 01 Jan 2000 00:00:00 GMT", "if-none-match": client.get(LIST)["ETag"]}
    assert client.get(LIST, headers=asked).status_code == 304


# -- right after a write ----------------------------------------------------------------------------------------------


def changed(client: Client, before: dict[str, str]) -> set[str]:
    """The addresses that answer otherwise than before; each must say so, and send the whole to who has the old one."""
    found = set()
    for address, tag in before.items():
        response = client.get(address, headers={"if-none-match": tag})
        if response.status_code == 200:
            assert response["ETag"] != tag
            found.add(address)
    return found


def known(client: Client, *addresses: str) -> dict[str, str]:
    return {address: client.get(address)["ETag"] for address in addresses}


def test_a_write_of_the_program_shows_at_once(client: Client) -> None:
    plan = ProvincialPlan.objects.get(policy__slug=PLAN, province__slug="tianjin")
    rollout, one = f"/api/v1/rollout/?policy={PLAN}", f"/api/v1/plans/{plan.pk}/"
    lists = [f"/api/v1/{name}/" for name in ("plans", "provinces", "pilots", "overview", "coverage")]
    before = known(client, rollout, one, *lists, "/api/v1/plans/?status=drafting", "/api/v1/plans/?status__ne=issued")
    plan.status, plan.issued_on, plan.issued_precision, plan.known_issued_by = "drafting", None, "", None
    plan.published_on = None
    plan.save()
    assert changed(client, before) == {
        *(rollout, one, "/api/v1/plans/", "/api/v1/overview/"),
        *("/api/v1/plans/?status=drafting", "/api/v1/plans/?status__ne=issued"),
    }
    plan.delete()
    assert client.get(one, headers={"if-none-match": "*"}).status_code == 404


def test_an_import_shows_at_once(client: Client, empty: None) -> None:
    make_pilot(make_batch(), make_province(), slug="p")
    shown = [f"/api/v1/{name}/" for name in ("pilots", "pilots/p", "stages", "progress")]
    before = known(client, *shown, "/api/v1/provinces/", "/api/v1/readings/")
    imported("stages", ["pilot", "stage", "planned_on", "entered_on"], ["p", "listed", None, "2024-01-15"])
    assert changed(client, before) == set(shown)


def test_the_admin_shows_at_once(client: Client, empty: None) -> None:
    policy = make_policy(slug="national", issued_on=date(2022, 6, 10))
    plan = make_plan(policy, make_province())
    shown = ["/api/v1/plans/", f"/api/v1/plans/{plan.pk}/", "/api/v1/rollout/?policy=national"]
    before = known(client, *shown, "/api/v1/policies/", "/api/v1/pilots/")
    staff = Client()
    staff.force_login(User.objects.create_superuser("root"))
    address = reverse("admin:policies_provincialplan_change", args=[plan.pk])
    response = staff.post(address, filled(staff.get(address), issued_on="2022-12-30"))
    assert response.status_code == 302
    assert changed(client, before) == set(shown)


def test_an_entry_that_changes_nothing_shown_changes_the_tag_of_the_record(client: Client, empty: None) -> None:
    """Its revision rises with every entry, so that an editor never overwrites one unseen."""
    policy: Any = make_policy(slug="national")
    before = known(client, "/api/v1/policies/national/", "/api/v1/policies/national/?fields=slug")
    policy.save()
    assert changed(client, before) == set(before)


# -- what the write half hands over ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "status", "revision", "tagged"),
    [
        *[(method, 200, 3, True) for method in ("GET", "HEAD", "PUT", "PATCH", "POST")],
        *[("POST", 201, 1, True), ("POST", 201, None, False), ("PATCH", 200, None, False)],
        *[("DELETE", 204, None, False), ("PUT", 412, 3, False), ("GET", 404, 3, False)],
        ("OPTIONS", 200, None, False),
    ],
)
def test_answers_about_one_record_are_tagged(method: str, status: int, revision: int | None, tagged: bool) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse(content, status=status, content_type="application/json")
        if revision is not None:
            response.revision = revision  # type: ignore[attr-defined]
        return response

    content = b'{"slug": "here"}' if status != 204 else b""
    request = RequestFactory().generic(method, "/api/v1/pilots/here/", headers={"if-none-match": '"x"', **GZIP})
    response = Compression(view)(request)
    assert (response.status_code, response.get("ETag")) == (status, tag_of(content, revision) if tagged else None)


def test_a_written_answer_is_never_taken_for_a_known_one() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse(b"{}", content_type="application/json")
        response.revision = 2  # type: ignore[attr-defined]
        return response

    for asked in (tag_of(b"{}", 2), "*"):
        request = RequestFactory().patch("/api/v1/pilots/here/", headers={"if-none-match": asked})
        assert Compression(view)(request).status_code == 200


def test_a_view_may_say_more_strictly_how_its_answer_is_kept() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(b"{}", content_type="application/json", headers={"Cache-Control": "no-store"})

    response = Compression(view)(RequestFactory().get("/api/v1/"))
    assert (response["Cache-Control"], response["ETag"]) == ("no-store", tag_of(b"{}", None))


def test_a_stream_is_compressed_but_not_read() -> None:
    def view(request: HttpRequest) -> Any:
        return StreamingHttpResponse(iter([b"a" * 1000]), content_type="application/json")

    response: Any = Compression(view)(RequestFactory().get("/api/v1/", headers={**GZIP, "if-none-match": "*"}))
    assert (response.status_code, response["Content-Encoding"], "ETag" in response) == (200, "gzip", False)
    assert gzip.decompress(b"".join(response.streaming_content)) == b"a" * 1000


# -- addresses that will go --------------------------------------------------------------------------------------------


class Old(Strict):
    heading, about = "Old", "To be gone."
    deprecated = Deprecated(since=date(2026, 1, 1), about="/api/docs/#old", until=date(2027, 1, 1))

    def get(self, request: Any) -> Response:
        if "wrong" in request.META["HTTP_ACCEPT_LANGUAGE"]:
            raise BadRequest
        return Response({})


class Announced(Old):
    deprecated = Deprecated(since=date(2026, 1, 1), about="/api/docs/#old")


@pytest.mark.parametrize("language", ["en", "wrong"])
def test_an_address_that_will_go_says_so_in_every_answer(language: str) -> None:
    request = RequestFactory().get("/api/v1/old/", headers={"accept-language": language})
    response = Old.as_view()(request)
    assert response.status_code == (200 if language == "en" else 400)
    assert response["Deprecation"] == "@1767225600"
    assert response["Sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert parse_http_date(response["Sunset"]) == 1767225600 + 365 * 24 * 3600
    assert response["Link"] == '</api/docs/#old>; rel="deprecation"; type="text/html"'
    response = Announced.as_view()(request)
    assert (response["Deprecation"], "Sunset" in response) == ("@1767225600", False)


def test_nothing_goes_within_a_year() -> None:
    with pytest.raises(ValueError, match="2026-12-31 is within 365 days of 2026-01-01"):
        Deprecated(since=date(2026, 1, 1), about="/", until=date(2026, 12, 31))


def test_what_stays_says_nothing(client: Client) -> None:
    for address in (LIST, RECORD, "/api/v1/nothing/"):
        assert not {"Deprecation", "Sunset", "Link"} & set(client.get(address).headers)


def test_the_description_marks_what_will_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def marked() -> set[str]:
        paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
        return {path for path, methods in paths.items() if methods["get"].get("deprecated")}

    assert marked() == set()
    monkeypatch.setattr(AGGREGATES["overview"], "deprecated", Old.deprecated)
    assert marked() == {"/api/v1/overview/"}


def test_shipped_records_have_a_revision(client: Client) -> None:
    """What the tags of this module rest on."""
    assert Pilot.objects.get(slug="huzhou").history.count() == client.get(RECORD).json()["revision"] >= 1
    assert Policy.objects.filter(slug=PLAN).exists()
