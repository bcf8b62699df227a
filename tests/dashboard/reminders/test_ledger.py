"""What is told, once: outages, mail servers that fail, several processes, and what keeps a digest from being sent."""

from datetime import date
from smtplib import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.days import SIDES
from dashboard import reminders as sending
from dashboard.models import MailSettings, Told
from pilots.models import Pilot
from policies.models import Province
from tests import factories as make
from tests.dashboard.reminders.conftest import mails, make_officer, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def reported(pilot: Pilot) -> Pilot:
    """A pilot that owes no values, so that milestones are all there is to tell of."""
    make.reading(pilot, make.indicator("AIR_A"), "2025", 1)
    return pilot


def told(code: str = "") -> list[tuple[str, str, str]]:
    rows = Told.objects.filter(code__contains=code).exclude(thing=Told.DIGEST).order_by("day", "pk")
    return [(row.user.username, row.code, f"{row.day:%m-%d}") for row in rows]


def digests(user: str) -> list[str]:
    rows = Told.objects.filter(thing=Told.DIGEST, user__username=user).order_by("day")
    return [f"{row.day:%m-%d} {row.code}" for row in rows]


def test_after_an_outage_of_ten_nights_each_owed_step_is_told_once(reported: Pilot, jia: Province) -> None:
    """Running each day, and running again after ten days without, tell of the same steps, those before a due date that
    has passed excepted; nothing is told twice, and what was done meanwhile not at all."""
    make_officer("editor", jia)
    make.milestone(reported, date(2026, 6, 18), title_en="Due in the outage")
    make.milestone(reported, date(2026, 7, 24), title_en="Later")
    done = make.milestone(reported, date(2026, 6, 16), title_en="Done in the outage")
    send("2026-06-12 09:00")
    before = len(told())
    make.completion(done, date(2026, 6, 15))
    [text] = mails("2026-06-26 09:00").values()  # the next run: ten nights without one, and then a weekend and more
    assert "Done in the outage" not in text
    assert told()[before:] == [
        *(("editor", "after1", "06-19"), ("editor", "before30", "06-24"), ("editor", "after7", "06-25"))
    ]
    assert mails("2026-06-26 18:00") == mails("2026-06-29 09:00") == {}


@pytest.mark.parametrize(
    ("at", "sends"),
    [
        ("2026-06-05 00:30", False),
        ("2026-06-05 08:29", False),
        ("2026-06-05 08:30", True),
        ("2026-06-05 23:59", True),
        ("2026-06-06 00:30", False),  # Saturday
        ("2026-06-06 23:59", False),
        ("2026-05-09 08:30", True),  # a Saturday that is worked
        ("2026-06-19 08:30", False),  # Dragon Boat Festival, a Friday
        ("2027-01-01 08:30", True),  # nobody has entered 2027
    ],
)
def test_digests_are_sent_from_half_past_eight_on_working_days(
    at: str, sends: bool, reported: Pilot, jia: Province
) -> None:
    make_officer("editor", jia)
    make.milestone(reported, date(2026, 3, 2))
    assert (send(at).sent == 1) is sends


def test_a_step_of_today_waits_for_tomorrow(reported: Pilot, jia: Province) -> None:
    """Two digests on one day there are not, whatever happens after the first."""
    make_officer("editor", jia)
    make.milestone(reported, date(2026, 6, 15))
    assert list(mails("2026-06-08 09:00")) == ["editor"]
    make.milestone(reported, date(2026, 6, 10), title_en="Added at noon")
    assert mails("2026-06-08 14:00") == {}
    assert "Added at noon" in mails("2026-06-09 09:00")["editor"]


