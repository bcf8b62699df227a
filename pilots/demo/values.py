"""The targets and readings of each pilot: a value is drawn first, and its target from it, to fit the part it plays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from math import floor, log10
from random import Random

from pilots.demo import words
from pilots.demo.cast import Plot, Role, Trend
from pilots.models import Indicator, Reading, ReadingState, Target, TargetKind, TargetStep, ValueStatus

BASE_YEAR, YEARS = 2023, (2023, 2024, 2025, 2026)
POLLUTANTS = ("AIR_SO2", "AIR_NOX", "AIR_VOC")
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
# Yearly rates of reduction in percent, from DOMAIN-like sizes of real plans.
FALLS = {
    "AIR_SO2": (3, 8),
    "AIR_NOX": (2, 5),
    "AIR_VOC": (2, 5),
    "CO2_GDP": (3, 5),
    "ENE_GDP": (3, 5),
    "ENE_IVA": (3, 5),
}
CARBON_YEARLY = {
    Trend.BOTH_DOWN: (0.6, 3.0),
    Trend.CARBON_UP: (-1.0, -0.4),
    Trend.CARBON_FLAT: (-0.12, 0.12),
    Trend.POLLUTION_UP: (0.6, 2.0),
    Trend.BOTH_UP: (-1.0, -0.5),
}
AHEAD, A_LITTLE_BEHIND, FAR_BEHIND = (1.03, 1.3), (0.92, 0.97), (0.45, 0.85)


@dataclass
class Line:
    """One indicator of one pilot: its values by year, and its target with the steps that lead there."""

    role: Role
    indicator: Indicator
    values: dict[int, Decimal]
    target: Target | None = None
    steps: list[TargetStep] = field(default_factory=list)

    @property
    def code(self) -> str:
        return self.indicator.code


def lines_of(role: Role, indicators: dict[str, Indicator], rng: Random) -> list[Line]:
    """All that a pilot reports, with its targets when it has a plan."""
    carbon = "CO2_GDP" if role.trend == Trend.INTENSITY else "CO2_TOT"
    own = ["ENE_GDP", "ENV_PM25", "ENV_AQD"] if role.is_city else ["ENE_IVA", "RES_SW"]
    codes = [*POLLUTANTS, carbon, "ENE_NFF", *own]
    lines = [Line(role, indicators[code], yearly(role, code, rng)) for code in codes]
    if role.plot.has_plan:
        wanting = fault_of(role, rng)
        for line in lines:
            set_target(line, pace_of(role, line.code, wanting, rng), rng)
        lines += [in_words(role, indicators["PRJ_NOX"], rng)] if rng.random() < 0.5 else []
    return lines


# -- values --------------------------------------------------------------------------------------------


def yearly(role: Role, code: str, rng: Random) -> dict[int, Decimal]:
    """The value of each year, 2025 as the trend has it and the years around it on an uneven path."""
    base = base_value(role, code, rng)
    change = change_by_2025(role, code, base, rng)
    parts = {2023: 0.0, 2024: rng.uniform(0.38, 0.6), 2025: 1.0, 2026: rng.uniform(1.4, 1.6)}
    quantum = grain(base, code)
    return {year: fitted(base + change * part, quantum) for year, part in parts.items()}


def base_value(role: Role, code: str, rng: Random) -> float:
    """The value of 2023: totals follow the pilot's size, the others do not."""
    sizes = CITY_SIZES if role.is_city else PARK_SIZES
    if code not in sizes:
        return rng.uniform(*PLAIN_SIZES[code])
    least, most = sizes[code]
    place = min(1.0, max(0.0, role.size + rng.uniform(-0.1, 0.1)))
    return float(least * (most / least) ** place)


def change_by_2025(role: Role, code: str, base: float, rng: Random) -> float:
    """What is added to the base in two years."""
    if code == "ENE_NFF":
        return rng.uniform(1.6, 4.4)
    if code in {"ENV_AQD", "RES_SW"}:
        return rng.uniform(-0.6, 2.0)
    if code == "ENV_PM25":
        return -base * rng.uniform(0.04, 0.10)
    if code == "CO2_TOT":
        yearly_rate = rng.uniform(*CARBON_YEARLY[role.trend])
    elif code in POLLUTANTS and role.trend in {Trend.POLLUTION_UP, Trend.BOTH_UP}:
        yearly_rate = rng.uniform(-1.8, -0.7)
    else:
        yearly_rate = rng.uniform(*FALLS[code])
    return base * ((1 - yearly_rate / 100) ** 2 - 1)


def grain(base: float, code: str) -> Decimal:
    """How finely a value is given: totals to four figures, or five for carbon, so that a flat trend stays flat."""
    if code in {"ENE_NFF", "ENV_PM25", "ENV_AQD", "RES_SW"}:
        return Decimal("0.1")
    if code in PLAIN_SIZES:
        return Decimal("0.001")
    figures = 4 if code == "CO2_TOT" else 3
    return Decimal(10) ** (floor(log10(base)) - figures)


