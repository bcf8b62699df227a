"""Append-only tables: neither the ORM nor raw SQL changes or deletes a row, and restoring says so in words."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from core.history.append_only import APPEND_ONLY_MESSAGE, create_triggers, drop_triggers
from core.history.revert import RevertRejected, revert_to
from pilots.metrics.follow_up_states import Move
from pilots.models import FollowUp, FollowUpStep
from tests.factories import make_batch, make_follow_up, make_pilot, make_province

pytestmark = pytest.mark.django_db
TABLE = FollowUpStep._meta.db_table
REFUSED = {
    "save": lambda step: step.save(),
    "delete": lambda step: step.delete(),
    "update of a queryset": lambda _step: FollowUpStep.objects.update(remark="other"),
    "delete of a queryset": lambda _step: FollowUpStep.objects.all().delete(),
    "raw UPDATE": lambda _step: execute(f"UPDATE {TABLE} SET remark = 'other'"),  # noqa: S608
    "raw DELETE": lambda _step: execute(f"DELETE FROM {TABLE}"),  # noqa: S608
}


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def step() -> FollowUpStep:
    follow_up = make_follow_up(
        make_pilot(make_batch(), make_province()), (Move.SIGN, date(2026, 6, 2)), (Move.EXTEND, date(2026, 6, 3))
    )
    return follow_up.steps.get(seq=3)


def rows() -> list[dict[str, object]]:
    return list(FollowUpStep.objects.order_by("pk").values())


@pytest.mark.parametrize("write", REFUSED)
def test_no_row_is_changed_or_deleted(step: FollowUpStep, write: str) -> None:
    before = rows()
    step.remark = "other"
    with pytest.raises(IntegrityError, match="only ever added"), transaction.atomic():
        REFUSED[write](step)
    assert (rows(), len(before)) == (before, 3)


def test_statements_that_meet_no_row_pass(step: FollowUpStep) -> None:
    assert FollowUpStep.objects.filter(seq=9).update(remark="x") == 0
    execute(f"DELETE FROM {TABLE} WHERE seq = 9")  # noqa: S608
    assert len(rows()) == 3


def test_triggers_stand_after_migrate_and_not_during_one(step: FollowUpStep) -> None:
    drop_triggers()
    assert FollowUpStep.objects.update(remark="converted") == 3
    create_triggers()
    create_triggers()  # again: nothing is left to make
    with pytest.raises(IntegrityError), transaction.atomic():
        FollowUpStep.objects.update(remark="other")


def test_restoring_a_version_says_that_none_is(step: FollowUpStep) -> None:
    entry = step.history.get()
    with pytest.raises(RevertRejected) as caught:
        revert_to(entry, opened=str(entry.pk))
    texts = [item.text for item in caught.value.obstacles]
    assert texts == ["The record says all of this already. There is nothing to restore."]
    FollowUpStep.history.filter(pk=entry.pk).update(remark="other")
    with pytest.raises(RevertRejected) as caught:
        revert_to(FollowUpStep.history.get(pk=entry.pk), opened=str(entry.pk))
    assert [item.text for item in caught.value.obstacles] == [str(APPEND_ONLY_MESSAGE)]


@pytest.mark.django_db(transaction=True)
def test_flush_empties_the_table_and_keeps_the_triggers(step: FollowUpStep) -> None:
    call_command("flush", interactive=False, verbosity=0, stdout=StringIO())
    assert (FollowUpStep.objects.count(), FollowUp.objects.count()) == (0, 0)
    again = make_follow_up(make_pilot(make_batch(), make_province()))
    with pytest.raises(IntegrityError), transaction.atomic():
        again.steps.update(remark="other")


def test_the_only_row_of_a_record_may_be_deleted_and_none_of_several(step: FollowUpStep) -> None:
    for rows_to_delete in (FollowUpStep.objects.filter(pk=step.pk), FollowUpStep.objects.all()):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows_to_delete._raw_delete("default")
    alone = make_follow_up(make_pilot(make_batch(), make_province()))
    execute(f"DELETE FROM {TABLE} WHERE follow_up_id = {alone.pk}")  # noqa: S608
    assert (alone.steps.count(), len(rows())) == (0, 3)
