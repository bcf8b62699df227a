"""What a practice lacks keeps it out of the library, on its page, in the admin, by import and by API alike."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from core.history.recording import delete_with_history
from core.http.as_of import today
from pilots.models import Adoption, Effect, Practice
from tests.factories import (
    make_adoption,
    make_batch,
    make_effect,
    make_indicator,
    make_pilot,
    make_practice,
    make_province,
    make_reading,
)
from tests.support.admin_forms import form_data, form_errors
from tests.support.api_client import ApiClient, make_user
from tests.support.imports import dry_run_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
TEXT = "Waste heat of the kilns dries the sludge before it is burned."
TEXTS = dict.fromkeys(("problem_en", "action_en", "conditions_en"), TEXT)
NO_EFFECT = "No effect is on record: add a measured or a stated one."
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


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def press(user: User, practice: Practice) -> list[str]:
    response = signed_in(user).post(f"/practices/{practice.slug}/move/", {"move": "take_in"})
    return [str(message) for message in get_messages(response.wsgi_request)]


def save_in_admin(user: User, practice: Practice, **values: Any) -> Any:
    client, address = signed_in(user), reverse("admin:pilots_practice_change", args=[practice.pk])
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
        "library_on：尚无成效记录，请补充实测成效或来源所述成效。"
    ]


def test_a_deleted_practice_of_the_library_can_be_restored(practice: Practice) -> None:
    Practice.objects.update(library_on=date(2025, 3, 1))
    practice.refresh_from_db()
    key = practice.pk
    delete_with_history(practice)
    client, entry = signed_in(make_user("admin", "admin")), Practice.history.filter(id=key).first()
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
        return signed_in(user).post(address, {"post": "yes"}).text
    sent = {"action": "delete_selected", "post": "yes", "_selected_action": [effect.pk for effect in effects]}
    return signed_in(user).post(reverse("admin:pilots_effect_changelist"), sent).text


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
    page = signed_in(ministry).get("/practices/kiln/?lang=zh-hans").content.decode()
    assert "不再计入：所依据的数据已于" in page
    quality = signed_in(ministry).get("/admin/quality/?rule=effect-corrected")
    assert f"Practice {practice.title_en.split()[-1]}: AIR_SO2" in quality.content.decode()
    offered = signed_in(ministry).get("/practices/kiln/effects/new/").context["form"].fields["reading_after"].queryset
    assert sorted((item.period, item.version) for item in offered) == [("2023", 2), ("2025", 2)]
