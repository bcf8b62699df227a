"""Coverage of industries by pilots: one value object for page, API, export and chart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from django.db.models import Count, QuerySet

from pilots.analytics.reconciliation import BatchCount, PilotSet, build_reconciliation
from pilots.metrics import reconciliation
from pilots.metrics.reconciliation import GapBasis
from pilots.models import Batch, Pilot
from policies.metrics import share
from policies.models import Field, Industry, Measure, Province, Region

MATRIX_AXES = ("region", "province")


@dataclass(frozen=True)
class IndustryCoverage:
    """Coverage of one industry: pilots that name it and provinces of the roster with at least one of them."""

    industry: Industry
    pilots: int
    provinces: int
    roster: int
    judged: bool  # whether enough pilots of the set are known to claim gaps
    in_notice: bool  # whether the notice of a batch of the set names it

    @property
    def share(self) -> float | None:
        """Provinces with at least one such pilot / roster."""
        return share(self.provinces, self.roster)

    @property
    def gap(self) -> bool:
        """Whether it is a gap; False while too few pilots are known."""
        return reconciliation.is_gap(self.industry.priority, self.pilots, judged=self.judged)


@dataclass(frozen=True)
class FieldCoverage:
    """Coverage of one field of action: its measures, their industries, and pilots that name at least one of those."""

    field: Field
    label: str
    measures: Sequence[Measure]
    industries: Sequence[Industry]
    pilots: int
    provinces: int
    roster: int

    @property
    def share(self) -> float | None:
        return share(self.provinces, self.roster)


class Place(NamedTuple):
    """Column of the matrix: a region, or a province of the roster."""

    code: str
    label: str


@dataclass(frozen=True)
class CoverageMatrix:
    """Matrix of pilot counts: industries in rows, regions or provinces in columns."""

    columns: Sequence[Place]
    rows: Sequence[Industry]
    cells: Sequence[Sequence[int]]

    @property
    def highest(self) -> int:
        return max((value for row in self.cells for value in row), default=0)


@dataclass(frozen=True)
class Coverage:
    """Coverage of industries by a set of pilots on a day.

    A pilot may name several industries, so the rows add up to more than `naming`;
    `pilots` minus `naming` pilots name none, which says nothing about what they do.
    """

    as_of: date
    pilots: int
    naming: int
    roster: int
    industries: Sequence[IndustryCoverage]
    fields: Sequence[FieldCoverage]
    matrix: CoverageMatrix
    chosen: PilotSet
    basis: GapBasis
    notices: Sequence[Batch]  # batches of the set whose notices name industries

    @property
    def announced(self) -> int | None:
        """Number of pilots announced in the set; None where not known."""
        return self.basis.announced

    @property
    def gap_judged(self) -> bool:
        """Whether gaps are claimed."""
        return self.basis.judged

    @property
    def gap_threshold(self) -> float:
        """The share of the announced pilots from which gaps are claimed."""
        return float(reconciliation.GAP_THRESHOLD)

    @property
    def in_notice(self) -> Sequence[Industry]:
        """Industries named by the notices of the set's batches."""
        return [row.industry for row in self.industries if row.in_notice]

    @property
    def covered(self) -> int:
        """Industries that at least one pilot names."""
        return sum(row.pilots > 0 for row in self.industries)

    @property
    def gaps(self) -> Sequence[IndustryCoverage]:
        return [row for row in self.industries if row.gap]

    @property
    def gap_industries(self) -> Sequence[Industry]:
        return [row.industry for row in self.gaps]

    @property
    def priorities(self) -> int:
        """Industries that national policy singles out."""
        return sum(row.industry.priority for row in self.industries)


@dataclass(frozen=True)
class IndustryNaming:
    """Pilot, its province and an industry that it names: one row of the join behind all counts."""

    pilot: int
    province: int
    industry: int


