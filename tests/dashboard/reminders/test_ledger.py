"""The ledger: outages, mail servers that fail, several processes, and what keeps a digest from being sent."""

from datetime import date, timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.http.as_of import SIDES
from dashboard.models import MailSettings, ReminderMail, ReminderStep
from dashboard.reminders import send as sending
from dashboard.reminders.digest import Digest
from pilots.models import Pilot
from policies.models import Province
from tests.dashboard.reminders.conftest import mails, make_officer, send
from tests.factories import make_batch, make_indicator, make_milestone, make_pilot, make_province, make_reading

pytestmark = pytest.mark.django_db


@pytest.fixture
def reported(pilot: Pilot) -> Pilot:
    """A pilot that owes no values, so that milestones are all there is to tell of."""
    make_reading(pilot, make_indicator("AIR_A"), "2025", 1)
    return pilot


def told(code: str = "") -> list[tuple[str, str, str]]:
    rows = ReminderStep.objects.filter(sent_at__isnull=False, code__contains=code).order_by("planned_for", "pk")
    return [(row.user.username, row.code, f"{row.planned_for:%m-%d}") for row in rows]


def test_after_an_outage_of_ten_nights_each_owed_step_is_told_once(reported: Pilot, jia: Province) -> None:
    """Running each day, and running again after ten days without, tell of the same steps, those before a due date that
    has passed excepted; nothing is told twice, and what was done meanwhile not at all."""
    make_officer("editor", jia)
    make_milestone(reported, date(2026, 6, 18), title_en="Due in the outage")
    make_milestone(reported, date(2026, 7, 24), title_en="Later")
    done = make_milestone(reported, date(2026, 6, 16), title_en="Done in the outage")
    send("2026-06-12 09:00")
    before = len(told())
    done.completed_on = date(2026, 6, 15)
    done.save()
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
    make_milestone(reported, date(2026, 3, 2))
    assert (send(at).sent == 1) is sends


def test_the_day_is_that_of_the_place(reported: Pilot, jia: Province) -> None:
    """At 00:29 and 00:30 UTC it is just before and at 08:30 in Shanghai."""
    make_officer("editor", jia)
    make_milestone(reported, date(2026, 3, 2))
    assert [send(f"2026-06-05T{time}+00:00").sent for time in ("00:29", "00:30")] == [0, 1]
    assert ReminderMail.objects.get().day == date(2026, 6, 5)


def test_a_step_of_today_waits_for_tomorrow(reported: Pilot, jia: Province) -> None:
    """Two digests on one day there are not, whatever happens after the first."""
    make_officer("editor", jia)
    make_milestone(reported, date(2026, 6, 15))
    assert list(mails("2026-06-08 09:00")) == ["editor"]
    make_milestone(reported, date(2026, 6, 10), title_en="Added at noon")
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


def test_a_server_that_is_down_ends_the_run_and_is_tried_again(
    failing: dict[str, Exception], reported: Pilot, jia: Province
) -> None:
    first, _second = make_officer("first", jia), make_officer("second", jia)
    make_milestone(reported, date(2026, 6, 15))
    failing[""] = ConnectionRefusedError(111, "Connection refused")
    with pytest.raises(CommandError, match="Connection refused"):
        call_command("remind", at="2026-06-08 09:00")
    found = ReminderMail.objects.get()
    assert (found.user, found.error, found.attempts, found.sent_at) == (
        first,
        "[Errno 111] Connection refused",
        1,
        None,
    )
    assert told() == []
    failing[""] = SMTPServerDisconnected("Connection unexpectedly closed")
    assert send("2026-06-08 09:15").error == "Connection unexpectedly closed"
    failing.clear()
    assert list(mails("2026-06-09 09:00")) == ["first", "second"]
    assert told("before7") == [("first", "before7", "06-08"), ("second", "before7", "06-08")]
    assert list(ReminderMail.objects.filter(user=first).values_list("day", "attempts", "error").order_by("day")) == [
        (date(2026, 6, 8), 2, "Connection unexpectedly closed"),
        (date(2026, 6, 9), 1, ""),
    ]


def test_what_could_not_be_sent_and_is_not_owed_any_more_goes(
    failing: dict[str, Exception], reported: Pilot, jia: Province
) -> None:
    """The milestone is done, the user wants no mail, or the address is refused: no step waits for a mail for ever."""
    done = make_milestone(reported, date(2026, 6, 15))
    users = {name: make_officer(name, jia) for name in ("first", "second", "third")}
    for name in users:
        failing[f"{name}@example.org"] = SMTPRecipientsRefused({f"{name}@example.org": (450, b"later")})
    assert (send("2026-06-08 09:00").failed, ReminderStep.objects.count()) == (3, 6)
    failing["first@example.org"] = SMTPRecipientsRefused({"first@example.org": (550, b"no such user")})
    MailSettings.objects.create(user=users["second"], rhythm="off")
    assert (send("2026-06-08 09:15").refused, waiting()) == (1, ["first", "third"])
    send("2026-06-08 09:30")
    assert waiting() == ["third"]
    done.completed_on = date(2026, 6, 8)
    done.save()
    assert (send("2026-06-09 09:00").failed, waiting()) == (0, [])


def waiting() -> list[str]:
    return sorted(set(ReminderStep.objects.filter(sent_at=None).values_list("user__username", flat=True)))


