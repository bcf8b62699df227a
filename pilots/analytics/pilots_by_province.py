"""Number of recorded pilots in each province of the roster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Count

from pilots.models import Pilot
from policies.models import Province


@dataclass(frozen=True)
class ProvincePilots:
    """Province of the roster with the number of its recorded pilots."""

    province: Province
    pilots: int


def pilots_by_province(as_of: date) -> list[ProvincePilots]:
    """Return every province of the roster with the number of its pilots on the day, 0 included."""
    listed = Pilot.objects.listed(as_of).order_by()
    counts = dict(listed.values_list("province").annotate(n=Count("pk")).values_list("province", "n"))
    return [ProvincePilots(province, counts.get(province.pk, 0)) for province in Province.objects.roster()]
