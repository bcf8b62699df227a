"""Records of a year in which a plan was corrected and a value was entered late, and the folder of their snapshots."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from core.snapshots.contents import record_models, tracked_lists
from policies.models import ProvincialPlan
from tests.factories import (
    make_batch,
    make_indicator,
    make_pilot,
    make_plan,
    make_policy,
    make_province,
    make_reading,
    make_target,
)
from tests.support.scripted_year import clock_at

TODAY = date(2026, 11, 20)


@pytest.fixture
def snapshot_folder(settings: Any, tmp_path: Path) -> None:
    """Keep the snapshots of a test in a folder of its own: clocks and databases of tests repeat."""
    settings.SNAPSHOT_DIR = tmp_path / "known"


@pytest.fixture
def no_histories(empty: None) -> None:
    """Start without records and histories."""
    for model in record_models():
        for _field, _rows, past in tracked_lists(model):
            past._default_manager.all().delete()
        model.history.all().delete()


@pytest.fixture
def corrected_plan(no_histories: None) -> Iterator[ProvincialPlan]:
    """Two provinces of a policy: one plan known from February, another corrected in August to be issued in January."""
    with clock_at(date(2026, 2, 3)):
        policy = make_policy(issued_on=date(2025, 1, 1))
        batch = make_batch(slug="first", known_by=date(2024, 1, 15), city_count=2, park_count=0)
        one, other = make_province(name_zh="甲省"), make_province(name_zh="乙省", slug="yi", short_en="Yi")
        make_plan(policy, one, issued_on=date(2025, 5, 1))
        plan = make_plan(policy, other, status="drafting", issued_on=None)
        pilot = make_pilot(batch, one)
        make_target(pilot, make_indicator("AIR_A"), 100, 70)
    with clock_at(date(2026, 5, 6)):
        make_reading(pilot, pilot.targets.get().indicator, "2025", 90, accepted_on=date(2026, 3, 1))
    with clock_at(date(2026, 8, 4)):
        plan.status, plan.issued_on, plan.issued_precision = "issued", date(2026, 1, 9), "day"
        plan._change_reason = "Found on the website"
        plan.save()
    with clock_at(TODAY):
        yield plan
