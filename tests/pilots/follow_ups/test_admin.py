"""Admin of follow-ups: opening, correcting, names of people, lists, and what is refused."""

from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pilots.models import FollowUp
from tests import factories as make
from tests.support.admin_forms import newest, page_url, save
from tests.support.api_client import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
ADD = "/admin/pilots/followup/add/"
LIST = "/admin/pilots/followup/"


@pytest.fixture
def world() -> SimpleNamespace:
    batch = make.batch()
    home, away = make.province(slug="home", name_en="Home"), make.province(slug="away", name_en="Away")
    pilot, other = make.pilot(batch, home, name_en="Huzhou"), make.pilot(batch, away, name_en="Elsewhere")
    return SimpleNamespace(
        home=home,
        away=away,
        pilot=pilot,
        other=other,
        boss=make_user("boss", "national_editor"),
    )


@pytest.fixture
def boss(world: SimpleNamespace, client: Client) -> Client:
    client.force_login(world.boss)
    return client


def test_no_follow_up_is_deleted(boss: Client, admin_client: Client, world: SimpleNamespace) -> None:
    follow_up = make.follow_up(world.pilot)
    for client in (boss, admin_client):
        assert client.post(page_url(follow_up, "delete"), {"post": "yes"}).status_code == 403
        assert "delete_selected" not in client.get(LIST).text
    assert FollowUp.objects.exists()


def test_a_province_changes_contact_and_notes_alone(client: Client, world: SimpleNamespace) -> None:
    client.force_login(make_user("editor", "provincial_editor", world.home))
    own, others = make.follow_up(world.pilot), make.follow_up(world.other)
    fields = set(client.get(page_url(own)).context["adminform"].form.fields)
    assert fields == {"owner_person", "note_en", "note_zh", "change_reason", "version"}
    assert save(client, own, owner_person="李", is_key="on", verifier=world.boss.pk).status_code == 302
    own.refresh_from_db()
    assert (own.owner_person, own.is_key, own.verifier) == ("李", False, None)
    assert client.post(page_url(others), {"note_en": "x"}).status_code == 403
    assert client.get(ADD).status_code == 403


# -- provinces ---------------------------------------------------------------------------------------------


def test_people_are_shown_within_the_province(client: Client, world: SimpleNamespace) -> None:
    """On the form, in the list, and in the history with its versions."""
    client.force_login(make_user("editor", "provincial_editor", world.home))
    people = {
        "owner_person": "Person-Li",
        "owner_user": User.objects.create_user("owner-account"),
        "verifier": User.objects.create_user("verifier-account"),
    }
    names = {"Person-Li", "owner-account", "verifier-account"}
    for pilot, wanted in ((world.pilot, names), (world.other, set())):
        follow_up = make.follow_up(pilot)
        for name, value in people.items():
            setattr(follow_up, name, value)
        follow_up.save()
        step = follow_up.steps.get()
        addresses = [page_url(follow_up), page_url(follow_up, "history")]
        addresses.append(page_url(follow_up, "simple_history", newest(follow_up).pk))
        for address in addresses:
            text = client.get(address).text
            assert {name for name in names if name in text} == wanted, address
        assert not any(name in client.get(LIST).text for name in names)
        assert client.get(f"{LIST}?q=Person-Li").context["cl"].result_count == 0
        assert step.author is None
