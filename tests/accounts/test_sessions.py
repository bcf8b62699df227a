"""Own sessions: listed with what is known of them, ended one by one or all others."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from tests.support.api_client import make_user
from tests.support.sign_in import can_sign_in, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def test_sessions_are_listed_and_all_others_ended() -> None:
    make_user("wang")
    make_user("li")
    here, there, other = signed_in("wang", user_agent=FIREFOX), signed_in("wang"), signed_in("li")
    assert can_sign_in(there)  # seen just now
    shown = here.get("/account/sessions/").context["sessions"]
    assert [(item.current, item.browser, item.address) for item in shown] == [
        (True, "Firefox · Windows", "127.0.0.1"),
        (False, "", "127.0.0.1"),
    ]
    assert all(timezone.now() - item.seen < timedelta(minutes=1) for item in shown)
    assert "Where you are signed in: 2 sessions" in here.get("/account/").text
    assert here.post("/account/sessions/end/")["Location"] == "/account/sessions/"
    assert (can_sign_in(here), can_sign_in(there), can_sign_in(other)) == (True, False, True)
    assert Session.objects.count() == 2
    assert "Sign out everywhere else" not in here.get("/account/sessions/").text
    assert here.get("/account/sessions/end/").status_code == 405


def test_one_session_is_ended_and_nobody_elses() -> None:
    make_user("wang")
    make_user("li")
    here, there, third, other = signed_in("wang"), signed_in("wang"), signed_in("wang"), signed_in("li")
    addresses = {re.escape(key) for key in Session.objects.values_list("session_key", flat=True)}
    page = here.get("/account/sessions/").text
    assert not re.search("|".join(addresses), page)  # the key of a session is the session
    names = {item.id: item for item in here.get("/account/sessions/").context["sessions"] if not item.current}
    assert len(names) == 2
    first = next(iter(names))
    assert other.post(f"/account/sessions/{first}/end/").status_code == 404
    assert here.post(f"/account/sessions/{first}/end/", follow=True).status_code == 200
    assert [can_sign_in(client) for client in (here, other)] == [True, True]
    assert sorted([can_sign_in(there), can_sign_in(third)]) == [False, True]
    assert here.post(f"/account/sessions/{first}/end/").status_code == 404


def test_the_list_is_for_who_is_signed_in(client: Client) -> None:
    assert client.get("/account/sessions/")["Location"] == "/sign-in/?next=/account/sessions/"
    assert client.post("/account/sessions/0/end/")["Location"].startswith("/sign-in/")
