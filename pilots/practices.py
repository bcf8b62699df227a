"""Practices: how far they have spread on a day, which a pilot might copy, and the writes that move them or confirm
copies, each in one transaction.

What is true of a practice, a copy or an effect on a day is annotated by `objects.on(day)` (models/practice.py).

Which moves there are stands in `PRACTICE_TRANSITIONS`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F, Model, Prefetch, QuerySet
from django.utils.translation import gettext as _

from core.http import today
from core.permissions import editor_province, has_object_permission, permission_name, scope_id
from core.records import writing
from pilots.analytics.pilot_status import PilotStatus
from pilots.lights import Colour
from pilots.metrics import (
    LIBRARY_STATES,
    PRACTICE_TRANSITIONS,
    AdoptionState,
    GiveUpReason,
    PracticeMove,
    PracticeState,
    Trust,
)
from pilots.models import Adoption, Effect, Indicator, Pilot, Practice
from pilots.models.practice import REVIEW_PERMISSION, of_known_copy
from policies.metrics import Step, adoption_steps, median_days, whole_days
from policies.models import Province

# -- moves and confirmations ----------------------------------------------------------------------------


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
    allow, a missing reason, and what the practice lacks; Conflict for one that was deleted.
    """
    practice = writing.locked(Practice, practice.pk)
    writing.check_changeable(practice)
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
    """Return whether a user, or somebody of the same province, claimed a copy: they never confirm it."""
    if adoption.claimed_by_id is None:
        return False
    home = scope_id(user)
    return adoption.claimed_by_id == user.pk or (home is not None and home == scope_id(adoption.claimed_by))


def may_confirm(user: Any, adoption: Adoption) -> bool:
    return may_judge(user, adoption) and not is_claimant(user, adoption)


@transaction.atomic
def confirm_adoption(adoption: Adoption, *, by: Any) -> Adoption:
    """Confirm a copy as of today, and return it as it is stored.

    Raises PermissionDenied for who claimed it and for who stands for none of the provinces, and ValidationError for one
    that is confirmed already or given up.
    """
    adoption = writing.locked(Adoption, adoption.pk)
    writing.check_changeable(adoption)
    if is_claimant(by, adoption):
        text = _(
            "You or your province claimed this copy: somebody else of the origin’s province or of the ministry "
            "confirms it."
        )
        raise PermissionDenied(text)
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
    writing.check_changeable(adoption)
    if not may_judge(by, adoption):
        raise PermissionDenied
    if adoption.confirmed_on is None:
        raise ValidationError(_("This copy is not confirmed."), code="not_confirmed")
    if not reason.strip():
        text = _("Say why the confirmation is taken back.")
        raise ValidationError({"reason": ValidationError(text, code="required")})
    writing.write(adoption, {"confirmed_on": None, "confirmed_by": None}, by=by, reason=reason, allowed=True)
    return adoption


# -- spread and suggestions -----------------------------------------------------------------------------


Choice = TypeVar("Choice", bound=str)


def read_practices(practices: QuerySet[Practice], day: date, roster: Sequence[Province] = ()) -> list[Any]:
    """Return practices, rows of `Practice.objects.on`, each with its `copies`, its `known_effects` and its
    `days_to_first_copy`; the provinces of `roster` are those reached.

    Effects of the origin come first; a copy has its own in `known_effects`. Seven queries for any number of rows.
    """
    effects = (
        Effect.objects.on(day)
        .filter(of_known_copy(day))
        .order_by(F("adoption__planned_on").asc(nulls_first=True), "pk")
    )
    related = ("adoption__pilot__batch", "adoption__province", "reading_before", "reading_after__indicator")
    copies = Adoption.objects.on(day).select_related("pilot__batch", "province")
    read: list[Any] = list(
        practices.select_related("province").prefetch_related(
            Prefetch("origins", Pilot.objects.select_related("province", "batch")),
            "industries",
            Prefetch("effects", effects.select_related(*related).prefetch_related("sources"), "known_effects"),
            Prefetch("adoptions", copies, "known_copies"),
        )
    )
    for practice in read:
        for copy in practice.known_copies:
            copy.known_effects = [effect for effect in practice.known_effects if effect.adoption_id == copy.pk]
        practice.copies = Copies(day, practice.known_copies, roster)
        practice.days_to_first_copy = days_to_first_copy(practice)
    return read


# -- how far they have spread ------------------------------------------------------------------------------


def count_all(choices: Iterable[Choice], values: Iterable[str]) -> dict[Choice, int]:
    """Return how often each of the choices occurs, 0 where none does."""
    counts = Counter(values)
    return {choice: counts[choice] for choice in choices}


@dataclass(frozen=True)
class ProvinceCopies:
    """Copies in a province of the roster: in use by trust, and all by state."""

    province: Province
    trust: Mapping[Trust, int]
    states: Mapping[AdoptionState, int]

    @property
    def attested(self) -> int:
        """Copies in use that are confirmed or verified."""
        return self.trust[Trust.CONFIRMED] + self.trust[Trust.VERIFIED]

    @property
    def is_reached(self) -> bool:
        return self.attested > 0

    @property
    def is_only_claimed(self) -> bool:
        """Whether copies in use are on record, but none is confirmed or verified."""
        return not self.is_reached and self.trust[Trust.CLAIMED] > 0


