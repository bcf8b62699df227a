"""Lights of provinces and batches, counted and sorted by the database."""

from collections import Counter
from datetime import date

import pytest
from django.test import Client

from pilots.analytics.pilot_status import build_statuses
from pilots.lights import LIGHTS
from pilots.models import Pilot
from policies.models import Province
from tests.support.csv_files import csv_records

pytestmark = pytest.mark.django_db
DAYS = ("2025-06-30", "2026-04-15", "2026-11-28")


def judged(day: str) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    """Return the lights by province and by batch, each pilot judged by the rules."""
    keys = Pilot.objects.listed(date.fromisoformat(day)).values_list("pk", flat=True)  # type: ignore[attr-defined]
    places: dict[str, Counter[str]] = {}
    batches: dict[str, Counter[str]] = {}
    for status in build_statuses(keys, date.fromisoformat(day)):
        first = status.shown_reasons[0]
        colour = (first.colour if status.override else first.effect or first.colour).value
        places.setdefault(status.pilot.province.name, Counter())[colour] += 1
        batches.setdefault(status.pilot.batch.label, Counter())[colour] += 1
    return places, batches


@pytest.mark.parametrize("day", DAYS)
def test_lists_count_the_lights_of_the_rules(demo: None, client: Client, day: str) -> None:
    places, batches = judged(day)
    rows = csv_records(client.get("/provinces/", {"as_of": day, "export": "provinces-list.csv"}))
    counted = {row["Province"]: (row["Pilots recorded"], row["Red"], row["Yellow"]) for row in rows}
    for province in Province.objects.roster():
        n = places.get(province.name, Counter())
        rated = n.total() > n["grey"]
        shown = [str(n[colour]) if rated else "" for colour in ("red", "yellow")]
        assert counted[province.name] == (str(n.total()), *shown), province
    rows = csv_records(client.get("/batches/", {"as_of": day, "export": "batches.csv"}))
    for row in rows:
        n = batches.get(row["Batch"], Counter())
        rated = n.total() > n["grey"]
        assert all(row[colour.label] == (str(n[colour.value]) if rated else "") for colour in LIGHTS), row["Batch"]
    assert sum(n.total() for n in batches.values()) == sum(int(row["Recorded"]) for row in rows)


@pytest.mark.parametrize("sort", ["name", "pilots", "red", "yellow", "not_reported", "status", "known", "lag"])
def test_provinces_are_sorted_by_each_column(demo: None, client: Client, sort: str) -> None:
    query = {"export": "provinces-list.csv"}
    nothing = csv_records(client.get("/provinces/", {**query, "sort": sort, "as_of": "1990-01-01"}))
    listed = [csv_records(client.get("/provinces/", {**query, "sort": word})) for word in (sort, f"-{sort}")]
    assert [row["Province"] for row in listed[0]] != [row["Province"] for row in listed[1]]
    for rows in (listed[1], nothing):  # before there are plans and pilots too
        assert {row["Province"] for row in listed[0]} == {row["Province"] for row in rows}
