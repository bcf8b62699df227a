"""The life of a follow-up through its services: opened from a red light, reported, returned, closed, red again."""

from datetime import date

import pytest

from pilots.follow_ups.analytics import build_follow_ups, build_summary, follow_up_status, open_by_pilot
from pilots.follow_ups.services import open_follow_up, take_step
from pilots.metrics.follow_up_states import FollowUpState, Move
from pilots.metrics.follow_ups import Share
from pilots.models import FollowUp, Pilot
from tests.factories import make_batch, make_milestone, make_pilot, make_province
from tests.pilots.follow_ups.support import make_user, new_follow_up

pytestmark = pytest.mark.django_db


@pytest.fixture
def pilot() -> Pilot:
    """A pilot with a key milestone that is red from 2 June 2025 until it is done on 1 August."""
    pilot = make_pilot(make_batch(announced_on=date(2025, 1, 10)), make_province())
    make_milestone(pilot, date(2025, 3, 3), date(2025, 8, 1), is_key=True, title_en="Furnace 2", title_zh="二号炉")
    return pilot


def test_a_red_light_from_opening_to_relapse(pilot: Pilot) -> None:
    minister, other = make_user("minister"), make_user("other")
    editor = make_user("editor", "provincial_editor", pilot.province)
    item = open_follow_up(new_follow_up(pilot, opened_on=date(2025, 7, 1), due_on=date(2025, 7, 20)), by=minister)
    assert (item.number, item.cause_colour, item.province) == ("2025-001", "red", pilot.province)
    assert item.cause_reason_en == "Furnace 2 is 120 days overdue"
    assert item.cause_reason_zh == "“二号炉”逾期120天"
    take_step(item, Move.SIGN, by=editor, taken_on=date(2025, 7, 3))
    take_step(item, Move.REPORT, by=editor, taken_on=date(2025, 7, 21), remark="Done.")
    new_due = date(2025, 8, 5)
    take_step(item, Move.RETURN, by=minister, taken_on=date(2025, 7, 25), remark="Not yet.", new_due_on=new_due)
    take_step(item, Move.REPORT, by=editor, taken_on=date(2025, 8, 2), remark="Done now.")
    take_step(item, Move.VERIFY, by=other, taken_on=date(2025, 8, 4))

    status = follow_up_status(item, date(2025, 10, 1))
    assert (status.state, status.closed_in_time, status.returned) == (FollowUpState.CLOSED, True, 1)
    assert (status.signed_on, status.reported_on, status.closed_on) == (
        date(2025, 7, 3),
        date(2025, 8, 2),
        date(2025, 8, 4),
    )
    assert (status.cleared, status.relapsed_on, status.watched, status.cause_colour_now) == (True, None, False, "green")

    make_milestone(pilot, date(2025, 8, 1), is_key=True)  # red when more than 90 days late
    status = follow_up_status(FollowUp.objects.get(), date(2025, 12, 1))
    assert (status.cleared, status.relapsed_on, status.cause_colour_now) == (True, date(2025, 10, 31), "red")
    before = follow_up_status(FollowUp.objects.get(), date(2025, 10, 30))
    assert (before.cleared, before.relapsed_on, before.cause_colour_now) == (True, None, "yellow")

    summary = build_summary(build_follow_ups(FollowUp.objects.all(), date(2025, 12, 1)), date(2025, 12, 1))
    assert (summary.cleared, summary.relapsed, summary.not_watched_yet) == (Share(1, 1), Share(1, 1), 0)
    assert open_by_pilot([pilot.pk], date(2025, 12, 1)) == {}
    assert [s.follow_up for s in open_by_pilot([pilot.pk], date(2025, 8, 3))[pilot.pk]] == [item]


def test_a_follow_up_on_days_of_its_life(pilot: Pilot) -> None:
    """States, due dates and days late by the database and in memory alike."""
    user = make_user("minister")
    item = open_follow_up(new_follow_up(pilot, opened_on=date(2025, 7, 1), due_on=date(2025, 7, 20)), by=user)
    take_step(item, Move.SIGN, by=user, taken_on=date(2025, 7, 3))
    take_step(item, Move.EXTEND, by=user, taken_on=date(2025, 7, 23), remark="Holidays.", new_due_on=date(2025, 8, 1))
    take_step(item, Move.WITHDRAW, by=user, taken_on=date(2025, 8, 4), remark="Not needed.")
    expected = {
        date(2025, 6, 30): None,
        date(2025, 7, 1): ("opened", date(2025, 7, 20), 0, False, None),
        date(2025, 7, 20): ("received", date(2025, 7, 20), 0, False, None),
        date(2025, 7, 22): ("received", date(2025, 7, 20), 0, True, 2),
        date(2025, 7, 23): ("received", date(2025, 8, 1), 1, False, None),
        date(2025, 8, 3): ("received", date(2025, 8, 1), 1, True, 2),
        date(2025, 8, 4): ("withdrawn", date(2025, 8, 1), 1, False, None),
    }
    for day, values in expected.items():
        statuses = build_follow_ups(FollowUp.objects.all(), day)
        stored = FollowUp.objects.known(day).with_state(day)
        assert [(s.state, s.due_on, s.extended, s.overdue, s.days_late) for s in statuses] == (
            [values] if values else []
        )
        assert [(row.state, row.current_due_on, row.times_extended, bool(row.is_overdue)) for row in stored] == (
            [values[:4]] if values else []
        )
    with pytest.raises(FollowUp.DoesNotExist):
        follow_up_status(item, date(2025, 6, 30))
