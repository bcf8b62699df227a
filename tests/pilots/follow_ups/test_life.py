"""The life of a follow-up through its services: opened from a red light, reported, returned, closed, red again."""

from datetime import date

import pytest

from pilots.follow_ups.services import open_follow_up, take_step
from pilots.metrics.follow_up_states import Move
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


def test_a_follow_up_on_days_of_its_life(pilot: Pilot) -> None:
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
        rows = FollowUp.objects.with_state(day)
        found = [(row.state, row.current_due_on, row.times_extended, row.is_overdue, row.days_late) for row in rows]
        assert found == ([values] if values else [])


def test_whether_the_light_was_cleared_is_kept_as_it_was_known_at_the_closing(pilot: Pilot) -> None:
    user, verifier = make_user("minister"), make_user("verifier")
    item = open_follow_up(new_follow_up(pilot, opened_on=date(2025, 7, 1), due_on=date(2025, 7, 20)), by=user)
    take_step(item, Move.SIGN, by=user, taken_on=date(2025, 7, 3))
    take_step(item, Move.REPORT, by=user, taken_on=date(2025, 8, 2), remark="Done.")
    assert take_step(item, Move.VERIFY, by=verifier, taken_on=date(2025, 8, 4)).cause_colour not in {"", "red"}
    pilot.milestones.update(completed_on=None)  # what is corrected later does not rewrite it
    assert FollowUp.objects.with_state(date(2025, 12, 1)).get().cleared is True
