"""Confirmation of who is there: before people, roles, tokens and restored records, ten minutes after signing in."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import NoReverseMatch, URLResolver, reverse
from django.urls.resolvers import RegexPattern

from accounts.models import Token
from policies.models import Agency
from tests.support.api_client import make_user
from tests.support.sign_in import PASSWORD, age_session, set_up_app, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
TOKEN = {"name": "nightly", "days": "5"}


@pytest.fixture
def boss() -> Client:
    make_user("boss", "admin")
    return signed_in("boss")


def asked(client: Client, method: str, address: str, sent: dict[str, str] | None = None) -> bool:
    """Return whether the request is answered by the question who is there."""
    answer = getattr(client, method)(address, sent or {})
    return answer.status_code == 302 and answer["Location"].startswith("/account/confirm/?next=%2F")


def test_what_is_sensitive_asks_ten_minutes_after_signing_in(boss: Client) -> None:
    user = make_user("wang")
    sensitive = [
        *(("get", reverse(f"admin:auth_user_{page}", args=[user.pk])) for page in ("change", "delete", "token")),
        ("get", reverse("admin:auth_user_link", args=[user.pk])),
        ("get", reverse("admin:auth_user_password_change", args=[user.pk])),
        ("get", reverse("admin:auth_user_add")),
        ("post", reverse("admin:auth_user_changelist")),
        ("post", reverse("admin:accounts_token_changelist")),
        ("post", "/tokens/"),
    ]
    free = [reverse("admin:auth_user_changelist"), reverse("admin:accounts_token_changelist"), "/tokens/", "/account/"]
    age_session(boss, 9)
    assert [address for method, address in sensitive if asked(boss, method, address)] == []
    age_session(boss, 2)
    assert [address for method, address in sensitive if not asked(boss, method, address)] == []
    assert [boss.get(address).status_code for address in free] == [200] * len(free)


def test_the_stopped_request_goes_on_after_the_password(boss: Client) -> None:
    """What was typed is not lost, and is done once."""
    age_session(boss, 11)
    page = boss.post("/tokens/", TOKEN, follow=True)
    assert page.request["PATH_INFO"] == "/account/confirm/"
    assert Token.objects.count() == 0
    wrong = boss.post("/account/confirm/?next=/tokens/", {"password": "wrong"})
    assert wrong.context["form"].errors == {"password": ["Incorrect password."]}
    done = boss.post("/account/confirm/?next=/tokens/", {"password": PASSWORD})
    assert "spt_" in done.text
    assert [token.name for token in Token.objects.all()] == ["nightly"]
    assert "spt_" in boss.post("/tokens/", {**TOKEN, "name": "weekly"}).text  # for the next ten minutes


def test_a_record_is_restored_after_the_password(boss: Client) -> None:
    agency = Agency.objects.create(slug="agency", name_en="First", name_zh="甲")
    agency.name_en = "Second"
    agency.save()
    first = agency.history.earliest()
    address = reverse("admin:policies_agency_simple_history", args=[agency.pk, first.pk])
    age_session(boss, 11)
    shown = boss.get(address)
    assert shown.status_code == 200
    sent = {"version": str(agency.history.latest().pk), "change_reason": "It was right"}
    assert asked(boss, "post", address, sent)
    agency.refresh_from_db()
    assert agency.name_en == "Second"
    assert boss.post(f"/account/confirm/?next={address}", {"password": PASSWORD}).status_code == 302
    agency.refresh_from_db()
    assert agency.name_en == "First"


def test_wrong_passwords_are_counted_like_those_of_the_sign_in(boss: Client, settings: Any) -> None:
    codes = [boss.post("/account/confirm/", {"password": "wrong"}).status_code for _try in range(6)]
    assert codes == [200, 200, 200, 200, 429, 429]
    make_user("li", "admin")
    other = signed_in("li")
    settings.ACCOUNT_RATE_LIMITS = {"reauthenticate": "2/d/user"}
    assert [other.post("/account/confirm/", {"password": "wrong"}).status_code for _try in range(3)] == [200, 200, 429]


def test_nobody_is_led_to_another_site(boss: Client) -> None:
    age_session(boss, 11)
    done = boss.post("/account/confirm/?next=https://evil.example/", {"password": PASSWORD})
    assert done["Location"] == "/"


def test_the_admin_has_no_sign_in_of_its_own(client: Client, boss: Client) -> None:
    assert client.get("/admin/auth/user/", follow=True).redirect_chain == [
        ("/admin/login/?next=/admin/auth/user/", 302),
        ("/sign-in/?next=%2Fadmin%2Fauth%2Fuser%2F", 302),
    ]
    User.objects.get(username="boss")
    sent = {"username": "boss", "password": PASSWORD}
    assert client.post("/admin/login/", sent)["Location"] == "/sign-in/?next=%2Fadmin%2Flogin%2F"
    assert client.post("/sign-in/?next=/admin/auth/user/", sent)["Location"] == "/admin/auth/user/"
    assert boss.get("/admin/login/")["Location"] == "/admin/"


OFFERED = {  # allauth's routes, and our addresses of them
    "account_login": "/sign-in/",
    "account_logout": "/sign-out/",
    "account_reauthenticate": "/account/confirm/",
    "account_change_password": "/account/password/",
    "account_set_password": "/account/",
    "account_reset_password": "/account/forgotten/",
    "account_reset_password_done": "/account/forgotten/sent/",
    "account_reset_password_from_key": "/account/new-password/7/7/",
    "account_reset_password_from_key_done": "/sign-in/",
    "mfa_index": "/account/second-factor/",
    "mfa_authenticate": "/sign-in/second-factor/",
    "mfa_reauthenticate": "/account/confirm/code/",
    "mfa_activate_totp": "/account/second-factor/app/",
    "mfa_deactivate_totp": "/account/second-factor/app/remove/",
    "mfa_view_recovery_codes": "/account/second-factor/codes/",
    "mfa_generate_recovery_codes": "/account/second-factor/codes/new/",
    "mfa_list_webauthn": "/account/second-factor/",
    "mfa_add_webauthn": "/account/second-factor/passkey/",
    "mfa_reauthenticate_webauthn": "/account/confirm/passkey/",
    "mfa_remove_webauthn": "/account/second-factor/passkey/7/remove/",
    "socialaccount_connections": "/account/linked/",
    "openid_connect_login": "/sign-in/sso/",
    "openid_connect_callback": "/sign-in/sso/callback/",
    "usersessions_list": "/account/sessions/",
}
NOT_OFFERED = {
    *("account_inactive", "account_signup", "account_email", "account_email_verification_sent"),
    *("account_confirm_email", "account_confirm_login_code"),
    *("account_request_reauthentication_code", "account_confirm_reauthentication_code"),
    *("mfa_download_recovery_codes", "mfa_edit_webauthn"),
    *("socialaccount_signup", "socialaccount_login_cancelled", "socialaccount_login_error"),
}


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the name and an address of each route; those of the same name as its successor have None."""
    for entry in resolver.url_patterns:
        address = prefix + re.sub(r"\(\?P<\w+>.*?\)(?=[-/])|<\w+:?\w*>|[\^$]", "7", str(entry.pattern)).lstrip("7")
        if isinstance(entry, URLResolver):
            yield from routes(entry, address)
        else:
            yield entry.name or "", address


