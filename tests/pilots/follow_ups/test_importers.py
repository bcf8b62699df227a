"""Import of follow-ups: numbers, causes and first steps of new ones, what may be changed of others, and undoing."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from core.records.writing import Conflict
from pilots.follow_ups.services import take_step
from pilots.metrics import Move
from pilots.models import FollowUp, FollowUpStep
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.imports import checked_import, dry_run_of, run_import, undo_import

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
HEADS = ["number", "title_zh", "pilot", "cause", "cause_milestone", "opened_on", "due_on", "owner_agency"]


@pytest.fixture
def world() -> SimpleNamespace:
    pilot = make.pilot(make.batch(), make.province(), slug="huzhou")
    return SimpleNamespace(
        pilot=pilot,
        late=make.milestone(pilot, date(2025, 1, 1), title_zh="平台"),
        agency=make.agency(slug="bureau"),
        boss=make_user("boss", "national_editor"),
    )


def row(number: Any = None, **values: Any) -> list[Any]:
    """Return a row that a late milestone caused."""
    usual = {
        "number": number, "title_zh": "整改", "pilot": "huzhou", "cause": "milestone", "cause_milestone": "平台",
        "opened_on": "2026-06-01", "due_on": "2026-07-01", "owner_agency": "bureau",
    }  # fmt: skip
    return [{**usual, **values}[name] for name in HEADS]


def error_texts(*rows: Any, heads: Any = HEADS, by: Any = None) -> list[tuple[str, str, str]]:
    return [(fault.cell, fault.code, fault.message) for fault in dry_run_of("follow-ups", heads, *rows, by=by).errors]


def test_new_rows_are_opened_with_number_light_and_first_step(world: SimpleNamespace) -> None:
    rows = [row(), row("2026-002"), row(opened_on="2025-12-01"), row(title_zh="会商", cause=None, cause_milestone=None)]
    checked = checked_import("follow-ups", HEADS, *rows, by=world.boss)
    assert not FollowUp.objects.exists()
    assert checked.created == 4
    run_import("follow-ups", HEADS, *rows, by=world.boss, reason="Minutes of June")
    made = FollowUp.objects.order_by("pk")
    found = [(item.number, item.cause_colour, item.cause_reason_en, item.province) for item in made]
    province = world.pilot.province
    assert [(number, colour, place) for number, colour, _text, place in found] == [
        ("2026-001", "red", province),
        ("2026-002", "red", province),
        ("2025-001", "red", province),
        ("2026-003", "", province),
    ]
    assert [bool(text) for _number, _colour, text, _place in found] == [True, True, True, False]
    steps = FollowUpStep.objects.order_by("pk").values_list("seq", "move", "state", "taken_on", "author__username")
    assert list(steps) == [(1, "open", "opened", item.opened_on, "boss") for item in made]
    for item in made:
        (entry,), (step,) = item.history.all(), FollowUpStep.history.filter(follow_up=item)
        assert {(e.history_type, str(e.history_user), e.history_change_reason) for e in (entry, step)} == {
            ("+", "boss", "Minutes of June")
        }


def test_what_was_set_at_the_opening_stays(world: SimpleNamespace) -> None:
    run_import("follow-ups", HEADS, row(), by=world.boss)
    later = row("2026-001", due_on="2026-08-01", cause="pilot", cause_milestone=None)
    opened = "This stays as it was when it was opened. Withdraw the follow-up and open another instead."
    assert error_texts(later) == [
        ("D2", "invalid", opened),
        ("E2", "invalid", opened),
        ("G2", "invalid", "The first due date stays as it was set. Extend it instead, in a step with its reason."),
    ]


def test_an_import_is_undone_with_the_steps_that_opened(world: SimpleNamespace) -> None:
    kept = run_import("follow-ups", HEADS, row("2026-001"), by=world.boss)
    record = run_import("follow-ups", HEADS, row("2026-001", title_zh="改"), row(), row(), by=world.boss)
    assert FollowUp.objects.count() == 3
    undo_import(record, by=world.boss, reason="Wrong list")
    follow_up = FollowUp.objects.get()
    assert (follow_up.title_zh, FollowUpStep.objects.count()) == ("整改", 1)
    gone = FollowUpStep.history.filter(history_type="-").values_list("history_user__username", "history_change_reason")
    assert set(gone) == {("boss", "Wrong list")}
    assert len(gone) == 2
    run_import("follow-ups", HEADS, row(), by=world.boss)
    assert FollowUp.objects.latest("pk").number == "2026-004"  # a number is never given again
    assert error_texts(row("2026-002")) == [
        ("A2", "unique", "The number 2026-002 was given already. Leave it empty: the next one is filled in.")
    ]
    assert kept.pk


def test_an_import_is_not_undone_once_a_step_was_taken(world: SimpleNamespace) -> None:
    record = run_import("follow-ups", HEADS, row(), row(), by=world.boss)
    take_step(FollowUp.objects.latest("pk"), Move.SIGN, by=world.boss)
    with pytest.raises(Conflict) as refused:
        undo_import(record, by=world.boss)
    assert refused.value.messages == [
        "Step of a follow-up: “2026-002: signed for” was entered since and needs what the import created."
    ]
    assert (FollowUp.objects.count(), FollowUpStep.objects.count()) == (2, 3)
