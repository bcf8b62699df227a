"""Upgrade of a database of release 1.0.0 to the model of promises: what users left in it, and a pilot filled here with
what they did not think of, in rows and histories; refused, killed in between, and run again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import override_settings
from django.utils import timezone

from core.backup.databases import KINDS
from tests.support.databases import Database, own_database, restore_former_database

pytestmark = [pytest.mark.django_db, pytest.mark.process, pytest.mark.database]
MODULE = "pilots.migrations.0006_promises"
FORMER = [("pilots", "0001_initial"), ("policies", "0001_initial"), ("core", "0001_initial")]
NOW = ("~", None, "model of 1.0.0")  # the system's own entry
EDITOR, CHIEF = 3, 6  # users of the former database


def former_settings(home: Path) -> override_settings:
    """With migrations, which the suite leaves out, and a folder for the files that they write."""
    return override_settings(VAR_DIR=home, MIGRATION_MODULES={})


@contextmanager
def opened(database: Database) -> Iterator[MigrationExecutor]:
    """Context manager: models and commands of this process work on the database."""
    with KINDS[connection.vendor](database.connection.settings_dict).configured() as held:
        yield MigrationExecutor(held)


def migrate(database: Database) -> None:
    with opened(database):
        call_command("migrate", interactive=False, verbosity=0)


@dataclass
class Filled:
    """The former database with a pilot of its own: its models, and the keys of records by what they are called."""

    database: Database
    apps: Any
    keys: dict[str, int]

    def rows(self, name: str) -> Any:
        app, _dot, model = name.rpartition(".")
        return self.apps.get_model(app or "pilots", model).objects

    def write(self, name: str, model: str, *versions: tuple[str, int | None, dict[str, Any]], **values: Any) -> int:
        """Write a record with one entry of its history a version: on a day, by a user, with these values besides those
        of before. None in the place of the values: it was deleted.
        """
        record = None
        for number, (day, user, changes) in enumerate(versions):
            deleted, values = changes is None, values | (changes or {})
            if record is None:
                record = self.rows(model).create(**values)
            for field, value in values.items():
                setattr(record, field, value)
            if not deleted:
                record.save()
            now = {field.attname: getattr(record, field.attname) for field in record._meta.concrete_fields}
            entry = self.rows(f"Historical{model}").create(
                **now,
                history_date=at(day),
                history_user_id=user,
                history_type="-" if deleted else "~" if number else "+",
            )
            self.rows("core.ChangeEvent").create(
                transaction=0,
                model=f"pilots.{model.lower()}",
                record_id=record.pk,
                entry_id=entry.pk,
                user_id=user,
                action=entry.history_type,
                at=entry.history_date,
                key=record.pk,
                owner_model="pilots.pilot",
                owner_id=now["pilot_id"],
                province_id=33,
            )
        assert record
        key = self.keys[name] = record.pk
        if deleted:
            self.rows(model).filter(pk=key).delete()
        return int(key)

    def history(self, model: str, key: int, *names: str) -> list[tuple[Any, ...]]:
        """The entries of a record: sign, local date, user, and these values."""
        entries = self.rows(f"Historical{model}").filter(id=key).order_by("history_id")
        assert [*told(self, model, key)] == [(entry.pk, entry.history_type) for entry in entries]
        return [(e.history_type, day_of(e), e.history_user_id, *(getattr(e, name) for name in names)) for e in entries]

    def row(self, model: str, key: int, *names: str) -> tuple[Any, ...]:
        return tuple(self.rows(model).filter(pk=key).values_list(*names).get())


def told(filled: Filled, model: str, key: int) -> Any:
    events = filled.rows("core.ChangeEvent").filter(model=f"pilots.{model.lower()}", record_id=key, entry_id__gt=0)
    return events.order_by("pk").values_list("entry_id", "action")


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(hour=2, tzinfo=UTC)  # ten o'clock in Shanghai


def day_of(entry: Any) -> str:
    """The local date of an entry; empty for one of the upgrade."""
    return "" if entry.history_change_reason == NOW[2] else str(timezone.localdate(entry.history_date))


def fill(filled: Filled) -> None:
    """Write what users of 1.0.0 could write, all of a pilot whose term starts on 1 January 2025."""
    pilots = filled.rows("Pilot")
    batch = filled.rows("Batch").get(slug="zhejiang-2025")
    values = {"kind": "park", "batch": batch, "province_id": batch.province_id}
    pilot = filled.keys["pilot"] = pilots.create(slug="filled", name_zh="满园", **values).pk
    left = filled.keys["left"] = pilots.create(slug="gone", name_zh="离园", note_en="A park.", **values).pk
    indicators = [item.pk for item in filled.rows("Indicator").order_by("pk")[:12]]
    write = filled.write

    def text(name: str, place: int, *versions: Any, **values: Any) -> int:
        common = {"pilot_id": pilot, "indicator_id": indicators[place], "kind": "text", "target_year": 2025}
        return write(name, "Target", *versions, **common | {"target_text_en": name.title(), **values})

    done = [("2025-02-01", EDITOR, {}), ("2026-02-20", CHIEF, {"done_on": date(2025, 12, 30)})]
    text("done", 0, *done, ("2026-02-21", CHIEF, {"note_en": "Seen on site."}), binding=True)
    source = filled.rows("policies.Source").order_by("pk").first().pk
    filled.keys["source"] = source
    filled.rows("Target").get(pk=filled.keys["done"]).sources.set([source])
    text("open", 1, ("2025-02-01", EDITOR, {}), target_year=2026)
    text("deleted", 2, ("2025-02-01", EDITOR, {"done_on": date(2025, 3, 1)}), ("2025-04-01", EDITOR, None))
    number = {"kind": "reach", "target_value": 5, "target_text_en": ""}
    text("measured", 3, ("2025-02-01", EDITOR, {}), ("2025-03-01", CHIEF, number))
    words = ("2025-03-01", CHIEF, {"kind": "text", "target_text_en": "In words"})
    text("in words", 4, ("2025-02-01", EDITOR, number), words)

    def stage(name: str, stage: str, *versions: Any, **values: Any) -> int:
        return write(name, "StageEntry", *versions, **{"pilot_id": pilot, "stage": stage, **values})

    def days(planned: str | None, entered: str | None = None) -> dict[str, Any]:
        return {
            "planned_on": planned and date.fromisoformat(planned),
            "entered_on": entered and date.fromisoformat(entered),
        }

    stage("early", "recommended", ("2025-02-01", EDITOR, days("2024-06-30", "2024-07-05")))
    stage("listed", "listed", ("2025-02-01", EDITOR, days(None, "2025-01-20")))
    passed = {"note_en": "As the plan says.", "evidence": "Minutes"}
    stage("passed over", "plan_draft", ("2025-02-01", EDITOR, days("2025-02-28")), **passed)
    entered = days("2025-03-31", "2025-04-10")
    stage("late", "plan_issued", ("2025-02-01", EDITOR, days("2025-03-31")), ("2025-04-11", EDITOR, entered))
    stage("begun", "implementing", ("2025-06-01", EDITOR, days(None, "2025-06-01")))
    stage("order", "rectifying", ("2025-09-01", EDITOR, days(None, "2025-09-01")))
    stage("return", "implementing", ("2025-09-02", EDITOR, days("2026-03-31")))
    stage("waiting", "midterm", ("2025-02-01", EDITOR, days("2026-06-30")), ("2025-02-02", EDITOR, days("2026-07-31")))
    stage("given up", "final_eval", ("2025-02-01", EDITOR, days("2026-10-31")), ("2025-02-03", EDITOR, None))
    stage("side", "rectifying", ("2025-02-01", EDITOR, days("2026-11-30")))
    stage(
        "withdrawn", "withdrawn", ("2026-05-01", EDITOR, days(None, "2026-04-30")), pilot_id=left, evidence="Letter 7"
    )
    stage("not the last", "withdrawn", ("2025-02-01", EDITOR, days(None, "2025-01-02")), evidence="A mistake")

    def replan(name: str, entry: str, day: str, accepted: bool | None, decided: str | None, **more: Any) -> int:
        values: dict[str, Any] = {"asked_on": date(2025, 3, 1), "decided_on": decided and date.fromisoformat(decided)}
        values |= {"reason_en": "Late", "accepted": accepted, "day": date.fromisoformat(day), **more}
        key = filled.keys[entry]
        return write(name, "Replan", ("2025-03-01", EDITOR, {}), pilot_id=pilot, stage_entry_id=key, **values)

    replan("accepted", "late", "2025-05-31", True, "2025-03-05")
    replan("refused", "waiting", "2026-12-31", False, "2025-03-05", remark="No")
    replan("asked", "waiting", "2026-11-30", None, None)
    replan("of a side stage", "side", "2026-12-30", None, None)
    document = filled.rows("Document").order_by("pk").first()
    filled.keys["document"] = document.pk
    for name in ("passed over", "withdrawn"):
        values = {"document": document, "stage_entry_id": filled.keys[name], "province_id": None}
        filled.keys[f"file of {name}"] = filled.rows("Attachment").create(**values).pk

    def milestone(name: str, *versions: Any) -> int:
        return write(
            name, "Milestone", *versions, pilot_id=pilot, title_zh=name, facet="path", planned_on=date(2025, 6, 30)
        )

    first, proof = {"completed_on": date(2025, 5, 2)}, {"evidence": "No. 5"}
    empty = {"completed_on": None, "evidence": ""}
    started: Any = ("2025-02-01", EDITOR, {})
    corrected = {"completed_on": date(2025, 5, 20), "evidence": "No. 6"}
    milestone(
        "twice",
        started,
        ("2025-05-03", EDITOR, first),
        ("2025-05-04", EDITOR, proof),
        ("2025-05-05", CHIEF, empty),
        ("2025-07-01", CHIEF, corrected),
    )
    milestone("ended", started, ("2025-05-03", EDITOR, first), ("2025-05-04", EDITOR, None))
    milestone("proof alone", ("2025-02-01", EDITOR, proof))

    def reading(name: str, period: str, *versions: Any, **values: Any) -> int:
        common = {"pilot_id": pilot, "indicator_id": indicators[5], "period": period, "value": 7, "version": 1}
        return write(name, "Reading", *versions, **common | {"reported_on": date(2025, 3, 1), **values})

    accepted = {"state": "accepted", "accepted_on": date(2025, 3, 10)}
    handed_in: Any = ("2025-03-01", EDITOR, {})
    read = ("2025-03-10", CHIEF, accepted)
    objected, again = ("2025-03-20", CHIEF, {"state": "disputed"}), ("2025-04-02", CHIEF, {"state": "accepted"})
    reading("returned", "2020", handed_in, objected, ("2025-03-21", EDITOR, {"note_en": "Asked"}))
    reading("disputed", "2021", handed_in, read, objected, ("2025-03-25", CHIEF, {"note_en": "Asked"}))
    reading("again", "2022", handed_in, read, objected, again)
    reading("followed", "2023", handed_in, read, objected, again)
    reading("after it", "2023", ("2025-05-01", EDITOR, {}), version=2)
    reading("withheld", "2024", handed_in, read, ("2025-03-20", CHIEF, {"state": "reported"}))

    def follow_up(number: str, indicator: int) -> None:
        values = {
            "number": number,
            "title_zh": number,
            "pilot_id": pilot,
            "province_id": 33,
            "opened_on": date(2025, 5, 1),
        }
        values |= {"due_on": date(2025, 6, 1), "owner_agency": filled.rows("policies.Agency").order_by("pk").first()}
        values |= {"cause": "indicator", "cause_indicator_id": indicators[indicator], "cause_reason_en": "Kept"}
        record = filled.rows("FollowUp").create(**values)
        now = {field.attname: getattr(record, field.attname) for field in record._meta.concrete_fields}
        filled.rows("HistoricalFollowUp").create(**now, history_date=at("2025-05-01"), history_type="+")
        filled.keys[number] = record.pk

    follow_up("2025-101", 3)  # of a target
    follow_up("2025-102", 0)  # of a task in words
    follow_up("2025-103", 9)  # of a target that is gone
    filled.keys["indicator"] = indicators[0]


def counts(database: Database) -> dict[str, int]:
    held = database.connection
    with held.cursor() as cursor:
        tables = held.introspection.table_names(cursor)
    return {
        table: database.run(f'SELECT count(*) FROM "{table}"')[0][0]  # noqa: S608  # names only
        for table in tables
        if table.startswith(("pilots_", "core_changeevent", "core_import", "core_seed"))
    }


def triggers(database: Database) -> int:
    sql = {
        "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal",
    }
    return int(database.run(sql[connection.vendor])[0][0])


KILLED = ["date_readings", "convert_stages", "convert_imports"]
"""Steps of the migration at whose end it is killed, one after the other, before it may run through."""


@pytest.fixture(scope="module")
def filled(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Filled]:
    """The former database, filled, and migrated after several attempts that were killed."""
    home = tmp_path_factory.mktemp("filled")
    with django_db_blocker.unblock(), former_settings(home), own_database(home) as database:
        restore_former_database(database, home)
        with opened(database) as executor:
            former = Filled(database, executor.loader.project_state(FORMER).apps, {})
            fill(former)
        held = None
        for step in KILLED:
            with pytest.MonkeyPatch.context() as patch:
                kill_after(patch, step)
                with pytest.raises(InterruptedError):
                    migrate(database)
            held = held or counts(database)
            assert counts(database) == held, step
            assert database.run("SELECT name FROM django_migrations WHERE name = '0006_promises'") == []
        migrate(database)
        with opened(database) as executor:
            yield Filled(database, executor.loader.project_state().apps, former.keys)


def kill_after(patch: pytest.MonkeyPatch, step: str) -> None:
    upgrade: Any = import_module(MODULE).Upgrade
    former = getattr(upgrade, step)

    def killed(self: Any) -> None:
        former(self)
        raise InterruptedError(step)

    patch.setattr(upgrade, step, killed)


# -- before ------------------------------------------------------------------------------------------------


def test_batches_without_a_policy_stop_it_before_anything_is_changed(tmp_path: Path) -> None:
    with former_settings(tmp_path), own_database(tmp_path) as database:
        restore_former_database(database, tmp_path, policies=False)
        before = counts(database), triggers(database), database.run("SELECT count(*) FROM django_migrations")
        with pytest.raises(
            CommandError, match=r"no policy, .*: zhejiang-2025 \(.+\)\. Every batch .*Nothing was changed"
        ):
            migrate(database)
        after = counts(database), triggers(database), database.run("SELECT count(*) FROM django_migrations")
        assert after == before


# -- batches -----------------------------------------------------------------------------------------------


def test_batches_with_accepted_values_are_asked_from_this_year_on(filled: Filled) -> None:
    year = timezone.localdate().year
    rows = dict(filled.rows("Batch").values_list("slug", "asked_from"))
    assert rows == {"national-batch-1": year, "zhejiang-all": year, "shandong-batch-1": None, "zhejiang-2025": year}
    past = filled.rows("HistoricalBatch").values_list("slug", "asked_from", "report_due").distinct()
    assert set(past) == {(slug, asked, "03-31") for slug, asked in rows.items()}


# -- tasks in words ----------------------------------------------------------------------------------------


def test_a_task_in_words_is_a_milestone_with_its_history(filled: Filled) -> None:
    key = the_milestone(filled, title_en="Done")
    names = ("facet", "planned_on", "is_key", "stage", "indicator_id", "promised_on", "note_en")
    assert filled.row("Milestone", key, *names) == (
        "goal",
        date(2025, 12, 31),
        True,
        "",
        filled.keys["indicator"],
        date(2025, 1, 1),
        "Seen on site.",
    )
    milestone = filled.rows("Milestone").get(pk=key)
    assert list(milestone.sources.values_list("pk", flat=True)) == [filled.keys["source"]]
    assert filled.history("Milestone", key, "note_en", "is_key") == [
        ("+", "2025-02-01", EDITOR, "", True),
        ("~", "2026-02-21", CHIEF, "Seen on site.", True),
        ("~", "", None, "Seen on site.", True),
    ]
    [completion] = filled.rows("Completion").filter(milestone_id=key)
    assert (completion.completed_on, completion.entered_on, completion.entered_by_id, completion.evidence) == (
        date(2025, 12, 30),
        date(2026, 2, 20),
        CHIEF,
        "",
    )
    assert filled.history("Completion", completion.pk, "entered_on") == [
        ("+", "2026-02-20", CHIEF, date(2026, 2, 20)),
        ("~", "", None, date(2026, 2, 20)),
    ]
    assert filled.rows("HistoricalTarget").filter(id=filled.keys["done"]).count() == 0
    event = filled.rows("core.ChangeEvent").get(model="pilots.target", record_id=filled.keys["done"])
    assert (event.action, event.user_id, event.reason) == ("-", None, "model of 1.0.0")


def the_milestone(filled: Filled, **values: Any) -> int:
    return int(filled.rows("Milestone").get(pilot_id=filled.keys["pilot"], **values).pk)


def test_an_open_task_has_no_completion_and_a_deleted_one_is_in_the_history_alone(filled: Filled) -> None:
    key = the_milestone(filled, title_en="Open")
    assert filled.row("Milestone", key, "planned_on", "is_key") == (date(2026, 12, 31), False)
    assert not filled.rows("HistoricalCompletion").filter(milestone_id=key).exists()
    gone = filled.rows("HistoricalMilestone").filter(title_en="Deleted").values_list("id", flat=True).first()
    assert not filled.rows("Milestone").filter(pk=gone).exists()
    assert filled.history("Milestone", gone) == [("+", "2025-02-01", EDITOR), ("-", "2025-04-01", EDITOR)]
    completion = filled.rows("HistoricalCompletion").filter(milestone_id=gone).values_list("id", flat=True).first()
    assert filled.history("Completion", completion, "completed_on") == [
        ("+", "2025-02-01", EDITOR, date(2025, 3, 1)),
        ("-", "2025-04-01", EDITOR, date(2025, 3, 1)),
    ]


def test_the_history_of_a_target_that_changed_its_kind_is_shared(filled: Filled) -> None:
    key = filled.keys["measured"]
    assert filled.row("Target", key, "kind", "promised_on") == ("reach", date(2025, 1, 1))
    assert filled.history("Target", key, "kind") == [("+", "2025-03-01", CHIEF, "reach")]
    former = filled.rows("HistoricalMilestone").filter(title_en="Measured").values_list("id", flat=True).first()
    assert filled.history("Milestone", former) == [("+", "2025-02-01", EDITOR), ("-", "2025-03-01", CHIEF)]
    now = the_milestone(filled, title_en="In words")
    assert filled.history("Milestone", now) == [("+", "2025-03-01", CHIEF), ("~", "", None)]
    assert filled.history("Target", filled.keys["in words"], "kind") == [
        ("+", "2025-02-01", EDITOR, "reach"),
        ("-", "2025-03-01", CHIEF, "reach"),
    ]


def test_shipped_tasks_are_gone_unless_somebody_touched_them(filled: Filled) -> None:
    shipments = filled.rows("core.SeedRecord").filter(kind="targets")
    assert {tuple(sorted(item.values)) for item in shipments} & {("target_text_en",)} == set()
    assert not any("target_text_zh" in item.values for item in shipments)
    assert (
        sorted(key for key in shipments.values_list("key", flat=True) if "xian" in key or "weifang" in key) == SHIPPED
    )
    assert filled.rows("Milestone").filter(title_zh__startswith="实施66个").count() == 1  # edited
    assert not filled.rows("Milestone").filter(title_zh__startswith="煤炭消费量比2020年下降").exists()


SHIPPED = [
    "weifang|ENV_PM25|limit|2024",
    "weifang|STR_HITECH|reach|2025",
    "xian|ENE_NFF|reach|2026",
    "xian|OUT_PROJ|reach|2026",
]


# -- stages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "planned", "promised"),
    [
        pytest.param("recommended", date(2024, 6, 30), date(2024, 6, 30), id="planned before the term"),
        pytest.param("plan_draft", date(2025, 2, 28), date(2025, 1, 1), id="passed over"),
        pytest.param("plan_issued", date(2025, 3, 31), date(2025, 1, 1), id="entered"),
        pytest.param("implementing", date(2026, 3, 31), date(2025, 6, 2), id="a return after rectifying"),
        pytest.param("midterm", date(2026, 7, 31), date(2025, 1, 1), id="waiting"),
    ],
)
def test_a_planned_stage_is_a_key_milestone(filled: Filled, stage: str, planned: date, promised: date) -> None:
    names = ("planned_on", "promised_on", "is_key", "facet")
    assert filled.row("Milestone", the_milestone(filled, stage=stage), *names) == (
        planned,
        promised,
        True,
        "management",
    )


def test_entries_that_were_only_planned_are_gone(filled: Filled) -> None:
    stages = filled.rows("StageEntry").filter(pilot_id=filled.keys["pilot"]).order_by("entered_on")
    assert list(stages.values_list("stage", "entered_on", "recorded_on")) == [
        ("recommended", date(2024, 7, 5), None),
        ("listed", date(2025, 1, 20), None),
        ("plan_issued", date(2025, 4, 10), None),
        ("implementing", date(2025, 6, 1), None),
        ("rectifying", date(2025, 9, 1), None),
    ]
    assert filled.history("StageEntry", filled.keys["late"], "entered_on") == [
        ("+", "2025-04-11", EDITOR, date(2025, 4, 10))
    ]
    assert filled.history("StageEntry", filled.keys["passed over"]) == []


def test_the_history_of_a_plan_is_that_of_its_milestone(filled: Filled) -> None:
    key = the_milestone(filled, stage="midterm")
    assert filled.history("Milestone", key, "planned_on", "title_zh") == [
        ("+", "2025-02-01", EDITOR, date(2026, 6, 30), "中期评估"),
        ("~", "2025-02-02", EDITOR, date(2026, 7, 31), "中期评估"),
        ("~", "", None, date(2026, 7, 31), "中期评估"),
    ]
    gone = filled.rows("HistoricalMilestone").filter(stage="final_eval", pilot_id=filled.keys["pilot"]).first().id
    assert filled.history("Milestone", gone) == [("+", "2025-02-01", EDITOR), ("-", "2025-02-03", EDITOR)]


def test_a_stage_that_was_passed_over_is_dropped_and_keeps_what_it_said(filled: Filled) -> None:
    key = the_milestone(filled, stage="plan_draft")
    [drop] = filled.rows("Amendment").filter(milestone_id=key)
    assert (drop.drop, drop.accepted, drop.asked_on, drop.decided_on, drop.day) == (
        True,
        True,
        date(2025, 4, 10),
        date(2025, 4, 10),
        None,
    )
    assert (drop.reason_en, drop.reason_zh) == ("as counted by version 1", "按第1版规则计")
    entries = filled.rows("HistoricalAmendment").filter(id=drop.pk).order_by("history_id")
    assert [(e.history_type, e.history_user_id, e.history_change_reason) for e in entries] == [("+", *NOW[1:]), NOW]
    assert timezone.localdate(entries[0].history_date) == date(2025, 4, 11)  # when the later stage was entered here
    assert filled.row("Milestone", key, "note_en") == ("As the plan says. Minutes",)
    assert filled.row("Attachment", filled.keys["file of passed over"], "milestone_id", "stage_entry_id") == (key, None)


def test_replans_of_stages_are_amendments_of_their_milestones(filled: Filled) -> None:
    asked = {name: filled.keys[name] for name in ("accepted", "refused", "asked")}
    stages = {name: filled.row("Amendment", key, "milestone__stage", "day", "accepted") for name, key in asked.items()}
    assert stages == {
        "accepted": ("plan_issued", date(2025, 5, 31), True),
        "refused": ("midterm", date(2026, 12, 31), False),
        "asked": ("midterm", date(2026, 11, 30), None),
    }
    milestone = the_milestone(filled, stage="midterm")
    assert filled.history("Amendment", asked["asked"], "milestone_id", "drop") == [
        ("+", "2025-03-01", EDITOR, milestone, False),
        ("~", "", None, milestone, False),
    ]
    assert not filled.rows("Amendment").filter(pk=filled.keys["of a side stage"]).exists()
    assert filled.history("Amendment", filled.keys["of a side stage"])[-1] == ("-", "", None)
    assert not filled.rows("core.ChangeEvent").filter(model="pilots.replan").exists()


def test_the_last_stage_withdrawn_is_the_day_of_withdrawal(filled: Filled) -> None:
    key = filled.keys["left"]
    names = ("withdrawn_on", "withdrawn_recorded_on", "note_en")
    assert filled.row("Pilot", key, *names) == (date(2026, 4, 30), None, "A park. Withdrawn: Letter 7")
    assert filled.history("Pilot", key, "withdrawn_on") == [("~", "", None, date(2026, 4, 30))]
    assert filled.row("Pilot", filled.keys["pilot"], "withdrawn_on") == (None,)
    assert not filled.rows("HistoricalStageEntry").filter(stage="withdrawn").exists()
    assert not filled.rows("Attachment").filter(pk=filled.keys["file of withdrawn"]).exists()
    assert filled.rows("Document").filter(pk=filled.keys["document"]).exists()


# -- completions and readings --------------------------------------------------------------------------------


def test_a_completion_has_the_history_of_its_milestone(filled: Filled) -> None:
    [completion] = filled.rows("Completion").filter(milestone_id=filled.keys["twice"])
    assert (completion.completed_on, completion.entered_on, completion.entered_by_id, completion.evidence) == (
        date(2025, 5, 20),
        date(2025, 7, 1),
        CHIEF,
        "No. 6",
    )
    names = ("completed_on", "entered_on", "entered_by_id", "evidence")
    first = (date(2025, 5, 2), date(2025, 5, 3), EDITOR)
    assert filled.history("Completion", completion.pk, *names) == [
        ("+", "2025-05-03", EDITOR, *first, ""),
        ("~", "2025-05-04", EDITOR, *first, "No. 5"),
        ("-", "2025-05-05", CHIEF, *first, "No. 5"),
        ("+", "2025-07-01", CHIEF, date(2025, 5, 20), date(2025, 7, 1), CHIEF, "No. 6"),
        ("~", "", None, date(2025, 5, 20), date(2025, 7, 1), CHIEF, "No. 6"),
    ]
    gone = filled.rows("HistoricalCompletion").filter(milestone_id=filled.keys["ended"]).values_list("id", flat=True)
    assert filled.history("Completion", gone[0]) == [("+", "2025-05-03", EDITOR), ("-", "2025-05-04", EDITOR)]


def test_evidence_of_what_is_not_completed_is_in_the_note(filled: Filled) -> None:
    key = filled.keys["proof alone"]
    assert filled.row("Milestone", key, "note_en") == ("Evidence: No. 5",)
    assert filled.history("Milestone", key, "note_en") == [
        ("+", "2025-02-01", EDITOR, ""),
        ("~", "", None, "Evidence: No. 5"),
    ]


DAYS = ("accepted_on", "returned_on", "disputed_on")
ACCEPTED = date(2025, 3, 10)
OBJECTED = date(2025, 3, 20)


@pytest.mark.parametrize(
    ("name", "versions"),
    [
        ("returned", [(None, None, None), (None, OBJECTED, None), (None, OBJECTED, None)]),
        (
            "disputed",
            [(None, None, None), (ACCEPTED, None, None), (ACCEPTED, None, OBJECTED), (ACCEPTED, None, OBJECTED)],
        ),
        ("again", [(None, None, None), (ACCEPTED, None, None), (ACCEPTED, None, OBJECTED), (ACCEPTED, None, None)]),
        ("followed", [(None, None, None), (ACCEPTED, None, None), (ACCEPTED, None, OBJECTED), (ACCEPTED, None, None)]),
        ("withheld", [(None, None, None), (ACCEPTED, None, None), (None, None, None), (None, None, None)]),
    ],
)
def test_the_days_of_a_reading_say_its_state(filled: Filled, name: str, versions: list[Any]) -> None:
    key = filled.keys[name]
    assert [tuple(entry[3:]) for entry in filled.history("Reading", key, *DAYS)] == versions
    assert filled.row("Reading", key, *DAYS) == versions[-1]


def test_a_value_that_was_accepted_again_has_a_next_version(filled: Filled) -> None:
    same = filled.rows("Reading").filter(pilot_id=filled.keys["pilot"])
    found = same.filter(period__in=["2022", "2023"]).order_by("period", "version")
    assert list(found.values_list("period", "version", "value", "accepted_on")) == [
        ("2022", 1, 7, ACCEPTED),
        ("2022", 2, 7, date(2025, 4, 2)),
        ("2023", 1, 7, ACCEPTED),
        ("2023", 2, 7, None),
    ]
    assert filled.history("Reading", found[1].pk) == [("+", "", None)]


# -- what names another model --------------------------------------------------------------------------------


def test_the_cause_of_a_follow_up_is_a_target_a_milestone_or_its_pilot(filled: Filled) -> None:
    names = ("cause", "cause_target_id", "cause_milestone_id", "cause_reason_en")
    causes = {
        "2025-101": ("indicator", filled.keys["measured"], None, "Kept"),
        "2025-102": ("milestone", None, the_milestone(filled, title_en="Done"), "Kept"),
        "2025-103": ("pilot", None, None, "Kept"),
    }
    for number, cause in causes.items():
        key = filled.keys[number]
        assert filled.row("FollowUp", key, *names) == cause
        past = filled.rows("HistoricalFollowUp").filter(id=key).order_by("history_id")
        assert {*past.values_list(*names)} == {cause}
        assert past.count() == (1 if number == "2025-101" else 2)


def test_every_entry_has_its_event_and_every_event_its_entry(filled: Filled) -> None:
    for model in ("amendment", "attachment", "completion", "milestone", "pilot", "reading", "stageentry", "target"):
        events = filled.rows("core.ChangeEvent").filter(model=f"pilots.{model}", entry_id__gt=0)
        entries = filled.rows(f"historical{model}")
        assert {*events.values_list("record_id", "entry_id", "action")} == {
            *entries.values_list("id", "history_id", "history_type")
        }, model


def test_shipped_records_do_not_count_as_edited(filled: Filled) -> None:
    shipped = filled.rows("core.SeedRecord").filter(kind__in=["batches", "stages", "targets", "indicators"])
    models = {"batches": "Batch", "stages": "StageEntry", "targets": "Target", "indicators": "Indicator"}
    for kind, key in shipped.values_list("kind", "record_id"):
        entries = filled.rows(f"Historical{models[kind]}").filter(id=key)
        assert not entries.filter(history_change_reason="model of 1.0.0").exists(), (kind, key)


def test_imports_are_checked_again_and_not_undone(filled: Filled) -> None:
    imports = filled.rows("core.Import").order_by("pk").values_list("state", "undo_reason")
    kept = ("confirmed", "model of 1.0.0")
    assert list(imports)[:3] == [kept, kept, kept]
    assert [state for state, _reason in imports][3:] == ["undone", "checked"]
    [report] = filled.rows("core.ImportFile").filter(record__state="checked").values_list("report", flat=True)
    assert (report["fingerprints"], len(report["rows"])) == ([], 1)
