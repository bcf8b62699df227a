"""Account pages: details, password, sessions, and password reset."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from tests.support.api_client import make_user
from tests.support.jobs import ends_of_jobs, run_jobs
from tests.support.sign_in import PASSWORD as OLD
from tests.support.sign_in import can_sign_in, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
NEW = "another one that is long"


# -- the password ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_a_password_is_changed_by_its_owner(role: str) -> None:
    """Every other session ends; this one and the tokens stay."""
    user = make_user("wang", role)
    here, there = signed_in("wang"), signed_in("wang")
    sent = {"oldpassword": OLD, "password1": NEW, "password2": NEW}
    assert here.post("/account/password/", sent)["Location"] == "/account/"
    assert (can_sign_in(here), can_sign_in(there)) == (True, False)
    user.refresh_from_db()
    assert (user.check_password(NEW), user.check_password(OLD)) == (True, False)


def test_a_password_is_not_guessed_in_an_open_session(settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"change_password": "3/d/user"}
    make_user("wang")
    client, sent = signed_in("wang"), {"oldpassword": "wrong", "password1": NEW, "password2": NEW}
    codes = [client.post("/account/password/", sent).status_code for _try in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    right = client.post("/account/password/", sent | {"oldpassword": OLD})
    assert (right.status_code, "This was tried too often." in right.text) == (429, True)


# -- a forgotten password ----------------------------------------------------------------------------------


def link_in(text: str) -> str:
    found = re.search(r"https?://(?:testserver|tracker.example.org)(/account/new-password/\S+?)(?=[\s<\"])", text)
    assert found, text
    return found[1]


def chosen(client: Client, link: str, password: str = NEW) -> Any:
    """Submit a new password at a link and return the response."""
    form = client.get(link, follow=True)
    return client.post(form.request["PATH_INFO"], {"password1": password, "password2": password})


def test_a_link_comes_by_mail_and_works_once(client: Client, settings: Any) -> None:
    """The worker sends it, with the address of the site whatever the request calls it."""
    settings.MAIL, settings.SITE_URL, settings.ALLOWED_HOSTS = True, "https://tracker.example.org", ["*"]
    user = User.objects.create_user("wang", "wang@example.org", OLD)
    elsewhere = signed_in("wang")
    assert reverse("account_reset_password") in client.get("/sign-in/").text
    sent = client.post("/account/forgotten/", {"email": "wang@example.org"}, headers={"host": "evil.example"})
    assert (sent["Location"], mail.outbox) == ("/account/forgotten/sent/", [])
    run_jobs()
    [letter] = mail.outbox
    assert ("https://tracker.example.org/account/new-password/" in letter.body, "evil" in letter.body) == (True, False)
    assert (letter.to, letter.subject) == (["wang@example.org"], "A new password for the Synergy Pilot Tracker")
    link = link_in(letter.body)
    browser = Client()
    assert chosen(browser, link)["Location"] == "/sign-in/"
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert not can_sign_in(elsewhere)
    assert "This link no longer works" in Client().get(link).text


def test_nobody_learns_which_addresses_have_an_account(client: Client, settings: Any) -> None:
    """Neither by the answer nor by what is done before it: the same queries, one job each, and no mail."""
    settings.MAIL = True
    user = User.objects.create_user("wang", "wang@example.org", OLD)
    done = []
    for address in ("wang@example.org", "no@x.org"):
        with CaptureQueriesContext(connection) as queries:
            answer = client.post("/account/forgotten/", {"email": address})
        done.append((answer.status_code, answer["Location"], len(queries), len(mail.outbox)))
    assert done == [(302, "/account/forgotten/sent/", 3, 0)] * 2
    asked = DBTaskResult.objects.order_by("enqueued_at").values_list("args_kwargs__kwargs__users", flat=True)
    assert list(asked) == [[user.pk], []]
    run_jobs()
    assert [letter.to for letter in mail.outbox] == [["wang@example.org"]]
    assert ends_of_jobs() == [("mail_password_links", "SUCCESSFUL", "")] * 2


def test_without_mail_the_page_says_whom_to_ask(client: Client) -> None:
    page = client.get("/sign-in/").text
    assert "ask an administrator for a link" in page
    assert "/account/forgotten/" not in page
    assert client.get("/account/forgotten/").status_code == 404
    assert client.post("/account/forgotten/", {"email": "wang@example.org"}).status_code == 404


def test_an_administrator_makes_a_link_that_is_shown_once(client: Client) -> None:
    boss, user = make_user("boss", "admin"), make_user("wang", "viewer")
    client.force_login(boss)
    address = reverse("admin:auth_user_link", args=[user.pk])
    assert address in client.get(reverse("admin:auth_user_change", args=[user.pk])).text
    assert "/account/new-password/" not in client.get(address).text
    made = client.post(address)
    assert made["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    [entry] = LogEntry.objects.all()
    assert (entry.user, entry.object_id, entry.get_change_message()) == (
        *(boss, str(user.pk)),
        "Made a link to a new password.",
    )
    assert chosen(Client(), link_in(made.text))["Location"] == "/sign-in/"
    user.refresh_from_db()
    assert user.check_password(NEW)


def test_a_link_lifts_the_pause_of_the_sign_in() -> None:
    boss, user = make_user("boss", "admin"), make_user("wang")
    wrong, browser = {"username": "wang", "password": "wrong"}, Client()
    assert [browser.post("/sign-in/", wrong).status_code for _try in range(5)][-1] == 429
    admin = Client()
    admin.force_login(boss)
    chosen(browser, link_in(admin.post(reverse("admin:auth_user_link", args=[user.pk])).text))
    assert browser.post("/sign-in/", {"username": "wang", "password": NEW}).status_code == 302


def test_a_link_to_an_administrator_s_password_is_made_by_administrators_alone(client: Client) -> None:
    """No link for an administrator by others, who could become one by it, and none for a deactivated account."""
    clerk, boss, user = make_user("clerk"), make_user("boss", "admin"), make_user("wang")
    gone = make_user("gone")
    gone.is_active = False
    gone.save()
    clerk.is_staff = True
    clerk.save()
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user"]))
    people = (boss, user, gone)

    def codes(who: User) -> list[int]:
        client.force_login(who)
        return [client.post(reverse("admin:auth_user_link", args=[one.pk])).status_code for one in people]

    assert codes(clerk) == [403, 200, 404]
    assert codes(boss) == [200, 200, 404]
    assert codes(make_user("national", "national_editor")) == [403, 403, 404]
    assert codes(user) == [302, 302, 302]  # to the sign-in of the admin
