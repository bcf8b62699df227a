"""What pages, API and admin ask of practices: those of a list, those for a pilot, and who stands behind a copy."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db.models import F, Max, Prefetch, QuerySet

from pilots.models import Adoption, Effect, Pilot, Practice
from pilots.practices.models import PracticeState


def with_people(record: Adoption, values: Mapping[str, Any], user: Any) -> dict[str, Any]:
    """Return the values to write of a copy: with who claims a new one, and who verifies one whose day is entered."""
    stored = Adoption._base_manager.filter(pk=record.pk).first() if record.pk else None
    people = {} if stored else {"claimed_by": user}
    before = stored.verified_on if stored else None
    if values.get("verified_on", before) != before:
        people["verified_by"] = user if values["verified_on"] else None
    return {**values, **people}


def read_practices(day: date) -> QuerySet[Any]:
    """Return the practices proposed by a day, each with its `known_effects`, the origin's first, and `known_copies`."""
    effects = Effect.objects.on(day).order_by(F("adoption__adopted_on").asc(nulls_first=True), "pk")
    related = ("practice", "adoption__pilot__batch", "adoption__province")
    rows: QuerySet[Any] = Practice.objects.on(day).select_related("province")
    return with_copies(rows, day).prefetch_related(
        Prefetch("origins", Pilot.objects.select_related("province", "batch")),
        "industries",
        Prefetch("effects", effects.select_related(*related).prefetch_related("sources"), "known_effects"),
    )


def with_copies(practices: QuerySet[Any], day: date) -> QuerySet[Any]:
    """Return the practices each with its `known_copies`, those reported by the day."""
    copies = Adoption.objects.on(day).select_related("pilot__batch", "province")
    return practices.prefetch_related(Prefetch("adoptions", copies, "known_copies"))


def practices_for(pilot: Pilot, day: date) -> QuerySet[Any]:
    """Return the practices with an industry of a pilot, those of the library first, then the newest effect.

    Never its own, never one that it has a copy of, never a retired one.
    """
    rows: Any = read_practices(day)
    rows = rows.filter(industries__in=pilot.industries.all()).exclude(state_then=PracticeState.RETIRED)
    rows = rows.exclude(origins=pilot).exclude(adoptions__pilot=pilot).annotate(newest=Max("effects__known_on"))
    found: QuerySet[Practice] = rows.order_by("state_then", F("newest").desc(nulls_last=True), "pk")
    return found
