"""Second factor: set up, asked for at the sign-in, required from editors up after the days of grace, and removed."""

import re
import socket
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.cache import caches
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import SignInRule, create_token
from core import caching
from policies.models import Agency
from tests import factories as make
from tests.support.api_client import ApiClient, client_with_token, make_user
from tests.support.sign_in import PASSWORD, age_session, can_sign_in, set_up_app, signed_in, totp_code

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
INDEX = "/account/second-factor/"
FEW = dict.fromkeys(("login", "failed_here", "reset_password", "reset_password_from_key"), "1/d/ip")
FEW |= {"login_failed": "1/d/key", "reauthenticate": "1/d/user", "change_password": "1/d/user"}
CODES = r"(?:\d{8} ){9}\d{8}"


@pytest.fixture
def no_grace(settings: Any) -> None:
    settings.MFA_GRACE_DAYS = 0


def password_step(name: str) -> Client:
    """Return a client that gave the right password and is asked for the second factor."""
    client = Client()
    sent = client.post("/sign-in/", {"username": name, "password": PASSWORD})
    assert sent["Location"] == "/sign-in/second-factor/"
    return client


def recovery_codes(client: Client) -> list[str]:
    found = re.search(CODES, client.get(f"{INDEX}codes/").text)
    assert found
    return found[0].split()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [entry.message for entry in caplog.records if entry.levelname == "WARNING"]


# -- set up, and asked for -------------------------------------------------------------------------------


def test_an_app_is_set_up_and_its_codes_are_asked_for() -> None:
    make_user("wang", "national_editor")
    here, elsewhere = signed_in("wang"), signed_in("wang")
    secret = set_up_app(here)
    assert (can_sign_in(here), can_sign_in(elsewhere)) == (True, False)  # the other session had no second factor
    client = password_step("wang")
    assert not can_sign_in(client)
    wrong = client.post("/sign-in/second-factor/", {"code": "000000"})
    assert wrong.context["form"].errors == {"code": ["Incorrect code."]}
    code = totp_code(secret)
    assert client.post("/sign-in/second-factor/", {"code": code})["Location"] == "/"
    assert can_sign_in(client)
    overheard = password_step("wang")
    assert overheard.post("/sign-in/second-factor/", {"code": code}).status_code == 200  # each code opens once
    assert not can_sign_in(overheard)
    assert overheard.post("/sign-in/second-factor/", {"code": totp_code(secret, 1)}).status_code == 302


def test_recovery_codes_are_shown_once_and_open_once(caplog: pytest.LogCaptureFixture) -> None:
    make_user("wang", "national_editor")
    client = signed_in("wang")
    set_up_app(client)
    codes = recovery_codes(client)
    assert len(set(codes)) == 10
    page = client.get(f"{INDEX}codes/").text
    assert not re.search(r"\d{8}", page)
    assert "10 codes are left" in page
    other = password_step("wang")
    assert other.post("/sign-in/second-factor/", {"code": codes[3]}).status_code == 302
    assert warnings(caplog) == ["recovery code used"]
    third = password_step("wang")
    assert third.post("/sign-in/second-factor/", {"code": codes[3]}).status_code == 200
    assert client.post(f"{INDEX}codes/new/")["Location"] == f"{INDEX}codes/"
    assert not set(recovery_codes(client)) & set(codes)
    assert third.post("/sign-in/second-factor/", {"code": codes[4]}).status_code == 200


def test_codes_are_not_guessed(settings: Any) -> None:
    """Counted for the account, wherever the attempts come from; others at the same address go on."""
    make_user("wang")
    make_user("li")
    secrets = {name: set_up_app(signed_in(name)) for name in ("wang", "li")}
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/d/key"}
    tries = [password_step("wang").post("/sign-in/second-factor/", {"code": "000000"}).text for _ in range(4)]
    assert ["Too many failed login attempts." in text for text in tries] == [False, False, False, True]
    refused = password_step("wang")
    assert refused.post("/sign-in/second-factor/", {"code": totp_code(secrets["wang"])}).status_code == 200
    assert not can_sign_in(refused)
    assert password_step("li").post("/sign-in/second-factor/", {"code": totp_code(secrets["li"])}).status_code == 302


