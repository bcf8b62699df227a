"""Follow-ups of the demonstration: every state, of real lights, and with the steps that the services would write."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from core.seed import middleware
from pilots.analytics.pilot_status import pilot_status
from pilots.demo.evidence import QUOTE
from pilots.documents.services import live_attachments
from pilots.follow_ups.analytics import FollowUpStatus, build_follow_ups
from pilots.follow_ups.services import cause_on, open_follow_up, take_step
from pilots.metrics.follow_up_states import FollowUpState, Move
from pilots.metrics.lights import Colour
from pilots.models import Document, FollowUp, FollowUpKind, FollowUpNumber, FollowUpStep

pytestmark = pytest.mark.exhaustive
AS_OF = date(2026, 11, 24)


@pytest.fixture
def statuses(demonstration: None, db: None) -> Iterator[list[FollowUpStatus]]:
    middleware.forget_demonstration()
    yield build_follow_ups(FollowUp.objects.all(), AS_OF)
    middleware.forget_demonstration()


def test_every_state_and_outcome_occurs(statuses: list[FollowUpStatus]) -> None:
    assert len(statuses) == FollowUp.objects.count() >= 50
    assert {item.state for item in statuses} == set(FollowUpState)
    assert any(item.overdue for item in statuses)
    for name in ("extended", "returned"):
        assert any(getattr(item, name) for item in statuses), name
    assert set(FollowUpStep.objects.values_list("move", flat=True)) == set(Move)
    closed = [item for item in statuses if item.state == FollowUpState.CLOSED]
    assert {item.closed_in_time for item in closed} == {True, False}
    of_red = [item for item in closed if item.follow_up.cause_colour == Colour.RED]
    assert {item.cleared for item in of_red} == {True, False, None}
    assert any(item.relapsed_on for item in of_red)
    stalled = [item for item in statuses if item.overdue and item.steps[-1].taken_on < AS_OF - timedelta(30)]
    assert stalled


def test_every_kind_and_subject_occurs(statuses: list[FollowUpStatus]) -> None:
    assert {item.follow_up.kind for item in statuses} == set(FollowUpKind)
    subjects = Counter(type(item.follow_up.subject).__name__ for item in statuses)
    assert set(subjects) == {"Pilot", "Province", "Policy", "Practice"}
    assert {item.follow_up.cause for item in statuses} == {"", "pilot", "indicator", "milestone"}
    meetings = Counter(item.follow_up.meeting for item in statuses if item.follow_up.meeting)
    assert max(meetings.values()) > 1
    assert all("示例" in meeting for meeting in meetings)


def test_the_five_last_quarters_have_openings_and_closings(statuses: list[FollowUpStatus]) -> None:
    quarters = {(2025, 4), (2026, 1), (2026, 2), (2026, 3), (2026, 4)}
    for name in ("opened_on", "closed_on"):
        days = [item.closed_on if name == "closed_on" else item.follow_up.opened_on for item in statuses]
        assert {(day.year, (day.month + 2) // 3) for day in days if day} >= quarters, name


def test_each_light_is_the_one_that_the_pilot_had(statuses: list[FollowUpStatus]) -> None:
    for item in statuses:
        follow_up = item.follow_up
        follow_up.full_clean()
        if follow_up.cause and follow_up.pilot:
            colour, reason = cause_on(follow_up, pilot_status(follow_up.pilot, follow_up.opened_on))
            assert (colour, reason) == (follow_up.cause_colour, follow_up.cause_reason_en)
            assert colour in {Colour.RED, Colour.YELLOW}
            assert follow_up.cause_reason_zh


def test_the_services_write_the_same_steps(statuses: list[FollowUpStatus]) -> None:
    """Each follow-up is opened once more and taken through its steps, by the users who took them."""
    fields = ("seq", "taken_on", "move", "state", "remark", "new_due_on", "author")
    for item in statuses:
        copy = FollowUp.objects.get(pk=item.follow_up.pk)
        steps = list(copy.steps.order_by("seq"))
        copy.pk, copy.number, copy._state.adding = None, "", True
        open_follow_up(copy, by=steps[0].author)
        for step in steps[1:]:
            given = {name: getattr(step, name) for name in ("taken_on", "remark", "new_due_on")}
            files = [attached.document for attached in live_attachments(step)]
            take_step(copy, Move(step.move), by=step.author, files=files, **given)
        again = [[getattr(step, name) for name in fields] for step in copy.steps.order_by("seq")]
        assert again == [[getattr(step, name) for name in fields] for step in steps], item.follow_up
        values = ("cause_colour", "cause_reason_en", "cause_reason_zh", "province")
        assert [getattr(copy, name) for name in values] == [getattr(item.follow_up, name) for name in values]


def test_numbers_go_on_where_the_demonstration_ends(statuses: list[FollowUpStatus]) -> None:
    for year, last in FollowUpNumber.objects.values_list("year", "last_serial"):
        numbers = sorted(FollowUp.objects.filter(number__startswith=year).values_list("number", flat=True))
        assert numbers == [f"{year}-{serial:03}" for serial in range(1, last + 1)]
    openings = FollowUp.objects.order_by("number").values_list("opened_on", flat=True)
    assert list(openings) == sorted(openings)


def test_a_key_follow_up_is_reported_with_a_file_that_says_it_is_invented(statuses: list[FollowUpStatus]) -> None:
    reports = FollowUpStep.objects.filter(move=Move.REPORT, follow_up__is_key=True)
    attached = [live_attachments(step).get() for step in reports]
    assert len(attached) >= 3
    assert {item.document.media_type for item in attached} == {"application/pdf", "image/png"}
    assert {item.quote for item in attached} == {QUOTE, ""}
    assert all("虚构" in document.title and document.file_size < 2000 for document in Document.objects.all())
