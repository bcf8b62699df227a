"""The records that files of the import tests name."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from policies.models import Agency
from tests import factories as make


@pytest.fixture
def world() -> dict[str, Any]:
    """Make a record of every kind, with lists, to be changed by imports."""
    province, other = make.province(slug="jia", name_zh="甲省"), make.province(slug="yi")
    steel, cement = make.industry(slug="steel"), make.industry(slug="cement")
    sources = [make.source(title=f"源{n}") for n in range(3)]
    agencies = [Agency.objects.create(slug=f"agency-{n}", name_zh=f"部{n}") for n in range(2)]
    policy = make.policy(slug="policy", title_zh="国策", issued_on=date(2022, 6, 17))
    policy.agencies.set(agencies)
    plan = make.plan(policy, province)
    pilot = make.pilot(make.batch(slug="first"), province, steel, cement, slug="p", name_zh="甲市")
    indicator = make.indicator("AIR_A")
    target = make.target(pilot, indicator, 100, 60)
    for year in (2024, 2025):
        make.add_step(target, year, Decimal(90))
    stage = make.stage(pilot, "listed", date(2024, 1, 15))
    milestone = make.milestone(pilot, date(2025, 1, 1), title_zh="建成")
    reading = make.reading(pilot, indicator, "2023", 100)
    for record in (policy, plan, pilot, target, stage, milestone, reading):
        record.sources.set(sources)
    return {
        "other": other, "policy": policy, "plan": plan, "pilot": pilot, "target": target, "stage": stage,
        "milestone": milestone, "reading": reading, "indicator": indicator,
    }  # fmt: skip
