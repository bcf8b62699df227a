"""States of a follow-up and the moves between them: one table for pages, API, admin and documents."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.text import StatusChoices


class FollowUpState(StatusChoices):
    """State of a follow-up: that of its newest step. Being overdue is no state: it is computed for a day."""

    OPENED = "opened", "yellow", _("to be signed for")
    RECEIVED = "received", "blue", pgettext_lazy("state of a follow-up", "in progress")
    REPORTED = "reported", "blue", "circle", _("reported, to be verified")
    CLOSED = "closed", "green", pgettext_lazy("state of a follow-up", "closed")
    WITHDRAWN = "withdrawn", "grey", pgettext_lazy("state of a follow-up", "withdrawn")

    @property
    def is_open(self) -> bool:
        """Whether something remains to be done."""
        return self in OPEN_STATES


OWNER_STATES = (FollowUpState.OPENED, FollowUpState.RECEIVED)
"""States in which the owner has to act; only then can it be overdue."""
OPEN_STATES = (*OWNER_STATES, FollowUpState.REPORTED)


class Move(TextChoices):
    """What a step does."""

    OPEN = "open", pgettext_lazy("step of a follow-up", "opened")
    SIGN = "sign", pgettext_lazy("step of a follow-up", "signed for")
    REPORT = "report", pgettext_lazy("step of a follow-up", "reported as done")
    VERIFY = "verify", pgettext_lazy("step of a follow-up", "verified and closed")
    RETURN = "return", pgettext_lazy("step of a follow-up", "returned")
    EXTEND = "extend", pgettext_lazy("step of a follow-up", "due date extended")
    WITHDRAW = "withdraw", pgettext_lazy("step of a follow-up", "withdrawn")
    REOPEN = "reopen", pgettext_lazy("step of a follow-up", "reopened")


class Actor(StrEnum):
    """Who may make a move."""

    OWNER = "owner"  # may change the follow-up: the province’s editors, or the ministry for an owner without account
    VERIFIER = "verifier"  # may verify, is neither the owner nor who reported
    MINISTRY = "ministry"  # may verify


@dataclass(frozen=True)
class Transition:
    """One move: the state it leads to, None for the same; who may make it; what it needs."""

    state: FollowUpState | None
    actor: Actor
    note: bool = False
    new_due: bool = False
    evidence: bool = False  # a file, if the follow-up is a key one


_SIGN = Transition(FollowUpState.RECEIVED, Actor.OWNER)
_REPORT = Transition(FollowUpState.REPORTED, Actor.OWNER, note=True, evidence=True)
_EXTEND = Transition(None, Actor.MINISTRY, note=True, new_due=True)
_WITHDRAW = Transition(FollowUpState.WITHDRAWN, Actor.MINISTRY, note=True)

TRANSITIONS: Mapping[tuple[FollowUpState, Move], Transition] = {
    (FollowUpState.OPENED, Move.SIGN): _SIGN,
    (FollowUpState.RECEIVED, Move.REPORT): _REPORT,
    (FollowUpState.REPORTED, Move.VERIFY): Transition(FollowUpState.CLOSED, Actor.VERIFIER),
    (FollowUpState.REPORTED, Move.RETURN): Transition(FollowUpState.RECEIVED, Actor.VERIFIER, note=True, new_due=True),
    (FollowUpState.CLOSED, Move.REOPEN): Transition(FollowUpState.RECEIVED, Actor.MINISTRY, note=True, new_due=True),
    **{(state, Move.EXTEND): _EXTEND for state in OPEN_STATES},
    **{(state, Move.WITHDRAW): _WITHDRAW for state in OPEN_STATES},
}
"""Every move that there is, by the state it starts from."""

REOPEN_DAYS = 90
"""Days after closing within which a follow-up can be reopened; later a new one is opened."""

RELAPSE_DAYS = 180
"""Days after closing within which a cause that turns red again counts as a relapse."""