def test_what_allauth_offers_is_at_our_addresses_or_nowhere(client: Client, boss: Client, settings: Any) -> None:
    """A release that brings a new page of allauth brings no door: somebody has to write it into one of the lists."""
    settings.MAIL = True
    found = list(routes(URLResolver(RegexPattern(""), "allauth.urls")))
    names = {name for name, _address in found if name}
    assert names == {*OFFERED, *NOT_OFFERED}
    for name in NOT_OFFERED:
        with pytest.raises(NoReverseMatch):
            reverse(name)
    for name, address in OFFERED.items():
        key = {"uidb36": "7", "key": "7"} if "<" not in address and name == "account_reset_password_from_key" else {}
        key |= {"pk": 7} if name == "mfa_remove_webauthn" else {}
        key |= {"provider_id": "sso"} if name.startswith("openid") else {}
        assert reverse(name, kwargs=key) == address
    ours = set(OFFERED.values())
    addresses = {f"{place}{address}" for _name, address in found for place in ("/", "/account/", "/accounts/")} - ours
    assert {f"/account/{page}/" for page in ("signup", "email", "inactive", "3rdparty/signup")} < addresses
    for who in (client, boss):
        assert {who.get(address).status_code for address in addresses} == {404}
        assert {who.post(address).status_code for address in addresses} == {404}


def test_no_cache_keeps_a_page_of_an_account(boss: Client, client: Client, settings: Any) -> None:
    settings.MAIL = True
    set_up_app(boss)
    private = [
        *("password/", "sessions/", "confirm/", "confirm/code/", "confirm/sso/", "second-factor/", "new-password/7/7/"),
        *(f"second-factor/{page}/" for page in ("app/remove", "passkey", "codes", "codes/new")),
    ]
    for address in [f"/account/{page}" for page in ("", *private)] + ["/sign-in/", "/tokens/"]:
        answer = boss.get(address)
        assert (address, answer.status_code) == (address, 200)
        assert "no-store" in answer["Cache-Control"], address
    client.post("/sign-in/", {"username": "boss", "password": PASSWORD})
    assert "no-store" in client.get("/sign-in/second-factor/")["Cache-Control"]
