"""Own sessions: listed with what is known of them, ended one by one or all others."""

import re
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client

from tests.support.api_client import make_user
from tests.support.sign_in import PASSWORD, can_sign_in, set_up_app, signed_in, totp_code

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def test_sessions_are_listed_and_all_others_ended() -> None:
    make_user("wang")
    make_user("li")
    here, there, other = signed_in("wang", user_agent=FIREFOX), signed_in("wang"), signed_in("li")
    assert can_sign_in(there)  # seen just now
    shown = here.get("/account/sessions/").context["sessions"]
    assert [(item.user_agent, item.ip) for item in shown] == [(FIREFOX, "127.0.0.1"), ("", "127.0.0.1")]
    assert here.get("/account/sessions/").text.count("this one") == 1
    assert "Where you are signed in: 2 sessions" in here.get("/account/").text
    assert here.post("/account/sessions/")["Location"] == "/account/sessions/"
    assert (can_sign_in(here), can_sign_in(there), can_sign_in(other)) == (True, False, True)
    assert (Session.objects.count(), UserSession.objects.count()) == (2, 2)
    assert "Sign out everywhere else" not in here.get("/account/sessions/").text


def test_a_changed_key_ends_nothing_while_the_former_one_is_a_fallback(settings: Any) -> None:
    """Sessions go on and are found, and codes of an app open; without the fallback neither does."""
    make_user("wang", "national_editor")
    secret = set_up_app(signed_in("wang"))
    here, there, third = [Client() for _ in range(3)]
    for step, client in enumerate((here, there, third), -1):
        client.post("/sign-in/", {"username": "wang", "password": PASSWORD})
        assert client.post("/sign-in/second-factor/", {"code": totp_code(secret, step)})["Location"] == "/"
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key " * 6
    assert can_sign_in(here)
    assert len(here.get("/account/sessions/").context["sessions"]) == 4
    names = [item.pk for item in here.get("/account/sessions/").context["sessions"]]
    assert here.post(f"/account/sessions/{names[1]}/end/").status_code == 302
    assert [can_sign_in(client) for client in (here, there, third)] == [True, False, True]
    assert here.post("/account/sessions/")["Location"] == "/account/sessions/"
    assert [can_sign_in(client) for client in (here, there, third)] == [True, False, False]
    settings.SECRET_KEY_FALLBACKS = []
    assert can_sign_in(here)  # it was signed anew when it was seen
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [], "a third key, " * 6
    assert not can_sign_in(here)


def test_one_session_is_ended_and_nobody_elses() -> None:
    make_user("wang")
    make_user("li")
    here, there, third, other = signed_in("wang"), signed_in("wang"), signed_in("wang"), signed_in("li")
    addresses = {re.escape(key) for key in Session.objects.values_list("session_key", flat=True)}
    page = here.get("/account/sessions/").text
    assert not re.search("|".join(addresses), page)  # the key of a session is the session
    own = here.session.session_key
    first, _second = [item.pk for item in UserSession.objects.filter(user__username="wang").exclude(session_key=own)]
    assert other.post(f"/account/sessions/{first}/end/").status_code == 404
    assert here.post(f"/account/sessions/{first}/end/", follow=True).status_code == 200
    assert [can_sign_in(client) for client in (here, other)] == [True, True]
    assert sorted([can_sign_in(there), can_sign_in(third)]) == [False, True]
    assert here.post(f"/account/sessions/{first}/end/").status_code == 404
