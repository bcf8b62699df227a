"""Prefetching of pilots' related rows: the right rows, in order, with a fixed number of queries."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User

from pilots.analytics.pilot_status import prefetch_for_status
from pilots.models import Pilot
from tests.factories import (
    add_step,
    make_batch,
    make_indicator,
    make_milestone,
    make_override,
    make_pilot,
    make_province,
    make_reading,
    make_source,
    make_stage,
    make_target,
)

pytestmark = pytest.mark.django_db
LISTS = {
    "stages": ["listed", "plan_issued"],
    "milestones": [date(2025, 1, 1), date(2026, 1, 1)],
    "targets": ["AIR_NOX", "AIR_SO2"],
    "readings": [("2024", 1), ("2024", 2), ("2025", 1)],
    "overrides": ["yellow", "red"],
}


@pytest.fixture
def three(empty: None) -> list[Pilot]:
    """Make three pilots with two or three records of every kind, created out of order."""
    batch, province, author = make_batch(), make_province(), User.objects.create_user("author")
    nox, so2 = make_indicator("AIR_NOX"), make_indicator("AIR_SO2")
    pilots = [make_pilot(batch, province) for _ in range(3)]
    for pilot in pilots:
        make_stage(pilot, "plan_issued", date(2025, 6, 1))
        make_stage(pilot, "listed", date(2024, 6, 1)).sources.add(make_source())
        make_milestone(pilot, date(2026, 1, 1))
        make_milestone(pilot, date(2025, 1, 1))
        for indicator in (so2, nox):
            target = make_target(pilot, indicator, 30_000, 25_500)
            for year in (2025, 2024):
                add_step(target, year, 29_000)
        make_reading(pilot, nox, "2025", 28_000)
        make_reading(pilot, nox, "2024", 29_000)
        make_reading(pilot, nox, "2024", 29_100, version=2)
        make_override(pilot, "red", author, set_on=date(2025, 3, 1), expires_on=date(2025, 4, 1))
        make_override(pilot, "yellow", author, set_on=date(2025, 1, 1), expires_on=date(2025, 2, 1))
    return pilots


def prefetched_values(pilot: Any) -> dict[str, list[Any]]:
    return {
        "stages": [entry.stage for entry in pilot.prefetched_stages],
        "milestones": [item.planned_on for item in pilot.prefetched_milestones],
        "targets": [target.indicator.code for target in pilot.prefetched_targets],
        "readings": [(reading.period, reading.version) for reading in pilot.prefetched_readings],
        "overrides": [override.colour for override in pilot.prefetched_overrides],
    }


@pytest.mark.parametrize("count", [1, 3])
def test_each_pilot_has_its_own_facts_in_order_for_eight_queries(
    three: list[Pilot], django_assert_num_queries: Any, count: int
) -> None:
    with django_assert_num_queries(8):  # the pilots, six kinds, and the industries beside them
        found = list(
            prefetch_for_status(Pilot.objects.filter(pk__in=[p.pk for p in three[:count]])).prefetch_related(
                "industries"
            )
        )
        assert [prefetched_values(pilot) for pilot in found] == [LISTS] * count
        for pilot in found:
            assert [[step.year for step in target.yearly_steps] for target in pilot.prefetched_targets] == [
                [2024, 2025]
            ] * 2
            mine = [
                *pilot.prefetched_stages,
                *pilot.prefetched_milestones,
                *pilot.prefetched_targets,
                *pilot.prefetched_readings,
            ]
            assert all(fact.pilot is pilot for fact in [*mine, *pilot.prefetched_overrides])


def test_a_pilot_without_facts_has_empty_lists(empty: None, django_assert_num_queries: Any) -> None:
    make_pilot(make_batch(), make_province())
    with django_assert_num_queries(7):  # no targets, so no steps; no replans
        assert prefetched_values(prefetch_for_status(Pilot.objects.all()).get()) == {name: [] for name in LISTS}
    assert list(prefetch_for_status(Pilot.objects.none())) == []
