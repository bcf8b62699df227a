"""Practices through the pages, the admin and the API: proposed, taken into the library, copied, verified, retired."""

from datetime import date
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core.days import today
from pilots.models import Adoption, Effect, Pilot, Practice
from tests import factories as make
from tests.support.admin_forms import form_errors, page_url, save, save_new
from tests.support.api_client import ApiClient, make_user
from tests.support.imports import dry_run_of
from tests.support.sign_in import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
TEXT = "Waste heat of the kilns dries the sludge before it is burned."
TEXTS = dict.fromkeys(("problem_en", "action_en", "conditions_en"), TEXT)
NOT_YOURS = "Your role may not change this: ask the ministry."
DAY = {"as_of": "2026-10-01"}


@pytest.fixture
def pilots() -> dict[str, Pilot]:
    """A pilot in each of two provinces, which have its name."""
    batch = make.batch()
    return {name: make.pilot(batch, make.province(slug=name), slug=f"{name}-city") for name in ("home", "away")}


@pytest.fixture
def users(pilots: dict[str, Pilot]) -> dict[str, User]:
    """The ministry, twice, and an editor of each of the provinces."""
    found = {name: make_user(name, "provincial_editor", pilot.province) for name, pilot in pilots.items()}
    return found | {name: make_user(name, "national_editor") for name in ("ministry", "colleague")}


@pytest.fixture
def practice(pilots: dict[str, Pilot]) -> Practice:
    """A practice of the one province in the library, with an effect."""
    home = pilots["home"]
    found = make.practice(home, slug="heat", title_en="Heat", province=home.province, **TEXTS)
    make.effect(found, province=home.province)
    Practice.objects.filter(pk=found.pk).update(library_on=date(2025, 3, 1))
    found.refresh_from_db()
    return found


def patch(user: User, address: str, **body: Any) -> tuple[int, dict[str, str]]:
    """Change a record by the API; return the status and the code of each fault, by its place."""
    api, at = ApiClient(session=user), f"/api/v1/{address}/"
    return faults(api.send("PATCH", at, body, **{"If-Match": api.send("GET", at)["ETag"]}))


def faults(answer: Any) -> tuple[int, dict[str, str]]:
    return answer.status_code, {fault["pointer"]: fault["code"] for fault in answer.json().get("errors", ())}


def page_text(client: Client, path: str, **params: str) -> str:
    response = client.get(path, params)
    assert response.status_code == 200
    return unescape(response.content.decode())


# -- into the library --------------------------------------------------------------------------------------


def test_a_practice_is_proposed_and_taken_into_the_library(pilots: dict[str, Pilot], users: dict[str, User]) -> None:
    proposal = {
        "title_zh": "窑炉余热干化污泥", "title_en": "Sludge dried by kiln heat", "origins": [pilots["home"].pk],
        "field": "industry", **TEXTS, "cost_amount": "1200", "cost_kind": "investment", "cost_year": "2025",
        "proposed_on": "2026-01-10",
    }  # fmt: skip
    home = client_of(users["home"])
    assert home.post("/practices/new/", {**proposal, "action_en": "short"}).status_code == 400
    response = home.post("/practices/new/", proposal)
    practice = Practice.objects.get()
    assert response.headers["Location"] == "/practices/sludge-dried-by-kiln-heat/"
    assert (practice.province.slug, list(practice.origins.all())) == ("home", [pilots["home"]])
    assert (practice.cost_amount, practice.proposed_on, practice.history.count()) == (1200, date(2026, 1, 10), 1)
    assert "Proposed since 10 January 2026; 0 copies in use." in home.get(practice.get_absolute_url()).text

    taken = {"library_on": str(today())}
    assert patch(users["home"], f"practices/{practice.slug}", **taken) == (403, {"/library_on": "not_yours"})
    assert patch(users["ministry"], f"practices/{practice.slug}", **taken) == (400, {"/library_on": "missing"})
    assert form_errors(save(client_of(users["ministry"]), practice, **taken)) == {
        "library_on": ["No effect is on record: enter what a source states of it first."]
    }
    stated = {"practice": practice.pk, "statement_en": "30 t less SO2 a year", "stated_value": "30"}
    assert form_errors(save_new(home, Effect, **stated)) == {"stated_unit": ["A value needs its unit."]}
    assert save_new(home, Effect, **stated, stated_unit="t SO2/yr").status_code == 302
    assert Effect.objects.get().province.slug == "home"
    assert save(client_of(users["ministry"]), practice, **taken).status_code == 302
    assert "In the library since " in home.get(practice.get_absolute_url()).text


