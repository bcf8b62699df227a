"""What a practice lacks keeps it out of the library, on its page, in the admin, by import and by API alike."""

from datetime import date
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.urls import reverse

from core.history.recording import delete_with_history
from core.http.as_of import today
from core.records.writing import Conflict
from pilots.models import Adoption, Effect, Indicator, Pilot, Practice
from tests.factories import (
    make_adoption,
    make_batch,
    make_effect,
    make_indicator,
    make_industry,
    make_pilot,
    make_practice,
    make_province,
    make_reading,
    make_source,
)
from tests.support.admin_forms import form_data, form_errors
from tests.support.api_client import ApiClient, make_user
from tests.support.imports import dry_run_of, run_import, undo_import
from tests.support.sign_in import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
TEXT = "Waste heat of the kilns dries the sludge before it is burned."
TEXTS = dict.fromkeys(("problem_en", "action_en", "conditions_en"), TEXT)
NO_EFFECT = "No effect is on record: add the change of a pilot’s total, or a stated effect."
NO_PROBLEM = "“Problem” is missing: at least 20 characters, in one language."


@pytest.fixture
def ministry() -> User:
    return make_user("ministry", "national_editor")


@pytest.fixture
def practice() -> Practice:
    """Passed by its province, with its texts and without an effect."""
    province = make_province(slug="home")
    return make_practice(
        make_pilot(make_batch(), province), slug="kiln", province=province, passed_on=date(2025, 2, 1), **TEXTS
    )


def press(user: User, practice: Practice) -> list[str]:
    response = client_of(user).post(f"/practices/{practice.slug}/move/", {"move": "take_in"})
    return [str(message) for message in get_messages(response.wsgi_request)]


def save_in_admin(user: User, practice: Practice, **values: Any) -> Any:
    client, address = client_of(user), reverse("admin:pilots_practice_change", args=[practice.pk])
    response = client.post(address, form_data(client.get(address), **values))
    return form_errors(response) if response.status_code == 200 else response.status_code


def import_errors(user: User, **values: str) -> list[tuple[str, str]]:
    plan = dry_run_of("practices", ["code", *values], ["kiln", *values.values()], by=user)
    return [(fault.cell, fault.message) for fault in plan.errors]


def patch(user: User, practice: Practice, **values: Any) -> tuple[int, dict[str, str]]:
    api, address = ApiClient(session=user), f"/api/v1/practices/{practice.slug}/"
    response = api.send("PATCH", address, values, **{"If-Match": api.send("GET", address)["ETag"]})
    return response.status_code, {fault["pointer"]: fault["message"] for fault in response.json().get("errors", ())}


def test_without_an_effect_no_way_leads_into_the_library(practice: Practice, ministry: User) -> None:
    assert press(ministry, practice) == [NO_EFFECT]
    assert save_in_admin(ministry, practice, library_on="2025-03-01") == {"library_on": [NO_EFFECT]}
    assert import_errors(ministry, library_on="2025-03-01") == [("B2", NO_EFFECT)]
    faults = (400, {"/library_on": f"library_on: {NO_EFFECT}"})
    assert patch(ministry, practice, library_on="2025-03-01") == faults
    days = {"library_on": "2025-03-01", "recommended_on": "2025-04-01"}
    assert patch(ministry, practice, **days) == (400, {"/recommended_on": f"recommended_on: {NO_EFFECT}"})
    practice.refresh_from_db()
    assert practice.library_on is None

    make_effect(practice)
    assert import_errors(ministry, library_on="2025-03-01") == []
    assert patch(ministry, practice, library_on="2025-03-01") == (200, {})
    assert save_in_admin(ministry, practice, recommended_on="2025-04-01") == 302


def test_a_new_practice_has_no_effect_yet(practice: Practice, ministry: User) -> None:
    body = {
        "slug": "new",
        "title_en": "New",
        "field": "energy",
        "level": "city",
        "origins": [],
        "passed_on": "2025-02-01",
    }
    body |= {"origins": [practice.origins.get().slug], "proposed_on": "2025-01-01", "library_on": "2025-03-01", **TEXTS}
    response = ApiClient(session=ministry).send("POST", "/api/v1/practices/", body)
    assert response.status_code == 400
    assert [fault["pointer"] for fault in response.json()["errors"]] == ["/library_on"]


def test_texts_that_others_need_stay_while_it_is_offered(practice: Practice, ministry: User) -> None:
    make_effect(practice)
    Practice.objects.update(library_on=date(2025, 3, 1))
    assert patch(ministry, practice, problem_en=None) == (400, {"/problem_zh": f"problem_zh: {NO_PROBLEM}"})
    assert save_in_admin(ministry, practice, problem_en="") == {"problem_zh": [NO_PROBLEM]}
    assert import_errors(ministry, problem_en="") == [("2", f"Problem in Chinese: {NO_PROBLEM}")]
    reason = {"retired_on": "2025-05-01", "retired_reason_en": "Replaced"}
    assert patch(ministry, practice, problem_en=None, **reason) == (200, {})


