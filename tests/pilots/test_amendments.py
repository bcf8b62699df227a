"""Amendments: the province asks, the ministry decides, the past keeps what was in force, and the change is said."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from core.records import writing
from pilots.amendments import (
    amendment_of,
    change_of,
    changes_of,
    decide_amendment,
    save_amendment,
    withdraw_amendment,
    write_milestone,
)
from pilots.analytics.pilot_status import prefetch_for_status
from pilots.models import Amendment, Milestone, Pilot, Target
from tests import factories as make
from tests.pilots.test_promises import refusal
from tests.support.api_client import make_user
from tests.support.scripted_year import clock_at

pytestmark = pytest.mark.django_db
ENTERED, DUE, LATER = date(2026, 3, 1), date(2026, 7, 19), date(2026, 12, 25)
ASKED = date(2026, 11, 20)
REASON = "企业申请延期"


@pytest.fixture
def pilot(empty: None) -> Pilot:
    """Make a pilot with a key milestone of 19 July, entered in March, and a target for SO₂."""
    with clock_at(ENTERED):
        batch = make.batch(term_start=date(2024, 1, 1), term_end=date(2026, 12, 31), asked_from=2024)
        city = make.pilot(batch, make.province(slug="hebei"), slug="city", name_en="City")
        make.milestone(city, DUE, title_en="Platform live", title_zh="平台上线", is_key=True, owner="Bureau")
        make.target(city, make.indicator("AIR_SO2"), 1000, 600, steps={"2024": "900", "2025": "750"})
    return city


@pytest.fixture
def milestone(pilot: Pilot) -> Milestone:
    return Milestone.objects.get()


@pytest.fixture
def target(pilot: Pilot) -> Target:
    return Target.objects.get()


@pytest.fixture
def officer(pilot: Pilot) -> User:
    return make_user("officer", "provincial_editor", pilot.province)


@pytest.fixture
def ministry(pilot: Pilot) -> User:
    return make_user("ministry", "national_editor")


def ask(item: Milestone | Target, by: Any, **values: Any) -> Amendment:
    name = item._meta.model_name
    return save_amendment(Amendment(**{name: item, "pilot_id": item.pilot_id, "reason_en": "Agreed", **values}), by=by)


def refused(item: Milestone | Target, by: Any, **values: Any) -> dict[str, list[str]]:
    return refusal(lambda: ask(item, by, **values))


# -- asking and deciding -----------------------------------------------------------------------------------


def test_an_officers_day(milestone: Milestone, officer: User, ministry: User) -> None:
    """Asked, refused, asked again, withdrawn, asked once more, accepted: the past keeps the day that was in force."""

    def move(day: date, reason: str = REASON, **more: Any) -> Amendment | None:
        record = Milestone.objects.get()
        return write_milestone(record, {"planned_on": day, **more}, by=officer, reason=reason)[1]

    with clock_at(ASKED):
        why = "Say in the reason for change why another day is asked for: it is shown beside the light."
        assert refusal(lambda: move(LATER, " ")) == {"change_reason": [why]}
        assert move(DUE) is None
        first = move(LATER, owner="Another bureau")
        assert first is not None
        assert (first.day, first.reason_zh, first.accepted, first.asked_by, first.asked_on) == (
            LATER,
            REASON,
            None,
            officer,
            ASKED,
        )
    with clock_at(ASKED + timedelta(1)):
        with pytest.raises(PermissionDenied):
            decide_amendment(first, accepted=True, remark="", by=officer)
        decides = {"accepted": ["The ministry decides it."]}
        assert refusal(lambda: writing.write(first, {"accepted": True}, by=officer, allowed=True)) == decides
        remark = ["Say why it is refused: the remark is shown beside the light."]
        assert refusal(lambda: decide_amendment(first, accepted=False, remark="", by=ministry)) == {"remark": remark}
        decide_amendment(first, accepted=False, remark="Not justified", by=ministry)
        again = "It was decided on 21 November 2026. Ask for another one instead."
        assert refusal(lambda: decide_amendment(first, accepted=True, remark="", by=ministry)) == {"": [again]}
        second = move(LATER)
        assert second is not None
        with pytest.raises(PermissionDenied):
            withdraw_amendment(second, by=ministry)
        withdraw_amendment(second, by=officer)
        move(LATER)
        third = move(date(2026, 12, 20))
        assert third is not None
        assert Amendment.objects.filter(accepted=None).get() == third  # it replaces the one that waited
    with clock_at(ASKED + timedelta(5)):
        accepted = decide_amendment(third, accepted=True, remark="", by=ministry)
        assert (accepted.decided_on, accepted.decided_by, accepted.asked_by) == (date(2026, 11, 25), ministry, officer)
        with pytest.raises(writing.Conflict, match="It was decided on 25 November 2026"):
            writing.delete(accepted, by=ministry)
    milestone.refresh_from_db()
    days = [milestone.planned_by(date(2026, 11, day)) for day in (10, 24, 25)]
    assert (milestone.planned_on, days, milestone.owner) == (DUE, [DUE, DUE, date(2026, 12, 20)], "Another bureau")


def test_the_ministry_decides_at_once_and_alone_accepts_to_drop(
    pilot: Pilot, milestone: Milestone, target: Target, officer: User, ministry: User
) -> None:
    with clock_at(ASKED):
        ask(milestone, officer, day=LATER)
        decided = ask(milestone, ministry, day=date(2026, 12, 31))
        assert (decided.accepted, decided.decided_on, Amendment.objects.count()) == (True, ASKED, 1)
        fixed = ["A request stays as it was made. Withdraw it, or ask for another: that replaces it."]
        assert refusal(lambda: writing.write(decided, {"day": LATER}, by=ministry)) == {"day": fixed}
        assert (ask(target, officer, drop=True).accepted, target.dropped_by(ASKED)) == (None, False)
        ask(target, ministry, drop=True)
        gone = ["It was dropped: nothing of it is amended any more."]
        assert refused(target, ministry, value=700) == {"__all__": gone}
        request = make.milestone(pilot, LATER, is_key=True, promised_on=None)
        early = ["It is not promised yet: change it itself."]
        assert refused(request, ministry, day=date(2027, 1, 31)) == {"__all__": early}


def test_the_province_moves_its_own_day_as_long_as_it_has_not_passed(pilot: Pilot, officer: User) -> None:
    milestone = make.milestone(pilot, ASKED)
    with clock_at(ASKED):
        assert ask(milestone, officer, day=LATER).accepted is True
    with clock_at(LATER + timedelta(1)):
        assert ask(milestone, officer, day=date(2027, 2, 1)).accepted is None


def test_a_day_lies_after_the_decision_and_the_term_settles_its_days(
    milestone: Milestone, officer: User, ministry: User
) -> None:
    with clock_at(ASKED):
        before = ["No day before the decision: choose 20 November 2026 or a later one."]
        assert refused(milestone, ministry, day=ASKED - timedelta(1)) == {"day": before}
        assert refused(milestone, ministry, day=DUE) == {"day": ["It is planned for this day already."]}
        request = ask(milestone, officer, day=ASKED + timedelta(2))
    with clock_at(ASKED + timedelta(3)):
        before = ["No day before the decision: choose 23 November 2026 or a later one."]
        assert refusal(lambda: decide_amendment(request, accepted=True, remark="", by=ministry)) == {"day": before}
        decide_amendment(request, accepted=False, remark="Too late", by=ministry)
    with clock_at(date(2027, 4, 1)):
        over = ["The values of the last year of the term were due on 31 March 2027: its days stay."]
        assert refused(milestone, ministry, day=date(2027, 6, 1)) == {"day": over}
        ask(milestone, ministry, drop=True)


def test_nothing_of_a_target_is_amended_after_its_values_were_due(target: Target, ministry: User) -> None:
    values = {"value": 700, "base_value": 1100, "base_year": 2023, "steps": {"2025": "900"}, "year": 2027}
    with clock_at(date(2027, 4, 1)):
        settled = "The values of 2026 were due on 31 March 2027: what was promised for it stays. Enter another target."
        assert refused(target, ministry, **values) == {name: [settled] for name in values}
        make.deadline(target.pilot, 2026, date(2027, 6, 30))
        ask(target, ministry, **values)


def test_an_amended_target_is_a_target_still(pilot: Pilot, target: Target, ministry: User) -> None:
    with clock_at(ASKED):
        assert refused(target, ministry, value=600) == {"value": ["This is in force already."]}
        assert refused(target, ministry, value=-1) == {
            "value": ["The value is 0 or more. Only an indicator that may be negative has others."]
        }
        assert refused(target, ministry, base_value=1) == {"base_year": ["Give base value and base year, or neither."]}
        late = ["A base lies before the first year for which values are asked for."]
        assert refused(target, ministry, base_value=1000, base_year=2024) == {"base_year": late}
        steps = ["2026: A step lies before the target year."]
        assert refused(target, ministry, steps={"2026": "700"}) == {"steps": steps}
        assert refused(target, ministry, year=2023) == {"year": ["The target year comes after the base year."]}
        make.target(pilot, target.indicator, 1000, 500, target_year=2030)
        taken = ["This pilot already has such a target for this indicator and year."]
        assert refused(target, ministry, year=2030) == {"year": taken}
        assert refused(target, ministry, day=LATER) == {"day": ["Only a milestone has a day."]}
        assert refused(target, ministry, reason_en="", value=700) == {
            "reason_en": ["Say why it is amended: it is shown beside the light."]
        }


# -- what was changed ----------------------------------------------------------------------------------------


def said(pilot: Pilot, day: date) -> list[str]:
    return [change.text for change in changes_of(prefetch_for_status(Pilot.objects.all()).get(pk=pilot.pk), day)]


def test_what_was_amended_is_said_with_what_was_promised_first(
    pilot: Pilot, milestone: Milestone, target: Target, ministry: User
) -> None:
    with clock_at(date(2026, 11, 1)):
        ask(target, ministry, value=700)
        assert target.values_on(date(2026, 11, 1)) == {
            "target_value": 700,
            "base_value": 1000,
            "base_year": 2023,
            "target_year": 2026,
            "steps": {},
        }
    with clock_at(ASKED):
        ask(milestone, ministry, day=LATER, reason_en="The supplier is late")
    first = (
        "700 t by 2026, steps on the way: none, as amended on 1 November 2026: Agreed; "
        "first 600 t, steps on the way: 2024: 900; 2025: 750"
    )
    moved = "due 25 December 2026, as amended on 20 November 2026: The supplier is late; first 19 July 2026"
    assert [said(pilot, date(2026, month, 5)) for month in (10, 11, 12)] == [[], [first], [moved, first]]
    with clock_at(date(2026, 12, 1)):
        ask(target, ministry, value=600, steps={"2024": "900", "2025": "750"})  # as it was promised first
        write_milestone(milestone, {"planned_on": date(2026, 12, 31)}, by=ministry, reason="Again")
        make.completion(milestone, date(2026, 10, 1), entered_on=date(2026, 12, 1))
    late = "completion entered on 1 December 2026 for 1 October 2026"
    again = "due 31 December 2026, as amended on 1 December 2026: Again; first 19 July 2026"
    assert said(pilot, date(2026, 12, 1)) == [f"{again}; {late}"]
    with clock_at(date(2026, 12, 2)):
        ask(target, ministry, year=2027, base_value=1050, base_year=2022, reason_en="After the census")
        ask(milestone, ministry, drop=True, reason_en="The plant closed")
    text = (
        "600 t by 2027, base 1,050 t in 2022, steps on the way: none, as amended on 2 December 2026: After the census"
    )
    change = change_of(Target.objects.get(), date(2026, 12, 2))
    assert change is not None
    assert (change.text.startswith(text), change.name, change.kind, change.anchor) == (
        True,
        "AIR_SO2 emissions",
        "target",
        "#indicator-AIR_SO2",
    )
    assert change.was == {
        "target_year": 2026,
        "base_value": 1000,
        "base_year": 2023,
        "steps": {"2024": "900", "2025": "750"},
    }
    dropped = change_of(Milestone.objects.get(), date(2026, 12, 2))
    assert dropped is not None
    assert dropped.text == f"dropped on 2 December 2026: The plant closed; {late}"


def test_of_two_decisions_of_one_day_the_later_counts(milestone: Milestone, ministry: User) -> None:
    with clock_at(ASKED):
        for day in (LATER, date(2026, 12, 31)):
            save_amendment(amendment_of(milestone, day, "Agreed"), by=ministry)
    assert Milestone.objects.get().planned_by(ASKED) == date(2026, 12, 31)


def test_a_request_that_was_withdrawn_meanwhile_is_not_decided(
    milestone: Milestone, officer: User, ministry: User
) -> None:
    request = ask(milestone, officer, day=LATER)
    withdraw_amendment(request, by=officer)
    with pytest.raises(writing.Conflict, match="Another user deleted it meanwhile"):
        decide_amendment(request, accepted=True, remark="", by=ministry)