@pytest.mark.parametrize(
    ("user", "changes", "status"),
    [
        ("home", {"title_en": "Better"}, 403),
        ("home", {"origins": ["home-city", "away-city"]}, 403),
        ("home", {"note_en": "Seen on site"}, 200),
        ("ministry", {"title_en": "Better", "origins": ["away-city"]}, 200),
        ("ministry", {"origins": []}, 400),
        ("ministry", {"retired_on": "2025-05-01"}, 400),  # without a reason
        ("ministry", {"retired_on": "2024-05-01", "retired_reason_en": "Replaced"}, 400),  # before it was proposed
        ("ministry", {"retired_on": "2025-05-01", "retired_reason_en": "Replaced"}, 200),
        ("ministry", {"cost_amount": 12}, 400),
    ],
)
def test_what_the_library_says_is_the_ministrys(
    practice: Practice, users: dict[str, User], user: str, changes: dict[str, Any], status: int
) -> None:
    assert patch(users[user], "practices/heat", **changes)[0] == status


def test_texts_are_needed_to_come_into_the_library(
    practice: Practice, pilots: dict[str, Pilot], users: dict[str, User]
) -> None:
    thin = make.practice(pilots["home"], slug="thin", province=pilots["home"].province)
    make.effect(thin)
    missing = dict.fromkeys(("/problem_zh", "/action_zh", "/conditions_zh"), "missing")
    assert patch(users["ministry"], "practices/thin", library_on="2025-03-01") == (400, missing)
    assert patch(users["ministry"], "practices/heat", problem_en="") == (200, {})


def test_an_effect_of_the_library_is_the_ministrys(
    practice: Practice, pilots: dict[str, Pilot], users: dict[str, User]
) -> None:
    words, effect = {"statement_en": "Much more"}, practice.effects.get()
    api = ApiClient(session=users["home"])
    body = {"practice": "heat", "known_on": "2026-03-20", **words}
    assert faults(api.send("POST", "/api/v1/effects/", body)) == (403, {"/statement_en": "not_yours"})
    assert form_errors(save_new(client_of(users["home"]), Effect, practice=practice.pk, **words)) == {
        "statement_en": [NOT_YOURS]
    }
    plan = dry_run_of("effects", ["practice", *words], ["heat", *words.values()], by=users["home"])
    assert [(fault.cell, fault.code) for fault in plan.errors] == [("B2", "not_yours")]
    assert patch(users["home"], f"effects/{effect.pk}", **words)[0] == 403
    assert patch(users["ministry"], f"effects/{effect.pk}", **words)[0] == 200
    other = make.effect(make.practice(pilots["home"], province=pilots["home"].province), province=practice.province)
    assert patch(users["home"], f"effects/{other.pk}", **words)[0] == 200
    assert patch(users["home"], f"effects/{other.pk}", practice="heat")[0] == 403


# -- copies ------------------------------------------------------------------------------------------------


def test_a_copy_is_claimed_and_verified_by_somebody_else(
    practice: Practice, pilots: dict[str, Pilot], users: dict[str, User]
) -> None:
    own, claimant = practice.get_absolute_url(), client_of(users["away"])
    report = {"pilot": pilots["away"].pk, "adopted_on": "2025-06-01", "note_en": "Smaller dryer"}
    assert client_of(users["home"]).post(f"{own}adopt/", report).status_code == 400  # not of this province
    assert claimant.post(f"{own}adopt/", report).status_code == 302
    copy = Adoption.objects.get()
    assert (copy.claimed_by, copy.province.slug, copy.note_en) == (users["away"], "away", "Smaller dryer")
    assert patch(users["away"], f"adoptions/{copy.pk}", verified_on="2025-07-01")[0] == 403
    assert save(client_of(users["ministry"]), copy, verified_on="2025-07-01").status_code == 302
    copy.refresh_from_db()
    assert (copy.verified_on, copy.verified_by) == (date(2025, 7, 1), users["ministry"])
    assert patch(users["away"], f"adoptions/{copy.pk}", adopted_on="2025-05-01") == (409, {"/adopted_on": "fixed"})
    assert patch(users["away"], f"adoptions/{copy.pk}", ended_on="2026-05-01")[0] == 200
    assert patch(users["colleague"], f"adoptions/{copy.pk}", note_en="Seen")[0] == 200
    copy.refresh_from_db()
    assert copy.verified_by == users["ministry"]
    assert patch(users["colleague"], f"adoptions/{copy.pk}", verified_on=None)[0] == 200
    copy.refresh_from_db()
    assert copy.verified_by is None


