"""Services of practices: writes that check first, each in one transaction with one history entry.

What may be done in which state, and by whom, stands in `PRACTICE_TRANSITIONS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from core.http.as_of import today
from core.permissions import editor_province, has_object_permission, permission_name
from core.records import writing
from core.text.formatting import join_short
from pilots.metrics.practice_states import PracticeState
from pilots.metrics.practices import PRACTICE_TRANSITIONS, PracticeActor, PracticeMove, is_worse
from pilots.models import Adoption, Effect, Practice
from pilots.models.practice import REVIEW_PERMISSION
from pilots.practices.analytics import EffectStatus, with_corrections
from policies.models import Source

# -- practices -----------------------------------------------------------------------------------------


def propose_practice(practice: Practice, *, by: Any, lists: Mapping[str, Any]) -> Practice:
    """Save a new practice with its many-to-many lists. Raises PermissionDenied outside the user's scope."""
    writing.write(practice, lists=lists, by=by)
    return practice


def allowed_moves(practice: Practice, user: Any) -> list[PracticeMove]:
    """Return the moves that a user may make now, whatever is still missing for them."""
    state = practice.state_on(today())
    return [
        move for move in PracticeMove if (state, move) in PRACTICE_TRANSITIONS and may_move(practice, move, state, user)
    ]


def may_move(practice: Practice, move: PracticeMove, state: PracticeState, user: Any) -> bool:
    """Return whether a user is the one who makes this move."""
    if PRACTICE_TRANSITIONS[state, move].actor == PracticeActor.PROVINCE:
        return has_object_permission(user, "change", practice)
    return bool(user.has_perm(REVIEW_PERMISSION) and editor_province(user) is None)


def worsened_effects(practice: Practice) -> list[EffectStatus]:
    """Return the changes of the origins' totals that count today and went the wrong way for their indicator."""
    day = today()
    effects = with_corrections(practice.effects.filter(adoption=None, known_on__lte=day))
    statuses = [
        EffectStatus(effect, day)
        for effect in effects.select_related("reading_before", "reading_after__indicator")
        if effect.is_measured
    ]
    return [
        item
        for item in statuses
        if item.change and item.indicator and is_worse(item.change.difference, item.indicator.direction)
    ]


def recommendation_objection(practice: Practice) -> str:
    """Return why a write that would recommend a practice needs a remark; empty where it needs none."""
    if practice.library_step < 2:
        return ""
    stored = Practice._base_manager.filter(pk=practice.pk).first()
    if stored is None or stored.library_step == 2 or not worsened_effects(stored):
        return ""
    return _("The total of its pilot got worse in the same years: say why it is recommended all the same.")


def missing_for(practice: Practice, move: PracticeMove) -> dict[str, str]:
    """Return what a practice lacks for a move: a message by field, nothing where it is complete."""
    if move not in (PracticeMove.TAKE_IN, PracticeMove.RECOMMEND):
        return {}
    return practice.missing_for(DAY_FIELDS[move])


@transaction.atomic
def move_practice(practice: Practice, move: PracticeMove, *, by: Any, reason: str = "") -> Practice:
    """Take a practice to its next state, and return it as it is stored.

    Raises PermissionDenied for a user who may not, and ValidationError by field for a move that the state does not
    allow, a missing reason, and what the practice lacks.
    """
    practice = writing.locked(Practice, practice.pk)
    state = practice.state_on(today())
    transition = PRACTICE_TRANSITIONS.get((state, move))
    if transition is None:
        text = _("This practice is %(state)s: it cannot take this step now.")
        raise ValidationError({"move": ValidationError(text % {"state": state.label}, code="state")})
    if not may_move(practice, move, state, by):
        if transition.actor == PracticeActor.MINISTRY and has_object_permission(by, "change", practice):
            raise PermissionDenied(_("Only the ministry takes this step: ask the ministry."))
        raise PermissionDenied
    if transition.reason and not reason.strip():
        raise ValidationError({"reason": ValidationError(_("Say why it is retired."), code="required")})
    values: dict[str, Any] = {DAY_FIELDS[move]: today()}
    if move == PracticeMove.RETIRE:
        values["retired_reason"] = reason
    for name, value in values.items():
        setattr(practice, name, value)
    practice.full_clean()
    objection = "" if reason.strip() else recommendation_objection(practice)
    if objection:
        raise ValidationError({"reason": ValidationError(objection, code="required")})
    kept = reason if move == PracticeMove.RECOMMEND else ""
    writing.write(practice, values, by=by, reason=kept, allowed=True)
    return practice