def test_what_was_missing_already_stops_no_correction(practice: Practice, ministry: User) -> None:
    """Of records from before this rule, data quality says what is missing; a typo can be put right meanwhile."""
    Practice.objects.update(library_on=date(2025, 3, 1), problem_en="")
    assert patch(ministry, practice, note_en="Seen on site") == (200, {})
    assert patch(ministry, practice, recommended_on="2025-04-01") == (
        400,
        {"/problem_zh": f"problem_zh: {NO_PROBLEM}", "/recommended_on": f"recommended_on: {NO_EFFECT}"},
    )


def test_the_error_is_in_the_reader_s_language(practice: Practice, ministry: User) -> None:
    api, address = ApiClient(session=ministry), "/api/v1/practices/kiln/"
    headers = {"If-Match": api.send("GET", address)["ETag"]}
    response = api.send("PATCH", f"{address}?lang=zh-hans", {"library_on": "2025-03-01"}, **headers)
    assert [fault["message"] for fault in response.json()["errors"]] == [
        "library_on：尚无成效记录，请补充试点总量变化或来源所述成效。"
    ]


def test_a_deleted_practice_of_the_library_can_be_restored(practice: Practice) -> None:
    Practice.objects.update(library_on=date(2025, 3, 1))
    practice.refresh_from_db()
    key = practice.pk
    delete_with_history(practice)
    client, entry = client_of(make_user("admin", "admin")), Practice.history.filter(id=key).first()
    address = reverse("admin:pilots_practice_simple_history", args=[key, entry.pk])
    assert client.post(address, {"version": entry.pk}).status_code == 302
    assert Practice.objects.get().library_on == date(2025, 3, 1)


# -- the last effect ---------------------------------------------------------------------------------------

ONLY_EFFECT = (
    "It is the only effect of “Kiln”, which is in the library. Enter another effect first, or let the ministry retire "
    "the practice or clear the day it came into the library."
)


def delete_by_api(user: User, effect: Effect) -> tuple[int, list[tuple[str, str]]]:
    api, address = ApiClient(session=user), f"/api/v1/effects/{effect.pk}/"
    response = api.send("DELETE", address, **{"If-Match": api.send("GET", address)["ETag"]})
    return response.status_code, [(fault["code"], fault["message"]) for fault in errors_in(response)]


