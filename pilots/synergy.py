"""Whether pollution and carbon fall together: co-control, elasticities and joint progress, one value for page and API.

Computed from raw amounts of the same base year and the same actual year; where a partner is missing the pilot is listed
as missing with the reason, never as zero. Readings of concentrations, key-project tonnages and water never enter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from django.db.models import QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from pilots import metrics
from pilots.metrics import CoControl, Elasticity, Emission, Equivalents, PollutionProgress, Reduction
from pilots.models import Indicator, IndicatorKind, Pilot, Reading, SynergyUse, Target
from pilots.models.facts import read_facts
from pilots.progress import brought, by_year
from pilots.readings import newest_accepted_of

CARBON, CARBON_INTENSITY = "CO2_TOT", ("CO2_GDP", "CO2_IVA")
TONNES_OF_UNIT = {"t": 1, "10⁴ t": 10_000}


class Basis(TextChoices):
    """Whether rates are of total emissions or only of an intensity (强度口径), which is kept off the chart."""

    TOTAL = "total", _("total emissions")
    INTENSITY = "intensity", _("intensity only")


class Lack(TextChoices):
    """Why a pilot is not on the chart."""

    NO_CARBON = "no_carbon", _("no accepted carbon total for the year")
    NO_CARBON_BASE = "no_carbon_base", _("no carbon value for the base year")
    NO_POLLUTANT = "no_pollutant", _("no air pollutant with both a base and a value for the year")


@dataclass(frozen=True)
class Pair:
    """An indicator of a pilot between two years: amounts as reported, with the target where one is set."""

    indicator: Indicator
    base: Decimal | None
    actual: Decimal | None
    target: Decimal | None
    target_year: int | None = None  # of the target, where one is set from the base

    @property
    def reduction(self) -> Reduction:
        return Reduction(self.base, self.actual)


@dataclass(frozen=True)
class PilotSynergy:
    """A pilot between its base year and the year asked."""

    pilot: Pilot
    base_year: int
    year: int
    basis: Basis
    carbon: Pair
    pollutants: Sequence[Pair]

    @cached_property
    def apeq(self) -> Equivalents:
        """Air pollutant equivalents; in thousand equivalents when emissions are in tonnes."""
        return metrics.apeq(self.emissions)

    @cached_property
    def emissions(self) -> list[Emission]:
        return [
            Emission(p.indicator.code, p.base, p.actual, p.indicator.equivalent_kg, target=p.target)
            for p in self.pollutants
        ]

    @cached_property
    def rates(self) -> dict[str, Decimal | None]:
        """The reduction rate of every air pollutant and of carbon, as fractions; positive = reduced."""
        return {pair.indicator.code: pair.reduction.rate for pair in (*self.pollutants, self.carbon)}

    @cached_property
    def kind(self) -> CoControl | None:
        """The class, from total emissions alone: an intensity may fall while emissions rise."""
        if self.basis != Basis.TOTAL:
            return None
        return metrics.co_control(self.apeq.rate, self.carbon.reduction.rate)

    @cached_property
    def elasticity(self) -> Elasticity:
        """Cross-elasticity of all air pollutants together to carbon."""
        return metrics.elasticity(self.apeq.rate, self.carbon.reduction.rate)

    @cached_property
    def elasticities(self) -> dict[str, Elasticity]:
        """Cross-elasticity of each air pollutant to carbon."""
        rate = self.carbon.reduction.rate
        return {pair.indicator.code: metrics.elasticity(pair.reduction.rate, rate) for pair in self.pollutants}

    @cached_property
    def pollution_progress(self) -> PollutionProgress:
        """P_A: equivalents achieved of those promised, each pollutant's progress cut at 1."""
        return metrics.pollution_progress([item for item in self.emissions if item.target is not None])

    @cached_property
    def carbon_progress(self) -> Decimal | None:
        """P_C: the carbon target's progress."""
        return metrics.progress(self.carbon.base, self.carbon.actual, self.carbon.target)

    @cached_property
    def joint_progress(self) -> Decimal | None:
        """S, from the pilot's own base, targets and values."""
        return metrics.joint_progress(self.pollution_progress.value, self.carbon_progress)

    @cached_property
    def expected_progress(self) -> Decimal | None:
        """E: the part of the way to the carbon target that is due in the year; None without a target."""
        aim = self.carbon.target_year
        return None if aim is None else metrics.expected_share_by_year(self.base_year, self.year, aim)

    @property
    def schedule_ratio(self) -> Decimal | None:
        """S / E: 1 when both targets are on schedule, below 1 when the pilot is behind."""
        return metrics.schedule_ratio(self.joint_progress, self.expected_progress)

    @property
    def carbon_tonnes(self) -> Decimal | None:
        """Tonnes of CO2 reduced (negative when it rose); None on an intensity basis."""
        amount, factor = self.carbon.reduction.amount, TONNES_OF_UNIT.get(self.carbon.indicator.unit)
        return None if amount is None or factor is None or self.basis != Basis.TOTAL else amount * factor


@dataclass(frozen=True)
class MissingPilot:
    pilot: Pilot
    why: Lack