def build_coverage(
    pilots: QuerySet[Pilot],
    as_of: date,
    *,
    by: str = "region",
    chosen: PilotSet | None = None,
    counts: Sequence[BatchCount] | None = None,
) -> Coverage:
    """Return the coverage of industries by these pilots. `by` selects the matrix's columns: region or province.

    `chosen` names their set, `counts` are the counts of the day's batches if already built. Eleven queries, whatever
    the number of rows; two fewer with `counts`.
    """
    chosen = chosen or PilotSet()
    counts = build_reconciliation(as_of) if counts is None else counts
    provinces = list(Province.objects.roster())
    industries = list(Industry.objects.prefetch_related("divisions"))
    through = Pilot.industries.through
    namings = [
        IndustryNaming(*row)
        for row in through.objects.filter(pilot__in=pilots).values_list("pilot_id", "pilot__province_id", "industry_id")
    ]
    inside = {province.pk for province in provinces}
    naming = len({naming.pilot for naming in namings})
    basis = GapBasis(naming, chosen.announced(counts))
    notices = batches_naming_industries(chosen, counts)
    announced: set[int] = set().union(*notices.values())
    # a pilot counts once in each industry that it names
    if by == "region":
        columns = [Place(region.value, str(region.label)) for region in Region]
        place = {province.pk: province.region for province in provinces}
    else:
        columns = [Place(province.slug, province.short) for province in provinces]
        place = {province.pk: province.slug for province in provinces}
    tally = Counter((naming.industry, place.get(naming.province)) for naming in namings)
    cells = [[tally[industry.pk, code] for code, _label in columns] for industry in industries]
    return Coverage(
        as_of=as_of,
        pilots=pilots.count(),
        naming=naming,
        roster=len(provinces),
        industries=[
            IndustryCoverage(
                industry,
                *count_pilots_and_provinces(namings, {industry.pk}, inside),
                len(inside),
                basis.judged,
                industry.pk in announced,
            )
            for industry in industries
        ],
        fields=build_field_coverage(namings, inside),
        matrix=CoverageMatrix(columns, industries, cells),
        chosen=chosen,
        basis=basis,
        notices=list(notices),
    )


def batches_naming_industries(chosen: PilotSet, counts: Sequence[BatchCount]) -> Mapping[Batch, set[int]]:
    """Return the set's batches whose notices name industries, with the keys of these."""
    batches = {row.batch.pk: row.batch for row in chosen.batches(counts)}
    found: dict[Batch, set[int]] = defaultdict(set)
    through = Batch.industries_announced.through.objects.filter(batch__in=list(batches)).order_by("batch", "industry")
    for batch, industry in through.values_list("batch", "industry"):
        found[batches[batch]].add(industry)
    return found


def gap_basis(as_of: date) -> GapBasis:
    """Return the basis of the day's gaps, over every batch. Three queries."""
    listed = Pilot.objects.listed(as_of).order_by()
    through = Pilot.industries.through.objects.filter(pilot__in=listed.values("pk"))
    naming = through.aggregate(n=Count("pilot", distinct=True))["n"]
    return GapBasis(naming, PilotSet().announced(build_reconciliation(as_of)))


def count_pilots_and_provinces(
    namings: Iterable[IndustryNaming], industries: set[int], inside: set[int]
) -> tuple[int, int]:
    """Return how many pilots and roster provinces name at least one of the industries, each counted once."""
    chosen = [naming for naming in namings if naming.industry in industries]
    return len({naming.pilot for naming in chosen}), len({naming.province for naming in chosen} & inside)


def build_field_coverage(namings: Sequence[IndustryNaming], inside: set[int]) -> list[FieldCoverage]:
    """Return coverage by field of action, through the industries of the field's measures."""
    measures = list(Measure.objects.prefetch_related("industries"))
    rows = []
    for field in Field:
        own = [measure for measure in measures if measure.field == field]
        industries = list(dict.fromkeys(industry for measure in own for industry in measure.industries.all()))
        pilots, provinces = count_pilots_and_provinces(namings, {industry.pk for industry in industries}, inside)
        rows.append(FieldCoverage(field, str(field.label), own, industries, pilots, provinces, len(inside)))
    return rows
