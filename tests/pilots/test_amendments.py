"""Replans: another planned day of a key milestone or planned stage is asked for by the province and decided by the
ministry, through API, admin and import alike; the past keeps the day that was in force.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from core.days import SIDES, database_name, today
from core.records.writing import Conflict
from core.text import format_date
from pilots.forms.entry import ReplanAnswerForm
from pilots.models import Milestone, Pilot, Replan, StageEntry
from pilots.replans import decide_replan, withdraw_replan
from pilots.views import entry
from tests import factories as make
from tests.support.admin_forms import form_data
from tests.support.api_client import ApiClient, make_user
from tests.support.csv_files import csv_rows
from tests.support.imports import checked_import, confirm_import, dry_run_of, errors_of, run_import, undo_import
from tests.support.scripted_year import clock_at
from tests.support.sign_in import client_of

pytestmark = pytest.mark.django_db
ENTERED, DUE, LATER = date(2026, 3, 1), date(2026, 7, 19), date(2026, 12, 25)
HEADS = ["id", "planned_on"]


@pytest.fixture(autouse=True)
def _files(tmp_path: Any, settings: Any) -> None:
    settings.SNAPSHOT_DIR = tmp_path


@pytest.fixture
def pilot(empty: None) -> Pilot:
    """Make a pilot with a key milestone of 19 July and a planned stage of 1 August, entered in March."""
    with clock_at(ENTERED):
        city = make.pilot(make.batch(), make.province(slug="hebei"), slug="city", name_en="City")
        make.milestone(city, DUE, title_en="Platform live", title_zh="平台上线", is_key=True, owner="Bureau")
        make.stage(city, "midterm", None, planned_on=date(2026, 8, 1))
    return city


@pytest.fixture
def milestone(pilot: Pilot) -> Milestone:
    return Milestone.objects.get()


@pytest.fixture
def officer(pilot: Pilot) -> User:
    return make_user("officer", "provincial_editor", pilot.province)


@pytest.fixture
def ministry(pilot: Pilot) -> User:
    return make_user("ministry", "national_editor")


def send(user: User, method: str, address: str, body: Any = None, **headers: str) -> Any:
    """Send a write to the API as a signed-in user, with the ETag of the record."""
    client = ApiClient(session=user)
    tag = {} if method == "POST" else {"If-Match": client.send("GET", f"/api/v1/{address}")["ETag"]}
    return client.send(method, f"/api/v1/{address}", body, **tag, **headers)


def ask(user: User, milestone: Milestone, day: date, reason: str = "企业申请延期") -> Any:
    """Send another planned day as a change of the milestone."""
    body = {"planned_on": day.isoformat(), "change_reason": reason}
    return send(user, "PATCH", f"milestones/{milestone.pk}/", body)


def read(query: str = "") -> dict[str, Any]:
    """Return the milestone as the API tells it."""
    return ApiClient().send("GET", f"/api/v1/milestones/?{query}").json()["results"][0]


def days(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["planned_on"], row["first_planned_on"], row["light"]


def light(query: str = "") -> dict[str, Any]:
    return ApiClient().send("GET", f"/api/v1/progress/?{query}").json()["pilots"][0]["light"]


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]


# -- an officer's day ------------------------------------------------------------------------------------


def test_an_officers_day(pilot: Pilot, milestone: Milestone, officer: User, ministry: User) -> None:
    """Asked, refused, asked again, withdrawn, asked again by import, accepted in the admin: the past is as it was."""
    red = ("2026-07-19", "2026-07-19", "red")
    with clock_at(date(2026, 11, 20)):
        since, then = light()["since"], light("as_of=2026-11-10")
        answer = ask(officer, milestone, LATER)
        assert (answer.status_code, days(answer.json())) == (200, red)
        assert answer.json()["replan"] == {
            "id": Replan.objects.get().pk,
            "day": "2026-12-25",
            "reason": "企业申请延期",
            "reason_en": None,
            "reason_zh": "企业申请延期",
            "asked_on": "2026-11-20",
        }
        reason = "Platform live is 124 days overdue; a later day is asked for: 25 December 2026, 企业申请延期"
        stage = "Stage “Mid-term evaluation” is 111 days overdue"
        assert [item["text"] for item in light()["reasons"]] == [reason, stage]
        page = Client().get("/pilots/city/?lang=zh-hans").content.decode()
        assert "申请推迟至2026年12月25日，理由：企业申请延期" in page
        assert desk(ministry, "replans")[0] == "Platform live"
    with clock_at(date(2026, 11, 21)):
        replan = Replan.objects.get()
        refusal = send(ministry, "PATCH", f"replans/{replan.pk}/", {"accepted": False})
        assert (refusal.status_code, codes(refusal)) == (400, [("/remark", "rule")])
        refusal = send(ministry, "PATCH", f"replans/{replan.pk}/", {"accepted": False, "remark": "Not justified"})
        assert (refusal.status_code, refusal.json()["state"], refusal.json()["decided_on"]) == (
            200,
            "refused",
            "2026-11-21",
        )
        assert (days(read()), read()["replan"]) == (red, None)
        text = "the day asked for, 25 December 2026, was refused on 21 November 2026: Not justified"
        assert text in light()["reasons"][0]["text"]
        assert desk(officer, "replans-refused")[-1] == "Not justified"
        again = send(ministry, "PATCH", f"replans/{replan.pk}/", {"accepted": True})
        assert (again.status_code, codes(again)) == (409, [("", "state")])
    with clock_at(date(2026, 11, 22)):
        second = ask(officer, milestone, LATER).json()["replan"]["id"]
        assert desk(officer, "replans-refused") == []
        assert send(ministry, "DELETE", f"replans/{second}/").status_code == 403
        assert send(officer, "PATCH", f"replans/{second}/", {"accepted": True}).status_code == 403
        assert send(officer, "DELETE", f"replans/{second}/").status_code == 204
        assert (days(read()), read()["replan"]) == (red, None)
    with clock_at(date(2026, 11, 23)):
        record = run_import("milestones", HEADS, [milestone.pk, "2026-12-20"], by=officer, reason="企业申请延期")
        assert (record.updated, days(read()), read()["replan"]["day"]) == (1, red, "2026-12-20")
    with clock_at(date(2026, 11, 25)):
        waiting = Replan.objects.get(accepted=None)
        browser = Client()
        browser.force_login(ministry)
        address = reverse("admin:pilots_replan_change", args=[waiting.pk])
        data = form_data(browser.get(address), accepted="true", change_reason="Agreed")
        assert browser.post(address, data).status_code == 302
        waiting.refresh_from_db()
        assert (waiting.accepted, waiting.decided_on, waiting.decided_by, waiting.asked_by) == (
            True,
            date(2026, 11, 25),
            ministry,
            officer,
        )
        assert days(read()) == ("2026-12-20", "2026-07-19", "grey")
    with clock_at(date(2026, 11, 28)):
        for query in ("as_of=2026-11-24", "as_of=2026-11-10"):
            assert days(read(query)) == red
        assert light("as_of=2026-11-10") == then
        assert light("as_of=2026-11-24")["since"] == since
        assert days(read("as_of=2026-11-28&known=2026-11-24")) == ("2026-07-19", "2026-07-19", "red")
        assert days(read("as_of=2026-11-28&known=2026-11-26")) == ("2026-12-20", "2026-07-19", "grey")
        assert light("as_of=2026-11-24&known=2026-11-24")["since"] == since
        moved = [(row["kind"], row["on"], row["was"], row["text"]) for row in light()["replanned"]]
        text = "replanned on 25 November 2026, was due 19 July 2026: 企业申请延期"
        assert moved == [("milestone", "2026-11-25", {"planned_on": "2026-07-19"}, text)]
        rows = csv_rows(Client().get("/pilots/city/?export=milestone-list.csv"))
        found = dict(zip(*rows, strict=True))
        assert (found["Planned"], found["First planned"], found["Changed since"]) == ("2026-12-20", "2026-07-19", text)
        assert "DTSTART;VALUE=DATE:20261220" in Client().get("/pilots/city/?export=ics").content.decode()
        for query in ("planned_on__gte=2026-12-01", "as_of=2026-11-24&planned_on__lte=2026-07-19"):
            assert read(query)["id"] == milestone.pk
    assert Milestone.objects.get().planned_on == DUE
    assert {entry.planned_on for entry in Milestone.history.all()} == {DUE}


def desk(user: User, slug: str) -> list[str]:
    """Return the table of a list of My work as texts; nothing where there is no such list."""
    browser = Client()
    browser.force_login(user)
    lists = browser.get("/desk/").context["lists"]
    return [str(cell.value) for item in lists if item["slug"] == slug for row in item["table"].rows for cell in row]


def test_a_stage_is_moved_by_a_request_too(pilot: Pilot, officer: User, ministry: User) -> None:
    stage = StageEntry.objects.get()
    with clock_at(date(2026, 11, 20)):
        body = {"stage_entry": stage.pk, "day": "2026-12-25", "reason": "企业申请延期"}
        answer = send(officer, "POST", "replans/", body)
        assert (answer.status_code, answer.json()["state"], answer.json()["asked_by"]) == (201, "waiting", "officer")
        texts = [item["text"] for item in light()["reasons"]]
        asked = "a later day is asked for: 25 December 2026, 企业申请延期"
        assert texts[1] == f"Stage “Mid-term evaluation” is 111 days overdue; {asked}"
        replan = answer.json()["id"]
        assert ApiClient().send("GET", f"/api/v1/replans/{replan}/").json()["asked_by"] is None
        assert send(ministry, "PATCH", f"replans/{replan}/", {"accepted": True}).status_code == 200
        assert [item["text"] for item in light()["reasons"]] == ["Platform live is 124 days overdue"]
        assert "Stage" in light("as_of=2026-11-19")["reasons"][1]["text"]
        row = ApiClient().send("GET", "/api/v1/stages/").json()["results"][0]
        assert (row["planned_on"], row["first_planned_on"]) == ("2026-12-25", "2026-08-01")


def test_what_was_promised_is_the_ministrys(milestone: Milestone, officer: User, ministry: User) -> None:
    body = {"title_en": "Something else", "is_key": False, "planned_on": "2026-12-25", "change_reason": "Why"}
    answer = send(officer, "PATCH", f"milestones/{milestone.pk}/", body)
    assert (answer.status_code, codes(answer)) == (403, [("/title_en", "not_yours"), ("/is_key", "not_yours")])
    missing = send(officer, "PATCH", f"milestones/{milestone.pk}/", {"planned_on": "2026-12-25"})
    assert (missing.status_code, codes(missing)) == (400, [("/change_reason", "required")])
    plan = dry_run_of("milestones", ["id", "title_en"], [milestone.pk, "Something else"], by=officer)
    assert errors_of(plan) == [("B2", "fixed")]
    assert send(ministry, "PATCH", f"milestones/{milestone.pk}/", {"title_en": "Platform online"}).status_code == 200
    own = User.objects.create_user("own", is_staff=True)
    own.user_permissions.set(permissions("change_milestone", "delete_milestone", "view_milestone", "view_replan"))
    gone = send(own, "DELETE", f"milestones/{milestone.pk}/")
    assert (gone.status_code, codes(gone)) == (403, [("", "not_yours")])
    browser = Client()
    browser.force_login(own)
    assert (
        browser.post(reverse("admin:pilots_milestone_delete", args=[milestone.pk]), {"post": "yes"}).status_code == 403
    )


def permissions(*names: str) -> Any:
    return Permission.objects.filter(codename__in=names)


def test_the_ministry_decides_at_once_and_corrects_what_it_entered_today(
    pilot: Pilot, milestone: Milestone, officer: User, ministry: User
) -> None:
    with clock_at(date(2026, 11, 20)):
        ask(officer, milestone, LATER)
        answer = ask(ministry, milestone, date(2026, 12, 31), "Agreed by telephone")
        assert days(answer.json()) == ("2026-12-31", "2026-07-19", "grey")
        assert answer.json()["replan"] is None  # the decision replaces what waited
        theirs = make.milestone(pilot, date(2026, 10, 1), title_en="Entered by the province", is_key=True)
        answer = ask(officer, theirs, date(2026, 11, 1), "Typing error")
        assert (answer.json()["planned_on"], answer.json()["replan"]["day"]) == ("2026-10-01", "2026-11-01")
        fresh = make.milestone(pilot, date(2026, 10, 1), title_en="Fresh", is_key=True)
        answer = ask(ministry, fresh, date(2026, 11, 1), "Typing error")
        assert (answer.json()["planned_on"], answer.json()["first_planned_on"]) == ("2026-11-01", "2026-11-01")
    with clock_at(date(2026, 11, 21)):
        answer = ask(ministry, fresh, date(2026, 12, 1), "Agreed")
        assert (answer.json()["planned_on"], answer.json()["first_planned_on"]) == ("2026-12-01", "2026-11-01")


def test_a_demonstration_corrects_what_was_entered_today_and_says_what_changed(
    pilot: Pilot, officer: User, ministry: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its today lies before the day of the clock, by which histories are dated."""
    day = date(2026, 11, 28)
    monkeypatch.setitem(SIDES, database_name(), (True, day))
    with clock_at(ENTERED):
        target = make.target(pilot, make.indicator("AIR_SO2"), 100, 70)
    with clock_at(date(2026, 12, 1)):
        fresh = make.milestone(pilot, date(2026, 10, 1), title_en="Fresh", is_key=True)
        answer = ask(ministry, fresh, date(2026, 11, 1), "Typing error")
        assert (answer.json()["planned_on"], answer.json()["first_planned_on"]) == ("2026-11-01", "2026-11-01")
        send(ministry, "PATCH", f"targets/{target.pk}/", {"target_value": 80})
        page = Client().get("/pilots/city/").content.decode()
        assert "target value changed on 28 November 2026, was 70" in page