@dataclass(frozen=True)
class Synergy:
    """The synergy of a set of pilots in a year, as known on a day: those that can be judged, and who is missing."""

    as_of: date
    year: int
    pilots: Sequence[PilotSynergy]
    missing: Sequence[MissingPilot]

    @property
    def n(self) -> int:
        return len(self.pilots)

    @property
    def of(self) -> int:
        return len(self.pilots) + len(self.missing)

    @cached_property
    def on_chart(self) -> list[PilotSynergy]:
        """Those of a class, which needs totals; an intensity is never plotted beside a total."""
        return [item for item in self.pilots if item.kind is not None]

    @property
    def judged(self) -> int:
        """Pilots of a class: the sum of all classes."""
        return len(self.on_chart)

    @property
    def not_judged(self) -> int:
        """Those that are missing, and those of which only an intensity is known."""
        return self.of - self.judged

    @cached_property
    def kinds(self) -> dict[CoControl, int]:
        """How many on the chart are of each class, all classes named."""
        found = Counter(item.kind for item in self.on_chart)
        return {kind: found[kind] for kind in CoControl}

    @cached_property
    def carbon_total(self) -> metrics.Total:
        """Tonnes of CO2 reduced together; a park stays out of a sum beside its city."""
        return metrics.total(self._parts(lambda item: item.carbon_tonnes))

    @cached_property
    def apeq_total(self) -> metrics.Total:
        """Thousand pollutant equivalents reduced together; a park stays out of a sum beside its city."""
        return metrics.total(self._parts(lambda item: item.apeq.reduced if item.basis == Basis.TOTAL else None))

    def _parts(self, value: Callable[[PilotSynergy], Decimal | None]) -> list[metrics.Part]:
        everyone: list[tuple[Pilot, Decimal | None]] = [(item.pilot, value(item)) for item in self.pilots]
        everyone += [(item.pilot, None) for item in self.missing]
        slugs: dict[int | None, str] = {pilot.pk: pilot.slug for pilot, _amount in everyone}
        return [metrics.Part(pilot.slug, amount, slugs.get(pilot.parent_id)) for pilot, amount in everyone]


def build_synergy(pilots: QuerySet[Pilot], as_of: date, year: int | None = None) -> Synergy:
    """The synergy of these pilots in a year (the last one due when none is given), as known on a day."""
    indicators = list(Indicator.objects.all())
    chosen = list(pilots.select_related("batch", "province", "parent"))
    read_facts(chosen, ("targets", "readings"), by_year().filter(indicator__in=[i for i in indicators if enters(i)]))
    return synergy_of(chosen, indicators, as_of, year)


def synergy_of(
    pilots: Iterable[Pilot], indicators: Sequence[Indicator], as_of: date, year: int | None = None
) -> Synergy:
    """The synergy of pilots whose targets and readings were read before. No query."""
    year = metrics.year_due(as_of) if year is None else year
    found: list[PilotSynergy] = []
    missing: list[MissingPilot] = []
    for pilot in pilots:
        result = pilot_synergy(pilot, year, as_of, indicators)
        if isinstance(result, Lack):
            missing.append(MissingPilot(pilot, result))
        else:
            found.append(result)
    return Synergy(as_of, year, found, missing)


def enters(indicator: Indicator) -> bool:
    """Whether its values are looked at here."""
    return indicator.code in {CARBON, *CARBON_INTENSITY} or is_air_total(indicator)


def is_air_total(indicator: Indicator) -> bool:
    """An air pollutant as a whole amount, which may be set beside carbon."""
    return indicator.kind == IndicatorKind.POLLUTANT and indicator.may_enter_synergy == SynergyUse.TOTAL


def pilot_synergy(pilot: Pilot, year: int, as_of: date, indicators: Sequence[Indicator]) -> PilotSynergy | Lack:
    """One pilot's pairs for the year, or why there are none."""
    values = {(item.indicator_id, item.period): item for item in newest_accepted_of(brought(pilot, "readings"), as_of)}
    targets = {target.indicator_id: target for target in brought(pilot, "targets")}
    by_code = {item.code: item for item in indicators}
    carbon, basis = carbon_indicator(by_code, values, year)
    if carbon is None:
        return Lack.NO_CARBON
    base_year = base_year_of(carbon, targets, values, year)
    pair = make_pair(carbon, base_year, year, values, targets)
    if base_year is None or pair.base is None:
        return Lack.NO_CARBON_BASE
    air = [make_pair(item, base_year, year, values, targets) for item in indicators if is_air_total(item)]
    pollutants = [item for item in air if item.base is not None or item.actual is not None]
    if not any(item.base is not None and item.actual is not None for item in pollutants):
        return Lack.NO_POLLUTANT
    return PilotSynergy(pilot, base_year, year, basis, pair, pollutants)


Values = dict[tuple[int, str], Reading]


def carbon_indicator(by_code: dict[str, Indicator], values: Values, year: int) -> tuple[Indicator | None, Basis]:
    """The carbon indicator with a value for the year: the total, else an intensity; None without either."""
    for code, basis in ((CARBON, Basis.TOTAL), *((code, Basis.INTENSITY) for code in CARBON_INTENSITY)):
        indicator = by_code.get(code)
        if indicator and (indicator.pk, str(year)) in values:
            return indicator, basis
    return None, Basis.TOTAL


def base_year_of(carbon: Indicator, targets: dict[int, Target], values: Values, year: int) -> int | None:
    """The year from which a pilot is measured: its carbon target's base, else its earliest accepted carbon year."""
    target = targets.get(carbon.pk)
    if target and target.base_year and target.base_year < year:
        return target.base_year
    years = [int(period) for pk, period in values if pk == carbon.pk and len(period) == 4 and int(period) < year]
    return min(years, default=None)


def make_pair(
    indicator: Indicator, base_year: int | None, year: int, values: Values, targets: dict[int, Target]
) -> Pair:
    """An indicator between two years. The base is the target's own where it is of that year, else the reading."""
    target, actual = targets.get(indicator.pk), values.get((indicator.pk, str(year)))
    base = values.get((indicator.pk, str(base_year)))
    own = target.base_value if target and target.base_year == base_year else None
    aim = target.target_value if target and target.kind == "reach" and own is not None else None
    return Pair(
        indicator,
        own if own is not None else (base.value if base else None),
        actual.value if actual else None,
        aim,
        target.target_year if target and aim is not None else None,
    )