def errors_in(response: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = response.json()["errors"] if response.content else []
    return found


def delete_in_admin(user: User, *effects: Effect) -> str:
    """Delete one on its page, several from their list, and return the answer’s text."""
    if len(effects) == 1:
        address = reverse("admin:pilots_effect_delete", args=[effects[0].pk])
        return client_of(user).post(address, {"post": "yes"}).text
    sent = {"action": "delete_selected", "post": "yes", "_selected_action": [effect.pk for effect in effects]}
    return client_of(user).post(reverse("admin:pilots_effect_changelist"), sent).text


def test_the_last_effect_of_a_practice_in_the_library_stays(practice: Practice, ministry: User) -> None:
    Practice.objects.update(title_en="Kiln", library_on=date(2025, 3, 1))
    first, second = make_effect(practice), make_effect(practice)
    assert delete_in_admin(ministry, first, second).count(ONLY_EFFECT) == 2
    assert Effect.objects.count() == 2
    assert delete_by_api(ministry, first) == (204, [])

    assert delete_by_api(ministry, second) == (409, [("in_use", ONLY_EFFECT)])
    shown = delete_in_admin(ministry, second)
    assert "“Kiln: 5,000 t CO2 less a year” cannot be deleted:" in shown
    assert ONLY_EFFECT in shown
    other = make_practice(practice.origins.get(), slug="other")
    api, address = ApiClient(session=ministry), f"/api/v1/effects/{second.pk}/"
    moved = api.send("PATCH", address, {"practice": "other"}, **{"If-Match": api.send("GET", address)["ETag"]})
    assert (moved.status_code, errors_in(moved)[0]["pointer"]) == (409, "/practice")
    assert list(Effect.objects.values_list("practice", flat=True)) == [practice.pk]

    Practice.objects.filter(pk=practice.pk).update(retired_on=date(2025, 5, 1), retired_reason_en="Replaced")
    assert delete_by_api(ministry, second) == (204, [])
    assert delete_by_api(ministry, make_effect(other)) == (204, [])


# -- moves by API ------------------------------------------------------------------------------------------


def move(api: ApiClient, etag: str, **body: Any) -> Any:
    return api.send("POST", "/api/v1/practices/kiln/move/", body, **{"If-Match": etag})


def faults(response: Any) -> tuple[int, dict[str, str]]:
    return response.status_code, {fault["pointer"]: fault["code"] for fault in response.json()["errors"]}


def test_a_practice_goes_its_way_by_api(practice: Practice, ministry: User) -> None:
    Practice.objects.update(passed_on=None)
    boss = ApiClient(session=ministry)
    home = ApiClient(session=make_user("home", "provincial_editor", practice.province))
    away = ApiClient(session=make_user("away", "provincial_editor", make_province()))
    etag = boss.send("GET", "/api/v1/practices/kiln/")["ETag"]

    assert faults(move(boss, etag, move="take_in")) == (409, {"/move": "state"})
    assert faults(move(boss, etag, move="steal", why="x")) == (
        400,
        {"/move": "invalid_choice", "/why": "unknown_field"},
    )
    assert faults(move(away, etag, move="pass")) == (403, {"": "not_yours"})
    assert faults(home.send("POST", "/api/v1/practices/kiln/move/", {"move": "pass"})) == (
        428,
        {"If-Match": "required"},
    )
    passed = move(home, etag, move="pass")
    assert (passed.status_code, passed.json()["state"], passed.json()["passed_on"]) == (200, "passed", str(today()))
    assert faults(move(home, etag, move="pass")) == (412, {"If-Match": "stale"})
    assert faults(move(home, passed["ETag"], move="take_in")) == (403, {"": "not_yours"})
    assert faults(move(boss, passed["ETag"], move="take_in")) == (400, {"/library_on": "missing"})
    make_effect(practice)
    key = {"Idempotency-Key": "take-in-1", "If-Match": passed["ETag"]}
    first, again = (boss.send("POST", "/api/v1/practices/kiln/move/", {"move": "take_in"}, **key) for _n in range(2))
    assert (first.status_code, first.json()["state"], again.json()) == (200, "in_library", first.json())
    taken = move(boss, first["ETag"], move="recommend")
    assert (taken.status_code, taken.json()["state"]) == (200, "recommended")
    assert faults(move(boss, taken["ETag"], move="retire")) == (400, {"/reason": "required"})
    retired = move(boss, taken["ETag"], move="retire", reason="Replaced")
    assert (retired.json()["state"], retired.json()["retired_reason"]) == ("retired", "Replaced")
    assert [entry.history_user for entry in practice.history.all()[:4]] == [
        *[ministry] * 3,
        User.objects.get(username="home"),
    ]


def test_who_may_not_is_told_why(practice: Practice) -> None:
    home = ApiClient(session=make_user("home", "provincial_editor", practice.province))
    away = ApiClient(session=make_user("away", "provincial_editor", make_province()))
    etag = home.send("GET", "/api/v1/practices/kiln/")["ETag"]
    other = "This belongs to another province or to all: your role does not reach it."
    own = "Only the ministry takes this step: ask the ministry."
    for api, text in ((home, own), (away, other)):
        (fault,) = move(api, etag, move="retire", reason="Old").json()["errors"]
        assert (fault["pointer"], fault["code"], fault["message"]) == ("", "not_yours", text)
    body = {"slug": "new", "title_en": "New", "field": "energy", "level": "city", "origins": []}
    made = home.send("POST", "/api/v1/practices/", body | {"origins": [practice.origins.get().slug]})
    (fault,) = made.json()["errors"]
    why = "Name your own. Without it the record belongs to all, which your role does not reach."
    assert (made.status_code, fault["pointer"], fault["message"]) == (403, "/province", f"province: {why}")


def test_a_confirmation_is_taken_back_by_api(practice: Practice, ministry: User) -> None:
    away = make_province()
    adoption = make_adoption(practice, make_pilot(make_batch(), away), claimed_by=ministry)
    boss = ApiClient(session=ministry)
    home = ApiClient(session=make_user("home", "provincial_editor", practice.province))
    address = f"/api/v1/adoptions/{adoption.pk}/"
    confirmed = home.send("POST", f"{address}confirm/", **{"If-Match": home.send("GET", address)["ETag"]})

    def withdraw(api: ApiClient, etag: str, **body: Any) -> Any:
        return api.send("POST", f"{address}withdraw-confirmation/", body, **{"If-Match": etag})

    assert faults(withdraw(boss, confirmed["ETag"])) == (400, {"/reason": "required"})
    assert faults(withdraw(boss, confirmed["ETag"], reason=" ")) == (400, {"/reason": "required"})
    assert faults(withdraw(boss, '"1-x"', reason="Wrong site")) == (412, {"If-Match": "stale"})
    elsewhere = ApiClient(session=make_user("elsewhere", "provincial_editor", make_province()))
    assert faults(withdraw(elsewhere, confirmed["ETag"], reason="Wrong site")) == (403, {"": "not_yours"})
    done = withdraw(boss, confirmed["ETag"], reason="Wrong site")
    assert (done.status_code, done.json()["trust"], done.json()["confirmed_on"]) == (200, "claimed", None)
    assert Adoption.history.first().history_change_reason == "Wrong site"
    assert faults(withdraw(boss, done["ETag"], reason="Again")) == (409, {"": "not_confirmed"})


# -- what the ministry took into its library ---------------------------------------------------------------

ASK = "Your role may not change this: ask the ministry."


@pytest.fixture
def taken(practice: Practice) -> Practice:
    """The practice in the library, with a stated effect."""
    make_effect(practice, province=practice.province)
    Practice.objects.update(library_on=date(2025, 3, 1))
    practice.refresh_from_db()
    return practice


@pytest.fixture
def editor(practice: Practice) -> User:
    return make_user("editor", "provincial_editor", practice.province)


def patch_effect(user: User, effect: Effect, **values: Any) -> tuple[int, dict[str, str]]:
    api, address = ApiClient(session=user), f"/api/v1/effects/{effect.pk}/"
    response = api.send("PATCH", address, values, **{"If-Match": api.send("GET", address)["ETag"]})
    return response.status_code, {fault["pointer"]: fault["message"] for fault in errors_in_answer(response)}


def errors_in_answer(response: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = response.json().get("errors", [])
    return found


def test_what_the_library_says_is_the_ministry_s_by_api(taken: Practice, editor: User, ministry: User) -> None:
    industry, own = make_industry(slug="steel"), make_pilot(make_batch(), taken.province, slug="own")
    changes: dict[str, Any] = {
        "title_en": "Better", "action_en": f"{TEXT} Twice.", "proposed_on": "2025-01-02", "passed_on": "2025-02-02",
        "industries": [industry.slug], "origins": [own.slug], "province": None, "level": "city",
        "cost_amount": 1, "cost_kind": "investment", "cost_year": 2025,
    }  # fmt: skip
    assert patch(editor, taken, **changes) == (403, {f"/{name}": f"{name}: {ASK}" for name in changes})
    assert patch(editor, taken, note_en="Seen on site", confidence="inferred")[0] == 200
    assert patch(ministry, taken, **changes) == (200, {})


def test_before_the_library_a_province_changes_its_practice(practice: Practice, editor: User) -> None:
    assert patch(editor, practice, title_en="Better", passed_on="2025-02-02") == (200, {})


def test_what_the_library_says_is_the_ministry_s_in_the_admin(taken: Practice, editor: User, ministry: User) -> None:
    address = reverse("admin:pilots_practice_change", args=[taken.pk])
    shown = client_of(editor).get(address)
    assert set(Practice.LIBRARY_FIELDS) & set(shown.context["adminform"].form.fields) == set()
    assert "ask the ministry to change it." in unescape(shown.text)
    sent = form_data(shown) | {"title_en": "Better", "note_en": "Seen"}
    assert client_of(editor).post(address, sent).status_code == 302
    stored = Practice.objects.get()
    assert (stored.title_en, stored.note_en) == (taken.title_en, "Seen")
    assert save_in_admin(ministry, taken, title_en="Better") == 302


def test_what_the_library_says_is_the_ministry_s_by_import(taken: Practice, editor: User, ministry: User) -> None:
    make_pilot(make_batch(), taken.province, slug="own")
    cell = f"{ASK} Leave the cell as it is on record, or take out the column."
    rows = {"title_en": "Better", "origins": "own"}
    assert import_errors(editor, **rows) == [("B2", cell), ("C2", cell)]
    assert import_errors(editor, note_en="Seen") == import_errors(ministry, **rows) == []


def test_an_older_version_of_the_library_is_not_restored_by_the_province(taken: Practice, editor: User) -> None:
    taken.save()
    older = taken.history.first()
    Practice.objects.update(title_en="Better")
    Practice.objects.get().save()
    newer, client = taken.history.first(), client_of(editor)
    address = reverse("admin:pilots_practice_simple_history", args=[taken.pk, older.pk])
    assert "The form does not let you change this field" in client.post(address, {"version": newer.pk}).text
    assert Practice.objects.get().title_en == "Better"


def test_what_is_stated_of_a_practice_in_the_library_is_the_ministry_s(
    taken: Practice, editor: User, ministry: User
) -> None:
    effect = Effect.objects.get()
    changes = {"stated_value": 9, "stated_unit": "t", "known_on": "2025-03-02"}
    asked = {f"/{name}": f"{name}: {ASK}" for name in changes}
    assert patch_effect(editor, effect, **changes) == (403, asked)
    plan = dry_run_of("effects", ["id", "stated_unit"], [str(effect.pk), "t"], by=editor)
    cell = f"{ASK} Leave the cell as it is on record, or take out the column."
    assert [(fault.cell, fault.message) for fault in plan.errors] == [("B2", cell)]
    form = client_of(editor).get(reverse("admin:pilots_effect_change", args=[effect.pk])).context["adminform"].form
    assert {*Effect.STATED_FIELDS, "practice", "adoption", "basis", "known_on"} & set(form.fields) == set()
    assert patch_effect(ministry, effect, **changes)[0] == 200


def test_a_province_states_no_further_effect_of_a_practice_in_the_library(taken: Practice, editor: User) -> None:
    body = {"practice": "kiln", "statement_en": "Much more", "known_on": "2025-03-02"}
    answer = ApiClient(session=editor).send("POST", "/api/v1/effects/", body)
    assert faults(answer) == (403, {"/statement_en": "not_yours"})
    sent = {"basis": "total", "statement_en": "Much more", "sources": [make_source().pk]}
    answer = client_of(editor).post("/practices/kiln/effects/new/", sent)
    assert (answer.status_code, answer.context["form"].errors) == (400, {"statement_en": [ASK]})
    client, address = client_of(editor), reverse("admin:pilots_effect_add")
    sent = form_data(client.get(address), practice=taken.pk, statement_en="Much more")
    assert form_errors(client.post(address, sent)) == {"statement_en": [ASK]}
    plan = dry_run_of("effects", ["practice", "statement_en"], ["kiln", "Much more"], by=editor)
    assert [(fault.cell, fault.code) for fault in plan.errors] == [("B2", "not_yours")]
    assert Effect.objects.count() == 1


def test_a_province_measures_an_effect_of_a_practice_in_the_library(taken: Practice, editor: User) -> None:
    pilot, so2 = taken.origins.get(), make_indicator("AIR_SO2")
    before, after = (make_reading(pilot, so2, year, value) for year, value in (("2023", 200), ("2025", 150)))
    body = {"practice": "kiln", "reading_before": before.pk, "reading_after": after.pk, "known_on": "2026-03-20"}
    assert ApiClient(session=editor).send("POST", "/api/v1/effects/", body).status_code == 201


def test_an_effect_does_not_come_to_the_library_from_another_practice(taken: Practice, editor: User) -> None:
    own = make_practice(taken.origins.get(), slug="own", province=taken.province)
    effect = make_effect(own, province=own.province)
    copy = make_adoption(taken, make_pilot(make_batch(), taken.province))
    copied = make_effect(taken, adoption=copy, province=copy.province)
    assert patch_effect(editor, effect, practice="kiln") == (403, {"/practice": f"practice: {ASK}"})
    assert patch_effect(editor, copied, adoption=None) == (403, {"/adoption": f"adoption: {ASK}"})
    client, address = client_of(editor), reverse("admin:pilots_effect_change", args=[effect.pk])
    sent = form_data(client.get(address), practice=taken.pk)
    assert form_errors(client.post(address, sent)) == {"practice": [ASK]}
    assert Effect.objects.get(pk=effect.pk).practice == own
    assert patch_effect(editor, effect, statement_en="Less") == (200, {})


# -- a recommendation although the pilot's total got worse ---------------------------------------------------

WORSE = "The total of its pilot got worse in the same years: say why it is recommended all the same."


@pytest.fixture
def worsened(taken: Practice) -> Practice:
    """A practice in the library, whose pilot emitted 0.9 % more in the same years."""
    pilot, co2 = taken.origins.get(), make_indicator("CO2", direction="lower")
    before, after = (make_reading(pilot, co2, year, value) for year, value in (("2023", 1000), ("2025", 1009)))
    make_effect(taken, reading_before=before, reading_after=after, province=taken.province)
    return taken


def newest_reason(practice: Practice) -> str | None:
    reason: str | None = practice.history.first().history_change_reason
    return reason


def test_recommending_although_the_total_got_worse_needs_a_remark_by_api(worsened: Practice, ministry: User) -> None:
    assert patch(ministry, worsened, recommended_on="2025-04-01") == (
        400, {"/change_reason": f"change_reason: {WORSE}"},
    )  # fmt: skip
    api = ApiClient(session=ministry)
    etag = api.send("GET", "/api/v1/practices/kiln/")["ETag"]
    assert faults(move(api, etag, move="recommend")) == (400, {"/reason": "required"})
    moved_on = move(api, etag, move="recommend", reason="More was produced")
    assert (moved_on.status_code, moved_on.json()["state"]) == (200, "recommended")
    assert newest_reason(worsened) == "More was produced"
    assert patch(ministry, worsened, recommended_on="2025-04-01") == (200, {})  # it is recommended already


def test_recommending_although_the_total_got_worse_needs_a_remark_on_its_page(
    worsened: Practice, ministry: User
) -> None:
    client, address = client_of(ministry), "/practices/kiln/move/"
    assert 'id="reason-recommend" name="reason" maxlength="300" required' in client.get("/practices/kiln/").text
    response = client.post(address, {"move": "recommend"})
    assert [str(message) for message in get_messages(response.wsgi_request)] == [WORSE]
    assert client.post(address, {"move": "recommend", "reason": "More was produced"}).status_code == 302
    assert newest_reason(worsened) == "More was produced"


def test_recommending_although_the_total_got_worse_needs_a_remark_in_the_admin(
    worsened: Practice, ministry: User
) -> None:
    assert save_in_admin(ministry, worsened, recommended_on="2025-04-01") == {"change_reason": [WORSE]}
    assert save_in_admin(ministry, worsened, recommended_on="2025-04-01", change_reason="More was produced") == 302
    recommended = worsened.history.first()
    assert save_in_admin(ministry, worsened, recommended_on="") == 302
    address = reverse("admin:pilots_practice_simple_history", args=[worsened.pk, recommended.pk])
    sent = {"version": worsened.history.first().pk}
    assert WORSE in client_of(ministry).post(address, sent).text
    assert client_of(ministry).post(address, sent | {"change_reason": "As before"}).status_code == 302


def test_recommending_although_the_total_got_worse_needs_a_remark_by_import(worsened: Practice, ministry: User) -> None:
    rows = ["code", "recommended_on"], ["kiln", "2025-04-01"]
    with pytest.raises(Conflict, match=f"Row 2: {WORSE}"):
        run_import("practices", *rows, by=ministry)
    run_import("practices", *rows, by=ministry, reason="More was produced")
    assert newest_reason(worsened) == "More was produced"


def test_recommending_where_the_total_got_better_needs_no_remark(worsened: Practice, ministry: User) -> None:
    Indicator.objects.update(direction="higher")
    assert patch(ministry, worsened, recommended_on="2025-04-01") == (200, {})


# -- origins of other provinces ----------------------------------------------------------------------------


@pytest.fixture
def foreign(practice: Practice) -> Pilot:
    return make_pilot(make_batch(), make_province(), slug="foreign", name_en="Foreign")


def test_a_province_names_only_its_own_pilots_as_origins(
    practice: Practice, foreign: Pilot, editor: User, ministry: User
) -> None:
    origin, text = practice.origins.get(), f"“{foreign}” belongs to another province: ask the ministry to add it."
    body = {"slug": "new", "title_en": "New", "field": "energy", "level": "city", "province": "home"}
    made = ApiClient(session=editor).send("POST", "/api/v1/practices/", body | {"origins": ["foreign"]})
    assert faults(made) == (403, {"/origins": "not_yours"})
    both = [origin.slug, "foreign"]
    assert patch(editor, practice, origins=both) == (403, {"/origins": f"origins: {text}"})
    assert save_in_admin(editor, practice, origins=[origin.pk, foreign.pk]) == {"origins": [text]}
    assert import_errors(editor, origins=f"{origin.slug}; foreign") == [("B2", text)]
    offered = {"app_label": "pilots", "model_name": "practice", "field_name": "origins"}
    answer = client_of(editor).get(reverse("admin:autocomplete"), offered)
    assert [item["id"] for item in answer.json()["results"]] == [str(origin.pk)]
    sent = client_of(editor).post("/practices/new/", {"title_en": "New", "origins": [foreign.pk]})
    assert "origins" in sent.context["form"].errors

    assert patch(ministry, practice, origins=both) == (200, {})
    # What the ministry has added stays while the province changes something else, and may be taken out.
    assert patch(editor, practice, origins=both, title_en="Better") == (200, {})
    assert save_in_admin(editor, practice, title_en="Best") == 302
    joint = practice.history.first()
    assert patch(editor, practice, origins=[origin.slug]) == (200, {})
    client, address = client_of(editor), reverse("admin:pilots_practice_simple_history", args=[practice.pk, joint.pk])
    assert text in unescape(client.post(address, {"version": practice.history.first().pk}).text)
    assert list(practice.origins.all()) == [origin]


# -- copies that are confirmed or have an effect -----------------------------------------------------------

FIXED = (
    "This copy is confirmed or has an effect: what is copied, by whom and where stays as it is. Report another copy; "
    "or take the confirmation back first, if it has no effect."
)
ENDED = "This change ended the confirmation of 6 June 2025."


@pytest.fixture
def confirmed(practice: Practice, ministry: User) -> Adoption:
    """A copy of a place of another province, confirmed by the ministry."""
    days = {"started_on": date(2025, 3, 1), "in_use_on": date(2025, 4, 1), "confirmed_on": date(2025, 6, 6)}
    away = make_province(slug="away")
    return make_adoption(practice, province=away, place="Port", confirmed_by=ministry, **days)


@pytest.fixture
def copier(confirmed: Adoption) -> User:
    return make_user("copier", "provincial_editor", confirmed.province)


def patch_copy(user: User, adoption: Adoption, **values: Any) -> Any:
    api, address = ApiClient(session=user), f"/api/v1/adoptions/{adoption.pk}/"
    return api.send("PATCH", address, values, **{"If-Match": api.send("GET", address)["ETag"]})


def newest_entry(adoption: Adoption) -> tuple[Any, ...]:
    """Return what the newest entry says of the confirmation, and its reason."""
    entry = Adoption.history.filter(id=adoption.pk).order_by("-history_id").first()
    return entry.confirmed_on, entry.confirmed_by, entry.history_change_reason


def moved(adoption: Adoption) -> dict[str, Any]:
    """Return other values for all that is fixed, as the API takes them."""
    make_practice(make_pilot(make_batch(), make_province()), slug="other")
    make_pilot(make_batch(), adoption.province, slug="new")
    return {"practice": "other", "pilot": "new", "place": "Airport"}


def test_a_confirmed_copy_does_not_become_another_one_by_api(confirmed: Adoption, copier: User, ministry: User) -> None:
    for name, value in moved(confirmed).items():
        assert faults(patch_copy(copier, confirmed, **{name: value})) == (409, {f"/{name}": "fixed"}), name
    assert faults(patch_copy(ministry, confirmed, province="home")) == (409, {"/province": "fixed"})
    (fault,) = patch_copy(copier, confirmed, place="Airport").json()["errors"]
    assert fault["message"] == f"place: {FIXED}"
    api, address = ApiClient(session=copier), f"/api/v1/adoptions/{confirmed.pk}/"
    row = api.send("GET", address)
    whole = {name: row.json()[name] for name in ("planned_on", "started_on", "in_use_on")}
    whole |= {"practice": "kiln", "province": "away", "note_en": "Seen"}
    kept = api.send("PUT", address, whole, **{"If-Match": row["ETag"]})  # the place, left out, keeps its value
    assert (kept.status_code, kept.json()["place"], kept.json()["confirmed_on"]) == (200, "Port", "2025-06-06")


def test_a_copy_with_an_effect_does_not_become_another_one(confirmed: Adoption, copier: User) -> None:
    Adoption.objects.update(confirmed_on=None, confirmed_by=None)
    assert patch_copy(copier, confirmed, place="Airport").status_code == 200
    make_effect(confirmed.practice, adoption=confirmed)
    assert faults(patch_copy(copier, confirmed, place="Port")) == (409, {"/place": "fixed"})
    assert Adoption.objects.get().place == "Airport"


def test_a_confirmed_copy_does_not_become_another_one_in_the_admin(confirmed: Adoption, ministry: User) -> None:
    client, address = client_of(ministry), reverse("admin:pilots_adoption_change", args=[confirmed.pk])
    data = form_data(client.get(address))
    assert {"practice", "pilot", "province", "place"} & data.keys() == set()
    sent = data | {"place": "Airport", "practice": make_practice().pk, "note_en": "Seen"}
    assert client.post(address, sent).status_code == 302
    stored = Adoption.objects.get()
    assert (stored.place, stored.practice, stored.note_en) == ("Port", confirmed.practice, "Seen")
    assert stored.confirmed_on == date(2025, 6, 6)


def test_a_confirmed_copy_does_not_become_another_one_by_import(confirmed: Adoption, ministry: User) -> None:
    plan = dry_run_of("adoptions", ["id", "place"], [str(confirmed.pk), "Airport"], by=ministry)
    assert [(fault.cell, fault.message) for fault in plan.errors] == [("B2", FIXED)]


def test_the_pilot_of_a_confirmed_copy_may_come_to_another_province(confirmed: Adoption, ministry: User) -> None:
    """Its province follows, and is no change of the copy."""
    pilot = make_pilot(make_batch(), make_province(slug="before"))
    Adoption.objects.update(pilot=pilot, place="", province=make_province(slug="after"))
    answer = patch_copy(ministry, confirmed, note_en="Seen")
    assert (answer.status_code, answer.json()["province"]["slug"], answer.json()["trust"]) == (
        200, "before", "confirmed",
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"planned_on": "2025-01-31"},
        {"started_on": "2025-03-02"},
        {"in_use_on": "2025-04-02"},
        {"changed_en": "Bigger dryer"},
        {"changed_zh": "更大"},
    ],
)
def test_a_change_of_a_day_or_text_ends_the_confirmation_by_api(
    confirmed: Adoption, copier: User, change: dict[str, str]
) -> None:
    answer = patch_copy(copier, confirmed, **change, change_reason="Invoice found")
    assert (answer.status_code, answer.json()["trust"], answer.json()["confirmed_on"]) == (200, "claimed", None)
    assert newest_entry(confirmed) == (None, None, f"{ENDED} Invoice found")


