"""Admin of practices, adoptions and effects: fields, errors at them, lists, autocomplete, history and restoring."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from pilots.models import Adoption, Effect
from tests import factories as make
from tests.support.admin_forms import add_url, page_url
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


def offered(client: Client, model: str, field: str, **query: Any) -> list[str]:
    """Return what an autocomplete field of a model’s form offers."""
    asked = {"app_label": "pilots", "model_name": model, "field_name": field, **query}
    return [item["text"] for item in client.get(reverse("admin:autocomplete"), asked).json()["results"]]


# -- adoptions ---------------------------------------------------------------------------------------------


def test_who_claimed_and_confirmed_is_shown_within_the_province(
    editor: User, client: Client, world: SimpleNamespace
) -> None:
    wang = User.objects.create_user("wang-of-away")
    own = make.adoption(world.practice, province=world.home, claimed_by=wang, confirmed_by=wang)
    Adoption.objects.filter(pk=world.adoption.pk).update(claimed_by=wang, confirmed_by=wang)
    assert client.get(page_url(own)).text.count("wang-of-away") == 2
    assert "wang-of-away" not in client.get(page_url(world.adoption)).text


# -- effects -----------------------------------------------------------------------------------------------


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
