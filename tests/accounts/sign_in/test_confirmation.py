"""Confirmation of who is there: before people, roles, tokens and restored records, ten minutes after signing in."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLResolver, reverse
from django.urls.resolvers import RegexPattern

from accounts.models import Token
from accounts.urls import urlpatterns
from policies.models import Agency
from tests.support.api_client import make_user
from tests.support.sign_in import PASSWORD, age_session, set_up_app, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
TOKEN = {"name": "nightly", "days": "5", "kind": "api"}


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


NOT_OFFERED = {
    *("account_inactive", "account_signup", "account_email", "account_email_verification_sent"),
    *("account_confirm_email", "account_confirm_login_code"),
    *("account_request_reauthentication_code", "account_confirm_reauthentication_code"),
    *("mfa_download_recovery_codes", "mfa_edit_webauthn"),
    *("socialaccount_signup", "socialaccount_login_cancelled", "socialaccount_login_error"),
}


def names(patterns: list[Any]) -> set[str]:
    """Return the names of routes, those of included ones too."""
    found: set[str] = set()
    for entry in patterns:
        found |= names(entry.url_patterns) if isinstance(entry, URLResolver) else {entry.name} - {None}
    return found


def test_each_page_of_allauth_is_offered_here_or_left_out_on_purpose() -> None:
    """A release that brings a new page brings no door: somebody has to write it into accounts/urls.py or this list."""
    assert names(URLResolver(RegexPattern(""), "allauth.urls").url_patterns) - names(urlpatterns) == NOT_OFFERED


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
