"""Admin of pilots with their records: no reading is overwritten, no update lost, edits are in all numbers at once."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from core.days import today
from pilots.analytics.reconciliation import build_reconciliation
from pilots.forms.entry import AmountField
from pilots.metrics import implausible_change
from pilots.models import Batch, Indicator, LightOverride, Milestone, Pilot, Reading, ReadingLedger, ReadingState
from pilots.models.reading import judge_readings
from policies.models import Province
from tests import factories as make
from tests.pilots.test_admin_errors import row_problems
from tests.support.admin_forms import form_data, form_errors, save, save_new
from tests.support.admin_forms import page_url as change_url
from tests.support.sign_in import client_of, staff_client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]


@pytest.fixture
def province() -> Province:
    return make.province(slug="zhejiang", name_zh="浙江省", name_en="Zhejiang")


@pytest.fixture
def batch() -> Batch:
    return make.batch(slug="national-1", city_count=21)


def test_a_new_pilot_is_counted_at_once(admin_client: Client, batch: Batch, province: Province) -> None:
    steel = make.industry(name_en="Steel")
    values = {"name_zh": "湖州市", "slug": "huzhou", "kind": "city", "batch": batch.pk, "province": province.pk}
    assert save_new(admin_client, Pilot, **values, industries=[steel.pk]).status_code == 302
    pilot = Pilot.objects.listed(date(2024, 1, 15)).get()
    assert (pilot.name_zh, list(pilot.industries.all())) == ("湖州市", [steel])
    (count,) = build_reconciliation(date(2024, 1, 15))
    assert (count.for_kind("city").announced, count.for_kind("city").recorded) == (21, 1)


@pytest.fixture
def pilot() -> Pilot:
    return make.pilot(make.batch(), make.province(), name_en="Huzhou")


@pytest.fixture
def so2() -> Indicator:
    return make.indicator("AIR_SO2", name_en="SO2")


@pytest.fixture
def colleague(admin_user: User) -> Client:
    return client_of(User.objects.create_superuser("wang"))


def history_of_record(record: Any) -> list[tuple[Any, ...]]:
    """Return the history entries, newest first, as (type, user, reason)."""
    entries = type(record).history.filter(id=record.pk)
    return [(item.history_type, str(item.history_user), item.history_change_reason) for item in entries]


# -- two editors on one pilot ------------------------------------------------------------------------------


AGAIN = "Open the page again, and change there what is still to be changed."


def test_a_row_that_both_changed_is_rejected_until_the_page_is_opened_again(admin_client, colleague, pilot) -> None:
    milestone = make.milestone(pilot, date(2025, 1, 1), owner="Office")
    opened = admin_client.get(change_url(pilot))
    save(colleague, pilot, **{"milestones-0-owner": "Bureau", "change_reason": "New head"})
    answer = admin_client.post(
        change_url(pilot), form_data(opened, **{"milestones-0-title_en": "Mine"}, note_en="Mine")
    )
    ((text,),) = row_problems(answer)["milestones-0"].values()
    assert text.startswith("wang saved this record on ")
    assert text.endswith(f"What was changed: Responsible: Office → Bureau; Reason: New head. {AGAIN}")
    again = admin_client.post(change_url(pilot), form_data(answer))
    assert list(row_problems(again)) == ["milestones-0"]
    pilot.refresh_from_db()
    milestone.refresh_from_db()
    assert (milestone.owner, milestone.title_en == "Mine", pilot.note) == ("Bureau", False, "")


def test_a_row_changed_meanwhile_is_not_deleted_unseen(admin_client, colleague, pilot) -> None:
    milestone = make.milestone(pilot, date(2025, 1, 1), title_en="Plan")
    opened = admin_client.get(change_url(pilot))
    save(colleague, pilot, **{"milestones-0-owner": "Bureau"})
    answer = admin_client.post(change_url(pilot), form_data(opened, **{"milestones-0-DELETE": "on"}))
    (text,) = row_problems(answer)["milestones"][""]
    assert text.startswith("Plan: wang saved this record on ")
    assert Milestone.objects.filter(pk=milestone.pk).exists()


# -- steps of a target -------------------------------------------------------------------------------------


def test_a_target_s_steps_are_kept_with_it(admin_client: Client, pilot: Pilot, so2: Indicator) -> None:
    target = make.target(pilot, so2, 12000, 9600)
    assert save(admin_client, target, steps="2025: １０，４００").status_code == 302
    target.refresh_from_db()
    assert target.steps == {"2025": "10400"}
    assert 'value="2025: 10400"' in admin_client.get(change_url(pilot)).text
    for year, text in [(2026, "A step lies before the target year."), (2023, "A step lies after the base year.")]:
        refused = form_errors(save(admin_client, target, steps=f"2025: 10400; {year}: 1"))
        assert refused == {"steps": [f"{year}: {text}"]}
    reader = staff_client("view_pilot", "view_target")
    for record in (target, pilot):  # as files write them, not as JSON
        assert "2025: 10400" in reader.get(change_url(record)).text
    for typed in ("2025", "2025: x", "2025: 1; 2025: 2"):
        assert list(form_errors(save(admin_client, target, steps=typed))) == ["steps"]
    assert save(admin_client, target, steps="").status_code == 302
    target.refresh_from_db()
    assert target.steps == {}


# -- numbers as people write them --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("12345.6", "12345.6"), ("12,345.6", "12345.6"), ("1,234,567", "1234567"), ("0", "0"), (" 7 ", "7")],
        *[("１２，３４５．６", "12345.6"), ("１２３４５", "12345"), ("-5", "-5")],
    ],
)
def test_a_number_is_read_as_written(text: str, value: str) -> None:
    assert AmountField(max_digits=20, decimal_places=6).clean(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["12,5", "12,34,567", "1 234", "1.234.567", "12 t", "１．２万", "1e3", "NaN", ".5", "٣", "12。5", "1,2345"]
)
def test_what_could_mean_two_things_is_no_number(text: str) -> None:
    with pytest.raises(ValidationError):
        AmountField(max_digits=20, decimal_places=6).clean(text)


@pytest.mark.parametrize(
    ("before", "after", "far"),
    [(100, 130, None), (100, "130.1", "0.301"), (100, 70, None), (100, 69, "-0.31"), (0, 5, None)],
)
def test_thirty_percent_is_allowed_and_no_more(before: Any, after: Any, far: str | None) -> None:
    assert implausible_change(Decimal(before), Decimal(after)) == (Decimal(far) if far else None)


# -- readings are recorded, never overwritten ----------------------------------------------------------------


def typed(
    indicator: Indicator, period: str, value: Decimal, status: str, seen: int | None = None, note: str = ""
) -> tuple[Reading, int | None]:
    """Return a reading as an editor types it, and the version that stood there."""
    return Reading(indicator=indicator, period=period, value=value, value_status=status, note_en=note), seen


def save_reading(pilot: Pilot, by: User, entry: tuple[Reading, int | None], reason: str = "") -> Reading:
    reading, seen = entry
    reading.pilot, reading.reported_on = pilot, today()
    ReadingLedger(pilot, lock=True).record(reading, seen, by=by, reason=reason)
    return reading


def test_what_differs_is_recorded_as_the_next_version(admin_user: User, pilot: Pilot, so2: Indicator) -> None:
    """The same value is refused, but a new status is news."""
    first = make.reading(pilot, so2, "2024", 100, value_status="preliminary")
    with pytest.raises(ValidationError, match="says this already"):
        save_reading(pilot, admin_user, typed(so2, "2024", Decimal(100), "preliminary", first.pk))
    new = save_reading(pilot, admin_user, typed(so2, "2024", Decimal(100), "final", first.pk), reason="Yearbook")
    assert (new.version, new.value, new.value_status, new.state) == (2, 100, "final", "reported")
    assert history_of_record(new) == [("+", "admin", "Yearbook")]
    third = save_reading(pilot, admin_user, typed(so2, "2024", Decimal(110), "final", new.pk))
    first.refresh_from_db()
    assert (third.version, first.value, first.version) == (3, 100, 1)


YEAR = {f"2024-Q{number}": 25 for number in range(1, 5)}
BEFORE = [
    ({"2023": 100}, "2024", "140", "140 is 40.0 % above the 100 of 2023."),
    ({"2023": 100}, "2024", "60", "60 is 40.0 % below the 100 of 2023."),
    ({"2022": 100, "2023": 140}, "2024", "150", None),
    ({"2024": 100}, "2024", "140", "140 is 40.0 % above the 100 of 2024."),  # nothing earlier: the version it follows
    ({"2023-Q4": 25}, "2024", "100", None),  # a quarter says nothing of a year
    (YEAR, "2024", "140", "140 is 40.0 % above the 100 of the four quarters of 2024."),
    (YEAR, "2024", "60", "60 is 40.0 % below the 100 of the four quarters of 2024."),
    ({"2023": 140, **YEAR}, "2024", "140", "140 is 40.0 % above the 100 of the four quarters of 2024."),
    ({**YEAR, "2024-Q4": 100}, "2024", "140", None),
    ({"2024-Q4": 25}, "2025-Q1", "40", "40 is 60.0 % above the 25 of 2024-Q4."),
    ({"2024-Q1": 40, "2024-Q4": 25}, "2025-Q1", "40", None),  # the heating season of the year before
    ({"2024-Q1": 40, "2024-Q4": 25}, "2025-Q1", "25", "25 is 37.5 % below the 40 of 2024-Q1."),
    ({"2025": 5525}, "2026-Q3", "9999999", "9,999,999 is 180,895.5 % above the 5,525 of 2025."),
    ({"2025": 100}, "2026-Q3", "130", None),
    ({"2025": 100}, "2026-Q3", "131", "131 is 31.0 % above the 100 of 2025."),
    ({"2025": 100}, "2026-Q3", "1", None),  # a part of the year may be any
    ({"2026": 100}, "2025-Q3", "131", None),  # a later year
    ({}, "2024", "140", None),
]


@pytest.mark.parametrize(("stored", "period", "value", "start"), BEFORE)
def test_a_jump_needs_a_note(admin_user, pilot, so2, stored, period, value, start) -> None:
    for name, number in stored.items():
        make.reading(pilot, so2, name, number)
    known = Reading.objects.filter(period=period).values_list("pk", flat=True).first()
    if start is not None:
        with pytest.raises(ValidationError) as refused:
            save_reading(pilot, admin_user, typed(so2, period, Decimal(value), "final", known))
        assert refused.value.messages[0].startswith(start)
    why = "New furnace" if start else ""
    new = save_reading(pilot, admin_user, typed(so2, period, Decimal(value), "final", known, why))
    assert new.note == why


def test_shares_of_quarters_do_not_add_up_to_one_of_the_year(admin_user, pilot) -> None:
    share = make.indicator("SHARE", rollup="mean")
    for period, number in YEAR.items():
        make.reading(pilot, share, period, number)
    assert save_reading(pilot, admin_user, typed(share, "2024", Decimal(26), "final")).pk


def test_a_disputed_value_is_no_measure_for_others(admin_user, pilot, so2) -> None:
    wrong = make.reading(pilot, so2, "2023", 9_999_999, disputed_on=date(2024, 4, 1))
    new = save_reading(pilot, admin_user, typed(so2, "2024", Decimal(100), "final"))
    assert new.value == 100
    with pytest.raises(ValidationError):  # what corrects it says why
        save_reading(pilot, admin_user, typed(so2, "2023", Decimal(100), "final", wrong.pk))


def test_a_first_reading_is_held_against_the_base_of_the_target(admin_user, pilot, so2) -> None:
    make.target(pilot, so2, 12000, 9600)
    with pytest.raises(ValidationError) as refused:
        save_reading(pilot, admin_user, typed(so2, "2024", Decimal("1.2"), "final"))  # in ten thousand tonnes
    assert refused.value.messages[0].startswith("1.2 is 100.0 % below the 12,000 of 2023.")


def test_a_dispute_has_a_reason_and_what_is_right_after_all_is_a_next_version(admin_user, pilot, so2) -> None:
    reading = make.reading(pilot, so2, "2024", 100, accepted_on=date(2025, 3, 20))
    with pytest.raises(ValidationError):
        judge_readings([reading], ReadingState.DISPUTED, by=admin_user, reason=" ")
    assert judge_readings([reading], ReadingState.DISPUTED, by=admin_user, reason="Not in the yearbook") == 1
    reading.refresh_from_db()
    assert (reading.state, reading.disputed_on, reading.accepted_on) == ("disputed", today(), date(2025, 3, 20))
    assert history_of_record(reading)[0] == ("~", "admin", "Not in the yearbook")
    with pytest.raises(ValidationError, match="This day stays as it is"):
        judge_readings([reading], ReadingState.ACCEPTED, by=admin_user)
    new = save_reading(pilot, admin_user, typed(so2, "2024", Decimal(100), "preliminary", reading.pk, "Checked"))
    assert (new.version, new.state) == (2, "reported")


# -- one reading ---------------------------------------------------------------------------------------------


def add_reading(client: Client, query: str = "", **values: Any) -> Any:
    return save_new(client, Reading, query, **values)


def test_the_model_rejects_it_as_well(pilot: Pilot, so2: Indicator) -> None:
    reading = make.reading(pilot, so2, "2024", 100)
    for name, value in [("value", Decimal(1)), ("value_status", "flash"), ("period", "2023"), ("version", 4)]:
        changed = Reading.objects.get(pk=reading.pk)
        setattr(changed, name, value)
        with pytest.raises(ValidationError, match="never overwritten"):
            changed.full_clean()


def test_who_may_not_accept_cannot_by_any_way(pilot: Pilot, so2: Indicator) -> None:
    reading = make.reading(pilot, so2, "2024", 100, accepted_on=None)
    clerk = staff_client("view_pilot", "view_indicator", "view_reading", "add_reading", "change_reading")
    judge = {"readings": reading.pk, "verdict": "accepted"}
    assert clerk.post(f"{reverse('readings-judge')}?reading={reading.pk}", judge).status_code == 403
    sent = {"action": "judge", "_selected_action": [reading.pk]}
    clerk.post(reverse("admin:pilots_reading_changelist"), sent)
    save(clerk, reading, state="accepted", accepted_on=str(today()))
    add_reading(clerk, f"?corrects={reading.pk}", value="101", state="accepted", accepted_on=str(today()))
    assert [item.state for item in Reading.objects.all()] == ["reported", "reported"]


def test_a_reading_that_was_ever_accepted_is_not_deleted(admin_client: Client, pilot: Pilot, so2: Indicator) -> None:
    accepted = make.reading(pilot, so2, "2023", 100)
    disputed = make.reading(pilot, so2, "2024", 100, disputed_on=date(2025, 4, 1))
    for reading in (accepted, disputed):
        assert admin_client.post(change_url(reading, "delete"), {"post": "yes"}).status_code == 403
    waiting = make.reading(pilot, so2, "2024", 101, version=2, accepted_on=None)
    listing = reverse("admin:pilots_reading_changelist")
    sent = {"action": "delete_selected", "post": "yes", "_selected_action": [waiting.pk, accepted.pk]}
    assert "It has fed numbers; enter a correction instead." in admin_client.post(listing, sent).text
    assert Reading.objects.count() == 3
    admin_client.post(change_url(waiting, "delete"), {"post": "yes", "change_reason": "Entered twice"})
    assert (Reading.objects.count(), history_of_record(waiting)[0]) == (2, ("-", "admin", "Entered twice"))


# -- lights set by hand ----------------------------------------------------------------------------------------


def test_what_a_light_has_shown_stays(admin_client: Client, admin_user: User, pilot: Pilot) -> None:
    days = {"set_on": today() - timedelta(10), "expires_on": today() + timedelta(10)}
    light = LightOverride.objects.create(pilot=pilot, colour="green", reason="Checked", author=admin_user, **days)
    wrong = form_errors(save(admin_client, light, expires_on=str(today() - timedelta(1))))
    assert wrong == {"expires_on": ["It has been shown until today: choose today or a later day."]}
    assert save(admin_client, light, expires_on=str(today()), colour="red").status_code == 302
    light.refresh_from_db()
    assert (light.expires_on, light.colour) == (today(), "green")
    late = form_errors(save(admin_client, light, expires_on=str(today() + timedelta(9))))
    assert late == {"expires_on": ["It has expired. Set a new one instead."]}
