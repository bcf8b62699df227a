"""Querysets of batches, pilots, practices, their copies and effects."""

from __future__ import annotations

from datetime import date
from typing import Any, Self

from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Greatest, Least

from pilots.metrics.practice_states import LIBRARY_STATES, PracticeState, Trust


def known_condition(as_of: date) -> Q:
    """Return the condition of pilots known on the day: from the day of their batch, withdrawn ones included."""
    return Q(batch__known_by__lte=as_of)


def listed_condition(as_of: date) -> Q:
    """Return the condition of pilots in the programme: from the day of their batch until the day they withdraw."""
    return known_condition(as_of) & (Q(withdrawn_on__isnull=True) | Q(withdrawn_on__gt=as_of))


def withdrawn_condition(as_of: date) -> Q:
    """Return the condition of pilots withdrawn by the day: announced and recorded, no longer in the programme."""
    return known_condition(as_of) & Q(withdrawn_on__lte=as_of)


class BatchQuerySet(QuerySet[Any]):
    def known(self, as_of: date) -> Self:
        """Filter batches announced, or known to exist, by the day."""
        return self.filter(known_by__lte=as_of)


class PilotQuerySet(QuerySet[Any]):
    def known(self, as_of: date) -> Self:
        return self.filter(known_condition(as_of))

    def listed(self, as_of: date) -> Self:
        return self.filter(listed_condition(as_of))

    def members(self, as_of: date, membership: str | None) -> Self:
        """Filter pilots in the programme; `only`: withdrawn ones, `include`: both. Other values mean the default."""
        which = {"only": withdrawn_condition, "include": known_condition}
        return self.filter(which.get(membership or "", listed_condition)(as_of))


def count_pilots(pilots: QuerySet[Model], field: str) -> Coalesce:
    """Return a subquery for rows of another table: how many of these pilots reference it by `field`, or 0."""
    own = pilots.order_by().filter(**{field: OuterRef("pk")}).values(field).annotate(n=Count("pk", distinct=True))
    return Coalesce(Subquery(own.values("n")), 0)


# -- practices -----------------------------------------------------------------------------------------------


class StateQuerySet(QuerySet[Any]):
    """Records whose state follows from their days (`StateByDays`)."""

    def with_state(self, day: date, begun_on: str) -> Self:
        """Return those begun by a day, with `state_then` and `since_then`, and each day as known then: `library_then`.

        A day that lay ahead reads None.
        """
        days = {state: f"{name.removesuffix('_on')}_then" for state, name in self.model.STATE_DAYS.items()}
        state = Case(
            *(When(**{f"{then}__isnull": False}, then=Value(state.value)) for state, then in days.items()),
            default=Value(self.model.FIRST_STATE.value),
        )
        known = dict(zip(days.values(), (known_day(name, day) for name in self.model.STATE_DAYS.values()), strict=True))
        begun = self.filter(**{f"{begun_on}__lte": day})
        return begun.annotate(**known).annotate(state_then=state, since_then=Coalesce(*days.values(), begun_on))


def known_day(name: str, day: date) -> Case:
    return Case(When(**{f"{name}__lte": day}, then=F(name)))


def of_known_copy(day: date) -> Q:
    """Return the condition that an effect is the origin's, or of a copy that was planned by the day."""
    return Q(adoption=None) | Q(adoption__planned_on__lte=day)


class PracticeQuerySet(StateQuerySet):
    def on(self, day: date) -> Self:
        """Return the practices proposed by a day, with their state, its `state_rank` in lists, and `measured_then`.

        The last says whether an effect counts as measured, at the origin or at a copy that was planned by then.
        """
        effects: Any = self.model._meta.get_field("effects").related_model
        counted = effects.objects.on(day).filter(of_known_copy(day), practice=OuterRef("pk"), measured_then=True)
        ranks = [When(state_then=state.value, then=Value(rank)) for rank, state in enumerate(PRACTICE_RANKS)]
        rank = Case(*ranks, output_field=IntegerField())
        return self.with_state(day, "proposed_on").annotate(state_rank=rank, measured_then=Exists(counted))


PRACTICE_RANKS = (*LIBRARY_STATES[::-1], PracticeState.PASSED, PracticeState.PROPOSED, PracticeState.RETIRED)
"""States in the order of a list: what can be copied first."""


class AdoptionQuerySet(StateQuerySet):
    def on(self, day: date) -> Self:
        """Return the copies planned by a day, with their state and `trust_then`, the highest level reached.

        `verified_then` is the day on which the first of its effects counted as measured, `attested_then` that on which
        it was first confirmed or verified.
        """
        effects: Any = self.model._meta.get_field("effects").related_model
        measured = effects.objects.on(day).filter(adoption=OuterRef("pk"), measured_then=True).order_by("counts_on")
        rows = self.with_state(day, "planned_on").annotate(
            confirmed_then=known_day("confirmed_on", day), verified_then=Subquery(measured.values("counts_on")[:1])
        )
        trust = Case(
            When(verified_then__isnull=False, then=Value(Trust.VERIFIED.value)),
            When(confirmed_then__isnull=False, then=Value(Trust.CONFIRMED.value)),
            default=Value(Trust.CLAIMED.value),
        )
        first = Coalesce(Least("confirmed_then", "verified_then"), "confirmed_then", "verified_then")
        return rows.annotate(trust_then=trust, attested_then=first)


class EffectQuerySet(QuerySet[Any]):
    def on(self, day: date) -> Self:
        """Return the effects known on a day, with `counts_on`: the day from which it counts as measured.

        It counts once both readings are accepted, and no longer from `corrected_then` on, the first day on which a
        version of one of them with another value was accepted. `measured_then` says whether it counts on the day.
        """

        def later(reading: str) -> Q:
            same_period = Q(period=OuterRef(f"{reading}__period"), version__gt=OuterRef(f"{reading}__version"))
            return same_period & ~Q(value=OuterRef(f"{reading}__value"))

        readings: Any = self.model._meta.get_field("reading_after").related_model
        series = {name: OuterRef(f"reading_after__{name}") for name in ("pilot", "indicator")}
        corrected = readings.objects.filter(
            later("reading_before") | later("reading_after"), **series, accepted_on__lte=day
        ).order_by("accepted_on")
        days = [f"{name}__accepted_on" for name in ("reading_before", "reading_after")]
        accepted: dict[str, object] = {f"{name}__lte": day for name in days}
        accepted |= {"reading_before__state": "accepted", "reading_after__state": "accepted"}
        return (
            self.filter(known_on__lte=day)
            .annotate(corrected_then=Subquery(corrected.values("accepted_on")[:1]))
            .annotate(counts_on=Case(When(**accepted, corrected_then=None, then=Greatest("known_on", *days))))
            .annotate(measured_then=ExpressionWrapper(Q(counts_on__isnull=False), output_field=BooleanField()))
        )
