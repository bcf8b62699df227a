"""The colour of every target of the demonstration by a second computation, written from the official rule alone."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise, product
from typing import Any

import pytest

from pilots.analytics.pilot_status import judge_target
from pilots.models import Reading, Target

pytestmark = pytest.mark.exhaustive
D = Decimal
YEARS = range(2022, 2029)
DAYS = (date(2025, 5, 1), date(2028, 12, 31))
PARTS = ("0", "0.5", "0.9", "0.95", "1", "1.05", "1.1", "1.5")  # of the base or of the value to reach


def grade(gap: Decimal) -> str:
    return "green" if gap <= D("1e-9") else "yellow" if gap <= D("0.1") + D("1e-9") else "red"


def bound(actual: Decimal | None, limit: Decimal | None, *, lower: bool) -> str:
    if actual is None or limit is None:
        return "grey"
    over = actual - limit if lower else limit - actual
    return grade(over / limit) if limit else ("green" if over <= 0 else "red")


def due_share(points: Sequence[tuple[int, Decimal]], year: int) -> Decimal:
    """The share of the change that is due: straight from one step to the next."""
    (first, base), (last, aim) = points[0], points[-1]
    year = min(max(year, first), last)
    (y0, v0), (y1, v1) = next((a, b) for a, b in pairwise(points) if year <= b[0])
    return min(max((v0 + (v1 - v0) * D(year - y0) / (y1 - y0) - base) / (aim - base), D(0)), D(1))


def colour(target: Any, actual: Decimal | None, year: int, day: date, *, reports: bool) -> str:
    lower, base, aim = target.indicator.direction == "lower", target.base_value, target.target_value
    if target.kind == "text":
        if target.done_on and target.done_on <= day:
            return "green"
        return "red" if reports and day > date(target.target_year, 12, 31) else "grey"
    if target.kind == "limit":
        return bound(actual, aim, lower=lower)
    if target.kind == "keep" or (base is not None and base == aim):
        return bound(actual, base, lower=lower)
    if None in (target.base_year, base, aim) or target.base_year >= target.target_year:
        return "grey"
    steps = [(step.year, step.value) for step in target.yearly_steps]
    inside = [point for point in steps if target.base_year < point[0] < target.target_year]
    due = due_share([(target.base_year, base), *inside, (target.target_year, aim)], min(year, target.target_year))
    if due < D("0.1") or actual is None:
        return "grey"
    if (aim > base) == lower:  # a capped rise is a limit at the expected value
        return bound(actual, base + (aim - base) * due, lower=lower)
    return grade(1 - (base - actual) / (base - aim) / due)


def test_both_computations_give_the_same_colour(demo: None) -> None:
    targets = Target.objects.select_related("indicator", "pilot__batch")
    judged: dict[str, int] = {}
    for target, year, day in product(targets, YEARS, DAYS):
        amounts = {D(part) * value for part in PARTS for value in (target.base_value, target.target_value) if value}
        for actual in (None, *amounts):
            reading = Reading(pk=int(actual * 1_000_000) if actual else 0, period=str(year), value=actual)
            latest = {} if actual is None else {target.indicator_id: reading}
            due = year if latest else day.year - 1
            found = judge_target(target, latest, day).colour
            assert found == colour(target, actual, due, day, reports=bool(latest)), (target, actual, year, day)
            judged[found] = judged.get(found, 0) + 1
    assert min(judged.values()) > 1_000, judged
    assert sum(judged.values()) > 80_000
