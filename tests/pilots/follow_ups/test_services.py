"""Opening follow-ups and taking their steps: who may, what each needs, and that nothing is done on an error."""

from contextlib import nullcontext
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Model

from core.days import today
from pilots.follow_ups.services import allowed_moves, open_follow_up, take_step, waiting_for
from pilots.metrics import REOPEN_DAYS, FollowUpState, Move
from pilots.models import Attachment, FollowUp, FollowUpStep, Pilot
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db
OPENED, CLOSED = date(2026, 6, 1), date(2026, 6, 25)
HISTORIES: dict[FollowUpState, list[tuple[Move, date]]] = {
    FollowUpState.OPENED: [],
    FollowUpState.RECEIVED: [(Move.SIGN, date(2026, 6, 2))],
    FollowUpState.REPORTED: [(Move.SIGN, date(2026, 6, 2)), (Move.REPORT, date(2026, 6, 20))],
    FollowUpState.CLOSED: [
        (Move.SIGN, date(2026, 6, 2)),
        (Move.REPORT, date(2026, 6, 20)),
        (Move.VERIFY, CLOSED),
    ],
    FollowUpState.WITHDRAWN: [(Move.WITHDRAW, date(2026, 6, 2))],
}
ROLES = (
    "viewer",
    "provincial_editor",
    "other_province",
    "national_editor",
    "admin",
    "owner",
    "reporter",
    "named_other",
)
DAY = date(2026, 7, 5)


@pytest.fixture
def pilot() -> Pilot:
    return make.pilot(make.batch(), make.province())


def in_state(pilot: Pilot, state: FollowUpState, **fields: Any) -> FollowUp:
    return make.follow_up(pilot, *HISTORIES[state], **fields)


def on_day(item: FollowUp, day: date) -> FollowUp:
    """Return a follow-up as it stands on a day, with the lights of its cause."""
    found: FollowUp = FollowUp.objects.with_state(day).with_cause(day).get(pk=item.pk)
    return found


def counts() -> dict[type[Model], int]:
    return {model: model._default_manager.count() for model in (FollowUp, FollowUpStep, Attachment)}


def errors_of(exc: pytest.ExceptionInfo[ValidationError]) -> dict[str, list[str]]:
    """Return the codes of an error by field."""
    return {name: [str(error.code) for error in errors] for name, errors in exc.value.error_dict.items()}


# -- who may do what ---------------------------------------------------------------------------------------

OWNER_MOVES = {"provincial_editor", "national_editor", "admin", "owner", "reporter", "named_other"}
MINISTRY_MOVES = OWNER_MOVES - {"provincial_editor"}
PERMITTED = {
    **{("opened", move): MINISTRY_MOVES for move in ("extend", "withdraw")},
    ("opened", "sign"): OWNER_MOVES,
    **{("received", move): MINISTRY_MOVES for move in ("extend", "withdraw")},
    ("received", "report"): OWNER_MOVES,
    **{("reported", move): MINISTRY_MOVES for move in ("extend", "withdraw")},
    **{("reported", move): {"national_editor", "admin"} for move in ("verify", "return")},
    ("closed", "reopen"): MINISTRY_MOVES,
}
"""Who may do what, written out here once more: the table of the code is compared with it."""
LEADS_TO = {
    "sign": "received",
    "report": "reported",
    "verify": "closed",
    "return": "received",
    "withdraw": "withdrawn",
    "reopen": "received",
}


def follow_up_and_user(pilot: Pilot, state: FollowUpState, role: str) -> tuple[FollowUp, User]:
    """Return a follow-up in the state, and a user who stands to it as the role says."""
    province = {"provincial_editor": pilot.province, "other_province": make.province()}.get(role)
    own = "provincial_editor" if province else role if role in {"viewer", "admin"} else "national_editor"
    user = make_user(f"{role}-{state}", own, province)
    named = make_user(f"named-{state}", "national_editor") if role == "named_other" else None
    item = make.follow_up(pilot, owner_user=user if role == "owner" else None, verifier=named)
    for move, day in HISTORIES[state]:
        make.step(item, move, day, author=user if role == "reporter" else None)
    return item, user


