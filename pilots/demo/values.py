"""Targets and readings of the demonstration: values are drawn first, then targets that fit the scenario."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from math import floor, log10
from random import Random

from pilots.demo.scenarios import DemoPilot, EmissionTrend, Scenario
from pilots.demo.texts import names
from pilots.models import Indicator, Reading, ReadingState, Target, TargetStep, ValueStatus

BASE_YEAR, YEARS = 2023, (2023, 2024, 2025, 2026)

POLLUTANTS = ("AIR_SO2", "AIR_NOX", "AIR_VOC")
AMOUNTS = (*POLLUTANTS, "CO2_TOT")
CITY_SIZES = {
    "AIR_SO2": (2_000, 30_000),
    "AIR_NOX": (10_000, 80_000),
    "AIR_VOC": (10_000, 80_000),
    "CO2_TOT": (800, 12_000),
}
PARK_SIZES = {"AIR_SO2": (100, 8_000), "AIR_NOX": (200, 15_000), "AIR_VOC": (150, 9_000), "CO2_TOT": (50, 3_000)}
PLAIN_SIZES = {
    "CO2_GDP": (1.1, 3.9),
    "ENE_GDP": (0.35, 1.1),
    "ENE_IVA": (0.5, 2.4),
    "ENV_PM25": (24, 48),
    "ENE_NFF": (9, 34),
    "ENV_AQD": (74, 92),
    "RES_SW": (82, 96),
}
# Yearly rates of reduction in percent, of the size found in real plans.
YEARLY_CUTS = {
    "AIR_SO2": (3, 8),
    "AIR_NOX": (2, 5),
    "AIR_VOC": (2, 5),
    "CO2_GDP": (3, 5),
    "ENE_GDP": (3, 5),
    "ENE_IVA": (3, 5),
}
CARBON_YEARLY = {
    EmissionTrend.BOTH_DOWN: (0.6, 3.0),
    EmissionTrend.CARBON_UP: (-1.0, -0.4),
    EmissionTrend.CARBON_FLAT: (-0.12, 0.12),
    EmissionTrend.POLLUTION_UP: (0.6, 2.0),
    EmissionTrend.BOTH_UP: (-1.0, -0.5),
}
AHEAD, SLIGHTLY_BEHIND, FAR_BEHIND = (1.03, 1.3), (0.92, 0.97), (0.45, 0.85)


@dataclass
class IndicatorSeries:
    """Series of one indicator of one pilot: values by year, and the target with its steps."""

    role: DemoPilot
    indicator: Indicator
    values: dict[int, Decimal]
    target: Target | None = None
    steps: list[TargetStep] = field(default_factory=list)

    @property
    def code(self) -> str:
        return self.indicator.code


def build_series(role: DemoPilot, indicators: dict[str, Indicator], rng: Random) -> list[IndicatorSeries]:
    """Return all series of a pilot, with targets if it has a plan."""
    carbon = "CO2_GDP" if role.trend == EmissionTrend.INTENSITY else "CO2_TOT"
    own = ["ENE_GDP", "ENV_PM25", "ENV_AQD"] if role.is_city else ["ENE_IVA", "RES_SW"]
    codes = [*POLLUTANTS, carbon, "ENE_NFF", *own]
    lines = [IndicatorSeries(role, indicators[code], yearly_values(role, code, rng)) for code in codes]
    if role.plot.has_plan:
        wanting = behind_target(role, rng)
        for line in lines:
            add_target(line, target_pace(role, line.code, wanting, rng), rng)
        lines += [text_target_series(role, indicators["PRJ_NOX"], rng)] if rng.random() < 0.5 else []
    return lines


# -- values --------------------------------------------------------------------------------------------


def yearly_values(role: DemoPilot, code: str, rng: Random) -> dict[int, Decimal]:
    """Return the value of each year: 2025 by the trend, other years with noise around it."""
    base = initial_value(role, code, rng)
    change = change_by_2025(role, code, base, rng)
    parts = {2023: 0.0, 2024: rng.uniform(0.38, 0.6), 2025: 1.0, 2026: rng.uniform(1.4, 1.6)}
    quantum = value_quantum(base, code)
    return {year: quantize_value(base + change * part, quantum) for year, part in parts.items()}


def initial_value(role: DemoPilot, code: str, rng: Random) -> float:
    """Return the value of 2023: totals depend on the pilot's size, others do not."""
    sizes = CITY_SIZES if role.is_city else PARK_SIZES
    if code not in sizes:
        return rng.uniform(*PLAIN_SIZES[code])
    least, most = sizes[code]
    place = min(1.0, max(0.0, role.size + rng.uniform(-0.1, 0.1)))
    return float(least * (most / least) ** place)


