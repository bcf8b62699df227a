"""Coverage of industries by pilots: one value object for page, API, export and chart."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from django.db.models import Count, QuerySet

from pilots.analytics.reconciliation import GAP_THRESHOLD, BatchCount, PilotSet, are_gaps_judged, build_reconciliation
from pilots.models import Batch, Pilot
from policies.metrics import share
from policies.models import Field, Industry, Measure, Province, Region

MATRIX_AXES = ("region", "province")


class IndustryCoverage(NamedTuple):
    """Pilots that name an industry, provinces of the roster with at least one of them, and their share of the roster.

    `in_notice` says whether the notice of a batch of the set names it. `gap` is False while too few pilots are known.
    """

    pilots: int
    provinces: int
    roster: int
    share: float | None
    industry: Industry
    in_notice: bool
    gap: bool


class FieldCoverage(NamedTuple):
    """The same of a field of action: its measures, their industries, and pilots that name at least one of those."""

    pilots: int
    provinces: int
    roster: int
    share: float | None
    field: Field
    label: str
    measures: Sequence[Measure]
    industries: Sequence[Industry]


class Place(NamedTuple):
    """Column of the matrix: a region, or a province of the roster."""

    code: str
    label: str


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
    columns: Sequence[Place]  # of the matrix
    cells: Sequence[Sequence[int]]  # pilots by industry, the rows of the matrix, and column
    chosen: PilotSet
    announced: int | None  # pilots announced in the set; None where not known
    gap_judged: bool
    notices: Sequence[Batch]  # batches of the set whose notices name industries
    gap_threshold = float(GAP_THRESHOLD)

    @property
    def all_industries(self) -> Sequence[Industry]:
        """The rows of the matrix."""
        return [row.industry for row in self.industries]

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


def build_coverage(
    pilots: QuerySet[Pilot],
    as_of: date,
    *,
    by: str = "region",
    chosen: PilotSet | None = None,
    counts: Sequence[BatchCount] | None = None,
) -> Coverage:
    """Return the coverage of industries by these pilots. `by` selects the matrix's columns: region or province.

    `chosen` names their set, `counts` are the counts of the day’s batches if already built. Ten queries, whatever
    the number of rows; two fewer with `counts`.
    """
    chosen = chosen or PilotSet()
    counts = build_reconciliation(as_of) if counts is None else counts
    provinces = {province.pk: province for province in Province.objects.roster()}
    industries = list(Industry.objects.all())
    through = Pilot.industries.through.objects.filter(pilot__in=pilots)
    naming: dict[int, set[tuple[int, int]]] = defaultdict(set)  # pilots and their provinces by the industry they name
    for pilot, province, industry in through.values_list("pilot_id", "pilot__province_id", "industry_id"):
        naming[industry].add((pilot, province))

    def count(named: Iterable[Industry]) -> tuple[int, int, int, float | None]:
        pilot_keys = set().union(*(naming[industry.pk] for industry in named))
        reached = len({province for _pilot, province in pilot_keys} & provinces.keys())
        return len(pilot_keys), reached, len(provinces), share(reached, len(provinces))

    names_any, expected = count(industries)[0], chosen.announced(counts)
    judged = are_gaps_judged(names_any, expected)
    batches = {row.batch.pk: row.batch for row in chosen.batches(counts)}
    notices = Batch.industries_announced.through.objects.filter(batch__in=list(batches)).order_by("batch", "industry")
    named = list(notices.values_list("batch", "industry"))
    announced = {industry for _batch, industry in named}
    measures = list(Measure.objects.prefetch_related("industries"))
    fields = []
    for field in Field:
        own = [measure for measure in measures if measure.field == field]
        about = list(dict.fromkeys(industry for measure in own for industry in measure.industries.all()))
        fields.append(FieldCoverage(*count(about), field, str(field.label), own, about))
    if by == "region":
        columns = [Place(region.value, str(region.label)) for region in Region]
        places = {pk: province.region for pk, province in provinces.items()}
    else:
        columns = [Place(province.slug, province.short) for province in provinces.values()]
        places = {pk: province.slug for pk, province in provinces.items()}
    # a pilot counts once in each industry that it names
    tally = Counter(
        (industry, places.get(province)) for industry, pilot_keys in naming.items() for _pilot, province in pilot_keys
    )
    return Coverage(
        as_of=as_of,
        pilots=pilots.count(),
        naming=names_any,
        roster=len(provinces),
        industries=[
            IndustryCoverage(
                *(numbers := count([industry])),
                industry,
                industry.pk in announced,
                gap=judged and industry.priority and numbers[0] == 0,
            )
            for industry in industries
        ],
        fields=fields,
        columns=columns,
        cells=[[tally[industry.pk, code] for code, _label in columns] for industry in industries],
        chosen=chosen,
        announced=expected,
        gap_judged=judged,
        notices=[batches[batch] for batch in dict.fromkeys(batch for batch, _industry in named)],
    )


def gap_basis(as_of: date) -> tuple[int, int | None]:
    """Return what the day's gaps rest on: pilots that name an industry, of the announced ones of every batch. Three
    queries.
    """
    listed = Pilot.objects.listed(as_of).order_by()
    through = Pilot.industries.through.objects.filter(pilot__in=listed.values("pk"))
    naming = through.aggregate(n=Count("pilot", distinct=True))["n"]
    return naming, PilotSet().announced(build_reconciliation(as_of))