def whole_step(move: Move) -> dict[str, Any]:
    """Return what any step of this kind needs."""
    due = {"new_due_on": date(2026, 12, 1)} if move in {Move.EXTEND, Move.RETURN, Move.REOPEN} else {}
    return {"taken_on": today() if move == Move.REPORT else DAY, "remark": "As agreed.", **due}


@pytest.mark.parametrize("state", FollowUpState.values)
def test_every_move_by_every_role(pilot: Pilot, state: str) -> None:
    """Every cell: the state that it leads to, refused to this user, or no such move; `allowed_moves` says the same (but
    for the time), and so do the follow-ups that wait for the user."""
    for role in ROLES:
        item, user = follow_up_and_user(pilot, FollowUpState(state), role)
        offered = set(allowed_moves(on_day(item, DAY), user))
        expected = {move for move in Move if isinstance(outcome(state, move, role), str)}
        late = {Move.REOPEN} if today() > CLOSED + timedelta(REOPEN_DAYS) else set()
        assert (role, offered) == (role, expected - late)
        is_owner = role in {"owner", "provincial_editor"}
        waits = Move.VERIFY in offered or (is_owner and not offered.isdisjoint({Move.SIGN, Move.REPORT}))
        listed = waiting_for(user, FollowUp.objects.with_state(DAY).filter(pk=item.pk))
        assert (role, listed.exists()) == (role, waits)
        for move in Move:
            assert (role, move, try_move(item, move, user)) == (role, move, outcome(state, move, role))


def outcome(state: str, move: Move, role: str) -> type[Exception] | str:
    if role in {"viewer", "other_province"}:
        return PermissionDenied
    if (state, move) not in PERMITTED:
        return ValidationError
    return LEADS_TO.get(move, state) if role in PERMITTED[state, move] else PermissionDenied


def try_move(item: FollowUp, move: Move, user: User) -> type[Exception] | str:
    """Return the state that a whole step leads to, else its error; it is taken back. Nothing is done on an error."""
    before = counts()
    try:
        with transaction.atomic():
            step = take_step(item, move, by=user, **whole_step(move))
            assert (step.author, step.history.get().history_user) == (user, user)
            transaction.set_rollback(True)
    except (PermissionDenied, ValidationError) as exc:
        assert counts() == before
        return type(exc)
    return step.state


def test_a_verifier_is_told_why_not(pilot: Pilot) -> None:
    texts = {
        "owner": "You are responsible for it: another user must verify it.",
        "reporter": "You reported it: another user must verify it.",
        "named_other": "Another user is named to verify it.",
    }
    for role, text in texts.items():
        item, user = follow_up_and_user(pilot, FollowUpState.REPORTED, role)
        with pytest.raises(PermissionDenied, match=text):
            take_step(item, Move.VERIFY, by=user)


# -- what a step needs -------------------------------------------------------------------------------------

NEXT_YEAR = date(2026, 12, 1)
STEP_ERRORS: dict[str, tuple[FollowUpState, Move, dict[str, Any]]] = {
    "a report without a remark": (FollowUpState.RECEIVED, Move.REPORT, {"remark": " "}),
    "a return without anything": (FollowUpState.REPORTED, Move.RETURN, {}),
    "a return due in the past": (FollowUpState.REPORTED, Move.RETURN, {"remark": "No", "new_due_on": date(2026, 7, 4)}),
    "an extension to an earlier day": (
        FollowUpState.RECEIVED, Move.EXTEND,
        {"remark": "x", "new_due_on": date(2026, 7, 1), "taken_on": date(2026, 6, 3)},
    ),
    "a withdrawal without a reason": (FollowUpState.OPENED, Move.WITHDRAW, {}),
    "a due date where none is set": (FollowUpState.OPENED, Move.SIGN, {"new_due_on": date(2026, 8, 1)}),
    "a step before the last": (FollowUpState.RECEIVED, Move.REPORT, {"remark": "x", "taken_on": OPENED}),
    "a step in the future": (FollowUpState.OPENED, Move.SIGN, {"taken_on": today() + timedelta(2)}),
    "reopened too late": (
        FollowUpState.CLOSED, Move.REOPEN, {"remark": "x", "new_due_on": NEXT_YEAR, "taken_on": date(2026, 9, 24)},
    ),
    "a move from another state": (FollowUpState.OPENED, Move.VERIFY, {}),
    "a second opening": (FollowUpState.OPENED, Move.OPEN, {}),
    "anything after a withdrawal": (FollowUpState.WITHDRAWN, Move.REOPEN, {}),
}  # fmt: skip


