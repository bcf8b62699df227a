"""Moves of practices and confirmations of copies: who may, and the writes, each in one transaction.

Which moves there are stands in `PRACTICE_TRANSITIONS`.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from core.http import today
from core.permissions import editor_province, has_object_permission, permission_name
from core.records import writing
from pilots.metrics.practice_states import PRACTICE_TRANSITIONS, PracticeMove
from pilots.models import Adoption, Practice
from pilots.models.practice import REVIEW_PERMISSION


def may_move(practice: Practice, move: PracticeMove, user: Any) -> bool:
    """Return whether a user is the one who makes this move, in whatever state the practice is."""
    if PRACTICE_TRANSITIONS[move].by_ministry:
        return bool(user.has_perm(REVIEW_PERMISSION) and editor_province(user) is None)
    return has_object_permission(user, "change", practice)


def needs_reason(practice: Practice, move: PracticeMove) -> bool:
    return PRACTICE_TRANSITIONS[move].needs_reason or (move == PracticeMove.RECOMMEND and practice.got_worse)


@transaction.atomic
def move_practice(practice: Practice, move: PracticeMove, *, by: Any, reason: str = "") -> Practice:
    """Take a practice to its next state, and return it as it is stored.

    Raises PermissionDenied for a user who may not, and ValidationError by field for a move that the state does not
    allow, a missing reason, and what the practice lacks.
    """
    practice = writing.locked(Practice, practice.pk)
    state, transition = practice.state_on(today()), PRACTICE_TRANSITIONS[move]
    if state not in transition.sources:
        text = _("This practice is %(state)s: it cannot take this step now.")
        raise ValidationError({"move": ValidationError(text % {"state": state.label}, code="state")})
    if not may_move(practice, move, by):
        if transition.by_ministry and has_object_permission(by, "change", practice):
            raise PermissionDenied(_("Only the ministry takes this step: ask the ministry."))
        raise PermissionDenied
    if transition.needs_reason and not reason.strip():
        raise ValidationError({"reason": ValidationError(_("Say why it is retired."), code="required")})
    values: dict[str, Any] = {transition.day_field: today()}
    if move == PracticeMove.RETIRE:
        values["retired_reason"] = reason
    try:
        writing.write(practice, values, by=by, reason=reason if move == PracticeMove.RECOMMEND else "", allowed=True)
    except ValidationError as error:  # the reason for change is the field of a form here
        raise ValidationError(
            {name.replace("change_reason", "reason"): errors for name, errors in error.error_dict.items()}
        ) from error
    return practice


# -- copies --------------------------------------------------------------------------------------------


def origin_provinces(practice: Practice) -> set[int | None]:
    """Return the keys of the provinces that a practice comes from: that which proposed it, and its origins'."""
    return {practice.province_id, *(pilot.province_id for pilot in practice.origins.all())}


def may_judge(user: Any, adoption: Adoption) -> bool:
    """Return whether a user stands for the adopter's province, the origin's, or the ministry."""
    if has_object_permission(user, "change", adoption):
        return True
    home = editor_province(user)
    may_change = user.has_perm(permission_name(Adoption, "change"))
    return bool(home and may_change and home.pk in origin_provinces(adoption.practice))


def is_claimant(user: Any, adoption: Adoption) -> bool:
    """Return whether a user claimed a copy, and so never confirms it."""
    return adoption.claimed_by_id is not None and adoption.claimed_by_id == user.pk


def may_confirm(user: Any, adoption: Adoption) -> bool:
    return not is_claimant(user, adoption) and may_judge(user, adoption)


@transaction.atomic
def confirm_adoption(adoption: Adoption, *, by: Any) -> Adoption:
    """Confirm a copy as of today, and return it as it is stored.

    Raises PermissionDenied for who claimed it and for who stands for none of the provinces, and ValidationError for one
    that is confirmed already or given up.
    """
    adoption = writing.locked(Adoption, adoption.pk)
    if is_claimant(by, adoption):
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
    """Take a confirmation back, with the reason in the history.

    Raises PermissionDenied for who stands for none of the provinces, and ValidationError for one that is not confirmed,
    or without a reason.
    """
    adoption = writing.locked(Adoption, adoption.pk)
    if not may_judge(by, adoption):
        raise PermissionDenied
    if adoption.confirmed_on is None:
        raise ValidationError(_("This copy is not confirmed."), code="not_confirmed")
    if not reason.strip():
        text = _("Say why the confirmation is taken back.")
        raise ValidationError({"reason": ValidationError(text, code="required")})
    writing.write(adoption, {"confirmed_on": None, "confirmed_by": None}, by=by, reason=reason, allowed=True)
    return adoption
