"""API of what is promised: requests, amendments, completions, deadlines and judged values, written and on any day."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from config.api_urls import AGGREGATES, RECORDS, RESOURCES
from core.days import today
from pilots.lights import Records, completed
from pilots.models import Indicator, Milestone, NotGiven, Pilot, ReadingState, Target
from pilots.models.reading import judge_readings
from tests import factories as make
from tests.support.api_client import ApiClient, make_user

pytestmark = pytest.mark.django_db
ANY = {"If-Match": "*"}
NOW, YESTERDAY = today().isoformat(), (today() - timedelta(1)).isoformat()


@pytest.fixture
def pilot(empty: None) -> Pilot:
    batch = make.batch(slug="first", term_start=date(2024, 1, 1), term_end=date(2030, 12, 31), asked_from=2024)
    return make.pilot(batch, make.province(slug="here"), slug="city", name_en="City")


@pytest.fixture
def national() -> ApiClient:
    return ApiClient(session=make_user("national", "national_editor"))


@pytest.fixture
def second() -> ApiClient:
    return ApiClient(session=make_user("second", "national_editor"))


@pytest.fixture
def editor(pilot: Pilot) -> ApiClient:
    return ApiClient(session=make_user("editor", "provincial_editor", pilot.province))


def send(client: ApiClient, method: str, address: str, body: Any = None) -> Any:
    """Return status and JSON; of an error the codes by pointer."""
    headers = {} if method in {"GET", "POST"} else ANY
    answer = client.send(method, f"/api/v1/{address}", body, **headers)
    if answer.status_code >= 400:
        return answer.status_code, {fault["pointer"]: fault["code"] for fault in answer.json()["errors"]}
    return answer.status_code, answer.json() if answer.content else None


def show(address: str, *names: str, day: str = NOW, reader: ApiClient | None = None) -> Any:
    """Return these fields of a record, or of the only row of a list; None where there is none."""
    status, body = send(reader or ApiClient(), "GET", f"{address}{'&' if '?' in address else '?'}as_of={day}")
    if status == 404:
        return None
    rows = body.get("results", [body])
    found = [tuple(row[name] for name in names) for row in rows]
    return found[0] if len(found) == 1 else found or None


# -- requests ----------------------------------------------------------------------------------------------


def test_what_binds_is_a_request_until_the_ministry_accepts_it(
    pilot: Pilot, national: ApiClient, editor: ApiClient
) -> None:
    air = make.indicator("AIR_SO2")
    terms = {"pilot": "city", "indicator": air.code, "kind": "limit", "target_year": 2027, "target_value": 80}
    task = {"pilot": "city", "facet": "goal", "title_en": "Platform", "planned_on": "2027-06-30"}
    for resource, weight, body in (("targets", "binding", terms), ("milestones", "is_key", task)):
        status, asked = send(editor, "POST", f"{resource}/", {**body, weight: True})
        assert (status, asked["promised_on"], asked["state"]) == (201, None, "not_promised")
        address = f"{resource}/{asked['id']}/"
        assert send(editor, "PATCH", address, {"state": "promised"})[0] == 403
        assert send(national, "PATCH", address, {"state": "dropped"}) == (409, {"/state": "fixed"})
        assert send(national, "PATCH", address, {"state": "promised", "note": "x"}) == (409, {"/state": "fixed"})
        status, accepted = send(national, "PATCH", address, {"state": "promised"})
        assert (status, accepted["promised_on"], accepted["state"]) == (200, NOW, "promised")
        assert show(address, "promised_on", "state", day=YESTERDAY) == (None, "not_promised")
        assert send(national, "PUT", address, accepted)[0] == 200, "a record may be sent back as it was read"
        assert send(editor, "PATCH", address, {weight: False}) == (409, {f"/{weight}": "fixed"})
        assert show(f"{resource}/?state=promised", "id") == (asked["id"],)
        assert show(f"{resource}/?state=not_promised", "id") is None
    status, free = send(editor, "POST", "milestones/", {**task, "is_key": False})
    assert (status, free["promised_on"], free["state"]) == (201, NOW, "promised")
    status, open_target = send(national, "POST", "targets/", {**terms, "target_year": 2028, "target_value": None})
    assert (status, open_target["target_value"], open_target["promised_on"]) == (201, None, NOW)


# -- amendments --------------------------------------------------------------------------------------------


@pytest.fixture
def target(pilot: Pilot) -> Target:
    return make.target(pilot, make.indicator("AIR_SO2"), 100, 80, target_year=2028, steps={"2026": "90"})


def test_a_target_is_amended_from_the_decision_on(
    target: Target, national: ApiClient, editor: ApiClient, second: ApiClient
) -> None:
    address, reason = f"targets/{target.pk}/", {"reason_en": "The census", "reason_zh": "普查"}
    status, asked = send(editor, "POST", "amendments/", {"target": target.pk, "value": 85.5, "year": 2029, **reason})
    wanted: dict[str, Any] = {
        "value": 85.5,
        "year": 2029,
        "steps": None,
        "base_value": None,
        "base_year": None,
        "drop": False,
    }
    wanted |= {"state": "waiting", "asked_by": "editor", "decided_on": None, "accepted": None, "day": None}
    assert (status, {name: asked[name] for name in wanted}) == (201, wanted)
    assert (asked["target"]["id"], asked["milestone"], asked["pilot"]["slug"]) == (target.pk, None, "city")
    waiting = {**{name: asked[name] for name in ("id", "day", "value", "base_value", "base_year", "steps", "year")}}
    waiting |= {"drop": False, "reason": "The census", **reason, "asked_on": NOW}
    now = ("target_value", "target_year", "steps", "amended_on", "amendment")
    first = (80, 2028, [{"year": 2026, "value": 90}], None)
    assert show(address, *now) == (*first, waiting)
    assert show(f"amendments/{asked['id']}/", "asked_by", "reason") == (None, "The census"), "readers see no names"
    assert send(editor, "PATCH", f"amendments/{asked['id']}/", {"accepted": True})[0] == 403
    status, decided = send(national, "PATCH", f"amendments/{asked['id']}/", {"accepted": True})
    assert (status, decided["state"], decided["decided_on"], decided["decided_by"]) == (
        200,
        "accepted",
        NOW,
        "national",
    )
    assert show(address, *now) == (85.5, 2029, [], NOW, None)
    assert show(address, *now, day=YESTERDAY) == (*first, None)
    for query, found in (("target_value=85.5", True), ("target_value=80", False), ("target_year__gte=2029", True)):
        assert (show(f"targets/?{query}", "id") is not None) == found
        assert (show(f"targets/?{query}", "id", day=YESTERDAY) is not None) != found
    whole = send(national, "GET", address)[1]
    assert send(national, "PUT", address, whole)[1]["revision"] == whole["revision"], "sent back, it changes nothing"
    for value in (80, 70):
        assert send(national, "PATCH", address, {"target_value": value}) == (409, {"/target_value": "fixed"})
    again = {"accepted": False, "remark": "Too late"}
    assert send(second, "PATCH", f"amendments/{asked['id']}/", again) == (409, {"": "state"})
    status, wanted = send(editor, "POST", "amendments/", {"target": target.pk, "drop": True, **reason})
    assert (status, wanted["state"], *show(address, "state")) == (201, "waiting", "promised")
    steps = [{"year": 2027, "value": 88}]
    status, at_once = send(national, "POST", "amendments/", {"target": target.pk, "steps": steps, **reason})
    assert (status, at_once["state"], at_once["steps"]) == (201, "accepted", steps)
    assert show(address, "steps", "target_value") == (steps, 85.5)
    assert send(national, "POST", "amendments/", {"target": target.pk, "drop": True, **reason})[0] == 201
    assert show(address, "state", "target_value") == ("dropped", 85.5)
    assert show("amendments/", "id", day=YESTERDAY) is None
    found = show(f"amendments/?target={target.pk}&ordering=id", "state", "drop")
    assert found == [("accepted", False), ("accepted", False), ("accepted", True)]
    assert show(f"amendments/?milestone={target.pk}", "id") is None
    assert send(national, "DELETE", f"amendments/{asked['id']}/")[0] in {403, 409}


def test_a_day_is_amended_by_writing_it(pilot: Pilot, national: ApiClient, editor: ApiClient) -> None:
    """Of a key milestone it is asked for; of another, and by the ministry, it holds at once."""
    day, later = today() + timedelta(60), (today() + timedelta(200)).isoformat()
    change = {"planned_on": later, "change_reason": "The supplier is late"}
    key, free = (make.milestone(pilot, day, is_key=is_key) for is_key in (True, False))
    Milestone.history.update(
        history_date=datetime(2025, 1, 1, tzinfo=UTC)
    )  # what was entered today is corrected in place
    days = ("planned_on", "first_planned_on", "amended_on")
    first = (day.isoformat(), day.isoformat(), None)
    address = f"milestones/{key.pk}/"
    assert send(editor, "PATCH", address, {"planned_on": later}) == (400, {"/change_reason": "required"})
    status, asked = send(editor, "PATCH", address, change)
    assert (status, *(asked[name] for name in days), asked["amendment"]["day"]) == (200, *first, later)
    assert send(editor, "DELETE", f"amendments/{asked['amendment']['id']}/") == (204, None)
    assert show(address, *days, "amendment") == (*first, None)
    for client, milestone in ((national, key), (editor, free)):
        status, moved = send(client, "PATCH", f"milestones/{milestone.pk}/", change)
        assert (status, *(moved[name] for name in days)) == (200, later, day.isoformat(), NOW)
        back = send(client, "PUT", f"milestones/{milestone.pk}/", moved)[1]
        assert back["revision"] == moved["revision"], "sent back, it changes nothing"
        assert show(f"milestones/{milestone.pk}/", *days, day=YESTERDAY) == first
    past = {"milestone": key.pk, "day": YESTERDAY, "reason_en": "It was done"}
    assert send(national, "POST", "amendments/", past) == (400, {"/day": "past"})
    assert send(editor, "PATCH", address, {"stage": "midterm"}) == (409, {"/stage": "fixed"})


# -- completions -------------------------------------------------------------------------------------------


def test_a_milestone_is_done_by_a_completion(
    pilot: Pilot, national: ApiClient, editor: ApiClient, second: ApiClient
) -> None:
    milestone = make.milestone(pilot, today() - timedelta(20), is_key=True)
    address, done = f"milestones/{milestone.pk}/", (today() - timedelta(10)).isoformat()
    body = {"milestone": milestone.pk, "completed_on": done}
    assert send(editor, "POST", "completions/", body) == (400, {"/evidence": "rule"})
    ahead = {**body, "completed_on": "2199-12-31", "evidence": "No. 7"}
    assert send(editor, "POST", "completions/", ahead) == (400, {"/completed_on": "future"})
    assert send(editor, "POST", "completions/", {**body, "evidence": "No. 7", "objection": "x"})[0] in {400, 403}
    status, entered = send(editor, "POST", "completions/", {**body, "evidence": "Report No. 7"})
    wanted: dict[str, Any] = {
        "completed_on": done,
        "evidence": "Report No. 7",
        "entered_on": NOW,
        "entered_by": "editor",
    }
    wanted |= {"objected_on": None, "objected_by": None, "objection": None}
    assert (status, {name: entered[name] for name in wanted}) == (201, wanted)
    assert (entered["pilot"]["slug"], entered["milestone"]["id"]) == ("city", milestone.pk)
    names = ("completed_on", "evidence", "done", "light", "delay_days")
    assert show(address, *names) == (done, "Report No. 7", True, "blue", 10)
    before = (today() - timedelta(11)).isoformat()
    assert show(address, *names, day=before) == (None, None, False, "yellow", 9)
    assert show("completions/", "id", day=before) is None
    own = f"completions/{entered['id']}/"
    assert send(second, "PATCH", own, {"completed_on": before}) == (409, {"/completed_on": "fixed"})
    assert send(editor, "PATCH", own, {"objection": "No"})[0] == 403
    status, objected = send(national, "PATCH", own, {"objection": "Another furnace"})
    assert (status, objected["objected_on"], objected["objected_by"]) == (200, NOW, "national")
    assert show(own, "objected_on", "objection", "entered_by") == (NOW, "Another furnace", None)
    assert show(own, "objected_on", "objection", day=YESTERDAY) == (None, None)
    assert show(address, *names) == (None, None, False, "yellow", 20)
    assert show(address, *names, day=YESTERDAY) == (done, "Report No. 7", True, "blue", 10)
    status, again = send(editor, "POST", "completions/", {**body, "evidence": "Report No. 8"})
    assert (status, show(address, *names)) == (201, (done, "Report No. 8", True, "blue", 10))
    assert send(editor, "DELETE", f"completions/{again['id']}/") == (204, None)
    old = make.completion(milestone, date(2026, 1, 5))
    assert send(second, "DELETE", f"completions/{old.pk}/")[0] == 409
    other = {"completed_on": done, "evidence": "x"}
    assert send(editor, "PATCH", address, other) == (409, {"/completed_on": "fixed", "/evidence": "fixed"})
    as_read = dict(zip(("completed_on", "evidence"), show(address, "completed_on", "evidence"), strict=True))
    assert (as_read["completed_on"], send(editor, "PATCH", address, as_read)[0]) == ("2026-01-05", 200)
    new = {"pilot": "city", "facet": "goal", "title_zh": "新", "planned_on": "2026-12-01", **other}
    assert send(editor, "POST", "milestones/", new) == (409, {"/completed_on": "fixed", "/evidence": "fixed"})
    assert send(national, "PUT", own, {**body, "evidence": "x"})[0] == 405


def test_a_file_attached_today_shows_that_it_is_done(pilot: Pilot, editor: ApiClient) -> None:
    milestone = make.milestone(pilot, today() - timedelta(20))
    body = {"milestone": milestone.pk, "completed_on": YESTERDAY}
    document = make.document(province=pilot.province)
    assert send(editor, "POST", "attachments/", {"document": document.pk, "milestone": milestone.pk})[0] == 201
    assert send(editor, "POST", "completions/", body)[0] == 201


def test_lists_know_what_counts_as_the_lights_do(pilot: Pilot) -> None:
    """Completions and stages entered at once, late, and after an objection: on every day the same day of completion."""
    start = date(2025, 3, 1)
    late, objected = (0, 20, 50), (None, 5, 70)
    cases: list[Milestone] = []
    for gap, first, again in product(late, objected, (None, 0, 40)):
        milestone = make.milestone(pilot, start)
        entered = start + timedelta(gap)
        end = entered + timedelta(first) if first is not None else None
        make.completion(milestone, start, entered_on=entered, objected_on=end, objection="No" if end else "")
        if again is not None:
            make.completion(milestone, start - timedelta(9), entered_on=entered + timedelta(again))
        cases.append(milestone)
    for stage, gap in (("midterm", 0), ("final_eval", 50), ("plan_issued", 3)):
        make.stage(pilot, stage, start, recorded_on=start + timedelta(gap), reason="Not published")
        cases.append(make.milestone(pilot, start, stage=stage))
    cases.append(make.milestone(pilot, start, stage="midterm", promised_on=start + timedelta(1)))
    for offset in (-10, -9, -1, 0, 5, 10, 19, 20, 25, 40, 49, 50, 55, 60, 70, 90, 120, 200):
        day = start + timedelta(offset)
        listed = send(ApiClient(), "GET", f"milestones/?as_of={day}&page_size=200&ordering=id")[1]["results"]
        records = Records(
            pilot,
            milestones=cases,
            stages=pilot.stages.all(),
            completions=pilot.completions.order_by("entered_on", "pk"),
        )
        found = [completed(records, milestone, day) for milestone in cases]
        assert [row["completed_on"] for row in listed] == [one[0].isoformat() if one else None for one in found], day
        assert [row["done"] for row in listed] == [one is not None for one in found]


# -- stages and withdrawals --------------------------------------------------------------------------------


def test_a_stage_entered_late_is_listed_from_its_entry_on(pilot: Pilot, national: ApiClient) -> None:
    in_time, late = date(2025, 5, 1), date(2025, 8, 1)
    make.stage(pilot, "plan_issued", date(2025, 4, 20), recorded_on=in_time, reason="x")
    make.stage(pilot, "midterm", date(2025, 6, 1), recorded_on=late, reason="x", result="conditions")
    days = ("2025-04-20", "2025-05-01", "2025-07-31", "2025-08-01")
    seen = [show("stages/?ordering=entered_on", "stage", "recorded_on", "result", day=day) for day in days]
    first, second = ("plan_issued", "2025-05-01", None), ("midterm", "2025-08-01", "conditions")
    assert seen == [("plan_issued", None, None), first, first, [first, second]]
    body = {"pilot": "city", "stage": "final_eval", "entered_on": YESTERDAY, "result": "passed", "reason": "x"}
    status, made = send(national, "POST", "stages/", body)
    assert (status, made["recorded_on"], made["result"]) == (201, NOW, "passed")
    assert send(national, "POST", "stages/", {**body, "stage": "closed"})[0] == 400, "only an evaluation has a result"


def test_records_of_a_withdrawn_pilot_are_listed_if_asked_for(pilot: Pilot, target: Target) -> None:
    """From the day on which the withdrawal counts; each record keeps its address."""
    air = target.indicator
    rows: dict[str, Any] = {
        "targets": target,
        "milestones": make.milestone(pilot, date(2025, 1, 1), date(2025, 1, 1)),
        "readings": make.reading(pilot, air, "2024", 90),
        "stages": make.stage(pilot, "plan_issued", date(2024, 6, 1), reason="x"),
        "amendments": make.amendment(target, value=85, asked_on=date(2025, 1, 1)),
    }
    rows["completions"] = rows["milestones"].completions.get()
    Pilot.objects.update(withdrawn_on=date(2025, 6, 1), withdrawn_recorded_on=date(2025, 9, 1))
    for resource, record in rows.items():
        for day, only in (("2025-08-31", None), ("2025-09-01", (record.pk,))):
            assert show(f"{resource}/?withdrawn=only", "id", day=day) == only, resource
            assert show(f"{resource}/?withdrawn=include", "id", day=day) == (record.pk,)
            assert show(f"{resource}/", "id", day=day) == (None if only else (record.pk,))
            assert show(f"{resource}/{record.pk}/", "id", day=day) == (record.pk,)
    assert show("pilots/city/", "withdrawn_on", "withdrawn_recorded_on") == ("2025-06-01", "2025-09-01")


# -- deadlines ---------------------------------------------------------------------------------------------


def test_a_deadline_is_decided_by_the_ministry_and_kept(pilot: Pilot, national: ApiClient, editor: ApiClient) -> None:
    later = (today() + timedelta(90)).isoformat()
    body = {"pilot": "city", "year": today().year - 1, "due_on": later, "reason": "The census"}
    assert send(editor, "POST", "deadlines/", body)[0] == 403
    status, made = send(national, "POST", "deadlines/", body)
    wanted = {"batch": None, "year": today().year - 1, "indicator": None, "due_on": later, "reason": "The census"}
    wanted |= {"decided_on": NOW, "decided_by": "national"}
    assert (status, made["pilot"]["slug"], {name: made[name] for name in wanted}) == (201, "city", wanted)
    assert show("deadlines/", "reason", "decided_by") == ("The census", None)
    assert show("deadlines/", "reason", day=YESTERDAY) is None
    for method in ("PUT", "PATCH", "DELETE"):
        assert send(national, method, f"deadlines/{made['id']}/", {"reason": "Another"})[0] == 405
    assert send(national, "POST", "deadlines/", {**body, "due_on": YESTERDAY})[0] == 400
    assert send(national, "POST", "deadlines/", {**body, "batch": "first"})[0] == 400
    waived = {"batch": "first", "year": today().year - 1, "due_on": None, "reason": "Not asked for"}
    assert send(national, "POST", "deadlines/", waived)[1]["due_on"] is None


# -- values ------------------------------------------------------------------------------------------------


def test_a_value_is_accepted_returned_and_disputed(
    pilot: Pilot, national: ApiClient, second: ApiClient, editor: ApiClient
) -> None:
    body = {"pilot": "city", "indicator": make.indicator("AIR_SO2").code, "value": 90, "reported_on": YESTERDAY}
    days = ("state", "accepted_on", "returned_on", "answer_by", "disputed_on")

    def hand_in(client: ApiClient, period: str, **fields: Any) -> str:
        status, row = send(client, "POST", "readings/", {**body, "period": period, **fields})
        assert status == 201, row
        assert row["state"] == "reported"
        return f"readings/{row['id']}/"

    assert send(editor, "POST", "readings/", {**body, "period": "2025", "state": "accepted"})[0] in {400, 403}
    early = {**body, "period": "2025"}
    assert send(editor, "POST", "readings/", early) == (400, {"/reported_on": "past"})
    good, bad = hand_in(second, "2025"), hand_in(second, "2024", value=91)
    assert send(editor, "PATCH", good, {"state": "accepted"})[0] == 403
    status, row = send(national, "PATCH", good, {"state": "accepted", "note": "Read on site"})
    assert (status, [row[name] for name in days], row["note"]) == (
        200,
        ["accepted", NOW, None, None, None],
        "Read on site",
    )
    assert show(good, *days, day=YESTERDAY) == ("reported", None, None, None, None)
    assert send(national, "PATCH", bad, {"state": "returned"}) == (400, {"/change_reason": "required"})
    until = (today() + timedelta(14)).isoformat()
    how = {"change_reason": "The unit is wrong", "answer_by": until}
    status, row = send(national, "PATCH", bad, {"state": "returned", **how})
    assert (status, [row[name] for name in days]) == (200, ["returned", None, NOW, until, None])
    assert show(bad, *days, day=YESTERDAY) == ("reported", None, None, None, None)
    assert send(national, "PATCH", bad, {"state": "accepted"})[0] == 409, "the next version is accepted in its place"
    assert send(national, "PATCH", good, {"state": "returned", **how})[0] == 409
    status, row = send(national, "PATCH", good, {"state": "disputed", "change_reason": "Another furnace"})
    assert (status, [row[name] for name in days]) == (200, ["disputed", NOW, None, None, NOW])
    assert send(national, "PUT", good, {**row, "note": "x"})[1]["state"] == "disputed", "as it was read, but the note"
    for state, found in (("disputed", "2025"), ("returned", "2024")):
        assert show(f"readings/?state={state}", "period") == (found,)
    assert show("readings/?state=accepted", "period") is None
    more = [hand_in(second, period, value=93) for period in ("2024-Q1", "2024-Q2")]
    keys = [{"id": int(address.split("/")[1]), "revision": 1, "state": "accepted", "note": "x"} for address in more]
    status, judged = send(national, "PATCH", "readings/", keys)
    assert (status, [(row["state"], row["note"]) for row in judged]) == (200, [("accepted", "x")] * 2)
    own = hand_in(national, "2025", indicator=make.indicator("AIR_NOX").code)
    assert send(national, "PATCH", own, {"state": "accepted"})[0] == 409, "nobody accepts what they handed in"
    assert send(second, "PATCH", own, {"state": "accepted"})[1]["state"] == "accepted"


def test_old_records_are_entered_with_the_day_of_acceptance(pilot: Pilot, national: ApiClient) -> None:
    """Of years before reports were asked for, with a reason; no later acceptance is ever typed."""
    body = {"pilot": "city", "indicator": make.indicator("AIR_SO2").code, "value": 90}
    old = {**body, "period": "2022", "reported_on": "2023-02-01", "accepted_on": "2023-03-01"}
    assert send(national, "POST", "readings/", old) == (400, {"/change_reason": "required"})
    status, row = send(national, "POST", "readings/", {**old, "change_reason": "Yearbook of 2023"})
    assert (status, row["state"], row["accepted_on"]) == (201, "accepted", "2023-03-01")
    new = {**body, "period": "2025", "reported_on": "2026-02-01", "accepted_on": "2026-03-01", "change_reason": "x"}
    assert send(national, "POST", "readings/", new) == (409, {"/accepted_on": "fixed"})


# -- what is private ---------------------------------------------------------------------------------------

MARK, PART = "Zq7-the-meter-of-our-neighbour", "Zq7-the"


def addresses() -> Iterator[str]:
    """Yield every list, the feed, searches, and pages on which a history or a sentence could stand."""
    for name, (_model, view) in RESOURCES.items():
        yield f"/api/v1/{name}/?page_size=200"
        yield f"/api/v1/{name}/?format=csv"
        if "q" in view.filterset_class.base_filters:
            yield f"/api/v1/{name}/?q={PART}"
    for name in AGGREGATES:
        yield f"/api/v1/{name}/" + {"rollout": "?policy=national", "trend": "?indicator=AIR_SO2"}.get(name, "")
    yield from ("/api/v1/changes/?page_size=1000", "/api/v1/pilots/city/", f"/search/?q={PART}")
    yield from (
        "/",
        "/pilots/",
        "/pilots/city/",
        "/desk/",
        "/actions/",
        "/data/",
        "/brief/pilot/city/",
        "/admin/changes/",
        "/admin/quality/",
    )


def test_the_words_of_a_reason_not_given_are_nowhere(pilot: Pilot, target: Target) -> None:
    """The ministry and the province read them in the admin; the API has no resource of them."""
    make.policy(slug="national")
    row = make.not_given(pilot, target.indicator, 2025, text=MARK)
    ministry = make_user("national", "national_editor")
    judge_readings([row], ReadingState.ACCEPTED, by=ministry, reason=f"It is true: {MARK}")
    assert (row.history.count(), Indicator.objects.get().not_given.get().accepted_on) == (2, today())
    readers = {
        "anonymous": ApiClient(),
        "viewer": ApiClient(session=make_user("viewer", "viewer")),
        "no role": ApiClient(session=make_user("norole")),
        "another province": ApiClient(session=make_user("other", "provincial_editor", make.province())),
    }
    for reader, client in readers.items():
        for address in addresses():
            answer = client.send("GET", address)
            told = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert answer.status_code in {200, 302, 403}, (reader, address)
            assert MARK.encode() not in told, (reader, address)
    for client in (
        ApiClient(session=ministry),
        ApiClient(session=make_user("own", "provincial_editor", pilot.province)),
    ):
        assert MARK in client.send("GET", "/pilots/city/").content.decode()  # in its history
        for address in addresses():
            if "/api/" in address and "changes" not in address:
                answer = client.send("GET", address)
                told = b"".join(answer.streaming_content) if answer.streaming else answer.content
                assert MARK.encode() not in told, address
    assert NotGiven not in {view.model for _name, view in RECORDS.values()}
