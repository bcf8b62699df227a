"""Who may do what with promises, completions, terms and lights set by hand: the rules of the models, for every door."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError

from core.days import today
from core.records import writing
from pilots.amendments import accept_promise, complete, object_to
from pilots.models import (
    Batch,
    Completion,
    Deadline,
    Indicator,
    LightOverride,
    Milestone,
    Pilot,
    StageEntry,
    Target,
)
from pilots.models.promise import MINISTRY_ALONE, PROMISED
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.scripted_year import clock_at

pytestmark = pytest.mark.django_db
START, ENTERED, LATER = date(2024, 1, 1), date(2026, 3, 2), date(2026, 5, 4)
ADDED_LATE = (
    "A year whose values were due by now would be judged differently. Leave it, and enter a deadline for the year."
)


@pytest.fixture
def pilot(empty: None) -> Pilot:
    """Make a pilot with a term from 2024 to 2026, asked for values since 2024."""
    batch = make.batch(term_start=START, term_end=date(2026, 12, 31), asked_from=2024)
    return make.pilot(batch, make.province(slug="hebei"), slug="city", name_en="City")


@pytest.fixture
def indicator(pilot: Pilot) -> Indicator:
    return make.indicator("AIR_SO2")


@pytest.fixture
def officer(pilot: Pilot) -> User:
    return make_user("officer", "provincial_editor", pilot.province)


@pytest.fixture
def ministry(pilot: Pilot) -> User:
    return make_user("ministry", "national_editor")


def refusal(act: Callable[[], object]) -> dict[str, list[str]]:
    """Return what the act is refused for, by field."""
    with pytest.raises(ValidationError) as caught:
        act()
    return caught.value.message_dict if hasattr(caught.value, "error_dict") else {"": caught.value.messages}


def write(record: Any, by: Any, reason: str = "", **values: Any) -> Any:
    writing.write(record, values, by=by, reason=reason)
    return record


def new_target(pilot: Pilot, **values: Any) -> Target:
    own = {"pilot": pilot, "indicator": Indicator.objects.get(code="AIR_SO2"), "target_year": 2026, "target_value": 70}
    return Target(**{**own, "base_year": 2023, "base_value": 100, **values})


def new_milestone(pilot: Pilot, **values: Any) -> Milestone:
    own = {"pilot": pilot, "facet": "management", "title_en": "Platform live", "planned_on": date(2026, 7, 19)}
    return Milestone(**{**own, **values})


# -- from when on it is promised -----------------------------------------------------------------------------


@pytest.mark.parametrize(("make_new", "weight"), [(new_target, "binding"), (new_milestone, "is_key")])
def test_what_the_ministry_enters_is_promised_and_of_the_province_what_has_no_weight(
    make_new: Callable[..., Any], weight: str, pilot: Pilot, indicator: Indicator, officer: User, ministry: User
) -> None:
    years = iter(range(2026, 2100))  # one target each year

    def promised(by: Any, value: bool, **more: Any) -> date | None:
        if make_new is new_target:
            more["target_year"] = next(years)
        day: date | None = write(make_new(pilot, **{weight: value, **more}), by).promised_on
        return day

    with clock_at(ENTERED):
        assert [promised(ministry, value) for value in (True, False)] == [ENTERED, ENTERED]
        assert [promised(officer, value) for value in (True, False)] == [None, ENTERED]
        assert promised(officer, True, promised_on=START) is None  # it says nothing of this itself
        assert [promised(None, True), promised(None, True, promised_on=LATER)] == [START, LATER]
        Batch.objects.update(term_start=None, term_end=None)
        pilot.refresh_from_db()
        assert promised(None, True) == pilot.batch.known_by


def test_a_request_is_corrected_and_then_accepted_by_somebody_else(
    pilot: Pilot, indicator: Indicator, officer: User, ministry: User
) -> None:
    with clock_at(ENTERED):
        target = write(new_target(pilot, binding=True), officer)
    with clock_at(LATER):
        write(target, officer, target_value=60)
        with pytest.raises(PermissionDenied):
            accept_promise(target, by=officer)
        accept_promise(target, by=ministry)
        target.refresh_from_db()
        assert (target.promised_on, target.target_value) == (LATER, 60)
        assert refusal(lambda: accept_promise(target, by=ministry)) == {"": ["It was promised on 4 May 2026."]}
        officer.officer.role, officer.officer.province = "national_editor", None
        key = write(new_milestone(pilot, is_key=True), make_user("other", "provincial_editor", pilot.province))
        mine = write(new_milestone(pilot, is_key=True, title_en="Mine"), None)
        Milestone.objects.filter(pk=mine.pk).update(promised_on=None)
        Milestone.history.filter(id=mine.pk).update(history_user=ministry)
        own = "Somebody else accepts what you entered."
        assert refusal(lambda: accept_promise(mine, by=ministry)) == {"": [own]}
        write(key, officer, is_key=False)
        assert key.promised_on == LATER  # it needs nobody's acceptance any more


def test_a_promise_is_fixed_after_the_day_of_its_entry(
    pilot: Pilot, indicator: Indicator, officer: User, ministry: User
) -> None:
    other = make.indicator("AIR_NOX")
    changes = {"indicator": other, "kind": "limit", "binding": False, "target_value": 80, "target_year": 2027}
    changes |= {"base_value": 90, "base_year": 2022, "steps": {"2025": "85"}}
    with clock_at(ENTERED):
        target = write(new_target(pilot, binding=True), ministry)
        milestone = write(new_milestone(pilot, is_key=True), ministry)
        write(target, ministry, target_value=75)  # a typing error of the same day
        fixed = {"target_value": [str(PROMISED)], "binding": [str(PROMISED)]}
        assert refusal(lambda: write(target, officer, target_value=74, binding=False)) == fixed
        target.refresh_from_db()
    with clock_at(LATER):
        for by in (officer, ministry, None):
            assert refusal(lambda by=by: write(target, by, **changes)) == {name: [str(PROMISED)] for name in changes}
            target.refresh_from_db()
        moved = {"planned_on": LATER, "is_key": False, "stage": "midterm", "indicator": other}
        for by in (officer, ministry):
            assert refusal(lambda by=by: write(milestone, by, **moved)) == {name: [str(PROMISED)] for name in moved}
            milestone.refresh_from_db()
        title = {
            "title_en": ["This is part of what was promised, and only the ministry changes it. Leave it as it is."]
        }
        assert title == {"title_en": [str(MINISTRY_ALONE)]}
        assert refusal(lambda: write(milestone, officer, title_en="Another")) == title
        milestone.refresh_from_db()
        write(milestone, officer, owner="Bureau", note_en="On schedule")
        assert write(milestone, ministry, title_en="Another").title_en == "Another"
        write(target, officer, promised_on=START, note_en="Checked")
        assert target.promised_on == ENTERED


def test_on_its_day_the_province_corrects_its_own_and_asks_anew_for_what_gains_weight(
    pilot: Pilot, indicator: Indicator, officer: User
) -> None:
    with clock_at(ENTERED):
        milestone = write(new_milestone(pilot), officer)
        assert write(milestone, officer, planned_on=LATER).promised_on == ENTERED
        assert write(milestone, officer, is_key=True).promised_on is None
        assert write(milestone, officer, is_key=False).promised_on == ENTERED


def test_a_promise_is_kept_and_a_request_may_be_deleted(
    pilot: Pilot, indicator: Indicator, officer: User, ministry: User
) -> None:
    with clock_at(ENTERED):
        promised, request = (write(new_milestone(pilot, is_key=True), by) for by in (ministry, officer))
        target = write(new_target(pilot), ministry)
        writing.delete(write(new_milestone(pilot), ministry), by=ministry)  # a typing error of the same day
    with clock_at(LATER):
        writing.delete(request, by=ministry)
        for record in (promised, target):
            with pytest.raises(writing.Conflict, match="A promise is kept"):
                writing.delete(record, by=ministry)


def test_a_binding_value_to_reach_needs_a_base_or_the_ministrys_reason(
    pilot: Pilot, indicator: Indicator, officer: User, ministry: User
) -> None:
    none = {"base_year": None, "base_value": None, "binding": True}
    needed = "A binding target to reach a value needs base value and base year."
    found = refusal(lambda: write(new_target(pilot, **none), officer))
    assert found == {"base_value": [needed], "base_year": [needed]}
    why = "A binding target without a base cannot be rated before its year: say why there is none."
    assert refusal(lambda: write(new_target(pilot, **none), ministry)) == {"change_reason": [why]}
    target = write(new_target(pilot, **none), ministry, "The ministry gives none")
    write(target, officer, note_en="No base is published")  # what is on record already is not asked again
    write(new_target(pilot, **none, kind="limit"), officer)
    write(new_target(pilot, **none | {"binding": False}, target_year=2027), officer)


def test_a_stage_has_one_milestone_in_force(pilot: Pilot, ministry: User) -> None:
    first = write(new_milestone(pilot, stage="midterm", is_key=True), ministry)
    text = "A milestone of this pilot is for this stage already. Amend that one instead."
    again = new_milestone(pilot, stage="midterm", title_en="Again")
    assert refusal(lambda: write(again, ministry)) == {"stage": [text]}
    write(first, ministry, note_en="By December")
    make.amendment(first, drop=True, accepted=True, asked_on=today(), decided_on=today())
    write(new_milestone(pilot, stage="midterm", title_en="Again"), ministry)


# -- completions ---------------------------------------------------------------------------------------------


def test_a_completion_needs_evidence_and_stays(pilot: Pilot, officer: User, ministry: User) -> None:
    milestone = make.milestone(pilot, date(2026, 7, 19), is_key=True)
    staged = make.milestone(pilot, date(2026, 7, 19), stage="midterm")
    with clock_at(LATER):

        def done(item: Milestone = milestone, **more: Any) -> Completion:
            return complete(item, completed_on=ENTERED, by=officer, **{"evidence": "", **more})

        evidence = ["Name the document or the address that shows it, or attach a file."]
        assert refusal(done) == {"evidence": evidence}
        stage = ["It is completed when the pilot enters the stage: enter that instead."]
        assert refusal(lambda: done(staged)) == {"milestone": stage, "evidence": evidence}
        assert done(with_file=True).evidence == ""
        completion = done(evidence="Report no. 7")
        assert (completion.entered_on, completion.entered_by, completion.pilot) == (LATER, officer, pilot)
        assert refusal(lambda: write(completion, ministry, evidence="")) == {"evidence": evidence}
        writing.delete(done(evidence="A typing error"), by=officer)
        fixed = ["A completion stays as it was entered. Enter another one: the newest counts."]
        assert refusal(lambda: write(completion, ministry, completed_on=LATER)) == {"completed_on": fixed}
        with pytest.raises(PermissionDenied):
            object_to(completion, objection="Not shown", by=officer)
        with pytest.raises(PermissionDenied):
            write(completion, officer, objection="Not shown")
    with clock_at(LATER + timedelta(1)):
        with pytest.raises(writing.Conflict, match="A completion stays"):
            writing.delete(completion, by=ministry)
        why = ["Say why it does not count."]
        assert refusal(lambda: object_to(completion, objection=" ", by=ministry)) == {"objection": why}
        object_to(completion, objection="The report is another plant's", by=ministry)
        completion.refresh_from_db()
        assert (completion.objected_on, completion.objected_by) == (LATER + timedelta(1), ministry)
        stays = ["An objection stays. If it is done after all, enter another completion."]
        assert refusal(lambda: write(completion, ministry, objection="")) == {"objection": stays}


# -- what is due, and the term -------------------------------------------------------------------------------


def test_no_term_changes_what_was_due_in_a_past_year(pilot: Pilot, indicator: Indicator, ministry: User) -> None:
    """On 4 May 2026 the values of 2024 and 2025 were due; those of 2026 will be."""
    batch, late = pilot.batch, [ADDED_LATE]
    make.target(pilot, indicator, 100, 70)

    def change(record: Any, **values: Any) -> dict[str, list[str]]:
        found = refusal(lambda: write(record, ministry, **values))
        record.refresh_from_db()
        return found

    with clock_at(LATER):
        assert change(batch, asked_from=2025) == {"asked_from": late}
        assert change(batch, asked_from=None) == {"asked_from": late}
        assert change(batch, report_due="06-30") == {"report_due": late}
        assert change(batch, term_end=date(2025, 5, 31)) == {"term_end": late}
        write(batch, ministry, term_end=date(2027, 12, 31))
        own = {"term_start": date(2024, 9, 1), "term_end": date(2026, 12, 31)}
        assert change(pilot, **own) == dict.fromkeys(own, late)
        write(pilot, ministry, term_end=date(2026, 12, 31))
        assert change(indicator, report_due="10-31") == {"report_due": late}
        for year in (2024, 2025):  # a decision of the ministry instead, which holds whatever the rule is
            make.deadline(batch, year, date(2026, 12, 31), decided_on=ENTERED)
        write(batch, ministry, report_due="06-30")
        write(indicator, ministry, report_due="10-31")
        month = "Write month and day, for example 03-31; 02-29 is not possible."
        assert change(batch, report_due="02-29") == {"report_due": [month]}
        assert change(batch, report_due="W03-1") == {"report_due": [month]}


def test_a_batch_that_asked_for_nothing_begins_with_a_year_that_is_not_due(pilot: Pilot, ministry: User) -> None:
    batch = make.batch(term_start=START, term_end=date(2026, 12, 31))
    make.pilot(batch, pilot.province)
    with clock_at(LATER):
        assert refusal(lambda: write(batch, ministry, asked_from=2025)) == {"asked_from": [ADDED_LATE]}
        batch.refresh_from_db()
        assert write(batch, ministry, asked_from=2026).asked_from == 2026


def test_a_deadline_is_the_ministrys_and_stays(pilot: Pilot, ministry: User, officer: User) -> None:
    with clock_at(LATER):
        new = {"pilot": pilot, "year": 2025, "due_on": date(2026, 6, 30), "reason": "The census is late"}
        with pytest.raises(PermissionDenied):
            write(Deadline(**new), officer)
        deadline = write(Deadline(**new), ministry)
        assert (deadline.decided_on, deadline.decided_by) == (LATER, ministry)
        before = "A deadline does not lie before the day of the decision."
        assert refusal(lambda: write(Deadline(**new | {"due_on": ENTERED}), ministry)) == {"due_on": [before]}
        kept = "A decision stays as it was made. Enter another one: it holds from its own day on."
        assert refusal(lambda: write(deadline, ministry, due_on=None)) == {"due_on": [kept]}
        with pytest.raises(writing.Conflict, match="A decision stays as it was made"):
            writing.delete(deadline, by=ministry)


def test_what_an_indicator_means_is_fixed_once_it_is_used(pilot: Pilot, indicator: Indicator, ministry: User) -> None:
    change = {"unit": "kt", "direction": "higher", "kind": "output", "rollup": "none", "may_enter_synergy": "no"}
    unused = make.indicator("AIR_NOX")
    write(unused, ministry, **change)
    make.reading(pilot, indicator, "2024", 80)
    text = "Values or targets use it, and would mean something else. Enter a new indicator that replaces this one."
    fixed = {name: [text] for name in change if name != "may_enter_synergy"}
    assert refusal(lambda: write(indicator, ministry, **change)) == fixed
    indicator.refresh_from_db()
    other = ["This is another unit. Write the same one in Chinese."]
    assert refusal(lambda: write(indicator, ministry, unit_zh="万吨")) == {"unit_zh": other}
    assert write(indicator, ministry, unit_zh="吨").unit_zh == "吨"
    assert refusal(lambda: write(indicator, ministry, unit_zh="公吨")) == {"unit_zh": [text]}


# -- lights set by hand, stages --------------------------------------------------------------------------------


def test_a_light_is_set_by_hand_for_half_a_year_at_most(pilot: Pilot, ministry: User) -> None:
    def new(days: int, colour: str = "green", **more: Any) -> LightOverride:
        return LightOverride(
            **{"pilot": pilot, "colour": colour, "reason": "Checked", "expires_on": today() + timedelta(days), **more}
        )

    most = ["A light is set by hand on at most 180 days in any 365, all settings together."]
    with clock_at(date(2025, 1, 10)):
        assert refusal(lambda: write(new(181), ministry)) == {"expires_on": most}
        assert list(refusal(lambda: write(new(10, "grey"), ministry))) == ["colour"]
        first = write(new(100, set_on=START), ministry)
        assert (first.set_on, first.author) == (date(2025, 1, 10), ministry)
    with clock_at(date(2025, 1, 11)):
        shown = ["It was shown so. Let it expire, or set another one: the newest counts."]
        assert refusal(lambda: write(first, ministry, colour="red")) == {"colour": shown}
        write(new(50), ministry)  # days of both count once
    with clock_at(date(2025, 7, 1)):
        assert refusal(lambda: write(new(81), ministry)) == {"expires_on": most}
        write(new(80), ministry)
    with clock_at(date(2026, 12, 1)):
        end = ["The term ends on 31 December 2026: choose the day after it at the latest."]
        assert refusal(lambda: write(new(32), ministry)) == {"expires_on": end}
        write(new(31), ministry)


def test_a_stage_says_how_an_evaluation_ended_and_when_it_was_recorded(pilot: Pilot, ministry: User) -> None:
    with clock_at(LATER):
        new = {"pilot": pilot, "entered_on": ENTERED}
        result = ["Only an evaluation has a result."]
        assert refusal(lambda: write(StageEntry(**new, stage="listed", result="passed"), ministry)) == {
            "result": result
        }
        entry = write(StageEntry(**new, stage="midterm", result="conditions"), ministry)
        assert (entry.recorded_on, entry.result) == (LATER, "conditions")