# -- the mail server -----------------------------------------------------------------------------------------


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, Exception]:
    """Errors of the mail server by address; those of "" are of every address."""
    errors: dict[str, Exception] = {}
    deliver = EmailBackend.send_messages

    def send_messages(self: EmailBackend, messages: Any) -> int:
        for message in messages:
            error = errors.get(message.to[0], errors.get(""))
            if error:
                raise error
        return deliver(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send_messages)
    return errors


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(111, "no"), SMTPAuthenticationError(535, b"no"), SMTPServerDisconnected("no")]
)
def test_a_server_that_is_down_ends_the_run_and_is_tried_again(
    error: Exception, failing: dict[str, Exception], reported: Pilot, jia: Province
) -> None:
    make_officer("first", jia)
    make_officer("second", jia)
    make.milestone(reported, date(2026, 6, 15))
    failing["first@example.org"] = error
    with pytest.raises(CommandError, match=r"The mail server failed, the rest is tried again: .*no"):
        call_command("remind", at="2026-06-08 09:00")
    assert (Told.objects.count(), mail.outbox) == (0, [])
    failing.clear()
    assert list(mails("2026-06-09 09:00")) == ["first", "second"]
    assert told("before7") == [("first", "before7", "06-08"), ("second", "before7", "06-08")]
    assert digests("first") == ["06-09 sent"]


@pytest.mark.parametrize(
    "error",
    [
        SMTPDataError(554, b"content refused"),
        SMTPDataError(451, b"try again later"),
        SMTPSenderRefused(552, b"message too large", "tracker@example.org"),
        SMTPNotSupportedError("SMTPUTF8 not supported by server"),
        SMTPRecipientsRefused({"first@example.org": (450, b"try again later")}),
    ],
    ids=repr,
)
def test_a_mail_that_is_not_taken_does_not_stop_the_others(
    error: Exception, failing: dict[str, Exception], reported: Pilot, jia: Province, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("first", "second", "third"):
        make_officer(name, jia)
    make.milestone(reported, date(2026, 6, 15))
    failing["first@example.org"] = error
    with pytest.raises(CommandError, match="Mails were not taken, and are tried again"):
        call_command("remind", at="2026-06-08 09:00")
    assert capsys.readouterr().out == "2 sent, 1 to be tried again.\n"
    assert [message.to for message in mail.outbox] == [["second@example.org"], ["third@example.org"]]
    assert (digests("first"), digests("second")) == ([], ["06-08 sent"])
    failing.clear()
    assert list(mails("2026-06-08 09:15")) == ["first"]


def test_an_address_that_is_refused_for_good_is_not_tried_until_it_is_changed(
    failing: dict[str, Exception], caplog: pytest.LogCaptureFixture, reported: Pilot, jia: Province
) -> None:
    editor = make_officer("editor", jia)
    make_officer("ministry")
    make.milestone(reported, date(2026, 6, 15), title_en="Boilers replaced")
    address = "editor@example.org"
    failing[address] = SMTPRecipientsRefused({address: (450, b"try again later")})
    assert (send("2026-06-08 09:00").failed, MailSettings.objects.count()) == (1, 0)
    failing[address] = SMTPRecipientsRefused({address: (550, b"no such user")})
    with caplog.at_level("WARNING", "tracker.reminders"):
        assert send("2026-06-08 09:15").refused == 1
    assert "an address was refused for good: 550" in caplog.messages
    assert MailSettings.objects.get(user=editor).refused_address == address
    for at in ("2026-06-08 09:30", "2026-06-09 09:00"):
        assert (send(at).idle, len(mail.outbox)) == ("", 0)  # the ministry waits, and has nothing to be told
    assert digests("editor") == []
    editor.email = "new@example.org"  # corrected by an administrator
    editor.save()
    assert "Boilers replaced" in mails("2026-06-10 09:00")["new"]


# -- who is not sent to --------------------------------------------------------------------------------------


def test_without_a_mail_server_nothing_is_sent_and_nothing_is_lost(
    settings: Any, capsys: pytest.CaptureFixture[str], reported: Pilot, jia: Province
) -> None:
    make_officer("editor", jia)
    make.milestone(reported, date(2026, 6, 15))
    settings.MAIL = False
    call_command("remind", at="2026-06-08 09:00")
    assert capsys.readouterr().out == "Nothing to send: no mail server is set up (EMAIL_URL).\n"
    assert Told.objects.count() == 0
    settings.MAIL = True
    call_command("remind", at="2026-06-08 09:15")
    assert (capsys.readouterr().out, len(mail.outbox)) == ("1 sent.\n", 1)
    with pytest.raises(CommandError, match="YYYY-MM-DD HH:MM"):
        call_command("remind", at="noon")


def test_a_demonstration_marks_and_does_not_send(reported: Pilot, jia: Province) -> None:
    make_officer("editor", jia)
    make.milestone(reported, date(2026, 6, 15))
    SIDES[str(connection.settings_dict["NAME"])] = (True, None)
    assert (send("2026-06-08 09:00").held, mail.outbox) == (1, [])
    assert digests("editor") == ["06-08 held"]
    assert send("2026-06-08 09:15").idle == "nobody waits for a digest"
    assert send("2026-06-09 09:00").held == 0  # it counts as told
    assert (send("2026-06-15 09:00").held, len(told())) == (1, 3)
    assert send("2026-06-16 09:00").held == 1  # one day late, and none of the three before it
    assert len(told()) == 4


def test_mail_switched_off_just_before_it_is_sent_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, reported: Pilot, jia: Province
) -> None:
    """While the first mail is sent, the second user switches mail off."""
    _first, second = make_officer("first", jia), make_officer("second", jia)
    make.milestone(reported, date(2026, 6, 15))
    deliver = EmailBackend.send_messages

    def send_messages(self: EmailBackend, messages: Any) -> int:
        MailSettings.objects.get_or_create(user=second, rhythm="off")
        return deliver(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send_messages)
    assert list(mails("2026-06-08 09:00")) == ["first"]


