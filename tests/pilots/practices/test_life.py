"""The life of a practice through the pages: proposed, passed, recommended, copied, confirmed, measured, given up."""

from datetime import date
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from core.http import today
from core.text import format_date
from pilots.metrics import AdoptionState, PracticeState, Trust
from pilots.models import Adoption, Effect, Pilot, Practice
from pilots.practices import Copies, build_diffusion
from tests import factories as make
from tests.support.admin_forms import page_url
from tests.support.api_client import ApiClient, make_user
from tests.support.sign_in import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]

TEXT = "Waste heat of the kilns dries the sludge before it is burned."


@pytest.fixture
def world() -> SimpleNamespace:
    """Three provinces with a pilot and an editor each, and the ministry."""
    provinces = [make.province() for _n in range(3)]
    batch = make.batch()
    return SimpleNamespace(
        provinces=provinces,
        pilots=[make.pilot(batch, province) for province in provinces],
        editors=[make_user(f"editor-{n}", "provincial_editor", province) for n, province in enumerate(provinces)],
        ministry=make_user("ministry", "national_editor"),
    )


def state_of(practice: Practice) -> PracticeState:
    return Practice.objects.on(today()).get(pk=practice.pk).state


def copies_of(practice: Practice) -> Copies:
    return build_diffusion(today(), Practice.objects.on(today()).filter(pk=practice.pk)).copies


def move(client: Client, practice: Practice, name: str, **data: str) -> tuple[int, list[str]]:
    """Press a button of a practice's page; return the status and the messages that follow."""
    response = client.post(f"/practices/{practice.slug}/move/", {"move": name, **data})
    return response.status_code, [str(message) for message in get_messages(response.wsgi_request)][-1:]


def proposal(pilot: Pilot, **changes: Any) -> dict[str, Any]:
    return {
        "title_zh": "窑炉余热干化污泥",
        "title_en": "Sludge dried by kiln heat",
        "origins": [pilot.pk],
        "field": "industry",
        "facet": "technology",
        "level": "park",
        "problem_en": TEXT,
        "action_en": TEXT,
        "conditions_en": TEXT,
        "cost_amount": "1200",
        "cost_kind": "investment",
        "cost_year": "2025",
        "proposed_on": "2026-01-10",
        **changes,
    }


def test_a_practice_is_proposed_passed_and_recommended(world: SimpleNamespace) -> None:
    home, ministry = client_of(world.editors[0]), client_of(world.ministry)

    response = home.post("/practices/new/", proposal(world.pilots[0]))
    practice = Practice.objects.get()
    assert response.headers["Location"] == "/practices/sludge-dried-by-kiln-heat/"
    assert (practice.province, list(practice.origins.all())) == (world.provinces[0], [world.pilots[0]])
    assert (practice.cost_amount, practice.cost_year, practice.proposed_on) == (1200, 2025, date(2026, 1, 10))
    assert practice.history.count() == 1
    assert state_of(practice) == PracticeState.PROPOSED

    assert move(client_of(world.editors[1]), practice, "pass")[0] == 403
    assert move(ministry, practice, "take_in")[1] == ["This practice is proposed: it cannot take this step now."]
    assert move(home, practice, "pass") == (302, ["The practice is now: passed by the province."])
    assert move(home, practice, "take_in")[0] == 403
    assert move(ministry, practice, "take_in")[1] == [
        "No effect is on record: add the change of a pilot’s total, or a stated effect."
    ]

    stated = {"basis": "total", "statement_en": "30 t less SO2 a year", "stated_value": "30", "stated_unit": "t SO2/yr"}
    response = home.post(f"{practice.get_absolute_url()}effects/new/", stated)
    assert response.status_code == 400
    assert response.context["form"].errors == {"sources": ["A stated result needs its source."]}
    response = home.post(f"{practice.get_absolute_url()}effects/new/", {**stated, "sources": [make.source().pk]})
    assert response.status_code == 302
    effect = Effect.objects.get()
    assert (effect.stated_value, effect.province, effect.sources.count()) == (30, world.provinces[0], 1)

    assert move(ministry, practice, "take_in") == (302, ["The practice is now: in the library."])
    assert move(ministry, practice, "recommend") == (302, ["The practice is now: recommended."])
    practice.refresh_from_db()
    assert (practice.passed_on, practice.library_on, practice.recommended_on) == (today(), today(), today())

    assert move(ministry, practice, "retire")[1] == ["Say why it is retired."]
    assert move(ministry, practice, "retire", reason="Overtaken by electric kilns") == (
        302,
        ["The practice is now: retired."],
    )
    assert state_of(practice) == PracticeState.RETIRED