def test_codes_open_once_while_the_cache_does_not_answer(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the sign-in and at the confirmation; an older code than the last one opens nothing either. No limit counts."""
    make_user("wang", "national_editor")
    secret = set_up_app(signed_in("wang"))
    monkeypatch.setitem(caching.PAUSED, "until", 0.0)
    with socket.socket() as silent:  # bound, and not listening: refused at once
        silent.bind(("127.0.0.1", 0))
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        settings.CACHES = {"default": {"BACKEND": "core.caching.ForgivingRedisCache", "LOCATION": address}}
        settings.ACCOUNT_RATE_LIMITS = FEW
        assert caches["default"].get("x", "away") == "away"
        code, client = totp_code(secret), password_step("wang")
        assert client.post("/sign-in/second-factor/", {"code": code})["Location"] == "/"
        assert can_sign_in(client)
        for old in (code, totp_code(secret, -1)):
            assert password_step("wang").post("/sign-in/second-factor/", {"code": old}).status_code == 200
        age_session(client, 11)
        assert client.post("/account/confirm/code/?next=/tokens/", {"code": code}).status_code == 200
        later = totp_code(secret, 1)
        assert client.post("/account/confirm/code/?next=/tokens/", {"code": later})["Location"] == "/tokens/"
        assert password_step("wang").post("/sign-in/second-factor/", {"code": later}).status_code == 200


def test_secrets_are_stored_encrypted(settings: Any) -> None:
    make_user("wang")
    client = signed_in("wang")
    secret = set_up_app(client)
    codes = recovery_codes(client)
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert not [text for text in (secret, *codes) if text in kept]
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key " * 6
    assert password_step("wang").post("/sign-in/second-factor/", {"code": totp_code(secret)}).status_code == 302
    settings.SECRET_KEY_FALLBACKS = []
    lost = password_step("wang")
    sent = [
        lost.post("/sign-in/second-factor/", {"code": code}).status_code for code in (totp_code(secret, 1), codes[0])
    ]
    assert sent == [200, 200]


# -- required from editors up ----------------------------------------------------------------------------

CASES = [  # role, days of grace, days since it began, whether a factor is set up: days left, None for none needed
    *(("", 30, 400, False, None), ("viewer", 0, 400, False, None)),
    *(("provincial_editor", 30, 0, False, 30), ("provincial_editor", 30, 29, False, 1)),
    *(("provincial_editor", 30, 30, False, 0), ("national_editor", 30, 31, False, 0)),
    *(("admin", 0, 0, False, 0), ("admin", 30, 12, False, 18), ("superuser", 30, 30, False, 0)),
    *(("superuser", 31, 30, False, 1), ("admin", 0, 400, True, None), ("national_editor", 30, 400, True, None)),
]


@pytest.mark.parametrize(("role", "grace", "since", "has_factor", "left"), CASES)
def test_who_needs_a_second_factor(
    settings: Any, role: str, grace: int, since: int, has_factor: bool, left: int | None
) -> None:
    province = make.province() if role == "provincial_editor" else None
    user = make_user("wang", "" if role == "superuser" else role, province)
    secret = set_up_app(signed_in("wang")) if has_factor else ""
    settings.MFA_GRACE_DAYS = grace
    begun = timezone.now() - timedelta(days=since)
    SignInRule.objects.filter(user=user).update(grace_from=timezone.localdate(begun))
    User.objects.filter(pk=user.pk).update(date_joined=begun, is_superuser=role == "superuser")
    client = password_step("wang") if secret else signed_in("wang")
    if secret:
        client.post("/sign-in/second-factor/", {"code": totp_code(secret)})
    page = client.get("/account/")
    assert (page.status_code, page.get("Location")) == ((302, INDEX) if left == 0 else (200, None))
    text = client.get(INDEX).text if left == 0 else page.text
    notice = {None: "", 0: "Your account needs a second factor now.", 1: "1 day is left"}.get(
        left, f"{left} days are left"
    )
    assert notice in text
    assert bool(notice) is bool(re.search(r"is left to|are left to|factor now", text))


@pytest.mark.usefixtures("no_grace")
def test_a_session_without_the_factor_opens_nothing_else(client: Client) -> None:
    """Whatever way it was opened, and whatever it asks for; a token of the same user goes on reading."""
    user = make_user("boss", "admin")
    agency = Agency.objects.create(slug="agency", name_en="First", name_zh="甲")
    client.force_login(user)
    pages = [
        "/",
        "/pilots/",
        "/tokens/",
        "/account/",
        "/account/sessions/",
        "/admin/",
        "/admin/auth/user/add/",
        "/nothing/",
    ]
    assert {address: client.get(address).get("Location") for address in pages} == dict.fromkeys(pages, INDEX)
    change = reverse("admin:policies_agency_change", args=[agency.pk])
    assert client.post(change, {"name_en": "Second"})["Location"] == INDEX
    assert client.post("/tokens/", {"name": "new", "days": "5"})["Location"] == INDEX
    answers = [client.get("/api/v1/pilots/"), client.post("/api/v1/agencies/", {}, content_type="application/json")]
    assert [(answer.status_code, answer["Content-Type"]) for answer in answers] == [
        (403, "application/problem+json")
    ] * 2
    assert client_with_token(user).send("GET", "/api/v1/pilots/").status_code == 200
    agency.refresh_from_db()
    assert (agency.name_en, user.tokens.count()) == ("First", 1)
    assert [client.get(INDEX + page).status_code for page in ("", "app/", "passkey/")] == [200, 200, 200]
    secret = set_up_app(client)
    assert client.get("/admin/auth/user/").status_code == 200
    later = Client()
    later.force_login(user)  # a session that was not asked for the factor that exists
    assert later.get("/admin/auth/user/")["Location"] == "/account/confirm/code/?next=%2Fadmin%2Fauth%2Fuser%2F"
    assert later.post("/account/confirm/code/?next=/admin/auth/user/", {"code": totp_code(secret)}).status_code == 302
    assert later.get("/admin/auth/user/").status_code == 200
    client.post("/sign-out/")
    assert client.get("/account/")["Location"].startswith("/sign-in/")


def test_a_token_writes_no_more_once_the_days_of_grace_are_over(settings: Any) -> None:
    """Until its owner has a factor, here or at the provider; it reads on. A viewer needs none."""
    user, viewer = make_user("wang", "national_editor"), make_user("li", "viewer")
    program, reader, only_reads = (
        client_with_token(user),
        client_with_token(viewer),
        ApiClient(create_token(user=user, name="r")[1]),
    )
    body = {"name_zh": "甲", "slug": "first"}

    def codes() -> list[int]:
        return [
            program.send("PATCH", "/api/v1/agencies/first/", {"note": "Seen"}, if_match="*").status_code,
            program.send("GET", "/api/v1/agencies/first/").status_code,
        ]

    assert program.send("POST", "/api/v1/agencies/", body).status_code == 201
    assert codes() == [200, 200]
    settings.MFA_GRACE_DAYS = 0
    text = (
        "The owner of this token needs a second factor and has none: until it is set up at "
        "http://testserver/account/second-factor/ the token only reads."
    )
    refused = program.send("POST", "/api/v1/agencies/", {"name_zh": "乙", "slug": "second"})
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
    assert (refused.json()["detail"], refused.json()["errors"]) == (
        text,
        [{"pointer": "", "code": "second_factor_missing", "message": text}],
    )
    assert codes() == [403, 200]
    told = [one.send("POST", "/api/v1/agencies/", body).json()["detail"] for one in (reader, only_reads)]
    assert told == [
        "You have no right to do this. Ask an administrator for the role you need.",
        "This token only reads. Make one that may write.",
    ]
    account = SocialAccount.objects.create(
        user=user, provider="sso", uid="7", extra_data={"id_token": {"amr": ["pwd"]}}
    )
    assert codes() == [403, 200]
    account.extra_data = {"id_token": {"amr": ["pwd", "mfa"]}}
    account.save()
    assert codes() == [200, 200]
    account.delete()
    set_up_app(signed_in("wang"))
    assert codes() == [200, 200]
    assert list(Agency.objects.values_list("slug", flat=True)) == ["first"]


def test_grace_begins_with_the_first_role_of_an_editor_alone() -> None:
    user = make_user("wang", "viewer")
    assert not SignInRule.objects.filter(user=user).exists()
    user.officer.role = "national_editor"
    user.officer.save()
    long_ago = timezone.localdate() - timedelta(days=40)
    SignInRule.objects.filter(user=user).update(grace_from=long_ago)
    for role in ("viewer", "national_editor"):  # no new days by changing to and fro
        user.officer.role = role
        user.officer.save()
    assert SignInRule.objects.get(user=user).grace_from == long_ago


def test_the_last_factor_stays_where_it_is_required(settings: Any) -> None:
    make_user("wang", "national_editor")
    client = signed_in("wang")
    set_up_app(client)
    settings.MFA_GRACE_DAYS = 0
    page = client.post(f"{INDEX}app/remove/")
    assert "You cannot deactivate two-factor authentication." in page.text
    assert Authenticator.objects.filter(type="totp").count() == 1
    settings.MFA_GRACE_DAYS = 30
    assert client.post(f"{INDEX}app/remove/")["Location"] == INDEX
    assert Authenticator.objects.count() == 0  # the recovery codes go with it


# -- lost: an administrator removes it -------------------------------------------------------------------


def test_an_administrator_removes_a_lost_factor(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    boss, user = make_user("boss", "admin"), make_user("wang", "national_editor")
    theirs = signed_in("wang")
    set_up_app(theirs)
    address = reverse("admin:auth_user_factor", args=[user.pk])
    client.force_login(boss)
    assert address in client.get(reverse("admin:auth_user_change", args=[user.pk])).text
    assert client.get(address).status_code == 200
    assert Authenticator.objects.count() == 2
    assert client.post(address).status_code == 302
    [line] = [entry for entry in caplog.records if entry.levelname == "WARNING"]
    assert (line.message, line.user, line.by) == ("second factor removed", user.pk, boss.pk)  # type: ignore[attr-defined]
    [entry] = LogEntry.objects.all()
    assert (entry.user, entry.object_id, entry.change_message) == (boss, str(user.pk), "Removed the second factor.")
    assert (Authenticator.objects.count(), can_sign_in(theirs)) == (0, False)
    assert can_sign_in(signed_in("wang"))  # by the password alone, until a new one is set up
    assert address not in client.get(reverse("admin:auth_user_change", args=[user.pk])).text
    assert "has no second factor" in client.get(address).text


def test_nobody_else_removes_a_factor(client: Client) -> None:
    users = {role: make_user(role, role) for role in ("viewer", "national_editor", "admin")}
    target = make_user("wang")
    set_up_app(signed_in("wang"))
    address = reverse("admin:auth_user_factor", args=[target.pk])
    codes = {}
    for role in ("viewer", "national_editor"):
        client.force_login(users[role])
        codes[role] = client.post(address).status_code
    client.force_login(users["admin"])
    codes["own"] = client.post(reverse("admin:auth_user_factor", args=[users["admin"].pk])).status_code
    assert codes == {"viewer": 302, "national_editor": 403, "own": 403}
    assert Authenticator.objects.count() == 2


def test_the_command_removes_a_factor_when_no_administrator_is_left() -> None:
    user = make_user("boss", "admin")
    client = signed_in("boss")
    set_up_app(client)
    out = StringIO()
    call_command("remove_second_factor", "boss", stdout=out)
    assert out.getvalue() == "boss has no second factor any more, and is signed out everywhere.\n"
    assert (Authenticator.objects.count(), can_sign_in(client)) == (0, False)
    assert LogEntry.objects.get().object_id == str(user.pk)
    for name in ("boss", "nobody"):
        with pytest.raises(CommandError):
            call_command("remove_second_factor", name)
