"""The stored lights in the API: periods up to the day, the running one open."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pilots.models import Pilot
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def pilot(empty: None) -> Pilot:
    batch = make.batch(slug="first", announced_on=date(2024, 1, 1), term_start=date(2024, 1, 1))
    pilot = make.pilot(batch, make.province(slug="here"), slug="city", name_en="City")
    make.milestone(pilot, date(2026, 1, 31), is_key=True, promised_on=date(2024, 1, 1))
    make.stage(pilot, "listed", date(2024, 1, 1))
    return pilot


def periods(client: Client, query: str = "", *names: str) -> Any:
    answer = client.get(f"/api/v1/lights/?{query}")
    assert answer.status_code == 200, answer.content
    return [tuple(row[name] for name in names) for row in answer.json()["results"]]


def test_periods_end_with_the_running_one_of_the_day(pilot: Pilot, client: Client) -> None:
    columns = ("since", "until", "light", "light_since", "milestones_late")
    before = [(None, "2024-01-01", "grey", None, 0), ("2024-01-01", "2026-02-01", "grey", None, 0)]
    late = [*before, ("2026-02-01", "2026-05-02", "yellow", "2026-02-01", 1)]
    assert periods(client, "as_of=2026-06-01&ordering=since", *columns) == [
        *late,
        ("2026-05-02", None, "red", "2026-05-02", 1),
    ]
    assert periods(client, "as_of=2026-03-01", *columns) == [*before, ("2026-02-01", None, "yellow", "2026-02-01", 1)]
    running = periods(client, "as_of=2026-06-01&until__isnull=true&light=red", "light", "why", "milestone", "stage")
    [(light, why, milestone, stage)] = running
    assert (light, why["code"], milestone["id"], stage) == ("red", "late", pilot.milestones.get().pk, "listed")
    assert periods(client, "as_of=2026-03-01&light=red", "light") == []


def test_a_light_set_by_hand_shows_the_computed_one_too(pilot: Pilot, client: Client) -> None:
    ministry = User.objects.create(username="ministry")
    make.override(pilot, "green", ministry, set_on=date(2026, 3, 1), expires_on=date(2026, 3, 10))
    found = periods(client, "as_of=2026-03-20&since__gte=2026-02-01", "since", "until", "light", "computed", "why")
    assert [(*row[:4], row[4]["code"]) for row in found] == [
        ("2026-02-01", "2026-03-01", "yellow", "yellow", "late"),
        ("2026-03-01", "2026-03-10", "green", "yellow", "by_hand"),
        ("2026-03-10", None, "yellow", "yellow", "late"),
    ]


def test_periods_of_withdrawn_pilots_are_asked_for(pilot: Pilot, client: Client) -> None:
    Pilot.objects.filter(pk=pilot.pk).update(withdrawn_on=date(2026, 4, 1))
    pilot.refresh_from_db()
    pilot.save()
    assert periods(client, "as_of=2026-06-01", "light") == []
    found = periods(client, "as_of=2026-06-01&withdrawn=only&until__isnull=true", "pilot", "since", "why", "reached")
    assert [(row[0]["slug"], row[1], row[2]["code"], row[3]) for row in found] == [
        ("city", "2026-04-01", "withdrawn", None)
    ]


def test_a_file_has_all_periods_and_there_are_no_other_addresses(pilot: Pilot, client: Client) -> None:
    lines = client.get("/api/v1/lights/?as_of=2026-06-01&format=csv")
    rows = b"".join(lines.streaming_content).decode().splitlines()
    assert len(rows) == 5
    assert rows[1].startswith("city,,2024-01-01,grey,grey,")
    assert client.get("/api/v1/lights/1/").status_code == 404
    assert client.post("/api/v1/lights/").status_code == 405
    assert client.get("/api/v1/").json()["lights"].endswith("/api/v1/lights/")
