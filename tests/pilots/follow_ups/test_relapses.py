"""Relapses from the days on which lights can change, against a computation of every single day."""

import random
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User

from pilots.analytics.pilot_status import PilotStatus, pilot_status, prefetch_for_status
from pilots.follow_ups.services import cause_colour, cause_relapse
from pilots.lights import Colour
from pilots.metrics import RELAPSE_DAYS
from pilots.models import FollowUp, Pilot
from tests import factories as make

pytestmark = pytest.mark.django_db
FIRST, LAST = date(2024, 11, 1), date(2026, 11, 20)
SEEDS = range(4)


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
    return prefetch_for_status(Pilot.objects.filter(pk=pilot.pk)).get()


@pytest.mark.parametrize("seed", SEEDS)
def test_relapses_are_those_of_every_day(seed: int) -> None:
    random_ = random.Random(seed)  # noqa: S311  # reproducible
    pilot = random_pilot(random_)
    days = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]
    first = pilot_status(pilot, FIRST)
    statuses: Mapping[date, PilotStatus] = {day: first.on(day) for day in days}
    causes = [
        FollowUp(cause="pilot"),
        *(FollowUp(cause="indicator", cause_target=target) for target in pilot.targets.all()),
        *(FollowUp(cause="milestone", cause_milestone=milestone) for milestone in pilot.milestones.all()),
    ]
    for day in random_.sample(days, 60):
        earlier = [n for n in days if n < day and statuses[n].colour != statuses[day].colour]
        if earlier:
            assert statuses[day].since == earlier[-1] + timedelta(1)
    relapsed = 0
    for cause in causes:
        colours = {day: cause_colour(cause, statuses[day]) for day in days}
        for closed_on in random_.sample(days, 40):
            if colours[closed_on] in {Colour.RED, Colour.GREY}:
                continue
            as_of = min(LAST, closed_on + timedelta(random_.randrange(1, 400)))
            end = min(as_of, closed_on + timedelta(RELAPSE_DAYS))
            later = (day for day in days if closed_on < day <= end and colours[day] == Colour.RED)
            expected = next(later, None)
            assert cause_relapse(cause, first, closed_on, as_of) == expected, (cause.cause, closed_on)
            relapsed += expected is not None
    assert relapsed > 3


def test_red_again_is_told_up_to_the_180th_day_after_closing() -> None:
    pilot = make.pilot(make.batch(announced_on=date(2024, 1, 15)), make.province())
    make.milestone(pilot, date(2025, 1, 1), is_key=True)
    status, red = pilot_status(pilot, LAST), date(2025, 4, 2)  # the 91st day
    found = [cause_relapse(FollowUp(cause="pilot"), status, red - timedelta(days), LAST) for days in (180, 181)]
    assert found == [red, None]
