"""Colour of the cause, cleared and red again: what the API gives from stored lights, against the rules of every day."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core.days import today
from pilots.lights import Colour, Records, item_lights, milestone_light, pilot_reasons, target_light
from pilots.metrics import RELAPSE_DAYS, Move
from pilots.models import FollowUp, ItemLight, Pilot
from pilots.stored_lights import read_records
from tests import factories as make
from tests.support.csv_files import csv_records

pytestmark = pytest.mark.django_db
FIRST, LAST = date(2024, 11, 1), date(2026, 11, 20)
SEEDS = range(1, 5)


def random_day(random_: random.Random) -> date:
    return FIRST + timedelta(random_.randrange((LAST - FIRST).days))


def random_pilot(random_: random.Random) -> Pilot:
    """Make a pilot with targets of every kind, several versions of readings, milestones, overrides and an end."""
    pilot = make.pilot(make.batch(announced_on=date(2024, 1, 15), asked_from=2024), make.province())
    for n, kind in enumerate(("reach", "limit", "keep")):
        indicator = make.indicator(f"X{pilot.pk}{n}")
        make.target(pilot, indicator, 100, 60, kind=kind, target_year=2025, binding=random_.random() < 0.5)
        for year in (2024, 2025):
            for version in range(1, random_.randrange(1, 4)):
                value = Decimal(random_.randrange(40, 140))
                day = random_day(random_)
                disputed = {"disputed_on": random_.choice([None, None, day + timedelta(30)])}
                days = {"reported_on": day, "accepted_on": day, **disputed}
                make.reading(pilot, indicator, str(year), value, version=version, **days)
    for _ in range(4):
        done = random_.choice([None, random_day(random_)])
        make.milestone(pilot, random_day(random_), done, is_key=random_.random() < 0.6)
    author = User.objects.get_or_create(username="author")[0]
    for _ in range(2):
        start = random_day(random_)
        colour = random_.choice(["red", "green", "yellow"])
        make.override(pilot, colour, author, set_on=start, expires_on=start + timedelta(random_.randrange(1, 90)))
    if random_.random() < 0.3:
        pilot.withdrawn_on = random_day(random_)
        pilot.save()
    return pilot


def reported(pilot: Pilot, on: date, **fields: Any) -> FollowUp:
    """Make a follow-up of a red light, by default the pilot's, that is reported on a day."""
    days = {"opened_on": on - timedelta(20), "due_on": on + timedelta(20)}
    fields = {"cause": "pilot", "cause_colour": "red", **days, **fields}
    return make.follow_up(pilot, (Move.SIGN, on), (Move.REPORT, on), **fields)


def by_rules(item: FollowUp, records: Records, day: date) -> str:
    """Return the colour of the cause on a day, judged then."""
    for rows, key, light in (
        (records.targets, item.cause_target_id, target_light),
        (records.milestones, item.cause_milestone_id, milestone_light),
    ):
        if key:
            (row,) = [row for row in rows if row.pk == key]
            return light(records, row, day).colour
    return pilot_reasons(records, item_lights(records, day), day)[0].effect or Colour.GREY


def expected(item: Any, records: Records, as_of: date) -> tuple[str, str]:
    """Return the colour on the day, and the first day on which a cleared one was red again."""
    watched = range(1, RELAPSE_DAYS + 1) if item.cleared else ()
    days = (day for n in watched if (day := item.closed_on + timedelta(n)) <= as_of)
    again = next((day for day in days if by_rules(item, records, day) == Colour.RED), "")
    return by_rules(item, records, as_of), str(again)


def given(as_of: date, **chosen: str) -> dict[str, tuple[str, str]]:
    rows = csv_records(Client().get("/api/v1/actions/", {"as_of": as_of.isoformat(), "format": "csv", **chosen}))
    return {row["number"]: (row["cause_colour_now"], row["relapsed_on"]) for row in rows if row["cause"]}


