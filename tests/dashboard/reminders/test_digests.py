"""Digests: who is told of what, on which day, in which words."""

import re
from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import User
from django.core import mail

from accounts.models import Officer, Role
from dashboard.models import Told
from pilots.metrics import Move
from pilots.models import Milestone, Pilot
from policies.models import Province
from tests import factories as make
from tests.dashboard.reminders.conftest import mails, make_officer, send

pytestmark = pytest.mark.django_db


def lines(text: str) -> list[str]:
    return [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- ")]


def codes(user: User) -> list[tuple[str, str]]:
    """The steps that a user was told of, each with the kind of record."""
    rows = Told.objects.filter(user=user).exclude(thing=Told.DIGEST).order_by("thing", "day", "code")
    return [(row.thing.partition(":")[0], row.code) for row in rows]


def test_a_digest_in_english(pilot: Pilot, jia: Province) -> None:
    editor = make_officer("editor", jia)
    make.target(pilot, make.indicator("AIR_A"), 100, 70)
    done = make.milestone(pilot, date(2026, 6, 2), completed_on=date(2026, 5, 30), title_en="Done")
    late = make.milestone(pilot, date(2026, 5, 28), title_en="Boilers replaced")
    follow_up = make.follow_up(pilot, number="2026-901", title_en="Explain the delay", due_on=date(2026, 6, 8))
    assert (
        mails("2026-06-03 08:30")["editor"]
        == f"""3 June 2026 · Jia Province

Follow-ups to sign for

- 2026-901 Explain the delay (Pilot City): to be signed for; due 8 June 2026, in 5 days
  https://tracker.example.org/actions/2026-901/

Not reported for 2025

- Pilot City: not handed in
  https://tracker.example.org/pilots/city/readings/

Milestones overdue or due within 30 days

- Boilers replaced (Pilot City): due 28 May 2026, 6 days late
  https://tracker.example.org/pilots/city/#milestone-{late.pk}

--
You get this because of your role. How often and in which language:
https://tracker.example.org/account/reminders/
"""
    )
    assert (mail.outbox[0].subject, mail.outbox[0].to) == ("3 June 2026: 3 things to look at", ["editor@example.org"])
    assert codes(editor) == [
        *(("follow_up", "before30"), ("follow_up", "assigned"), ("follow_up", "before7")),
        *(("milestone", "after1"), ("values", "after1"), ("values", "after7"), ("values", "after30")),
    ]
    assert done.name not in mail.outbox[0].body
    assert follow_up.number in mail.outbox[0].body


def test_a_digest_in_chinese(pilot: Pilot, jia: Province) -> None:
    make_officer("editor", jia, language="zh-hans")
    make.target(pilot, make.indicator("AIR_A"), 100, 70)
    make.milestone(pilot, date(2026, 5, 28), title_zh="锅炉更新")
    text = mails("2026-06-03 08:30")["editor"]
    assert text.startswith("2026年6月3日 · 甲省\n")
    assert "锅炉更新（试点城市）：期限2026年5月28日，逾期6天\n" in text
    message = mail.outbox[0]
    assert message.subject == "2026年6月3日：2项待关注"
    assert not re.search(r"[A-Za-z]{3,}", re.sub(r"https?://\S+", "", message.body))
    assert message.extra_headers["Content-Language"] == "zh-hans"


def test_each_step_is_told_once_and_nothing_new_is_no_mail(pilot: Pilot, jia: Province) -> None:
    editor = make_officer("editor", jia)
    make.reading(pilot, make.indicator("AIR_A"), "2025", 1)
    make.milestone(pilot, date(2026, 6, 15))
    days = ["2026-06-01", "2026-06-02", "2026-06-08", "2026-06-09", "2026-06-15", "2026-06-16", "2026-06-17"]
    assert [list(mails(f"{day} 09:00")) for day in days] == [["editor"], [], ["editor"], [], ["editor"], ["editor"], []]
    assert [code for _thing, code in codes(editor)] == ["before30", "before7", "before1", "after1"]


def test_a_milestone_that_is_planned_anew_is_told_anew(pilot: Pilot, jia: Province) -> None:
    editor = make_officer("editor", jia)
    milestone = make.milestone(pilot, date(2026, 6, 15))
    mails("2026-06-08 09:00")
    milestone.planned_on = date(2026, 6, 17)
    milestone.save()
    assert "editor" in mails("2026-06-10 09:00")
    assert [code for kind, code in codes(editor) if kind == "milestone"] == [
        "before30",
        "before30",
        "before7",
        "before7",
    ]


def test_a_block_has_five_lines_and_leads_to_all(pilot: Pilot, jia: Province) -> None:
    make_officer("editor", jia)
    for number in range(17):
        make.milestone(pilot, date(2026, 6, 10), title_en=f"Step {number:02}")
    text = mails("2026-06-08 09:00")["editor"]
    assert [line.partition(" (")[0] for line in lines(text) if line.startswith("Step")] == [
        f"Step {number:02}" for number in range(5)
    ]
    assert "  All 17: https://tracker.example.org/desk/#due-title\n" in text
    assert Told.objects.filter(thing__startswith="milestone:").count() == 34
    assert mails("2026-06-08 15:00") == {}


def test_red_is_news_once_for_the_province_and_the_ministry_also_after_an_outage(pilot: Pilot, jia: Province) -> None:
    """Red since 9 April; told on the next working day, and never later. Who comes later is told of what is red."""
    make_officer("editor", jia)
    make_officer("ministry")
    indicator = make.indicator("AIR_A")
    make.target(pilot, indicator, 100, 70)
    make.reading(pilot, indicator, "2025", 99, reported_on=date(2026, 4, 7), accepted_on=date(2026, 4, 9))
    days = ["2026-04-09", "2026-04-10", "2026-04-13"]
    told = [{name for name, text in mails(f"{day} 09:00").items() if "red since" in text} for day in days]
    assert told == [set(), {"editor", "ministry"}, set()]
    make_officer("new")
    found = mails("2026-06-10 09:00")
    assert "Pilot City: red since 9 April 2026; " in found["new"]
    assert "red since" not in "".join(text for name, text in found.items() if name != "new")


def test_reported_and_returned_follow_ups(pilot: Pilot, jia: Province) -> None:
    editor, ministry = make_officer("editor", jia), make_officer("ministry")
    follow_up = make.follow_up(pilot, (Move.SIGN, date(2026, 6, 2)), number="2026-901", due_on=date(2026, 9, 1))
    make.step(follow_up, Move.REPORT, date(2026, 6, 3), author=editor)
    assert "to be verified" not in mails("2026-06-03 09:00").get("ministry", "")
    assert "reported on 3 June 2026, to be verified" in mails("2026-06-04 09:00")["ministry"]
    make.step(
        follow_up,
        Move.RETURN,
        date(2026, 6, 4),
        author=ministry,
        remark="Name the boilers",
        new_due_on=date(2026, 9, 8),
    )
    found = mails("2026-06-05 09:00")
    assert list(found) == ["editor"]
    assert "Follow-ups returned\n\n- 2026-901" in found["editor"]
    assert "returned on 4 June 2026; Name the boilers; due 8 September 2026, in 95 days" in found["editor"]


def test_the_ministry_hears_of_what_stays_open_for_20_working_days(pilot: Pilot, jia: Province) -> None:
    """Due on 30 September 2026; the working days after it begin on 8 October, with a worked Saturday."""
    owner = make_officer("owner", jia)
    make_officer("editor", jia)
    make_officer("ministry")
    make.reading(pilot, make.indicator("AIR_A"), "2025", 1)
    make.follow_up(pilot, number="2026-901", due_on=date(2026, 9, 30), owner_user=owner)

    def told(day: str) -> list[str]:
        return sorted(name for name, text in mails(f"{day} 09:00").items() if "2026-901" in text)

    assert told("2026-09-29") == ["editor", "owner"]
    assert [told(f"2026-10-{day}") for day in ("07", "08", "14", "15")] == [[], ["editor", "owner"], [], []]
    assert [told(f"2026-{day}") for day in ("11-02", "11-03")] == [["editor", "owner"], ["ministry"]]
    assert "Follow-ups overdue by more than 20 working days" in mail.outbox[-1].body


def test_an_owner_in_the_ministry_is_told_as_a_province_is(pilot: Pilot) -> None:
    owner = make_officer("owner")
    make_officer("other")
    make.follow_up(pilot, number="2026-901", due_on=date(2026, 6, 8), owner_user=owner)
    assert ["2026-901" in text for text in mails("2026-06-03 09:00").values()] == [True]
    assert codes(owner) == [("follow_up", "before30"), ("follow_up", "assigned"), ("follow_up", "before7")]


def test_practices_that_wait(pilot: Pilot, jia: Province) -> None:
    make_officer("editor", jia)
    make_officer("ministry")
    make.target(pilot, make.indicator("AIR_A"), 100, 70)
    make.practice(pilot, title_en="Dry quenching", province=jia, proposed_on=date(2026, 6, 1))
    found = mails("2026-06-02 09:00")
    assert "Practices to review for the library\n\n- Dry quenching: proposed on 1 June 2026" in found["ministry"]
    assert "Dry quenching" not in found["editor"]


def test_values_that_nobody_reviewed(pilot: Pilot, jia: Province) -> None:
    make_officer("editor", jia)
    make_officer("ministry")
    indicator = make.indicator("AIR_A")
    make.target(pilot, indicator, 10, 8)
    make.reading(pilot, indicator, "2025", 9, reported_on=date(2026, 6, 1), accepted_on=None)
    found = mails("2026-06-02 09:00")
    assert "Values reported and not reviewed\n\n- Pilot City: 1 value, reported on 1 June 2026" in found["ministry"]
    assert list(found) == ["ministry"]  # the province has handed it in


def test_what_is_sent_back_is_told_to_the_province_on_the_next_day_and_by_its_date(pilot: Pilot, jia: Province) -> None:
    make_officer("editor", jia)
    ministry = make_officer("ministry")
    so2, milestone = make.indicator("AIR_A"), make.milestone(pilot, date(2026, 5, 1), title_en="Boilers replaced")
    back = {"accepted_on": None, "returned_on": date(2026, 6, 2), "answer_by": date(2026, 6, 10)}
    make.reading(pilot, so2, "2025", 9, **back)
    make.reading(pilot, make.indicator("AIR_B"), "2025", 9, disputed_on=date(2026, 6, 2))
    make.not_given(pilot, make.indicator("AIR_C"), 2025, text="private words", **back)
    make.completion(
        milestone, date(2026, 4, 30), objected_on=date(2026, 6, 2), objected_by=ministry, objection="Not in operation"
    )
    make.amendment(milestone, day=date(2026, 9, 1), asked_on=date(2026, 5, 28), decided_on=date(2026, 6, 2),
                   accepted=False, remark="Not without a plan")  # fmt: skip
    found = mails("2026-06-03 09:00")
    assert [line for line in lines(found["editor"]) if "due" not in line or "returned" in line] == [
        "AIR_A emissions 2025 (Pilot City): returned on 2 June 2026; due 10 June 2026, in 7 days",
        "AIR_C emissions 2025 (Pilot City): returned on 2 June 2026; due 10 June 2026, in 7 days",
        "AIR_B emissions 2025 (Pilot City): disputed on 2 June 2026",
        "Boilers replaced (Pilot City): objected to on 2 June 2026: Not in operation",
        "Boilers replaced (Pilot City): refused on 2 June 2026: 1 September 2026 (Not without a plan)",
    ]
    assert "private words" not in "".join(found.values())
    assert "AIR_A" not in mails("2026-06-04 09:00").get("editor", "")
    assert "returned on 2 June 2026; due 10 June 2026, in 1 day" in mails("2026-06-09 09:00")["editor"]
    make.reading(pilot, so2, "2025", 8, version=2, reported_on=date(2026, 6, 9), accepted_on=None)
    assert "AIR_A" not in mails("2026-06-11 09:00")["editor"]


def test_what_a_province_asks_for_is_told_to_the_ministry(pilot: Pilot, jia: Province) -> None:
    make_officer("editor", jia)
    make_officer("ministry")
    key = make.milestone(pilot, date(2026, 12, 1), title_en="Hub", is_key=True)
    target = make.target(pilot, make.indicator("AIR_A"), 100, 70)
    make.reading(pilot, target.indicator, "2025", 80)
    make.amendment(key, day=date(2027, 1, 1), asked_on=date(2026, 6, 2))
    make.amendment(target, value=80, steps={"2025": "90"}, asked_on=date(2026, 6, 2), reason_en="Census")
    make.milestone(pilot, date(2026, 12, 1), title_en="Grid", is_key=True, promised_on=None)
    Milestone.history.update(history_date=datetime(2026, 6, 2, 12, tzinfo=UTC))
    found = mails("2026-06-03 09:00")
    assert list(found) == ["ministry"]
    assert lines(found["ministry"]) == [
        "Hub (Pilot City): asked for: 1 January 2027 (The supplier is late)",
        "AIR_A emissions (Pilot City): asked for: 80 t, steps on the way: 2025: 90 (Census)",
        "Grid (Pilot City): 1 December 2026",
    ]


# -- rights ------------------------------------------------------------------------------------------------


def test_rights_are_those_of_the_moment(pilot: Pilot, jia: Province) -> None:
    """An editor who moved hears nothing of the former province, though named as owner there; nor does an inactive user,
    nor an administrator of accounts.
    """
    make_officer("admin", role=Role.ADMIN)
    moved, gone, stays = (make_officer(name, jia) for name in ("moved", "gone", "stays"))
    make.milestone(pilot, date(2026, 6, 9), title_en="Ours")
    make.follow_up(pilot, number="2026-901", owner_user=moved)
    Officer.objects.filter(user=moved).update(province=make.province(slug="yi"))
    User.objects.filter(pk=gone.pk).update(is_active=False)
    found = mails("2026-06-03 09:00")
    assert list(found) == ["stays"]
    assert "2026-901" in found["stays"]
    assert Told.objects.exclude(user=stays).count() == 0


def test_a_weekly_digest_comes_on_the_first_working_day_or_the_next_run(pilot: Pilot, jia: Province) -> None:
    """The week of 28 September 2026; the one after begins with the holiday, and 8 October is its first working day."""
    make_officer("editor", jia, rhythm="weekly")
    make.milestone(pilot, date(2026, 10, 10))
    days = ["09-29", "09-30", "10-07", "10-08", "10-09", "10-10"]
    make.milestone(pilot, date(2026, 10, 1))
    assert [list(mails(f"2026-{day} 09:00")) for day in days] == [["editor"], [], [], ["editor"], [], []]
    send("2026-10-12 09:00")
    assert mail.outbox[-1].subject == "12 October 2026: 1 thing to look at"
