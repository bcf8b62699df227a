"""The newest accepted version on a day: queryset and list agree, and lights, trend and data quality with them."""

from datetime import date
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.quality import base_differs_from_reading
from pilots.analytics.pilot_status import prefetch_for_status
from pilots.models import Indicator, Pilot, Reading, Target
from pilots.models.reading import (
    YEARLY,
    is_yearly,
    newest_accepted,
    newest_accepted_in,
    newest_reported,
    newest_reported_in,
    state_expression,
    state_on,
    waiting_readings,
    waiting_readings_in,
)
from tests import factories as make
from tests.support.admin_forms import page_url, save
from tests.support.api_client import ApiClient, make_user
from tests.support.imports import dry_run_of
from tests.support.sign_in import client_of
from tests.support.tiers import sampled

pytestmark = pytest.mark.django_db
MARCH, MAY, JULY = date(2026, 3, 20), date(2026, 5, 20), date(2026, 7, 20)
DAYS = [date(2026, 2, 19), MARCH, date(2026, 5, 19), MAY, JULY, date(2026, 11, 1)]
READING_COURSES: dict[str, dict[str, Any]] = {
    "accepted": {"state": "accepted"},
    "waiting": {"state": "reported", "accepted_on": None},
    "refused": {"state": "disputed", "accepted_on": None},
    "doubted since": {"state": "disputed"},
}


@pytest.fixture
def all_histories(empty: None) -> dict[tuple[str, ...], Pilot]:
    """Make a pilot for each possible history of three versions of a value, with a quarter beside it."""
    batch, province, nox = make.batch(), make.province(), make.indicator("AIR_NOX")
    found = {}
    for course in product(READING_COURSES, repeat=3):
        pilot = found[course] = make.pilot(batch, province)
        for version, (fate, day) in enumerate(zip(course, (MARCH, MAY, JULY), strict=True), 1):
            about = {"reported_on": day, "accepted_on": day, **READING_COURSES[fate]}
            make.reading(pilot, nox, "2025", 100 + version, version=version, **about)
        make.reading(pilot, nox, "2025-Q1", 20, reported_on=MARCH, accepted_on=MAY)
    return found


@pytest.mark.parametrize("day", sampled(DAYS, every=3))
def test_the_queryset_and_the_list_agree(all_histories: dict[tuple[str, ...], Pilot], day: date) -> None:
    rows = list(Reading.objects.order_by("-pk"))  # in any order
    counting = newest_accepted(day, Reading.objects.all())
    assert {item.pk for item in newest_accepted_in(rows, day)} == {item.pk for item in counting}
    reported = Reading.objects.filter(newest_reported(day), reported_on__lte=day)
    assert {item.pk for item in newest_reported_in(rows, day)} == {item.pk for item in reported}
    waiting = waiting_readings(day)
    assert {item.pk for item in waiting_readings_in(rows, day)} == {item.pk for item in waiting}
    assert {item.state_then for item in waiting} <= {"reported"}
    states = Reading.objects.annotate(state_then=state_expression(day)).values_list("pk", "state_then")
    assert dict(states) == {row.pk: state_on(row, day).value for row in rows}
    yearly = set(Reading.objects.filter(YEARLY).values_list("pk", flat=True))
    assert yearly == {row.pk for row in rows if is_yearly(row.period)} != set()


def counting_versions(pilot: Pilot, day: date) -> int | None:
    """Return the version of the year that counts, or None."""
    found = newest_accepted(day, Reading.objects.filter(pilot=pilot, period="2025")).values_list("version", flat=True)
    return next(iter(found), None)