def fitted(value: float | Decimal, quantum: Decimal) -> Decimal:
    """The value in whole grains."""
    return (Decimal(str(value)) / quantum).to_integral_value() * quantum


# -- targets -------------------------------------------------------------------------------------------


def fault_of(role: Role, rng: Random) -> str:
    """The code of the binding target that a pilot is behind with, empty when it is with none."""
    if role.plot == Plot.BEHIND:
        return rng.choice(["AIR_SO2", "AIR_NOX", "AIR_VOC", "ENE_GDP" if role.is_city else "ENE_IVA"])
    return rng.choice(["AIR_NOX", "AIR_VOC", "AIR_SO2"]) if role.plot == Plot.FAR_BEHIND else ""


def pace_of(role: Role, code: str, wanting: str, rng: Random) -> float:
    """How far a target is reached in 2025, as a part of what is due by then."""
    if code == wanting:
        return rng.uniform(*(FAR_BEHIND if role.plot == Plot.FAR_BEHIND else A_LITTLE_BEHIND))
    if role.plot == Plot.FAR_BEHIND and code == "ENE_NFF":
        return rng.uniform(*FAR_BEHIND)
    return rng.uniform(*AHEAD)


def set_target(line: Line, pace: float, rng: Random) -> None:
    """The target of a line, by the kind that suits its indicator."""
    if line.code == "ENV_PM25":
        room = rng.choice([0, 0, 1])
        limit = line.values[2025].to_integral_value(ROUND_CEILING) + room
        line.target = new_target(line, TargetKind.LIMIT, limit)
    elif line.code in {"ENV_AQD", "RES_SW"}:
        line.target = new_target(line, TargetKind.KEEP, None, line.values[2023])
    elif line.code == "CO2_TOT":
        set_carbon_target(line, pace, rng)
    elif line.code != "AIR_VOC" or line.role.plot == Plot.BEHIND or rng.random() < 0.75 or pace < 1:
        reach(line, target_change(line, pace, rng), rng)


def set_carbon_target(line: Line, pace: float, rng: Random) -> None:
    """A cut where carbon falls, else a capped rise, none at all, or to get no worse."""
    trend = line.role.trend
    if trend == Trend.CARBON_FLAT:
        line.target = new_target(line, TargetKind.KEEP, None, line.values[2023])
    elif line.role.plot == Plot.CARBON_REVERSED:
        reach(line, -float(line.values[2023]) * rng.uniform(0.02, 0.04), rng)
    elif trend in {Trend.CARBON_UP, Trend.BOTH_UP}:
        rise = float(line.values[2025] - line.values[2023]) / share_due(line) * rng.uniform(1.2, 1.9)
        if rng.random() < 0.6:
            reach(line, rise, rng, stepped=False)
    else:
        reach(line, target_change(line, pace, rng), rng)


def share_due(line: Line) -> float:
    """The part of the years to the target that has passed in 2025."""
    return (2025 - BASE_YEAR) / (line.role.target_year - BASE_YEAR)


def target_change(line: Line, pace: float, rng: Random) -> float:
    """What the target adds to the base, so that 2025 lies at this pace; a plausible cut where the value went wrong."""
    change = float(line.values[2025] - line.values[2023])
    if (change > 0) == (line.code == "ENE_NFF"):
        return change / share_due(line) / pace
    return -float(line.values[2023]) * rng.uniform(0.06, 0.11)


def reach(line: Line, change: float, rng: Random, *, stepped: bool = True) -> None:
    """A value to reach by the target year, for one in three through steps that lie near the straight line."""
    base, quantum = line.values[2023], grain(float(line.values[2023]), line.code)
    line.target = new_target(line, TargetKind.REACH, fitted(base + Decimal(str(change)), quantum), base)
    if not stepped or rng.random() > 0.34:
        return
    years = range(BASE_YEAR + 1, line.role.target_year)
    for year in years:
        share = (year - BASE_YEAR) / (line.role.target_year - BASE_YEAR)
        bent = share if year == 2025 else share * rng.uniform(0.85, 1.1)
        line.steps.append(
            TargetStep(target=line.target, year=year, value=fitted(base + Decimal(str(change * bent)), quantum))
        )


def new_target(line: Line, kind: TargetKind, value: Decimal | None, base: Decimal | None = None) -> Target:
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


def in_words(role: Role, indicator: Indicator, rng: Random) -> Line:
    """A task in words, done by some."""
    line = Line(role, indicator, {})
    line.target = new_target(line, TargetKind.TEXT, None)
    line.target.target_text_en, line.target.target_text_zh = words.TASK_IN_WORDS
    line.target.done_on = date(2026, 1, 20) + timedelta(rng.randint(0, 250)) if rng.random() < 0.4 else None
    return line


# -- readings ------------------------------------------------------------------------------------------


def readings(line: Line, as_of: date, rng: Random) -> list[Reading]:
    """The values of each year and their versions as far as they were reported by the day."""
    if not line.values:
        return []
    found = []
    for year in YEARS:
        found += numbered(versions(line, year, rng), as_of)
    if line.code in {"AIR_NOX", "CO2_TOT"} and reported(line.role, 2026):
        found += numbered_quarters(line, as_of, rng)
    return found