# -- several processes -----------------------------------------------------------------------------------------


def test_a_claimed_digest_is_sent_by_nobody_else_and_told_the_next_day_if_its_process_was_killed(
    monkeypatch: pytest.MonkeyPatch, reported: Pilot, jia: Province
) -> None:
    make_officer("editor", jia)
    make.milestone(reported, date(2026, 6, 15))

    def die(_digest: Any) -> Any:
        raise KeyboardInterrupt

    compose = sending.compose
    monkeypatch.setattr(sending, "compose", die)
    with pytest.raises(KeyboardInterrupt):
        send("2026-06-08 09:00")
    monkeypatch.setattr(sending, "compose", compose)
    assert (send("2026-06-08 09:15").idle, told()) == ("nobody waits for a digest", [])
    assert send("2026-06-09 09:00").sent == 1
    assert [code for _user, code, _on in told()] == ["before30", "before7"]


def test_two_who_send_one_digest_at_once_send_it_once(
    monkeypatch: pytest.MonkeyPatch, reported: Pilot, jia: Province
) -> None:
    """The other process claims it after this one has seen that nobody has it."""
    editor = make_officer("editor", jia)
    make.milestone(reported, date(2026, 6, 15))
    build = sending.build_digest

    def claimed_meanwhile(*args: Any) -> Any:
        Told.objects.create(user=editor, thing=Told.DIGEST, code=Told.SENT, day=date(2026, 6, 8))
        return build(*args)

    monkeypatch.setattr(sending, "build_digest", claimed_meanwhile)
    assert (send("2026-06-08 09:00").sent, mail.outbox, told()) == (0, [], [])


# -- queries -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("provinces", "queries"), [(1, 21), (3, 57)])
def test_queries(provinces: int, queries: int) -> None:
    """3 for the calendar, the people, who has got a digest; 9 for the open work of each province; 9 for each mail: the
    user, what was told, permissions (2), the claim with its savepoint (4), and what is told now."""
    for number in range(provinces):
        province = make.province()
        make_officer(f"editor-{number}", province)
        for _item in range(provinces):
            make.milestone(make.pilot(make.batch(), province), date(2026, 6, 10))
    with CaptureQueriesContext(connection) as found:
        assert send("2026-06-08 09:00").sent == provinces
    assert len(found) == queries, [query["sql"][:90] for query in found]
