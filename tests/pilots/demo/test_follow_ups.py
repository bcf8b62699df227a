"""Follow-ups of the demonstration: every state, of real lights, and with the steps that the services would write."""

from collections.abc import Iterator
from datetime import date

import pytest

from core.seed import middleware
from pilots.analytics.pilot_status import pilot_status
from pilots.demo.evidence import QUOTE
from pilots.documents.services import live_attachments
from pilots.follow_ups.analytics import FollowUpStatus, build_follow_ups
from pilots.follow_ups.services import cause_on, open_follow_up, take_step
from pilots.metrics.follow_up_states import Move
from pilots.metrics.lights import Colour
from pilots.models import Document, FollowUp, FollowUpNumber, FollowUpStep

pytestmark = pytest.mark.exhaustive
AS_OF = date(2026, 11, 24)


@pytest.fixture
def statuses(demonstration: None, db: None) -> Iterator[list[FollowUpStatus]]:
    middleware.forget_demonstration()
    yield build_follow_ups(FollowUp.objects.all(), AS_OF)
    middleware.forget_demonstration()


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
