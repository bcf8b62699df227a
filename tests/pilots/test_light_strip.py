"""The strip of lights on the page of a pilot: every day of each colour with its reason, and what is to come."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from core.days import today
from pilots.models import Pilot
from tests import factories as make

pytestmark = pytest.mark.django_db
NOW = today()


@pytest.fixture
def pilot(empty: None) -> Pilot:
    start = NOW - timedelta(200)
    batch = make.batch(slug="first", announced_on=start, term_start=start, term_end=NOW + timedelta(30))
    pilot = make.pilot(batch, make.province(slug="here"), slug="city", name_en="City")
    make.milestone(pilot, NOW - timedelta(40), is_key=True, promised_on=start, title_en="Plan")
    return pilot


def strip_on(client: Client, day: date) -> Any:
    page = client.get(f"/pilots/city/?as_of={day}").context
    return {**page["lights"], "table": page["tables"]["lights"]}


def told(lights: Any) -> list[tuple[Any, ...]]:
    return [(str(part["span"].colour), part["span"].since, part["span"].days) for part in lights["parts"]]


def test_the_strip_tells_each_colour_and_what_follows_if_nothing_is_entered(pilot: Pilot, client: Client) -> None:
    lights = strip_on(client, NOW)
    late, red = NOW - timedelta(39), NOW + timedelta(51)
    assert told(lights) == [
        ("grey", NOW - timedelta(200), 161),
        ("yellow", late, 39),
        ("yellow", NOW + timedelta(1), 50),
        ("red", red, None),
    ]
    assert [part["span"].is_ahead for part in lights["parts"]] == [False, False, True, True]
    assert lights["title"] == f"Yellow for 39 days; red from {red.day} {red:%B %Y} on if nothing more is entered"
    assert [(str(colour), days) for colour, days in lights["days"]] == [("yellow", 39), ("grey", 161)]
    reasons = [row[1].value for row in lights["table"].rows]
    assert reasons == [
        "Plan is 91 days overdue",
        "Plan is 41 days overdue",
        "Plan is 40 days overdue",
        f"Not rated yet: nothing binding is due before {NOW - timedelta(40):%-d %B %Y}",
    ]
    file = b"".join(client.get("/pilots/city/?export=lights.csv").streaming_content).decode()
    assert f"Red,Plan is 91 days overdue,{red},,,yes" in file


def test_of_a_past_day_nothing_later_is_told(pilot: Pilot, client: Client) -> None:
    lights = strip_on(client, NOW - timedelta(30))
    assert told(lights) == [("grey", NOW - timedelta(200), 161), ("yellow", NOW - timedelta(39), 9)]
    assert lights["title"] == "Yellow for 9 days"
    assert b"red from" not in client.get(f"/pilots/city/?as_of={NOW - timedelta(30)}").content


def test_a_pilot_without_a_promise_has_one_grey_part(pilot: Pilot, client: Client) -> None:
    pilot.milestones.all().delete()
    lights = strip_on(client, NOW)
    assert told(lights) == [("grey", NOW - timedelta(200), 200)]
    assert lights["title"] == "Grey"
