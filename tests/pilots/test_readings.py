"""The newest accepted version on a day: queryset and list agree, and lights, trend and data quality with them."""

from datetime import date
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

from core.days import today
from core.records import writing
from dashboard.quality import DataQuality
from pilots.analytics.pilot_status import prefetch_for_status
from pilots.models import Indicator, NotGiven, Pilot, Reading, ReadingLedger, ReadingState
from pilots.models.reading import (
    YEARLY,
    is_yearly,
    judge_readings,
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
from tests.pilots.test_promises import refusal
from tests.support.admin_forms import page_url, save
from tests.support.api_client import ApiClient, make_user
from tests.support.imports import dry_run_of
from tests.support.scripted_year import clock_at
from tests.support.sign_in import client_of
from tests.support.tiers import sampled

pytestmark = pytest.mark.django_db
MARCH, MAY, JULY = date(2026, 3, 20), date(2026, 5, 20), date(2026, 7, 20)
DAYS = [date(2026, 2, 19), MARCH, date(2026, 5, 19), MAY, JULY, date(2026, 11, 1)]
READING_COURSES: dict[str, dict[str, Any]] = {
    "accepted": {},
    "waiting": {"accepted_on": None},
    "returned": {"accepted_on": None, "returned_on": JULY, "answer_by": JULY},
    "disputed": {"disputed_on": JULY},
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


def test_a_disputed_version_counts_until_another_is_accepted_and_one_never_accepted_in_no_way(
    all_histories: dict[tuple[str, ...], Pilot],
) -> None:
    said = {course: [counting_versions(pilot, day) for day in DAYS] for course, pilot in all_histories.items()}
    assert said["accepted", "accepted", "accepted"] == [None, 1, 1, 2, 3, 3]
    assert said["accepted", "disputed", "waiting"] == [None, 1, 1, 2, 2, 2]
    assert said["accepted", "disputed", "accepted"] == [None, 1, 1, 2, 3, 3]
    assert said["accepted", "returned", "waiting"] == [None, 1, 1, 1, 1, 1]
    assert said["waiting", "returned", "disputed"] == [None, None, None, None, 3, 3]
    assert said["waiting", "returned", "waiting"] == [None] * 6


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
    return {finding.row.pilot_id for finding in DataQuality(day).findings(rule="base-differs")}


# -- who changes what was accepted -------------------------------------------------------------------------


def test_on_what_a_value_was_accepted_is_the_ministry_s_to_change(empty: None) -> None:
    """By API, import, the form of the admin and an older version alike; what only waits stays the province's."""
    pilot, nox = make.pilot(make.batch(), make.province(slug="home")), make.indicator("AIR_NOX")
    officer, ministry = make_user("officer", "provincial_editor", pilot.province), make_user("boss", "national_editor")
    reading = make.reading(pilot, nox, "2024", 10)
    reading.sources.add(make.source())
    waiting = make.reading(pilot, nox, "2025", 9, accepted_on=None)
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


# -- accepting, returning, disputing ------------------------------------------------------------------------


@pytest.fixture
def pilot(empty: None) -> Pilot:
    """Make a pilot that is asked for values since 2024."""
    batch = make.batch(term_start=date(2023, 1, 1), term_end=date(2026, 12, 31), asked_from=2024)
    make.indicator("AIR_NOX")
    return make.pilot(batch, make.province(slug="home"))


@pytest.fixture
def officer(pilot: Pilot) -> User:
    return make_user("officer", "provincial_editor", pilot.province)


@pytest.fixture
def ministry(pilot: Pilot) -> User:
    return make_user("ministry", "national_editor")


def hand_in(pilot: Pilot, by: Any, value: int = 100, period: str = "2025", **more: Any) -> Reading:
    """Enter a value as the next version."""
    fields = {"pilot": pilot, "indicator": Indicator.objects.get(), "period": period, "reported_on": today()}
    reading, ledger = Reading(value=value, **{**fields, **more}), ReadingLedger(pilot)
    newest = ledger.newest.get(reading.key)
    ledger.record(reading, newest.pk if newest else None, by=by, reason=more.pop("why", ""))
    return reading


def judge(record: Any, state: str, by: User, reason: str = "", **more: Any) -> Any:
    judge_readings([record], ReadingState(state), by=by, reason=reason, **more)
    record.refresh_from_db()
    return record


def test_the_days_are_those_of_the_judgement(pilot: Pilot, officer: User, ministry: User) -> None:
    with clock_at(MARCH):
        today_only = ["It is handed in today. Only the ministry enters an earlier day, for what it received then."]
        early = {"reported_on": date(2026, 3, 19)}
        assert refusal(lambda: hand_in(pilot, officer, **early)) == {"reported_on": today_only}
        first = hand_in(pilot, officer)
        assert refusal(lambda: writing.write(first, early, by=officer)) == {"reported_on": today_only}
        hand_in(pilot, ministry, 20, "2025-Q1", **early)
        first.refresh_from_db()
        with pytest.raises(PermissionDenied):
            judge(first, "accepted", officer)
        wrong = {"change_reason": ["Say what is wrong with it."]}
        assert refusal(lambda: judge(first, "returned", ministry)) == wrong
        past = {"answer_by": ["Choose today or a later day."]}
        assert refusal(lambda: judge(first, "returned", ministry, "No", answer_by=date(2026, 3, 19))) == past
        never = {"disputed_on": ["Only an accepted value is disputed. Return it instead."]}
        assert refusal(lambda: judge(first, "disputed", ministry, "No")) == never
        judge(first, "returned", ministry, "Which plants?")
        assert (first.state, first.returned_on, first.answer_by) == ("returned", MARCH, date(2026, 4, 19))
        again = {"accepted_on": ["It was returned. The next version is accepted in its place."]}
        assert refusal(lambda: judge(first, "accepted", ministry)) == again
        second = hand_in(pilot, officer)  # the same value, which was right after all
    with clock_at(MAY):
        assert judge_readings([second], ReadingState.ACCEPTED, by=ministry) == 1
        assert judge_readings([second], ReadingState.ACCEPTED, by=ministry) == 0
        second.refresh_from_db()
        assert (second.version, second.state, second.accepted_on) == (2, "accepted", MAY)
        kept = {"returned_on": ["It was accepted. Dispute it instead."]}
        assert refusal(lambda: judge(second, "returned", ministry, "No")) == kept
        assert refusal(lambda: judge(second, "disputed", ministry)) == wrong
        with pytest.raises(ValidationError, match="Version 2 says this already"):
            hand_in(pilot, officer)
    with clock_at(JULY):
        judge(second, "disputed", ministry, "The meter was wrong")
        assert (second.state, second.accepted_on, second.disputed_on) == ("disputed", MAY, JULY)
        stays = {"accepted_on": ["This day stays as it is."]}
        assert refusal(lambda: judge(second, "accepted", ministry)) == stays
        third = judge(hand_in(pilot, officer), "accepted", ministry)
        assert (third.version, third.state) == (3, "accepted")


def test_nobody_accepts_what_they_handed_in_and_nobody_writes_a_day(pilot: Pilot, ministry: User) -> None:
    other = make_user("other", "national_editor")
    with clock_at(MAY):
        own, by_import = hand_in(pilot, ministry), {"accepted_on": MARCH}
        mine = {"accepted_on": ["Somebody else accepts what you handed in."]}
        assert refusal(lambda: judge(own, "accepted", ministry)) == mine
        typed = {
            "accepted_on": ["Set when it is accepted, returned or disputed. Only old records are entered with a day."]
        }
        assert refusal(lambda: writing.write(own, by_import, by=other, reason="By letter")) == typed
        assert refusal(lambda: hand_in(pilot, ministry, period="2024", **by_import)) == typed
        assert judge(own, "accepted", other).accepted_on == MAY
        late = {"answer_by": ["Only what was returned is to be answered."]}
        assert refusal(lambda: writing.write(own, {"answer_by": JULY}, by=other)) == late


def test_the_ministry_enters_old_records_with_the_days_of_their_acceptance(
    pilot: Pilot, officer: User, ministry: User
) -> None:
    day = date(2024, 4, 2)
    new = {"pilot": pilot, "indicator": Indicator.objects.get(), "period": "2023", "value": 90}
    new |= {"reported_on": date(2024, 3, 1), "accepted_on": day}
    with clock_at(MAY):
        why = "Say by which record it was accepted on that day: numbers of past days change by it."
        assert refusal(lambda: writing.write(Reading(**new), by=ministry)) == {"change_reason": [why]}
        assert list(refusal(lambda: writing.write(Reading(**new), by=officer, reason="By letter"))) == ["accepted_on"]
        old = Reading(**new)
        writing.write(old, by=ministry, reason="Our letter of 2 April 2024")
        assert (old.state, old.accepted_on) == ("accepted", day)
        waiting = hand_in(pilot, ministry, 91, "2023-Q1")
        assert judge(waiting, "accepted", ministry).accepted_on == MAY  # one's own, of a year that is not asked for


def test_a_reason_why_there_is_no_value_is_judged_like_a_value(pilot: Pilot, officer: User, ministry: User) -> None:
    with clock_at(MARCH):
        given = NotGiven(pilot=pilot, indicator=Indicator.objects.get(), year=2025, text="The meter failed")
        writing.write(given, by=officer)
        with pytest.raises(PermissionDenied):
            judge(given, "accepted", officer)
        judge(given, "returned", ministry, "Since when?", answer_by=MAY)
        assert (given.state, given.reported_on, given.answer_by) == ("returned", MARCH, MAY)
        fixed = {"text": ["It stays as it was handed in. Hand in another one."]}
        assert refusal(lambda: writing.write(given, {"text": "Another"}, by=ministry)) == fixed
        second = NotGiven(pilot=pilot, indicator=given.indicator, year=2025, text="Since May 2025")
        writing.write(second, by=officer)
        assert judge(second, "accepted", ministry).accepted_on == MARCH
        ahead = {"year": ["This year has not ended yet."]}
        third = NotGiven(pilot=pilot, indicator=given.indicator, year=2026, text="No meter")
        assert refusal(lambda: writing.write(third, by=officer)) == ahead


def test_a_value_is_taken_back_until_it_is_due(pilot: Pilot, officer: User, ministry: User) -> None:
    def refused(record: Reading) -> str:
        with pytest.raises(writing.Conflict) as caught:
            writing.delete(record, by=officer)
        return str(caught.value)

    with clock_at(MARCH):
        writing.delete(hand_in(pilot, officer), by=officer)
        waiting, returned = hand_in(pilot, officer), hand_in(pilot, officer, 20, "2024")
        judge(returned, "returned", ministry, "Which plants?")
        assert refused(returned) == "It was returned, and stays on record. Hand in the next one."
    with clock_at(MAY):
        assert (
            refused(waiting) == "It was due on 31 March 2026, and is taken back no more. Hand in a correction on top."
        )
        writing.delete(hand_in(pilot, officer, 101), by=officer)  # a typing error of the same day
        assert refused(judge(waiting, "accepted", ministry)) == "It has fed numbers; enter a correction instead."
