"""Roles from the claims of single sign-on: the cases as a table, and the mappings in the admin."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from accounts.models import Officer, RoleMapping
from accounts.sign_in.claims import apply_decision, claim_values, decide_role
from accounts.tokens import active_tokens, create_token
from policies.models import Province
from tests.factories import make_province
from tests.support.admin_forms import form_errors
from tests.support.api_client import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
ROWS = {"readers": "viewer", "east": "provincial_editor", "west": "provincial_editor", "all": "national_editor"}
ROWS |= {"chiefs": "admin"}


@pytest.fixture
def places(settings: Any) -> dict[str, Province]:
    """Return the provinces of the mappings that exist, by value."""
    settings.OIDC_CLAIM = "groups"
    found = {name: make_province(slug=name, name_en=name.title()) for name in ("east", "west")}
    for value, role in ROWS.items():
        RoleMapping.objects.create(value=value, role=role, province=found.get(value))
    return found


@pytest.mark.parametrize(
    ("claims", "name", "values"),
    [
        ({"groups": ["a", "b"]}, "groups", ("a", "b")),
        ({"groups": "a"}, "groups", ("a",)),
        ({"groups": []}, "groups", ()),
        ({"groups": None}, "groups", None),
        ({}, "groups", None),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ("a",)),
        ({"https://example.org/roles": [7]}, "https://example.org/roles", ("7",)),
        ({"realm_access": "x"}, "realm_access.roles", None),
    ],
)
def test_values_of_a_claim(claims: dict[str, Any], name: str, values: tuple[str, ...] | None) -> None:
    assert claim_values(claims, name) == values


CASES = [  # claims, role before, whether others are administrators: let in, role and province after, entries
    ({}, "national_editor", (True, "national_editor", "", 0)),
    ({"groups": ["readers"]}, "national_editor", (True, "viewer", "", 1)),
    ({"groups": ["all"]}, "national_editor", (True, "national_editor", "", 0)),
    ({"groups": ["readers", "all", "east"]}, "viewer", (True, "national_editor", "", 1)),
    ({"groups": ["west", "east"]}, "viewer", (True, "provincial_editor", "East", 1)),
    ({"groups": ["chiefs", "all"]}, "", (True, "admin", "", 1)),
    ({"groups": ["Chiefs", "none"]}, "national_editor", (False, "national_editor", "", 0)),
    ({"groups": []}, "national_editor", (False, "national_editor", "", 0)),
    ({"groups": ["readers"]}, "admin", (True, "viewer", "", 1)),
]


@pytest.mark.parametrize(("claims", "before", "after"), CASES)
def test_what_a_sign_in_does_to_the_role(
    places: dict[str, Province], claims: dict[str, Any], before: str, after: tuple[bool, str, str, int]
) -> None:
    make_user("boss", "admin")
    user = make_user("wang", before)
    create_token(user=user, name="nightly")
    let_in = apply_decision(user, decide_role(claims, RoleMapping.objects.all()))
    found = Officer.objects.filter(user=user).first()
    now = (found.role, found.province.name_en if found.province else "") if found else ("", "")
    assert (let_in, *now, LogEntry.objects.count()) == after
    user.refresh_from_db()
    assert active_tokens(User.objects.get(pk=user.pk)).count() == (1 if after[3] == 0 else 0)


def test_the_present_province_wins_among_several(places: dict[str, Province]) -> None:
    user = make_user("wang", "provincial_editor", places["west"])
    decision = decide_role({"groups": ["east", "west"]}, RoleMapping.objects.all(), present=user.officer)
    assert (decision.matched, decision.province) == ("west", places["west"])


def test_what_no_mapping_has_makes_a_viewer_where_the_settings_say_so(
    settings: Any, places: dict[str, Province]
) -> None:
    settings.OIDC_UNMATCHED = "viewer"
    make_user("boss", "admin")
    user = make_user("wang", "national_editor")
    assert apply_decision(user, decide_role({"groups": ["none"]}, RoleMapping.objects.all()))
    user.refresh_from_db()
    assert (user.officer.role, user.is_staff) == ("viewer", False)


@pytest.mark.parametrize("groups", [["readers"], ["none"], []])
def test_the_last_administrator_is_never_demoted_nor_locked_out(places: dict[str, Province], groups: list[str]) -> None:
    for boss in (make_user("boss", "admin"), User.objects.create_superuser("root")):
        User.objects.exclude(pk=boss.pk).update(is_active=False)
        User.objects.filter(pk=boss.pk).update(is_active=True)
        assert apply_decision(boss, decide_role({"groups": groups}, RoleMapping.objects.all()))
        boss.refresh_from_db()
        assert boss.is_superuser or boss.officer.role == "admin"
    assert LogEntry.objects.count() == 0


def test_a_superuser_whom_the_provider_makes_a_viewer_is_one(places: dict[str, Province]) -> None:
    make_user("boss", "admin")
    user = User.objects.create_superuser("root")
    assert apply_decision(user, decide_role({"groups": ["readers"]}, RoleMapping.objects.all()))
    user.refresh_from_db()
    assert (user.is_superuser, user.is_staff, user.officer.role) == (False, False, "viewer")


# -- in the admin ----------------------------------------------------------------------------------------

ADD = "/admin/accounts/rolemapping/add/"


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make_user("boss", "admin"))
    return client


def test_a_mapping_is_tried_before_it_is_saved(boss: Client, places: dict[str, Province]) -> None:
    sent = {"value": "north", "role": "provincial_editor", "province": places["west"].pk, "_try": "1"}
    cases = {
        '{"groups": ["north"]}': "groups: north. “north” decides: the role is provincial editor of West.",
        '{"groups": ["north", "all"]}': "groups: north, all. “all” decides: the role is national editor.",
        '{"groups": ["x"]}': "groups: x. No mapping has one of these values: the sign-in is refused.",
        '{"sub": "1"}': "groups: –. The claim “groups” is not there: the role stays as it is, and a new person is "
        "not let in.",
    }
    for claims, result in cases.items():
        page = boss.post(ADD, {**sent, "claims": claims})
        assert page.context["adminform"].form.result == result
        assert "Result of the trial" in page.text
        assert 'value="north"' in page.text  # what was typed is still there
    assert not RoleMapping.objects.filter(value="north").exists()
    for claims in ("{", '["north"]'):
        assert list(form_errors(boss.post(ADD, {**sent, "claims": claims}))) == ["claims"]
    sent.pop("_try")
    assert boss.post(ADD, sent)["Location"] == "/admin/accounts/rolemapping/"
    saved = RoleMapping.objects.get(value="north")
    assert (saved.role, saved.province) == ("provincial_editor", places["west"])
    address = reverse("admin:accounts_rolemapping_change", args=[saved.pk])
    changed = {"value": "north", "role": "admin", "claims": json.dumps({"groups": ["north"]}), "_try": "1"}
    assert boss.post(address, changed).context["adminform"].form.result.endswith("the role is administrator.")
    saved.refresh_from_db()
    assert saved.role == "provincial_editor"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"value": "x", "role": "boss"}, "role"),
        ({"value": "x", "role": "provincial_editor"}, "province"),
        ({"value": "x", "role": "provincial_editor", "province": "999999"}, "province"),
        ({"value": "x", "role": "viewer", "province": "east"}, "province"),
        ({"value": "all", "role": "viewer"}, "value"),
        ({"value": "", "role": "viewer"}, "value"),
    ],
)
def test_a_mapping_to_what_does_not_exist_is_not_saved(
    boss: Client, places: dict[str, Province], sent: dict[str, Any], field: str
) -> None:
    given = {**sent, "province": places["east"].pk if sent.get("province") == "east" else sent.get("province", "")}
    assert list(form_errors(boss.post(ADD, given))) == [field]
    assert RoleMapping.objects.count() == len(ROWS)


def test_mappings_are_for_administrators(client: Client) -> None:
    client.force_login(make_user("wang", "national_editor"))
    assert [client.get(address).status_code for address in (ADD, "/admin/accounts/rolemapping/")] == [403, 403]
