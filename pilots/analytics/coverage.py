"""Coverage of industries by pilots, counted by the database: for page, API, export and chart."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cached_property
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


class Coverage:
    """Coverage of industries by a set of pilots on a day.

    A pilot may name several industries, so the rows add up to more than `naming`;
    `pilots` minus `naming` pilots name none, which says nothing about what they do.

    `by` selects the matrix's columns: region or province. `chosen` names the set, `counts` are the counts of the day’s
    batches if already built. Eight queries, two fewer with `counts`; `fields` takes three more.
    """

    gap_threshold = float(GAP_THRESHOLD)

    def __init__(
        self,
        pilots: QuerySet[Pilot],
        as_of: date,
        *,
        by: str = "region",
        chosen: PilotSet | None = None,
        counts: Sequence[BatchCount] | None = None,
    ) -> None:
        self.as_of, self.chosen = as_of, chosen or PilotSet()
        counts = build_reconciliation(as_of) if counts is None else counts
        self.links = Pilot.industries.through.objects.filter(pilot__in=pilots.order_by()).order_by()
        self.pilots = pilots.count()
        self.naming: int = self.links.aggregate(n=Count("pilot", distinct=True))["n"]
        self.announced = self.chosen.announced(counts)  # pilots announced in the set; None where not known
        self.gap_judged = are_gaps_judged(self.naming, self.announced)
        batches = {row.batch.pk: row.batch for row in self.chosen.batches(counts)}
        notices = Batch.industries_announced.through.objects.filter(batch__in=list(batches))
        named = list(notices.order_by("batch", "industry").values_list("batch", "industry"))
        self.notices = [batches[key] for key in dict.fromkeys(batch for batch, _industry in named)]
        """Batches of the set whose notices name industries."""
        announced = {industry for _batch, industry in named}
        self.provinces = {province.pk: province for province in Province.objects.roster()}
        if by == "region":
            self.columns = [Place(region.value, str(region.label)) for region in Region]
        else:
            self.columns = [Place(province.slug, province.short) for province in self.provinces.values()]
        places = {key: row.region if by == "region" else row.slug for key, row in self.provinces.items()}
        self.reached: dict[int, set[int]] = defaultdict(set)  # provinces by industry
        total, cells = Counter[int](), Counter[tuple[int, str | None]]()
        for industry, province, n in self.links.values_list("industry", "pilot__province").annotate(n=Count("pk")):
            self.reached[industry].add(province)
            total[industry] += n
            cells[industry, places.get(province)] += n
        self.industries = []
        for item in Industry.objects.all():
            gap = self.gap_judged and item.priority and not total[item.pk]
            row = IndustryCoverage(total[item.pk], *self.reach([item]), item, item.pk in announced, gap)
            self.industries.append(row)
        self.cells = [[cells[item.pk, code] for code, _label in self.columns] for item in self.all_industries]
        """Pilots by industry, the rows of the matrix, and column."""

    @property
    def roster(self) -> int:
        return len(self.provinces)

    def reach(self, industries: Iterable[Industry]) -> tuple[int, int, float | None]:
        """Return the provinces of the roster with a pilot in one of these industries, all, and their share."""
        n = len(set().union(*(self.reached[industry.pk] for industry in industries)) & self.provinces.keys())
        return n, self.roster, share(n, self.roster)

    @cached_property
    def fields(self) -> Sequence[FieldCoverage]:
        """The fields of action."""
        own: dict[str, list[Measure]] = defaultdict(list)
        for measure in Measure.objects.prefetch_related("industries"):
            own[measure.field].append(measure)
        pilots = dict(self.links.values_list("industry__measures__field").annotate(n=Count("pilot", distinct=True)))
        rows = []
        for field in Field:
            about = list(dict.fromkeys(industry for measure in own[field] for industry in measure.industries.all()))
            n = pilots.get(field.value, 0)
            rows.append(FieldCoverage(n, *self.reach(about), field, str(field.label), own[field], about))
        return rows

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
