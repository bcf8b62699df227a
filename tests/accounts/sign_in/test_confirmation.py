"""Confirmation of who is there: before people, roles, tokens and restored records, ten minutes after signing in."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from accounts.models.token import Token
from accounts.tokens import create_token
from policies.models import Agency
from tests.support.api_client import make_user
from tests.support.sign_in import PASSWORD, age_session, signed_in

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
    token, _secret = create_token(user=user, name="theirs")
    sensitive = [
        *(("get", reverse(f"admin:auth_user_{page}", args=[user.pk])) for page in ("change", "delete", "token")),
        ("get", reverse("admin:auth_user_link", args=[user.pk])),
        ("get", reverse("admin:auth_user_password_change", args=[user.pk])),
        ("get", reverse("admin:auth_user_add")),
        ("post", reverse("admin:auth_user_changelist")),
        ("get", reverse("admin:accounts_token_revoke", args=[token.pk])),
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


def test_wrong_passwords_are_counted_like_those_of_the_sign_in(boss: Client, settings: Any, tmp_path: Any) -> None:
    codes = [boss.post("/account/confirm/", {"password": "wrong"}).status_code for _try in range(6)]
    assert codes == [200, 200, 200, 200, 429, 429]
    make_user("li", "admin")
    other = signed_in("li")
    settings.VAR_DIR, settings.RATE_LIMITS = tmp_path, {"passwords": (2, 86_400)}
    assert [other.post("/account/confirm/", {"password": "wrong"}).status_code for _try in range(3)] == [200, 200, 429]


def test_nobody_is_led_to_another_site(boss: Client) -> None:
    age_session(boss, 11)
    done = boss.post("/account/confirm/?next=https://evil.example/", {"password": PASSWORD})
    assert done["Location"] == "/"


def test_the_admin_has_no_sign_in_of_its_own(client: Client, boss: Client) -> None:
    assert client.get("/admin/auth/user/", follow=True).redirect_chain == [
        ("/admin/login/?next=/admin/auth/user/", 302),
        ("/sign-in/?next=/admin/auth/user/", 302),
    ]
    User.objects.get(username="boss")
    sent = {"username": "boss", "password": PASSWORD}
    assert client.post("/admin/login/", sent)["Location"] == "/sign-in/?next=/admin/"
    assert client.post("/sign-in/?next=/admin/auth/user/", sent)["Location"] == "/admin/auth/user/"
    assert boss.get("/admin/login/")["Location"] == "/admin/"


def test_nobody_registers(client: Client) -> None:
    assert [client.get(address).status_code for address in ("/signup/", "/account/signup/", "/accounts/signup/")] == [
        *(404, 404, 404)
    ]
