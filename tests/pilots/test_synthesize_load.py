"""How a programme is synthesized: the same each time, whole or not at all, by the batch, into an empty database."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from math import ceil
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from pilots.demo.crowd import Size
from pilots.demo.synthesis import synthesize
from pilots.load import KINDS, OtherSide
from pilots.management.commands import synthesize as command
from pilots.metrics import Stage
from pilots.models import Milestone, Pilot, Reading, StageEntry, Target
from policies import middleware
from policies.models import Policy, ProvincialPlan, Shipment
from tests.demonstration import digest, start_from_nothing

AS_OF = date(2026, 11, 24)
SMALL = Size(4, 8, 2, 4, 1, 1, 18 * 70)


@pytest.fixture
def nothing(db: None) -> Iterator[None]:
    """A database as it was only migrated."""
    start_from_nothing()
    yield
    middleware.forget()


def test_the_same_day_gives_the_same_records(nothing: None) -> None:
    digests = []
    for day in (AS_OF, AS_OF, date(2026, 11, 1)):
        with transaction.atomic():
            synthesize(SMALL, day)
            digests.append(digest())
            transaction.set_rollback(True)
    assert digests[0] == digests[1] != digests[2]


def test_an_earlier_day_knows_nothing_later(nothing: None) -> None:
    day = date(2024, 10, 1)
    synthesize(SMALL, day)
    for kind, names in (
        (StageEntry, ["entered_on"]),
        (Milestone, ["completed_on"]),
        (Reading, ["reported_on", "accepted_on"]),
        (ProvincialPlan, ["issued_on", "searched_on"]),
        (Target, ["done_on"]),
        (Pilot, ["withdrawn_on"]),
    ):
        for name in names:
            assert not kind.objects.filter(**{f"{name}__gt": day}).exists(), (kind, name)
    assert Reading.objects.count() == SMALL.readings


def noted(asked: list[str]) -> Any:
    """Notes each statement that goes to the database."""

    def execute(call: Any, statement: str, *rest: Any) -> Any:
        asked.append(statement)
        return call(statement, *rest)

    return execute


def test_twice_the_readings_cost_statements_by_the_batch(nothing: None) -> None:
    """Five statements for each 500 readings more, and the insert, which SQLite takes 70 rows at a time."""
    counts = []
    for size in (SMALL, replace(SMALL, readings=2 * SMALL.readings)):
        asked: list[str] = []  # too many for Django's own log of them
        with transaction.atomic(), connection.execute_wrapper(noted(asked)):
            synthesize(size, AS_OF)
            transaction.set_rollback(True)
        counts.append(len(asked))
    at_once = 1000 if connection.vendor == "postgresql" else 70
    batches = SMALL.batches + SMALL.provincial_batches
    grown = 5 * (ceil(SMALL.readings / 500) + batches) + ceil(SMALL.readings / at_once) + batches
    assert 0 < counts[1] - counts[0] <= grown < SMALL.readings / 25


def test_what_breaks_off_leaves_nothing(nothing: None) -> None:
    told: list[str] = []

    def fail(line: str) -> None:
        told.append(line)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesize(SMALL, AS_OF, fail)
    assert told == [
        f"batch 1 of 2: 12 of 18 pilots, {told[0].split()[-4]} of 1,260 readings",
        "batch 2 of 2: 18 of 18 pilots, 1,260 of 1,260 readings",
    ]
    assert not Shipment.objects.exists()
    for kind in KINDS:
        assert not kind.model._default_manager.exists(), kind.name
        assert not kind.model.history.exists(), kind.name
    synthesize(SMALL, AS_OF)  # and the database takes it still


# -- where it is refused -------------------------------------------------------------------------------


def test_a_database_with_records_is_refused_unchanged(db: None) -> None:
    before = digest()
    with pytest.raises(CommandError, match="set DATABASE_URL to it"):
        call_command("synthesize", scale=1)
    assert digest() == before
    assert not Shipment.objects.is_demonstration()


def test_what_was_deleted_counts_as_records(nothing: None) -> None:
    Policy.objects.create(slug="mine", title_zh="我", issued_on=date(2024, 1, 1))
    Policy.objects.all().delete()
    with pytest.raises(OtherSide):
        synthesize(SMALL, AS_OF)


@pytest.mark.parametrize("day", ["2999-01-01", "2023-01-01"])
def test_a_day_without_its_programme_is_refused(nothing: None, day: str) -> None:
    with pytest.raises(CommandError, match="give a day from 2024-09-20 up to today"):
        call_command("synthesize", "--scale", "1", "--as-of", day)
    assert not Shipment.objects.exists()


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


def test_the_command_tells_how_far_it_is_and_what_there_is(nothing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "size_of", lambda scale: {10: SMALL}[scale])
    out = io.StringIO()
    call_command("synthesize", "--scale", "10", "--as-of", "2026-11-24", stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[1:3] == [
        "batch 2 of 2: 18 of 18 pilots, 1,260 of 1,260 readings",
        "Demonstration data, all of it invented:",
    ]
    assert {"  2 batches", "  18 pilots", "  1260 readings"} <= set(lines)


def test_a_course_that_cannot_be_true_is_not_stored(nothing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    course = [(Stage.PROMOTED, date(2024, 2, 1)), (Stage.LISTED, date(2024, 3, 1))]
    monkeypatch.setattr("pilots.demo.synthesis.way", lambda part, rng: course)
    with pytest.raises(ValueError, match="example-1-city-001"):
        synthesize(SMALL, AS_OF)
    assert not Pilot.objects.exists()