def change_by_2025(role: DemoPilot, code: str, base: float, rng: Random) -> float:
    """Return the change from the base in two years."""
    if code == "ENE_NFF":
        return rng.uniform(1.6, 4.4)
    if code in {"ENV_AQD", "RES_SW"}:
        return rng.uniform(-0.6, 2.0)
    if code == "ENV_PM25":
        return -base * rng.uniform(0.04, 0.10)
    if code == "CO2_TOT":
        yearly_rate = rng.uniform(*CARBON_YEARLY[role.trend])
    elif code in POLLUTANTS and role.trend in {EmissionTrend.POLLUTION_UP, EmissionTrend.BOTH_UP}:
        yearly_rate = rng.uniform(-1.8, -0.7)
    else:
        yearly_rate = rng.uniform(*YEARLY_CUTS[code])
    return base * ((1 - yearly_rate / 100) ** 2 - 1)


def value_quantum(base: float, code: str) -> Decimal:
    """Return the quantum of a value: four significant digits of totals, five of carbon (so that flat stays flat)."""
    if code in {"ENE_NFF", "ENV_PM25", "ENV_AQD", "RES_SW"}:
        return Decimal("0.1")
    if code in PLAIN_SIZES:
        return Decimal("0.001")
    figures = 4 if code == "CO2_TOT" else 3
    return Decimal(10) ** (floor(log10(base)) - figures)


def quantize_value(value: float | Decimal, quantum: Decimal) -> Decimal:
    """Round a value to the quantum."""
    return (Decimal(str(value)) / quantum).to_integral_value() * quantum


# -- targets -------------------------------------------------------------------------------------------


def behind_target(role: DemoPilot, rng: Random) -> str:
    """Return the code of the binding target with which a pilot is behind, or an empty text."""
    if role.plot == Scenario.BEHIND:
        return rng.choice(["AIR_SO2", "AIR_NOX", "AIR_VOC", "ENE_GDP" if role.is_city else "ENE_IVA"])
    return rng.choice(["AIR_NOX", "AIR_VOC", "AIR_SO2"]) if role.plot == Scenario.FAR_BEHIND else ""


def target_pace(role: DemoPilot, code: str, wanting: str, rng: Random) -> float:
    """Return the achieved share of what is due in 2025."""
    if code == wanting:
        return rng.uniform(*(FAR_BEHIND if role.plot == Scenario.FAR_BEHIND else SLIGHTLY_BEHIND))
    if role.plot == Scenario.FAR_BEHIND and code == "ENE_NFF":
        return rng.uniform(*FAR_BEHIND)
    return rng.uniform(*AHEAD)


def add_target(line: IndicatorSeries, pace: float, rng: Random) -> None:
    """Add a target to a series, of the kind that suits its indicator."""
    if line.code == "ENV_PM25":
        room = rng.choice([0, 0, 1])
        limit = line.values[2025].to_integral_value(ROUND_CEILING) + room
        line.target = build_target(line, "limit", limit)
    elif line.code in {"ENV_AQD", "RES_SW"}:
        line.target = build_target(line, "keep", None, line.values[2023])
    elif line.code == "CO2_TOT":
        add_carbon_target(line, pace, rng)
    elif line.code != "AIR_VOC" or line.role.plot == Scenario.BEHIND or rng.random() < 0.75 or pace < 1:
        add_reach_target(line, target_change(line, pace, rng), rng)


def add_carbon_target(line: IndicatorSeries, pace: float, rng: Random) -> None:
    """Add a carbon target: a cut where carbon falls, else a capped rise, a base to keep, or none."""
    trend = line.role.trend
    if trend == EmissionTrend.CARBON_FLAT:
        line.target = build_target(line, "keep", None, line.values[2023])
    elif line.role.plot == Scenario.CARBON_REVERSED:
        add_reach_target(line, -float(line.values[2023]) * rng.uniform(0.02, 0.04), rng)
    elif trend in {EmissionTrend.CARBON_UP, EmissionTrend.BOTH_UP}:
        rise = float(line.values[2025] - line.values[2023]) / due_share(line) * rng.uniform(1.2, 1.9)
        if rng.random() < 0.6:
            add_reach_target(line, rise, rng, stepped=False)
    else:
        add_reach_target(line, target_change(line, pace, rng), rng)