def test_a_copy_is_claimed_confirmed_by_another_and_verified_by_its_effect(world: SimpleNamespace) -> None:
    days = {"passed_on": date(2025, 2, 1), "library_on": date(2025, 3, 1)}
    practice = make.practice(world.pilots[0], province=world.provinces[0], **days)
    origin, claimant, elsewhere = (client_of(user) for user in world.editors)
    own = practice.get_absolute_url()
    report = {"pilot": world.pilots[1].pk, "planned_on": "2025-04-01", "started_on": "2025-05-01"}
    report |= {"in_use_on": "2025-06-01", "changed_en": "Smaller dryer"}

    assert elsewhere.post(f"{own}adopt/", report).status_code == 400  # not of this province
    assert claimant.post(f"{own}adopt/", report).status_code == 302
    adoption = Adoption.objects.get()
    told = (adoption.claimed_by, adoption.province, adoption.changed_en, trust_of(practice))
    assert told == (world.editors[1], world.provinces[1], "Smaller dryer", Trust.CLAIMED)
    address = f"{own}copies/{adoption.pk}/"
    assert [client.post(f"{address}confirm/").status_code for client in (claimant, elsewhere)] == [403, 403]
    assert elsewhere.get(address).status_code == 403

    assert origin.post(f"{address}confirm/").status_code == 302
    adoption.refresh_from_db()
    assert (adoption.confirmed_on, adoption.confirmed_by) == (today(), world.editors[0])
    assert trust_of(practice) == Trust.CONFIRMED
    assert last_message(origin.post(f"{address}confirm/")) == "This copy is confirmed already."

    values, so2 = {"2023": 100, "2025": 85}, make.indicator("AIR_SO2")
    before, after = (make.reading(world.pilots[1], so2, year, value).pk for year, value in values.items())
    pending = make.reading(world.pilots[1], so2, "2024", 90, state="reported", accepted_on=None).pk
    effect = {"adoption": adoption.pk, "basis": "total", "reading_before": before}
    assert claimant.post(f"{own}effects/new/", {**effect, "reading_after": pending}).status_code == 400
    assert claimant.post(f"{own}effects/new/", {**effect, "reading_after": after}).status_code == 302
    assert trust_of(practice) == Trust.VERIFIED
    text = unescape(claimant.get(own).text)
    assert "change of the pilot’s total in the same years: AIR_SO2 emissions −15.0 %; −15 t, 2023 to 2025" in text
    assert [word for word in ("easured effect", "measured:", "Measured") if word in text] == []

    assert last_message(origin.post(f"{address}withdraw/")) == "Say why the confirmation is taken back."
    origin.post(f"{address}withdraw/", {"reason": "The dryer was never built"})
    adoption.refresh_from_db()
    assert adoption.confirmed_on is None
    assert adoption.history.first().history_change_reason == "The dryer was never built"


@pytest.mark.parametrize(
    ("values", "trust"),
    [
        ({"2024": 100, "2025": 85}, Trust.VERIFIED),
        ({"2024": 100, "2025": 100}, Trust.VERIFIED),
        ({"2024": 100, "2025": 101}, Trust.CONFIRMED),  # it got worse
        ({"2023": 100, "2024": 85}, Trust.CONFIRMED),  # before it was in use
        ({"2025-Q1": 100, "2025-Q4": 85}, Trust.CONFIRMED),
    ],
)
def test_only_somebody_else_and_values_of_its_time_verify_a_copy(
    world: SimpleNamespace, values: dict[str, int], trust: Trust
) -> None:
    so2, (home, _claimant, _other) = make.indicator("AIR_SO2"), world.pilots
    practice = make.practice(home, province=world.provinces[0])
    before, after = (make.reading(world.pilots[1], so2, period, value).pk for period, value in values.items())
    claimant, ministry = (ApiClient(session=user) for user in (world.editors[1], world.ministry))
    colleague = ApiClient(session=make_user("colleague", "provincial_editor", world.provinces[1]))
    copy: dict[str, Any] = {"practice": practice.slug, "pilot": world.pilots[1].slug, "planned_on": "2025-02-01"}
    copy |= {"started_on": "2025-02-01", "in_use_on": "2025-06-01"}
    address = claimant.send("POST", "/api/v1/adoptions/", copy)["Location"]
    key = int(address.rstrip("/").rpartition("/")[2])
    effect = {"practice": practice.slug, "adoption": key, "reading_before": before, "reading_after": after}
    effect["known_on"] = "2025-02-01"
    assert claimant.send("POST", "/api/v1/effects/", effect).status_code == 201
    assert trust_of(practice) == Trust.CLAIMED

    def confirm(client: ApiClient) -> int:
        seen = {"If-Match": client.send("GET", address)["ETag"]}
        return int(client.send("POST", f"{address}confirm/", {}, **seen).status_code)

    assert [confirm(client) for client in (claimant, colleague, ministry)] == [403, 403, 200]
    assert trust_of(practice) == trust
    verified_on = ministry.send("GET", address).json()["verified_on"]
    assert verified_on == (str(today()) if trust == Trust.VERIFIED else None)
    moved = claimant.send("PATCH", address, {"in_use_on": "2026-06-01"}, **{"If-Match": "*"})
    assert (moved.status_code, trust_of(practice)) == (200, Trust.CLAIMED)
    reason = Adoption.objects.get().history.first().history_change_reason
    assert reason == f"This change ended the confirmation of {format_date(today())}."
    assert confirm(ministry) == 200
    assert trust_of(practice) == Trust.CONFIRMED


