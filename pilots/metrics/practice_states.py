"""States of practices and of their copies, and the moves of a practice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.text import StatusChoices


class PracticeState(StatusChoices):
    """How far a practice has come: the province passes it, the ministry takes it in and may recommend it."""

    PROPOSED = "proposed", "grey", pgettext_lazy("state of a practice", "proposed")
    PASSED = "passed", "yellow", pgettext_lazy("state of a practice", "passed by the province")
    IN_LIBRARY = "in_library", "blue", pgettext_lazy("state of a practice", "in the library")
    RECOMMENDED = "recommended", "green", pgettext_lazy("state of a practice", "recommended")
    RETIRED = "retired", "grey", pgettext_lazy("state of a practice", "retired")


LIBRARY_STATES = (PracticeState.IN_LIBRARY, PracticeState.RECOMMENDED)


class AdoptionState(StatusChoices):
    """How far a copy has come."""

    PLANNED = "planned", "grey", pgettext_lazy("state of an adoption", "planned")
    UNDER_WAY = "under_way", "blue", pgettext_lazy("state of an adoption", "under way")
    IN_USE = "in_use", "green", pgettext_lazy("state of an adoption", "in use")
    GIVEN_UP = "given_up", "red", pgettext_lazy("state of an adoption", "given up")


class Trust(StatusChoices):
    """How well a copy is attested. The three are counted apart and never added."""

    CLAIMED = "claimed", "grey", pgettext_lazy("trust in an adoption", "claimed")
    CONFIRMED = "confirmed", "blue", pgettext_lazy("trust in an adoption", "confirmed")
    VERIFIED = "verified", "green", pgettext_lazy("trust in an adoption", "verified")


class GiveUpReason(TextChoices):
    """Why a copy was given up."""

    LEADERSHIP = "leadership", _("no backing of the leadership")
    APPROVAL = "approval", _("approval not given")
    MONEY = "money", _("no money")
    STAFF = "staff", _("no staff or skills")
    CONDITIONS = "conditions", _("conditions differ from the origin’s")
    NO_EFFECT = "no_effect", _("no effect seen")
    OTHER = "other", pgettext_lazy("reason for giving up", "other")


# -- moves of a practice -----------------------------------------------------------------------------------


class PracticeMove(TextChoices):
    """What takes a practice from one state to the next."""

    PASS = "pass", pgettext_lazy("move of a practice", "pass")
    TAKE_IN = "take_in", pgettext_lazy("move of a practice", "take into the library")
    RECOMMEND = "recommend", pgettext_lazy("move of a practice", "recommend")
    RETIRE = "retire", pgettext_lazy("move of a practice", "retire")


@dataclass(frozen=True)
class PracticeTransition:
    """One move: from which states, the day that it sets, whether it is the ministry's, and whether it needs a reason.

    Who may change the practice, its province, makes those that are not the ministry's.
    """

    sources: tuple[PracticeState, ...]
    day_field: str
    by_ministry: bool = True
    needs_reason: bool = False


PRACTICE_TRANSITIONS: Mapping[PracticeMove, PracticeTransition] = {
    PracticeMove.PASS: PracticeTransition((PracticeState.PROPOSED,), "passed_on", by_ministry=False),
    PracticeMove.TAKE_IN: PracticeTransition((PracticeState.PASSED,), "library_on"),
    PracticeMove.RECOMMEND: PracticeTransition((PracticeState.IN_LIBRARY,), "recommended_on"),
    PracticeMove.RETIRE: PracticeTransition(
        (PracticeState.PROPOSED, PracticeState.PASSED, *LIBRARY_STATES), "retired_on", needs_reason=True
    ),
}
"""Every move that there is."""
