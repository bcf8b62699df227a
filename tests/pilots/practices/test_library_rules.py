"""What a practice lacks keeps it out of the library, and what was confirmed stays: admin, import and API agree."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from core.http import today
from core.records.writing import Conflict
from pilots.models import Adoption, Effect, Pilot, Practice
from policies.models import Industry, Province
from tests import factories as make
from tests.support.admin_forms import form_errors, page_url, save, save_new
from tests.support.api_client import ApiClient, make_user
from tests.support.imports import dry_run_of, run_import, undo_import
from tests.support.sign_in import client_of
from tests.support.snapshots import assert_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
TEXT = "Waste heat of the kilns dries the sludge before it is burned."
TEXTS = dict.fromkeys(("problem_en", "action_en", "conditions_en"), TEXT)
TAKEN = {"library_on": date(2025, 3, 1)}


@pytest.fixture
def users() -> dict[str, User]:
    """The ministry, and an editor of each of two provinces."""
    places = {name: make.province(slug=name) for name in ("home", "away")}
    return {name: make_user(name, "provincial_editor", place) for name, place in places.items()} | {
        "ministry": make_user("ministry", "national_editor")
    }


@pytest.fixture
def records(users: dict[str, User]) -> dict[str, Any]:
    """Practices of one province without an effect, with one, in the library, and there with too little; copies that are
    confirmed or have an effect; effects.
    """
    home, away = (Province.objects.get(slug=name) for name in ("home", "away"))
    batch = make.batch()
    pilot, _foreign = make.pilot(batch, home, slug="pilot"), make.pilot(batch, away, slug="foreign", name_en="Foreign")
    make.pilot(batch, home, slug="own")
    make.industry(slug="steel")

    def practice(slug: str, **fields: Any) -> Practice:
        about = {"title_en": slug.title(), "province": home, "passed_on": date(2025, 2, 1), **TEXTS}
        return make.practice(pilot, slug=slug, **about | fields)

    found: dict[str, Any] = {"passed": practice("passed"), "thin": practice("thin", **TAKEN, problem_en="")}
    for slug in ("ready", "joint", "taken", "single", "worse", "better"):
        found[slug] = practice(slug, **({} if slug in {"ready", "joint"} else TAKEN))
        found[f"effect of {slug}"] = make.effect(found[slug], province=home)
    found["joint"].origins.add(Pilot.objects.get(slug="foreign"))
    for slug, direction in (("worse", "lower"), ("better", "higher")):
        total = make.indicator(f"TOTAL_{slug.upper()}", direction=direction)
        before, after = (make.reading(pilot, total, year, value) for year, value in (("2023", 1000), ("2025", 1009)))
        make.effect(found[slug], reading_before=before, reading_after=after, province=home)
    days = {"started_on": date(2025, 3, 1), "in_use_on": date(2025, 4, 1)}
    sure = {"confirmed_on": date(2025, 6, 6), "confirmed_by": users["ministry"]}
    found["confirmed"] = make.adoption(found["ready"], province=away, place="Port", **days, **sure)
    found["claimed"] = make.adoption(found["ready"], province=away, place="Dock", **days)
    found["measured"] = make.adoption(found["ready"], province=away, place="Quay", **days)
    make.effect(found["ready"], adoption=found["measured"])
    copy = make.adoption(found["taken"], make.pilot(batch, home, name_en="Copier"))
    found["effect of a copy"] = make.effect(found["taken"], adoption=copy, province=home)
    return found


# -- three doors -------------------------------------------------------------------------------------------

LISTS = {"origins": Pilot, "industries": Industry}
RELATED = {"practice": Practice, "pilot": Pilot, "province": Province}
KIND = {Practice: "practices", Adoption: "adoptions", Effect: "effects"}


def by_api(user: User, record: Any, values: dict[str, Any], reason: str) -> Any:
    key = record.slug if isinstance(record, Practice) else record.pk
    api, address = ApiClient(session=user), f"/api/v1/{KIND[type(record)]}/{key}/"
    body = {name: None if value == "" else value for name, value in values.items()}
    body |= {"change_reason": reason} if reason else {}
    answer = api.send("PATCH", address, body, **{"If-Match": api.send("GET", address)["ETag"]})
    faults = answer.json().get("errors", ())
    return [answer.status_code, {fault["pointer"]: fault["message"] for fault in faults}]


def in_admin(user: User, record: Any, values: dict[str, Any], reason: str) -> Any:
    sent = {
        name: [item.pk for item in LISTS[name].objects.filter(slug__in=value)]
        if name in LISTS
        else RELATED[name].objects.get(slug=value).pk
        if name in RELATED
        else value
        for name, value in values.items()
    }
    answer = save(client_of(user), record, **sent, change_reason=reason)
    return form_errors(answer) if answer.status_code == 200 else answer.status_code


def by_import(user: User, record: Any, values: dict[str, Any], reason: str) -> Any:
    kind, key = KIND[type(record)], ["code", record.slug] if isinstance(record, Practice) else ["id", record.pk]
    cells = ["; ".join(value) if isinstance(value, list) else value for value in values.values()]
    rows = [key[0], *values], [key[1], *cells]
    faults = [[fault.cell, fault.message] for fault in dry_run_of(kind, *rows, by=user).errors]
    try:
        return faults or run_import(kind, *rows, by=user, reason=reason).state
    except Conflict as exc:
        return exc.messages


DOORS = {"api": by_api, "admin": in_admin, "import": by_import}
RECOMMENDED = {"recommended_on": "2025-04-01"}
SAYS = {
    "title_en": "Better", "action_en": f"{TEXT} Twice.", "proposed_on": "2025-01-02", "passed_on": "2025-02-02",
    "industries": ["steel"], "origins": ["own"], "level": "city",
    "cost_amount": 1, "cost_kind": "investment", "cost_year": 2025,
}  # fmt: skip
RETIRED = {"retired_on": "2025-05-01", "retired_reason_en": "Replaced"}
STATED = {"stated_value": 9, "stated_unit": "t", "known_on": "2025-03-02"}
WHY = "More was produced"
CASES: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "taken in without an effect": ("passed", "ministry", {"library_on": "2025-03-01"}, ""),
    "recommended with it": ("passed", "ministry", {"library_on": "2025-03-01", **RECOMMENDED}, ""),
    "taken in with an effect": ("ready", "ministry", {"library_on": "2025-03-01"}, ""),
    "a text taken out while it is offered": ("taken", "ministry", {"problem_en": ""}, ""),
    "a text taken out when it is retired": ("taken", "ministry", {"problem_en": "", **RETIRED}, ""),
    "what was missing already stops no correction": ("thin", "ministry", {"note_en": "Seen on site"}, ""),
    "but a recommendation": ("thin", "ministry", RECOMMENDED, ""),
    "what the library says, by its province": ("taken", "home", SAYS, ""),
    "what the library says, by the ministry": ("taken", "ministry", SAYS, ""),
    "notes, by its province": ("taken", "home", {"note_en": "Seen", "confidence": "inferred"}, ""),
    "before the library, by its province": ("ready", "home", {"title_en": "Better", "passed_on": "2025-02-02"}, ""),
    "an origin elsewhere, by its province": ("ready", "home", {"origins": ["pilot", "foreign"]}, ""),
    "an origin elsewhere, by the ministry": ("ready", "ministry", {"origins": ["pilot", "foreign"]}, ""),
    "an origin elsewhere stays": ("joint", "home", {"origins": ["pilot", "foreign"], "title_en": "Best"}, ""),
    "an origin elsewhere is taken out": ("joint", "home", {"origins": ["pilot"]}, ""),
    "recommended although the total got worse": ("worse", "ministry", RECOMMENDED, ""),
    "and with a remark": ("worse", "ministry", RECOMMENDED, WHY),
    "recommended where it got better": ("better", "ministry", RECOMMENDED, ""),
    "what is stated, by the province": ("effect of taken", "home", STATED, ""),
    "what is stated, by the ministry": ("effect of taken", "ministry", STATED, ""),
    "what is stated outside the library": ("effect of ready", "home", {"statement_en": "Less"}, ""),
    "an effect moved into the library": ("effect of ready", "home", {"practice": "taken"}, ""),
    "an effect of a copy as one of its origin": ("effect of a copy", "home", {"adoption": ""}, ""),
    "the only effect moved away": ("effect of single", "ministry", {"practice": "passed"}, ""),
    "a confirmed copy elsewhere": ("confirmed", "away", {"place": "Airport"}, ""),
    "a confirmed copy by a pilot": ("confirmed", "ministry", {"pilot": "foreign", "place": ""}, ""),
    "a confirmed copy of another": ("confirmed", "away", {"practice": "passed"}, ""),
    "a copy with an effect elsewhere": ("measured", "away", {"place": "Airport"}, ""),
    "a copy without both elsewhere": ("claimed", "away", {"place": "Airport"}, ""),
    "a day of a confirmed copy": ("confirmed", "away", {"in_use_on": "2025-04-02"}, "Invoice found"),
    "a text of a confirmed copy": ("confirmed", "away", {"changed_zh": "更大"}, ""),
    "a confirmed copy given up": (
        "confirmed", "away", {"given_up_on": "2025-09-01", "give_up_reason": "money", "note_en": "Seen"}, "",
    ),
}  # fmt: skip


def test_every_door_keeps_the_rules_of_the_library_and_of_confirmed_copies(
    records: dict[str, Any], users: dict[str, User]
) -> None:
    """What each answers, and what is on record afterwards: the fields, the confirmation, the reason of the history."""
    said: dict[str, dict[str, Any]] = {}
    for name, (record, user, values, reason) in CASES.items():
        said[name] = {}
        for door, send in DOORS.items():
            with transaction.atomic():
                answer = send(users[user], records[record], values, reason)
                said[name][door] = [answer, *what_is_stored(records[record], values)]
                transaction.set_rollback(True)
    assert_snapshot("library-rules", said)


def what_is_stored(record: Any, values: dict[str, Any]) -> list[Any]:
    stored = type(record)._default_manager.get(pk=record.pk)
    found = [
        sorted(item.slug for item in getattr(stored, name).all()) if name in LISTS else str(getattr(stored, name))
        for name in values
    ]
    if isinstance(stored, Adoption):
        found.append(str(stored.confirmed_on))
    return [found, stored.history.first().history_change_reason or ""]


# -- deleting, restoring, adding ---------------------------------------------------------------------------


def faults(response: Any) -> tuple[int, dict[str, str]]:
    found = response.json()["errors"] if response.content else []
    return response.status_code, {fault["pointer"]: fault["code"] for fault in found}


def test_the_last_effect_of_a_practice_in_the_library_stays(records: dict[str, Any], users: dict[str, User]) -> None:
    practice, effect = records["single"], records["effect of single"]
    api, browser = ApiClient(session=users["ministry"]), client_of(users["ministry"])
    only = (
        "It is the only effect of “Single”, which is in the library. Enter another effect first, or let the ministry "
        "retire the practice or clear the day it came into the library."
    )

    def delete(one: Effect) -> Any:
        address = f"/api/v1/effects/{one.pk}/"
        return api.send("DELETE", address, **{"If-Match": api.send("GET", address)["ETag"]})

    other = make.effect(practice)
    sent = {"action": "delete_selected", "post": "yes", "_selected_action": [effect.pk, other.pk]}
    assert browser.post("/admin/pilots/effect/", sent).text.count(only) == 2
    assert delete(other).status_code == 204
    answer = delete(effect)
    assert (faults(answer), answer.json()["errors"][0]["message"]) == ((409, {"": "in_use"}), only)
    assert only in browser.post(page_url(effect, "delete"), {"post": "yes"}).text
    Practice.objects.filter(pk=practice.pk).update(retired_on=date(2025, 5, 1), retired_reason_en="Replaced")
    assert delete(effect).status_code == 204


def test_a_province_states_no_further_effect_of_a_practice_in_the_library_but_measures_one(
    records: dict[str, Any], users: dict[str, User]
) -> None:
    taken, pilot, so2 = records["taken"], Pilot.objects.get(slug="pilot"), make.indicator("AIR_SO2")
    api, browser = ApiClient(session=users["home"]), client_of(users["home"])
    words, ask = {"statement_en": "Much more"}, "Your role may not change this: ask the ministry."
    body = {"practice": "taken", "known_on": "2026-03-20"}
    assert faults(api.send("POST", "/api/v1/effects/", body | words)) == (403, {"/statement_en": "not_yours"})
    sent = {"basis": "total", **words, "sources": [make.source().pk]}
    assert browser.post("/practices/taken/effects/new/", sent).context["form"].errors == {"statement_en": [ask]}
    assert form_errors(save_new(browser, Effect, practice=taken.pk, **words)) == {"statement_en": [ask]}
    plan = dry_run_of("effects", ["practice", *words], ["taken", *words.values()], by=users["home"])
    assert [(fault.cell, fault.code) for fault in plan.errors] == [("B2", "not_yours")]
    before, after = (make.reading(pilot, so2, year, value).pk for year, value in (("2023", 200), ("2025", 150)))
    made = api.send("POST", "/api/v1/effects/", body | {"reading_before": before, "reading_after": after})
    assert made.status_code == 201


def test_a_new_practice_is_its_provinces_own_and_has_no_effect_yet(
    records: dict[str, Any], users: dict[str, User]
) -> None:
    body = {"slug": "new", "title_en": "New", "field": "energy", "level": "city", "origins": ["pilot"], **TEXTS}
    boss, home = ApiClient(session=users["ministry"]), ApiClient(session=users["home"])
    days = {"proposed_on": "2025-01-01", "passed_on": "2025-02-01", "library_on": "2025-03-01"}
    assert faults(boss.send("POST", "/api/v1/practices/", body | days)) == (400, {"/library_on": "missing"})
    assert faults(home.send("POST", "/api/v1/practices/", body)) == (403, {"/province": "not_yours"})
    foreign = body | {"province": "home", "origins": ["foreign"]}
    assert faults(home.send("POST", "/api/v1/practices/", foreign)) == (403, {"/origins": "not_yours"})


# -- moves -------------------------------------------------------------------------------------------------


def test_a_practice_goes_its_way_by_api(records: dict[str, Any], users: dict[str, User]) -> None:
    practice, address = records["passed"], "/api/v1/practices/passed/"
    boss, home = (ApiClient(session=users[name]) for name in ("ministry", "home"))

    def move(api: ApiClient, etag: str, **body: Any) -> Any:
        return api.send("POST", f"{address}move/", body, **{"If-Match": etag})

    etag = boss.send("GET", address)["ETag"]
    assert faults(move(boss, etag, move="pass")) == (409, {"/move": "state"})
    assert faults(move(home, etag, move="take_in")) == (403, {"": "not_yours"})
    assert faults(move(boss, etag, move="take_in")) == (400, {"/library_on": "missing"})
    make.effect(practice)
    taken = move(boss, etag, move="take_in")
    assert (taken.status_code, taken.json()["state"], taken.json()["library_on"]) == (200, "in_library", str(today()))
    assert faults(move(boss, etag, move="recommend")) == (412, {"If-Match": "stale"})
    assert str(practice.history.first().history_user) == "ministry"


def test_a_confirmation_is_taken_back_by_api(records: dict[str, Any], users: dict[str, User]) -> None:
    boss = ApiClient(session=users["ministry"])
    elsewhere = ApiClient(session=make_user("elsewhere", "provincial_editor", make.province()))
    address = f"/api/v1/adoptions/{records['confirmed'].pk}/"
    etag = boss.send("GET", address)["ETag"]

    def withdraw(api: ApiClient, etag: str, **body: Any) -> Any:
        return api.send("POST", f"{address}withdraw-confirmation/", body, **{"If-Match": etag})

    assert faults(withdraw(boss, etag, reason=" ")) == (400, {"/reason": "required"})
    assert faults(withdraw(boss, '"9-x"', reason="Wrong site")) == (412, {"If-Match": "stale"})
    assert faults(withdraw(elsewhere, etag, reason="Wrong site")) == (403, {"": "not_yours"})
    done = withdraw(boss, etag, reason="Wrong site")
    assert (done.status_code, done.json()["trust"], done.json()["confirmed_on"]) == (200, "claimed", None)
    assert Adoption.history.first().history_change_reason == "Wrong site"
    assert faults(withdraw(boss, done["ETag"], reason="Again")) == (409, {"": "not_confirmed"})


def test_undoing_an_import_restores_the_confirmation_that_it_ended(
    records: dict[str, Any], users: dict[str, User]
) -> None:
    rows = ["id", "in_use_on"], [str(records["confirmed"].pk), "2025-04-02"]
    shown = [(change.label, change.old, change.new) for change in dry_run_of("adoptions", *rows).rows[0].changes]
    assert shown == [("In use since", "1 April 2025", "2 April 2025"), ("Confirmed on", "2025-06-06", "")]
    undo_import(run_import("adoptions", *rows, by=users["away"]))
    stored = Adoption.objects.get(pk=records["confirmed"].pk)
    assert (stored.in_use_on, stored.confirmed_on) == (date(2025, 4, 1), date(2025, 6, 6))


# -- effects whose reading was corrected -------------------------------------------------------------------


def test_an_effect_on_a_corrected_reading_is_shown_and_no_longer_counts(
    records: dict[str, Any], users: dict[str, User]
) -> None:
    Effect.objects.filter(reading_after__isnull=False).delete()
    copier, so2, adoption = Pilot.objects.get(slug="foreign"), make.indicator("AIR_SO2"), records["confirmed"]
    Adoption.objects.filter(pk=adoption.pk).update(pilot=copier, place="")
    before, after = (make.reading(copier, so2, year, value) for year, value in (("2023", 200), ("2025", 150)))
    effect = make.effect(records["ready"], adoption=adoption, reading_before=before, reading_after=after)
    # A final value that repeats the preliminary one corrects nothing.
    make.reading(copier, so2, "2023", 200, version=2, value_status="final", accepted_on=date(2026, 5, 1))
    make.reading(copier, so2, "2025", 180, version=2, accepted_on=date(2026, 6, 1))

    api, found = ApiClient(session=users["ministry"]), {}
    for day in ("2026-03-19", "2026-03-20", "2026-05-31", "2026-06-01"):
        row = api.send("GET", f"/api/v1/effects/{effect.pk}/?as_of={day}").json()
        trust = api.send("GET", f"/api/v1/adoptions/{adoption.pk}/?as_of={day}").json()["trust"]
        measured = api.send("GET", f"/api/v1/effects/?is_measured=true&as_of={day}").json()["count"]
        diffusion = api.send("GET", f"/api/v1/diffusion/?as_of={day}").json()
        assert measured == diffusion["measured"] == diffusion["copies"]["adopters"]["verified"] == row["is_measured"]
        marked = "no longer: reading corrected since" in api.send("GET", f"/practices/ready/?as_of={day}").text
        found[day] = (row["is_measured"], row["corrected_on"], row["change"], trust, marked)
    assert found == {
        "2026-03-19": (False, None, None, "confirmed", False),
        "2026-03-20": (True, None, -50, "verified", False),
        "2026-05-31": (True, None, -50, "verified", False),
        "2026-06-01": (False, "2026-06-01", None, "confirmed", True),
    }
    page = client_of(users["ministry"]).get("/practices/ready/effects/new/")
    offered = page.context["form"].fields["reading_after"].queryset.filter(pilot=copier)
    assert sorted((item.period, item.version) for item in offered) == [("2023", 2), ("2025", 2)]
