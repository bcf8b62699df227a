"""API of follow-ups and their steps."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from pilots.metrics import Move
from pilots.models import Attachment, FollowUpStep, Pilot
from tests import factories as make
from tests.support.api_client import ApiClient, make_user
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db
HERE = "http://testserver"
ACTIONS = "/api/v1/actions/"


@pytest.fixture
def pilot(empty: None) -> Pilot:
    """A pilot with a key milestone that is red from 2 June 2025 until it is done on 1 August."""
    batch = make.batch(announced_on=date(2025, 1, 10))
    pilot = make.pilot(batch, make.province(slug="here", name_en="Here"), slug="city", name_en="City")
    make.agency(slug="bureau", name_en="Bureau")
    make.milestone(pilot, date(2025, 3, 3), date(2025, 8, 1), is_key=True, title_en="Furnace 2", title_zh="二号炉")
    return pilot


@pytest.fixture
def national(pilot: Pilot) -> ApiClient:
    return ApiClient(session=make_user("national", "national_editor"))


@pytest.fixture
def second(pilot: Pilot) -> ApiClient:
    return ApiClient(session=make_user("second", "national_editor"))


@pytest.fixture
def editor(pilot: Pilot) -> ApiClient:
    return ApiClient(session=make_user("editor", "provincial_editor", pilot.province))


def body(**fields: Any) -> dict[str, Any]:
    """Return the body that opens a follow-up of the pilot, caused by its light."""
    values = {"title_zh": "整改", "title_en": "Mend it", "pilot": "city", "cause": "pilot", "owner_agency": "bureau"}
    return {**values, "opened_on": "2025-07-01", "due_on": "2025-07-20", **fields}


def rows(client: Any, address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/{address}").json()["results"]
    return found


def errors(response: Any) -> tuple[int, dict[str, str]]:
    return response.status_code, {fault["pointer"]: fault["code"] for fault in response.json()["errors"]}


class Sender:
    """Takes steps of one follow-up, each with the ETag of the answer before."""

    def __init__(self, number: str, etag: str) -> None:
        self.address, self.etag = f"{ACTIONS}{number}/", etag

    def step(self, client: ApiClient, move: str, **fields: Any) -> Any:
        answer = client.send("POST", f"{self.address}steps/", {"move": move, **fields}, **{"If-Match": self.etag})
        if answer.status_code == 201:
            self.etag = answer["ETag"]
        return answer


# -- the life of one -----------------------------------------------------------------------------------------


def test_the_life_of_a_red_light(
    pilot: Pilot, national: ApiClient, second: ApiClient, editor: ApiClient, client: Client
) -> None:
    """Opened from the light, signed for, reported, returned, reported again, closed; cleared; red again."""
    made = national.send("POST", ACTIONS, body())
    assert (made.status_code, made["Location"]) == (201, f"{HERE}{ACTIONS}2025-001/")
    sender = Sender("2025-001", made["ETag"])
    found = {day: rows(client, f"actions/?as_of={day}") for day in ("2025-06-30", "2025-07-01")}
    assert_snapshot("follow-up-opened", found)
    signed = sender.step(editor, "sign", taken_on="2025-07-03")
    step = {
        "seq": 2,
        "taken_on": "2025-07-03",
        "move": "sign",
        "state": "received",
        "remark": None,
        "new_due_on": None,
        "author": "editor",
        "documents": [],
    }
    assert (signed.status_code, signed.json(), signed["Location"]) == (201, step, f"{HERE}{sender.address}")
    assert sender.step(second, "report", taken_on="2025-07-21", remark="Done.").status_code == 201
    returned = {"taken_on": "2025-07-25", "remark": "Not yet.", "new_due_on": "2025-08-05"}
    assert errors(sender.step(editor, "return", **returned)) == (403, {"": "not_yours"})
    assert sender.step(national, "return", **returned).status_code == 201
    assert sender.step(second, "report", taken_on="2025-08-02", remark="Done now.").status_code == 201
    assert sender.step(national, "verify", taken_on="2025-08-04").json()["state"] == "closed"
    make.milestone(pilot, date(2025, 8, 1), is_key=True)  # red when more than 90 days late
    days = ("2025-06-30", "2025-07-20", "2025-07-25", "2025-10-30", "2025-12-01")
    assert_snapshot("follow-up-closed", {day: rows(client, f"actions/?as_of={day}") for day in days})
    assert pilot.completions.get().completed_on == date(2025, 8, 1)
    history = [
        (row["seq"], row["move"], row["state"], row["author"]) for row in rows(client, "actions/2025-001/steps/")
    ]
    assert history == [
        (1, "open", "opened", None),
        (2, "sign", "received", None),
        (3, "report", "reported", None),
        (4, "return", "received", None),
        (5, "report", "reported", None),
        (6, "verify", "closed", None),
    ]
    seen = editor.send("GET", f"{sender.address}steps/?as_of=2025-07-21").json()
    assert (seen["count"], seen["next"], seen["previous"]) == (3, None, None)
    authors = [(row["seq"], row["author"]) for row in seen["results"]]
    assert authors == [(1, "national"), (2, "editor"), (3, "second")]
    page = client.get(f"{sender.address}steps/?page_size=2&page=2").json()
    assert ([row["seq"] for row in page["results"]], page["count"]) == ([3, 4], 6)
    told = national.send("GET", "/api/v1/actions/2025-001/")
    assert (told["ETag"][:3], told.json()["revision"], told.json()["state"]) == (sender.etag[:3], 7, "closed")


def test_the_light_of_a_target_is_the_cause(pilot: Pilot, national: ApiClient, client: Client) -> None:
    """Named by the target; its indicator is only read, and finds it."""
    target = make.target(pilot, make.indicator("AIR_SO2"), 100, 80)
    cause = {"cause": "indicator", "cause_target": target.pk}
    made = national.send("POST", ACTIONS, body(**cause))
    row = made.json()
    named = [row["cause_target"]["id"], row["cause_indicator"]["code"], row["cause_colour"]]
    assert (made.status_code, named) == (201, [target.pk, "AIR_SO2", "grey"])
    found = {code: len(rows(client, f"actions/?cause_indicator={code}")) for code in ("AIR_SO2", "air_so2")}
    assert found == {"AIR_SO2": 1, "air_so2": 1}
    assert rows(client, f"actions/?cause_indicator={make.carbon().code}") == []
    without = body(cause="indicator", cause_indicator="AIR_SO2")
    assert errors(national.send("POST", ACTIONS, without)) == (400, {"/cause": "rule"})
    fixed = national.send("PATCH", f"{ACTIONS}{row['number']}/", {"cause_target": None}, **{"If-Match": "*"})
    assert errors(fixed) == (409, {"/cause_target": "fixed"})


# -- who may -------------------------------------------------------------------------------------------------


def test_who_may_open_and_act(pilot: Pilot, national: ApiClient, editor: ApiClient) -> None:
    """What tests/authz_matrix.csv does not say: of the steps it has one, and no pointers."""
    made = national.send("POST", ACTIONS, body())
    sender = Sender("2025-001", made["ETag"])
    assert errors(sender.step(editor, "withdraw", remark="No")) == (403, {"": "not_yours"})
    assert errors(sender.step(editor, "extend", remark="No", new_due_on="2026-01-01")) == (403, {"": "not_yours"})
    patch = {"If-Match": made["ETag"]}
    assert errors(editor.send("PATCH", sender.address, {"title_en": "Less"}, **patch)) == (
        403,
        {"/title_en": "not_yours"},
    )
    assert errors(national.send("DELETE", sender.address, **patch)) == (409, {"": "never_deleted"})
    assert national.send("DELETE", f"{sender.address}steps/", **patch).status_code == 405
    assert national.send("PUT", f"{sender.address}steps/", {}, **patch).status_code == 405
    noted = editor.send("PATCH", sender.address, {"note_en": "Seen", "owner_person": "Ms Li"}, **patch)
    assert (noted.status_code, noted.json()["owner_person"]) == (200, "Ms Li")


def test_names_are_shown_to_those_whom_they_concern(pilot: Pilot, national: ApiClient, editor: ApiClient) -> None:
    """Each reader after another who may see them: nobody is answered from another's cache."""
    people = {"owner_person": "Ms Li", "owner_user": "editor", "verifier": "national"}
    made = national.send("POST", ACTIONS, body(**people))
    assert {name: made.json()[name] for name in people} == people
    readers = {
        "own": editor,
        "other": ApiClient(session=make_user("other", "provincial_editor", make.province())),
        "viewer": ApiClient(session=make_user("viewer", "viewer")),
        "anonymous": ApiClient(),
    }
    for address in (ACTIONS, f"{ACTIONS}2025-001/", f"{ACTIONS}?format=csv", f"{ACTIONS}2025-001/steps/"):
        for name, reader in readers.items():
            answer: Any = reader.send("GET", address)
            told = b"".join(answer.streaming_content) if answer.streaming else answer.content
            shown = [word for word in ("Ms Li", "editor", "national") if word.encode() in told]
            whole = ["national"] if "steps" in address else ["Ms Li", "editor", "national"]
            assert shown == (whole if name == "own" else []), (name, address)


