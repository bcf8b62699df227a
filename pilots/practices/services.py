"""Services of practices: writes that check first, each in one transaction with one history entry.

What may be done in which state, and by whom, stands in `PRACTICE_TRANSITIONS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

from core.history.recording import single_history_entry
from core.http.as_of import today
from core.permissions import editor_province, has_object_permission, permission_name
from core.text.joining import join_short
from pilots.metrics.practice_states import PracticeState
from pilots.metrics.practices import PRACTICE_TRANSITIONS, PracticeActor, PracticeMove
from pilots.models import Adoption, Effect, Practice
from pilots.models.practice import REVIEW_PERMISSION
from policies.models import Source

# -- practices -----------------------------------------------------------------------------------------


@transaction.atomic
def propose_practice(practice: Practice, *, by: Any, lists: Mapping[str, Any]) -> Practice:
    """Save a new practice with its many-to-many lists. Raises PermissionDenied outside the user's scope."""
    if not has_object_permission(by, "add", practice):
        raise PermissionDenied
    with single_history_entry(practice, created=True):
        save_by(practice, by)
        for name, records in lists.items():
            getattr(practice, name).set(records)
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
    practice = Practice.objects.select_for_update().get(pk=practice.pk)
    state = practice.state_on(today())
    transition = PRACTICE_TRANSITIONS.get((state, move))
    if transition is None:
        text = _("This practice is %(state)s: it cannot take this step now.")
        raise ValidationError({"move": ValidationError(text % {"state": state.label}, code="state")})
    if not may_move(practice, move, state, by):
        raise PermissionDenied
    if transition.reason and not reason.strip():
        raise ValidationError({"reason": ValidationError(_("Say why it is retired."), code="required")})
    setattr(practice, DAY_FIELDS[move], today())
    if move == PracticeMove.RETIRE:
        practice.retired_reason = reason
    practice.full_clean()
    save_by(practice, by)
    return practice


DAY_FIELDS: Mapping[PracticeMove, str] = {
    PracticeMove.PASS: "passed_on",
    PracticeMove.TAKE_IN: "library_on",
    PracticeMove.RECOMMEND: "recommended_on",
    PracticeMove.RETIRE: "retired_on",
}
"""The day that each move sets."""


def save_by(record: models.Model, by: Any, reason: str = "") -> None:
    """Save a record; its history entry names the user and the reason."""
    vars(record).update(_history_user=by, _change_reason=reason or None)
    record.save()


# -- copies --------------------------------------------------------------------------------------------


def set_claimant(adoption: Adoption, by: Any) -> None:
    """Set who claims a new copy; one that exists keeps its claimant. Page, admin, import and API call it."""
    if not adoption.pk and adoption.claimed_by_id is None:
        adoption.claimed_by = by


@transaction.atomic
def report_adoption(adoption: Adoption, *, by: Any) -> Adoption:
    """Save a copy that is new or changed, after validation. Raises PermissionDenied outside the user's scope."""
    adding = not adoption.pk
    set_claimant(adoption, by)
    adoption.full_clean()
    if not has_object_permission(by, "add" if adding else "change", adoption):
        raise PermissionDenied
    save_by(adoption, by)
    return adoption


@transaction.atomic
def record_effect(effect: Effect, *, by: Any, sources: Iterable[Source]) -> Effect:
    """Save a new effect with its sources, after validation. Raises PermissionDenied outside the user's scope."""
    effect.full_clean()
    if not has_object_permission(by, "add", effect):
        raise PermissionDenied
    with single_history_entry(effect, created=True):
        save_by(effect, by)
        effect.sources.set(sources)
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
    adoption = lock_adoption(adoption)
    if adoption.claimed_by_id is not None and adoption.claimed_by_id == by.pk:
        raise PermissionDenied(_("You claimed this copy yourself: someone else has to confirm it."))
    if not may_judge(by, adoption):
        raise PermissionDenied
    if adoption.confirmed_on is not None:
        raise ValidationError(_("This copy is confirmed already."), code="confirmed")
    if adoption.given_up_on is not None:
        raise ValidationError(_("This copy was given up: there is nothing to confirm."), code="given_up")
    adoption.confirmed_on, adoption.confirmed_by = today(), by
    save_by(adoption, by)
    return adoption


@transaction.atomic
def withdraw_confirmation(adoption: Adoption, *, by: Any, reason: str) -> Adoption:
    """Take a confirmation back, with the reason in the history. Raises as `confirm_adoption`."""
    adoption = lock_adoption(adoption)
    if not may_judge(by, adoption):
        raise PermissionDenied
    if adoption.confirmed_on is None:
        raise ValidationError(_("This copy is not confirmed."), code="not_confirmed")
    if not reason.strip():
        raise ValidationError(
            {"reason": ValidationError(_("Say why the confirmation is taken back."), code="required")}
        )
    adoption.confirmed_on = adoption.confirmed_by = None
    save_by(adoption, by, reason)
    return adoption


def lock_adoption(adoption: Adoption) -> Adoption:
    """Return the stored copy, locked until the transaction ends."""
    return Adoption.objects.select_for_update(of=("self",)).select_related("practice", "province").get(pk=adoption.pk)


def error_text(error: ValidationError) -> str:
    """Return the messages of an error in one line."""
    return join_short(error.messages)
