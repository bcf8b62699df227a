"""Generating a programme at scale: of the requested size, atomic, in bulk, into an empty database."""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from core.seed import middleware
from core.seed.models import SeedRecord
from pilots.demo.load import ProgrammeSize, generate, size_for_scale, split_evenly
from pilots.management.commands import synthesize as command
from pilots.metrics.stages import Stage
from pilots.models import Batch, Indicator, Pilot, Reading
from pilots.seed import SEED_FILES, MixedDataError
from policies.models import Policy
from tests.support.demo_data import delete_all_records, records_digest

AS_OF = date(2026, 11, 24)
SMALL = ProgrammeSize(2, 4, 8, 4, 4, 9)


@pytest.fixture
def nothing(db: None) -> Iterator[None]:
    """Use a database as after migrations."""
    delete_all_records()
    yield
    middleware.forget_demonstration()


@pytest.mark.parametrize(
    ("scale", "pilots", "batches"), [(1, 125, (1, 5)), (10, 1_250, (4, 20)), (100, 12_500, (10, 50))]
)
def test_the_three_sizes(scale: int, pilots: int, batches: tuple[int, int]) -> None:
    size = size_for_scale(scale)
    assert (size.pilots, (size.batches, size.provincial_batches)) == (pilots, batches)
    assert (size.cities, size.parks) == (21 * scale, 43 * scale)


def test_shares_are_equal_and_lose_nothing() -> None:
    assert list(split_evenly(3, 20, 4)) == [(1, 6, 1), (2, 7, 1), (3, 7, 2)]


@pytest.mark.exhaustive
def test_as_many_of_each_as_asked_for(nothing: None) -> None:
    generate(SMALL, AS_OF)
    assert Counter(Pilot.objects.values_list("batch__level", "kind")) == {
        ("national", "city"): 4,
        ("national", "park"): 8,
        ("provincial", "city"): 4,
        ("provincial", "park"): 9,
    }
    assert Counter(Batch.objects.values_list("level", flat=True)) == {"national": 2, "provincial": 4}
    for batch in Batch.objects.all():
        assert batch.pilots.count() == (batch.city_count or 0) + (batch.park_count or 0)
        assert batch.province_id is None or {*batch.pilots.values_list("province", flat=True)} == {batch.province_id}
        batch.full_clean()
    assert {"2024-Q2", "2026-Q3"} <= set(Reading.objects.values_list("period", flat=True))
    measured = Indicator.objects.filter(readings__isnull=False).distinct()
    assert measured.filter(readings__period="2024-Q4").distinct().count() == measured.count() > 5
    for record in [*Reading.objects.order_by("?")[:20], *Pilot.objects.all()]:
        record.full_clean()


def note_queries(asked: list[str]) -> Any:
    """Record each SQL statement."""

    def execute(call: Any, statement: str, *rest: Any) -> Any:
        asked.append(statement)
        return call(statement, *rest)

    return execute


@pytest.mark.exhaustive
def test_more_readings_cost_statements_by_the_batch(nothing: None) -> None:
    statements, readings = [], []
    for size in (replace(SMALL, every_quarter=False), SMALL):
        asked: list[str] = []  # too many for Django's own log of them
        with transaction.atomic(), connection.execute_wrapper(note_queries(asked)):
            generate(size, AS_OF)
            readings.append(Reading.objects.count())
            transaction.set_rollback(True)
        statements.append(len(asked))
    assert readings[1] - readings[0] > 1000
    assert 0 < statements[1] - statements[0] < (readings[1] - readings[0]) / 10


@pytest.mark.exhaustive
def test_what_breaks_off_leaves_nothing(nothing: None) -> None:
    told: list[str] = []

    def fail(line: str) -> None:
        told.append(line)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(SMALL, AS_OF, fail)
    assert told == ["1 of 2: 12 of 25 pilots", "2 of 2: 25 of 25 pilots"]
    assert not SeedRecord.objects.exists()
    for kind in SEED_FILES:
        assert not kind.model._default_manager.exists(), kind.name
        assert not kind.model.history.exists(), kind.name


def test_a_timeline_that_cannot_be_true_is_not_stored(nothing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    course = [(Stage.PROMOTED, date(2024, 2, 1)), (Stage.LISTED, date(2024, 3, 1))]
    monkeypatch.setattr("pilots.demo.timelines.build_timeline", lambda role, last, rng: course)
    with pytest.raises(ValueError, match="example-city-01"):
        generate(SMALL, AS_OF)
    assert not Pilot.objects.exists()


# -- the command ---------------------------------------------------------------------------------------


def test_a_database_with_records_is_refused_unchanged(db: None) -> None:
    before = records_digest()
    with pytest.raises(CommandError, match="empty database of their own"):
        call_command("synthesize", scale=1)
    assert records_digest() == before
    assert not SeedRecord.objects.is_demonstration()


def test_what_was_deleted_counts_as_records(nothing: None) -> None:
    Policy.objects.create(slug="mine", title_zh="我", issued_on=date(2024, 1, 1))
    Policy.objects.all().delete()
    with pytest.raises(MixedDataError):
        generate(SMALL, AS_OF)


@pytest.mark.parametrize("day", ["2999-01-01", "2023-01-01"])
def test_a_day_without_its_programme_is_refused(nothing: None, day: str) -> None:
    with pytest.raises(CommandError, match="give a day from 2024-09-20 up to today"):
        call_command("synthesize", "--scale", "1", "--as-of", day)
    assert not SeedRecord.objects.exists()


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (["--scale", "7"], "invalid choice: 7"),
        (["--scale", "0"], "invalid choice: 0"),
        (["--scale", "1", "--as-of", "yesterday"], "invalid fromisoformat value"),
        ([], "required: --scale"),
    ],
)
def test_other_words_are_refused(given: list[str], fault: str) -> None:
    with pytest.raises(CommandError, match=fault):
        call_command("synthesize", *given)


def test_the_command_reports_how_far_it_is_and_what_there_is(nothing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "size_for_scale", lambda scale: {10: SMALL}[scale])
    out = io.StringIO()
    call_command("synthesize", "--scale", "10", "--as-of", "2026-11-24", stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[1:3] == ["2 of 2: 25 of 25 pilots", "Demonstration data, all of it invented:"]
    assert {"  6 batches", "  25 pilots"} <= set(lines)