def test_other_changes_leave_the_confirmation(confirmed: Adoption, copier: User) -> None:
    given_up = {"given_up_on": "2025-09-01", "give_up_reason": "money", "note_en": "Seen"}
    answer = patch_copy(copier, confirmed, **given_up)
    assert (answer.status_code, answer.json()["trust"], answer.json()["confirmed_on"]) == (
        200, "confirmed", "2025-06-06",
    )  # fmt: skip
    assert newest_entry(confirmed)[2] is None


def test_a_change_in_the_admin_ends_the_confirmation(confirmed: Adoption, ministry: User) -> None:
    client, address = client_of(ministry), reverse("admin:pilots_adoption_change", args=[confirmed.pk])
    data = form_data(client.get(address), in_use_on="2025-04-02", change_reason="Typing error")
    response = client.post(address, data)
    assert response.status_code == 302
    assert ENDED in [str(message) for message in get_messages(response.wsgi_request)]
    assert newest_entry(confirmed) == (None, None, f"{ENDED} Typing error")


def test_a_change_on_its_page_ends_the_confirmation(confirmed: Adoption, copier: User) -> None:
    client, page = client_of(copier), f"/practices/kiln/copies/{confirmed.pk}/"
    warning = "A change of a day or of a text ends the confirmation: the copy then has to be confirmed anew."
    assert warning in client.get(page).text
    sent = {"started_on": "2025-03-01", "in_use_on": "2025-04-01"}
    assert [str(item) for item in get_messages(client.post(f"{page}update/", sent).wsgi_request)] == [
        "The copy is updated."
    ]
    response = client.post(f"{page}update/", sent | {"changed_en": "Bigger dryer"})
    assert [str(item) for item in get_messages(response.wsgi_request)][1:] == ["The copy is updated.", ENDED]
    assert newest_entry(confirmed) == (None, None, ENDED)
    assert warning not in client.get(page).text