class Copies:
    """Copies of one practice or of all, rows of `Adoption.objects.on`, by state, trust and province of the roster.

    The levels of trust are counted apart and never added; attested copies are confirmed or verified.
    """

    def __init__(self, as_of: date, adoptions: Sequence[Any], roster: Sequence[Province]) -> None:
        self.as_of, self.adoptions, self.roster, self.total = as_of, adoptions, roster, len(adoptions)
        self.by_state = count_all(AdoptionState, (item.state_then for item in adoptions))
        self.in_use = [item for item in adoptions if item.state_then == AdoptionState.IN_USE]
        self.attested = [item for item in self.in_use if item.confirmed_then]
        # Copies in use, each under the highest trust it has reached.
        self.adopters = count_all(Trust, (item.trust_then for item in self.in_use))
        self.given_up = [item for item in adoptions if item.state_then == AdoptionState.GIVEN_UP]
        self.given_up_by_reason = count_all(GiveUpReason, (item.give_up_reason for item in self.given_up))

        trust = Counter((item.province_id, item.trust_then) for item in self.in_use)
        states = Counter((item.province_id, item.state_then) for item in adoptions)
        self.provinces = [
            ProvinceCopies(
                province,
                {level: trust[province.pk, level] for level in Trust},
                {state: states[province.pk, state] for state in AdoptionState},
            )
            for province in roster
        ]
        self.reached = [row.province for row in self.provinces if row.is_reached]
        self.only_claimed = [row.province for row in self.provinces if row.is_only_claimed]

    @property
    def attested_curve(self) -> list[Step]:
        """Adoption curve of the confirmed or verified copies: each from the day it was in use and attested."""
        return adoption_steps(((curve_day(copy), 1) for copy in self.attested), None)


def curve_day(copy: Any) -> date:
    """Return the day on which a copy enters the adoption curve: from then on it was in use and attested."""
    day: date = max(copy.since_then, copy.confirmed_then)
    return day


def days_to_first_copy(practice: Any) -> int | None:
    """Return the days from the library to the first confirmed or verified copy in use in another province.

    0 where one came before; None before the library, and without such a copy.
    """
    home = origin_provinces(practice)
    days = [
        copy.since_then
        for copy in practice.known_copies
        if copy.state_then == AdoptionState.IN_USE and copy.confirmed_then and copy.province_id not in home
    ]
    return max(0, (min(days) - practice.library_then).days) if days and practice.library_then else None


class Diffusion:
    """How far practices (of `read_practices`) have spread on a day; the retired ones are included.

    `measured` counts those with a measured effect, at the origin or at a copy, `stated_only` those whose only results
    are stated, of the origin. Of the practices that have entered the library (`entered_library`), `first_copies` have a
    copy in another province, after a median of so many days; None without.
    """

    def __init__(self, as_of: date, practices: Sequence[Any], roster: Sequence[Province]) -> None:
        self.as_of, self.practices, self.total = as_of, practices, len(practices)
        self.copies = Copies(as_of, [copy for item in practices for copy in item.known_copies], roster)
        self.by_state = count_all(PracticeState, (item.state_then for item in practices))
        self.measured = sum(item.measured_then for item in practices)
        self.stated_only = sum(
            not item.measured_then
            and any(effect.adoption_id is None and not effect.is_measured for effect in item.known_effects)
            for item in practices
        )
        self.entered_library = sum(item.library_then is not None for item in practices)
        days = [item.days_to_first_copy for item in practices if item.days_to_first_copy is not None]
        self.first_copies, self.median_days_to_first_copy = len(days), median_days(days)

    @property
    def usual_days(self) -> int | None:
        """The median in whole days; None where too few practices were copied for a meaningful one."""
        median = self.median_days_to_first_copy
        return None if median is None else whole_days(median)


def build_diffusion(day: date, practices: QuerySet[Practice] | None = None) -> Diffusion:
    """Return the diffusion of practices, rows of `Practice.objects.on`, by default all. Eight queries, for any."""
    roster, chosen = list(Province.objects.roster()), Practice.objects.on(day) if practices is None else practices
    return Diffusion(day, read_practices(chosen, day, roster), roster)


# -- practices for a pilot -----------------------------------------------------------------------------


def practices_for(status: PilotStatus) -> list[tuple[Practice, list[Model]]]:
    """Return the practices with an industry of a pilot or an effect on an indicator that is red there, with these.

    Those of the library first, then the newest effect. Never its own, never one that it has a copy of, never a retired
    one.
    """
    pilot, day = status.pilot, status.as_of
    own = set(pilot.industries.all())
    red = [item.record.indicator for item in status.indicators if item.colour == Colour.RED]
    matches = []
    for practice in read_practices(Practice.objects.on(day).exclude(state_then=PracticeState.RETIRED), day):
        if pilot in practice.origins.all() or any(copy.pilot_id == pilot.pk for copy in practice.known_copies):
            continue
        shared = [industry for industry in practice.industries.all() if industry in own]
        shared += [indicator for indicator in red if any(concerns(item, indicator) for item in practice.known_effects)]
        if shared:
            matches.append((practice, shared))
    return sorted(matches, key=lambda row: (row[0].state_then in LIBRARY_STATES, newest_effect(row[0])), reverse=True)


def concerns(effect: Any, indicator: Indicator) -> bool:
    """Return whether an effect is on an indicator: measured, or by the substance that the stated unit names.

    “t VOCs/yr” names that of AIR_VOC.
    """
    if effect.is_measured:
        return bool(effect.counts_on) and effect.reading_after.indicator_id == indicator.pk
    parts = indicator.code.upper().split("_")
    return any(word.startswith(part) for word in WORDS_OF_UNIT.findall(effect.stated_unit.upper()) for part in parts)


WORDS_OF_UNIT = re.compile(r"[A-Z0-9.]+")


def newest_effect(practice: Any) -> date:
    """Return the day since which the newest effect counts; the first day of all without any."""
    days = [item.counts_on if item.is_measured else item.known_on for item in practice.known_effects]
    return max((day for day in days if day), default=date.min)
