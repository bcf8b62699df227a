"""What a synthesized pilot did, promised and reported: as in the demonstration, over more years and by quarters too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from random import Random

from pilots.demo.cast import Plot
from pilots.demo.course import Course, course_of, milestones, stage_entries
from pilots.demo.crowd import Part, moved
from pilots.demo.values import BASE_YEAR, Line, fitted, grain, lines_of, new_reading, numbered, reported, versions
from pilots.metrics import Stage, problems
from pilots.models import Indicator, Milestone, Reading, ReadingState, StageEntry, TargetKind, ValueStatus

# How far pilots with a plan have come, by the years that their batch is older than the demonstration's.
YOUNG = [Stage.PLAN_ISSUED, *[Stage.IMPLEMENTING] * 9, *[Stage.MIDTERM] * 14, *[Stage.FINAL_EVAL] * 2, Stage.PROMOTED]
PROVINCIAL = [Stage.PLAN_ISSUED, *[Stage.IMPLEMENTING] * 3, Stage.MIDTERM]
OLD = [Stage.MIDTERM, *[Stage.FINAL_EVAL] * 3, *[Stage.PROMOTED] * 3]
TOLD_OFF = date(2026, 3, 16)
FLOWS = {"AIR_SO2", "AIR_NOX", "AIR_VOC", "CO2_TOT"}
SHARES = {"ENE_NFF", "ENV_AQD", "RES_SW"}  # in percent, higher is better
MOST = Decimal("99.5")


# -- the course ----------------------------------------------------------------------------------------


def way(part: Part, rng: Random) -> Course:
    """Through which stages a pilot goes, in the years of the demonstration."""
    if not part.plot.has_plan:
        return course_of(part, None, rng)
    last = rng.choice(OLD if part.back else YOUNG if part.national else PROVINCIAL)
    told_off = part.plot == Plot.FAR_BEHIND and part.national and rng.random() < 0.3
    if told_off:
        last = Stage.MIDTERM
    elif last == Stage.PROMOTED and part.plot not in {Plot.ON_SCHEDULE, Plot.BEHIND}:
        last = Stage.FINAL_EVAL
    course = course_of(part, last, rng)
    return [*course, (Stage.RECTIFYING, TOLD_OFF)] if told_off else course


def stages_of(part: Part, course: Course, as_of: date) -> list[StageEntry]:
    """The entries of a pilot on a day. Raises ValueError for a course that cannot be true."""
    entries = stage_entries(part, course, moved(as_of, part.back))
    for entry in entries:
        entry.entered_on, entry.planned_on = back(entry.entered_on, part), back(entry.planned_on, part)
        entry.order_checked = True
    wrong = problems([entry.as_entry() for entry in entries if entry.entered_on], as_of)
    if wrong:
        raise ValueError(f"{part.pilot.slug}: {wrong}")
    return entries


def milestones_of(part: Part, course: Course, as_of: date, rng: Random) -> list[Milestone]:
    found = milestones(part, course, moved(as_of, part.back), rng)
    for one in found:
        one.planned_on, one.completed_on = moved(one.planned_on, -part.back), back(one.completed_on, part)
    return found


def back(day: date | None, part: Part) -> date | None:
    """The day in the years in which it took place."""
    return moved(day, -part.back) if day else None


# -- targets -------------------------------------------------------------------------------------------


def promised(part: Part, indicators: dict[str, Indicator], as_of: date, rng: Random) -> list[Line]:
    """What a pilot reports, its targets and their steps in the years in which they hold."""
    lines = lines_of(part, indicators, rng)
    for line in lines:
        line.values.pop(2026, None)  # drawn in `value_in`, which knows the target
        if line.target:
            end_task(line, as_of, rng)
            line.target.base_year = line.target.base_year and line.target.base_year - part.back
            line.target.target_year -= part.back
        for step in line.steps:
            step.year -= part.back
    return lines


def end_task(line: Line, as_of: date, rng: Random) -> None:
    """A task in words: done by most whose term has ended, and by nobody on a day to come."""
    target, part = line.target, line.role
    if not target or not isinstance(part, Part) or target.kind != TargetKind.TEXT:
        return
    if target.done_on is None and part.back and rng.random() < 0.9:
        target.done_on = date(part.target_year, 9, 1) + timedelta(rng.randint(0, 90))
    target.done_on = back(target.done_on, part)
    if target.done_on and target.done_on > as_of:
        target.done_on = None


# -- readings ------------------------------------------------------------------------------------------


def readings_of(part: Part, lines: list[Line], wanted: int, as_of: date, rng: Random) -> list[Reading]:
    """So many readings of a pilot: each year since the base in its versions, then quarters, from the newest on."""
    then, numbers = moved(as_of, part.back), [line for line in lines if line.values]
    found = list(islice(yearly(numbers, then, rng), wanted))
    found += islice(quarterly(numbers, then, rng), wanted - len(found))
    for reading in found:
        reading.period = f"{int(reading.period[:4]) - part.back}{reading.period[4:]}"
        reading.reported_on = moved(reading.reported_on, -part.back)
        reading.accepted_on = back(reading.accepted_on, part)
    return found


def yearly(lines: list[Line], as_of: date, rng: Random) -> Iterator[Reading]:
    """The values of each year with their versions, the newest year first."""
    for year in range(as_of.year - 1, BASE_YEAR - 1, -1):
        for line in lines:
            value_in(line, year, rng)
            yield from numbered(versions(line, year, rng), as_of)


def quarterly(lines: list[Line], as_of: date, rng: Random) -> Iterator[Reading]:
    """One value for each quarter that a pilot reported, from the newest without end."""
    for year in range(as_of.year, 1900, -1):
        for quarter in (4, 3, 2, 1):
            day = date(year + quarter // 4, quarter % 4 * 3 + 1, 12)
            for line in lines if day <= as_of and reported(lines[0].role, year) else ():
                yield from numbered([quarter_of(line, year, quarter, day + timedelta(rng.randint(0, 5)), rng)], as_of)


def quarter_of(line: Line, year: int, quarter: int, day: date, rng: Random) -> Reading:
    """A quarter's value: a fourth of the year's where it is an amount, else near it; one in fifty disputed."""
    whole = value_in(line, year, rng)
    amount = line.code in FLOWS
    near = (whole / 4 if amount else whole) * number(rng.uniform(0.93, 1.05) if amount else rng.uniform(0.98, 1.01))
    value = fitted(min(near, MOST) if line.code in SHARES else near, grain(float(whole), line.code))
    doubted = (line.role.plot == Plot.DISPUTED and year >= 2025) or rng.random() < 0.02
    if line.role.plot == Plot.NOT_ACCEPTED and year >= 2025:
        return new_reading(line, f"{year}-Q{quarter}", value, ValueStatus.FLASH, day, None)
    state = ReadingState.DISPUTED if doubted else None
    return new_reading(line, f"{year}-Q{quarter}", value, ValueStatus.FLASH, day, day + timedelta(25), state)


def value_in(line: Line, year: int, rng: Random) -> Decimal:
    """The value of any year, kept for the next who asks: drawn already around 2024, else the trend before or after."""
    if year not in line.values:
        drawn = after(line, year, rng) if year > BASE_YEAR else before(line, year, rng)
        value = min(drawn, MOST) if line.code in SHARES else drawn
        line.values[year] = fitted(value, grain(float(line.values[BASE_YEAR]), line.code))
    return line.values[year]


def after(line: Line, year: int, rng: Random) -> Decimal:
    """On at the same pace to the end of the term, and level after it; what is only to be kept stays level."""
    base, now = line.values[BASE_YEAR], line.values[2025]
    if line.target and line.target.kind == TargetKind.REACH:
        years = min(year, line.role.target_year) - BASE_YEAR
        return base + (now - base) * years / 2 * number(rng.uniform(1.0, 1.01))
    return now * number(rng.uniform(1.0, 1.002) if line.code in SHARES else rng.uniform(0.998, 1.0))


def before(line: Line, year: int, rng: Random) -> Decimal:
    """A little worse for each year before the base, down to a third off."""
    worse = min((BASE_YEAR - year) * 0.015, 0.3)
    return line.values[BASE_YEAR] * number(
        (1 - worse if line.code in SHARES else 1 + worse) * rng.uniform(0.995, 1.005)
    )


def number(value: float) -> Decimal:
    return Decimal(str(round(value, 5)))