def test_a_version_disputed_since_stands_for_nothing_and_one_never_accepted_in_no_way(
    all_histories: dict[tuple[str, ...], Pilot],
) -> None:
    said = {course: [counting_versions(pilot, day) for day in DAYS] for course, pilot in all_histories.items()}
    assert said["accepted", "accepted", "accepted"] == [None, 1, 1, 2, 3, 3]
    assert said["accepted", "doubted since", "waiting"] == [None, 1, 1, None, None, None]
    assert said["accepted", "doubted since", "accepted"] == [None, 1, 1, None, 3, 3]
    assert said["accepted", "refused", "waiting"] == [None, 1, 1, 1, 1, 1]
    assert said["waiting", "refused", "doubted since"] == [None] * 6


def test_lights_trend_and_quality_take_the_same_version(
    client: Client, all_histories: dict[tuple[str, ...], Pilot]
) -> None:
    """What a pilot's light is judged by, what the trend sums, and what a base is held against."""
    nox = Indicator.objects.get(code="AIR_NOX")
    for pilot in all_histories.values():
        make.target(pilot, nox, 100, 50, base_year=2025)  # no version says 100, so each that counts differs from it
    pilots = list(prefetch_for_status(Pilot.objects.all()))
    for day in DAYS:
        counts = {item.pilot_id: item for item in newest_accepted(day, Reading.objects.filter(period="2025"))}
        judged = {
            pilot.pk: item.pk
            for pilot in pilots
            for item in newest_accepted_in(pilot.prefetched_readings, day)
            if item.period == "2025"
        }
        assert judged == {pk: item.pk for pk, item in counts.items()}
        years = client.get(f"/api/v1/trend/?indicator=AIR_NOX&as_of={day}").json()["years"]
        assert [(row["year"], row["n"], row["total"]) for row in years] == (
            [(2025, len(counts), sum(item.value for item in counts.values()))] if counts else []
        )
        assert pilots_that_disagree(day) == set(counts)


def pilots_that_disagree(day: date) -> set[int]:
    """Return the pilots for which data quality reports a base that differs from the value that counts."""
    return set(Target.objects.filter(base_differs_from_reading(day)).values_list("pilot_id", flat=True))


# -- who changes what was accepted -------------------------------------------------------------------------


def test_on_what_a_value_was_accepted_is_the_ministry_s_to_change(empty: None) -> None:
    """By API, import, the form of the admin and an older version alike; what only waits stays the province's."""
    pilot, nox = make.pilot(make.batch(), make.province(slug="home")), make.indicator("AIR_NOX")
    officer, ministry = make_user("officer", "provincial_editor", pilot.province), make_user("boss", "national_editor")
    reading = make.reading(pilot, nox, "2024", 10)
    reading.sources.add(make.source())
    waiting = make.reading(pilot, nox, "2025", 9, state="reported", accepted_on=None)
    first = reading.history.last()
    reading.reported_on, reading.note_en = date(2025, 3, 1), "By telephone"
    reading.save()
    changes = {"reported_on": "2025-01-15", "sources": [], "note_en": "Another", "confidence": "media"}

    def change(user: User, item: Reading) -> Any:
        return ApiClient(session=user).send("PATCH", f"/api/v1/readings/{item.pk}/", changes, **{"If-Match": "*"})

    refused = change(officer, reading)
    faults = {fault["pointer"]: fault["code"] for fault in refused.json()["errors"]}
    assert (refused.status_code, faults) == (403, {f"/{name}": "not_yours" for name in changes})
    plan = dry_run_of("readings", ["id", "reported_on", "note_en"], [reading.pk, "2025-01-15", "Another"], by=officer)
    assert [fault.cell for fault in plan.errors] == ["B2", "C2"]
    client = client_of(officer)
    save(client, reading, reported_on="2025-01-15", note_en="Another", change_reason="x")
    version = page_url(reading, "simple_history", first.pk)
    client.post(version, {"opened": reading.history.first().pk, "change_reason": "x"})
    reading.refresh_from_db()
    assert (reading.reported_on, reading.note_en, reading.sources.count()) == (date(2025, 3, 1), "By telephone", 1)
    assert reading.history.count() == 3
    assert [change(*pair).status_code for pair in ((officer, waiting), (ministry, reading))] == [400, 200]