def due_share(line: IndicatorSeries) -> float:
    """Return the share of the years to the target that has passed in 2025."""
    return (2025 - BASE_YEAR) / (line.role.target_year - BASE_YEAR)


def target_change(line: IndicatorSeries, pace: float, rng: Random) -> float:
    """Return the target's change from the base that gives this pace in 2025; a plausible cut where the value rose."""
    change = float(line.values[2025] - line.values[2023])
    if (change > 0) == (line.code == "ENE_NFF"):
        return change / due_share(line) / pace
    return -float(line.values[2023]) * rng.uniform(0.06, 0.11)


def add_reach_target(line: IndicatorSeries, change: float, rng: Random, *, stepped: bool = True) -> None:
    """Add a target to reach; for one in three with steps near the straight line."""
    base, quantum = line.values[2023], value_quantum(float(line.values[2023]), line.code)
    line.target = build_target(line, "reach", quantize_value(base + Decimal(str(change)), quantum), base)
    if not stepped or rng.random() > 0.34:
        return
    years = range(BASE_YEAR + 1, line.role.target_year)
    for year in years:
        share = (year - BASE_YEAR) / (line.role.target_year - BASE_YEAR)
        bent = share if year == 2025 else share * rng.uniform(0.85, 1.1)
        line.steps.append(
            TargetStep(target=line.target, year=year, value=quantize_value(base + Decimal(str(change * bent)), quantum))
        )


def build_target(line: IndicatorSeries, kind: str, value: Decimal | None, base: Decimal | None = None) -> Target:
    return Target(
        pilot=line.role.pilot,
        indicator=line.indicator,
        kind=kind,
        base_year=BASE_YEAR if base is not None else None,
        base_value=base,
        target_year=line.role.target_year,
        target_value=value,
        binding=line.indicator.binding and line.code != "ENV_AQD",
    )


def text_target_series(role: DemoPilot, indicator: Indicator, rng: Random) -> IndicatorSeries:
    """Return a series with a text target, done by some."""
    line = IndicatorSeries(role, indicator, {})
    line.target = build_target(line, "text", None)
    line.target.target_text_en, line.target.target_text_zh = names.TEXT_TARGET
    line.target.done_on = date(2026, 1, 20) + timedelta(rng.randint(0, 250)) if rng.random() < 0.4 else None
    return line


# -- readings ------------------------------------------------------------------------------------------


def build_readings(line: IndicatorSeries, as_of: date, rng: Random) -> list[Reading]:
    """Return the readings with their versions reported by the day: of years, and of the quarters of some."""
    if not line.values:
        return []
    found = []
    for year in YEARS:
        found += number_versions(reading_versions(line, year, rng), as_of)
    if line.code in {"AIR_NOX", "CO2_TOT"} and has_reported(line.role, 2026):
        found += number_quarters(line, as_of, rng)
    return found


def has_reported(role: DemoPilot, year: int) -> bool:
    """Return whether a pilot reported a year; a withdrawn one stops at its withdrawal."""
    if role.plot == Scenario.WITHDRAWN:
        return year <= 2024
    return year <= 2024 or role.plot not in {Scenario.SILENT, Scenario.NO_PLAN_SILENT}


