"""Practices, their effects and their copies on a day: the value objects that pages, API, exports and charts share.

Everything is computed from rows that `build_practices` prefetches, so any number of days needs no further query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TypeVar

from django.db.models import Case, Exists, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery, Value, When

from pilots.analytics.pilot_status import PilotStatus
from pilots.lights import Colour
from pilots.metrics.practice_states import (
    LIBRARY_STATES,
    AdoptionState,
    GiveUpReason,
    PracticeState,
    Trust,
    trust_on,
)
from pilots.metrics.practices import (
    MeasuredChange,
    days_to_first_copy,
    earliest,
    measured_on,
    unit_names_indicator,
)
from pilots.models import Adoption, Effect, Indicator, Pilot, Practice, Reading, ReadingState
from policies.metrics import MIN_LAGS, Step, adoption_steps, median_days
from policies.models import Industry, Province

Choice = TypeVar("Choice", bound=str)
ATTESTED = (Trust.CONFIRMED, Trust.VERIFIED)
"""Trust of a copy that more than its own claim stands for."""


# -- effects -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EffectStatus:
    """An effect on a day: measured by two accepted readings, or stated by a source. The two are never mixed.

    `effect` is one of `with_corrections`.
    """

    effect: Effect
    as_of: date

    @property
    def is_stated(self) -> bool:
        return not self.effect.is_measured

    @property
    def readings(self) -> tuple[Reading, Reading] | None:
        """The readings before and after; None for a stated effect."""
        effect = self.effect
        return (effect.reading_before, effect.reading_after) if effect.is_measured else None

    @cached_property
    def measured_on(self) -> date | None:
        """The day from which it counts as measured; None for a stated one, and while a reading is not accepted."""
        readings = self.readings
        if readings is None or any(reading.state != ReadingState.ACCEPTED for reading in readings):
            return None
        return measured_on(self.effect.known_on, [reading.accepted_on for reading in readings])

    @property
    def is_measured(self) -> bool:
        """Whether it counts as measured on the day: no longer once a reading is corrected."""
        return self.measured_on is not None and self.measured_on <= self.as_of and self.corrected_on is None

    @property
    def corrected_on(self) -> date | None:
        """The day from which it rests on a reading that was corrected since; None before it."""
        day: date | None = self.effect.corrected_on  # type: ignore[attr-defined]  # annotated
        return day if day and day <= self.as_of else None

    @property
    def indicator(self) -> Indicator | None:
        """The indicator that is measured; None for a stated effect."""
        return self.readings[1].indicator if self.readings else None

    @property
    def periods(self) -> tuple[str, str] | None:
        """The periods of the two readings."""
        return (self.readings[0].period, self.readings[1].period) if self.readings else None

    @property
    def change(self) -> MeasuredChange | None:
        """The measured change; None where it does not count as measured on the day."""
        if self.readings is None or not self.is_measured:
            return None
        return MeasuredChange(self.readings[0].value, self.readings[1].value)


# -- copies --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AdoptionStatus:
    """A copy of a practice on a day."""

    adoption: Adoption
    as_of: date
    effects: Sequence[EffectStatus] = ()

    @property
    def province(self) -> Province:
        return self.adoption.province

    @cached_property
    def state(self) -> AdoptionState:
        return self.adoption.state_on(self.as_of)

    @property
    def since(self) -> date:
        """The day from which the state holds."""
        row = self.adoption
        days = {
            AdoptionState.GIVEN_UP: row.given_up_on,
            AdoptionState.IN_USE: row.in_use_on,
            AdoptionState.UNDER_WAY: row.started_on,
        }
        day: date = days.get(self.state) or row.planned_on
        return day

    @property
    def in_use(self) -> bool:
        """Whether its adopter counts."""
        return self.state == AdoptionState.IN_USE

    @property
    def confirmed_on(self) -> date | None:
        """The day of confirmation; None before it."""
        day: date | None = self.adoption.confirmed_on
        return day if day and day <= self.as_of else None

    @cached_property
    def verified_on(self) -> date | None:
        """The earliest day on which one of its effects counted as measured; None before it."""
        return earliest(item.measured_on for item in self.effects if item.is_measured)

    @cached_property
    def trust(self) -> Trust:
        return trust_on(self.as_of, confirmed=self.confirmed_on, verified=self.verified_on)

    @property
    def is_attested(self) -> bool:
        """Whether it is confirmed or verified."""
        return self.trust in ATTESTED

    @property
    def attested_on(self) -> date | None:
        """The day on which it was first confirmed or verified."""
        return earliest((self.confirmed_on, self.verified_on))

    @property
    def curve_day(self) -> date:
        """The day on which a copy in use enters the adoption curve: from then on it is in use and attested."""
        return max(self.since, self.attested_on) if self.attested_on else self.since

    @property
    def give_up_reason(self) -> GiveUpReason | None:
        """Why it was given up; None while it is not."""
        return GiveUpReason(self.adoption.give_up_reason) if self.state == AdoptionState.GIVEN_UP else None


@dataclass(frozen=True)
class ProvinceCopies:
    """Copies in a province of the roster: in use by trust, the other states apart."""

    province: Province
    trust: Mapping[Trust, int]
    states: Mapping[AdoptionState, int]

    @property
    def attested(self) -> int:
        """Copies in use that are confirmed or verified."""
        return sum(self.trust[trust] for trust in ATTESTED)

    @property
    def is_reached(self) -> bool:
        return self.attested > 0

    @property
    def is_only_claimed(self) -> bool:
        """Whether copies in use are on record, but none is confirmed or verified."""
        return not self.is_reached and self.trust[Trust.CLAIMED] > 0


@dataclass(frozen=True)
class Copies:
    """A set of copies on a day: of one practice or of all. The levels of trust are counted apart and never added."""

    as_of: date
    adoptions: Sequence[AdoptionStatus]
    roster: Sequence[Province]

    @property
    def total(self) -> int:
        return len(self.adoptions)

    @cached_property
    def by_state(self) -> dict[AdoptionState, int]:
        return count_all(AdoptionState, (item.state for item in self.adoptions))

    @cached_property
    def in_use(self) -> list[AdoptionStatus]:
        return [item for item in self.adoptions if item.in_use]

    @property
    def attested(self) -> list[AdoptionStatus]:
        """Copies in use that are confirmed or verified."""
        return [item for item in self.in_use if item.is_attested]

    @cached_property
    def adopters(self) -> dict[Trust, int]:
        """Copies in use by trust, each counted under the highest it has reached."""
        return count_all(Trust, (item.trust for item in self.in_use))

    @cached_property
    def given_up(self) -> list[AdoptionStatus]:
        return [item for item in self.adoptions if item.state == AdoptionState.GIVEN_UP]

    @cached_property
    def given_up_by_reason(self) -> dict[GiveUpReason, int]:
        return count_all(GiveUpReason, (item.give_up_reason for item in self.given_up if item.give_up_reason))

    @cached_property
    def provinces(self) -> list[ProvinceCopies]:
        """Every province of the roster with its copies."""
        rows = []
        for province in self.roster:
            own = [item for item in self.adoptions if item.adoption.province_id == province.pk]
            trust = count_all(Trust, (item.trust for item in own if item.in_use))
            rows.append(ProvinceCopies(province, trust, count_all(AdoptionState, (item.state for item in own))))
        return rows

    @property
    def reached(self) -> list[Province]:
        """Provinces of the roster with a copy in use that is confirmed or verified."""
        return [row.province for row in self.provinces if row.is_reached]

    @property
    def only_claimed(self) -> list[Province]:
        """Provinces of the roster whose copies in use are all only claimed."""
        return [row.province for row in self.provinces if row.is_only_claimed]

    @property
    def attested_curve(self) -> list[Step]:
        """Adoption curve of the confirmed or verified copies: each from the day it was in use and attested."""
        return adoption_steps([item.curve_day for item in self.attested], None)


def count_all(choices: Iterable[Choice], values: Iterable[Choice]) -> dict[Choice, int]:
    """Return how often each of the choices occurs, 0 where none does."""
    counts = Counter(values)
    return {choice: counts[choice] for choice in choices}


# -- practices -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PracticeStatus:
    """A practice on a day: its state, its effects at the origin, and its copies."""

    practice: Practice
    as_of: date
    effects: Sequence[EffectStatus]
    copies: Copies

    @cached_property
    def state(self) -> PracticeState:
        return self.practice.state_on(self.as_of)

    @property
    def since(self) -> date:
        """The day from which the state holds."""
        row = self.practice
        days = {
            PracticeState.PASSED: row.passed_on,
            PracticeState.IN_LIBRARY: row.library_on,
            PracticeState.RECOMMENDED: row.recommended_on,
            PracticeState.RETIRED: row.retired_on,
        }
        day: date = days.get(self.state) or row.proposed_on
        return day

    @property
    def is_offered(self) -> bool:
        """Whether it stands in the library or is recommended."""
        return self.state in LIBRARY_STATES

    @property
    def measured(self) -> list[EffectStatus]:
        """Measured effects at the origin."""
        return [item for item in self.effects if item.is_measured]

    @property
    def stated(self) -> list[EffectStatus]:
        """Effects that a source states."""
        return [item for item in self.effects if item.is_stated]

    @property
    def all_effects(self) -> list[EffectStatus]:
        """Effects at the origin, then those of the copies."""
        return [*self.effects, *[effect for item in self.copies.adoptions for effect in item.effects]]

    @property
    def has_measured_effect(self) -> bool:
        """Whether an effect is measured, at the origin or at a copy."""
        return any(item.is_measured for item in self.all_effects)

    @cached_property
    def home_provinces(self) -> frozenset[int]:
        """Keys of the provinces it comes from: that which proposed it, and those of its origins."""
        own = {pilot.province_id for pilot in self.practice.origins.all()}
        return frozenset(own | ({self.practice.province_id} if self.practice.province_id else set()))

    @property
    def library_on(self) -> date | None:
        """The day it entered the library; None before that."""
        day: date | None = self.practice.library_on
        return day if day and day <= self.as_of else None

    @property
    def days_to_first_copy(self) -> int | None:
        """Days from the library to the first confirmed or verified copy in another province that is in use.

        None before the library and without such a copy.
        """
        if self.library_on is None:
            return None
        away = [item.since for item in self.copies.in_use if item.is_attested and self.is_away(item)]
        return days_to_first_copy(self.library_on, away)

    def is_away(self, adoption: AdoptionStatus) -> bool:
        """Return whether a copy lies outside the provinces that the practice comes from."""
        return adoption.adoption.province_id not in self.home_provinces


STATE_DAYS = (
    (PracticeState.RETIRED, "retired_on"),
    (PracticeState.RECOMMENDED, "recommended_on"),
    (PracticeState.IN_LIBRARY, "library_on"),
    (PracticeState.PASSED, "passed_on"),
)
"""States with the field of the day on which each is reached, the last state first: `practice_state` for queries."""

STATE_RANKS = (*LIBRARY_STATES[::-1], PracticeState.PASSED, PracticeState.PROPOSED, PracticeState.RETIRED)
"""States in the order of a list: what can be copied first."""


def practices_on(as_of: date) -> QuerySet[Practice]:
    """Return the practices known on a day, with `state_then`, `state_rank` and `measured_then` for filters."""
    state = Case(
        *[When(**{f"{name}__lte": as_of}, then=Value(state.value)) for state, name in STATE_DAYS],
        default=Value(PracticeState.PROPOSED.value),
    )
    ranks = [When(state_then=state.value, then=Value(rank)) for rank, state in enumerate(STATE_RANKS)]
    return Practice.objects.filter(proposed_on__lte=as_of).annotate(
        state_then=state,
        state_rank=Case(*ranks, output_field=IntegerField()),
        measured_then=Exists(measured_effects(as_of).filter(practice=OuterRef("pk"))),
    )


def measured_effects(as_of: date) -> QuerySet[Effect]:
    """Return the effects that count as measured on a day: `EffectStatus.is_measured` for queries."""
    accepted = {
        f"reading_{name}__{field}": value
        for name in ("before", "after")
        for field, value in (("state", ReadingState.ACCEPTED), ("accepted_on__lte", as_of))
    }
    known_copy = Q(adoption__isnull=True) | Q(adoption__planned_on__lte=as_of)
    corrected = Exists(corrections().filter(accepted_on__lte=as_of))
    return Effect.objects.filter(~corrected, known_copy, known_on__lte=as_of, **accepted)


def corrections() -> QuerySet[Reading]:
    """Return a subquery of the accepted later versions, with another value, of the readings of the outer effect."""

    def later(reading: str) -> Q:
        same_period = Q(period=OuterRef(f"{reading}__period"), version__gt=OuterRef(f"{reading}__version"))
        return same_period & ~Q(value=OuterRef(f"{reading}__value"))

    series = {name: OuterRef(f"reading_after__{name}") for name in ("pilot", "indicator")}
    rows = Reading.objects.filter(later("reading_before") | later("reading_after"), **series)
    return rows.filter(accepted_on__isnull=False)


def with_corrections(effects: QuerySet[Effect]) -> QuerySet[Effect]:
    """Annotate effects with `corrected_on`, for `EffectStatus`: the first day on which a correction was accepted."""
    first = corrections().order_by("accepted_on").values("accepted_on")[:1]
    return effects.annotate(corrected_on=Subquery(first))


def prefetch_for_practices(practices: QuerySet[Practice]) -> QuerySet[Practice]:
    """Prefetch everything that the statuses of practices are computed from. Seven queries for any number of rows."""
    effects = with_corrections(Effect.objects.select_related("reading_before", "reading_after__indicator"))
    adoptions = Adoption.objects.select_related("pilot__batch", "province")
    return practices.select_related("province").prefetch_related(
        Prefetch("origins", Pilot.objects.select_related("province", "batch")),
        "industries",
        Prefetch("effects", effects.prefetch_related("sources")),
        Prefetch("adoptions", adoptions),
    )


def build_practices(practices: QuerySet[Practice], as_of: date) -> list[PracticeStatus]:
    """Return the statuses of these practices on a day; a practice exists from the day it was proposed."""
    known = prefetch_for_practices(practices.filter(proposed_on__lte=as_of))
    roster = list(Province.objects.roster())
    return [practice_status(practice, as_of, roster) for practice in known]


def practice_status(practice: Practice, as_of: date, roster: Sequence[Province]) -> PracticeStatus:
    """Return the status of a prefetched practice on a day. No query."""
    effects = [EffectStatus(effect, as_of) for effect in practice.effects.all() if effect.known_on <= as_of]
    adoptions = []
    for adoption in practice.adoptions.all():
        if adoption.planned_on <= as_of:
            adoption.practice = practice
            own = [item for item in effects if item.effect.adoption_id == adoption.pk]
            adoptions.append(AdoptionStatus(adoption, as_of, own))
    origin = [item for item in effects if item.effect.adoption_id is None]
    return PracticeStatus(practice, as_of, origin, Copies(as_of, adoptions, roster))


@dataclass(frozen=True)
class Diffusion:
    """How far practices have spread on a day: all that are known by then, the retired ones included."""

    as_of: date
    practices: Sequence[PracticeStatus]
    copies: Copies

    @property
    def total(self) -> int:
        return len(self.practices)

    @cached_property
    def by_state(self) -> dict[PracticeState, int]:
        return count_all(PracticeState, (item.state for item in self.practices))

    @property
    def is_under_way(self) -> bool:
        """Whether any practice was reviewed or copied; before that all its numbers are 0 for want of a start."""
        return self.copies.total > 0 or self.by_state[PracticeState.PROPOSED] < self.total

    @property
    def measured(self) -> int:
        """Practices with a measured effect, at the origin or at a copy."""
        return sum(item.has_measured_effect for item in self.practices)

    @property
    def stated_only(self) -> int:
        """Practices whose only results are stated by sources."""
        return sum(not item.has_measured_effect and bool(item.stated) for item in self.practices)

    @property
    def entered_library(self) -> list[PracticeStatus]:
        """Practices that have entered the library, whatever became of them: the N of the days to the first copy."""
        return [item for item in self.practices if item.library_on]

    @cached_property
    def first_copy_days(self) -> list[int]:
        """Days from the library to the first copy in another province, of the practices that have one."""
        days = [item.days_to_first_copy for item in self.entered_library]
        return [day for day in days if day is not None]

    @property
    def median_first_copy_days(self) -> float | None:
        return median_days(self.first_copy_days)

    @property
    def has_enough_first_copies(self) -> bool:
        """Whether enough practices were copied for a meaningful median."""
        return len(self.first_copy_days) >= MIN_LAGS


def build_diffusion(as_of: date, practices: QuerySet[Practice] | None = None) -> Diffusion:
    """Build the diffusion of practices (default: all) on a day. Eight queries, whatever the number of rows."""
    return diffusion_of(build_practices(Practice.objects.all() if practices is None else practices, as_of), as_of)


def diffusion_of(practices: Sequence[PracticeStatus], as_of: date) -> Diffusion:
    """Return the diffusion of these practices. One query without any, else none."""
    roster = practices[0].copies.roster if practices else list(Province.objects.roster())
    adoptions = [adoption for item in practices for adoption in item.copies.adoptions]
    return Diffusion(as_of, practices, Copies(as_of, adoptions, roster))


# -- practices for a pilot -----------------------------------------------------------------------------


@dataclass(frozen=True)
class PracticeMatch:
    """A practice that a pilot might copy, and the industries and red indicators that it has in common with it."""

    status: PracticeStatus
    shared: Sequence[Industry | Indicator]


def match_practices(pilot_status: PilotStatus, practices: Iterable[PracticeStatus]) -> list[PracticeMatch]:
    """Return the practices with an industry of a pilot or an effect on an indicator that is red there.

    Those of the library first, then the newest effect. Never its own, never one that it has a copy of, never a retired
    one.
    """
    found = [
        PracticeMatch(item, [*shared_industries(pilot_status, item), *shared_indicators(pilot_status, item)])
        for item in practices
        if item.state != PracticeState.RETIRED and not is_at_home(pilot_status.pilot, item)
    ]
    newest_first = sorted(found, key=lambda match: newest_effect(match.status), reverse=True)
    return sorted((match for match in newest_first if match.shared), key=lambda match: not match.status.is_offered)


def is_at_home(pilot: Pilot, status: PracticeStatus) -> bool:
    """Return whether a practice comes from a pilot, or the pilot has a copy of it."""
    if any(origin.pk == pilot.pk for origin in status.practice.origins.all()):
        return True
    return any(item.adoption.pilot_id == pilot.pk for item in status.copies.adoptions)


def shared_industries(pilot_status: PilotStatus, status: PracticeStatus) -> list[Industry]:
    own = {industry.pk for industry in pilot_status.pilot.industries.all()}
    return [industry for industry in status.practice.industries.all() if industry.pk in own]


def shared_indicators(pilot_status: PilotStatus, status: PracticeStatus) -> list[Indicator]:
    """Return the red indicators of a pilot on which the practice has an effect, measured or stated."""
    measured = {effect.indicator.pk for effect in status.all_effects if effect.is_measured and effect.indicator}
    units = [effect.effect.stated_unit for effect in status.all_effects if effect.is_stated]
    red = [item.target.indicator for item in pilot_status.indicators if item.light.colour == Colour.RED]
    return [
        indicator
        for indicator in red
        if indicator.pk in measured or any(unit_names_indicator(unit, indicator.code) for unit in units)
    ]


def newest_effect(status: PracticeStatus) -> date:
    """Return the day since which the newest effect counts; the first day of all without any."""
    days = [item.effect.known_on if item.is_stated else item.measured_on for item in status.all_effects]
    return max((day for day in days if day and day <= status.as_of), default=date.min)
