"""States of practices and of their adoption, from the days on which they were reached."""

from __future__ import annotations

from datetime import date

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.text.formatting import StatusChoices


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


def practice_state(
    as_of: date, *, passed: date | None, library: date | None, recommended: date | None, retired: date | None
) -> PracticeState:
    """Return the state on a day; each day counts from itself on."""
    for day, state in (
        (retired, PracticeState.RETIRED),
        (recommended, PracticeState.RECOMMENDED),
        (library, PracticeState.IN_LIBRARY),
        (passed, PracticeState.PASSED),
    ):
        if day is not None and day <= as_of:
            return state
    return PracticeState.PROPOSED


def adoption_state(as_of: date, *, started: date | None, in_use: date | None, given_up: date | None) -> AdoptionState:
    """Return the state of a copy on a day."""
    for day, state in (
        (given_up, AdoptionState.GIVEN_UP),
        (in_use, AdoptionState.IN_USE),
        (started, AdoptionState.UNDER_WAY),
    ):
        if day is not None and day <= as_of:
            return state
    return AdoptionState.PLANNED


def trust_on(as_of: date, *, confirmed: date | None, verified: date | None) -> Trust:
    """Return the highest trust reached by a day; `verified` is the day its first measured effect was accepted."""
    if verified is not None and verified <= as_of:
        return Trust.VERIFIED
    return Trust.CONFIRMED if confirmed is not None and confirmed <= as_of else Trust.CLAIMED