def last_message(response: Any) -> str:
    return [str(message) for message in get_messages(response.wsgi_request)][-1]


def trust_of(practice: Practice) -> Trust:
    return copies_of(practice).adoptions[0].trust


def test_a_copy_is_given_up_with_its_reason(world: SimpleNamespace) -> None:
    practice = make.practice(world.pilots[0], province=world.provinces[0])
    adoption = make.adoption(practice, world.pilots[2], started_on=date(2025, 3, 1))
    editor, address = client_of(world.editors[2]), f"{practice.get_absolute_url()}copies/{adoption.pk}/update/"

    refused = editor.post(address, {"given_up_on": "2025-09-01", "give_up_reason": ""})
    assert refused.status_code == 400
    assert refused.context["give_up"].errors == {"give_up_reason": ["This field is required."]}
    too_early = editor.post(address, {"given_up_on": "2025-01-01", "give_up_reason": "money"})
    assert too_early.context["give_up"].errors == {"given_up_on": ["Given up before it was planned. Check both days."]}
    assert client_of(world.editors[0]).post(address, {"in_use_on": "2025-09-01"}).status_code == 403
    assert editor.post(address, {"started_on": "2025-03-01", "in_use_on": "2025-08-01"}).status_code == 302
    assert copies_of(practice).adoptions[0].state == AdoptionState.IN_USE

    reason = {"given_up_on": "2025-09-01", "give_up_reason": "conditions", "give_up_text_en": "The kilns run too cold"}
    assert editor.post(address, reason).status_code == 302
    copies = copies_of(practice)
    assert (copies.adopters[Trust.CLAIMED], len(copies.given_up)) == (0, 1)
    page = unescape(Client().get(practice.get_absolute_url()).content.decode())
    assert "Why it failed where it failed" in page
    assert "The kilns run too cold" in page


@pytest.mark.parametrize("path", ["/practices/new/", "/practices/one/adopt/", "/practices/one/effects/new/"])
def test_readers_are_asked_to_sign_in_and_viewers_refused(world: SimpleNamespace, path: str) -> None:
    make.practice(world.pilots[0], slug="one")
    assert Client().get(path).status_code == 302
    assert client_of(make_user("viewer", "viewer")).get(path).status_code == 403
    assert client_of(world.ministry).get(path).status_code == 200


def test_an_editor_of_another_province_adds_no_effect(world: SimpleNamespace) -> None:
    practice = make.practice(world.pilots[0], province=world.provinces[0])
    page = f"{practice.get_absolute_url()}effects/new/"
    assert client_of(world.editors[1]).get(page).status_code == 403
    make.adoption(practice, world.pilots[1])
    stated = {"basis": "total", "statement_en": "Less", "sources": [make.source().pk]}
    response = client_of(world.editors[1]).post(page, stated)  # of the origin, by the adopter
    assert response.status_code == 403
    assert not Effect.objects.exists()


def test_names_of_people_stay_off_the_page(world: SimpleNamespace) -> None:
    practice = make.practice(world.pilots[0], province=world.provinces[0])
    make.effect(practice)
    adoption = make.adoption(practice, world.pilots[1], claimed_by=world.editors[1])
    client_of(world.editors[0]).post(f"{practice.get_absolute_url()}copies/{adoption.pk}/confirm/")
    for client in (Client(), client_of(world.editors[2])):
        page = client.get(practice.get_absolute_url()).content.decode()
        assert "editor-1" not in page
        assert "editor-0" not in page


def test_the_admin_names_who_claimed_a_copy_within_the_province(world: SimpleNamespace) -> None:
    practice, (claimer, editor, _other) = make.practice(world.pilots[0]), world.editors
    people = {"claimed_by": claimer, "confirmed_by": claimer}
    own, others = (make.adoption(practice, province=place, **people) for place in world.provinces[1:])
    assert client_of(editor).get(page_url(own)).text.count(claimer.username) == 2
    assert claimer.username not in client_of(editor).get(page_url(others)).text