def test_a_change_by_import_ends_the_confirmation_and_its_undo_restores_it(confirmed: Adoption, copier: User) -> None:
    rows = ["id", "in_use_on"], [str(confirmed.pk), "2025-04-02"]
    shown = [(change.label, change.old, change.new) for change in dry_run_of("adoptions", *rows).rows[0].changes]
    assert shown == [("In use since", "1 April 2025", "2 April 2025"), ("Confirmed on", "2025-06-06", "")]
    record = run_import("adoptions", *rows, by=copier, reason="List of May")
    assert newest_entry(confirmed) == (None, None, f"{ENDED} List of May")
    undo_import(record)
    confirmed.refresh_from_db()
    assert (confirmed.in_use_on, confirmed.confirmed_on) == (date(2025, 4, 1), date(2025, 6, 6))


def test_restoring_an_older_version_ends_the_confirmation(confirmed: Adoption, ministry: User) -> None:
    Adoption.objects.update(changed_en="Smaller dryer")
    confirmed.refresh_from_db()
    confirmed.save()
    older, newer = Adoption.history.order_by("history_id")
    client = client_of(ministry)
    address = reverse("admin:pilots_adoption_simple_history", args=[confirmed.pk, older.pk])
    assert client.post(address, {"version": newer.pk}).status_code == 302
    confirmed.refresh_from_db()
    assert (confirmed.changed_en, confirmed.confirmed_on) == ("", None)
    assert newest_entry(confirmed)[2].startswith(f"{ENDED} Restored the version of")


