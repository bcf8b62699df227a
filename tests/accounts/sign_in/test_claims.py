"""Roles from the claims of single sign-on: the cases as a table, and the mappings as a setting and of before."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from accounts.models import Officer, active_tokens, create_token
from accounts.single_sign_on import NoRole, role_of_claims, set_role
from policies.models import Province
from tests import factories as make
from tests.support.api_client import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
ROWS = {"readers": "viewer", "east": "provincial_editor", "west": "provincial_editor", "all": "national_editor"}
ROWS |= {"chiefs": "admin"}


@pytest.fixture
def places(settings: Any) -> dict[str, Province]:
    """Return the provinces of the mappings that exist, by value."""
    settings.OIDC_CLAIM = "groups"
    found = {name: make.province(slug=name, name_en=name.title()) for name in ("east", "west")}
    settings.OIDC_ROLES = {value: (role, value if value in found else "") for value, role in ROWS.items()}
    return found


def let_in(user: User, claims: dict[str, Any]) -> bool:
    """Set the role of the claims, as a sign-in does; return whether the user is let in."""
    try:
        set_role(user, claims)
    except NoRole:
        return False
    return True


@pytest.mark.parametrize(
    ("claims", "name", "role"),
    [
        ({"groups": ["a", "b"]}, "groups", "national_editor"),
        ({"groups": "a"}, "groups", "viewer"),
        ({"groups": []}, "groups", "unmatched"),
        ({"groups": ["*"]}, "groups", "unmatched"),
        ({"groups": None}, "groups", None),
        ({}, "groups", None),
        ({"groups": ["a"]}, "", None),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", "viewer"),
        ({"https://example.org/roles": [7]}, "https://example.org/roles", "admin"),
        ({"realm_access": "x"}, "realm_access.roles", None),
    ],
)
def test_values_of_a_claim(settings: Any, claims: dict[str, Any], name: str, role: str | None) -> None:
    settings.OIDC_CLAIM = name
    settings.OIDC_ROLES = {"a": ("viewer", ""), "b": ("national_editor", ""), "7": ("admin", "")}
    if role == "unmatched":
        with pytest.raises(NoRole):
            role_of_claims(claims)
    else:
        assert role_of_claims(claims) == (role and (role, None))


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
    done = let_in(user, claims)
    found = Officer.objects.filter(user=user).first()
    now = (found.role, found.province.name_en if found.province else "") if found else ("", "")
    assert (done, *now, LogEntry.objects.count()) == after
    user.refresh_from_db()
    assert active_tokens(User.objects.get(pk=user.pk)).count() == (1 if after[3] == 0 else 0)


def test_a_province_that_does_not_exist_gives_nothing(
    settings: Any, places: dict[str, Province], caplog: pytest.LogCaptureFixture
) -> None:
    make_user("boss", "admin")
    settings.OIDC_ROLES["east"] = ("provincial_editor", "no-such")
    assert not let_in(make_user("wang", "viewer"), {"groups": ["east"]})
    assert "OIDC_ROLES: there is no province no-such" in caplog.text
    assert role_of_claims({"groups": ["east", "readers"]}) == ("viewer", None)


def test_what_no_mapping_has_makes_a_viewer_where_the_settings_say_so(
    settings: Any, places: dict[str, Province]
) -> None:
    settings.OIDC_ROLES["*"] = ("viewer", "")
    make_user("boss", "admin")
    user = make_user("wang", "national_editor")
    assert let_in(user, {"groups": ["none"]})
    user.refresh_from_db()
    assert (user.officer.role, user.is_staff) == ("viewer", False)


@pytest.mark.parametrize("groups", [["readers"], ["none"], []])
def test_the_last_administrator_is_never_demoted_nor_locked_out(places: dict[str, Province], groups: list[str]) -> None:
    for boss in (make_user("boss", "admin"), User.objects.create_superuser("root")):
        User.objects.exclude(pk=boss.pk).update(is_active=False)
        User.objects.filter(pk=boss.pk).update(is_active=True)
        assert let_in(boss, {"groups": groups})
        boss.refresh_from_db()
        assert boss.is_superuser or boss.officer.role == "admin"
    assert LogEntry.objects.count() == 0


def test_a_superuser_whom_the_provider_makes_a_viewer_is_one(places: dict[str, Province]) -> None:
    make_user("boss", "admin")
    user = User.objects.create_superuser("root")
    assert let_in(user, {"groups": ["readers"]})
    user.refresh_from_db()
    assert (user.is_superuser, user.is_staff, user.officer.role) == (False, False, "viewer")
