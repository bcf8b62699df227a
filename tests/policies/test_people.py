"""Who may do what, and to whose records; and where administrators give and take it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.models import Token, standing_of
from config.tokens import in_force, make_token
from pilots.access import EDITOR, every_permission
from policies.admin.people import keep_one
from policies.models import (
    Import,
    Officer,
    Province,
    Role,
    administrators,
    home_of,
    is_administrator,
    reaches,
)
from tests.admin_forms import filled, problems
from tests.factories import (
    make_batch,
    make_indicator,
    make_milestone,
    make_pilot,
    make_plan,
    make_policy,
    make_province,
    make_source,
    make_target,
)
from tests.writing import Program, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
API = "/api/v1/"


@pytest.fixture
def home() -> Province:
    return make_province(slug="home", name_en="Home")


@pytest.fixture
def away() -> Province:
    return make_province(slug="away", name_en="Away")


def again(user: User) -> Any:
    """The person as the next request sees them."""
    return User.objects.get(pk=user.pk)


# -- what a role may ---------------------------------------------------------------------------------------


def test_a_role_has_its_permissions_and_no_others(home: Province) -> None:
    views = {name for name in every_permission() if name.startswith(("policies.view_", "pilots.view_"))}
    editor = views - {"policies.view_officer"} | EDITOR
    records = {name for name in every_permission() if name.startswith(("policies.", "pilots."))}
    national = {name for name in records if not name.endswith("_officer")}
    wanted = {
        "viewer": set(),
        "provincial_editor": editor,
        "national_editor": national,
        "admin": set(every_permission()),
    }
    for role, names in wanted.items():
        user = person(role, role, home if role == "provincial_editor" else None)
        assert user.get_all_permissions() == names, role
    assert person("none").get_all_permissions() == set()
    assert {"auth.change_user", "config.view_token", "policies.undo_import", "pilots.accept_reading"} <= wanted["admin"]
    assert not any(name.startswith(("auth.", "config.")) for name in editor)
    assert {"policies.undo_import", "pilots.accept_reading", "pilots.place_pilot", "policies.delete_policy"} <= national


def test_an_editor_changes_what_belongs_to_the_province(home: Province, away: Province) -> None:
    editor, policy = person("editor", "provincial_editor", home), make_policy()
    batch, indicator = make_batch(), make_indicator("SO2")
    for place, may in ((home, True), (away, False)):
        pilot = make_pilot(batch, place)
        target = make_target(pilot, indicator, 9, 8)
        step = target.steps.create(year=2025, value=8)
        found = {
            "policies.change_provincialplan": make_plan(policy, place),
            "policies.change_policy": make_policy(level="provincial", province=place),
            "pilots.change_pilot": pilot,
            "pilots.change_milestone": make_milestone(pilot, timezone.localdate()),
            "pilots.change_target": target,
            "pilots.add_targetstep": step,
        }
        assert {name: editor.has_perm(name, record) for name, record in found.items()} == dict.fromkeys(found, may)
    assert not editor.has_perm("policies.change_policy", policy)  # a national one
    assert not editor.has_perm("policies.change_province", home)  # no right to it at all
    assert not editor.has_perm("pilots.place_pilot", pilot)
    assert editor.has_perm("policies.add_source", make_source())
    assert not editor.has_perm("policies.change_source", make_source())


def test_rights_of_one_s_own_end_at_the_province_too(home: Province, away: Province) -> None:
    group = Group.objects.create(name="Deleters")
    group.permissions.add(Permission.objects.get(codename="delete_provincialplan"))
    editor, policy = person("editor", "provincial_editor", home), make_policy()
    editor.groups.add(group)
    free = person("free")
    free.groups.add(group)
    plans = [make_plan(policy, home), make_plan(policy, away)]
    assert [editor.has_perm("policies.delete_provincialplan", plan) for plan in plans] == [True, False]
    assert [free.has_perm("policies.delete_provincialplan", plan) for plan in plans] == [True, True]


def test_whoever_is_deactivated_may_nothing(home: Province) -> None:
    plan = make_plan(make_policy(), home)
    for role, place in (("admin", None), ("provincial_editor", home)):
        user = person(role, role, place)
        user.is_active = False
        assert (user.get_all_permissions(), user.has_perm("policies.change_provincialplan", plan)) == (set(), False)


def test_an_import_is_its_uploader_s(home: Province) -> None:
    editor, other = person("editor", "provincial_editor", home), person("other", "provincial_editor", home)
    every = [Import.objects.create(kind="plans", state="checked", uploaded_by=by) for by in (editor, other, None)]
    own, foreign, nobodys = every
    assert [reaches(editor, record) for record in (own, foreign, nobodys)] == [True, False, False]
    boss = person("admin", "admin")
    assert all(reaches(boss, record) for record in (own, foreign, nobodys))
    root = User.objects.create_superuser("root")
    Officer.objects.create(user=root, role=Role.PROVINCIAL_EDITOR, province=home)
    assert (reaches(root, foreign), home_of(root), home_of(editor)) == (True, None, home)


def test_a_province_goes_with_an_editor_and_with_nobody_else(home: Province) -> None:
    user = person("somebody")
    for role, place in ((Role.PROVINCIAL_EDITOR, None), (Role.ADMIN, home), (Role.VIEWER, home)):
        officer = Officer(user=user, role=role, province=place)
        with pytest.raises(ValidationError, match="A provincial editor has a province, nobody else has one"):
            officer.full_clean()
        with pytest.raises(IntegrityError), transaction.atomic():
            officer.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        Officer.objects.create(user=user, role="reviewer")


def test_who_edits_gets_into_the_admin_and_who_reads_does_not(home: Province) -> None:
    user = person("editor", "provincial_editor", home)
    assert again(user).is_staff
    user.officer.role, user.officer.province = Role.VIEWER, None
    user.officer.save()
    assert not again(user).is_staff
    root = User.objects.create_superuser("root")
    Officer.objects.create(user=root, role=Role.VIEWER)
    assert again(root).is_staff


# -- a token ends with the rights that it was made under ----------------------------------------------------


def opens(secret: str) -> bool:
    """Whether a program with the token gets in."""
    status = Program(secret).send("GET", f"{API}provinces/").status_code
    assert status in {200, 401}
    return bool(status == 200)


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
    user, bystander = person("editor", "provincial_editor", home), person("other", "provincial_editor", home)
    (token, secret), (_kept, other) = (make_token(user=someone, name="x") for someone in (user, bystander))
    assert opens(secret)
    change(again(user))
    token = Token.objects.get(pk=token.pk)
    assert (token.ended, token.revoked_at is not None) == (why, True)
    assert not opens(secret)
    assert opens(other)


def test_another_province_is_another_role(home: Province, away: Province) -> None:
    user = person("editor", "provincial_editor", home)
    _token, secret = make_token(user=user, name="x")
    user.officer.province = away
    user.officer.save()
    assert not opens(secret)
    user.officer.province = home
    user.officer.save()
    assert not opens(secret)


def test_a_sign_in_and_a_new_name_end_nothing(home: Province) -> None:
    user = person("editor", "provincial_editor", home)
    _token, secret = make_token(user=user, name="x")
    Client().force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    user.first_name = "Li"
    user.save()
    user.officer.save()
    assert opens(secret)


@pytest.mark.parametrize("part", ["role", "active"])
def test_what_was_changed_past_the_models_ends_when_first_seen_and_stays_ended(
    home: Province, away: Province, part: str
) -> None:
    user = person("editor", "provincial_editor", home)
    token, secret = make_token(user=user, name="x")

    def change(place: Province, active: bool) -> None:
        Officer.objects.filter(user=user).update(province=place)
        User.objects.filter(pk=user.pk).update(is_active=active)

    change(away if part == "role" else home, part == "role")
    assert not opens(secret)
    change(home, True)
    assert standing_of(again(user)) == token.standing
    assert not opens(secret)
    ended = {"role": "its owner’s role changed", "active": "its owner was deactivated"}
    assert Token.objects.get(pk=token.pk).ended == ended[part]


def test_what_had_ended_before_keeps_its_reason(home: Province) -> None:
    user = person("editor", "provincial_editor", home)
    token, _secret = make_token(user=user, name="x")
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    deactivate(user)
    assert Token.objects.get(pk=token.pk).ended == "expired"


# -- the page of a person ----------------------------------------------------------------------------------


@pytest.fixture
def boss(client: Client) -> User:
    """An administrator by role, signed in as `client`."""
    user = person("boss", "admin")
    client.force_login(user)
    return user


def page(user: User) -> str:
    return reverse("admin:auth_user_change", args=[user.pk])


def change(client: Client, user: User, **values: Any) -> Any:
    joined = timezone.localtime(user.date_joined)
    two = {"date_joined_0": f"{joined:%Y-%m-%d}", "date_joined_1": f"{joined:%H:%M:%S}"}  # one field, two boxes
    return client.post(page(user), filled(client.get(page(user)), **two, **values))


def test_an_administrator_gives_a_role_and_the_tokens_end(client: Client, boss: User, home: Province) -> None:
    user = person("li")
    _token, secret = make_token(user=user, name="x")
    answer = change(client, user, **{"officer-0-role": "provincial_editor", "officer-0-province": home.pk})
    assert answer.status_code == 302
    officer = Officer.objects.get(user=user)
    assert (officer.role, officer.province, again(user).is_staff) == ("provincial_editor", home, True)
    assert not opens(secret)


def test_an_editor_without_a_province_is_a_fault_of_the_field(client: Client, boss: User) -> None:
    answer = change(client, person("li"), **{"officer-0-role": "provincial_editor"})
    assert answer.status_code == 200
    (form,) = answer.context["inline_admin_formsets"][0].formset.forms
    assert form.errors == {"province": ["A provincial editor has a province, nobody else has one."]}
    assert not Officer.objects.filter(user__username="li").exists()


def test_unchecking_active_ends_the_tokens(client: Client, boss: User, home: Province) -> None:
    user = person("editor", "provincial_editor", home)
    _token, secret = make_token(user=user, name="x")
    assert change(client, user, is_active=None).status_code == 302
    assert (again(user).is_active, opens(secret)) == (False, False)
    assert change(client, user, is_active="on").status_code == 302
    assert (again(user).is_active, opens(secret)) == (True, False)


def test_nobody_gives_rights_to_themselves(client: Client, boss: User) -> None:
    """Neither as administrator, nor as somebody who may change people."""
    clerk = person("clerk")
    clerk.is_staff = True
    clerk.save()
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user", "change_officer"]))
    Officer.objects.create(user=clerk, role=Role.VIEWER)
    User.objects.filter(pk=clerk.pk).update(is_staff=True)
    for user in (boss, clerk):
        client.force_login(user)
        answer = change(
            client,
            user,
            first_name="Li",
            is_superuser="on",
            is_staff="on",
            **{"officer-0-role": "admin", "officer-0-id": user.officer.pk, "officer-0-user": user.pk},
            **{"officer-INITIAL_FORMS": "1", "officer-TOTAL_FORMS": "1"},
        )
        assert answer.status_code == 302
        now = again(user)
        assert (now.first_name, now.is_superuser) == ("Li", False)
        assert now.officer.role == user.officer.role


def test_who_may_only_change_people_gives_no_rights_and_does_not_touch_administrators(
    client: Client, boss: User, home: Province
) -> None:
    clerk = person("clerk")
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user", "delete_user"]))
    User.objects.filter(pk=clerk.pk).update(is_staff=True)
    client.force_login(again(clerk))
    editor = person("editor", "provincial_editor", home)
    answer = change(client, editor, first_name="Li", is_superuser="on", **{"officer-0-role": "admin"})
    assert answer.status_code == 302
    now = again(editor)
    assert (now.first_name, now.is_superuser, now.officer.role) == ("Li", False, "provincial_editor")
    assert client.post(page(boss), {"username": "boss"}).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[boss.pk])
    assert client.post(password, {"password1": "x" * 14, "password2": "x" * 14}).status_code == 403
    assert client.post(reverse("admin:auth_user_delete", args=[boss.pk]), {"post": "yes"}).status_code == 403
    deactivate(boss)  # an account that only waits to be activated again is one all the same
    assert client.post(page(boss), {"username": "boss", "is_active": "on"}).status_code == 403


def test_the_last_active_administrator_stays(client: Client, boss: User) -> None:
    gone = User.objects.create_superuser("gone", is_active=False)
    assert problems(change(client, boss, is_active=None)) == {
        "is_active": ["Nobody would be left who may do everything. Make somebody else an administrator first."]
    }
    assert again(boss).is_active
    delete = reverse("admin:auth_user_delete", args=[boss.pk])
    assert "Nobody would be left who may do everything." in client.get(delete).text
    client.post(delete, {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [boss.pk, gone.pk], "post": "yes"}
    client.post(reverse("admin:auth_user_changelist"), chosen)
    assert set(User.objects.filter(username__in=["boss", "gone"])) == {boss, gone}

    second = person("second", "admin")
    assert change(client, boss, is_active=None).status_code == 302
    assert [*administrators()] == [second]


def test_all_administrators_at_once_are_not_deleted_either(client: Client, boss: User) -> None:
    second = person("second", "admin")
    chosen = {"action": "delete_selected", "_selected_action": [boss.pk, second.pk], "post": "yes"}
    client.post(reverse("admin:auth_user_changelist"), chosen)
    assert administrators().count() == 2
    client.post(reverse("admin:auth_user_changelist"), chosen | {"_selected_action": [second.pk]})
    assert [*administrators()] == [boss]


def test_two_administrators_do_not_let_each_other_go() -> None:
    """The second to save finds nobody else left, whatever the page had shown."""
    boss = person("boss", "admin")
    with pytest.raises(ValidationError) as refused:
        keep_one(boss, stays=False)
    assert refused.value.code == "last_administrator"
    keep_one(boss, stays=True)
    keep_one(person("viewer"), stays=False)
    root = User.objects.create_superuser("root")
    keep_one(boss, stays=False)
    assert (is_administrator(boss), is_administrator(root), is_administrator(person("li"))) == (True, True, False)


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_says_who_is_what(
    client: Client, boss: User, home: Province, django_assert_num_queries: Any, count: int
) -> None:
    person("reader")
    for n in range(count):
        person(f"editor-{n}", "provincial_editor", home)
    address = reverse("admin:auth_user_changelist")
    with django_assert_num_queries(10):  # session, person, rights (2), role; provinces and groups; counts (2), rows
        text = client.get(address).text
    for word in ("Home", "provincial editor", "administrator", "viewer"):
        assert word in text


# -- their tokens, on the same page ------------------------------------------------------------------------


def test_the_page_of_a_person_shows_tokens_without_their_digests(client: Client, boss: User, home: Province) -> None:
    user = person("editor", "provincial_editor", home)
    token, secret = make_token(user=user, name="Monthly export", may_write=True)
    make_token(user=boss, name="Not on this page")
    for address in (page(user), reverse("admin:config_token_changelist"), token_page(token, "change")):
        text = client.get(address).text
        assert "Monthly export" in text, address
        assert token.start in text
        assert token.digest not in text
        assert secret not in text
        assert ("Not on this page" in text) is ("changelist" in address or address.endswith("/token/"))


def token_page(token: Token, name: str) -> str:
    return reverse(f"admin:config_token_{name}", args=[token.pk])


def test_tokens_are_neither_added_changed_nor_deleted_in_the_admin(client: Client, boss: User) -> None:
    token, secret = make_token(user=boss, name="x")
    assert client.get(reverse("admin:config_token_add")).status_code == 403
    assert client.post(token_page(token, "change"), {"name": "y"}).status_code == 403
    assert client.post(token_page(token, "delete"), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [token.pk], "post": "yes"}
    client.post(reverse("admin:config_token_changelist"), chosen)
    assert (Token.objects.get().name, opens(secret)) == ("x", True)


def test_an_administrator_revokes(client: Client, boss: User, home: Province) -> None:
    user = person("editor", "provincial_editor", home)
    (token, secret), (second, other), (_kept, third) = (make_token(user=user, name=f"t{n}") for n in range(3))
    assert "From the next request on it opens nothing" in client.get(token_page(token, "revoke")).text
    assert opens(secret)  # asking ends nothing
    assert client.post(token_page(token, "revoke")).url == page(user)
    chosen = {"action": "revoke_selected", "_selected_action": [second.pk]}
    client.post(reverse("admin:config_token_changelist"), chosen)
    assert [opens(item) for item in (secret, other, third)] == [False, False, True]
    assert Token.objects.get(pk=token.pk).ended == "revoked"


def test_others_neither_see_nor_revoke_them(client: Client, home: Province) -> None:
    token, secret = make_token(user=person("boss", "admin"), name="Monthly export")
    client.force_login(person("editor", "provincial_editor", home))
    for address in (reverse("admin:config_token_changelist"), token_page(token, "change"), token_page(token, "revoke")):
        assert client.get(address).status_code == 403
    assert client.post(token_page(token, "revoke")).status_code == 403
    assert opens(secret)
    assert "/admin/config/" not in client.get("/admin/").text


def test_the_house_s_own_books_are_not_in_the_admin(client: Client, boss: User) -> None:
    text = client.get("/admin/").text
    assert "/admin/config/token/" in text
    for name in ("config/keptanswer", "config/change", "policies/officer", "policies/import/"):
        assert f"/admin/{name}" not in text
        assert client.get(f"/admin/{name.rstrip('/')}/").status_code == 404


def test_an_administrator_makes_a_token_for_somebody_and_sees_it_once(
    client: Client, boss: User, home: Province
) -> None:
    user = person("editor", "provincial_editor", home)
    address = reverse("admin:auth_user_token", args=[user.pk])
    assert address in client.get(page(user)).text
    assert "A program with this token acts as editor" in client.get(address).text
    answer = client.post(address, {"name": "Nightly", "days": "5", "may_write": "on"})
    (token,) = in_force(user)
    secret = answer.context["secret"]
    assert (token.name, token.may_write, opens(secret)) == ("Nightly", True, True)
    assert answer.text.count(secret) == 1
    assert "no-store" in answer["Cache-Control"]
    assert secret not in "".join(client.get(there).text for there in (address, page(user)))
    entry = LogEntry.objects.get(object_id=str(user.pk))
    assert (entry.user, entry.change_message) == (boss, "Made the token “Nightly”.")


def test_nobody_else_makes_a_token_for_somebody(client: Client, boss: User, home: Province) -> None:
    clerk = person("clerk")
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user"]))
    User.objects.filter(pk=clerk.pk).update(is_staff=True)
    for user in (again(clerk), person("editor", "provincial_editor", home)):
        client.force_login(user)
        for key in (boss.pk, user.pk, 10**6):  # 404 would tell who is there
            address = reverse("admin:auth_user_token", args=[key])
            assert client.post(address, {"name": "x", "days": "5"}).status_code == 403
    client.force_login(boss)
    deactivate(clerk)
    address = reverse("admin:auth_user_token", args=[clerk.pk])
    assert client.post(address, {"name": "x", "days": "5"}).status_code == 404
    assert not Token.objects.exists()