def compare(as_of: date, **chosen: str) -> Iterator[bool]:
    """Compare the follow-ups on a day, and yield whether each was red again."""
    found = given(as_of, **chosen)
    items = FollowUp.objects.with_state(as_of).filter(number__in=found)
    records = {one.pilot.pk: one for one in read_records([item.pilot_id for item in items if item.pilot_id])}
    for item in items:
        assert found[item.number] == expected(item, records[item.pilot_id or 0], as_of), (item.cause, item.closed_on)
        yield bool(found[item.number][1])


@pytest.mark.parametrize("seed", SEEDS)
def test_relapses_are_those_of_every_day(seed: int) -> None:
    random_ = random.Random(seed)  # noqa: S311  # reproducible
    pilot = random_pilot(random_)
    (records,) = read_records([pilot.pk])
    causes = [
        {"cause": "pilot"},
        *({"cause": "indicator", "cause_target": target} for target in pilot.targets.all()),
        *({"cause": "milestone", "cause_milestone": milestone} for milestone in pilot.milestones.all()),
    ]
    for cause in causes:
        for closed_on in (random_day(random_) for _ in range(8)):
            item = reported(pilot, closed_on, **cause)
            assert make.step(item, Move.VERIFY, closed_on).cause_colour == by_rules(item, records, closed_on)
    relapsed = [
        again for day in (random_day(random_), date(2026, 3, 1), LAST) for again in compare(day, pilot=pilot.slug)
    ]
    assert sum(relapsed) > 3


@pytest.mark.usefixtures("demo")
def test_the_demonstration_is_as_the_rules_say() -> None:
    for day in (date(2025, 12, 31), date(2026, 6, 30), today()):
        list(compare(day))


@pytest.mark.parametrize(
    ("days", "again"),
    [
        pytest.param(1, date(2025, 4, 2), id="on the next day"),
        pytest.param(RELAPSE_DAYS, date(2025, 4, 2), id="on the last day that is watched"),
        pytest.param(RELAPSE_DAYS + 1, None, id="later"),
        pytest.param(-1, date(2025, 4, 4), id="red when closed, as is known now"),
    ],
)
def test_red_again_is_told_up_to_the_180th_day_after_closing(days: int, again: date | None, client: Client) -> None:
    """The first day counts on which it is red; one that was told to be green on a red day is red again on the next."""
    pilot = make.pilot(make.batch(announced_on=date(2024, 1, 15)), make.province())
    make.milestone(pilot, date(2025, 1, 1), is_key=True)
    closed_on = date(2025, 4, 2) - timedelta(days)  # it is red from the 91st day
    item = reported(pilot, closed_on, number="2019-001")
    make.step(item, Move.VERIFY, closed_on, cause_colour="green")
    own = client.get("/api/v1/actions/2019-001/").json()
    assert (own["cleared"], own["relapsed_on"]) == (True, again and again.isoformat())
    on_the_day = client.get("/api/v1/actions/2019-001/", {"as_of": closed_on.isoformat()}).json()
    assert (on_the_day["cleared"], on_the_day["relapsed_on"]) == (True, None)
    red = client.get("/api/v1/followup/", {"pilot": pilot.slug}).json()["red"]
    assert (red["cleared"], red["relapsed"], red["watched"]) == (1, int(again is not None), 1)
    listed = csv_records(client.get(f"/actions/?result=relapsed&pilot={pilot.slug}&export=follow-ups.csv"))
    assert [row["Red again on"] for row in listed] == ([again.isoformat()] if again else [])


def test_a_promise_without_a_light_is_grey(client: Client) -> None:
    pilot = make.pilot(make.batch(), make.province())
    target = make.target(pilot, make.indicator("AIR_A"), 100, 70)
    make.follow_up(pilot, number="2019-001", cause="indicator", cause_target=target, cause_colour="red")
    ItemLight.objects.all().delete()
    assert client.get("/api/v1/actions/2019-001/").json()["cause_colour_now"] == "grey"