# -- forms -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("others", ["accept", "refuse", "withdraw"])
@pytest.mark.parametrize("door", ["answer", "day"])
def test_who_decides_what_others_have_decided_gets_a_sentence(
    milestone: Milestone,
    officer: User,
    ministry: User,
    monkeypatch: pytest.MonkeyPatch,
    door: str,
    others: str,
) -> None:
    """All sent theirs while the request waited, and the others' came first."""
    ask(officer, milestone, LATER)
    user = ministry if door == "answer" else officer
    holder, name = (ReplanAnswerForm, "is_valid") if door == "answer" else (entry, "planned_context")
    do = getattr(holder, name)

    def then_others(*args: Any) -> Any:
        done, replan = do(*args), Replan.objects.get()
        if others == "withdraw":
            withdraw_replan(replan, by=officer)
        else:
            decide_replan(replan, accepted=others == "accept", remark="Not justified", by=ministry)
        return done

    client, address = client_of(user), f"/pilots/city/milestones/{milestone.pk}/{door}/"
    hidden = {field.html_name: field.value() for field in client.get(address).context["form"].hidden_fields()}
    monkeypatch.setattr(holder, name, then_others)
    sent = {"accepted": "yes"} if door == "answer" else {"withdraw": "yes"}
    answer = client.post(address, {**hidden, **sent})
    gone = "No request waits here any more: it was decided or withdrawn."
    if door == "day":
        assert (answer.status_code, [str(text) for text in get_messages(answer.wsgi_request)]) == (302, [gone])
    else:
        told = answer.context["form"].non_field_errors()
        decided = f"It was decided on {format_date(today())}. Ask for another day instead."
        deleted = "Another user deleted it meanwhile."
        assert (answer.status_code, told) == (400, [deleted if others == "withdraw" else decided])
    assert [item.accepted for item in Replan.objects.all()] == {
        "accept": [True],
        "refuse": [False],
        "withdraw": [],
    }[others]