DAY_FIELDS: Mapping[PracticeMove, str] = {
    PracticeMove.PASS: "passed_on",
    PracticeMove.TAKE_IN: "library_on",
    PracticeMove.RECOMMEND: "recommended_on",
    PracticeMove.RETIRE: "retired_on",
}
"""The day that each move sets."""


# -- copies --------------------------------------------------------------------------------------------


def set_claimant(adoption: Adoption, by: Any) -> None:
    """Set who claims a new copy; one that exists keeps its claimant. Page, admin, import and API call it."""
    if not adoption.pk and adoption.claimed_by_id is None:
        adoption.claimed_by = by


def report_adoption(adoption: Adoption, values: Mapping[str, Any] | None = None, *, by: Any) -> Adoption:
    """Save a copy that is new, or change one. Raises PermissionDenied outside the user's scope."""
    set_claimant(adoption, by)
    writing.write(adoption, values, by=by)
    return adoption


def record_effect(effect: Effect, *, by: Any, sources: Iterable[Source]) -> Effect:
    """Save a new effect with its sources, after validation. Raises PermissionDenied outside the user's scope, and
    ValidationError for what a source states of a practice in the library, without the permission to review.
    """
    writing.write(effect, lists={"sources": list(sources)}, by=by)
    return effect


def origin_provinces(practice: Practice) -> set[int]:
    """Return the keys of the provinces that a practice comes from: that which proposed it, and its origins'."""
    keys = {pilot.province_id for pilot in practice.origins.all()}
    return keys | ({practice.province_id} if practice.province_id else set())


def may_confirm(user: Any, adoption: Adoption) -> bool:
    """Return whether a user may confirm a copy: an editor of its province, of the origin's, or of the ministry.

    Never the one who claimed it.
    """
    if adoption.claimed_by_id is not None and adoption.claimed_by_id == user.pk:
        return False
    return may_judge(user, adoption)


def may_judge(user: Any, adoption: Adoption) -> bool:
    """Return whether a user stands for the adopter's province, the origin's, or the ministry."""
    if has_object_permission(user, "change", adoption):
        return True
    home = editor_province(user)
    return bool(
        home and user.has_perm(permission_name(Adoption, "change")) and home.pk in origin_provinces(adoption.practice)
    )


@transaction.atomic
def confirm_adoption(adoption: Adoption, *, by: Any) -> Adoption:
    """Confirm a copy as of today, and return it as it is stored.

    Raises PermissionDenied for who claimed it and for who stands for none of the provinces, and ValidationError for one
    that is confirmed already or given up.
    """
    adoption = writing.locked(Adoption, adoption.pk)
    if adoption.claimed_by_id is not None and adoption.claimed_by_id == by.pk:
        raise PermissionDenied(_("You claimed this copy yourself: someone else has to confirm it."))
    if not may_judge(by, adoption):
        raise PermissionDenied
    if adoption.confirmed_on is not None:
        raise ValidationError(_("This copy is confirmed already."), code="confirmed")
    if adoption.given_up_on is not None:
        raise ValidationError(_("This copy was given up: there is nothing to confirm."), code="given_up")
    writing.write(adoption, {"confirmed_on": today(), "confirmed_by": by}, by=by, allowed=True)
    return adoption


@transaction.atomic
def withdraw_confirmation(adoption: Adoption, *, by: Any, reason: str) -> Adoption:
    """Take a confirmation back, with the reason in the history. Raises as `confirm_adoption`."""
    adoption = writing.locked(Adoption, adoption.pk)
    if not may_judge(by, adoption):
        raise PermissionDenied
    if adoption.confirmed_on is None:
        raise ValidationError(_("This copy is not confirmed."), code="not_confirmed")
    if not reason.strip():
        raise ValidationError(
            {"reason": ValidationError(_("Say why the confirmation is taken back."), code="required")}
        )
    writing.write(adoption, {"confirmed_on": None, "confirmed_by": None}, by=by, reason=reason, allowed=True)
    return adoption


def error_text(error: ValidationError) -> str:
    """Return the messages of an error in one line."""
    return join_short(error.messages)
