"""Roles: permissions by role and province, and their administration."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.authentication import PROVINCIAL_EDITOR_PERMISSIONS
from accounts.models import Officer, Role, Token, active_tokens, create_token, lock_administrators, permission_snapshot
from policies.models import Province
from tests import factories as make
from tests.support.admin_forms import form_data
from tests.support.api_client import is_accepted, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]


@pytest.fixture
def away() -> Province:
    return make.province(slug="away", name_en="Away")


def reload_user(user: User) -> Any:
    """Return the user as the next request loads them."""
    return User.objects.get(pk=user.pk)


# -- what a role may ---------------------------------------------------------------------------------------


def test_a_role_has_its_permissions_and_no_others(home: Province) -> None:
    own_models = ("import", "importfile", "seedrecord")
    of_core = {f"core.{action}_{name}" for action in ("add", "change", "delete", "view") for name in own_models}
    of_core |= {"core.undo_import"}
    everything = User.objects.create_superuser("root").get_all_permissions()
    national = {name for name in everything if name.startswith(("policies.", "pilots.", "dashboard."))} | of_core
    editor = {name for name in national if name.partition(".")[2].startswith("view_")} | PROVINCIAL_EDITOR_PERMISSIONS
    wanted = {
        "viewer": set(),
        "provincial_editor": editor,
        "national_editor": national,
        "admin": everything,
    }
    for role, names in wanted.items():
        user = make_user(role, role, home if role == "provincial_editor" else None)
        assert user.get_all_permissions() == names, role
    assert make_user("none").get_all_permissions() == set()
    assert {"auth.change_user", "accounts.view_token", "core.undo_import", "pilots.accept_reading"} <= wanted["admin"]
    assert not any(name.startswith(("auth.", "accounts.")) or name.endswith("_token") for name in national)
    assert {"core.undo_import", "pilots.accept_reading", "pilots.place_pilot", "policies.delete_policy"} <= national


def test_rights_of_one_s_own_end_at_the_province_too(home: Province, away: Province) -> None:
    group = Group.objects.create(name="Deleters")
    group.permissions.add(Permission.objects.get(codename="delete_provincialplan"))
    editor, policy = make_user("editor", "provincial_editor", home), make.policy()
    editor.groups.add(group)
    free = make_user("free")
    free.groups.add(group)
    plans = [make.plan(policy, home), make.plan(policy, away)]
    assert [editor.has_perm("policies.delete_provincialplan", plan) for plan in plans] == [True, False]
    assert [free.has_perm("policies.delete_provincialplan", plan) for plan in plans] == [True, True]


def test_a_province_goes_with_an_editor_and_with_nobody_else(home: Province) -> None:
    user = make_user("somebody")
    for role, place in ((Role.PROVINCIAL_EDITOR, None), (Role.ADMIN, home), (Role.VIEWER, home)):
        officer = Officer(user=user, role=role, province=place)
        with pytest.raises(ValidationError, match="A provincial editor has a province, nobody else has one"):
            officer.full_clean()
        with pytest.raises(IntegrityError), transaction.atomic():
            officer.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        Officer.objects.create(user=user, role="reviewer")


@pytest.mark.parametrize("role", ["national_editor", "admin"])
def test_who_loses_the_role_loses_the_admin(client: Client, role: str) -> None:
    """A superuser without a role keeps it."""
    user = make_user("li", role)
    client.force_login(user)
    assert client.get("/admin/").status_code == 200
    reload_user(user).officer.delete()
    assert reload_user(user).is_staff is False
    assert client.get("/admin/", follow=True).status_code == 403
    root = User.objects.create_superuser("root")
    Officer.objects.create(user=root, role=role).delete()
    assert reload_user(root).is_staff is True


# -- a token ends with the rights that it was made under ----------------------------------------------------


def promote(user: User) -> None:
    user.officer.role, user.officer.province = Role.ADMIN, None
    user.officer.save()


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def take_superuser(user: User) -> None:
    user.is_superuser = True
    user.save(update_fields=["is_superuser"])


CHANGES = [
    (promote, "its owner’s role changed"),
    (deactivate, "its owner was deactivated"),
    (take_superuser, "its owner’s role changed"),
    (lambda user: user.officer.delete(), "its owner’s role changed"),
]


@pytest.mark.parametrize(("change", "why"), CHANGES)
def test_a_change_of_rights_ends_the_tokens_at_once(home: Province, change: Any, why: str) -> None:
    user, bystander = make_user("editor", "provincial_editor", home), make_user("other", "provincial_editor", home)
    (token, secret), (_kept, other) = (create_token(user=someone, name="x") for someone in (user, bystander))
    assert is_accepted(secret)
    change(reload_user(user))
    token = Token.objects.get(pk=token.pk)
    assert (token.inactive_reason, token.revoked_at is not None) == (why, True)
    assert not is_accepted(secret)
    assert is_accepted(other)


def test_a_sign_in_and_a_new_name_end_nothing(home: Province) -> None:
    user = make_user("editor", "provincial_editor", home)
    _token, secret = create_token(user=user, name="x")
    Client().force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    user.first_name = "Li"
    user.save()
    user.officer.save()
    assert is_accepted(secret)


@pytest.mark.parametrize("part", ["role", "active"])
def test_what_was_changed_past_the_models_ends_when_first_seen_and_stays_ended(
    home: Province, away: Province, part: str
) -> None:
    user = make_user("editor", "provincial_editor", home)
    token, secret = create_token(user=user, name="x")

    def change(place: Province, active: bool) -> None:
        Officer.objects.filter(user=user).update(province=place)
        User.objects.filter(pk=user.pk).update(is_active=active)

    change(away if part == "role" else home, part == "role")
    assert not is_accepted(secret)
    change(home, True)
    assert permission_snapshot(reload_user(user)) == token.permission_snapshot
    assert not is_accepted(secret)
    ended = {"role": "its owner’s role changed", "active": "its owner was deactivated"}
    assert Token.objects.get(pk=token.pk).inactive_reason == ended[part]


# -- the page of a person ----------------------------------------------------------------------------------


@pytest.fixture
def administrator(client: Client) -> User:
    """Return an administrator by role, signed in as `client`."""
    user = make_user("boss", "admin")
    client.force_login(user)
    return user


def user_page(user: User) -> str:
    return reverse("admin:auth_user_change", args=[user.pk])


def submit_user_form(client: Client, user: User, **values: Any) -> Any:
    joined = timezone.localtime(user.date_joined)
    two = {"date_joined_0": f"{joined:%Y-%m-%d}", "date_joined_1": f"{joined:%H:%M:%S}"}  # one field, two boxes
    return client.post(user_page(user), form_data(client.get(user_page(user)), **two, **values))


def test_an_administrator_gives_a_role_and_the_tokens_end(client: Client, administrator: User, home: Province) -> None:
    user = make_user("li")
    _token, secret = create_token(user=user, name="x")
    answer = submit_user_form(client, user, **{"officer-0-role": "provincial_editor", "officer-0-province": home.pk})
    assert answer.status_code == 302
    officer = Officer.objects.get(user=user)
    assert (officer.role, officer.province, reload_user(user).is_staff) == ("provincial_editor", home, True)
    assert not is_accepted(secret)


def test_nobody_gives_rights_to_themselves(client: Client, administrator: User) -> None:
    """Neither as administrator, nor as a user who may change users."""
    clerk = make_user("clerk")
    clerk.is_staff = True
    clerk.save()
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user", "change_officer"]))
    Officer.objects.create(user=clerk, role=Role.VIEWER)
    User.objects.filter(pk=clerk.pk).update(is_staff=True)
    for user in (administrator, clerk):
        client.force_login(user)
        answer = submit_user_form(
            client,
            user,
            first_name="Li",
            is_superuser="on",
            is_staff="on",
            **{"officer-0-role": "admin", "officer-0-id": user.officer.pk, "officer-0-user": user.pk},
            **{"officer-INITIAL_FORMS": "1", "officer-TOTAL_FORMS": "1"},
        )
        assert answer.status_code == 302
        now = reload_user(user)
        assert (now.first_name, now.is_superuser) == ("Li", False)
        assert now.officer.role == user.officer.role


def test_who_may_only_change_people_gives_no_rights_and_does_not_touch_administrators(
    client: Client, administrator: User, home: Province
) -> None:
    clerk = make_user("clerk")
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user", "delete_user"]))
    User.objects.filter(pk=clerk.pk).update(is_staff=True)
    client.force_login(reload_user(clerk))
    editor = make_user("editor", "provincial_editor", home)
    answer = submit_user_form(client, editor, first_name="Li", is_superuser="on", **{"officer-0-role": "admin"})
    assert answer.status_code == 302
    now = reload_user(editor)
    assert (now.first_name, now.is_superuser, now.officer.role) == ("Li", False, "provincial_editor")
    assert client.post(user_page(administrator), {"username": "boss"}).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[administrator.pk])
    assert client.post(password, {"password1": "x" * 14, "password2": "x" * 14}).status_code == 403
    assert client.post(reverse("admin:auth_user_delete", args=[administrator.pk]), {"post": "yes"}).status_code == 403
    deactivate(administrator)  # an account that only waits to be activated again is one all the same
    assert client.post(user_page(administrator), {"username": "boss", "is_active": "on"}).status_code == 403


def test_the_last_active_administrator_stays(client: Client, administrator: User) -> None:
    gone = User.objects.create_superuser("gone", is_active=False)
    delete, yes = reverse("admin:auth_user_delete", args=[administrator.pk]), {"post": "yes"}
    told = "Nobody would be left who may do everything. Make another user an administrator first."
    for send in (lambda: submit_user_form(client, administrator, is_active=None), lambda: client.post(delete, yes)):
        page = client.get(send()["Location"])
        assert [str(message) for message in page.context["messages"]] == [told]
        assert reload_user(administrator).is_active
    assert not LogEntry.objects.exists()
    chosen = {"action": "delete_selected", "_selected_action": [administrator.pk, gone.pk], "post": "yes"}
    client.post(reverse("admin:auth_user_changelist"), chosen)
    assert set(User.objects.filter(username__in=["boss", "gone"])) == {administrator, gone}

    second = make_user("second", "admin")
    assert submit_user_form(client, administrator, is_active=None).status_code == 302
    assert lock_administrators() == [second.pk]


# -- their tokens, on the same page ------------------------------------------------------------------------


def test_the_page_of_a_person_shows_tokens_without_their_digests(
    client: Client, administrator: User, home: Province
) -> None:
    user = make_user("editor", "provincial_editor", home)
    token, secret = create_token(user=user, name="Monthly export", may_write=True)
    create_token(user=administrator, name="Not on this page")
    listed = reverse("admin:accounts_token_changelist")
    own = f"{listed}?user__id__exact={user.pk}"
    assert own in client.get(user_page(user)).text
    for address in (own, listed, token_page(token, "change")):
        text = client.get(address).text
        assert "Monthly export" in text, address
        assert token.prefix in text
        assert token.digest not in text
        assert secret not in text
        assert ("Not on this page" in text) is (address == listed)


def token_page(token: Token, name: str) -> str:
    return reverse(f"admin:accounts_token_{name}", args=[token.pk])


def test_an_administrator_revokes(client: Client, administrator: User, home: Province) -> None:
    user = make_user("editor", "provincial_editor", home)
    (token, secret), (second, other), (_kept, third) = (create_token(user=user, name=f"t{n}") for n in range(3))
    chosen = {"action": "revoke_selected", "_selected_action": [token.pk, second.pk]}
    client.post(reverse("admin:accounts_token_changelist"), chosen)
    assert [is_accepted(item) for item in (secret, other, third)] == [False, False, True]
    assert Token.objects.get(pk=token.pk).inactive_reason == "revoked"


def test_an_administrator_makes_a_token_for_somebody_and_sees_it_once(
    client: Client, administrator: User, home: Province
) -> None:
    user = make_user("editor", "provincial_editor", home)
    address = reverse("admin:auth_user_token", args=[user.pk])
    assert address in client.get(user_page(user)).text
    assert "A program with this token acts as editor" in client.get(address).text
    answer = client.post(address, {"name": "Nightly", "days": "5", "kind": "api", "may_write": "on"})
    (token,) = active_tokens(user)
    secret = answer.context["secret"]
    assert (token.name, token.may_write, is_accepted(secret)) == ("Nightly", True, True)
    assert answer.text.count(secret) == 1
    assert "no-store" in answer["Cache-Control"]
    assert secret not in "".join(client.get(there).text for there in (address, user_page(user)))
    entry = LogEntry.objects.get(object_id=str(user.pk))
    assert (entry.user, entry.change_message) == (administrator, "Made the token “Nightly”.")


def test_nobody_else_sees_revokes_or_makes_tokens_of_others(
    client: Client, administrator: User, home: Province
) -> None:
    """Neither a clerk who may change people nor an editor; and an administrator only revokes those that there are."""
    token, secret = create_token(user=administrator, name="Monthly export")
    clerk = make_user("clerk")
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user"]))
    User.objects.filter(pk=clerk.pk).update(is_staff=True)
    listed, sent = reverse("admin:accounts_token_changelist"), {"name": "x", "days": "5", "kind": "api"}
    chosen = {"action": "revoke_selected", "_selected_action": [token.pk]}
    for user in (reload_user(clerk), make_user("editor", "provincial_editor", home)):
        client.force_login(user)
        assert [client.get(address).status_code for address in (listed, token_page(token, "change"))] == [403, 403]
        assert client.post(listed, chosen).status_code == 403
        for key in (administrator.pk, user.pk, 10**6):  # 404 would tell who is there
            assert client.post(reverse("admin:auth_user_token", args=[key]), sent).status_code == 403
    client.force_login(administrator)
    deactivate(clerk)
    assert client.post(reverse("admin:auth_user_token", args=[clerk.pk]), sent).status_code == 404
    for address in (reverse("admin:accounts_token_add"), token_page(token, "change"), token_page(token, "delete")):
        assert client.post(address, {"name": "y", "post": "yes"}).status_code == 403
    assert (Token.objects.get().name, is_accepted(secret)) == ("Monthly export", True)
