"""The facts of many pilots, read into lists: each has its own records, in order, for a fixed number of queries."""

from datetime import date
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Prefetch
from django.db.models.signals import post_init, pre_init

from pilots.models import Pilot, Reading, StageEntry, TargetStep
from pilots.progress import with_facts
from policies.models.base import Recorded
from tests.factories import (
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
    """Each with two or three records of every kind, made in another order than they are read in."""
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
                TargetStep.objects.create(target=target, year=year, value=29_000)
        make_reading(pilot, nox, "2025", 28_000)
        make_reading(pilot, nox, "2024", 29_000)
        make_reading(pilot, nox, "2024", 29_100, version=2)
        make_override(pilot, "red", author, set_on=date(2025, 3, 1), expires_on=date(2025, 4, 1))
        make_override(pilot, "yellow", author, set_on=date(2025, 1, 1), expires_on=date(2025, 2, 1))
    return pilots


def told(pilot: Any) -> dict[str, list[Any]]:
    return {
        "stages": [entry.stage for entry in pilot.stages_read],
        "milestones": [item.planned_on for item in pilot.milestones_read],
        "targets": [target.indicator.code for target in pilot.targets_read],
        "readings": [(reading.period, reading.version) for reading in pilot.readings_read],
        "overrides": [override.colour for override in pilot.overrides_read],
    }


@pytest.mark.parametrize("count", [1, 3])
def test_each_pilot_has_its_own_facts_in_order_for_eight_queries(
    three: list[Pilot], django_assert_num_queries: Any, count: int
) -> None:
    with django_assert_num_queries(8):  # the pilots, five kinds, steps, and one of the industries asked for beside them
        found = list(
            with_facts(Pilot.objects.filter(pk__in=[p.pk for p in three[:count]])).prefetch_related("industries")
        )
        assert [told(pilot) for pilot in found] == [LISTS] * count
        for pilot in found:
            assert [[step.year for step in target.steps_read] for target in pilot.targets_read] == [[2024, 2025]] * 2
            mine = [*pilot.stages_read, *pilot.milestones_read, *pilot.targets_read, *pilot.readings_read]
            assert all(fact.pilot is pilot for fact in [*mine, *pilot.overrides_read])
            assert all(step.target is target for target in pilot.targets_read for step in target.steps_read)


def test_an_iterator_and_what_hangs_on_a_fact_come_along(three: list[Pilot], django_assert_num_queries: Any) -> None:
    rows: Any = with_facts(Pilot.objects.all()).prefetch_related("stages_read__sources")
    with django_assert_num_queries(1 + 2 * 7):  # chunks of two: each has its facts and their sources
        found = list(rows.iterator(2))
        assert [told(pilot) for pilot in found] == [LISTS] * 3
        assert [[len(entry.sources.all()) for entry in pilot.stages_read] for pilot in found] == [[1, 0]] * 3


def test_readings_may_be_asked_for_in_another_way(three: list[Pilot]) -> None:
    facts: Any = Prefetch("facts", Reading.objects.filter(version=2))
    for pilot in Pilot.objects.prefetch_related(facts):
        assert told(pilot) == {**LISTS, "readings": [("2024", 2)]}


def test_a_pilot_without_facts_has_empty_lists(empty: None, django_assert_num_queries: Any) -> None:
    make_pilot(make_batch(), make_province())
    with django_assert_num_queries(6):  # no targets, so no steps
        assert told(with_facts(Pilot.objects.all()).get()) == {name: [] for name in LISTS}
    assert list(with_facts(Pilot.objects.none())) == []


# -- records as they come from the database -------------------------------------------------------------------


def record_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if issubclass(model, Recorded)]


@pytest.mark.parametrize("model", record_models(), ids=lambda model: model.__name__)
def test_a_record_is_what_django_would_make_of_its_row(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody listens to the signals that are not sent."""
    assert not pre_init.has_listeners(model)
    assert not post_init.has_listeners(model)
    rows = [lambda: model.objects.order_by("pk")[:3], lambda: model.objects.order_by("pk").defer(*some(model))[:3]]
    ours = [held(record) for ask in rows for record in ask()]
    monkeypatch.delattr(Recorded, "from_db")
    assert ours == [held(record) for ask in rows for record in ask()]


def some(model: Any) -> list[str]:
    """Two fields that are left for later."""
    return [field.name for field in model._meta.concrete_fields if not field.primary_key][:2]


def held(record: Any) -> tuple[dict[str, Any], set[str], str, bool]:
    own = {name: value for name, value in vars(record).items() if name != "_state"}
    return own, record.get_deferred_fields(), record._state.db, record._state.adding


def test_what_was_left_for_later_is_read_when_asked_for_and_saves_as_usual(three: list[Pilot]) -> None:
    pilot = Pilot.objects.only("slug").select_related(None).get(pk=three[0].pk)
    assert "name_en" not in vars(pilot)
    assert pilot.name_en == three[0].name_en
    entry = StageEntry.objects.select_related("pilot").first()
    assert entry is not None
    entry.reason = "another"
    entry.save()
    assert StageEntry.objects.get(pk=entry.pk).reason == "another"