# -- versions and keys -----------------------------------------------------------------------------------------


def test_a_step_names_the_version_that_was_read(pilot: Pilot, national: ApiClient, editor: ApiClient) -> None:
    made = national.send("POST", ACTIONS, body())
    sender = Sender("2025-001", made["ETag"])
    steps = f"{sender.address}steps/"
    assert errors(editor.send("POST", steps, {"move": "sign"})) == (428, {"If-Match": "required"})
    assert sender.step(editor, "sign").status_code == 201
    stale = editor.send("POST", steps, {"move": "report", "remark": "Done."}, **{"If-Match": made["ETag"]})
    assert errors(stale) == (412, {"If-Match": "stale"})
    assert stale["ETag"] == sender.etag
    assert errors(national.send("PATCH", sender.address, {"note_en": "x"}, **{"If-Match": made["ETag"]}))[0] == 412
    key = {"If-Match": sender.etag, "Idempotency-Key": "once"}
    first, again = (editor.send("POST", steps, {"move": "report", "remark": "Done."}, **key) for _ in range(2))
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (201, 201, "true")
    assert (first.content, first["ETag"], first["Location"]) == (again.content, again["ETag"], again["Location"])
    assert FollowUpStep.objects.count() == 3
    assert editor.send("POST", f"{ACTIONS}2099-001/steps/", {"move": "sign"}, **{"If-Match": "*"}).status_code == 404


