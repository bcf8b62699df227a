"""Location quotients by industry and region."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from pilots.metrics.location_quotient import LocationQuotient
from pilots.models import Pilot
from policies.models import Industry, Region


@dataclass(frozen=True)
class LocationQuotients:
    """Location quotients of each industry that a pilot names in each region with a pilot, over `pilots` pilots."""

    pilots: int
    regions: Sequence[tuple[Region, int]]  # a region and its pilots
    rows: Sequence[tuple[Industry, Sequence[LocationQuotient]]]

    @property
    def by_place(self) -> Mapping[tuple[int, str], LocationQuotient]:
        """Quotients by key of industry and code of region."""
        return {
            (industry.pk, region.value): quotient
            for industry, row in self.rows
            for (region, _n), quotient in zip(self.regions, row, strict=True)
        }

    @property
    def shown(self) -> list[tuple[Industry, Region, LocationQuotient]]:
        """Quotients based on enough pilots, highest first."""
        found = [
            (industry, region, quotient)
            for industry, row in self.rows
            for (region, _n), quotient in zip(self.regions, row, strict=True)
            if quotient.shown is not None
        ]
        return sorted(found, key=lambda item: -(item[2].shown or 0))


def build_location_quotients(pilots: QuerySet[Pilot]) -> LocationQuotients:
    """Return the quotients of these pilots. Three queries, whatever the number of rows."""
    places = list(pilots.order_by().values_list("pk", "province__region"))
    region_of = dict(places)
    in_region = Counter(region_of.values())
    through = Pilot.industries.through.objects.filter(pilot__in=list(region_of))
    namings = list(through.values_list("pilot_id", "industry_id"))
    cells = Counter((industry, region_of[pilot]) for pilot, industry in namings)
    everywhere = Counter(industry for _pilot, industry in namings)
    regions = [(region, in_region[region.value]) for region in Region if in_region[region.value]]
    rows = [
        (
            industry,
            [
                LocationQuotient(cells[industry.pk, region.value], n, everywhere[industry.pk], len(region_of))
                for region, n in regions
            ],
        )
        for industry in Industry.objects.all()
        if everywhere[industry.pk]
    ]
    return LocationQuotients(len(region_of), regions, rows)
