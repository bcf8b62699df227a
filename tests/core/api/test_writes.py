"""API writes: single and bulk, ETags, duplicates, idempotency, dependent records."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User

from core.days import today
from pilots.models import Pilot
from policies.models import Agency
from tests.support.api_client import ApiClient, client_with_token

pytestmark = pytest.mark.django_db
AGENCIES, READINGS = "/api/v1/agencies/", "/api/v1/readings/"
ONE, MEE = f"{AGENCIES}ndrc-energy/", f"{AGENCIES}mee/"
Answer = Any


@pytest.fixture
def admin() -> ApiClient:
    return client_with_token(User.objects.create_superuser("admin", password="a long enough one"))


AGENCY = {"slug": "ndrc-energy", "name_zh": "测试能源局", "name_en": "Trial Energy Office"}
AGENCY |= {"note": None, "note_en": None, "note_zh": None}


def test_a_record_is_created_read_changed_and_deleted(admin: ApiClient) -> None:
    made = admin.send("POST", AGENCIES, AGENCY, **{"X-Change-Reason": "Named in a notice"})
    assert made.status_code == 201, made.content
    assert made["Location"] == f"http://testserver{ONE}"
    row = json.loads(made.content)
    assert row == {
        **AGENCY,
        "name": "Trial Energy Office",
        "url": f"http://testserver{ONE}",
        "revision": 1,
    }
    read = admin.send("GET", ONE)
    assert (json.loads(read.content), read["ETag"]) == (row, made["ETag"])
    changed = admin.send("PATCH", ONE, {"note": "Under the NDRC"}, **{"If-Match": read["ETag"]})
    assert changed.status_code == 200, changed.content
    assert json.loads(changed.content) == {**row, "note": "Under the NDRC", "note_en": "Under the NDRC", "revision": 2}
    stale = admin.send("PATCH", ONE, {"note": "x"}, **{"If-Match": read["ETag"]})
    assert (stale.status_code, stale["ETag"]) == (412, changed["ETag"])
    assert admin.send("DELETE", ONE).status_code == 428
    gone = admin.send("DELETE", ONE, **{"If-Match": changed["ETag"]})
    assert (gone.status_code, gone.content) == (204, b"")
    assert not Agency.objects.filter(slug="ndrc-energy").exists()
    said = [
        (entry.history_type, entry.history_change_reason, str(entry.history_user))
        for entry in Agency.history.filter(slug="ndrc-energy").order_by("history_id")
    ]
    assert said == [("+", "Named in a notice", "admin"), ("~", None, "admin"), ("-", None, "admin")]


@pytest.mark.parametrize(
    "resource",
    [
        *("provinces", "agencies", "policies", "measures", "plans", "figures", "sources", "industries", "batches"),
        *("pilots", "stages", "indicators"),
    ],
)
def test_every_record_can_be_sent_back_as_it_was_read(admin: ApiClient, resource: str) -> None:
    """Nothing is lost on the way there and back, and nothing is written: the history has no new entry."""
    rows = admin.send("GET", f"/api/v1/{resource}/?page_size=200").json()["results"]
    assert rows
    for row in rows[:: max(1, len(rows) // 20)]:  # about twenty of each
        address = row["url"].removeprefix("http://testserver")
        back = admin.send("PUT", address, row, **{"If-Match": f'"{row["revision"]}-x"'})
        assert (back.status_code, json.loads(back.content)) == (200, row), back.content


# -- many at once ------------------------------------------------------------------------------------------


def problem_errors(response: Answer) -> tuple[int, list[tuple[str, str]]]:
    assert response["Content-Type"] == "application/problem+json", response.content
    body = json.loads(response.content)
    assert body["status"] == response.status_code
    return response.status_code, [(fault["pointer"], fault["code"]) for fault in body["errors"]]


def agency_bodies(*names: str) -> list[dict[str, Any]]:
    return [{"slug": name, "name_zh": f"测试{name}"} for name in names]


NOTES = "note", "note_en", "note_zh"


def test_a_note_is_written_in_one_language_or_in_both(admin: ApiClient) -> None:
    """`note` goes to the field of the language that it is written in; a record sent back whole may have any changed."""
    anything = {"If-Match": "*"}

    def after(body: Any, verb: str = "PATCH", language: str = "en") -> tuple[Any, ...]:
        answer = admin.send(verb, f"{MEE}?lang={language}", body, **anything)
        assert answer.status_code == 200, answer.content
        row = json.loads(answer.content)
        return tuple(row[name] for name in NOTES)

    assert after({"note_en": "Old name: MEP", "note_zh": "原环境保护部"}) == (
        *("Old name: MEP", "Old name: MEP", "原环境保护部"),
    )
    assert after({"note": "2018年组建"}) == ("Old name: MEP", "Old name: MEP", "2018年组建")
    assert after({"note": "Formed in 2018"}, language="zh-hans") == ("2018年组建", "Formed in 2018", "2018年组建")
    row = json.loads(admin.send("GET", MEE).content)
    assert after({name: row[name] for name in ("slug", "name_zh", "name_en", "note")}, "PUT") == (
        *("Formed in 2018", "Formed in 2018", None),
    )
    assert after({"note_zh": "新"}) == ("Formed in 2018", "Formed in 2018", "新")
    row = json.loads(admin.send("GET", MEE).content)
    assert after({**row, "note": "Since 2018"}) == ("Since 2018", "Since 2018", "新")
    row = json.loads(admin.send("GET", MEE).content)
    assert after({**row, "note": None}) == (None, None, None)
    assert after({"note": None, "note_zh": "新"}) == ("新", None, "新")


def test_many_are_changed_together_or_none(admin: ApiClient) -> None:
    rows = json.loads(admin.send("POST", AGENCIES, agency_bodies("one", "two", "three")).content)
    sent = [{"slug": row["slug"], "revision": row["revision"], "note": f"note of {row['slug']}"} for row in rows]
    stale = [sent[0], {**sent[1], "revision": 7}, {"slug": "three"}, {"slug": "nobody", "revision": 1}]
    assert problem_errors(admin.send("PATCH", AGENCIES, stale)) == (
        404,
        [("/1/revision", "stale"), ("/2/revision", "required"), ("/3/slug", "not_found")],
    )
    assert set(Agency.objects.filter(slug__in=["one", "two", "three"]).values_list("note_en", flat=True)) == {""}
    done = admin.send("PATCH", AGENCIES, sent, **{"X-Change-Reason": "校对".encode().decode("latin-1")})
    assert [(row["note"], row["revision"]) for row in json.loads(done.content)] == [
        ("note of one", 2),
        ("note of two", 2),
        ("note of three", 2),
    ]
    assert {entry.history_change_reason for entry in Agency.history.filter(slug="two", history_type="~")} == {"校对"}


def test_many_are_deleted_together_or_none(admin: ApiClient) -> None:
    rows = json.loads(admin.send("POST", AGENCIES, agency_bodies("one", "two")).content)
    used = admin.send("GET", MEE).json()
    named = [{"slug": row["slug"], "revision": row["revision"]} for row in (*rows, used)]
    status, faults = problem_errors(admin.send("DELETE", AGENCIES, named))
    assert (status, set(faults)) == (409, {("/2", "in_use")})
    assert Agency.objects.filter(slug__in=["one", "two", "mee"]).count() == 3
    assert admin.send("DELETE", AGENCIES, named[:2]).status_code == 204
    assert not Agency.objects.filter(slug__in=["one", "two"]).exists()


# -- the same request again ------------------------------------------------------------------------------------


def test_a_request_repeated_under_its_key_is_done_once(admin: ApiClient) -> None:
    first = admin.send("POST", AGENCIES, AGENCY, **{"Idempotency-Key": "a-1"})
    again = admin.send("POST", AGENCIES, AGENCY, **{"Idempotency-Key": "a-1"})
    assert (again.status_code, again.content, again["ETag"]) == (201, first.content, first["ETag"])
    assert (again["Location"], again["Idempotent-Replayed"]) == (first["Location"], "true")
    assert "Idempotent-Replayed" not in first
    assert Agency.history.filter(slug=AGENCY["slug"]).count() == 1
    other = admin.send("POST", AGENCIES, {**AGENCY, "note": "x"}, **{"Idempotency-Key": "a-1"})
    assert problem_errors(other) == (422, [("Idempotency-Key", "key_reused")])


def test_an_error_is_repeated_as_well(admin: ApiClient) -> None:
    twice = {**AGENCY, "slug": "mee"}
    first, again = (admin.send("POST", AGENCIES, twice, **{"Idempotency-Key": "b"}) for _ in range(2))
    assert problem_errors(first) == problem_errors(again) == (409, [("/slug", "unique")])
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")


def test_a_key_is_its_owner_s_alone(admin: ApiClient) -> None:
    other = client_with_token(User.objects.create_superuser("other", password="another long one"))
    assert admin.send("POST", AGENCIES, AGENCY, **{"Idempotency-Key": "c"}).status_code == 201
    mine = {**AGENCY, "slug": "another", "name_zh": "别处"}
    assert other.send("POST", AGENCIES, mine, **{"Idempotency-Key": "c"}).status_code == 201


# -- targets with their steps ------------------------------------------------------------------------------------

TARGET = {
    "pilot": "huzhou",
    "indicator": "AIR_SO2",
    "base_year": 2023,
    "base_value": 1200.5,
    "target_year": 2026,
    "target_value": 1000,
    "steps": [{"year": 2024, "value": 1150}, {"year": 2025, "value": 1080.25}],
}


def test_a_target_is_written_with_all_of_its_steps(admin: ApiClient) -> None:
    Pilot.objects.get(slug="huzhou").targets.filter(indicator__code="AIR_SO2").delete()
    made = json.loads(admin.send("POST", "/api/v1/targets/", TARGET).content)
    assert (made["steps"], made["base_value"], made["revision"]) == (TARGET["steps"], 1200.5, 1)
    address, steps = f"/api/v1/targets/{made['id']}/", [{"year": 2025, "value": 1070}]
    same = admin.send("PATCH", address, {"binding": True}, **{"If-Match": '"1-"'})
    assert (json.loads(same.content)["steps"], json.loads(same.content)["revision"]) == (TARGET["steps"], 2)
    fewer = json.loads(admin.send("PATCH", address, {"steps": steps}, **{"If-Match": '"2-"'}).content)
    assert (fewer["steps"], fewer["revision"]) == (steps, 3)


# -- readings, which are never overwritten ---------------------------------------------------------------------------

READING = {"pilot": "huzhou", "indicator": "AIR_SO2", "period": "2024", "value": 1100, "reported_on": "2025-02-20"}


def test_a_correction_is_the_next_version(admin: ApiClient) -> None:
    made = admin.send("POST", READINGS, READING)
    row = json.loads(made.content)
    assert (made.status_code, row["version"], row["state"], row["accepted_on"]) == (201, 1, "reported", None)
    other = {**READING, "value": 1090}
    assert problem_errors(admin.send("POST", READINGS, other)) == (409, [("/version", "unique")])
    assert problem_errors(admin.send("POST", READINGS, {**other, "version": 3})) == (
        409,
        [("/version", "overtaken")],
    )
    assert problem_errors(admin.send("POST", READINGS, {**READING, "version": 2})) == (409, [("/value", "same")])
    assert problem_errors(admin.send("POST", READINGS, {**READING, "value": 9000, "version": 2})) == (
        400,
        [("/note", "jump")],
    )
    quarter = admin.send("POST", READINGS, {**READING, "period": f"{READING['period']}-Q1", "value": 9_999_999})
    [error] = json.loads(quarter.content)["errors"]
    assert (quarter.status_code, error["pointer"], error["code"]) == (400, "/note", "jump")
    assert json.loads(admin.send("POST", READINGS, {**other, "version": 2}).content)["version"] == 2
    address, tag = f"{READINGS}{row['id']}/", {"If-Match": '"1-"'}
    assert problem_errors(admin.send("PATCH", address, {"value": 1}, **tag)) == (409, [("/value", "fixed")])
    assert problem_errors(admin.send("PATCH", address, {"state": "returned"}, **tag)) == (
        400,
        [("/change_reason", "required")],
    )
    accepted = json.loads(admin.send("PATCH", address, {"state": "accepted"}, **tag).content)
    assert (accepted["state"], accepted["accepted_on"]) == ("accepted", str(today()))
    assert problem_errors(admin.send("DELETE", address, **{"If-Match": '"2-"'})) == (409, [("", "in_use")])
