"""Synergy of pollution and carbon reduction: rates and co-control classes, for page and API.

Computed from amounts of the same base year and the same actual year; where either is missing, the pilot is listed as
excluded with the reason, never as zero. Readings of concentrations, key-project tonnages and water are not used.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from functools import cached_property
from itertools import count
from typing import Any

from django.db.models import Case, Count, F, Max, Min, Q, QuerySet, Sum, TextChoices, Value, When
from django.db.models.functions import Coalesce, Floor
from django.utils.translation import gettext_lazy as _

from pilots import metrics
from pilots.analytics.progress import BY_BATCH
from pilots.lights import Records
from pilots.metrics import Change, CoControl, Equivalents, Ratio, SumResult, co_control
from pilots.models import Indicator, IndicatorKind, Pilot, PilotClass, Reading, Target
from pilots.models.light import on_day
from pilots.models.reading import newest_accepted, newest_accepted_in
from pilots.periods import Period, periods

Values = Mapping[tuple[int, str], Any]
"""Accepted values by indicator and year."""
MAX_SQUARES = 30  # of a picture, each way


class EmissionBasis(TextChoices):
    """Basis of rates: total emissions, or only an intensity (强度口径), which is not drawn."""

    TOTAL = "total", _("total emissions")
    INTENSITY = "intensity", _("intensity only")


class PilotExclusionReason(TextChoices):
    """Reason for excluding a pilot from the chart."""

    NO_CARBON = "no_carbon", _("no accepted carbon total for the year")
    NO_CARBON_BASE = "no_carbon_base", _("no carbon value for the base year")
    NO_POLLUTANT = "no_pollutant", _("no air pollutant with both a base and a value for the year")


@dataclass(frozen=True)
class PilotSynergy:
    """Synergy of one pilot between its base year and the year; of an excluded one nothing but why."""

    pilot: Any  # with the columns of its stored class
    why: PilotExclusionReason | None = None
    base_year: int | None = None
    year: int | None = None
    basis: Any = None  # an EmissionBasis
    carbon: Any = None  # a Change
    pollutants: Sequence[Change] = ()

    @cached_property
    def apeq(self) -> Equivalents:
        """Air pollutants together, in thousand equivalents."""
        return metrics.apeq(self.pollutants)

    @cached_property
    def rates(self) -> dict[str, Ratio | None] | None:
        """The reduction rate of every air pollutant and of carbon, as fractions; positive = reduced."""
        return self.carbon and {pair.indicator.code: pair.rate for pair in (*self.pollutants, self.carbon)}

    @cached_property
    def kind(self) -> CoControl | None:
        """Co-control class, from total emissions only: an intensity may fall while emissions rise."""
        return co_control(self.apeq.rate, self.carbon.rate) if self.basis == EmissionBasis.TOTAL else None

    @property
    def carbon_change(self) -> Ratio | None:
        """The change of carbon, as a fraction of its base; minus is less."""
        return negated(self.pilot.class_carbon_rate)

    @property
    def air_change(self) -> Ratio | None:
        """The change of air pollutant equivalents, as a fraction of their base; minus is less."""
        return negated(self.pilot.class_pollution_rate)

    @property
    def carbon_tonnes(self) -> Decimal | None:
        """Tonnes of CO2 reduced (negative when it rose); None on an intensity basis."""
        amount, factor = self.carbon.reduced, self.carbon.indicator.tonnes_per_unit
        return None if amount is None or factor is None or self.basis != EmissionBasis.TOTAL else amount * factor


def negated(reduced: Decimal | None) -> Decimal | None:
    """Return the change that a reduction is: pages and files say by how much something changed, minus is less."""
    return None if reduced is None else -reduced


class Synergy:
    """Synergy of a set of pilots in a year (by default the last one due), as known on a day, from `PilotClass`.

    `page` has the keys of the pilots that an answer lists.
    """

    def __init__(self, pilots: QuerySet[Pilot], as_of: date, year: int | None = None, page: Sequence[int] = ()) -> None:
        self.as_of, self.year, self.page = as_of, metrics.year_due(as_of) if year is None else year, page
        self.chosen = pilots.order_by()
        self.rows: Any = self.chosen.with_class(as_of, self.year).annotate(  # type: ignore[attr-defined]
            why=Coalesce("class_why", Value(PilotExclusionReason.NO_CARBON.value))
        )
        """The pilots with the columns of their class; `why` is empty for those with rates."""

    @cached_property
    def counts(self) -> dict[tuple[str, str], int]:
        """Number of pilots by class and by why they are left out. One query."""
        rows = self.rows.values_list("class_kind", "why").annotate(number=Count("pk"))
        return {(kind or "", why): number for kind, why, number in rows}

    @property
    def of(self) -> int:
        return sum(self.counts.values())

    @property
    def n(self) -> int:
        """Number of pilots with rates, of totals or of an intensity."""
        return sum(number for (_kind, why), number in self.counts.items() if not why)

    @property
    def judged(self) -> int:
        """Number of pilots with a class: the sum of all classes."""
        return sum(self.kinds.values())

    @property
    def not_judged(self) -> int:
        """Number of excluded pilots and of those with only an intensity."""
        return self.of - self.judged

    @property
    def kinds(self) -> dict[CoControl, int]:
        """Count of pilots by class, all classes included."""
        return {kind: self.counts.get((kind.value, ""), 0) for kind in CoControl}

    def classed(self, *kinds: CoControl) -> Any:
        """Return the pilots of these classes as a queryset, most added tonnes of carbon first."""
        return self.rows.filter(class_kind__in=kinds).order_by(F("class_carbon_tonnes").asc(nulls_last=True), *BY_BATCH)

    def left_out(self, why: str) -> Any:
        """Return the pilots without a class for a reason as a queryset; empty: those with only an intensity."""
        rows = self.rows.filter(Q(class_kind="") | Q(class_kind__isnull=True), why=why)
        return rows.order_by(*BY_BATCH).select_related("batch", "province")

    @property
    def by_class(self) -> Any:
        """The pilots with rates as a queryset by class, then by rate of carbon, highest first; those with only an
        intensity last.
        """
        ranks = [When(class_kind=kind.value, then=Value(place)) for place, kind in enumerate(CoControl)]
        intensity = When(class_basis=EmissionBasis.INTENSITY.value, then=Value(len(ranks) + 1))
        rank = Case(intensity, *ranks, default=Value(len(ranks)))
        highest = Coalesce("class_carbon_rate", Value(Decimal(0))).desc()
        return self.rows.filter(why="").order_by(rank, highest, *BY_BATCH)

    @property
    def rated_first(self) -> Any:
        """All pilots as a queryset, the excluded ones last."""
        return self.rows.order_by(Case(When(why="", then=Value(0)), default=Value(1)), *BY_BATCH)

    def grid(self) -> tuple[Decimal, dict[tuple[int, int], dict[CoControl, int]]]:
        """Return a round step of rates, and the number of pilots by class in each square of that size by the rates of
        carbon and of pollution: up to MAX_SQUARES each way.
        """
        rows, rates = self.classed(*CoControl).order_by(), ("class_carbon_rate", "class_pollution_rate")
        spread = rows.aggregate(carbon=Max(rates[0]) - Min(rates[0]), pollution=Max(rates[1]) - Min(rates[1]))
        steps = (Decimal(digit).scaleb(power) for power in count(-3) for digit in (1, 2, 5))
        step = next(step for step in steps if max(spread.values()) / step <= MAX_SQUARES)
        squares: dict[tuple[int, int], dict[CoControl, int]] = defaultdict(dict)
        places = [Floor(F(name) / step) for name in rates]
        for x, y, kind, number in rows.values_list(*places, "class_kind").annotate(number=Count("pk")):
            squares[int(x), int(y)][CoControl(kind)] = number
        return step, squares

    @cached_property
    def within(self) -> tuple[str, ...]:
        """Pilots that lie in another one of the set: they are not added beside it."""
        inner = self.rated_first.filter(parent__in=self.chosen.values("pk"))
        return tuple(inner.values_list("slug", flat=True))

    @cached_property
    def sums(self) -> dict[str, SumResult]:
        """Tonnes of CO2 and thousand pollutant equivalents reduced in total. One query."""
        names, outer = ("carbon_tonnes", "equivalents"), self.rows.exclude(parent__in=self.chosen.values("pk"))
        sums = {name: Sum(f"class_{name}") for name in names} | {f"{name}_n": Count(f"class_{name}") for name in names}
        found, possible = outer.aggregate(**sums), self.of - len(self.within)
        return {name: SumResult(found[name], found[f"{name}_n"], possible, self.within) for name in names}

    # -- what rates are made of, of the pilots that are shown ------------------------------------------------

    @cached_property
    def indicators(self) -> dict[int, Indicator]:
        return {item.pk: item for item in Indicator.objects.all()}

    def details(self, keys: Sequence[int]) -> list[PilotSynergy]:
        """Return the synergy of some of the pilots in this order. Four queries."""
        pilots = self.rows.select_related("batch", "province").in_bulk(keys)
        periods = {str(year) for year in (self.year, *(pilot.class_base_year for pilot in pilots.values()))}
        own: dict[str, Any] = {"pilot__in": keys, "indicator__may_enter_synergy__in": EmissionBasis.values}
        readings = newest_accepted(self.as_of, Reading.objects.filter(**own, period__in=periods)).order_by()
        values: dict[int, dict[tuple[int, str], Any]] = defaultdict(dict)
        for pilot, indicator, period, value in readings.values_list("pilot_id", "indicator_id", "period", "value"):
            values[pilot][indicator, period] = value
        targets: dict[int, list[Target]] = defaultdict(list)
        for target in Target.objects.filter(**own).order_by("pk"):
            targets[target.pilot_id].append(target)
        return [self.detail(pilots[key], targets[key], values[key]) for key in keys if key in pilots]

    def detail(self, pilot: Any, targets: Sequence[Target], values: Values) -> PilotSynergy:
        if pilot.why:
            return PilotSynergy(pilot, PilotExclusionReason(pilot.why))
        base_year, used = pilot.class_base_year, self.indicators[pilot.class_carbon_id]
        carbon, pollutants = changes(targets, values, self.indicators.values(), used, base_year, self.year)
        return PilotSynergy(pilot, None, base_year, self.year, EmissionBasis(pilot.class_basis), carbon, pollutants)

    @cached_property
    def listed(self) -> list[PilotSynergy]:
        return self.details(self.page)

    @property
    def pilots(self) -> list[PilotSynergy]:
        """The pilots of the page with rates."""
        return [item for item in self.listed if item.why is None]

    @property
    def missing(self) -> list[PilotSynergy]:
        """The others of the page."""
        return [item for item in self.listed if item.why is not None]


def classes_of(keys: Iterable[int], as_of: date) -> dict[int, PilotClass]:
    """Return the class of those of these pilots that have one, by key, as the synergy page without parameters.

    Withdrawn pilots have none. One query.
    """
    pilots = Pilot.objects.listed(as_of).filter(pk__in=list(keys))
    rows = PilotClass.objects.filter(on_day(as_of), year=metrics.year_due(as_of), pilot__in=pilots).exclude(kind="")
    return {row.pilot_id: row for row in rows}


def synergy_indicators() -> tuple[Indicator, ...]:
    """Return the indicators that may enter the synergy. One query."""
    return tuple(Indicator.objects.filter(may_enter_synergy__in=EmissionBasis.values))


def class_periods(records: Records, indicators: tuple[Indicator, ...]) -> Iterator[tuple[int, Period]]:
    """Yield the periods of a pilot's class in each year for which carbon has an accepted value."""
    used = {item.pk: item.kind == IndicatorKind.CARBON for item in indicators}
    rows = [row for row in records.readings if row.accepted_on and row.indicator_id in used]
    for year in sorted({int(row.period) for row in rows if used[row.indicator_id]}):
        days = sorted({row.accepted_on for row in rows if int(row.period) <= year})
        found = [(day, class_facts(pilot_synergy(records, rows, year, day, indicators))) for day in days]
        yield from ((year, period) for period in periods([(date.min, None), *found]) if period.facts)


