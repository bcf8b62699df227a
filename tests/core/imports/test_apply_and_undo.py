"""Confirming and undoing imports: atomic, once, recorded in histories, and exact."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import count
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.test import Client
from django.urls import reverse

from core.imports.models import Import, ImportState
from core.records.writing import Conflict
from pilots.models import Milestone, Pilot
from tests import factories as make
from tests.support.imports import (
    checked_import,
    confirm_import,
    history_counts,
    run_import,
    table_checksums,
    undo_import,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
FILES: dict[str, tuple[list[Any], ...]] = {
    "pilots": (
        ["slug", "name_zh", "kind", "batch", "province", "parent", "industries", "sources"],
        ["p", "甲市改", "city", "first", "jia", None, "cement", None],
        ["q", "高新区", "park", "first", "jia", "r", "steel；cement", "源0"],
        ["r", "乙市", "city", "first", "jia", None, None, "源1"],
    ),
    "stages": (
        ["pilot", "stage", "entered_on", "evidence", "sources"],
        ["p", "listed", "2024-01-15", "公告", "源0"],
        ["p", "tasked", "2024-03-02", None, None],
        ["p", "plan_draft", "2024-05-01", None, "源1、源2"],
    ),
    "milestones": (
        ["pilot", "title_zh", "facet", "planned_on", "completed_on", "evidence", "sources"],
        ["p", "建成", "project", "2025-01-01", "2025-02-01", "验收报告", "源0"],
        ["p", "投产", "project", "2025-06-01", None, None, None],
    ),
    "targets": (
        ["pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value", "steps", "sources"],
        ["p", "AIR_A", "reach", 2023, 100, 2026, 50, "2024: 90; 2025: 85", "源0"],
        ["p", "AIR_B", "reach", 2023, 10, 2026, 5, "2024: 9", "源1"],
    ),
    "readings": (
        ["pilot", "indicator", "period", "value", "version", "reported_on", "note_en", "sources"],
        ["p", "AIR_A", "2023", 101, 1, "2024-03-01", "更正", "源0"],
        ["p", "AIR_A", "2024", 99, None, "2025-03-01", None, "源1；源2"],
        ["p", "AIR_B", "2024", 9, None, "2025-03-01", None, None],
    ),
}
WRITES = {
    "pilots": [("pilots.pilot", "+")] * 2 + [("pilots.pilot", "~")],
    "stages": [("pilots.stageentry", "+")] * 2 + [("pilots.stageentry", "~")],
    "milestones": [("pilots.completion", "+"), ("pilots.milestone", "+"), ("pilots.milestone", "~")],
    "targets": [
        ("pilots.target", "+"),
        ("pilots.target", "~"),
    ],
    "readings": [("pilots.reading", "+")] * 3,
}
EVERY_KIND = pytest.mark.parametrize("kind", list(FILES))


def checked_file(kind: str, by: Any = None) -> Import:
    if kind in {"targets", "readings"}:
        make.indicator("AIR_B")
    return checked_import(kind, *FILES[kind], by=by)


def stored_import(record: Import) -> list[tuple[str, str]]:
    return sorted(record.changes.values_list("model", "action"))


# -- confirming ------------------------------------------------------------------------------------------


@EVERY_KIND
def test_what_is_written_and_undone_exactly(world: dict[str, Any], kind: str) -> None:
    """One entry for each record written, by whom and why, and a change of the import that leads to it.

    Undone, every table is as it was, the keys of list rows and steps included; the histories tell of both ways.
    """
    user = User.objects.create(username="li", is_superuser=True)
    record = checked_file(kind, user)
    before, tables = history_counts(), table_checksums()
    done = confirm_import(record, by=user, reason="年报" * 200)
    assert (done.state, done.confirmed_by, done.reason) == (ImportState.CONFIRMED, user, ("年报" * 200)[:300])
    assert stored_import(record) == sorted(WRITES[kind])
    new = {name: count - before.get(name, 0) for name, count in history_counts().items() if count != before.get(name)}
    assert sum(new.values()) == len(WRITES[kind])
    for change in record.changes.all():
        model: Any = apps.get_model(change.model)
        entry = model.history.get(history_id=change.entry_id)
        assert (entry.id, entry.history_type) == (change.record_id, change.action)
        assert (entry.history_user, entry.history_change_reason) == (user, "年报" * 200)
        current = model.objects.filter(pk=change.record_id).first()
        assert (current is None) == (change.action == "-")
        if current is not None:
            assert all(getattr(entry, f.attname) == getattr(current, f.attname) for f in model._meta.concrete_fields)
            for field in entry._history_m2m_fields:
                kept = {getattr(row, field.m2m_reverse_name()) for row in getattr(entry, field.name).all()}
                assert kept == set(getattr(current, field.name).values_list("pk", flat=True))
    for _time in range(2):  # it is done once
        done = undo_import(record, by=user, reason="wrong file")
        assert (done.state, done.undone_by, done.undo_reason) == (ImportState.UNDONE, user, "wrong file")
        assert table_checksums() == tables
        assert sum(history_counts().values()) - sum(before.values()) == 2 * len(WRITES[kind])
    with pytest.raises(Conflict, match="not ready to be confirmed"):
        confirm_import(record)


class Broken(Exception):
    pass


@contextmanager
def broken_at(moment: int) -> Iterator[None]:
    """Let the statement fail that writes after so many others."""
    written: list[str] = []

    def execute(run: Callable[..., Any], sql: str, *args: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            if len(written) == moment:
                raise Broken
            written.append(sql)
        return run(sql, *args)

    with connection.execute_wrapper(execute):
        yield


@pytest.mark.parametrize("kind", ["pilots", "targets"])
def test_whatever_breaks_every_table_is_as_it_was(world: dict[str, Any], kind: str) -> None:
    """At each statement that writes; afterwards it can be confirmed, and undone, as if nothing had been."""
    record = checked_file(kind)
    for act in (confirm_import, undo_import):
        before = table_checksums(histories=True)
        for moment in count():
            try:
                with broken_at(moment):
                    act(record)
                break
            except Broken:
                assert table_checksums(histories=True) == before, moment
        assert moment > 5
    assert record.changes.filter(undoes=False).count() == len(WRITES[kind])


def change_list(world: dict[str, Any]) -> None:
    world["pilot"].sources.clear()


def change_without_history(world: dict[str, Any]) -> None:
    Pilot.objects.filter(slug="p").update(note_en="by hand")


def delete_it(world: dict[str, Any]) -> None:
    for related in (world["target"], world["stage"], world["milestone"], world["reading"]):
        related.delete()
    world["pilot"].delete()


def enter_the_same(world: dict[str, Any]) -> None:
    make.pilot(world["pilot"].batch, world["pilot"].province, slug="q", name_zh="高新区")


@pytest.mark.parametrize(
    "happens", [change_list, change_without_history, delete_it, enter_the_same], ids=lambda f: f.__name__
)
def test_rejected_when_a_record_changed_since(world: dict[str, Any], happens: Any) -> None:
    """A list alone, also what left no history; with nothing written."""
    record = checked_file("pilots")
    happens(world)
    before = table_checksums(histories=True)
    with pytest.raises(Conflict) as caught:
        confirm_import(record)
    assert caught.value.messages != []
    assert all(line.startswith("Row ") for line in caught.value.messages)
    assert table_checksums(histories=True) == before


def test_a_code_taken_in_the_very_moment(world: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the last look and the writing the database decides."""
    record = checked_file("pilots")
    before = table_checksums(histories=True)

    def late(*_args: Any, **_options: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr(Pilot, "save", late)
    with pytest.raises(Conflict, match="Another user entered a record with the same code"):
        confirm_import(record)
    assert table_checksums(histories=True) == before


# -- undoing ---------------------------------------------------------------------------------------------


def undo_errors(record: Import) -> list[str]:
    """Return the errors of a rejected undo, and assert that nothing changed."""
    before = table_checksums(histories=True)
    with pytest.raises(Conflict) as caught:
        undo_import(record)
    assert table_checksums(histories=True) == before
    assert Import.objects.get(pk=record.pk).state == ImportState.CONFIRMED
    return caught.value.messages


def test_undo_is_rejected_with_all_that_changed_since(world: dict[str, Any]) -> None:
    user = User.objects.create(username="wang")
    record = confirm_import(checked_file("pilots"))
    for slug in ("p", "q"):
        pilot = Pilot.objects.get(slug=slug)
        pilot._history_user = user
        pilot.save()
    Pilot.objects.get(slug="r").industries.add(*Pilot.objects.get(slug="q").industries.all())
    assert sorted(line.rpartition(" on ")[0] for line in undo_errors(record)) == sorted(
        [
            f"Pilot: “{Pilot.objects.get(slug='p')}” was changed by wang",
            "Pilot: “高新区” was changed by wang",
            "Pilot: “乙市” was changed by the system",
        ]
    )


def test_undo_is_rejected_when_a_record_was_deleted_since(world: dict[str, Any]) -> None:
    record = confirm_import(checked_file("milestones"))
    Milestone.objects.get(title_zh="投产").delete()
    (line,) = undo_errors(record)
    assert line.startswith("Milestone: “投产” was deleted by the system on ")


def test_undo_is_rejected_when_what_it_created_is_needed(world: dict[str, Any]) -> None:
    """By a record entered since; not by one that the undo sets back as well."""
    record = confirm_import(checked_file("pilots"))
    make.milestone(Pilot.objects.get(slug="r"), date(2025, 1, 1), title_en="Needs it")
    assert undo_errors(record) == ["Milestone: “Needs it” was entered since and needs what the import created."]
    Milestone.objects.get(title_en="Needs it").delete()
    assert undo_import(record).state == ImportState.UNDONE


ACCEPTED = ["pilot", "indicator", "period", "value", "reported_on", "state", "accepted_on"]


def test_undo_is_rejected_where_a_value_has_fed_numbers(world: dict[str, Any]) -> None:
    """Those that it entered as accepted, on the same day too, and those that it accepted: nothing is half undone."""
    waits = make.reading(world["pilot"], world["indicator"], "2022", 120, accepted_on=None)
    row = ["p", "AIR_A", "2024", 99, "2025-03-01", "accepted", "2025-03-02"]
    fed = "Reading: “%s”. It has fed numbers; enter a correction instead."
    name = f"{world['pilot']}: {world['indicator']} %s"
    record = run_import("readings", ACCEPTED, row, ["p", "AIR_A", "2025", 98, "2026-03-01", "reported", None])
    assert undo_errors(record) == [fed % (name % "2024: 99")]
    record = run_import("readings", ["id", "accepted_on"], [waits.pk, "2026-03-02"])
    assert undo_errors(record) == [fed % (name % "2022: 120")]
    client = Client()
    client.force_login(User.objects.create(username="boss", is_superuser=True, is_staff=True))
    page = client.post(reverse("import-undo", args=[record.pk]))
    assert (page.status_code, page.context["what"]) == (409, [fed % (name % "2022: 120")])


def test_undo_of_another_note_of_an_accepted_value_turns_it_back(world: dict[str, Any]) -> None:
    accepted = world["reading"]
    assert accepted.accepted_on is not None
    before = table_checksums()
    record = run_import("readings", ["id", "note_en"], [accepted.pk, "Checked"])
    assert table_checksums() != before
    undo_import(record)
    assert table_checksums() == before


def test_undo_is_rejected_when_an_old_code_is_taken(world: dict[str, Any]) -> None:
    record = run_import("pilots", ["id", "slug"], [world["pilot"].pk, "renamed"])
    make.pilot(world["pilot"].batch, world["pilot"].province, slug="p", name_en="Other")
    assert undo_errors(record) == [
        "Pilot: “Other” was entered since and holds what a record of the import held before."
    ]
