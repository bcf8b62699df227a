"""Filtering and sorting of follow-ups by their state on a day, and by who has to act."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from core.web.list_pages import keys_in_order
from pilots.follow_ups.analytics import FollowUpStatus
from pilots.follow_ups.services import allowed_moves
from pilots.lights import Colour
from pilots.metrics.follow_up_states import OPEN_STATES, FollowUpState, Move
from pilots.models import FollowUp
from pilots.models.follow_up import VERIFY_PERMISSION

OPEN_STATE = "open"
"""Value of the filter by state for any state in which something remains to be done."""
STATES = list(FollowUpState)

CAUSED, CLEARED, STILL_RED, NOT_RATED, RELAPSED = "caused", "cleared", "still_red", "not_rated", "relapsed"
"""Values of the filter by what became of the red light that was the cause."""


def waits_for(status: FollowUpStatus, user: Any) -> bool:
    """Return whether the next move is this user's: to verify what was reported, else to sign for it or report it.

    The ministry may enter for an owner without an account, but does not have to: it waits for the ministry only once
    it is reported, or where the user is the owner.
    """
    if not status.state.is_open:
        return False
    moves = allowed_moves(status, user)
    if Move.VERIFY in moves:
        return True
    is_owner = status.follow_up.owner_user_id == user.pk or not user.has_perm(VERIFY_PERMISSION)
    return is_owner and not {Move.SIGN, Move.REPORT}.isdisjoint(moves)


def lateness(status: FollowUpStatus) -> tuple[int, int]:
    """Return what follow-ups are sorted by, the most urgent last: closed ones, those of the owner by their due date,
    those to verify by their waiting days, the overdue ones by their days late."""
    if status.overdue:
        return 4, status.days_late or 0
    if status.state == FollowUpState.REPORTED:
        return 3, status.waiting_days or 0
    if status.state.is_open:
        return 2, -status.due_on.toordinal()
    return int(status.state == FollowUpState.CLOSED), status.steps[-1].taken_on.toordinal()


def by_lateness(statuses: Iterable[FollowUpStatus]) -> list[FollowUpStatus]:
    """Return follow-ups with the most urgent first."""
    return sorted(statuses, key=lateness, reverse=True)


SORT_VALUES: Mapping[str, Callable[[FollowUpStatus], Any]] = {
    "late": lateness,
    "due": lambda status: status.due_on,
    "state": lambda status: STATES.index(status.state),
}
"""What each column with a computed value is sorted by."""


def result_of(status: FollowUpStatus) -> list[str]:
    """Return the values under which the filter by result finds a follow-up."""
    if status.follow_up.cause_colour != Colour.RED:
        return []
    if status.cleared is None:
        return [CAUSED, *([NOT_RATED] if status.state == FollowUpState.CLOSED else [])]
    if not status.cleared:
        return [CAUSED, STILL_RED]
    return [CAUSED, CLEARED, *([RELAPSED] if status.relapsed_on else [])]


def subject_of(follow_up: FollowUp) -> str:
    """Return which kind of record a follow-up is about."""
    keys = {
        "pilot": follow_up.pilot_id,
        "policy": follow_up.policy_id,
        "practice": follow_up.practice_id,
        "province": follow_up.province_id,
    }
    return next(name for name, key in keys.items() if key)


class FollowUpIndex:
    """Statuses of the follow-ups of a list, for filtering and sorting its page."""

    def __init__(self, statuses: Sequence[FollowUpStatus], params: Mapping[str, str], user: Any) -> None:
        self.statuses = {status.follow_up.pk: status for status in statuses}
        self.user = user
        self.conditions = {name: params[name] for name in VALUES if params.get(name)}

    def ordered_keys(self, rows: QuerySet[FollowUp], word: str) -> list[int]:
        """Return the keys of the filtered rows in the order of `word`; ties stay in the order of their keys."""
        name, backwards = word.removeprefix("-"), word.startswith("-")
        keys = [key for key in keys_in_order(rows) if self.matches(self.statuses.get(key))]
        if name in SORT_VALUES:
            keys.sort(key=lambda key: SORT_VALUES[name](self.statuses[key]), reverse=backwards)
        return keys

    def matches(self, status: FollowUpStatus | None) -> bool:
        """Return whether a follow-up exists on the day and passes all conditions."""
        return status is not None and all(
            value in VALUES[name](status, self.user) for name, value in self.conditions.items()
        )


def yes_no(value: bool) -> list[str]:
    return ["true" if value else "false"]


VALUES: Mapping[str, Callable[[FollowUpStatus, Any], Collection[str]]] = {
    "state": lambda status, _user: [status.state.value, *([OPEN_STATE] if status.state in OPEN_STATES else [])],
    "overdue": lambda status, _user: yes_no(status.overdue),
    "result": lambda status, _user: result_of(status),
    "subject": lambda status, _user: [subject_of(status.follow_up)],
    "mine": lambda status, user: yes_no(waits_for(status, user)),
}
"""By filter, the values under which it finds a follow-up for a user."""
