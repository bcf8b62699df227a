"""What pages ask of practices: those of a list, and those for a pilot."""

from datetime import date
from typing import Any

from django.db.models import F, Max, Prefetch, QuerySet

from pilots.models import Adoption, Effect, Pilot, Practice
from pilots.practices.models import PracticeState


def read_practices(day: date) -> QuerySet[Any]:
    """Return the practices proposed by a day, each with its `known_effects`, the origin's first, and `known_copies`."""
    effects = Effect.objects.on(day).order_by(F("adoption__adopted_on").asc(nulls_first=True), "pk")
    related = ("practice", "adoption__pilot__batch", "adoption__province")
    copies = Adoption.objects.on(day).select_related("pilot__batch", "province")
    rows: QuerySet[Any] = Practice.objects.on(day).select_related("province")
    return rows.prefetch_related(
        Prefetch("adoptions", copies, "known_copies"),
        Prefetch("origins", Pilot.objects.select_related("province", "batch")),
        "industries",
        Prefetch("effects", effects.select_related(*related).prefetch_related("sources"), "known_effects"),
    )


def practices_for(pilot: Pilot, day: date) -> QuerySet[Any]:
    """Return the practices with an industry of a pilot, those of the library first, then the newest effect.

    Never its own, never one that it has a copy of, never a retired one.
    """
    rows: Any = read_practices(day)
    rows = rows.filter(industries__in=pilot.industries.all()).exclude(state_then=PracticeState.RETIRED)
    rows = rows.exclude(origins=pilot).exclude(adoptions__pilot=pilot).annotate(newest=Max("effects__known_on"))
    found: QuerySet[Practice] = rows.order_by("state_then", F("newest").desc(nulls_last=True), "pk")
    return found
