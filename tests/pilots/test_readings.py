"""The newest accepted version on a day: queryset and list agree, and lights, trend and data quality with them."""

from datetime import date
from itertools import product
from typing import Any

import pytest
from django.test import Client

from pilots.models import Indicator, Pilot, Reading, Target
from pilots.progress import brought, with_facts
from pilots.quality.faults import base_read_otherwise
from pilots.readings import newest_accepted, newest_accepted_of, newest_reported, newest_reported_of
from tests.factories import make_batch, make_indicator, make_pilot, make_province, make_reading, make_target

pytestmark = pytest.mark.django_db
MARCH, MAY, JULY = date(2026, 3, 20), date(2026, 5, 20), date(2026, 7, 20)
DAYS = [date(2026, 2, 19), MARCH, date(2026, 5, 19), MAY, JULY, date(2026, 11, 1)]
FATES: dict[str, dict[str, Any]] = {
    "accepted": {"state": "accepted"},
    "waiting": {"state": "reported", "accepted_on": None},
    "refused": {"state": "disputed", "accepted_on": None},
    "doubted since": {"state": "disputed"},
}


@pytest.fixture
def every_course(empty: None) -> dict[tuple[str, ...], Pilot]:
    """A pilot for each course that three versions of one value can take, and a quarter beside it."""
    batch, province, nox = make_batch(), make_province(), make_indicator("AIR_NOX")
    found = {}
    for course in product(FATES, repeat=3):
        pilot = found[course] = make_pilot(batch, province)
        for version, (fate, day) in enumerate(zip(course, (MARCH, MAY, JULY), strict=True), 1):
            about = {"reported_on": day, "accepted_on": day, **FATES[fate]}
            make_reading(pilot, nox, "2025", 100 + version, version=version, **about)
        make_reading(pilot, nox, "2025-Q1", 20, reported_on=MARCH, accepted_on=MAY)
    return found


@pytest.mark.parametrize("day", DAYS)
def test_the_queryset_and_the_list_agree(every_course: dict[tuple[str, ...], Pilot], day: date) -> None:
    rows = list(Reading.objects.order_by("-pk"))  # in any order
    assert {item.pk for item in newest_accepted_of(rows, day)} == {item.pk for item in newest_accepted(day)}
    reported = Reading.objects.filter(newest_reported(day), reported_on__lte=day)
    assert {item.pk for item in newest_reported_of(rows, day)} == {item.pk for item in reported}


def counting(pilot: Pilot, day: date) -> int | None:
    """The version of the year that counts; None where nothing does."""
    found = newest_accepted(day, Reading.objects.filter(pilot=pilot, period="2025")).values_list("version", flat=True)
    return next(iter(found), None)


def test_a_version_disputed_since_stands_for_nothing_and_one_never_accepted_in_no_way(
    every_course: dict[tuple[str, ...], Pilot],
) -> None:
    said = {course: [counting(pilot, day) for day in DAYS] for course, pilot in every_course.items()}
    assert said["accepted", "accepted", "accepted"] == [None, 1, 1, 2, 3, 3]
    assert said["accepted", "doubted since", "waiting"] == [None, 1, 1, None, None, None]
    assert said["accepted", "doubted since", "accepted"] == [None, 1, 1, None, 3, 3]
    assert said["accepted", "refused", "waiting"] == [None, 1, 1, 1, 1, 1]
    assert said["waiting", "refused", "doubted since"] == [None] * 6


def test_lights_trend_and_quality_take_the_same_version(
    client: Client, every_course: dict[tuple[str, ...], Pilot]
) -> None:
    """What a pilot's light is judged by, what the trend sums, and what a base is held against."""
    nox = Indicator.objects.get(code="AIR_NOX")
    for pilot in every_course.values():
        make_target(pilot, nox, 100, 50, base_year=2025)  # no version says 100, so each that counts differs from it
    pilots = list(with_facts(Pilot.objects.all()))
    for day in DAYS:
        counts = {item.pilot_id: item for item in newest_accepted(day, Reading.objects.filter(period="2025"))}
        judged = {
            pilot.pk: item.pk
            for pilot in pilots
            for item in newest_accepted_of(brought(pilot, "readings"), day)
            if item.period == "2025"
        }
        assert judged == {pk: item.pk for pk, item in counts.items()}
        years = client.get(f"/api/v1/trend/?indicator=AIR_NOX&as_of={day}").json()["years"]
        assert [(row["year"], row["n"], row["total"]) for row in years] == (
            [(2025, len(counts), sum(item.value for item in counts.values()))] if counts else []
        )
        assert disagreeing(day) == set(counts)


def disagreeing(day: date) -> set[int]:
    """The pilots whose base is said to differ from the value that counts, by data quality."""
    return set(Target.objects.filter(base_read_otherwise(day)).values_list("pilot_id", flat=True))
