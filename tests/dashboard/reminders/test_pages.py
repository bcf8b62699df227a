"""Pages of reminders: settings, the admin, "My work"."""

import re
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from accounts.models import Role
from dashboard.models import MailSettings, Rhythm, Told
from policies.models import Province
from tests.dashboard.reminders.conftest import make_officer
from tests.support.sign_in import client_of

pytestmark = pytest.mark.django_db


# -- settings ------------------------------------------------------------------------------------------------


def test_settings_are_shown_and_saved() -> None:
    user = make_officer("wang", role=Role.VIEWER)
    client = client_of(user)
    page = client.get("/account/reminders/")
    assert page.context["form"].initial == {"rhythm": "daily", "language": "en"}
    assert reverse("reminders") in client.get("/account/").text
    assert client.post("/account/reminders/", {"rhythm": "weekly", "language": "zh-hans"})["Location"] == (
        "/account/reminders/"
    )
    assert list(MailSettings.objects.values_list("user", "rhythm", "language")) == [(user.pk, "weekly", "zh-hans")]
    wrong = client.post("/account/reminders/", {"rhythm": "hourly", "language": "fr"})
    assert list(wrong.context["form"].errors) == ["rhythm", "language"]
    assert MailSettings.objects.get().rhythm == Rhythm.WEEKLY


def test_a_refused_address_is_shown_and_tried_again_on_saving() -> None:
    client = client_of(make_officer("wang", role=Role.VIEWER, refused_address="wang@example.org"))
    assert "The mail server refused wang@example.org" in client.get("/account/reminders/").text
    client.post("/account/reminders/", {"rhythm": "daily", "language": "en"})
    assert MailSettings.objects.get().refused_address == ""
    assert "refused" not in client.get("/account/reminders/").text


# -- admin ---------------------------------------------------------------------------------------------------


def test_the_page_lists_the_days_of_the_last_digests(jia: Province) -> None:
    editor, other = make_officer("editor", jia), make_officer("other")
    Told.objects.create(user=editor, thing=Told.DIGEST, code=Told.SENT, day=date(2026, 6, 8))
    Told.objects.create(user=editor, thing=Told.DIGEST, code=Told.HELD, day=date(2026, 6, 9))
    Told.objects.create(user=editor, thing="milestone:1", code="after1", day=date(2026, 6, 7))
    Told.objects.create(user=other, thing=Told.DIGEST, code=Told.SENT, day=date(2026, 6, 10))
    page = client_of(editor).get("/account/reminders/")
    assert [(f"{row.day:%m-%d}", row.code) for row in page.context["mails"]] == [("06-09", "held"), ("06-08", "sent")]
    assert page.text.count("not sent: demonstration") == 1


def test_days_off_are_entered_by_the_ministry_and_missing_years_told(jia: Province) -> None:
    client = client_of(make_officer("ministry"))
    page = client.get("/admin/dashboard/workingday/").text
    assert "The days off of 2027 are not on record: Monday to Friday count as working days." in page
    sent = {"day": "2027-01-01", "kind": "holiday", "name": "元旦"}
    assert client.post("/admin/dashboard/workingday/add/", sent)["Location"] == "/admin/dashboard/workingday/"
    assert "of 2027" not in client.get("/admin/dashboard/workingday/").text
    assert client_of(make_officer("editor", jia)).get("/admin/dashboard/workingday/add/").status_code == 403


# -- My work -------------------------------------------------------------------------------------------------


def test_the_desk_says_why_no_mail_comes(settings: Any, jia: Province) -> None:
    editor = make_officer("editor", jia)
    client = client_of(editor)

    def notices(day: str = "2026-06-03") -> list[str]:
        texts = re.findall('<p class="message warning">(.*?)</p>', client.get(f"/desk/?as_of={day}").text)
        return [text for text in texts if "second factor" not in text]

    assert notices() == []
    assert notices("2024-06-03") == ["The days off of 2024 are not on record: Monday to Friday count as working days."]
    User.objects.update(email="")
    assert notices() == ["Your account has no mail address, so no reminder reaches you."]
    settings.MAIL = False
    assert notices() == ["No mail is sent here: no mail server is set up. “My work” shows what is due."]
