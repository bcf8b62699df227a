"""Cache of pilots: after any write the status of every pilot is the one that is computed without a cache."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pilots.analytics.pilot_cache import cached_pilots, pilot_cache
from pilots.analytics.pilot_status import build_progress, prefetch_for_status
from pilots.analytics.synergy import build_synergy
from pilots.models import LightOverride, Milestone, Pilot, Reading, StageEntry, Target
from tests import factories
from tests.factories import add_step

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
AS_OF = date(2026, 11, 24)


@pytest.fixture
def pilots(settings: Any) -> Iterator[list[Pilot]]:
    """Yield three pilots and a park of the second, each with rows of every kind, all of them in the cache."""
    settings.CACHE_RESPONSES = True
    batch, province = factories.make_batch(term_start=date(2023, 1, 1)), factories.make_province()
    carbon, dust = factories.make_carbon(), factories.make_indicator("PM25", kind="pollutant")
    author = User.objects.create_user("author")
    made = []
    for number in range(3):
        pilot = factories.make_pilot(batch, province, slug=f"pilot-{number}", name_en=f"Pilot {number}")
        factories.make_stage(pilot, "listed", date(2024, 1, 1))
        factories.make_milestone(pilot, date(2026, 6, 30), date(2026, 6, 1), title_en="Done")
        target = factories.make_target(pilot, carbon, 100, 80, base_year=2023, target_year=2027)
        add_step(target, 2026, 70)
        factories.make_target(pilot, dust, 10, 5, base_year=2023, target_year=2027)
        factories.make_reading(pilot, carbon, "2025", 89)
        factories.make_reading(pilot, dust, "2025", 7)
        factories.make_override(pilot, "yellow", author, set_on=date(2025, 1, 1), expires_on=date(2025, 3, 1))
        made.append(pilot)
    park = factories.make_pilot(batch, province, slug="park", kind="park", parent=made[1])
    factories.make_reading(park, carbon, "2025", 3)
    pilot_cache.entries.clear()
    facts_of_all()
    assert len(pilot_cache.entries) == 4
    yield made
    pilot_cache.entries.clear()


def facts_of_all() -> list[tuple[Any, ...]]:
    """Return what pages show of the status and the joint reductions of all pilots."""
    progress, synergy = build_progress(Pilot.objects.all(), AS_OF), build_synergy(Pilot.objects.all(), AS_OF)
    return [
        (
            *(
                status.pilot.slug,
                status.pilot.name_en,
                status.pilot.parent and status.pilot.parent.name_en,
                status.pilot.batch.title_en,
                status.pilot.province.name_en,
            ),
            *(status.colour, status.light, status.current_stage, status.days_in_stage, status.reported, status.since),
            [(i.code, i.target.indicator.name_en, i.light, i.reading and i.reading.value) for i in status.indicators],
            [(m.milestone.title_en, m.light) for m in status.milestones],
            status.override and status.override.reason,
        )
        for status in progress.pilots
    ] + [(item.pilot.slug, item.base_year, item.carbon, item.pollutants) for item in synergy.pilots]


def name_a_step(pilot: Pilot) -> None:
    add_step(pilot.targets.order_by("pk")[0], 2024, Decimal(99))


def move_milestone(pilot: Pilot) -> None:
    other = Pilot.objects.exclude(pk=pilot.pk).order_by("pk")[0]
    Milestone.objects.filter(pilot=pilot).update(pilot=other)


def run_sql(statement: str) -> Callable[[Pilot], None]:
    def write(pilot: Pilot) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, [pilot.pk])

    return write


WRITES: dict[str, Callable[[Pilot], Any]] = {
    "a reading is added": lambda pilot: factories.make_reading(
        pilot, pilot.readings.order_by("pk")[0].indicator, "2025", 120, version=2
    ),
    "a reading is disputed": lambda pilot: Reading.objects.filter(pilot=pilot).update(state="disputed"),
    "readings are deleted": lambda pilot: Reading.objects.filter(pilot=pilot).delete(),
    "a stage is entered": lambda pilot: factories.make_stage(pilot, "implementing", date(2025, 1, 1)),
    "stages are deleted": lambda pilot: StageEntry.objects.filter(pilot=pilot).delete(),
    "a milestone is late": lambda pilot: Milestone.objects.filter(pilot=pilot).update(completed_on=None),
    "a milestone belongs to another pilot": move_milestone,
    "a target is changed": lambda pilot: Target.objects.filter(pilot=pilot).update(target_value=Decimal(60)),
    "a step is added": name_a_step,
    "a step is changed": lambda pilot: Target.objects.filter(pilot=pilot).update(steps={"2026": "95"}),
    "steps are deleted": lambda pilot: Target.objects.filter(pilot=pilot).update(steps={}),
    "a light is set by hand": lambda pilot: factories.make_override(
        pilot, "red", User.objects.get(), set_on=AS_OF, expires_on=AS_OF + timedelta(30)
    ),
    "lights by hand are deleted": lambda pilot: LightOverride.objects.filter(pilot=pilot).delete(),
    "a pilot is renamed": lambda pilot: Pilot.objects.filter(pk=pilot.pk).update(name_en="Renamed"),
    "a batch is renamed": lambda pilot: type(pilot.batch).objects.update(title_en="Renamed"),
    "a province is renamed": lambda pilot: type(pilot.province).objects.update(name_en="Renamed"),
    "an indicator is renamed": lambda pilot: type(pilot.readings.all()[0].indicator).objects.update(name_en="Renamed"),
    "another program changes a reading": run_sql("UPDATE pilots_reading SET value = 500 WHERE pilot_id = %s"),
    "another program deletes a milestone": run_sql("DELETE FROM pilots_milestone WHERE pilot_id = %s"),
}


ENDED = "lights by hand are deleted"  # they ended long ago


@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_seen(name: str, pilots: list[Pilot], settings: Any) -> None:
    before = facts_of_all()
    WRITES[name](pilots[1])
    found = facts_of_all()
    settings.CACHE_RESPONSES = False
    assert found == facts_of_all()
    assert (found != before) is (name != ENDED)


def test_after_a_write_to_one_pilot_the_status_of_that_pilot_alone_is_computed(pilots: list[Pilot]) -> None:
    Reading.objects.filter(pilot=pilots[0]).update(note_en=f"Seen {timezone.now()}")
    with CaptureQueriesContext(connection) as queries:
        progress = build_progress(Pilot.objects.all(), AS_OF)
    assert [status.pilot.slug for status in progress.pilots] == ["pilot-0", "pilot-1", "pilot-2", "park"]
    chosen = [query["sql"].partition("WHERE")[2] for query in queries if 'FROM "pilots_' in query["sql"]]
    assert [sql for sql in chosen if "pilot_id" in sql and f"IN ({pilots[0].pk})" not in sql] == []
    digests = [query for query in queries if ".* FROM " in query["sql"]]
    assert len(queries) - len(digests) == 12
    with CaptureQueriesContext(connection) as queries:
        build_progress(Pilot.objects.all(), AS_OF)
    assert [query for query in queries if ".* FROM " in query["sql"]] == []


def test_a_write_that_is_rolled_back_changes_nothing(pilots: list[Pilot]) -> None:
    before = facts_of_all()
    with transaction.atomic():
        Reading.objects.all().update(value=Decimal(500))
        assert facts_of_all() != before
        transaction.set_rollback(True)
    assert facts_of_all() == before


def test_what_was_read_during_a_write_does_not_come_back_with_the_rows_of_before(pilots: list[Pilot]) -> None:
    def write_and_read(chosen: QuerySet[Pilot]) -> Any:
        Reading.objects.filter(pilot=pilots[0]).update(value=Decimal(500))
        return prefetch_for_status(chosen)

    before, former = facts_of_all(), dict(Reading.objects.values_list("pk", "value"))
    pilot_cache.entries.clear()
    cached_pilots(Pilot.objects.all(), write_and_read)
    for key, value in former.items():
        Reading.objects.filter(pk=key).update(value=value)
    assert facts_of_all() == before


def test_results_of_many_days_are_bounded(pilots: list[Pilot], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pilots.analytics.pilot_cache.MAX_RESULTS", 5)
    for days in range(12):
        build_progress(Pilot.objects.all(), AS_OF - timedelta(days))
    assert {len(vars(pilot)["results"]) <= 5 for _version, pilot in pilot_cache.entries.values()} == {True}


def test_more_pilots_than_the_cache_holds_are_read_each_time(
    pilots: list[Pilot], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilots.analytics.pilot_cache.MAX_PILOTS", 2)
    pilot_cache.entries.clear()
    assert len(facts_of_all()) == 7
    assert not pilot_cache.entries
