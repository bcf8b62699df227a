"""Admin of practices, adoptions and effects: fields, errors at them, lists, autocomplete, history and restoring."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from pilots.models import Adoption, Effect, Practice
from policies.models import Measure, Province
from tests import factories as make
from tests.support.admin_forms import add_url, newest, page_url, save, save_new
from tests.support.api_client import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]


@pytest.fixture
def world() -> SimpleNamespace:
    batch, so2 = make.batch(), make.indicator("SO2", name_en="Sulphur dioxide")
    home, away = make.province(slug="home", name_en="Home"), make.province(slug="away", name_en="Away")
    origin = make.pilot(batch, home, slug="origin", name_en="Origin")
    copy = make.pilot(batch, away, slug="copy", name_en="Copy")
    practice = make.practice(origin, slug="kiln", title_en="Kiln", province=home)
    return SimpleNamespace(
        batch=batch, so2=so2, home=home, away=away, origin=origin, copy=copy, practice=practice,
        adoption=make.adoption(practice, copy),
        before=make.reading(origin, so2, "2022", 100),
        after=make.reading(origin, so2, "2023", 80),
    )  # fmt: skip


@pytest.fixture
def editor(world: SimpleNamespace, client: Client) -> User:
    """Return an editor of the origin's province, signed in as `client`."""
    user = make_user("editor", "provincial_editor", world.home)
    client.force_login(user)
    return user


def entries(record: Any) -> list[tuple[Any, ...]]:
    found = type(record).history.filter(id=record.pk)
    return [(item.history_type, str(item.history_user), item.history_change_reason) for item in found]


def offered(client: Client, model: str, field: str, **query: Any) -> list[str]:
    """Return what an autocomplete field of a model’s form offers."""
    asked = {"app_label": "pilots", "model_name": model, "field_name": field, **query}
    return [item["text"] for item in client.get(reverse("admin:autocomplete"), asked).json()["results"]]


# -- practices ---------------------------------------------------------------------------------------------


def test_a_practice_is_entered_with_its_lists_and_one_entry(admin_client: Client, world: SimpleNamespace) -> None:
    industry, source = make.industry(), make.source()
    measure = Measure.objects.create(slug="m", title_zh="措施", field="energy")
    values = {
        "title_zh": "锅炉替代", "title_en": "Boilers", "slug": "boilers", "field": "energy", "level": "city",
        "origins": [world.origin.pk, world.copy.pk], "industries": [industry.pk], "measures": [measure.pk],
        "problem_zh": "燃煤锅炉排放强度高，群众反映强烈，亟需替代。", "cost_amount": "1,200", "cost_kind": "investment",
        "cost_year": "2024", "passed_on": "2025年1月2日", "proposed_on": "2025-01-01",
        "sources": [source.pk], "change_reason": "Proposed by letter",
    }  # fmt: skip
    assert save_new(admin_client, Practice, **values).status_code == 302
    practice = Practice.objects.get(slug="boilers")
    assert (practice.cost_amount, practice.passed_on) == (1200, date(2025, 1, 2))
    lists = [list(getattr(practice, name).all()) for name in ("origins", "industries", "measures", "sources")]
    assert lists == [[world.origin, world.copy], [industry], [measure], [source]]
    assert entries(practice) == [("+", "admin", "Proposed by letter")]
    assert [row.pilot_id for row in newest(practice).origins.all()] == [world.origin.pk, world.copy.pk]


def test_a_practice_with_copies_is_not_deleted(admin_client: Client, world: SimpleNamespace) -> None:
    answer = admin_client.post(page_url(world.practice, "delete"), {"post": "yes"})
    assert "cannot be deleted while these records refer to it" in answer.text
    assert Practice.objects.filter(pk=world.practice.pk).exists()


# -- adoptions ---------------------------------------------------------------------------------------------