# -- bad input -------------------------------------------------------------------------------------------------


def test_a_key_follow_up_is_reported_with_a_file(pilot: Pilot, national: ApiClient, editor: ApiClient) -> None:
    follow_up = make.follow_up(pilot, (Move.SIGN, date(2026, 6, 2)), is_key=True)
    sender = Sender(follow_up.number, "*")
    own, foreign = make.document(province=pilot.province), make.document(province=make.province())
    report = {"remark": "Done."}
    assert errors(sender.step(editor, "report", **report)) == (400, {"/documents": "required"})
    hidden = sender.step(editor, "report", **report, documents=[own.pk, foreign.pk])
    assert errors(hidden) == (400, {"/documents/1": "not_on_record"})
    done = sender.step(editor, "report", **report, documents=[own.pk])
    assert (done.status_code, done.json()["documents"]) == (
        201,
        [{"id": own.pk, "title": own.title, "url": f"{HERE}/api/v1/documents/{own.pk}/"}],
    )
    assert [item.document for item in Attachment.objects.all()] == [own]
    steps = f"{ACTIONS}{follow_up.number}/steps/"
    seen = [reader.send("GET", steps).json()["results"][-1]["documents"] for reader in (ApiClient(), national)]
    assert [len(found) for found in seen] == [0, 1]
