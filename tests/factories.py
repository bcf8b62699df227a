"""The smallest valid record of each kind; a test names only what it is about."""

from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

from pilots.models import Batch, Indicator, LightOverride, Milestone, Pilot, Reading, StageEntry, Target
from policies.models import Industry, Policy, Province, ProvincialPlan, Source

numbers = count(1)


def make_source(**fields: Any) -> Source:
    n = next(numbers)
    return Source.objects.create(**{"title": f"Source {n}", "url": f"https://example.org/{n}", **fields})


def make_province(**fields: Any) -> Province:
    """A province of the roster; at most 64 fit on the tile map, so a test that makes many starts from `empty`."""
    n = next(numbers)
    used = set(Province.objects.values_list("tile_col", "tile_row"))
    col, row = next((c, r) for r in range(8) for c in range(8) if (c, r) not in used)
    values = {
        "slug": f"province-{n}",
        "name_zh": f"省{n}",
        "name_en": f"Province {n}",
        "short_zh": f"省{n}",
        "short_en": f"P{n}",
        "kind": "province",
        "region": "north",
        "tile_col": col,
        "tile_row": row,
    }
    return Province.objects.create(**{**values, **fields})


def make_policy(**fields: Any) -> Policy:
    n = next(numbers)
    values = {
        "slug": f"policy-{n}",
        "title_zh": f"政策{n}",
        "title_en": f"Policy {n}",
        "issued_on": date(2022, 6, 17),
        "calls_for_provincial_plan": True,
    }
    return Policy.objects.create(**{**values, **fields})


def make_plan(policy: Policy, province: Province, **fields: Any) -> ProvincialPlan:
    """An issued plan with a known day unless the test says otherwise."""
    values = {"status": "issued", "title_zh": "方案", "issued_on": date(2022, 12, 5)}
    return ProvincialPlan.objects.create(policy=policy, province=province, **{**values, **fields})


def make_industry(**fields: Any) -> Industry:
    n = next(numbers)
    return Industry.objects.create(
        **{"slug": f"industry-{n}", "name_zh": f"行业{n}", "name_en": f"Industry {n}", **fields}
    )


def make_batch(**fields: Any) -> Batch:
    n = next(numbers)
    day = fields.pop("announced_on", date(2024, 1, 15))
    values = {"slug": f"batch-{n}", "title_en": f"Batch {n}", "title_zh": f"第{n}批", "known_by": day}
    return Batch.objects.create(**{**values, "announced_on": day, **fields})


def make_pilot(batch: Batch, province: Province, *industries: Industry, **fields: Any) -> Pilot:
    n = next(numbers)
    values = {"slug": f"pilot-{n}", "name_zh": f"试点{n}", "name_en": f"Pilot {n}", "kind": "city"}
    pilot = Pilot.objects.create(batch=batch, province=province, **{**values, **fields})
    pilot.industries.set(industries)
    return pilot


def make_indicator(code: str, **fields: Any) -> Indicator:
    """An air pollutant in tonnes that weighs as much as SO2, unless the test says otherwise."""
    values = {
        "name_zh": f"{code}指标",
        "name_en": f"{code} emissions",
        "unit": "t",
        "kind": "pollutant",
        "direction": "lower",
        "accumulation": "flow",
        "rollup": "sum",
        "equivalent_kg": Decimal("0.95"),
        "may_enter_synergy": "total",
    }
    return Indicator.objects.create(code=code, **{**values, **fields})


def make_carbon(code: str = "CO2_TOT", **fields: Any) -> Indicator:
    """Total emissions of CO2 in ten thousand tonnes unless the test says otherwise."""
    return make_indicator(code, **{"kind": "carbon", "unit": "10⁴ t", "equivalent_kg": None, **fields})


def make_target(pilot: Pilot, indicator: Indicator, base: Any, target: Any, **fields: Any) -> Target:
    """From 2023 to 2026, binding, unless the test says otherwise."""
    values = {"base_year": 2023, "base_value": base, "target_year": 2026, "target_value": target, "binding": True}
    return Target.objects.create(pilot=pilot, indicator=indicator, **{**values, **fields})


def make_reading(pilot: Pilot, indicator: Indicator, period: str, value: Any, **fields: Any) -> Reading:
    """Reported on 20 February of the next year and accepted a month later, unless the test says otherwise."""
    year = int(period[:4]) + 1
    values = {"state": "accepted", "reported_on": date(year, 2, 20), "accepted_on": date(year, 3, 20)}
    return Reading.objects.create(pilot=pilot, indicator=indicator, period=period, value=value, **{**values, **fields})


def make_stage(pilot: Pilot, stage: str, entered_on: date | None, **fields: Any) -> StageEntry:
    return StageEntry.objects.create(pilot=pilot, stage=stage, entered_on=entered_on, **fields)


def make_milestone(pilot: Pilot, planned_on: date, completed_on: date | None = None, **fields: Any) -> Milestone:
    n = next(numbers)
    values = {"facet": "management", "title_en": f"Milestone {n}", "title_zh": f"节点{n}"}
    return Milestone.objects.create(
        pilot=pilot, planned_on=planned_on, completed_on=completed_on, **{**values, **fields}
    )


def make_override(pilot: Pilot, colour: str, author: Any, **fields: Any) -> LightOverride:
    values = {"reason": "the kiln is being replaced", "set_on": date(2026, 9, 1), "expires_on": date(2027, 1, 1)}
    return LightOverride.objects.create(pilot=pilot, colour=colour, author=author, **{**values, **fields})
