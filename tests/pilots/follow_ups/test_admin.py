"""Admin of follow-ups: opening, correcting, names of people, lists, and what is refused."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pilots.models import FollowUp
from tests import factories as make
from tests.support.admin_forms import newest, page_url, save, save_new
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
        late=make.milestone(pilot, date(2025, 1, 1), title_en="Platform"),
        agency=make.agency(name_en="Bureau"),
        boss=make_user("boss", "national_editor"),
    )


@pytest.fixture
def boss(world: SimpleNamespace, client: Client) -> Client:
    client.force_login(world.boss)
    return client


def opening(world: SimpleNamespace, **values: Any) -> dict[str, Any]:
    usual = {
        "title_zh": "整改", "pilot": world.pilot.pk, "cause": "milestone", "cause_milestone": world.late.pk,
        "opened_on": "2026年6月1日", "due_on": "2026-07-01", "owner_agency": world.agency.pk,
    }  # fmt: skip
    return {**usual, **values}


# -- opening -----------------------------------------------------------------------------------------------


def test_a_follow_up_is_opened_as_on_its_page(boss: Client, world: SimpleNamespace) -> None:
    sources = [make.source(), make.source()]
    values = opening(world, sources=[source.pk for source in sources], change_reason="Meeting of June")
    assert save_new(boss, FollowUp, **values).status_code == 302
    follow_up = FollowUp.objects.get()
    assert (follow_up.number, follow_up.province, follow_up.cause_colour) == ("2026-001", world.home, "red")
    assert "Platform" in follow_up.cause_reason_en
    assert list(follow_up.sources.all()) == sources
    (entry,) = follow_up.history.all()
    assert (entry.history_type, str(entry.history_user), entry.history_change_reason) == (
        "+", "boss", "Meeting of June",
    )  # fmt: skip
    assert [row.source_id for row in entry.sources.all()] == [source.pk for source in sources]
    (step,) = follow_up.steps.all()
    assert (step.seq, step.move, step.state, step.taken_on, step.author) == (
        1, "open", "opened", date(2026, 6, 1), world.boss,
    )  # fmt: skip


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
