"""The records that files of the import tests name."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from policies.models import Agency
from tests.factories import (
    add_step,
    make_batch,
    make_indicator,
    make_industry,
    make_milestone,
    make_pilot,
    make_plan,
    make_policy,
    make_province,
    make_reading,
    make_source,
    make_stage,
    make_target,
)


@pytest.fixture
def world() -> dict[str, Any]:
    """Make a record of every kind, with lists, to be changed by imports."""
    province, other = make_province(slug="jia", name_zh="甲省"), make_province(slug="yi")
    steel, cement = make_industry(slug="steel"), make_industry(slug="cement")
    sources = [make_source(title=f"源{n}") for n in range(3)]
    agencies = [Agency.objects.create(slug=f"agency-{n}", name_zh=f"部{n}") for n in range(2)]
    policy = make_policy(slug="policy", title_zh="国策", issued_on=date(2022, 6, 17))
    policy.agencies.set(agencies)
    plan = make_plan(policy, province)
    pilot = make_pilot(make_batch(slug="first"), province, steel, cement, slug="p", name_zh="甲市")
    indicator = make_indicator("AIR_A")
    target = make_target(pilot, indicator, 100, 60)
    for year in (2024, 2025):
        add_step(target, year, Decimal(90))
    stage = make_stage(pilot, "listed", date(2024, 1, 15))
    planned = make_stage(pilot, "tasked", None, planned_on=date(2024, 3, 1))
    milestone = make_milestone(pilot, date(2025, 1, 1), title_zh="建成")
    reading = make_reading(pilot, indicator, "2023", 100)
    for record in (policy, plan, pilot, target, stage, planned, milestone, reading):
        record.sources.set(sources)
    return {
        "other": other, "policy": policy, "plan": plan, "pilot": pilot, "target": target, "stage": stage,
        "planned": planned, "milestone": milestone, "reading": reading, "indicator": indicator,
    }  # fmt: skip
