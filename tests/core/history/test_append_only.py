"""Append-only tables and approved editions: the product changes and deletes no row, and restoring says so in words."""

from datetime import date

import pytest

from core.history.models import APPEND_ONLY_MESSAGE, KeptRecordError
from core.records import writing
from dashboard.models import Edition
from pilots.metrics import Move
from pilots.models import FollowUpStep
from tests import factories as make

pytestmark = pytest.mark.django_db
REFUSED = {
    "save": lambda step: step.save(),
    "delete": lambda step: step.delete(),
    "update of a queryset": lambda _step: FollowUpStep.objects.update(remark="other"),
    "delete of a queryset": lambda _step: FollowUpStep.objects.all().delete(),
    "bulk update": lambda step: FollowUpStep.objects.bulk_update([step], ["remark"]),
    "update of the rows of a record": lambda step: step.follow_up.steps.update(remark="other"),
}


@pytest.fixture
def step() -> FollowUpStep:
    follow_up = make.follow_up(
        make.pilot(make.batch(), make.province()), (Move.SIGN, date(2026, 6, 2)), (Move.EXTEND, date(2026, 6, 3))
    )
    return follow_up.steps.get(seq=3)


def rows() -> list[dict[str, object]]:
    return list(FollowUpStep.objects.order_by("pk").values())


@pytest.mark.parametrize("write", REFUSED)
def test_no_row_is_changed_or_deleted(step: FollowUpStep, write: str) -> None:
    before = rows()
    step.remark = "other"
    with pytest.raises(KeptRecordError, match="only ever added"):
        REFUSED[write](step)
    assert (rows(), len(before)) == (before, 3)


def test_restoring_a_version_says_that_none_is(step: FollowUpStep) -> None:
    entry = step.history.get()
    with pytest.raises(writing.Conflict, match=str(APPEND_ONLY_MESSAGE)):
        writing.restore_version(entry, opened=str(entry.pk))


def test_a_row_is_added_and_an_edition_changed_until_it_is_approved() -> None:
    follow_up = make.follow_up(make.pilot(make.batch(), make.province()))
    assert follow_up.steps.count() == 1
    Edition.objects.create(quarter="2025-Q4")
    assert Edition.objects.update(release_note_en="Draft") == 1
    with pytest.raises(KeptRecordError, match="stays as it was approved"):
        make.edition("2025-Q3").save()