def test_a_new_copy_is_claimed_by_who_enters_it(admin_client: Client, world: SimpleNamespace) -> None:
    third = make.pilot(world.batch, world.away)
    query = f"?practice={world.practice.pk}"
    answer = save_new(admin_client, Adoption, query, pilot=third.pk, planned_on="2025-03-01", change_reason="Letter")
    assert answer.status_code == 302
    adoption = Adoption.objects.get(pilot=third)
    assert (adoption.practice, adoption.province, str(adoption.claimed_by), adoption.confirmed_on) == (
        world.practice, world.away, "admin", None,
    )  # fmt: skip
    assert entries(adoption) == [("+", "admin", "Letter")]
    save(admin_client, adoption, started_on="2025-03-02")
    adoption.refresh_from_db()
    assert str(adoption.claimed_by) == "admin"


def test_who_claimed_and_confirmed_is_shown_within_the_province(
    editor: User, client: Client, world: SimpleNamespace
) -> None:
    wang = User.objects.create_user("wang-of-away")
    own = make.adoption(world.practice, province=world.home, claimed_by=wang, confirmed_by=wang)
    Adoption.objects.filter(pk=world.adoption.pk).update(claimed_by=wang, confirmed_by=wang)
    assert client.get(page_url(own)).text.count("wang-of-away") == 2
    assert "wang-of-away" not in client.get(page_url(world.adoption)).text


# -- effects -----------------------------------------------------------------------------------------------


def test_an_effect_is_measured_by_two_accepted_readings(admin_client: Client, world: SimpleNamespace) -> None:
    query = f"?practice={world.practice.pk}"
    readings = {"reading_before": world.before.pk, "reading_after": world.after.pk}
    assert save_new(admin_client, Effect, query, **readings, known_on="2025-03-01").status_code == 302
    effect = Effect.objects.get()
    assert (effect.province, effect.is_measured) == (world.home, True)
    listed = admin_client.get(reverse("admin:pilots_effect_changelist"))
    assert "Sulphur dioxide: 2022 100 → 2023 80 t" in listed.text


def test_readings_and_copies_offered_are_accepted_and_of_the_practice(
    admin_client: Client, world: SimpleNamespace
) -> None:
    make.reading(world.origin, world.so2, "2024", 70, state="reported", accepted_on=None)
    make.reading(world.copy, world.so2, "2023", 60)
    other = make.pilot(world.batch, world.away, slug="other")
    make.reading(other, world.so2, "2023", 50)
    theirs = make.adoption(make.practice(other, slug="other"), other)
    own = ["Sulphur dioxide 2022: 100", "Sulphur dioxide 2023: 80", "Sulphur dioxide 2023: 60"]
    assert offered(admin_client, "effect", "reading_after") == [*own, "Sulphur dioxide 2023: 50"]
    query = {"practice": world.practice.pk}
    assert offered(admin_client, "effect", "reading_after", **query) == own  # of its origin and its copy
    assert offered(admin_client, "effect", "adoption", **query) == [str(world.adoption)] != [str(theirs)]
    effect = make.effect(world.practice, statement_en="Less")
    for url in (add_url(Effect, f"?practice={world.practice.pk}"), page_url(effect)):
        page = admin_client.get(url).text
        assert page.count(f'data-ajax--url="/admin/autocomplete/?practice={world.practice.pk}"') == 3


# -- lists -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "query", "count"),
    [
        ("practice", "q=Origin", 1),
        ("practice", "library_on__isempty=1", 1),
        ("adoption", "q=Copy", 1),
        ("adoption", "confirmed_on__isempty=0", 0),
        ("effect", "reading_after__isempty=1&q=Kiln", 1),
    ],
)
def test_lists_are_searched_and_filtered(
    admin_client: Client, world: SimpleNamespace, name: str, query: str, count: int
) -> None:
    make.effect(world.practice)
    shown = admin_client.get(f"{reverse(f'admin:pilots_{name}_changelist')}?{query}")
    assert shown.context["cl"].result_count == count


def test_a_practice_leads_to_its_copies_and_effects(admin_client: Client, world: SimpleNamespace) -> None:
    make.effect(world.practice)
    links = dict(admin_client.get(page_url(world.practice)).context["ways"])
    assert list(links) == ["Adoptions (1)", "Effects (1)", "Add an adoption", "Add an effect"]
    for label, address in links.items():
        shown = admin_client.get(address)
        if label.startswith("Add"):
            assert shown.context["adminform"].form["practice"].value() == str(world.practice.pk)
        else:
            assert shown.context["cl"].result_count == 1
    assert Province.objects.count() == 2