def reading_versions(line: IndicatorSeries, year: int, rng: Random) -> Iterator[Reading]:
    """Yield the versions of a year's value: flash for some, preliminary, final for some."""
    shown, role = line.values[year], line.role
    draws = [rng.random() for _ in range(4)]
    day = date(year + 1, 3, 1) + timedelta(rng.randint(0, 25))
    left_out = (
        year >= 2025 and line.code in {"AIR_VOC", "ENE_NFF"} and role.plot == Scenario.ON_SCHEDULE and draws[0] < 0.08
    )
    if not has_reported(role, year) or left_out:
        return
    if year == BASE_YEAR:
        yield build_reading(line, str(year), shown, ValueStatus.FINAL, day, day + timedelta(20))
        return
    early = quantize_value(
        shown * Decimal(str(round(rng.uniform(0.997, 1.003), 4))), value_quantum(float(shown), line.code)
    )
    if draws[1] < 0.25:
        yield build_reading(line, str(year), early, ValueStatus.FLASH, day - timedelta(45), None)
    if year >= 2025 and role.plot in {Scenario.NOT_ACCEPTED, Scenario.DISPUTED}:
        doubted = role.plot == Scenario.DISPUTED  # accepted at first, disputed later
        state = ReadingState.DISPUTED if doubted else ReadingState.REPORTED
        accepted = day + timedelta(24) if doubted else None
        yield build_reading(line, str(year), shown, ValueStatus.PRELIMINARY, day, accepted, state)
        return
    revised = draws[2] < 0.45
    first = early if revised else shown
    yield build_reading(line, str(year), first, ValueStatus.PRELIMINARY, day, day + timedelta(24))
    if revised:
        final = date(year + 1, 7, 6) + timedelta(rng.randint(0, 30))
        yield build_reading(line, str(year), shown, ValueStatus.FINAL, final, final + timedelta(21))
    elif draws[3] < 0.03:
        doubt = quantize_value(shown * Decimal("1.12"), value_quantum(float(shown), line.code))
        later = date(year + 1, 9, 1) + timedelta(rng.randint(0, 20))
        yield build_reading(line, str(year), doubt, ValueStatus.FINAL, later, None, ReadingState.DISPUTED)


def number_quarters(line: IndicatorSeries, as_of: date, rng: Random) -> list[Reading]:
    """Return flash values of the quarters of two years, for about a third of the pilots; the last is not accepted."""
    found: list[Reading] = []
    if rng.random() > 0.35 or line.role.plot in {Scenario.NOT_ACCEPTED, Scenario.DISPUTED, Scenario.WITHDRAWN}:
        return found
    found += quarters_of_year(line, 2025, as_of)
    for quarter in (1, 2, 3):
        value = quantize_value(
            line.values[2025] / 4 * Decimal(str(round(rng.uniform(0.93, 1.05), 3))),
            value_quantum(float(line.values[2025]), line.code),
        )
        day = date(2026, 3 * quarter + 1, 12) + timedelta(rng.randint(0, 5))
        accepted = day + timedelta(25) if quarter < 3 else None
        found += number_versions(
            [build_reading(line, f"2026-Q{quarter}", value, ValueStatus.FLASH, day, accepted)], as_of
        )
    return found


def quarters_of_year(line: IndicatorSeries, year: int, as_of: date) -> list[Reading]:
    """Return the four quarters of a year, all accepted (own random source).

    About a quarter of the year's value each if it is an amount, else about the value.
    """
    own, found = Random(f"{line.role.pilot.slug} {line.code}"), list[Reading]()  # noqa: S311  # invented values
    whole = line.values[year] / 4 if line.code in AMOUNTS else line.values[year]
    for quarter in (1, 2, 3, 4):
        part = whole * Decimal(str(round(own.uniform(0.95, 1.05), 3)))
        value = quantize_value(part, value_quantum(float(line.values[year]), line.code))
        day = date(year + quarter // 4, 3 * quarter % 12 + 1, 12 + own.randint(0, 5))
        reading = build_reading(line, f"{year}-Q{quarter}", value, ValueStatus.FLASH, day, day + timedelta(25))
        found += number_versions([reading], as_of)
    return found


def number_versions(versions: Iterator[Reading] | list[Reading], as_of: date) -> list[Reading]:
    """Return numbered versions as of the day: without later reports, and without later acceptance."""
    kept = [reading for reading in versions if reading.reported_on <= as_of]
    for number, reading in enumerate(kept, 1):
        reading.version = number
        if reading.accepted_on and reading.accepted_on > as_of:
            reading.accepted_on, reading.state = None, ReadingState.REPORTED
    return kept


def build_reading(
    line: IndicatorSeries,
    period: str,
    value: Decimal,
    status: ValueStatus,
    reported_on: date,
    accepted_on: date | None,
    state: ReadingState | None = None,
) -> Reading:
    """Return an unsaved version of a value; one with a date of acceptance is accepted unless `state` differs."""
    return Reading(
        pilot=line.role.pilot,
        indicator=line.indicator,
        period=period,
        value=value,
        value_status=status,
        state=state or (ReadingState.ACCEPTED if accepted_on else ReadingState.REPORTED),
        reported_on=reported_on,
        accepted_on=accepted_on,
    )