def milestone_form(milestone: Milestone) -> tuple[str, str]:
    return reverse("admin:pilots_milestone_change", args=[milestone.pk]), "planned_on"


def pilot_form(milestone: Milestone) -> tuple[str, str]:
    return reverse("admin:pilots_pilot_change", args=[milestone.pilot_id]), "milestones-0-planned_on"


@pytest.mark.parametrize("form", [milestone_form, pilot_form])
def test_a_form_asks_for_another_day(
    form: Callable[[Milestone], tuple[str, str]], milestone: Milestone, officer: User, ministry: User
) -> None:
    browser, (address, field) = Client(), form(milestone)
    browser.force_login(officer)
    entries = Milestone.history.count()
    answer = browser.post(address, form_data(browser.get(address), **{field: "2026-12-25"}))
    assert b"Say in the reason for change why another day is asked for" in answer.content
    data = form_data(browser.get(address), **{field: "2026-12-25"}, change_reason="企业申请延期")
    answer = browser.post(address, data, follow=True)
    assert "Platform live: 25 December 2026 is asked of the ministry." in answer.content.decode()
    replan = Replan.objects.get()
    assert (replan.day, replan.reason_zh, replan.asked_by, replan.accepted) == (LATER, "企业申请延期", officer, None)
    assert (Milestone.objects.get().planned_on, Milestone.history.count()) == (DUE, entries)
    assert form_data(browser.get(address))[field] == "2026-07-19"
    page = browser.get(reverse("admin:pilots_replan_change", args=[replan.pk]))
    assert "accepted" not in page.context["adminform"].form.fields
    gone = browser.post(reverse("admin:pilots_replan_delete", args=[replan.pk]), {"post": "yes"})
    assert (gone.status_code, Replan.objects.count(), Replan.history.count()) == (302, 0, 2)


