"""Synergy of pollution and carbon reduction: rates and co-control classes, for page and API.

Computed from amounts of the same base year and the same actual year; where either is missing, the pilot is listed as
excluded with the reason, never as zero. Readings of concentrations, key-project tonnages and water are not used.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from django.db.models import Count, FilteredRelation, Prefetch, Q, QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from pilots import metrics
from pilots.lights import Records
from pilots.metrics import Change, CoControl, Equivalents, Ratio, SumResult, co_control, sum_without_overlap
from pilots.models import Indicator, IndicatorKind, Pilot, PilotClass, Reading, Target
from pilots.models.light import on_day
from pilots.models.reading import YEARLY, is_yearly, newest_accepted_in
from pilots.periods import Period, periods


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

    pilot: Pilot
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
        return negated(self.carbon.rate)

    @property
    def air_change(self) -> Ratio | None:
        """The change of air pollutant equivalents, as a fraction of their base; minus is less."""
        return negated(self.apeq.rate)

    @property
    def carbon_tonnes(self) -> Decimal | None:
        """Tonnes of CO2 reduced (negative when it rose); None on an intensity basis."""
        amount, factor = self.carbon.reduced, self.carbon.indicator.tonnes_per_unit
        return None if amount is None or factor is None or self.basis != EmissionBasis.TOTAL else amount * factor


def negated(reduced: Decimal | None) -> Decimal | None:
    """Return the change that a reduction is: pages and files say by how much something changed, minus is less."""
    return None if reduced is None else -reduced


@dataclass(frozen=True)
class Synergy:
    """Synergy of a set of pilots in a year, as known on a day: rated pilots and excluded ones."""

    as_of: date
    year: int
    rows: Sequence[PilotSynergy]  # every pilot, the excluded ones last

    @cached_property
    def pilots(self) -> list[PilotSynergy]:
        return [item for item in self.rows if item.why is None]

    @cached_property
    def missing(self) -> list[PilotSynergy]:
        return [item for item in self.rows if item.why is not None]

    @property
    def n(self) -> int:
        return len(self.pilots)

    @property
    def of(self) -> int:
        return len(self.rows)

    @cached_property
    def on_chart(self) -> list[PilotSynergy]:
        """Pilots with a class, which needs totals; an intensity is never plotted beside a total."""
        return [item for item in self.pilots if item.kind is not None]

    @cached_property
    def classed(self) -> dict[int, PilotSynergy]:
        """Synergy of the pilots with a class, by key of the pilot."""
        return {item.pilot.pk: item for item in self.on_chart}

    @property
    def judged(self) -> int:
        """Number of pilots with a class: the sum of all classes."""
        return len(self.on_chart)

    @property
    def not_judged(self) -> int:
        """Number of excluded pilots and of those with only an intensity."""
        return self.of - self.judged

    @cached_property
    def kinds(self) -> dict[CoControl, int]:
        """Count of pilots by class, all classes included."""
        counts = Counter(item.kind for item in self.on_chart)
        return {kind: counts[kind] for kind in CoControl}

    @cached_property
    def rising_carbon(self) -> list[PilotSynergy]:
        """Pilots in which pollution falls while carbon rises, most added tonnes first."""
        pilots = [item for item in self.on_chart if item.kind == CoControl.POLLUTION_DOWN_CARBON_UP]
        return sorted(pilots, key=lambda item: item.carbon_tonnes or Decimal(0))

    @cached_property
    def carbon_total(self) -> SumResult:
        """Tonnes of CO2 reduced in total; a park is not added beside its city."""
        return self._total(lambda item: item.carbon_tonnes)

    @cached_property
    def apeq_total(self) -> SumResult:
        """Thousand pollutant equivalents reduced in total; a park is not added beside its city."""
        return self._total(lambda item: item.apeq.reduced if item.basis == EmissionBasis.TOTAL else None)

    def _total(self, value: Callable[[PilotSynergy], Decimal | None]) -> SumResult:
        slugs: dict[int | None, str] = {row.pilot.pk: row.pilot.slug for row in self.rows}
        return sum_without_overlap(
            (row.pilot.slug, None if row.why else value(row), slugs.get(row.pilot.parent_id)) for row in self.rows
        )


def build_synergy(pilots: QuerySet[Pilot], as_of: date, year: int | None = None) -> Synergy:
    """Return the synergy of these pilots in a year (by default the last one due), as known on a day."""
    used = Indicator.objects.filter(may_enter_synergy__in=EmissionBasis.values)
    readings = Reading.objects.filter(YEARLY, indicator__in=used).order_by("period", "version", "pk")
    chosen = pilots.select_related("batch", "province", "parent").prefetch_related(
        Prefetch("targets", Target.objects.order_by("indicator_id"), to_attr="prefetched_targets"),
        Prefetch("readings", readings, to_attr="prefetched_readings"),
    )
    return synergy_of_prefetched(chosen, as_of, year)


def synergy_of_prefetched(pilots: Iterable[Pilot], as_of: date, year: int | None = None) -> Synergy:
    """Return the synergy of pilots with prefetched targets and readings. One query, for the indicators."""
    year = metrics.year_due(as_of) if year is None else year
    indicators = tuple(Indicator.objects.all())
    rows = [pilot_synergy(pilot, year, as_of, indicators) for pilot in pilots]
    return Synergy(as_of, year, sorted(rows, key=lambda row: row.why is not None))


def classes_of(keys: Iterable[int], as_of: date) -> dict[int, PilotClass]:
    """Return the class of those of these pilots that have one, by key, as the synergy page without parameters.

    Withdrawn pilots have none. One query.
    """
    pilots = Pilot.objects.listed(as_of).filter(pk__in=list(keys))  # type: ignore[attr-defined]
    rows = PilotClass.objects.filter(on_day(as_of), year=metrics.year_due(as_of), pilot__in=pilots).exclude(kind="")
    return {row.pilot_id: row for row in rows}


def count_classes(pilots: QuerySet[Pilot], as_of: date) -> dict[CoControl, int]:
    """Return how many of these pilots have each class, all classes included. One query."""
    of_the_day = on_day(as_of, "classes__") & Q(classes__year=metrics.year_due(as_of))
    rows: Any = pilots.order_by().annotate(own_class=FilteredRelation("classes", condition=of_the_day))
    counts = dict(rows.values_list("own_class__kind").annotate(n=Count("pk")))
    return {kind: counts.get(kind.value, 0) for kind in CoControl}


def synergy_indicators() -> tuple[Indicator, ...]:
    """Return the indicators that may enter the synergy. One query."""
    return tuple(Indicator.objects.filter(may_enter_synergy__in=EmissionBasis.values))


def class_periods(records: Records, indicators: tuple[Indicator, ...]) -> Iterator[tuple[int, Period]]:
    """Yield the periods of a pilot's class in each year for which carbon has an accepted value."""
    used = {item.pk: item.kind == IndicatorKind.CARBON for item in indicators}
    rows = [row for row in records.readings if row.accepted_on and row.indicator_id in used]
    own: Any = SimpleNamespace(prefetched_targets=records.targets, prefetched_readings=rows)
    for year in sorted({int(row.period) for row in rows if used[row.indicator_id]}):
        days = sorted({row.accepted_on for row in rows if int(row.period) <= year})
        found = [(day, class_facts(pilot_synergy(own, year, day, indicators))) for day in days]
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
        "carbon_rate": rounded("carbon_rate", item.carbon.rate),
        "pollution_rate": rounded("pollution_rate", item.apeq.rate),
        "carbon_tonnes": rounded("carbon_tonnes", item.carbon_tonnes),
        "equivalents": rounded("equivalents", equivalents),
    }