def test_an_address_that_is_refused_for_good_is_not_tried_until_it_is_changed(
    failing: dict[str, Exception], caplog: pytest.LogCaptureFixture, reported: Pilot, jia: Province
) -> None:
    editor = make_officer("editor", jia)
    make_officer("ministry")
    make_milestone(reported, date(2026, 6, 15), title_en="Boilers replaced")
    address = "editor@example.org"
    failing[address] = SMTPRecipientsRefused({address: (450, b"try again later")})
    assert (send("2026-06-08 09:00").failed, MailSettings.objects.count()) == (1, 0)
    failing[address] = SMTPRecipientsRefused({address: (550, b"no such user")})
    with caplog.at_level("WARNING", "tracker.reminders"):
        assert send("2026-06-08 09:15").refused == 1
    assert "an address was refused for good: 550" in caplog.messages
    assert MailSettings.objects.get(user=editor).refused_address == address
    assert ReminderMail.objects.get(user=editor).error == "550 no such user"
    for at in ("2026-06-08 09:30", "2026-06-09 09:00"):
        assert (send(at).idle, len(mail.outbox)) == ("", 0)  # the ministry waits, and has nothing to be told
    assert ReminderMail.objects.get(user=editor).attempts == 2
    editor.email = "new@example.org"  # corrected by an administrator
    editor.save()
    assert "Boilers replaced" in mails("2026-06-10 09:00")["new"]


# -- who is not sent to --------------------------------------------------------------------------------------


def test_without_a_mail_server_nothing_is_sent_and_nothing_is_lost(
    settings: Any, capsys: pytest.CaptureFixture[str], reported: Pilot, jia: Province
) -> None:
    make_officer("editor", jia)
    make_milestone(reported, date(2026, 6, 15))
    settings.MAIL = False
    call_command("remind", at="2026-06-08 09:00")
    assert capsys.readouterr().out == "Nothing to send: no mail server is set up (EMAIL_URL).\n"
    assert ReminderStep.objects.count() == 0
    settings.MAIL = True
    call_command("remind", at="2026-06-08 09:15")
    assert (capsys.readouterr().out, len(mail.outbox)) == ("1 sent.\n", 1)
    with pytest.raises(CommandError, match="YYYY-MM-DD HH:MM"):
        call_command("remind", at="noon")


def test_a_demonstration_marks_and_does_not_send(reported: Pilot, jia: Province) -> None:
    make_officer("editor", jia)
    make_milestone(reported, date(2026, 6, 15))
    SIDES[str(connection.settings_dict["NAME"])] = (True, None)
    assert (send("2026-06-08 09:00").held, mail.outbox) == (1, [])
    assert str(ReminderMail.objects.get().state) == "not sent: demonstration"
    assert send("2026-06-08 09:15").idle == "nobody waits for a digest"
    assert send("2026-06-09 09:00").held == 0  # it counts as told
    assert (send("2026-06-15 09:00").held, ReminderStep.objects.count()) == (1, 3)
    assert send("2026-06-16 09:00").held == 1  # one day late, and none of the three before it
    assert ReminderStep.objects.count() == 4


def test_mail_switched_off_just_before_it_is_sent_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, reported: Pilot, jia: Province
) -> None:
    """While the first mail is sent, the second user switches mail off."""
    _first, second = make_officer("first", jia), make_officer("second", jia)
    make_milestone(reported, date(2026, 6, 15))
    deliver = EmailBackend.send_messages

    def send_messages(self: EmailBackend, messages: Any) -> int:
        MailSettings.objects.get_or_create(user=second, rhythm="off")
        return deliver(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send_messages)
    assert list(mails("2026-06-08 09:00")) == ["first"]


# -- several processes -----------------------------------------------------------------------------------------


def test_a_claimed_mail_is_sent_by_nobody_else_until_the_claim_ends(
    monkeypatch: pytest.MonkeyPatch, reported: Pilot, jia: Province
) -> None:
    """A second process sends while the first one holds the claim; then the first one was killed."""
    make_officer("editor", jia)
    make_milestone(reported, date(2026, 6, 15))
    claims: list[Digest] = []
    claim = sending.claim

    def claim_and_die(digest: Digest) -> Any:
        claims.append(digest)
        assert claim(digest) is not None
        monkeypatch.setattr(sending, "claim", claim)
        raise KeyboardInterrupt

    monkeypatch.setattr(sending, "claim", claim_and_die)
    with pytest.raises(KeyboardInterrupt):
        send("2026-06-08 09:00")
    assert (send("2026-06-08 09:00").sent, claim(claims[0])) == (0, None)
    ReminderMail.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert send("2026-06-08 09:15").sent == 1
    assert [code for _user, code, _on in told()] == ["before30", "before7"]


# -- queries -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("provinces", "queries"), [(1, 33), (3, 67)])
def test_queries(provinces: int, queries: int) -> None:
    """16 for the calendar, the people, what is not owed any more, who has got a digest, and the open work; 17 for each
    mail: the user, what was told, permissions (2), the claim with its savepoints (9), and the mark as sent (4)."""
    for number in range(provinces):
        province = make_province()
        make_officer(f"editor-{number}", province)
        for _item in range(provinces):
            make_milestone(make_pilot(make_batch(), province), date(2026, 6, 10))
    with CaptureQueriesContext(connection) as found:
        assert send("2026-06-08 09:00").sent == provinces
    assert len(found) == queries, [query["sql"][:90] for query in found]