# -- effects whose reading was corrected --------------------------------------------------------------------


def test_an_effect_on_a_corrected_reading_is_shown_and_no_longer_counts(practice: Practice, ministry: User) -> None:
    copier, so2 = make_pilot(make_batch(), make_province()), make_indicator("AIR_SO2")
    adoption = make_adoption(practice, copier, started_on=date(2025, 3, 1), in_use_on=date(2025, 4, 1))
    before, after = (make_reading(copier, so2, year, value) for year, value in (("2023", 200), ("2025", 150)))
    effect = make_effect(practice, adoption=adoption, reading_before=before, reading_after=after)
    # A final value that repeats the preliminary one corrects nothing.
    make_reading(copier, so2, "2023", 200, version=2, value_status="final", accepted_on=date(2026, 5, 1))
    make_reading(copier, so2, "2025", 180, version=2, accepted_on=date(2026, 6, 1))

    api, found = ApiClient(session=ministry), {}
    for day in ("2026-03-19", "2026-03-20", "2026-05-31", "2026-06-01"):
        row = api.send("GET", f"/api/v1/effects/{effect.pk}/?as_of={day}").json()
        trust = api.send("GET", f"/api/v1/adoptions/{adoption.pk}/?as_of={day}").json()["trust"]
        measured = api.send("GET", f"/api/v1/effects/?is_measured=true&as_of={day}").json()["count"]
        diffusion = api.send("GET", f"/api/v1/diffusion/?as_of={day}").json()
        shown = api.send("GET", f"/practices/kiln/?as_of={day}").content.decode()
        assert measured == diffusion["measured"] == diffusion["copies"]["adopters"]["verified"] == row["is_measured"]
        marked = "no longer: reading corrected since" in shown
        found[day] = (row["is_measured"], row["corrected_on"], row["change"], trust, marked)
    assert found == {
        "2026-03-19": (False, None, None, "claimed", False),
        "2026-03-20": (True, None, -50, "verified", False),
        "2026-05-31": (
            True,
            None,
            -50,
            "verified",
            False,
        ),
        "2026-06-01": (False, "2026-06-01", None, "claimed", True),
    }
    page = client_of(ministry).get("/practices/kiln/?lang=zh-hans").content.decode()
    assert "不再计入：所依据的数据已于" in page
    offered = client_of(ministry).get("/practices/kiln/effects/new/").context["form"].fields["reading_after"].queryset
    assert sorted((item.period, item.version) for item in offered) == [("2023", 2), ("2025", 2)]