def test_nobody_verifies_the_own_claim(practice: Practice, pilots: dict[str, Pilot], users: dict[str, User]) -> None:
    api, ministry = ApiClient(session=users["ministry"]), users["ministry"]
    body = {"practice": "heat", "pilot": "away-city", "adopted_on": "2025-06-01"}
    verified = {"verified_on": "2025-07-01"}
    assert faults(api.send("POST", "/api/v1/adoptions/", body | verified)) == (400, {"/verified_on": "own_claim"})
    assert faults(api.send("POST", "/api/v1/adoptions/", body))[0] == 201
    copy = Adoption.objects.get()
    assert patch(ministry, f"adoptions/{copy.pk}", **verified) == (400, {"/verified_on": "own_claim"})
    assert form_errors(save(client_of(ministry), copy, **verified)) == {
        "verified_on": ["You claimed this copy: somebody else verifies it."]
    }
    assert patch(users["colleague"], f"adoptions/{copy.pk}", **verified) == (200, {})


def test_a_copy_names_a_pilot_or_a_province_once(
    practice: Practice, pilots: dict[str, Pilot], users: dict[str, User]
) -> None:
    api = ApiClient(session=users["ministry"])

    def report(**body: Any) -> tuple[int, dict[str, str]]:
        return faults(api.send("POST", "/api/v1/adoptions/", {"practice": "heat", **body}))

    assert report(pilot="home-city") == (400, {"/pilot": "rule"})  # its own
    assert report() == (400, {"/province": "rule"})
    assert [report(pilot="away-city")[0] for _n in range(2)] == [201, 409]
    assert [report(province="away")[0] for _n in range(2)] == [201, 409]
    assert report(province="home", adopted_on="2025-06-01", ended_on="2025-05-01")[0] == 400
    other = Adoption.objects.get(pilot=None)
    wrong = {"practice": make.practice(pilots["home"]).slug, "adoption": other.pk, "statement_en": "Less"}
    assert faults(api.send("POST", "/api/v1/effects/", wrong)) == (400, {"/adoption": "rule"})


@pytest.mark.parametrize("path", ["/practices/new/", "/practices/heat/adopt/"])
def test_readers_are_asked_to_sign_in_and_viewers_refused(
    practice: Practice, users: dict[str, User], path: str
) -> None:
    assert Client().get(path).status_code == 302
    assert client_of(make_user("viewer", "viewer")).get(path).status_code == 403
    assert client_of(users["ministry"]).get(path).status_code == 200


def test_names_of_people_are_shown_to_those_whom_they_concern(
    practice: Practice, pilots: dict[str, Pilot], users: dict[str, User]
) -> None:
    people = {"claimed_by": make_user("claimer"), "verified_by": make_user("verifier")}
    copy = make.adoption(practice, pilots["away"], **people, verified_on=date(2025, 7, 1))
    readers = {name: ApiClient(session=users[name]) for name in ("away", "home")} | {"anonymous": ApiClient()}
    for name, reader in readers.items():
        for address in ("/api/v1/adoptions/", f"/api/v1/adoptions/{copy.pk}/", practice.get_absolute_url()):
            text, shown = reader.send("GET", address).content.decode(), name == "away" and "api" in address
            assert ("claimer" in text, "verifier" in text) == (shown, shown), (name, address)
    assert client_of(users["away"]).get(page_url(copy)).text.count("claimer") == 1
    assert client_of(users["home"]).get(page_url(copy)).text.count("claimer") == 0


# -- on a day ----------------------------------------------------------------------------------------------