def rounded(name: str, value: Decimal | None) -> Decimal | None:
    """Return a value as its column holds it."""
    places: int = PilotClass._meta.get_field(name).decimal_places
    return None if value is None else round(value, places)


def pilot_synergy(pilot: Any, year: int, as_of: date, indicators: tuple[Indicator, ...]) -> PilotSynergy:
    """Return the synergy of one pilot for the year, or the reason for exclusion.

    Its carbon is the first total with a value for the year, else the first intensity. Its base year is that of the
    carbon target, else the earliest accepted carbon year; a base is the target's if of that year, else the reading. Its
    pollutants are the totals of air pollutants: they are comparable with carbon.
    """
    accepted = newest_accepted_in(pilot.prefetched_readings, as_of)
    values = {(item.indicator_id, item.period): item.value for item in accepted}
    targets = {target.indicator_id: target for target in pilot.prefetched_targets}
    kinds: Any = defaultdict(list)  # indicators by what they may be used for
    for item in indicators:
        kinds[item.kind, item.may_enter_synergy].append(item)
    carbons = [item for basis in EmissionBasis.values for item in kinds[IndicatorKind.CARBON, basis]]
    carbon = next((item for item in carbons if (item.pk, str(year)) in values), None)
    if carbon is None:
        return PilotSynergy(pilot, PilotExclusionReason.NO_CARBON)
    aim = targets.get(carbon.pk)
    years = [int(period) for pk, period in values if pk == carbon.pk and is_yearly(period) and int(period) < year]
    base_year = aim.base_year if aim and aim.base_year and aim.base_year < year else min(years, default=None)
    if base_year is None:
        return PilotSynergy(pilot, PilotExclusionReason.NO_CARBON_BASE)

    def change_of(indicator: Indicator) -> Change:
        target = targets.get(indicator.pk)
        own = target.base_value if target and target.base_year == base_year else None
        base = own if own is not None else values.get((indicator.pk, str(base_year)))
        return Change(indicator, base, values.get((indicator.pk, str(year))))

    carbon_change = change_of(carbon)
    if carbon_change.base is None:
        return PilotSynergy(pilot, PilotExclusionReason.NO_CARBON_BASE)
    changes = [change_of(item) for item in kinds[IndicatorKind.POLLUTANT, EmissionBasis.TOTAL]]
    pollutants = [item for item in changes if item.base is not None or item.actual is not None]
    if not any(item.base is not None and item.actual is not None for item in pollutants):
        return PilotSynergy(pilot, PilotExclusionReason.NO_POLLUTANT)
    basis = EmissionBasis(carbon.may_enter_synergy)
    return PilotSynergy(pilot, None, base_year, year, basis, carbon_change, pollutants)