def reported(role: Role, year: int) -> bool:
    """Whether a pilot reported a year at all; a withdrawn one stops with the day it left."""
    if role.plot == Plot.WITHDRAWN:
        return year <= 2024
    return year <= 2024 or role.plot not in {Plot.SILENT, Plot.NO_PLAN_SILENT}


def versions(line: Line, year: int, rng: Random) -> Iterator[Reading]:
    """A year's value: for some as a flash first, then preliminary, for some revised to final."""
    shown, role = line.values[year], line.role
    draws = [rng.random() for _ in range(4)]
    day = date(year + 1, 3, 1) + timedelta(rng.randint(0, 25))
    left_out = (
        year >= 2025 and line.code in {"AIR_VOC", "ENE_NFF"} and role.plot == Plot.ON_SCHEDULE and draws[0] < 0.08
    )
    if not reported(role, year) or left_out:
        return
    if year == BASE_YEAR:
        yield new_reading(line, str(year), shown, ValueStatus.FINAL, day, day + timedelta(20))
        return
    early = fitted(shown * Decimal(str(round(rng.uniform(0.997, 1.003), 4))), grain(float(shown), line.code))
    if draws[1] < 0.25:
        yield new_reading(line, str(year), early, ValueStatus.FLASH, day - timedelta(45), None)
    if year >= 2025 and role.plot in {Plot.NOT_ACCEPTED, Plot.DISPUTED}:
        doubted = role.plot == Plot.DISPUTED  # accepted at first, and doubted since
        state = ReadingState.DISPUTED if doubted else ReadingState.REPORTED
        accepted = day + timedelta(24) if doubted else None
        yield new_reading(line, str(year), shown, ValueStatus.PRELIMINARY, day, accepted, state)
        return
    revised = draws[2] < 0.45
    first = early if revised else shown
    yield new_reading(line, str(year), first, ValueStatus.PRELIMINARY, day, day + timedelta(24))
    if revised:
        final = date(year + 1, 7, 6) + timedelta(rng.randint(0, 30))
        yield new_reading(line, str(year), shown, ValueStatus.FINAL, final, final + timedelta(21))
    elif draws[3] < 0.03:
        doubt = fitted(shown * Decimal("1.12"), grain(float(shown), line.code))
        later = date(year + 1, 9, 1) + timedelta(rng.randint(0, 20))
        yield new_reading(line, str(year), doubt, ValueStatus.FINAL, later, None, ReadingState.DISPUTED)


def numbered_quarters(line: Line, as_of: date, rng: Random) -> list[Reading]:
    """Flash values of the quarters of two years, for about a third of the pilots; the last is not accepted yet."""
    found: list[Reading] = []
    if rng.random() > 0.35 or line.role.plot in {Plot.NOT_ACCEPTED, Plot.DISPUTED, Plot.WITHDRAWN}:
        return found
    found += quarters_of_last_year(line, as_of)
    for quarter in (1, 2, 3):
        value = fitted(
            line.values[2025] / 4 * Decimal(str(round(rng.uniform(0.93, 1.05), 3))),
            grain(float(line.values[2025]), line.code),
        )
        day = date(2026, 3 * quarter + 1, 12) + timedelta(rng.randint(0, 5))
        accepted = day + timedelta(25) if quarter < 3 else None
        found += numbered([new_reading(line, f"2026-Q{quarter}", value, ValueStatus.FLASH, day, accepted)], as_of)
    return found


def quarters_of_last_year(line: Line, as_of: date) -> list[Reading]:
    """The four quarters of 2025, all accepted: about a quarter of the year's value each. Draws of their own."""
    own, found = Random(f"{line.role.pilot.slug} {line.code}"), list[Reading]()  # noqa: S311  # invented values
    for quarter in (1, 2, 3, 4):
        part = line.values[2025] / 4 * Decimal(str(round(own.uniform(0.95, 1.05), 3)))
        value = fitted(part, grain(float(line.values[2025]), line.code))
        day = date(2025 + quarter // 4, 3 * quarter % 12 + 1, 12 + own.randint(0, 5))
        reading = new_reading(line, f"2025-Q{quarter}", value, ValueStatus.FLASH, day, day + timedelta(25))
        found += numbered([reading], as_of)
    return found


def numbered(versions: Iterator[Reading] | list[Reading], as_of: date) -> list[Reading]:
    """Versions as they stood on the day: what was reported later is left out, what was accepted later is not yet."""
    kept = [reading for reading in versions if reading.reported_on <= as_of]
    for number, reading in enumerate(kept, 1):
        reading.version = number
        if reading.accepted_on and reading.accepted_on > as_of:
            reading.accepted_on, reading.state = None, ReadingState.REPORTED
    return kept


def new_reading(
    line: Line,
    period: str,
    value: Decimal,
    status: ValueStatus,
    reported_on: date,
    accepted_on: date | None,
    state: ReadingState | None = None,
) -> Reading:
    """A version of a value; one with a day of acceptance is accepted unless it is said to be in another state."""
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