def test_records_on_a_day(client: Client, practice: Practice, pilots: dict[str, Pilot]) -> None:
    Practice.objects.filter(pk=practice.pk).update(retired_on=date(2026, 6, 1), retired_reason_en="Replaced")
    days = {"ended_on": date(2026, 6, 15), "verified_on": date(2025, 11, 1)}
    copy = make.adoption(practice, pilots["away"], adopted_on=date(2025, 10, 1), **days)
    make.effect(practice, adoption=copy, known_on=date(2025, 1, 15))

    def read(resource: str, day: str, *names: str) -> list[Any]:
        rows = client.get(f"/api/v1/{resource}/?as_of={day}").json()["results"]
        return [tuple(row[name] for name in names) for row in rows]

    named = ("state", "library_on", "retired_on", "retired_reason")
    assert read("practices", "2024-12-31", *named) == []
    assert read("practices", "2025-02-28", *named) == [("proposed", None, None, None)]
    assert read("practices", "2026-05-31", *named) == [("in_library", "2025-03-01", None, None)]
    assert read("practices", "2026-06-01", *named) == [("retired", "2025-03-01", "2026-06-01", "Replaced")]
    named = ("adopted_on", "verified_on", "ended_on")
    assert read("adoptions", "2025-09-30", *named) == []
    assert read("adoptions", "2025-10-31", *named) == [("2025-10-01", None, None)]
    assert read("adoptions", "2026-06-14", *named) == [("2025-10-01", "2025-11-01", None)]
    assert read("adoptions", "2026-06-15", *named) == [("2025-10-01", "2025-11-01", "2026-06-15")]
    assert read("effects", "2025-09-30", "adoption") == [(None,)]  # the copy was not there yet
    assert len(read("effects", "2025-10-01", "adoption")) == 2
    assert "1 copy in use" in page_text(client, "/practices/", as_of="2026-06-14")
    assert "0 copies in use" in page_text(client, "/practices/", as_of="2026-06-15")


def test_the_page_of_a_practice_shows_its_effects_and_copies(
    client: Client, practice: Practice, pilots: dict[str, Pilot]
) -> None:
    make.adoption(practice, pilots["away"], note_en="Half the size")
    page = page_text(client, practice.get_absolute_url())
    for text in (TEXT, "5,000 t CO2 less a year", "Half the size", pilots["away"].name):
        assert text in page, text
    file = client.get(practice.get_absolute_url(), {"export": "copies.csv"})
    assert "Half the size" in file.getvalue().decode()


# -- practices for a pilot -----------------------------------------------------------------------------------


def test_practices_of_the_same_industry_are_offered_to_a_pilot_that_is_behind(client: Client) -> None:
    batch, coking = make.batch(), make.industry(name_en="Coking")
    park = make.pilot(batch, make.province(), coking, slug="park", kind="park")
    make.target(park, make.indicator("AIR_VOC"), 100, 50)
    make.reading(park, park.targets.get().indicator, "2025", 99)
    city = make.pilot(batch, make.province())
    practices = {
        title: make.practice(*origins, title_en=title, **fields)
        for title, origins, fields in (
            ("Proposed", [city], {}),
            ("Older", [city], {"library_on": date(2025, 1, 3)}),
            ("Newer", [city], {"library_on": date(2025, 1, 3)}),
            ("Its own", [park], {"library_on": date(2025, 1, 3)}),
            ("Copied already", [city], {"library_on": date(2025, 1, 3)}),
            ("Retired", [city], {"retired_on": date(2026, 1, 1), "retired_reason_en": "old"}),
        )
    }
    for practice in practices.values():
        practice.industries.add(coking)
    make.practice(city, title_en="Nothing in common")
    make.adoption(practices["Copied already"], park)
    make.effect(practices["Older"], known_on=date(2025, 6, 1))
    make.effect(practices["Newer"], known_on=date(2025, 9, 1))
    listed = client.get("/practices/", {"for": "park", **DAY}).context["matches"]
    assert [row["practice"].title_en for row in listed] == ["Newer", "Older", "Proposed"]
    page = page_text(client, "/pilots/park/", **DAY)
    assert "Practices for this pilot" in page
    assert "In common: <span>Coking</span>" in page
    assert 'href="/practices/?for=park&as_of=2026-10-01"' in page
    assert "Practices for this pilot" not in page_text(client, "/pilots/park/", as_of="2025-10-01")
