"""Numbers of many follow-ups as of five days."""

import random
from datetime import date, timedelta

import pytest

from pilots.follow_ups.summary import FollowUpSummary
from pilots.metrics.follow_up_states import TRANSITIONS, FollowUpState, Move
from pilots.models import FollowUp, Pilot
from policies.models import Agency
from tests import factories as make
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db
DAYS = [date(2025, 3, 31), date(2025, 6, 30), date(2025, 12, 31), date(2026, 6, 15), date(2026, 11, 20)]
LIKELY = {Move.SIGN: 12, Move.REPORT: 12, Move.VERIFY: 8, Move.RETURN: 3}


def random_world(random_: random.Random) -> list[Pilot]:
    """Make pilots whose key milestones turn red and are done, and follow-ups in every state."""
    agency, pilots = make.agency(), []
    for _ in range(5):
        pilot = make.pilot(make.batch(announced_on=date(2026, 1, 1)), make.province())
        for _ in range(5):
            planned = date(2024, 8, 1) + timedelta(random_.randrange(700))
            done = planned + timedelta(random_.randrange(20, 300))
            make.milestone(pilot, planned, done if done < DAYS[-1] else None, is_key=random_.random() < 0.8)
        pilots.append(pilot)
    for _ in range(60):
        pilot = random_.choice(pilots)
        opened = date(2025, 1, 1) + timedelta(random_.randrange(500))
        milestone = random_.choice([None, *pilot.milestones.all()])
        cause = {"cause": "milestone", "cause_milestone": milestone} if milestone else {"cause": "pilot"}
        item = make.follow_up(
            pilot,
            opened_on=opened,
            due_on=opened + timedelta(random_.randrange(10, 90)),
            owner_agency=agency,
            is_key=random_.random() < 0.2,
            cause_colour=random_.choice(["red", "red", "red", "yellow"]),
            **cause,
        )
        random_steps(random_, item)
    make_relapse(agency)
    return pilots


def make_relapse(agency: Agency) -> None:
    """Make a follow-up whose cause was not red when it was closed, and red again from 31 October 2025."""
    pilot = make.pilot(make.batch(announced_on=date(2026, 1, 1)), make.province())
    make.milestone(pilot, date(2025, 3, 3), date(2025, 8, 1), is_key=True)
    make.milestone(pilot, date(2025, 8, 1), is_key=True)
    steps = [(Move.SIGN, date(2025, 7, 3)), (Move.REPORT, date(2025, 8, 2)), (Move.VERIFY, date(2025, 8, 4))]
    days = {"opened_on": date(2025, 7, 1), "due_on": date(2025, 7, 20)}
    make.follow_up(pilot, *steps, **days, owner_agency=agency, cause="pilot", cause_colour="red")


def random_steps(random_: random.Random, item: FollowUp) -> None:
    state, day = FollowUpState.OPENED, item.opened_on
    for _ in range(random_.randrange(8)):
        moves = [move for start, move in TRANSITIONS if start == state]
        day += timedelta(random_.randrange(25))
        if not moves or day > DAYS[-1]:
            return
        (move,) = random_.choices(moves, [LIKELY.get(move, 1) for move in moves])
        transition = TRANSITIONS[state, move]
        new_due = day + timedelta(random_.randrange(40)) if transition.new_due else None
        make.step(item, move, day, new_due_on=new_due)
        state = transition.state or state


SIMPLE = ("total", "open", "to_verify", "closed", "withdrawn", "key_open", "not_watched_yet")
SHARES = ("overdue", "extended", "returned", "closed_in_time", "cleared", "relapsed")


def test_the_numbers_of_five_days_hold_cases_of_all(db: None) -> None:
    """They were once computed from the raw rows too: look at the difference when one changes."""
    random_world(random.Random(7))  # noqa: S311  # reproducible
    said = {}
    for day in DAYS:
        stored = FollowUp.objects.with_state(day)
        found = FollowUpSummary(stored, day)
        red = found.red
        assert (stored.count(), stored.open().count()) == (found.total, found.open)
        assert stored.filter(is_overdue=True).count() == found.overdue.n
        assert red.opened == red.open + red.closed + red.withdrawn
        assert red.closed == red.cleared + red.still_red + red.not_rated
        said[str(day)] = {
            **{name: getattr(found, name) for name in (*SIMPLE, *SHARES)},
            "red": [red.opened, red.open, red.withdrawn, red.cleared, red.still_red, red.not_rated],
            "days to sign and to close": [found.days_to_sign, found.days_to_close],
            "ages": found.ages,
        }
    assert_snapshot("follow-up-summary", said)