@pytest.mark.parametrize(("role", "refused"), [("provincial_editor", {"taken_on": ["not_allowed"]}), ("owner", {})])
def test_only_the_ministry_dates_a_report_back(pilot: Pilot, role: str, refused: dict[str, list[str]]) -> None:
    item, user = follow_up_and_user(pilot, FollowUpState.RECEIVED, role)
    with pytest.raises(ValidationError) if refused else nullcontext() as caught:
        take_step(item, Move.REPORT, by=user, taken_on=item.steps.last().taken_on, remark="Done")
    assert (errors_of(caught) if caught else {}) == refused
    if refused:
        assert take_step(item, Move.REPORT, by=user, remark="Done").taken_on == today()


def test_a_step_that_lacks_something_is_not_taken(pilot: Pilot) -> None:
    user, found = make_user("user", "national_editor"), {}
    for case, (state, move, given) in STEP_ERRORS.items():
        item = in_state(pilot, state)
        before = counts()
        with pytest.raises(ValidationError) as caught:
            take_step(item, move, by=user, **{"taken_on": DAY, **given})
        found[case] = errors_of(caught)
        assert counts() == before
    assert_snapshot("follow-up-steps", found)


def test_reopened_on_the_last_day(pilot: Pilot) -> None:
    item, user = in_state(pilot, FollowUpState.CLOSED), make_user("user", "national_editor")
    last = CLOSED + timedelta(REOPEN_DAYS)
    step = take_step(item, Move.REOPEN, by=user, taken_on=last, remark="Again.", new_due_on=date(2026, 12, 1))
    assert (step.state, on_day(item, last).current_due_on) == ("received", date(2026, 12, 1))


# -- opening -----------------------------------------------------------------------------------------------

OPENING_ERRORS: dict[str, dict[str, Any]] = {
    "due before opened": {"due_on": date(2026, 5, 31)},
    "opened in the future": {"opened_on": today() + timedelta(2), "due_on": date(2199, 1, 1)},
    "no title": {"title_zh": ""},
    "no subject": {"pilot": None, "cause": ""},
    "no agency": {"owner_agency": None},
    "a cause without its target": {"cause": "indicator"},
}


def test_a_follow_up_at_fault_is_not_opened(pilot: Pilot) -> None:
    user, before, found = make_user("user", "national_editor"), counts(), {}
    other = make.pilot(make.batch(), pilot.province)
    target, milestone = make.target(other, make.indicator("SO2"), 9, 8), make.milestone(other, date(2026, 1, 1))
    causes = {
        "a target of another pilot": {"cause": "indicator", "cause_target": target},
        "a milestone of another pilot": {"cause": "milestone", "cause_milestone": milestone},
    }
    for case, given in {**OPENING_ERRORS, **causes}.items():
        with pytest.raises(ValidationError) as caught:
            open_follow_up(make.new_follow_up(**{"pilot": pilot, **given}), by=user)
        found[case] = errors_of(caught)
    assert_snapshot("follow-up-openings", found)
    assert counts() == before


def test_whether_the_light_was_cleared_is_kept_as_it_was_known_at_the_closing() -> None:
    """Of a key milestone that is red from 2 June 2025 until it is done on 1 August."""
    pilot = make.pilot(make.batch(announced_on=date(2025, 1, 10)), make.province())
    make.milestone(pilot, date(2025, 3, 3), date(2025, 8, 1), is_key=True)
    user, verifier = make_user("minister", "national_editor"), make_user("verifier", "national_editor")
    item = open_follow_up(make.new_follow_up(pilot, opened_on=date(2025, 7, 1), due_on=date(2025, 7, 20)), by=user)
    take_step(item, Move.SIGN, by=user, taken_on=date(2025, 7, 3))
    take_step(item, Move.REPORT, by=user, taken_on=date(2025, 8, 2), remark="Done.")
    assert take_step(item, Move.VERIFY, by=verifier, taken_on=date(2025, 8, 4)).cause_colour not in {"", "red"}
    pilot.completions.update(objected_on=date(2025, 9, 1), objection="No")  # what is found later does not rewrite it
    assert FollowUp.objects.with_state(date(2025, 12, 1)).get().cleared is True
