"""Limits of signing in: what one address may try, and that neither a name nor an office is locked out by others."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.backends import ModelBackend
from django.db.models import F
from django.test import Client
from django.urls import reverse

from tests.support.api_client import make_user
from tests.support.sign_in import PASSWORD, set_up_app, signed_in, totp_code

ACCOUNT_RATE_LIMITS = {
    "login": "600/m/ip",
    "failed_here": "60/15m/ip,100/15m/key",
    "login_failed": "10/15m/key",
    "reset_password": "60/15m/ip,5/15m/key",
    "reset_password_from_key": "60/15m/ip",
}
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
OFFICE, ELSEWHERE = "192.0.2.9", "198.51.100.1"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names for which a password was hashed, as they are tried."""
    tried: list[str] = []
    authenticate = ModelBackend.authenticate

    def noted(self: Any, request: Any, username: Any = None, password: Any = None, **kwargs: Any) -> Any:
        tried.append(username)
        return authenticate(self, request, username, password, **kwargs)

    monkeypatch.setattr(ModelBackend, "authenticate", noted)
    return tried


def sign_in(name: str, password: str = PASSWORD, address: str = OFFICE, **headers: str) -> int:
    """Return the status of an attempt to sign in."""
    sent = {"username": name, "password": password}
    return Client(REMOTE_ADDR=address, headers=headers or None).post("/sign-in/", sent).status_code


def pass_minutes(minutes: int) -> None:
    """Let all failures be so many minutes older."""
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=minutes))


def test_an_address_runs_out_of_wrong_passwords_and_its_neighbours_sign_in(settings: Any, hashed: list[str]) -> None:
    """Whatever names are tried; refused before a password is hashed. Who has signed in from there before goes on."""
    settings.ACCOUNT_RATE_LIMITS = {"failed_here": "3/d/ip"}
    for name in ("wang", "li"):
        make_user(name)
    assert sign_in("wang") == 302
    assert [sign_in(f"name-{n}", "Summer2026") for n in range(3)] == [200] * 3
    hashed.clear()
    refused = Client(REMOTE_ADDR=OFFICE).post("/sign-in/", {"username": "name-4", "password": "Summer2026"})
    assert "Too many failed login attempts. Try again later." in refused.text
    assert (sign_in("li"), hashed) == (200, [])
    refused = Client(REMOTE_ADDR=OFFICE).post("/sign-in/", {"username": "wang", "password": "Summer2026"})
    assert "Too many failed login attempts. Try again later." in refused.text  # who is known here gets no other words
    hashed.clear()
    assert (sign_in("wang"), sign_in("li", address=ELSEWHERE), hashed) == (302, 302, ["wang", "li"])
    secret = set_up_app(signed_in("wang", address=OFFICE))
    known = Client(REMOTE_ADDR=OFFICE)
    known.post("/sign-in/", {"username": "wang", "password": PASSWORD})
    assert known.post("/sign-in/second-factor/", {"code": totp_code(secret, 1)}).status_code == 302


def test_what_is_no_guess_does_not_count(settings: Any, hashed: list[str]) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"failed_here": "1/d/ip"}
    for name in ("wang", "li", "zhao"):
        make_user(name)
    assert [sign_in("wang"), sign_in("li"), sign_in("li", ""), sign_in("", "x")] == [302, 302, 200, 200]
    assert [sign_in("zhao"), sign_in("nobody", "x")] == [302, 200]
    hashed.clear()
    assert (sign_in("nobody", "x"), hashed) == (200, [])


def test_clients_of_ipv4_are_told_apart_where_the_server_listens_for_ipv6(settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"failed_here": "1/d/ip"}
    make_user("wang")
    assert [sign_in("nobody", "x", f"::ffff:{OFFICE}") for _ in range(2)] == [200, 200]
    assert [sign_in("wang", address=f"::ffff:{address}") for address in (OFFICE, ELSEWHERE)] == [200, 302]


def test_a_name_is_guessed_at_a_hundred_times_and_not_closed_where_its_owner_works(
    settings: Any, hashed: list[str]
) -> None:
    """From however many addresses, in a quarter of an hour; other names go on everywhere."""
    settings.ACCOUNT_RATE_LIMITS = {**ACCOUNT_RATE_LIMITS, "login": "9000/m/ip"}
    for name in ("wang", "li"):
        make_user(name)
    assert sign_in("wang") == 302
    hashed.clear()
    assert {sign_in("Wang" if n % 2 else "wang", "wrong", f"203.0.113.{n // 4}") for n in range(120)} == {200}
    assert len(hashed) == 100
    assert [sign_in("wang", address=ELSEWHERE), sign_in("li", address=ELSEWHERE)] == [200, 302]
    assert sign_in("wang") == 302


def test_a_lockout_ends_fifteen_minutes_after_it_began(hashed: list[str]) -> None:
    """However often it is tried meanwhile."""
    make_user("wang")
    assert [sign_in("wang", "wrong") for _ in range(5)] == [200, 200, 200, 200, 429]
    pass_minutes(14)
    hashed.clear()
    assert [sign_in("wang"), sign_in("wang", "wrong"), hashed] == [429, 429, []]
    pass_minutes(2)
    assert sign_in("wang") == 302


def test_a_name_is_locked_at_the_address_that_our_proxy_says(settings: Any) -> None:
    settings.BEHIND_PROXY = True
    make_user("wang")
    tries = [sign_in("wang", "wrong", "127.0.0.1", x_forwarded_for=OFFICE) for _ in range(5)]
    assert tries == [200, 200, 200, 200, 429]
    assert sign_in("wang", address="127.0.0.1", x_forwarded_for=OFFICE) == 429
    assert sign_in("wang", address="127.0.0.1", x_forwarded_for=ELSEWHERE) == 302


def test_the_name_that_was_typed_is_not_kept(client: Client) -> None:
    """Unless it is somebody's; nobody's is told from another all the same."""
    make_user("wang")
    secret = "my password, by mistake"
    assert [sign_in(secret, "wrong") for _ in range(5)] == [200, 200, 200, 200, 429]
    assert [sign_in("Another-Secret", "wrong"), sign_in("wang", "wrong")] == [200, 200]
    kept = list(AccessAttempt.objects.order_by("pk").values_list("username", "failures_since_start"))
    assert [count for _name, count in kept] == [5, 1, 1]
    assert [name for name, _count in kept if not name.startswith("unknown ")] == ["wang"]
    assert secret not in str(list(AccessAttempt.objects.values()))
    client.force_login(make_user("boss", "admin"))
    page = client.get(reverse("admin:axes_accessattempt_changelist")).text
    assert ("wang" in page, "by mistake" in page, "Another-Secret" in page) == (True, False, False)


@pytest.mark.django_db
def test_links_by_mail_are_limited_for_the_mail_address_and_the_network(settings: Any, tmp_path: Any) -> None:
    settings.MAIL, settings.VAR_DIR = True, tmp_path
    settings.ACCOUNT_RATE_LIMITS = {"reset_password": "3/d/ip,1/d/key"}
    asked = ["a@x.org", "A@x.org ", "b@x.org", "c@x.org"]
    codes = [Client().post("/account/forgotten/", {"email": address}).status_code for address in asked]
    assert codes == [302, 429, 302, 429]