def class_facts(item: PilotSynergy) -> dict[str, Any] | None:
    """Return the columns of `PilotClass`; None where carbon has no value of the year."""
    if item.why:
        return None if item.why == PilotExclusionReason.NO_CARBON else {"why": item.why.value}
    equivalents = item.apeq.reduced if item.basis == EmissionBasis.TOTAL else None
    return {
        "kind": item.kind.value if item.kind else "",
        "basis": item.basis.value,
        "base_year": item.base_year,
        "carbon_id": item.carbon.indicator.pk,
        "carbon_rate": rounded(item.carbon.rate),
        "pollution_rate": rounded(item.apeq.rate),
        "carbon_tonnes": rounded(item.carbon_tonnes),
        "equivalents": rounded(equivalents),
    }


def rounded(value: Decimal | None) -> Decimal | None:
    """Return a value as it is stored: with ten places, of the fifteen digits that SQLite has."""
    return None if value is None else round(Context(prec=15).plus(value), 10)


def pilot_synergy(
    records: Records, readings: Sequence[Any], year: int, as_of: date, indicators: Sequence[Indicator]
) -> PilotSynergy:
    """Return the synergy of one pilot for the year, or the reason for exclusion.

    Its carbon is the first total with a value for the year, else the first intensity. Its base year is that of the
    carbon target, else the earliest accepted carbon year; a base is the target's if of that year, else the reading. Its
    pollutants are the totals of air pollutants: they are comparable with carbon.
    """
    values = {(item.indicator_id, item.period): item.value for item in newest_accepted_in(readings, as_of)}
    carbons = [item for item in indicators if item.kind == IndicatorKind.CARBON]
    carbons.sort(key=lambda item: EmissionBasis.values.index(item.may_enter_synergy))
    carbon = next((item for item in carbons if (item.pk, str(year)) in values), None)
    if carbon is None:
        return PilotSynergy(records.pilot, PilotExclusionReason.NO_CARBON)
    aims = [target.base_year for target in records.targets if target.indicator_id == carbon.pk]
    years = [int(period) for pk, period in values if pk == carbon.pk and int(period) < year]
    base_year = aims[-1] if aims and aims[-1] and aims[-1] < year else min(years, default=None)
    if base_year is None:
        return PilotSynergy(records.pilot, PilotExclusionReason.NO_CARBON_BASE)
    carbon_change, pollutants = changes(records.targets, values, indicators, carbon, base_year, year)
    if carbon_change.base is None:
        return PilotSynergy(records.pilot, PilotExclusionReason.NO_CARBON_BASE)
    if not any(item.base is not None and item.actual is not None for item in pollutants):
        return PilotSynergy(records.pilot, PilotExclusionReason.NO_POLLUTANT)
    basis = EmissionBasis(carbon.may_enter_synergy)
    return PilotSynergy(records.pilot, None, base_year, year, basis, carbon_change, pollutants)


def changes(
    targets: Iterable[Any],
    values: Values,
    indicators: Iterable[Indicator],
    carbon: Indicator,
    base_year: int,
    year: int,
) -> tuple[Change, list[Change]]:
    """Return the change of carbon between the years, and those of the air pollutants with a value of one of them."""
    bases = {target.indicator_id: target.base_value if target.base_year == base_year else None for target in targets}

    def change_of(item: Indicator) -> Change:
        base = bases.get(item.pk)
        base = values.get((item.pk, str(base_year))) if base is None else base
        return Change(item, base, values.get((item.pk, str(year))))

    kinds = [(item.kind, item.may_enter_synergy, item) for item in indicators]
    totals = [item for *kind, item in kinds if kind == [IndicatorKind.POLLUTANT, EmissionBasis.TOTAL]]
    found = [change_of(item) for item in totals]
    return change_of(carbon), [item for item in found if item.base is not None or item.actual is not None]
