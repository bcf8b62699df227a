"""Numbers of many follow-ups as of five days, against a plain computation from raw rows."""

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median
from typing import Any

import pytest

from pilots.analytics.pilot_status import pilot_status
from pilots.follow_ups.summary import AgeBand, FollowUpSummary, MedianDays, Share
from pilots.metrics.follow_up_states import TRANSITIONS, FollowUpState, Move
from pilots.models import FollowUp, FollowUpStep, Pilot
from policies.models import Agency
from tests.factories import (
    make_agency,
    make_batch,
    make_follow_up,
    make_milestone,
    make_pilot,
    make_province,
    make_step,
)

pytestmark = pytest.mark.django_db
DAYS = [date(2025, 3, 31), date(2025, 6, 30), date(2025, 12, 31), date(2026, 6, 15), date(2026, 11, 20)]
LIKELY = {Move.SIGN: 12, Move.REPORT: 12, Move.VERIFY: 8, Move.RETURN: 3}
Row = Mapping[str, Any]


def random_world(random_: random.Random) -> list[Pilot]:
    """Make pilots whose key milestones turn red and are done, and follow-ups in every state."""
    agency, pilots = make_agency(), []
    for _ in range(5):
        pilot = make_pilot(make_batch(announced_on=date(2026, 1, 1)), make_province())
        for _ in range(5):
            planned = date(2024, 8, 1) + timedelta(random_.randrange(700))
            done = planned + timedelta(random_.randrange(20, 300))
            make_milestone(pilot, planned, done if done < DAYS[-1] else None, is_key=random_.random() < 0.8)
        pilots.append(pilot)
    for _ in range(60):
        pilot = random_.choice(pilots)
        opened = date(2025, 1, 1) + timedelta(random_.randrange(500))
        milestone = random_.choice([None, *pilot.milestones.all()])
        cause = {"cause": "milestone", "cause_milestone": milestone} if milestone else {"cause": "pilot"}
        item = make_follow_up(
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
    pilot = make_pilot(make_batch(announced_on=date(2026, 1, 1)), make_province())
    make_milestone(pilot, date(2025, 3, 3), date(2025, 8, 1), is_key=True)
    make_milestone(pilot, date(2025, 8, 1), is_key=True)
    steps = [(Move.SIGN, date(2025, 7, 3)), (Move.REPORT, date(2025, 8, 2)), (Move.VERIFY, date(2025, 8, 4))]
    days = {"opened_on": date(2025, 7, 1), "due_on": date(2025, 7, 20)}
    make_follow_up(pilot, *steps, **days, owner_agency=agency, cause="pilot", cause_colour="red")


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
        make_step(item, move, day, new_due_on=new_due)
        state = transition.state or state


# -- the plain computation ---------------------------------------------------------------------------------


def colour_on_day(row: Row, day: date) -> str:
    status = pilot_status(Pilot.objects.get(pk=row["pilot_id"]), day)
    if row["cause"] == "pilot":
        return status.colour.value
    return next(m.colour.value for m in status.milestones if m.record.pk == row["cause_milestone_id"])


def plain_numbers(rows: Sequence[Row], steps: Sequence[Row], day: date) -> dict[str, Any]:
    """Compute every number from the raw rows alone."""
    n: dict[str, Any] = dict.fromkeys(
        ("total", "open", "overdue", "to_verify", "closed", "withdrawn", "in_time", "extended", "key_open"), 0
    ) | dict.fromkeys(("reported", "returned", "cleared", "rated", "unrated", "relapsed", "unwatched", "red"), 0)
    signed, closed, ages = [], [], []
    for row in rows:
        own = sorted(
            (s for s in steps if s["follow_up_id"] == row["id"] and s["taken_on"] <= day), key=lambda s: s["seq"]
        )
        if not own:
            continue
        state, moves = own[-1]["state"], [s["move"] for s in own]
        due = ([row["due_on"]] + [s["new_due_on"] for s in own if s["new_due_on"]])[-1]
        late = state in {"opened", "received"} and due < day
        n["total"] += 1
        n["extended"] += "extend" in moves
        n["reported"] += "report" in moves
        n["returned"] += "return" in moves
        n["red"] += row["cause_colour"] == "red"
        n["withdrawn"] += state == "withdrawn"
        n["to_verify"] += state == "reported"
        if "sign" in moves:
            signed.append((own[moves.index("sign")]["taken_on"] - row["opened_on"]).days)
        if state in {"opened", "received", "reported"}:
            n["open"] += 1
            n["overdue"] += late
            n["key_open"] += row["is_key"]
            ages.append(((day - row["opened_on"]).days, late))
        if state == "closed":
            on = own[-1]["taken_on"]
            closed.append((on - row["opened_on"]).days)
            reported = [s["taken_on"] for s in own if s["move"] == "report"][-1]
            in_force = [row["due_on"]] + [s["new_due_on"] for s in own if s["new_due_on"] and s["taken_on"] <= reported]
            n["closed"] += 1
            n["in_time"] += reported <= in_force[-1]
            if row["cause_colour"] == "red":
                colour = colour_on_day(row, on)
                n["unrated"] += colour == "grey"
                n["rated"] += colour != "grey"
                if colour not in {"red", "grey"}:
                    watched = [on + timedelta(d) for d in range(1, 181) if on + timedelta(d) <= day]
                    again = any(colour_on_day(row, later) == "red" for later in watched)
                    n["cleared"] += 1
                    n["relapsed"] += again
                    n["unwatched"] += len(watched) < 180 and not again
    bands = [(0, 30), (31, 90), (91, 180), (181, None)]
    inside = [[late for age, late in ages if first <= age <= (last or age)] for first, last in bands]
    n["ages"] = [AgeBand(*band, len(found), sum(found)) for band, found in zip(bands, inside, strict=True)]
    n["sign_days"] = MedianDays(median(signed) if signed else None, len(signed))
    n["close_days"] = MedianDays(median(closed) if closed else None, len(closed))
    return n


def test_the_numbers_of_five_days_are_those_of_the_raw_rows() -> None:
    random_world(random.Random(7))  # noqa: S311  # reproducible
    rows, steps = list(FollowUp.objects.values()), list(FollowUpStep.objects.values())
    seen = {"cleared": 0, "relapsed": 0, "unrated": 0, "in_time": 0, "overdue": 0}
    for day in DAYS:
        n = plain_numbers(rows, steps, day)
        stored = FollowUp.objects.with_state(day)
        found = FollowUpSummary(stored, day)
        assert (found.total, found.open, found.to_verify, found.closed, found.withdrawn) == (
            n["total"], n["open"], n["to_verify"], n["closed"], n["withdrawn"],
        )  # fmt: skip
        assert (stored.count(), stored.open().count(), stored.filter(is_overdue=True).count()) == (
            n["total"], n["open"], n["overdue"],
        )  # fmt: skip
        assert (found.overdue, found.extended, found.returned, found.closed_in_time, found.key_open) == (
            Share(n["overdue"], n["open"]),
            Share(n["extended"], n["total"]),
            Share(n["returned"], n["reported"]),
            Share(n["in_time"], n["closed"]),
            n["key_open"],
        )
        assert (found.cleared, found.relapsed) == (Share(n["cleared"], n["rated"]), Share(n["relapsed"], n["cleared"]))
        red = found.red
        assert (red.opened, red.not_rated, found.not_watched_yet) == (n["red"], n["unrated"], n["unwatched"])
        assert red.opened == red.open + red.closed + red.withdrawn
        assert red.closed == red.cleared + red.still_red + red.not_rated
        assert (found.days_to_sign, found.days_to_close) == (n["sign_days"], n["close_days"])
        assert found.ages == n["ages"]
        seen = {name: seen[name] + n[name] for name in seen}
    assert all(seen.values()), seen  # no number is right for want of cases


def test_no_follow_ups_no_shares() -> None:
    found = FollowUpSummary([], DAYS[0])
    assert (found.open, found.overdue, found.overdue.percent, found.days_to_close) == (
        0,
        Share(0, 0),
        None,
        MedianDays(None, 0),
    )