# -- imports -----------------------------------------------------------------------------------------------


def test_an_import_is_undone_with_its_requests_unless_they_were_decided(
    milestone: Milestone, officer: User, ministry: User
) -> None:
    record = checked_import("milestones", HEADS, [milestone.pk, "2026-12-25"], by=officer)
    with pytest.raises(Conflict, match="Row 2: Say in the reason for change why another day is asked for"):
        confirm_import(record, by=officer)
    ask(officer, milestone, date(2026, 12, 1))
    first = Replan.objects.get()
    record = run_import("milestones", HEADS, [milestone.pk, "2026-12-25"], by=officer, reason="企业申请延期")
    assert [item.day for item in Replan.objects.all()] == [LATER]
    undo_import(record, by=ministry)
    assert list(Replan.objects.all()) == [first]
    assert (Milestone.objects.get().planned_on, days(read())[0]) == (DUE, "2026-07-19")
    record = run_import("milestones", HEADS, [milestone.pk, "2026-12-25"], by=officer, reason="企业申请延期")
    replan = Replan.objects.get()
    send(ministry, "PATCH", f"replans/{replan.pk}/", {"accepted": True})
    with pytest.raises(Conflict, match="was changed by ministry"):
        undo_import(record, by=ministry)


def test_an_exported_file_is_unchanged_and_the_ministrys_decides(milestone: Milestone, ministry: User) -> None:
    run_import("milestones", HEADS, [milestone.pk, "2026-12-25"], by=ministry, reason="Agreed")
    browser = Client()
    browser.force_login(ministry)
    rows = csv_rows(browser.get("/admin/import/milestones/export.csv"))
    assert rows[1][rows[0].index("Planned on")] == "2026-12-25"
    plan = dry_run_of("milestones", *rows, by=ministry)
    assert [row.action for row in plan.rows] == ["unchanged"]
    assert days(read())[:2] == ("2026-12-25", "2026-07-19")
