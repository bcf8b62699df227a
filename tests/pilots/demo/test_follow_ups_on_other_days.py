"""Follow-ups and practices of a demonstration of an earlier day, and of one at scale."""

from collections.abc import Iterator
from datetime import date

import pytest

from core.seed import middleware
from pilots.demo.load import ProgrammeSize, generate, load_demo
from pilots.metrics.follow_up_states import Move
from pilots.models import Adoption, Document, Effect, FollowUp, FollowUpNumber, FollowUpStep, Practice
from tests.support.demo_data import delete_all_records

pytestmark = pytest.mark.exhaustive
AS_OF = date(2026, 11, 24)
SMALL = ProgrammeSize(2, 21, 43, 2, 4, 8, every_quarter=False)


@pytest.fixture
def nothing(db: None) -> Iterator[None]:
    """Use a database as after migrations."""
    delete_all_records()
    yield
    middleware.forget_demonstration()


@pytest.mark.parametrize("day", [date(2024, 9, 20), date(2025, 5, 1), date(2026, 4, 2)])
def test_an_earlier_day_knows_nothing_later(nothing: None, day: date) -> None:
    load_demo(day)
    for model, names in (
        (FollowUp, ["opened_on"]),
        (FollowUpStep, ["taken_on"]),
        (Practice, ["proposed_on", "passed_on", "library_on", "recommended_on", "retired_on"]),
        (Adoption, ["planned_on", "started_on", "in_use_on", "given_up_on", "confirmed_on"]),
        (Effect, ["known_on"]),
    ):
        for name in names:
            assert not model.objects.filter(**{f"{name}__gt": day}).exists(), (model, name)
        for record in model.objects.all():
            record.full_clean()


def test_at_scale_there_are_no_files_and_no_number_twice(nothing: None) -> None:
    generate(SMALL, AS_OF)
    assert FollowUp.objects.count() > 40
    assert Practice.objects.count() == 24
    assert not Document.objects.exists()
    assert not FollowUpStep.objects.filter(move=Move.REPORT, follow_up__is_key=True).exists()
    for year, last in FollowUpNumber.objects.values_list("year", "last_serial"):
        assert FollowUp.objects.filter(number__startswith=f"{year}-").count() == last
