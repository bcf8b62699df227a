"""The journal: the rows that a database of before gets from its histories are those that would have been written."""

from datetime import date
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from core.history.models import ChangeEvent
from core.history.recording import write_history_entries
from core.imports.models import Import
from pilots.models import Milestone, Pilot
from tests.core.history.test_change_feed import RandomEditor
from tests.factories import make_batch, make_milestone, make_pilot, make_province
from tests.support.api_client import empty_tables

pytestmark = [pytest.mark.django_db, pytest.mark.database]
Row = dict[str, Any]
IMPORT_CHANGES = """
CREATE TABLE policies_importchange AS SELECT import_record_id, model, entry_id FROM config_change
WHERE import_record_id IS NOT NULL AND NOT undoes
"""  # a table of then


def journal(*left_out: str) -> list[Row]:
    rows: list[Row] = list(ChangeEvent.objects.order_by("model", "entry_id").values())
    return [{name: value for name, value in row.items() if name not in left_out} for row in rows]


def fill_in() -> None:
    migration = import_module("core.migrations.0009_journal")
    gone = "pilots.targetstep"  # which a later migration merges
    migration.MODELS.pop(gone, None)
    migration.fill_in(apps, SimpleNamespace(connection=connection))


def forget_columns() -> None:
    """Leave of the journal what a database of before has of it: the reason of an undone import was in its histories."""
    with connection.cursor() as cursor:
        cursor.execute(IMPORT_CHANGES)
    for change in ChangeEvent.objects.filter(undoes=True):
        undone, between = ("撤销导入{}", "：") if change.pk % 2 else ("Import {} undone", ": ")
        reason = undone.format(change.import_record_id) + (between + change.reason if change.reason else "")
        history = apps.get_model(change.model).history  # type: ignore[attr-defined]
        history.filter(pk=change.entry_id).update(history_change_reason=reason)
    empty = {"record_id": 0, "action": "", "at": "1970-01-01T00:00Z", "reason": "", "key": "", "former_key": ""}
    links = dict.fromkeys(("user", "owner_id", "province_id", "import_record"))
    ChangeEvent.objects.update(**empty, **links, owner_model="", undoes=False)


@pytest.fixture
def edited() -> None:
    """Records of every kind, edited, imported, undone, deleted and restored in every way."""
    empty_tables()
    editor = RandomEditor(3)
    for _ in range(60):
        editor.act()
    editor.bring_in()
    editor.take_out()
    assert ChangeEvent.objects.filter(undoes=True).exists()
    assert ChangeEvent.objects.exclude(former_key="").exists()


def test_rows_of_before_are_filled_in_as_they_would_have_been_written(edited: None) -> None:
    written = journal()
    forget_columns()
    ChangeEvent.objects.create(transaction=0, model="pilots.pilot", entry_id=10**9, record_id=0, at="1970-01-01T00:00Z")
    for _ in range(2):  # running it again changes nothing
        fill_in()
        assert journal() == written


def test_entries_without_a_row_get_one_at_the_beginning(edited: None) -> None:
    written = journal("id", "transaction", "undoes", "import_record_id", "reason")
    forget_columns()
    ChangeEvent.objects.all().delete()
    fill_in()
    assert journal("id", "transaction", "undoes", "import_record_id", "reason") == written
    assert set(ChangeEvent.objects.values_list("transaction", flat=True)) == {0}


def test_a_reason_is_left_alone_where_no_such_import_is_on_record(edited: None) -> None:
    pilot = Pilot.objects.earliest("pk")
    number = Import.objects.latest("pk").pk + 1
    write_history_entries([pilot], "~", by=None, reason=f"Import {number} undone")
    entry = pilot.history.latest("history_id").pk
    forget_columns()
    fill_in()
    change = ChangeEvent.objects.get(model="pilots.pilot", entry_id=entry)
    assert (change.reason, change.undoes, change.import_record) == (f"Import {number} undone", False, None)


def test_a_change_belongs_to_the_province_in_which_its_pilot_lay_then() -> None:
    before, after = make_province(), make_province()
    pilot = make_pilot(make_batch(), before)
    milestone = make_milestone(pilot, date(2025, 5, 1))
    pilot.province = after
    pilot.save()
    milestone.save()
    rows = ChangeEvent.objects.filter(model=Milestone._meta.label_lower, record_id=milestone.pk).order_by("pk")
    assert [row.province_id for row in rows] == [before.pk, after.pk]
    assert {(row.owner_model, row.owner_id) for row in rows} == {("pilots.pilot", pilot.pk)}
